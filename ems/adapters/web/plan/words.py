"""What strategies are called, and why there is no plan, in words that an operator understands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from ems.adapters.web.texts import Calendar, duration, kilowatts, whole_amps
from ems.adapters.web.values import time_of
from ems.control.aims import plan_in_force
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.session import Need
from ems.domain.state import SiteState
from ems.domain.strategy import PLANNED, WAYS

FALLBACK = "who has the least time to spare goes first"
"""What happens without a plan."""


def absence(state: SiteState, now: Instant) -> str:
    """Why no plan is in force; empty while one is."""
    plan, strategy = state.plan, state.strategy
    if plan_in_force(state, now) is not None:
        return ""
    if strategy not in PLANNED:
        return "this strategy decides every second by itself and needs no plan"
    if state.plan_trouble and (plan is None or plan.strategy is not strategy):
        return f"planning failed; {FALLBACK}"
    if plan is None:
        return f"the first plan is being made; until then, {FALLBACK}"
    if plan.strategy is not strategy:
        return f"the last plan was made for {WAYS[plan.strategy].word}; one for this strategy is being made"
    age = duration(now.monotonic_s - state.planned_at)
    return f"the last plan is {age} old and counts for nothing; {FALLBACK}"


def shortfall(name: str, need_wh: float, short_wh: float, departure: str | None, calendar: Calendar) -> str:
    """Who misses how much by when."""
    by = "" if departure is None else f" by {calendar.moment(departure)}"
    return f"{name}: {whole_kwh(need_wh - short_wh)} of {whole_kwh(need_wh)} kWh{by}, short {whole_kwh(short_wh)} kWh"


def promised(need: Need, calendar: Calendar) -> str:
    """What a vehicle is promised; empty for nothing."""
    by = "" if need.guaranteed_by is None else f" by {calendar.moment(time_of(need.guaranteed_by))}"
    energy = f"{whole_kwh(need.guaranteed_wh)} kWh{by}" if need.guaranteed_wh > 0.0 else ""
    minimum = "its minimum current always" if need.minimum_always else ""
    return ", ".join(part for part in (energy, minimum) if part)


def whole_kwh(energy_wh: float) -> str:
    """An energy in kWh: no digits where there are none."""
    return f"{max(0.0, energy_wh) / 1000.0:.1f}".removesuffix(".0")


def between(since: str, until: str, calendar: Calendar) -> str:
    """A span of time; the day is said once."""
    first, last = calendar.moment(since), calendar.moment(until)
    day = first.rpartition(" ")[0]
    return f"{first}–{last.removeprefix(f'{day} ') if day else last}"


def supposed(limits: Iterable[Limit], zone: ZoneInfo, now: datetime) -> str:
    """Limits that somebody supposes, in the time of the site."""
    calendar = Calendar(zone, time_of(now))
    return "; ".join(_supposed(limit, calendar) for limit in limits)


def _supposed(limit: Limit, calendar: Calendar) -> str:
    most = [whole_amps(limit.max_a)] if limit.max_a is not None else []
    most += [kilowatts(limit.max_w)] if limit.max_w is not None else []
    since = f" from {calendar.moment(time_of(limit.starts))}" if limit.starts else ""
    until = f" until {calendar.moment(time_of(limit.ends))}" if limit.ends else ""
    return f"at most {' and '.join(most)} at {limit.scope}{since}{until}"
