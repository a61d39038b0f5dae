"""The site is read again while vehicles charge."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from websockets.exceptions import InvalidStatus

from ems.adapters.store.replay import replay
from ems.assembly.daemon import Daemon
from ems.settings.machine_token import known_token
from tests.adapters.mail.postbox import postbox
from tests.adapters.mqtt.broker import mosquitto, needs_mosquitto
from tests.adapters.mqtt.test_mqtt import Home, at_home
from tests.adapters.webhook.receiver import SECRET, Receiver, receiver
from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import alarms, evse, running
from tests.cli.typed import ems
from tests.ports import free_ports

TIGHTER = "limits: [{name: contract, circuit: grid, max_a: 20}]\n"


@pytest.fixture
def site(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Installation:
    caplog.set_level(logging.INFO)
    return Installation.at(tmp_path)


@asynccontextmanager
async def charging(site: Installation, **ports: int) -> AsyncIterator[tuple[Daemon, ChargePoint]]:
    """A daemon, and a vehicle that has what it can take."""
    station = ChargePoint("CP-01")
    async with grid_meter(site.modbus), running(site, **ports) as daemon, station.connected(site.central):
        await station.start()
        await eventually(lambda: station.allowed_a == 32.0)
        await station.charge(500)
        yield daemon, station


def test_a_new_limit_holds_at_once_and_nothing_that_runs_is_lost(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with charging(site) as (daemon, station):
            before = daemon.settings.revision
            session = await eventually(lambda: evse(daemon, "CP-01/1").session)
            site.write(more=TIGHTER)
            daemon.reload()
            await eventually(lambda: station.allowed_a < 20.0)
            assert daemon.settings.revision != before
            after = evse(daemon, "CP-01/1").session
            assert after is not None
            assert (after.transaction, after.plugged) == (session.transaction, session.plugged)
            assert station.links == 1
            await station.charge(250)
            await eventually(lambda: (s := evse(daemon, "CP-01/1").session) and s.energy_wh == 750.0)

    asyncio.run(scenario())
    assert "site.changed limit new: contract: 20 A on grid (takes effect at once)" in caplog.text
    found = replay(site.state / "journal")
    assert (found.difference, found.missing, found.damage) == (None, 0, ()), "the journal knows of the reload"


def test_a_broken_file_changes_nothing_and_says_so(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with charging(site) as (daemon, station):
            before = daemon.settings
            site.write(("circuit: grid, fallback_a: 6", "circuit: gird, fallback_a: 6"), more=TIGHTER)
            daemon.reload()
            await eventually(lambda: f"site.reload-refused running={before.revision}" in caplog.text)
            ticks = daemon.live.version
            await eventually(lambda: daemon.live.version > ticks + 1)
            assert daemon.settings is before
            assert station.allowed_a == 32.0
            assert "site.yaml:7: the circuit 'gird' of station 'CP-01'" in alarms(daemon)["settings"].text
            site.write(more=TIGHTER)
            daemon.reload()
            await eventually(lambda: station.allowed_a < 20.0, what="the corrected file")

    asyncio.run(scenario())
    assert f"{site.file}:7: error:" in caplog.text


def test_what_needs_a_restart_waits_for_it(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with charging(site) as (daemon, station):
            site.write(("rating_a: 63", "rating_a: 80"), ("idle_a: 6", "idle_a: 0"))
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            assert daemon.live.state.site.circuits.root.rating_a == (63.0,) * 3
            await eventually(lambda: daemon.live.state.site.policy.idle_a == 0.0)
            assert station.allowed_a == 32.0

    asyncio.run(scenario())
    assert "site.changed circuit grid: rating_a 63 → 80 (needs a restart)" in caplog.text


OIDC = "oidc: {issuer: http://127.0.0.1:9, client_id: ems, roles: {staff: viewer}}\n"
SERVERS = (("web: {host", "web: {names: [depot.example], host"), ("ocpp: {host: 127.0.0.1", "ocpp: {host: 127.0.0.2"))


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ((), "payment: {provider: sandbox}\n", ["payment: provider none → sandbox"]),
        ((), OIDC, ["oidc: new"]),
        (SERVERS, "", ["web: names none → depot.example", "ocpp: host 127.0.0.1 → 127.0.0.2"]),
    ],
    ids=["payment", "login", "servers"],
)
def test_what_waits_for_a_restart_is_named_on_the_page_of_the_system_and_by_the_command_line(
    site: Installation,
    monkeypatch: pytest.MonkeyPatch,
    changes: tuple[tuple[str, str], ...],
    more: str,
    words: list[str],
) -> None:
    monkeypatch.setenv("EMS_STATE_DIR", str(site.state))

    async def typed() -> str:
        told = (await asyncio.to_thread(ems, "status", site.folder)).out
        return next(line for line in told.splitlines() if "site file" in line)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            good = "good  site file: counts as it is written"
            assert await typed() == good
            revision = daemon.settings.revision
            site.write(*changes, more=more)
            daemon.reload()
            await eventually(lambda: daemon.settings.revision != revision)
            told = await typed()
            assert told.startswith("wait  site file: waits for a restart: ")
            page = html.unescape(await asyncio.to_thread(read_page, site, "/system"))
            for one in words:
                assert one in told
                assert one in page
            daemon.reload()
            await asyncio.sleep(0.5)
            assert await typed() == told, "a second reload does not forget it"
            site.write()
            daemon.reload()
            await eventually(lambda: daemon.settings.revision == revision)
            assert await typed() == good

    asyncio.run(scenario())


def read_page(site: Installation, path: str) -> str:
    request = Request(f"{site.page}{path}", headers={"authorization": f"Bearer {known_token(site.state)}"})
    with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
        return str(answer.read().decode())


def test_a_port_of_the_environment_is_no_difference(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """It would say on every reload that the port changes with the next restart, which it does not."""
    (site.folder.parent / "other").mkdir()
    other = Installation.at(site.folder.parent / "other")

    async def scenario() -> None:
        async with running(site, ocpp_port=other.ocpp, web_port=other.web) as daemon:
            before = daemon.settings.revision
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            assert daemon.settings.revision == before

    asyncio.run(scenario())
    assert "site.changed" not in caplog.text


def test_a_new_password_is_asked_for_at_the_next_connect(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with running(site) as daemon:
            secret = site.folder / "secret"
            secret.write_text("correct-horse-battery")
            secret.chmod(0o600)
            site.write(("CP-01: {circuit: grid,", "CP-01: {circuit: grid, password_file: secret,"))
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            station = ChargePoint("CP-01")
            with pytest.raises(InvalidStatus, match="401"):
                await station.connected(site.central).__aenter__()
            async with station.connected(site.central, "correct-horse-battery"):
                assert "CP-01" in daemon.central.connections()

    asyncio.run(scenario())
    assert "station CP-01 needs a password now (takes effect at once)" in caplog.text


def test_a_file_that_takes_long_to_read_delays_no_tick(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """A named pipe is the slowest of disks: it answers when somebody writes."""
    text, go = site.text() + TIGHTER, threading.Event()

    def answer() -> None:
        go.wait(4.0)
        site.file.write_text(text)

    async def scenario() -> None:
        async with running(site) as daemon:
            site.file.unlink()
            os.mkfifo(site.file)
            disk = threading.Thread(target=answer)
            disk.start()
            ticks, began = daemon.live.version, time.monotonic()
            daemon.reload()
            await eventually(lambda: daemon.live.version >= ticks + 2)
            assert time.monotonic() - began < 3.0
            assert "site.reloaded" not in caplog.text
            go.set()
            await eventually(lambda: "site.reloaded" in caplog.text)
            disk.join()

    asyncio.run(scenario())
    assert "loop.late" not in caplog.text


def hooked(site: Installation, there: Receiver, offline_s: int = 600) -> str:
    (site.folder / "hook").write_text(SECRET)
    (site.folder / "hook").chmod(0o600)
    hook = f"webhooks: {{back: {{url: '{there.url}', events: [alarm, transaction], secret_file: hook}}}}\n"
    return f"alarms: {{offline_s: {offline_s}, clear_s: 5}}\n{hook}"


def test_who_is_told_of_what_changes_without_a_restart_and_nothing_is_lost(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits for a receiver that fails arrives at its new address; an alarm comes when its time is shorter."""

    async def scenario(there: Receiver, elsewhere: Receiver) -> None:
        async with charging(site) as (daemon, station):
            await eventually(lambda: there.got, 10, what="it is tried")
            site.write(more=hooked(site, elsewhere, offline_s=1))
            daemon.reload()
            await eventually(lambda: elsewhere.types[:1] == ["transaction.started"], 10)
            await eventually(lambda: "alarm.raised" in elsewhere.types, 10, what="CP-02 is offline")
            assert station.links == 1
            tried = len(there.got)
            await station.stop()
            await eventually(lambda: "transaction.ended" in elsewhere.types, 10)
            assert len(there.got) == tried
            site.write()
            daemon.reload()
            await eventually(lambda: not daemon.product.alarms.postman.targets())

    with receiver() as there, receiver() as elsewhere:
        there.answers += [503] * 50
        site.write(more=hooked(site, there))
        asyncio.run(scenario(there, elsewhere))
    assert all(one.is_signed() for one in elsewhere.got)
    assert elsewhere.got[0].headers["webhook-id"] == there.got[0].headers["webhook-id"]
    assert "site.changed alarms: offline_s 600 → 1 (takes effect at once)" in caplog.text
    assert "site.changed webhook back is gone (takes effect at once)" in caplog.text
    assert "site.waits-for-restart" not in caplog.text


def test_mail_begins_to_go_out_without_a_restart(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with postbox() as box, charging(site) as (daemon, _):
            mail = f"mail: {{host: 127.0.0.1, port: {box.port}, security: none, sender: ems@depot.example}}\n"
            told = "alarms: {offline_s: 1, clear_s: 5, mail: {to: [anna@depot.example], gather_s: 1}}\n"
            assert not daemon.product.drivers.imprint().mails
            site.write(more=mail + told)
            daemon.reload()
            await eventually(lambda: bool(box.mails), 20, what="CP-02 is offline")
            assert box.recipients[0] == ["anna@depot.example"]
            assert daemon.product.drivers.imprint().mails
            assert daemon.product.alarms.mail == daemon.settings.mail
            site.write(more=mail + told.replace("anna", "bert"))
            daemon.reload()
            await eventually(lambda: "bert" in daemon.product.alarms.postman.targets()[0].address)

    asyncio.run(scenario())
    assert "site.changed mail: new (takes effect at once)" in caplog.text
    assert "alarms by mail: to anna@depot.example → bert@depot.example (takes effect at once)" in caplog.text
    assert "site.waits-for-restart" not in caplog.text


def test_a_secret_that_is_gone_keeps_the_reload_from_happening_and_says_so(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(there: Receiver) -> None:
        async with charging(site) as (daemon, station):
            site.write(more=hooked(site, there) + TIGHTER)
            (site.folder / "hook").unlink()
            daemon.reload()
            await eventually(lambda: "site.reload-refused" in caplog.text)
            await eventually(lambda: "settings" in alarms(daemon))
            assert station.allowed_a == 32.0
            assert not daemon.product.alarms.postman.targets()
            site.write(more=hooked(site, there) + TIGHTER)
            daemon.reload()
            await eventually(lambda: station.allowed_a < 20.0)
            await eventually(lambda: "settings" not in alarms(daemon))

    with receiver() as there:
        asyncio.run(scenario(there))


def published(port: int, base: str = "ems/yard", discovery: str = "homeassistant") -> str:
    found = f"discovery: {discovery}, " if discovery else ""
    return f"mqtt: {{host: 127.0.0.1, port: {port}, base: {base}, {found}every_s: 0.5}}\n"


def retained(home: Home) -> set[str]:
    """The first levels of what is retained at a broker."""
    return {topic.split("/")[0] for topic, told in home.last.items() if told and not topic.endswith("/event")}


def events(home: Home, base: str) -> list[str]:
    return [json.loads(told)["type"] for topic, told in home.all if topic == f"{base}/event"]


@needs_mosquitto
@pytest.mark.timeout(120)
def test_a_broker_is_changed_without_a_restart_and_nothing_is_left_behind(
    site: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another base and prefix, another broker, none: what the old ones retained of us is gone, and notices go on."""

    async def scenario(first: int, second: int) -> None:
        async with at_home(first) as home, at_home(second) as away, charging(site) as (daemon, station):
            await home.until(lambda: "transaction.started" in events(home, "ems/yard"))
            await home.until(lambda: home.last.get("homeassistant/device/ems_yard_CP-01_1/config"))
            site.write(more=published(first, "park/north", "ha"))
            daemon.reload()
            await home.until(lambda: home.last.get("park/north/status") == b"online")
            await home.until(lambda: home.last.get("ha/device/park_north_CP-01_1/config"))
            assert retained(home) == {"park", "ha"}
            await station.stop()
            await home.until(lambda: "transaction.ended" in events(home, "park/north"))
            site.write(more=published(second, "park/north", ""))
            daemon.reload()
            await away.until(lambda: away.last.get("park/north/evse/CP-01/1"))
            assert (retained(home), retained(away)) == (set(), {"park"})
            await station.start()
            await away.until(lambda: "transaction.started" in events(away, "park/north"))
            assert "transaction.started" not in events(home, "park/north")
            site.write()
            daemon.reload()
            await away.until(lambda: not retained(away))
            await eventually(lambda: not daemon.product.alarms.postman.targets())
            assert station.links == 1

    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with mosquitto(tmp_path / "first") as first, mosquitto(tmp_path / "second") as second:
        site.write(more=published(first.port))
        asyncio.run(scenario(first.port, second.port))
    assert "site.changed mqtt broker 127.0.0.1: base ems/yard → park/north (takes effect at once)" in caplog.text
    assert "site.waits-for-restart" not in caplog.text


@needs_mosquitto
@pytest.mark.timeout(120)
def test_what_happens_while_a_broker_is_away_is_told_to_the_next_one(
    site: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(there: int) -> None:
        async with at_home(there) as home, charging(site) as (daemon, _):
            await eventually(lambda: daemon.product.alarms.postman.targets()[0].failures, 20, what="it is tried")
            site.write(more=published(there))
            daemon.reload()
            await home.until(lambda: "transaction.started" in events(home, "ems/yard"))

    with mosquitto(tmp_path) as there:
        site.write(more=published(free_ports(1)[0]))
        asyncio.run(scenario(there.port))
    assert "mqtt.left-behind" in caplog.text


def test_reports_and_their_exports_change_without_a_restart(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with running(site) as daemon:
            site.write(
                more="reports: {co2_g_per_kwh: 400, names_days: 90, exports:"
                " {daily: {content: sessions, every: day, webhook: {url: 'https://office.example/in'}}}}\n"
            )
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            assert [one.plan.name for one in daemon.product.reporting.exporter.views()] == ["daily"]

    asyncio.run(scenario())
    assert "site.changed reports: co2_g_per_kwh none → 400 (takes effect at once)" in caplog.text
    assert "site.changed reports: names_days none → 90 (takes effect at once)" in caplog.text
    assert "site.changed export daily is new (takes effect at once)" in caplog.text
    assert "site.waits-for-restart" not in caplog.text
