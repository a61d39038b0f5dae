"""What a load costs: energy, feed-in, peaks, fixed charges and VAT, to the cent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.energy.bill import Bill, BillLine, Component, bill
from ems.domain.energy.demand_charge import BillingPeriod, DemandCharge, Per
from ems.domain.energy.load import Load
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import FixedCharge
from ems.domain.recurrence import Recurrence, Season
from ems.domain.validity import Validity
from tests.domain.tariffs import (
    AUTUMN,
    BERLIN,
    LOS_ANGELES,
    SCE_TOU_EV_4,
    SPRING,
    WEEKDAYS,
    constant,
    fixed,
    midnight,
    tariff,
    timed,
    window,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STEPS = st.sampled_from([60, 300, 900])
WATTS = st.lists(st.floats(-5e4, 2e5), min_size=1, max_size=60)
BEGINS = st.sampled_from([SPRING, AUTUMN, date(2026, 2, 28), date(2026, 12, 31)])
RICH = tariff(
    EnergyPrice("tou", (timed(0.4, window(2, 3)), timed(0.3, window(17, 20, WEEKDAYS)), timed(0.1))),
    EnergyPrice("procurement", (), "day-ahead"),
    feed_in=(fixed(0.06, "pv"),),
    demand=(
        DemandCharge("capacity", 44.0, period=Per.YEAR),
        DemandCharge("evening", 9.0, 1800, times=Recurrence((), (window(16, 21, WEEKDAYS),))),
        DemandCharge("hourly", 2.0, 3600),
    ),
    fixed=(FixedCharge("metering", 30.0), FixedCharge("grid", 365.0, Per.YEAR), FixedCharge("day", 1.0, Per.DAY)),
    vat_pct=19.0,
).with_series("day-ahead", PriceSeries.of([(midnight(SPRING) + i * HOUR, (i % 5 - 1) / 10) for i in range(30)]))


def lines(known: Bill, component: Component) -> list[BillLine]:
    return [line for line in known.lines if line.component is component]


def test_a_month_of_sce_tou_ev_4_as_computed_by_hand() -> None:
    """July 2019 has 23 weekdays and 8 days of weekend; 100 kW all the time, 160 kW in one quarter of the 18th at noon.

    Energy: 100 kW × (23 × (9 h × 0.05623 + 9 h × 0.0925 + 6 h × 0.26668) + 8 × 24 h × 0.05623)
    = 100 × (23 × 2.93865 + 10.79616) = 7838.511, and 60 kW × ¼ h × 0.26668 = 4.0002. Demand: 160 kW × 15.51 = 2481.60.
    """
    load = constant(100.0, midnight(date(2019, 7, 1), LOS_ANGELES), midnight(date(2019, 8, 1), LOS_ANGELES))
    noon = datetime(2019, 7, 18, 12, 30, tzinfo=LOS_ANGELES)
    at = int((noon.astimezone(UTC) - load.begin).total_seconds()) // 900
    month = bill(SCE_TOU_EV_4, Load(load.begin, 900, (*load.mean_w[:at], 160e3, *load.mean_w[at + 1 :])))
    (energy,), (demand,) = lines(month, Component.ENERGY), lines(month, Component.DEMAND)
    assert (energy.amount, round(energy.quantity, 6)) == (Decimal("7842.51"), 74_415.0)
    assert (demand.amount, round(demand.quantity, 6), demand.unit) == (Decimal("2481.60"), 160.0, "kW")
    assert demand.peak_at == noon
    assert demand.period == BillingPeriod(date(2019, 7, 1), date(2019, 7, 31))
    assert (month.currency, month.total, month.assumptions) == ("USD", Decimal("10324.11"), ())


def test_quarter_hours_are_the_meters_own() -> None:
    """40 kW from 10:05 to 10:20 in minutes: the quarter of 10:00 has 40 × 10/15 kW, that of 10:15 has 40 × 5/15."""
    minutes = [40e3 if 5 <= minute < 20 else 0.0 for minute in range(60)]
    begin = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
    (peak,) = lines(
        bill(tariff(demand=(DemandCharge("capacity", 3.0),)), Load(begin, 60, tuple(minutes))), Component.DEMAND
    )
    assert (round(3 * peak.quantity, 6), round(peak.exact, 6), peak.peak_at) == (80.0, 80.0, begin)


@given(st.floats(0, 500), STEPS, BEGINS)
def test_a_constant_load_costs_its_closed_form(kw: float, step_s: int, day: date) -> None:
    hours = {SPRING: 23, AUTUMN: 25}.get(day, 24)
    known = tariff(
        fixed(0.3),
        demand=(DemandCharge("capacity", 8.0),),
        fixed=(FixedCharge("day", 2.0, Per.DAY), FixedCharge("m", 310.0)),
        vat_pct=10.0,
    )
    days_in_month = {2: 28}.get(day.month, 31)
    month_h = days_in_month * 24 + hours - 24
    whole = bill(known, constant(kw, midnight(day), midnight(day + DAY), step_s))
    assert whole.exact == pytest.approx(1.1 * (0.3 * kw * hours + 8.0 * kw + 2.0 + 310.0 * hours / month_h))


@given(WATTS, BEGINS, st.sampled_from([1, 3, 5, 15]))
def test_splitting_the_steps_of_a_load_changes_neither_its_cost_nor_its_peaks(
    watts: list[float], day: date, pieces: int
) -> None:
    begin = midnight(day) + HOUR
    whole = bill(RICH, Load(begin, 900, tuple(watts)))
    split = bill(RICH, Load(begin, 900 // pieces, tuple(w for w in watts for _ in range(pieces))))
    assert split.exact == pytest.approx(whole.exact, abs=1e-6)
    for one, other in zip(lines(split, Component.DEMAND), lines(whole, Component.DEMAND), strict=True):
        assert (one.name, one.period) == (other.name, other.period)
        assert one.quantity == pytest.approx(other.quantity, abs=1e-9)


@given(WATTS, BEGINS)
def test_the_lines_add_up_to_the_total_and_are_near_the_unrounded_one(watts: list[float], day: date) -> None:
    whole = bill(RICH, Load(midnight(day), 900, tuple(watts)))
    assert whole.total == sum(line.amount for line in whole.lines)
    assert all(line.amount == round(line.amount, 2) for line in whole.lines)
    assert abs(float(whole.total) - whole.exact) <= 0.005 * len(whole.lines) + 1e-6
    net = sum(line.exact for line in whole.lines if line.component not in {Component.VAT, Component.FEED_IN})
    (vat,) = lines(whole, Component.VAT)
    assert vat.exact == pytest.approx(0.19 * net)


@given(WATTS, WATTS, BEGINS)
def test_energy_of_two_loads_one_after_the_other_costs_the_sum(
    first: list[float], then: list[float], day: date
) -> None:
    begin = midnight(day)
    later = begin + len(first) * timedelta(minutes=15)
    both = bill(RICH, Load(begin, 900, (*first, *then)))
    apart = [bill(RICH, Load(begin, 900, tuple(first))), bill(RICH, Load(later, 900, tuple(then)))]
    for component in (Component.ENERGY, Component.FEED_IN, Component.FIXED):
        assert both.of(component) == pytest.approx(sum(one.of(component) for one in apart), abs=1e-6)
    assert both.of(Component.DEMAND) <= sum(one.of(Component.DEMAND) for one in apart) + 1e-6


def test_export_earns_feed_in_and_lowers_no_import() -> None:
    """Half a quarter hour each of 20 kW in and out: metered apart, as two-way meters do."""
    known = tariff(fixed(0.3), feed_in=(fixed(0.06, "pv"),), demand=(DemandCharge("capacity", 1.0),))
    whole = bill(known, Load(midnight(SPRING), 450, (20e3, -20e3)))
    assert [(line.component, round(line.quantity, 6), round(line.exact, 6)) for line in whole.lines] == [
        (Component.ENERGY, 2.5, 0.75),
        (Component.FEED_IN, 2.5, -0.15),
        (Component.DEMAND, 10.0, 10.0),
    ]


def test_every_billing_month_has_its_own_peak() -> None:
    watts = [50e3] * (24 * 4) + [30e3] * (24 * 4)
    charge = DemandCharge("capacity", 2.0)
    for billing_day, periods in ((1, [(50.0, "2026-06-01 to 2026-06-30"), (30.0, "2026-07-01 to 2026-07-31")]),
                                 (15, [(50.0, "2026-06-15 to 2026-07-14")])):  # fmt: skip
        whole = bill(
            tariff(demand=(charge,), billing_day=billing_day), Load(midnight(date(2026, 6, 30)), 900, tuple(watts))
        )
        assert [(round(line.quantity, 6), str(line.period)) for line in whole.lines] == periods


PERIODS = [
    (date(2026, 3, 31), Per.MONTH, 1, date(2026, 3, 1), date(2026, 3, 31)),
    (date(2026, 2, 27), Per.MONTH, 28, date(2026, 1, 28), date(2026, 2, 27)),
    (date(2026, 2, 28), Per.MONTH, 28, date(2026, 2, 28), date(2026, 3, 27)),
    (date(2026, 1, 3), Per.YEAR, 10, date(2025, 1, 10), date(2026, 1, 9)),
    (date(2024, 2, 29), Per.YEAR, 1, date(2024, 1, 1), date(2024, 12, 31)),
    (date(2024, 2, 29), Per.DAY, 9, date(2024, 2, 29), date(2024, 2, 29)),
]


@pytest.mark.parametrize(("day", "per", "billing_day", "first", "last"), PERIODS)
def test_billing_periods(day: date, per: Per, billing_day: int, first: date, last: date) -> None:
    assert BillingPeriod.of(day, per, billing_day) == BillingPeriod(first, last)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.sampled_from(Per), st.integers(1, 28))
def test_a_billing_period_holds_its_days_and_the_next_begins_after_it(day: date, per: Per, billing_day: int) -> None:
    period = BillingPeriod.of(day, per, billing_day)
    assert period.first <= day <= period.last
    assert BillingPeriod.of(period.last, per, billing_day) == period
    assert BillingPeriod.of(period.last + DAY, per, billing_day).first == period.last + DAY


def test_a_demand_charge_of_a_window_sees_only_its_quarters() -> None:
    """A German high-load window, 16:30 to 20:00 in December to February: the peak at noon costs nothing there."""
    window_times = Recurrence((Season((12, 1), (2, 29)),), (window(16, 20, WEEKDAYS),))
    charge = DemandCharge("high load", 100.0, times=window_times)
    watts = [10e3] * 96
    watts[12 * 4], watts[17 * 4 + 1], watts[20 * 4] = 90e3, 25e3, 80e3
    known = tariff(demand=(charge,))
    (line,) = bill(known, Load(midnight(date(2026, 1, 15)), 900, tuple(watts))).lines
    assert (line.quantity, line.peak_at) == (25.0, datetime(2026, 1, 15, 17, 15, tzinfo=BERLIN))
    assert bill(known, Load(midnight(date(2026, 7, 15)), 900, tuple(watts))).lines == ()
    assert bill(known, Load(midnight(date(2026, 1, 17)), 900, tuple(watts))).lines == ()


def test_hours_of_a_half_hour_zone_follow_its_own_clock() -> None:
    charge = DemandCharge("hourly", 1.0, 3600)
    begin = datetime(2026, 1, 1, 4, 30, tzinfo=UTC)
    (line,) = bill(tariff(demand=(charge,), timezone="Asia/Kolkata"), Load(begin, 900, (8e3,) * 4)).lines
    assert (round(line.quantity, 6), line.peak_at) == (8.0, begin)


def test_what_was_not_measured_is_named_and_costs_nothing() -> None:
    nan = float("nan")
    whole = bill(
        tariff(fixed(0.5), demand=(DemandCharge("c", 1.0),)), Load(midnight(SPRING), 900, (4e3, nan, nan, 8e3))
    )
    assert whole.exact == pytest.approx(0.5 * 3.0 + 8.0)
    assert [a.text for a in whole.assumptions] == [
        "no load was measured from 2026-03-29 00:15 to 2026-03-29 00:45: 0 kW is assumed"
    ]


def test_charges_that_are_not_in_force_are_assumed_to_go_on() -> None:
    until = Validity(last=date(2025, 12, 31))
    known = tariff(demand=(DemandCharge("c", 3.0, validity=until),), fixed=(FixedCharge("f", 1.0, Per.DAY, until),))
    whole = bill(known, constant(2.0, midnight(SPRING), midnight(SPRING + DAY)))
    assert whole.exact == pytest.approx(7.0)
    assert [a.text.partition(" from ")[0] for a in whole.assumptions] == [
        "no price 'c' is valid", "no price 'f' is valid",
    ]  # fmt: skip


def test_a_load_of_nothing_costs_nothing() -> None:
    assert bill(RICH, Load(midnight(SPRING), 900, ())).total == Decimal("0.00")


@pytest.mark.parametrize(
    ("begin", "step_s", "watts", "words"),
    [
        (datetime(2026, 1, 1), 900, (1.0,), "time zone"),  # noqa: DTZ001
        (midnight(SPRING), 1800, (1.0,), "must divide 900 s"),
        (midnight(SPRING), 0, (1.0,), "must divide 900 s"),
        (midnight(SPRING) + timedelta(minutes=5), 900, (1.0,), "no multiple of 900 s"),
        (midnight(SPRING), 900, (float("inf"),), "must lie within"),
    ],
)  # fmt: skip
def test_a_load_that_is_none_is_refused(begin: datetime, step_s: int, watts: tuple[float, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Load(begin, step_s, watts)


def test_a_peak_that_was_paid_belongs_to_the_term_of_its_period() -> None:
    known = tariff(demand=(DemandCharge("capacity", 2.0), DemandCharge("yearly", 50.0, 3600, Per.YEAR)), vat_pct=19.0)
    paid = known.peaks(constant(40.0, midnight(date(2026, 6, 3)), midnight(date(2026, 6, 4))))
    terms = known.demand_terms([midnight(date(2026, 6, 4)), midnight(date(2026, 7, 3))])
    assert {(peak.charge.name, peak.period): round(peak.kw, 6) for peak in paid} == {
        (term.name, term.period): 40.0 for term in terms if term.period.first < date(2026, 7, 1)
    }
    assert len(terms) == 3


def test_a_planner_sees_which_share_of_each_interval_counts_for_a_peak() -> None:
    """The last hours of June and the first of July, 10 EUR/kW from 22 to 23 o'clock; 20 % VAT."""
    charge = DemandCharge("late", 10.0, 900, times=Recurrence((), (window(22, 23), window(0, 1))))
    edges = [midnight(date(2026, 7, 1)) + hour * HOUR for hour in (-3.0, -1.5, -0.5, 0.25, 2.25)]
    june, july = tariff(demand=(charge,), vat_pct=20.0).demand_terms(edges)
    assert (june.name, june.per_kw, june.interval_s, june.period.first) == ("late", 12.0, 900, date(2026, 6, 1))
    assert june.share == pytest.approx((1 / 3, 0.5, 0.0, 0.0))
    assert july.period.last == date(2026, 7, 31)
    assert july.share == pytest.approx((0.0, 0.0, 1 / 3, 0.375))


@given(WATTS, BEGINS)
def test_terms_of_the_metered_quarters_tell_the_same_peaks_as_the_bill(watts: list[float], day: date) -> None:
    load = Load(midnight(day), 900, tuple(watts))
    charges = tuple(charge for charge in RICH.demand if charge.interval_s == 900)
    known = tariff(demand=charges)
    edges = [datetime.fromtimestamp(at_s, UTC) for at_s in load.edges_s()]
    told = {
        (term.name, term.period): max(max(w, 0.0) * share / 1000 for w, share in zip(watts, term.share, strict=True))
        for term in known.demand_terms(edges)
    }
    billed = {(line.name, line.period): line.quantity for line in bill(known, load).lines}
    assert told == pytest.approx(billed)


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    line = BillLine(Component.ENERGY, "x", 1.0, "kWh", 1.005)
    assert line.amount == Decimal("1.01")
    assert BillLine(Component.FEED_IN, "x", 1.0, "kWh", -1.005).amount == Decimal("-1.01")
    assert str(BillLine(Component.FEED_IN, "x", 0.0, "kWh", -0.004).amount) == "0.00"


def test_timed_prices_may_be_negative() -> None:
    whole = bill(
        tariff(EnergyPrice("p", (TimedPrice(-0.1),))), constant(10.0, midnight(SPRING), midnight(SPRING) + HOUR)
    )
    assert whole.total == Decimal("-1.00")
