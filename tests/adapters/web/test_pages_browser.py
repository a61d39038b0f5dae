"""The pages of the operator's day in a real browser: everybody can use them, on a phone too, and presses do things."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.domain.decision import Binding, Decision, Reason, Setpoint
from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.test_browser import CHROMIUM, Visit, playwright_api
from tests.adapters.web.test_injection import HOSTILE

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe

_T = TypeVar("_T")

PAGES = ("/overview", "/evses/CP-01/1", "/vehicles", "/price-lists", "/audit", "/system", "/kiosk")
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}


class Site:
    """An office behind a real server, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self.office = PageOffice(folder)
        self._prepare()
        office = self.office
        self.server = WebServer(office.scene, office.scene, WebOptions(port=0), office.operations, None, office.offered)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _prepare(self) -> None:
        office = self.office
        for k in range(3):
            week = [{"days": "Mon-Sun", "at": f"05:1{k}", "target_soc_percent": 90}]
            office.told("PUT", f"/vehicles/bus-{k}", {"name": f"Bus {k}", "id_tags": [f"04A{k}"], "weekly": week})
        office.told("PUT", "/classes/2", {"name": HOSTILE["I02 script"][:60], "guarantee": {"energy_kwh": 20}})
        fees = [{"unit": "kwh", "price": "0.59", "when": ["Mon-Fri 17:00-20:00"]}, {"unit": "kwh", "price": "0.39"}]
        office.told("PUT", "/price-lists/public", {"name": HOSTILE["I02 svg"], "fees": fees, "groups": []})
        at = office.scene.instant
        for k, reason in enumerate((Reason(Binding.CIRCUIT, "row-a"), Reason(Binding.HELD, HOSTILE["I02 attribute"]))):
            told = Setpoint("CP-01/1", 16.0 + k, 16.0, reason)
            office.store.offers.tick(Decision(at.later(60.0 * k - 600.0), (told,), ()))
        office.record(())

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.server.run())
        self._loop.call_later(0.5, self._ready.set)
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def do(self, work: Callable[[], _T]) -> _T:
        """Do something inside the loop and wait for it."""

        async def inside() -> _T:
            return work()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)
        self.office.close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = Site(tmp_path_factory.mktemp("site"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium(site: Site) -> Iterator[Any]:
    del site  # It must be there first: a browser runs an event loop in this thread.
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        playwright_api.expect.set_options(timeout=15_000)
        yield browser
        browser.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_use_a_page(chromium: Any, site: Site, path: str, size: str, scheme: str) -> None:
    visiting = Visit(chromium, site.url(path), viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce")
    visiting.expects("main").to_be_visible()
    found = Axe().run(visiting.page).response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    over = visiting.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    pwned = visiting.page.evaluate("window.pwned")
    visiting.page.close()
    assert serious == []
    assert visiting.complaints == []
    assert over <= 0, "nothing is wider than the screen"
    assert pwned is None


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1080, 1920), (1024, 600), (800, 480)])
def test_every_bay_is_on_the_screen_of_a_car_park_where_nobody_scrolls(
    chromium: Any, site: Site, width: int, height: int
) -> None:
    visiting = Visit(chromium, site.url("/kiosk"), viewport={"width": width, "height": height})
    visiting.page.wait_for_function("getComputedStyle(document.documentElement).getPropertyValue('--fit')")
    assert visiting.page.evaluate("document.documentElement.scrollHeight") <= height
    assert visiting.page.locator(".bays li").count() == 14
    visiting.page.close()


def test_on_a_phone_the_other_pages_are_one_press_away(chromium: Any, site: Site) -> None:
    visiting = Visit(chromium, site.url("/overview"), viewport=SIZES["phone"])
    more = visiting.page.locator("#more-pages")
    assert not more.is_visible()
    visiting.page.click(".pages .more")
    playwright_api.expect(more).to_be_visible()
    visiting.page.click("#more-pages a:has-text('Audit')")
    visiting.expects("h2").to_have_text("Who did what")
    visiting.page.close()


def test_a_page_that_hears_nothing_says_that_it_is_old_until_it_is_fresh_again(chromium: Any, site: Site) -> None:
    visiting = Visit(chromium, "about:blank")
    visiting.page.clock.install()
    visiting.page.goto(site.url("/overview"))
    visiting.page.context.set_offline(True)
    visiting.page.clock.run_for(7_000)
    assert visiting.page.is_hidden("#stale"), "a hiccup is none"
    visiting.page.clock.run_for(7_000)
    visiting.expects("#stale").to_contain_text("what you see is old")
    visiting.expects("main").to_have_css("filter", re.compile("grayscale"))
    visiting.page.context.set_offline(False)
    visiting.page.clock.run_for(3_000)
    visiting.expects("#stale").to_be_hidden()
    visiting.page.close()


def test_an_evse_is_live_has_a_chart_and_is_steered(chromium: Any, site: Site) -> None:
    visiting = Visit(chromium, site.url("/evses/CP-01/1"), viewport=SIZES["desk"])
    visiting.page.wait_for_selector("body[data-link=live]")
    visiting.expects("#chart canvas").to_have_count(1)
    visiting.page.click("#actions summary")
    visiting.page.fill("form[aria-label='Limit CP-01/1'] input[name=max_a]", "9")
    visiting.page.click("form[aria-label='Limit CP-01/1'] button")
    visiting.expects("#said-text").to_contain_text("Done")
    limits = site.do(lambda: site.office.operations.daybook.limits)
    assert [(limit.scope, limit.max_a) for limit in limits] == [("CP-01/1", 9.0)]
    visiting.page.close()
    assert visiting.complaints == []


def test_a_vehicle_is_edited_and_who_comes_too_late_is_told(chromium: Any, site: Site) -> None:
    visiting = Visit(chromium, site.url("/vehicles"), viewport=SIZES["desk"])
    page = visiting.page
    page.click("button[aria-label='Edit bus-1']")
    playwright_api.expect(page.locator("#vehicle textarea")).to_have_value("Mon-Sun 05:11 90 %")
    page.fill("#vehicle [name=battery_kwh]", "392")
    page.click("#vehicle button:has-text('Keep')")
    visiting.expects("#said").to_contain_text("bus-1 is kept")
    vehicle = site.do(lambda: site.office.operations.daybook.fleet.vehicles["bus-1"])
    assert vehicle.battery_wh == 392_000.0
    page.click("button[aria-label='Edit bus-1']")
    playwright_api.expect(page.locator("#vehicle [name=battery_kwh]")).to_have_value("392")
    other = chromium.new_page()
    other.goto(site.url("/vehicles"))
    other.click("button[aria-label='Edit bus-1']")
    playwright_api.expect(other.locator("#vehicle [name=battery_kwh]")).to_have_value("392")
    other.fill("#vehicle [name=battery_kwh]", "400")
    other.click("#vehicle button:has-text('Keep')")
    playwright_api.expect(other.locator("#said")).to_contain_text("is kept")
    page.fill("#vehicle [name=battery_kwh]", "350")
    page.click("#vehicle button:has-text('Keep')")
    visiting.expects("#said").to_contain_text("somebody has changed")
    other.close()
    page.close()


def test_a_pull_out_list_is_looked_at_and_then_taken(chromium: Any, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("vehicle;departure;target_soc\nbus-2;2026-11-23 04:40;80\n")
    visiting = Visit(chromium, site.url("/vehicles"), viewport=SIZES["desk"], timezone_id="America/New_York")
    page = visiting.page
    page.click("summary:has-text('Take a pull-out list')")
    page.set_input_files("#list input[type=file]", str(file))
    page.click("#list button:has-text('What would change')")
    visiting.expects("#preview").to_contain_text("bus-2 on 2026-11-23: its week → 04:40")
    assert not site.do(lambda: dict(site.office.operations.daybook.fleet.departures))
    page.click("#take")
    visiting.expects("#said").to_contain_text("The list was taken.")
    visiting.expects("#preview").to_be_empty()
    visiting.expects("form button:not([type]):focus").to_have_count(1)
    assert set(site.do(lambda: dict(site.office.operations.daybook.fleet.departures))) == {"bus-2"}
    page.close()
