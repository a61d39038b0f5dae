"""What people told a daemon is there after the power went, and reaches the vehicle that comes."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from ems.runtime.clock import SystemClock
from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import daemon_process
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


async def tell(site: Installation, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the daemon."""

    def once() -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = Request(f"{site.page}/api/v1{path}", content, headers, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    return await asyncio.to_thread(once)


VAN = {"id_tags": ["CARD-7"], "max_a": 16, "weekly": [{"at": "05:10", "energy_kwh": 30}]}


def test_what_was_told_survives_kill_9(site: Installation) -> None:
    """The power goes the moment after the answers."""
    station = ChargePoint("CP-01")
    site.write(more="tariff: {file: tariff.yaml}\n")
    (site.folder / "tariff.yaml").write_text("name: market\nenergy: {procurement: {series: day-ahead}}\n")
    price = {"start": SystemClock().now().utc.isoformat(), "price": -12.5}
    asked = ("/vehicles", "/departures", "/classes", "/strategy", "/limits", "/prices", "/audit")

    async def scenario() -> None:
        async with daemon_process(site) as daemon, station.connected(site.central):
            await station.start("CARD-7")
            await daemon.shows(lambda evse: evse["session"])
            await tell(site, "PUT", "/vehicles/Van", VAN)
            await tell(site, "POST", "/strategy", {"strategy": "least-laxity"})
            await tell(site, "PUT", "/classes/0", {"name": "staff", "guarantee": {"energy_kwh": 4}})
            await tell(site, "POST", "/prices", {"series": "day-ahead", "unit": "EUR/MWh", "prices": [price]})
            await tell(site, "POST", "/limits", {"scope": "grid", "source": "works", "max_a": 40})
            await tell(site, "POST", "/evses/CP-01/1/need", {"energy_kwh": 12})
            (series,) = (await tell(site, "GET", "/prices"))["series"]
            assert [(row["per_kwh"], row["pushed"]) for row in series["prices"]] == [(-0.0125, True)]
            before = [await tell(site, "GET", path) for path in asked]
            daemon.send(signal.SIGKILL)
            await daemon.ended()
        async with daemon_process(site) as daemon, station.connected(site.central, boots=False):
            await daemon.picture()
            assert [await tell(site, "GET", path) for path in asked] == before
            assert (await daemon.shows(lambda evse: evse["session"]))["need"]["energy_wh"] == 12_000
            grid = (await daemon.picture())["circuits"][0]
            assert (grid["limit_a"]["L1"], "works" in grid["limit_source"]) == (40.0, True)
            await tell(site, "DELETE", "/evses/CP-01/1/need")
            assert await daemon.shows(lambda evse: evse["session"]["need"]["origin"] == "scheduled"), "never without"
        assert not any("Traceback" in line for line in daemon.log), daemon.log

    asyncio.run(scenario())


def test_two_who_tell_a_need_at_once_do_not_take_back_what_the_other_said(site: Installation) -> None:
    """Between two ticks the second is told on top of the first."""
    station = ChargePoint("CP-01")
    told = ({"energy_kwh": 30}, {"priority": 2}, {"guaranteed_kwh": 5}, {"minimum_always": True})

    async def scenario() -> None:
        async with daemon_process(site) as daemon, station.connected(site.central):
            await station.start("CARD-7")
            await daemon.shows(lambda evse: evse["session"])
            answers = [await tell(site, "POST", "/evses/CP-01/1/need", body) for body in told]
            need = answers[-1]["need"]
            assert (need["energy_kwh"], need["priority"], need["guaranteed_kwh"]) == (30, 2, 5)
            assert need["minimum_always"]
            assert (await daemon.shows(lambda evse: evse["session"]["need"]))["energy_wh"] == 30_000
            # A tick later it still stands on all of it.
            answer = await tell(site, "POST", "/evses/CP-01/1/need", {"energy_kwh": 31})
            assert answer["need"] == {**need, "energy_kwh": 31}

    asyncio.run(scenario())


def test_a_card_tells_the_vehicle_and_its_timetable_the_need(site: Installation) -> None:
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with running(site) as daemon, station.connected(site.central):
            await tell(site, "PUT", "/vehicles/Van", VAN)
            await station.start("card-7")
            assert not daemon.planning.has_news()
            await eventually(lambda: (s := evse(daemon, "CP-01/1").session) is not None and not s.need.is_empty)
            session = evse(daemon, "CP-01/1").session
            assert session is not None
            assert session.vehicle is not None
            assert (session.vehicle.id, session.vehicle.max_a) == ("Van", 16.0)
            assert (session.need.energy_wh, session.need.origin.value) == (30e3, "scheduled")
            await tell(site, "PUT", "/vehicles/Van", {**VAN, "weekly": []})
            await eventually(lambda: (s := evse(daemon, "CP-01/1").session) is not None and s.need.is_empty)

    asyncio.run(scenario())
