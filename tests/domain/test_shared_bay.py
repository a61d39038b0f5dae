"""Two vehicles cannot have been plugged in at one EVSE until the same time; that is named, and forbids nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from ems.domain.departure import Departure, WeeklyDeparture
from ems.domain.fleet import Fleet
from ems.domain.shared_bay import shared_bays
from ems.domain.vehicle import Vehicle
from tests.builders import circuit, evse, layout

SITE = layout([circuit("grid", 63)], [evse("CP-01", "grid"), evse("CP-02", "grid")])
DAY = date(2026, 3, 10)
FIVE = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
WORKDAYS = WeeklyDeparture(frozenset(range(5)), time(5, 0))
FLEET = Fleet(
    {one.id: one for one in (Vehicle("bus-1", evse="CP-01/1"), Vehicle("bus-2"), Vehicle("bus-3", evse="CP-02/1"))},
    weekly={"bus-1": (WORKDAYS,)},
)


def leaves(vehicle: str, minutes: float, evse: str | None = "CP-01/1") -> Departure:
    return Departure(vehicle, FIVE + timedelta(minutes=minutes), evse=evse)


@pytest.mark.parametrize(
    ("departures", "pairs"),
    [
        ([leaves("bus-2", 0)], [("bus-1", "bus-2")]),
        ([leaves("bus-2", 29)], [("bus-1", "bus-2")]),
        ([leaves("bus-2", -29)], [("bus-2", "bus-1")]),
        ([leaves("bus-2", 0), leaves("bus-3", 10)], [("bus-1", "bus-2"), ("bus-2", "bus-3")]),
        # The first has made room, another EVSE is meant, it is another day, or nobody says from where.
        ([leaves("bus-2", 30)], []),
        ([leaves("bus-2", 0, "CP-02/1")], []),
        ([leaves("bus-2", 24 * 60)], []),
        ([leaves("bus-2", 0, None)], []),
        # Where a vehicle always is counts for what is said of a date, too, and that in place of its week.
        ([leaves("bus-3", 0, None), leaves("bus-2", 0, "CP-02/1")], [("bus-2", "bus-3")]),
        ([leaves("bus-1", 120, None), leaves("bus-2", 0)], []),
        # One that leaves twice, or is told twice, is one.
        ([leaves("bus-1", 0), leaves("bus-1", 10)], []),
    ],
)
def test_who_leaves_from_one_evse_at_one_time_is_named(
    departures: list[Departure], pairs: list[tuple[str, str]]
) -> None:
    found = shared_bays(FLEET, departures, {DAY}, SITE)
    assert [(one.first.vehicle, one.second.vehicle) for one in found] == pairs


def test_a_day_on_which_the_clock_is_set_and_one_without_departures_are_days_like_others() -> None:
    sunday, monday = date(2026, 3, 29), date(2026, 3, 30)
    fleet = replace(FLEET, weekly={"bus-1": (WeeklyDeparture(frozenset({6}), time(2, 30)),)})
    at = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    (one,) = shared_bays(fleet, [Departure("bus-2", at, evse="CP-01/1")], {sunday, monday}, SITE)
    assert (one.evse, one.first.at, one.second.at) == ("CP-01/1", at, at)
    assert shared_bays(fleet, [], {monday}, SITE) == ()
