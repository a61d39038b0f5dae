"""A provider and a whole daemon meet over real sockets: credentials, tokens, a driver who charges, what that cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from ems.adapters.ocpi.service import Roaming
from ems.assembly.daemon import Daemon
from ems.domain.roaming import Push
from ems.domain.station import EvseStatus
from ems.runtime.clock import SystemClock
from ems.settings.machine_token import known_token
from tests.adapters.ocpi.provider import Provider, Reply, serving, token
from tests.assembly.charge_point import ChargePoint, Payload
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running, session
from tests.assembly.test_payments import takes_starts

OCPI = """\
access: {{mode: tags}}
ocpi:
  country_code: DE
  party_id: EMS
  name: Yard Charging
  public_url: {page}
  location_id: YARD
  address: Hafenstrasse 1
  city: Berlin
  postal_code: "10115"
  country: DEU
  coordinates: [52.52, 13.405]
  opening: ["Mon-Fri 06:00-22:00"]
  partners: {{tnm: {{name: TheNewMotion{more}}}}}
"""
PRICES = {
    "vat_percent": "19",
    "fees": [{"unit": "kwh", "price": "0.50"}, {"unit": "session", "price": "1.00"}],
}
WHO = "installer"


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    built = Installation.at(tmp_path)
    built.write(more=OCPI.format(page=built.page, more=""))
    return built


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider()
    with serving(one):
        yield one
    assert one.wrong == []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than the test needs."""
    monkeypatch.setattr("ems.adapters.ocpi.roamer.TELL_S", 0.2)
    monkeypatch.setattr("ems.adapters.ocpi.roamer.PRICES_S", 0.2)
    monkeypatch.setattr("ems.adapters.ocpi.roamer.PAUSE_S", 0.05)
    monkeypatch.setattr("ems.adapters.ocpi.courier.FIRST_S", 0.2)
    monkeypatch.setattr("ems.adapters.ocpi.service.LOOK_S", 0.2)
    monkeypatch.setattr("ems.adapters.ocpi.service.FIRST_TRY_S", 0.2)


def roaming(daemon: Daemon) -> Roaming:
    """The part of the daemon that partners meet."""
    seat = daemon.product.roaming.seat
    assert seat is not None
    return seat.now


async def met(daemon: Daemon, provider: Provider) -> Reply:
    """The provider registers with a token that it was handed."""
    part = roaming(daemon)
    await eventually(lambda: part._is_loaded, what="what was stored")
    invitation = await part.invite("tnm", WHO)
    return await asyncio.to_thread(provider.register, part.versions_url, invitation)


async def shown_page(site: Installation) -> str:
    """The page of partners, as an installer sees it."""
    request = Request(f"{site.page}/partners", headers={"authorization": f"Bearer {known_token(site.state)}"})

    def read() -> str:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


def soon(hours: int) -> str:
    """A moment ahead, as OCPI writes it."""
    return (SystemClock().now().utc + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def prices(site: Installation) -> None:
    """There is a price list."""
    await says(site, "PUT", "price-lists/public", PRICES)


async def says(site: Installation, method: str, path: str, body: Payload) -> Payload:
    """What the interface answers to an operator at the machine."""
    sent = json.dumps(body).encode()
    request = Request(f"{site.page}/api/v1/{path}", sent, {"content-type": "application/json"}, method=method)

    def read() -> Payload:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return dict(json.loads(answer.read()))

    return await asyncio.to_thread(read)


def test_a_provider_registers_learns_the_site_and_has_its_driver_charge(site: Installation, provider: Provider) -> None:
    provider.tokens = [token("CARD-A"), token("CARD-B", valid=False), token("CARD-C")]
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await prices(site)
            done = await met(daemon, provider)
            assert done.code == 1000, done
            assert done.data["roles"][0]["party_id"] == "EMS"
            await eventually(lambda: "YARD" in provider.objects["locations"], what="the location")
            await eventually(lambda: "public" in provider.objects["tariffs"], what="the tariff")
            await eventually(lambda: provider.evse_status("YARD", "CP-01*1") == "AVAILABLE", what="its state")
            await eventually(lambda: roaming(daemon).views()[0].tags == 3, what="tokens, in pages of two")
            assert provider.objects["locations"]["YARD"]["evses"][0]["evse_id"] == "DE*EMS*ECP*01*1"
            refused = await station.call("Authorize", {"idTag": "CARD-B"})
            assert refused["idTagInfo"]["status"] == "Blocked"
            assert (await station.call("Authorize", {"idTag": "card-a"}))["idTagInfo"]["status"] == "Accepted"
            await station.start("CARD-A")
            await eventually(lambda: provider.objects["sessions"], what="a session")
            (name,) = provider.objects["sessions"]
            began = provider.objects["sessions"][name]
            assert (began["status"], began["auth_method"], began["kwh"]) == ("ACTIVE", "WHITELIST", 0)
            assert began["cdr_token"]["contract_id"] == "NL8ACCCARD-A"
            await station.charge(5000)
            await eventually(lambda: provider.objects["sessions"][name]["kwh"] == 5, what="its energy")
            await eventually(lambda: "total_cost" in provider.objects["sessions"][name], what="its cost so far")
            assert provider.objects["sessions"][name]["total_cost"] == {"excl_vat": 2.94, "incl_vat": 3.5}
            await eventually(lambda: provider.evse_status("YARD", "CP-01*1") == "CHARGING", what="charging")
            await station.stop()
            await station.status("Available")
            await eventually(lambda: provider.cdrs, what="the record of what it cost")
            (record,) = provider.cdrs
            assert record["session_id"] == name
            assert record["total_energy"] == 5
            assert record["total_cost"] == {"excl_vat": 2.94, "incl_vat": 3.5}
            assert record["total_energy_cost"] == {"excl_vat": 2.1, "incl_vat": 2.5}
            assert record["total_fixed_cost"] == {"excl_vat": 0.84, "incl_vat": 1}
            assert record["cdr_location"]["evse_id"] == "DE*EMS*ECP*01*1"
            assert record["tariffs"][0]["id"] == "public"
            over = await eventually(lambda: provider.objects["sessions"][name]["status"] == "COMPLETED")
            assert over
            assert await asyncio.to_thread(provider.every, "cdrs") == provider.cdrs
            part = roaming(daemon)
            (shown,) = await part.records("tnm", 10)
            assert (shown.total, shown.energy, shown.is_credited) == ("3.5", "5", False)
            page = await shown_page(site)
            assert "<b>3.5 EUR</b> for 5 kWh at" in page
            assert f'name="record" value="{record["id"]}"' in page, "it can be taken back by a button"
            credit = await part.credit("tnm", record["id"], WHO)
            await eventually(lambda: len(provider.cdrs) == 2, what="the record that takes it back")
            taken = provider.cdrs[1]
            assert (taken["id"], taken["credit"], taken["credit_reference_id"]) == (credit, True, record["id"])
            assert taken["total_cost"] == {"excl_vat": -2.94, "incl_vat": -3.5}
            assert taken["charging_periods"] == record["charging_periods"]
            assert [one.is_credited for one in await part.records("tnm", 10)] == [False, True]
            assert 'name="record"' not in await shown_page(site), "once"
            for again in (record["id"], credit):
                with pytest.raises(ValueError, match="taken back"):
                    await part.credit("tnm", again, WHO)
            assert [one["id"] for one in await asyncio.to_thread(provider.every, "sessions")] == [name]

    asyncio.run(scenario())


def test_what_the_file_says_of_roaming_counts_without_a_restart_in_the_middle_of_a_session(
    site: Installation, provider: Provider
) -> None:
    """The registration, the session that runs and its record outlive another address and another partner."""
    provider.tokens = [token("CARD-A")]
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await prices(site)
            await met(daemon, provider)
            await eventually(lambda: roaming(daemon).views()[0].tags == 1, what="its token")
            await station.start("CARD-A")
            await eventually(lambda: provider.objects["sessions"], what="a session")
            (name,) = provider.objects["sessions"]
            before = roaming(daemon)
            text = OCPI.format(page=site.page, more="}, other: {name: Other").replace("Hafenstrasse 1", "Am Kai 7")
            site.write(more=text)
            daemon.reload()
            await eventually(lambda: roaming(daemon) is not before, what="the change")
            await eventually(lambda: provider.objects["locations"]["YARD"]["address"] == "Am Kai 7", what="its address")
            assert [one.id for one in roaming(daemon).views()] == ["tnm", "other"]
            assert roaming(daemon).views()[0].partner.is_registered
            await station.charge(5000)
            await eventually(lambda: provider.objects["sessions"][name]["kwh"] == 5, what="its energy")
            await station.stop()
            await station.status("Available")
            await eventually(lambda: provider.cdrs, what="the record of what it cost")
            assert (provider.cdrs[0]["session_id"], provider.cdrs[0]["total_energy"]) == (name, 5)
            assert station.links == 1

    asyncio.run(scenario())


def test_we_register_there_and_again_and_part(site: Installation, provider: Provider, tmp_path: Path) -> None:
    (site.folder / "tnm").write_text(provider.our_token + "\n")
    more = f", versions_url: '{provider.url}/ocpi/versions', token_file: tnm"
    site.write(more=OCPI.format(page=site.page, more=more))

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            part = roaming(daemon)
            await eventually(lambda: part.views()[0].partner.is_registered, what="a registration by itself")
            await eventually(lambda: "YARD" in provider.objects["locations"], what="the location")
            first = provider.operator_token
            await part.register("tnm", WHO)
            assert provider.operator_token != first
            assert (await asyncio.to_thread(provider.ask, "GET", provider.endpoints["tariffs"])).code == 1000
            old = await asyncio.to_thread(provider.ask, "GET", provider.endpoints["tariffs"], None, first)
            assert (old.status, old.code) == (401, 2000)
            await part.unregister("tnm", WHO)
            assert provider.operator_token == "", "it was told"

    asyncio.run(scenario())


def test_a_partner_asks_again_for_credentials_and_leaves(site: Installation, provider: Provider) -> None:
    provider.tokens = [token("CARD-A")]

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            await met(daemon, provider)
            place, first = provider.endpoints["credentials"], provider.operator_token
            again = await asyncio.to_thread(provider.ask, "POST", place, provider.credentials())
            assert (again.status, again.code) == (405, 2000)
            changed = await asyncio.to_thread(provider.ask, "PUT", place, provider.credentials())
            assert changed.data["token"] != first
            assert (await asyncio.to_thread(provider.ask, "GET", place)).status == 401
            provider.operator_token = changed.data["token"]
            shown = await asyncio.to_thread(provider.ask, "GET", place)
            assert shown.data["token"] == provider.operator_token
            await eventually(lambda: roaming(daemon).views()[0].tags == 1)
            gone = await asyncio.to_thread(provider.ask, "DELETE", place)
            assert gone.code == 1000
            assert (await asyncio.to_thread(provider.ask, "GET", place)).status == 401
            assert roaming(daemon).views()[0].tags == 0

    asyncio.run(scenario())


def test_commands_are_carried_out_and_their_result_told(
    site: Installation, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = ChargePoint("CP-01")
    starts: list[Payload] = []
    takes_starts(station, monkeypatch, starts)
    other = station._answer
    unlocks = lambda action, body: {"status": "Unlocked"} if action == "UnlockConnector" else other(action, body)  # noqa: E731
    monkeypatch.setattr(station, "_answer", unlocks)
    app = token("5f4dcc3b-aa76-5d61-d832-7deb882cf99b", type="APP_USER", whitelist="NEVER")

    async def asks(name: str, **body: Any) -> str:
        reply, word = await asyncio.to_thread(lambda: provider.command(name, **body))
        assert reply.code == 1000, reply
        if reply.data["result"] != "ACCEPTED":
            return str(reply.data["result"])
        return await asyncio.to_thread(provider.wait_for, word)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            there = {"location_id": "YARD", "evse_uid": "CP-01*1"}
            assert await asks("START_SESSION", token=app, authorization_reference="r-1", **there) == "ACCEPTED"
            assert len(starts[0]["idTag"]) == 20, "what OCPP 1.6 takes of 36 characters"
            await station.start(starts[0]["idTag"])
            await eventually(lambda: provider.objects["sessions"], what="a session")
            (name,) = provider.objects["sessions"]
            told = provider.objects["sessions"][name]
            assert (told["auth_method"], told["authorization_reference"]) == ("COMMAND", "r-1")
            assert told["cdr_token"]["uid"] == app["uid"]
            assert await asks("START_SESSION", token=app, **there) == "EVSE_OCCUPIED"
            wanted = {"profile_type": "REGULAR", "energy_need": 20, "departure_time": soon(8)}
            place = f"{provider.endpoints['sessions']}/{name}/charging_preferences"
            assert (await asyncio.to_thread(provider.ask, "PUT", place, wanted)).data == "ACCEPTED"
            await eventually(lambda: session(daemon, "CP-01/1").need.energy_wh == 20_000)
            fast = {"profile_type": "CHEAP"}
            assert (await asyncio.to_thread(provider.ask, "PUT", place, fast)).data == "PROFILE_TYPE_NOT_SUPPORTED"
            assert await asks("STOP_SESSION", session_id="nobody-knows") == "UNKNOWN_SESSION"
            assert await asks("STOP_SESSION", session_id=name) == "ACCEPTED"
            await station.stop()
            assert await asks("UNLOCK_CONNECTOR", connector_id="1", **there) == "ACCEPTED"
            await station.status("Available")
            await eventually(
                lambda: provider.objects["sessions"][name]["status"] == "INVALID", what="no energy, no bill"
            )
            assert provider.cdrs == []
            away = {"location_id": "YARD", "evse_uid": "CP-02*1"}
            assert await asks("START_SESSION", token=app, **away) == "EVSE_INOPERATIVE"
            kept = {"token": app, "reservation_id": "R-1", "expiry_date": soon(1), **there}
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            assert await asks("RESERVE_NOW", **kept) == "ACCEPTED"
            await eventually(lambda: provider.evse_status("YARD", "CP-01*1") == "RESERVED", what="it is kept")
            reserved = await station.call("Authorize", {"idTag": starts[0]["idTag"]})
            assert reserved["idTagInfo"]["status"] == "Accepted", "although no token of it was ever pushed"
            refused = await station.call("Authorize", {"idTag": "OTHER"})
            assert refused["idTagInfo"]["status"] == "Invalid"
            both = [asks("CANCEL_RESERVATION", reservation_id=name) for name in ("r-1", "R-1")]
            assert sorted(await asyncio.gather(*both)) == ["ACCEPTED", "UNKNOWN_RESERVATION"], "told twice at once"
            assert await asks("CANCEL_RESERVATION", reservation_id="R-1") == "UNKNOWN_RESERVATION"
            gone = await station.call("Authorize", {"idTag": starts[0]["idTag"]})
            assert gone["idTagInfo"]["status"] == "Invalid"
            # The operator keeps it for somebody else, whom the partner's name for its own does not lead to.
            ours = {"evse": "CP-01/1", "tag": "OURS", "ends": soon(1)}
            assert (await says(site, "POST", "reservations", ours))["id"] == 2
            assert await asks("CANCEL_RESERVATION", reservation_id="R-1") == "UNKNOWN_RESERVATION"

    asyncio.run(scenario())


def test_a_card_that_nobody_knows_is_asked_about(site: Installation, provider: Provider) -> None:
    provider.allowed = {"NEW-1": "ALLOWED", "NEW-2": "NO_CREDIT"}
    station = ChargePoint("CP-01")

    async def status(tag: str) -> str:
        return str((await station.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"])

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            assert [await status(tag) for tag in ("NEW-2", "NEW-3", "NEW-1")] == ["Blocked", "Invalid", "Accepted"]
            asked = [one.path for one in provider.told if one.path.endswith("/authorize")]
            assert len(asked) == 3
            await station.start("NEW-1")
            await eventually(lambda: provider.objects["sessions"], what="a session")
            (told,) = provider.objects["sessions"].values()
            assert (told["auth_method"], told["authorization_reference"]) == ("AUTH_REQUEST", "ref-NEW-1")
            assert len([one for one in provider.told if one.path.endswith("/authorize")]) == 3, "once is enough"

    asyncio.run(scenario())


def test_who_walks_on_to_the_next_station_or_comes_back_later_is_asked_about_anew(
    site: Installation, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.allowed = {"NEW-1": "ALLOWED"}
    first, second = ChargePoint("CP-01"), ChargePoint("CP-02")

    async def status(station: ChargePoint) -> str:
        return str((await station.call("Authorize", {"idTag": "NEW-1"}))["idTagInfo"]["status"])

    async def scenario() -> None:
        async with (
            grid_meter(site.modbus),
            running(site) as daemon,
            first.connected(site.central),
            second.connected(site.central),
        ):
            await met(daemon, provider)
            await eventually(lambda: evse(daemon, "CP-02/1").status is EvseStatus.AVAILABLE)
            with monkeypatch.context() as brief:
                brief.setattr("ems.adapters.ocpi.tokens.PASS_FOR", timedelta(0))
                assert await status(first) == "Invalid", "its pass is over at once"
            assert [await status(first), await status(second)] == ["Accepted", "Accepted"]
            assert len([one for one in provider.told if one.path.endswith("/authorize")]) == 3

    asyncio.run(scenario())


def waits(kept: Mapping[int, Push], module: str) -> bool:
    """Whether something of a module is still to be told."""
    return any(one.module == module for one in kept.values())


def test_a_partner_that_is_away_blocks_nobody_and_is_told_all_when_it_is_back(
    site: Installation, provider: Provider
) -> None:
    """Its card is good without being asked about; the daemon starts anew while it is away."""
    provider.tokens = [token("CARD-A")]
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus):
            async with running(site) as daemon, station.connected(site.central):
                await prices(site)
                await met(daemon, provider)
                await eventually(lambda: roaming(daemon).views()[0].tags == 1)
                provider.is_down = True
                await station.start("CARD-A")
                await station.charge(4000)
                kept = roaming(daemon).courier.lanes["tnm"].waiting
                # The trouble may be that of an EVSE's status: only a session that was seen has a record.
                await eventually(lambda: waits(kept, "sessions"), what="a session that waits")
                await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 4000)
                await eventually(lambda: roaming(daemon).views()[0].trouble, what="trouble that is shown")
                await station.stop()
                await station.status("Available")
                await eventually(lambda: waits(kept, "cdrs"), what="a record that waits")
            async with running(site) as daemon, station.connected(site.central):
                await eventually(lambda: roaming(daemon).views()[0].waiting >= 2, what="what waited")
                assert roaming(daemon).views()[0].tags == 1
                provider.is_down = False
                await eventually(lambda: provider.cdrs, what="the record")
                assert [one["total_energy"] for one in provider.cdrs] == [4]
                (told,) = provider.objects["sessions"].values()
                assert (told["status"], told["kwh"]) == ("COMPLETED", 4)
                await eventually(lambda: roaming(daemon).views()[0].trouble == "")

    asyncio.run(scenario())


def test_what_a_session_cost_is_told_also_when_the_controller_died_in_the_moment_between(
    site: Installation, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The till has written the receipt, and nobody has yet made a record of it."""
    provider.tokens = [token("CARD-A")]
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus):
            with monkeypatch.context() as dies:
                dies.setattr("ems.adapters.ocpi.roamer.Roamer.closed", lambda *_: None)
                async with running(site) as daemon, station.connected(site.central):
                    await prices(site)
                    await met(daemon, provider)
                    await eventually(lambda: roaming(daemon).views()[0].tags == 1)
                    await station.start("CARD-A")
                    await station.charge(3000)
                    await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 3000)
                    await eventually(lambda: provider.objects["sessions"], what="a session")
                    await station.stop()
                    await station.status("Available")
                    await eventually(lambda: evse(daemon, "CP-01/1").session is None)
            assert provider.cdrs == []
            monkeypatch.setattr("ems.adapters.ocpi.roamer.LEFT_S", 0.5)
            async with running(site):
                await eventually(lambda: provider.cdrs, what="the record")
                assert provider.cdrs[0]["total_cost"] == {"excl_vat": 2.1, "incl_vat": 2.5}
                (told,) = provider.objects["sessions"].values()
                assert (told["status"], told["kwh"]) == ("COMPLETED", 3)

    asyncio.run(scenario())


def test_of_what_changes_while_a_partner_is_away_only_the_last_is_told_and_in_order(
    site: Installation, provider: Provider
) -> None:
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await met(daemon, provider)
            await eventually(lambda: provider.evse_status("YARD", "CP-01*1") == "AVAILABLE")
            provider.is_down = True
            for status in ("Faulted", "Available", "Unavailable", "Faulted", "Available", "Unavailable"):
                await station.status(status)
                await eventually(lambda status=status: evse(daemon, "CP-01/1").status == status)  # type: ignore[misc]  # a default is no argument
                await asyncio.sleep(0.1)
            waits = roaming(daemon).courier.lanes["tnm"].waiting
            await eventually(lambda: any("INOPERATIVE" in one.body for one in waits.values()))
            assert len([one for one in waits.values() if one.key == "evse/CP-01*1"]) == 1
            told = len(provider.told)
            provider.is_down = False
            await eventually(lambda: provider.evse_status("YARD", "CP-01*1") == "INOPERATIVE")
            bodies = [one.body["status"] for one in provider.told[told:] if one.path.endswith("CP-01*1") and one.body]
            assert bodies[-1] == "INOPERATIVE"
            assert len([one for one in bodies if one != "INOPERATIVE"]) <= 1, "what was on its way"

    asyncio.run(scenario())
