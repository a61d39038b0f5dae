"""What could have been: the best that anybody could have done who had known everything from the begin on.

A linear program over the whole time at once, on a uniform grid. Sets: visits i, steps t of g hours, circuits n.
Variables: x_it ≥ 0, ampere of visit i as a mean over the step, at most its own times the share of the step during which
it is there; m_i ≥ 0, what it misses; currents through circuits, power from and into the grid, and one peak per demand
charge, as in `ems.planning.program`. Constraints: sum_t w_i g x_it + m_i = need_i; the limits of every line as the tick
counts them; the balance of the grid connection. Objective: either the energy that is missing, or what energy, feed-in
and peaks cost plus `missing_per_kwh` for what is missing; with a battery its wear, and what it has less at the end than
at the begin, at what that would have saved at the mean price. Where a station can switch to one phase a second current
x'_it ≥ 0 flows on the first leg alone, with a third of w_i; they share the step, x_it / u_it + x'_it / u'_it ≤ 1, where
a limit in watt lets u'_it, the most on that leg, be up to three times u_it.

Source: the offline optimum beside which Lee et al., "Adaptive Charging Networks", 2021, put their strategies; here with
the tree and the supply of `ems.planning.tree` and `ems.planning.supply`.

A bound: vehicles may have any current between nothing and their own, where the controller must give 6 A or nothing;
and the mean over a step of whatever was done fulfils the same constraints, as long as limits and prices do not change
within a step. So nobody delivers more, and nobody pays less, but for the seconds in which vehicles still follow an
order while another load has risen already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ems.domain.energy.tariff import Tariff
from ems.domain.limit import Limit
from ems.domain.phase_switch import can_switch
from ems.domain.phases import MAX_LEGS
from ems.domain.site import Site
from ems.planning.arrays import Floats, Ints
from ems.planning.conductors import kinds_of, volts
from ems.planning.economy import Paid
from ems.planning.horizon import Horizon
from ems.planning.installation import limit_course, nodes_of
from ems.planning.linear_program import NONE, LinearProgram
from ems.planning.problem import Alone, Battery, ChargingProblem, DemandCharge, Economy, Request
from ems.planning.schedule import Schedule
from ems.planning.supply import BatteryColumns, add_battery, add_grid
from ems.planning.tree import add_tree
from ems.planning.weights import Weights

FACET_DEG = 10.0
NOTHING_WH = 1.0


class Presence(NamedTuple):
    """A vehicle at the EVSE at position `evse`, as it truly was: when it came and left, and what it wanted at the plug;
    ampere per leg that it takes at most, and on how many legs.
    """

    session: str
    evse: int
    arrival: datetime
    departure: datetime
    wants_wh: float
    most_a: float
    legs: int


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """All that happened beside the vehicles. `base_a`: what else flows by circuit, phase and step of `horizon`, as the
    tick counts it; `base_w` and `generation_w` at the grid connection; `limits` that somebody set; peaks `paid` before;
    the `battery` that could have been steered, as it was at the begin.
    """

    site: Site
    horizon: Horizon
    base_a: Floats
    base_w: Floats
    generation_w: Floats
    tariff: Tariff | None = None
    limits: tuple[Limit, ...] = ()
    paid: Paid = field(default_factory=dict)
    battery: Battery | None = None


def problem_of(facts: Facts, presences: Iterable[Presence]) -> ChargingProblem:
    """Everything that was, as a charging problem. Who wanted next to nothing is left out."""
    site, horizon = facts.site, facts.horizon
    return ChargingProblem(
        horizon=horizon,
        nodes=nodes_of(site, horizon, facts.limits, facts.base_a),
        requests=tuple(_request(facts, one) for one in presences if one.wants_wh > NOTHING_WH),
        economy=economy_of(facts),
        volts=volts(site.voltage_v),
    )


def economy_of(facts: Facts) -> Economy:
    """What energy and peaks truly cost; nothing without a tariff."""
    if facts.tariff is None:
        nothing = np.zeros(facts.horizon.steps)
        return Economy(facts.base_w, facts.generation_w, nothing, nothing, battery=facts.battery)
    edges = facts.horizon.edges()
    prices = facts.tariff.prices_over(edges)
    demand = tuple(
        DemandCharge(
            term.per_kw,
            float(term.interval_s),
            (np.array(term.share) > 0.5).astype(np.float64),
            1000.0 * facts.paid.get((term.name, term.period), 0.0),
        )
        for term in facts.tariff.demand_terms(edges)
    )
    import_, feed_in = np.array(prices.import_per_kwh), np.array(prices.feed_in_per_kwh)
    return Economy(facts.base_w, facts.generation_w, import_, feed_in, demand, facts.battery)


def most_energy(problem: ChargingProblem) -> Schedule:
    """The schedule that delivers most, whatever it costs."""
    return _solved(problem, costs=False, missing_per_kwh=1.0)


def least_cost(problem: ChargingProblem, missing_per_kwh: float, early: float = 0.0) -> Schedule:
    """The schedule that costs least, a kWh that is missing counted with `missing_per_kwh`, and an hour of delay of a
    kWh with `early`.
    """
    return _solved(problem, costs=True, missing_per_kwh=missing_per_kwh, early=early)


def total_cost(schedule: Schedule, missing_per_kwh: float) -> float:
    """Energy, demand and what is missing."""
    missing_kwh = float(schedule.short_wh.sum()) / 1000.0
    return schedule.energy_cost + schedule.demand_cost + missing_per_kwh * missing_kwh


def stored_worth(economy: Economy) -> float:
    """What a kWh in the battery would save when it is given, at the mean price."""
    return 0.0 if economy.battery is None else economy.battery.efficiency * float(economy.import_per_kwh.mean())


def _solved(problem: ChargingProblem, *, costs: bool, missing_per_kwh: float, early: float = 0.0) -> Schedule:
    steps = problem.horizon.steps
    if not problem.requests:
        return Schedule(problem, np.zeros((0, steps)), np.zeros(steps))
    lp, singles = LinearProgram(), _singles(problem)
    charge = _charge(problem, singles, lp, (missing_per_kwh, early))
    # Whoever can switch stands in the tree twice: as it is, and on one leg.
    alone = [i for i, request in enumerate(problem.requests) if request.alone is not None]
    both = replace(problem, requests=(*problem.requests, *singles))
    prices = _prices(problem)
    battery = add_battery(problem, lp, prices) if costs else None
    tree = add_tree(both, lp, charge, np.empty(0, dtype=np.intp) if battery is None else battery.amps, FACET_DEG)
    if costs:
        add_grid(problem, lp, tree.top, battery, prices)
    values = lp.solve(*lp.bounds(), math.inf).values
    amps = np.where(charge >= 0, values[charge], 0.0)
    amps, single = amps[: len(problem.requests)], amps[len(problem.requests) :]
    amps[alone] += single / MAX_LEGS
    return Schedule(problem, amps, _battery_w(battery, values, steps))


def _singles(problem: ChargingProblem) -> list[Request]:
    """Those who can switch, on their first leg."""
    return [
        request._replace(
            kinds=request.alone.kinds,
            available=request.alone.upper_a / request.max_a,
            watts_per_a=request.watts_per_a / MAX_LEGS,
            alone=None,
        )
        for request in problem.requests
        if request.alone is not None
    ]


def _battery_w(battery: BatteryColumns | None, values: Floats, steps: int) -> Floats:
    if battery is None:
        return np.zeros(steps)
    return np.asarray(1000.0 * (values[battery.charge] - values[battery.discharge]))


def _charge(
    problem: ChargingProblem, singles: Sequence[Request], lp: LinearProgram, counts: tuple[float, float]
) -> Ints:
    """Columns of the currents, below them those on one leg, and of what each misses; delivered and missing add up to
    the need. What a missing kWh `counts`, and an hour of delay of one.
    """
    requests, hours, (missing_per_kwh, early) = problem.requests, problem.horizon.hours, counts
    every = np.arange(len(requests))
    alone = np.array([i for i in every if requests[i].alone is not None], dtype=np.intp)
    whose = np.concatenate((every, alone))
    most = np.stack([request.max_a * request.available for request in (*requests, *singles)])
    watts_per_a = np.array([request.watts_per_a for request in (*requests, *singles)])
    charge = np.full(most.shape, NONE, dtype=np.intp)
    middle = np.array(problem.horizon.edges_s[:-1]) / 3600.0 + hours / 2.0
    delay = early * watts_per_a[:, None] * hours * middle / 1000.0
    charge[most > 0.0] = lp.add_columns(most[most > 0.0], delay[most > 0.0])
    kwh = np.array([request.need_wh for request in requests]) / 1000.0
    missing = lp.add_columns(kwh, missing_per_kwh)
    row, step = np.nonzero(charge >= 0)
    values = watts_per_a[row] * hours[step] / 1000.0
    lp.equal(
        np.concatenate((whose[row], every)),
        np.concatenate((charge[row, step], missing)),
        np.concatenate((values, np.ones(every.size))),
        kwh,
    )
    single, step = np.nonzero(charge[every.size :] >= 0)
    there, on_one = np.arange(single.size), most[every.size + single, step]
    lp.at_most(
        np.concatenate((there, there)),
        np.concatenate((charge[every.size + single, step], charge[alone[single], step])),
        np.concatenate((np.ones(single.size), on_one / most[alone[single], step])),
        on_one,
    )
    return charge


def _prices(problem: ChargingProblem) -> Weights:
    """Plain prices, nothing put above another."""
    economy = problem.economy
    import_ = economy.import_per_kwh
    return Weights(
        import_=import_,
        feed_in=np.minimum(economy.feed_in_per_kwh, import_),
        demand=tuple(charge.per_kw for charge in economy.demand),
        peak=0.0,
        early=0.0,
        wear=0.0 if economy.battery is None else economy.battery.wear_per_kwh,
        missing=np.empty(0),
        start=np.empty(0),
        guaranteed=np.empty(0),
        unit=1.0,
        stored=stored_worth(economy),
    )


def _request(facts: Facts, one: Presence) -> Request:
    site, horizon = facts.site, facts.horizon
    evse = site.evses[one.evse]
    legs = evse.wiring.legs[: one.legs]
    watts_per_a = evse.wiring.watts_per_amp(site.voltage_v, len(legs))
    amps, watts = limit_course(site, evse.id, horizon, facts.limits)
    present, unbalance = horizon.share(one.arrival, one.departure), site.circuits.limits_unbalance
    switches = len(legs) == MAX_LEGS and can_switch(evse, site.station_of(evse).model)

    def most_a(watts_per_a: float) -> Floats:
        return np.asarray(present * np.clip(np.minimum(amps, watts / watts_per_a), 0.0, one.most_a))

    return Request(
        session=one.session,
        evse=evse.id,
        circuit=site.circuit_of_evse[one.evse],
        kinds=kinds_of(legs, unbalance=unbalance),
        available=most_a(watts_per_a) / one.most_a,
        need_wh=one.wants_wh / (evse.dc_efficiency or 1.0),
        max_a=one.most_a,
        min_a=0.0,
        watts_per_a=watts_per_a,
        alone=Alone(kinds_of(legs[:1], unbalance=unbalance), most_a(watts_per_a / MAX_LEGS)) if switches else None,
    )
