"""Lists in pages: nothing is left out and nothing comes twice, whatever happens while somebody turns them."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ems.adapters.ocpi.error import OcpiError, StatusCode
from ems.adapters.ocpi.paging import MOST, Paging, page_headers, paging_of
from ems.adapters.store.store import Store
from ems.domain.roaming import ObjectKind, ToldObject
from ems.ports.roaming import Selection
from tests.adapters.store.clocks import HandClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SESSION = ObjectKind.SESSION


@contextmanager
def opened() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "s.sqlite3", HandClock())
        store.open()
        yield store
        store.close()


def told(name: str, minute: int, partner: str = "tnm") -> ToldObject:
    return ToldObject(SESSION, name, partner, NOON + timedelta(minutes=minute), "{}")


def turned(headers: dict[str, str]) -> Paging | None:
    """The next page, as a partner finds it in the header."""
    link = headers.get("Link")
    if link is None:
        return None
    assert link.endswith('>; rel="next"')
    return paging_of(dict(parse_qsl(urlsplit(link[1 : link.index(">")]).query)))


@settings(max_examples=25, deadline=None)
@given(
    first=some.integers(0, 12),
    limit=some.integers(1, 5),
    meanwhile=some.lists(some.tuples(some.booleans(), some.integers(0, 11)), max_size=12),
    windowed=some.booleans(),
)
def test_no_gaps_and_no_doubles_while_objects_come_and_change(
    first: int, limit: int, meanwhile: list[tuple[bool, int]], windowed: bool
) -> None:
    """Between two pages one thing happens: an object is new, or one of those that are there changes."""

    async def scenario() -> None:
        with opened() as store:
            book, names = store.roaming, itertools.count(first)
            for number in range(first):
                await book.keep_object(told(f"s{number}", number))
                await book.keep_object(told(f"x{number}", number, "another"))
            asked: Paging | None = Paging(limit=limit, until=NOON + timedelta(hours=1) if windowed else None)
            seen: list[str] = []
            changed: set[str] = set()
            happens = iter(meanwhile)
            while asked is not None:
                which = Selection(SESSION, "tnm", asked.since, asked.until, asked.after, asked.offset, asked.limit)
                page = await book.select(which)
                seen += [one.id for one in page.objects]
                last = None if page.is_last else page.objects[-1].number
                headers = page_headers("https://a.example/s", asked, page.total, len(page.objects), last)
                asked = turned(headers)
                for is_new, which_one in itertools.islice(happens, 1):
                    name = f"s{next(names)}" if is_new else f"s{which_one}"
                    if is_new or which_one < first:
                        changed.add(name)
                        await book.keep_object(told(name, 90))
            assert len(seen) == len(set(seen)), "nothing comes twice"
            must = {f"s{number}" for number in range(first)} - (changed if windowed else set())
            assert must <= set(seen), "nothing is left out"

    asyncio.run(scenario())


def test_only_what_changed_within_the_span_is_shown_from_inclusive_until_exclusive() -> None:
    async def scenario() -> None:
        with opened() as store:
            for number in range(4):
                await store.roaming.keep_object(told(f"s{number}", number))
            span = (NOON + timedelta(minutes=1), NOON + timedelta(minutes=3))
            found = await store.roaming.select(Selection(SESSION, "tnm", *span))
            assert ([one.id for one in found.objects], found.total, found.is_last) == (["s1", "s2"], 2, True)
            found = await store.roaming.select(Selection(SESSION, "tnm", offset=3, most=1))
            assert ([one.id for one in found.objects], found.total, found.is_last) == (["s3"], 4, True)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ({}, "limit", MOST),
        ({"limit": "7"}, "limit", 7),
        ({"limit": "1"}, "limit", 1),
        ({"limit": "999999"}, "limit", MOST),
        ({"offset": "12"}, "offset", 12),
        ({"date_from": "2026-03-02T12:00:00Z"}, "since", NOON),
        ({"date_from": "2026-03-02T12:00:00"}, "since", NOON),
        ({"date_from": "2026-03-02T13:00:00+01:00"}, "since", NOON),
        ({"date_to": "2026-03-02T13:00:00 01:00"}, "until", NOON),
        ({"date_to": "2026-03-02T12:00:00.000Z"}, "until", NOON),
    ],
)
def test_what_a_query_asks_for(query: dict[str, str], field: str, value: object) -> None:
    assert getattr(paging_of(query), field) == value


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "²"},
        {"offset": "1e3"},
        {"offset": "9" * 40},
        {"after": "0x10"},
        {"date_from": "yesterday"},
        {"date_from": "2026-13-02T12:00:00Z"},
        {"date_to": "0001-01-01T00:00:00+14:00"},
        {"date_to": ""},
    ],
)
def test_a_query_that_cannot_be_meant_is_2001(query: dict[str, str]) -> None:
    with pytest.raises(OcpiError) as refused:
        paging_of(query)
    assert refused.value.code is StatusCode.INVALID_PARAMETERS
