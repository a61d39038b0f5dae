"""What a daemon begins with: nothing there, something in the way, something broken."""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ems.assembly.daemon import Daemon
from ems.assembly.error import AssemblyError
from ems.domain.decision import Decision, Level
from ems.settings.load import load
from ems.settings.places import config_folder
from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import alarms, evse, running, settings_of

SELDOM = {
    "aiomqtt", "alembic", "asyncssh", "authlib", "cryptography", "ems.adapters.ocpi", "ems.sim",
    "httpx2", "matplotlib", "pyarrow", "reportlab", "scipy", "segno", "stripe",
}  # fmt: skip
"""What few sites need, or nobody for most of the day: it is brought in when it is wanted, and takes no room before."""

BEGUN = """
import asyncio, sys
from pathlib import Path
from ems.assembly.daemon import Daemon
from ems.cli.daemon import run
from ems.settings.load import load

async def begin():
    Daemon.of(load(Path(sys.argv[1])).settings, Path(sys.argv[2]))

asyncio.run(begin())
print(*sys.modules)
"""

SHIPPED = config_folder() / "meters" / "eastron-sdm630.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


def start(site: Installation) -> Daemon:
    """Try to put a daemon together."""

    async def build() -> Daemon:
        return Daemon.of(settings_of(site), site.state)

    return asyncio.run(build())


def test_an_absent_meter_and_absent_stations_do_not_stop_it_and_are_taken_up_when_they_come(
    site: Installation,
) -> None:
    async def scenario() -> None:
        async with running(site) as daemon:
            await eventually(lambda: daemon.live.version > 1)
            assert daemon.live.decision is not None
            assert daemon.live.decision.level > Level.NORMAL, "nobody knows what the grid connection carries"
            assert daemon.live.state.meters[0].reading is None
            station = ChargePoint("CP-01")
            async with grid_meter(site.modbus, 5.0, 6.0, 7.0), station.connected(site.central):
                read = await eventually(lambda: daemon.live.state.meters[0].reading)
                assert read.amps == pytest.approx((5.0, 6.0, 7.0))
                await station.start()
                await eventually(lambda: station.allowed_a == 32.0)
                assert evse(daemon, "CP-01/1").session is not None
                assert "offline:CP-02" in alarms(daemon)

    asyncio.run(scenario())


def test_what_few_need_is_not_brought_in(site: Installation) -> None:
    command = [sys.executable, "-c", BEGUN, str(site.folder), str(site.state)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    begun = set(said.stdout.split())
    assert {"ems.adapters.web.server", "sqlalchemy", "pymodbus", "websockets"} <= begun, said.stderr
    assert not SELDOM & begun


@pytest.mark.parametrize(
    ("what", "port", "variable"), [("stations", "ocpp", "EMS_OCPP_PORT"), ("the page", "web", "EMS_HTTP_PORT")]
)
def test_a_port_in_use_is_told_with_the_remedy_and_is_no_crash(
    what: str, port: str, variable: str, site: Installation
) -> None:
    """Else a service manager that tries again and again would lead to the fallback of a restart loop (row 8)."""
    taken = getattr(site, port)
    with socket.create_server(("127.0.0.1", taken)):
        for _ in range(2):
            with pytest.raises(AssemblyError) as refused:
                start(site)
    told = str(refused.value)
    assert f"cannot listen for {what} on 127.0.0.1:{taken}: Address already in use" in told
    assert f"choose another port with {variable}" in told
    assert not (site.state / "ems.sqlite3").exists()

    async def scenario() -> None:
        async with running(site) as daemon:
            assert daemon.live.state.started is not None
            assert daemon.live.state.started.crashes == 0

    asyncio.run(scenario())


def test_a_run_that_ended_by_an_error_counts_as_a_crash(site: Installation) -> None:
    """Else nobody would see that a controller fails again and again (row 8)."""

    def broken(_: Decision) -> None:
        raise MemoryError("no more")

    async def scenario(crashes: int, fails: bool) -> None:
        daemon = Daemon.of(settings_of(site), site.state)
        stop = asyncio.Event()
        working = asyncio.create_task(daemon.run(stop))
        await eventually(lambda: daemon.live.version > 0, what="a first tick")
        assert daemon.live.state.started is not None
        assert daemon.live.state.started.crashes == crashes
        if not fails:
            stop.set()
            await working
            return
        daemon.loop._finished = broken
        with pytest.raises(MemoryError):
            await asyncio.wait_for(working, 15)

    for crashes, fails in ((0, True), (1, True), (2, False), (0, False)):
        asyncio.run(scenario(crashes, fails))


def test_a_port_of_the_environment_goes_before_that_of_the_file(site: Installation) -> None:
    other = Installation.at(_folder(site, "other"))

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", site.ocpp)):
            async with running(site, ocpp_port=other.ocpp, web_port=other.web) as daemon:
                await daemon.central.listening.wait()
                assert (daemon.central.port, daemon.product.web.port) == (other.ocpp, other.web)
                assert daemon.settings.ocpp.port == site.ocpp

    asyncio.run(scenario())


def test_an_address_that_this_machine_does_not_have_yet_does_not_stop_it(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """After a power cut the network may come up long after the controller."""
    site.write(("ocpp: {host: 127.0.0.1,", "ocpp: {host: 192.0.2.1,"))

    async def scenario() -> None:
        async with running(site) as daemon:
            await eventually(lambda: daemon.live.version > 1)
            await eventually(lambda: "service.failed name=central-system" in caplog.text)

    caplog.set_level(logging.INFO)
    asyncio.run(scenario())
    failures = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [getattr(failure, "errno", None) for failure in failures] == [errno.EADDRNOTAVAIL] * len(failures)


def test_a_second_controller_of_the_same_site_is_refused(site: Installation) -> None:
    async def scenario() -> None:
        async with running(site):
            Daemon.of(settings_of(site), site.state)

    with pytest.raises(AssemblyError, match="another controller uses"):
        asyncio.run(scenario())


def test_a_broken_database_is_put_aside_and_work_goes_on(site: Installation) -> None:
    site.state.mkdir()
    (site.state / "ems.sqlite3").write_bytes(b"this is not a database" * 1000)

    async def scenario() -> None:
        station = ChargePoint("CP-01")
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await station.start()
            await eventually(lambda: station.allowed_a == 32.0)
            assert daemon.store.health.trouble == ""

    asyncio.run(scenario())
    aside = [path for path in site.state.iterdir() if path.name.endswith(".corrupt")]
    assert [path.read_bytes()[:22] for path in aside] == [b"this is not a database"]
    with sqlite3.connect(site.state / "ems.sqlite3") as database:
        assert database.execute("SELECT evse FROM transaction_log").fetchall() == [("CP-01/1",)]
    database.close()


def test_a_meter_model_of_the_site_that_cannot_be_used_is_told_by_its_file(site: Installation) -> None:
    """When it breaks between the check and the start."""
    _own_model(site, "vendor: Nobody\n")
    settings = load(site.folder).settings
    assert settings is not None

    async def build() -> Daemon:
        return Daemon.of(settings, site.state)

    with pytest.raises(AssemblyError, match=r"meters/own\.yaml:1: error: word_order: needs one of big, little") as told:
        asyncio.run(build())
    assert str(site.folder) in str(told.value), "the file to correct is that of the site, not its copy"


def test_the_last_good_revision_starts_with_its_own_meter_models(site: Installation) -> None:
    """A folder that was half copied when the power went: neither the site file nor the model can be read."""
    _own_model(site, SHIPPED.read_text())

    async def scenario(amps: float) -> None:
        async with grid_meter(site.modbus, amps, amps, amps), running(site) as daemon:
            read = await eventually(lambda: daemon.live.state.meters[0].reading)
            assert read.amps == pytest.approx((amps,) * 3)

    asyncio.run(scenario(5.0))
    shutil.rmtree(site.folder / "meters")
    site.file.write_text("circuits: [")
    asyncio.run(scenario(6.0))


def test_a_broken_meter_model_starts_the_last_good_revision_with_an_alarm_until_it_is_mended(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    good = SHIPPED.read_text()
    _own_model(site, good)

    async def scenario() -> None:
        async with grid_meter(site.modbus, 5.0, 6.0, 7.0):
            async with running(site) as daemon:
                before = daemon.settings
                await eventually(lambda: daemon.live.state.meters[0].reading)
                assert "settings" not in alarms(daemon)
            model.write_text(good.replace("word_order: big", "word_order: bg"))
            async with running(site) as daemon:
                assert daemon.settings.revision == before.revision
                assert f'site.last-good running={before.revision} cause="own.yaml:7: word_order: ' in caplog.text
                read = await eventually(lambda: daemon.live.state.meters[0].reading)
                assert read.amps == pytest.approx((5.0, 6.0, 7.0))
                assert "own.yaml:7: word_order: needs one of big, little" in alarms(daemon)["settings"].text
                daemon.reload()
                await eventually(lambda: "site.reload-refused" in caplog.text)
                await _next_tick(daemon)
                assert "settings" in alarms(daemon), "it is still broken"
                model.write_text(good)
                daemon.reload()
                await eventually(lambda: "site.reloaded" in caplog.text)
                await _next_tick(daemon)
                assert "settings" not in alarms(daemon)

    caplog.set_level(logging.INFO)
    model = site.folder / "meters" / "own.yaml"
    asyncio.run(scenario())


def test_a_reload_with_a_broken_meter_model_is_refused_and_never_kept_for_the_next_start(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would be the last good revision, with which nothing can start."""
    _own_model(site, SHIPPED.read_text())

    async def scenario() -> None:
        async with running(site) as daemon:
            (site.folder / "meters" / "own.yaml").write_text("vendor: Nobody\n")
            daemon.reload()
            await eventually(lambda: "site.reload-refused" in caplog.text)
            await _next_tick(daemon)
            assert "own.yaml:1: conductors: " in alarms(daemon)["settings"].text
        async with running(site) as again:
            assert again.settings.revision == daemon.settings.revision

    caplog.set_level(logging.INFO)
    asyncio.run(scenario())
    assert f"site.finding {site.folder}/meters/own.yaml:1: error: word_order: needs one of big, little" in caplog.text


@pytest.mark.parametrize("url", ["mysql://a/b", "what is this://"])
def test_a_database_that_is_none_is_told(url: str, site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMS_DATABASE", url)
    with pytest.raises(AssemblyError, match=r"EMS_DATABASE: .*postgresql://user@host/name"):
        start(site)


def test_a_state_folder_that_cannot_be_made_is_told(site: Installation) -> None:
    site.state.write_text("a file is in its place")
    with pytest.raises(AssemblyError, match=r"cannot use the state folder .*; set EMS_STATE_DIR"):
        start(site)


async def _next_tick(daemon: Daemon) -> None:
    """What has been put into the inbox is decided with after two more."""
    version = daemon.live.version
    await eventually(lambda: daemon.live.version > version + 1)


def _own_model(site: Installation, text: str) -> None:
    (site.folder / "meters").mkdir()
    (site.folder / "meters" / "own.yaml").write_text(text)
    site.write(("eastron-sdm630", "own"))


def _folder(site: Installation, name: str) -> Path:
    folder = site.folder.parent / name
    folder.mkdir()
    return folder
