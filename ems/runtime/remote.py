"""What people ask of stations: judged, made, recorded with who asked and what came of it, and watched for its effect.

Many stations accept and do nothing; so what can be seen of a request is waited for, and its absence is said.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from ems.control.memory import Memory
from ems.domain.daybook import UnknownError
from ems.domain.decision import Decision
from ems.domain.events import Event, StationConnected
from ems.domain.remote.outcome import Activity, Asked, Effect, Outcome, Spoken, Variables, Verdict
from ems.domain.remote.request import (
    ReadVariables,
    RequestStart,
    RequestStop,
    Reset,
    SetAvailability,
    StationRequest,
    UploadLog,
    WriteVariables,
    is_secret,
    told,
)
from ems.domain.remote.rules import Judgement, expected, is_kept, is_seen, judged, station_of
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.ports.stations import ObjectionError, Received, StationDesk
from ems.runtime.uploads import Uploads

log = logging.getLogger(__name__)

REMEMBERED = 40
"""Requests that are remembered of each station."""

MOST_UNDER_WAY = 8
MOST_SETTLED = 400
EFFECT_S = {RequestStart: 90.0, RequestStop: 60.0, Reset: 300.0, SetAvailability: 30.0}
"""So long what was accepted may take to be seen; a driver has a minute to plug in (ConnectionTimeOut)."""

KEPT = "it is asked when it returns"

Note = Callable[[datetime, str, str, Mapping[str, Any]], None]
"""Records (when, who, what, detail) of something that somebody did."""


@dataclass(slots=True)
class _Watch:
    """A request that was accepted, and the state when it was made."""

    asked: Asked
    before: SiteState
    until: float


@dataclass(slots=True)
class RemoteControl:
    """The port `Remote` of a running daemon, and an output of its loop."""

    desk: StationDesk
    clock: Clock
    state: Callable[[], SiteState]
    note: Note
    template_of: Callable[[str], Mapping[str, str]]
    uploads: Uploads
    upload_url: Callable[[str, str, bool], Awaitable[str]]
    save: Callable[[tuple[Asked, ...]], None] | None = None
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _asked: dict[str, deque[Asked]] = field(default_factory=dict)
    _kept: dict[int, Asked] = field(default_factory=dict)
    _under_way: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _done: OrderedDict[int, Asked] = field(default_factory=OrderedDict)
    _watched: dict[int, _Watch] = field(default_factory=dict)
    _read: dict[str, tuple[datetime, Variables]] = field(default_factory=dict)

    async def ask(
        self, station: str, request: StationRequest, who: str, *, insists: bool = False, when_back: bool = False
    ) -> Asked:
        """Begin a request; `settled` waits for its outcome."""
        state, now = self.state(), self.clock.now()
        known = station_of(state.site, station)
        judgement = judged(state, known, request, now.utc)
        if when_back and isinstance(request, WriteVariables) and any(is_secret(name) for name, _ in request.values):
            raise ObjectionError("a password is not kept: change it when the station is there")
        asked = Asked(next(self._numbers), station, request, who, now.utc, warnings=judgement.warnings)
        self._must_pass(asked, judgement, insists)
        log.info("station.request id=%s who=%r what=%s", station, who[:64], type(request).__name__)
        if when_back and not state.station(station).connected:
            kept = self._keep(asked)
            await self._save()
            return kept
        return self._begin(asked, state)

    async def upload(self, station: str, since: datetime | None, until: datetime | None, ftp: bool, who: str) -> Asked:
        """Have a station upload its diagnostics to this machine."""
        known = station_of(self.state().site, station)
        host = self.desk.called_as(known.id)
        if host is None:
            raise ObjectionError("the station is not connected, so nobody knows how it reaches this machine")
        url = await self.upload_url(host, self.uploads.open(known.id), ftp)
        return await self.ask(station, UploadLog(url, since, until), who)

    async def settled(self, number: int, within_s: float) -> Asked:
        """A request with its outcome, or without one when that takes longer."""
        task = self._under_way.get(number)
        if task is not None:
            await asyncio.wait((task,), timeout=within_s)
        for one in (self._done.get(number), self._kept.get(number)):
            if one is not None:
                return one
        found = next((one for many in self._asked.values() for one in many if one.number == number), None)
        if found is None:
            raise UnknownError("there is no such request, or it was too long ago")
        return found

    def asked(self, station: str) -> Sequence[Asked]:
        """The last requests of a station, newest first."""
        return tuple(self._asked.get(station, ()))

    def kept(self, station: str) -> Sequence[Asked]:
        """What is asked of a station when it returns."""
        return tuple(one for one in self._kept.values() if one.station == station)

    async def forget(self, number: int, who: str) -> None:
        """Take back what was to be asked when its station returns."""
        one = self._kept.pop(number, None)
        if one is None:
            raise UnknownError("nothing of that number waits for a station")
        self._record(replace(one, who=who, outcome=Outcome(Verdict.OFFLINE, "taken back")))
        await self._save()

    def remember(self, kept: Sequence[Asked]) -> None:
        """Go on with what an earlier life of ours kept; stations that are not of the site any more are left out."""
        known = {station.id for station in self.state().site.stations}
        for one in kept:
            number = next(self._numbers)
            if one.station in known:
                self._kept[number] = replace(one, number=number)

    def configuration(self, station: str) -> tuple[datetime, Variables] | None:
        """What was last read of a station's configuration, all of it, and when."""
        return self._read.get(station)

    def template(self, station: str) -> Mapping[str, str]:
        """How a station's configuration should be, by its model's file."""
        known = station_of(self.state().site, station)
        return self.template_of(self.state().station(known.id).model.id)

    def messages(self, station: str) -> Sequence[Spoken]:
        """The last frames on the line to a station, oldest first."""
        return self.desk.messages(station)

    def activity(self, station: str) -> Activity:
        """What a station says about its own work."""
        return self.desk.activity(station)

    def received(self, station: str) -> Sequence[Received]:
        """Files that a station has uploaded, newest first."""
        return self.uploads.received(station)

    async def read_file(self, station: str, number: int) -> tuple[Received, AsyncIterator[bytes]]:
        """A file that a station has uploaded, in pieces."""
        return await self.uploads.read(station, number)

    def look(self, events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop: ask those that have returned, and see what came of what was accepted."""
        if self._kept:
            back = {event.station for event in events if isinstance(event, StationConnected)}
            for number, one in list(self._kept.items()):
                if one.station in back or state.station(one.station).connected:
                    del self._kept[number]
                    self._begin(replace(one, outcome=None), state)
        for number, watch in list(self._watched.items()):
            if is_seen(watch.asked.request, station_of(state.site, watch.asked.station), watch.before, state):
                self._effect(number, Effect.SEEN)
            elif decision.at.monotonic_s >= watch.until:
                self._effect(number, Effect.MISSED)

    async def close(self) -> None:
        """Wait for nothing any more."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _must_pass(self, asked: Asked, judgement: Judgement, insists: bool) -> None:
        against = self.desk.objection(asked.station, asked.request)
        under_way = sum(1 for one in self.asked(asked.station) if one.outcome is None)
        if against is None and under_way >= MOST_UNDER_WAY:
            against = f"{under_way} requests wait for this station already"
        if against is not None:
            self._objected(asked, against)
            raise ObjectionError(against)
        if judgement.objections and not (insists and judgement.may_insist):
            text = "; ".join(judgement.objections)
            self._objected(asked, text)
            raise ObjectionError(text, judgement.may_insist)

    def _objected(self, asked: Asked, text: str) -> None:
        self._note(asked, {"verdict": "objected", "detail": text})

    def _keep(self, asked: Asked) -> Asked:
        if not is_kept(asked.request):
            text = "the station is not connected; this makes sense only while it is there, so it is not kept"
            self._objected(asked, text)
            raise ObjectionError(text)
        same = [number for number, one in self._kept.items() if _replaces(asked, one)]
        for number in same:
            del self._kept[number]
        kept = replace(asked, outcome=Outcome(Verdict.KEPT, KEPT))
        self._kept[asked.number] = kept
        self._note(kept, {"verdict": Verdict.KEPT.value, "detail": ""})
        return kept

    async def _save(self) -> None:
        """What is kept goes to disk, in a thread; where the disk refuses, a restart will not know of it."""
        if self.save is None:
            return
        async with self._saving:
            try:
                await asyncio.to_thread(self.save, tuple(self._kept.values()))
            except OSError as failed:
                log.warning("remote.kept-not-stored cause=%s", failed.strerror)

    def _begin(self, asked: Asked, before: SiteState) -> Asked:
        self._asked.setdefault(asked.station, deque(maxlen=REMEMBERED)).appendleft(asked)
        task = asyncio.create_task(self._make(asked, before), name=f"request {asked.number}")
        self._under_way[asked.number] = task
        task.add_done_callback(lambda _: self._under_way.pop(asked.number, None))
        return asked

    async def _make(self, asked: Asked, before: SiteState) -> None:
        late = partial(self._came_late, asked, before)
        if is_kept(asked.request):
            await self._save()
        try:
            outcome = await self.desk.ask(asked.station, asked.request, late)
        except ValueError as wrong:
            outcome = Outcome(Verdict.NOT_SUPPORTED, f"OCPP cannot say that: {wrong}"[:256])
        self._settle(asked, outcome, before)

    def _came_late(self, asked: Asked, before: SiteState, outcome: Outcome) -> None:
        detail = f"{outcome.detail}, late".lstrip(", ")
        self._settle(asked, replace(outcome, detail=detail), before)

    def _settle(self, asked: Asked, outcome: Outcome, before: SiteState) -> None:
        effect = expected(asked.request) if outcome.verdict is Verdict.ACCEPTED else Effect.NONE
        asked = replace(asked, outcome=outcome, effect=effect)
        if isinstance(outcome.content, Variables) and asked.request == ReadVariables() and outcome.verdict.is_yes:
            self._read[asked.station] = (self.clock.now().utc, outcome.content)
        if effect is Effect.AWAITED:
            until = self.clock.now().monotonic_s + EFFECT_S[type(asked.request)]
            self._watched[asked.number] = _Watch(asked, before, until)
        self._record(asked)

    def _record(self, asked: Asked) -> None:
        outcome = asked.outcome
        assert outcome is not None
        self._replace(asked)
        self._note(asked, {"verdict": outcome.verdict.value, "detail": outcome.detail})

    def _effect(self, number: int, effect: Effect) -> None:
        watch = self._watched.pop(number)
        asked = replace(watch.asked, effect=effect)
        self._replace(asked)
        if effect is Effect.MISSED:
            what = type(asked.request).__name__
            log.warning(
                "station.no-effect id=%s what=%s after_s=%.0f", asked.station, what, EFFECT_S[type(asked.request)]
            )

    def _replace(self, asked: Asked) -> None:
        self._done[asked.number] = asked
        while len(self._done) > MOST_SETTLED:
            self._done.popitem(last=False)
        known = self._asked.get(asked.station, deque())
        for place, one in enumerate(known):
            if one.number == asked.number:
                known[place] = asked

    def _note(self, asked: Asked, came: Mapping[str, Any]) -> None:
        about = {"station": asked.station, "number": asked.number, "request": told(asked.request)}
        warned = {"warnings": list(asked.warnings)} if asked.warnings else {}
        self.note(self.clock.now().utc, asked.who, type(asked.request).__name__, {**about, **came, **warned})


def _replaces(asked: Asked, one: Asked) -> bool:
    """Whether the newer of two that are kept makes the older one pointless."""
    if asked.station != one.station:
        return False
    match asked.request, one.request:
        case SetAvailability(evse), SetAvailability(other):
            return evse in {None, other}
        case WriteVariables(values), WriteVariables(others):
            return {name.casefold() for name, _ in others} <= {name.casefold() for name, _ in values}
    return asked.request == one.request
