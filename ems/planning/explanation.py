"""Why a vehicle has the current it has in a step of a schedule, in words that an operator understands.

The first that applies, from what cannot be changed to what was chosen: not there, nothing needed, full current, a full
circuit, and then what the strategy gains by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from ems.planning.arrays import Floats, Ints
from ems.planning.bottleneck import Filled, above, filled
from ems.planning.ladder import Ladder
from ems.planning.problem import demand_windows
from ems.planning.schedule import Schedule


class Cause(StrEnum):
    """What decides a planned current."""

    NOT_THERE = "not there"
    DONE = "done"
    FULL_CURRENT = "full current"
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
    Cause.CIRCUIT: "{subject} is full",
    Cause.MINIMUM: "pauses: less than its minimum current is left",
    Cause.CHEAPER: "cheaper at {at}",
    Cause.DEMAND_CHARGE: "keeps the peak at {value:.0f} kW",
    Cause.SOLAR: "waits for the sun",
    Cause.NO_HURRY: "no hurry: charges at {at}",
}

SMALL_A = 1e-3
SMALL_WH = 1.0
SAME_PEAK = 0.995
SAME_PRICE = 1e-9


class Explainer:
    """Answers for one schedule; what lines carry is looked at once."""

    __slots__ = ("_ladder", "_lines", "_schedule")

    def __init__(self, schedule: Schedule, ladder: Ladder) -> None:
        self._schedule = schedule
        self._ladder = ladder
        self._lines = filled(schedule)

    def why(self, request: int, step: int) -> Why:
        """Why the request at a position has its current in a step."""
        schedule = self._schedule
        wants, amps = schedule.problem.requests[request], schedule.amps[request]
        if wants.available[step] <= 0.0:
            return Why(Cause.NOT_THERE)
        hours = schedule.problem.horizon.hours
        until_now = float(amps[: step + 1] @ hours[: step + 1]) * wants.watts_per_a
        if amps[step] >= wants.max_a * wants.available[step] * (1.0 - SMALL_A):
            return Why(Cause.FULL_CURRENT)
        if until_now >= wants.need_wh - SMALL_WH:
            return Why(Cause.DONE)
        for line in above(schedule.problem, self._lines, wants):
            if line.full[step]:
                return Why(Cause.CIRCUIT, _name(line), value=float(line.line.capacity[step]))
        return self._waits(request, step)

    def _waits(self, request: int, step: int) -> Why:
        """There is room, and more is needed: what is gained by not taking it."""
        schedule, edges = self._schedule, self._schedule.problem.horizon.edges()
        later = np.flatnonzero(schedule.amps[request] > SMALL_A)
        later = later[later > step]
        if self._ladder.looks_at_site:
            peak_kw = self._peak_kw(step)
            if peak_kw is not None:
                return Why(Cause.DEMAND_CHARGE, value=peak_kw)
            sunny = schedule.site_w[later] <= 0.0
            if self._is_imported(step) and (sunny.any() or (not later.size and self._ladder.grid > 0.0)):
                return Why(Cause.SOLAR, at=edges[int(later[sunny][0])] if sunny.any() else None)
            cheaper = later[self._price(later) < self._price(np.array([step])) - SAME_PRICE]
            if cheaper.size:
                return Why(Cause.CHEAPER, at=edges[int(cheaper[0])])
        if not later.size or self._room_a(request, step) < schedule.problem.requests[request].min_a:
            return Why(Cause.MINIMUM)
        return Why(Cause.NO_HURRY, at=edges[int(later[0])])

    def _room_a(self, request: int, step: int) -> float:
        """What the vehicle could have in a step with all others as they are."""
        schedule, wants = self._schedule, self._schedule.problem.requests[request]
        own = above(schedule.problem, self._lines, wants)
        more = min((float(line.room[step]) / line.per_amp(wants) for line in own), default=wants.max_a)
        return float(schedule.amps[request, step]) + more

    def _is_imported(self, step: int) -> bool:
        """Whether one more watt would come from the grid."""
        return bool(self._schedule.site_w[step] >= -1.0)

    def _price(self, steps: Ints) -> Floats:
        economy = self._schedule.problem.economy
        imports = self._schedule.site_w[steps] >= -1.0
        return np.asarray(np.where(imports, economy.import_per_kwh[steps], economy.feed_in_per_kwh[steps]))

    def _peak_kw(self, step: int) -> float | None:
        """The peak that a step makes, when it costs or the strategy wants it low."""
        schedule, hours = self._schedule, self._schedule.problem.horizon.hours
        highest = float(schedule.site_w.max())
        if self._ladder.peak > 0.0 and highest > 0.0 and schedule.site_w[step] >= SAME_PEAK * highest:
            return highest / 1000.0
        for charge in schedule.problem.economy.demand if self._ladder.cost > 0.0 else ():
            at, window = demand_windows(schedule.problem.horizon, charge)
            mine = np.flatnonzero(at == step)
            if charge.per_kw > 0.0 and mine.size:
                mean = np.bincount(window, weights=(schedule.site_w * hours)[at]) / np.bincount(
                    window, weights=hours[at]
                )
                paid = max(float(mean.max()), charge.paid_w)
                if paid > 0.0 and mean[window[mine[0]]] >= SAME_PEAK * paid:
                    return paid / 1000.0
        return None


def _name(line: Filled) -> str:
    return f"{line.circuit} {line.line.what}"
