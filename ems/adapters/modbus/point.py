"""The parts of a meter model: reads, values, and what proves the model; and how they are taken from plain data."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

from ems.adapters.modbus.plain_data import PlainData

SIZES = {"u16": 1, "s16": 1, "sf": 1, "u32": 2, "s32": 2, "f32": 2, "u64": 4, "s64": 4, "f64": 4}
"""Registers per value of each type; `sf` is a signed power of ten (SunSpec)."""

_PHASE_KINDS = ("voltage", "current", "power", "power_import", "power_export")

POINT_NAMES = (
    *(f"{kind}_l{phase}" for kind in _PHASE_KINDS for phase in (1, 2, 3)),
    "power", "power_import", "power_export", "frequency",
    "energy_import", "energy_import_2", "energy_export", "energy_export_2", "soc", "storage_power",
)  # fmt: skip
"""Every value that is understood; `_2` is a second tariff that adds to the first. `soc` is the state of charge of a
battery as a share of 1; `storage_power` flows into it alone, where the other values are those of an inverter with PV.
"""


class Block(NamedTuple):
    """A read: first register and number of registers."""

    address: int
    size: int

    def holds(self, address: int, size: int) -> bool:
        """Whether a value lies completely within."""
        return self.address <= address and address + size <= self.address + self.size


class Span(NamedTuple):
    """Raw numbers from `low` to `high`, both included."""

    low: int
    high: int

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Point:
    """One value: where it is, of what type, and the factor that makes it V, A, W, Hz, Wh or a share.

    `factor` names the point that holds a further power of ten.
    """

    name: str
    address: int
    type: str
    scale: float = 1.0
    factor: str | None = None

    @property
    def size(self) -> int:
        """Number of registers."""
        return SIZES[self.type]

    @property
    def is_needed(self) -> bool:
        """Whether there is no reading without this value: voltage, current and power of a phase."""
        return self.name[:-1].endswith("_l")


@dataclass(frozen=True, slots=True)
class Identity:
    """A register that proves the model: its raw number lies in one of the spans."""

    address: int
    type: str
    values: tuple[Span, ...]


def points_of(data: PlainData) -> dict[str, Point]:
    """The values by name."""
    listed = data.raw("points")
    if not isinstance(listed, Mapping):
        data.complain("points", "needs a mapping of name: [address, type, scale]")
        return {}
    points = {}
    for name, entry in listed.items():
        point = _point(str(name), entry, POINT_NAMES)
        if isinstance(point, str):
            data.complain(f"points.{name}", point)
        else:
            points[point.name] = point
    return points


def point_of(data: PlainData, name: str) -> Point | None:
    """The value of that very name, with a factor of its own; None when there is none, or a wrong one."""
    if name not in data:
        return None
    point = _point(name, data.raw(name), (name,))
    if isinstance(point, Point) and point.factor is None and point.type != "sf":
        return point
    data.complain(name, point if isinstance(point, str) else "its scale must be a number")
    return None


def _point(name: str, entry: object, known: Sequence[str]) -> Point | str:
    """The point, or what is wrong with it."""
    if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) not in {2, 3}:
        return f"needs [address, type, scale], got {entry!r}"
    address, kind, scale = (*entry, 1)[:3]
    if name not in known and not name.endswith("_sf"):
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
        return f"is not a known value: {hint}"
    if not _is_whole(address) or not 0 <= address <= 0xFFFF:
        return f"address must be 0 to 65535, got {address!r}"
    if not isinstance(kind, str) or kind not in SIZES:
        return f"type must be one of {', '.join(SIZES)}, got {kind!r}"
    if isinstance(scale, str):
        return Point(name, address, kind, 1.0, scale)
    if not isinstance(scale, (int, float)) or isinstance(scale, bool) or not 0 < abs(scale) <= 1e9:
        return f"scale must be a number that is not 0, or the name of a point of type sf, got {scale!r}"
    return Point(name, address, kind, float(scale))


def blocks_of(data: PlainData, key: str) -> tuple[Block, ...]:
    """A list of [first register, count]."""
    blocks = []
    for entry in data.items(key):
        if (
            isinstance(entry, Sequence)
            and len(entry) == 2
            and all(_is_whole(number) for number in entry)
            and 0 <= entry[0] <= 0xFFFF
            and 1 <= entry[1] <= 0x10000 - entry[0]
        ):
            blocks.append(Block(int(entry[0]), int(entry[1])))
        else:
            data.complain(key, f"needs [first register, number of registers] within 0 to 65535, got {entry!r}")
    return tuple(blocks)


def numbers_of(data: PlainData, key: str) -> tuple[int, ...]:
    """A list of whole numbers."""
    numbers = data.items(key)
    wrong = [number for number in numbers if not _is_whole(number)]
    if wrong:
        data.complain(key, f"needs whole numbers, got {wrong[0]!r}")
    return tuple(number for number in numbers if isinstance(number, int))


def invalid_of(data: PlainData) -> dict[str, tuple[Span, ...]]:
    """For each type the raw numbers that mean "not available"."""
    return {kind: _spans(data, kind, kind) for kind in SIZES if kind in data}


def identity_of(data: PlainData, key: str = "identify") -> Identity | None:
    """The register that proves the model, or whatever else `key` says a register must prove."""
    if key not in data:
        return None
    inner = data.inner(key, ("address", "type", "values"))
    kind = inner.choice("type", ("u16", "u32", "u64"))
    spans = _spans(inner, "values", kind)
    if not spans:
        inner.complain("values", "needs at least one raw number")
    return Identity(inner.whole("address", 0, 0xFFFF), kind, spans)


def _spans(data: PlainData, key: str, kind: str) -> tuple[Span, ...]:
    spans = []
    highest = (1 << 16 * SIZES[kind]) - 1
    for entry in data.items(key):
        match = _RANGE.fullmatch(entry) if isinstance(entry, str) else None
        if _is_whole(entry):
            low = high = entry
        elif match:
            low, high = int(match[1], 0), int(match[2], 0)
        else:
            data.complain(key, f"needs whole numbers or 'low..high', got {entry!r}")
            continue
        if 0 <= low <= high <= highest:
            spans.append(Span(int(low), int(high)))
        else:
            data.complain(key, f"raw numbers of {kind} are 0 to {highest:#x}, low before high; got {entry!r}")
    return tuple(spans)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_RANGE = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)\.\.(0[xX][0-9a-fA-F]+|[0-9]+)")
