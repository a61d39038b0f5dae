"""Charging problems to solve: drawn from a seed, in the shape of the published comparison (pods of 9, panels of 54)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np

from ems.domain.phases import Phase
from ems.planning.arrays import Floats
from ems.planning.conductors import KINDS, Kind, on_line, volts
from ems.planning.horizon import Horizon
from ems.planning.problem import ChargingProblem, Economy, Line, Node, Request

MORNING = datetime(2024, 5, 6, 6, 2, tzinfo=UTC)
POD, PANEL = 9, 54


def car_park(
    vehicles: int, seed: int = 0, load: float = 2.0, legs: str = "mixed", horizon: Horizon | None = None
) -> ChargingProblem:
    """A tree of pods, panels and a grid connection; at `load` 1 its fuses hardly matter, at 3 energy is short.

    `legs`: "mixed" one- and three-phase vehicles, or "line-to-line" as in North America.
    """
    rng, horizon = np.random.default_rng(seed), horizon or Horizon.standard(MORNING)
    panels, pods = -(-vehicles // PANEL), -(-vehicles // POD)
    arrival = np.maximum(0.0, rng.normal(2.0, 3.0, vehicles))
    departure = arrival + rng.uniform(3.0, 12.0, vehicles)
    edges_h = np.array(horizon.edges_s) / 3600.0
    three = rng.random(vehicles) < 0.5
    energy_wh = rng.uniform(8000.0, 40000.0, vehicles)
    requests = []
    for i in range(vehicles):
        inside = np.minimum(edges_h[1:], departure[i]) - np.maximum(edges_h[:-1], arrival[i])
        available = np.clip(inside / np.diff(edges_h), 0.0, 1.0)
        kinds, max_a, watts = _vehicle(i, bool(three[i]), legs)
        most = max_a * watts * float(available @ horizon.hours)
        requests.append(
            Request(
                f"s{i}", f"e{i}", 1 + panels + i // POD, kinds, available, min(energy_wh[i], most), max_a, 6.0, watts
            )
        )
    nodes = [_node("grid", -1, requests, range(vehicles), 0.5 / load, horizon)]
    nodes += [
        _node(f"panel{p}", 0, requests, range(p * PANEL, min(vehicles, (p + 1) * PANEL)), 0.7 / load, horizon)
        for p in range(panels)
    ]
    nodes += [
        _node(
            f"pod{p}", 1 + p * POD // PANEL, requests, range(p * POD, min(vehicles, (p + 1) * POD)), 0.9 / load, horizon
        )
        for p in range(pods)
    ]
    return ChargingProblem(horizon, tuple(nodes), tuple(requests), economy(horizon), volts(230.0))


def economy(horizon: Horizon) -> Economy:
    """A price that moves through the day, and nothing but vehicles."""
    hour = np.array(horizon.edges_s[:-1]) / 3600.0
    price = 0.2 + 0.1 * np.sin(hour / 24.0 * 2.0 * math.pi)
    nothing = np.zeros(horizon.steps)
    return Economy(nothing, nothing, price, nothing)


def _vehicle(i: int, three: bool, legs: str) -> tuple[tuple[Kind, ...], float, float]:
    if legs == "line-to-line":
        return (Kind(3 + i % 3),), 32.0, 230.0 * math.sqrt(3.0)
    return ((Kind.L1, Kind.L2, Kind.L3), 16.0, 690.0) if three else ((Kind(i % 3),), 32.0, 230.0)


def _node(name: str, parent: int, requests: list[Request], under: range, share: float, horizon: Horizon) -> Node:
    most: Floats = np.zeros(KINDS)
    for i in under:
        for kind in requests[i].kinds:
            most[kind] += requests[i].max_a
    lines = []
    for phase in Phase:
        coefficients = on_line(phase)
        capacity = share * float(np.abs(coefficients) @ most)
        lines.append(Line(phase.name, coefficients, np.full(horizon.steps, capacity)))
    return Node(name, parent, tuple(lines))
