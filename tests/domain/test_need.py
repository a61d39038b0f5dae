"""Whose word counts about what a vehicle needs, and what knowing the vehicle changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ems.domain.apply import apply
from ems.domain.events import Event, MeterValues, NeedStated, StatusChanged, TransactionStarted, VehicleIdentified
from ems.domain.session import Need, NeedOrigin, Session, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.vehicle import Vehicle
from tests.builders import BEGIN, circuit, evse, layout

START = SiteState.initial(layout([circuit("grid", 63)], [evse("A1", "grid", priority=2)]))
LEAVES = datetime(2024, 1, 11, 4, 10, tzinfo=UTC)

STATED = Need(20e3, LEAVES)
SCHEDULED = Need(55e3, LEAVES, NeedOrigin.SCHEDULED)
PREDICTED = Need(9e3, LEAVES, NeedOrigin.PREDICTED)
UNSAID = Need()
UNSCHEDULED = Need(origin=NeedOrigin.SCHEDULED)


def after(*events: Event) -> Session:
    """The session at the one EVSE, after a vehicle was plugged in and these events."""
    state = START
    for event in (StatusChanged("A1/1", BEGIN, EvseStatus.PREPARING), *events):
        state = apply(state, event)
    session = state.evses[0].session
    assert session is not None
    return session


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ([STATED, SCHEDULED, PREDICTED], STATED),
        ([PREDICTED, SCHEDULED, STATED], STATED),
        ([SCHEDULED, PREDICTED], SCHEDULED),
        ([PREDICTED, SCHEDULED], SCHEDULED),
        ([STATED, replace(STATED, energy_wh=5e3)], replace(STATED, energy_wh=5e3)),
        ([STATED, UNSCHEDULED], STATED),
        ([STATED, UNSAID, SCHEDULED], SCHEDULED),
        ([STATED, UNSAID, UNSCHEDULED, PREDICTED], PREDICTED),
        ([SCHEDULED, UNSCHEDULED], UNSCHEDULED),
        ([Need(guaranteed_wh=1e3), SCHEDULED], Need(guaranteed_wh=1e3)),
    ],
)
def test_what_is_stated_wins_over_the_timetable_and_that_over_a_forecast(told: list[Need], counts: Need) -> None:
    assert after(*(NeedStated("A1/1", need) for need in told)).need == counts


@pytest.mark.parametrize(
    ("need", "vehicle", "service_class"),
    [
        (None, None, 2),
        (None, Vehicle("Bus 17"), 2),
        (None, Vehicle("Bus 17", service_class=4), 4),
        (Need(service_class=0), Vehicle("Bus 17", service_class=4), 0),
        (Need(service_class=7), None, 7),
    ],
)
def test_the_class_of_service_is_that_of_the_need_else_the_vehicle_else_the_evse(
    need: Need | None, vehicle: Vehicle | None, service_class: int
) -> None:
    told: list[Event] = [] if need is None else [NeedStated("A1/1", need)]
    here = after(VehicleIdentified("A1/1", vehicle), *told)
    assert (here.service_class, here.vehicle) == (service_class, vehicle)
    gone = after(VehicleIdentified("A1/1", vehicle), *told, NeedStated("A1/1", UNSAID), VehicleIdentified("A1/1", None))
    assert gone.service_class == 2


def test_who_a_vehicle_is_and_what_it_needs_is_of_one_session_only() -> None:
    bus = VehicleIdentified("A1/1", Vehicle("Bus 17"))
    free = StatusChanged("A1/1", BEGIN.later(60), EvseStatus.AVAILABLE)
    again = StatusChanged("A1/1", BEGIN.later(90), EvseStatus.PREPARING)
    here = after(bus, NeedStated("A1/1", STATED), free, bus, NeedStated("A1/1", STATED), again)
    assert (here.vehicle, here.need) == (None, UNSAID)


def reads(register_wh: float) -> MeterValues:
    return MeterValues("A1/1", BEGIN.monotonic_s, register_wh=register_wh)


def says(soc_percent: float) -> MeterValues:
    return MeterValues("A1/1", BEGIN.monotonic_s, soc_percent=soc_percent)


FIRST = TransactionStarted("A1/1", BEGIN, Transaction(1, BEGIN.utc, 0.0))
SECOND = TransactionStarted("A1/1", BEGIN, Transaction(2, BEGIN.utc, 30e3))


@pytest.mark.parametrize(
    ("what", "then", "missing_wh", "promised_w"),
    [
        ("it runs", (), 10e3, 5e3),
        ("another begins after it", (SECOND,), 10e3, 5e3),
        ("that brings some", (SECOND, reads(34e3)), 6e3, 1e3),
        ("and all that is promised", (SECOND, reads(36e3)), 4e3, 0.0),
        ("and all", (SECOND, reads(42e3)), 0.0, 0.0),
        ("the first one began anew", (FIRST,), 10e3, 5e3),
    ],
)
def test_a_second_transaction_does_not_want_again_what_the_first_one_brought(
    what: str, then: tuple[Event, ...], missing_wh: float, promised_w: float
) -> None:
    """A station rebooted, or a driver stopped and started again: the vehicle got 30 of its 40 kWh, 35 are promised."""
    need = Need(40e3, BEGIN.later(7200).utc, guaranteed_wh=35e3, guaranteed_by=BEGIN.later(3600).utc)
    session = after(FIRST, NeedStated("A1/1", need), reads(30e3), *then)
    assert session.missing_wh() == missing_wh, what
    assert session.promised_w(BEGIN.utc) == promised_w, what
    assert session.laxity_s(BEGIN.utc, 10e3) == 7200.0 - 3600.0 * missing_wh / 10e3, what


@pytest.mark.parametrize(
    ("what", "events", "soc_at_wh"),
    [
        ("it is told on the way", (FIRST, reads(10e3), says(50.0), reads(30e3)), 10e3),
        ("it is as old as it was", (FIRST, reads(10e3), says(50.0), reads(30e3), SECOND), 10e3),
        ("it is told anew", (FIRST, reads(10e3), says(50.0), reads(30e3), SECOND, reads(35e3), says(90.0)), 35e3),
    ],
)
def test_how_full_a_battery_is_was_told_at_an_energy_of_the_whole_session(
    what: str, events: tuple[Event, ...], soc_at_wh: float
) -> None:
    assert after(*events).soc_at_wh == soc_at_wh, what
