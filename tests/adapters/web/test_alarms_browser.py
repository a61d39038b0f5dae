"""The page of alarms in a real browser: what is new is counted on every page, and one press says that it is seen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.navigation import PAGES
from ems.adapters.web.server import WebServer
from ems.domain.events import Event, StationGone, StatusChanged
from ems.domain.station import EvseStatus
from tests.adapters.web.alarm_office import AlarmOffice
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium
from tests.adapters.web.test_injection import HOSTILE

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


class Watch(Daemon):
    """The web server of an office, with the postman at work, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.office = AlarmOffice(folder)
        self.scene = self.office.scene
        ways = self.office.ways(self.office.store.ledger.recovered(self.scene.instant))
        self.serve(WebServer(self.scene, self.scene, WebOptions(port=0), self.office.operations, None, ways))
        self.do(lambda: setattr(self, "posting", self._loop.create_task(self.office.postman.run())))
        self.passes(12)

    def stop(self) -> None:
        self.do(self.posting.cancel)
        super().stop()
        self.office.close()

    posting: Any = None

    def tells(self, *events: Event) -> None:
        self.do(lambda: self.scene.tell(*events))

    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.do(self.scene.tick)
            self.do(self.office.keeper.look)

    def hears(self, topic: str) -> None:
        for _ in range(100):
            if any(one.topic == topic for one in self.office.friend.heard):
                return
            time.sleep(0.1)
        raise AssertionError(self.office.friend.heard)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    one = Watch(tmp_path)
    yield one
    one.stop()


def test_one_press_says_that_it_is_seen_and_what_is_over_is_kept(chromium: Any, watch: Watch) -> None:
    visit = Visit(chromium, watch.url + "alarms")
    fault = visit.page.locator("#open .alarm", has_text="GroundFailure")
    visit.expects(".pages a[href='/alarms'] .unseen-count").to_contain_text("2")
    fault.locator("input").fill("the electrician comes at two")
    fault.locator("button").click()
    visit.expects("#said").to_have_text("It is noted that you have seen it.")
    visit.expects("#open .seen").to_contain_text("the electrician comes at two")
    assert visit.page.goto(watch.url + "alarms")
    visit.expects(".pages a[href='/alarms'] .unseen-count").to_contain_text("1")
    at = watch.scene.instant
    watch.tells(StatusChanged("CP-06/1", at, EvseStatus.AVAILABLE))
    watch.passes(10)
    visit.expects("#past .alarm").to_contain_text("GroundFailure")
    visit.page.select_option("[name=kind]", "meter")
    visit.page.click("text=Show")
    visit.expects("#past").to_contain_text("Nothing fits.")
    visit.page.click("text=Show all")
    visit.expects("#past .alarm").to_contain_text("the electrician comes at two")
    visit.page.click("[data-test=back]")
    visit.expects("#said").to_have_text("A test is on its way to back.")
    visit.expects("#targets").to_contain_text("told")
    watch.hears("test")
    assert visit.complaints == []
    visit.page.close()


@pytest.mark.parametrize("width", [390, 360, 320])
def test_with_alarms_all_pages_that_there_can_be_fit_a_phone(chromium: Any, watch: Watch, width: int) -> None:
    daily = "".join(f"<a>{page.title}</a>" for page in PAGES if page.daily)
    longest = max((page.title for page in PAGES), key=len)
    badge = "<span class=unseen-count>2</span>"
    visit = Visit(chromium, watch.url + "alarms", viewport={"width": width, "height": 800})
    visit.page.evaluate(
        "html => document.querySelector('.pages').innerHTML = html",
        f"{daily.replace('Alarms', f'Alarms {badge}')}<button class=more><b>{longest}</b> ▾</button>",
    )
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it_whatever_is_written_there(
    chromium: Any, watch: Watch, scheme: str, width: int, tmp_path: Path
) -> None:
    """axe-core finds nothing, nothing is carried out, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    at = watch.scene.instant
    texts = list(HOSTILE.values())[:3]
    for k, text in enumerate(texts):
        watch.tells(StatusChanged(f"CP-0{k + 1}/1", at, EvseStatus.FAULTED, text))
    watch.tells(*(StationGone(name, at, 1) for name in ("CP-11", "CP-12", "CP-13", "CP-14")))
    watch.passes(12)
    visit = Visit(chromium, watch.url + "alarms", color_scheme=scheme, viewport={"width": width, "height": 900})
    visit.expects("#open .alarm").not_to_have_count(0)
    result = axe.run(visit.page)
    assert result.violations_count == 0, result.generate_report()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.screenshot(path=str(tmp_path / "alarms.png"), full_page=True)
    assert visit.complaints == []
    visit.page.close()


def test_without_scripts_it_can_still_be_read(chromium: Any, watch: Watch) -> None:
    visit = Visit(chromium, watch.url + "alarms?kind=fault", java_script_enabled=False)
    visit.expects("#open").to_contain_text("GroundFailure")
    visit.page.close()
