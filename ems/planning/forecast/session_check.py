"""How forecasts of sessions did lately: those of the last sessions, made at plug-in from what had ended by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ems.planning.forecast.calibration import calibration
from ems.planning.forecast.past_sessions import PastSession, SessionHistory
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Floats
from ems.planning.forecast.series import EPOCH_ORDINAL
from ems.planning.forecast.session import PluggedIn, SessionCheck, forecast_session

CHECKED_SESSIONS = 60
WEEK = 7


class NaiveSession(NamedTuple):
    """Seasonal naive: quantiles of what sessions did that arrived on the same day a week earlier. NaN if none did."""

    stays_s: Floats
    energies_wh: Floats


def check_sessions(history: SessionHistory, now: datetime) -> SessionCheck:
    """The verdict on departures and energies of the last sessions that ended by `now`, beside seasonal naive."""
    last = [place for place in np.argsort(history.departure_s) if history.departure_s[place] <= now.timestamp()]
    checked = [history.sessions[place] for place in last[-CHECKED_SESSIONS:]]
    made = [forecast_session(history, as_plugged_in(one), one.arrival) for one in checked]
    naive = [naive_session(history, one.arrival, EIGHTY_PERCENT) for one in checked]
    arrivals = np.array([one.arrival.timestamp() for one in checked])
    stays = np.array([one.departure.timestamp() for one in checked]) - arrivals
    energies = np.array([one.energy_wh for one in checked], dtype=np.float64)
    none: Floats = np.empty((len(EIGHTY_PERCENT), 0))
    return SessionCheck(
        departure=calibration(
            EIGHTY_PERCENT,
            np.column_stack([one.departures_s for one in made]) - arrivals if made else none,
            stays,
            np.column_stack([one.stays_s for one in naive]) if naive else none,
        ),
        energy=calibration(
            EIGHTY_PERCENT,
            np.column_stack([one.energies_wh for one in made]) if made else none,
            energies,
            np.column_stack([one.energies_wh for one in naive]) if naive else none,
        ),
    )


def as_plugged_in(one: PastSession) -> PluggedIn:
    """The session as it looked at plug-in."""
    return PluggedIn(
        evse=one.evse,
        arrival=one.arrival,
        user=one.user,
        requested_wh=one.requested_wh,
        stated_departure=one.stated_departure,
    )


def naive_session(history: SessionHistory, arrival: datetime, levels: Sequence[float]) -> NaiveSession:
    """What seasonal naive says of a vehicle that arrives then; of `history` only what had ended by then counts."""
    day = arrival.astimezone(history.zone).date().toordinal()
    lately = (history.day == day - EPOCH_ORDINAL - WEEK) & (history.departure_s <= arrival.timestamp())
    if not lately.any():
        return NaiveSession(np.full(len(levels), np.nan), np.full(len(levels), np.nan))
    return NaiveSession(np.quantile(history.stay_s[lately], levels), np.quantile(history.energy_wh[lately], levels))
