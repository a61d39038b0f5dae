"""The price of a kilowatt-hour at any time: fixed, by time of use, by a series, in force or not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.recurrence import DayWindow, Holidays, Recurrence, Season
from ems.domain.validity import Validity
from tests.domain.tariffs import (
    AUTUMN,
    BERLIN,
    EVERY_DAY,
    LOS_ANGELES,
    SCE_TOU_EV_4,
    SPRING,
    WEEKDAYS,
    every,
    fixed,
    midnight,
    tariff,
    timed,
    window,
)

HOUR, QUARTER, DAY = timedelta(hours=1), timedelta(minutes=15), timedelta(days=1)
ZONES = st.sampled_from(
    ["Europe/Berlin", "Europe/London", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"]
)
NEAR_CHANGES = st.sampled_from(
    [datetime(2026, m, d, tzinfo=UTC) for m, d in ((3, 8), (3, 28), (4, 4), (10, 24), (7, 1))]
)
PRICES = st.floats(-1, 1)
CLOCK = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
WINDOWS = st.builds(DayWindow, st.frozensets(st.integers(0, 6), min_size=1), CLOCK, CLOCK)
SEASONS = st.builds(Season, *[st.tuples(st.integers(1, 12), st.integers(1, 28))] * 2)
RECURRENCES = st.builds(Recurrence, st.lists(SEASONS, max_size=1).map(tuple), st.lists(WINDOWS, max_size=2).map(tuple))
TIMED = st.lists(st.builds(TimedPrice, PRICES, RECURRENCES), min_size=1, max_size=3).map(tuple)
CUTS = st.lists(st.integers(1, 3 * 1440), min_size=2, max_size=8, unique=True).map(sorted)


@st.composite
def any_series(draw: st.DrawFn) -> PriceSeries:
    begin = draw(NEAR_CHANGES)
    hours = draw(st.sets(st.integers(-240, 72), max_size=60))
    return PriceSeries.of([(begin + hour * HOUR, draw(PRICES)) for hour in hours])


@st.composite
def any_tariff(draw: st.DrawFn) -> Tariff:
    parts = [EnergyPrice("a", draw(TIMED)), EnergyPrice("b", draw(TIMED), "market", draw(PRICES))]
    whole = tariff(*parts, timezone=draw(ZONES), vat_pct=draw(st.floats(0, 25)), feed_in=(parts[1],))
    return whole.with_series("market", draw(any_series()))


@given(PRICES, ZONES, NEAR_CHANGES, CUTS)
def test_the_mean_of_a_fixed_price_is_that_price(price: float, zone: str, begin: datetime, cuts: list[int]) -> None:
    edges = [begin + timedelta(minutes=cut) for cut in cuts]
    prices = tariff(fixed(price), timezone=zone).prices_over(edges)
    assert prices.import_per_kwh == (price,) * (len(edges) - 1)
    assert prices.feed_in_per_kwh == (0.0,) * (len(edges) - 1)
    assert prices.assumptions == ()


@given(any_tariff(), NEAR_CHANGES, CUTS)
def test_splitting_an_interval_never_changes_the_total(known: Tariff, begin: datetime, cuts: list[int]) -> None:
    edges = [begin + timedelta(minutes=cut) for cut in cuts]
    whole, split = known.prices_over([edges[0], edges[-1]]), known.prices_over(edges)
    minutes = [later - cut for cut, later in pairwise(cuts)]
    for total, parts in zip(whole[:2], split[:2], strict=True):
        summed = sum(price * length for price, length in zip(parts, minutes, strict=True))
        assert summed == pytest.approx(total[0] * (cuts[-1] - cuts[0]), abs=1e-6)


@given(TIMED, ZONES, NEAR_CHANGES)
def test_every_minute_costs_what_the_clock_on_the_wall_says(
    prices: tuple[TimedPrice, ...], zone: str, begin: datetime
) -> None:
    """Asked minute by minute over two days, against the rule in its plainest form."""
    edges = every(timedelta(minutes=7), begin, begin + 2 * DAY)
    known = tariff(EnergyPrice("tou", prices), timezone=zone).prices_over(edges).import_per_kwh
    for edge, price in list(zip(edges, known, strict=False))[::5]:
        asked = [_plainly(prices, (edge + timedelta(minutes=m)).astimezone(ZoneInfo(zone))) for m in range(7)]
        assert price == pytest.approx(sum(asked) / 7, abs=1e-9)


def _plainly(prices: tuple[TimedPrice, ...], wall: datetime) -> float:
    return next((price.per_kwh for price in prices if _in(price.times, wall.date(), wall.time())), 0.0)


def _in(times: Recurrence, day: date, clock: time) -> bool:
    def on(day: date, windows: DayWindow | None) -> bool:
        at = (day.month, day.day)
        in_season = [
            s.first <= at <= s.last if s.first <= s.last else not (s.last < at < s.first) for s in times.seasons
        ]
        return (windows is None or day.weekday() in windows.days) and (not in_season or any(in_season))

    if not times.windows:
        return on(day, None)
    return any(
        w.since <= clock < w.until and on(day, w)
        if w.since < w.until
        else (w.since <= clock and on(day, w)) or (clock < w.until and on(day - DAY, w))
        for w in times.windows
    )


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (date(2026, 3, 30), 24), (AUTUMN, 25)])
def test_a_day_on_which_the_clock_is_set_has_23_or_25_hours_of_price(day: date, hours: int) -> None:
    known = tariff(EnergyPrice("tou", (timed(1.0, window(0, 6)), timed(0.0))))
    prices = known.prices_over(every(HOUR, midnight(day), midnight(day + DAY))).import_per_kwh
    assert len(prices) == hours
    assert sum(prices) == 6 + hours - 24


def test_a_window_within_the_doubled_hour_holds_twice_and_one_within_the_missing_hour_never() -> None:
    known = tariff(EnergyPrice("tou", (TimedPrice(1.0, Recurrence((), (_at("02:15", "02:45"),))), timed(0.0))))
    for day, quarters in ((SPRING, 0), (date(2026, 7, 1), 2), (AUTUMN, 4)):
        assert sum(known.prices_over(every(QUARTER, midnight(day), midnight(day + DAY))).import_per_kwh) == quarters


def test_a_window_that_would_begin_in_the_missing_hour_begins_when_the_clock_is_set() -> None:
    known = tariff(EnergyPrice("tou", (TimedPrice(1.0, Recurrence((), (_at("02:30", "06:00"),))), timed(0.0))))
    prices = known.prices_over(every(QUARTER, midnight(SPRING), midnight(SPRING + DAY))).import_per_kwh
    assert prices == (0.0,) * 8 + (1.0,) * 12 + (0.0,) * 72


def _at(since: str, until: str) -> DayWindow:
    return DayWindow(EVERY_DAY, time.fromisoformat(since), time.fromisoformat(until))


SCE_MOMENTS = [
    ((2019, 7, 3, 7), 0.05623), ((2019, 7, 3, 8), 0.0925), ((2019, 7, 3, 12), 0.26668), ((2019, 7, 3, 17), 0.26668),
    ((2019, 7, 3, 18), 0.0925), ((2019, 7, 3, 23), 0.05623), ((2019, 7, 6, 13), 0.05623), ((2019, 9, 30, 13), 0.26668),
    ((2019, 10, 1, 13), 0.0869), ((2019, 1, 2, 9), 0.07492), ((2019, 5, 31, 23), 0.06087), ((2019, 6, 3, 12), 0.26668),
]  # fmt: skip


@pytest.mark.parametrize(("at", "expected"), SCE_MOMENTS)
def test_time_of_use_by_season_weekday_and_hour(at: tuple[int, int, int, int], expected: float) -> None:
    begin = datetime(*at, tzinfo=LOS_ANGELES)
    assert SCE_TOU_EV_4.prices_over([begin, begin + HOUR]).import_per_kwh == (expected,)


def test_a_holiday_counts_as_a_sunday() -> None:
    days = Holidays(frozenset({date(2026, 4, 3)}), frozenset({(12, 25)}))
    known = tariff(EnergyPrice("tou", (timed(1.0, window(0, 24, WEEKDAYS)), timed(0.0))), holidays=days)
    fridays = [date(2026, 4, 3), date(2026, 4, 10), date(2026, 12, 18), date(2026, 12, 25)]
    found = [known.prices_over([midnight(day), midnight(day + DAY)]).import_per_kwh[0] for day in fridays]
    assert found == [0.0, 1.0, 1.0, 0.0]


def test_a_night_window_belongs_to_the_day_on_which_it_began() -> None:
    known = tariff(EnergyPrice("tou", (timed(1.0, window(22, 6, WEEKDAYS)), timed(0.0))))
    monday = date(2026, 6, 1)
    hours = [sum(known.prices_over(every(HOUR, midnight(monday + i * DAY), midnight(monday + (i + 1) * DAY)))[0])
             for i in range(7)]  # fmt: skip
    assert hours == [2, 8, 8, 8, 8, 6, 0]


def test_parts_add_up_and_vat_comes_on_top_of_all_but_feed_in() -> None:
    market = PriceSeries.of([(midnight(SPRING), 0.1), (midnight(SPRING) + HOUR, -0.02)])
    follows = EnergyPrice("procurement", (TimedPrice(0.008),), "day-ahead", 1.5)
    known = tariff(follows, fixed(0.05, "grid fee"), vat_pct=20.0, feed_in=(EnergyPrice("pv", (), "day-ahead"),))
    prices = known.with_series("day-ahead", market).prices_over(
        every(HOUR, midnight(SPRING), midnight(SPRING) + 2 * HOUR)
    )
    assert prices.import_per_kwh == pytest.approx(((0.15 + 0.058) * 1.2, (-0.03 + 0.058) * 1.2))
    assert prices.feed_in_per_kwh == pytest.approx((0.1, -0.02))


def test_the_mean_weighs_parts_of_an_interval_by_their_time() -> None:
    market = PriceSeries.of(
        [(midnight(SPRING) + i * QUARTER, price) for i, price in enumerate((1.0, 2.0, 4.0))], QUARTER
    )
    known = tariff(EnergyPrice("p", (), "m")).with_series("m", market)
    edges = [midnight(SPRING) + timedelta(minutes=m) for m in (5, 20, 45)]
    assert known.prices_over(edges).import_per_kwh == pytest.approx(((10 + 2 * 5) / 15, (10 * 2 + 15 * 4) / 25))


def test_a_version_gives_way_to_the_next_at_local_midnight() -> None:
    old = EnergyPrice("fee", (TimedPrice(1.0),), validity=Validity(last=date(2026, 3, 28)))
    new = EnergyPrice("fee", (TimedPrice(2.0),), validity=Validity(first=SPRING))
    prices = tariff(old, new).prices_over(every(HOUR, midnight(SPRING) - 2 * HOUR, midnight(SPRING) + 2 * HOUR))
    assert prices.import_per_kwh == (1.0, 1.0, 2.0, 2.0)
    assert prices.assumptions == ()


def test_before_and_after_every_version_the_nearest_one_is_assumed_and_named() -> None:
    year = Validity(date(2026, 1, 1), date(2026, 12, 31))
    known = tariff(EnergyPrice("fee", (TimedPrice(0.3),), validity=year))
    for begin, words in (
        (midnight(date(2025, 12, 31)), "from 2025-12-31 00:00 to 2025-12-31 02:00: the one valid from 2026-01-01"),
        (midnight(date(2027, 1, 5)), "from 2027-01-05 00:00 to 2027-01-05 02:00: the one valid until 2026-12-31"),
    ):
        prices = known.prices_over([begin, begin + 2 * HOUR])
        assert prices.import_per_kwh == (0.3,)
        assert [a.text for a in prices.assumptions] == [f"no price 'fee' is valid {words} is assumed"]


def test_a_time_without_a_price_is_free_and_named() -> None:
    known = tariff(EnergyPrice("{tou}", (timed(1.0, window(6, 22)),)))
    prices = known.prices_over([midnight(SPRING) - 4 * HOUR, midnight(SPRING) + 5 * HOUR])
    assert prices.import_per_kwh == pytest.approx((2 / 9,))
    (gap,) = prices.assumptions
    assert gap.text == "'{tou}' states no price from 2026-03-28 22:00 to 2026-03-29 06:00: 0 per kWh is assumed"
    assert gap.end - gap.begin == 7 * HOUR


LATE = midnight(SPRING) + 30 * HOUR


def _followed(series: PriceSeries, if_missing: float | None = None) -> Tariff:
    return tariff(EnergyPrice("p", (), "m", if_missing_per_kwh=if_missing)).with_series("m", series)


def test_a_missing_price_is_the_mean_of_the_last_days_at_that_hour() -> None:
    begin = midnight(date(2026, 3, 20))
    hours = every(HOUR, begin, begin + 20 * DAY)
    local_hour = [(hour, hour.astimezone(BERLIN).hour + hour.astimezone(BERLIN).day / 100) for hour in hours]
    gap = [datetime(2026, 3, 31, hour, tzinfo=BERLIN) for hour in (2, 3, 4)]
    prices = _followed(PriceSeries.of([pair for pair in local_hour if pair[0] not in gap])).prices_over(
        [*gap, gap[-1] + HOUR]
    )
    # Seven days before: the 24th to the 30th; on the 29th the hour of two is that of three.
    assert prices.import_per_kwh == pytest.approx(((2 * 6 + 3) / 7 + 0.27, 3.27, 4.27))
    assert [a.text for a in prices.assumptions] == [
        "no price of the series 'm' from 2026-03-31 02:00 to 2026-03-31 05:00: "
        "the mean of the last 7 days at that hour is assumed"
    ]


def test_what_is_assumed_of_feed_in_alone_says_so() -> None:
    """Else one hour without a price would be told twice, with two different stand-ins."""
    bought = EnergyPrice("market", (), "m", if_missing_per_kwh=0.09)
    for sold, feed_in in ((EnergyPrice("market", (), "m"), ("feed-in: ",)), (bought, ())):
        known = tariff(bought, feed_in=(sold,)).prices_over([midnight(SPRING), midnight(SPRING) + HOUR])
        first, *others = (a.text for a in known.assumptions)
        assert first.endswith("0.09 per kWh, as the tariff says is assumed")
        assert [text.partition("no price")[0] for text in others] == list(feed_in)


STAND_INS = [
    (PriceSeries(), None, 0.0, "0 per kWh"),
    (PriceSeries(), 0.11, 0.11, "0.11 per kWh, as the tariff says"),
    (PriceSeries.of([(LATE, 0.2), (LATE + HOUR, 0.4)]), None, 0.3, "the mean of all prices that are known"),
    (PriceSeries.of([(LATE, 0.2), (LATE + HOUR, 0.4)]), 0.11, 0.11, "0.11 per kWh, as the tariff says"),
]


@pytest.mark.parametrize(("series", "if_missing", "expected", "words"), STAND_INS)
def test_without_any_earlier_price_something_else_stands_in(
    series: PriceSeries, if_missing: float | None, expected: float, words: str
) -> None:
    prices = _followed(series, if_missing).prices_over([midnight(SPRING), midnight(SPRING) + HOUR])
    assert prices.import_per_kwh == pytest.approx((expected,))
    assert [a.text.partition(": ")[2] for a in prices.assumptions] == [f"{words} is assumed"]


@given(any_series(), any_series(), st.integers(-300, 100))
def test_newer_prices_take_the_place_of_older_ones_and_leave_the_rest(
    old: PriceSeries, new: PriceSeries, hour: int
) -> None:
    at_s = int((datetime(2026, 3, 28, tzinfo=UTC) + hour * HOUR).timestamp())
    expected = new.at(at_s)
    assert old.updated(new).at(at_s) == (old.at(at_s) if expected is None else expected)


@given(any_series(), st.integers(-300 * 4, 100 * 4))
def test_a_series_until_a_moment_knows_nothing_of_what_comes_after(series: PriceSeries, quarters: int) -> None:
    end = datetime(2026, 3, 28, tzinfo=UTC) + quarters * QUARTER
    known = series.until(end)
    for hour in range(-260, 80):
        at = datetime(2026, 3, 28, tzinfo=UTC) + hour * HOUR
        assert known.at(int(at.timestamp())) == (series.at(int(at.timestamp())) if at < end else None)
    assert known.end is None or known.end <= end


def test_an_hour_can_be_replaced_by_quarters_and_the_other_way_round() -> None:
    hour = PriceSeries.of([(midnight(SPRING), 1.0)])
    quarter = PriceSeries.of([(midnight(SPRING) + QUARTER, 2.0)], QUARTER)
    assert [p.per_kwh for p in hour.updated(quarter).points] == [1.0, 2.0, 1.0]
    assert [p.per_kwh for p in quarter.updated(hour).points] == [1.0]


def _edges(*hours: float) -> list[datetime]:
    return [midnight(SPRING) + hour * HOUR for hour in hours]


@pytest.mark.parametrize(
    "edges",
    [[], _edges(1), _edges(1, 1), _edges(2, 1), [datetime(2026, 1, 1), datetime(2026, 1, 2)]],  # noqa: DTZ001
)
def test_edges_that_are_no_intervals_are_refused(edges: list[datetime]) -> None:
    with pytest.raises(ValueError, match="edges must"):
        tariff(fixed(0.3)).prices_over(edges)


@pytest.mark.parametrize("price", [float("nan"), float("inf")])
def test_a_price_is_a_finite_number(price: float) -> None:
    with pytest.raises(ValueError, match="per_kwh must be a finite number"):
        TimedPrice(price)
