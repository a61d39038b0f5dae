"""Why each vehicle has the current it has: the binding constraint, its subject, its value and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest

from ems.domain import events as e
from ems.domain.decision import Binding, Reason, Setpoint
from ems.domain.limit import Limit
from ems.domain.station import EvseStatus
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from tests.builders import BEGIN, Scenario, circuit, evse, layout, site
from tests.control.test_aims import pair as charging
from tests.control.test_aims import planned
from tests.control.test_phase_form import roof as switching

DEAF = StationModel("deaf", smart_charging=False)


def pair(rating: float = 63) -> Scenario:
    at = layout([circuit("grid", rating, meter="main", base_max=20)], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).meter("main", 5, 5, 5).after(15)


def one_phase(rating: tuple[float, float, float]) -> Scenario:
    stations = [evse("A1", "feeder", "L2"), evse("A2", "feeder", "L2")]
    return site(layout([circuit("grid", 63), circuit("feeder", rating, "grid")], stations)).after(12)


class Row(NamedTuple):
    name: str
    scenario: Callable[[], Scenario]
    binding: Binding
    text: str


ROWS = [
    Row("no vehicle", pair, Binding.NO_VEHICLE, "no vehicle"),
    Row("not started", lambda: pair().car("A1", starts=False).after(1), Binding.NOT_STARTED, "waiting for the driver"),
    Row("finishing", lambda: pair().tell(e.StatusChanged("A1/1", BEGIN, EvseStatus.PREPARING),
        e.StatusChanged("A1/1", BEGIN, EvseStatus.FINISHING)).after(1), Binding.DONE, "does not draw"),
    Row("being raised", lambda: pair().car("A1").after(2), Binding.RAISING, "step by step to 32 A"),
    Row("full current", lambda: pair().car("A1").after(60), Binding.EVSE, "full current of this outlet"),
    Row("a vehicle that takes little", lambda: pair(40).car("A1", takes=8).car("A2").after(200), Binding.VEHICLE,
        "the vehicle takes no more than"),
    Row("even where there is plenty", lambda: pair().car("A1", takes=8).after(200), Binding.VEHICLE,
        "the vehicle takes no more than"),
    Row("a full vehicle", lambda: pair().car("A1", need=0.2).after(200), Binding.DONE, "does not draw"),
    Row("a shared circuit", lambda: pair(40).car("A1").car("A2").after(90), Binding.CIRCUIT,
        " (40 A, 5 A of it taken by other load) is full"),
    Row("a full phase", lambda: one_phase((63, 20, 63)).car("A1").car("A2").after(90), Binding.CIRCUIT,
        "shared: feeder L2 (20 A) is full"),
    Row("a limit in ampere", lambda: pair().car("A1").limit("grid", "dso", 15).after(60), Binding.LIMIT,
        "limited by dso: 15 A on grid (grid L"),
    Row("a limit in watts", lambda: pair().car("A1").limit("grid", "dso", kw=13.8).after(60), Binding.LIMIT,
        "limited by dso: 13.8 kW on grid (grid)"),
    Row("a limit on the outlet in ampere", lambda: pair().car("A1").limit("A1/1", "operator", 10).after(60),
        Binding.LIMIT, "limited by operator: 10 A"),
    Row("a limit on the outlet in watts", lambda: pair().car("A1").limit("A1/1", "operator", kw=6.9).after(60),
        Binding.LIMIT, "limited by operator: 6.9 kW"),
    Row("a limit on the outlet below what any vehicle takes",
        lambda: pair().car("A1").limit("A1/1", "operator", 4).after(60), Binding.LIMIT, "limited by operator: 4 A"),
    Row("waiting for its turn", lambda: one_phase((63, 7, 63)).car("A2").after(30).car("A1").after(30),
        Binding.WAITING, "waiting for its turn: feeder L2 (7 A) has no room for another 6 A"),
    Row("held by a late meter",
        lambda: pair().meter("main", 50, 50, 50).car("A1").after(60).meter("main", 5, 5, 5).after(5).silent("main")
        .after(4), Binding.HELD, "held: meter main silent for 4 s"),
    Row("fallback of a lost meter", lambda: pair().car("A1").after(60).silent("main").after(40), Binding.FALLBACK,
        "fallback current: meter main silent for 40 s"),
    Row("a station that refuses", lambda: pair().car("A1").after(30).station("A1", "refuses")
        .limit("A1/1", "operator", 6).after(30), Binding.STATION, "not under control: it refuses limits"),
    Row("a station that cannot be limited",
        lambda: site(layout([circuit("grid", 63)], [evse("A1", "grid", model=DEAF)])).car("A1").after(5),
        Binding.STATION, "not under control: this model cannot be limited"),
    Row("an outlet out of order",
        lambda: pair().tell(e.StatusChanged("A1/1", BEGIN, EvseStatus.FAULTED, "GroundFailure")).after(1),
        Binding.STATION, "it reports Faulted (GroundFailure)"),
    Row("a pause that is planned", lambda: planned(charging(), {"A1": [0.0], "A2": [16.0]}).after(60), Binding.PLANNED,
        "planned: cheaper later"),
    Row("a switch of phases", lambda: planned(switching(), {"A1": [2.0]}, Strategy.SOLAR).after(75), Binding.SWITCHING,
        "pausing to go on with one phase"),
    Row("a station that is offline", lambda: pair().car("A1").after(60).drop("A1").after(5), Binding.OFFLINE,
        "station offline, counted with 32 A"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_reason(row: Row) -> None:
    """The binding and its words for A1."""
    reason = row.scenario().setpoint("A1").reason
    assert (reason.binding, row.text in reason.text) == (row.binding, True), reason


def test_every_binding_is_in_the_table() -> None:
    assert {row.binding for row in ROWS} == set(Binding)


def at_a1(s: Scenario) -> Setpoint:
    return s.setpoint("A1")


def test_a_limit_says_until_when() -> None:
    s = pair().car("A1").after(60).limit("grid", "dso", 15, for_s=600)
    ends = s.now.utc + timedelta(seconds=600)
    assert at_a1(s.after(5)).reason.until == ends
    s = pair().car("A1").after(60).limit("A1/1", "operator", 15, for_s=600)
    ends = s.now.utc + timedelta(seconds=600)
    assert at_a1(s.after(5)).reason.until == ends


def test_the_tightest_of_several_limits_on_an_outlet_is_named() -> None:
    for names in (["dso", "operator"], ["operator", "dso"]):
        s = pair().car("A1").after(60)
        for name in names:
            s.limit("A1/1", name, {"dso": 10, "operator": 16}[name])
        s.after(5).expect(A1=10, cause="limited by dso: 10 A")


def test_a_limit_on_an_outlet_that_has_not_begun_does_not_bind() -> None:
    later = Limit("A1/1", "dso", 10, starts=BEGIN.later(3600).utc)
    pair().car("A1").tell(e.LimitReceived(later)).after(60).expect(A1=32, binding=Binding.EVSE)


def test_what_an_operator_is_told_of_each_circuit() -> None:
    """Currents and headroom per phase, the tightest limit and its source, and the level of its meter."""
    s = pair(40).car("A1").car("A2").after(90)
    (view,) = s.last.circuits
    assert view.circuit == "grid"
    assert view.limit_source == "rating of grid"
    assert view.limit_a == (40.0,) * 3
    assert view.headroom_a == (35.0,) * 3
    assert view.measured_a == s.flow("grid")


@pytest.mark.parametrize("binding", list(Binding))
def test_every_reason_has_words(binding: Binding) -> None:
    """Also without a subject and a value."""
    assert Reason(binding).text
    assert "{" not in Reason(binding, "x", 6.0).text
