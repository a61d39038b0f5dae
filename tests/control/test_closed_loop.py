"""The closed loop of core and physics: what truly flows, whatever vehicles and stations do."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ems.domain.meter import Meter
from tests.builders import Scenario, circuit, evse, layout, site
from tests.control.laws import FEW

NAMES = ("A1", "A2", "B1", "B2")
BUILDING_A = 10.0

ACTIONS: dict[str, Callable[[Scenario, str], Scenario]] = {
    "arrives": lambda s, name: s if s.plug(name).plugged else s.car(name),
    "arrives with one leg": lambda s, name: s if s.plug(name).plugged else s.car(name, legs=1),
    "arrives and takes little": lambda s, name: s if s.plug(name).plugged else s.car(name, takes=9),
    "leaves": lambda s, name: s.unplug(name) if s.plug(name).plugged else s,
    "is limited": lambda s, name: s.limit(f"{name}/1", "operator", 8),
    "is paused": lambda s, name: s.limit(f"{name}/1", "operator", 0),
    "is free": lambda s, name: s.limit(f"{name}/1", "operator", 32),
    "is lost": lambda s, name: s if name in s.world.offline else s.drop(name),
    "is back": lambda s, name: s.reconnect(name),
    "refuses": lambda s, name: s.station(name, "refuses"),
    "does not answer": lambda s, name: s.station(name, "silent"),
    "obeys": lambda s, name: s.station(name, "obeys"),
    "loses its meters": lambda s, _: s.silent("main", "sub"),
    "finds its meters": lambda s, _: s.speaks("main", "sub"),
    "sees its controller die": lambda s, _: s.without_controller(20).restart(),
    "sees its controller crash": lambda s, _: s.without_controller(3).restart(crashes=1),
}
"""Everything that may happen to a station or its site and is no excuse for an overload."""


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Two feeders behind a grid connection, metered quickly, slowly or not at all; vehicles quick and slow."""
    every_s = draw(st.sampled_from([None, 1.0, 10.0]))
    meters = [] if every_s is None else [Meter("main", every_s, circuit="grid"), Meter("sub", every_s, circuit="a")]
    main, sub = (None, None) if every_s is None else ("main", "sub")
    circuits = [
        circuit("grid", (50, 44, 50), meter=main, base_max=BUILDING_A),
        circuit("a", 30, "grid", meter=sub),
        circuit("b", (20, 32, 32), "grid"),
    ]
    phases = ("L1 L2 L3", "L2 L3 L1", "L1 L2 L3", "L1")
    stations = [evse(name, name[0].lower(), wiring) for name, wiring in zip(NAMES, phases, strict=True)]
    s = site(layout(circuits, stations, meters=meters), lease_s=120.0, min_off_s=10.0)
    s.world.sample_every_s = draw(st.sampled_from([10, 30]))
    for name in NAMES:
        s.plug(name).lag_s = draw(st.sampled_from([0, 4, 9]))
    return s.meter("main", BUILDING_A, BUILDING_A, BUILDING_A).after(15)


HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from(NAMES), st.integers(0, 25)), max_size=12
)


@FEW
@given(scenarios(), HAPPENINGS)
def test_no_fuse_is_overloaded_by_anything_that_was_decided(
    s: Scenario, happenings: list[tuple[str, str, int]]
) -> None:
    """The building is steady, so whatever flows too much would be our decision: nothing ever does, on any phase."""
    for what, name, seconds in happenings:
        ACTIONS[what](s, name).after(seconds)
        assert s.most_over_a <= 1e-6


REACTION_S = 15


@FEW
@given(st.lists(st.tuples(st.integers(0, 44), st.integers(1, 40)), min_size=1, max_size=5), st.sampled_from([0, 4, 5]))
def test_an_overload_by_the_building_ends_in_time(steps: list[tuple[int, int]], lag_s: int) -> None:
    """Within 15 s of any step, with vehicles that take 5 s and samples every 10 s, nothing is too full any more."""
    at = layout([circuit("grid", 44, meter="main")], [evse("A1", "grid"), evse("A2", "grid", "L1")])
    s = site(at).car("A1").car("A2").after(60)
    for name in ("A1", "A2"):
        s.plug(name).lag_s = lag_s
    for building, seconds in steps:
        s.meter("main", building, building, building)
        too_full_for = 0
        for _ in range(seconds):
            s.after(1)
            too_full_for = too_full_for + 1 if max(s.flow("grid")) > 44 else 0
            assert too_full_for <= REACTION_S
