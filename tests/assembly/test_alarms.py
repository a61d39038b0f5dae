"""What is wrong is told once, on the page and to others, and neither is lost with the process; over real sockets."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.adapters.mail.postbox import postbox
from tests.adapters.mqtt.broker import mosquitto, needs_mosquitto
from tests.adapters.mqtt.test_mqtt import at_home
from tests.adapters.webhook.receiver import SECRET, Receiver, receiver
from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import daemon_process
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running

QUICK = "alarms: {offline_s: 1, fault_s: 1, clear_s: 5}\n"


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


def with_hook(site: Installation, there: Receiver, events: str = "[session, transaction, alarm]") -> None:
    (site.folder / "hook").write_text(SECRET)
    (site.folder / "hook").chmod(0o600)
    hook = f"webhooks: {{back: {{url: '{there.url}', events: {events}, secret_file: hook}}}}\n"
    site.write(more=QUICK + hook)


async def ask(site: Installation, method: str, path: str, body: object = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = Request(f"{site.page}/api/v1/{path}", content, {"content-type": "application/json"}, method=method)

    def once() -> Any:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return json.loads(answer.read())

    return await asyncio.to_thread(once)


async def until(site: Installation, path: str, fits: Callable[[Any], bool], within_s: float = 15.0) -> Any:
    for _ in range(round(within_s / 0.2)):
        if fits(found := await ask(site, "GET", path)):
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(found)


def test_a_session_is_told_from_its_start_to_its_end(site: Installation) -> None:
    station = ChargePoint("CP-01")

    async def scenario(there: Receiver) -> None:
        async with grid_meter(site.modbus), running(site), station.connected(site.central):
            await station.start("CARD-7")
            await eventually(lambda: "transaction.started" in there.types, 10)
            await station.charge(4000)
            await station.stop()
            await eventually(lambda: "transaction.ended" in there.types, 10)
            await station.status("Available")
            await eventually(lambda: "session.ended" in there.types, 10)

    with receiver() as there:
        with_hook(site, there, "[session, transaction]")
        asyncio.run(scenario(there))
    assert there.types == ["session.started", "transaction.started", "transaction.ended", "session.ended"]
    assert all(one.is_signed() for one in there.got)
    assert there.got[-1].told["data"]["energy_wh"] == 4000.0
    assert there.got[-1].told["data"]["tag"] is None, "nobody knows this card"


def test_stations_that_are_away_are_one_alarm_until_they_are_back(site: Installation) -> None:
    async def scenario(there: Receiver) -> None:
        async with grid_meter(site.modbus):
            async with running(site):
                found = await until(site, "alarms?open=true&kind=offline", lambda told: told["alarms"])
                (alarm,) = found["alarms"]
                assert alarm["text"] == "both stations of grid are offline"
                assert alarm["members"] == ["CP-01", "CP-02"]
                assert "grid" in alarm["hint"]
                seen = await ask(site, "POST", f"alarms/{alarm['number']}/acknowledge", {"note": "the switch is dark"})
                assert seen["acknowledged"]["note"] == "the switch is dark"
                audit = await ask(site, "GET", "audit")
                assert any(row["what"] == "AlarmAcknowledged" for row in audit["audit"])
                await eventually(lambda: "alarm.acknowledged" in there.types, 10)
            async with running(site):
                again = await until(site, "alarms?open=true&kind=offline", lambda told: told["alarms"])
                assert again["alarms"][0]["acknowledged"]["note"] == "the switch is dark", "it survives a restart"
                assert again["alarms"][0]["number"] == alarm["number"]
        told = [one.told for one in there.got]
        assert [one["type"] for one in told if one["data"]["kind"] == "offline"] == [
            "alarm.raised",
            "alarm.acknowledged",
        ]

    with receiver() as there:
        with_hook(site, there, "[alarm]")
        asyncio.run(scenario(there))


def test_kill_9_between_store_and_send_loses_nothing_and_sends_the_same_id(site: Installation) -> None:
    """The receiver answers 500, then the process is killed; the next one tells it the same, in order."""
    station = ChargePoint("CP-01")

    async def before(there: Receiver) -> None:
        async with grid_meter(site.modbus), daemon_process(site) as daemon:
            await daemon.says("web.listening", within_s=25)
            async with station.connected(site.central):
                await station.start("CARD-7")
                await until(site, "notices?type=transaction.started", lambda told: told["notices"])
                await eventually(lambda: len(there.got) >= 1, 15)
                daemon.send(signal.SIGKILL)
                assert await daemon.ended() == -signal.SIGKILL

    async def after(there: Receiver) -> None:
        async with grid_meter(site.modbus), daemon_process(site) as daemon:
            await daemon.says("web.listening", within_s=25)
            await eventually(lambda: len(there.got) >= 2, 20)

    with receiver() as there:
        there.answers = [500] * 100
        with_hook(site, there, "[session.started, transaction.started]")
        asyncio.run(before(there))
        first = list(there.got)
        assert {one.told["type"] for one in first} == {"session.started"}, "the one behind waits for its turn"
        there.answers, there.got[:] = [], []
        asyncio.run(after(there))
    assert there.types == ["session.started", "transaction.started"]
    assert there.got[0].headers["webhook-id"] == first[0].headers["webhook-id"]


def test_who_may_only_look_reads_neither_the_path_of_a_webhook_nor_what_it_says(site: Installation) -> None:
    """The path may be all that opens it; what it says may be of anything that the controller can reach."""
    station = ChargePoint("CP-01")

    def page() -> str:
        with build_opener(ProxyHandler({})).open(f"{site.page}/alarms", timeout=10) as answer:
            return str(answer.read().decode())

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site), station.connected(site.central):
            await station.start("CARD-7")
            found = await until(site, "targets", lambda told: told["targets"][0]["failures"])
            assert found["targets"][0]["address"] == f"http://127.0.0.1:{there.port}/…"
            sent = await until(site, "targets/back/deliveries", lambda told: told["deliveries"][-1]["answer"])
            told = f"{found} {sent} {await asyncio.to_thread(page)}"
            assert "answers 500" in told
            assert "/hook" not in told
            assert "nono" not in told

    with receiver() as there:
        there.answers = [500] * 100
        with_hook(site, there, "[session.started]")
        asyncio.run(scenario())


def test_what_happens_can_be_listened_to_and_what_was_missed_comes_first(site: Installation) -> None:
    station = ChargePoint("CP-01")

    def listen(after: str, count: int) -> list[str]:
        headers = {"last-event-id": after} if after else {}
        request = Request(f"{site.page}/api/v1/notices/stream?after=0", headers=headers)
        lines: list[str] = []
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            while sum(line.startswith("data") for line in lines) < count:
                lines.append(answer.readline().decode().strip())
        return lines

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site):
            async with station.connected(site.central):
                await station.start("CARD-7")
                found = await until(site, "notices?type=transaction.started", lambda told: len(told["notices"]) == 1)
                number = found["notices"][0]["number"]
                missed = await asyncio.to_thread(listen, str(number - 1), 1)
                assert f"id: {number}" in missed
                assert "event: transaction.started" in missed
            every = await asyncio.to_thread(listen, "", number)
            assert sum(line.startswith("id: ") for line in every) == number

    asyncio.run(scenario())


@needs_mosquitto
def test_a_limit_over_mqtt_reaches_the_car_and_the_audit(site: Installation, tmp_path: Path) -> None:
    station = ChargePoint("CP-01")

    async def scenario(port: int) -> None:
        async with grid_meter(site.modbus), running(site), station.connected(site.central), at_home(port) as home:
            await station.start("CARD-7")
            await eventually(lambda: station.allowed_a == 32.0, 10)
            await home.until(lambda: home.last.get("ems/yard/status") == b"online")
            await home.client.publish("ems/yard/evse/CP-01/1/limit/set", "10", qos=1)
            await eventually(lambda: station.allowed_a == 10.0, 10)
            await home.until(lambda: home.json("ems/yard/evse/CP-01/1").get("limit_a") == 10)
            (first, *_) = (await ask(site, "GET", "audit"))["audit"]
            assert (first["what"], first["who"]) == ("LimitReceived", "mqtt (127.0.0.1)")
            await home.until(lambda: b"is offline" in home.last.get("ems/yard/alarms", b""), "one station is away")
            await home.until(
                lambda: any(
                    json.loads(told)["type"] == "session.started" for t, told in home.all if t == "ems/yard/event"
                )
            )

    with mosquitto(tmp_path) as there:
        section = f"mqtt: {{host: 127.0.0.1, port: {there.port}, commands: [limit], every_s: 0.5}}\n"
        site.write(more=QUICK + section)
        asyncio.run(scenario(there.port))


def test_alarms_are_mailed_together(site: Installation) -> None:
    """To a real mail server, in one mail; and a test at once."""

    async def scenario() -> None:
        async with postbox() as box:
            mail = f"mail: {{host: 127.0.0.1, port: {box.port}, security: none, sender: ems@depot.example}}\n"
            told = "alarms: {offline_s: 1, clear_s: 5, mail: {to: [anna@depot.example], gather_s: 3}}\n"
            site.write(more=mail + told)
            async with grid_meter(site.modbus), running(site):
                await eventually(lambda: bool(box.mails), 20)
                assert "both stations of grid are offline" in box.mails[0].get_content()
                assert box.recipients[0] == ["anna@depot.example"]
                await ask(site, "POST", "targets/mail/test", {})
                await eventually(lambda: any("a test" in mail["subject"] for mail in box.mails), 10)

    asyncio.run(scenario())
