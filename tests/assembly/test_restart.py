"""The daemon ends, as it should or not, and begins again while vehicles charge."""

from __future__ import annotations

import asyncio
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ems.adapters.store.database import Database
from ems.adapters.store.reading import Reader
from ems.domain.station_model import RateUnit
from ems.runtime.clock import SystemClock
from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import daemon_process
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


def test_a_transaction_and_its_energy_survive_kill_9(site: Installation) -> None:
    """The power goes while a vehicle charges; the station does not even notice that it talks to another process."""
    station = ChargePoint("CP-01")

    async def before() -> int:
        async with daemon_process(site) as daemon, station.connected(site.central):
            transaction = await station.start("CARD-7")
            await eventually(lambda: station.allowed_a == 32.0)
            await station.charge(4000)
            await daemon.shows(lambda evse: evse["energy_wh"] == 4000.0)
            daemon.send(signal.SIGKILL)
            assert await daemon.ended() == -signal.SIGKILL
        return transaction

    async def after(transaction: int) -> None:
        async with daemon_process(site) as daemon:
            session = await daemon.shows(lambda evse: evse["session"])
            assert session["transaction"] == transaction, "known before the station is back"
            async with station.connected(site.central, boots=False):
                assert station.allowed_a == 32.0, "the station never lost its limit"
                await station.charge(500)
                assert await daemon.shows(lambda evse: evse["session"] == {**session, "energy_wh": 4500.0})
                station.register_wh += 100
                await station.stop()
                await daemon.shows(lambda evse: evse["session"]["transaction"] is None)
                await station.status("Available")
                await daemon.shows(lambda evse: evse["session"] is None)
        assert not any("Traceback" in line for line in daemon.log), daemon.log

    async def scenario() -> None:
        async with grid_meter(site.modbus):
            await after(await before())

    asyncio.run(scenario())
    kept = Reader(Database(site.state / "ems.sqlite3"))
    assert [(t.evse, t.id_tag, t.energy_wh, t.inferred) for t in kept.transactions(*_lately())] == [
        ("CP-01/1", "CARD-7", 4600.0, False)
    ]
    assert [(s.energy_wh, s.id_tags) for s in kept.sessions(*_lately())] == [(4600.0, ("CARD-7",))]


REMOVED = "  CP-02: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}\n"


@pytest.mark.parametrize("kept", ["", REMOVED.replace("6, evses", "6, enabled: false, evses")], ids=["gone", "off"])
def test_a_transaction_at_a_station_that_was_removed_is_ended_with_its_energy(site: Installation, kept: str) -> None:
    station = ChargePoint("CP-02")

    async def scenario() -> None:
        async with running(site) as daemon, station.connected(site.central):
            await station.start("CARD-7")
            await station.charge(4000)
            await eventually(lambda: (s := evse(daemon, "CP-02/1").session) and s.energy_wh == 4000.0)
        site.write((REMOVED, kept))
        async with running(site):
            pass
        async with running(site):
            pass

    asyncio.run(scenario())
    kept_in = Reader(Database(site.state / "ems.sqlite3"))
    (transaction,), (session,) = kept_in.transactions(*_lately()), kept_in.sessions(*_lately())
    assert (transaction.evse, transaction.id_tag, transaction.energy_wh) == ("CP-02/1", "CARD-7", 4000.0)
    assert (transaction.inferred, transaction.reason) == (True, "the EVSE is no longer part of the site")
    assert transaction.started is not None
    assert transaction.ended is not None
    assert transaction.started < transaction.ended < SystemClock().now().utc
    assert (session.energy_wh, session.unplugged) == (4000.0, transaction.ended)


def test_energy_that_the_stop_tells_belongs_to_the_session_too(site: Installation) -> None:
    """Most stations say in one breath that the charge ended and that the vehicle left: then both come in one tick."""

    async def scenario() -> None:
        station = ChargePoint("CP-01")
        async with running(site) as daemon, station.connected(site.central):
            await station.start()
            await station.charge(4000)
            await eventually(lambda: (s := evse(daemon, "CP-01/1").session) and s.energy_wh == 4000.0)
            station.register_wh += 250
            await station.stop()
            await station.status("Available")
            await eventually(lambda: evse(daemon, "CP-01/1").session is None)

    asyncio.run(scenario())
    kept = Reader(Database(site.state / "ems.sqlite3"))
    assert [t.energy_wh for t in kept.transactions(*_lately())] == [4250.0]
    assert [s.energy_wh for s in kept.sessions(*_lately())] == [4250.0]


def test_a_restart_goes_on_with_the_current_that_stations_have(site: Installation) -> None:
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus):
            async with running(site), station.connected(site.central):
                transaction = await station.start()
                await eventually(lambda: station.allowed_a == 32.0)
            async with running(site) as daemon, station.connected(site.central, boots=False):
                session = evse(daemon, "CP-01/1").session
                assert session is not None
                assert session.transaction is not None
                assert session.transaction.id == transaction
                await station.charge(300)
                await eventually(lambda: station.allowed_a == 32.0)
                assert 0.0 not in station.limits

    asyncio.run(scenario())


def test_what_fails_at_the_end_does_not_keep_the_rest_from_the_disk(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        station = ChargePoint("CP-01")
        async with running(site) as daemon, station.connected(site.central):
            await station.start()
            await station.charge(4000)
            await eventually(lambda: (s := evse(daemon, "CP-01/1").session) and s.energy_wh == 4000.0)

    monkeypatch.setattr("ems.assembly.daemon.leave_at_fallback", broken)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(scenario())
    kept = Reader(Database(site.state / "ems.sqlite3"))
    assert [s.energy_wh for s in kept.sessions(*_lately())] == [4000.0], "it had waited in memory"


def test_what_was_learned_of_a_station_is_not_learned_anew(site: Installation) -> None:
    """It boots with every connect and is recognised each time; what it refused before must not be tried again."""
    station = ChargePoint("CP-01", unit="W")

    async def scenario() -> None:
        async with grid_meter(site.modbus):
            async with running(site) as daemon, station.connected(site.central):
                await eventually(lambda: daemon.live.state.station("CP-01").model.rate_unit is RateUnit.WATT)
            assert "A" in _units(station)
            station.told.clear()
            async with running(site) as daemon, station.connected(site.central):
                assert daemon.live.state.station("CP-01").product == "KC-P30"
                await eventually(lambda: len(station.told) >= 2)
            assert _units(station) == {"W"}

    asyncio.run(scenario())


def _lately() -> tuple[datetime, datetime]:
    """Today, wherever that begins."""
    now = SystemClock().now().utc
    return now - timedelta(days=1), now + timedelta(days=1)


def _units(station: ChargePoint) -> set[str]:
    return {profile["chargingSchedule"]["chargingRateUnit"] for profile in station.told}
