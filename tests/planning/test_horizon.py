"""The time ahead: short steps first, on round moments, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.planning.horizon import STANDARD, Horizon

BERLIN = ZoneInfo("Europe/Berlin")


def clock(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A moment of 6 May 2024, UTC."""
    return datetime(2024, 5, 6, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "first_ends"),
    [
        (clock(6, 0), clock(6, 5)),
        (clock(6, 2), clock(6, 5)),
        (clock(6, 4, 30), clock(6, 10)),  # half a minute is no step of its own
        (clock(6, 4, 0), clock(6, 5)),
        (clock(23, 59, 59), clock(23, 59, 59) + timedelta(seconds=301)),
    ],
)
def test_the_first_step_ends_on_a_round_moment(now: datetime, first_ends: datetime) -> None:
    """Five-minute steps end on :05, :10, …"""
    assert Horizon.standard(now).edges()[1] == first_ends


@given(st.integers(0, 366 * 86_400).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s)))
def test_the_standard_grid_reaches_a_day_in_steps_that_do_not_shrink(now: datetime) -> None:
    """50 steps; each ends on a multiple of its length; none is a sliver."""
    horizon = Horizon.standard(now)
    lengths = np.diff(horizon.edges_s)
    assert horizon.steps == sum(count for count, _ in STANDARD) == 50
    assert 23.0 <= horizon.hours.sum() <= 26.0
    nominal = np.repeat([length for _, length in STANDARD], [count for count, _ in STANDARD])
    assert (lengths >= 0.2 * nominal - 1e-3).all()
    assert (lengths <= 1.2 * nominal + 1e-3).all()
    ends = np.array([edge.timestamp() for edge in horizon.edges()[1:]])
    assert np.abs(ends / nominal - np.round(ends / nominal)).max() < 1e-6


def test_a_change_of_the_clock_is_no_change_of_steps() -> None:
    """In the night in which Berlin's clock goes back, an hour is an hour."""
    night = datetime(2024, 10, 27, 0, 30, tzinfo=BERLIN)
    horizon = Horizon.standard(night)
    assert horizon.begins == night
    assert horizon.begins.tzinfo is UTC
    assert np.diff(horizon.edges_s).max() <= 3600.0 * 1.2


def test_shares_of_steps_add_up_to_the_stay() -> None:
    """A vehicle that is there from 00:30 to 02:15 has half, all and a quarter of three hours."""
    horizon = Horizon.uniform(clock(0), 4, 3600.0)
    assert horizon.share(clock(0, 30), clock(2, 15)).tolist() == [0.5, 1.0, 0.25, 0.0]
    assert horizon.share(None, None).tolist() == [1.0] * 4
    assert not horizon.share(clock(3), clock(2)).any()


def test_steps_may_follow_what_changes() -> None:
    """An edge where somebody comes or goes, once each, inside the period."""
    horizon = Horizon.at_changes(clock(0), clock(6), [clock(3), clock(1, 30), clock(3), clock(0), clock(9)])
    assert horizon.hours.tolist() == [1.5, 1.5, 3.0]
    assert horizon.ends == clock(6)


@pytest.mark.parametrize(
    ("moment", "steps"),
    [(clock(0), 0), (clock(0, 30), 1), (clock(1), 1), (clock(2, 59), 2), (clock(3), 3), (clock(9), 4)],
)
def test_steps_until_a_moment_are_those_that_are_over(moment: datetime, steps: int) -> None:
    """Of four hours; a moment within the first step counts it."""
    assert Horizon.uniform(clock(0), 4, 3600.0).steps_until(moment) == steps


@pytest.mark.parametrize("edges", [(0.0,), (1.0, 2.0), (0.0, 5.0, 5.0), (0.0, 5.0, 3.0), (0.0, float("nan"))])
def test_edges_that_do_not_rise_from_zero_are_refused(edges: tuple[float, ...]) -> None:
    """With what was given."""
    with pytest.raises(ValueError, match="edges must rise"):
        Horizon(clock(0), edges)


def test_a_begin_without_a_time_zone_is_refused() -> None:
    """Nobody guesses."""
    with pytest.raises(ValueError, match="time zone"):
        Horizon(datetime(2024, 5, 6), (0.0, 1.0))  # noqa: DTZ001 - it is what is refused
