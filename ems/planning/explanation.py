"""Why a vehicle has the current it has in a step of a schedule, in words that an operator understands.

The first that applies, from what cannot be changed to what was chosen: not there, nothing needed, full current, a full
circuit, and then what the strategy gains by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from ems.domain.plan import Why as PlannedWhy
from ems.domain.strategy import Ladder
from ems.planning.arrays import Bools, Floats, Ints
from ems.planning.bottleneck import Filled, above, filled
from ems.planning.linear_program import NONE
from ems.planning.problem import window_means
from ems.planning.schedule import Schedule


class Cause(StrEnum):
    """What decides a planned current."""

    NOT_THERE = "not there"
    DONE = "done"
    FULL_CURRENT = "full current"
    OUTLET = "outlet"
    CIRCUIT = "circuit"
    MINIMUM = "minimum"
    CHEAPER = "cheaper"
    DEMAND_CHARGE = "demand charge"
    SOLAR = "solar"
    NO_HURRY = "no hurry"


class Why(NamedTuple):
    """A cause with what it is about: a circuit and line, a moment, or kW of a peak."""

    cause: Cause
    subject: str = ""
    at: datetime | None = None
    value: float = 0.0

    def text(self, local: str = "") -> str:
        """In words; `local` is `at` as the reader's clock shows it."""
        return _WORDS[self.cause].format(subject=self.subject, at=local, value=self.value)


_WORDS: Mapping[Cause, str] = {
    Cause.NOT_THERE: "not plugged in",
    Cause.DONE: "has what it needs",
    Cause.FULL_CURRENT: "full current",
    Cause.OUTLET: "its outlet may have {value:.0f} A",
    Cause.CIRCUIT: "{subject} is full",
    Cause.MINIMUM: "pauses: less than its minimum current is left",
    Cause.CHEAPER: "cheaper at {at}",
    Cause.DEMAND_CHARGE: "keeps the peak at {value:.0f} kW",
    Cause.SOLAR: "waits for the sun",
    Cause.NO_HURRY: "no hurry: charges at {at}",
}

SMALL_A = 1e-3
SMALL_WH = 1.0
SMALL_W = 1.0
SAME_PEAK = 0.995
SAME_PRICE = 1e-9


def reasons(schedule: Schedule, ladder: Ladder) -> tuple[tuple[Why, ...], ...]:
    """Per request, why it has its current in every step; nothing for a forecast vehicle, to which nobody explains."""
    gains = _Gains.of(schedule, ladder)
    lines = filled(schedule)
    requests = schedule.problem.requests
    return tuple(() if request.expected else _reasons(gains, lines, i) for i, request in enumerate(requests))


def in_words(course: tuple[Why, ...], zone: tzinfo) -> tuple[PlannedWhy, ...]:
    """The reasons of one request from step to step, each said once, in the time of `zone`."""
    said: list[PlannedWhy] = []
    for step, why in enumerate(course):
        text = why.text("" if why.at is None else f"{why.at.astimezone(zone):%H:%M}")
        if not said or said[-1].text != text:
            said.append(PlannedWhy(step, text))
    return tuple(said)


class _Gains(NamedTuple):
    """What a schedule gains by waiting. Per step: its begin, whether one more watt would come from the grid, its price,
    and the peak in kW that the step makes, 0 where it makes none.
    """

    schedule: Schedule
    ladder: Ladder
    begins: tuple[datetime, ...]
    imported: Bools
    price: Floats
    peak_kw: Floats

    @classmethod
    def of(cls, schedule: Schedule, ladder: Ladder) -> _Gains:
        economy, imported = schedule.problem.economy, schedule.site_w >= -SMALL_W
        price = np.where(imported, economy.import_per_kwh, economy.feed_in_per_kwh)
        begins = schedule.problem.horizon.edges()
        return cls(schedule, ladder, begins, imported, np.asarray(price), _peaks_kw(schedule, ladder))

    def waits(self, later: Ints, step: int) -> Why | None:
        """What is gained by taking nothing more in a step, but in `later` ones; None when nothing is."""
        if not self.ladder.looks_at_site:
            return None
        if self.peak_kw[step] > 0.0:
            return Why(Cause.DEMAND_CHARGE, value=float(self.peak_kw[step]))
        sunny = later[~self.imported[later]]
        if self.imported[step] and (sunny.size or (not later.size and not self.ladder.beyond_guarantee)):
            return Why(Cause.SOLAR, at=self.begins[int(sunny[0])] if sunny.size else None)
        cheaper = later[self.price[later] < self.price[step] - SAME_PRICE]
        return Why(Cause.CHEAPER, at=self.begins[int(cheaper[0])]) if cheaper.size else None


def _peaks_kw(schedule: Schedule, ladder: Ladder) -> Floats:
    """The peak that each step makes, when it costs or the strategy wants it low."""
    hours, highest = schedule.problem.horizon.hours, float(schedule.site_w.max())
    peak = np.zeros(hours.size)
    if ladder.peak > 0.0 and highest > 0.0:
        peak[schedule.site_w >= SAME_PEAK * highest] = highest / 1000.0
    for charge in schedule.problem.economy.demand if ladder.cost > 0.0 else ():
        at, window, mean = window_means(schedule.problem.horizon, charge, schedule.site_w)
        if charge.per_kw > 0.0 and at.size:
            paid = max(float(mean.max()), charge.paid_w)
            if paid > 0.0:
                peak[at[mean[window] >= SAME_PEAK * paid]] = paid / 1000.0
    return peak


def _reasons(gains: _Gains, lines: tuple[Filled, ...], i: int) -> tuple[Why, ...]:
    schedule, problem = gains.schedule, gains.schedule.problem
    request, amps = problem.requests[i], schedule.amps[i]
    own = above(problem, lines, request)
    got_wh = np.cumsum(amps * problem.horizon.hours) * request.watts_per_a
    most, ceiling = request.upper_a, request.ceiling_a
    charging = np.flatnonzero(amps > SMALL_A)
    room = np.min([most, *(line.room / line.per_amp(request) + amps for line in own)], axis=0)
    filled_up = np.array([line.full for line in own]) if own else np.zeros((1, amps.size), dtype=np.bool_)
    first_full = np.where(filled_up.any(axis=0), filled_up.argmax(axis=0), NONE).tolist()
    course = []
    for step in range(problem.horizon.steps):
        full = None if first_full[step] == NONE else own[first_full[step]]
        if request.available[step] <= 0.0:
            course.append(Why(Cause.NOT_THERE))
        elif got_wh[step] >= request.need_wh - SMALL_WH and amps[step] < SMALL_A:
            course.append(Why(Cause.DONE))
        elif amps[step] >= most[step] * (1.0 - SMALL_A):
            limited = most[step] < request.max_a * request.available[step] * (1.0 - SMALL_A)
            course.append(Why(Cause.OUTLET, value=float(ceiling[step])) if limited else Why(Cause.FULL_CURRENT))
        elif got_wh[step] >= request.need_wh - SMALL_WH:
            course.append(Why(Cause.DONE))
        elif full is not None:
            course.append(Why(Cause.CIRCUIT, _name(full), value=float(full.line.capacity[step])))
        else:
            later = charging[charging > step]
            course.append(gains.waits(later, step) or _otherwise(gains, later, room[step] < request.min_a))
    return tuple(course)


def _otherwise(gains: _Gains, later: Ints, too_little: bool) -> Why:
    if too_little or not later.size:
        return Why(Cause.MINIMUM)
    return Why(Cause.NO_HURRY, at=gains.begins[int(later[0])])


def _name(line: Filled) -> str:
    return f"{line.circuit} {line.line.what}"
