"""Tables of day-ahead prices as they are met: every form, every fault, and no row lost."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.prices import PriceFile, parse_prices, read_prices

BERLIN, LONDON, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
DATA = Path(os.environ.get("EMS_DATA_DIR", Path(__file__).parents[3].parent / "shared" / "data"))
AGILE = DATA / "prices" / "gb_agile_regA_2019.csv"
HOUR = timedelta(hours=1)


def told(file: PriceFile, zone: ZoneInfo = BERLIN) -> list[tuple[str, int, float]]:
    """Local begin, length in minutes and price of every point."""
    return [
        (
            f"{datetime.fromtimestamp(point.begin_s, zone):%m-%d %H:%M%z}",
            (point.end_s - point.begin_s) // 60,
            round(point.per_kwh, 9),
        )
        for point in file.series.points
    ]


def words(file: PriceFile) -> list[str]:
    return [f"{finding.row}{'!' if finding.is_refusal else ':'} {finding.message}" for finding in file.findings]


TWO_HOURS = [("01-05 00:00+0100", 60, 0.0843), ("01-05 01:00+0100", 60, -0.0052)]
FORMS = {
    "ISO, per MWh": "start,price_eur_mwh\n2026-01-05T00:00+01:00,84.3\n2026-01-05T01:00+01:00,-5.2\n",
    "UTC marked by Z, per kWh": "begin;EUR/kWh\n2026-01-04T23:00Z;0.0843\n2026-01-05T00:00Z;-0.0052\n",
    "decimal comma, dots in the date": "Datum von;Datum bis;Deutschland/Luxemburg [€/MWh] Originalauflösungen\n"
    "05.01.2026 00:00;05.01.2026 01:00;84,30\n05.01.2026 01:00;05.01.2026 02:00;-5,20\n",
    "date and clock apart, cents": "Datum;von;bis;Spotmarktpreis in ct/kWh\n"
    "05.01.2026;00:00;01:00;8,43\n05.01.2026;01:00;02:00;-0,52\n",
    "a range in one cell": '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]"\n"05/01/2026 00:00 - 05/01/2026 01:00",'
    '"84.30"\n'
    '"05/01/2026 01:00 - 05/01/2026 02:00","-5.20"\n"13/01/2026 00:00 - 13/01/2026 01:00","n/e"\n',
    "seconds since 1970": "start_timestamp,end_timestamp,marketprice,unit\n"
    "1767567600000,1767571200000,84.3,Eur/MWh\n1767571200000,1767574800000,-5.2,Eur/MWh\n",
    "a heading that says UTC": "Start Date (UTC);Price [ct/kWh]\n2026-01-04 23:00;8.43\n2026-01-05 00:00;-0.52\n",
    "a title, remarks and blank lines": "Day-ahead prices in EUR/MWh;\n\n# from the market\nTime;Price\n"
    "2026-01-05 00:00:00;84.3\n\n2026-01-05 01:00:00;-5.2\n",
    "newest first, tabs": "time\tprice_eur_mwh\n2026-01-05 01:00\t-5.2\n2026-01-05 00:00\t84.3\n",
    "thousands, quoted": 'time,"price, per MWh in cents"\n2026-01-05 00:00,"8,430.00"\n2026-01-05 01:00,"-520.00"\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_in_any_usual_form_tells_the_same_prices(form: str) -> None:
    file = parse_prices(FORMS[form], BERLIN)
    assert told(file) == TWO_HOURS
    assert [finding for finding in words(file) if "n/e" not in finding and "13/01" not in finding] == []


def test_a_file_without_a_heading_is_a_time_and_a_price() -> None:
    file = parse_prices("2026-01-05 00:00;84,3\n2026-01-05 01:00;-5,2\n", BERLIN)
    assert told(file) == TWO_HOURS
    assert words(file) == ["1: no unit is stated: taken as currency per MWh, because the middle price is 44.75"]


@pytest.mark.parametrize(("price", "expected"), [("0.21", 0.21), ("84.3", 0.0843), ("12.3", None)])
def test_without_a_unit_the_size_of_the_prices_tells_or_nothing_is_taken(price: str, expected: float | None) -> None:
    file = parse_prices(f"time,price\n2026-01-05 00:00,{price}\n2026-01-05 01:00,{price}\n", BERLIN)
    assert [point[2] for point in told(file)] == ([] if expected is None else [expected] * 2)
    if expected is None:
        assert words(file) == [
            "1! no unit is stated, and a middle price of 12.3 may be cents per kWh or currency per MWh"
        ]


@pytest.mark.parametrize(
    ("heading", "currency"),
    [("Price [£/kWh]", "GBP"), ("price_eur_mwh", "EUR"), ("p/kWh", "GBP"), ("SEK/MWh", "SEK"), ("price per kWh", None)],
)
def test_the_currency_is_read_from_the_heading(heading: str, currency: str | None) -> None:
    assert parse_prices(f"time,{heading}\n2026-01-05 00:00,0.1\n", BERLIN).currency == currency


def _day(day: date, zone: ZoneInfo = BERLIN, minutes: int = 60) -> list[datetime]:
    begin = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)
    step = timedelta(minutes=minutes)
    return [(begin + i * step).astimezone(zone) for i in range((end - begin) // step)]


SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M%z", "%d.%m.%Y %H:%M"])
@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 7, 1), 24)])
@pytest.mark.parametrize("is_descending", [False, True])
def test_a_day_on_which_the_clock_is_set_has_all_its_prices(
    form: str, minutes: int, day: date, hours: int, is_descending: bool
) -> None:
    times = _day(day, minutes=minutes)
    rows = [f"{at.strftime(form)};{i}.5" for i, at in enumerate(times)]
    file = parse_prices("\n".join(["time;EUR/MWh", *(reversed(rows) if is_descending else rows)]), BERLIN)
    assert words(file) == []
    assert [point.begin_s for point in file.series.points] == [int(at.timestamp()) for at in times]
    assert [round(point.per_kwh * 1000 - 0.5) for point in file.series.points] == list(range(len(times)))
    assert sum(point.end_s - point.begin_s for point in file.series.points) == hours * 3600


def test_an_hour_that_stands_once_where_the_clock_shows_it_twice_holds_both_times() -> None:
    rows = dict.fromkeys(f"{at:%Y-%m-%d %H:%M};{at.hour}.5" for at in _day(AUTUMN))
    file = parse_prices("\n".join(["time;EUR/MWh", *rows]), BERLIN)
    assert words(file) == [
        "4: the clock of Europe/Berlin shows 02:00 on 2026-10-25 twice, the file has it once: its price "
        "holds both times"
    ]
    assert told(file)[2:4] == [("10-25 02:00+0200", 60, 0.0025), ("10-25 02:00+0100", 60, 0.0025)]
    assert len(file.series.points) == 25


def test_a_row_for_the_hour_that_does_not_exist_is_refused_when_the_other_change_is_right() -> None:
    lines = [f"{at:%Y-%m-%d %H:%M};{at.hour}.5" for at in (*_day(SPRING), *_day(AUTUMN))]
    lines.insert(2, "2026-03-29 02:00;7.5")
    file = parse_prices("\n".join(["time;EUR/MWh", *lines]), BERLIN)
    assert words(file) == [
        "4! the clock of Europe/Berlin skips 02:00 on 2026-03-29",
        "26: no price from 2026-03-30 00:00 to 2026-10-25 00:00",
    ]
    assert len(file.series.points) == 23 + 25


def test_a_blank_for_the_hour_that_does_not_exist_says_nothing_about_the_clock() -> None:
    rows = [f"2026-03-29 {hour:02}:00;{'' if hour == 2 else hour}" for hour in range(24)]
    file = parse_prices("\n".join(["time;EUR/MWh", *rows]), BERLIN)
    assert words(file) == ["4! it has no price for 2026-03-29 02:00"]
    assert [point.begin_s for point in file.series.points] == [int(at.timestamp()) for at in _day(SPRING)]


@pytest.mark.parametrize(("zone", "clock"), [(BERLIN, "UTC+01:00"), (LONDON, "UTC"), (NEW_YORK, "UTC-05:00")])
def test_times_that_run_through_the_changes_are_those_of_a_clock_that_is_not_set(zone: ZoneInfo, clock: str) -> None:
    begin = datetime(2026, 1, 1)  # noqa: DTZ001
    rows = [f"{begin + i * HOUR};{i % 50}.5" for i in range(8760)]
    file = parse_prices("\n".join(["time;EUR/MWh", *rows]), zone)
    assert [point.begin_s - file.series.points[0].begin_s for point in file.series.points] == list(
        range(0, 8760 * 3600, 3600)
    )
    (finding,) = file.findings
    assert finding.message.endswith(f"the times are taken as {clock} all year")


ROWS = ["2026-01-05 00:00;1.5", "2026-01-05 01:00;2.5", "2026-01-05 02:00;3.5", "2026-01-05 03:00;4.5"]
FAULTS = [
    ("2026-01-05 02:00;", ["4! it has no price for 2026-01-05 02:00"], 3),
    ("2026-01-05 02:00;NaN", ["4! it has no price for 2026-01-05 02:00"], 3),
    ("2026-01-05 02:00;inf", ["4! the price 'inf' is not a number"], 3),
    ("2026-01-05 02:00;cheap", ["4! the price 'cheap' is not a number"], 3),
    ("2026-01-05 02:00;1e400", ["4! the price '1e400' is not a number"], 3),
    ("2026-01-05 02:00", ["4! it has no price for 2026-01-05 02:00"], 3),
    ("2026-01-05 02:00;3;5", ["4! it has 3 cells, more than there are columns"], 3),
    (";3.5", ["4! it has no time"], 3),
    ("tomorrow;3.5", ["4! 'tomorrow' is not a time"], 3),
    ("2026-02-30 02:00;3.5", ["4! '2026-02-30 02:00' is not a time"], 3),
    ("2026-01-05 25:00;3.5", ["4! '2026-01-05 25:00' is not a time"], 3),
    ("0001-01-05 02:00;3.5", ["4! '0001-01-05 02:00' is not a time"], 3),
    ("2026-01-05 01:00;2.5", ["4: it repeats 2026-01-05 01:00 of row 3: the same price"], 3),
    ("2026-01-05 01:00;9.5", ["4: it repeats 2026-01-05 01:00 of row 3: another price, the later row counts"], 3),
    ("2026-01-05 02:00;9999", ["4: 9.999 per kWh is hardly meant; 1 rows are above 5"], 4),
    ("\x1b[31m;3.5", ["4! '�[31m' is not a time"], 3),
]


@pytest.mark.parametrize(("row", "expected", "points"), FAULTS)
def test_a_faulty_row_is_named_and_the_rest_is_read(row: str, expected: list[str], points: int) -> None:
    file = parse_prices("\n".join(["time;EUR/MWh", *ROWS[:2], row, ROWS[3]]), BERLIN)
    found = words(file)
    gap = [finding for finding in found if "no price from 2026-01-05 02:00 to 2026-01-05 03:00" in finding]
    assert [finding for finding in found if finding not in gap] == expected
    assert len(gap) == (points == 3)
    assert len(file.series.points) == points
    assert all(finding.remedy for finding in file.findings)


def test_of_two_prices_for_one_time_the_later_counts() -> None:
    file = parse_prices("time;EUR/MWh\n2026-01-05 00:00;1\n2026-01-05 01:00;2\n2026-01-05 00:00;3\n", BERLIN)
    assert [point[2] for point in told(file)] == [0.003, 0.002]


def test_a_missing_quarter_is_a_gap_and_not_a_longer_price() -> None:
    rows = [f"2026-01-05 {m // 60:02}:{m % 60:02};1.5" for m in range(0, 180, 15) if m != 45]
    file = parse_prices("\n".join(["time;EUR/MWh", *rows]), BERLIN)
    assert words(file) == ["5: no price from 2026-01-05 00:45 to 2026-01-05 01:00"]
    assert {point.end_s - point.begin_s for point in file.series.points} == {900}


def test_hours_may_be_followed_by_quarters() -> None:
    hours = [f"2025-09-30 {h:02}:00;60" for h in range(20, 24)]
    quarters = [f"2025-10-01 00:{m:02};15" for m in range(0, 60, 15)]
    file = parse_prices("\n".join(["time;EUR/MWh", *hours, *quarters]), BERLIN)
    assert words(file) == []
    assert [point.end_s - point.begin_s for point in file.series.points] == [3600] * 4 + [900] * 4


def test_an_end_that_is_stated_counts() -> None:
    file = parse_prices("begin,end,EUR/MWh\n2026-01-05T00:00Z,2026-01-05T00:30Z,50\n", BERLIN)
    assert (told(file), words(file)) == ([("01-05 01:00+0100", 30, 0.05)], [])


@pytest.mark.parametrize(
    ("zone", "second", "expected"),
    [(NEW_YORK, "4/5/2026 01:00", 4), (BERLIN, "4/5/2026 01:00", 5), (BERLIN, "4/13/2026 01:00", 4),
     (NEW_YORK, "13/5/2026 01:00", 5)],
)  # fmt: skip
def test_dates_with_slashes_are_told_by_the_days_or_by_the_place(zone: ZoneInfo, second: str, expected: int) -> None:
    file = parse_prices(f"time,EUR/MWh\n4/5/2026 00:00,10\n{second},20\n", zone)
    assert datetime.fromtimestamp(file.series.points[0].begin_s, zone).month == expected


NO_TABLES = [
    ("", "1! there is nothing in it"),
    ("\n# only a remark\n", "1! there is nothing in it"),
    ("PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "1! this is the workbook of a spreadsheet, not a CSV file"),
    ("<html><body>404</body></html>", "1! no heading names a column for the time and one for the price: found "
     "'<html><body>404</body></html>'"),
    ("time;volume\n2026-01-05 00:00;3\n", "1! no heading names a column for the time and one for the price: found "
     "'time', 'volume'"),
    ("2026-01-05 00:00,84,3\n2026-01-05 01:00,84,3\n", "1! no heading names a column for the time and one for the "
     "price: found '2026-01-05 00:00', '84', '3'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NO_TABLES)
def test_what_is_no_table_of_prices_is_refused_as_a_whole(text: str, expected: str) -> None:
    file = parse_prices(text, BERLIN)
    assert (words(file), file.is_usable, file.rows) == ([expected], False, 0)


def test_of_several_price_columns_one_is_taken_and_named() -> None:
    file = parse_prices(
        "value_exc_vat,value_inc_vat,valid_from,valid_to\n10.0,10.5,2026-01-05T00:00Z,2026-01-05T00:30Z\n", LONDON
    )
    assert told(file, LONDON) == [("01-05 00:00+0000", 30, 0.1)]
    assert words(file) == ["1: several columns hold prices: 'value_exc_vat' is taken, not 'value_inc_vat'"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes("Zeit;Preis in €/MWh\r\n05.01.2026 00:00;84,30\r\n05.01.2026 01:00;-5,20\r\n".encode(encoding))
    file = read_prices(path, BERLIN)
    assert (file.name, file.currency, told(file), words(file)) == ("prices.csv", "EUR", TWO_HOURS, [])


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        file = read_prices(path, BERLIN)
        assert not file.is_usable
        assert "cannot be read" in file.findings[0].message


CELLS = st.one_of(
    st.text(max_size=6),
    st.floats().map(str),
    st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 30)).map(lambda at: f"{at:%Y-%m-%d %H}:00"),  # noqa: DTZ001
    st.sampled_from(
        ["", "84,3", "0.1", "-5", "1.234,5", "2026-10-25 02:00", "1767567600", '"', "nan", "2026-01-05T00:00Z"]
    ),
)
LINES = st.lists(CELLS, max_size=4).map(";".join)


@given(
    st.lists(LINES, max_size=12),
    st.sampled_from(["time;price_eur_mwh", "Datum;von;price", "", "x;y"]),
    st.sampled_from([BERLIN, LONDON]),
)
def test_whatever_stands_in_a_file_it_is_read_or_refused_and_never_raises(
    rows: list[str], heading: str, zone: ZoneInfo
) -> None:
    parse_prices("\n".join([heading, *rows]), zone)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "prices.csv"
        path.write_bytes(b"time;EUR/MWh\n2026-01-05 00:00;84.3\n" + raw)
        read_prices(path, BERLIN)


def test_a_table_that_breaks_off_is_read_up_to_there() -> None:
    file = parse_prices(f'time;EUR/MWh\n2026-01-05 00:00;84.3\n2026-01-05 01:00;"{"9" * 200_000}"\n', BERLIN)
    assert [point[2] for point in told(file)] == [0.0843]
    assert "3! the rows from here on cannot be read: field larger than field limit (131072)" in words(file)


@st.composite
def messy(draw: st.DrawFn) -> list[str]:
    """Rows of which some are faulty, each on a line of its own."""
    times = st.integers(0, 60).map(lambda hour: f"{datetime(2026, 3, 28) + hour * HOUR:%Y-%m-%d %H:%M}")  # noqa: DTZ001
    cells = st.tuples(times | st.sampled_from(["", "soon"]), st.integers(20, 200).map(str) | st.sampled_from(["", "x"]))
    return [";".join(row) for row in draw(st.lists(cells, min_size=1, max_size=30)) if any(row)]


@given(messy())
def test_no_row_is_lost_without_a_word(rows: list[str]) -> None:
    """Each row gives a price, or its line is among the findings."""
    file = parse_prices("\n".join(["time;EUR/MWh", *rows]), BERLIN)
    named = {finding.row for finding in file.findings}
    taken = {
        (f"{datetime.fromtimestamp(p.begin_s, BERLIN):%Y-%m-%d %H:%M}", round(p.per_kwh * 1000))
        for p in file.series.points
    }
    walls = {line: row.split(";") for line, row in enumerate(rows, start=2)}
    through = any("all year" in finding.message for finding in file.findings)
    for line, (at, price) in walls.items():
        assert line in named or through or (at, int(price)) in taken or _is_repeated_later(at, line, rows), (
            line,
            words(file),
        )
    assert file.rows == len(rows)


def _is_repeated_later(at: str, line: int, rows: list[str]) -> bool:
    return any(row.startswith(f"{at};") for row in rows[line - 1 :])


@pytest.mark.skipif(not AGILE.is_file(), reason=f"no {AGILE}: set EMS_DATA_DIR to the folder with prices/")
def test_a_recorded_year_is_read_whole_and_its_evening_prices_stay_at_four_o_clock_local_time() -> None:
    """The file keeps UTC all year; agile prices are dearest from 16:00 to 19:00 by the clock of London."""
    file = read_prices(AGILE, LONDON)
    assert (file.rows, len(file.series.points), file.currency) == (8760, 8760, "GBP")
    assert [finding.row for finding in file.findings] == [2139]
    assert min(point.per_kwh for point in file.series.points) == -0.031
    for month in (1, 7):
        by_hour: dict[int, list[float]] = {}
        for point in file.series.points:
            wall = datetime.fromtimestamp(point.begin_s, LONDON)
            if wall.month == month:
                by_hour.setdefault(wall.hour, []).append(point.per_kwh)
        dearest = sorted(by_hour, key=lambda hour: sum(by_hour[hour]) / len(by_hour[hour]))[-3:]
        assert sorted(dearest) == [16, 17, 18]
