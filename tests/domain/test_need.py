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


def test_a_second_transaction_does_not_want_again_what_the_first_one_brought() -> None:
    """Its register begins anew; the state of charge is as old as it was."""
    begun, then = Transaction(1, BEGIN.utc, 0.0), Transaction(2, BEGIN.utc, 30e3)
    heard = MeterValues("A1/1", BEGIN.monotonic_s, register_wh=10e3)
    soc = MeterValues("A1/1", BEGIN.monotonic_s, soc_percent=50.0)
    more = MeterValues("A1/1", BEGIN.monotonic_s, register_wh=30e3)
    first = (TransactionStarted("A1/1", BEGIN, begun), heard, soc, more)
    assert after(*first).soc_at_wh == 10e3
    assert after(*first, TransactionStarted("A1/1", BEGIN, then)).soc_at_wh == -20e3
