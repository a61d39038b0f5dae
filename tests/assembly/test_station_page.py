"""The pages of stations in a real browser, before a running daemon and a virtual station."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ems.settings.machine_token import known_token
from ems.sim.manners import Manners
from ems.sim.vehicle import Vehicle, VehicleModel
from tests.adapters.web.test_browser import CHROMIUM, Visit, chromium
from tests.assembly.test_remote import Yard, yard

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

T = TypeVar("T")


class Behind:
    """The daemon and the station, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self._loop, self._opened, self._over = asyncio.new_event_loop(), Future[Yard](), asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._work(folder)), daemon=True)
        self._thread.start()
        self.yard = self._opened.result(30)
        self.url = self.yard.site.page
        self.token = known_token(self.yard.site.state)

    async def _work(self, folder: Path) -> None:
        async with yard(folder) as opened:
            self._opened.set_result(opened)
            await self._over.wait()

    def do(self, work: Callable[[Yard], T]) -> T:
        """Do something inside the loop and wait for it."""

        async def inside() -> T:
            return work(self.yard)

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    opened = Behind(tmp_path_factory.mktemp("yard"))
    yield opened
    opened.close()


def visit(browser: Any, behind: Behind, path: str, **settings: Any) -> Visit:
    return Visit(browser, behind.url + path, extra_http_headers={"Authorization": f"Bearer {behind.token}"}, **settings)


def serious(visiting: Visit) -> list[str]:
    """Complaints but those about answers that are refusals."""
    return [text for text in visiting.complaints if "409" not in text]


@pytest.mark.timeout(120)
def test_an_operator_starts_restarts_and_configures_a_station(chromium: Any, behind: Behind) -> None:
    phone = visit(chromium, behind, "/stations/CP-01", viewport={"width": 390, "height": 844})
    page = phone.page
    behind.do(lambda here: here.station.plug(1, Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100), 50_000)))
    phone.expects("#evses").to_contain_text("Preparing")
    page.fill("form[data-operation=start] input[name=id_tag]", "04A1B2C3")
    page.click("form[data-operation=start] button")
    phone.expects("#said-text").to_contain_text("Accepted")
    phone.expects("form[data-operation=stop]").to_have_count(1)
    phone.expects("#last").to_contain_text("Accepted, a transaction has begun")
    running = behind.do(lambda here: here.station.connectors[1].transaction)
    assert running is not None
    assert running.tag == "04A1B2C3"
    page.click("#evses summary")
    page.click("form[aria-label='Pause CP-01/1'] button")
    phone.expects("#said-text").to_have_text("Done; the controller sees to it.")
    phone.expects("#evses summary").to_contain_text("Power: paused")
    page.click("#evses button[data-remove]")
    phone.expects("#evses summary").to_contain_text("as the controller divides it")
    page.click("form[aria-label='Priority of CP-01/1'] button")
    phone.expects("#evses summary").to_contain_text("before the others")
    page.click("form[data-operation=reset] button")
    phone.expects("#said-text").to_have_text("a transaction runs at CP-01/1 and would be ended by it")
    assert behind.do(lambda here: here.station.powered)
    page.click("form[data-operation=stop] button")
    phone.expects("#last").to_contain_text("Accepted, the transaction has ended")
    page.click("form[data-operation=read-configuration] button")
    phone.expects("tr[data-fit=different]").to_have_count(2)
    page.click("form[data-operation=apply-template] button")
    phone.expects("#said-text").to_contain_text("Accepted")
    page.click("form[data-operation=read-configuration] button")
    phone.expects("tr[data-fit=different]").to_have_count(0)
    page.click("form[data-operation=diagnostics] button")
    phone.expects("#files a").to_have_text("diagnostics-CP-01.log")
    phone.expects("#messages li[data-side=out] >> nth=0").to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(phone) == []
    page.close()


@pytest.mark.timeout(120)
def test_a_refusal_an_objection_and_a_mistake_are_said_where_one_looks(chromium: Any, behind: Behind) -> None:
    desk = visit(chromium, behind, "/stations/CP-01")
    behind.do(lambda here: setattr(here.station, "manners", Manners(refused=frozenset({"ClearCache"}))))
    desk.page.click("form[data-operation=clear-cache] button")
    desk.expects("#said[data-tone=bad] #said-text").to_have_text("Refused by the station")
    behind.do(lambda here: setattr(here.station, "manners", Manners()))
    desk.page.click("summary:has-text('Raw charging profiles')")
    desk.page.fill("form[data-operation=set-profile] textarea", "{not json")
    desk.page.click("form[data-operation=set-profile] button")
    desk.expects("#said-text").to_have_text("That is not JSON; correct it, then send it again.")
    desk.page.select_option("form[data-operation=clear-profile] select", "TxDefaultProfile")
    desk.page.click("form[data-operation=clear-profile] button")
    desk.expects("#said-text").to_contain_text("what protects the fuse")
    desk.expects("#insist").to_be_hidden()
    desk.page.fill("form[data-operation=write-configuration] input[name=key]", "MeterValueSampleInterval")
    desk.page.fill("form[data-operation=write-configuration] input[name=value]", "20")
    desk.page.click("form[data-operation=write-configuration] button")
    desk.expects("#said-warnings").to_contain_text("the controller steers by these samples")
    assert serious(desk) == []
    desk.page.close()


@pytest.mark.timeout(120)
def test_several_stations_are_asked_with_progress(chromium: Any, behind: Behind) -> None:
    desk = visit(chromium, behind, "/stations")
    desk.expects("#round button").to_be_disabled()
    desk.page.check("#every")
    desk.expects("#chosen").to_have_text("2")
    desk.page.select_option("#round select[name=operation]", "trigger")
    desk.page.click("#round button")
    desk.expects(".round[data-over]").to_contain_text("Say again of 2 stations")
    desk.expects(".round[data-over]").to_contain_text("1 took it")
    desk.expects("#list").to_contain_text("Not asked: the station is not connected")
    assert desk.page.is_checked("#list input >> nth=0")
    desk.page.click("#list a >> nth=0")
    desk.expects("#station-title").to_have_text("CP-01")
    assert desk.complaints == []
    desk.page.close()


@pytest.mark.parametrize(("path", "scheme"), [("/stations", "dark"), ("/stations/CP-01", "light")])
def test_everybody_can_use_them(chromium: Any, behind: Behind, path: str, scheme: str) -> None:
    """axe-core finds nothing."""
    reason = "axe-playwright-python is not installed"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
    visiting = visit(chromium, behind, path, color_scheme=scheme, viewport={"width": 390, "height": 844})
    visiting.page.wait_for_selector("main h2")
    for summary in visiting.page.locator("summary").all():
        summary.click()
    found = axe.run(visiting.page).response["violations"]
    assert [one["id"] for one in found] == []
    visiting.page.close()


def test_who_only_looks_is_offered_nothing_that_would_be_refused(chromium: Any, behind: Behind) -> None:
    looking = Visit(chromium, behind.url + "/stations/CP-01")
    looking.expects("#station-title").to_have_text("CP-01")
    looking.expects("form[data-operation=firmware]").to_have_count(0)
    looking.expects("#configuration").to_have_count(0)
    assert looking.complaints == []
    looking.page.close()
