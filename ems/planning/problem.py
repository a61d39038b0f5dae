"""What is to be planned, in numbers: who wants how much until when, what conductors carry, what energy costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ems.planning.arrays import Complexes, Floats, Ints
from ems.planning.conductors import KINDS, Kind
from ems.planning.horizon import Horizon
from ems.planning.imports import NOTHING_BEGUN, Begun


class Start(NamedTuple):
    """A floor of service: `wh` of what a vehicle wants by the begin of step `by`, each kWh of which counts `weight`
    times as much as any other, besides.
    """

    wh: float
    by: int
    weight: float = 1.0


class Alone(NamedTuple):
    """What a vehicle draws on its first leg alone: the currents, and the most as a mean over each step, ampere."""

    kinds: tuple[Kind, ...]
    upper_a: Floats


class Request(NamedTuple):
    """One vehicle's charge, at the circuit at position `circuit`.

    `kinds`: the currents it draws, all of the same strength (three of them for a three-phase vehicle), and the pairs of
    phases that it loads unevenly where unbalance is limited. `available`: the share of each step during which it is
    plugged in, 0 … 1. `need_wh`: what it still wants, on the AC side, besides `taken_wh`, what counts as got already
    where fairness looks at shares. Ampere per leg: at most `max_a`, and `min_a` or nothing. `watts_per_a`: power of one
    ampere on each of its legs. A higher `service_class` goes first; within one, missing energy counts `weight` times.
    Of `need_wh`, `guaranteed_wh` must be there by the begin of step `guaranteed_by` before anybody gets more than what
    is guaranteed. `expected`: it is not there yet, and comes from a forecast. `limit_a`: what its outlet may have at
    each step, where that is limited. `always`: it is promised not to pause as long as it needs anything. `hurries`: it
    is better served now than cheaply, because nobody knows when it leaves, or who else will come. `is_on`: it has
    current already; of equal plans that counts in which it goes on. `likely`: what a kWh counts at each step, 0 … 1,
    where only a forecast tells when it leaves; None: it leaves when `available` says. `start`: what it is to have soon
    of its need, because it may leave any time. `alone`: what it draws instead on its first leg alone, where its station
    can switch to that; who plans it says as a third on each of three legs, and only the clairvoyant optimum, which is a
    bound, sees it as it is.
    """

    session: str
    evse: str
    circuit: int
    kinds: tuple[Kind, ...]
    available: Floats
    need_wh: float
    max_a: float
    min_a: float
    watts_per_a: float
    service_class: int = 0
    weight: float = 1.0
    guaranteed_wh: float = 0.0
    guaranteed_by: int = 0
    expected: bool = False
    limit_a: Floats | None = None
    always: bool = False
    hurries: bool = False
    is_on: bool = False
    likely: Floats | None = None
    start: Start | None = None
    taken_wh: float = 0.0
    alone: Alone | None = None

    @property
    def ceiling_a(self) -> Floats:
        """The most that it can have at each step if it is there; nothing where less than its minimum is allowed."""
        most = np.full(self.available.size, max(0.0, self.max_a))
        if self.limit_a is None:
            return most
        return np.where(self.limit_a >= self.min_a, np.clip(self.limit_a, 0.0, most), 0.0)

    @property
    def upper_a(self) -> Floats:
        """The same as a mean over each step, for the share of it during which it is there."""
        return np.asarray(self.ceiling_a * self.available)


class Line(NamedTuple):
    """At every step `|sum over kinds of coefficient × current| ≤ capacity`.

    `what` names it ("L1", "power", "primary L2"); `capacity` is what is left for vehicles, per step, in ampere or, for
    power, in watt; infinite where nothing limits, and a negative one counts as 0.
    """

    what: str
    coefficients: Complexes
    capacity: Floats


class Node(NamedTuple):
    """A circuit: the position of its parent (-1 for the grid connection) and its limits."""

    circuit: str
    parent: int
    lines: tuple[Line, ...]


class DemandCharge(NamedTuple):
    """`per_kw` for the highest import, as a mean over windows of `window_s`, in steps where `counts`, above `paid_w`:
    the highest of this billing period so far. Of the window that runs when the horizon begins `begun` is known.
    """

    per_kw: float
    window_s: float
    counts: Floats
    paid_w: float = 0.0
    begun: Begun = NOTHING_BEGUN


class Battery(NamedTuple):
    """A stationary battery at the circuit at position `circuit`: what it holds and can, Wh; what it takes and gives
    at most, W; the share that survives each way, 0 … 1; what a kWh through it wears; what is not to be touched; and
    what may flow into the grid because of it, W.

    Its charge counts on every conductor, evenly on three phases; its discharge relieves none, since it may end at once.
    """

    circuit: int
    stored_wh: float
    capacity_wh: float
    charge_w: float
    discharge_w: float
    efficiency: float = 0.95
    wear_per_kwh: float = 0.0
    reserve_wh: float = 0.0
    export_w: float = math.inf


class Economy(NamedTuple):
    """Per step: what else the site draws and what it generates, W; the price of a kWh from and into the grid."""

    base_w: Floats
    generation_w: Floats
    import_per_kwh: Floats
    feed_in_per_kwh: Floats
    demand: tuple[DemandCharge, ...] = ()
    battery: Battery | None = None

    @classmethod
    def indifferent(cls, horizon: Horizon) -> Economy:
        """Nothing but vehicles, and nothing costs."""
        nothing = np.zeros(horizon.steps)
        return cls(nothing, nothing, nothing, nothing)


@dataclass(frozen=True, slots=True, eq=False)
class ChargingProblem:
    """All of it. Arrays run over the steps of `horizon`; `nodes` are parents first, `volts` per kind of current."""

    horizon: Horizon
    nodes: tuple[Node, ...]
    requests: tuple[Request, ...]
    economy: Economy
    volts: Floats

    def __post_init__(self) -> None:
        steps = self.horizon.steps
        for request in self.requests:
            if request.available.shape != (steps,):
                raise ValueError(f"{request.session}: {request.available.shape} shares for {steps} steps")
            numbers = (request.need_wh, request.max_a, request.min_a, request.watts_per_a, request.guaranteed_wh)
            limit_a = request.available if request.limit_a is None else request.limit_a
            if limit_a.shape != (steps,):
                raise ValueError(f"{request.session}: {limit_a.shape} limits for {steps} steps")
            if not all(map(math.isfinite, numbers)) or bool(np.isnan(request.available + limit_a).any()):
                raise ValueError(f"{request.session}: need, presence and currents must be finite numbers")
            _check_likely(request, steps)
            if not LEAST_WEIGHT <= request.weight <= MOST_WEIGHT:
                raise ValueError(
                    f"{request.session}: a weight lies in {LEAST_WEIGHT:g} … {MOST_WEIGHT:g}, beyond are classes"
                )
        for i, node in enumerate(self.nodes):
            if not -1 <= node.parent < i or (node.parent == -1) != (i == 0):
                raise ValueError(f"{node.circuit}: circuits must come parents first, below one grid connection")
            for line in node.lines:
                if line.capacity.shape != (steps,) or bool(np.isnan(line.capacity).any()):
                    raise ValueError(f"{node.circuit} {line.what}: a capacity for every step, and none of them NaN")
        _check(self.economy, steps)

    def delivered_wh(self, amps: Floats) -> Floats:
        """Energy that each request gets from currents `amps` (a row of steps per request)."""
        return np.asarray((amps @ self.horizon.hours) * self.watts_per_a)

    def vehicles_w(self, amps: Floats) -> Floats:
        """Power of all vehicles at every step."""
        return np.asarray(self.watts_per_a @ amps)

    @property
    def watts_per_a(self) -> Floats:
        """Of every request."""
        return np.array([request.watts_per_a for request in self.requests])

    def path(self, circuit: int) -> tuple[int, ...]:
        """Positions of a circuit and of all above it, up to the grid connection."""
        found = []
        while circuit >= 0:
            found.append(circuit)
            circuit = self.nodes[circuit].parent
        return tuple(found)

    def below(self, amps: Floats, charging_w: Floats | None = None) -> Floats:
        """Currents by node, kind and step; `charging_w` is what the battery takes."""
        carried = np.zeros((len(self.nodes), KINDS, self.horizon.steps))
        for request, row in zip(self.requests, amps, strict=True):
            for kind in request.kinds:
                carried[request.circuit, kind] += row
        battery = self.economy.battery
        if battery is not None and charging_w is not None:
            carried[battery.circuit, :PHASES] += charging_w / (PHASES * self.volts[0])
        for i in range(len(self.nodes) - 1, 0, -1):
            carried[self.nodes[i].parent] += carried[i]
        return carried


def _check_likely(request: Request, steps: int) -> None:
    if request.likely is None:
        return
    if request.likely.shape != (steps,) or not bool(((request.likely >= 0.0) & (request.likely <= 1.0)).all()):
        raise ValueError(f"{request.session}: how likely it is there must lie in 0 … 1 at each of {steps} steps")


def _check(economy: Economy, steps: int) -> None:
    for name in ("base_w", "generation_w", "import_per_kwh", "feed_in_per_kwh"):
        values = getattr(economy, name)
        if values.shape != (steps,) or not bool(np.isfinite(values).all()):
            raise ValueError(f"{name} must be finite at every step")
    for charge in economy.demand:
        if not (math.isfinite(charge.per_kw) and math.isfinite(charge.paid_w) and charge.window_s > 0.0):
            raise ValueError(f"a demand charge needs a price, a peak and a window, got {charge.per_kw, charge.paid_w}")
        if charge.counts.shape != (steps,):
            raise ValueError("a demand charge must say of every step whether it counts")
    cell = economy.battery
    if cell is not None:
        if not 0.0 < cell.efficiency <= 1.0:
            raise ValueError(f"efficiency of the battery lies above 0 and at most at 1, got {cell.efficiency:g}")
        amounts = (cell.stored_wh, cell.capacity_wh, cell.charge_w, cell.discharge_w, cell.reserve_wh)
        if not all(math.isfinite(amount) and amount >= 0.0 for amount in amounts):
            raise ValueError(f"energy and power of the battery must be finite and not negative, got {amounts}")


PHASES = 3
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0


def line_load(line: Line, carried: Floats) -> Floats:
    """What a line carries at every step, given its node's currents by kind and step."""
    return np.abs(line.coefficients @ carried)


def reachable_wh(requests: Sequence[Request], hours: Floats) -> Floats:
    """The most that each could get if it were alone."""
    return np.array([r.watts_per_a * float(r.upper_a @ hours) for r in requests])


class Windows(NamedTuple):
    """The steps that a demand charge looks at; to which of its windows each belongs, counted from 0; and by window how
    long it is, hours, and what has been imported in it before the horizon, Wh.
    """

    at: Ints
    window: Ints
    hours: Floats
    begun_wh: Floats


def demand_windows(horizon: Horizon, charge: DemandCharge) -> Windows:
    """The windows of a demand charge. A step longer than a window is one; of one that began before the horizon only the
    rest counts, and what is known of its begin.
    """
    epoch, hours = horizon.begins.timestamp(), horizon.hours
    at = np.flatnonzero(charge.counts > 0.0)
    numbers = np.floor((epoch + np.array(horizon.edges_s[1:])[at] - 1.0) / charge.window_s)
    number, window = np.unique(numbers, return_inverse=True)
    running = number == np.floor(epoch / charge.window_s)
    begun_wh = np.where(running, charge.begun.wh, 0.0)
    begun_h = np.where(running, charge.begun.known_s / 3600.0, 0.0)
    rest_h = np.bincount(window, weights=hours[at], minlength=number.size)
    return Windows(at, window.astype(np.intp), begun_h + rest_h, begun_wh)


def window_means(horizon: Horizon, charge: DemandCharge, site_w: Floats) -> tuple[Ints, Ints, Floats]:
    """The steps that a demand charge looks at, the window of each, and the mean import of every window, W. What is fed
    in takes nothing off: a meter counts it in another register.
    """
    at, window, hours, begun_wh = demand_windows(horizon, charge)
    imported_wh = np.maximum(0.0, site_w[at]) * horizon.hours[at]
    return at, window, (begun_wh + np.bincount(window, weights=imported_wh, minlength=hours.size)) / hours
