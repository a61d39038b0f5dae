"""The loop: a second apart on the monotonic clock, woken early, and unbreakable from outside."""

from __future__ import annotations

import asyncio

import pytest

from ems.domain.decision import Decision, Level
from ems.domain.events import Event, MeterRead, StationConnected
from ems.domain.instant import Instant
from ems.domain.meter import MeterReading
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.runtime.loop import Core, Loop
from tests.adapters.ocpp.central import BORN, in_virtual_time
from tests.runtime.world import LoopClock, core_of, site


class Run:
    """A running loop whose decisions are kept."""

    def __init__(self, core: Core | None = None, clock: Clock | None = None) -> None:
        self.ticks: list[float] = []
        self.stalls: list[float] = []
        self.decisions: list[Decision] = []
        self.loop = Loop(
            core or core_of(site(meter="main")), clock or LoopClock(), self.decisions.append, self.stalls.append
        )
        self.loop.outputs = (lambda _e, _s, _m, decision: self.ticks.append(round(decision.at.monotonic_s, 3)),)

    async def for_seconds(self, seconds: float, *puts: tuple[float, Event]) -> Run:
        running = asyncio.create_task(self.loop.run())
        for at, event in puts:
            asyncio.get_running_loop().call_later(at, self.loop.inbox.put, event)
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return self


def run(seconds: float, *puts: tuple[float, Event], core: Core | None = None) -> Run:
    return in_virtual_time(lambda: Run(core).for_seconds(seconds, *puts))


def main_meter(at: float, amps: float) -> tuple[float, Event]:
    return at, MeterRead("main", MeterReading(at=at, amps=(amps, amps, amps)))


def test_it_ticks_once_a_second_and_keeps_its_phase() -> None:
    assert run(4.5).ticks == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("what", "put", "woken"),
    [
        ("a meter above the rating", main_meter(1.4, 64.0), True),
        ("a meter below it", main_meter(1.4, 60.0), False),
        ("a station that connects", (1.4, StationConnected("A", Instant(1.4, BORN), 1)), True),
    ],
)
def test_it_wakes_for_what_must_not_wait(what: str, put: tuple[float, Event], woken: bool) -> None:
    ticks = run(2.5, main_meter(0.5, 10.0), put).ticks
    assert (1.4 in ticks) is woken, what
    assert ticks[-1] == 2.0, "an early tick does not move the next one"


def test_a_burst_of_urgent_events_costs_one_tick() -> None:
    ticks = run(2.5, *(main_meter(1.4 + i / 100, 64.0) for i in range(5))).ticks
    assert len([t for t in ticks if 1.3 < t < 1.6]) == 2


def test_an_output_that_fails_keeps_neither_the_others_nor_the_next_tick() -> None:
    async def scenario() -> tuple[list[float], list[Decision]]:
        made = Run()

        def broken(*_: object) -> None:
            raise RuntimeError("disk on fire")

        made.loop.outputs = (broken, *made.loop.outputs)
        await made.for_seconds(2.5)
        return made.ticks, made.decisions

    ticks, finished = in_virtual_time(scenario)
    assert ticks == [0.0, 1.0, 2.0]
    assert finished == [], "the watchdog is stroked only after a tick that went well"


def test_an_impossible_event_costs_only_itself() -> None:
    core = core_of(site())
    good = StationConnected("A", Instant(0.0, BORN), 1)
    core.tick((object(), good), Instant(1.0, BORN))  # type: ignore[arg-type]  # what must never happen
    assert core.state.station("A").connected


class Broken:
    """A controller that cannot decide."""

    def decide(self, *_: object) -> None:
        raise ZeroDivisionError


def test_a_fault_in_the_core_leads_to_the_fallback_decision() -> None:
    core = core_of(site())
    core.controller = Broken()  # type: ignore[assignment]  # a fault injected
    decision = core.tick((), Instant(1.0, BORN))
    assert decision.level is Level.FALLBACK
    assert [s.amps for s in decision.setpoints] == [6.0, 6.0]


class JumpingClock:
    """A clock that shows, after a second and a half, that the machine did not run for a while."""

    def __init__(self, stalled_s: float) -> None:
        self.stalled_s = stalled_s

    def now(self) -> Instant:
        t = asyncio.get_running_loop().time()
        return Instant(t + (self.stalled_s if t > 1.5 else 0.0), BORN)


@pytest.mark.parametrize(
    ("stalled_s", "reported", "leaves"), [(0.5, False, False), (3.0, True, False), (8.0, True, True)]
)
def test_a_stalled_machine_is_noticed(stalled_s: float, reported: bool, leaves: bool) -> None:
    async def scenario() -> tuple[SiteState, list[float]]:
        made = Run(clock=JumpingClock(stalled_s))
        await made.for_seconds(4.0)
        return made.loop.core.state, made.stalls

    state, stalls = in_virtual_time(scenario)
    assert (state.blocked is not None) is reported
    assert bool(stalls) is leaves
