"""Who will not get what is needed, and what would help.

A deficit is a result, not an error: the optimiser always finds a schedule, and what is missing has a name here. Each
remedy is what this vehicle alone would need with all others left as they are: more capacity on the line that is full
while it stays, a later departure, or priority over those who share that line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np

from ems.planning.arrays import Floats
from ems.planning.bottleneck import Filled, above, filled
from ems.planning.problem import ChargingProblem, Request, line_load
from ems.planning.schedule import Schedule

SMALL_WH = 1.0
"""Less than this is nobody's deficit."""

ALMOST_A_MINUTE = timedelta(seconds=59)


class Shortage(NamedTuple):
    """The line that is full for longest while the vehicle could take more: `hours` of it between two moments, and what
    more it would have to carry, all that time, in its own unit (A, or W where `what` is "power"). None: no more would
    be enough, since the vehicle or its outlet cannot take it.
    """

    circuit: str
    what: str
    since: datetime
    until: datetime
    hours: float
    more: float | None


class Deficit(NamedTuple):
    """`session` gets `delivered_wh` of `need_wh` until `by`; `guaranteed` when that was promised.

    What would help: relief of `shortage` (None when no circuit is full: time and the vehicle's own current are short);
    leaving at `leave_at` instead (None: not within the horizon); `priority_wh`: what those of no higher class draw
    through the full lines meanwhile, so that priority would help if it is enough.
    """

    session: str
    evse: str
    need_wh: float
    delivered_wh: float
    by: datetime
    guaranteed: bool
    shortage: Shortage | None
    leave_at: datetime | None
    priority_wh: float

    @property
    def short_wh(self) -> float:
        """What is missing."""
        return self.need_wh - self.delivered_wh

    @property
    def priority_helps(self) -> bool:
        """Whether a higher class or weight could close it, at the expense of others."""
        return self.priority_wh >= self.short_wh - SMALL_WH


def remedies(deficit: Deficit, zone: tzinfo) -> tuple[str, ...]:
    """What would help, in words, the time as `zone` shows it; empty when nothing would within the horizon."""
    said, shortage = [], deficit.shortage
    if shortage is not None and shortage.more is not None:
        kw = math.ceil(shortage.more / 100.0) / 10.0
        more = f"{kw:.1f} kW" if shortage.what == "power" else f"{math.ceil(shortage.more)} A"
        span = f"{shortage.since.astimezone(zone):%H:%M} to {shortage.until.astimezone(zone):%H:%M}"
        said.append(f"{more} more on {shortage.circuit} {shortage.what} from {span}")
    if deficit.leave_at is not None:
        due = deficit.by.astimezone(zone)
        left = (deficit.leave_at + ALMOST_A_MINUTE).astimezone(zone)
        day = "" if left.date() == due.date() else f"{left:%A} "
        said.append(f"leaving at {day}{left:%H:%M} instead of {due:%H:%M}")
    if shortage is not None and deficit.priority_helps:
        said.append(f"priority over others on {shortage.circuit}")
    return tuple(said)


def deficits(schedule: Schedule) -> tuple[Deficit, ...]:
    """One for each vehicle that misses energy at its departure, and one if it does at the moment for which some is
    guaranteed; what a forecast vehicle would miss is nobody's. The largest first.
    """
    problem, lines, lower = schedule.problem, filled(schedule), _lower(schedule)
    found = []
    for i, request in enumerate(problem.requests):
        if request.expected:
            continue
        for need_wh, until, guaranteed in _due(request, problem.horizon.steps):
            got = float(schedule.amps[i, :until] @ problem.horizon.hours[:until]) * request.watts_per_a
            if need_wh - got > SMALL_WH:
                found.append(_deficit(schedule, lines, lower, i, _Due(need_wh, got, until, guaranteed)))
    return tuple(sorted(found, key=lambda deficit: -deficit.short_wh))


class _Due(NamedTuple):
    need_wh: float
    got_wh: float
    until: int
    guaranteed: bool

    @property
    def short_wh(self) -> float:
        return self.need_wh - self.got_wh


def _due(request: Request, steps: int) -> list[tuple[float, int, bool]]:
    need = (float(request.need_wh), steps, False)
    if request.guaranteed_by <= 0 or request.guaranteed_wh <= 0.0:
        return [need]
    until = min(request.guaranteed_by, steps)
    promise = (float(min(request.guaranteed_wh, request.need_wh)), until, True)
    # Where all of it is promised, for the departure, there is one thing to miss.
    is_all = request.guaranteed_wh >= request.need_wh - SMALL_WH and not (request.available[until:] > 0.0).any()
    return [promise] if is_all else [promise, need]


def _deficit(schedule: Schedule, lines: tuple[Filled, ...], lower: Mapping[int, Floats], i: int, due: _Due) -> Deficit:
    problem, request = schedule.problem, schedule.problem.requests[i]
    own = above(problem, lines, request)
    spare = np.maximum(request.upper_a - schedule.amps[i], 0.0)
    spare[due.until :] = 0.0
    return Deficit(
        request.session,
        request.evse,
        due.need_wh,
        due.got_wh,
        _leaves(problem, request, due.until),
        due.guaranteed,
        _shortage(problem, own, request, spare, due.short_wh),
        _leave_at(problem, own, request, due),
        _yielding_wh(schedule, own, lower[request.service_class], i, spare),
    )


def _leaves(problem: ChargingProblem, request: Request, until: int) -> datetime:
    """The end of its stay, or of the steps up to `until` when that is sooner."""
    there = np.flatnonzero(request.available[:until] > 0.0)
    edges = problem.horizon.edges()
    if not there.size:
        return edges[0]
    last = int(there[-1])
    return edges[last] + _stays(request, last) * (edges[last + 1] - edges[last])


def _stays(request: Request, last: int) -> float:
    """How far into its last step a vehicle stays; to the end of it if that is the step in which it comes, too."""
    was_there = last == 0 or request.available[last - 1] > 0.0
    return float(request.available[last]) if was_there else 1.0


def _shortage(
    problem: ChargingProblem, own: tuple[Filled, ...], request: Request, spare: Floats, short_wh: float
) -> Shortage | None:
    hours, edges = problem.horizon.hours, problem.horizon.edges()
    limiting = [(float(hours @ (line.full & (spare > 0.0))), line) for line in own]
    longest, line = max(limiting, key=lambda entry: entry[0], default=(0.0, None))
    if line is None or longest <= 0.0:
        return None
    at = np.flatnonzero(line.full & (spare > 0.0))
    amps = _level(spare[at], hours[at] * request.watts_per_a, short_wh)
    return Shortage(
        line.circuit,
        line.line.what,
        edges[int(at[0])],
        edges[int(at[-1]) + 1],
        longest,
        None if amps is None else float(amps) * line.per_amp(request),
    )


def _level(room: Floats, wh_per_unit: Floats, wanted_wh: float) -> float | None:
    """The least level at which min(room, level) yields what is wanted; None when all the room does not."""
    order = np.argsort(room)
    got, open_wh, last = 0.0, float(wh_per_unit.sum()), 0.0
    for k in order.tolist():
        more = (float(room[k]) - last) * open_wh
        if got + more >= wanted_wh and open_wh > 0.0:
            return last + (wanted_wh - got) / open_wh
        got, last, open_wh = got + more, float(room[k]), open_wh - float(wh_per_unit[k])
    return None


def _leave_at(problem: ChargingProblem, own: tuple[Filled, ...], request: Request, due: _Due) -> datetime | None:
    """When it could leave with everything, drawing what is left over after its departure."""
    there = np.flatnonzero(request.available > 0.0)
    if not there.size or due.until < problem.horizon.steps:
        return None
    last, hours, edges = int(there[-1]), problem.horizon.hours, problem.horizon.edges()
    amps = request.ceiling_a
    for line in own:
        amps = np.minimum(amps, line.room / line.per_amp(request))
    amps = np.where(amps >= request.min_a, amps, 0.0)
    missing_wh = due.short_wh
    for step in range(last, problem.horizon.steps):
        left = 1.0 - _stays(request, last) if step == last else 1.0
        gain = float(amps[step]) * left * float(hours[step]) * request.watts_per_a
        if gain >= missing_wh:
            begins = edges[step] + (1.0 - left) * (edges[step + 1] - edges[step])
            return begins + timedelta(hours=missing_wh / (float(amps[step]) * request.watts_per_a))
        missing_wh -= gain
    return None


def _yielding_wh(schedule: Schedule, own: tuple[Filled, ...], lower: Floats, i: int, spare: Floats) -> float:
    """What others of no higher class take from the full lines on the vehicle's way, as far as it could take it;
    `lower` is what they and itself let flow, by node, kind and step.
    """
    problem, mine = schedule.problem, schedule.problem.requests[i]
    yields, full = spare.copy(), np.zeros(spare.size, dtype=np.bool_)
    for line in own:
        others = line_load(line.line, lower[line.node]) / line.per_amp(mine) - schedule.amps[i]
        yields = np.where(line.full, np.clip(others, 0.0, yields), yields)
        full |= line.full
    return float((yields * full) @ problem.horizon.hours) * mine.watts_per_a


def _lower(schedule: Schedule) -> Mapping[int, Floats]:
    """By class of service, what flows to vehicles of no higher one."""
    problem = schedule.problem
    classes = np.array([request.service_class for request in problem.requests])
    return {rung: problem.below(schedule.amps * (classes <= rung)[:, None]) for rung in set(classes.tolist())}
