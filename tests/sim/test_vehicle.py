"""A vehicle obeys the pilot, the battery and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.sim.vehicle import Vehicle, VehicleModel

ONE_LEG_W = 230.0

models = st.builds(
    VehicleModel,
    battery_wh=st.floats(500, 90_000),
    max_a=st.floats(8, 63),
    min_a=st.sampled_from([6.0, 8.0]),
    taper_from=st.sampled_from([0.5, 0.8, 0.9, 1.0]),
    taper_share=st.floats(0.05, 1),
    lag_s=st.floats(0, 5),
    ramp_a_per_s=st.floats(0.5, 20),
    share=st.floats(0.3, 1),
    sleeps_after_s=st.sampled_from([math.inf, 30.0, 600.0]),
    pauses=st.sampled_from([(), ((10.0, 30.0),), ((5.0, 10.0), (40.0, 20.0))]),
)
vehicles = st.builds(Vehicle, model=models, wants_wh=st.floats(1, 60_000), soc_at_arrival=st.floats(0, 0.99))
offers = st.lists(st.tuples(st.one_of(st.just(0.0), st.floats(0, 63)), st.integers(1, 30)), min_size=1, max_size=8)


@given(vehicles, offers)
def test_never_draws_above_what_was_offered_within_its_lag(vehicle: Vehicle, course: list[tuple[float, int]]) -> None:
    past: list[float] = [0.0] * 6
    for offered_a, seconds in course:
        for _ in range(seconds):
            vehicle = vehicle.step(offered_a, 1.0, ONE_LEG_W)
            past = [*past[-6:], offered_a]
            assert vehicle.current_a <= max(past) + 1e-6
            assert vehicle.current_a <= vehicle.model.max_a + 1e-6


@given(vehicles, offers)
def test_never_draws_between_zero_and_its_minimum(vehicle: Vehicle, course: list[tuple[float, int]]) -> None:
    for offered_a, seconds in course:
        for _ in range(seconds):
            vehicle = vehicle.step(offered_a, 1.0, ONE_LEG_W)
            assert vehicle.current_a == 0 or vehicle.current_a >= vehicle.model.min_a - 1e-6


@given(vehicles, offers)
def test_energy_is_the_integral_of_the_current_and_stops_at_the_goal(
    vehicle: Vehicle, course: list[tuple[float, int]]
) -> None:
    for offered_a, seconds in course:
        for _ in range(seconds * 4):
            before = vehicle
            vehicle = vehicle.step(offered_a, 0.25, ONE_LEG_W)
            got = vehicle.energy_wh - before.energy_wh
            most = max(before.current_a, vehicle.current_a, vehicle.model.min_a)
            if before.current_a and vehicle.current_a:
                assert got >= min(before.current_a, vehicle.current_a) * ONE_LEG_W * 0.25 / 3600 - 1e-6
            assert -1e-9 <= got <= (most + vehicle.model.ramp_a_per_s * 0.25) * ONE_LEG_W * 0.25 / 3600 + 1e-6
    room = (1 - vehicle.soc_at_arrival) * vehicle.model.battery_wh
    assert vehicle.energy_wh <= min(vehicle.wants_wh, room) + 1e-6
    assert vehicle.soc <= 1


@given(vehicles, offers)
def test_a_long_step_equals_short_ones(vehicle: Vehicle, course: list[tuple[float, int]]) -> None:
    """The taper, which is computed every ten seconds, may begin elsewhere: it is left out here."""
    vehicle = replace(vehicle, model=replace(vehicle.model, taper_from=1.0))
    short = vehicle
    for offered_a, seconds in course:
        vehicle = vehicle.step(offered_a, float(seconds), ONE_LEG_W)
        for _ in range(seconds):
            short = short.step(offered_a, 1.0, ONE_LEG_W)
    assert vehicle.energy_wh == pytest.approx(short.energy_wh, abs=1e-4)
    assert vehicle.current_a == pytest.approx(short.current_a, abs=1e-4)
    assert (vehicle.asleep, vehicle.pauses_done) == (short.asleep, short.pauses_done)


@given(vehicles, offers)
def test_between_announced_changes_the_current_is_constant(vehicle: Vehicle, course: list[tuple[float, int]]) -> None:
    """Who steps by `next_change_s` misses no current: in the middle of the span it is what it was at its begin."""
    vehicle = replace(vehicle, model=replace(vehicle.model, taper_from=1.0, ramp_a_per_s=1e6))
    for offered_a, _ in course:
        vehicle = vehicle.step(offered_a, 0.0, ONE_LEG_W)
        span = min(vehicle.next_change_s(offered_a, ONE_LEG_W), 1e4)
        first = vehicle.step(offered_a, span * 0.1, ONE_LEG_W)
        later = vehicle.step(offered_a, span * 0.9, ONE_LEG_W)
        assert first.current_a == pytest.approx(later.current_a, abs=1e-6)
        vehicle = vehicle.step(offered_a, span + 1e-3, ONE_LEG_W)


def run(vehicle: Vehicle, *course: tuple[float, float], watts_per_amp: float = ONE_LEG_W) -> list[float]:
    """The current at the end of each (offer, seconds)."""
    seen = []
    for offered_a, seconds in course:
        vehicle = vehicle.step(offered_a, seconds, watts_per_amp)
        seen.append(round(vehicle.current_a, 2))
    return seen


@pytest.mark.parametrize(
    ("model", "course", "currents"),
    [
        (VehicleModel(lag_s=2, ramp_a_per_s=4), [(16, 1), (16, 1), (16, 1), (16, 2)], [0, 0, 10, 16]),
        (VehicleModel(lag_s=5, ramp_a_per_s=100), [(32, 9), (10, 4.9), (10, 0.2)], [32, 32, 10]),
        (VehicleModel(max_a=16, ramp_a_per_s=100), [(32, 9)], [16]),
        (VehicleModel(share=0.8, ramp_a_per_s=100), [(20, 9), (7, 9)], [16, 6]),
        (VehicleModel(min_a=8, ramp_a_per_s=100), [(7.9, 9), (8, 9)], [0, 8]),
        (VehicleModel(lag_s=0, ramp_a_per_s=100), [(6, 1), (5.9, 1)], [6, 0]),
        (VehicleModel(pauses=((10, 30),), lag_s=0, ramp_a_per_s=100), [(6, 9), (6, 2), (6, 28), (6, 2)], [6, 0, 0, 6]),
        (VehicleModel(sleeps_after_s=60, lag_s=0, ramp_a_per_s=100), [(6, 9), (0, 59), (6, 1)], [6, 0, 6]),
        (VehicleModel(sleeps_after_s=60, lag_s=0, ramp_a_per_s=100), [(6, 9), (0, 61), (6, 99)], [6, 0, 0]),
    ],
    ids=["ramps", "cut after lag", "own maximum", "a share", "needs 8 A", "pause", "cools", "short pause", "sleeps"],
)  # fmt: skip
def test_follows_the_offer(model: VehicleModel, course: list[tuple[float, float]], currents: list[float]) -> None:
    assert run(Vehicle(model, wants_wh=50_000), *course) == currents


def test_a_sleeper_wakes_when_somebody_presses_its_button() -> None:
    sleeper = Vehicle(VehicleModel(sleeps_after_s=10), wants_wh=9_000).step(0, 20, ONE_LEG_W).step(16, 20, ONE_LEG_W)
    assert sleeper.asleep
    assert sleeper.current_a == 0
    assert sleeper.woken().step(16, 20, ONE_LEG_W).current_a == 16


def test_the_current_falls_towards_a_full_battery() -> None:
    model = VehicleModel(battery_wh=10_000, taper_from=0.8, taper_share=0.25, lag_s=0, ramp_a_per_s=100)
    vehicle = Vehicle(model, wants_wh=99_000, soc_at_arrival=0.79)
    currents, socs = [], []
    for _ in range(40):
        vehicle = vehicle.step(32, 60, 3 * ONE_LEG_W)
        currents.append(vehicle.current_a)
        socs.append(vehicle.soc)
    assert currents == sorted(currents, reverse=True)
    assert max(a for a, soc in zip(currents, socs, strict=True) if soc > 0.9) == pytest.approx(20, abs=1)
    assert vehicle.soc == 1
    assert not vehicle.is_hungry


@pytest.mark.parametrize(
    ("legs", "at", "amps"), [(1, 3, (9, 0, 0)), (3, 3, (9, 9, 9)), (2, 3, (9, 9, 0)), (3, 1, (9,))]
)
def test_draws_on_its_own_legs_only(legs: int, at: int, amps: tuple[float, ...]) -> None:
    vehicle = Vehicle(VehicleModel(legs=legs, lag_s=0, ramp_a_per_s=100), wants_wh=9_000)
    watts = vehicle.watts_per_amp(230, at)
    assert watts == 230 * min(legs, at)
    assert vehicle.step(9, 9, watts).leg_amps(at) == amps


@pytest.mark.parametrize(
    "wrong", [{"lag_s": 6}, {"min_a": 4}, {"max_a": 5}, {"legs": 4}, {"share": 0}, {"battery_wh": 0}]
)
def test_refuses_what_no_vehicle_is(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|follows"):
        VehicleModel(**wrong)  # type: ignore[arg-type]  # the names are the test's data
