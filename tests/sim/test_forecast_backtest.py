"""Forecasts held against what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Quantiles
from ems.planning.forecast.series import Series
from ems.sim.forecast_backtest import (
    Scored,
    as_table,
    backtest_load,
    backtest_pv,
    load_forecaster,
    rolling,
    row_of,
)
from ems.sim.recorded_series import read_series
from ems.sim.session_backtest import as_past, backtest_sessions, scored_arrivals, scored_sessions
from ems.sim.session_record import SessionRecord
from ems.sim.sessions import read_sessions
from tests.sim.sites import recorded

LONDON, LOS_ANGELES = ZoneInfo("Europe/London"), ZoneInfo("America/Los_Angeles")
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def ramp(days: int) -> Series:
    """1 kW more every day, with a day's wave and noise."""
    hour = np.arange(24.0 * days)
    noise = np.random.default_rng(1).normal(0, 500, len(hour))
    return Series(BEGIN, 3600, 1e3 * (hour // 24) + 5e3 * np.sin(hour / 24 * 2 * np.pi) + noise)


def test_naive_repeats_last_week_and_knows_its_errors() -> None:
    """Each week is 7 kW above the last, give or take the noise: naive is 7 kW low, and its interval corrects that."""
    last = rolling(ramp(45), load_forecaster(LONDON), 7)[-1]
    assert np.abs(last.naive[1] - last.measured).mean() < 1.2e3
    assert (last.naive[0] < last.naive[2]).all()


def test_a_forecaster_sees_nothing_that_had_not_ended() -> None:
    seen: list[tuple[datetime, datetime]] = []

    def watching(history: Series, now: datetime, edges: Sequence[datetime]) -> Quantiles:
        seen.append((history.begins + timedelta(hours=len(history.mean_w)), now))
        return Quantiles(EIGHTY_PERCENT, np.zeros((3, len(edges) - 1)))

    scored = rolling(ramp(40), watching, 7)
    assert [end for end, _ in seen] == [now for _, now in seen] == [one.origin for one in scored]
    assert len({one.origin.hour for one in scored}) == 24


def test_cutting_the_future_off_changes_no_earlier_forecast() -> None:
    whole, cut = (
        rolling(series, load_forecaster(LONDON), 7) for series in (ramp(45), ramp(45).until(BEGIN + timedelta(35)))
    )
    assert 15 < len(cut) < len(whole)
    for one, same in zip(cut, whole, strict=False):
        assert (one.origin, one.is_unsure) == (same.origin, same.is_unsure)
        np.testing.assert_array_equal(one.forecast, same.forecast)
        np.testing.assert_array_equal(one.naive, same.naive)


def test_scores_of_a_forecast_that_can_be_worked_out_by_hand() -> None:
    told = Scored(
        BEGIN, np.array([[8.0, 0.0], [10.0, 2.0], [12.0, 4.0]]), np.full((3, 2), 6.0), np.array([11.0, 6.0]), False
    )
    row = row_of("x", [told], slice(0, 2), 1.0, "kW")
    assert (row.count, row.forecast.error, row.forecast.coverage, row.naive.error) == (2, 2.5, 0.5, 2.5)
    losses = [0.1 * 3, 0.5 * 1, 0.1 * 1, 0.1 * 6, 0.5 * 4, 0.9 * 2]
    assert row.forecast.pinball == pytest.approx(sum(losses) / 6)
    assert (row.unsure, row.stated_error) == (0.0, None)


def test_hours_that_were_not_measured_do_not_count() -> None:
    series = ramp(30)
    series.mean_w[-100:-50] = np.nan
    rows = backtest_load(series, LONDON)
    assert 0 < rows[-1].count < backtest_load(ramp(30), LONDON)[-1].count
    assert np.isfinite(rows[-1].forecast.error)


def test_too_little_to_score_is_an_empty_row() -> None:
    row = backtest_load(ramp(20), LONDON)[-1]
    assert row.count == 0
    assert "–" in as_table([row])


def made_up(days: int) -> list[SessionRecord]:
    """Three vehicles a day, who tell half of the truth."""
    rng = np.random.default_rng(4)
    found = []
    for day in range(days):
        for evse in range(3):
            arrival = BEGIN + timedelta(days=day, hours=8 + float(rng.normal(evse, 0.3)))
            stay, wh = timedelta(hours=float(rng.uniform(3, 9))), float(rng.uniform(5e3, 25e3))
            found.append(SessionRecord(
                f"{day}-{evse}", f"A{evse}", arrival, arrival + stay, wh, 2 * wh, arrival + 0.5 * stay,
            ))  # fmt: skip
    return found


def test_what_drivers_said_stands_beside_the_forecast() -> None:
    rows = {row.what: row for row in backtest_sessions(made_up(50), LONDON)}
    departure, energy = rows["departure, at plug-in"], rows["energy, at plug-in"]
    assert departure.stated_error == pytest.approx(3.0, abs=0.3)
    assert energy.stated_error == pytest.approx(15.0, abs=1.5)
    assert departure.forecast.error < 0.5 * departure.naive.error
    assert energy.forecast.error < 0.5 * energy.naive.error
    assert rows["vehicles in 12 h"].naive.error < 1.5


def test_what_happens_later_changes_no_earlier_forecast_of_sessions_or_arrivals() -> None:
    """After the 40th day nobody who is here leaves as before, and nobody comes any more."""
    until = BEGIN + timedelta(days=40, hours=12)
    whole = [as_past(one) for one in made_up(55)]
    cut = [one for one in whole if one.arrival < until]
    cut = [
        one if one.departure <= until else replace(one, departure=until + timedelta(days=9), energy_wh=1.0)
        for one in cut
    ]
    assert any(one.energy_wh == 1.0 for one in cut)
    pairs = [
        *zip(scored_sessions(cut, LONDON).values(), scored_sessions(whole, LONDON).values(), strict=True),
        *zip(
            zip(*scored_arrivals(cut, LONDON), strict=True),
            zip(*scored_arrivals(whole, LONDON), strict=True),
            strict=True,
        ),
    ]
    assert len(pairs) == 6
    for some, more in pairs:
        earlier = [(one, same) for one, same in zip(some, more, strict=False) if one.origin <= until]
        assert len(earlier) > 20
        for one, same in earlier:
            assert (one.origin, one.is_unsure) == (same.origin, same.is_unsure)
            np.testing.assert_array_equal(one.forecast, same.forecast)
            np.testing.assert_array_equal(one.naive, same.naive)


@pytest.mark.parametrize("records", [[], made_up(3)])
def test_a_file_with_few_sessions_scores_nothing_and_does_not_fail(records: list[SessionRecord]) -> None:
    assert {row.count for row in backtest_sessions(records, LONDON)} == {0}


def test_buildings_and_pv_beat_seasonal_naive_at_every_horizon_on_real_data() -> None:
    """Up to 5 March. PV a day ahead has no smaller mean error than repeating yesterday, but a better interval."""
    folder = recorded("boulder_public.csv").parents[1]
    until = datetime(2019, 3, 5, tzinfo=UTC)
    for name in ("cambridge_b0_2019.csv", "cambridge_b2_2019.csv"):
        series = read_series(folder / "building" / name, LONDON).series.until(until)
        for row in backtest_load(series, LONDON):
            assert row.skill > 0.15, row
            assert 0.7 < row.forecast.coverage < 0.92, row
    series = read_series(folder / "pv" / "jpl_220kwdc_simulated_halfhourly.csv", LOS_ANGELES).series.until(until)
    for row in backtest_pv(series):
        assert row.skill > 0.1, row
        assert 0.7 < row.forecast.coverage < 0.92, row


@pytest.mark.parametrize("name", ["caltech_2019-05-01_2019-08-31.csv.gz", "jpl_2019-05-01_2019-08-31.csv.gz"])
def test_departures_energies_and_arrivals_beat_naive_and_what_drivers_say_on_real_data(name: str) -> None:
    """The first 50 days."""
    records = read_sessions(recorded(name)).records
    rows = backtest_sessions(
        [one for one in records if one.arrival < records[0].arrival + timedelta(days=50)], LOS_ANGELES
    )
    for row in rows:
        assert row.skill > 0.0, row
        if row.stated_error is not None:
            assert row.forecast.error < row.stated_error, row
    for row in rows[:4]:
        assert 0.7 < row.forecast.coverage < 0.95, row
