"""The shape of `site.yaml`: which keys each section has, of which type, with which default.

Only what one value can tell by itself is checked here; what needs two values is in `checks`. A field's description
says in one clause what belongs there: it is the remedy when the key is missing or of the wrong type.
"""

from __future__ import annotations

import ipaddress
import math
import re
import zoneinfo
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError

from ems.domain.access.book import AccessMode
from ems.domain.limit import LimitWindow
from ems.domain.meter import MeterRole, OnLoss
from ems.domain.phases import Phase, PhaseAmps, Wiring
from ems.settings.hints import as_number, similar

PROBLEM = "problem"
"""Type of the errors that bring their own message and remedy."""

AUTO = "auto"
"""The station model that is recognised when the station boots."""


EVERY_NETWORK = str(ipaddress.IPv4Address(0))
"""Stations are never on this machine, so they are listened for on all its networks unless one is written."""


def problem(message: str, remedy: str) -> PydanticCustomError:
    """An error of a validator with its remedy."""
    return PydanticCustomError(PROBLEM, "{message}", {"message": message, "remedy": remedy})


@dataclass(frozen=True, slots=True)
class PerPhase:
    """A current per phase, as written; `uniform` when it was one number for every phase of its circuit."""

    amps: Mapping[Phase, float]
    uniform: bool

    @classmethod
    def parse(cls, value: Any) -> PerPhase:
        """Read a number or {L1: …, L2: …, L3: …}; raises PydanticCustomError."""
        example = "write a number in ampere, or {L1: 63, L2: 63, L3: 50}"
        if not isinstance(value, Mapping):
            return cls(dict.fromkeys(Phase, _amps(value, example)), uniform=True)
        for name in value:
            if name not in Phase.__members__:
                raise problem(f"'{str(name)[:40]}' is not a phase", example)
        if not value:
            raise problem("names no phase", example)
        return cls({Phase[name]: _amps(amps, example) for name, amps in value.items()}, uniform=False)

    def on(self, phases: Collection[Phase]) -> PhaseAmps:
        """The current of each of `phases`, 0 on the others."""
        on = [self.amps.get(phase, 0.0) if phase in phases else 0.0 for phase in Phase]
        return (on[0], on[1], on[2])


def _amps(value: Any, example: str) -> float:
    if isinstance(value, str) and (number := as_number(value)) is not None:
        raise problem(f"'{value}' is text, not a number", f"write the number alone: {number:g}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise problem(f"{_shown(value)} is not a current", example)
    if value < 0:
        raise problem(f"{value:g} is negative", example)
    return float(value)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"'{str(value)[:40]}'"


def _wiring(value: Any) -> Wiring:
    example = "write 'L1', 'L1 L2 L3', a rotation as 'L2 L3 L1', or 'L1-L2'"
    if isinstance(value, list) and all(isinstance(leg, str) for leg in value):
        raise problem("a list is not a wiring", f"write it without brackets and commas: {' '.join(value)[:40]}")
    if not isinstance(value, str):
        raise problem(f"{_shown(value)} is not a wiring", example)
    try:
        return Wiring.parse(value)
    except ValueError as error:
        message, _, remedy = str(error).partition(": ")
        raise problem(message[:80], remedy or example) from None


def _phases(value: Any) -> tuple[Phase, ...]:
    """Phases in any order, with blanks, commas or dashes between them, each once."""
    example = "write for example 'L1', 'L1 L2' or 'L2 L3 L1'"
    words = re.split(r"[\s,-]+", value.strip().upper()) if isinstance(value, str) else []
    if not words or any(word not in Phase.__members__ for word in words):
        raise problem(f"{_shown(value)} does not name phases", example)
    if len(set(words)) != len(words):
        raise problem(f"'{value[:40]}' names a phase twice", example)
    return tuple(Phase[word] for word in words)


def _timezone(value: Any) -> str:
    remedy = "write the IANA name of the region, for example Europe/Berlin"
    if not isinstance(value, str):
        raise problem(f"{_shown(value)} is not a time zone", remedy)
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = similar(value, sorted(zoneinfo.available_timezones()))
        remedy = f"did you mean '{near}'?" if near else remedy
        raise problem(f"'{value[:40]}' is not a time zone", remedy) from None
    return value


def _currency(value: Any) -> str:
    word = value if isinstance(value, str) else ""
    if re.fullmatch(r"[A-Z]{3}", word):
        return word
    known = word.upper() if re.fullmatch(r"[A-Za-z]{3}", word) else CURRENCIES.get(word)
    remedy = f"write currency: {known}" if known else "write its three letters, for example EUR"
    raise problem(f"{_shown(value)} is not a currency", remedy)


CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "kr": "SEK"}


def _host(value: Any) -> str:
    remedy = "write an address as 10.0.0.10 or a host name"
    if not isinstance(value, str):
        raise problem(f"{_shown(value)} is not an address", remedy)
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    if re.fullmatch(r"[^:/]+:\d+", value):
        raise problem(f"'{value[:60]}' contains the port", "write host and port as two keys")
    labels = value.rstrip(".").split(".")
    looks_numeric = labels[-1].isdigit()
    if looks_numeric or len(value) > 253 or not all(re.fullmatch(r"[A-Za-z0-9_]([\w-]{0,61}\w)?", x) for x in labels):
        raise problem(f"'{value[:60]}' is not an address", remedy)
    return value


def _host_names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    return tuple(_host(name) for name in names)


def _when(value: Any) -> str:
    example = "write for example 'Mon-Fri 17:00-20:00'"
    if not isinstance(value, str) or not value.strip():
        raise problem(f"{_shown(value)} is not a time of the week", example)
    try:
        LimitWindow.parse_when(value)
    except ValueError as error:
        message, _, remedy = str(error).partition(": ")
        raise problem(message[:80], remedy or example) from None
    return value


def _outlet(value: Any) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", str(value)):
        raise problem(f"'{value}' is not an outlet number", "number the outlets of a station 1, 2, … as it does itself")
    return int(value)


def _switching(value: Any) -> bool | None:
    if value == AUTO or value is None:
        return None
    if not isinstance(value, bool):
        raise problem(f"{_shown(value)} does not say whether phases are switched", "write true, false or auto")
    return value


EXPONENTS = {80.0: "8E1", 800.0: "8E2", 70.0: "7E1", 700.0: "7E2"}
"""Serial frames that YAML takes for numbers in powers of ten."""


def _frame(value: Any) -> str:
    if isinstance(value, float):
        value = EXPONENTS.get(value, value)
    if not isinstance(value, str) or not re.fullmatch(r"[78][NEO][12]", value.upper()):
        raise problem(f"{_shown(value)} is not a serial frame", "write 8N1, 8E1, 8O1 or 8N2")
    return value.upper()


Amps = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
TimeZone = Annotated[str, PlainValidator(_timezone)]
Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, PlainValidator(_host)]
HostNames = Annotated[tuple[str, ...], PlainValidator(_host_names)]
PhaseAmpsAsWritten = Annotated[PerPhase, PlainValidator(PerPhase.parse)]
PhaseNames = Annotated[tuple[Phase, ...], PlainValidator(_phases)]


class Section(BaseModel):
    """What all sections share: no unknown keys, no guessing of types, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SiteSection(Section):
    """`site:`"""

    name: Name = Field(description="what people call the site")
    timezone: TimeZone = Field(description="IANA name, for example Europe/Berlin")
    currency: Annotated[str, PlainValidator(_currency)] = Field("EUR", description="three letters as EUR")
    voltage_v: Positive = Field(230.0, description="volt between phase and neutral, for example 230 or 120")


class CircuitSection(Section):
    """One entry of `circuits:`."""

    parent: Name | None = Field(None, description="the circuit that feeds it; only the grid connection has none")
    rating_a: PhaseAmpsAsWritten = Field(description="what its fuse or breaker carries, ampere per phase")
    phases: PhaseNames | None = Field(None, description="the phases it has, when not all three")
    margin_a: Amps = Field(0.0, description="ampere per phase to keep free")
    meter: Name | None = Field(None, description="the id of the meter that measures the whole circuit")
    base_load_max_a: PhaseAmpsAsWritten | None = Field(
        None, description="the most that anything but the EVSEs may draw, ampere per phase"
    )
    generation_max_a: Amps = Field(0.0, description="the most that flows back from plant behind it, ampere per phase")
    unbalance_max_a: Amps | None = Field(
        None, description="ampere by which the EVSEs may load one phase more than another, for example 20"
    )


class MeterSection(Section):
    """One entry of `meters:`."""

    model: Name = Field(description="the name of a meter model, for example eastron-sdm630")
    host: Host | None = Field(None, description="address of the meter or its gateway")
    port: Port | None = Field(None, description="TCP port, 502 unless stated")
    device: Name | None = Field(None, description="serial device, for example /dev/ttyUSB0")
    unit: Annotated[int, Field(ge=0, le=255)] = Field(1, description="Modbus unit (slave) number")
    framer: Name | None = Field(None, description="tcp, or rtu for a gateway that passes serial frames through")
    baud: Annotated[int, Field(ge=300, le=1_000_000)] | None = Field(None, description="serial speed")
    frame: Annotated[str, PlainValidator(_frame)] | None = Field(None, description="serial frame, for example 8N1")
    every_s: Annotated[float, Field(ge=0.2, le=300)] = Field(1.0, description="seconds between readings")
    timeout_s: Annotated[float, Field(gt=0, le=30)] | None = Field(None, description="seconds to wait for an answer")
    role: MeterRole = Field(MeterRole.CIRCUIT, description="circuit, evse, pv or battery")
    circuit: Name | None = Field(None, description="for pv and battery: the circuit it feeds")
    on_loss: OnLoss = Field(OnLoss.FALLBACK, description="fallback or stop")
    invert: bool = Field(False, description="true when it is mounted the wrong way round")
    phases: PhaseNames | None = Field(None, description="the site phases of its L1, L2, L3, for example L2 L3 L1")
    ct_ratio: Positive = Field(1.0, description="factor of current transformers that the meter does not know")


class EvseSection(Section):
    """One entry of a station's `evses:`."""

    max_a: Amps | None = Field(None, description="what it can deliver, ampere per phase")
    phases: Annotated[Wiring, PlainValidator(_wiring)] = Field(
        description="the site phases of its L1, L2, L3 as wired: L1 L2 L3, rotated L2 L3 L1, one phase L2, or L1-L2"
    )
    circuit: Name | None = Field(None, description="when it hangs on another circuit than its station")
    fallback_a: Amps | None = Field(None, description="ampere per phase without the controller, 0 or at least 6")
    meter: Name | None = Field(None, description="the id of a meter of this outlet alone, role evse")
    max_kw: Positive | None = Field(None, description="for DC outlets: kilowatt at the plug")
    dc_efficiency: Annotated[float, Field(ge=0.5, le=1)] | None = Field(
        None, description="for DC outlets: power at the plug over power from the grid, for example 0.94"
    )
    priority: int | None = Field(None, description="class of service, higher goes first")
    phase_switching: Annotated[bool | None, PlainValidator(_switching)] = Field(
        None, description="whether it can be told to use one phase of three: true, false or auto, as its station says"
    )
    access: AccessMode | None = Field(None, description="free for everybody, or tags for known tags only")
    meter_key: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="the public key of its meter, as printed on it: signed meter values are verified with it"
    )
    enabled: bool = Field(True, description="false leaves it out")


class StationSection(Section):
    """One entry of `stations:`; its key is the OCPP identity."""

    circuit: Name | None = Field(None, description="the circuit that feeds it")
    model: Name = Field(AUTO, description="a station model, or auto")
    fallback_a: Amps = Field(6.0, description="ampere per phase without the controller, 0 or at least 6")
    password_file: Name | None = Field(None, description="a file with the password or its hash")
    enabled: bool = Field(True, description="false leaves it out")
    priority: int = Field(0, description="class of service, higher goes first")
    access: AccessMode | None = Field(None, description="free for everybody, or tags for known tags only")
    evses: Annotated[dict[Annotated[int, BeforeValidator(_outlet)], EvseSection], Field(min_length=1)] = Field(
        description="its outlets: {1: {max_a: 32, phases: L1 L2 L3}}"
    )


class LimitSection(Section):
    """One item of `limits:`."""

    circuit: Name | None = Field(None, description="the circuit it holds for")
    evse: Name | None = Field(None, description="the EVSE it holds for, for example CP-01/1")
    max_a: Amps | None = Field(None, description="ampere per phase")
    max_kw: Amps | None = Field(None, description="kilowatt in all")
    when: Annotated[str, PlainValidator(_when)] | None = Field(None, description="for example Mon-Fri 17:00-20:00")
    name: Name | None = Field(None, description="what people call it")


SECTIONS = (
    "site", "circuits", "meters", "batteries", "stations", "limits", "classes", "policy", "calendar", "access",
    "payment", "drivers", "mail", "reports", "tariff", "ocpi", "ocpp", "web", "oidc", "alarms", "webhooks", "mqtt",
)  # fmt: skip
