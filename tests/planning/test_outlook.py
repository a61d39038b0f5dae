"""What of the state travels to the planner."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from datetime import timedelta

import pytest

from ems.domain import events as e
from ems.domain.meter import Meter, MeterRole
from ems.domain.session import Need, Transaction
from ems.domain.station import EvseStatus
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Vehicle
from ems.planning.outlook import Outlook, outlook_of
from tests.builders import Scenario, circuit, evse, layout, site


def pair() -> Scenario:
    """Two outlets behind a meter that shows 5 A of other load; a vehicle charges at A1."""
    at = layout([circuit("grid", 63, meter="main"), circuit("row", 40, "grid")], [evse("A1", "row"), evse("A2", "row")])
    s = site(at).tell(e.StrategyChosen(Strategy.CHEAPEST)).meter("main", 5, 5, 5)
    return s.car("A1", need=40, leaves="23:00", takes=20).after(240)


def outlook(s: Scenario) -> Outlook:
    return outlook_of(s.state, s.last, s.memory.setpoints.appetite_a.tolist())


def test_a_vehicle_is_told_with_what_it_got_needs_and_takes() -> None:
    s = pair()
    (stay,) = outlook(s).stays
    session = s.known("A1").session
    assert session is not None
    assert (stay.evse, stay.evse_id, stay.session) == (0, "A1/1", session.id)
    assert stay.taken_wh == session.energy_wh > 0.0
    assert (stay.need.energy_wh, stay.legs, stay.min_a) == (40_000.0, (True, True, True), 6.0)
    assert stay.appetite_a == pytest.approx(22.0), "what it was seen to take, and some slack"
    assert not stay.is_done


def test_the_moment_the_strategy_the_limits_and_other_load_are_told() -> None:
    s = pair().limit("grid", "DSO", a=20).after(1)
    told = outlook(s)
    assert (told.now, told.strategy) == (s.now.utc, Strategy.CHEAPEST)
    assert [(limit.source, limit.max_a) for limit in told.limits] == [("DSO", 20)]
    assert told.base_a[0] == pytest.approx((5.0, 5.0, 5.0), abs=0.5)
    assert len(told.base_a) == 2


@pytest.mark.parametrize(
    ("what", "event"),
    [
        ("nobody is plugged in", lambda s: e.StatusChanged("A1/1", s.now, EvseStatus.AVAILABLE)),
        ("its transaction has ended", lambda s: e.StatusChanged("A1/1", s.now, EvseStatus.FINISHING)),
        ("the EVSE is faulted", lambda s: e.StatusChanged("A1/1", s.now, EvseStatus.FAULTED)),
        ("the EVSE is out of service", lambda s: e.StatusChanged("A1/1", s.now, EvseStatus.UNAVAILABLE)),
        ("the station is out of reach", lambda s: e.StationGone("A1", s.now, s.state.station("A1").generation)),
    ],
)
def test_who_cannot_be_steered_is_left_out(what: str, event: object) -> None:
    s = pair()
    told = outlook(s.tell(event(s)).after(1))  # type: ignore[operator]  # a row of the table
    assert told.stays == (), what
    assert told.hindered == (() if what == "nobody is plugged in" else ("A1/1",)), what


def test_who_stopped_drawing_although_offered_is_done_who_was_offered_nothing_is_not() -> None:
    s = pair().tell(e.StatusChanged("A1/1", pair().now, EvseStatus.SUSPENDED_EV))
    assert outlook(s).stays[0].is_done
    s = pair().limit("A1/1", "operator", a=0).after(5)
    s.tell(e.StatusChanged("A1/1", s.now, EvseStatus.SUSPENDED_EV))
    assert not outlook(s).stays[0].is_done


def test_who_took_next_to_nothing_when_offered_is_done_also_while_it_is_offered_nothing() -> None:
    s = pair()
    assert not outlook_of(s.state, s.last, [7.0, math.inf]).stays[0].is_done
    assert outlook_of(s.state, s.last, [2.0, math.inf]).stays[0].is_done


@pytest.mark.parametrize(
    ("vehicle", "min_a", "most_a", "legs"),
    [
        (Vehicle("bus"), 6.0, 32.0, (True, True, True)),
        (Vehicle("bus", max_a=16, min_a=8, legs=1), 8.0, 16.0, (True, False, False)),
        (Vehicle("bus", max_a=80, legs=2), 6.0, 32.0, (True, True, False)),
    ],
)
def test_a_vehicle_that_is_known_is_known_from_the_first_second(
    vehicle: Vehicle, min_a: float, most_a: float, legs: tuple[bool, ...]
) -> None:
    s = pair().car("A2", need=9).tell(e.VehicleIdentified("A2/1", vehicle)).after(1)
    stay = outlook(s).stays[1]
    assert (stay.min_a, stay.appetite_a, stay.legs) == (min_a, most_a, legs)


@pytest.mark.parametrize(
    ("what", "vehicle", "soc_percent", "room_wh"),
    [
        ("nobody knows how large its battery is", Vehicle("bus"), 50.0, math.inf),
        ("nobody knows how full it is", Vehicle("bus", battery_wh=45e3, efficiency=0.9), None, 50e3),
        ("it says how full it is", Vehicle("bus", battery_wh=45e3, efficiency=0.9), 80.0, 10e3),
    ],
)
def test_how_much_a_battery_takes_is_told(
    what: str, vehicle: Vehicle, soc_percent: float | None, room_wh: float
) -> None:
    s = pair().car("A2", need=200).tell(e.VehicleIdentified("A2/1", vehicle))
    if soc_percent is not None:
        s.tell(e.MeterValues("A2/1", s.now.monotonic_s, soc_percent=soc_percent))
    assert outlook(s.after(1)).stays[1].room_wh == pytest.approx(room_wh), what


def begins_again(s: Scenario, name: str, number: int = 99) -> Scenario:
    """The station of a vehicle rebooted: another transaction of the same session."""
    known = s.known(name)
    assert known.session is not None
    assert known.session.transaction is not None
    register_wh = known.session.transaction.meter_start_wh + known.session.energy_wh
    s.tell(e.TransactionStarted(f"{name}/1", s.now, Transaction(number, s.now.utc, register_wh)))
    return s


def test_what_it_got_in_an_earlier_transaction_of_its_session_is_told_as_taken() -> None:
    bus = Vehicle("bus", battery_wh=45e3, efficiency=0.9)
    s = pair().tell(e.VehicleIdentified("A1/1", bus))
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s, soc_percent=80.0))
    (before,) = outlook(s).stays
    (stay,) = outlook(begins_again(s, "A1")).stays
    session = s.known("A1").session
    assert session is not None
    assert (session.energy_wh, stay.taken_wh) == (0.0, before.taken_wh)
    assert stay.room_wh == before.room_wh == pytest.approx(before.taken_wh + 10e3)


def test_what_samples_prove_counts_more_than_what_is_said_of_the_vehicle() -> None:
    s = pair().tell(e.VehicleIdentified("A1/1", Vehicle("bus", legs=1))).after(1)
    assert outlook(s).stays[0].legs == (True, True, True)


def test_it_survives_the_way_to_another_process() -> None:
    s = pair().tell(e.NeedStated("A1/1", Need(9e3, pair().now.utc + timedelta(hours=1), guaranteed_wh=5e3)))
    told = outlook(s)
    assert pickle.loads(pickle.dumps(told)) == told


def test_what_pv_gives_is_told_as_long_as_its_meter_says_so() -> None:
    at = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid")])
    at = replace(at, meters=(*at.meters, Meter("roof", role=MeterRole.PV, circuit="grid")))
    s = site(at).meter("main", 15, 15, 15)
    assert outlook(s.silent("roof").after(5)).sun_w is None, "it has not said anything yet"
    s = site(at).meter("main", 15, 15, 15).meter("roof", -10, -10, -10).after(5)
    assert outlook(s).sun_w == pytest.approx(6900.0)
    assert outlook(s.silent("roof").after(90)).sun_w is None
    s = site(at).meter("main", 15, 15, 15).meter("roof", 0.1).after(5)
    assert outlook(s).sun_w == 0.0, "what an inverter draws at night is no sun"
