"""Run recorded ticks again and look whether the same is decided."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Protocol

from ems.adapters.store.segment import Entry, Gap, JournalError, Outcome, Snapshot, Tick, read, segments
from ems.control.fallback import fallback_decision
from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.instant import Instant
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.units import EPSILON_A

log = logging.getLogger(__name__)


class Decides(Protocol):
    """What makes decisions for one site."""

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        """The same for the same arguments."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay first left the record: the tick's number within its file, and what differs."""

    file: Path
    tick: int
    at: Instant
    what: str
    recorded: object
    computed: object

    def __str__(self) -> str:
        when = f"{self.at.utc:%Y-%m-%d %H:%M:%S.%f}"[:-3]
        return f"{self.file.name}, tick {self.tick} at {when} UTC: {self.what} was {self.recorded}, is {self.computed}"


@dataclass(frozen=True, slots=True)
class Replay:
    """How far it came; `missing` counts ticks that were never recorded, `damage` names files that end early."""

    ticks: int
    missing: int
    difference: Difference | None
    damage: tuple[str, ...] = ()


def replay(
    path: Path,
    controller_of: Callable[[Site], Decides] = Controller.of,
    apply_event: Callable[[SiteState, Event], SiteState] = apply,
) -> Replay:
    """Re-run a journal, a folder or one file of it, up to the first difference.

    Raises JournalError when nothing of it can be read. In a folder, files of another version count as damage.
    """
    files = segments(path)
    if not files:
        raise JournalError(f"{path}: no journal here")
    ticks = missing = 0
    damage: list[str] = []
    for file in files:
        number = 0
        try:
            _, entries = read(file)
            for found in _differences(file, entries, controller_of, apply_event):
                if isinstance(found, Gap):
                    missing += found.ticks
                    continue
                number += 1
                if found is not None:
                    return Replay(ticks + number, missing, found, tuple(damage))
        except JournalError as error:
            if path.is_file() and not number:
                raise
            damage.append(str(error))
        ticks += number
    return Replay(ticks, missing, None, tuple(damage))


def _differences(
    file: Path,
    entries: Iterator[Entry],
    controller_of: Callable[[Site], Decides],
    apply_event: Callable[[SiteState, Event], SiteState],
) -> Iterator[Difference | Gap | None]:
    """One item for each tick, a gap for each gap."""
    state: SiteState | None = None
    memory: Memory | None = None
    controller: Decides | None = None
    number = 0
    for entry in entries:
        if isinstance(entry, Gap):
            yield entry
        elif isinstance(entry, Snapshot):
            if state is None or entry.state.site != state.site:
                controller = controller_of(entry.state.site)
            state, memory = entry
        elif state is None or memory is None or controller is None:
            raise JournalError(f"{file}: a tick without a snapshot before it")
        else:
            number += 1
            state = reduce(partial(_applied, apply_event), entry.events, state)
            decision, memory = _decided(controller, state, memory, entry.at)
            yield _compared(file, number, entry, Outcome.of(decision), state.site)


def _applied(apply_event: Callable[[SiteState, Event], SiteState], state: SiteState, event: Event) -> SiteState:
    """An event that the core refuses is left out, as the loop does it."""
    try:
        return apply_event(state, event)
    except Exception:
        log.exception("replay.event-refused event=%.200r", event)
        return state


def _decided(controller: Decides, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
    """A fault in the core leads to the fallback decision, as the loop does it."""
    try:
        return controller.decide(state, memory, now)
    except Exception:
        log.exception("replay.decision-failed")
        return fallback_decision(state, now), memory


def _compared(file: Path, number: int, tick: Tick, computed: Outcome, site: Site) -> Difference | None:
    recorded = tick.outcome
    pairs = zip(site.evses, recorded.setpoints, computed.setpoints, strict=False)
    for evse, was, now in pairs:
        if abs(was - now) > EPSILON_A:
            return Difference(file, number, tick.at, f"setpoint of {evse.id}", f"{was:g} A", f"{now:g} A")
    for what, old, new in (
        ("the number of setpoints", len(recorded.setpoints), len(computed.setpoints)),
        ("level", recorded.level.name, computed.level.name),
        ("alarms", recorded.alarms, computed.alarms),
        ("vehicles to stop", recorded.stop, computed.stop),
    ):
        if old != new:
            return Difference(file, number, tick.at, what, old, new)
    return None
