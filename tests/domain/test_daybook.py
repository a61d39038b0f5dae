"""What people change while the site runs: one change after the other, each refused or made as a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.daybook import (
    KEPT,
    Change,
    ChargeTold,
    Daybook,
    DeparturesReplaced,
    UnknownError,
    VehicleKept,
    VehicleRemoved,
    changed,
    must_be_possible,
    must_fit,
)
from ems.domain.departure import Departure, Goal, WeeklyDeparture
from ems.domain.events import LimitReceived, LimitWithdrawn, StrategyChosen
from ems.domain.fleet import Fleet
from ems.domain.limit import Limit
from ems.domain.session import Need, Session
from ems.domain.strategy import Strategy
from ems.domain.vehicle import StateOfCharge, Vehicle
from tests.builders import circuit, evse, layout

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
SITE = layout([circuit("grid", 100), circuit("row", 63, "grid")], [evse("A1", "row"), evse("A2", "row")])
BUS, VAN = Vehicle("Bus", battery_wh=360e3), Vehicle("Van", evse="A1/1")
BOTH = Daybook(Fleet({"Bus": BUS, "Van": VAN}))


def leaves(vehicle: str, hours: float, kwh: float = 5.0) -> Departure:
    return Departure(vehicle, NOW + timedelta(hours=hours), Goal(kwh * 1000))


def on(day: int, *vehicles: str) -> frozenset[tuple[str, date]]:
    return frozenset((name, date(2026, 3, day)) for name in vehicles)


def after(*changes: Change, known: Daybook = BOTH, now: datetime = NOW) -> Daybook:
    for change in changes:
        known = changed(known, change, now, BERLIN)
    return known


def test_departures_of_a_date_are_replaced_and_no_others() -> None:
    first = DeparturesReplaced(on(10, "Bus", "Van"), (leaves("Bus", 12), leaves("Van", 12), leaves("Bus", 36)))
    then = DeparturesReplaced(on(10, "Bus"), (leaves("Bus", 14),))
    known = after(first, then).fleet.departures
    assert known == {"Bus": (leaves("Bus", 14), leaves("Bus", 36)), "Van": (leaves("Van", 12),)}
    assert after(first, DeparturesReplaced(on(10, "Van"), ())).fleet.departures.keys() == {"Bus"}


def test_what_is_over_is_forgotten_after_a_week_and_not_before() -> None:
    told = after(
        DeparturesReplaced(on(10, "Bus"), (leaves("Bus", 12),)),
        LimitReceived(Limit("row", "works", max_a=5, ends=NOW + timedelta(hours=12))),
        LimitReceived(Limit("row", "until further notice", max_a=9)),
    )
    over = NOW + timedelta(hours=12) + KEPT
    assert after(StrategyChosen(None), known=told, now=over) == told
    later = after(StrategyChosen(None), known=told, now=over + timedelta(seconds=1))
    assert later.fleet.departures == {}
    assert [limit.source for limit in later.limits] == ["until further notice"]


def test_a_limit_replaces_the_one_of_its_scope_and_name() -> None:
    row, grid = Limit("row", "works", max_a=5), Limit("grid", "works", max_a=5)
    again = Limit("row", "works", max_a=9)
    assert after(LimitReceived(row), LimitReceived(grid), LimitReceived(again)).limits == (grid, again)
    assert after(LimitReceived(row), LimitReceived(grid), LimitWithdrawn("row", "works")).limits == (grid,)


def test_with_a_vehicle_goes_all_that_was_known_of_it() -> None:
    known = after(
        DeparturesReplaced(on(10, "Bus"), (leaves("Bus", 12),)),
        ChargeTold("Bus", StateOfCharge(40, NOW)),
        VehicleRemoved("Bus"),
    )
    assert known == Daybook(Fleet({"Van": VAN}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (VehicleRemoved("Tram"), "no vehicle 'Tram'"),
        (ChargeTold("Tram", StateOfCharge(40, NOW)), "no vehicle 'Tram'"),
        (DeparturesReplaced(on(10, "Tram"), (leaves("Tram", 12),)), "no vehicle 'Tram'"),
        (LimitWithdrawn("row", "works"), "no limit 'works' on row"),
    ],
)
def test_what_is_not_there_cannot_be_changed(change: Change, words: str) -> None:
    with pytest.raises(UnknownError, match=words):
        after(change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (DeparturesReplaced(on(10, "Bus"), (leaves("Bus", 12, kwh=401),)), "401 kWh are more than Bus can take"),
        (VehicleKept(BUS, (WeeklyDeparture(frozenset({0}), time(5), Goal(401e3)),)), "its battery holds 360 kWh"),
        (DeparturesReplaced(on(9, "Bus"), (leaves("Bus", -1),)), "the departure of Bus was on 2026-03-09 at 17:00"),
    ],
)
def test_what_no_battery_takes_and_what_is_over_is_refused(change: Change, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        after(change)


def test_a_departure_that_is_over_may_stay_beside_a_new_one_of_that_date() -> None:
    early, late = leaves("Bus", 1), leaves("Bus", 5)
    known = after(DeparturesReplaced(on(9, "Bus"), (early,)))
    later = after(DeparturesReplaced(on(9, "Bus"), (early, late)), known=known, now=NOW + timedelta(hours=2))
    assert later.fleet.departures == {"Bus": (early, late)}


def test_a_contradiction_is_refused() -> None:
    with pytest.raises(ValueError, match="belongs to Van and Bus"):
        after(VehicleKept(Vehicle("Bus", evse="A1/1")), known=Daybook(Fleet({"Van": VAN})))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (VehicleKept(Vehicle("Bus", evse="A9/1")), "no EVSE 'A9/1'"),
        (DeparturesReplaced(on(10, "Bus"), (Departure("Bus", NOW, evse="A9/1"),)), "no EVSE 'A9/1'"),
        (LimitReceived(Limit("depot", "x", max_a=5)), "no circuit and no EVSE 'depot'"),
        (LimitReceived(Limit("row", "x", max_a=63)), "63 A would not limit it"),
        (LimitReceived(Limit("A1/1", "x", max_a=33)), "33 A would not limit it"),
        (LimitReceived(Limit("grid", "DSO", max_a=90)), "not yours"),
    ],
)
def test_what_does_not_fit_the_site_is_refused(change: Change, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        must_fit(SITE, [Limit("grid", "DSO", max_a=20)], change)


@pytest.mark.parametrize(
    "change",
    [
        VehicleKept(VAN),
        LimitReceived(Limit("row", "x", max_a=62.9)),
        LimitReceived(Limit("A2/1", "x", max_w=1.0)),
        LimitReceived(Limit("row", "DSO", max_a=20)),
        StrategyChosen(Strategy.FAST),
    ],
)
def test_what_fits_is_not(change: Change) -> None:
    must_fit(SITE, [Limit("grid", "DSO", max_a=20)], change)


@pytest.mark.parametrize(
    ("need", "words"),
    [
        (Need(401e3), "401 kWh are more than Bus can take: its battery holds 360 kWh"),
        (Need(guaranteed_wh=401e3), "401 kWh are more than Bus can take"),
        (Need(5e3, guaranteed_wh=6e3), "more is guaranteed than wanted"),
        (Need(5e3, NOW), "the departure is over"),
        (Need(5e3, NOW + timedelta(days=400)), "more than a year away"),
        (Need(5e3, guaranteed_by=NOW), "the guarantee is over"),
    ],
)
def test_a_need_that_cannot_be_is_refused(need: Need, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        must_be_possible(Session("A1/1", NOW, 0.0, vehicle=BUS), need, NOW)


def test_a_departure_that_was_known_before_may_be_over() -> None:
    """Who is late and asks for more energy has not said anything about when."""
    late = Session("A1/1", NOW - timedelta(hours=3), 0.0, need=Need(5e3, NOW - timedelta(minutes=5)))
    must_be_possible(late, Need(9e3, NOW - timedelta(minutes=5)), NOW)


NAMES = st.sampled_from(["Bus", "Van", "Tram"])
CHANGES = st.one_of(
    st.builds(
        lambda name, place: VehicleKept(Vehicle(name, evse=place)), NAMES, st.sampled_from([None, "A1/1", "A2/1"])
    ),
    st.builds(VehicleRemoved, NAMES),
    st.builds(lambda name, percent: ChargeTold(name, StateOfCharge(percent, NOW)), NAMES, st.integers(0, 100)),
    st.builds(lambda name, hours: DeparturesReplaced(on(10, name), (leaves(name, hours),)), NAMES, st.integers(7, 29)),
    st.builds(lambda name: DeparturesReplaced(on(10, name), ()), NAMES),
    st.builds(StrategyChosen, st.sampled_from([None, Strategy.FAST])),
    st.builds(lambda amps: LimitReceived(Limit("row", "works", max_a=amps)), st.integers(0, 60)),
    st.just(LimitWithdrawn("row", "works")),
)


@given(st.lists(CHANGES, max_size=12))
def test_whatever_is_changed_a_daybook_never_contradicts_itself(changes: list[Change]) -> None:
    """And a change that is made twice is made once."""
    known = Daybook()
    for change in changes:
        try:
            known = after(change, known=known)
        except ValueError:
            continue
        fleet = known.fleet
        assert Fleet(fleet.vehicles, fleet.weekly, fleet.departures, fleet.charges) == fleet
        assert all(departures for departures in fleet.departures.values())
        if not isinstance(change, VehicleRemoved | LimitWithdrawn):
            assert after(change, known=known) == known
