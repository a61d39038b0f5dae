"""Who will come: recent sessions of the same weekday as phantom vehicles, and how much energy arrives when.

A plan that knows nobody but those who are here defers into hours that later arrivals take. Phantoms are what past
days of the same kind brought, each weighing `scale / number of days`, from now on. Today's are scaled by how today
compares so far with those days, drawn towards 1 by PACE_TRUST arrivals: a day on which nobody came will not fill up
after lunch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import numpy as np

from ems.planning.forecast.analogs import Manner
from ems.planning.forecast.course import CHECKED_DAYS, Course, forecast_course
from ems.planning.forecast.past_sessions import PastSession, SessionHistory
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Quantiles
from ems.planning.forecast.series import DAY_S, EPOCH_ORDINAL, LAST_WORKDAY, SUNDAY, LocalDays, local_cells

SAME_WEEKDAYS = 3
SCALE = 1.25
"""More than the mean, because a plan that leaves too little room loses more than one that leaves too much; between the
two values tried in closed loop, 1.15 and 1.4, there was hardly a difference."""
PACE_TRUST = 5.0
SLOWEST, FASTEST = 0.2, 2.0

COMING = Manner(days=56, half_life_days=21.0, recent_h=3.0, fade_h=6.0, prior_days=5.0, by_weekday=True)
STEP_S = 3600
PER_DAY = DAY_S // STEP_S
WEEK = 7
ENOUGH_DAYS = 15


@dataclass(frozen=True, slots=True)
class Phantom:
    """A vehicle that may come: like `session`, but then. It counts as `weight` vehicles.

    `evse` is where it stood, a hint for placing it; `max_a` and `legs` are None where the past did not tell.
    """

    evse: str
    arrival: datetime
    departure: datetime
    need_wh: float
    max_a: float | None
    legs: int | None
    weight: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Phantoms in order of arrival; and energy that arrives with vehicles, as quantiles of W over each interval.

    The power is what the vehicles' energies come to when spread over the interval in which they plug in.
    """

    phantoms: tuple[Phantom, ...]
    arriving: Quantiles

    @property
    def is_unsure(self) -> bool:
        """Whether a plan should not build on this."""
        return self.arriving.is_unsure

    @property
    def why(self) -> str:
        """The doubts in words."""
        return self.arriving.why


def forecast_arrivals(
    history: SessionHistory,
    here: Sequence[datetime],
    now: datetime,
    edges: Sequence[datetime],
    levels: Sequence[float] = EIGHTY_PERCENT,
    *,
    scale: float = SCALE,
) -> Arrivals:
    """Who comes between `now` and the last of `edges`; `here` are the arrivals of those who are plugged in.

    Of `history` only what had ended by `now` counts. `edges` ascend from `now` on, ValueError else.
    """
    return Arrivals(
        phantoms(history, here, now, edges[-1], scale=scale), arriving_energy(history, here, now, edges, levels)
    )


def phantoms(
    history: SessionHistory, here: Sequence[datetime], now: datetime, until: datetime, *, scale: float = SCALE
) -> tuple[Phantom, ...]:
    """Phantom vehicles that arrive after `now` and before `until`."""
    zone = history.zone
    today, last = now.astimezone(zone).date(), until.astimezone(zone).date()
    found: list[Phantom] = []
    for ahead in range((last - today).days + 1):
        day = today + timedelta(days=ahead)
        models = _model_days(history, day, now)
        pace = _pace(history, here, models, now) if day == today else 1.0
        for model in models:
            weight = scale * pace / len(models)
            moved = [_moved(one, model, day, zone, weight) for one in _sessions_of(history, model, now)]
            found += [one for one in moved if now < one.arrival < until]
    return tuple(sorted(found, key=lambda one: (one.arrival, one.evse)))


def _model_days(history: SessionHistory, day: date, now: datetime) -> list[date]:
    """The last days of the same weekday (a holiday: Sundays and holidays); of the same kind if there are none."""
    kind = SUNDAY if day in history.holidays else day.weekday()
    if not len(history.day):
        return []
    first = date.fromordinal(int(history.day[0]) + EPOCH_ORDINAL)
    today = now.astimezone(history.zone).date()
    earlier = [today - timedelta(days=back) for back in range(1, (today - first).days + 1)]
    kinds = [(one, SUNDAY if one in history.holidays else one.weekday()) for one in earlier]
    same = [one for one, its in kinds if its == kind]
    alike = [one for one, its in kinds if (its <= LAST_WORKDAY) == (kind <= LAST_WORKDAY)]
    return (same or alike)[:SAME_WEEKDAYS]


def _sessions_of(history: SessionHistory, day: date, now: datetime) -> list[PastSession]:
    place = np.flatnonzero((history.day == day.toordinal() - EPOCH_ORDINAL) & (history.departure_s <= now.timestamp()))
    return [history.sessions[one] for one in place]


def _moved(one: PastSession, model: date, day: date, zone: tzinfo, weight: float) -> Phantom:
    """The session on another day at the same local time, staying as long."""
    local = one.arrival.astimezone(zone)
    # Wall-clock arithmetic on purpose: people come at the same local time before and after the clocks change.
    there = datetime.combine(day, time(local.hour, local.minute, local.second), zone)
    arrival = there.astimezone(UTC)
    return Phantom(
        one.evse, arrival, arrival + (one.departure - one.arrival), one.energy_wh, one.max_a, one.legs, weight
    )


def _pace(history: SessionHistory, here: Sequence[datetime], models: Sequence[date], now: datetime) -> float:
    """How many came today beside how many had come by this time on the model days."""
    if not models:
        return 1.0
    local = now.astimezone(history.zone)
    today = local.date()
    hour = local.hour + local.minute / 60.0
    ended = sum(one.arrival < now for one in _sessions_of(history, today, now))
    came = ended + sum(one.astimezone(history.zone).date() == today and one <= now for one in here)
    days = np.isin(history.day, [one.toordinal() - EPOCH_ORDINAL for one in models])
    usual = float((days & (history.hour <= hour)).sum()) / len(models)
    return float(np.clip((came + PACE_TRUST) / (usual + PACE_TRUST), SLOWEST, FASTEST))


def arriving_energy(
    history: SessionHistory,
    here: Sequence[datetime],
    now: datetime,
    edges: Sequence[datetime],
    levels: Sequence[float] = EIGHTY_PERCENT,
) -> Quantiles:
    """Quantiles of the energy that arrives with vehicles, W spread over each interval between `edges`."""
    past = arrived_energy(history, here, now)
    course = Course(past, np.ones(past.per_day), history.zone, COMING, WEEK, ENOUGH_DAYS, least=0.0)
    return forecast_course(course, now, edges, levels)


def arrived_energy(history: SessionHistory, here: Sequence[datetime], now: datetime) -> LocalDays:
    """What arrived in each hour of the local clock that had ended by `now`, W; nothing before the first session.

    Those who are `here` have not shown yet what they take, and count with the mean of the others.
    """
    now_s = now.timestamp()
    end = int(local_cells(np.array([now_s]), history.zone, STEP_S)[0])
    ended = history.departure_s <= now_s
    if not ended.any():
        return LocalDays(end, STEP_S, np.empty(0))
    mean_wh = float(history.energy_wh[ended].mean())
    open_s = np.sort(np.array([one.timestamp() for one in here if one <= now], dtype=np.float64))
    cells = np.concatenate([
        history.day[ended] * PER_DAY + history.hour[ended].astype(np.int64), local_cells(open_s, history.zone, STEP_S)
    ])  # fmt: skip
    energies = np.concatenate([history.energy_wh[ended], np.full(len(open_s), mean_wh)])
    first = max(int(cells.min()), end - PER_DAY * (COMING.days + CHECKED_DAYS + 1))
    kept = (cells >= first) & (cells < end)
    hours = np.bincount(cells[kept] - first, weights=energies[kept], minlength=max(0, end - first))
    return LocalDays(first, STEP_S, hours * 3600.0 / STEP_S)
