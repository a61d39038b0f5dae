"""The last word: every circuit and phase is added up again, by other means than the allocation used.

It shares no arithmetic with `allocation`, `shaping` or `network`: it adds each EVSE to its own circuit and carries the
sums up the tree, in plain Python, as phasors where legs lie between two phases. It may only lower; whatever it lowers
is an error elsewhere and is reported as one. That a cut keeps every sum within its bound holds for phasors too, since
all on a conductor point within sixty degrees; and for unbalance, since what is summed there never counts against
another (see `network`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import compress
from typing import NamedTuple

from ems.domain.circuit import CircuitTree
from ems.domain.phases import PHASE_PAIRS
from ems.domain.site import Site
from ems.domain.station import Evse

SLACK_A = 1e-3
SLACK_W = 1.0

NOWHERE, EVENLY, UNEVENLY = 0, 1, 2
"""How the current of an EVSE is spread over its legs."""

POWER, PAIRS = 3, 4

Sums = list[float]
"""Ampere on L1, L2, L3, watts in all, and where that is limited, ampere on one phase and not on another, by pair."""

AHEAD = complex(math.cos(math.pi / 6.0), math.sin(math.pi / 6.0))
"""The current between a phase and the next one, beside the voltage of the first; that of the next lags as much."""


class Outlet(NamedTuple):
    """Where an EVSE hangs: position of its circuit, site phases of each leg, what one ampere of a leg is on each of
    them beside its voltage, and its watts.
    """

    circuit: int
    legs: tuple[tuple[int, ...], ...]
    phasors: tuple[tuple[tuple[int, complex], ...], ...]
    watts_per_leg: float

    @classmethod
    def of(cls, site: Site, evse: Evse) -> Outlet:
        """The outlet of an EVSE of `site`."""
        legs = tuple(tuple(int(phase) for phase in leg) for leg in evse.wiring.legs)
        phasors = tuple(tuple((phase, _phasor(phase, leg)) for phase in leg) for leg in legs)
        return cls(site.circuits.index(evse.circuit), legs, phasors, evse.wiring.watts_per_amp(site.voltage_v, 1))


def _phasor(phase: int, leg: tuple[int, ...]) -> complex:
    """What one ampere of a leg is on a phase, beside its voltage."""
    if len(leg) == 1:
        return 1.0
    return AHEAD if (phase + 1) % 3 in leg else AHEAD.conjugate()


class Load(NamedTuple):
    """One controlled EVSE as the guard sees it: what is decided, what may still flow, which legs count.

    Between 0 and `minimum_a` no setpoint is useful; `lowest_a` is what cannot be taken away. `spread`: whether current
    flows at all, the same on each of its legs, or any on any.
    """

    outlet: Outlet
    setpoint_a: float
    liable_a: float
    legs: Sequence[bool]
    minimum_a: float
    lowest_a: float
    spread: int = EVENLY


def guard(tree: CircuitTree, loads: Sequence[Load], bounds: Sequence[Sums]) -> list[float]:
    """Setpoints that satisfy every bound, none higher than it came in; `bounds` in the order of `tree`.

    First no raise where liabilities plus raises exceed a bound; then, where the setpoints themselves do, the largest
    ones go down to their minimum and the last in line to what cannot be taken away, until they fit.
    """
    amps, present = [], []
    for _, setpoint_a, liable_a, _, minimum_a, lowest_a, _ in loads:
        value = setpoint_a if setpoint_a >= minimum_a else min(lowest_a, setpoint_a)
        amps.append(value)
        present.append(max(value, liable_a))
    exceeded = _exceeded(tree, loads, present, bounds)
    for circuit in exceeded:
        for j in _loading(tree, loads, *circuit):
            amps[j] = min(amps[j], _at_most(loads[j], loads[j].liable_a))
    while exceeded := exceeded and _exceeded(tree, loads, amps, bounds):
        if not any(_lower_one(loads, amps, list(_loading(tree, loads, *link))) for link in exceeded):
            break
    return amps


def _at_most(load: Load, amps: float) -> float:
    value = min(load.setpoint_a, amps)
    return value if value >= load.minimum_a else min(load.lowest_a, load.setpoint_a)


def _exceeded(
    tree: CircuitTree, loads: Sequence[Load], amps: Sequence[float], bounds: Sequence[Sums]
) -> list[tuple[int, int]]:
    """(circuit, link) where the sum over all EVSEs below exceeds the bound; links 0 to 2 are phases, 3 is power, the
    rest pairs of phases.
    """
    most = max([len(bound) for bound in bounds], default=0)
    totals: list[list[complex]] = [[0.0] * most for _ in bounds]
    for ((circuit, legs, phasors, watts), _, _, carrying, _, _, spread), value in zip(loads, amps, strict=True):
        if value > 0:
            own = totals[circuit]
            for pair in _uneven(legs, tuple(carrying), spread) if most > PAIRS else ():
                own[PAIRS + pair] += value
            for leg in compress(phasors, carrying):
                own[POWER] += value * watts
                for phase, phasor in leg:
                    own[phase] += value * phasor
    for i in range(len(totals) - 1, 0, -1):
        parent = totals[tree.parents[i]]
        for k, below in enumerate(totals[i]):
            parent[k] += below
    return [
        (i, k)
        for i, (total, bound) in enumerate(zip(totals, bounds, strict=True))
        for k, most in enumerate(bound)
        if abs(total[k]) > max(most, 0.0) + (SLACK_W if k == POWER else SLACK_A)
    ]


def _loading(tree: CircuitTree, loads: Sequence[Load], circuit: int, link: int) -> Iterable[int]:
    return (
        j
        for j, load in enumerate(loads)
        if circuit in tree.path_of(load.outlet.circuit) and (link == POWER or _loads(load, link))
    )


def _loads(load: Load, link: int) -> bool:
    if link >= PAIRS:
        return link - PAIRS in _uneven(load.outlet.legs, tuple(load.legs), load.spread)
    return any(c and link in leg for c, leg in zip(load.legs, load.outlet.legs, strict=False))


@lru_cache(maxsize=1024)
def _uneven(legs: tuple[tuple[int, ...], ...], carrying: tuple[bool, ...], spread: int) -> tuple[int, ...]:
    """The pairs of phases of which it may load the first more than the second."""
    loaded = list(compress(legs, carrying))
    found = []
    for pair, (more, less) in enumerate(PHASE_PAIRS):
        alone = any(more in leg and less not in leg for leg in loaded)
        besides = any(less in leg for leg in loaded)
        if alone and spread != NOWHERE and (spread == UNEVENLY or not besides):
            found.append(pair)
    return tuple(found)


def _lower_one(loads: Sequence[Load], amps: list[float], members: Sequence[int]) -> bool:
    """Lower the largest setpoint one stage; False when nothing is left to lower."""
    for bottom in ([loads[j].minimum_a for j in members], [loads[j].lowest_a for j in members]):
        above = [(amps[j], j, least) for j, least in zip(members, bottom, strict=True) if amps[j] > least]
        if above:
            _, j, least = max(above)
            amps[j] = least
            return True
    return False
