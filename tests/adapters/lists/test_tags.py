"""Lists of tags: read from whatever people have, handed out so that they come back as they were."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ems.adapters.lists.tags import read_tags, write_tags
from ems.domain.access.book import AccessBook
from ems.domain.access.tag import Budget, Group, Period, Person, Rule, Tag, hours_of
from tests.runtime.world import site

SITE = site()
BOOK = AccessBook(
    {"ada": Person("ada", "Ada Lovelace")},
    {"crew": Group("crew", "Crew"), "night": Group("night")},
    {"04a1": Tag("04A1", "old", "ada", ("crew",), is_blocked=True)},
)


def row(heading: str, cells: str) -> Tag:
    told = read_tags(f"{heading}\n{cells}\n", BOOK, SITE)
    assert not told.is_refused, told.findings
    (tag,) = told.tags
    return tag


@pytest.mark.parametrize(
    ("heading", "cells", "field", "value"),
    [
        ("tag", "AB12", "id", "AB12"),
        ("ID-Tag;Name", "AB12;Ada", "name", "Ada"),
        ("RFID,Fahrer", "AB12,Ada Lovelace", "person", "ada"),
        ("Karte\tInhaber", "AB12\tnew one", "person", "new one"),
        ("tag;groups", "AB12;Crew|night", "groups", ("crew", "night")),
        ("tag;valid_to", "AB12;2026-03-29", "valid_to", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("tag;gültig bis", "AB12;31.12.2026", "valid_to", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("tag;valid_from", "AB12;2026-03-01 08:00", "valid_from", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("tag;valid_to", "AB12;31.12.2026 18:00", "valid_to", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("tag;valid_to", "AB12;31/12/2026", "valid_to", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("tag;valid_to", "AB12;2026-12-31 18:00:00+03:00", "valid_to", datetime(2026, 12, 31, 15, tzinfo=UTC)),
        ("tag,evses", 'AB12,"A/1;B"', "rule", Rule(frozenset({"A/1", "B"}))),
        ("tag,hours", "AB12,Mon-Fri 06:00-22:00", "rule", Rule(hours=hours_of(("Mon-Fri 06:00-22:00",)))),
        ("tag;Budget [kWh];period", "AB12;120,5;Woche", "budget", Budget(120_500.0, Period.WEEK)),
        ("tag;budget", "AB12;1.234,5", "budget", Budget(1_234_500.0)),
        ("tag;budget_cost", "AB12;1.234,56 EUR", "budget", Budget(None, Period.MONTH, 123_456)),
        ("tag", "1234E567", "id", "1234E567"),
        ("tag;budget_cost", "AB12;50 EUR", "budget", Budget(None, Period.MONTH, 5_000)),
        ("tag;budget;cost;period", "AB12;20;9,99;day", "budget", Budget(20e3, Period.DAY, 999)),
        ("tag;prio", "AB12;-3", "service_class", -3),
        ("tag;at_once", "AB12;0", "at_once", 0),
        ("tag;gesperrt", "AB12;ja", "is_blocked", True),
    ],
)
def test_a_cell_says_what_its_heading_means(heading: str, cells: str, field: str, value: Any) -> None:
    assert getattr(row(heading, cells), field) == value


def test_what_a_list_does_not_say_stays_as_it_is() -> None:
    assert row("tag;name", "04a1;new") == replace(BOOK.tags["04a1"], id="04a1", name="new")
    assert row("tag;name;blocked", "04A1;old;no").is_blocked is False
    both = replace(BOOK, tags={"04a1": replace(BOOK.tags["04a1"], budget=Budget(1e3, Period.DAY, 500))})
    (told,) = read_tags("tag;budget_kwh\n04A1;2\n", both, SITE).tags
    assert told.budget == Budget(2e3, Period.DAY, 500)


def test_a_preview_says_what_is_new_changed_and_the_same() -> None:
    told = read_tags("tag;name\n04A1;old\n04A2;x\n", BOOK, SITE)
    assert [(tag.id, kind) for tag, kind in told.kinds(BOOK)] == [("04A1", "same"), ("04A2", "new")]
    changed = read_tags("tag;name\n04A1;x\n", BOOK, SITE)
    assert [kind for _, kind in changed.kinds(BOOK)] == ["changed"]


def test_a_person_nobody_knows_comes_with_the_list_and_is_said_where_they_come_first() -> None:
    told = read_tags("tag;person\nA0;\nA1;Eve\nA2;Eve\n", BOOK, SITE)
    assert (told.people, [(finding.row, finding.message) for finding in told.findings]) == (
        (Person("Eve"),), [(3, "Eve is new, and is added")],
    )  # fmt: skip


def test_a_card_number_with_separators_is_taken_as_it_is_and_said_with_what_stations_report() -> None:
    told = read_tags("tag\n04:A1:B2:C3\n04A1B2C4\n", BOOK, SITE)
    assert [tag.id for tag in told.tags] == ["04:A1:B2:C3", "04A1B2C4"]
    assert [(finding.row, finding.is_refusal, finding.message) for finding in told.findings] == [
        (2, False, "most stations report '04:A1:B2:C3' as 04A1B2C3, which is another tag to them")
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no heading"),
        ("name;person\nA;B\n", "no heading"),
        ("PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "save its sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1".decode("cp1252", "replace"), "save its sheet as CSV"),
        ("tag\n", "no rows"),
        ("tag;name\n;x\n", "names no tag"),
        ("tag\nAAAAAAAAAAAAAAAAAAAAA\n", "1 to 20"),
        ("tag\nA1\na1\n", "the same tag as in row 2"),
        ("tag;groups\nA1;nobody\n", "no group 'nobody'"),
        ("tag;evses\nA1;Z/9\n", "no EVSE and no station 'Z/9'"),
        ("tag;hours\nA1;always\n", "write for example"),
        ("tag;valid_to\nA1;soon\n", "not a date"),
        ("tag;valid_to\nA1;9999-12-31\n", "not a date"),
        ("tag;valid_from;valid_to\nA1;2026-02-01;2026-01-01\n", "after valid_from"),
        ("tag;budget\nA1;1.500\n", "no clear budget"),
        ("tag;budget_cost\nA1;1,500\n", "no clear budget"),
        ("tag;budget\nA1;-5\n", "no clear budget"),
        ("tag;budget\nA1;1e5\n", "no clear budget"),
        ("tag;budget\nA1;10000000\n", "no clear budget"),
        ("tag\n1,23457E+14\n", "a spreadsheet has left out digits"),
        ("tag\n4e+12\n", "a spreadsheet has left out digits"),
        ("tag;valid_to\nA1;18:00\n", "not a date"),
        ("tag;budget\nA1;0\n", "block the tag"),
        ("tag;budget_cost\nA1;5,0001\n", "no amount of EUR"),
        ("tag;budget;period\nA1;10;year\n", "day, week or month"),
        ("tag;blocked\nA1;maybe\n", "neither yes nor no"),
        ("tag;priority\nA1;high\n", "not a priority"),
        ('tag\n"A1\nB2\n', "1 to 20 printable"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_with_its_remedy_and_nothing_is_taken(text: str, words: str) -> None:
    told = read_tags(text, BOOK, SITE)
    assert told.is_refused
    said = " ".join(f"{finding.message}; {finding.remedy}" for finding in told.findings if finding.is_refusal)
    assert words in said


def test_columns_that_mean_nothing_are_named_once() -> None:
    told = read_tags("tag;colour\nA1;red\n", BOOK, SITE)
    assert [(f.is_refusal, f.message) for f in told.findings] == [(False, "these columns mean nothing here: 'colour'")]


FORMULAS = (
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "'=1",
    "plain",
    'qu"ote',
    "semi;colon",
    "com,ma",
    "😀\u200b",
)


def test_no_spreadsheet_carries_out_a_cell_and_all_come_back_as_they_were() -> None:
    """I03: names are whatever people or stations wrote."""
    tags = {f"t{k}": Tag(f"T{k}", name) for k, name in enumerate(FORMULAS) if name.isprintable()}
    whole = Tag(
        "X", "", "ada", ("crew", "night"), datetime(2026, 3, 29, 0, 59, 1, tzinfo=UTC), None,
        Rule(frozenset({"A/1", "B"}), hours_of(("Mon-Fri 22:00-06:00", "00:00-24:00"))),
        Budget(12_345.5, Period.DAY, 12_34), -4, 0,
    )  # fmt: skip
    tags |= {key: replace(whole, id=key.upper()) for key in ("=1+1", "-x")}
    book = replace(BOOK, tags=tags)
    text = write_tags(book, SITE.zone, "EUR")
    cells = [cell for line in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    told = read_tags(text, replace(book, tags={}), SITE)
    assert told.findings == ()
    assert {tag.key: tag for tag in told.tags} == tags


def test_a_list_that_is_handed_out_says_on_the_first_line_what_can_be_said() -> None:
    assert write_tags(AccessBook(), SITE.zone, "EUR").strip("\ufeff\r\n").split(",")[:4] == [
        "tag",
        "name",
        "person",
        "groups",
    ]


def test_a_list_that_is_too_long_is_refused() -> None:
    assert read_tags("tag\n" + "\n".join(f"T{n}" for n in range(10_002)), BOOK, SITE).is_refused
