"""From decision to link: limits, stops, and what is read back."""

from __future__ import annotations

from dataclasses import replace

from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.grant import Layer
from ems.domain.instant import EPOCH, Instant
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.loop import Core
from tests.runtime.world import LoopClock, RecordingLink, charging, core_of, site


class FixedClock(LoopClock):
    """A clock that is set by hand."""

    def __init__(self, at: Instant) -> None:
        self.at = at

    def now(self) -> Instant:
        return self.at


class Bench:
    """A core and a dispatcher, ticked by hand."""

    def __init__(self, core: Core, obeys: bool = True) -> None:
        self.core, self.events = core, list[Event]()
        self.clock = FixedClock(EPOCH)
        self.link = RecordingLink(self.events.append, self.clock, obeys)
        self.dispatcher = Dispatcher(self.link)

    def tick(self, seconds: float = 1.0) -> Decision:
        self.clock.at = self.clock.at.later(seconds)
        events, self.events[:] = tuple(self.events), []
        decision = self.core.tick(events, self.clock.at)
        self.dispatcher.dispatch(self.core.state, decision)
        return decision

    def sent(self) -> list[tuple[str, Layer, float]]:
        orders, self.link.orders = self.link.orders, []
        return [(order.evse, order.layer, order.amps) for order in orders]


def test_a_station_first_gets_its_floor_then_the_rest() -> None:
    bench = Bench(core_of(site(), *charging("A", EPOCH)))
    sent = []
    for _ in range(3):
        bench.tick()
        sent.append(bench.sent())
    assert sent[0] == [("A/1", Layer.FLOOR, 6.0)]
    assert sent[1] == [("A/1", Layer.DEFAULT, 0.0), ("A/1", Layer.SESSION, 0.0)] or sent[1][0][1] is Layer.DEFAULT
    assert ("A/1", Layer.SESSION) in [order[:2] for order in sent[1] + sent[2]]


def test_nothing_is_sent_again_while_nothing_changes() -> None:
    bench = Bench(core_of(site(), *charging("A", EPOCH), *charging("B", EPOCH, 2)))
    for _ in range(60):
        bench.tick()
    bench.sent()
    for _ in range(60):
        bench.tick()
    assert bench.sent() == []


def test_the_composite_schedule_is_read_after_connecting_and_then_hourly() -> None:
    bench = Bench(core_of(site(), *charging("A", EPOCH)))
    for _ in range(4):
        bench.tick()
    assert bench.link.asked == ["A/1"]
    bench.tick(1800)
    assert bench.link.asked == ["A/1"]
    bench.tick(1900)
    assert bench.link.asked == ["A/1", "A/1"]


def test_who_is_out_of_reach_is_stopped() -> None:
    bench = Bench(core_of(site(), *charging("A", EPOCH)))
    decision = bench.tick()
    bench.dispatcher.dispatch(bench.core.state, replace(decision, stop=("A/1",)))
    assert bench.link.stopped == ["A/1"]
