"""A CSV opens right in a spreadsheet, and does nothing there."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ems.adapters.export.csv_file import FORMULA, PLAIN, Dialect, as_csv, dialect_of, inert
from ems.domain.record.data_table import Cell, Column, DataTable, Kind

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (BERLIN, *map(ZoneInfo, ("Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia")))
"""With offsets of quarters of an hour, and long ago of odd minutes and seconds."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t'=1"),
        ("\rx", "'\rx"), ("\n=1", "'\n'=1"), ("  =1", "  '=1"), ("\uff1d1", "'\uff1d1"), ("\uff201", "'\uff201"),
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"), ("x;=1", "x;'=1"), ("x, @y", "x, '@y"), ("a\n-b", "a\n'-b"),
        ("harmless =1", "harmless =1"), ("CP-01/1@20261122T090000Z", "CP-01/1@20261122T090000Z"), ("", ""),
        ("Müller-Lüdenscheidt", "Müller-Lüdenscheidt"), ("'; DROP TABLE session", "'; DROP TABLE session"),
    ],
)  # fmt: skip
def test_a_text_that_a_spreadsheet_would_run_is_inert(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text(alphabet=st.sampled_from("=+-@;,|\t\r\n '\"ab\uff1d"), max_size=12))
def test_no_text_runs_whatever_it_is_made_of(text: str) -> None:
    assert not FORMULA.search(inert(text).removeprefix("'")) or inert(text).startswith("'")
    for separator in ";,|\t\n":
        for part in inert(text).split(separator):
            assert not part.strip().startswith(("=", "+", "-", "@", "\uff1d"))


@given(st.text(alphabet=st.sampled_from("=+-@;,|\t\r\n \u2003'ab\uff1d\uff0b"), max_size=12))
def test_what_is_told_at_a_glance_needs_no_mark(text: str) -> None:
    assert not (PLAIN.fullmatch(text) and FORMULA.search(text))


def one(kind: Kind, cell: Cell, dialect: Dialect) -> str:
    lines = b"".join(as_csv(DataTable((Column("x", kind),), [(cell,)]), dialect)).decode().splitlines()
    return lines[1]


@pytest.mark.parametrize(
    ("kind", "cell", "plain", "german"),
    [
        (Kind.NUMBER, -1.5, "-1.5", '-1,5'), (Kind.WHOLE, -3, "-3", "-3"),
        (Kind.MONEY, Decimal("9.80"), "9.80", "9,80"),
        (Kind.FLAG, True, "true", "true"), (Kind.TEXTS, ("=a", "b"), "'=a b", "'=a b"), (Kind.TEXT, None, '""', '""'),
        (Kind.TEXT, "a;b", "a;b", '"a;b"'), (Kind.TEXT, "a,b", '"a,b"', "a,b"),
        (Kind.MOMENT, datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29T01:00:00Z", "2026-03-29 03:00:00;UTC+02:00"),
        (Kind.MOMENT, datetime(2026, 10, 25, 0, tzinfo=UTC), "2026-10-25T00:00:00Z", "2026-10-25 02:00:00;UTC+02:00"),
        (Kind.MOMENT, datetime(2026, 10, 25, 1, tzinfo=UTC), "2026-10-25T01:00:00Z", "2026-10-25 02:00:00;UTC+01:00"),
    ],
)  # fmt: skip
def test_a_cell(kind: Kind, cell: Cell, plain: str, german: str) -> None:
    assert one(kind, cell, Dialect()) == plain
    assert one(kind, cell, dialect_of("de", BERLIN)) == german


@given(st.datetimes(timezones=st.sampled_from([UTC, *ZONES])), st.sampled_from(ZONES))
def test_a_moment_is_what_the_clock_showed_then(at: datetime, zone: ZoneInfo) -> None:
    assume(2 < at.year < 9998)
    assert one(Kind.MOMENT, at, Dialect()) == f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()[:19]}Z"
    there = at.astimezone(zone)
    told = f"{there:%z}"
    shown = f"{there.replace(tzinfo=None).isoformat(' ')[:19]},UTC{told[:3]}:{told[3:]}"
    assert one(Kind.MOMENT, at, dialect_of("en", zone)) == shown


def test_an_unknown_moment_has_no_offset() -> None:
    assert one(Kind.MOMENT, None, dialect_of("de", BERLIN)) == ";"
    empty = DataTable((Column("at", Kind.MOMENT), Column("n", Kind.WHOLE)), [])
    assert b"".join(as_csv(empty, dialect_of("de", BERLIN))).decode("utf-8-sig") == "at;n;utc_offset\r\n"


@pytest.mark.parametrize("language", ["", "en", "de"])
def test_only_a_file_for_a_spreadsheet_begins_with_a_mark(language: str) -> None:
    dialect = dialect_of(language, BERLIN) if language else Dialect()
    data = b"".join(as_csv(DataTable((Column("name", Kind.TEXT),), [("Jürgen",)]), dialect))
    assert data.startswith(b"\xef\xbb\xbf") is bool(language)
    assert "Jürgen" in data.decode("utf-8-sig")


def test_texts_with_separators_quotes_and_lines_come_back_as_they_were() -> None:
    texts = ["a,b", 'say "x"', "two\r\nlines", "\U0001f642", ";"]
    data = b"".join(as_csv(DataTable((Column("name", Kind.TEXT),), ((text,) for text in texts)), Dialect()))
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert [row[0] for row in rows[1:]] == texts


def test_many_rows_come_in_pieces() -> None:
    rows = ((str(k),) for k in range(1_200))
    assert len(list(as_csv(DataTable((Column("n", Kind.TEXT),), rows), Dialect()))) == 3


@pytest.mark.parametrize(
    ("plugged", "unplugged", "departure", "offset"),
    [
        ("2026-03-28T23:30", "2026-03-29T00:30", None, "UTC+01:00"),
        ("2026-03-28T23:30", "2026-03-29T02:30", None, "UTC+01:00 (unplugged UTC+02:00)"),
        ("2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T06:00", "UTC+02:00 (unplugged, departure UTC+01:00)"),
        ("2026-10-25T00:30", None, "2026-10-25T06:00", "UTC+02:00 (departure UTC+01:00)"),
        (None, None, None, ""),
    ],
)
def test_a_row_over_which_the_clocks_change_says_so_of_each_moment(
    plugged: str | None, unplugged: str | None, departure: str | None, offset: str
) -> None:
    """Of 02:30 in that night nobody could tell otherwise which one it was, nor how long it took."""
    names = ("plugged", "unplugged", "departure")
    moments = [
        None if at is None else datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (plugged, unplugged, departure)
    ]
    table = DataTable(tuple(Column(name, Kind.MOMENT) for name in names), [tuple(moments)])
    told = b"".join(as_csv(table, dialect_of("de", BERLIN))).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(told), delimiter=";")
    assert row["utc_offset"] == offset
