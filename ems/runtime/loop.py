"""The tick: once a second on the monotonic clock, and at once when it must not wait."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ems.control.fallback import fallback_decision
from ems.control.memory import Memory
from ems.control.tick import TICK_S, Controller
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.events import (
    Event,
    LimitReceived,
    LoopBlocked,
    MeterRead,
    StationConnected,
    StationGone,
    TransactionStarted,
)
from ems.domain.instant import Instant
from ems.domain.meter import MeterReading
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.runtime.inbox import Inbox

log = logging.getLogger(__name__)

LATE_S = 1.0
STALLED_S = 5.0
GAP_S = 0.1
"""Urgent events come in bursts; one tick serves them all."""

Output = Callable[[Sequence[Event], SiteState, Memory, Decision], None]
"""Something that a finished tick is handed to: events, then state and memory after them, and the decision."""


@dataclass(slots=True)
class Core:
    """The state, the memory and the decision function; the only place where they change hands."""

    controller: Controller
    state: SiteState
    memory: Memory
    decision: Decision | None = None

    def tick(self, events: Sequence[Event], now: Instant) -> Decision:
        """Apply the events, decide, and remember. A fault in the core leads to the fallback decision, never further."""
        for event in events:
            try:
                self.state = apply(self.state, event)
            except Exception:
                log.exception("core.event-refused event=%.200r", event)
        try:
            self.decision, self.memory = self.controller.decide(self.state, self.memory, now)
        except Exception:
            log.exception("core.decision-failed")
            self.decision = fallback_decision(self.state, now)
        return self.decision


class Loop:
    """Drives the core from the inbox and hands every decision to the outputs, in their order.

    `outputs` is set before it runs. `finished` is called after a tick whose outputs all went well, and after no other.
    """

    def __init__(
        self,
        core: Core,
        clock: Clock,
        finished: Callable[[Decision], None],
        on_stall: Callable[[float], None],
    ) -> None:
        self.core = core
        self.inbox = Inbox(self._is_urgent)
        self.outputs: Sequence[Output] = ()
        self._clock = clock
        self._finished = finished
        self._on_stall = on_stall

    async def run(self) -> None:
        """Tick until cancelled."""
        due = self._clock.now().monotonic_s
        while True:
            now = self._clock.now()
            late = now.monotonic_s - due
            if late > LATE_S:
                log.warning("loop.late seconds=%.2f", late)
                self.inbox.put(LoopBlocked(now.monotonic_s, late))
                if late > STALLED_S:
                    self._on_stall(late)
            events = self.inbox.drain()
            decision = self.core.tick(events, now)
            if self._hand_out(events, decision):
                self._finished(decision)
            # The phase is kept; ticks that were missed are not made up for.
            after = self._clock.now().monotonic_s
            if now.monotonic_s >= due:
                due += TICK_S * max(1, math.ceil((after - due) / TICK_S))
            await asyncio.sleep(GAP_S)
            await self.inbox.wait(due - self._clock.now().monotonic_s)

    def _hand_out(self, events: Sequence[Event], decision: Decision) -> bool:
        done = True
        for output in self.outputs:
            try:
                output(events, self.core.state, self.core.memory, decision)
            except Exception:
                log.exception("loop.output-failed")
                done = False
        return done

    def _is_urgent(self, event: Event) -> bool:
        """What must not wait for the next second: less room, or somebody to serve."""
        match event:
            case MeterRead(meter, reading):
                return self._is_over(meter, reading)
            case LimitReceived() | StationConnected() | StationGone() | TransactionStarted():
                return True
            case _:
                return False

    def _is_over(self, meter: str, reading: MeterReading) -> bool:
        """Whether a circuit behind this meter carries more than its limit leaves beside the margin."""
        decision, circuits = self.core.decision, self.core.state.site.circuits
        if decision is None:
            return True
        for circuit, view in zip(circuits, decision.circuits, strict=False):
            if circuit.meter != meter:
                continue
            if any(a > most - circuit.margin_a for a, most in zip(reading.amps, view.limit_a, strict=True)):
                return True
            if view.limit_w is not None and reading.power_w is not None and reading.power_w > view.limit_w:
                return True
        return False
