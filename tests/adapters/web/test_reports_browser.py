"""The page of reports in a real browser: charts beside tables, a time that is excluded, on paper, for everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from tests.adapters.web.report_office import ReportOffice
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

SHOTS = os.environ.get("EMS_SHOTS")
"""A folder for pictures of the page, for whoever wants to look at it."""


class Archive(Daemon):
    """The web server of an office, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.office = ReportOffice(folder)
        self.office.october()
        self.scene = self.office.scene
        ways = self.office.ways(self.office.store.ledger.recovered(self.scene.instant))
        self.serve(WebServer(self.scene, self.scene, WebOptions(port=0), self.office.operations, None, ways))

    def stop(self) -> None:
        super().stop()
        self.office.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    one = Archive(tmp_path_factory.mktemp("archive"))
    yield one
    one.stop()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_of_a_month_with_charts(chromium: Any, archive: Archive, width: int, scheme: str) -> None:
    url = archive.url + "reports?month=2026-10"
    visit = Visit(chromium, url, viewport={"width": width, "height": 900}, color_scheme=scheme)
    visit.expects("#days canvas").to_be_visible()
    visit.expects("#evses .keys span").to_have_count(3)
    visit.expects(".heat td[data-heat]").to_have_count(7 * 24)
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    found = axe.run(visit.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    if SHOTS:
        visit.page.screenshot(path=f"{SHOTS}/reports-{width}-{scheme}.png", full_page=True)
    assert visit.complaints == []
    visit.page.close()


def test_a_time_is_excluded_on_the_clock_of_the_site(chromium: Any, archive: Archive) -> None:
    visit = Visit(chromium, archive.url + "reports?month=2026-10", timezone_id="America/New_York")
    visit.page.click("text=Enter one")
    visit.page.select_option("#exclude [name=scope]", "CP-01")
    visit.page.fill("#exclude [name=begins]", "2026-10-25T02:30")
    visit.page.fill("#exclude [name=ends]", "2026-10-25T06:00")
    visit.page.select_option("#exclude [name=cause]", "vandalism")
    visit.page.click("#exclude button")
    visit.expects("#excluded li").to_contain_text("CP-01 2026-10-25 02:30 to 2026-10-25 06:00")
    visit.page.click("#excluded [data-withdraw]")
    visit.expects("#excluded li").to_contain_text("None is entered for this time.")
    assert visit.complaints == []
    visit.page.close()


def test_an_export_is_sent_now_and_it_is_seen_what_came_of_it(chromium: Any, archive: Archive) -> None:
    visit = Visit(chromium, archive.url + "reports?month=2026-10")
    visit.expects(".exports li").to_contain_text("office report, every month, to office@depot.example")
    visit.page.click("[data-send=office]")
    visit.expects("#said").to_have_text("Not delivered: smtp.example.com:587: no route")
    visit.page.reload()
    visit.expects(".exports li").to_contain_text("Last: 2026-10, waiting")
    visit.page.click("[data-send=office]")
    visit.expects("#said").to_have_text("office: mailed report 2026-10")
    assert visit.complaints == []
    visit.page.close()


def test_on_paper_there_is_nothing_to_press(chromium: Any, archive: Archive) -> None:
    visit = Visit(chromium, archive.url + "reports?month=2026-10")
    visit.expects("#days canvas").to_be_visible()
    visit.page.emulate_media(media="print")
    for place in (".period form", ".files", ".exports", "footer", "#exclude"):
        visit.expects(f"{place} >> nth=0").to_be_hidden()
    visit.expects("#cost-centres table").to_be_visible()
    if SHOTS:
        visit.page.pdf(path=f"{SHOTS}/reports-print.pdf", format="A4")
    visit.page.close()
