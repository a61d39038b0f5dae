"""The audit: who did what, found by words and days; as a table that no spreadsheet carries out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.test_injection import HOSTILE


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageOffice]:
    """Somebody did something on each of a hundred and ten days, and people with hostile names."""
    with PageOffice(tmp_path_factory.mktemp("office")) as one:
        now = one.scene.instant.utc
        for k in range(110, 0, -1):
            one.store.audit.add(now - timedelta(days=k), "otto", "LimitReceived", {"scope": f"row-{k}", "max_a": k})
        for text in HOSTILE.values():
            one.store.audit.add(now, text[:200], text[:200], {"note": text})
        yield one


def said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_the_newest_come_first_and_older_ones_a_page_further(office: PageOffice) -> None:
    page = office.page("/audit?words=otto")
    assert page.text.count("<summary>") == 100
    assert "Limit received" in page.text
    older = re.search(r'href="/audit\?([^"]*before=\d+)"', page.text)
    assert older is not None
    rest = office.page(f"/audit?{older[1].replace('&amp;', '&')}")
    assert rest.text.count("<summary>") == 10
    assert "row-110" in rest.text
    assert "To the newest" in rest.text


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("words=row-7 limit", 11),
        ("words=row-77", 1),
        ("words=nobody", 0),
        ("words=otto&since=2026-11-18&until=2026-11-19", 2),
        ("words=otto&until=2026-08-02", 1),
        ("since=2026-11-21", 0),
    ],
)
def test_it_is_searched_by_words_and_days_of_the_site(office: PageOffice, query: str, rows: int) -> None:
    assert office.page(f"/audit?{query}").text.count("<summary>") == rows
    table = list(csv.reader(io.StringIO(office.page(f"/audit.csv?{query}").text.removeprefix("\ufeff"))))
    assert len(table) == rows + 1


def test_the_table_holds_all_and_nothing_in_it_is_a_formula(office: PageOffice) -> None:
    answer = office.page("/audit.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    table = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert table[0] == ["time", "who", "what", "detail"]
    assert len(table) == 1 + 110 + len(HOSTILE)
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in table for cell in row)


def test_hostile_names_are_shown_and_do_nothing(office: PageOffice) -> None:
    text = office.page("/audit").text
    assert "<script>window" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "{{7*7}}" in said(text)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=yesterday", 422),
        ("since=2026-13-01", 422),
        ("until=9999-12-31", 422),
        ("before=x", 422),
        ("before=-1", 422),
        ("before=99999999999999999999", 422),
        (f"words={'a' * 300}", 422),
    ],
)
def test_what_is_no_day_is_said(office: PageOffice, query: str, status: int) -> None:
    assert office.page(f"/audit?{query}").status_code == status
