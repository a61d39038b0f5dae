"""The site as the planner sees it: what every circuit can carry for vehicles at every step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from ems.domain.limit import Limit
from ems.domain.phases import Phase
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.conductors import KINDS, OVER, on_line, over, volts
from ems.planning.horizon import Horizon
from ems.planning.problem import Line, Node

EDGE_S = 1.0
"""A limit that ends with a step does not hold at its end."""

PHASES = len(Phase)


def nodes_of(site: Site, horizon: Horizon, limits: Sequence[Limit], base_a: Floats) -> tuple[Node, ...]:
    """Every circuit with its phases and, where it is limited, its power; what is left beside margin and base load,
    which comes as ampere by circuit, phase and step.

    A vehicle on another phase makes no room under a limit of unbalance, as for the tick.
    """
    volts_of, power = volts(site.voltage_v), np.zeros(KINDS, dtype=np.complex128)
    power += volts_of
    nodes = []
    for i, circuit in enumerate(site.circuits):
        amps, watts = limit_course(site, circuit.id, horizon, limits)
        base = base_a[i]
        lines = [
            Line(phase.name, on_line(phase), _left(amps, circuit.rating_a[phase], circuit.margin_a + base[phase]))
            for phase in Phase
            if circuit.rating_a[phase]
        ]
        if np.isfinite(watts).any():
            lines.append(Line("power", power, watts - base.sum(axis=0) * site.voltage_v))
        if circuit.unbalance_max_a is not None:
            most = np.full(horizon.steps, circuit.unbalance_max_a)
            lines += [Line(f"{more.name} over {less.name}", over(kind), most) for kind, (more, less) in OVER.items()]
        parent = -1 if circuit.parent is None else site.circuits.index(circuit.parent)
        nodes.append(Node(circuit.id, parent, tuple(lines)))
    return tuple(nodes)


def limit_course(site: Site, scope: str, horizon: Horizon, limits: Sequence[Limit]) -> tuple[Floats, Floats]:
    """The tightest limit on a circuit or EVSE at every step, ampere per phase and watt; infinite without one."""
    amps, watts = np.full(horizon.steps, np.inf), np.full(horizon.steps, np.inf)
    windows = [window for window in site.limits if window.scope == scope]
    received = [limit for limit in limits if limit.scope == scope]
    if not windows and not received:
        return amps, watts
    for k, moments in enumerate(_moments(horizon)):
        for moment in moments:
            held = [limit for limit in received if limit.holds_at(moment)]
            held += [limit for window in windows if (limit := window.limit_at(moment, site.zone)) is not None]
            for limit in held:
                amps[k] = min(amps[k], np.inf if limit.max_a is None else limit.max_a)
                watts[k] = min(watts[k], np.inf if limit.max_w is None else limit.max_w)
    return amps, watts


def connection_w(site: Site, horizon: Horizon, limits: Sequence[Limit]) -> Floats:
    """The most that may flow through the grid connection at every step, W, by its fuse and every limit on it."""
    root = site.circuits.root
    amps, watts = limit_course(site, root.id, horizon, limits)
    carried = sum((np.minimum(amps, rating) for rating in root.rating_a), np.zeros(horizon.steps))
    return np.asarray(np.minimum(watts, carried * site.voltage_v))


def _moments(horizon: Horizon) -> list[tuple[datetime, datetime, datetime]]:
    edges, aside = horizon.edges(), timedelta(seconds=EDGE_S)
    return [(a + aside, a + (b - a) / 2, b - aside) for a, b in pairwise(edges)]


def _left(limit: Floats, rating: float, taken: Floats) -> Floats:
    return np.asarray(np.minimum(limit, rating) - taken)
