"""Forecasts of sessions and arrivals against what then happened; see `forecast_backtest` for the manner."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from operator import attrgetter

import numpy as np

from ems.planning.forecast.arrivals import forecast_arrivals
from ems.planning.forecast.past_sessions import KEPT_DAYS, PastSession, SessionHistory, session_history
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Floats
from ems.planning.forecast.session import PluggedIn, SessionCheck, forecast_session
from ems.planning.forecast.session_check import as_plugged_in, check_sessions, naive_session
from ems.sim.forecast_backtest import (
    AHEAD_H,
    ERROR_WEEKS,
    WARM_UP_DAYS,
    Row,
    Scored,
    naive_interval,
    origins,
    row_of,
    series_rows,
)
from ems.sim.session_record import SessionRecord

MOST_SESSIONS = 1500
"""Sessions are scored evenly over the whole file, up to so many."""
ASSUMED_W = 6600.0
"""What a vehicle is assumed to draw until it has its energy; the records do not tell."""
LATER = timedelta(hours=2)
HALF_A_DAY = timedelta(hours=12)
HERE_AT_MOST = timedelta(days=92)


def backtest_sessions(records: Sequence[SessionRecord], zone: tzinfo) -> list[Row]:
    """Departures in h after plug-in, energies in kWh, arrivals in kW and vehicles."""
    past = sorted((as_past(one) for one in records), key=lambda one: (one.arrival, one.evse))
    rows = session_rows(past, zone)
    return rows + arrival_rows(past, zone)


def as_past(record: SessionRecord) -> PastSession:
    """A recorded session as the forecasts know it."""
    return PastSession(
        evse=record.station,
        arrival=record.arrival,
        departure=record.departure,
        energy_wh=record.delivered_wh,
        user=record.user,
        requested_wh=record.requested_wh,
        stated_departure=record.stated_departure,
        max_a=record.max_a,
        legs=record.legs,
    )


def weeks(past: Sequence[PastSession], zone: tzinfo) -> Iterator[tuple[datetime, datetime, SessionHistory]]:
    """Week after week from the end of the warm-up, with the history that covers it. `past` in order of arrival.

    A week's history holds what ended until its end; the forecasts themselves look at nothing that ended after `now`.
    """
    if not past:
        return
    begin, last = past[0].arrival + timedelta(days=WARM_UP_DAYS), past[-1].arrival
    while begin <= last:
        end = begin + timedelta(days=7)
        yield begin, end, session_history(_arrived(past, begin - timedelta(days=KEPT_DAYS), end), end, zone)
        begin = end


def session_rows(past: Sequence[PastSession], zone: tzinfo) -> list[Row]:
    """How forecasts of departure and energy did, beside the same day a week before and the driver's word."""
    scored = scored_sessions(past, zone)
    names = (
        ("departure, at plug-in", "stay", "h"),
        ("departure, 2 h later", "stay later", "h"),
        ("energy, at plug-in", "energy", "kWh"),
        ("energy, drawing after 2 h", "energy later", "kWh"),
    )
    return [row_of(what, scored[name], slice(0, 1), 1.0, unit) for what, name, unit in names]


def scored_sessions(past: Sequence[PastSession], zone: tzinfo) -> dict[str, list[Scored]]:
    """What was forecast of each vehicle at plug-in and later: "stay" and "stay later" in h, "energy" … in kWh."""
    chosen = past[:: -(-len(past) // MOST_SESSIONS) or 1]
    scored: dict[str, list[Scored]] = {name: [] for name in ("stay", "stay later", "energy", "energy later")}
    for begin, end, history in weeks(past, zone):
        check = check_sessions(history, begin)
        for one in _arrived(chosen, begin, end):
            for name, told in _session_scores(history, one, check):
                scored[name].append(told)
    return scored


def _session_scores(history: SessionHistory, one: PastSession, check: SessionCheck) -> Iterator[tuple[str, Scored]]:
    here = as_plugged_in(one)
    stay_h = (one.departure - one.arrival).total_seconds() / 3600.0
    stated_h = np.nan if one.stated_departure is None else (one.stated_departure - one.arrival).total_seconds() / 3600.0
    asked_kwh = np.nan if one.requested_wh is None else one.requested_wh / 1e3
    naive = naive_session(history, one.arrival, EIGHTY_PERCENT)
    later_h, took_wh = LATER.total_seconds() / 3600.0, ASSUMED_W * LATER.total_seconds() / 3600.0
    for name, now, taken_wh, passed_h in (
        ("", one.arrival, 0.0, 0.0),
        (" later", one.arrival + LATER, took_wh, later_h),
    ):
        told = forecast_session(history, _having_taken(here, taken_wh), now, EIGHTY_PERCENT, check)
        stays = (told.departures_s - one.arrival.timestamp()) / 3600.0
        if stay_h > passed_h:
            doubt = bool(told.departure_doubt)
            usual = np.maximum(naive.stays_s / 3600.0, passed_h)
            yield f"stay{name}", _single(now, stays, usual, stay_h, doubt, max(stated_h, passed_h))
        if stay_h > passed_h and one.energy_wh > taken_wh:
            doubt = bool(told.energy_doubt)
            usual = np.maximum(naive.energies_wh, taken_wh) / 1e3
            asked = max(asked_kwh, taken_wh / 1e3)
            yield f"energy{name}", _single(now, told.energies_wh / 1e3, usual, one.energy_wh / 1e3, doubt, asked)


def _having_taken(one: PluggedIn, taken_wh: float) -> PluggedIn:
    return PluggedIn(
        one.evse, one.arrival, taken_wh, user=one.user,
        requested_wh=one.requested_wh, stated_departure=one.stated_departure,
    )  # fmt: skip


def _single(now: datetime, told: Floats, naive: Floats, measured: float, doubt: bool, stated: float) -> Scored:
    return Scored(now, told[:, None], naive[:, None], np.array([measured]), doubt, np.array([stated]))


def arrival_rows(past: Sequence[PastSession], zone: tzinfo) -> list[Row]:
    """Energy that arrives in each of the next hours, and the number of vehicles of the next twelve."""
    scored = scored_arrivals(past, zone)
    rows = series_rows("arriving energy", [power for power, _ in scored], 1e3, "kW")
    return [*rows, row_of("vehicles in 12 h", [count for _, count in scored], slice(0, 1), 1.0, "")]


def scored_arrivals(past: Sequence[PastSession], zone: tzinfo) -> list[tuple[Scored, Scored]]:
    """From each origin the power of arriving energy by hours, and the number of vehicles."""
    scored: list[tuple[Scored, Scored]] = []
    covered = list(weeks(past, zone))
    if covered:
        first = datetime.fromtimestamp(-(-covered[0][0].timestamp() // 3600) * 3600, UTC)
        moments = origins(first, past[-1].arrival - timedelta(hours=AHEAD_H))
        for begin, end, history in covered:
            for origin in moments[bisect_left(moments, begin) : bisect_left(moments, end)]:
                scored.append(_arrival_scores(past, history, origin))
    return scored


def _arrival_scores(past: Sequence[PastSession], history: SessionHistory, now: datetime) -> tuple[Scored, Scored]:
    here = [one.arrival for one in _arrived(past, now - HERE_AT_MOST, now) if one.departure > now]
    edges = [now + timedelta(hours=hour) for hour in range(AHEAD_H + 1)]
    told = forecast_arrivals(history, here, now, edges, scale=1.0)
    came = _hourly_w(past, now, AHEAD_H)
    week = timedelta(days=7)
    before = _hourly_w(past, now - ERROR_WEEKS * week - week, (ERROR_WEEKS + 1) * 7 * 24)
    errors = before[7 * 24 :] - before[: -7 * 24]
    naive = naive_interval(_hourly_w(past, now - week, AHEAD_H), errors)
    doubt = told.is_unsure
    soon = now + HALF_A_DAY
    expected = sum(one.weight for one in told.phantoms if one.arrival < soon)
    vehicles = len(_arrived(past, now, soon)), len(_arrived(past, now - week, soon - week))
    counted = Scored(
        now, np.array([[expected]]), np.array([[float(vehicles[1])]]), np.array([float(vehicles[0])]), doubt
    )
    return Scored(now, told.arriving.values_w, naive, came, doubt), counted


def _hourly_w(past: Sequence[PastSession], begin: datetime, hours: int) -> Floats:
    """Energy of those who arrive in each hour from `begin` on, W."""
    found = np.zeros(hours)
    for one in _arrived(past, begin, begin + timedelta(hours=hours)):
        found[int((one.arrival - begin).total_seconds() // 3600)] += one.energy_wh
    return found


def _arrived(past: Sequence[PastSession], since: datetime, until: datetime) -> Sequence[PastSession]:
    key = attrgetter("arrival")
    return past[bisect_left(past, since, key=key) : bisect_left(past, until, key=key)]
