"""Recorded courses of power: how files are understood, and what is wrong in them."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ems.sim.recorded_series import SeriesFile, parse_series, read_series
from tests.sim.sites import recorded

BERLIN = ZoneInfo("Europe/Berlin")
NAN = float("nan")


def parsed(*rows: str, header: str = "time,load [kWh]") -> SeriesFile:
    return parse_series("\n".join([header, *rows]), "here.csv", BERLIN)


def reasons(file: SeriesFile) -> list[tuple[str, str]]:
    return [(one.where, one.reason) for one in file.rejected]


@pytest.mark.parametrize(
    ("name", "zone", "begins", "step_s", "mean_w"),
    [
        ("building/cambridge_b0_2019.csv", "Europe/London", datetime(2019, 1, 1, tzinfo=UTC), 3600, 25_910),
        ("building/cambridge_b2_2019.csv", "Europe/London", datetime(2019, 1, 1, tzinfo=UTC), 3600, 908_607),
        (
            "pv/jpl_220kwdc_simulated_halfhourly.csv",
            "America/Los_Angeles",
            datetime(2019, 1, 1, 8, tzinfo=UTC),
            1800,
            46_250,
        ),
    ],
)
def test_the_real_files(name: str, zone: str, begins: datetime, step_s: int, mean_w: float) -> None:
    """Means as awk finds them; none of the three knows summer time."""
    file = read_series(recorded("boulder_public.csv").parents[1] / name, ZoneInfo(zone))
    assert (file.series.begins, file.series.step_s, file.rejected) == (begins, step_s, ())
    assert len(file.series.mean_w) == 365 * 86_400 // step_s
    assert float(file.series.mean_w.mean()) == pytest.approx(mean_w, abs=1)
    assert "without summer time" in file.clock


@pytest.mark.parametrize(
    ("header", "watts"),
    [
        ("time,load [kWh]", 8000.0),
        ("time,Wh", 8.0),
        ('"Time stamp","Array DC power | (kW)"', 2000.0),
        ("t,power_w", 2.0),
        ("t,state,P (MW)", 2e6),
    ],
)
def test_the_unit_is_read_from_the_header(header: str, watts: float) -> None:
    """A quarter of an hour, and 2."""
    state = "on," if "state" in header else ""
    file = parsed(f"2024-05-01 00:00,{state}2", f"2024-05-01 00:15,{state}2", header=header)
    assert file.series.mean_w.tolist() == [watts, watts]


def test_gaps_and_values_that_are_none_are_named_and_missing() -> None:
    file = parsed(
        "2024-05-01 00:00,1", "2024-05-01 01:00,NaN", "2024-05-01 02:00,", "2024-05-01 03:00,x", "soon,1",
        "2024-05-01 05:00,inf", "2024-05-01", "2024-05-01 07:10,1", "2024-05-01 08:00,2", "2024-05-01 09:00,3",
        "2024-05-01 09:00,4", "2024-05-01 10:00,5",
    )  # fmt: skip
    np.testing.assert_equal(file.series.mean_w, [1e3, *[NAN] * 7, 2e3, 3e3, 5e3])
    assert reasons(file) == [
        ("line 3", "NaN is no value"),
        ("line 4", "no value"),
        ("line 5", "'x' is no number"),
        ("line 6", "'soon' is no time: write 2019-12-31 23:00"),
        ("line 7", "inf is no value"),
        ("line 8", "2 columns expected"),
        ("line 9", "2024-05-01 05:10:00 UTC is between steps of 3600 s"),
        ("line 12", "a second value for 2024-05-01 07:00 UTC"),
    ]


def test_the_doubled_hour_of_a_local_clock_is_two_hours() -> None:
    file = parsed(*(f"2024-10-27 {hour:02}:00,{k}" for k, hour in enumerate([0, 1, 2, 2, 3])))
    assert (file.series.mean_w / 1e3).tolist() == [0, 1, 2, 3, 4]
    assert (file.rejected, file.clock) == ((), "Europe/Berlin")


def test_an_hour_doubled_by_mistake_is_named() -> None:
    file = parsed(*(f"2024-10-28 {hour:02}:00,{k}" for k, hour in enumerate([0, 1, 2, 2, 3])))
    assert (file.series.mean_w / 1e3).tolist() == [0, 1, 2, 4]
    assert reasons(file) == [("line 5", "a second value for 2024-10-28 01:00 UTC")]


def test_the_skipped_hour_of_a_local_clock_is_no_gap() -> None:
    file = parsed(*(f"2024-03-31 {hour:02}:00,{k}" for k, hour in enumerate([0, 1, 3, 4])))
    assert (file.series.mean_w / 1e3).tolist() == [0, 1, 2, 3]


def test_a_clock_without_summer_time_shows_the_hour_that_others_skip() -> None:
    file = parsed(*(f"2024-03-31 {hour:02}:00,{hour}" for hour in range(5)))
    assert (file.series.mean_w / 1e3).tolist() == [0, 1, 2, 3, 4]
    assert file.clock == "Europe/Berlin without summer time, for the file shows an hour that its clocks skip"


def test_a_single_time_that_does_not_exist_is_named() -> None:
    """Quarters of an hour, of which one is wrong."""
    times = ["01:30", "01:45", "02:15", "03:00", "03:15"]
    file = parsed(*(f"2024-03-31 {time},1" for time in times))
    assert file.series.mean_w.tolist() == [4e3] * 4
    assert reasons(file) == [("line 4", "2024-03-31 02:15 does not exist on the clocks of Europe/Berlin")]


def test_times_with_an_offset_are_taken_at_their_word() -> None:
    file = parsed("2024-05-01T00:00:00+02:00,1", "2024-05-01T01:00:00+02:00,2", "2024-05-01T00:00:00Z,3")
    assert (file.series.begins, file.clock) == (datetime(2024, 4, 30, 22, tzinfo=UTC), "as written, with its offset")
    assert (file.series.mean_w / 1e3).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column after the first names its unit"),
        ("time,price [EUR/kWh]\n2024-05-01,1", "no column after the first names its unit"),
        ("kWh\n1", "no column after the first names its unit"),
        ("time,kWh\n", "fewer than two rows with a time and a number"),
        ("time,kWh\nyesterday,1\nnow,2", "fewer than two rows.*line 2: 'yesterday' is no time"),
        ("time,kWh\n2024-05-01,1\n2024-05-02,1\r2", "here.csv:.*not a table"),
        ("time,kWh\n0001-01-01,1\n0001-01-02,1", "a time lies at the end of the calendar"),
        ("time,kWh\n2024-05-01,1\n2024-05-01,1", "times are 0 s apart"),
        ("time,kWh\n2024-05-01,1\n2024-05-03,1", "times are 172800 s apart; needed are steps that divide a day"),
        ("time,kWh\n2024-05-01 00:00,1\n2024-05-01 01:00,1\n9024-05-01 00:00,1", "which must be a wrong date"),
    ],
)
def test_what_is_no_course_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_series(text, "here.csv", BERLIN)


def test_files_may_be_packed_and_unreadable_ones_are_named(tmp_path: Path) -> None:
    text = "time,kW\n2024-05-01 00:00,1\n2024-05-01 01:00,2\n"
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_series(tmp_path / "packed.csv.gz", BERLIN).series.mean_w.tolist() == [1e3, 2e3]
    (tmp_path / "broken").write_bytes(gzip.compress(text.encode())[:30])
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04\0[Content_Types].xml")
    (tmp_path / "folder").mkdir()
    reasons = {
        "book.xlsx": "the workbook of a spreadsheet, not a CSV file; save",
        "broken": "a damaged gzip file",
        "folder": "Is a directory",
        "absent": "No such file",
    }
    for name, reason in reasons.items():
        with pytest.raises(ValueError, match=f"{name}: .*{reason}"):
            read_series(tmp_path / name, BERLIN)


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("a spreadsheet in German", b"Zeit;Last [kWh]\n2024-05-01 00:00;1,5\n2024-05-01 01:00;2\n"),
        ("tabulators", b"time\tkWh\n2024-05-01 00:00\t1.5\n2024-05-01 01:00\t2\n"),
        ("UTF-16", "time,kWh\n2024-05-01 00:00,1.5\n2024-05-01 01:00,2\n".encode("utf-16")),
        ("Windows", "Zähler,kWh\r\n2024-05-01 00:00,1.5\r\n2024-05-01 01:00,2\r\n".encode("cp1252")),
    ],
)
def test_a_course_is_read_from_what_spreadsheets_write(what: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "course.csv").write_bytes(data)
    file = read_series(tmp_path / "course.csv", BERLIN)
    assert (file.series.mean_w.tolist(), file.rejected) == ([1500.0, 2000.0], ()), what
