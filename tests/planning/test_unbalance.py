"""A plan keeps the rule against unbalance as the tick does: as linear limits that no other phase relieves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ems.domain.phases import Wiring
from ems.domain.session import Need
from ems.domain.site import Site
from ems.domain.strategy import LADDERS, Strategy
from ems.planning.arrays import Floats
from ems.planning.conductors import Kind, kinds_of, volts
from ems.planning.deficit import deficits
from ems.planning.flow import deliverable
from ems.planning.horizon import Horizon
from ems.planning.installation import nodes_of
from ems.planning.optimiser import optimise
from ems.planning.outlook import Stay
from ems.planning.problem import ChargingProblem, Economy
from ems.planning.requests import wanted_by
from ems.planning.schedule import Schedule
from tests.control.installations import circuit, evse, layout

NOW = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
HORIZON = Horizon.uniform(NOW, 2, 3600.0)
RULE = 20.0


def site(*wirings: str) -> Site:
    return layout([circuit("grid", 400, unbalance=RULE)], [evse(f"S{j}", "grid", w) for j, w in enumerate(wirings)])


def planned(*wirings: str, legs: tuple[bool, ...] = (True, True, True)) -> Schedule:
    """The fastest schedule for an empty vehicle at each outlet; `legs`: which of them it uses where it has them."""
    at = site(*wirings)
    stays = [_stay(j, legs[: len(v.wiring.legs)]) for j, v in enumerate(at.evses)]
    requests = tuple(wanted.request for wanted in wanted_by(at, HORIZON, stays, (), {}))
    nothing = np.zeros((1, 3, HORIZON.steps))
    nodes = nodes_of(at, HORIZON, (), nothing)
    built = ChargingProblem(HORIZON, nodes, requests, Economy.indifferent(HORIZON), volts(230.0))
    return optimise(built, LADDERS[Strategy.FAST])


def _stay(j: int, legs: tuple[bool, ...]) -> Stay:
    need = Need(90_000.0, NOW + timedelta(hours=2))
    return Stay(j, f"S{j}/1", f"s{j}", NOW, 0.0, need, legs, 6.0, np.inf, 0)


@pytest.mark.parametrize(
    ("wirings", "legs", "amps"),
    [
        (("L1",), (True, True, True), (20.0,)),
        (("L1", "L2", "L3"), (True, True, True), (20.0, 20.0, 20.0)),
        (("L1 L2 L3",), (True, True, True), (32.0,)),
        (("L2 L3 L1",), (True, False, False), (20.0,)),
        (("L1-L2",), (True, True, True), (20.0,)),
    ],
)
def test_nobody_is_planned_beyond_what_the_tick_would_allow(
    wirings: tuple[str, ...], legs: tuple[bool, ...], amps: tuple[float, ...]
) -> None:
    assert planned(*wirings, legs=legs).amps[:, 0] == pytest.approx(amps)


def test_those_on_one_phase_share_it_and_whom_it_keeps_short_is_told_so() -> None:
    schedule = planned("L2", "L2", "L1 L2 L3")
    assert schedule.amps[:2].sum(axis=0) == pytest.approx([RULE, RULE])
    assert schedule.amps[2] == pytest.approx([32.0, 32.0])
    short = {found.session: found.shortage for found in deficits(schedule)}
    assert {shortage.what for shortage in (short["s0"], short["s1"]) if shortage is not None} <= {
        "L2 over L1",
        "L2 over L3",
    }


@pytest.mark.parametrize("wirings", [("L1",), ("L1", "L2"), ("L3", "L3", "L1 L2 L3")])
def test_what_flows_say_can_be_delivered_knows_the_rule_too(wirings: tuple[str, ...]) -> None:
    """Never less than a plan delivers; exact for one kind of vehicle."""
    schedule = planned(*wirings)
    found = deliverable(schedule.problem)
    delivered_wh = float(schedule.delivered_wh.sum())
    assert delivered_wh <= found.energy_wh * (1 + 1e-6)
    assert found.exact is (len(wirings) == 1)
    assert not found.exact or found.energy_wh == pytest.approx(delivered_wh, rel=1e-6)


@pytest.mark.parametrize(
    ("wiring", "kinds"),
    [
        ("L1", {Kind.L1, Kind.L1_OVER_L2, Kind.L1_OVER_L3}),
        ("L1 L2", {Kind.L1, Kind.L2, Kind.L1_OVER_L3, Kind.L2_OVER_L3}),
        ("L3 L1 L2", {Kind.L1, Kind.L2, Kind.L3}),
        ("L3-L1", {Kind.L3_L1, Kind.L1_OVER_L2, Kind.L3_OVER_L2}),
    ],
)
def test_what_a_vehicle_counts_for(wiring: str, kinds: set[Kind]) -> None:
    legs = Wiring.parse(wiring).legs
    assert set(kinds_of(legs, unbalance=True)) == kinds
    assert set(kinds_of(legs, unbalance=False)) == {kind for kind in kinds if "OVER" not in kind.name}


def test_unbalance_carries_no_power() -> None:
    amps: Floats = np.ones(len(Kind))
    assert volts(230.0) @ amps == pytest.approx(230.0 * (3 + 3 * 3**0.5))
