"""A car charges at a station whose meter signs: the session is on the page, in the list and in the file."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request

from tests.adapters.web.session_office import METER_KEY, signed
from tests.assembly.charge_point import ChargePoint, now
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running
from tests.assembly.test_payments import Browser, opened


def test_a_session_is_listed_verified_corrected_and_exported(tmp_path: Path) -> None:
    site = Installation.at(tmp_path)
    vouched = ("evses: {1: {max_a", f"evses: {{1: {{meter_key: oca:base16:asn1:{METER_KEY}, max_a")
    site.write(("web: {", "web: {login: loopback-free, "), vouched)

    async def scenario() -> None:
        station, browser = ChargePoint("CP-01"), Browser(site)
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            transaction = await station.start("04AA")
            await eventually(lambda: evse(daemon, "CP-01/1").session is not None, what="a session")
            station.register_wh += 1_500
            told = {"timestamp": now(), "sampledValue": [
                {"value": signed(1.0, 2.5), "format": "SignedData", "context": "Transaction.End"},
            ]}  # fmt: skip
            ended = {"transactionId": transaction, "meterStop": station.register_wh, "timestamp": now()}
            await station.call("StopTransaction", {**ended, "reason": "Local", "transactionData": [told]})
            station.transaction = None
            await station.status("Available")
            await eventually(lambda: evse(daemon, "CP-01/1").session is None, what="the car has left")
            await asyncio.sleep(1.2)
            (row,) = (await browser.ask("GET", "sessions?tag=04aa"))["sessions"]
            assert (row["energy_wh"], row["ended_by"], row["signed_values"]) == (1500.0, "Local", 1)
            path = f"sessions/{quote(row['id'])}"
            (value,) = (await browser.ask("GET", path))["signed_values"]
            assert (value["verdict"], value["sent_key"]) == ("verified", METER_KEY)
            assert [one["confirmed_by"] for one in (await browser.ask("GET", "meter-keys"))["keys"]] == [
                "site file"
            ] * 2
            corrected = await browser.asks("POST", f"{path}/corrections", {"reason": "a test", "energy_kwh": 1.4})
            assert corrected.status == 200, corrected.body
            page = await asyncio.to_thread(opened, Request(f"{site.page}/{path}"))
            assert b"Signature verified" in page.body
            assert b"1.400 kWh" in page.body
            file = await browser.asks("GET", "exports/sessions?format=csv")
            (line,) = csv.DictReader(io.StringIO(file.body.decode()))
            assert (line["energy_wh"], line["tag"], line["corrections"]) == ("1400.0", "04AA", "1")

    asyncio.run(scenario())
