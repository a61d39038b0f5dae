"""A meter model as data: which registers hold what.

The plain mapping that `RegisterMap.from_data` takes is that of a file in `config/meters`; its keys:

    vendor, models     for people
    function_code      3 (holding) or 4 (input) for everything
    word_order         big (high word first) or little, for values of more than one register
    conductors         how many phases it measures, 1 to 3
    default            {unit, port} and/or {unit, baud, frame}: as it leaves the factory
    limits             {max_registers: per read, silent_ms: before each request}
    currents           unsigned (magnitudes, the direction is that of the phase power) or signed
    power_sign         import or export: what a positive power means
    frequency_varies   true where firmwares disagree about its decimal point
    sunspec            list of model numbers; addresses then count from the header of the first of these in the chain
    fast, slow         [first register, count] of the reads each period, and of the reads each ten seconds
    points             name: [address, type, scale]; scale turns the raw number into V, A, W, Hz, Wh, a share of 1, or
                       names a point of type sf that holds a power of ten
    invalid            type: raw numbers (or 'low..high') that mean "not available"
    identify           {address, type, values}: what proves the model
    writes             of a battery, the only registers that are ever written (see `writes`)

Addresses are wire addresses: 0-based, decimal. All of it is checked, and every problem is reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from ems.adapters.modbus.plain_data import PlainData
from ems.adapters.modbus.point import (
    SIZES,
    Block,
    Identity,
    Point,
    Span,
    blocks_of,
    identity_of,
    invalid_of,
    numbers_of,
    points_of,
)
from ems.adapters.modbus.writes import Writes, writes_of

KEYS = (
    "vendor", "models", "function_code", "word_order", "conductors", "default", "limits", "currents", "power_sign",
    "frequency_varies", "sunspec", "fast", "slow", "points", "invalid", "identify", "writes",
)  # fmt: skip

SUNSPEC_BASES = (40000, 50000, 0)
"""Where a chain of SunSpec models may begin; the first is by far the most common."""

MAX_REGISTERS = 125
"""Per read (Modbus application protocol 6.3)."""


@dataclass(frozen=True, slots=True)
class Default:
    """How the meter leaves the factory; None where it has no such interface."""

    unit: int | None = None
    port: int | None = None
    baud: int | None = None
    frame: str | None = None


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """One meter model."""

    name: str
    vendor: str
    models: str
    function_code: int
    little_words: bool
    conductors: int
    points: Mapping[str, Point]
    fast: tuple[Block, ...]
    slow: tuple[Block, ...] = ()
    default: Default = field(default_factory=Default)
    pause_s: float = 0.0
    max_registers: int = MAX_REGISTERS
    signed_currents: bool = False
    export_positive: bool = False
    frequency_varies: bool = False
    sunspec: tuple[int, ...] = ()
    invalid: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    identity: Identity | None = None
    writes: Writes | None = None

    @classmethod
    def from_data(cls, name: str, data: object) -> RegisterMap:
        """Check and build a model from plain data. Raises RegisterMapError with every problem."""
        problems: list[str] = []
        built = cls._built(name, PlainData(data, KEYS, problems))
        if not problems:
            problems += built._contradictions()
        if problems:
            raise RegisterMapError(name, tuple(problems))
        return built

    @classmethod
    def _built(cls, name: str, data: PlainData) -> RegisterMap:
        limits = data.inner("limits", ("max_registers", "silent_ms"))
        return cls(
            name=name,
            vendor=data.text("vendor"),
            models=data.text("models"),
            function_code=data.whole("function_code", 3, 4),
            little_words=data.choice("word_order", ("big", "little")) == "little",
            conductors=data.whole("conductors", 1, 3),
            points=points_of(data),
            fast=blocks_of(data, "fast"),
            slow=blocks_of(data, "slow"),
            default=_default(data.inner("default", ("unit", "port", "baud", "frame"))),
            pause_s=limits.whole("silent_ms", 0, 5000, 0) / 1000.0,
            max_registers=limits.whole("max_registers", 2, MAX_REGISTERS, MAX_REGISTERS),
            signed_currents=data.choice("currents", ("unsigned", "signed"), "unsigned") == "signed",
            export_positive=data.choice("power_sign", ("import", "export"), "import") == "export",
            frequency_varies=data.flag("frequency_varies"),
            sunspec=numbers_of(data, "sunspec"),
            invalid=invalid_of(data.inner("invalid", tuple(SIZES))),
            identity=identity_of(data),
            writes=writes_of(data),
        )

    def _contradictions(self) -> list[str]:
        """What is wrong between the keys."""
        found = [f"points: current_l{n} is missing" for n in self._phases if f"current_l{n}" not in self.points]
        for kind in ("voltage", "power", "power_import", "power_export"):
            names = [f"{kind}_l{n}" for n in self._phases]
            have = [name for name in names if name in self.points]
            if 0 < len(have) < len(names):
                missing = ", ".join(name for name in names if name not in have)
                found.append(f"points: {missing} missing beside {', '.join(have)}: give all phases or none")
        for block in (*self.fast, *self.slow):
            if block.size > self.max_registers:
                found.append(f"block {list(block)} is longer than limits.max_registers {self.max_registers}")
        if not self.fast:
            found.append("fast: needs at least one [first register, count]")
        for point in self.points.values():
            found += self._misplaced(point)
        for one, other in combinations(self.points.values(), 2):
            if (one.address, one.type) != (other.address, other.type) and _overlap(one, other):
                found.append(f"points: {one.name} and {other.name} share a register")
        if self.writes is not None and self.sunspec:
            found.append(
                "writes: their addresses would have to count from a header; give them to a model without sunspec"
            )
        if self.writes is not None and len(self.writes.setpoints) > self.conductors:
            found.append(f"writes: a setpoint per phase, but there are only {self.conductors} conductors")
        return found

    @property
    def _phases(self) -> range:
        return range(1, self.conductors + 1)

    def _misplaced(self, point: Point) -> list[str]:
        found = []
        home = next((b for b in (*self.fast, *self.slow) if b.holds(point.address, point.size)), None)
        where = f"points.{point.name}: registers {point.address} to {point.address + point.size - 1}"
        if home is None:
            found.append(f"{where} lie in no block; add one to fast or slow that holds them completely")
        elif home not in self.fast and point.name.startswith(("current", "voltage", "power")):
            found.append(f"{where} are read slowly; this value is needed each period, so move it to a fast block")
        if point.name[-1] in "23" and point.name[-2] == "l" and int(point.name[-1]) > self.conductors:
            found.append(f"points.{point.name}: there are only {self.conductors} conductors")
        if point.factor is not None:
            power = self.points.get(point.factor)
            if power is None or power.type != "sf":
                found.append(f"points.{point.name}: {point.factor!r} is not a point of type sf")
            elif home is not None and not home.holds(power.address, power.size):
                found.append(f"points.{point.name}: {point.factor} may change, so it must be in the same block")
        return found

    def reads(self, block: Block, withheld: Collection[int]) -> tuple[Block, ...] | None:
        """How to read a block without a read of a length in `withheld`.

        Whole if that is allowed, else in as few pieces as possible that begin and end with a value; None when there
        is no way.
        """
        if block.size not in withheld:
            return (block,)
        inside = {point.address: point for point in self.points.values() if block.holds(point.address, point.size)}
        points = [inside[address] for address in sorted(inside)]
        best: list[tuple[Block, ...] | None] = [()]
        for first in reversed(range(len(points))):
            ways = []
            for last in range(first, len(points)):
                piece = _piece(points[first : last + 1])
                rest = best[len(points) - 1 - last]
                if piece is not None and piece.size not in withheld and rest is not None:
                    ways.append((piece, *rest))
            best.append(min(ways, key=len, default=None))
        return best[-1]

    @property
    def can_be_proven(self) -> bool:
        """Whether there is something by which to recognise the model; others are believed to be what they should."""
        return self.identity is not None or bool(self.sunspec)

    def needs(self, block: Block) -> bool:
        """Whether there is no reading without this block."""
        return any(point.is_needed and block.holds(point.address, point.size) for point in self.points.values())

    def moved(self, by: int) -> RegisterMap:
        """The same map with its values shifted, for devices that say themselves where they begin."""
        return replace(
            self,
            points={name: replace(point, address=point.address + by) for name, point in self.points.items()},
            fast=tuple(Block(block.address + by, block.size) for block in self.fast),
            slow=tuple(Block(block.address + by, block.size) for block in self.slow),
        )


class RegisterMapError(ValueError):
    """A meter model that cannot be used; `problems` names each key and the remedy."""

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(f"meter model {name}: {problem}" for problem in problems))
        self.problems = problems


def _default(data: PlainData) -> Default:
    frame = data.raw("frame")
    if frame is not None and not (isinstance(frame, str) and re.fullmatch("[78][NEO][12]", frame)):
        text = "needs data bits, parity, stop bits in quotes, as '8E1' (bare, YAML reads the number 80)"
        data.complain("frame", f"{text}, got {frame!r}")
        frame = None
    return Default(
        unit=data.whole("unit", 0, 255) if "unit" in data else None,
        port=data.whole("port", 1, 65535) if "port" in data else None,
        baud=data.whole("baud", 300, 1_000_000) if "baud" in data else None,
        frame=frame,
    )


def _piece(points: Sequence[Point]) -> Block | None:
    """The read that holds these values and nothing around them; None when it would lack a scale factor."""
    names = {point.name for point in points}
    if any(point.factor is not None and point.factor not in names for point in points):
        return None
    return Block(points[0].address, points[-1].address + points[-1].size - points[0].address)


def _overlap(one: Point, other: Point) -> bool:
    return one.address < other.address + other.size and other.address < one.address + one.size
