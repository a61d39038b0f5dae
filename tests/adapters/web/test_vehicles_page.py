"""The page of vehicles: what is known of each, who leaves when, classes; inert whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.adapters.web.page_office import PageOffice

BUS = {
    "name": "Citaro 17",
    "id_tags": ["04A1"],
    "battery_kwh": 392,
    "max_kw": 150,
    "service_class": 2,
    "guarantee": {"energy_kwh": 20, "by": "05:10"},
    "weekly": [
        {"days": "Mon-Fri", "at": "05:10", "target_soc_percent": 90},
        {"days": "Sat", "at": "07:00", "energy_kwh": 40},
    ],
}


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageOffice]:
    with PageOffice(tmp_path_factory.mktemp("office")) as one:
        yield one


def said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_without_vehicles_the_page_says_what_to_do(office: PageOffice) -> None:
    assert "No vehicle is known yet. Add one below" in said(office.page("/vehicles").text)


def test_what_is_known_of_a_vehicle_and_when_it_leaves(office: PageOffice) -> None:
    office.told("PUT", "/vehicles/bus-17", BUS)
    office.told("PUT", "/departures/bus-17/2026-11-23", {"departures": [{"at": "06:30", "energy_kwh": 55}]})
    office.told("PUT", "/vehicles/bus-17/soc", {"soc_percent": 42})
    office.told("PUT", "/classes/2", {"name": "buses", "guarantee": {"energy_kwh": 20, "by": "05:10"}})
    text = said(office.page("/vehicles").text)
    for words in (
        "Citaro 17 bus-17 42 %",
        "leaves Sat 07:00 with 40 kWh",
        "392 kWh battery; up to 150 kW DC; tags 04A1; class 2; promised 20 kWh by 05:10",
        "07:00 40 kWh",
        "06:30 55 kWh once",
        "05:10 90 %",
        "2 buses promised 20.0 kWh by 05:10",
    ):
        assert words in text, words


def test_two_vehicles_that_are_to_leave_from_one_evse_are_named_and_taken(office: PageOffice) -> None:
    for name, label in (("bus-1", "Citaro 1"), ("bus-2", "")):
        office.told("PUT", f"/vehicles/{name}", {"name": label})
    csv = "vehicle;departure;evse\nbus-1;2026-11-23 05:10;CP-14/1\nbus-2;2026-11-23 05:20;CP-14/1\n"
    told = office.told("POST", "/departures/import?apply=true", {"csv": csv})
    both = "bus-1 at 05:10 and bus-2 at 05:20 leave from one EVSE, CP-14/1"
    assert [(one["row"], one["is_refusal"]) for one in told["findings"] if one["message"] == both] == [(3, False)]
    words = "Mon 23 Nov: Citaro 1 at 05:10 and bus-2 at 05:20 leave from one EVSE, CP-14/1"
    assert words in said(office.page("/vehicles").text)
    office.told("PUT", "/departures/bus-2/2026-11-23", {"departures": [{"at": "08:00", "evse": "CP-14/1"}]})
    assert "leave from one EVSE" not in said(office.page("/vehicles").text)


def test_its_etag_is_that_of_the_interface(office: PageOffice) -> None:
    office.told("PUT", "/vehicles/bus-17", BUS)
    etag = office.ask("GET", "/vehicles/bus-17").headers["etag"].strip('"')
    assert f'data-etag="&#34;{etag}&#34;"' in office.page("/vehicles").text


@pytest.mark.parametrize("name", ["<script>window.pwned=1</script>", "\"><img src=x onerror='x'>", "{{7*7}}"])
def test_names_are_inert(office: PageOffice, name: str) -> None:
    office.told("PUT", "/vehicles/bus-1", {"name": name, "id_tags": [name[:20]]})
    text = office.page("/vehicles").text
    assert "<script>window" not in text
    assert "<img" not in text
    assert "49" not in said(text).partition("Vehicles")[2].partition("Add a vehicle")[0]


def test_of_many_vehicles_some_are_shown_and_the_rest_is_said(office: PageOffice) -> None:
    for k in range(303):
        office.told("PUT", f"/vehicles/v{k:03d}", {"weekly": [{"days": "Mon-Sun", "at": "05:10"}]})
    page = office.page("/vehicles")
    assert "3 more are not shown" in said(page.text)
