"""What a tick tells reports, in virtual time: outages that last, seconds over a limit, seconds in fallback."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ems.control.memory import Memory
from ems.domain.decision import CircuitView, Decision, Level
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.runtime.watchkeeper import Watchkeeper
from ems.statistics.record import Cause, ControlQuarter
from tests.statistics.month import SITE

BEGIN = datetime(2026, 10, 10, 12, 0, tzinfo=UTC)
NOTHING = (0.0, 0.0, 0.0)


@dataclass
class Book:
    outages: dict[tuple[str, datetime], tuple[Cause, timedelta, bool]] = field(default_factory=dict)
    quarters: dict[int, ControlQuarter] = field(default_factory=dict)

    def outage(self, evse: str, began: datetime, seen: datetime, ended: datetime | None, cause: Cause) -> None:
        self.outages[evse, began] = (cause, (ended or seen) - began, ended is not None)

    def quarter(self, told: ControlQuarter) -> None:
        self.quarters[told.starts_s] = told


class Watch:
    def __init__(self) -> None:
        self.book, self.at_s = Book(), 0
        self.keeper = Watchkeeper(self.book)
        state = SiteState.initial(SITE)
        self.state = replace(state, stations=tuple(replace(one, connected=True) for one in state.stations))

    def connected(self, *stations: bool) -> Watch:
        pairs = zip(self.state.stations, stations, strict=True)
        self.state = replace(self.state, stations=tuple(replace(one, connected=on) for one, on in pairs))
        return self

    def status(self, *statuses: EvseStatus) -> Watch:
        pairs = zip(self.state.evses, statuses, strict=True)
        self.state = replace(self.state, evses=tuple(replace(one, status=now) for one, now in pairs))
        return self

    def ticks(self, seconds: int, measured_a: float = 0.0, level: Level = Level.NORMAL) -> Watch:
        for _ in range(seconds):
            self.at_s += 1
            view = CircuitView("grid", (63.0,) * 3, "rating", (measured_a, 0.0, 0.0), NOTHING, NOTHING, NOTHING)
            at = Instant(1000.0 + self.at_s, BEGIN + timedelta(seconds=self.at_s))
            self.keeper.look((), self.state, Memory.blank(SITE), Decision(at, (), (view,), level=level))
        return self


def test_an_outage_that_lasts_is_told_from_its_beginning_to_its_end() -> None:
    watch = Watch().ticks(10).connected(False, True).ticks(600).connected(True, True).ticks(10)
    ((evse, began), (cause, length, is_over)) = next(iter(watch.book.outages.items()))
    assert (evse, cause, is_over) == ("A/1", Cause.OFFLINE, True)
    assert abs((began - BEGIN).total_seconds() - 11) <= 5
    assert abs(length.total_seconds() - 600) <= 10


def test_a_quarter_hour_in_which_the_controller_was_restarted_has_what_both_runs_saw() -> None:
    watch = Watch().ticks(100).ticks(30, measured_a=70.0).ticks(170)
    (before,) = watch.book.quarters.values()
    watch.keeper = Watchkeeper(watch.book, before)
    watch.ticks(200, level=Level.FALLBACK).ticks(600)
    both, after = watch.book.quarters.values()
    assert (both.over_s, both.over_a, both.over_at, both.fallback_s) == (30, 7.0, "grid", 199)
    assert before.watched_s + 590 <= both.watched_s <= 900
    assert after.over_s == 0


def test_what_is_over_within_a_minute_is_none() -> None:
    watch = Watch().connected(False, True).ticks(50).connected(True, True).ticks(100)
    assert watch.book.outages == {}


def test_an_outage_that_goes_on_is_known_until_a_minute_ago() -> None:
    watch = Watch().status(EvseStatus.FAULTED, EvseStatus.AVAILABLE).ticks(600)
    ((_, (cause, length, is_over)),) = watch.book.outages.items()
    assert (cause, is_over) == (Cause.FAULTED, False)
    assert length.total_seconds() >= 530


def test_another_cause_is_another_outage() -> None:
    watch = Watch().status(EvseStatus.UNAVAILABLE, EvseStatus.AVAILABLE).ticks(120).connected(False, True).ticks(120)
    causes = [(cause, is_over) for cause, _, is_over in watch.book.outages.values()]
    assert causes == [(Cause.UNAVAILABLE, True), (Cause.OFFLINE, False)]


def test_seconds_over_a_limit_and_in_fallback_are_counted_by_quarter_hours() -> None:
    watch = Watch().ticks(100).ticks(7, measured_a=65.0).ticks(3, measured_a=63.4).ticks(30, level=Level.FALLBACK)
    watch.ticks(800)
    first = watch.book.quarters[int(BEGIN.timestamp())]
    assert (first.watched_s, first.over_s, first.over_a, first.over_at, first.fallback_s) == (898, 7, 2.0, "grid", 30)


def test_a_gap_is_not_watched() -> None:
    watch = Watch().ticks(10)
    watch.at_s += 300
    watch.ticks(10).ticks(600)
    assert watch.book.quarters[int(BEGIN.timestamp())].watched_s == 9 + 5 + 588
