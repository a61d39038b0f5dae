"""Small constraint networks for the allocation tests: where each EVSE hangs, and what it wants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ems.control.incidence import Floats, Incidence
from ems.control.network import LINKS_PER_CIRCUIT, POWER, Network, Spread
from ems.domain.site import Site
from tests.builders import circuit, evse, layout

WIRINGS = ("L1 L2 L3", "L2 L3 L1", "L1", "L2", "L3", "L1-L2", "L3-L1")
UNRATED_A = 1e6


class Wish(NamedTuple):
    """An EVSE: its circuit and phases, between which currents, and its weight or its rank."""

    hangs_on: str
    phases: str
    upper: float = 32.0
    lower: float = 0.0
    weight: float = 1.0


class Problem(NamedTuple):
    """What `admit`, `share` and `serve_in_order` are asked."""

    incidence: Incidence
    capacity: Floats
    lower: Floats
    upper: Floats
    weight: Floats


Tree = Mapping[str, tuple[str | None, float | tuple[float, float, float]]]
"""Circuit id to (parent, capacity per phase); capacities may be negative or infinite, which a rating cannot."""


def problem(tree: Tree, wishes: Sequence[Wish], kw: Mapping[str, float] | None = None) -> Problem:
    """Lay out wishes on a tree of capacities; `kw` limits the power of circuits."""
    network, site = lay_out(tree, wishes)
    capacity = np.full(network.links, math.inf)
    for i, placed in enumerate(site.circuits):
        amps = tree[placed.id][1]
        first = i * LINKS_PER_CIRCUIT
        capacity[first : first + POWER] = amps if isinstance(amps, tuple) else (amps,) * POWER
        capacity[first + POWER] = (kw or {}).get(placed.id, math.inf) * 1000
    legs = np.array([[k < len(v.wiring.legs) for k in range(3)] for v in site.evses], dtype=np.bool_).reshape(-1, 3)
    columns = [np.array([getattr(w, name) for w in wishes], dtype=float) for name in ("lower", "upper", "weight")]
    spread = np.full(len(wishes), Spread.EVEN, dtype=np.intp)
    return Problem(network.incidence(legs, spread).on(np.isfinite(capacity)), capacity, *columns)


def lay_out(tree: Tree, wishes: Sequence[Wish]) -> tuple[Network, Site]:
    """The site and its network; its ratings do not matter."""
    circuits = [circuit(name, UNRATED_A, parent) for name, (parent, _) in tree.items()]
    stations = [evse(f"S{j}", w.hangs_on, w.phases) for j, w in enumerate(wishes)]
    site = layout(circuits, stations)
    return Network.of(site), site


def loads(p: Problem, amps: Sequence[float]) -> list[float]:
    """The load of every link, added up one entry at a time."""
    total = [0.0] * p.incidence.links
    for link, j, coefficient in entries(p):
        total[link] += coefficient * float(amps[j])
    return total


def entries(p: Problem) -> list[tuple[int, int, float]]:
    """(link, EVSE, coefficient) of the whole network."""
    found = p.incidence
    return list(zip(found.link.tolist(), found.evse.tolist(), found.coefficient.tolist(), strict=True))


@st.composite
def problems(draw: st.DrawFn, *, lower: bool = True, most: int = 6) -> Problem:
    """Random trees of up to four circuits, up to `most` EVSEs, whole and broken numbers, every wiring."""
    names = [f"c{i}" for i in range(draw(st.integers(1, 4)))]
    amps = st.one_of(st.integers(0, 80).map(float), st.floats(0, 80), st.sampled_from([math.inf, -5.0, 0.0]))
    tree = {
        name: (None if i == 0 else names[draw(st.integers(0, i - 1))], draw(st.tuples(amps, amps, amps)))
        for i, name in enumerate(names)
    }
    bounds = st.one_of(st.integers(0, 32).map(float), st.floats(0, 32))
    wishes = []
    for _ in range(draw(st.integers(0, most))):
        low, high = sorted((draw(bounds) if lower else 0.0, draw(bounds)))
        weight = draw(st.sampled_from([1.0, 1.0, 2.0, 0.5, 3.0]))
        where, phases = draw(st.sampled_from(names)), draw(st.sampled_from(WIRINGS))
        wishes.append(Wish(where, phases, high, low if draw(st.booleans()) else 0.0, weight))
    kw = {name: draw(st.floats(0, 60)) for name in names if draw(st.booleans())}
    return problem(tree, wishes, kw)
