"""What a larger connection or more EVSEs would bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.sim.backtest_task import backtest_task
from ems.sim.sessions import SessionFile
from ems.sim.simulation_task import recorded_task
from ems.sim.sizing import PANEL, Size, Sizing, as_table, compare, resized, sizes
from ems.sim.sizing_picture import draw_sizes
from tests.sim.sites import BEGIN, feeder, record

HOUR = 3600.0


def sizing(strategy: str | None = "equal") -> Sizing:
    """Three vehicles that want 10 kW each for three hours, on a feeder that carries it."""
    records = tuple(record(f"A{k}", 60.0 * k, 3 * HOUR, 30_000) for k in (1, 2, 3))
    file = SessionFile("day.csv", "test", records, ())
    return Sizing(backtest_task(recorded_task(feeder(200), file, since=BEGIN, days=1), file), strategy)


def test_every_connection_is_compared_with_every_number_of_evses() -> None:
    assert sizes((100.0, 150.0), (0, 20)) == (Size(100, 0), Size(150, 0), Size(100, 20), Size(150, 20))
    assert sizes((), (0, 5)) == (Size(None, 0), Size(None, 5))


def test_service_grows_with_the_connection_up_to_what_is_wanted() -> None:
    found = compare(sizing(), sizes((18.0, 30.0, 63.0), (0,)), workers=1)
    # 18 A on three phases are 12.4 kW, for three hours and the five minutes in which they come and go; of 90 kWh.
    assert [one.possible for one in found] == pytest.approx([0.4255, 0.709, 1.0], abs=0.002)
    for one in found:
        assert one.possible - 0.04 < one.share <= one.possible + 1e-3
        assert one.peak_kw <= one.kw * (1 + 1e-9)
    assert [one.total for one in found] == sorted((one.total for one in found), reverse=True)
    assert as_table(found).splitlines()[-1].split()[:3] == ["63", "43", "0"]


def test_at_best_all_that_is_possible_is_delivered() -> None:
    best, served = (compare(sizing(by), sizes((18.0, 63.0), (0,)), workers=1) for by in (None, "equal"))
    for one, other in zip(best, served, strict=True):
        assert one.share == pytest.approx(one.possible, abs=1e-4)
        assert one.share >= other.share - 1e-3
        assert one.total <= other.total * 1.001


def test_added_evses_have_sessions_like_those_that_are_there_drawn_by_the_seed() -> None:
    task = sizing().task.task
    more, again = (resized(task, Size(None, 2)) for _ in range(2))
    assert [evse.id for evse in more.site.evses[3:]] == [f"{PANEL}-1/1", f"{PANEL}-2/1"]
    added = [visit for visit in more.placement.visits if visit.evse >= 3]
    assert len(added) == 2
    assert added == [visit for visit in again.placement.visits if visit.evse >= 3]
    assert all(abs((visit.record.arrival - BEGIN).total_seconds()) <= HOUR + 180 for visit in added)
    assert more.site.circuits.root == task.site.circuits.root


def test_more_evses_on_the_same_connection_are_served_worse() -> None:
    alone, crowded = compare(sizing(), (Size(32, 0), Size(32, 3)), workers=1)
    assert crowded.sessions == 6
    assert crowded.share < crowded.possible + 1e-3 < alone.possible


def test_a_picture_shows_service_and_cost(tmp_path: Path) -> None:
    found = compare(sizing(), sizes((16.0, 32.0), (0,)), workers=1)
    assert draw_sizes(found, "test", tmp_path / "sizes.png").read_bytes().startswith(b"\x89PNG")
