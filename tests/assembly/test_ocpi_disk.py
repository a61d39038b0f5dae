"""What the disk refuses to keep is promised to no partner: neither a reservation nor a session."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ems.assembly.daemon import Daemon
from ems.assembly.opening import DATABASE
from ems.domain.station import EvseStatus
from tests.adapters.ocpi.provider import Provider, token
from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running, session
from tests.assembly.test_ocpi import OCPI, met, prices, provider, quick, roaming, site, soon

__all__ = ["provider", "quick", "site"]
THERE = {"location_id": "YARD", "evse_uid": "CP-01*1"}
FULL = "database or disk is full"


def database(site: Installation) -> Path:
    return site.state / DATABASE


@contextmanager
def refusing(site: Installation, table: str, which: str = "1") -> Iterator[None]:
    """The database takes no row of a table any more, of those for which an SQL condition holds."""
    with closing(sqlite3.connect(database(site), isolation_level=None, timeout=10)) as other:
        for verb in ("INSERT", "UPDATE"):
            refused = f"WHEN {which} BEGIN SELECT RAISE(ABORT, '{FULL}'); END"
            other.execute(f"CREATE TRIGGER full_{verb} BEFORE {verb} ON {table} {refused}")
        try:
            yield
        finally:
            for verb in ("INSERT", "UPDATE"):
                other.execute(f"DROP TRIGGER full_{verb}")


@contextmanager
def locked(site: Installation) -> Iterator[None]:
    """Somebody else holds the whole database, for longer than anybody waits."""
    with closing(sqlite3.connect(database(site), isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def asks(provider: Provider, name: str, **body: Any) -> str:
    """The result of a command, as it is told later."""
    reply, word = await asyncio.to_thread(lambda: provider.command(name, **body))
    assert reply.data["result"] == "ACCEPTED"
    return await asyncio.to_thread(provider.wait_for, word, 20.0)


def reservations(daemon: Daemon) -> list[str]:
    return [one.tag for one in roaming(daemon).ground.operations.daybook.access.reservations.values()]


@pytest.mark.parametrize("table", ["roaming_object", "reservation", "last_number", "audit"])
def test_a_reservation_of_which_the_disk_takes_only_a_part_is_refused_and_holds_nothing(
    site: Installation, provider: Provider, table: str
) -> None:
    station = ChargePoint("CP-01")
    wanted = {"token": token("CARD-A"), "reservation_id": "R-1", "expiry_date": soon(1), **THERE}

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            with refusing(site, table):
                assert await asks(provider, "RESERVE_NOW", **wanted) == "REJECTED"
                assert reservations(daemon) == []
            assert await asks(provider, "CANCEL_RESERVATION", reservation_id="R-1") == "UNKNOWN_RESERVATION"
            assert await asks(provider, "RESERVE_NOW", **wanted) == "ACCEPTED"
        async with grid_meter(site.modbus), running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded, what="what was stored")
            assert reservations(daemon) == ["CARD-A"]
            assert await asks(provider, "CANCEL_RESERVATION", reservation_id="R-1") == "ACCEPTED"
            assert reservations(daemon) == []

    asyncio.run(scenario())


def test_nothing_is_reserved_while_the_database_is_locked(site: Installation, provider: Provider) -> None:
    station = ChargePoint("CP-01")
    wanted = {"token": token("CARD-A"), "reservation_id": "R-1", "expiry_date": soon(1), **THERE}

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            with locked(site):
                assert await asks(provider, "RESERVE_NOW", **wanted) == "REJECTED"
            assert reservations(daemon) == []
            assert await asks(provider, "CANCEL_RESERVATION", reservation_id="R-1") == "UNKNOWN_RESERVATION"

    asyncio.run(scenario())


def register(daemon: Daemon, site: Installation, provider: Provider) -> None:
    """From now on the site file says that we are to register there."""
    (site.folder / "tnm").write_text(provider.our_token + "\n")
    more = f", versions_url: '{provider.url}/ocpi/versions', token_file: tnm"
    site.write(more=OCPI.format(page=site.page, more=more))
    daemon.reload()


def test_what_a_partner_answered_to_our_registration_is_kept_as_soon_as_the_disk_takes_it(
    site: Installation, provider: Provider
) -> None:
    """It takes the token to register with no more, and shows us the one that we told it."""

    async def tariffs() -> int:
        return (await asyncio.to_thread(provider.ask, "GET", provider.endpoints["tariffs"])).code

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded, what="what was stored")
            with refusing(site, "roaming_partner", "NEW.registered IS NOT NULL"):
                register(daemon, site, provider)
                await eventually(lambda: provider.operator_token, what="what the partner answers")
                await eventually(lambda: any("full" in words for _, words in roaming(daemon).directory.lines("tnm")))
                assert not roaming(daemon).views()[0].partner.is_registered
                assert await tariffs() != 1000
            await eventually(lambda: roaming(daemon).views()[0].partner.is_registered, what="the registration")
            assert await tariffs() == 1000
            await eventually(lambda: "YARD" in provider.objects["locations"], what="the location")
            posts = [told for told in provider.told if told.method == "POST" and told.path.endswith("credentials")]
            assert len(posts) == 1

    asyncio.run(scenario())


def test_what_a_partner_answered_is_kept_by_a_stop_if_the_disk_takes_it_by_then(
    site: Installation, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ems.adapters.ocpi.service.FIRST_TRY_S", 3600.0)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded, what="what was stored")
            with refusing(site, "roaming_partner", "NEW.registered IS NOT NULL"):
                register(daemon, site, provider)
                await eventually(lambda: any("full" in words for _, words in roaming(daemon).directory.lines("tnm")))
                (words,) = (words for _, words in roaming(daemon).directory.lines("tnm") if "full" in words)
                assert "what the partner answered is not on disk yet" in words
        async with grid_meter(site.modbus), running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded, what="what was stored")
            assert roaming(daemon).views()[0].partner.is_registered

    asyncio.run(scenario())


def test_a_partner_whose_registration_the_disk_refuses_is_told_so_and_tries_again(
    site: Installation, provider: Provider
) -> None:
    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded, what="what was stored")
            invitation = await roaming(daemon).invite("tnm", "ada")
            url = roaming(daemon).versions_url
            with refusing(site, "roaming_partner"):
                refused = await asyncio.to_thread(provider.register, url, invitation)
                assert (refused.code, "not stored" in refused.body["status_message"]) == (3000, True)
                assert not roaming(daemon).views()[0].partner.is_registered
            assert (await asyncio.to_thread(provider.register, url, invitation)).code == 1000
        async with grid_meter(site.modbus), running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded, what="what was stored")
            assert roaming(daemon).views()[0].partner.is_registered

    asyncio.run(scenario())


def test_a_tag_that_the_disk_does_not_take_is_not_said_to_be_kept(site: Installation, provider: Provider) -> None:
    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            await met(daemon, provider)
            place = f"{provider.endpoints['tokens']}/NL/TNM/CARD-B"
            with refusing(site, "roaming_tag"):
                refused = await asyncio.to_thread(provider.ask, "PUT", place, token("CARD-B"))
                assert refused.code // 1000 == 3, refused
                assert roaming(daemon).views()[0].tags == 0
            assert (await asyncio.to_thread(provider.ask, "PUT", place, token("CARD-B"))).code == 1000

    asyncio.run(scenario())


def test_a_session_is_told_once_it_is_kept_and_its_record_with_it(site: Installation, provider: Provider) -> None:
    provider.tokens = [token("CARD-A")]
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await prices(site)
            await met(daemon, provider)
            await eventually(lambda: roaming(daemon).views()[0].tags == 1)
            with refusing(site, "roaming_object"):
                await station.start("CARD-A")
                await station.charge(1000)
                await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 1000)
                await asyncio.sleep(1.0)
                assert provider.objects["sessions"] == {}
            await eventually(lambda: provider.objects["sessions"], what="a session")
            with refusing(site, "roaming_push"):
                await station.charge(3000)
                await station.stop()
                await station.status("Available")
                await eventually(lambda: evse(daemon, "CP-01/1").session is None)
                await asyncio.sleep(1.0)
                (told,) = provider.objects["sessions"].values()
                assert (told["status"], provider.cdrs) == ("ACTIVE", [])
            await eventually(lambda: provider.cdrs, what="the record")
            (told,) = provider.objects["sessions"].values()
            assert told["status"] == "COMPLETED"
            assert len(provider.cdrs) == 1

    asyncio.run(scenario())


def test_what_waited_for_a_partner_that_is_away_waits_on_when_its_successor_cannot_be_kept(
    site: Installation, provider: Provider
) -> None:
    provider.tokens = [token("CARD-A")]
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: roaming(daemon).views()[0].tags == 1)
            provider.is_down = True
            await station.start("CARD-A")
            await eventually(lambda: roaming(daemon).views()[0].waiting > 0, what="a push that waits")
            with refusing(site, "roaming_push"):
                await station.charge(1000)
                await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 1000)
                await asyncio.sleep(1.0)
                provider.is_down = False
                await eventually(lambda: provider.objects["sessions"], what="what was kept")
                (told,) = provider.objects["sessions"].values()
                assert told["kwh"] == 0
            await eventually(lambda: [one["kwh"] for one in provider.objects["sessions"].values()] == [1])

    asyncio.run(scenario())


def test_a_driver_whose_partner_says_yes_waits_outside_until_its_word_is_on_disk(
    site: Installation, provider: Provider
) -> None:
    provider.allowed = {"NEW-1": "ALLOWED"}
    station = ChargePoint("CP-01")

    async def status() -> str:
        return str((await station.call("Authorize", {"idTag": "NEW-1"}))["idTagInfo"]["status"])

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            with refusing(site, "roaming_object"):
                assert await status() == "Invalid"
                assert any("was not stored" in words for _, words in roaming(daemon).directory.lines("tnm"))
            assert await status() == "Accepted"

    asyncio.run(scenario())
