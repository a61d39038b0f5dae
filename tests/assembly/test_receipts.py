"""A vehicle charges through a crash of the daemon, and its driver gets one receipt by the prices of the plug-in."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from ems.runtime.clock import SystemClock
from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import daemon_process
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually


def ask(site: Installation, path: str, body: object = None) -> Any:
    """One question, or with a body one change, as a program asks it."""
    content = None if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "PUT"
    request = Request(f"{site.page}/api/v1/{path}", content, {"content-type": "application/json"}, method=method)
    with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def fees(price: str, *more: dict[str, str]) -> dict[str, Any]:
    return {"vat_percent": "19", "fees": [{"unit": "kwh", "price": price}, {"unit": "session", "price": "1"}, *more]}


def test_a_crash_changes_neither_the_prices_nor_the_receipt_of_who_is_plugged_in(tmp_path: Path) -> None:
    site, station = Installation.at(tmp_path), ChargePoint("CP-01")

    async def before() -> str:
        async with daemon_process(site) as daemon, station.connected(site.central):
            await asyncio.to_thread(ask, site, "price-lists/public", fees("0.40"))
            await station.start("CARD-7")
            await eventually(lambda: station.allowed_a == 32.0)
            await station.charge(4000)
            await daemon.shows(lambda evse: evse["energy_wh"] == 4000.0)
            cost = await asyncio.to_thread(ask, site, "evses/CP-01/1/cost")
            assert (cost["energy_kwh"], cost["total"]) == ("4.000", "2.60")
            await asyncio.to_thread(ask, site, "price-lists/public", fees("9"))
            await asyncio.sleep(1.5)
            daemon.send(signal.SIGKILL)
            await daemon.ended()
        return str(cost["session"])

    async def after(name: str) -> Any:
        async with daemon_process(site) as daemon, station.connected(site.central, boots=False):
            await station.charge(500)
            station.register_wh += 100
            await station.stop()
            await station.status("Available")
            await daemon.shows(lambda evse: evse["session"] is None)
            await asyncio.sleep(1.5)
            return await asyncio.to_thread(ask, site, f"receipts/{name}")

    async def scenario() -> Any:
        async with grid_meter(site.modbus):
            return await after(await before())

    made = asyncio.run(scenario())
    assert [(line["quantity"], line["price"], line["amount"]) for line in made["lines"]] == [
        ("4.600", "0.4", "1.84"),
        ("1", "1", "1.00"),
    ]
    assert (made["total"], made["final"]) == ("2.84", True)


def test_what_a_station_did_while_it_was_offline_is_told_at_once_and_paid_for_one_by_one(tmp_path: Path) -> None:
    """Three vehicles came and went in the night; all of it is told within a second."""
    site, station = Installation.at(tmp_path), ChargePoint("CP-01")
    dusk = SystemClock().now().utc.replace(microsecond=0) - timedelta(hours=8)

    async def replayed(k: int) -> None:
        begun, ended = (dusk + timedelta(hours=2 * k + h) for h in (0, 1))
        start = {"connectorId": 1, "idTag": f"CARD-{k}", "meterStart": 1000 * k, "timestamp": begun.isoformat()}
        number = (await station.call("StartTransaction", start))["transactionId"]
        stop = {"transactionId": number, "meterStop": 1000 * k + 900, "timestamp": ended.isoformat()}
        await station.call("StopTransaction", stop)

    async def scenario() -> tuple[Any, Any]:
        async with daemon_process(site) as daemon, station.connected(site.central):
            await daemon.shows(lambda evse: evse["status"] == "Available")
            await asyncio.to_thread(ask, site, "price-lists/public", fees("0.40", {"unit": "minute", "price": "0.01"}))
            for k in range(3):
                await replayed(k)
            await daemon.shows(lambda evse: evse["session"] is None)
            await asyncio.sleep(2.5)
            return await asyncio.to_thread(ask, site, "sessions"), await asyncio.to_thread(ask, site, "receipts")

    sessions, receipts = asyncio.run(scenario())
    told = sorted(sessions["sessions"], key=lambda one: str(one["plugged"]))
    assert [one["energy_wh"] for one in told] == [900.0] * 3
    stays = [(datetime.fromisoformat(one["plugged"]), datetime.fromisoformat(one["unplugged"])) for one in told]
    assert stays == [(dusk + timedelta(hours=2 * k), dusk + timedelta(hours=2 * k + 1)) for k in range(3)]
    # 0.900 kWh, 60 minutes and the session
    assert [(one["energy_kwh"], one["total"]) for one in receipts["receipts"]] == [("0.900", "1.96")] * 3
