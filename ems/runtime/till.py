"""The tabs of the sessions that run: opened at plug-in with the prices of that moment, closed with a receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple

from ems.control.memory import Memory
from ems.domain.billing.price_list import PriceList, quoted
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import Usage
from ems.domain.daybook import Daybook
from ems.domain.decision import Decision
from ems.domain.events import Event, TransactionEnded
from ems.domain.instant import Instant
from ems.domain.session import Session
from ems.domain.state import EvseState, SiteState
from ems.ports.controller import TabBook

REVIEW_S = 30.0
"""Time passes also where nothing is said."""

SETTLED_S = 60.0
"""So long after a station came back it may not have said yet that a vehicle has left."""

KEEP_S = 60.0
MOST = 20
"""Tabs that grow in one tick, which takes a millisecond; after a mass event the others follow within seconds."""


class _Open(NamedTuple):
    """A tab with the session that it was last looked at with, when (monotonic), and when it was last kept."""

    tab: Tab
    plugged_s: float
    known: EvseState
    looked_s: float
    kept_s: float

    def moment(self, now: Instant) -> datetime:
        """The wall-clock time now, had nobody set the clock since plug-in: set clocks cost nobody money."""
        return self.tab.usage.plugged + timedelta(seconds=now.monotonic_s - self.plugged_s)


class Till:
    """An output of the loop. `daybook` gives the prices and groups as they are now; `tabs` are those that the run
    before left open. Whoever is in `closings` hears of each tab that is closed. Never waits.
    """

    def __init__(self, daybook: Callable[[], Daybook], book: TabBook, tabs: Iterable[Tab] = ()) -> None:
        self._daybook, self._book = daybook, book
        self._left = {tab.usage.session: tab for tab in tabs}
        self._open: dict[str, _Open] = {}
        self.closings: list[Callable[[Tab, Receipt | None], None]] = []

    def tab(self, evse: str) -> Tab | None:
        """The tab of the session at an EVSE; None when there is none."""
        known = self._open.get(evse)
        return None if known is None else known.tab

    def agree(self, evse: str, session: str, prices: PriceList) -> None:
        """Somebody pays for a session by the prices that they were shown."""
        one = self._open.get(evse)
        quote = (replace(prices, groups=()),)
        if one is not None and one.tab.usage.session == session and one.tab.quote != quote:
            tab = replace(one.tab, quote=quote)
            self._open[evse] = one._replace(tab=tab)
            self._book.kept(tab)

    def look(self, events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop."""
        self.tick(events, state, decision.at)

    def tick(self, events: Iterable[Event], state: SiteState, now: Instant) -> None:
        """Close the tabs of those who left, open those of who came, and let the others grow."""
        for event in events:
            if isinstance(event, TransactionEnded):
                self._settle(event, state, now)
        here = {known.session.evse: known for known in state.evses if known.session is not None}
        for evse, one in list(self._open.items()):
            known = here.get(evse)
            if known is None or known.session is None or known.session.id != one.tab.usage.session:
                self._close(one, state, now)
        growing: list[tuple[float, str]] = []
        for evse, known in here.items():
            one = self._open.get(evse) or self._begin(known, state, now)
            if known is not one.known or now.monotonic_s - one.looked_s >= REVIEW_S:
                growing.append((one.looked_s, evse))
        for _, evse in sorted(growing)[:MOST]:
            self._grow(self._open[evse], here[evse], state, now)
        for tab in self._left.values():
            self._closed(tab, tab.receipt(state.site.zone))
        self._left.clear()

    def _begin(self, known: EvseState, state: SiteState, now: Instant) -> _Open:
        session = known.session
        assert session is not None
        tab = self._left.pop(session.id, None)
        if tab is None:
            quote = quoted(self._daybook().prices.lists.values(), session.evse, session.plugged, state.site.zone)
            tab = Tab(Usage.of(session), quote)
        one = _Open(tab, session.plugged_s, EvseState(), now.monotonic_s - REVIEW_S, now.monotonic_s - KEEP_S)
        self._open[session.evse] = one
        return one

    def _grow(self, one: _Open, known: EvseState, state: SiteState, now: Instant) -> None:
        session = known.session
        assert session is not None
        is_heard = _is_heard(state, session, now.monotonic_s)
        usage = one.tab.usage.after(one.moment(now), session, known.status_at(now.monotonic_s), is_heard)
        tab = Tab(usage, one.tab.quote, self._groups(session) or one.tab.groups)
        before = one.tab.usage
        is_new = (usage.transaction, usage.is_idle, tab.groups) != (before.transaction, before.is_idle, one.tab.groups)
        kept_s = one.kept_s
        if is_new or now.monotonic_s - kept_s >= KEEP_S:
            kept_s = now.monotonic_s
            self._book.kept(tab)
        self._open[session.evse] = one._replace(tab=tab, known=known, looked_s=now.monotonic_s, kept_s=kept_s)

    def _settle(self, event: TransactionEnded, state: SiteState, now: Instant) -> None:
        """The last word on a transaction, which may come together with the end of its session."""
        one = self._open.get(event.evse)
        if one is not None and one.tab.usage.transaction == event.transaction_id:
            late = _ended_before(state, one.tab.usage)
            tab = _settled(one.tab, event, one.moment(now)) if late is None else _settled_late(one.tab, event, late)
            self._open[event.evse] = one._replace(tab=tab)
        for name, tab in self._left.items():
            if (tab.usage.evse, tab.usage.transaction) == (event.evse, event.transaction_id):
                self._left[name] = _settled(tab, event, now.utc)

    def _close(self, one: _Open, state: SiteState, now: Instant) -> None:
        """Where the station was gone meanwhile nobody knows when the vehicle left: only what was seen counts."""
        usage = one.tab.usage
        was_heard = usage.heard == usage.until and _connected_at(state, usage.evse) <= one.looked_s
        if was_heard and _ended_before(state, usage) is None:
            usage = usage.left(one.moment(now))
        else:
            usage = replace(usage, until=usage.heard)
        tab = replace(one.tab, usage=usage)
        del self._open[usage.evse]
        self._closed(tab, tab.receipt(state.site.zone))

    def _closed(self, tab: Tab, made: Receipt | None) -> None:
        self._book.closed(tab, made)
        for heard in self.closings:
            heard(tab, made)

    def _groups(self, session: Session) -> frozenset[str]:
        """The groups of the person who charges, and those that these are in."""
        running, access = session.transaction, self._daybook().access
        tag = None if running is None or running.id_tag is None else access.tag(running.id_tag)
        if tag is None:
            return frozenset()
        return frozenset(group.id for name in tag.groups for group in access.lineage(name))


def _settled(tab: Tab, event: TransactionEnded, at: datetime) -> Tab:
    if event.energy_wh is None:
        return tab
    return replace(tab, usage=tab.usage.metered_to(max(at, tab.usage.until), event.energy_wh))


def _settled_late(tab: Tab, event: TransactionEnded, ended: datetime) -> Tab:
    """The station was away until after the end: that is the last that was heard."""
    at = max(ended, tab.usage.heard, tab.usage.metered)
    return _settled(replace(tab, usage=replace(tab.usage, until=at, heard=at)), event, at)


def _ended_before(state: SiteState, usage: Usage) -> datetime | None:
    """When the last transaction of a session ended, if its station told that late."""
    index = state.site.evse_index(usage.evse)
    known = None if index is None else state.evses[index]
    for session in () if known is None else (known.session, known.before):
        if session is not None and session.id == usage.session:
            return session.ended
    return None


def _is_heard(state: SiteState, session: Session, now_s: float) -> bool:
    """Whether its station would have said that the vehicle has left: of who came after it connected, or long after."""
    connected_at = _connected_at(state, session.evse)
    return connected_at <= session.plugged_s or connected_at + SETTLED_S <= now_s


def _connected_at(state: SiteState, evse: str) -> float:
    """Since when the station of an EVSE is connected, monotonic; infinite while it is not."""
    index = state.site.station_index(evse.rpartition("/")[0])
    if index is None or not state.stations[index].connected:
        return inf
    return state.stations[index].connected_at
