"""A car park with one charger behind a small fuse, where drivers pay by phone: a daemon, a station, a meter."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np

from ems.assembly.daemon import Daemon
from ems.runtime.clock import SystemClock
from ems.settings.machine_token import known_token
from ems.sim.profile_stack import Shape
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.vehicle import Vehicle, VehicleModel
from ems.sim.virtual_station import VirtualStation
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running

T = TypeVar("T")

OPERATOR = (
    'drivers: {phone: "+49 30 1234567", operator: Parkhaus Süd GmbH, address: "Am Hof 1, Berlin", vat_id: DE123456789'
)
PRICES = {
    "name": "Public",
    "vat_percent": "19",
    "hold": "200",
    "idle_grace_min": 10,
    "fees": [
        {"unit": "session", "price": "0.35"},
        {"unit": "kwh", "price": "50"},
        {"unit": "idle-minute", "price": "0.10"},
    ],
}


def site_at(folder: Path, more: str = "", drivers: str = "") -> Installation:
    """The car park before its first start."""
    site = Installation.at(folder)
    text = site.text(
        ("meters:\n", "  row: {parent: grid, rating_a: 16, base_load_max_a: 0}\nmeters:\n"),
        ("CP-01: {circuit: grid,", "CP-01: {circuit: row,"),
    )
    site.file.write_text(f"{text}{OPERATOR}{drivers}}}\n{more}", encoding="utf-8")
    return site


class Lot:
    """Everything runs in the event loop of another thread."""

    def __init__(self, site: Installation, prices: dict[str, Any] | None = PRICES) -> None:
        self.site, self._prices = site, prices
        self._loop, self._opened, self._over = asyncio.new_event_loop(), Future[Daemon](), asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._work()), daemon=True)
        clock = SystemClock()
        setup = StationSetup((Outlet(1, Shape(3, 230.0, 32.0)),))
        self.station = VirtualStation(Address(site.central, "CP-01"), setup, np.random.default_rng(1), clock.now())
        self._thread.start()
        self.daemon = self._opened.result(40)
        self.slug = next(one.slug for one in self.daemon.product.drivers.desk.stickers if one.evse == "CP-01/1")
        self.url = f"{site.page}/c/{self.slug}"

    async def _work(self) -> None:
        clock = SystemClock()

        async def steps() -> None:
            while True:
                self.station.step(clock.now())
                await asyncio.sleep(0.1)

        async with grid_meter(self.site.modbus), running(self.site) as daemon:
            tasks = [asyncio.create_task(self.station.run()), asyncio.create_task(steps())]
            try:
                await eventually(lambda: daemon.live.state.station("CP-01").connected, what="a station")
                if self._prices is not None:
                    await asyncio.to_thread(self.ask, "PUT", "/price-lists/public", self._prices)
                await eventually(lambda: daemon.product.drivers.desk.stickers, what="stickers")
                await eventually(lambda: evse(daemon, "CP-01/1").status.value == "Available", what="a free outlet")
                self._opened.set_result(daemon)
                await self._over.wait()
            except BaseException as failed:
                if not self._opened.done():
                    self._opened.set_exception(failed)
                raise
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the interface as an installer."""
        content = None if body is None else json.dumps(body).encode()
        token = known_token(self.site.state)
        told = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        request = Request(f"{self.site.page}/api/v1{path}", content, told, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def do(self, work: Callable[[], T]) -> T:
        """Do something inside the loop and wait for it."""

        async def inside() -> T:
            return work()

        return self.wait(inside())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something inside the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def plug(self, battery_wh: float = 50_000.0) -> None:
        """A vehicle comes."""
        model = VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0)
        self.do(lambda: self.station.plug(1, Vehicle(model, battery_wh)))

    def unplug(self) -> None:
        """It leaves."""
        self.do(lambda: self.station.unplug(1))

    def close(self) -> None:
        """Stop everything."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        self._loop.close()
