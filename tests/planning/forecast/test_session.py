"""When a plugged-in vehicle leaves, and what it takes."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.planning.forecast.past_sessions import PastSession, SessionHistory, session_history
from ems.planning.forecast.session import PluggedIn, SessionForecast, forecast_session
from ems.planning.forecast.session_check import check_sessions
from tests.planning.forecast.courses import BERLIN, NOW, visit

LEVELS = (0.05, 0.5, 0.95)


def known(sessions: list[PastSession], now: datetime = NOW) -> SessionHistory:
    return session_history(sessions, now, BERLIN)


def stays(told: SessionForecast, arrival: datetime = NOW) -> list[float]:
    """Hours from plug-in, by level."""
    return [round((told.departure(level) - arrival).total_seconds() / 3600, 1) for level in told.levels]


def energies(told: SessionForecast) -> list[float]:
    """Wh in kWh, by level."""
    return [round(told.energy_wh(level) / 1e3, 1) for level in told.levels]


def workplace(count: int = 60) -> list[PastSession]:
    """Early birds stay 8 h and take 20 kWh, noon guests 2 h and 6, weekend guests 4 h and 40; a little noise."""
    rng = np.random.default_rng(7)
    found = []
    for day in range(1, count + 1):
        if (NOW - timedelta(days=day)).weekday() < 5:
            found += [
                visit(day, 8 + rng.normal(0, 0.2), 8 + rng.normal(0, 0.3), 20 + rng.normal(), f"A/{k}") for k in (1, 2)
            ]
            found += [visit(day, 12 + rng.normal(0, 0.2), 2 + rng.normal(0, 0.1), 6 + rng.normal(0, 0.3), "A/3")]
        else:
            found += [
                visit(day, 10 + rng.normal(0, 0.2), 4 + rng.normal(0, 0.2), 40 + rng.normal(), f"A/{k}") for k in (1, 2)
            ]
    return found


@pytest.mark.parametrize(
    ("days_ago", "hour", "stay_h", "kwh"),
    [(0, 8, 8, 20), (0, 12, 2, 6), (-3, 10, 4, 40)],
    ids=["early", "noon", "Saturday"],
)
def test_time_of_arrival_and_kind_of_day_tell_stay_and_energy(
    days_ago: int, hour: int, stay_h: float, kwh: float
) -> None:
    arrival = visit(days_ago, hour, 1, 0).arrival
    told = forecast_session(known(workplace()), PluggedIn("B/9", arrival), arrival, LEVELS)
    assert stays(told, arrival)[1] == pytest.approx(stay_h, abs=0.4)
    assert energies(told)[1] == pytest.approx(kwh, abs=1.5)
    assert not told.is_unsure


def test_who_is_still_here_leaves_later_than_now() -> None:
    """After 7 h no noon guest is left; after 9 h hardly anybody ever was."""
    arrival = visit(0, 8, 1, 0).arrival
    one = PluggedIn("A/1", arrival)
    for passed in (0, 3, 7, 9):
        now = arrival + timedelta(hours=passed)
        told = forecast_session(known(workplace()), one, now, LEVELS)
        assert told.departure(0.05) >= now
    assert "beyond everything seen so far" in told.why or "sessions like it" in told.why


def test_it_is_as_likely_still_here_as_the_levels_of_its_departure_say() -> None:
    told = SessionForecast((0.1, 0.5, 0.9), NOW.timestamp() + 3600.0 * np.array([1.0, 2.0, 4.0]), np.full(3, 9e3))
    moments = [NOW + timedelta(hours=hours) for hours in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 4.1, 9.0)]
    assert told.likely(NOW, moments) == pytest.approx([1.0, 0.95, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0, 0.0])


def test_a_vehicle_that_draws_on_will_take_more_than_it_took() -> None:
    """Half took 5 kWh, half 30: who took 8 and still draws is one of the latter."""
    history = known([visit(day, 9, 8, 5 if day % 2 else 30) for day in range(1, 80)])
    here = PluggedIn("B/1", NOW, taken_wh=8e3)
    assert energies(forecast_session(history, here, NOW, LEVELS)) == [30, 30, 30]
    unknown = energies(forecast_session(history, PluggedIn("B/1", NOW), NOW, LEVELS))
    assert (unknown[0], unknown[2]) == (5, 30)


def test_a_vehicle_that_stopped_drawing_has_what_it_needs() -> None:
    told = forecast_session(known(workplace()), PluggedIn("A/1", NOW, taken_wh=8e3, is_done=True), NOW, LEVELS)
    assert energies(told) == [8, 8, 8]
    assert told.energy_doubt == ""


def test_a_vehicle_that_took_more_than_any_before_takes_still_more() -> None:
    told = forecast_session(known(workplace()), PluggedIn("A/1", NOW, taken_wh=70e3), NOW, LEVELS)
    low, middle, high = energies(told)
    assert 70 < low < middle < high < 130
    assert told.energy_doubt == "beyond everything seen so far"


def test_nobody_takes_more_than_the_battery_holds() -> None:
    here = PluggedIn("A/1", NOW, taken_wh=2e3, requested_wh=90e3, most_wh=15e3)
    assert max(energies(forecast_session(known(workplace()), here, NOW, LEVELS))) == 15


def liars(user: str | None = None, days: range = range(1, 60)) -> list[PastSession]:
    """They ask for 40 kWh and take 15 to 25, say they leave after 4 h and leave after 7 to 9."""
    rng = np.random.default_rng(9)
    return [
        visit(day, 9, rng.uniform(7, 9), rng.uniform(15, 25), f"A/{k}", asked_kwh=40, stated_h=4, user=user)
        for day in days
        for k in (1, 2)
    ]


def test_what_drivers_say_is_worth_what_it_was_worth() -> None:
    here = PluggedIn("B/1", NOW, requested_wh=40e3, stated_departure=NOW + timedelta(hours=4))
    told = forecast_session(known(liars()), here, NOW)
    assert energies(told)[1] == pytest.approx(20, abs=2)
    assert energies(told)[2] < 30
    assert stays(told)[1] == pytest.approx(8, abs=0.4)
    assert stays(told)[0] > 6
    assert (told.need_wh, told.deadline) == (told.energy_wh(0.9), told.departure(0.1))


def test_without_a_past_what_drivers_say_is_taken_with_a_warning() -> None:
    here = PluggedIn("B/1", NOW, requested_wh=40e3, stated_departure=NOW + timedelta(hours=4))
    told = forecast_session(known([]), here, NOW, LEVELS)
    assert (energies(told), stays(told)) == ([40, 40, 40], [4, 4, 4])
    assert told.why == "departure: no sessions in the past; energy: no sessions in the past"


def test_a_word_where_nobody_gave_one_before_widens_the_forecast() -> None:
    """The usual 20 kWh in 8 h, and the 50 kWh in 3 h that were stated, are both possible."""
    arrival = visit(0, 8, 1, 0).arrival
    here = PluggedIn("B/1", arrival, requested_wh=50e3, stated_departure=arrival + timedelta(hours=3))
    told = forecast_session(known(workplace()), here, arrival, LEVELS)
    assert told.need_wh == pytest.approx(50e3, rel=0.01)
    assert told.energy_wh(0.05) < 22e3
    assert (told.deadline - arrival).total_seconds() / 3600 < 3.1
    assert (told.departure(0.95) - arrival).total_seconds() / 3600 > 7.5


def test_without_a_past_and_a_word_the_guess_is_wide() -> None:
    told = forecast_session(known([]), PluggedIn("B/1", NOW), NOW, LEVELS)
    assert energies(told)[2] > 10 * energies(told)[0]
    assert stays(told)[2] > 10 * stays(told)[0]
    assert told.is_unsure


@pytest.mark.parametrize("hours_ago", [1, 100])
def test_a_stated_departure_in_the_past_tells_nothing(hours_ago: int) -> None:
    arrival = NOW - timedelta(hours=5)
    past = PluggedIn("A/1", arrival, stated_departure=NOW - timedelta(hours=hours_ago))
    told = forecast_session(known(workplace()), past, NOW, LEVELS)
    assert told.departure(0.05) >= NOW


@pytest.mark.parametrize("wh", [-5.0, 0.0, float("nan"), float("inf")])
def test_a_request_that_is_no_energy_counts_as_none(wh: float) -> None:
    history = known(liars() + workplace())
    said, silent = (forecast_session(history, PluggedIn("A/1", NOW, requested_wh=asked), NOW) for asked in (wh, None))
    assert energies(said) == energies(silent)


def test_a_user_with_few_sessions_is_drawn_to_what_others_do_and_with_many_to_what_the_user_does() -> None:
    others = workplace()
    arrival = visit(0, 8, 1, 0).arrival

    def median(count: int) -> float:
        own = [visit(day, 8, 8, 60, "A/9", user="bob") for day in range(1, count + 1)]
        return forecast_session(known(others + own), PluggedIn("B/1", arrival, user="bob"), arrival, LEVELS).energy_wh(
            0.5
        )

    assert median(0) == pytest.approx(20e3, abs=1.5e3)
    assert median(1) < 25e3
    assert median(30) == pytest.approx(60e3, abs=1e3)


def test_a_user_whose_word_is_good_is_believed_among_others_whose_is_not() -> None:
    honest = [
        visit(day, 9, 4, 40, "A/9", user="eve", asked_kwh=40, stated_h=4) for day in range(1, 40)
    ]  # fmt: skip
    here = PluggedIn("B/1", NOW, user="eve", requested_wh=40e3, stated_departure=NOW + timedelta(hours=4))
    told = forecast_session(known(liars() + honest), here, NOW)
    assert energies(told)[1] == pytest.approx(40, abs=1)
    assert stays(told)[1] == pytest.approx(4, abs=0.3)


def test_forecasts_that_lately_failed_are_unsure() -> None:
    """Yesterday sixty stayed 1 h and took 2 kWh, where vehicles took 20 in 8 h."""
    usual = known(workplace())
    changed = known([*workplace(), *(visit(1, 8.5, 1, 2, f"B/{k}") for k in range(60))])
    check = check_sessions(changed, NOW)
    assert max(check.departure.coverage, check.energy.coverage) < 0.1
    told = forecast_session(changed, PluggedIn("A/1", NOW), NOW, check=check)
    assert told.energy_doubt == "lately only 5% fell into the interval that should hold 80%"
    assert forecast_session(usual, PluggedIn("A/1", NOW), NOW, check=check_sessions(usual, NOW)).why == ""


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.floats(-6, 40), st.floats(0.1, 30), st.floats(0, 90)), max_size=8))
def test_nothing_that_ends_after_now_changes_a_forecast(later: list[tuple[float, float, float]]) -> None:
    future = [visit(0, 10 + begin, max(0.1, -begin) + stay, kwh, user="bob") for begin, stay, kwh in later]
    with_more = session_history([*workplace(), *future], NOW + timedelta(days=30), BERLIN)
    here = PluggedIn("A/1", NOW - timedelta(hours=1), user="bob", requested_wh=9e3)
    alone, knowing = (forecast_session(one, here, NOW, LEVELS) for one in (known(workplace()), with_more))
    np.testing.assert_allclose(alone.departures_s, knowing.departures_s, rtol=0, atol=1e-3)
    np.testing.assert_allclose(alone.energies_wh, knowing.energies_wh)
    assert check_sessions(with_more, NOW) == check_sessions(known(workplace()), NOW)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 12), st.floats(0, 200), st.floats(0, 300e3), st.floats() | st.none(),
    st.floats(-1e3, 1e3) | st.none(), st.floats(1, 200e3) | st.none(),
)  # fmt: skip
def test_no_forecast_undoes_what_has_happened(
    count: int, passed_h: float, taken_wh: float, asked_wh: float | None, stated_h: float | None, most_wh: float | None
) -> None:
    stated = None if stated_h is None else NOW + timedelta(hours=stated_h)
    here = PluggedIn("A/1", NOW, taken_wh, False, "bob", asked_wh, stated, most_wh)
    now = NOW + timedelta(hours=passed_h)
    told = forecast_session(known(workplace(count)), here, now, LEVELS)
    assert told.departures_s[0] >= now.timestamp() - 1e-3
    assert told.energies_wh[0] >= taken_wh
    for row in (told.departures_s, told.energies_wh):
        assert np.isfinite(row).all()
        assert (np.diff(row) >= 0).all()


@pytest.mark.parametrize("taken", [-1.0, float("nan"), float("inf")])
def test_an_energy_that_cannot_be_is_refused(taken: float) -> None:
    with pytest.raises(ValueError, match="taken"):
        PluggedIn("A/1", NOW, taken_wh=taken)
    with pytest.raises(ValueError, match="took"):
        PastSession("A/1", NOW, NOW + timedelta(hours=1), taken)


def test_a_session_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="departs at"):
        PastSession("A/1", NOW, NOW, 1.0)
