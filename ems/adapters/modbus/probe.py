"""What hangs on a bus, and what do its registers say? For the person with the cable in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ems.adapters.modbus.address import Bus, Framing, MeterAddress, SerialBus, TcpBus
from ems.adapters.modbus.decode import Image, Value, decode, fingerprint, image_of, value_of
from ems.adapters.modbus.error import LinkError, NoAnswerError, NotConnectedError, RefusedError
from ems.adapters.modbus.identity import WrongDeviceError, identify
from ems.adapters.modbus.late import LATE_S
from ems.adapters.modbus.link import Link
from ems.adapters.modbus.point import Block, Point
from ems.adapters.modbus.reading import Doubt, meter_reading
from ems.adapters.modbus.register_map import RegisterMap
from ems.domain.meter import MeterReading
from ems.domain.phases import Phase

COMMON_LINES = ((9600, "8N1"), (19200, "8E1"), (9600, "8E1"), (19200, "8N1"), (19200, "8N2"), (38400, "8N1"),
                (115200, "8N1"), (2400, "8N1"))  # fmt: skip
"""Speeds and frames that meters leave the factory with, the most common first."""
UNANSWERED_TO_GIVE_UP = 3
POINTS_OF_IDENTITY = 1000
POINTS_OF_PLAUSIBILITY = 100

UNITS = {"voltage": "V", "current": "A", "power": "W", "frequency": "Hz", "energy": "Wh", "soc": "", "storage": "W"}
"""By the first word of a value's name; a state of charge is a share of 1."""

Registers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a meter model fits what answers: the higher the score the better; `note` for people."""

    model: str
    score: int
    note: str
    reading: MeterReading | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that answers, and the models that fit it, best first."""

    bus: Bus
    unit: int
    fits: tuple[Fit, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search brought: what was tried with which result, and what was found."""

    tried: tuple[tuple[Bus, str], ...]
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a model: raw registers as hexadecimal words, and what they mean."""

    name: str
    address: int
    type: str
    raw: str
    value: Value
    unit: str


@dataclass(frozen=True, slots=True)
class Table:
    """All values of one meter, and the reading that they make, or why they make none."""

    model: str
    rows: tuple[Row, ...]
    outcome: MeterReading | Doubt


def buses_at(place: str, port: int = 502) -> tuple[Bus, ...]:
    """The ways in which something could answer there: a path is a serial device, everything else a host."""
    if place.startswith("/") or place.upper().startswith("COM"):
        return tuple(SerialBus(place, baud, frame) for baud, frame in COMMON_LINES)
    return (TcpBus(place, port), TcpBus(place, port, Framing.RTU))


def likely_units(models: Iterable[RegisterMap]) -> tuple[int, ...]:
    """The units at which meters are usually found: those of the factory, and the first ten."""
    factory = {model.default.unit for model in models if model.default.unit}
    return tuple(sorted(factory | set(range(1, 11))))


async def search(
    buses: Sequence[Bus],
    units: Sequence[int],
    models: Sequence[RegisterMap],
    *,
    timeout_s: float = 0.4,
    tell: Callable[[str], None] = lambda _: None,
) -> Search:
    """Ask every unit, one bus setting after the other until somebody answers, and fit the models to each that does.

    `tell` hears what is being tried. Units that do not answer cost two time-outs each.
    """
    tried: list[tuple[Bus, str]] = []
    for bus in buses:
        tell(f"{bus}: asking {len(units)} units")
        link = Link(bus, timeout_s=timeout_s, pause_s=0.02, searching=True)
        try:
            answering = [unit for unit in units if await _is_there(link, unit)]
            found = [Found(bus, unit, await _fits(link, unit, models)) for unit in answering]
        except NotConnectedError as error:
            tried.append((bus, str(error)))
            continue
        finally:
            await link.close()
        tried.append((bus, f"{len(answering)} of {len(units)} units answer"))
        if found:
            return Search(tuple(tried), tuple(found))
    return Search(tuple(tried), ())


async def table(
    bus: Bus,
    unit: int,
    model: RegisterMap,
    *,
    timeout_s: float = 1.0,
    nominal_v: float = 230.0,
    installed: MeterAddress | None = None,
) -> Table:
    """Read every value of one meter; the reading that they make is of one that is `installed` so, else of any. Raises
    LinkError or WrongDeviceError when nothing can be read.
    """
    link = Link(bus, timeout_s=timeout_s, pause_s=model.pause_s, searching=True)
    try:
        ask = _asking(link, unit, model.function_code)
        placed = await identify(model, ask)
        blocks = {block: await ask(*block) for block in placed.fast}
        for block in placed.slow:
            try:
                blocks[block] = await ask(*block)
            except RefusedError:
                continue
    finally:
        await link.close()
    image = image_of(blocks)
    outcome = _outcome(placed, installed or _any(placed, bus, unit, nominal_v), blocks)
    return Table(model.name, _rows(placed, image), outcome)


def render_search(search: Search) -> str:
    """The search as text, with the line to copy into site.yaml."""
    lines = [f"{bus}: {result}" for bus, result in search.tried]
    if not search.found:
        lines.append("Nothing answers. Check wiring, termination, unit and that nobody else holds the connection.")
    for found in search.found:
        lines.append(f"\nunit {found.unit} at {found.bus}")
        if not found.fits:
            lines.append("  answers, but no known meter model fits")
        for fit in found.fits[:6]:
            lines.append(f"  {fit.model:<26} {fit.note}")
        if found.fits and found.fits[0].reading is not None:
            settings = f"model: {found.fits[0].model}, {_settings(found.bus)}, unit: {found.unit}"
            lines.append(f"  site.yaml:  main: {{{settings}}}")
    return "\n".join(lines)


def render_table(table: Table) -> str:
    """The values as text, one line each, and what they make together."""
    lines = [f"{'value':<18} {'register':>8} {'type':<5} {'raw':<20} decoded"]
    for row in table.rows:
        value = f"{row.value:.6g} {row.unit}" if isinstance(row.value, float) else str(row.value or "not read")
        lines.append(f"{row.name:<18} {row.address:>8} {row.type:<5} {row.raw:<20} {value}")
    if isinstance(table.outcome, Doubt):
        lines.append(f"\nnot usable: {table.outcome.reason}")
    else:
        lines.append(f"\nusable as {table.model}: {_amps(table.outcome)}")
    return "\n".join(lines)


def _asking(link: Link, unit: int, function_code: int) -> Callable[[int, int], Awaitable[Registers]]:
    return lambda address, count: link.read(function_code, unit, address, count)


async def _is_there(link: Link, unit: int) -> bool:
    """Whether anything answers; an exception is an answer, unless a gateway gives it for somebody who is not there."""
    for function_code, count in ((3, 2), (4, 4)):
        try:
            await link.read(function_code, unit, 0, count)
        except RefusedError as refusal:
            return not refusal.by_gateway
        except LinkError as error:
            if isinstance(error, NotConnectedError) and link.generation == 0:
                raise
            continue
        return True
    return False


async def _fits(link: Link, unit: int, models: Sequence[RegisterMap]) -> tuple[Fit, ...]:
    known = _KnownReads(link, unit)
    fits = []
    for model in models:
        if known.unanswered >= UNANSWERED_TO_GIVE_UP:
            break
        fit = await _fit(known, link.bus, unit, model)
        if fit is not None:
            fits.append(fit)
    return tuple(sorted(fits, key=lambda fit: -fit.score))


async def _fit(known: _KnownReads, bus: Bus, unit: int, model: RegisterMap) -> Fit | None:
    """How well one model fits; None when its registers are not there or hold something else."""

    async def ask(address: int, count: int) -> Registers:
        return await known.read(model.function_code, address, count)

    try:
        placed = await identify(model, ask)
        blocks = {block: await ask(*block) for block in placed.fast}
    except (LinkError, WrongDeviceError):
        return None
    proven = model.can_be_proven
    score = POINTS_OF_IDENTITY * proven + len(placed.points)
    outcome = _outcome(placed, _any(placed, bus, unit, _nominal(placed, image_of(blocks))), blocks)
    if isinstance(outcome, MeterReading):
        return Fit(model.name, score + POINTS_OF_PLAUSIBILITY, f"fits: {_amps(outcome)}", outcome)
    swapped = replace(placed, little_words=not placed.little_words)
    other = _outcome(swapped, _any(swapped, bus, unit, _nominal(swapped, image_of(blocks))), blocks)
    if isinstance(other, MeterReading):
        order = "low" if swapped.little_words else "high"
        return Fit(model.name, score, f"would fit with the {order} word first: turn the word order on the meter")
    return Fit(model.name, score, f"proven, but {outcome.reason}") if proven else None


class _KnownReads:
    """Reads of one unit, each made once: many models share their registers."""

    def __init__(self, link: Link, unit: int) -> None:
        self._link = link
        self._unit = unit
        self._answers: dict[tuple[int, int, int], Registers | LinkError] = {}
        self.unanswered = 0

    async def read(self, function_code: int, address: int, count: int) -> Registers:
        """Read, or repeat the earlier answer."""
        key = (function_code, address, count)
        if key not in self._answers:
            self._answers[key] = await self._ask(*key)
        answer = self._answers[key]
        if isinstance(answer, LinkError):
            raise answer
        return answer

    async def _ask(self, function_code: int, address: int, count: int) -> Registers | LinkError:
        try:
            return await self._link.read(function_code, self._unit, address, count)
        except NoAnswerError as error:
            self.unanswered += 1
            if self._link.withheld(self._unit):
                await asyncio.sleep(LATE_S)
            return error
        except LinkError as error:
            return error


NOMINAL_V = (230.0, 120.0, 277.0, 400.0, 690.0)


def _nominal(model: RegisterMap, image: Image) -> float:
    """The nominal voltage nearest to what is measured."""
    volts = decode(model, image).get("voltage_l1")
    return min(NOMINAL_V, key=lambda nominal: abs(nominal - volts)) if isinstance(volts, float) else NOMINAL_V[0]


def _any(model: RegisterMap, bus: Bus, unit: int, nominal_v: float) -> MeterAddress:
    """A meter as it is installed while nobody says otherwise."""
    return MeterAddress("probe", bus, unit, phases=tuple(Phase)[: model.conductors], nominal_v=nominal_v)


def _outcome(model: RegisterMap, address: MeterAddress, blocks: dict[Block, Registers]) -> MeterReading | Doubt:
    image = image_of(blocks)
    return meter_reading(model, address, image, 0.0, fingerprint(model, image))


def _rows(model: RegisterMap, image: Image) -> tuple[Row, ...]:
    rows = []
    for point in model.points.values():
        words = [image.get(point.address + offset) for offset in range(point.size)]
        raw = " ".join("----" if word is None else f"{word:04x}" for word in words)
        rows.append(Row(point.name, point.address, point.type, raw, value_of(model, point, image), _unit_of(point)))
    return tuple(rows)


def _unit_of(point: Point) -> str:
    return "" if point.type == "sf" else UNITS[point.name.split("_")[0]]


def _amps(reading: MeterReading) -> str:
    amps = ", ".join(f"{phase.name} {reading.amps[phase]:.2f} A" for phase in Phase)
    return amps if reading.power_w is None else f"{amps}, {reading.power_w / 1000:.2f} kW"


def _settings(bus: Bus) -> str:
    if isinstance(bus, SerialBus):
        return f"device: {bus.device}, baud: {bus.baud}, frame: '{bus.frame}'"
    framing = ", framer: rtu" if bus.framing is Framing.RTU else ""
    return f"host: {bus.host}, port: {bus.port}{framing}"
