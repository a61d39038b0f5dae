"""A tariff file: what it becomes, and every mistake with its line and remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.energy.demand_charge import Per
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.recurrence import Season
from ems.domain.validity import Validity
from ems.settings.document import parse
from ems.settings.finding import has_errors
from ems.settings.places import config_folder
from ems.settings.tariff import in_words, tariff_in, tariff_of
from tests.settings.test_garbage import changed, routes

DATA = Path(os.environ.get("EMS_DATA_DIR", Path(__file__).parents[2].parent / "shared" / "data"))
EXAMPLES = {path.stem: path for path in sorted((config_folder() / "tariffs").glob("*.yaml"))}
CURRENCIES = {"us-sce-tou-ev-4": "USD", "gb-half-hourly": "GBP"}
HOUR = timedelta(hours=1)

GOOD = """\
name: Business 2026
holidays: [2026-04-03, 12-25]
billing_day: 5
energy:
  supply:
    times:
      - {per_kwh: 0.30, when: "Mon-Fri 17:00-20:00", season: Oct-Mar}
      - {per_kwh: 0.20, when: [Sat, "22:00-06:00"]}
      - {per_kwh: 0.25}
  fee:
    - {per_kwh: 0.05, valid_until: 2026-12-31}
    - {per_kwh: 0.06, valid_from: 2027-01-01}
  market: {series: day-ahead, factor: 1.05, markup_per_kwh: 0.01}
feed_in: {pv: {per_kwh: 0.08}}
demand: {peak: {per_kw: 12.5, interval_min: 30, when: "Mon-Fri 12:00-18:00", season: 06-15..09-14}}
fixed: {metering: {amount: 25, per: month}}
vat_pct: 19
"""


def read(text: str, currency: str = "EUR") -> tuple[Tariff | None, list[str]]:
    document, syntax = parse(text.encode(), Path("t.yaml"))
    assert document is not None
    tariff, findings = tariff_of(document, currency, "Europe/Berlin")
    return tariff, [f"{f.line}: {f.severity}: {f.message} | {f.remedy}" for f in (*syntax, *findings)]


def swap(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


def test_a_good_file_becomes_what_it_says() -> None:
    tariff, findings = read(GOOD)
    assert findings == []
    assert tariff is not None
    assert (tariff.name, tariff.currency, tariff.timezone, tariff.vat_pct) == (
        "Business 2026",
        "EUR",
        "Europe/Berlin",
        19,
    )
    assert (tariff.holidays.dates, tariff.holidays.yearly, tariff.billing_day) == (
        frozenset({date(2026, 4, 3)}), frozenset({(12, 25)}), 5,
    )  # fmt: skip
    supply, old, new, market = tariff.energy
    assert [(p.per_kwh, len(p.times.windows), p.times.seasons) for p in supply.prices] == [
        (0.30, 1, (Season((10, 1), (3, 31)),)), (0.20, 2, ()), (0.25, 0, ()),
    ]  # fmt: skip
    assert (old.name, old.validity, new.validity) == (
        "fee", Validity(last=date(2026, 12, 31)), Validity(first=date(2027, 1, 1)),
    )  # fmt: skip
    assert (market.series, market.factor, market.prices[0].per_kwh) == ("day-ahead", 1.05, 0.01)
    assert [part.prices[0].per_kwh for part in tariff.feed_in] == [0.08]
    (peak,) = tariff.demand
    assert (peak.per_kw, peak.interval_s, peak.period, peak.times.seasons) == (
        12.5, 1800, Per.MONTH, (Season((6, 15), (9, 14)),),
    )  # fmt: skip
    assert [(fixed.amount, fixed.per) for fixed in tariff.fixed] == [(25.0, Per.MONTH)]


def test_it_is_told_on_one_line() -> None:
    tariff, _ = read(GOOD)
    assert tariff is not None
    assert in_words(tariff) == (
        "Business 2026: energy by supply (3 prices by time) + fee 0.06 + market (series day-ahead); feed-in by pv "
        "0.08; demand peak 12.5 EUR/kW and month at its times (30 min); fixed charges metering; VAT 19 %"
    )


UNITS = [
    ("{per_kwh: 0.08}", "{price_ct: 8}", "14: error: unknown key 'price_ct': did you mean 'per_kwh'? | "
     "per_kwh is in whole currency per kWh: write per_kwh: 0.08"),
    ("{per_kwh: 0.08}", "{ct_per_kwh: 8}", "14: error: unknown key 'ct_per_kwh': did you mean 'per_kwh'? | "
     "per_kwh is in whole currency per kWh: write per_kwh: 0.08"),
    ("{per_kwh: 0.08}", "{eur_per_mwh: 80}", "14: error: unknown key 'eur_per_mwh': did you mean 'per_kwh'? | "
     "per_kwh is in whole currency per kWh: write per_kwh: 0.08"),
    ("{per_kwh: 0.08}", "{price: 0.08}", "14: error: unknown key 'price': did you mean 'per_kwh'? | "
     "per_kwh is in whole currency per kWh: write per_kwh: 0.08"),
    ("{per_kwh: 0.08}", "{per_kwh: 8 ct}", "14: error: per_kwh is in another unit | "
     "per_kwh is in whole currency per kWh: write per_kwh: 0.08"),
    ("{per_kwh: 0.08}", "{per_kwh: 8}", "14: error: 8 EUR for a kilowatt-hour is not plausible | "
     "is it in cents? write per_kwh: 0.08; per MWh? 0.008"),
    ("markup_per_kwh: 0.01", "markup_ct: 1", "13: error: unknown key 'markup_ct': did you mean 'markup_per_kwh'? | "
     "markup_per_kwh is in whole currency per kWh: write markup_per_kwh: 0.01"),
    ("per_kw: 12.5", "eur_per_mw: 12500", "15: error: unknown key 'eur_per_mw': did you mean 'per_kw'? | "
     "per_kw is in whole currency per kW: write per_kw: 12.5"),
    ("per_kw: 12.5", "per_kw: 12500", "15: error: 12500 EUR for a kilowatt is not plausible | "
     "is it per megawatt? write per_kw: 12.5"),
    ("vat_pct: 19", "vat_pct: 0.19", "17: error: vat_pct is in percent, 0.19 % is hardly meant | write vat_pct: 19"),
    ("factor: 1.05", "factor: 105", "13: error: a factor of 105 is not plausible | write 1.05"),

    ("market: {series: day-ahead,", "market: {if_missing_per_kwh: 90, series: day-ahead,",
     "13: error: 90 EUR for a kilowatt-hour is not plausible | "
     "is it in cents? write if_missing_per_kwh: 0.9; per MWh? 0.09"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), UNITS)
def test_another_unit_is_recognised_and_converted(old: str, new: str, expected: str) -> None:
    assert read(swap(old, new))[1] == [expected]


SLIPS = [
    ("name: Business 2026\n", "", "1: error: name is missing | write name: what people call the tariff"),
    ("energy:\n", "enrgy:\n", "4: error: unknown key 'enrgy': did you mean 'energy'?"),
    ("per_kwh: 0.25", "per_kWh: 0.25", "9: error: unknown key 'per_kWh': did you mean 'per_kwh'?"),
    ("per_kwh: 0.25", "per_kwh: .nan", "9: error: per_kwh must be a finite number"),
    ("per_kwh: 0.25", "per_kwh: cheap", "9: error: per_kwh must be a number, not 'cheap'"),
    ("Mon-Fri 17:00-20:00", "Mon-Fry 17:00-20:00", "7: error: when: 'Mon-Fry' is not a weekday or a span of them"),
    ("Mon-Fri 17:00-20:00", "17:00", "7: error: when: cannot read '17:00'"),
    ("Oct-Mar", "Winter", "7: error: season: 'Winter' is not a season"),
    ("06-15..09-14", "02-30..09-14", "15: error: season: '02-30..09-14' is not a season"),
    ("when: [Sat, \"22:00-06:00\"]", "when: []", "8: error: when: names no time"),
    ("      - {per_kwh: 0.25}\n", "", "6: error: no price holds on a Mon at 06:00, for example on 01 January"),
    ("{per_kwh: 0.25}", "{per_kwh: 0.25}\n      - {per_kwh: 0.1}", "9: warning: what stands below this entry is never "
     "asked for: it holds always"),
    ("valid_until: 2026-12-31", "valid_until: 2027-01-01", "12: error: two versions of 'fee' are valid at "
     "the same time"),
    ("valid_until: 2026-12-31", "valid_from: 2026-05-01, valid_until: 2026-04-30",
     "11: error: it is valid until 2026-04-30, before it begins on 2026-05-01"),
    ("valid_until: 2026-12-31", "valid_until: 2026-02-30", "11: error: valid_until: the day 2026-02-30 does not exist"),
    ("valid_until: 2026-12-31", "valid_until: 31.12.2026", "11: error: valid_until: '31.12.2026' is not a day"),
    ("2026-04-03", "13-01", "2: error: holidays: the day 13-01 does not exist"),
    ("{series: day-ahead, factor", "{factor", "13: error: factor belongs to what follows a series"),
    ("markup_per_kwh: 0.01", "per_kwh: 0.01", "13: error: per_kwh belongs to what follows no series"),
    ("{per_kwh: 0.08}", "{per_kwh: 0.08, times: [{per_kwh: 0}]}", "14: error: it states both per_kwh and times"),
    ("{per_kwh: 0.08}", "{valid_from: 2026-01-01}", "14: error: 'pv' states no price"),
    ("{per_kwh: 0.08}", "{times: }", "14: error: 'pv' states no price"),
    ("{per_kwh: 0.08}", "", "14: error: 'pv' is empty"),
    ("{per_kwh: 0.08}", "[]", "14: error: 'pv' is empty"),
    ("{per_kwh: 0.08}", "0.08", "14: error: 'pv' must be keys with values"),
    ("{pv: {per_kwh: 0.08}}", "0.08", "14: error: feed_in must be entries with names"),
    ("interval_min: 30", "interval_min: 20", "15: error: interval_min: '20' is not a metering interval"),
    ("per_kw: 12.5, ", "", "15: error: per_kw is missing"),
    ("per_kw: 12.5", "per_kw: -1", "15: error: per_kw must be at least 0, not -1"),
    ("per_kw: 12.5", "per_kw: 12.5, period: day", "15: error: a peak is billed by month or year"),
    ("per: month", "per: week", "16: error: per cannot be 'week'"),
    ("billing_day: 5", "billing_day: 31", "3: error: billing_day must be at most 28, not 31"),
    ("billing_day: 5", "currency: USD", "3: error: the tariff is in USD, the site in EUR"),
    ("billing_day: 5", "timezone: Europe/Berln", "3: error: timezone: 'Europe/Berln' is not a time zone"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), SLIPS)
def test_a_mistake_is_named_at_its_line(old: str, new: str, expected: str) -> None:
    findings = read(swap(old, new))[1]
    assert expected in [finding.partition(" | ")[0] if " | " not in expected else finding for finding in findings]
    assert all(finding.partition(" | ")[2] for finding in findings)


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD
    for old, new in (("0.30", "30"), ("per_kwh: 0.05", "price_ct: 5"), ("interval_min: 30", "interval_min: 20"),
                     ("per: month", "per: week"), ("vat_pct: 19", "vat_pct: 0.19")):  # fmt: skip
        text = text.replace(old, new, 1)
    assert [finding.split(":")[0] for finding in read(text)[1]] == ["7", "11", "15", "16", "17"]


@pytest.mark.parametrize("text", ["{}", "name: x\nenergy:\n", "name: x\nenergy: {}\n", "name: x\n"])
def test_a_tariff_without_a_price_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(text)
    tariff, findings = tariff_in(tmp_path / "t.yaml", "EUR", "Europe/Berlin")
    assert tariff is None
    assert any("energy" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("currency", "per_kwh", "is_plausible"), [("JPY", 31.0, True), ("EUR", 31.0, False), ("SEK", 9.0, True)]
)
def test_what_is_plausible_depends_on_the_currency(currency: str, per_kwh: float, is_plausible: bool) -> None:
    assert (read(f"name: x\nenergy: {{a: {{per_kwh: {per_kwh}}}}}\n", currency)[1] == []) is is_plausible


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_shipped_examples_are_sound(name: str) -> None:
    tariff, findings = tariff_in(EXAMPLES[name], CURRENCIES.get(name, "EUR"), "Europe/Amsterdam")
    assert findings == ()
    assert tariff is not None
    begin = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for series in tariff.series_names:
        tariff = tariff.with_series(series, PriceSeries.of([(begin, 0.1)]))
    prices = tariff.prices_over([begin, begin + HOUR])
    assert 0.05 < prices.import_per_kwh[0] < 0.5
    assert prices.assumptions == ()


SHEET = DATA / "tariffs" / "sce_tou_ev_4_march_2019.json"


@pytest.mark.skipif(not SHEET.is_file(), reason=f"no {SHEET}: set EMS_DATA_DIR to the folder with tariffs/")
def test_the_shipped_sce_tariff_is_the_published_one_at_every_hour_of_a_year() -> None:
    tariff, _ = tariff_in(EXAMPLES["us-sce-tou-ev-4"], "USD", "America/Los_Angeles")
    assert tariff is not None
    sheet = json.loads(SHEET.read_text())
    begin = datetime(2019, 1, 1, 8, tzinfo=UTC)
    edges = [begin + i * HOUR for i in range(8761)]
    for edge, price in zip(edges, tariff.prices_over(edges).import_per_kwh, strict=False):
        assert price == _published(sheet, edge.astimezone(ZoneInfo("America/Los_Angeles"))), edge
    assert {entry["demand_charge"] for entry in sheet["schedule"]} == {charge.per_kw for charge in tariff.demand}


def _published(sheet: Any, wall: datetime) -> float:
    is_summer, is_weekend = 6 <= wall.month <= 9, wall.weekday() >= 5
    name = f"{'Summer' if is_summer else 'Winter'}-{'Weekend' if is_weekend else 'Weekday'}"
    (entry,) = [entry for entry in sheet["schedule"] if entry["id"] == name]
    return [float(price) for since, price in zip(entry["times"], entry["tariffs"], strict=True) if since <= wall.hour][
        -1
    ]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 70), st.floats(), st.text(max_size=4),
    st.sampled_from(["Mon-Fri 17:00-20:00", "Jun-Sep", "2026-01-01", "12-25", "8 ct", "month", "day-ahead", "00:00"]),
)  # fmt: skip
KEYS = st.sampled_from(
    ["per_kwh", "price_ct", "times", "series", "factor", "when", "season", "valid_from", "valid_until", "per_kw", "p",
     "interval_min", "period", "amount", "per", "{", ""]
)  # fmt: skip
ENTRIES = st.recursive(SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(KEYS, x, max_size=4), max_leaves=10)
TOPS = st.sampled_from(
    ["name", "energy", "feed_in", "demand", "fixed", "vat_pct", "holidays", "billing_day", "timezone"]
)


def always(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


@st.composite
def nearly_good(draw: st.DrawFn) -> dict[str, Any]:
    """The good file with one or two values replaced."""
    document, _ = parse(GOOD.encode(), Path("t.yaml"))
    assert document is not None
    data: Any = document.data
    for _ in range(draw(st.integers(1, 2))):
        data = changed(data, draw(st.sampled_from(routes(data)[1:])), always(draw(ENTRIES)))
    return dict(data)


@given(st.dictionaries(TOPS, ENTRIES, max_size=5) | nearly_good())
def test_whatever_stands_in_the_file_there_are_findings_and_never_an_exception(data: dict[str, Any]) -> None:
    """And what has no error gives a price for every hour."""
    document, syntax = parse(
        json.dumps(data).replace("NaN", ".nan").replace("Infinity", ".inf").encode(), Path("t.yaml")
    )
    if document is None:
        return
    tariff, findings = tariff_of(document, "EUR", "Europe/Berlin")
    if has_errors((*syntax, *findings)):
        return
    assert tariff is not None
    begin = datetime(2026, 3, 28, tzinfo=UTC)
    assert len(tariff.prices_over([begin, begin + HOUR, begin + 50 * HOUR]).import_per_kwh) == 2
    assert in_words(tariff)
