"""The same request to several stations: a few at a time, so that a site does not restart as one."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ems.domain.daybook import UnknownError
from ems.domain.remote.outcome import Round, Step
from ems.domain.remote.request import StationRequest
from ems.domain.remote.rules import station_of
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.ports.stations import ObjectionError, Remote

AT_ONCE = 8
STEP_S = 120.0
REMEMBERED = 20
MOST_RUNNING = 4


class RoundTable:
    """The `Rounds` of a running daemon."""

    def __init__(self, remote: Remote, clock: Clock, state: Callable[[], SiteState]) -> None:
        self._remote, self._clock, self._state = remote, clock, state
        self._numbers = itertools.count(1)
        self._rounds: OrderedDict[int, Round] = OrderedDict()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def begin(
        self, stations: Sequence[str], request: StationRequest, who: str, *, insists: bool, when_back: bool
    ) -> Round:
        """Begin a round."""
        names = tuple(dict.fromkeys(stations))
        if not names:
            raise ValueError("choose at least one station")
        for name in names:
            station_of(self._state().site, name)
        if len(self._tasks) >= MOST_RUNNING:
            raise ObjectionError(f"{MOST_RUNNING} rounds are under way already; wait for one to end, or stop it")
        number = next(self._numbers)
        self._rounds[number] = Round(number, request, who, self._clock.now().utc, tuple(map(Step, names)))
        over = [known for known, one in self._rounds.items() if known not in self._tasks and known != number]
        for old in over[: max(0, len(self._rounds) - REMEMBERED)]:
            del self._rounds[old]
        task = asyncio.create_task(self._go(number, insists, when_back), name=f"round {number}")
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))
        return self._rounds[number]

    def round(self, number: int) -> Round:
        """A round as it is now."""
        found = self._rounds.get(number)
        if found is None:
            raise UnknownError("there is no such round, or it was too long ago")
        return found

    def rounds(self) -> Sequence[Round]:
        """The last rounds, newest first."""
        return tuple(reversed(self._rounds.values()))

    def stop(self, number: int) -> Round:
        """Ask no further station."""
        stopped = self._rounds[number] = replace(self.round(number), is_stopped=True)
        return stopped

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _go(self, number: int, insists: bool, when_back: bool) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        step = partial(self._step, number, turns, insists, when_back)
        async with asyncio.TaskGroup() as tasks:
            for place in range(len(self._rounds[number].steps)):
                tasks.create_task(step(place))

    async def _step(self, number: int, turns: asyncio.Semaphore, insists: bool, when_back: bool, place: int) -> None:
        async with turns:
            known = self._rounds[number]
            if known.is_stopped:
                return
            station = known.steps[place].station
            try:
                asked = await self._remote.ask(station, known.request, known.who, insists=insists, when_back=when_back)
                self._put(number, place, Step(station, asked))
                asked = await self._remote.settled(asked.number, STEP_S)
                self._put(number, place, Step(station, asked))
            except ValueError as wrong:
                self._put(number, place, Step(station, refusal=str(wrong)))

    def _put(self, number: int, place: int, step: Step) -> None:
        known = self._rounds[number]
        self._rounds[number] = replace(known, steps=(*known.steps[:place], step, *known.steps[place + 1 :]))
