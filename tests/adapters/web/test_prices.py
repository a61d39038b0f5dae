"""What drivers pay, told and asked over the interface: checked, stored, previewed, and never made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ems.domain.events import StatusChanged
from ems.domain.station import EvseStatus
from tests.adapters.web.office import Office

PUBLIC: dict[str, Any] = {
    "name": "Everybody",
    "currency": "EUR",
    "vat_percent": "19",
    "idle_grace_min": 15,
    "valid_from": None,
    "valid_until": "2027-12-31",
    "evses": [],
    "groups": [],
    "hold": "40",
    "idle_at_most": "12",
    "fees": [
        {"unit": "kwh", "price": "0.59", "when": ["Mon-Fri 17:00-20:00"], "seasons": ["10-01..03-31"]},
        {"unit": "kwh", "price": "0.3937", "when": [], "seasons": []},
        {"unit": "idle-minute", "price": "0.1", "when": [], "seasons": []},
    ],
}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for all requests that must change nothing."""
    with Office(tmp_path_factory.mktemp("calm")) as opened:
        opened.told("PUT", "/price-lists/public", PUBLIC)
        yield opened


def test_a_price_list_is_told_as_it_is_shown_and_is_there_after_a_restart(office: Office) -> None:
    told = office.told("PUT", "/price-lists/public", PUBLIC)
    assert told == {"id": "public", **PUBLIC}
    office.restart()
    assert office.told("GET", "/price-lists") == {"price_lists": [told]}
    assert office.told("GET", "/price-lists/public") == told
    (audit,) = office.told("GET", "/audit")["audit"]
    assert (audit["what"], audit["detail"]["after"][0]["vat_bp"]) == ("PriceListKept", 1900)
    office.told("DELETE", "/price-lists/public")
    assert office.told("GET", "/price-lists") == {"price_lists": []}


def test_prices_are_exact_whether_written_as_text_or_as_a_number(office: Office) -> None:
    fees = [{"unit": "kwh", "price": 0.1}, {"unit": "minute", "price": "1.000000"}]
    told = office.told("PUT", "/price-lists/x", {"fees": fees})
    assert [fee["price"] for fee in told["fees"]] == ["0.1", "1"]


def test_two_who_change_the_same_prices_do_not_undo_each_other(office: Office) -> None:
    office.told("PUT", "/price-lists/public", PUBLIC)
    seen = {"if-match": office.ask("GET", "/price-lists/public").headers["etag"]}
    office.told("PUT", "/price-lists/public", {**PUBLIC, "hold": "50"}, seen)
    assert office.refused("PUT", "/price-lists/public", PUBLIC, seen)[0] == 412
    assert office.refused("DELETE", "/price-lists/public", headers=seen)[0] == 412
    assert office.told("GET", "/price-lists/public")["hold"] == "50"


def test_thirty_kwh_are_previewed_line_by_line_and_nothing_is_kept(office: Office) -> None:
    """By hand: from 16:00 for 3 h at 10 kW, of which 2 h are dear; then 20 minutes idle, of which 15 are free."""
    session = {"energy_kwh": 30, "kw": 10, "idle_min": 20, "at": "2026-11-26T16:00:00+01:00"}
    found = office.told("POST", "/price-preview", {"prices": PUBLIC, **session})
    assert [(line["unit"], line["quantity"], line["price"], line["amount"]) for line in found["lines"]] == [
        ("kwh", "20.000", "0.59", "11.80"),
        ("kwh", "10.000", "0.3937", "3.94"),
        ("idle-minute", "5", "0.1", "0.50"),
    ]
    assert (found["total"], found["vat"], found["net"], found["final"]) == ("16.24", "2.59", "13.65", False)
    assert office.told("GET", "/price-lists") == {"price_lists": []}
    office.told("PUT", "/price-lists/public", PUBLIC)
    assert office.told("POST", "/price-preview", {"price_list": "public", **session})["total"] == "16.24"


def test_what_somebody_pays_depends_on_where_and_who(office: Office) -> None:
    assert office.told("GET", "/evses/CP-11/1/price") == {"evse": "CP-11/1", "price_list": None}
    office.told("PUT", "/price-lists/public", PUBLIC)
    office.told("PUT", "/price-lists/staff", {"fees": [], "groups": ["staff"]})
    office.told("PUT", "/price-lists/bay", {"fees": [], "evses": ["CP-12/1"]})
    asked = ("/evses/CP-11/1/price", "/evses/CP-12/1/price", "/evses/CP-12/1/price?group=crew&group=staff")
    assert [office.told("GET", path)["price_list"]["id"] for path in asked] == ["public", "bay", "staff"]


def test_a_session_that_runs_has_a_cost_and_one_that_is_over_a_receipt(office: Office) -> None:
    office.told("PUT", "/price-lists/public", PUBLIC)
    evse, now = "CP-14/1", office.scene.instant
    office.loop.inbox.put(StatusChanged(evse, now, EvseStatus.PREPARING))
    office.tick()
    cost = office.told("GET", f"/evses/{evse}/cost")
    assert (cost["total"], cost["lines"], cost["final"]) == ("0.00", [], False)
    office.told("PUT", "/price-lists/public", {**PUBLIC, "fees": [], "idle_at_most": None})
    name = office.session(evse).id
    office.loop.inbox.put(StatusChanged(evse, now, EvseStatus.AVAILABLE))
    office.tick()
    made = office.told("GET", f"/receipts/{name}")
    assert (made["evse"], made["price_list"], made["final"]) == (evse, "public", True)
    assert office.told("GET", "/receipts?limit=1")["receipts"] == [made]
    assert office.refused("GET", f"/evses/{evse}/cost")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PUT", "/price-lists/x", {}, 422, "fees"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "-1"}]}, 422, "from 0 to"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "NaN"}]}, 422, "price"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "1e400"}]}, 422, "price"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "0.1234567"}]}, 422, "6 decimal places"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kw", "price": "1"}]}, 422, "unit"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "1", "when": ["17-18"]}]}, 422, "not a time"),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "1", "when": ["17:10-18:00"]}]}, 422, "quarter"),
        (
            "PUT",
            "/price-lists/x",
            {"fees": [{"unit": "kwh", "price": "1", "seasons": ["13-01..14-01"]}]},
            422,
            "no year",
        ),
        ("PUT", "/price-lists/x", {"fees": [{"unit": "kwh", "price": "1", "seasons": ["winter"]}]}, 422, "season"),
        ("PUT", "/price-lists/x", {"fees": [], "currency": "USD"}, 422, "the site in EUR"),
        ("PUT", "/price-lists/x", {"fees": [], "evses": ["CP-99/1"]}, 404, "no EVSE 'CP-99/1'"),
        ("PUT", "/price-lists/x", {"fees": []}, 422, "would both count"),
        ("PUT", "/price-lists/x", {"fees": [], "groups": ["a"], "valid_until": "2020-01-01"}, 422, "backwards"),
        ("PUT", "/price-lists/%0A", {"fees": []}, 422, "printable"),
        ("PUT", "/price-lists/x", {"fees": [], "vat_percent": 7000}, 422, "VAT"),
        ("PUT", "/price-lists/x", {"fees": [], "name": "=cmd|'/c calc'!A1\u202e"}, 422, "printable"),
        ("DELETE", "/price-lists/x", None, 404, "no price list 'x'"),
        ("GET", "/price-lists/x", None, 404, "no price list 'x'"),
        ("GET", "/evses/CP-99/1/price", None, 404, "no EVSE"),
        ("GET", "/evses/CP-11/1/cost", None, 404, "no session that costs"),
        ("GET", "/receipts/nobody", None, 404, "no receipt"),
        ("GET", "/receipts?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", None, 422, "ends before"),
        ("GET", "/receipts?from=2026-01-02", None, 422, "from"),
        ("POST", "/price-preview", {}, 422, "one of both"),
        ("POST", "/price-preview", {"price_list": "x", "prices": {"fees": []}}, 422, "one of both"),
        ("POST", "/price-preview", {"price_list": "x"}, 404, "no price list 'x'"),
        ("POST", "/price-preview", {"price_list": "public", "energy_kwh": 1e9}, 422, "energy_kwh"),
        ("POST", "/price-preview", {"price_list": "public", "at": "9999-12-31T23:00:00Z"}, 422, "calendar"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    calm: Office, method: str, path: str, body: object, status: int, said: str
) -> None:
    before = calm.told("GET", "/price-lists")
    found, words = calm.refused(method, path, body)
    assert (found, said in words) == (status, True), words
    assert calm.told("GET", "/price-lists") == before
