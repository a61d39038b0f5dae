"""Small charging problems, written in a line, and problems of every kind for laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ems.domain.phases import Phase
from ems.planning.arrays import Floats
from ems.planning.conductors import Kind, on_line, on_primary, volts
from ems.planning.horizon import Horizon
from ems.planning.problem import Battery, ChargingProblem, DemandCharge, Economy, Line, Node, Request

MIDNIGHT = datetime(2024, 5, 6, tzinfo=UTC)
VOLTAGE_V = 230.0
THREE = (Kind.L1, Kind.L2, Kind.L3)
ONE = (Kind.L1,)
LINE_TO_LINE = (Kind.L1_L2, Kind.L2_L3, Kind.L3_L1)


def hours(count: int) -> Horizon:
    """Steps of an hour from midnight."""
    return Horizon.uniform(MIDNIGHT, count, 3600.0)


def watts(kinds: Sequence[Kind]) -> float:
    """Power of an ampere on each leg."""
    return float(volts(VOLTAGE_V)[list(kinds)].sum())


def vehicle(
    horizon: Horizon, kwh: float, since: int = 0, until: int | None = None, kinds: tuple[Kind, ...] = ONE, **more: Any
) -> Request:
    """A vehicle that is there from the begin of one step to the begin of another; 32 A, and no minimum unless said."""
    available = np.zeros(horizon.steps)
    available[since:until] = 1.0
    name = more.pop("session", "a")
    given = {"circuit": 0, "max_a": 32.0, "min_a": 0.0, **more}
    return Request(
        name, f"evse-{name}", kinds=kinds, available=available, need_wh=1000.0 * kwh, watts_per_a=watts(kinds), **given
    )


def phases(amps: float | Sequence[float], steps: int) -> tuple[Line, ...]:
    """The three conductors of a circuit, equally strong."""
    capacity = np.broadcast_to(np.asarray(amps, dtype=np.float64), (steps,)).copy()
    return tuple(Line(phase.name, on_line(phase), capacity) for phase in Phase)


def primary(amps: float, turns: float, steps: int) -> tuple[Line, ...]:
    """The three conductors on the other side of a transformer."""
    return tuple(Line(f"primary {p.name}", on_primary(p, turns), np.full(steps, amps)) for p in Phase)


def power(kw: float | Sequence[float], steps: int) -> Line:
    """A limit on power."""
    capacity = np.broadcast_to(1000.0 * np.asarray(kw, dtype=np.float64), (steps,)).copy()
    return Line("power", volts(VOLTAGE_V).astype(np.complex128), capacity)


def problem(
    horizon: Horizon,
    requests: Sequence[Request],
    amps: float | Sequence[float] = np.inf,
    economy: Economy | None = None,
    nodes: Sequence[Node] = (),
) -> ChargingProblem:
    """A grid connection of `amps` per phase, and `nodes` below it."""
    grid = Node("grid", -1, phases(amps, horizon.steps))
    economy = economy or Economy.indifferent(horizon)
    return ChargingProblem(horizon, (grid, *nodes), tuple(requests), economy, volts(VOLTAGE_V))


def economy(
    horizon: Horizon,
    price: float | Sequence[float] = 0.0,
    base_kw: float | Sequence[float] = 0.0,
    generation_kw: float | Sequence[float] = 0.0,
    feed_in: float | Sequence[float] = 0.0,
    **more: Any,
) -> Economy:
    """Prices and loads, each one number or one per step."""

    def row(values: float | Sequence[float], factor: float = 1.0) -> Floats:
        return np.broadcast_to(factor * np.asarray(values, dtype=np.float64), (horizon.steps,)).copy()

    return Economy(row(base_kw, 1000.0), row(generation_kw, 1000.0), row(price), row(feed_in), **more)


LOADS: Mapping[str, tuple[tuple[Kind, ...], ...]] = {
    "single-phase": ((Kind.L1,), (Kind.L2,), (Kind.L3,)),
    "three-phase": (THREE,),
    "wye": ((Kind.L1,), (Kind.L2,), (Kind.L3,), THREE),
    "line-to-line": tuple((kind,) for kind in LINE_TO_LINE),
    "all": ((Kind.L1,), (Kind.L3,), THREE, *((kind,) for kind in LINE_TO_LINE)),
}


@st.composite
def problems(
    draw: st.DrawFn, loads: str = "all", minimum: bool = True, priced: bool = True, equals: bool = False
) -> ChargingProblem:
    """A grid connection with two circuits, up to five vehicles, four to six steps of unequal length, and capacities
    that may be nothing, negative or infinite. `equals`: one class and weight for all.
    """
    lengths = draw(st.lists(st.sampled_from([300.0, 900.0, 3600.0]), min_size=4, max_size=6))
    horizon = Horizon(MIDNIGHT, tuple(np.concatenate(([0.0], np.cumsum(lengths))).tolist()))
    steps = horizon.steps
    amount = st.sampled_from([-5.0, 0.0, 7.0, 12.0, 20.0, 33.0, 50.0, np.inf])
    nodes = tuple(
        Node(name, parent, phases(draw(st.lists(amount, min_size=steps, max_size=steps)), steps))
        for name, parent in (("grid", -1), ("left", 0), ("right", 0))
    )
    requests = tuple(draw(_requests(horizon, loads, minimum, equals)) for _ in range(draw(st.integers(0, 5))))
    return ChargingProblem(horizon, nodes, requests, draw(_economies(horizon, priced)), volts(VOLTAGE_V))


@st.composite
def _requests(draw: st.DrawFn, horizon: Horizon, loads: str, minimum: bool, equals: bool) -> Request:
    kinds = draw(st.sampled_from(LOADS[loads]))
    since = draw(st.integers(0, horizon.steps - 1))
    until = draw(st.integers(since, horizon.steps))
    guaranteed = draw(st.booleans()) and not equals
    kwh = draw(st.sampled_from([0.0, 0.02, 0.7, 3.0, 9.0]))
    asked = vehicle(
        horizon,
        kwh,
        since,
        until,
        kinds,
        session=f"s{draw(st.integers(0, 10**6))}",
        circuit=draw(st.integers(0, 2)),
        max_a=draw(st.sampled_from([6.0, 16.0, 32.0])),
        min_a=6.0 if minimum else 0.0,
        service_class=0 if equals else draw(st.integers(0, 2)),
        weight=1.0 if equals else draw(st.sampled_from([0.5, 1.0, 3.0])),
        guaranteed_wh=500.0 * kwh if guaranteed else 0.0,
        always=guaranteed and draw(st.booleans()),
        guaranteed_by=draw(st.integers(1, horizon.steps)) if guaranteed else 0,
    )
    share = draw(st.sampled_from([1.0, 1.0, 0.3]))
    limit_a = draw(st.sampled_from([None, np.resize([10.0, 32.0, 4.0], horizon.steps)]))
    return asked._replace(available=asked.available * share, limit_a=limit_a)


@st.composite
def _economies(draw: st.DrawFn, horizon: Horizon, priced: bool) -> Economy:
    if not priced:
        return Economy.indifferent(horizon)
    steps = horizon.steps
    price = draw(st.lists(st.sampled_from([-0.1, 0.0, 0.1, 0.4]), min_size=steps, max_size=steps))
    feed_in = [p - draw(st.sampled_from([0.0, 0.02, 0.3])) for p in price]
    demand = draw(st.sampled_from([(), (DemandCharge(5.0, 900.0, np.ones(steps), 3000.0),)]))
    cell = draw(st.sampled_from([None, Battery(1, 2000.0, 8000.0, 4000.0, 4000.0, reserve_wh=1000.0)]))
    return economy(
        horizon,
        price,
        base_kw=draw(st.sampled_from([0.0, 4.0])),
        generation_kw=draw(st.sampled_from([0.0, 6.0])),
        feed_in=feed_in,
        demand=demand,
        battery=cell,
    )
