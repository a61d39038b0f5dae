"""What people change while the site runs: checked, stored with who did it, then told to the core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from ems.adapters.lists.pull_out import read_list
from ems.adapters.store.beside import read
from ems.adapters.store.store import Store
from ems.domain.daybook import Change, ChargeTold, Daybook, UnknownError, changed, must_be_possible, must_fit
from ems.domain.energy.price_push import Pushed
from ems.domain.events import Event, LimitReceived, LimitWithdrawn, MeterValues, NeedStated, StrategyChosen
from ems.domain.instant import Instant
from ems.domain.pull_out import PullOutList
from ems.domain.record.history import Audit
from ems.domain.session import Need, Session
from ems.domain.state import SiteState
from ems.ports.controller import Clock, Made, NotStoredError
from ems.runtime.loop import Loop
from ems.runtime.roster import Roster, news

log = logging.getLogger(__name__)


class SiteOperations:
    """The `Operations` port of a running daemon. One change at a time: each is made from what the one before left.
    `followers` are told the daybook after each.
    """

    def __init__(self, daybook: Daybook, store: Store, loop: Loop, roster: Roster, clock: Clock) -> None:
        self._daybook, self._store, self._loop, self.roster, self._clock = daybook, store, loop, roster, clock
        self._turn, self._need_turn = asyncio.Lock(), asyncio.Lock()
        self._told: tuple[SiteState, Mapping[str, Need]] = (loop.core.state, {})
        self.followers: list[Callable[[Daybook], None]] = []

    @classmethod
    def of(cls, daybook: Daybook, store: Store, loop: Loop, clock: Clock) -> SiteOperations:
        """Begin with what was stored: the first tick knows who is plugged in, and what people chose."""
        now, roster = clock.now(), Roster(daybook.fleet, loop.inbox.put, daybook.access)
        roster.tick(loop.core.state, now, most=len(loop.core.state.evses))
        for event in choices(daybook, now):
            loop.inbox.put(event)
        return cls(daybook, store, loop, roster, clock)

    @property
    def daybook(self) -> Daybook:
        """As it is now."""
        return self._daybook

    def pushed(self) -> Pushed:
        """The energy prices that were pushed, as they are now. From any thread."""
        return self._daybook.series

    async def change(self, change: Change, who: str) -> None:
        """Make one change; nothing happens when all is so already."""
        async with self._turn:
            await self._change(change, who)

    async def change_from(self, said: Callable[[Daybook], Made], who: str) -> Made:
        """Make the change that `said` makes of the daybook when its turn comes."""
        async with self._turn:
            change = said(self._daybook)
            await self._change(change, who)
            return change

    async def _change(self, change: Change, who: str) -> None:
        now, state = self._clock.now(), self._loop.core.state
        ours = {(limit.scope, limit.source) for limit in self._daybook.limits}
        must_fit(state.site, (one for one in state.limits if (one.scope, one.source) not in ours), change)
        after = await asyncio.to_thread(changed, self._daybook, change, now.utc, state.site.zone)
        if after == self._daybook:
            return
        if isinstance(change, ChargeTold):
            await self._store.daybook.note(after.fleet.vehicles[change.vehicle], change.charge)
        else:
            await self._store.daybook.keep(self._daybook, after, now.utc, who, type(change).__name__)
            log.info("operations.changed who=%r what=%s", who[:64], type(change).__name__)
        self._daybook = after
        self.roster.fleet, self.roster.access = after.fleet, after.access
        for follower in self.followers:
            follower(after)
        for event in _events(change, self._loop.core.state, self._clock.now()):
            self._loop.inbox.put(event)

    async def tell_need(self, evse: str, said: Callable[[Need], Need], who: str) -> Need:
        """Say what the vehicle at an EVSE needs; an empty need leaves it to its timetable again. With another class
        comes what that is promised, unless something else is promised with it.
        """
        async with self._need_turn:
            state = self._loop.core.state
            if state.site.evse_index(evse) is None:
                raise UnknownError(f"the site has no EVSE {evse[:64]!r}")
            session = state.evse(evse).session
            if session is None:
                raise ValueError(f"no vehicle is plugged in at {evse}")
            before = self._need_of(session)
            need = said(before)
            must_be_possible(session, need, self._clock.now().utc)
            if need.service_class != before.service_class and _promise(need) == _promise(before):
                need = self.roster.fleet.with_promise(need, session.vehicle, session, state.site)
            after = replace(session, need=need)
            try:
                await self._store.ledger.need_told(after)
            except TimeoutError as slow:
                raise NotStoredError(str(slow)) from slow
            told = {"evse": evse, "session": session.id, "before": asdict(before), "after": asdict(need)}
            self._store.audit.add(self._clock.now().utc, who, "NeedTold", told)
            # What follows from the timetable comes in the same tick: no plan must see a vehicle without any need.
            for event in (NeedStated(evse, need), *news(self.roster.fleet, after, self._clock.now(), state.site)):
                self._loop.inbox.put(event)
            self._told = (self._loop.core.state, {**self._waiting_needs(), session.id: need})
            return need

    def _need_of(self, session: Session) -> Need:
        """What counts for a session, also what the next tick has yet to hear."""
        return self._waiting_needs().get(session.id, session.need)

    def _waiting_needs(self) -> Mapping[str, Need]:
        state, needs = self._told
        return needs if state is self._loop.core.state else {}

    async def read_list(self, text: str) -> PullOutList:
        """Read a pull-out list; nothing changes. In a thread, because a long one takes longer than a tick may."""
        site, now = self._loop.core.state.site, self._clock.now().utc
        return await asyncio.to_thread(read_list, text, self._daybook.fleet, site, now)

    async def audits(self, before: int | None, most: int) -> Sequence[Audit]:
        """The newest of what people did, newest first."""
        return await read(self._store.audits(before, most))


def _promise(need: Need) -> tuple[float, datetime | None, bool]:
    return need.guaranteed_wh, need.guaranteed_by, need.minimum_always


def _events(change: Change, state: SiteState, now: Instant) -> Iterator[Event]:
    """What the core must hear of a change; vehicles reach it through the roster."""
    match change:
        case StrategyChosen() | LimitReceived() | LimitWithdrawn():
            yield change
        case ChargeTold(vehicle, charge):
            here = (e.session for e in state.evses if e.session is not None and e.session.vehicle is not None)
            for session in here:
                if session.vehicle is not None and session.vehicle.id == vehicle and session.plugged <= charge.at:
                    yield MeterValues(session.evse, now.monotonic_s, soc_percent=charge.percent, control=False)


def choices(daybook: Daybook, now: Instant) -> Iterator[Event]:
    """What the core must hear of a daybook when it begins."""
    if daybook.strategy is not None:
        yield StrategyChosen(daybook.strategy)
    for limit in daybook.limits:
        if limit.ends is None or limit.ends > now.utc:
            yield LimitReceived(limit)
