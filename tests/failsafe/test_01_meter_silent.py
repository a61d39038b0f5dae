"""Row 1: a grid or feeder meter falls silent."""

from __future__ import annotations

import pytest

from ems.domain.decision import Binding, Level
from ems.domain.meter import Meter, OnLoss
from tests.builders import Scenario, circuit, evse, layout, site


def charging(rating: float = 80, every_s: float = 1.0, on_loss: OnLoss = OnLoss.FALLBACK) -> Scenario:
    """A1 charges with 32 A beside a building of 20 A that may take 40."""
    meters = [Meter("main", every_s, on_loss=on_loss, circuit="grid")]
    at = layout(
        [circuit("grid", rating, meter="main", base_max=40)], [evse("A1", "grid"), evse("A2", "grid")], meters=meters
    )
    return site(at).meter("main", 20, 20, 20).car("A1").after(90).expect(A1=32, level=Level.NORMAL)


def test_it_holds_after_3_s_is_cautious_after_10_s_and_falls_back_after_30_s() -> None:
    """Each step in the tick after its figure."""
    s = charging().silent("main").after(3).expect(level=Level.NORMAL)
    s.after(1).expect(level=Level.HOLD, A1=32, alarm="meter:main")
    s.after(6).expect(level=Level.HOLD, A1=32)
    s.after(1).expect(level=Level.CAUTIOUS, A1=32)
    s.after(19).expect(level=Level.CAUTIOUS, A1=32)
    s.after(1).expect(level=Level.FALLBACK, A1=6, binding=Binding.FALLBACK, cause="meter main silent")
    s.after(10)
    assert s.flow("grid") == (26, 26, 26)


def test_nobody_is_raised_while_it_holds() -> None:
    s = charging().silent("main").after(4).car("A2").after(20)
    s.expect(A2=0, binding=Binding.HELD, cause="meter main silent")


def test_it_recovers_only_when_it_has_been_steady_for_30_s() -> None:
    s = charging().silent("main").after(40).expect(A1=6)
    s.speaks("main").after(1).expect(level=Level.HOLD, A1=6)
    s.after(28).expect(level=Level.HOLD, A1=6)
    s.after(2).expect(level=Level.NORMAL)
    s.after(40).expect(A1=32)
    assert s.alarm("meter:main") is None


def test_a_meter_that_comes_and_goes_is_not_steady() -> None:
    s = charging().silent("main").after(40)
    for _ in range(4):
        s.speaks("main").after(20).silent("main").after(5).expect(A1=6)
    s.speaks("main").after(31).expect(level=Level.NORMAL)


def test_a_short_silence_costs_nothing() -> None:
    charging().silent("main").after(3).speaks("main").after(1).expect(level=Level.NORMAL, A1=32)


def test_on_loss_stop_means_no_current() -> None:
    charging(on_loss=OnLoss.STOP).silent("main").after(31).expect(level=Level.ZERO, A1=0)


def test_failures_are_as_silent_as_silence() -> None:
    """What counts is the age of the last good reading; the alarm repeats what the meter's driver said."""
    alarm = charging().silent("main").after(5).alarm("meter:main")
    assert alarm is not None
    assert alarm.remedy == "no answer"


@pytest.mark.parametrize(
    ("every_s", "hold", "cautious", "fallback"), [(1, 3, 10, 30), (5, 15, 20, 30), (10, 30, 40, 60)]
)
def test_a_slow_meter_is_given_three_of_its_periods(every_s: float, hold: int, cautious: int, fallback: int) -> None:
    s = charging(every_s=every_s)
    while s.state.meters[0].at != s.now.monotonic_s:
        s.after(1)
    s.silent("main").after(hold).expect(level=Level.NORMAL)
    s.after(1).expect(level=Level.HOLD)
    s.after(cautious - hold).expect(level=Level.CAUTIOUS)
    s.after(fallback - cautious).expect(level=Level.FALLBACK, A1=6)


def test_only_what_hangs_behind_the_meter_falls_back() -> None:
    s = site("two_feeders").car("A1").car("B1").after(90).expect(A1=32, B1=32)
    s.silent("sub-b").after(40).expect(A1=32).expect(B1=6, cause="meter sub-b silent")
    s.speaks("sub-b").after(70).expect(A1=32, B1=32)


def test_the_grid_meter_concerns_everybody() -> None:
    site("two_feeders").car("A1").car("B1").after(90).silent("main").after(40).expect(A1=6, B1=6)


def test_a_meter_that_never_answered_is_a_silent_one() -> None:
    at = layout([circuit("grid", 80, meter="main", base_max=40)], [evse("A1", "grid")])
    site(at).silent("main").car("A1").after(20).expect(level=Level.FALLBACK, A1=6, cause="has never answered")


def test_the_building_may_take_all_that_is_declared_while_the_meter_is_silent() -> None:
    """The worst that can happen behind a dead meter: everything declared is drawn, and the fuse still holds."""
    s = charging(rating=52).silent("main").after(45).meter("main", 40, 40, 40).car("A2").after(60)
    assert max(s.flow("grid")) <= 52
