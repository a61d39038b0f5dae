"""From a fresh machine to a controlled vehicle: an empty site, the code of the log, the wizard in a real browser, a
virtual station and a meter over real sockets, and the whole daemon as a process of its own.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ems.runtime.clock import SystemClock
from ems.settings.blank import init_site
from ems.settings.load import load
from ems.settings.report import check
from ems.settings.yaml_text import comments
from ems.sim.scenario import Arrival, Scenario
from ems.sim.station_link import Address
from ems.sim.virtual_site import SitePlan, VirtualSite
from tests.adapters.web.test_browser import CHROMIUM, Visit, chromium
from tests.assembly.daemon_process import DaemonProcess, daemon_process
from tests.assembly.installation import Installation
from tests.ports import free_ports

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

T = TypeVar("T")
PASSWORD = "four plain words here"
PATIENCE_MS = 30_000
BUILT = """\
site: {{name: Built, timezone: Europe/Berlin}}
circuits:
  grid: {{rating_a: 25, meter: main, base_load_max_a: 10}}
meters:
  main: {{model: eastron-sdm630, host: 127.0.0.1, port: {modbus}}}
stations:
  CP-01: {{circuit: grid, evses: {{1: {{max_a: 32, phases: L1 L2 L3}}}}}}
"""
"""What stands in the car park; the controller knows nothing of it yet."""


class CarPark:
    """The daemon, and what really stands there, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.site = Installation(folder / "site", *free_ports(3))
        self.file = init_site(self.site.folder, "Yard", "Europe/Berlin", 16)
        self.site.with_quick_stations()
        self._loop, self._over = asyncio.new_event_loop(), asyncio.Event()
        self._opened = Future[tuple[DaemonProcess, VirtualSite]]()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._work()), daemon=True)
        self._thread.start()
        self.daemon, self.world = self._opened.result(90)

    async def _work(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                ports = {"EMS_HTTP_PORT": str(self.site.web), "EMS_OCPP_PORT": str(self.site.ocpp)}
                daemon = await stack.enter_async_context(daemon_process(self.site, **ports))
                await daemon.says("web.listening", within_s=60.0)
                world = self._world()
                working = asyncio.create_task(world.run())
                await world.listening.wait()
                self._opened.set_result((daemon, world))
                await self._over.wait()
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
        except BaseException as failed:
            if not self._opened.done():
                self._opened.set_exception(failed)
            raise

    def _world(self) -> VirtualSite:
        built = load(self.site.folder, text=BUILT.format(modbus=self.site.modbus).encode())
        assert built.settings is not None, built.findings
        plan = SitePlan(f"{self.site.central}", {"main": 1}, meter_port=self.site.modbus, free_vend=True)
        story = Scenario((Arrival(1.0, "CP-01/1", 60_000, 3600.0),), repeat_s=4000.0)
        world = VirtualSite(built.settings.site, story, plan, SystemClock())
        world.stations["CP-01"].link.retry_s = 1.0
        return world

    def do(self, work: Callable[[], T]) -> T:
        """Do something inside the loop and wait for it."""

        async def inside() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(20)

    @property
    def code(self) -> str:
        """What the log shows for the first administrator."""
        return next(found[1] for line in self.daemon.log if (found := re.search(r"type the code (\S+)", line)))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(40)
        self._loop.close()


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarPark]:
    opened = CarPark(tmp_path_factory.mktemp("park"))
    yield opened
    opened.close()


class Installer:
    """Somebody with a browser who describes what is there."""

    def __init__(self, browser: Any, park: CarPark, pictures: Path, **settings: Any) -> None:
        self.park, self.pictures = park, pictures
        self.visit = Visit(browser, f"{park.site.page}/first-run", **settings)
        self.page = self.visit.page
        self.page.set_default_timeout(PATIENCE_MS)

    def begins(self) -> None:
        told = {"code": self.park.code, "name": "anna", "password": PASSWORD, "again": PASSWORD}
        for name, text in told.items():
            self.page.fill(f"[name={name}]", text)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{self.park.site.page}/wizard/site")

    def at(self, step: str) -> None:
        self.page.goto(f"{self.park.site.page}/wizard/{step}")

    def fills(self, form: str, **values: str) -> None:
        for name, text in values.items():
            field = self.page.locator(f'{form} [name="{name.replace("__", ".")}"]')
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(text)
            else:
                field.fill(text)

    def takes_over(self, form: str, words: str) -> None:
        self.page.click(f"{form} button.main")
        self.said(words)

    def said(self, words: str) -> None:
        self.visit.expects("#said").to_contain_text(words, timeout=PATIENCE_MS)

    def saves(self) -> None:
        self.page.click("[data-save]")
        self.said("Saved")

    def restarts(self) -> None:
        self.page.click("[data-restart]")
        self.visit.expects("#draft").to_contain_text("Nothing waits to be saved", timeout=60_000)

    def picture(self, name: str) -> None:
        self.page.screenshot(path=str(self.pictures / f"{name}.png"), full_page=True)


@pytest.mark.timeout(400)
def test_from_an_empty_site_to_a_controlled_vehicle(chromium: Any, park: CarPark, tmp_path: Path) -> None:
    before = park.file.read_text(encoding="utf-8")
    anna = Installer(chromium, park, tmp_path, viewport={"width": 1280, "height": 900})
    anna.begins()
    anna.visit.expects("#draft").to_contain_text("Observing only")
    anna.fills("#site-step form", name="Depot: North")
    anna.takes_over("#site-step form", "Taken over into the draft.")

    anna.at("meters")
    anna.page.click("summary:has-text('Add a meter')")
    anna.fills("[data-add=meters]", model="eastron-sdm630", host="127.0.0.1", port=str(free_ports(1)[0]))
    anna.page.fill("#meter-new", "main")
    anna.page.click("[data-add=meters] [data-test]")
    anna.visit.expects("[data-add=meters] .result").to_contain_text("check address, port, unit", timeout=PATIENCE_MS)
    anna.fills("[data-add=meters]", port=str(park.site.modbus))
    anna.page.click("[data-add=meters] [data-test]")
    anna.visit.expects("[data-add=meters] .result").to_contain_text("It answers within", timeout=PATIENCE_MS)
    anna.picture("meter")
    anna.takes_over("[data-add=meters]", "main is added to the draft.")

    anna.at("circuits")
    anna.page.click("details.entry:has-text('grid') > summary")
    anna.fills("form[data-route]", rating_a="25", meter="main", base_load_max_a="10")
    anna.takes_over("form[data-route]", "Taken over into the draft.")
    anna.visit.expects("#tree tbody").to_contain_text("25")
    anna.picture("circuits")

    anna.at("stations")
    anna.visit.expects("#knocking").to_contain_text("CP-01", timeout=PATIENCE_MS)
    anna.page.click("[data-accept='CP-01']")
    anna.fills("[data-add=stations]", circuit="grid", evses__1__max_a="32", evses__1__phases="L1 L2 L3")
    anna.takes_over("[data-add=stations]", "CP-01 is added to the draft.")
    anna.page.click("#stations-step details.entry:not(.new) > summary")
    anna.page.click("[data-password='CP-01']")
    anna.visit.expects("#secret").to_be_visible()
    anna.picture("password")
    secret = anna.visit.text("#secret-word")
    assert "/ocpp/CP-01" in anna.visit.text("#secret-url")
    anna.page.click("#secret-done")
    assert secret not in anna.page.content()
    anna.page.click("#draft summary")
    anna.visit.expects("#draft .diff").to_contain_text("password_file: secrets/cp-01")
    anna.picture("stations")
    anna.at("limits")
    anna.page.click("#policy-step .rare summary")
    quick = {"raise_hold_s": "1", "raise_every_s": "0", "raise_step_a": "40", "steady_s": "0", "min_off_s": "0"}
    anna.fills("#policy-step form", **quick, strategy="first-come")
    anna.takes_over("#policy-step form", "Taken over into the draft.")
    anna.picture("limits")
    anna.saves()
    anna.visit.expects("#draft").to_contain_text("Restart needed", timeout=PATIENCE_MS)
    anna.restarts()

    def typed_into_the_station() -> None:
        link = park.world.stations["CP-01"].link
        link.address = Address(link.address.url, link.address.station, secret)

    park.do(typed_into_the_station)
    anna.at("proofs")
    anna.visit.expects("#outlets").to_contain_text("a vehicle charges", timeout=60_000)
    anna.at("acceptance")
    anna.visit.expects("#list").to_contain_text("observing only")
    anna.page.goto(f"{park.site.page}/")
    anna.visit.expects("[data-f=mode]").to_contain_text("Observing only")
    anna.visit.expects("table.evses").to_contain_text("not told, only observed")

    anna.at("acceptance")
    anna.picture("observing")
    anna.page.click("[data-arm=true]")
    anna.said("Armed")
    anna.visit.expects("#list").to_contain_text("1 of 1", timeout=PATIENCE_MS)
    anna.page.goto(f"{park.site.page}/")
    anna.visit.expects("[data-f=mode]").not_to_contain_text("Observing", timeout=PATIENCE_MS)
    anna.visit.expects("tr[data-id='CP-01/1'] [data-f=setpoint]").to_contain_text(re.compile(r"2[0-9]"), timeout=90_000)

    anna.at("proofs")
    anna.page.click("[data-prove='CP-01']:not([data-offline])")
    anna.visit.expects("#proofs h3").to_contain_text("passed", timeout=240_000)
    anna.picture("proof")
    anna.at("acceptance")
    anna.page.fill("#watch input", "0.1")
    anna.page.click("#watch button")
    anna.visit.expects("#run").to_contain_text("armed all along", timeout=PATIENCE_MS)
    anna.visit.expects("#watch").to_be_visible(timeout=PATIENCE_MS)
    anna.picture("acceptance")
    anna.at("record")
    anna.visit.expects(".record").to_contain_text("Every outlet has passed its test")
    anna.picture("record")

    after = check(park.site.folder)
    assert after.is_fine, after.findings
    assert not comments(before) - comments(park.file.read_text(encoding="utf-8"))
    assert after.settings is not None
    assert after.settings.site.name == "Depot: North"
    # While the controller begins anew nobody is there to answer.
    assert [text for text in anna.visit.complaints if "ERR_CONNECTION_REFUSED" not in text] == []
    anna.page.close()
