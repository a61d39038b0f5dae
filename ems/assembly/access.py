"""Who may charge, put together: the porter, the lists of stations, and what is held for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ems.adapters.lists.tags import read_tags, write_tags
from ems.adapters.ocpp.server import CentralSystem
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.assembly.operations import SiteOperations
from ems.control.memory import Memory
from ems.domain.access.admission import Admission, Asked, Usage
from ems.domain.access.book import Doors
from ems.domain.access.card import Card
from ems.domain.access.local_list import ListState
from ems.domain.access.tag import Tag, spellings
from ems.domain.access.tag_list import TagList
from ems.domain.daybook import Daybook
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.remote.outcome import Outcome
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.runtime.admitting_desk import AdmittingDesk
from ems.runtime.list_keeper import ListKeeper
from ems.runtime.loop import Loop
from ems.runtime.porter import Porter
from ems.runtime.till import Till
from ems.runtime.usher import Usher
from ems.settings.build import SiteSettings

SAVE_S = 5.0
"""Unknown cards are written so often; a station that sends one a millisecond must not fill the writer's queue."""


def porter_of(settings: SiteSettings, recovered: Recovered, clock: Clock, loop: Loop) -> Porter:
    """The porter, as the run before left it."""
    daybook, remembered = recovered.daybook, recovered.remembered
    porter = Porter(daybook.access, daybook.fleet, settings.doors, clock, lambda: loop.core.state)
    porter.remember(remembered.uses, remembered.cards, remembered.costs)
    return porter


class AccessParts(NamedTuple):
    """The parts that say who may charge, besides the stations' links."""

    porter: Porter
    lists: ListKeeper
    usher: Usher
    watch: CardWatch
    desk: AdmittingDesk
    site: SiteAccess

    def priced_by(self, till: Till, unpaid: Callable[[Tag, str], str]) -> None:
        """Budgets of money count what the till says; `unpaid` tells of an account why it pays for nothing."""

        def cost_of(evse: str) -> int | None:
            tab = till.tab(evse)
            told = None if tab is None else tab.receipt(self.porter.doors.zone)
            return None if told is None else told.total

        self.porter.cost_of, self.porter.unpaid = cost_of, unpaid

    def take_over(self, settings: SiteSettings) -> None:
        """Go on with what the site file says now."""
        self.porter.doors = settings.doors


class SiteAccess:
    """The `AccessDesk` of a running daemon."""

    def __init__(self, porter: Porter, lists: ListKeeper, usher: Usher, store: Store, loop: Loop, clock: Clock) -> None:
        self._porter, self._lists, self._usher = porter, lists, usher
        self._store, self._loop, self._clock = store, loop, clock

    @property
    def doors(self) -> Doors:
        """What the site says of its EVSEs."""
        return self._porter.doors

    @property
    def cards(self) -> Sequence[Card]:
        """Tags that nobody knows and somebody presented lately, the newest first."""
        return tuple(map(self._beside_known, self._porter.cards.all()))

    def _beside_known(self, card: Card) -> Card:
        """With the known tag that it may be, written otherwise."""
        tag, fleet = self._porter.book.alike(card.tag), self._porter.fleet
        if tag is not None:
            return replace(card, alike=tag.id, person=tag.person)
        return replace(card, alike=next(filter(fleet.knows_tag, spellings(card.tag)), ""))

    def forget(self, tag: str) -> bool:
        """Forget such a tag; False when it is not remembered."""
        self._store.cards.forgotten(tag)
        return self._porter.cards.forget(tag)

    def check(self, asked: Asked) -> Admission:
        """Whether a tag may charge, without anybody presenting it."""
        return self._porter.check(asked)

    def spent(self, tag: Tag) -> Usage:
        """What was taken of a tag's budget in this period."""
        return self._porter.spent(tag.id, self._clock.now().utc)

    def lists(self) -> Mapping[str, ListState]:
        """How far the local list of each station is in step."""
        return self._lists.states()

    def told(self) -> Mapping[int, Outcome]:
        """What stations answered to reservations that they were told of."""
        return self._usher.told()

    def endings(self) -> Sequence[tuple[str, str]]:
        """(EVSE, why) of each session that may not go on."""
        return [(one.evse, one.reason) for one in self._porter.endings]

    async def read_tags(self, text: str) -> TagList:
        """Read a list of tags, in a thread; nothing changes."""
        return await asyncio.to_thread(read_tags, text, self._porter.book, self._loop.core.state.site)

    async def write_tags(self) -> str:
        """All tags as a list, CSV."""
        return await asyncio.to_thread(write_tags, self._porter.book, self.doors.zone, self.doors.currency)


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
            self.save()

    def save(self) -> None:
        """Write which cards were presented, and which are known now; queued."""
        for key in self._porter.cards.newly_known():
            self._store.cards.forgotten(key)
        if new := self._porter.cards.newly_presented():
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
    return AccessParts(
        porter,
        lists,
        usher,
        CardWatch(porter, store),
        AdmittingDesk(central, porter, clock),
        SiteAccess(porter, lists, usher, store, loop, clock),
    )
