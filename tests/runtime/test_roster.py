"""Who is plugged in is told to the core once, and again whenever something about it is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import reduce

from ems.domain.apply import apply
from ems.domain.departure import Departure, Goal
from ems.domain.events import Event, MeterValues, NeedStated, StatusChanged, TransactionStarted, VehicleIdentified
from ems.domain.fleet import Fleet
from ems.domain.instant import Instant
from ems.domain.session import Need, NeedOrigin, Session, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.vehicle import StateOfCharge, Vehicle
from ems.runtime.roster import MOST, REVIEW_S, Roster
from tests.builders import BEGIN, circuit, evse, layout

LEAVES = BEGIN.utc + timedelta(hours=10)
BUS, VAN = Vehicle("Bus 17", id_tags=("04A1",), battery_wh=360e3), Vehicle("Van", evse="A1/1")
VEHICLES = {one.id: one for one in (BUS, VAN)}


def fleet(*departures: Departure, **charges: float) -> Fleet:
    times = {one.id: tuple(d for d in departures if d.vehicle == one.id) for one in (BUS, VAN)}
    told = {name.replace("_", " "): StateOfCharge(percent, BEGIN.utc) for name, percent in charges.items()}
    return Fleet(VEHICLES, {}, times, told)


def leaves(vehicle: Vehicle, kwh: float | None = None, soc: float | None = None) -> Departure:
    return Departure(vehicle.id, LEAVES, Goal(None if kwh is None else kwh * 1000, soc))


class Yard:
    """A site with one EVSE, its state, and a roster that looks at it each second."""

    def __init__(self, known: Fleet) -> None:
        self.state = SiteState.initial(layout([circuit("grid", 63)], [evse("A1", "grid")]))
        self.told: list[Event] = []
        self._waiting: list[Event] = []
        self.roster = Roster(known, self._waiting.append)
        self.now = BEGIN

    def after(self, *events: Event, seconds: int = 2) -> list[Event]:
        """What the roster told because of these events."""
        told: list[Event] = []
        for _ in range(seconds):
            for event in (*events, *self._waiting):
                self.state = apply(self.state, event)
            events = ()
            self._waiting.clear()
            self.roster.tick(self.state, self.now)
            told += self._waiting
            self.now = self.now.later(1)
        return told

    @property
    def session(self) -> Session:
        found = self.state.evses[0].session
        assert found is not None
        return found


PLUGGED = StatusChanged("A1/1", BEGIN, EvseStatus.PREPARING)


def started(tag: str) -> TransactionStarted:
    return TransactionStarted("A1/1", BEGIN, Transaction(7, BEGIN.utc, 0.0, tag))


def test_a_vehicle_is_known_from_plug_in_on_and_better_from_its_tag_on() -> None:
    yard = Yard(fleet(leaves(VAN, 20), leaves(BUS, 55)))
    van = Need(20e3, LEAVES, NeedOrigin.SCHEDULED)
    assert yard.after(PLUGGED) == [VehicleIdentified("A1/1", VAN), NeedStated("A1/1", van)]
    assert yard.after(seconds=5) == [], "nothing is said twice"
    bus = Need(55e3, LEAVES, NeedOrigin.SCHEDULED)
    assert yard.after(started("04A1")) == [VehicleIdentified("A1/1", BUS), NeedStated("A1/1", bus)]
    assert (yard.session.vehicle, yard.session.need) == (BUS, bus)


def test_what_a_driver_says_stands_until_it_is_taken_back() -> None:
    yard = Yard(fleet(leaves(VAN, 20)))
    yard.after(PLUGGED)
    stated = NeedStated("A1/1", Need(5e3))
    assert yard.after(stated, seconds=100) == []
    assert yard.session.need == stated.need
    assert yard.after(NeedStated("A1/1", Need())) == [NeedStated("A1/1", Need(20e3, LEAVES, NeedOrigin.SCHEDULED))]


def test_a_new_timetable_is_told_at_once_and_a_deleted_vehicle_is_forgotten() -> None:
    yard = Yard(fleet(leaves(VAN, 20)))
    yard.after(PLUGGED)
    yard.roster.fleet = fleet(leaves(VAN, 30))
    assert yard.after() == [NeedStated("A1/1", Need(30e3, LEAVES, NeedOrigin.SCHEDULED))]
    yard.roster.fleet = Fleet()
    yard.after()
    assert (yard.session.vehicle, yard.session.need.is_empty) == (None, True)


def test_a_vehicle_that_changed_is_the_new_one() -> None:
    yard = Yard(fleet())
    yard.after(PLUGGED)
    stronger = replace(VAN, max_a=32.0)
    yard.roster.fleet = Fleet({"Van": stronger})
    assert yard.after() == [VehicleIdentified("A1/1", stronger)]


def test_the_energy_follows_the_state_of_charge() -> None:
    yard = Yard(fleet(leaves(BUS, soc=90)))
    yard.after(started("04A1"))
    assert yard.session.need.energy_wh == 360e3, "as if it were empty, until somebody knows"
    heard = MeterValues("A1/1", BEGIN.monotonic_s, register_wh=10e3, soc_percent=50.0)
    yard.after(heard)
    assert yard.session.need.energy_wh == 10e3 + 160e3
    assert yard.after(replace(heard, register_wh=12e3)) == [], "the same percent: nothing new is known"


def test_a_state_of_charge_that_was_told_before_plug_in_counts_until_the_station_knows() -> None:
    yard = Yard(fleet(leaves(BUS, soc=90), Bus_17=60.0))
    yard.after(started("04A1"))
    assert (yard.session.soc_percent, yard.session.need.energy_wh) == (60.0, 120e3)
    yard.after(MeterValues("A1/1", BEGIN.monotonic_s, soc_percent=50.0))
    assert (yard.session.soc_percent, yard.session.need.energy_wh) == (50.0, 160e3)


def test_what_was_told_of_one_battery_is_not_held_for_that_of_another_vehicle() -> None:
    yard = Yard(fleet(leaves(BUS, soc=90), leaves(VAN, 20), Van=60.0))
    yard.after(PLUGGED)
    assert yard.session.soc_percent == 60.0
    yard.after(started("04A1"))
    assert yard.session.need.energy_wh == 360e3


def test_when_a_departure_is_over_the_next_one_counts() -> None:
    yard = Yard(fleet(leaves(VAN, 20), Departure("Van", LEAVES + timedelta(days=1), Goal(30e3))))
    yard.after(PLUGGED)
    yard.now = Instant(BEGIN.monotonic_s + 11 * 3600, BEGIN.utc + timedelta(hours=11))
    yard.after(seconds=int(REVIEW_S) + 2)
    assert yard.session.need == Need(30e3, LEAVES + timedelta(days=1), NeedOrigin.SCHEDULED)


def test_a_crowd_is_looked_at_in_turns_and_nobody_is_forgotten() -> None:
    """500 vehicles that come at once must not hold up the tick."""
    many = 3 * MOST
    site = layout([circuit("grid", 9999)], [evse(f"A{k}", "grid") for k in range(many)])
    here = [StatusChanged(one.id, BEGIN, EvseStatus.PREPARING) for one in site.evses]
    state = reduce(apply, here, SiteState.initial(site))
    told: list[Event] = []
    ours = Fleet({f"V{k}": Vehicle(f"V{k}", evse=f"A{k}/1") for k in range(many)})
    roster = Roster(ours, told.append)
    for second in range(3):
        roster.tick(state, BEGIN.later(second))
        assert len(told) == (second + 1) * MOST
    assert {event.evse for event in told if isinstance(event, VehicleIdentified)} == {one.id for one in site.evses}
    state = reduce(apply, told, state)
    told.clear()
    roster.fleet = Fleet({name: replace(one, max_a=16.0) for name, one in ours.vehicles.items()})
    for second in range(3, 9):
        roster.tick(state, BEGIN.later(second))
        state, seen = reduce(apply, told, state), len(told)
    assert seen == many
    assert all(known.session is not None and known.session.vehicle is not None for known in state.evses)
