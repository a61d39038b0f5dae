"""What is wrong at one moment, and what people should look at first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ems.domain.alarm.condition import conditions
from ems.domain.alarm.grouping import Group, Places, groups
from ems.domain.alarm.root_cause import hint_of
from ems.domain.decision import Alarm, CircuitView, Decision, Level
from ems.domain.instant import EPOCH
from ems.domain.phases import NO_AMPS, PhaseAmps
from ems.domain.state import MeterState, SiteState, StationState
from tests.control.installations import SITES

SITE = SITES["two_feeders"]
PLACES = Places(SITE)
LIVE, DARK = (9.0, 9.0, 9.0), (0.1, 0.0, 0.0)


def state(*connected: str, seen: bool = True, failing: tuple[str, ...] = ()) -> SiteState:
    """The site with some stations connected, and some meters that fail."""
    blank = SiteState.initial(SITE)
    stations = tuple(
        StationState(known.model, seen=seen, connected=station.id in connected)
        for station, known in zip(SITE.stations, blank.stations, strict=True)
    )
    meters = tuple(MeterState(failures=int(meter.id in failing)) for meter in SITE.meters)
    return replace(blank, stations=stations, meters=meters)


def decision(measured: PhaseAmps | None = None, level: Level = Level.NORMAL, *alarms: Alarm) -> Decision:
    """A decision that sees the same at every circuit."""
    circuits = tuple(
        CircuitView(one.id, one.rating_a, "rating", measured, NO_AMPS, NO_AMPS, NO_AMPS, level) for one in SITE.circuits
    )
    return Decision(EPOCH, (), circuits, alarms)


def group(of: SiteState, seen: Decision, kind: str = "offline") -> Group:
    """The first thing that is told of that kind."""
    present = [one for one in conditions(of, seen) if one.kind == kind]
    return next(iter(groups(present, {one.key for one in present}, (), PLACES)))


@pytest.mark.parametrize(
    ("connected", "seen", "measured", "level", "hint"),
    [
        (("B1", "B2", "B3"), True, LIVE, Level.NORMAL, "feeder-a has power, its meter shows current"),
        (("B1", "B2", "B3"), True, DARK, Level.NORMAL, "look at the breaker of feeder-a and at the network switch"),
        (("B1", "B2", "B3"), True, None, Level.NORMAL, "look at the breaker of feeder-a and at the network switch"),
        (("B1", "B2", "B3"), True, LIVE, Level.HOLD, "the meter of feeder-a is silent too"),
        ((), True, LIVE, Level.NORMAL, "grid has power"),
        (("A1",), True, LIVE, Level.NORMAL, "the breaker of feeder-b|feeder-b has power"),
        (("A1", "A2", "B1", "B2", "B3"), True, LIVE, Level.NORMAL, "2 other stations of feeder-a are connected"),
        (("A1", "A2", "B1", "B2", "B3"), False, LIVE, Level.NORMAL, "stations that knock and are refused"),
    ],
)
def test_of_stations_that_are_away(
    connected: tuple[str, ...], seen: bool, measured: PhaseAmps | None, level: Level, hint: str
) -> None:
    here, known = decision(measured, level), state(*connected, seen=seen)
    told = hint_of(group(known, here), known, here, PLACES)
    assert any(words in told for words in hint.split("|")), told


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("GroundFailure", "electrician"),
        ("groundfailure (E-21)", "electrician"),
        ("ConnectorLockFailure", "bent pin"),
        ("E-99", ""),
        ("<script>", ""),
    ],
)
def test_of_faults_that_stations_name(error: str, hint: str) -> None:
    known = state("A1")
    here = decision(LIVE, Level.NORMAL, Alarm("fault:A1/1", Level.NORMAL, "A1/1", f"A1/1: {error}"))
    told = hint_of(group(known, here, "fault"), known, here, PLACES)
    assert bool(told) is bool(hint)
    assert hint in told


def test_meters_that_fail_together_hang_on_one_thing() -> None:
    known = state(failing=("main", "sub-b"))
    here = decision(None, Level.HOLD, Alarm("meter:main", Level.HOLD, "main", "main is silent"))
    assert "(main, sub-b)" in hint_of(group(known, here, "meter"), known, here, PLACES)
    alone = state(failing=("main",))
    assert hint_of(group(alone, here, "meter"), alone, here, PLACES) == ""


def test_stations_are_told_one_by_one_and_what_the_decision_groups_is_not_told_twice() -> None:
    alarms = (
        Alarm("offline", Level.NORMAL, "site", "6 stations are offline"),
        Alarm("mass-loss", Level.HOLD, "site", "x"),
    )
    found = list(conditions(state(), decision(LIVE, Level.HOLD, *alarms)))
    assert [one.key for one in found] == [f"offline:{name}" for name in ("A1", "A2", "A3", "B1", "B2", "B3")]
    assert {one.level for one in found} == {Level.HOLD}, "those that vanish together are told sooner"
