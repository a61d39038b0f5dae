"""What reports want to know of every tick: which EVSEs are out of order, and how well the site is controlled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ems.control.memory import Memory
from ems.domain.decision import CircuitView, Decision, Level
from ems.domain.events import Event
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.strategy import PLANNED
from ems.ports.reports import WatchBook
from ems.statistics.record import QUARTER_S, Cause, ControlQuarter

LOOK_S = 5.0
LASTING_S = 60.0
"""What is over sooner is no outage: a station that connects again, a restart of ours."""

SEEN_S = 60.0
LONGEST_S = 5.0
"""A tick stands for the time since the one before, at most for so long: nobody watched in a longer gap."""

TOLERATED_A = 0.5
"""Meters are not more exact."""

OUT_OF_ORDER = {EvseStatus.FAULTED: Cause.FAULTED, EvseStatus.UNAVAILABLE: Cause.UNAVAILABLE}


@dataclass(slots=True)
class _Away:
    """An outage that lasts; `told_s`: when it was written last (None: not yet)."""

    cause: Cause
    began: datetime
    began_s: float
    told_s: float | None = None


@dataclass(slots=True)
class _Quarter:
    """The quarter hour that runs, in seconds that add up."""

    starts_s: int
    watched_s: float = 0.0
    over_s: float = 0.0
    over_a: float = 0.0
    over_at: str = ""
    fallback_s: float = 0.0
    plan_age_s: float | None = None

    @classmethod
    def begun(cls, starts_s: int, before: ControlQuarter | None) -> _Quarter:
        """The quarter hour that begins then; what a run of the controller before this one saw of it counts too."""
        return cls(starts_s) if before is None or before.starts_s != starts_s else cls(*before)

    def told(self) -> ControlQuarter:
        plan_age_s = None if self.plan_age_s is None else round(self.plan_age_s)
        spans = (round(min(seconds, QUARTER_S)) for seconds in (self.watched_s, self.over_s, self.fallback_s))
        watched_s, over_s, fallback_s = spans
        over_a = round(self.over_a, 2)
        return ControlQuarter(self.starts_s, watched_s, over_s, over_a, self.over_at, fallback_s, plan_age_s)


class Watchkeeper:
    """Looks at every tick and writes down what is new of it. Never waits. `before`: the last quarter hour that the run
    before this one wrote down.
    """

    def __init__(self, book: WatchBook, before: ControlQuarter | None = None) -> None:
        self._book, self._before = book, before
        self._away: dict[str, _Away] = {}
        self._quarter: _Quarter | None = None
        self._last_s: float | None = None
        self._looked_s = self._written_s = float("-inf")

    def look(self, _events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """An output of the loop."""
        self._count(state, decision)
        now_s = decision.at.monotonic_s
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look_at_evses(state, decision.at.utc, now_s)

    def _count(self, state: SiteState, decision: Decision) -> None:
        now_s, utc_s = decision.at.monotonic_s, decision.at.utc.timestamp()
        passed_s = 0.0 if self._last_s is None else min(now_s - self._last_s, LONGEST_S)
        self._last_s = now_s
        starts_s = int(utc_s // QUARTER_S) * QUARTER_S
        quarter = self._quarter
        if quarter is None or quarter.starts_s != starts_s:
            if quarter is not None:
                self._book.quarter(quarter.told())
            quarter = self._quarter = _Quarter.begun(starts_s, self._before)
        quarter.watched_s += passed_s
        excess_a, where = _largest_excess(decision.circuits)
        if excess_a > TOLERATED_A:
            quarter.over_s += passed_s
            if excess_a > quarter.over_a:
                quarter.over_a, quarter.over_at = excess_a, where
        if decision.level >= Level.FALLBACK:
            quarter.fallback_s += passed_s
        if state.plan is not None and state.strategy in PLANNED:
            quarter.plan_age_s = max(quarter.plan_age_s or 0.0, now_s - state.planned_at)
        if now_s - self._written_s >= SEEN_S:
            self._written_s = now_s
            self._book.quarter(quarter.told())

    def _look_at_evses(self, state: SiteState, now: datetime, now_s: float) -> None:
        site = state.site
        for evse, owner, view in zip(site.evses, site.station_of_evse, state.evses, strict=True):
            cause = OUT_OF_ORDER.get(view.status) if state.stations[owner].connected else Cause.OFFLINE
            known = self._away.get(evse.id)
            if known is not None and known.cause is not cause:
                if known.told_s is not None:
                    self._book.outage(evse.id, known.began, now, now, known.cause)
                del self._away[evse.id]
                known = None
            if cause is None:
                continue
            if known is None:
                self._away[evse.id] = _Away(cause, now.astimezone(UTC), now_s)
            elif now_s - (known.began_s if known.told_s is None else known.told_s) >= LASTING_S:
                known.told_s = now_s
                self._book.outage(evse.id, known.began, now, None, cause)


def _largest_excess(circuits: Sequence[CircuitView]) -> tuple[float, str]:
    """Ampere by which the worst circuit is above its limit, and which; not above 0 where none is."""
    worst, where = 0.0, ""
    for view in circuits:
        if view.measured_a is None:
            continue
        for measured, limit in zip(view.measured_a, view.limit_a, strict=True):
            if measured - limit > worst:
                worst, where = measured - limit, view.circuit
    return worst, where
