"""Where events wait for the next tick: bounded, in order, and with readings merged when they come too fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from ems.domain.events import Event, MeterRead, MeterValues, TransactionEnded, TransactionStarted

MAX_WAITING = 20_000

Urgent = Callable[[Event], bool]
"""Whether an event must not wait for the next second."""


class Inbox:
    """Takes events from any task of the loop; `put` is a `Sink`.

    Meter readings: the newest of a meter wins. Values of an EVSE: a later message completes and overrides an earlier
    one, unless something else happened to that EVSE in between. Everything else is kept in order. Of an EVSE no more
    than one transaction begins or ends per tick, and what comes behind waits for the next: a station that was offline
    tells a whole night at once, and whoever looks at the state after each tick must see each. Beyond the bound,
    readings are dropped and counted; station events never.
    """

    def __init__(self, urgent: Urgent) -> None:
        self.dropped = 0
        self._urgent = urgent
        self._waiting: list[Event] = []
        self._readings: dict[str, int] = {}
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, MeterRead):
            self._put_reading(event.meter, event)
        elif isinstance(event, MeterValues):
            self._put_reading(event.evse, event)
        else:
            subject = getattr(event, "evse", None)
            if subject is not None:
                self._readings.pop(subject, None)
            self._waiting.append(event)
        if self._urgent(event):
            self._wake.set()

    def drain(self) -> tuple[Event, ...]:
        """What is for this tick, in order."""
        events, behind = _one_turn_each(self._waiting)
        self._waiting = behind
        self._readings.clear()
        self._wake.clear()
        if behind:
            self._wake.set()
        return events

    async def wait(self, patience_s: float) -> None:
        """Return when something urgent has come, or after `patience_s`."""
        try:
            async with asyncio.timeout(max(0.0, patience_s)):
                await self._wake.wait()
        except TimeoutError:
            return

    def _put_reading(self, subject: str, event: MeterRead | MeterValues) -> None:
        position = self._readings.get(subject)
        if position is not None:
            before = self._waiting[position]
            both = isinstance(before, MeterValues) and isinstance(event, MeterValues)
            self._waiting[position] = _merged(before, event) if both else event
        elif len(self._waiting) < MAX_WAITING:
            self._readings[subject] = len(self._waiting)
            self._waiting.append(event)
        else:
            self.dropped += 1


def _one_turn_each(waiting: Sequence[Event]) -> tuple[tuple[Event, ...], list[Event]]:
    """Events up to where a transaction begins or ends a second time at their EVSE, and those behind."""
    now: list[Event] = []
    behind: list[Event] = []
    turned: set[str] = set()
    full: set[str] = set()
    for event in waiting:
        if isinstance(event, (TransactionStarted, TransactionEnded)):
            if event.evse in turned:
                full.add(event.evse)
            turned.add(event.evse)
        (behind if getattr(event, "evse", None) in full else now).append(event)
    return tuple(now), behind


def _merged(before: Event, after: Event) -> MeterValues:
    """The newer values, completed by what only the older ones had."""
    assert isinstance(before, MeterValues)
    assert isinstance(after, MeterValues)
    if after.leg_a is not None and after.power_w is not None and after.register_wh is not None:
        return after
    flows = after.leg_a is None and after.total_a is None
    return replace(
        after,
        leg_a=before.leg_a if flows else after.leg_a,
        total_a=before.total_a if flows else after.total_a,
        power_w=before.power_w if after.power_w is None else after.power_w,
        register_wh=before.register_wh if after.register_wh is None else after.register_wh,
        soc_percent=before.soc_percent if after.soc_percent is None else after.soc_percent,
        offered_a=before.offered_a if after.offered_a is None else after.offered_a,
        control=after.control or before.control,
    )
