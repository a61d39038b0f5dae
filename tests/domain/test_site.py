"""Stations, models, policy and the site that holds them: what contradicts itself is refused by name."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import time

import pytest

from ems.domain.limit import Limit, LimitWindow
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.phases import Wiring
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station import Evse, EvseStatus, Station
from ems.domain.station_model import LeaseForm, ProfileKind, StationModel, ZeroBehaviour
from ems.domain.units import finite, not_negative
from tests.builders import circuit, evse, layout

SITE = layout([circuit("grid", (63, 63, 0), meter="main")], [evse("A1", "grid", "L1"), evse("A2", "grid", "L2 L1")])


def test_evses_are_found_by_name_and_by_number() -> None:
    assert [v.id for v in SITE.evses] == ["A1/1", "A2/1"]
    assert SITE.evse_index("A2/1") == 1
    assert SITE.evse_index("A2/2") is None
    assert SITE.station_index("A2") == 1
    assert SITE.station_index("B") is None
    assert SITE.meter_index("main") == 0
    assert SITE.meter_index("other") is None
    assert SITE.station_of_evse == (0, 1)
    assert SITE.station_of(SITE.evses[1]).id == "A2"


def test_generation_meters_are_pv_and_batteries() -> None:
    meters = (*SITE.meters, Meter("pv", role=MeterRole.PV, circuit="grid"), Meter("bat", role=MeterRole.BATTERY))
    assert [m.id for m in replace(SITE, meters=meters).generation_meters()] == ["pv", "bat"]


def window(scope: str) -> LimitWindow:
    return LimitWindow(scope, "night", frozenset(range(7)), time(22), time(6), max_a=10)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"stations": (evse("A1", "grid", "L1"), evse("A1", "grid", "L2"))}, "station ids repeat"),
        ({"stations": (evse("A1", "feeder", "L1"),)}, "A1/1 hangs on an unknown circuit feeder"),
        ({"stations": (evse("A1", "grid", "L1 L2 L3"),)}, "A1/1 is wired to L3, which grid does not have"),
        ({"meters": ()}, "unknown meter main"),
        ({"limits": (window("feeder"),)}, "limit 'night' names an unknown circuit or EVSE feeder"),
    ],
)
def test_what_is_no_site(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(SITE, **wrong)  # type: ignore[arg-type]  # that is the test


def test_a_feeder_without_a_phase_that_its_parent_has_is_fine() -> None:
    assert len(replace(SITE, limits=(window("grid"), window("A1/1"))).limits) == 2


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"max_a": 5.0}, "max_a of S/1 is below 6 A"),
        ({"max_a": math.nan}, "max_a of S/1 must be a finite number"),
        ({"fallback_a": -1.0}, "fallback_a of S/1 must not be negative"),
        ({"fallback_a": 3.0}, "fallback_a of S/1 must be 0 or at least 6 A"),
        ({"fallback_a": 40.0}, "fallback_a of S/1 exceeds its max_a"),
        ({"number": 0}, "EVSE numbers start at 1, got 0 at S"),
        ({"dc_efficiency": 1.2}, "dc_efficiency of S/1 must lie in 0.5 … 1"),
    ],
)
def test_what_is_no_evse(wrong: dict[str, object], complaint: str) -> None:
    good = {"station": "S", "number": 1, "circuit": "grid", "wiring": Wiring.parse("L1"), "max_a": 32, "fallback_a": 6}
    with pytest.raises(ValueError, match=complaint):
        Evse(**{**good, **wrong})  # type: ignore[arg-type]  # that is the test


def test_a_station_needs_evses_with_different_numbers() -> None:
    outlet = Evse("S", 1, "grid", Wiring.parse("L1"), 32, 6)
    for evses in ((), (outlet, outlet)):
        with pytest.raises(ValueError, match="station S needs EVSEs with different numbers"):
            Station("S", evses)


def test_a_fallback_of_nothing_needs_a_station_that_can_pause() -> None:
    """Where 0 A is ignored, it cannot be promised for the time without control."""
    outlet = Evse("S", 1, "grid", Wiring.parse("L1"), 32, 0)
    with pytest.raises(ValueError, match="fallback_a of S/1"):
        Station("S", (outlet,), StationModel(zero=ZeroBehaviour.IGNORED))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"apply_s": -1.0}, "apply_s must not be negative"),
        ({"step_a": 0.0}, "step_a of station model x"),
        ({"step_a": 17.0}, "step_a of station model x"),
        ({"min_a": 5.0}, "min_a of station model x is below 6 A"),
        ({"kind": ProfileKind.RELATIVE}, "relative schedule counts from the transaction"),
        ({"session_profile": False}, "set smart_charging: false"),
    ],
)
def test_what_is_no_station_model(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        StationModel(**{"id": "x", **wrong})  # type: ignore[arg-type]  # that is the test


def test_a_deaf_station_needs_no_profile_that_steers() -> None:
    assert not StationModel(smart_charging=False, session_profile=False).smart_charging
    assert StationModel(kind=ProfileKind.RELATIVE, lease=LeaseForm.NONE).lowest_a == 0


@pytest.mark.parametrize("zero", [ZeroBehaviour.ENDS_SESSION, ZeroBehaviour.IGNORED])
def test_a_station_that_cannot_pause_is_never_set_below_its_minimum(zero: ZeroBehaviour) -> None:
    assert StationModel(zero=zero, min_a=8).lowest_a == 8
    assert StationModel(min_a=8).lowest_a == 0


def test_occupied_means_a_plug_and_silence_may_hide_current() -> None:
    plugged = {"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"}
    assert {status.value for status in EvseStatus if status.is_occupied} == plugged
    assert {status.value for status in EvseStatus if not status.may_draw} == {"Available", "Reserved", "Unavailable"}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"lease_s": 60.0}, "lease_s must lie in 120 … 3600 s"),
        ({"lease_s": 7200.0}, "lease_s must lie in 120 … 3600 s"),
        ({"hold_s": 10.0}, "hold_s, cautious_s and fallback_s must rise"),
        ({"fallback_s": 5.0}, "hold_s, cautious_s and fallback_s must rise"),
        ({"rotation_s": 60.0}, "rotation_s must not be below min_on_s"),
    ],
)
def test_what_is_no_policy(wrong: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(Policy(), **wrong)  # type: ignore[arg-type]  # that is the test


def test_numbers_must_be_numbers() -> None:
    """Every value that enters a sum is finite; the complaint names it."""
    for wrong in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="speed must be a finite number"):
            finite("speed", wrong)
    with pytest.raises(ValueError, match="speed must not be negative"):
        not_negative("speed", -0.1)
    assert (finite("speed", 3), not_negative("speed", 0)) == (3.0, 0.0)


@pytest.mark.parametrize("field", ["at", "power_w", "import_wh", "export_wh", "frequency_hz"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_doubtful_reading_cannot_be_built(field: str, wrong: float) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        MeterReading(**{"at": 1.0, "amps": (1.0, 2.0, 3.0), field: wrong})  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ValueError, match="current must be a finite number"):
        MeterReading(1.0, (1.0, wrong, 3.0))


@pytest.mark.parametrize(("max_a", "max_w"), [(None, None), (-1.0, None), (None, math.nan), (5.0, -5.0)])
def test_what_is_no_limit(max_a: float | None, max_w: float | None) -> None:
    with pytest.raises(ValueError, match="limit 'dso' on grid"):
        Limit("grid", "dso", max_a, max_w)


def test_a_site_says_its_zone() -> None:
    assert isinstance(SITE, Site)
    assert SITE.zone.key == "Europe/Berlin"
