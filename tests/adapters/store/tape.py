"""A scenario whose ticks are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ems.adapters.store.journal import FileJournal
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.instant import Instant
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.ports import controller as ports
from tests.builders import Scenario
from tests.control.installations import SITES


def as_port(journal: FileJournal) -> ports.Journal:
    """Checked by the type checker: the journal is what the core expects."""
    return journal


class _Taping:
    """Decides like the controller inside, and hands every tick to the journal."""

    def __init__(self, scenario: Taped) -> None:
        self._scenario, self._inside = scenario, scenario.controller

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        decision, after = self._inside.decide(state, memory, now)
        self._scenario.journal.append(now, self._scenario.take(), decision, state, after)
        return decision, after


class Taped(Scenario):
    """A scenario on 'two_feeders', recorded from its beginning."""

    def __init__(self, journal: FileJournal, installation: Site | None = None) -> None:
        super().__init__(installation or SITES["two_feeders"])
        self.journal = journal
        self._events: list[Event] = []
        journal.begin(self.state, self.memory)
        self.controller = _Taping(self)  # type: ignore[assignment]  # all that a scenario asks of it is decide
        self.reconnect(*(station.id for station in self.site.stations))

    def tell(self, *events: Event) -> Self:
        self._events += events
        return super().tell(*events)

    def take(self) -> Sequence[Event]:
        """What happened since the last tick."""
        events, self._events = self._events, []
        return events

    def busy(self, seconds: int = 120) -> Self:
        """Vehicles come and go, a meter falls silent, a station drops, a limit is set."""
        third = seconds // 3
        self.car("A1").car("A2", legs=1).car("B1", need=1.0).meter("main", 30, 20, 10).after(third)
        self.meter("main", 80, 60, 40).silent("sub-b").drop("A2").limit("grid", "DSO", a=50, for_s=third).after(third)
        return self.speaks("sub-b").reconnect("A2").unplug("A1").car("A3").after(seconds - 2 * third)
