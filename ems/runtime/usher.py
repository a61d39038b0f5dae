"""The usher: gives free EVSEs to those who wait, tells stations what is held for whom, lets go of what nobody needs,
and starts sessions where everybody may charge and the station waits for a card.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ems.domain.access.book import AccessMode
from ems.domain.access.change import AccessChange, ReservationRemoved
from ems.domain.access.elsewhere import needed_no_more
from ems.domain.access.tag import tag_key
from ems.domain.access.waitlist import Floor, next_turns
from ems.domain.remote.outcome import Outcome, Verdict
from ems.domain.remote.request import CancelReservation, RequestStart, Reserve
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.stations import StationDesk
from ems.runtime.porter import Porter

log = logging.getLogger(__name__)

LOOK_S = 2.0
PAUSE_S = 60.0
"""After a refusal, and between attempts to start."""

PLUGGED_S = 4.0
"""A station that starts by itself does so by then."""

ATTEMPTS = 3
LATE = timedelta(seconds=30)
"""A station ends by itself what it keeps; so long after the end it is told to."""

WHO, ELSEWHERE = "the waitlist", "who came to another EVSE"
TURN = 1_000_000
"""Numbers of turns among those of reservations, as stations are told them."""

Change = Callable[[AccessChange, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Held:
    """An EVSE that a station should keep for a tag."""

    number: int
    evse: str
    tag: str
    until: datetime


@dataclass(slots=True)
class _Told:
    """What a station was told of a hold, and when."""

    held: Held
    at: float
    generation: int
    outcome: Outcome


class Usher:
    """A `Service`. `change` makes a change of the book, stored with who did it."""

    name = "usher"

    def __init__(
        self, desk: StationDesk, porter: Porter, clock: Clock, state: Callable[[], SiteState], change: Change
    ) -> None:
        self._desk, self._porter, self._clock, self._state, self._change = desk, porter, clock, state, change
        self._told: dict[int, _Told] = {}
        self._unable: dict[str, int] = {}
        self._attempts: dict[str, tuple[datetime, int, float]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def told(self) -> Mapping[int, Outcome]:
        """What stations answered to each reservation that they were told of; by `Held.number`."""
        return {number: told.outcome for number, told in self._told.items()}

    async def run(self) -> None:
        """Look around again and again."""
        try:
            while True:
                await self._turns()
                await self._let_go()
                self._holds()
                self._starts()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _turns(self) -> None:
        porter = self._porter
        if not porter.book.waiting:
            return
        floor = floor_of(self._state())
        for turn in list(next_turns(porter.book, porter.doors, floor, self._clock.now().utc)):
            try:
                await self._change(turn, WHO)
            except (NotStoredError, ValueError) as failed:
                # Somebody else changed the same, or the disk is full: the next look finds out.
                log.warning("waitlist.not-changed %s", failed)
                return

    def _holds(self) -> None:
        """Tell stations that keep reservations themselves; whoever may not charge is refused by us in any case."""
        wanted = {held.number: held for held in self._wanted()}
        for number, told in list(self._told.items()):
            station = told.held.evse.rpartition("/")[0]
            if number in wanted and wanted[number].evse == told.held.evse:
                continue
            over = self._clock.now().utc - told.held.until
            shows = over < timedelta(0) or self._is_reserved(told.held.evse)
            if not (told.outcome.verdict.is_yes and shows):
                del self._told[number]
            elif not timedelta(0) <= over < LATE and self._is_ready(station):
                self._ask(station, self._cancel(station, number))
        for held in wanted.values():
            station = held.evse.rpartition("/")[0]
            if self._is_ready(station) and self._is_news(station, held):
                self._ask(station, self._reserve(station, held))

    def _is_reserved(self, evse: str) -> bool:
        """Whether a station shows that it keeps an EVSE; one whose clock is behind may do so too long."""
        state = self._state()
        index = state.site.evse_index(evse)
        return index is not None and state.evses[index].status is EvseStatus.RESERVED

    async def _let_go(self) -> None:
        """What is reserved for somebody who has come to another EVSE is let go of."""
        sessions = [known.session for known in self._state().evses if known.session is not None]
        for one in list(needed_no_more(self._porter.book, sessions, self._clock.now().utc)):
            try:
                await self._change(ReservationRemoved(one.id), ELSEWHERE)
            except (NotStoredError, ValueError, UnknownError) as failed:
                log.warning("reservation.not-removed %s", failed)
                return
            log.info("reservation.let-go evse=%s number=%d: its tag charges elsewhere", one.evse, one.id)

    def _wanted(self) -> Iterator[Held]:
        book, now = self._porter.book, self._clock.now().utc
        for one in book.reservations.values():
            if one.holds_at(now):
                yield Held(one.id, one.evse, one.tag, one.ends)
        for waits in book.waiting:
            if waits.evse is not None and waits.until is not None and now < waits.until:
                yield Held(TURN + waits.id, waits.evse, waits.tag, waits.until)

    def _is_ready(self, station: str) -> bool:
        state = self._state()
        index = state.site.station_index(station)
        return index is not None and state.stations[index].connected and station not in self._asking

    def _is_news(self, station: str, held: Held) -> bool:
        state = self._state()
        generation, known = state.station(station).generation, self._told.get(held.number)
        if self._unable.get(station) == generation or state.evse(held.evse).status is not EvseStatus.AVAILABLE:
            # A station keeps for nobody what is taken; one that was told shows Reserved.
            return False
        if known is None or known.held != held or known.generation != generation:
            return True
        return not known.outcome.verdict.is_yes and self._clock.now().monotonic_s - known.at >= PAUSE_S

    async def _reserve(self, station: str, held: Held) -> None:
        number = int(held.evse.rpartition("/")[2])
        generation = self._state().station(station).generation
        outcome = await self._desk.ask(station, Reserve(held.number, number, held.tag, held.until), lambda _: None)
        if outcome.verdict is Verdict.NOT_SUPPORTED:
            self._unable[station] = generation
        self._told[held.number] = _Told(held, self._clock.now().monotonic_s, generation, outcome)
        log.info("reservation.told evse=%s number=%d answer=%s", held.evse, held.number, outcome.verdict)

    async def _cancel(self, station: str, number: int) -> None:
        outcome = await self._desk.ask(station, CancelReservation(number), lambda _: None)
        self._told.pop(number, None)
        log.info("reservation.cancelled id=%s number=%d answer=%s", station, number, outcome.verdict)

    def _starts(self) -> None:
        """Start sessions for vehicles that are plugged in where no card is needed, but the station waits for one."""
        doors, state, now = self._porter.doors, self._state(), self._clock.now()
        if not doors.free_tag:
            return
        for evse, known in zip(state.site.evses, state.evses, strict=True):
            session = known.session
            if (
                session is None
                or session.transaction is not None
                or known.status is not EvseStatus.PREPARING
                or doors.mode_of(evse.id) is not AccessMode.FREE
                or now.monotonic_s - session.plugged_s < PLUGGED_S
                or not self._is_ready(evse.station)
                or next(self._porter.book.holds(evse.id, now.utc), None) is not None
            ):
                continue
            plugged, count, at = self._attempts.get(evse.id, (session.plugged, 0, float("-inf")))
            if plugged != session.plugged:
                count, at = 0, float("-inf")
            if count < ATTEMPTS and now.monotonic_s - at >= PAUSE_S:
                self._attempts[evse.id] = session.plugged, count + 1, now.monotonic_s
                self._ask(evse.station, self._start(evse.station, evse.number, doors.free_tag))

    async def _start(self, station: str, number: int, tag: str) -> None:
        outcome = await self._desk.ask(station, RequestStart(number, tag), lambda _: None)
        log.info("free.start evse=%s/%d answer=%s %s", station, number, outcome.verdict, outcome.detail[:40])

    def _ask(self, station: str, work: Awaitable[None]) -> None:
        """One thing at a time of each station, beside everything else."""

        async def safely() -> None:
            try:
                await work
            except Exception:  # One station must not end the service for the others.
                log.exception("usher.failed id=%s", station)
            finally:
                self._asking.pop(station, None)

        self._asking[station] = asyncio.create_task(safely())


def floor_of(state: SiteState) -> Floor:
    """What is to be seen at the EVSEs of a site."""
    free: list[str] = []
    broken: set[str] = set()
    charging: dict[str, str] = {}
    for evse, known, owner in zip(state.site.evses, state.evses, state.site.station_of_evse, strict=True):
        if not state.stations[owner].connected or known.status in _BROKEN:
            broken.add(evse.id)
        elif known.status is EvseStatus.AVAILABLE:
            free.append(evse.id)
        transaction = None if known.session is None else known.session.transaction
        if transaction is not None and transaction.id_tag:
            charging[tag_key(transaction.id_tag)] = evse.id
    return Floor(free, broken, charging)


_BROKEN: Sequence[EvseStatus] = (EvseStatus.UNAVAILABLE, EvseStatus.FAULTED, EvseStatus.UNKNOWN)
