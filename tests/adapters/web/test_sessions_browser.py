"""The pages of sessions in a real browser: filter, page through, look at one, correct it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.domain.access.account import LoginRule
from tests.adapters.web.session_office import SESSIONS, SessionOffice
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

OCTOBER = "/sessions?from=2026-10-01&last=2026-10-31"


class Lodge(Daemon):
    """The web server of an office with sessions, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.office = SessionOffice(folder)
        self.scene = self.office.scene
        ways = self.office.ways(self.office.store.ledger.recovered(self.scene.instant))
        options = WebOptions(port=0, login=LoginRule.LOOPBACK_FREE)
        self.serve(WebServer(self.scene, self.scene, options, self.office.operations, None, ways))

    def stop(self) -> None:
        super().stop()
        self.office.close()


@pytest.fixture
def lodge(tmp_path: Path) -> Iterator[Lodge]:
    one = Lodge(tmp_path)
    yield one
    one.stop()


def test_the_list_is_filtered_by_a_form_and_says_what_it_adds_up_to(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, f"{lodge.url[:-1]}{OCTOBER}")
    visit.expects("table.sessions tbody tr").to_have_count(5)
    assert "43.0 kWh" in visit.text("dl.tiles")
    assert "20.00 EUR" in visit.text("dl.tiles")
    visit.page.select_option("select[name=where]", "station:CP-01")
    visit.page.click("#filter > .line button")
    visit.expects("table.sessions tbody tr").to_have_count(3)
    assert "where=station%3ACP-01" in visit.page.url
    assert "vehicle=" not in visit.page.url, "what was left empty is not in the address"
    visit.page.click("summary:has-text('More to filter by')")
    visit.page.check("label:has-text('Tag') input[name=column]")
    visit.page.uncheck("label:has-text('Cost') input[value=cost]")
    visit.page.click("#more button")
    visit.expects("table.sessions thead").to_contain_text("Tag")
    visit.page.goto(f"{lodge.url[:-1]}{OCTOBER}")
    visit.expects("table.sessions thead").to_contain_text("Tag")
    visit.expects("table.sessions thead").not_to_contain_text("Cost")
    assert visit.complaints == []
    visit.page.close()


def test_one_session_is_looked_at_confirmed_and_corrected(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, f"{lodge.url[:-1]}/sessions/{quote(SESSIONS[4].id)}")
    assert "CP-03/1" in visit.text("#facts-title")
    visit.expects("dl.facts").to_contain_text("8.00 kg")
    visit.expects(".bars rect").to_have_count(16)
    visit.expects("li[data-verdict=own-key]").to_contain_text("Signed, key not confirmed")
    visit.expects("li[data-verdict=wrong]").to_contain_text("Signature does not fit")
    visit.expects("li[data-verdict=verified]").to_have_count(0)
    visit.page.click("summary:has-text('Correct this session')")
    visit.page.fill("#correct input[name=energy_kwh]", "19.5")
    visit.page.fill("#correct input[name=reason]", "<b>misread</b>")
    visit.page.click("#correct button")
    visit.expects("section:has(#corrections-title)").to_contain_text("<b>misread</b>")
    visit.expects("section:has(#corrections-title)").to_contain_text("20.000 kWh → 19.500 kWh")
    visit.page.click("summary:has-text('Correct this session')")
    visit.page.fill("#correct input[name=reason]", "again")
    visit.page.click("#correct button")
    visit.expects("#said").to_contain_text("nothing is to be corrected")
    assert [told for told in visit.complaints if "422" not in told] == []
    visit.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", [OCTOBER, f"/sessions/{quote(SESSIONS[4].id)}"])
def test_everybody_can_use_it_on_any_screen(chromium: Any, lodge: Lodge, path: str, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    visit = Visit(chromium, f"{lodge.url[:-1]}{path}", viewport={"width": width, "height": 900}, color_scheme=scheme)
    for summary in visit.page.query_selector_all("main details > summary"):
        summary.click()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    worst = [
        found for found in axe.run(visit.page).response["violations"] if found["impact"] in {"serious", "critical"}
    ]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in worst] == []
    assert visit.complaints == []
    if shots := os.environ.get("EMS_SCREENSHOTS"):
        kind = "one" if "/sessions/" in path else "list"
        visit.page.screenshot(path=f"{shots}/sessions-{kind}-{width}-{scheme}.png", full_page=True)
    visit.page.close()
