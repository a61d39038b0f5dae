"""The rule against unbalance: what may load one phase more than another stays within it, and all else is as ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.control.network import LINKS_PER_CIRCUIT, Network, Spread
from ems.domain.decision import Binding
from ems.domain.phases import PHASE_PAIRS, Phase
from ems.domain.site import Site
from tests.builders import Scenario, circuit, evse, layout, site
from tests.control.networks import WIRINGS

RULE = 20.0
"""4.6 kVA at 230 V."""


def under_the_rule(**wirings: str) -> Scenario:
    """Stations with such wirings behind a connection that is large enough for all of them."""
    grid = circuit("grid", 400, unbalance=RULE)
    return site(layout([grid], [evse(name, "grid", phases, fallback=0) for name, phases in wirings.items()]))


def test_one_phase_alone_gets_the_limit_and_the_reason_names_it() -> None:
    under_the_rule(A="L1").car("A").after(60).expect(A=20, binding=Binding.CIRCUIT, cause="unbalance of L1 over L")


def test_vehicles_on_one_phase_share_the_limit() -> None:
    under_the_rule(A="L2", B="L2").car("A").car("B").after(90).expect(A=10, B=10, cause="unbalance of L2 over")


def test_who_finds_no_room_waits_and_is_told_why() -> None:
    scene = under_the_rule(A="L1", B="L1", C="L1", D="L1")
    for name in "ABCD":
        scene.car(name)
    scene.after(60).expect(A=(6, 7), B=(6, 7), C=(6, 7)).expect(D=0, binding=Binding.WAITING, cause="unbalance of L1")


def test_phases_do_not_relieve_each_other() -> None:
    """What flows on the others may end at any moment, and would leave the one alone."""
    scene = under_the_rule(A="L1", B="L2", C="L3").car("A").car("B").car("C").after(90).expect(A=20, B=20, C=20)
    scene.unplug("B").after(1)
    assert max(scene.flow("grid")) - min(scene.flow("grid")) <= RULE


def test_two_phases_count_together_over_the_third_and_not_over_each_other() -> None:
    """L1 beside L3 carries both vehicles, L1 beside L2 only the one-phase one."""
    under_the_rule(A="L1 L2", B="L1").car("A", legs=2).car("B").after(120).expect(A=10, B=10, cause="L1 over L3")


def test_a_leg_between_two_phases_loads_both_over_the_third() -> None:
    under_the_rule(A="L1-L2", B="L2").car("A").car("B").after(120).expect(A=10, B=10, cause="L2 over L3")


def test_a_three_phase_vehicle_counts_until_a_sample_shows_that_it_draws_evenly() -> None:
    scene = under_the_rule(A="L1 L2 L3").car("A")
    scene.world.sample_every_s = 10_000
    scene.after(90).expect(A=20)
    scene.world.sample_every_s = 10
    scene.after(40).expect(A=32, binding=Binding.EVSE)


def test_a_one_phase_vehicle_at_a_three_phase_outlet_stays_within_the_limit() -> None:
    under_the_rule(A="L2 L3 L1").car("A", legs=1).after(90).expect(A=20, cause="unbalance of L2 over")


def test_who_stops_drawing_evenly_is_cut_at_once() -> None:
    """Some vehicles end their charge on one phase."""
    scene = under_the_rule(A="L1 L2 L3", B="L1").car("A").car("B").after(90).expect(A=32, B=20)
    scene.plug("A").takes_a = (32.0, 0.0, 0.0)
    scene.after(12).expect(A=(6, 14), B=(6, 14))
    assert scene.setpoint("A").amps + scene.setpoint("B").amps <= RULE


def test_many_three_phase_vehicles_are_not_kept_waiting_for_long() -> None:
    """Three may start at a time, and each shows within a sample that it does no harm."""
    names = [f"S{k}" for k in range(12)]
    scene = under_the_rule(**dict.fromkeys(names, "L1 L2 L3"))
    for name in names:
        scene.car(name)
    scene.after(150)
    assert all(scene.setpoint(name).amps >= 6 for name in names)


def test_after_a_restart_everybody_is_back_within_minutes() -> None:
    scene = under_the_rule(A="L1 L2 L3", B="L1 L2 L3", C="L1 L2 L3", D="L1 L2 L3", T="L3")
    for name in "ABCDT":
        scene.car(name)
    scene.after(150).expect(A=32, B=32, C=32, D=32, T=20)
    scene.restart().after(150).expect(A=32, B=32, C=32, D=32, T=20)


def test_a_lost_one_phase_station_keeps_what_it_may_hold_and_a_lost_three_phase_one_blocks_nobody() -> None:
    scene = under_the_rule(A="L1", B="L1", C="L1 L2 L3").car("A").car("B").car("C").after(90)
    scene.expect(A=10, B=10, C=32).drop("A", "C").after(60).expect(B=10)


def test_fuse_and_rule_hold_together() -> None:
    """The fuse on L1 leaves 16 A each, the rule 20 A in all to the one-phase vehicle."""
    grid = circuit("grid", (32, 200, 200), unbalance=RULE)
    scene = site(layout([grid], [evse("A", "grid", "L1", fallback=0), evse("B", "grid", fallback=0)]))
    scene.car("A").car("B").after(120).expect(A=16, B=16, cause="grid L1")


def test_the_rule_of_a_feeder_holds_for_what_hangs_below_it_alone() -> None:
    circuits = [circuit("grid", 400), circuit("row", 400, "grid", unbalance=RULE), circuit("end", 400, "row")]
    stations = [evse("A", "end", "L1", fallback=0), evse("B", "grid", "L1", fallback=0)]
    site(layout(circuits, stations)).car("A").car("B").after(90).expect(A=20, B=32)


# The bound itself


def grid_of(wirings: list[str]) -> Site:
    return layout([circuit("grid", 400, unbalance=RULE)], [evse(f"S{j}", "grid", w) for j, w in enumerate(wirings)])


@st.composite
def draws(draw: st.DrawFn) -> tuple[Site, list[Spread], list[tuple[bool, ...]], list[float], list[tuple[float, ...]]]:
    """Wirings with what is known of each vehicle, its limit, and what it truly draws on each leg: of those that are
    known to draw evenly the same on every leg that counts, of others anything on any.
    """
    wirings = draw(st.lists(st.sampled_from((*WIRINGS, "L1 L2")), min_size=1, max_size=6))
    built = grid_of(wirings)
    spreads, counts, limits, drawn = [], [], [], []
    for v in built.evses:
        width = len(v.wiring.legs)
        spread, limit = draw(st.sampled_from(list(Spread))), draw(st.floats(0, 32))
        legs = tuple(k == 0 or draw(st.booleans()) for k in range(width))
        shares = [1.0] * width if spread is Spread.EVEN else draw(st.lists(st.floats(0, 1), min_size=3, max_size=3))
        share = draw(st.floats(0, 1)) if spread > Spread.NOTHING else 0.0
        spreads.append(spread)
        counts.append(legs + (False,) * (3 - width))
        limits.append(limit)
        drawn.append(tuple(limit * share * s if c else 0.0 for s, c in zip(shares, legs, strict=False)))
    return built, spreads, counts, limits, drawn


@given(draws())
def test_whatever_vehicles_do_phases_differ_by_no_more_than_the_bound(
    case: tuple[Site, list[Spread], list[tuple[bool, ...]], list[float], list[tuple[float, ...]]],
) -> None:
    """Any of them may draw less than its limit, or nothing, at any moment: the difference stays below the sum."""
    built, spreads, legs, limits, drawn = case
    network = Network.of(built)
    incidence = network.incidence(np.array(legs), np.array(spreads, dtype=np.intp))
    bound = incidence.load(np.array(limits))[LINKS_PER_CIRCUIT:]
    on = [0.0, 0.0, 0.0]
    for v, amps in zip(built.evses, drawn, strict=True):
        on = [a + b for a, b in zip(on, v.wiring.on_site_phases(amps), strict=True)]
    for k, (more, less) in enumerate(PHASE_PAIRS):
        assert on[more] - on[less] <= bound[k] + 1e-9


@pytest.mark.parametrize(
    ("wiring", "spread", "over"),
    [
        ("L1", Spread.UNKNOWN, {"L1 L2", "L1 L3"}),
        ("L1", Spread.EVEN, {"L1 L2", "L1 L3"}),
        ("L1", Spread.NOTHING, set()),
        ("L1 L2", Spread.EVEN, {"L1 L3", "L2 L3"}),
        ("L1 L2", Spread.UNKNOWN, {"L1 L3", "L2 L3", "L1 L2", "L2 L1"}),
        ("L1-L2", Spread.UNKNOWN, {"L1 L3", "L2 L3"}),
        ("L1 L2 L3", Spread.EVEN, set()),
        ("L2 L3 L1", Spread.UNKNOWN, {"L1 L2", "L1 L3", "L2 L1", "L2 L3", "L3 L1", "L3 L2"}),
    ],
)
def test_which_phase_an_ampere_may_load_more_than_which(wiring: str, spread: Spread, over: set[str]) -> None:
    built = grid_of([wiring])
    width = len(built.evses[0].wiring.legs)
    legs = np.array([[k < width for k in range(3)]])
    found = Network.of(built).incidence(legs, np.array([spread], dtype=np.intp)).load(np.ones(1))[LINKS_PER_CIRCUIT:]
    pairs = (f"{Phase(more).name} {Phase(less).name}" for more, less in PHASE_PAIRS)
    assert {pair for pair, amps in zip(pairs, found.tolist(), strict=True) if amps} == over
