"""From a tariff to what a plan reckons with."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from ems.domain.energy.demand_charge import BillingPeriod, DemandCharge, Per
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.recurrence import DayWindow, Recurrence
from ems.planning.economy import Peaks, economy_of
from ems.planning.horizon import Horizon
from ems.planning.imports import NOTHING_IMPORTED
from ems.planning.problem import Battery
from ems.planning.surroundings import Surroundings

NOW = datetime(2026, 6, 30, 21, 7, 12, 345678, tzinfo=UTC)
FULL_HOUR = NOW.replace(minute=0, second=0, microsecond=0)
HORIZON = Horizon.standard(NOW)
BESIDE = Surroundings(
    np.zeros((1, 3, HORIZON.steps)), np.full(HORIZON.steps, 5000.0), np.full(HORIZON.steps, 100.0), ()
)
UNPAID = Peaks({})
FLAT = EnergyPrice("supply", (TimedPrice(0.30),))
JUNE = BillingPeriod(date(2026, 6, 1), date(2026, 6, 30))


def tariff(*energy: EnergyPrice, **more: object) -> Tariff:
    return Tariff("t", "EUR", "UTC", energy or (FLAT,), **more)  # type: ignore[arg-type]  # Tariff itself checks names


def test_without_a_tariff_every_kwh_counts_the_same_and_the_plan_says_so() -> None:
    economy, (said,) = economy_of(HORIZON, None, UNPAID, BESIDE, None)
    assert (set(economy.import_per_kwh), set(economy.feed_in_per_kwh), economy.demand) == ({1.0}, {0.0}, ())
    assert said.startswith("there is no tariff")


def test_prices_are_means_over_each_step_with_vat() -> None:
    feed_in = (EnergyPrice("sun", (TimedPrice(0.08),)),)
    economy, said = economy_of(HORIZON, tariff(vat_pct=20.0, feed_in=feed_in), UNPAID, BESIDE, None)
    assert set(np.round(economy.import_per_kwh, 9)) == {0.36}
    assert set(economy.feed_in_per_kwh) == {0.08}
    assert said == ()
    assert (economy.base_w[0], economy.generation_w[0]) == (5000.0, 100.0)


def test_prices_that_are_not_known_yet_are_assumed_and_named() -> None:
    known = PriceSeries.of([(FULL_HOUR + timedelta(hours=k), 0.2) for k in range(3)])
    follows = tariff(EnergyPrice("market", (TimedPrice(0.01),), "day-ahead")).with_series("day-ahead", known)
    economy, said = economy_of(HORIZON, follows, UNPAID, BESIDE, None)
    assert np.isfinite(economy.import_per_kwh).all()
    assert economy.import_per_kwh[0] == pytest.approx(0.21)
    assert said
    assert economy_of(HORIZON, tariff(EnergyPrice("market", (TimedPrice(0.01),), "day-ahead")), UNPAID, BESIDE, None)[1]


def test_a_peak_counts_beyond_what_is_paid_in_the_same_period_only() -> None:
    """The month ends within the horizon: what was paid in June is none of July's."""
    charge = DemandCharge("peak", 10.0, 900, Per.MONTH)
    economy, _ = economy_of(HORIZON, tariff(demand=(charge,)), Peaks({("peak", JUNE): 42.0}), BESIDE, None)
    june, july = economy.demand
    assert (june.per_kw, june.window_s, june.paid_w, july.paid_w) == (10.0, 900, 42_000.0, 0.0)
    assert june.counts[0] == july.counts[-1] == 1.0
    assert (june.counts[-1], july.counts[0]) == (0.0, 0.0)


def test_of_a_window_that_runs_it_is_known_what_was_imported() -> None:
    """Two kilowatts for half a minute, in the quarter hour as in the hour."""
    running = NOTHING_IMPORTED.later(NOW.timestamp() - 30.0, 2000.0).later(NOW.timestamp(), None)
    charges = (DemandCharge("quarter", 1.0, 900), DemandCharge("hour", 1.0, 3600))
    economy, _ = economy_of(HORIZON, tariff(demand=charges), Peaks({}, running), BESIDE, None)
    assert [charge.begun.known_s for charge in economy.demand] == pytest.approx([30.0] * 4)
    assert [charge.begun.wh for charge in economy.demand] == pytest.approx([2000.0 / 120.0] * 4)


def test_a_step_of_which_a_part_counts_for_a_peak_counts() -> None:
    """Peaks count from 22:30: the step from 22:00 to 23:00 may hold one."""
    hours = Horizon.uniform(FULL_HOUR, 4, 3600.0)
    nothing = np.zeros(4)
    window = DayWindow(frozenset(range(7)), time(22, 30), time(0))
    late = DemandCharge("late", 10.0, times=Recurrence(windows=(window,)))
    beside = Surroundings(np.zeros((1, 3, 4)), nothing, nothing, ())
    economy, _ = economy_of(hours, tariff(demand=(late,)), UNPAID, beside, None)
    assert economy.demand[0].counts.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_a_battery_is_passed_on() -> None:
    cell = Battery(0, 5000.0, 10_000.0, 5000.0, 5000.0)
    assert economy_of(HORIZON, None, UNPAID, BESIDE, cell)[0].battery is cell
    assert economy_of(HORIZON, tariff(), UNPAID, BESIDE, cell)[0].battery is cell
