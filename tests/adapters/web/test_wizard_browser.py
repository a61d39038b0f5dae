"""The pages of the wizard in a real browser: everybody can use them, whatever is written in the file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.adapters.web.wizard.page import STAGES
from ems.settings.edit import Edit
from tests.adapters.web.scene import busy
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium
from tests.adapters.web.wizard_site import WizardSite

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

HOSTILE = "<img src=x onerror=alert(1)>"
STATION = {"circuit": "row-a", "evses": {"1": {"max_a": 32, "phases": "L1 L2 L3"}, "2": {"max_a": 16, "phases": "L2"}}}
EDITS = (
    Edit(("circuits", "row-a"), {"parent": "grid", "rating_a": {"L1": 32, "L2": 32, "L3": 25}}),
    Edit(("circuits", "row-b"), {"parent": "gird", "rating_a": 32}),
    Edit(("circuits", HOSTILE), {"parent": "row-a", "rating_a": 16}),
    Edit(("meters", "main"), {"model": "eastron-sdm630", "host": "10.0.0.10"}),
    Edit(("stations", "CP-01"), STATION),
    Edit(("stations", "CP-02"), {"circuit": HOSTILE, "evses": {"1": {"max_a": 32, "phases": "L1"}}}),
    Edit(("limits", "+"), {"circuit": "grid", "max_kw": 30, "when": "Mon-Fri 17:00-20:00", "name": HOSTILE}),
)
PAGES = (*(stage.word for stage in STAGES), "record")


class Shop(Daemon):
    """The web server of a site that is being described, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.scene = busy()
        self.site = WizardSite(folder, self.scene)
        self.site.shows_everything()
        self.server = WebServer(self.scene, self.scene, WebOptions(port=0), None, None, self.site.ways)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.do(lambda: None)
        for edit in EDITS:
            change = self.site.desk.edit(edit.route, edit.keys, None, HOSTILE)
            asyncio.run_coroutine_threadsafe(change, self._loop).result(10)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(tmp_path_factory.mktemp("shop"))
    yield opened
    opened.stop()


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Shop]:
    """One that nobody else looks at."""
    opened = Shop(tmp_path)
    yield opened
    opened.stop()


def visit(browser: Any, shop: Shop, word: str, **settings: Any) -> Visit:
    return Visit(browser, f"{shop.url}wizard/{word}", **settings)


@pytest.mark.parametrize("word", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it(chromium: Any, shop: Shop, word: str, scheme: str, width: int, tmp_path: Path) -> None:
    """axe-core finds nothing, nothing is carried out, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    seen = visit(chromium, shop, word, color_scheme=scheme, viewport={"width": width, "height": 900})
    for summary in seen.page.locator("main summary").all():
        if summary.is_visible() and not summary.evaluate("one => one.parentElement.open"):
            summary.click()
    seen.page.screenshot(path=str(tmp_path / f"{word}-{scheme}.png"), full_page=True)
    result = axe.run(seen.page)
    assert result.violations_count == 0, result.generate_report()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.complaints == []
    seen.page.close()


def test_without_scripts_it_can_still_be_read(chromium: Any, shop: Shop) -> None:
    seen = visit(chromium, shop, "circuits", java_script_enabled=False)
    seen.expects("#circuits-step").to_contain_text("row-b")
    seen.expects("#circuits-step .findings").to_contain_text(["'gird'"])
    seen.page.close()


def test_only_what_was_changed_is_told_and_a_mistake_is_said_at_its_entry(chromium: Any, own_shop: Shop) -> None:
    seen = visit(chromium, own_shop, "circuits")
    form = "details.entry:has(summary b:text-is('row-b')) form"
    seen.page.select_option(f"{form} [name=parent]", "grid")
    seen.page.click(f"{form} button.main")
    seen.expects("#said").to_have_text("Taken over into the draft.")
    seen.expects("#tree tbody").to_contain_text("row-b")
    assert "row-b: {parent: grid, rating_a: 32}" in seen.text("#draft .diff")
    seen.page.click(f"{form} button.main")
    seen.expects("#said").to_have_text("Nothing was changed there.")
    seen.page.fill(f"{form} [name=rating_a]", "63/63/50")
    seen.page.click(f"{form} button.main")
    seen.expects("#draft .diff").to_contain_text("row-b: {parent: grid, rating_a: {L1: 63, L2: 63, L3: 50}}")
    assert seen.complaints == []
    seen.page.close()
