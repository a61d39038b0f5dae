"""Phases and wirings: which conductors of the site an ampere of an EVSE flows through."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.phases import Phase, Wiring

TEXTS = st.one_of(
    st.sampled_from([" ".join(p.name for p in order) for order in permutations(Phase)]),
    st.sampled_from([f"{a.name} {b.name}" for a, b in permutations(Phase, 2)]),
    st.sampled_from([p.name for p in Phase]),
    st.sampled_from([f"{a.name}-{b.name}" for a, b in permutations(Phase, 2)]),
)
"""Every wiring there is."""

WIRINGS = TEXTS.map(Wiring.parse)
AMPS = st.floats(0, 1000)


@given(TEXTS)
def test_a_wiring_reads_as_it_is_written(text: str) -> None:
    assert str(Wiring.parse(text)) == text
    assert Wiring.parse(text.lower().replace(" ", ", ")) == Wiring.parse(text)


@given(WIRINGS, AMPS)
def test_a_common_current_loads_every_phase_of_the_wiring_and_no_other(wiring: Wiring, amps: float) -> None:
    on_site = wiring.on_site_phases((amps,) * len(wiring.legs))
    assert on_site == tuple(amps if phase in wiring.phases else 0.0 for phase in Phase)


@given(st.sampled_from([w for w in permutations(Phase)]), st.tuples(AMPS, AMPS, AMPS))
def test_rotation_moves_currents_and_loses_none(order: tuple[Phase, ...], amps: tuple[float, float, float]) -> None:
    """What the station calls L1 flows where the first named phase is."""
    on_site = Wiring(tuple((phase,) for phase in order)).on_site_phases(amps)
    assert sorted(on_site) == sorted(amps)
    assert all(on_site[phase] == amps[k] for k, phase in enumerate(order))


def test_a_line_to_line_leg_counts_fully_on_both_phases() -> None:
    assert Wiring.parse("L3-L1").on_site_phases((40.0,)) == (40.0, 0.0, 40.0)


def test_currents_on_phases_that_the_station_lacks_are_not_invented() -> None:
    """A one-phase station that reports three currents; a three-phase station that reports one."""
    assert Wiring.parse("L2").on_site_phases((10.0, 5.0, 5.0)) == (0.0, 10.0, 0.0)
    assert Wiring.parse("L2 L3 L1").on_site_phases((10.0,)) == (0.0, 10.0, 0.0)


@pytest.mark.parametrize(
    ("text", "rotated"),
    [("L1", False), ("L3", False), ("L1 L2 L3", False), ("L2 L3 L1", True), ("L3 L1 L2", True), ("L1 L3", False),
     ("L2 L1 L3", True), ("L2-L1", False)],
)  # fmt: skip
def test_which_wirings_are_rotated(text: str, rotated: bool) -> None:
    assert Wiring.parse(text).is_rotated is rotated


@pytest.mark.parametrize(
    ("text", "legs", "watts"),
    [("L1", None, 230), ("L1 L2 L3", None, 690), ("L1 L2 L3", 1, 230), ("L1 L2 L3", 2, 460),
     ("L1-L2", None, 230 * math.sqrt(3))],
)  # fmt: skip
def test_watts_per_ampere(text: str, legs: int | None, watts: float) -> None:
    assert Wiring.parse(text).watts_per_amp(230.0, legs) == pytest.approx(watts)


def test_a_north_american_leg_at_120_v_has_208_v() -> None:
    assert Wiring.parse("L1-L2").watts_per_amp(120.0) == pytest.approx(208, abs=0.2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "one to three legs"),
        ("L1 L2 L3 L1", "one to three legs"),
        ("L4", "unknown phase 'L4': write 'L1'"),
        ("N", "unknown phase 'N'"),
        ("L1 L1", "named twice"),
        ("L1-L1", "named twice"),
        ("L1-L2-L3", "a leg is one phase"),
        ("L1-L2 L3", "a line-to-line leg stands alone"),
        ("L1-L2 L2-L3 L3-L1", "a line-to-line leg stands alone"),
    ],
)
def test_what_is_no_wiring(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Wiring.parse(text)
