"""The controller in a world without event loop: what it achieves, and that nothing wrong stays unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time

import pytest

from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.decision import Decision
from ems.domain.instant import Instant
from ems.domain.limit import LimitWindow
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.strategy import Strategy
from ems.sim.core_run import CoreRun, Setup
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.invariants import Invariants
from ems.sim.load_course import LoadCourse
from ems.sim.observer import Cause
from ems.sim.session_record import SessionRecord
from tests.sim.sites import BEGIN, feeder, record, visits

HOUR = 3600.0
LEG_W = 230.0


def ran(site: Site, *records: SessionRecord, seconds: float = 2 * HOUR, **setup: object) -> CoreRun:
    """A run to its end; the laws are checked after each decision unless the setup says otherwise."""
    laws = Invariants(site)
    setup.setdefault("check", laws)
    run = CoreRun(site, visits(site, *records), BEGIN, Setup(**setup))  # type: ignore[arg-type]  # names are Setup's to check
    run.run(seconds)
    laws.ended(run.plant.observer, seconds)
    assert laws.violations == []
    return run


def got(run: CoreRun) -> dict[str, float]:
    """kWh by EVSE."""
    return {o.evse: round(o.got_wh / 1000, 2) for o in run.plant.tally.outcomes}


def test_a_vehicle_alone_gets_what_it_wants_at_full_current() -> None:
    run = ran(feeder(), record("A1", 60, HOUR, 20_000))
    outcome = run.plant.tally.outcomes[0]
    assert (outcome.is_met, outcome.is_possible) == (True, True)
    assert outcome.got_wh == pytest.approx(20_000)
    assert run.plant.tally.peak_w == pytest.approx(32 * 3 * LEG_W, rel=0.01)
    assert run.plant.tally.longest_starved_s < 15


def test_three_share_a_feeder_equally_and_exactly() -> None:
    run = ran(feeder(40), *(record(f"A{k}", 0, HOUR, 50_000) for k in (1, 2, 3)))
    each = 13 * 3 * LEG_W / 1000
    assert got(run) == {f"A{k}/1": pytest.approx(each, rel=0.02) for k in (1, 2, 3)}
    assert 39 <= run.plant.observer.peak_a.max() <= 40
    assert run.plant.observer.overloads(2 * HOUR) == ()


def test_what_one_leaves_goes_to_the_others() -> None:
    run = ran(feeder(40), record("A1", 0, HOUR, 2_000), record("A2", 0, HOUR, 50_000))
    assert got(run)["A1/1"] == 2
    assert got(run)["A2/1"] > 0.85 * 32 * 3 * LEG_W / 1000


def test_an_earlier_departure_comes_first_if_that_is_the_strategy() -> None:
    soon, late = record("A1", 60, HOUR, 15_000), record("A2", 0, 2 * HOUR, 15_000)
    run = ran(feeder(32, strategy=Strategy.EARLIEST_DEADLINE), soon, late)
    assert got(run)["A1/1"] == 15
    assert ran(feeder(32, strategy=Strategy.FIRST_COME), soon, late).plant.tally.outcomes[0].got_wh < 15_000


@pytest.mark.parametrize(
    ("strategy", "metered"),
    [(Strategy.EQUAL, False), (Strategy.EQUAL, True), (Strategy.FIRST_COME, False), (Strategy.LEAST_LAXITY, True)],
)
def test_skipping_time_changes_nothing_that_matters(strategy: Strategy, metered: bool) -> None:
    """Against a controller that looks every second, over the quarter of an hour in which five arrive and compete."""
    site = feeder(40, 5, metered=metered, strategy=strategy)
    records = [record(f"A{k}", 25.0 * k * k, 600, 700.0 * k) for k in range(1, 6)]
    courses = (LoadCourse("grid", ((0, (8.0, 8.0, 8.0)), (300, (30.0, 26.0, 28.0)), (700, (5.0, 5.0, 5.0)))),)
    loads = courses if metered else ()
    skipping = ran(site, *records, seconds=900, courses=loads)
    looking = ran(site, *records, seconds=900, courses=loads, look_s=1.0)
    assert skipping.plant.tally.ticks < looking.plant.tally.ticks / (3 if metered else 10)
    for a, b in zip(skipping.plant.tally.outcomes, looking.plant.tally.outcomes, strict=True):
        assert a.id == b.id
        assert a.got_wh == pytest.approx(b.got_wh, rel=0.03, abs=30)


class NoLeases:
    """Renews nothing, so that `orders` must."""

    def renew(self, *_: object) -> int:
        return 0

    def told(self, *_: object) -> list[object]:
        return []

    def taken(self, *_: object) -> None: ...

    def dropped(self, *_: object) -> None: ...


def test_leases_are_renewed_as_orders_would() -> None:
    """An idle hour and one session, with the shortcut and with `orders` asked every ten seconds."""
    site = feeder()
    short = ran(site, record("A1", 600, 1800, 9_000), seconds=2 * HOUR)
    full = CoreRun(site, visits(site, record("A1", 600, 1800, 9_000)), BEGIN, Setup(look_s=10.0))
    full.daemon.leases = NoLeases()  # type: ignore[assignment]  # the shortcut taken out
    full.run(2 * HOUR)
    assert short.plant.tally.profiles == pytest.approx(full.plant.tally.profiles, abs=3)
    assert got(short) == got(full)


def test_without_vehicles_only_leases_are_renewed() -> None:
    """Three EVSEs: a floor and a default each, and seven renewals within the hour at a lease of 15 minutes."""
    run = ran(feeder(), seconds=HOUR)
    assert run.plant.tally.profiles == 3 * (2 + 7)
    assert run.plant.tally.ticks < 10


class Broken:
    """A controller that adds to every setpoint of a vehicle what it likes."""

    def __init__(self, site: Site, spoil: Callable[[Decision], Decision]) -> None:
        self._right, self._spoil = Controller.of(site), spoil

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        decision, memory = self._right.decide(state, memory, now)
        return self._spoil(decision), memory


def adding(amps: float) -> Callable[[Decision], Decision]:
    def spoil(decision: Decision) -> Decision:
        return replace(
            decision, setpoints=tuple(s._replace(amps=s.amps + amps if s.amps else 0.0) for s in decision.setpoints)
        )

    return spoil


def test_the_observer_finds_a_broken_controller() -> None:
    site = feeder(40)
    laws = Invariants(site)
    run = CoreRun(
        site,
        visits(site, *(record(f"A{k}", 0, HOUR, 50_000) for k in (1, 2, 3))),
        BEGIN,
        Setup(controller=Broken(site, adding(3.0)), check=laws),
    )
    run.run(HOUR)
    assert run.plant.observer.largest_a(HOUR, Cause.CHARGERS) == pytest.approx(8, abs=1.1)
    assert "I1" in {violation.law for violation in laws.violations}


def test_the_same_seed_gives_the_same_run() -> None:
    def figures(seed: int) -> tuple[object, ...]:
        run = ran(feeder(40), *(record(f"A{k}", 9 * k, HOUR, 9_000) for k in (1, 2, 3)), seed=seed)
        tally = run.plant.tally
        return (tally.profiles, tally.ticks, tally.series.site_w, tally.outcomes, run.plant.observer.peak_a.tolist())

    assert figures(3) == figures(3)
    assert figures(3) != figures(4)


def test_a_window_of_the_week_is_obeyed_to_the_minute() -> None:
    """08:00 to 08:30 in Berlin is 06:00 to 06:30 UTC in May, the first half hour of the run."""
    window = LimitWindow("feeder", "peak", frozenset(range(7)), time(8, 0), time(8, 30), max_a=10.0)
    run = ran(replace(feeder(), limits=(window,)), record("A1", 0, HOUR, 50_000), seconds=HOUR)
    amps = [float(bin_a[0, 0]) for bin_a in run.plant.tally.series.circuit_a]
    assert max(amps[:6]) == 10
    assert amps[7] == 32


def test_a_building_that_jumps_is_made_room_for_in_time() -> None:
    course = LoadCourse("grid", ((0, (2.0, 2.0, 2.0)), (1200, (40.0, 40.0, 40.0))))
    run = ran(feeder(60, metered=True), *(record(f"A{k}", 0, HOUR, 50_000) for k in (1, 2)), courses=(course,))
    overloads = run.plant.observer.overloads(2 * HOUR)
    assert {o.cause for o in overloads} == {Cause.BASE_LOAD}
    assert max(o.duration_s for o in overloads) <= 10


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("metered", [False, True])
def test_no_strategy_breaks_a_law_when_many_come(strategy: Strategy, metered: bool) -> None:
    """Eight on a feeder for six: somebody always waits."""
    site = feeder(38, 8, metered=metered, strategy=strategy)
    records = [record(f"A{k}", 41.0 * k, HOUR + 100 * k, 6_000) for k in range(1, 9)]
    run = ran(site, *records, seconds=1.5 * HOUR)
    assert run.plant.observer.largest_a(2 * HOUR) == 0
    assert sum(o.got_wh for o in run.plant.tally.outcomes) > 28_000


LOST = Fault(600, FaultKind.STATION_LOST, "A1", lasts_s=2400)


def test_a_lost_station_falls_back_when_its_lease_ends_and_comes_back() -> None:
    run = ran(feeder(), record("A1", 0, 2 * HOUR, 60_000), faults=FaultPlan((LOST,)))
    amps = [float(bin_a[0, 0]) for bin_a in run.plant.tally.series.circuit_a]
    assert amps[3] == 32
    assert amps[6] == 0
    assert amps[-2] == 32


def test_while_a_station_is_lost_the_others_leave_it_its_current() -> None:
    run = ran(
        feeder(40), record("A1", 0, 2 * HOUR, 60_000), record("A2", 0, 2 * HOUR, 60_000), faults=FaultPlan((LOST,))
    )
    assert run.plant.observer.largest_a(2 * HOUR) == 0
    assert got(run)["A1/1"] < got(run)["A2/1"]


@pytest.mark.parametrize("kind", [FaultKind.METER_SILENT, FaultKind.METER_FROZEN])
def test_without_its_meter_a_site_falls_back_and_recovers(kind: FaultKind) -> None:
    """The fallback is 0 A here; a building that begins to draw meanwhile overloads nothing."""
    course = LoadCourse("grid", ((0, (2.0, 2.0, 2.0)), (1300, (50.0, 50.0, 50.0)), (2000, (2.0, 2.0, 2.0))))
    plan = FaultPlan((Fault(1200, kind, "main", lasts_s=900),))
    site = feeder(60, metered=True, base_a=60.0)
    run = ran(site, record("A1", 0, 2 * HOUR, 60_000), courses=(course,), faults=plan)
    amps = [float(bin_a[0, 0]) for bin_a in run.plant.tally.series.circuit_a]
    assert amps[5] == 50
    assert amps[-2] == 34
    assert run.plant.observer.largest_a(2 * HOUR, Cause.CHARGERS) == 0


def test_when_the_controller_dies_leases_end_and_it_takes_over_again() -> None:
    plan = FaultPlan((Fault(1200, FaultKind.CONTROLLER_DEAD, lasts_s=1800),))
    run = ran(feeder(40), record("A1", 0, 2 * HOUR, 60_000), record("A2", 0, 2 * HOUR, 60_000), faults=plan)
    amps = [float(bin_a[0, 0]) for bin_a in run.plant.tally.series.circuit_a]
    assert amps[2] == 40
    assert amps[8] == 0
    assert amps[-2] == 40
    assert run.plant.observer.largest_a(2 * HOUR) == 0


def test_after_a_restart_the_controller_hears_anew_what_every_vehicle_got() -> None:
    """Also of one that draws nothing any more: I9 would not hold if its energy were forgotten."""
    plan = FaultPlan((Fault(2400, FaultKind.CONTROLLER_DEAD, lasts_s=60),))
    run = ran(feeder(), record("A1", 0, HOUR, 3_000), seconds=3000, faults=plan)
    session = run.daemon.state.evse("A1/1").session
    assert session is not None
    assert session.energy_wh == pytest.approx(3_000)


STRUCK = [
    (FaultKind.STATION_LOST, "A1", 0.0),
    (FaultKind.STATION_LOST, "all", 0.0),
    (FaultKind.STATION_MUTE, "A1", 0.0),
    (FaultKind.STATION_REBOOT, "A1", 0.0),
    (FaultKind.STATION_REFUSES, "A1", 0.0),
    (FaultKind.STATION_DISOBEYS, "A1", 0.0),
    (FaultKind.STATION_DISOBEYS, "A1", 24.0),
    (FaultKind.STATION_CLOCK, "A1", 3600.0),
    (FaultKind.STATION_CLOCK, "A1", -100.0),
    (FaultKind.METER_SILENT, "main", 0.0),
    (FaultKind.METER_FROZEN, "main", 0.0),
    (FaultKind.METER_LOST, "main", 0.0),
    (FaultKind.METER_EXCEPTION, "main", 0.0),
    (FaultKind.METER_WRONG_UNIT, "main", 0.0),
    (FaultKind.METER_NONSENSE, "main", 0.0),
    (FaultKind.METER_SLOW, "main", 3.0),
    (FaultKind.BUILDING_STEP, "grid", 25.0),
    (FaultKind.CONTROLLER_DEAD, "", 0.0),
    (FaultKind.CLOCK_STEP, "", 7200.0),
]


@pytest.mark.parametrize(("kind", "target", "value"), STRUCK, ids=[f"{k} {t} {v:g}" for k, t, v in STRUCK])
def test_every_fault_is_survived_and_forgotten(kind: FaultKind, target: str, value: float) -> None:
    """Two share 40 A; from the twentieth minute on something fails for five minutes; in the end they share as before.

    A third comes meanwhile and must be given room for, whatever fails.
    """
    entry = {"at_s": 1200, "kind": kind, "target": target, "lasts_s": 300, "value": value}
    site = feeder(40, metered=True, base_a=20.0)
    records = [record("A1", 0, 2 * HOUR, 90_000), record("A2", 0, 2 * HOUR, 90_000), record("A3", 1300, 900, 50_000)]
    course = LoadCourse("grid", ((0, (5.0, 5.0, 5.0)),))
    laws = Invariants(site)
    faults = FaultPlan.parse([{k: v for k, v in entry.items() if v != ""}], site)
    run = CoreRun(site, visits(site, *records), BEGIN, Setup(courses=(course,), faults=faults, check=laws))
    run.run(2 * HOUR)
    observer, amps = run.plant.observer, [float(a[1, 0]) for a in run.plant.tally.series.circuit_a]
    assert observer.largest_a(2 * HOUR, Cause.CHARGERS) == 0
    assert laws.violations == []
    assert max((o.duration_s for o in observer.overloads(2 * HOUR)), default=0) < 35
    assert amps[3] == amps[-2] == 40


def test_a_station_that_disobeys_is_made_room_for() -> None:
    """It draws 32 A of 40 A although it was told 20 A; the other is cut within half a minute."""
    plan = FaultPlan((Fault(1200, FaultKind.STATION_DISOBEYS, "A1", lasts_s=1200),))
    run = CoreRun(feeder(40), visits(feeder(40), record("A1", 0, HOUR, 90_000), record("A2", 0, HOUR, 90_000)), BEGIN,
                  Setup(faults=plan))  # fmt: skip
    run.run(HOUR)
    overloads = run.plant.observer.overloads(HOUR)
    assert {o.cause for o in overloads} == {Cause.DISOBEDIENCE}
    assert [round(o.worst_a) for o in overloads] == [12, 12, 12]
    assert 20 < overloads[0].duration_s < 35
    assert not overloads[0].may_trip


def test_a_station_without_power_gives_nothing_and_begins_anew() -> None:
    plan = FaultPlan((Fault(1200, FaultKind.STATION_REBOOT, "A1", lasts_s=600),))
    run = ran(feeder(), record("A1", 0, HOUR, 90_000), seconds=HOUR, faults=plan)
    amps = [float(a[1, 0]) for a in run.plant.tally.series.circuit_a]
    assert (amps[3], amps[5], amps[-2]) == (32, 0, 32)
    transaction = run.plant.tally.outcomes[0]
    assert transaction.got_wh == pytest.approx(32 * 3 * LEG_W * 3000 / 3600, rel=0.02)
