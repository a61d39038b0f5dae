"""Quarter hours from raw samples: means over the time that is known, no energy lost between two. On both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from ems.adapters.store import retention
from ems.adapters.store.aggregation import QUARTER_MS, quarter
from ems.adapters.store.batch import Sample
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.reading import IntervalRecord
from ems.adapters.store.retention import DAY_MS, Retention, Slice
from ems.adapters.store.store import Store
from ems.domain.decision import Alarm, Level
from ems.domain.record.history import Knock
from tests.adapters.store.clocks import BEGIN

Opened = Callable[[], Store]
T0, END = to_ms(BEGIN.utc), BEGIN.later(900).utc
DAY = timedelta(days=1)


def at(seconds: float) -> int:
    return T0 + round(1000 * seconds)


def aggregated(store: Store, samples: list[Sample], until: datetime = END, times: int = 1) -> list[IntervalRecord]:
    async def work() -> None:
        store._writer.sample(samples)
        await store.flush()
        for _ in range(times):
            await store.aggregate(until)

    asyncio.run(work())
    return list(store.reader.intervals(BEGIN.utc - DAY, BEGIN.utc + DAY))


CASES: dict[str, tuple[list[Sample], dict[str, Any]]] = {
    "steady, each second": (
        [Sample(at(s), "circuit", "grid", 1000, 2000, 3000, 13_800, 50_000 + 4 * s) for s in range(900)],
        {"mean_a": (10.0, 20.0, 30.0), "max_a": (10.0, 20.0, 30.0), "mean_w": 13_800, "energy_wh": 3596,
         "covered_s": 900},
    ),
    "half at 10 A, half at 20 A": (
        [Sample(at(s), "circuit", "grid", 1000 if s < 450 else 2000, 0, 0) for s in range(0, 900, 10)],
        {"mean_a": (15.0, 0.0, 0.0), "max_a": (20.0, 0.0, 0.0), "mean_w": None, "energy_wh": None},
    ),
    "uneven samples weigh by their time": (
        [Sample(at(0), "circuit", "grid", 1000), *(Sample(at(s), "circuit", "grid", 4000) for s in range(60, 70))],
        {"mean_a": (round((60 * 10 + 99 * 40) / 159, 2), None, None), "covered_s": 159},
    ),
    "silence is not zero": (
        [Sample(at(s), "circuit", "grid", 1000, 1000, 1000, 6900) for s in range(0, 300, 10)],
        {"mean_a": (10.0, 10.0, 10.0), "covered_s": 380, "energy_wh": round(6900 * 380 / 3600)},
    ),
    "an outlet that was left stays at zero": (
        [*(Sample(at(s), "evse", "CP-01/1", 1600, 1600, 1600, 11_040) for s in range(0, 300, 10)),
         Sample(at(300), "evse", "CP-01/1", 0, 0, 0, 0)],
        {"mean_a": (5.33, 5.33, 5.33), "max_a": (16.0, 16.0, 16.0), "covered_s": 900, "energy_wh": 920},
    ),
    "a register that ran backwards is not used": (
        [Sample(at(s), "circuit", "grid", 1000, 0, 0, 3600, wh) for s, wh in ((0, 9000), (60, 5))],
        {"energy_wh": 150},
    ),
    "nor is one that ran backwards while it was not told": (
        [Sample(at(0), "evse", "A/1", 1000, 0, 0, 3600, 9000), Sample(at(30), "evse", "A/1", 1000, 0, 0, 3600),
         Sample(at(60), "evse", "A/1", 1000, 0, 0, 3600, 5)],
        {"energy_wh": 150},
    ),
    "a register that jumped is not used": (
        [Sample(at(0), "evse", "A/1", 1000, 0, 0, 3600, 0), Sample(at(60), "evse", "A/1", 1000, 0, 0, 3600, 10**7)],
        {"energy_wh": 150},
    ),
    "negative power of plant": (
        [Sample(at(s), "meter", "pv", -1000, -1000, -1000, -6900) for s in range(0, 900, 30)],
        {"mean_a": (-10.0, -10.0, -10.0), "mean_w": -6900, "energy_wh": -1725},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_interval(opened: Opened, name: str) -> None:
    samples, wanted = CASES[name]
    (found,) = aggregated(opened(), samples)
    assert found.starts == BEGIN.utc
    assert {field: getattr(found, field) for field in wanted} == wanted


def test_the_energy_of_all_intervals_is_the_growth_of_the_register(opened: Opened) -> None:
    """Also over a silence and over a boundary at which nothing was sampled."""
    store = opened()
    seconds = [s for s in range(5, 3600, 7) if not 800 < s < 1900]
    found = aggregated(
        store, [Sample(at(s), "evse", "A/1", 100, register_wh=2 * s) for s in seconds], BEGIN.later(3600).utc
    )
    assert sum(row.energy_wh or 0 for row in found) == 2 * (seconds[-1] - seconds[0])


@pytest.mark.parametrize("reset_s", [880, 900, 1000])
@pytest.mark.parametrize("before_wh", [1_800, 700, 10_000_000])
def test_a_register_that_begins_anew_loses_no_energy(opened: Opened, before_wh: int, reset_s: int) -> None:
    """1 Wh in each second, of another meter from then on, or of one that counts for each session by itself."""
    samples = [
        Sample(at(s), "evse", "A/1", 1600, 0, 0, 3600, before_wh + s if s < reset_s else s - reset_s)
        for s in range(0, 3600, 10)
    ]
    found = aggregated(opened(), samples, BEGIN.later(3600).utc)
    assert [row.energy_wh for row in found] == [pytest.approx(900, abs=20)] * 4


def test_aggregating_again_changes_nothing_and_late_samples_are_counted(opened: Opened) -> None:
    store = opened()
    early = [Sample(at(s), "circuit", "grid", 1000) for s in range(0, 450, 10)]
    once = aggregated(store, early)
    assert aggregated(store, [], times=3) == once
    late = aggregated(store, [Sample(at(s), "circuit", "grid", 2000) for s in range(450, 900, 10)])
    assert late[0].mean_a[0] == 15.0


def test_a_quarter_hour_that_is_not_over_waits(opened: Opened) -> None:
    store = opened()
    assert (
        aggregated(store, [Sample(at(s), "circuit", "grid", 1) for s in range(0, 2000, 10)], BEGIN.later(899).utc) == []
    )
    assert len(aggregated(store, [], BEGIN.later(1800).utc)) == 2


def test_nothing_is_left_out_after_days_without_the_controller(opened: Opened) -> None:
    store = opened()
    days = [Sample(T0 + k * DAY_MS // 2, "circuit", "grid", k) for k in range(6)]
    asyncio.run(aggregate_all(store, days, BEGIN.utc + 4 * DAY))
    assert len(list(store.reader.intervals(BEGIN.utc, BEGIN.utc + 4 * DAY))) == 6


async def aggregate_all(store: Store, samples: list[Sample], until: datetime) -> None:
    store._writer.sample(samples)
    await store.flush()
    await store.aggregate(until)


def test_a_clock_that_was_in_the_future_does_not_stop_aggregation(opened: Opened) -> None:
    store = opened()
    future = BEGIN.utc.replace(year=2099)
    asyncio.run(aggregate_all(store, [Sample(to_ms(future), "circuit", "grid", 1)], future + DAY))
    assert len(aggregated(store, [Sample(at(1), "circuit", "grid", 1)])) == 1


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_on_which_the_clock_changes_have_as_many_quarter_hours_as_they_last(day: str) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    quarters = {quarter(noon - timedelta(hours=12) + timedelta(minutes=m)) for m in range(24 * 60)}
    assert len(quarters) == 96
    assert all(q % QUARTER_MS == 0 for q in quarters)


def purged(store: Store, keep: Retention) -> int:
    store._retention = keep
    return asyncio.run(store.purge())


def test_the_newest_days_that_have_data_are_kept(opened: Opened) -> None:
    """Of twenty days with two samples each, fourteen stay as samples and seventeen as intervals."""
    store = opened()
    twice_a_day = [Sample(T0 + k * DAY_MS // 2 + 7 * 3_600_000, "circuit", "grid", k) for k in range(40)]
    asyncio.run(aggregate_all(store, twice_a_day, BEGIN.utc + 30 * DAY))
    days = {from_ms(one.at).date() for one in twice_a_day}
    assert purged(store, Retention(sample_days=14, interval_days=17)) > 0
    assert purged(store, Retention(sample_days=14, interval_days=17)) == 0
    samples = {row.at.date() for row in store.reader.samples("circuit", "grid", BEGIN.utc, BEGIN.utc + 30 * DAY)}
    intervals = {row.starts.date() for row in store.reader.intervals(BEGIN.utc, BEGIN.utc + 30 * DAY)}
    assert samples == set(sorted(days)[-14:])
    assert intervals == set(sorted(days)[-17:])


def test_a_clock_in_the_future_deletes_one_day_at_most(opened: Opened) -> None:
    store = opened()
    days = [Sample(T0 + k * DAY_MS, "circuit", "grid", k) for k in range(14)]
    asyncio.run(
        aggregate_all(store, [*days, Sample(to_ms(BEGIN.utc.replace(year=2099)), "circuit", "grid", 1)], BEGIN.utc)
    )
    assert purged(store, Retention(sample_days=14)) == 1


def test_a_purge_goes_in_slices_that_others_can_get_between(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []

    def remove(connection: Connection, piece: Slice) -> int:
        widths.append(retention.remove(connection, piece))
        return widths[-1]

    monkeypatch.setattr("ems.adapters.store.store.remove", remove)
    store = opened()
    asyncio.run(aggregate_all(store, [Sample(at(s), "circuit", "grid", 1) for s in range(0, 2 * 86400, 60)], BEGIN.utc))
    purged(store, Retention(sample_days=1))
    assert len(widths) > 90
    assert max(widths) <= 15


@pytest.mark.parametrize(("kind", "rows"), [("alarms", 5), ("knocks", 5)])
def test_alarms_and_knocks_are_kept_by_number(opened: Opened, kind: str, rows: int) -> None:
    store = opened()
    for k in range(12):
        then = from_ms(T0 + k)
        store.ledger.alarmed(Alarm(f"a{k}", Level.HOLD, "x", ""), then, then)
        store.ledger.knocked([Knock(f"S{k}", "::1", "", 1, then)])
    asyncio.run(store.flush())
    assert (
        purged(store, Retention(alarms=rows if kind == "alarms" else 99, knocks=rows if kind == "knocks" else 99)) == 7
    )
