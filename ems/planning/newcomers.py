"""Those who are not here yet: forecast vehicles as requests, and what to do where nobody knows who will come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.conductors import KINDS, Kind, kinds_of
from ems.planning.forecast.arrivals import Arrivals
from ems.planning.horizon import Horizon
from ems.planning.problem import Node, Request
from ems.planning.requests import STEERABLE_WH

BUSY_SHARE = 0.5
NEWCOMER_W = 1250.0
"""Where nobody knows who will come, so much is kept in mind for every free outlet, as a mean: 15 kWh in twelve hours.
A circuit of which more than this share is wanted is busy.
"""


def expected_from(site: Site, horizon: Horizon, arrivals: Arrivals | None) -> tuple[Request, ...]:
    """Vehicles that may come, each as much of one as it weighs, those that come and go together at a circuit as one;
    nobody where the forecast is unsure.
    """
    if arrivals is None or arrivals.is_unsure:
        return ()
    alike: dict[tuple[object, ...], list[Request]] = {}
    for request in _each_expected(site, horizon, arrivals):
        there = np.flatnonzero(request.available)
        key = (request.circuit, request.kinds, request.watts_per_a, int(there[0]), int(there[-1]))
        alike.setdefault(key, []).append(request)
    return tuple(map(_together, alike.values()))


def _together(requests: Sequence[Request]) -> Request:
    """As if all were one."""
    if len(requests) == 1:
        return requests[0]
    upper_a = np.sum([request.upper_a for request in requests], axis=0)
    max_a = float(upper_a.max())
    need_wh = sum(request.need_wh for request in requests)
    return requests[0]._replace(available=upper_a / max_a, max_a=max_a, need_wh=need_wh)


def _each_expected(site: Site, horizon: Horizon, arrivals: Arrivals) -> Iterator[Request]:
    hours = horizon.hours
    for number, phantom in enumerate(arrivals.phantoms):
        j = site.evse_index(phantom.evse)
        if j is None:
            continue
        evse = site.evses[j]
        legs = evse.wiring.legs[: phantom.legs or len(evse.wiring.legs)]
        available = horizon.share(phantom.arrival, phantom.departure)
        max_a = phantom.weight * min(evse.max_a, math.inf if phantom.max_a is None else phantom.max_a)
        watts_per_a = evse.wiring.watts_per_amp(site.voltage_v, len(legs))
        reach = max_a * watts_per_a * float(available @ hours)
        need_wh = min(phantom.weight * phantom.need_wh, reach)
        if need_wh > STEERABLE_WH:
            yield Request(
                session=f"expected-{number}",
                evse=evse.id,
                circuit=site.circuit_of_evse[j],
                kinds=kinds_of(legs, unbalance=site.circuits.limits_unbalance),
                available=available,
                need_wh=need_wh,
                max_a=max_a,
                min_a=0.0,
                watts_per_a=watts_per_a,
                expected=True,
            )


def hurried(site: Site, horizon: Horizon, nodes: Sequence[Node], present: Sequence[Request]) -> tuple[Request, ...]:
    """The same requests, in a hurry where a circuit on their way is busy until they leave: what those that are here
    need, and what newcomers might, is more than BUSY_SHARE of what it carries by then. Where nobody knows who else will
    come, hours that look free there are then better used than counted on.
    """
    taken = {request.evse for request in present}
    needed = _through(nodes, ((r.circuit, r.kinds, r.need_wh / r.watts_per_a) for r in present))
    coming = _through(
        nodes,
        (
            (
                circuit,
                kinds_of(legs, unbalance=site.circuits.limits_unbalance),
                NEWCOMER_W / evse.wiring.watts_per_amp(site.voltage_v, len(legs)),
            )
            for evse, circuit in zip(site.evses, site.circuit_of_evse, strict=True)
            if evse.id not in taken
            for legs in (evse.wiring.legs,)
        ),
    )
    hours = horizon.hours
    return tuple(r._replace(hurries=r.hurries or _is_busy(nodes, r, hours, needed, coming)) for r in present)


def _through(nodes: Sequence[Node], draws: Iterable[tuple[int, tuple[Kind, ...], float]]) -> Floats:
    """What flows through every node by kind of current, where each draws so much at its circuit."""
    found = np.zeros((len(nodes), KINDS))
    for circuit, kinds, much in draws:
        found[circuit, list(kinds)] += much
    for n in range(len(nodes) - 1, 0, -1):
        found[nodes[n].parent] += found[n]
    return found


def _is_busy(nodes: Sequence[Node], request: Request, hours: Floats, needed_ah: Floats, coming_a: Floats) -> bool:
    there = request.available > 0.0
    there_h = (request.available * hours)[there]
    n = request.circuit
    while n >= 0:
        amp_hours = needed_ah[n] + coming_a[n] * float(there_h.sum())
        for line in nodes[n].lines:
            coefficients = np.abs(line.coefficients)
            on_the_way = bool(coefficients[list(request.kinds)].any())
            carries = float(np.maximum(line.capacity[there], 0.0) @ there_h) if on_the_way else math.inf
            if float(coefficients @ amp_hours) > BUSY_SHARE * carries:
                return True
        n = nodes[n].parent
    return False
