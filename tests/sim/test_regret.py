"""What a day could have cost, and why it cost more."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ems.domain.energy.price_series import PriceSeries
from ems.domain.site import Site
from ems.planning.clairvoyant import Facts, Presence
from ems.planning.day_verdict import DayRegret
from ems.planning.horizon import Horizon
from ems.planning.regret import DayRecord, Said, day_regret, local_days
from ems.sim.backtest_task import priced_by
from ems.sim.hindsight import facts_of
from ems.sim.sessions import SessionFile
from ems.sim.simulate import recorded_task, simulate
from tests.sim.sites import feeder, record

DAY = date(2024, 5, 6)
MIDNIGHT = datetime.combine(DAY, time(), ZoneInfo("Europe/Berlin")).astimezone(UTC)
KW_PER_A = 3 * 230 / 1000.0
CHEAP_FROM = 12
STEPS = 96


def hour(at: float) -> datetime:
    return MIDNIGHT + timedelta(hours=at)


def facts(site: Site) -> Facts:
    """A day whose afternoon costs a third of its morning."""
    prices = PriceSeries.of((hour(k), 0.30 if k < CHEAP_FROM else 0.10) for k in range(24))
    tariff = priced_by(prices, "EUR", "Europe/Berlin")
    return facts_of(site, Horizon.uniform(MIDNIGHT, STEPS, 900.0), (), MIDNIGHT, tariff)


def present(evse: int, comes: float, leaves: float, kwh: float) -> Presence:
    return Presence(f"v{evse}", evse, hour(comes), hour(leaves), kwh * 1000.0, 32.0, 3)


def power(*spans: tuple[float, float, float]) -> list[float]:
    """Site power by quarter hour from (begin, end, kW)."""
    watts = np.zeros(STEPS)
    for begin, end, kw in spans:
        watts[round(4 * begin) : round(4 * end)] += 1000.0 * kw
    return watts.tolist()


def judged(site: Site, records: list[DayRecord], site_w: list[float]) -> DayRegret:
    found = day_regret(facts(site), DAY, records, site_w, missing_per_kwh=0.5)
    assert found.carried_out + found.wishes + found.late_knowledge == pytest.approx(found.regret)
    return found


def test_a_day_that_could_not_have_been_better_is_not_regretted() -> None:
    record = DayRecord(present(0, 8, 16, 10), 10_000)
    found = judged(feeder(40), [record], power((12, 13, 10)))
    assert [found.cost, found.could] == pytest.approx([1.0, 1.0])
    assert found.why == "nothing could have been better"


def test_who_charged_in_the_dear_morning_is_named() -> None:
    record = DayRecord(present(0, 8, 16, 10), 10_000)
    found = judged(feeder(40), [record], power((8, 9, 10)))
    assert found.regret == pytest.approx(2.0)
    assert found.why == "how it was carried out"


def test_a_driver_who_says_he_leaves_at_noon_and_stays_costs_what_he_said() -> None:
    record = DayRecord(present(0, 8, 16, 10), 10_000, Said(10_000, hour(12)))
    found = judged(feeder(40), [record], power((8, 9, 10)))
    assert [found.wishes, found.carried_out] == pytest.approx([2.0, 0.0], abs=0.01)
    assert found.why == "what drivers said"


def test_who_could_not_know_that_others_come_regrets_it_least() -> None:
    """The first waits for the cheap afternoon, in which others need the whole feeder."""
    kw = 16 * KW_PER_A
    first, second = present(0, 8, 14, 2 * kw), present(1, 12, 14, 2 * kw)
    records = [DayRecord(first, 1000.0 * kw), DayRecord(second, 1000.0 * kw)]
    found = judged(feeder(16), records, power((12, 14, kw)))
    assert found.missing_kwh == pytest.approx(2 * kw)
    assert found.could_miss_kwh == pytest.approx(0.0, abs=1e-3)
    assert found.could == pytest.approx(2 * kw * 0.30 + 2 * kw * 0.10)
    assert found.regret > 0.0


def test_what_limits_cost_is_told_beside() -> None:
    kw = 16 * KW_PER_A
    record = DayRecord(present(0, 11, 13, 2 * kw), 2000.0 * kw)
    found = judged(feeder(16), [record], power((11, 13, kw)))
    assert found.regret == pytest.approx(0.0, abs=1e-3)
    assert found.limits == pytest.approx((0.30 - 0.10) * kw), "32 A for an hour in the afternoon would do"


def test_who_stays_overnight_is_to_have_what_he_had() -> None:
    record = DayRecord(present(0, 20, 32, 30), 5_000)
    found = judged(feeder(40), [record], power((20, 21, 5)))
    assert [found.regret, found.missing_kwh] == pytest.approx([0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("first", "steps"),
    [(date(2024, 3, 30), [96, 92, 96]), (date(2024, 10, 26), [96, 100, 96]), (date(2024, 5, 6), [96, 96, 96])],
    ids=["clocks go forward", "clocks go back", "clocks stay"],
)
def test_a_local_day_has_the_quarter_hours_that_it_has(first: date, steps: list[int]) -> None:
    begins = datetime.combine(first, time(), ZoneInfo("Europe/Berlin")).astimezone(UTC)
    days = local_days(begins, 3 * 86_400.0 + 7200.0, feeder())
    assert [horizon.steps for _, horizon in days[: len(steps)]] == steps[: len(days)]
    assert [day for day, _ in days] == [first + timedelta(days=k) for k in range(len(days))]


def test_a_simulation_tells_the_regret_of_each_day() -> None:
    records = tuple(record(f"A{k}", 600.0 * k, 2 * 3600, 14_000) for k in (1, 2, 3))
    task = recorded_task(feeder(40), SessionFile("day.csv", "test", records, ()), days=1)
    result = simulate(task, "equal", regret=True)
    (day,) = result.regret
    assert day.missing_kwh == pytest.approx(result.wanted_kwh - result.delivered_kwh, abs=0.01)
    assert day.regret >= -0.01 * day.could
    assert result.as_json()["regret"] == [day.as_json()]
