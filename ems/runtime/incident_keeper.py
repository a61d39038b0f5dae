"""Follows what is wrong, beside the loop: nothing here can delay a tick."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from ems.domain.alarm.condition import Condition, conditions
from ems.domain.alarm.contradiction import contradictions
from ems.domain.alarm.grouping import Places
from ems.domain.alarm.incident import PATIENCE, Acknowledged, Change, Incident, Patience, Turn, note_of
from ems.domain.alarm.root_cause import hint_of
from ems.domain.alarm.watch import IncidentWatch
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, NotStoredError
from ems.ports.notices import IncidentBook

log = logging.getLogger(__name__)

LOOK_S = 2.0
RECALL_AGAIN_S = 5.0
RECALLS = 6

Tell = Callable[[Change], None]


class IncidentKeeper:
    """A `Service` and the `Alarms` port. `tell` hears of every turn that people are told of. `sources` tell what is
    wrong besides what the controller itself sees.
    """

    name = "alarms"

    def __init__(
        self,
        live: Live,
        clock: Clock,
        book: IncidentBook,
        tell: Tell = lambda _: None,
        patience: Callable[[], Patience] = lambda: PATIENCE,
    ) -> None:
        self._live, self._clock, self._book, self._tell, self._patience = live, clock, book, tell, patience
        self._watch = IncidentWatch()
        self._places = Places(live.state.site)
        self._recalled = False
        self.sources: list[Callable[[], Iterable[Condition]]] = []

    @property
    def open(self) -> Sequence[Incident]:
        """What lasts, the newest first."""
        return self._watch.open

    async def run(self) -> None:
        """Take up what the run before left open, then look every few seconds."""
        if not self._recalled:
            await self._recall()
        version = -1
        while True:
            version = await self._live.changed(version)
            self.look()
            await asyncio.sleep(LOOK_S)

    async def _recall(self) -> None:
        for _ in range(RECALLS):
            try:
                left, last = await self._book.left()
            except NotStoredError as failed:
                log.warning("alarms.not-read cause=%r", str(failed))
                await asyncio.sleep(RECALL_AGAIN_S)
            else:
                self._watch = IncidentWatch.resumed(left, last, self._clock.now())
                break
        self._recalled = True

    def look(self) -> None:
        """Look once at what the last tick saw."""
        state, decision = self._live.state, self._live.decision
        if decision is None or len(state.stations) != len(state.site.stations):
            return
        if self._places.site is not state.site:
            self._places = Places(state.site)
        hint = partial(hint_of, state=state, decision=decision, places=self._places)
        told = chain(
            conditions(state, decision),
            contradictions(state, decision),
            *(source() for source in self.sources),
        )
        self._watch, changes = self._watch.followed(told, self._places, self._clock.now(), self._patience(), hint)
        for change in changes:
            self._book.keep(change.incident)
            if change.turn is Turn.CHANGED:
                continue
            log.info("alarm.%s number=%d key=%.64r", change.turn, change.incident.number, change.incident.key)
            self._tell(change)

    async def history(self, before: int | None, most: int, words: str = "", kind: str = "") -> Sequence[Incident]:
        """The newest incidents, newest first. What lasts is as it is now."""
        found = await self._book.newest(before, most, words, kind)
        current = {one.number: one for one in self._watch.incidents.values()}
        return [current.get(one.number, one) for one in found]

    async def alarm(self, number: int) -> Incident:
        """One of them."""
        known = next((one for one in self._watch.incidents.values() if one.number == number), None)
        found = await self._book.one(number) if known is None else known
        if found is None:
            raise UnknownError(f"there is no alarm {number}")
        return found

    async def acknowledge(self, number: int, note: str, who: str) -> Incident:
        """Somebody has seen it; a later note takes the place of an earlier one, the audit has both."""
        known, now = await self.alarm(number), self._clock.now().utc
        seen = replace(known, acknowledged=Acknowledged(now, who, note_of(note)))
        await self._book.acknowledged(seen, now, who)
        # It may have changed while the disk was written.
        current = self._watch.incidents.get(seen.key)
        if current is not None and current.number == number:
            seen = replace(current, acknowledged=seen.acknowledged)
            self._watch = self._watch.with_incident(seen)
            self._book.keep(seen)
        self._tell(Change(Turn.ACKNOWLEDGED, seen))
        return seen
