"""Row 20: NaN, infinity, negative and absurd numbers from any source."""

from __future__ import annotations

import math

import pytest

from ems.domain import events as e
from ems.domain.decision import Level
from ems.domain.limit import Limit
from ems.domain.meter import MeterReading
from tests.builders import Scenario, circuit, evse, layout, site


def park() -> Scenario:
    at = layout([circuit("grid", 63, meter="main", base_max=40)], [evse("A1", "grid"), evse("A2", "grid", "L2")])
    return site(at).meter("main", 30, 30, 30).car("A1").limit("A1/1", "operator", 20).after(60).expect(A1=20)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_reading_that_is_no_number_cannot_enter(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        MeterReading(1.0, (10.0, wrong, 10.0))
    with pytest.raises(ValueError, match="finite"):
        Limit("grid", "dso", wrong)


def test_readings_that_are_refused_make_a_meter_stale() -> None:
    """Three in a row hold; it recovers with good ones."""
    s = park().silent("main").after(4).expect(level=Level.HOLD, A1=20)
    s.after(30).expect(level=Level.FALLBACK, A1=6)
    s.speaks("main").after(80).expect(level=Level.NORMAL, A1=20)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_sample_that_is_no_number_cannot_enter_or_changes_nothing(wrong: float) -> None:
    """Wherever it is refused, the tick goes on."""
    s = park()
    with pytest.raises(ValueError, match="finite"):
        e.MeterValues("A1/1", s.now.monotonic_s, leg_a=(wrong, 1.0, 1.0))
    s.after(5).expect(A1=20)


def test_a_negative_sample_is_no_current() -> None:
    s = park().after(1)
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s, leg_a=(-5.0, -5.0, -5.0)))
    assert s.known("A1").samples[0].low_a == (0, 0, 0)


@pytest.mark.parametrize("amps", [1e9, 1e3, 200.0])
def test_an_absurd_sample_hides_no_base_load(amps: float) -> None:
    """No outlet of 32 A draws that. Believed, it would be taken off the meter and leave a building of nothing."""
    s = park()
    s.world.sample_every_s = 60
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s, leg_a=(amps,) * 3))
    for _ in range(20):
        assert s.after(1).last.circuits[0].headroom_a[0] <= 33
    s.after(60).expect(A1=20)


def test_a_sample_with_too_many_or_too_few_legs_does_not_stop_the_tick() -> None:
    """A one-phase outlet whose station reports three currents, and a three-phase one that reports one."""
    s = park().car("A2")
    s.tell(e.MeterValues("A2/1", s.now.monotonic_s, leg_a=(10.0, 0.0, 0.0)))
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s, leg_a=(20.0,)))
    s.after(5).expect(A1=(6, 20))


def test_times_from_the_future_and_the_past_do_no_harm() -> None:
    s = park()
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s - 1e6, leg_a=(20.0,) * 3))
    s.after(12).expect(A1=20, level=Level.NORMAL)
