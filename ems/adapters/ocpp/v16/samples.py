"""Reading MeterValues (section 6.31, 7.14, 7.16): every sample that can be understood is used, one by one."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, NamedTuple

import msgspec

from ems.adapters.ocpp.v16.labels import (
    CURRENT,
    IGNORED,
    OFFERED,
    POWER,
    REGISTER,
    SOC,
    Quantity,
    meanings,
)
from ems.domain.measurement import ReportedAmps
from ems.domain.phases import MAX_LEGS

MAX_SAMPLES = 512
"""Beyond this a message is not meter values but an attack; the rest is ignored."""

MAX_LABEL = 64

Label = Annotated[str, msgspec.Meta(max_length=MAX_LABEL)] | None
"""A label that may be remembered. A message with others is taken apart by hand."""


class SampledValue(msgspec.Struct, gc=False):
    """One sample; nothing is assumed about its value, stations differ."""

    value: Any = None
    measurand: Label = None
    phase: Label = None
    unit: Label = None
    context: Label = None
    format: Label = None
    location: Label = None


class MeterValue(msgspec.Struct):
    """Samples taken at one time."""

    timestamp: Any = None
    sampled_value: list[SampledValue] = msgspec.field(default_factory=list, name="sampledValue")


class MeterValuesRequest(msgspec.Struct):
    """MeterValues.req, section 6.31."""

    connector_id: Any = msgspec.field(default=None, name="connectorId")
    transaction_id: Any = msgspec.field(default=None, name="transactionId")
    meter_value: list[MeterValue] = msgspec.field(default_factory=list, name="meterValue")


class Reading(NamedTuple):
    """What one bucket says: `leg_a` per phase as the station counts them, `total_a` without a phase, and so on."""

    timestamp: Any
    leg_a: ReportedAmps | None = None
    total_a: float | None = None
    offered_a: float | None = None
    power_w: float | None = None
    register_wh: float | None = None
    soc_percent: float | None = None
    periodic: bool = True


class Bounds(NamedTuple):
    """What is possible at an EVSE; samples beyond are dropped. `of`: the least and the most of each `Quantity`, by its
    position.
    """

    max_a: float
    max_w: float
    legs: int
    of: tuple[tuple[float, float], ...]

    @classmethod
    def for_outlet(cls, max_a: float, max_w: float, legs: int) -> Bounds:
        """Twice what the outlet is rated for, and some; registers and charge are never negative."""
        amps, watts = 2 * max_a + 10, 2 * max_w + 5000
        of = {
            IGNORED: (-math.inf, math.inf),
            CURRENT: (-amps, amps),
            OFFERED: (-amps, amps),
            POWER: (-watts, watts),
            REGISTER: (0.0, math.inf),
            SOC: (0.0, 100.0),
        }
        return cls(max_a, max_w, legs, tuple(of[quantity] for quantity in Quantity))


_decoder = msgspec.json.Decoder(MeterValuesRequest)


def decode(payload: bytes) -> MeterValuesRequest | None:
    """The message, or None when not even its frame can be understood."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _salvaged(payload)


def _salvaged(payload: bytes) -> MeterValuesRequest | None:
    """Take apart by hand what does not fit: buckets and samples that are objects, wherever they stand."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    if not isinstance(message, dict):
        return None
    buckets = buckets_of(message.get("meterValue", message.get("values")))
    return MeterValuesRequest(message.get("connectorId"), message.get("transactionId"), buckets)


def buckets_of(told: object) -> list[MeterValue]:
    """The buckets of a message that was decoded already; what is no object is left out."""
    return [_bucket(b) for b in (told if isinstance(told, list) else [told]) if isinstance(b, dict)]


def _bucket(bucket: dict[str, Any]) -> MeterValue:
    samples = bucket.get("sampledValue")
    return MeterValue(
        bucket.get("timestamp"),
        [
            SampledValue(s.get("value"), **{name: _label(s.get(name)) for name in _LABELS})
            for s in (samples if isinstance(samples, list) else [samples])
            if isinstance(s, dict)
        ],
    )


_LABELS = SampledValue.__struct_fields__[1:]


def _label(value: object) -> str | None:
    """What is no text or too long is like a label that nobody knows."""
    if value is None:
        return None
    return value if isinstance(value, str) and len(value) <= MAX_LABEL else "?"


def read(bucket: MeterValue, bounds: Bounds, dropped: Counter[str]) -> Reading:
    """The quantities of one bucket; what cannot be used is counted in `dropped` by kind."""
    leg_a: list[float | None] = [None] * MAX_LEGS
    phase_w: dict[int, float] = {}
    found: list[float | None] = [None] * len(Quantity)
    periodic = True
    for sample in bucket.sampled_value[:MAX_SAMPLES]:
        kind, phase, scale, at_boundary = meanings[
            sample.measurand, sample.phase, sample.unit, sample.format, sample.location, sample.context
        ]
        if at_boundary:
            periodic = False
        if kind is IGNORED:
            continue
        told = number(sample.value)
        least, most = bounds.of[kind]
        if told is None or not least <= (value := told * scale) <= most:
            dropped[kind.name.lower()] += 1
        elif kind is OFFERED:
            found[kind] = max(found[kind] or 0.0, value)
        elif phase < 0:
            found[kind] = value
        elif kind is CURRENT:
            leg_a[phase] = abs(value)
        elif kind is POWER:
            phase_w[phase] = value
    _, total_a, offered_a, power_w, register_wh, soc_percent = found
    if power_w is None and phase_w:
        power_w = sum(phase_w.values())
    legs = _legs(leg_a, bounds.legs)
    return Reading(bucket.timestamp, legs, total_a, offered_a, power_w, register_wh, soc_percent, periodic)


_SILENT = [None] * MAX_LEGS


def _legs(amps: list[float | None], legs: int) -> ReportedAmps | None:
    """Currents by the station's phases, None for those it is silent about. One leg takes the current that flows; what
    flows where nothing should be connected may flow on any leg (P05).
    """
    if amps == _SILENT:
        return None
    if legs == MAX_LEGS:
        return tuple(amps)
    if legs == 1:
        return (max([a for a in amps if a is not None]),)
    stray = max([a for a in amps[legs:] if a is not None], default=0.0)
    return tuple([(stray or None) if a is None else max(a, stray) for a in amps[:legs]])


_NUMBER = re.compile(r"[\s'\"]*([+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)[\s'\"]*\Z")


def number(value: object) -> float | None:
    """A finite number from whatever a station writes: '14.8', ' 0.0', "'3'", '1,5', 7; None for the rest."""
    if isinstance(value, str):
        try:
            parsed = float(value)
        except ValueError:
            match = _NUMBER.match(value[:64])
            if match is None:
                return None
            parsed = float(match.group(1).replace(",", "."))
        return parsed if math.isfinite(parsed) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:
            return None
    return None


def moment(value: object, local: tzinfo) -> datetime | None:
    """A UTC time from a station's timestamp; without a zone it is local time (Q107); None when it is not a time."""
    if not isinstance(value, str) or not 8 <= len(value) <= 40:
        return None
    try:
        # As the standard has it, and nearly every station.
        plain = datetime.fromisoformat(value)
        if plain.tzinfo is UTC:
            return plain
    except ValueError:
        pass
    text = value.strip().replace("z", "Z")
    days = 1 if "T24:" in text else 0
    text = text.replace("T24:", "T00:")
    if text.endswith(":60Z"):
        text = text.removesuffix(":60Z") + ":59Z"
    try:
        if text[-3:-2] in {"+", "-"}:
            text += ":00"
        parsed = datetime.fromisoformat(text)
        if days:
            parsed += timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=local)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
