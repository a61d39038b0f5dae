"""The screen in the car park: only where a site wants it, for everybody, and it names nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ems.assembly.pages import PageNeeds, page_parts
from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.test_injection import HOSTILE, slandered


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PageOffice]:
    with PageOffice(tmp_path) as one:
        yield one


def said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_it_tells_free_bays_who_waits_and_the_load(office: PageOffice) -> None:
    page = office.page("/kiosk")
    text = said(page.text)
    assert re.search(r"\d+ free 0 waiting for a bay From the grid [\d.]+ kW", text)
    assert page.text.count("<li data-group=") == 14
    assert "<form" not in page.text
    assert "<a " not in page.text


def test_it_names_nobody(office: PageOffice) -> None:
    office.told("PUT", "/people/ada", {"name": "Ada Lovelace"})
    office.told("PUT", "/tags/04A1B2C3", {"person": "ada"})
    office.told("POST", "/waitlist", {"tag": "04A1B2C3", "name": "Ada"})
    ends = (office.scene.instant.utc + timedelta(hours=1)).isoformat()
    free = next(
        evse.id
        for evse, known in zip(office.scene.site.evses, office.scene.state.evses, strict=True)
        if known.status.value == "Available"
    )
    office.told("POST", "/reservations", {"evse": free, "tag": "04A1B2C3", "ends": ends})
    office.scene.instant = office.scene.instant.later(5)
    page = office.page("/kiosk").text
    assert "1 waiting" in said(page)
    assert "reserved" in said(page)
    for name in ("Ada", "04A1", "Lovelace"):
        assert name not in page


def test_it_needs_no_login(office: PageOffice) -> None:
    need = office.app.needed("GET", "/kiosk")
    assert need is not None
    assert need.role is None
    assert office.app.needed("POST", "/kiosk") is None


def test_a_site_that_does_not_want_it_does_not_have_it(office: PageOffice) -> None:
    needs = PageNeeds(
        Path(),
        Path(),
        office.store,
        office.scene,
        office.scene,
        office.operations,
        office.remote,
        office.desk,
        lambda: None,
    )
    paths = {getattr(route, "path", "") for router in page_parts(needs).routers for route in router.routes}
    assert "/system" in paths
    assert "/kiosk" not in paths


@pytest.mark.parametrize("name", HOSTILE)
def test_what_stations_say_is_not_on_it_or_inert(tmp_path: Path, name: str) -> None:
    with PageOffice(tmp_path) as office:
        scene = slandered(HOSTILE[name])
        office.scene.site, office.scene.state, office.scene.decision = scene.site, scene.state, scene.decision
        text = office.page("/kiosk").text
    assert "<script>window" not in text
    assert "<img" not in text
