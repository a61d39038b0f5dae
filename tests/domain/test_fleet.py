"""Which vehicle is plugged in, and what it needs by its timetable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from ems.domain.departure import Departure, Goal, WeeklyDeparture
from ems.domain.fleet import Fleet
from ems.domain.service_class import ServiceClass
from ems.domain.session import NeedOrigin, Session, Transaction
from ems.domain.vehicle import Guarantee, StateOfCharge, Vehicle
from tests.control.installations import circuit, evse, layout

PLUGGED = datetime(2026, 3, 9, 20, 0, tzinfo=UTC)
LEAVES = datetime(2026, 3, 10, 4, 10, tzinfo=UTC)
BUS = Vehicle("Bus 17", id_tags=("04A1", "VID:0011"), battery_wh=360e3, efficiency=0.9)
SITE = layout([circuit("grid", 63)], [evse("A", "grid"), evse("B", "grid", priority=2)])
DAILY = WeeklyDeparture(frozenset(range(7)), time(5, 10), Goal(energy_wh=55e3))


def session(tag: str | None = None, evse: str = "A/1", soc: float | None = None) -> Session:
    transaction = None if tag is None else Transaction(7, PLUGGED, 0.0, tag)
    return Session(evse, PLUGGED, 0.0, transaction, soc_percent=soc)


def fleet(*vehicles: Vehicle, departures: tuple[Departure, ...] = (), goal: Goal = DAILY.goal) -> Fleet:
    return Fleet(
        {one.id: one for one in vehicles},
        {one.id: (replace(DAILY, goal=goal),) for one in vehicles},
        {one.id: tuple(d for d in departures if d.vehicle == one.id) for one in vehicles},
    )


@pytest.mark.parametrize(
    ("tag", "evse", "found"),
    [
        ("04A1", "B/1", "Bus 17"),
        ("04a1", "B/1", "Bus 17"),
        ("vid:0011", "B/1", "Bus 17"),
        ("04A1", "A/1", "Bus 17"),  # the tag says more than the place
        ("STRANGER", "A/1", "Bus 18"),  # a driver's card at the vehicle's own place
        (None, "A/1", "Bus 18"),
        ("STRANGER", "B/1", None),
        (None, "B/1", None),
        (None, "C/1", "Bus 17"),  # it is to leave from there
    ],
)
def test_a_vehicle_is_known_by_its_tag_or_its_place(tag: str | None, evse: str, found: str | None) -> None:
    visit = (Departure("Bus 17", LEAVES, evse="C/1"), Departure("Bus 18", LEAVES + timedelta(days=1), evse="C/1"))
    ours = fleet(BUS, Vehicle("Bus 18", evse="A/1"), departures=visit)
    vehicle = ours.vehicle_of(session(tag, evse), PLUGGED)
    assert (None if vehicle is None else vehicle.id) == found


def test_a_place_that_a_vehicle_has_left_is_free_for_the_next() -> None:
    visits = (Departure("Bus 17", LEAVES, evse="C/1"), Departure("Bus 18", LEAVES + timedelta(days=1), evse="C/1"))
    found = fleet(BUS, Vehicle("Bus 18"), departures=visits).vehicle_of(session(evse="C/1"), LEAVES)
    assert found is not None
    assert found.id == "Bus 18"


@pytest.mark.parametrize(
    ("goal", "soc", "kwh"),
    [
        (Goal(energy_wh=55e3), None, 55),
        (Goal(energy_wh=55e3), 50, 55),
        (Goal(soc_percent=90), 50, 160),  # 40 % of 360 kWh, and a tenth is lost on the way
        (Goal(soc_percent=90), 95, 0),
        (Goal(soc_percent=90), None, 360),  # as if it were empty
        (Goal(energy_wh=55e3, soc_percent=90), None, 55),
        (Goal(energy_wh=55e3, soc_percent=90), 50, 160),
        (Goal(), 50, None),
    ],
)
def test_the_energy_of_a_goal(goal: Goal, soc: float | None, kwh: float | None) -> None:
    need = fleet(BUS, goal=goal).need_of(BUS, session(soc=soc), PLUGGED, SITE)
    assert need.energy_wh == (None if kwh is None else pytest.approx(kwh * 1000))
    assert (need.departure, need.origin) == (LEAVES, NeedOrigin.SCHEDULED)


@pytest.mark.parametrize(
    ("goal", "soc", "is_assumed"),
    [
        (Goal(soc_percent=90), None, True),
        (Goal(soc_percent=90), 50, False),
        (Goal(energy_wh=55e3, soc_percent=90), None, False),
        (Goal(energy_wh=55e3), None, False),
        (Goal(), None, False),
    ],
)
def test_a_battery_that_was_taken_to_be_empty_is_told_as_such(goal: Goal, soc: float | None, is_assumed: bool) -> None:
    assert fleet(BUS, goal=goal).need_of(BUS, session(soc=soc), PLUGGED, SITE).is_assumed is is_assumed


def test_a_target_without_a_known_battery_is_no_energy() -> None:
    unknown = replace(BUS, battery_wh=None)
    assert fleet(unknown, goal=Goal(soc_percent=90)).need_of(unknown, session(soc=50), PLUGGED, SITE).energy_wh is None


def test_the_energy_counts_from_when_the_state_of_charge_was_new() -> None:
    """Stations report whole percents, and some report only once: energy that flowed since is not wanted again."""
    heard = replace(session("04A1"), energy_wh=10e3).charged(50)
    later = replace(heard, energy_wh=30e3).charged(50)
    ours = fleet(BUS, goal=Goal(soc_percent=90))
    assert ours.need_of(BUS, later, PLUGGED, SITE).energy_wh == pytest.approx(170e3)
    newer = replace(later, energy_wh=34e3).charged(56)
    assert ours.need_of(BUS, newer, PLUGGED, SITE).energy_wh == pytest.approx(34e3 + 136e3)


@pytest.mark.parametrize(
    ("promise", "wh", "by", "always"),
    [
        (None, 0, None, False),
        (Guarantee(20e3), 20e3, None, False),
        (Guarantee(20e3, time(5, 10)), 20e3, LEAVES, False),
        (Guarantee(20e3, time(20, 59)), 20e3, PLUGGED + timedelta(hours=23, minutes=59), False),
        (Guarantee(minimum_always=True), 0, None, True),
    ],
)
def test_what_is_promised_is_part_of_the_need(
    promise: Guarantee | None, wh: float, by: datetime | None, always: bool
) -> None:
    bus = replace(BUS, guarantee=promise)
    need = Fleet({bus.id: bus}).need_of(bus, session(), PLUGGED, SITE)
    assert (need.guaranteed_wh, need.guaranteed_by, need.minimum_always) == (wh, by, always)
    assert (need.energy_wh, need.departure) == (None, None)
    assert need.is_empty is (promise is None)


TWENTY, ALWAYS, NOTHING = Guarantee(20e3, time(5, 10)), Guarantee(minimum_always=True), None


@pytest.mark.parametrize(
    ("vehicle", "evse", "of_departure", "promise"),
    [
        (None, "A/1", None, NOTHING),  # class 0, of which nobody said anything
        (None, "B/1", None, TWENTY),  # whoever it is, the EVSE is of class 2
        (BUS, "A/1", None, NOTHING),
        (replace(BUS, service_class=2), "A/1", None, TWENTY),
        (replace(BUS, service_class=5), "B/1", None, ALWAYS),
        (replace(BUS, service_class=5), "B/1", 2, TWENTY),  # for this departure it is of class 2
        (replace(BUS, service_class=5, guarantee=Guarantee(8e3)), "B/1", 2, Guarantee(8e3)),
        (replace(BUS, service_class=5, guarantee=Guarantee()), "B/1", 2, NOTHING),  # promised nothing, for sure
        (replace(BUS, service_class=2, battery_wh=9e3), "A/1", None, Guarantee(10e3, time(5, 10))),  # all it takes
    ],
)
def test_a_vehicle_is_promised_what_its_class_is_unless_it_has_a_promise_of_its_own(
    vehicle: Vehicle | None, evse: str, of_departure: int | None, promise: Guarantee | None
) -> None:
    site = replace(SITE, classes=(ServiceClass(5, "fire brigade", ALWAYS), ServiceClass(2, "buses", TWENTY)))
    leaves = () if of_departure is None else (Departure("Bus 17", LEAVES, service_class=of_departure),)
    ours = Fleet() if vehicle is None else Fleet({vehicle.id: vehicle}, departures={vehicle.id: leaves})
    need = ours.need_of(vehicle, session(evse=evse), PLUGGED, site)
    due = LEAVES if promise is not None and promise.by is not None else None
    told = Guarantee() if promise is None else promise
    assert need.guaranteed_wh == pytest.approx(told.energy_wh)
    assert (need.minimum_always, need.guaranteed_by) == (told.minimum_always, due)


def test_what_people_say_of_a_class_counts_instead_of_the_site_file() -> None:
    site = replace(SITE, classes=(ServiceClass(2, "buses", TWENTY),))
    for said, wh in ((None, 20e3), (ServiceClass(2, "buses", Guarantee(5e3)), 5e3), (ServiceClass(2), 0.0)):
        ours = Fleet(classes={} if said is None else {2: said})
        assert ours.need_of(None, session(evse="B/1"), PLUGGED, site).guaranteed_wh == wh


@pytest.mark.parametrize(
    ("promise", "words"),
    [
        (TWENTY, "at least 20 kWh by 05:10"),
        (ALWAYS, "never below its minimum current"),
        (Guarantee(7.5e3, minimum_always=True), "at least 7.5 kWh, never below its minimum current"),
        (Guarantee(), "nothing"),
    ],
)
def test_a_promise_in_words(promise: Guarantee, words: str) -> None:
    assert promise.in_words == words


@pytest.mark.parametrize(
    ("told", "holds"),
    [(-timedelta(hours=2), False), (-timedelta(minutes=59), True), (timedelta(hours=3), True)],
)
def test_a_state_of_charge_that_was_told_holds_for_a_while(told: timedelta, holds: bool) -> None:
    charge = StateOfCharge(41, PLUGGED + told)
    ours = Fleet({BUS.id: BUS}, charges={BUS.id: charge})
    assert ours.charge_at_plug_in(BUS.id, session()) == (charge if holds else None)
    assert ours.charge_at_plug_in(BUS.id, session(soc=60)) is None, "its station knows better"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Fleet({"a": Vehicle("a", id_tags=("X",)), "b": Vehicle("b", id_tags=("x",))}),
        lambda: Fleet({"a": Vehicle("a", evse="A/1"), "b": Vehicle("b", evse="A/1")}),
        lambda: Fleet(weekly={"a": (DAILY,)}),
        lambda: Fleet(departures={"a": ()}),
    ],
)
def test_a_fleet_that_contradicts_itself_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"belongs to a and b|no vehicle 'a'"):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""}, {"id": "a\nb"}, {"id": " a"}, {"id": "a" * 65}, {"id_tags": ("a", "A")}, {"id_tags": ("",)},
        {"battery_wh": 0.0}, {"battery_wh": float("nan")}, {"battery_wh": 360e6}, {"max_a": 5.0},
        {"max_a": float("inf")}, {"min_a": 3.0}, {"min_a": 10.0, "max_a": 8.0},
        {"legs": 0}, {"legs": 4}, {"efficiency": 0.0}, {"max_w": -1.0},
        {"id_tags": tuple(map(str, range(21)))}, {"battery_wh": 9e3, "guarantee": Guarantee(11e3)},
    ],
)  # fmt: skip
def test_a_vehicle_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Vehicle(**({"id": "a"} | wrong))  # type: ignore[arg-type]  # that is the test
