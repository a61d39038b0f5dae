"""When the next plan is due: on round minutes, soon after news, later and later where planning fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ems.domain.instant import Instant
from ems.runtime.agenda import BACK_OFF_S, Agenda, Pace

NOON = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
PACE = Pace()


def failing(times: int) -> Agenda:
    """A plan was asked for at 100 s, and it has failed so often by now."""
    agenda = asked(7.0).begun(100.0)
    for _ in range(times):
        agenda = agenda.failed(100.0)
    return agenda


def at(seconds: float, set_by_s: float = 0.0) -> Instant:
    """So long after noon, at which the monotonic clock shows 0; somebody may have set the wall clock."""
    return Instant(seconds, NOON + timedelta(seconds=seconds + set_by_s))


def asked(seconds: float) -> Agenda:
    """A plan was asked for then, and came."""
    return Agenda(PACE).happened("arrival", seconds).begun(seconds).succeeded()


@pytest.mark.parametrize(
    ("what", "agenda", "now", "due"),
    [
        ("nobody ever asked", Agenda(PACE), 7.0, 7.0),
        ("the next round moment, when a tick has seen it", asked(7.0), 8.0, 301.5),
        ("asked on the round moment itself", asked(301.5), 302.0, 601.5),
        ("asked in the moment before it is noticed", asked(300.5), 301.0, 301.5),
        ("long ago, since nobody was there", asked(7.0), 2000.0, 2000.0),
        ("the first vehicle", Agenda(PACE).happened("arrival", 5.0), 5.0, 7.0),
        ("news after a while", asked(7.0).happened("need", 60.0), 60.0, 62.0),
        ("news at once after a plan", asked(50.0).happened("need", 51.0), 51.0, 60.0),
        ("news upon news", asked(7.0).happened("need", 60.0).happened("need", 61.5), 61.5, 63.5),
        ("news without end", asked(7.0).happened("need", 60.0).happened("need", 69.5), 69.5, 70.0),
        ("news before a round moment", asked(7.0).happened("need", 300.0), 300.0, 301.5),
        ("news that came while a plan was made", asked(7.0).begun(40.0).happened("limit", 41.0), 41.0, 50.0),
        ("the first failure", asked(7.0).begun(100.0).failed(100.0), 101.0, 102.0),
        ("a failure with news", asked(7.0).begun(100.0).failed(100.0).happened("need", 101.0), 101.0, 102.0),
        ("a failure that took its time", asked(7.0).begun(100.0).failed(190.0), 191.0, 192.0),
        ("many failures", failing(4), 101.0, 160.0),
        ("failures without end", failing(9), 101.0, 400.0),
        ("failures without end, and news", failing(9).happened("arrival", 110.0), 110.0, 160.0),
        ("news long after failures without end", failing(9).happened("need", 300.0), 300.0, 160.0),
    ],
)  # fmt: skip
def test_when_the_next_plan_is_due(what: str, agenda: Agenda, now: float, due: float) -> None:
    assert agenda.due(at(now)) == pytest.approx(due), what


def test_round_moments_follow_a_clock_that_was_set() -> None:
    agenda = asked(7.0)
    assert agenda.due(at(60.0, set_by_s=200.0)) == pytest.approx(101.5)
    assert agenda.due(at(60.0, set_by_s=-30.0)) == pytest.approx(31.5), "it has just been missed"


def test_what_fails_again_and_again_is_told_and_tried_ever_more_rarely() -> None:
    agenda, told, waits = asked(0.0), [], []
    for _ in range(7):
        agenda = agenda.begun(0.0).failed(0.0)
        told.append(agenda.is_trouble)
        waits.append(agenda.due(at(0.0)))
    assert told == [False, False, True, True, True, True, True]
    assert waits == [*BACK_OFF_S, BACK_OFF_S[-1], BACK_OFF_S[-1]]
    assert not agenda.succeeded().is_trouble


def test_few_failures_that_took_long_are_told_too() -> None:
    first = asked(0.0).begun(300.0).failed(345.0)
    assert not first.is_trouble
    second = first.begun(347.0).failed(437.0)
    assert second.is_trouble
    assert not second.succeeded().begun(600.0).failed(645.0).is_trouble, "what was before a plan is forgotten"


def test_the_first_of_several_reasons_is_the_one_that_is_named() -> None:
    assert asked(0.0).happened("limit", 5.0).happened("need", 6.0).why == "limit"
    assert asked(0.0).happened("limit", 5.0).begun(7.0).why == ""
