"""Who may charge, put together: the porter, the lists of stations, and what is held for whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ems.adapters.ocpp.server import CentralSystem
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.assembly.operations import SiteOperations
from ems.control.memory import Memory
from ems.domain.daybook import Daybook
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.state import SiteState
from ems.ports import Clock
from ems.runtime.admitting_desk import AdmittingDesk
from ems.runtime.list_keeper import ListKeeper
from ems.runtime.loop import Loop
from ems.runtime.porter import Porter
from ems.runtime.usher import Usher
from ems.settings.build import SiteSettings

SAVE_S = 5.0
"""Unknown cards are written so often; a station that sends one a millisecond must not fill the writer's queue."""


def porter_of(settings: SiteSettings, recovered: Recovered, clock: Clock, loop: Loop) -> Porter:
    """The porter, as the run before left it."""
    daybook, remembered = recovered.daybook, recovered.remembered
    porter = Porter(daybook.access, daybook.fleet, settings.doors, clock, lambda: loop.core.state)
    porter.remember(remembered.uses, remembered.cards)
    return porter


class AccessParts(NamedTuple):
    """The parts that say who may charge, besides the stations' links."""

    porter: Porter
    lists: ListKeeper
    usher: Usher
    watch: CardWatch
    desk: AdmittingDesk

    def take_over(self, settings: SiteSettings) -> None:
        """Go on with what the site file says now."""
        self.porter.doors = settings.doors


class CardWatch:
    """An output of the loop: the porter's tick, and cards that nobody knows on their way to the store."""

    def __init__(self, porter: Porter, store: Store) -> None:
        self._porter, self._store = porter, store
        self._saved_at = float("-inf")

    def look(self, events: Sequence[Event], state: SiteState, memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop."""
        self._porter.look(events, state, memory, decision)
        if decision.at.monotonic_s - self._saved_at >= SAVE_S:
            self._saved_at = decision.at.monotonic_s
            if new := self._porter.new_cards():
                self._store.cards.seen(new)


def access_parts(
    porter: Porter, central: CentralSystem, operations: SiteOperations, store: Store, loop: Loop, clock: Clock,
    recovered: Recovered,
) -> AccessParts:  # fmt: skip
    """Everything around the porter; from now on it hears of every change of the daybook, and can end sessions."""
    porter.stop = central.stop

    def follow(daybook: Daybook) -> None:
        if daybook.access is not porter.book:
            porter.book = daybook.access
        if daybook.fleet is not porter.fleet:
            porter.fleet = daybook.fleet

    operations.followers.append(follow)

    def state() -> SiteState:
        return loop.core.state

    lists = ListKeeper(central, porter, clock, state, store.cards.listed, recovered.remembered.lists)
    usher = Usher(central, porter, clock, state, operations.change)
    return AccessParts(porter, lists, usher, CardWatch(porter, store), AdmittingDesk(central, porter, clock))
