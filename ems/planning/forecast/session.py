"""When a plugged-in vehicle leaves, and how much it takes: quantiles of how similar sessions went.

The samples are past sessions. Their weights narrow down in levels, each blended with the wider one before it by how
much it knows, n / (n + TRUST) with n its number of sessions (shrinkage):

    all sessions, fading with age  →  the same kind of day and time of arrival, and who also said nothing
    →  the same EVSE  →  who stated about the same, roughly and closely
    →  the same user  →  the same user having stated about the same

So a stated value is worth what it was worth in the past: where drivers who asked for 40 kWh took anything between 5
and 38, so will this one. What was stated is itself a sample, with the weight of STATED_WEIGHT sessions like it; it
speaks where there is no history. Departures are conditional on the vehicle still being there, energies on what it
took so far, as long as it still draws: what has happened cannot become less. Nothing is below `now` or what was
taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from ems.domain.units import not_negative
from ems.planning.forecast.calibration import Calibration
from ems.planning.forecast.past_sessions import SessionHistory, asked_of
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Floats, ascending_quantiles, between_levels, check_levels
from ems.planning.forecast.series import DAY_S, LAST_WORKDAY, SUNDAY, Ints

HALF_LIFE_DAYS = 60.0
ARRIVAL_H = 1.0
OTHER_KIND_OF_DAY = 0.1
ASKED_ALIKE = 0.15
STATED_ALIKE_H = 1.0
WIDER = 3.0
TRUST = 5.0
TRUST_USER = 3.0
STATED_WEIGHT = 1.0
MOST_STATED = 0.5
"""Widths of what counts as similar (hours of arrival and of stay, logarithm of energy; how much wider at first), and
the strengths of blending; what was stated never outweighs what happened, where anything did."""

NEXT_TO_NOTHING = 1e-9

FEW = 8.0
"""Fewer sessions like it than this make a forecast unsure."""

LEAST_REST_S, LEAST_REST_WH = 1800.0, 2000.0
REST_SHARE = 0.25
"""Beyond all experience the rest is exponential; its mean is this share of what has passed, at least the above."""

FIRST_STAYS_S = tuple(3600.0 * hours for hours in (0.7, 2.0, 5.0, 9.0, 14.0))
FIRST_ENERGIES_WH = (3e3, 8e3, 15e3, 30e3, 60e3)
"""What is assumed of a site without any past session."""


@dataclass(frozen=True, slots=True)
class PluggedIn:
    """A vehicle that is here: what it took so far, whether it stopped drawing although offered, what was said.

    `most_wh` is what it can take at all in this session (its battery), None when unknown. Raises ValueError when
    energies cannot be; what a driver said may be anything, and counts only if it makes sense.
    """

    evse: str
    arrival: datetime
    taken_wh: float = 0.0
    is_done: bool = False
    user: str | None = None
    requested_wh: float | None = None
    stated_departure: datetime | None = None
    most_wh: float | None = None

    def __post_init__(self) -> None:
        not_negative("energy taken", self.taken_wh)
        if self.most_wh is not None:
            not_negative("most energy", self.most_wh)


@dataclass(frozen=True, slots=True)
class SessionForecast:
    """Quantiles of departure (seconds since 1970 UTC) and of the session's energy from plug-in on (Wh), and doubts.

    Both are conditional on what is known of the session so far.
    """

    levels: tuple[float, ...]
    departures_s: Floats
    energies_wh: Floats
    departure_doubt: str = ""
    energy_doubt: str = ""

    @property
    def is_unsure(self) -> bool:
        """Whether a plan should not build on the departure or on the energy."""
        return bool(self.departure_doubt or self.energy_doubt)

    @property
    def why(self) -> str:
        """The doubts in words."""
        told = (("departure", self.departure_doubt), ("energy", self.energy_doubt))
        return "; ".join(f"{what}: {doubt}" for what, doubt in told if doubt)

    @property
    def deadline(self) -> datetime:
        """The careful departure: the earliest that is told."""
        return self.departure(self.levels[0])

    @property
    def need_wh(self) -> float:
        """The careful energy from plug-in on: the most that is told. To ask for too little is the worst error."""
        return self.energy_wh(self.levels[-1])

    def departure(self, level: float) -> datetime:
        """The vehicle is gone by then with probability `level`."""
        return datetime.fromtimestamp(float(between_levels(self.levels, self.departures_s, level)), UTC)

    def likely(self, now: datetime, moments: Sequence[datetime]) -> Floats:
        """How likely the vehicle, which is here `now`, is still here at each of `moments`: linear between the levels,
        and not at all beyond the last.
        """
        at_s = [moment.timestamp() for moment in moments]
        told = (now.timestamp(), *self.departures_s.tolist())
        return 1.0 - np.interp(at_s, told, (0.0, *self.levels), right=1.0)

    def energy_wh(self, level: float) -> float:
        """The vehicle takes no more than this with probability `level`."""
        return float(between_levels(self.levels, self.energies_wh, level))


class SessionCheck(NamedTuple):
    """How forecasts at plug-in did for the last sessions."""

    departure: Calibration
    energy: Calibration


def forecast_session(
    history: SessionHistory,
    one: PluggedIn,
    now: datetime,
    levels: Sequence[float] = EIGHTY_PERCENT,
    check: SessionCheck | None = None,
) -> SessionForecast:
    """When the vehicle leaves and what it takes in all. Of `history` only what had ended by `now` counts."""
    check_levels(levels)
    now_s, arrival_s = now.timestamp(), one.arrival.timestamp()
    elapsed = max(0.0, now_s - arrival_s)
    weights = _Weights(history, one, now_s)
    stated_s = math.nan if one.stated_departure is None else one.stated_departure.timestamp() - arrival_s
    asked_wh = math.nan if one.requested_wh is None else one.requested_wh
    given = _Given(stated_s, elapsed, LEAST_REST_S, FIRST_STAYS_S)
    stays, stay_doubt = _conditional(history.stay_s, history.by_stay, weights.of_stays(stated_s), given, levels)
    energies = np.full(len(levels), one.taken_wh)
    energy_doubt = ""
    if not one.is_done:
        given = _Given(asked_wh, one.taken_wh, LEAST_REST_WH, FIRST_ENERGIES_WH)
        found = weights.of_energies(asked_of(one.requested_wh))
        energies, energy_doubt = _conditional(history.energy_wh, history.by_energy, found, given, levels)
        if one.most_wh is not None:
            energies = np.minimum(energies, max(one.most_wh, one.taken_wh))
        energy_doubt = energy_doubt or (check.energy.doubt() if check else "")
    stay_doubt = stay_doubt or (check.departure.doubt() if check else "")
    return SessionForecast(tuple(levels), arrival_s + stays, energies, stay_doubt, energy_doubt)


class _Weighing(NamedTuple):
    """Weights of all past sessions, and the weight of what was stated beside their sum of 1."""

    sessions: Floats
    stated: float


class _Weights:
    """How much each past session resembles one that is plugged in."""

    def __init__(self, history: SessionHistory, one: PluggedIn, now_s: float) -> None:
        self.history = history
        arrival = one.arrival.astimezone(history.zone)
        hour = arrival.hour + arrival.minute / 60.0
        day = arrival.date()
        day_type = SUNDAY if day in history.holidays else day.weekday()
        age_days = np.maximum(one.arrival.timestamp() - history.arrival_s, 0.0) / DAY_S
        self.known = np.exp2(-age_days / HALF_LIFE_DAYS) * (history.departure_s <= now_s)
        apart = np.abs(history.hour - hour)
        apart = np.minimum(apart, 24.0 - apart)
        same_kind = (history.day_type <= LAST_WORKDAY) == (day_type <= LAST_WORKDAY)
        self.similar = self.known * np.exp(-0.5 * np.square(apart / ARRIVAL_H))
        self.similar *= np.where(same_kind, 1.0, OTHER_KIND_OF_DAY)
        self.at_evse = self.known * (history.evse == history.evses.get(one.evse, -1))
        user = history.users.get(one.user, -2) if one.user else -2
        self.of_user = self.known * (history.user == user) if user >= 0 else None

    def of_stays(self, stated_s: float) -> _Weighing:
        """For the stay, when that was stated (NaN: nothing)."""
        return self._of(self.history.stated_s, stated_s, STATED_ALIKE_H * 3600.0)

    def of_energies(self, asked: float) -> _Weighing:
        """For the energy, when the logarithm of that was asked for (NaN: nothing)."""
        return self._of(self.history.asked, asked, ASKED_ALIKE)

    def _of(self, said: Floats, now_said: float, width: float) -> _Weighing:
        silent = np.isnan(said)
        found, _ = _narrowed(_share(self.known), self.similar, TRUST)
        stated = 0.0
        if math.isnan(now_said):
            found, _ = _narrowed(found, self.similar * silent, TRUST)
            found, _ = _narrowed(found, self.at_evse * silent, TRUST)
        else:
            found, _ = _narrowed(found, self.at_evse, TRUST)
            apart = np.square((said - now_said) / width)
            found, number = _narrowed(found, self.known * _likeness(apart / WIDER**2), TRUST)
            alike = _likeness(apart)
            found, _ = _narrowed(found, self.similar * alike, TRUST)
            stated = min(STATED_WEIGHT / (STATED_WEIGHT + number), MOST_STATED if self.known.any() else 1.0)
        if self.of_user is not None:
            found, number = _narrowed(found, self.of_user, TRUST_USER)
            if not math.isnan(now_said):
                found, more = _narrowed(found, self.of_user * alike, TRUST_USER)
                stated *= TRUST_USER / (TRUST_USER + more)
        return _Weighing(found, stated)


def _likeness(apart_squared: Floats) -> Floats:
    """1 for none apart, falling as a bell; 0 for those that are not known."""
    return np.where(np.isnan(apart_squared), 0.0, np.exp(-0.5 * apart_squared))


def _share(weights: Floats) -> Floats:
    total = weights.sum()
    return weights / total if total > 0.0 else weights


def _narrowed(wide: Floats, narrow: Floats, trust: float) -> tuple[Floats, float]:
    """Weights that sum to 1, drawn from the wide ones to the narrow ones by how many these are; and that number.

    A weight is a likeness between 0 and 1, so their sum is a number of sessions like it.
    """
    number = float(narrow.sum())
    if number <= 0.0:
        return wide, 0.0
    return wide * (trust / (number + trust)) + narrow / (number + trust), number


class _Given(NamedTuple):
    """What was stated (NaN: nothing); what has passed already; the least mean of what remains beyond experience; and
    what is assumed without any.
    """

    stated: float
    passed: float
    least_rest: float
    first_guess: tuple[float, ...]


def _conditional(
    column: Floats, order: Ints, weighing: _Weighing, given: _Given, levels: Sequence[float]
) -> tuple[Floats, str]:
    """Quantiles of a column's values above what has passed, and why they are unsure."""
    values, weights = column[order], weighing.sessions[order]
    is_guess = not weights.any()
    if is_guess:
        values, weights = np.array(given.first_guess), np.full(len(given.first_guess), 1.0 / len(given.first_guess))
    weights = weights * (1.0 - weighing.stated)
    if weighing.stated > 0.0 and math.isfinite(given.stated):
        place = int(np.searchsorted(values, given.stated))
        values = np.concatenate((values[:place], (given.stated,), values[place:]))
        weights = np.concatenate((weights[:place], (weighing.stated,), weights[place:]))
    begin = int(np.searchsorted(values, given.passed, side="right"))
    values, weights = values[begin:], weights[begin:]
    telling = weights > NEXT_TO_NOTHING
    values, weights = values[telling], weights[telling]
    if not len(values):
        mean = max(given.least_rest, REST_SHARE * given.passed)
        return given.passed - mean * np.log1p(-np.asarray(levels)), "beyond everything seen so far"
    rows, number = ascending_quantiles(values, weights, levels)
    if is_guess:
        return rows, "no sessions in the past"
    return rows, "" if number >= FEW else f"only {number:.0f} sessions like it"
