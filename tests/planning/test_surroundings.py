"""What flows beside the vehicles over the hours ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ems.domain.recurrence import Holidays
from ems.domain.site import Site
from ems.planning.forecast.series import Series
from ems.planning.horizon import Horizon
from ems.planning.surroundings import Seen, Surroundings, surroundings
from tests.control.installations import circuit, evse, layout

NOW = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
HORIZON = Horizon.standard(NOW)
HOUR = 3600
DAYS = 40
SITE = layout(
    [
        circuit("grid", 100, meter="main", base_max=60),
        circuit("hall", 63, "grid", meter="sub", base_max=30),
        circuit("yard", 50, "grid", base_max=4),
    ],
    [evse("A", "hall"), evse("B", "yard")],
)
PRESENT = ((20.0, 20.0, 20.0), (5.0, 5.0, 5.0), (0.0, 0.0, 0.0))


def course(of_hour: list[float]) -> Series:
    """The same every day until now, by hours of the UTC day."""
    begins = NOW.replace(hour=0) - timedelta(days=DAYS)
    return Series.of(begins, HOUR, [of_hour[k % 24] for k in range(24 * DAYS + NOW.hour)])


def beside(
    site: Site = SITE,
    base: tuple[tuple[float, float, float], ...] = PRESENT,
    sun_w: float | None = None,
    **known: Series,
) -> Surroundings:
    return surroundings(site, HORIZON, base, Seen(**known, sun_w=sun_w))


def at(hours: float) -> int:
    """The step in which a moment so many hours ahead lies."""
    return int(np.searchsorted(np.array(HORIZON.edges_s), 3600.0 * hours, side="right")) - 1


def test_without_a_past_it_stays_as_it_is_and_says_so() -> None:
    found = beside()
    assert found.base_a[0, :, 0].tolist() == found.base_a[0, :, -1].tolist() == [20.0] * 3
    assert found.base_w.tolist() == pytest.approx([3 * 20 * 230.0] * HORIZON.steps)
    assert found.generation_w.tolist() == [0.0] * HORIZON.steps
    assert found.doubts == ("other load is taken to stay as it is",)


def test_a_circuit_without_a_meter_counts_with_the_most_that_is_declared() -> None:
    assert beside().base_a[2].tolist() == [[4.0] * HORIZON.steps] * 3


def test_before_anything_was_measured_the_most_that_is_declared_counts_everywhere() -> None:
    found = beside(base=())
    assert [found.base_a[i, 0, 0] for i in range(3)] == [60.0, 30.0, 4.0]


def test_a_building_is_expected_to_do_what_it_did_and_its_parts_their_share() -> None:
    """13.8 kW now; twice that from noon on, as on every other day."""
    found = beside(building_w=course([13_800.0] * 12 + [27_600.0] * 12))
    assert found.doubts == ()
    assert found.base_w[at(0.5)] == pytest.approx(13_800.0, rel=0.02)
    assert found.base_w[at(5.0)] == pytest.approx(27_600.0, rel=0.02)
    assert found.base_a[0, :, at(5.0)].tolist() == pytest.approx([40.0] * 3, rel=0.02)
    assert found.base_a[1, 0, at(5.0)] == pytest.approx(5.0 + 20.0 / 4.0, rel=0.02), "a quarter happens in the hall"
    assert found.base_a[2, 0, at(5.0)] == 4.0


def test_on_a_holiday_of_the_site_the_building_is_expected_to_do_what_it_does_on_sundays() -> None:
    """2026-06-04 is Corpus Christi, a Thursday, on which an office is as empty as on a Sunday."""
    begins = NOW.replace(hour=0) - timedelta(days=DAYS)
    busy = [30e3 if (begins + timedelta(hours=k)).weekday() < 5 else 3e3 for k in range(24 * DAYS + NOW.hour)]
    past = Series.of(begins, HOUR, busy)
    closed = replace(SITE, holidays=Holidays(yearly=frozenset({(6, 4)})))
    assert beside(building_w=past).base_w[at(20.0)] == pytest.approx(30e3, rel=0.05)
    assert beside(closed, building_w=past).base_w[at(20.0)] == pytest.approx(3e3, rel=0.05)


def test_a_building_of_which_too_little_is_known_stays_as_it_is() -> None:
    short = Series.of(NOW - timedelta(days=2), HOUR, [1000.0] * 48)
    found = beside(building_w=short)
    assert found.base_w.tolist() == pytest.approx([13_800.0] * HORIZON.steps)
    assert found.doubts == ("other load is taken to stay as it is: only 2 days of history",)


def test_the_sun_relieves_cost_by_what_is_likely_and_conductors_by_what_is_sure() -> None:
    """A building of 20 kW and a plant that gives 6.2 kW at ten, and nothing at night."""
    sun = [0.0] * 6 + [6200.0] * 12 + [0.0] * 6
    found = beside(building_w=course([20_000.0] * 24), generation_w=course(sun))
    assert found.generation_w[at(0.5)] == pytest.approx(6200.0, rel=0.05)
    assert found.generation_w[at(12.0)] == 0.0
    assert found.base_w[at(12.0)] == pytest.approx(20_000.0, rel=0.02)
    night_a = found.base_a[0, 0, at(12.0)]
    assert night_a == pytest.approx(20_000.0 / 690.0, rel=0.02)
    assert found.base_a[0, 0, at(0.5)] == pytest.approx(night_a - 6200.0 / 690.0, rel=0.05)


@pytest.mark.parametrize(
    ("what", "past"),
    [
        ("there is no past", None),
        (
            "it began to be measured an hour ago",
            Series.of(NOW - timedelta(hours=1), HOUR, [12_000.0]),
        ),
    ],
)
def test_sun_that_was_never_seen_at_this_time_of_day_is_counted_on_for_an_hour_and_the_plan_says_so(
    what: str, past: Series | None
) -> None:
    """13.8 kW flow in while the plant gives 6.9 kW: the building draws 20.7 kW, with the sun or without."""
    found = surroundings(SITE, HORIZON, PRESENT, Seen(None, past, 6900.0))
    assert found.base_w.tolist() == pytest.approx([20_700.0] * HORIZON.steps), what
    assert found.generation_w[at(0.9)] == 6900.0
    assert found.generation_w[at(1.1)] == 0.0
    assert found.base_a[0, 0, 0] == pytest.approx(20.0)
    assert found.base_a[0, 0, at(1.1)] == pytest.approx(30.0), "what the sun spares now is not spared later"
    assert found.doubts[-1] == "PV is counted on for an hour: what it gives at these times of day was not measured yet"


def test_sun_that_was_seen_at_this_time_of_day_is_forecast_from_what_was_measured() -> None:
    sun = course([0.0] * 6 + [6200.0] * 12 + [0.0] * 6)
    found = beside(sun_w=9000.0, building_w=course([20_000.0] * 24), generation_w=sun)
    assert found.generation_w[at(0.5)] == pytest.approx(6200.0, rel=0.05)
    assert found.doubts == ()


def test_a_plant_of_which_too_little_is_known_is_named_beside_the_doubt() -> None:
    sun = Series.of(NOW - timedelta(days=3), HOUR, [5000.0] * 72)
    assert "PV: only 3 days of history" in "\n".join(beside(building_w=course([20e3] * 24), generation_w=sun).doubts)
