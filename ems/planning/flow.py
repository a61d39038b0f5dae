"""What a site can deliver at most, by maximum flow through the circuit tree over time.

Network: a source feeds every request with its need; a request feeds its circuit in every step in which it is there with
what it can draw; circuits feed their parents with what their lines let through, by class (vehicles on the same
conductors); the grid connection feeds the sink with its power. Flow is energy in whole units, so that it is exact and
fast (Dinic's algorithm in scipy): a thousand vehicles over a day take a fraction of a second.

Exact where all vehicles are of one kind of wiring per conductor: single-phase ones alone, or three-phase ones alone.
On mixed sites classes share conductors, which one commodity cannot say; then two relaxations are solved (classes apart
all the way up; or merged at once, sharing what all conductors of a circuit carry together), and the less generous one
is an upper bound. So is everything said of line-to-line legs. Minimum peak: Newton on the minimum cut, which is linear
in the peak.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ems.domain.phases import Phase
from ems.planning.arrays import Complexes, Floats, Ints
from ems.planning.conductors import Kind, on_line
from ems.planning.problem import PHASES, ChargingProblem, Line, Node

UNITS = 5e8
"""Into so many units the sum of all needs is cut; scipy counts in 32 bits."""

MOST_UNITS = 2**31 - 2
PEAK_ROUNDS = 40


class Deliverable(NamedTuple):
    """The most energy that all requests together can have, Wh, and what they need. `exact` or an upper bound."""

    energy_wh: float
    need_wh: float
    exact: bool

    @property
    def feasible(self) -> bool:
        """Whether all needs can be met; if not exact, False is certain and True is not."""
        return self.energy_wh >= self.need_wh * (1.0 - RESOLUTION)


RESOLUTION = 1e-6


def deliverable(problem: ChargingProblem) -> Deliverable:
    """What the site can deliver within the horizon, whatever its order or price."""
    need_wh = float(sum(max(0.0, request.need_wh) for request in problem.requests))
    exact = is_exact(problem)
    if need_wh <= 0.0:
        return Deliverable(0.0, 0.0, exact)
    most_wh = min((network.most_wh(np.inf)[0] for network in _networks(problem, exact)), default=0.0)
    return Deliverable(min(most_wh, need_wh), need_wh, exact)


def is_feasible(problem: ChargingProblem) -> bool:
    """Whether all needs can be met, sooner said than `deliverable` says how much: False is certain, True is where
    flows are exact.
    """
    networks = _networks(problem, is_exact(problem))
    return all(network.most_wh(np.inf)[0] >= network.need_wh * (1.0 - RESOLUTION) for network in networks)


def minimum_peak_w(problem: ChargingProblem) -> float:
    """The least power from the grid, vehicles and all else, with which as much can be delivered as at any power. Where
    flows are not exact, a lower bound of it if all needs can be met.
    """
    peak_w = _idle_peak_w(problem)
    for network in _networks(problem, is_exact(problem)):
        peak_w = network.minimum_peak_w(peak_w)
    return peak_w


def is_exact(problem: ChargingProblem) -> bool:
    """Whether flows say exactly what can be delivered: see above."""
    classes = {request.kinds for request in problem.requests}
    own_power = any(_is_power(line, problem.volts) for node in problem.nodes[1:] for line in node.lines)
    by_line = all(
        _phase_of(line) is not None or _is_power(line, problem.volts) for node in problem.nodes for line in node.lines
    )
    apart = all(len(kinds) == 1 and kinds[0] < PHASES for kinds in classes)
    return len(classes) <= 1 or (apart and by_line and not own_power)


@dataclass(frozen=True, slots=True, eq=False)
class _Network:
    """Edges from `tail` to `head` that let `capacity_wh` through; the last ones, one per step, lead into the sink."""

    tail: Ints
    head: Ints
    capacity_wh: Floats
    nodes: int
    need_wh: float
    hours: Floats
    free_w: Floats

    def most_wh(self, peak_w: float) -> tuple[float, csr_array]:
        """The flow that the peak lets through, and what is left of every edge."""
        unit = self.need_wh / UNITS
        capacity = self.capacity_wh.copy()
        into_sink = capacity[-self.hours.size :]
        np.minimum(into_sink, np.maximum(peak_w + self.free_w, 0.0) * self.hours, out=into_sink)
        units = np.minimum(np.ceil(capacity / unit - 1e-6), MOST_UNITS).astype(np.int32)
        graph = csr_array((units, (self.tail, self.head)), shape=(self.nodes, self.nodes))
        found = maximum_flow(graph, SOURCE, self.nodes - 1)
        return float(found.flow_value) * unit, graph - found.flow

    def minimum_peak_w(self, peak: float) -> float:
        """Newton from below, where cuts are linear: while the least one is too narrow, widen it by raising the peak."""
        enough = self.most_wh(np.inf)[0] * (1.0 - RESOLUTION)
        for _ in range(PEAK_ROUNDS):
            energy, left = self.most_wh(peak)
            if energy >= enough:
                break
            left.data = np.maximum(left.data, 0)
            left.eliminate_zeros()
            reached = np.zeros(self.nodes, dtype=np.bool_)
            reached[breadth_first_order(left, SOURCE, return_predecessors=False)] = True
            cut = self.hours[reached[self.tail[-self.hours.size :]]]
            if not cut.size:
                break
            peak += (enough / (1.0 - RESOLUTION) - energy) / float(cut.sum())
        return peak


SOURCE = 0


def _networks(problem: ChargingProblem, exact: bool) -> Iterator[_Network]:
    """The tighter one for most sites first."""
    need_wh = float(sum(max(0.0, request.need_wh) for request in problem.requests))
    if need_wh > 0.0 and problem.nodes:
        for merged in (False,) if exact else (True, False):
            yield _network(problem, need_wh, merged)


def _network(problem: ChargingProblem, need_wh: float, merged: bool) -> _Network:
    """Positions: the source, requests, (class, circuit, step), (all classes, circuit, step), the sink."""
    hours, requests, circuits = problem.horizon.hours, problem.requests, len(problem.nodes)
    steps, count = hours.size, len(requests)
    classes = sorted({request.kinds for request in requests})
    step, each = np.arange(steps), np.arange(count)
    own = np.array([classes.index(request.kinds) for request in requests])
    at = np.array([request.circuit for request in requests])
    # What a request counts as energy and what its currents carry at nominal voltage may differ.
    nominal = np.array([problem.volts[list(kinds)].sum() for kinds in classes])
    share = nominal[own] / np.array([request.watts_per_a for request in requests])
    need = np.array([max(0.0, request.need_wh) for request in requests]) * share
    draws = np.stack([request.upper_a for request in requests]) * nominal[own][:, None] * hours

    def position(klass: Ints | int, circuit: Ints | int) -> Ints:
        return np.asarray(1 + count + ((np.asarray(klass) * circuits + circuit)[..., None] * steps + step))

    total, sink = len(classes), 1 + count + (len(classes) + 1) * circuits * steps
    row, column = np.nonzero(draws > 0.0)
    tails, heads = [np.full(count, SOURCE), 1 + row], [1 + each, position(own, at)[row, column]]
    capacities = [need, draws[row, column]]
    # A class exists at the circuits of its vehicles and, unless merged, at all above them.
    for q, n in sorted({(int(q), n) for q, c in zip(own, at, strict=True) for n in (problem.path(int(c)))}):
        if merged and not bool(np.any((own == q) & (at == n))):
            continue
        parent = position(total, n) if merged or n == 0 else position(q, problem.nodes[n].parent)
        tails.append(position(q, n))
        heads.append(parent)
        capacities.append(_class_w(problem, problem.nodes[n], classes[q], classes) * hours)
    for n in range(circuits - 1, 0, -1) if merged else ():
        tails.append(position(total, n))
        heads.append(position(total, problem.nodes[n].parent))
        capacities.append(_total_w(problem, problem.nodes[n]) * hours)
    tails.append(position(total, 0))
    heads.append(np.full(steps, sink))
    capacities.append(_total_w(problem, problem.nodes[0]) * hours)
    economy = problem.economy
    most = need_wh * float(share.max()) if count else 0.0
    return _Network(
        np.concatenate(tails).astype(np.intp),
        np.concatenate(heads).astype(np.intp),
        np.minimum(np.concatenate(capacities), most),
        sink + 1,
        most,
        hours,
        economy.generation_w - economy.base_w,
    )


def _class_w(problem: ChargingProblem, node: Node, kinds: tuple[Kind, ...], classes: list[tuple[Kind, ...]]) -> Floats:
    """What the lines of a circuit let through for one class, if it had them alone."""
    steps, watts = problem.horizon.steps, float(problem.volts[list(kinds)].sum())
    amps = np.full(steps, np.inf)
    others = sorted({kind for other in classes for kind in other if other != kinds})
    for line in node.lines:
        through = complex(line.coefficients[list(kinds)].sum()) if kinds else 0j
        relief = _relief(through, [complex(line.coefficients[kind]) for kind in others])
        if abs(through) * relief > SMALL:
            amps = np.minimum(amps, np.maximum(line.capacity, 0.0) / (abs(through) * relief))
    return amps * watts


SMALL = 1e-9
_CONDUCTORS = {phase: np.abs(on_line(phase)) for phase in Phase}


def _relief(through: complex, others: list[complex]) -> float:
    """To which share others can bring down what one current puts on a line: they may lie against it."""
    angles = [abs(np.angle(other / through)) for other in others if abs(other) > SMALL and abs(through) > SMALL]
    widest = max(angles, default=0.0)
    return 1.0 if widest <= np.pi / 2.0 else float(max(0.0, np.sin(widest)))


def _total_w(problem: ChargingProblem, node: Node) -> Floats:
    """What all phases of a circuit carry together at most, and its limit of power."""
    steps = problem.horizon.steps
    by_phase, power = np.full((len(Phase), steps), np.inf), np.full(steps, np.inf)
    for line in node.lines:
        phase = _phase_of(line)
        if phase is not None:
            by_phase[phase] = np.minimum(by_phase[phase], np.maximum(line.capacity, 0.0))
        if _is_power(line, problem.volts):
            power = np.minimum(power, np.maximum(line.capacity, 0.0))
    return np.asarray(np.minimum(power, by_phase.sum(axis=0) * float(problem.volts[0])))


def _phase_of(line: Line) -> Phase | None:
    """Whether exactly or by plain addition: both are no less than what the phases carry together."""
    through = np.abs(line.coefficients)
    return next((phase for phase, conductor in _CONDUCTORS.items() if _same(through, conductor)), None)


def _is_power(line: Line, volts: Floats) -> bool:
    return _same(line.coefficients, volts)


def _same(one: Complexes | Floats, other: Floats) -> bool:
    return bool(np.abs(one - other).max() < SMALL)


def _idle_peak_w(problem: ChargingProblem) -> float:
    economy = problem.economy
    return float(max(0.0, (economy.base_w - economy.generation_w).max()))
