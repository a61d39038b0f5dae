"""The page of price lists: each in words with what 30 kWh cost, where which counts, inert whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ems.domain.access.account import Role
from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.test_injection import HOSTILE
from tests.adapters.web.test_prices import PUBLIC

GIFT: dict[str, Any] = {"name": "Staff", "fees": [], "groups": ["staff"]}
DEAR: dict[str, Any] = {
    "fees": [{"unit": "kwh", "price": "0.79"}, {"unit": "session", "price": "1"}],
    "evses": ["CP-02/1"],
}
OVER: dict[str, Any] = {
    "fees": [{"unit": "kwh", "price": "9"}],
    "valid_from": "2099-01-01",
    "valid_until": "2099-12-31",
}


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageOffice]:
    with PageOffice(tmp_path_factory.mktemp("office")) as one:
        yield one


def said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).replace(" ,", ",")


def test_without_a_price_list_the_page_says_that_charging_is_free(office: PageOffice) -> None:
    text = said(office.page("/price-lists").text)
    assert "There is none: charging is free here. Add one below." in text
    assert "Free at every EVSE" in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            PUBLIC,
            (
                "Everybody public for everybody; at every EVSE; until 31 Dec 2027",
                "0.59 EUR per kWh, 1 Oct to 31 Mar, Mon-Fri 17:00 to 20:00",
                "0.3937 EUR per kWh",
                "0.1 EUR per idle minute",
                "19 % VAT inside; the first 15 idle minutes are free;"
                " all idle minutes of a session cost 12 EUR at most; up to 40 EUR are held on a card",
                "30 kWh at 11 kW from now",
            ),
        ),
        (GIFT, ("Staff public for staff; at every EVSE Nothing is charged. no VAT 0.00 EUR",)),
        (
            DEAR,
            (
                "public for everybody; at CP-02/1 0.79 EUR per kWh 1 EUR per session",
                "no VAT; no card pays, as it names no hold 24.70 EUR",
                "public at CP-02/1",
                "Free at CP-01/1, CP-03/1",
            ),
        ),
        (OVER, ("from 1 Jan 2099; until 31 Dec 2099", "270.00 EUR", "Free at every EVSE")),
    ],
    ids=["all there is", "a gift", "at one EVSE", "not yet"],
)
def test_a_price_list_is_said_in_words(office: PageOffice, body: dict[str, Any], words: tuple[str, ...]) -> None:
    office.told("PUT", "/price-lists/public", body)
    text = said(office.page("/price-lists").text)
    for one in words:
        assert one in text, one


def test_the_list_of_an_evse_counts_before_that_for_all(office: PageOffice) -> None:
    office.told("PUT", "/price-lists/public", PUBLIC)
    office.told("PUT", "/price-lists/dear", DEAR)
    text = said(office.page("/price-lists").text)
    assert "dear at CP-02/1" in text
    assert "Everybody at CP-01/1, CP-03/1" in text


def test_groups_are_offered_that_there_are_and_that_lists_name(office: PageOffice) -> None:
    office.told("PUT", "/groups/fleet", {"name": "Delivery"})
    office.told("PUT", "/price-lists/public", GIFT)
    offered = re.findall(r'name="groups" value="([^"]+)"', office.page("/price-lists").text)
    assert offered == ["fleet", "staff"]


def test_who_only_looks_finds_no_form(office: PageOffice) -> None:
    office.told("PUT", "/price-lists/public", PUBLIC)
    page = office.page_for(Role.VIEWER, "/price-lists").text
    assert "Everybody" in page
    assert "<form" not in page
    assert "data-edit" not in page


@pytest.mark.parametrize("name", [text for text in HOSTILE.values() if text.isprintable() and len(text) < 100])
def test_a_name_does_nothing(office: PageOffice, name: str) -> None:
    office.told("PUT", "/price-lists/public", {**PUBLIC, "name": name})
    office.told("PUT", "/groups/g", {"name": name})
    page = office.page("/price-lists").text
    assert "<script>window" not in page
    assert "<img" not in page
    assert "<svg/onload" not in page
