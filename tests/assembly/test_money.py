"""Cards with a prepaid account, refunds and monthly bills in a whole daemon: with its database, stations and pages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ems.assembly.daemon import Daemon
from ems.domain.station import EvseStatus
from tests.assembly.charge_point import ChargePoint, Payload
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running, session
from tests.assembly.test_payments import PRICES, Browser, takes_starts


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than the test needs."""
    monkeypatch.setattr("ems.runtime.errand.SETTLED_S", 0.2)
    monkeypatch.setattr("ems.runtime.errand.LOOK_S", 0.3)
    monkeypatch.setattr("ems.runtime.errand.ACT_S", 0.3)


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    built = Installation.at(tmp_path)
    built.write(more="payment: {provider: sandbox}\naccess: {mode: tags}\n")
    return built


async def with_account(browser: Browser, amount: str) -> None:
    await browser.ask("PUT", "price-lists/public", PRICES)
    await browser.ask("PUT", "people/ada", {"name": "Ada"})
    await browser.ask("PUT", "tags/04A1", {"person": "ada"})
    await browser.ask("PUT", "prepaid/ada", {})
    if amount:
        booked = {"amount": amount, "note": "cash at the gate"}
        for _ in range(2):
            found = await browser.ask("PUT", "prepaid/ada/bookings/k1", booked)
            assert found["balance"] == amount, "booked once"
        await browser.ask("PUT", "people/bob", {"name": "Bob"})
        await browser.ask("PUT", "prepaid/bob", {})
        for path, told in (("ada", {**booked, "amount": "1.00"}), ("bob", booked)):
            refused = await browser.asks("PUT", f"prepaid/{path}/bookings/k1", told)
            assert (refused.status, b"used for another booking" in refused.body) == (422, True)


async def authorised(station: ChargePoint) -> str:
    answer = await station.call("Authorize", {"idTag": "04A1"})
    return str(answer["idTagInfo"]["status"])


def test_a_card_charges_for_what_is_in_its_account(site: Installation) -> None:
    station, browser = ChargePoint("CP-01"), Browser(site)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await with_account(browser, "")
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            await eventually(lambda: "ada" in daemon_purser(daemon), what="the account")
            assert await authorised(station) == "Blocked", "there is nothing in it"
            check = await browser.ask("GET", "tag-check?tag=04A1&evse=CP-01/1")
            assert "0.00 EUR are left in the prepaid account of Ada: top it up" in str(check)
            await browser.ask("PUT", "prepaid/ada/bookings/k1", {"amount": "30.00", "note": "cash"})
            await eventually(lambda: daemon_purser(daemon)["ada"].balance == 3000)
            assert await authorised(station) == "Accepted"
            await station.start("04A1")
            await eventually(lambda: evse(daemon, "CP-01/1").session is not None)
            await eventually(lambda: session(daemon, "CP-01/1").cap_wh is not None, what="a cap")
            running_now = await browser.ask("GET", "prepaid/ada")
            assert (running_now["account"]["balance"], running_now["account"]["held"]) == ("10.00", "20.00")
            await station.charge(5000)
            await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 5000)
            await station.stop()
            await station.status("Available")
            await eventually(lambda: not daemon_purser(daemon)["ada"].holds, what="settled")
            over = await browser.ask("GET", "prepaid/ada")
            assert [(one["kind"], one["amount"]) for one in over["bookings"]] == [
                ("charge", "-2.50"), ("release", "20.00"), ("hold", "-20.00"), ("by-hand", "30.00"),
            ]  # fmt: skip
            assert over["account"]["balance"] == "27.50"
            audit = await browser.ask("GET", "audit")
            assert {"PrepaidOpened", "PrepaidBooked"} <= {one["what"] for one in audit["audit"]}

    asyncio.run(scenario())


def daemon_purser(daemon: Daemon) -> dict[str, Any]:
    (purser,) = (one for one in daemon.services if one.name == "prepaid")
    accounts: dict[str, Any] = purser.accounts  # type: ignore[attr-defined]  # of the purser, which is a service
    return accounts


def test_an_account_is_topped_up_by_card_once_and_given_back(site: Installation) -> None:
    browser = Browser(site)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon:
            await with_account(browser, "")
            begun = await browser.ask("POST", "prepaid/ada/top-ups", {"amount": "20.00", "back": "/prepaid/ada"})
            assert (await browser.answer(begun["redirect"], "approve")).startswith("/prepaid/ada?payment=")
            await eventually(lambda: "ada" in daemon_purser(daemon) and daemon_purser(daemon)["ada"].balance == 2000)
            reference = begun["reference"]
            part = f"payment-records/{reference}/refunds/r1"
            for _ in range(2):
                made = await browser.ask("PUT", part, {"amount": "5.00", "reason": "moved away"})
                assert (made["amount"], made["vat"]) == ("5.00", "0.00")
            refused = await browser.asks("PUT", part, {"amount": "6.00", "reason": "moved away"})
            assert refused.status == 422
            assert b"used for another refund" in refused.body
            found = await browser.ask("GET", "prepaid/ada")
            assert [(one["kind"], one["amount"]) for one in found["bookings"]] == [
                ("refund", "-5.00"), ("top-up", "20.00"),
            ]  # fmt: skip
            await browser.ask("PUT", f"payment-records/{reference}/refunds/r2", {"reason": "the rest"})
            assert (await browser.ask("GET", "prepaid/ada"))["account"]["balance"] == "0.00"
            (listed,) = (await browser.ask("GET", "payments?state=captured&search=ada"))["payments"]
            assert (listed["amount"], listed["given_back"], listed["account"]) == ("20.00", "20.00", "ada")
            assert (await browser.ask("GET", "payments?state=failed"))["payments"] == []
            link = found["account"]["link"]
            mine = await browser.ask("POST", link.removeprefix("/") + "/top-ups", {"amount": "10", "back": link})
            assert mine["redirect"]
            assert (await browser.asks("POST", "my/guessed/top-ups", {"amount": "10"})).status == 404

    asyncio.run(scenario())


def test_what_a_session_cost_is_given_back_in_parts_with_credit_notes_that_add_up(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    station, browser = ChargePoint("CP-01"), Browser(site)
    answered: list[Payload] = []
    takes_starts(station, monkeypatch, answered)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await browser.ask("PUT", "price-lists/public", PRICES)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            begun = await browser.ask("POST", "payments", {"evse": "CP-01/1"})
            await browser.answer(begun["redirect"], "approve")
            await eventually(lambda: answered, what="a RemoteStart")
            await station.start(answered[0]["idTag"])
            await browser.until(begun["id"], lambda one: one["state"] == "charging")
            await station.charge(7777)
            await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 7777)
            await station.stop()
            await station.status("Available")
            await browser.until(begun["id"], lambda one: one["is_over"])
            (paid,) = (await browser.ask("GET", "payments"))["payments"]
            for key, amount in (("a", "1.11"), ("b", None)):
                body = {"reason": "cable did not fit", **({"amount": amount} if amount else {})}
                await browser.ask("PUT", f"payment-records/{paid['reference']}/refunds/{key}", body)
            async with asyncio.timeout(10):
                while True:
                    story = await browser.ask("GET", f"payment-records/{paid['reference']}")
                    if all(one["state"] == "done" for one in story["refunds"]):
                        break
                    await asyncio.sleep(0.1)
            made = story["receipt"]
            for what in ("amount", "vat", "net"):
                total = sum(float(one[what]) for one in story["refunds"])
                assert f"{total:.2f}" == made["total" if what == "amount" else what]
            assert (story["left"], begun["id"] in str(story)) == ("0.00", False)
            again = await browser.asks("PUT", f"payment-records/{paid['reference']}/refunds/c", {"reason": "x"})
            assert again.status == 422
            assert b"gone back already" in again.body

    asyncio.run(scenario())
