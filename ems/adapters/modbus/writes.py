"""The registers of a battery that may be written, as data; nothing else is ever written to any device.

The keys below `writes` in a file of `config/meters`:

    power              [address, type, scale] of the setpoint: raw number times scale is W, charging positive; or
    power_l1 …         the same per phase of the device
    range_w            [lowest, highest] in all, W, charging positive; what lies beyond is not written
    repeat_s           written again so often, because the device lets go otherwise
    ends_s             when the device lets go of a setpoint that is not repeated; without it, it never does
    release_w          what to write in order to let go; without it nothing is written any more
    pause_s            between two different setpoints, unless the new one is the smaller power
    allowed_by         {address, type, values}: read before anything is written, and only with one of these raw numbers
                       does the device follow

A setpoint must end by itself or be ended by something that is written: `ends_s` or `release_w` is needed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ems.adapters.modbus.plain_data import PlainData
from ems.adapters.modbus.point import SIZES, Identity, Point, identity_of, point_of

PER_PHASE = ("power_l1", "power_l2", "power_l3")
KEYS = ("power", *PER_PHASE, "range_w", "repeat_s", "ends_s", "release_w", "pause_s", "allowed_by")

LEAST_REPEATS = 2
"""So often a setpoint is repeated before the device lets go, so that one lost write does no harm."""

_FORMATS = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f", "u64": ">Q", "s64": ">q", "f64": ">d"}


@dataclass(frozen=True, slots=True)
class Writes:
    """How a battery is told a power: in one setpoint, or in one per phase."""

    setpoints: tuple[Point, ...]
    lowest_w: float
    highest_w: float
    repeat_s: float = math.inf
    ends_s: float = math.inf
    release_w: float | None = None
    pause_s: float = 1.0
    allowed_by: Identity | None = None

    def within(self, watts: float) -> float:
        """The power nearest to `watts` that may be written."""
        return min(max(watts, self.lowest_w), self.highest_w)


def writes_of(data: PlainData) -> Writes | None:
    """The writable registers of a model; None when it declares none."""
    if "writes" not in data:
        return None
    inner = data.inner("writes", KEYS)
    total, phases = point_of(inner, "power"), [point_of(inner, name) for name in PER_PHASE]
    split = tuple(point for point in phases if point is not None)
    if (total is None) == (not split) or (split and split != tuple(phases[: len(split)])):
        inner.complain("power", "needs one setpoint, or power_l1 and the phases after it")
    low, high = _range(inner)
    repeat_s, ends_s = _seconds(inner, "repeat_s"), _seconds(inner, "ends_s")
    release_w = _watts(inner, "release_w")
    if math.isinf(ends_s) and release_w is None:
        inner.complain("release_w", "is missing, and so is ends_s: nothing would ever end a setpoint")
    if not math.isinf(ends_s) and repeat_s * LEAST_REPEATS > ends_s:
        inner.complain("repeat_s", f"must be at most ends_s / {LEAST_REPEATS}, so that a lost write does no harm")
    pause_s = _seconds(inner, "pause_s")
    return Writes(
        setpoints=(total,) if total is not None else split,
        lowest_w=low,
        highest_w=high,
        repeat_s=repeat_s,
        ends_s=ends_s,
        release_w=release_w,
        pause_s=1.0 if math.isinf(pause_s) else pause_s,
        allowed_by=identity_of(inner, "allowed_by"),
    )


def words_of(point: Point, watts: float, *, little_words: bool) -> tuple[int, ...]:
    """The registers that hold a power. Raises ValueError when the type cannot."""
    value = watts / point.scale
    try:
        raw = struct.pack(_FORMATS[point.type], value if point.type[0] == "f" else round(value))
    except struct.error:
        raise ValueError(f"{watts:g} W does not fit into {point.name} ({point.type})") from None
    words = struct.unpack(f">{SIZES[point.type]}H", raw)
    return words[::-1] if little_words else words


def _range(data: PlainData) -> tuple[float, float]:
    value = data.raw("range_w")
    if isinstance(value, Sequence) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]:
        return float(value[0]), float(value[1])
    data.complain("range_w", f"needs [lowest, highest] in W, charging positive, got {value!r}")
    return 0.0, 0.0


def _seconds(data: PlainData, key: str) -> float:
    value = data.raw(key)
    if value is None:
        return math.inf
    if isinstance(value, int | float) and _is_number(value) and 1 <= value <= 86_400:
        return float(value)
    data.complain(key, f"needs seconds, 1 to 86400, got {value!r}")
    return math.inf


def _watts(data: PlainData, key: str) -> float | None:
    value = data.raw(key)
    if isinstance(value, int | float) and _is_number(value):
        return float(value)
    if value is not None:
        data.complain(key, f"needs a power in W, got {value!r}")
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
