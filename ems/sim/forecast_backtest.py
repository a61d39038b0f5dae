"""Forecasts against what then happened: a rolling origin over recorded data, beside seasonal naive in the same run.

At each origin a forecast gets what had ended by then and is scored on what came. Seasonal naive repeats the same time
a week earlier (the sun: a day earlier), with an interval from the errors it made in the four weeks before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np

from ems.planning.forecast.calibration import pinball_loss, with_naive_errors
from ems.planning.forecast.load import forecast_load
from ems.planning.forecast.pv import forecast_pv
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Floats, Quantiles
from ems.planning.forecast.series import DAY_S, Series

WARM_UP_DAYS = 21
EVERY = timedelta(hours=13)
"""Between origins; not a divisor of a day, so that all times of day are met."""
MOST_ORIGINS = 700
AHEAD_H = 24
ERROR_WEEKS = 4
HORIZONS = (("next hour", 0, 1), ("1 to 6 h", 1, 6), ("6 to 24 h", 6, 24), ("a day", 0, 24))


class Scores(NamedTuple):
    """Mean absolute error of the median, mean pinball loss, and share within the 80 % interval (NaN without one)."""

    error: float
    pinball: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Row:
    """How a forecast did, and naive and what drivers stated beside it, in `unit`; `unsure` is how often it said so.

    `sure_coverage` is the coverage of those forecasts that did not say so. `stated_error` is None where nobody states
    it.
    """

    what: str
    unit: str
    count: int
    forecast: Scores
    naive: Scores
    unsure: float
    sure_coverage: float
    stated_error: float | None = None

    @property
    def skill(self) -> float:
        """1 - pinball loss / that of seasonal naive; of the errors where there is no interval.

        NaN where naive is never wrong.
        """
        has_interval = not np.isnan(self.forecast.coverage)
        lost = self.forecast.pinball if has_interval else self.forecast.error
        usual = self.naive.pinball if has_interval else self.naive.error
        return 1.0 - lost / usual if usual > 0.0 else float("nan")


@dataclass(frozen=True, slots=True)
class Scored:
    """One forecast, its naive and what came: `levels × steps`, `levels × steps`, `steps`; NaN steps do not count."""

    origin: datetime
    forecast: Floats
    naive: Floats
    measured: Floats
    is_unsure: bool
    stated: Floats | None = None


Forecaster = Callable[[Series, datetime, Sequence[datetime]], Quantiles]


def load_forecaster(zone: tzinfo, holidays: Iterable[date] = ()) -> Forecaster:
    """The forecast of a building as the rolling origin calls it."""
    free = frozenset(holidays)
    return lambda history, now, edges: forecast_load(history, now, edges, zone, holidays=free)


def backtest_load(series: Series, zone: tzinfo, holidays: Iterable[date] = ()) -> list[Row]:
    """Rows by horizon, in kW."""
    return series_rows("building", rolling(series, load_forecaster(zone, holidays), 7), 1e3, "kW")


def backtest_pv(series: Series) -> list[Row]:
    """Rows by horizon, in kW; only what forecast or plant says is day counts, and less than nothing is nothing."""
    return series_rows("PV", [_by_day(one) for one in rolling(series, forecast_pv, 1)], 1e3, "kW")


def _by_day(one: Scored) -> Scored:
    measured = np.maximum(one.measured, 0.0)
    dark = (measured <= 0.0) & (one.forecast[-1] <= 0.0)
    return Scored(one.origin, one.forecast, one.naive, np.where(dark, np.nan, measured), one.is_unsure)


def rolling(series: Series, forecaster: Forecaster, season_days: int) -> list[Scored]:
    """A forecast of a day in hours from each origin on, beside seasonal naive."""
    end = series.begins + timedelta(seconds=series.step_s * len(series.mean_w))
    scored = []
    for origin in origins(_full_hour(series.begins) + timedelta(days=WARM_UP_DAYS), end - timedelta(hours=AHEAD_H)):
        edges = [origin + timedelta(hours=hour) for hour in range(AHEAD_H + 1)]
        told = forecaster(series.until(origin), origin, edges)
        naive = _naive(series.until(origin), edges, season_days)
        moments = np.array([edge.timestamp() for edge in edges])
        scored.append(Scored(origin, told.values_w, naive, series.mean_over(moments), told.is_unsure))
    return scored


def origins(first: datetime, last: datetime) -> list[datetime]:
    """Evenly spaced moments from which to forecast."""
    fitting = max(0, (last - first) // EVERY + 1)
    stride = -(-fitting // MOST_ORIGINS)
    return [first + EVERY * place for place in range(0, fitting, stride or 1)]


def _full_hour(moment: datetime) -> datetime:
    return datetime.fromtimestamp(-(-moment.timestamp() // 3600) * 3600, UTC)


def _naive(known: Series, edges: Sequence[datetime], season_days: int) -> Floats:
    season = float(season_days * DAY_S)
    moments = np.array([edge.timestamp() for edge in edges])
    hours = moments[0] - 3600.0 * np.arange(ERROR_WEEKS * 7 * 24, -1, -1)
    errors = known.mean_over(hours) - known.mean_over(hours - season)
    return naive_interval(known.mean_over(moments - season), errors)


def naive_interval(naive: Floats, errors: Floats) -> Floats:
    """Quantiles of naive: its hours plus the quantiles of the errors made at the same hour of the days before.

    `errors` are those of whole days up to the hour in which `naive` begins.
    """
    by_hour = errors.reshape(-1, 24)
    hours = [
        with_naive_errors(EIGHTY_PERCENT, naive[hour : hour + 1], by_hour[:, hour % 24]) for hour in range(len(naive))
    ]
    return np.hstack(hours)


def series_rows(what: str, scored: Sequence[Scored], per_unit: float, unit: str) -> list[Row]:
    """One row for each horizon."""
    return [row_of(f"{what}, {name}", scored, slice(begin, end), per_unit, unit) for name, begin, end in HORIZONS]


def row_of(what: str, scored: Sequence[Scored], steps: slice, per_unit: float, unit: str) -> Row:
    """The scores of some steps of all forecasts, over what both forecast and naive can be scored on."""
    if not scored:
        nothing = Scores(float("nan"), float("nan"), float("nan"))
        return Row(what, unit, 0, nothing, nothing, float("nan"), float("nan"))
    told = np.hstack([one.forecast[:, steps] for one in scored])
    naive = np.hstack([one.naive[:, steps] for one in scored])
    measured = np.concatenate([one.measured[steps] for one in scored])
    unsure = np.concatenate([np.full(len(one.measured[steps]), one.is_unsure) for one in scored])
    stated = np.concatenate([
        np.full(len(one.measured[steps]), np.nan) if one.stated is None else one.stated[steps] for one in scored
    ])  # fmt: skip
    known = np.isfinite(measured) & np.isfinite(naive).all(axis=0)
    told, naive, measured, unsure = told[:, known], naive[:, known], measured[known], unsure[known]
    said = np.isfinite(stated[known])
    return Row(
        what=what,
        unit=unit,
        count=int(known.sum()),
        forecast=_scores(told, measured, per_unit),
        naive=_scores(naive, measured, per_unit),
        unsure=float(unsure.mean()) if len(unsure) else float("nan"),
        sure_coverage=_scores(told[:, ~unsure], measured[~unsure], per_unit).coverage,
        stated_error=float(np.abs(stated[known] - measured)[said].mean()) / per_unit if said.any() else None,
    )


def _scores(told: Floats, measured: Floats, per_unit: float) -> Scores:
    if not len(measured):
        return Scores(float("nan"), float("nan"), float("nan"))
    levels, middle = (EIGHTY_PERCENT, told[1]) if len(told) > 1 else ((0.5,), told[0])
    inside = float(np.mean((told[0] <= measured) & (measured <= told[-1]))) if len(told) > 1 else float("nan")
    return Scores(
        float(np.abs(middle - measured).mean()) / per_unit, pinball_loss(levels, told, measured) / per_unit, inside
    )


def as_json(row: Row) -> dict[str, object]:
    """The row for programs; what is unknown is null."""
    flat: dict[str, object] = {
        "what": row.what,
        "unit": row.unit,
        "count": row.count,
        "skill": _or_null(row.skill),
        "unsure": _or_null(row.unsure),
        "sure_coverage": _or_null(row.sure_coverage),
        "stated_error": row.stated_error,
    }
    for name, scores in (("forecast", row.forecast), ("naive", row.naive)):
        flat[name] = {figure: _or_null(value) for figure, value in scores._asdict().items()}
    return flat


def _or_null(value: float) -> float | None:
    return value if np.isfinite(value) else None


def as_table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    head = (
        "forecast",
        "",
        "n",
        "MAE",
        "naive",
        "stated",
        "pinball",
        "naive",
        "skill",
        "in 80 %",
        "naive",
        "unsure",
        "if sure",
    )
    lines = [head]
    for row in rows:
        lines.append((
            row.what, row.unit, str(row.count),
            _figure(row.forecast.error), _figure(row.naive.error),
            "" if row.stated_error is None else _figure(row.stated_error),
            _figure(row.forecast.pinball), _figure(row.naive.pinball), _percent(row.skill, sign=True),
            _percent(row.forecast.coverage), _percent(row.naive.coverage), _percent(row.unsure),
            _percent(row.sure_coverage),
        ))  # fmt: skip
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < 2 else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _figure(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _percent(share: float, *, sign: bool = False) -> str:
    return "–" if np.isnan(share) else f"{share:+.0%}" if sign else f"{share:.0%}"
