"""A daemon with virtual stations over real sockets: what people ask goes out, comes back, and is recorded."""

from __future__ import annotations

import asyncio
import ftplib
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest

from ems.assembly.daemon import Daemon
from ems.assembly.kept_requests import read_kept
from ems.domain.remote.request import SetAvailability, UploadLog
from ems.runtime.clock import SystemClock
from ems.settings.machine_token import known_token
from ems.sim.manners import Manners
from ems.sim.profile_stack import Shape
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.vehicle import Vehicle, VehicleModel
from ems.sim.virtual_station import VirtualStation
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running


@dataclass
class Yard:
    """A daemon and its two stations, of which CP-01 is there."""

    site: Installation
    daemon: Daemon
    station: VirtualStation

    async def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, base: str = ""
    ) -> tuple[int, Any]:
        """Status and content of one request."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        assert isinstance(content, bytes | None)
        token = known_token(self.site.state)
        told = {"content-type": "application/json", "authorization": f"Bearer {token}", **(headers or {})}
        request = Request(base or f"{self.site.page}/api/v1{path}", content, told, method=method)

        def once() -> tuple[int, bytes]:
            try:
                with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                    return answer.status, answer.read()
            except HTTPError as refused:
                return refused.code, refused.read()

        status, text = await asyncio.to_thread(once)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    async def ask(self, operation: str, station: str = "CP-01", **body: object) -> tuple[int, Any]:
        return await self.send("POST", f"/stations/{station}/{operation}", dict(body))


@asynccontextmanager
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    site, clock = Installation.at(tmp_path).with_quick_stations(), SystemClock()
    setup = StationSetup((Outlet(1, Shape(3, 230.0, 32.0)),))
    station = VirtualStation(Address(site.central, "CP-01"), setup, np.random.default_rng(1), clock.now())

    async def steps() -> None:
        while True:
            station.step(clock.now())
            await asyncio.sleep(0.1)

    async with running(site) as daemon:
        tasks = [asyncio.create_task(station.run()), asyncio.create_task(steps())]
        try:
            await eventually(lambda: daemon.live.state.station("CP-01").connected, what="a station")
            yield Yard(site, daemon, station)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _story(tmp_path: Path) -> None:
    async with yard(tmp_path) as here:
        await _a_session(here)
        await _refusals(here)
        await _configuration(here)
        await _diagnostics(here)
        await _round(here)
        await _audit(here)
        await _silence(here)


async def _a_session(here: Yard) -> None:
    vehicle = Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0), 50_000)
    here.station.plug(1, vehicle)
    status, started = await here.ask("start", evse=1, id_tag="TAG")
    assert (status, started["verdict"], started["operation"]) == (200, "accepted", "start")
    await eventually(lambda: (s := evse(here.daemon, "CP-01/1").session) is not None and s.transaction is not None)
    status, refused = await here.ask("reset", kind="soft")
    assert (status, refused["reason"], refused["may_insist"]) == (409, "objection", True)
    assert refused["detail"].startswith("a transaction runs at CP-01/1 and would be ended by it; say `insists`")
    status, _ = await here.ask("stop", evse=1)
    assert status == 200
    await eventually(lambda: here.station.connectors[1].transaction is None)

    def seen() -> bool:
        return [one.effect.value for one in here.daemon.product.remote.control.asked("CP-01")][:2] == ["seen", "seen"]

    await eventually(seen, what="effects")
    status, detail = await here.send("GET", "/stations/CP-01")
    assert [row["words"] for row in detail["asked"][:2]] == [
        "Accepted, the transaction has ended",
        "Accepted, a transaction has begun",
    ]
    here.station.unplug(1)


async def _refusals(here: Yard) -> None:
    here.station.manners = Manners(
        refused=frozenset({"ClearCache"}), unsupported=frozenset({"GetLocalListVersion"}),
        silent=frozenset({"UnlockConnector"}),
    )  # fmt: skip
    status, refused = await here.ask("clear-cache")
    assert (status, refused["reason"], refused["asked"]["verdict"]) == (409, "station-refused", "refused")
    status, refused = await here.ask("list-version")
    assert (status, refused["reason"]) == (409, "not-supported")
    assert refused["detail"] == ("The station cannot do that (NotSupported GetLocalListVersion is not supported)")
    here.station.manners = Manners()
    status, offline = await here.ask("clear-cache", "CP-02")
    assert (status, offline["reason"]) == (503, "offline")
    status, kept = await here.ask("availability", "CP-02", evse=1, operative=False, when_back=True)
    assert (status, kept["verdict"]) == (202, "kept")
    status, again = await here.send("GET", "/stations/CP-02")
    assert (again["kept"], again["kept_requests"][0]["number"]) == (1, kept["number"])
    assert [one.request for one in read_kept(here.site.state)] == [SetAvailability(1, False)]
    path = f"/stations/CP-02/requests/{kept['number']}"
    assert (await here.send("DELETE", path))[0] == 204
    assert (await here.send("DELETE", path))[0] == 404
    assert read_kept(here.site.state) == ()
    assert (await here.ask("start", "CP-99", evse=1))[0] == 404
    assert (await here.ask("unlock", evse=7))[0] == 404
    assert (await here.ask("start", evse=1, id_tag="x" * 21))[0] == 422
    assert (await here.ask("start", evse=1, nonsense=1))[0] == 422
    status, raw = await here.ask("clear-profile", purpose="TxDefaultProfile", insists=True)
    assert (status, raw["reason"], raw["may_insist"]) == (409, "objection", False)
    assert "what protects the fuse" in raw["detail"]


async def _configuration(here: Yard) -> None:
    status, blank = await here.send("GET", "/stations/CP-01/configuration")
    assert (status, blank["read_at"], blank["variables"]) == (200, None, [])
    status, unread = await here.ask("apply-template")
    assert (status, unread["detail"][:30]) == (409, "the configuration was not read")
    status, read = await here.ask("read-configuration", wait_s=60)
    assert status == 200, read
    status, compared = await here.send("GET", "/stations/CP-01/configuration")
    wrong = {row["name"]: (row["value"], row["wanted"], row["fit"]) for row in compared["variables"][:8]}
    assert wrong["TransactionMessageAttempts"] == ("3", "5", "different")
    assert compared["differences"] == 2
    status, written = await here.ask("apply-template", values={"ConnectionTimeOut": "90"})
    assert status == 200, written
    assert written["content"]["written"] == {
        "ConnectionTimeOut": "accepted",
        "TransactionMessageAttempts": "accepted",
        "TransactionMessageRetryInterval": "accepted",
    }
    assert here.station.configuration.text("ConnectionTimeOut") == "90"
    await here.ask("read-configuration")
    _, compared = await here.send("GET", "/stations/CP-01/configuration")
    assert compared["differences"] == 0
    status, refused = await here.ask("write-configuration", values={"AuthorizationKey": "0123456789abcdef0123"})
    assert (status, refused["may_insist"]) == (409, True)


async def _diagnostics(here: Yard) -> None:
    status, asked = await here.ask("diagnostics")
    assert (status, asked["content"]) == (200, {"file": "diagnostics-CP-01.log"})
    await eventually(lambda: here.daemon.product.remote.control.received("CP-01"), what="a file")
    await eventually(lambda: here.daemon.product.remote.control.activity("CP-01").diagnostics is not None)
    _, detail = await here.send("GET", "/stations/CP-01")
    (file,) = detail["files"]
    assert file["name"] == "diagnostics-CP-01.log"
    status, content = await here.send("GET", f"/stations/CP-01/files/{file['number']}")
    assert (status, len(content)) == (200, file["bytes"])
    assert b"connector 1" in content
    url = f"http://127.0.0.1:{here.daemon.product.remote.uploads.port}/uploads/nobody-knows/x"
    control = here.daemon.product.remote.control
    asked_over_ftp = await control.upload("CP-01", None, None, True, "ada")
    assert isinstance(asked_over_ftp.request, UploadLog)
    place = urlsplit(asked_over_ftp.request.url)

    def old_client() -> None:
        with ftplib.FTP(timeout=10) as client:
            client.connect(place.hostname or "", place.port or 0)
            client.login(place.username or "", place.password or "")
            client.storbinary("STOR old.log", io.BytesIO(b"old"))

    await asyncio.to_thread(old_client)
    await eventually(lambda: control.received("CP-01")[0].name == "old.log", what="a file over FTP")
    for method, where in (("PUT", url), ("GET", url), ("PUT", url.replace("/uploads/nobody-knows/x", "/"))):
        assert (await here.send(method, "", b"x" if method == "PUT" else None, base=where))[0] == 404


async def _round(here: Yard) -> None:
    body = {"stations": ["CP-01", "CP-02"], "operation": "trigger", "body": {"message": "heartbeat"}}
    status, begun = await here.send("POST", "/rounds", body)
    assert (status, len(begun["steps"])) == (200, 2)
    await eventually(lambda: here.daemon.product.remote.rounds.round(begun["number"]).is_over)
    _, over = await here.send("GET", f"/rounds/{begun['number']}")
    assert (over["over"], over["done"], over["well"]) == (True, 2, 1)
    assert over["steps"][1]["asked"]["verdict"] == "offline"
    service = {"operation": "availability", "body": {"operative": True, "when_back": True}}
    _, begun = await here.send("POST", "/rounds", {**body, **service})
    await eventually(lambda: here.daemon.product.remote.rounds.round(begun["number"]).is_over)
    _, over = await here.send("GET", f"/rounds/{begun['number']}")
    assert (over["well"], over["kept"]) == (2, 1)
    status, wrong = await here.send("POST", "/rounds", {**body, "operation": "explode"})
    assert (status, wrong["detail"][:22]) == (422, "there is no operation ")
    status, wrong = await here.send("POST", "/rounds", {**body, "body": {"message": "nonsense"}})
    assert (status, wrong["detail"][:13]) == (422, "body.message:")
    assert (await here.send("GET", "/rounds/99"))[0] == 404
    assert (await here.send("POST", f"/rounds/{begun['number']}/stop", {}))[1]["stopped"]


async def _audit(here: Yard) -> None:
    _, told = await here.send("GET", "/audit?limit=200")
    rows = {(row["what"], row["detail"]["station"], row["detail"]["verdict"]) for row in told["audit"]}
    assert {
        ("RequestStart", "CP-01", "accepted"),
        ("Reset", "CP-01", "objected"),
        ("ClearCache", "CP-01", "refused"),
        ("ReadLocalListVersion", "CP-01", "not-supported"),
        ("ClearCache", "CP-02", "offline"),
        ("SetAvailability", "CP-02", "kept"),
        ("ClearRawProfiles", "CP-01", "objected"),
        ("WriteVariables", "CP-01", "accepted"),
        ("WriteVariables", "CP-01", "objected"),
        ("UploadLog", "CP-01", "accepted"),
    } <= rows
    assert "0123456789abcdef0123" not in json.dumps(told)
    _, line = await here.send("GET", "/stations/CP-01/messages")
    assert "0123456789abcdef0123" not in json.dumps(line)
    assert ("GetDiagnostics", False) in {(row["action"], row["from_station"]) for row in line["messages"]}
    assert (await here.send("GET", "/stations/CP-99/messages"))[0] == 404
    _, asked = await here.send("GET", "/stations/CP-01/messages?action=GetDiagnostics&side=out")
    assert {(row["action"], row["from_station"]) for row in asked["messages"]} == {("GetDiagnostics", False)}
    _, by_text = await here.send("GET", "/stations/CP-01/messages?text=CHARGEPOINTVENDOR")
    assert {row["action"] for row in by_text["messages"]} == {"BootNotification"}
    assert (await here.send("GET", "/stations/CP-01/messages?side=up"))[0] in {400, 422}
    _, quick = await here.send("GET", "/station-answers")
    (answer,) = [row for row in quick["answers"] if row["station"] == "CP-01"]
    assert answer["action"]
    assert 0.0 <= answer["took_s"] < 30.0
    assert answer["age_s"] >= 0.0


async def _silence(here: Yard) -> None:
    here.station.manners = Manners(silent=frozenset({"UnlockConnector"}))
    status, waiting = await here.ask("unlock", evse=1, wait_s=0.2)
    assert (status, waiting["verdict"], waiting["words"]) == (202, None, "Asked; no answer yet")
    here.station.link.cut()
    control = here.daemon.product.remote.control
    await eventually(lambda: control.asked("CP-01")[0].outcome is not None, what="the end of the line")
    path = f"/stations/CP-01/requests/{waiting['number']}?wait_s=1"
    status, came = await here.send("GET", path)
    assert (status, came["verdict"], came["detail"]) == (200, "unanswered", "the link ended")
    _, told = await here.send("GET", "/audit?limit=5")
    assert ("Unlock", "unanswered") in {(row["what"], row["detail"].get("verdict")) for row in told["audit"]}


@pytest.mark.timeout(120)
def test_remote_control_of_a_running_site(tmp_path: Path) -> None:
    asyncio.run(_story(tmp_path))


async def _given_up(tmp_path: Path) -> None:
    async with yard(tmp_path) as here:
        here.station.plug(1, Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0), 50_000))
        await here.ask("start", evse=1, id_tag="TAG")
        await eventually(lambda: here.station.leg_amps(1)[0] == 32.0, 20, what="it charges at full power")
        status, early = await here.ask("release", insists=True)
        assert (status, early["may_insist"]) == (409, False)
        assert "the controller is armed" in early["detail"]
        assert (await here.send("PUT", "/site/control", {"armed": False}))[0] == 204
        await eventually(lambda: here.station.leg_amps(1)[0] == 6.0, 20, what="it is brought to its fallback")
        seen = here.daemon.live.version
        await eventually(lambda: here.daemon.live.version > seen + 1, what="a picture of it")
        _, picture = await here.send("GET", "/state")
        row = next(one for one in picture["evses"] if one["id"] == "CP-01/1")
        assert (row["confirmed_a"], row["reason"]["text"][:40]) == (6.0, "stays at the 6 A that it was left with; ")
        observes = next(one for one in picture["alarms"] if one["key"] == "observe")
        assert "1 of 2 EVSEs stay at the fallback current that it left them" in observes["text"]
        status, sure = await here.ask("release")
        assert (status, sure["may_insist"]) == (409, True)
        assert "only the fuses protect the cables" in sure["detail"]
        status, done = await here.ask("release", insists=True)
        assert (status, done["verdict"]) == (200, "accepted"), done
        await eventually(lambda: here.station.leg_amps(1)[0] == 32.0, 20, what="its own limit counts")
        assert evse(here.daemon, "CP-01/1").grant.floor is None
        _, told = await here.send("GET", "/audit?limit=50")
        rows = [(row["what"], row["detail"].get("verdict")) for row in told["audit"]]
        assert ("ReleaseLimits", "accepted") in rows
        assert ("ReleaseLimits", "objected") in rows
        assert ("ControllerObserves", None) in rows
        reloaded = next(row for row in told["audit"] if row["what"] == "SiteReloaded")
        assert (reloaded["who"], reloaded["detail"]["changes"]) == (
            "site file", ["policy: control armed → observe (takes effect at once)"],
        )  # fmt: skip
        assert (await here.send("PUT", "/site/control", {"armed": True}))[0] == 204
        await eventually(lambda: evse(here.daemon, "CP-01/1").grant.floor is not None, 20, what="a floor again")


@pytest.mark.timeout(120)
def test_who_was_controlled_stays_at_the_fallback_until_somebody_insists_on_more(tmp_path: Path) -> None:
    asyncio.run(_given_up(tmp_path))
