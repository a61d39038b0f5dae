"""The key that a station tells of a meter counts for nothing until somebody confirms it; another one is an alarm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import ProxyHandler, build_opener
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ems.adapters.ocmf.public_key import written
from ems.adapters.store.store import Store
from ems.adapters.web.evse.rows import key_row
from ems.adapters.web.texts import Calendar
from ems.assembly.meter_keys import SiteMeterKeys, judged
from ems.domain.record.signed_value import Standing, ToldKey
from tests.adapters.store.clocks import HandClock
from tests.adapters.web.page_office import PageOffice
from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running
from tests.assembly.test_alarms import ask

EVSE = "CP-01/1"
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURS, THEIRS = (written(ec.generate_private_key(curve).public_key()) for curve in (ec.SECP256R1(), ec.SECP256K1()))


@pytest.mark.parametrize(
    ("text", "vouched", "key", "standing"),
    [
        (OURS, [], OURS, Standing.NEW), (OURS, [THEIRS], OURS, Standing.OTHER), (OURS, [OURS], OURS, Standing.VOUCHED),
        (OURS, [THEIRS, OURS.upper()], OURS, Standing.VOUCHED),
        (f"oca:base16:asn1:{OURS}", [OURS], OURS, Standing.VOUCHED),
        ("=1+1", [OURS], "=1+1", Standing.NONE), ("", [], "", Standing.NONE), (OURS, ["nonsense"], OURS, Standing.NEW),
    ],
)  # fmt: skip
def test_what_a_key_is_worth(text: str, vouched: list[str], key: str, standing: Standing) -> None:
    assert judged(EVSE, text, AT, vouched) == ToldKey(EVSE, key, AT, standing)


async def until(site: Installation, path: str, fits: Callable[[str], bool]) -> str:
    """A page, once it says what it should."""

    def once() -> str:
        with build_opener(ProxyHandler({})).open(f"{site.page}/{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    for _ in range(50):
        if fits(page := await asyncio.to_thread(once)):
            return page
        await asyncio.sleep(0.2)
    raise AssertionError(page)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "ems.db", HandClock(), patience_s=5)
    one.open()
    yield one
    one.close()


def test_another_key_is_an_alarm_until_somebody_confirms_it(store: Store) -> None:
    async def work() -> None:
        keys = SiteMeterKeys(store, HandClock())

        async def standing() -> tuple[Standing, int]:
            told = await keys.told(EVSE)
            assert told is not None
            return told.standing, len(list(keys.troubles()))

        assert await keys.told(EVSE) is None
        keys.heard(EVSE, OURS)
        assert await standing() == (Standing.NEW, 0)
        await store.signed.vouch(EVSE, OURS, "anna", AT)
        assert await standing() == (Standing.VOUCHED, 0)
        keys.heard(EVSE, THEIRS)
        assert await standing() == (Standing.OTHER, 1)
        (trouble,) = keys.troubles()
        assert (trouble.key, trouble.scope) == (f"meter-key:{EVSE}", EVSE)
        assert "another public key" in trouble.text
        await store.signed.vouch(EVSE, THEIRS, "anna", AT)
        assert await standing() == (Standing.VOUCHED, 0)

    asyncio.run(work())


def test_what_others_decide_is_seen_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ems.assembly.meter_keys.LOOK_S", 0.05)

    async def work() -> None:
        keys = SiteMeterKeys(store, HandClock(), {EVSE: THEIRS})
        watching = asyncio.create_task(keys.run())
        keys.heard(EVSE, OURS)
        await eventually(lambda: list(keys.troubles()))
        await store.signed.vouch(EVSE, OURS, "anna", AT)
        await eventually(lambda: not list(keys.troubles()))
        watching.cancel()

    asyncio.run(work())


def test_the_page_shows_the_key_and_has_it_confirmed_by_an_installer(tmp_path: Path) -> None:
    with PageOffice(tmp_path) as office:
        assert "Public key" not in office.page(f"/evses/{EVSE}").text
        office.keys.heard(EVSE, OURS)
        page = office.page(f"/evses/{EVSE}").text
        assert OURS in page
        assert "Nobody has confirmed it yet" in page
        assert f'data-path="/api/v1/meter-keys/{EVSE}"' in page
        office.keys.heard(EVSE, '"><script>alert(1)</script>')
        page = office.page(f"/evses/{EVSE}").text
        assert "<script>alert(1)" not in page
        assert "It is no public key that can be checked here." in page
        assert "meter-keys" not in page


@pytest.mark.parametrize(
    ("standing", "bad", "offered"),
    [
        (Standing.VOUCHED, False, False), (Standing.NEW, False, True), (Standing.OTHER, True, True),
        (Standing.NONE, True, False),
    ],
)  # fmt: skip
def test_only_what_can_be_confirmed_is_offered(standing: Standing, bad: bool, offered: bool) -> None:
    row = key_row(ToldKey(EVSE, OURS, AT, standing), Calendar(ZoneInfo("Europe/Berlin"), AT.isoformat()))
    assert (row["is_bad"], row["may_be_confirmed"]) == (bad, offered)


def test_from_the_station_to_the_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over real sockets: a meter signs, its key is confirmed, and another meter is an alarm; the audit knows who."""
    monkeypatch.setattr("ems.adapters.ocpp.v16.set_up.WATCH_S", 0.2)
    monkeypatch.setattr("ems.assembly.meter_keys.LOOK_S", 0.2)
    site, station = Installation.at(tmp_path), ChargePoint("CP-01")
    station.configuration["MeterPublicKey[1]"] = OURS
    site.write(("web: {", "web: {login: loopback-free, "))

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            async with station.connected(site.central):
                await station.sign("OCMF|{}|{}")
                told = await until(site, f"evses/{EVSE}", lambda page: OURS in page)
                assert "Nobody has confirmed it yet" in told
                assert "Confirm this key" not in told, "only whoever installs may"
                await daemon.store.signed.vouch(EVSE, OURS, "anna", AT)
                await until(site, f"evses/{EVSE}", lambda page: "It is the one that was confirmed" in page)
            station.configuration["MeterPublicKey[1]"] = THEIRS
            async with station.connected(site.central):
                open_ = daemon.product.alarms.keeper
                await eventually(lambda: any(one.kind == "meter-key" for one in open_.open), 90)
                page = await until(site, f"evses/{EVSE}", lambda page: THEIRS in page)
                assert "It is another one than was confirmed" in page
                audit = await ask(site, "GET", "audit")
                assert any(row["what"] == "MeterKeyConfirmed" for row in audit["audit"])

    asyncio.run(scenario())
