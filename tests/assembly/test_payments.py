"""A driver pays on the built-in page, the car charges, and what it cost is taken; or the hold is let go of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import pytest

from ems.adapters.payment.stripe import Stripe
from ems.domain.station import EvseStatus
from ems.runtime.clock import SystemClock
from tests.adapters.payment.stripe_double import KEY, SECRET, StripeDouble, serving, signed
from tests.assembly.charge_point import ChargePoint, Payload
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import evse, running, session

PRICES = {"vat_percent": "19", "hold": "20", "fees": [{"unit": "kwh", "price": "0.50"}]}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Stay(HTTPRedirectHandler):
    """Does not follow."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Answer(NamedTuple):
    """What came back."""

    status: int
    location: str
    body: bytes


def opened(request: Request) -> Answer:
    """One request; refusals and redirects are answers too."""
    try:
        with build_opener(ProxyHandler({}), Stay()).open(request, timeout=20) as answer:
            return Answer(answer.status, "", answer.read())
    except HTTPError as other:
        with other:
            return Answer(other.code, other.headers["location"] or "", other.read())


class Browser:
    """Asks the daemon from a thread."""

    def __init__(self, site: Installation) -> None:
        self.page = site.page

    async def asks(self, method: str, path: str, body: object = None) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.page}/api/v1/{path}", content, {"content-type": JSON}, method=method)
        return await asyncio.to_thread(opened, request)

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        found = await self.asks(method, path, body)
        assert found.status == 200, found
        return json.loads(found.body)

    async def answer(self, path: str, word: str) -> str:
        """Press a button of the built-in page; where that leads."""
        shown = await asyncio.to_thread(opened, Request(self.page + path))
        assert b"20.00 EUR" in shown.body
        headers = {"content-type": FORM, "origin": self.page, "sec-fetch-site": "same-origin"}
        pressed = await asyncio.to_thread(opened, Request(self.page + path, f"answer={word}".encode(), headers))
        assert pressed.status == 303, pressed
        return pressed.location

    async def until(self, name: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                found: dict[str, Any] = await self.ask("GET", f"payments/{name}")
                if fits(found):
                    return found
                await asyncio.sleep(0.1)


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


def test_a_driver_pays_charges_and_is_charged_what_it_cost(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    station, browser = ChargePoint("CP-01"), Browser(site)
    answered: list[Payload] = []
    takes_starts(station, monkeypatch, answered)

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await browser.ask("PUT", "price-lists/public", PRICES)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            begun = await browser.ask("POST", "payments", {"evse": "CP-01/1", "back": "/c/a"})
            assert (begun["state"], begun["hold"], begun["amount"]) == ("hold-requested", "20.00", None)
            assert (await browser.asks("POST", "payments", {"evse": "CP-01/1"})).status == 422
            assert await browser.answer(begun["redirect"], "approve") == f"/c/a?payment={begun['id']}"
            await eventually(lambda: answered, what="a RemoteStart")
            assert len(answered[0]["idTag"]) == 20, "as many as OCPP 1.6 takes"
            await station.start(answered[0]["idTag"])
            charging = await browser.until(begun["id"], lambda one: one["state"] == "charging")
            await eventually(lambda: session(daemon, "CP-01/1").cap_wh is not None)
            await station.charge(5000)
            await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 5000)
            cost = await browser.ask("GET", f"payments/{begun['id']}/receipt")
            assert (cost["energy_kwh"], cost["total"], cost["final"]) == ("5.000", "2.50", False)
            await station.stop()
            await station.status("Available")
            over = await browser.until(begun["id"], lambda one: one["is_over"])
            assert (over["state"], over["amount"]) == ("captured", "2.50")
            made = await browser.ask("GET", f"payments/{begun['id']}/receipt")
            assert (made["total"], made["final"], made["session"]) == ("2.50", True, charging["session"])
            (brief,) = (await browser.ask("GET", "payments"))["payments"]
            assert (brief["state"], brief["amount"], "id" in brief) == ("captured", "2.50", False)

    asyncio.run(scenario())


def test_a_driver_who_declines_or_a_charger_that_refuses_costs_nothing(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    station, browser = ChargePoint("CP-01"), Browser(site)
    takes_starts(station, monkeypatch, [], status="Rejected")

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await browser.ask("PUT", "price-lists/public", PRICES)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            for word, state, why in (
                ("decline", "failed", "declined"),
                ("approve", "released", "the charger refused the start"),
            ):
                begun = await browser.ask("POST", "payments", {"evse": "CP-01/1"})
                await browser.answer(begun["redirect"], word)
                over = await browser.until(begun["id"], lambda one: one["is_over"])
                assert (over["state"], over["amount"], why in over["why"]) == (state, "0.00", True), over

    asyncio.run(scenario())


def test_a_signed_notice_of_the_provider_spares_the_wait_and_no_other_does(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controller would look only after an hour; notices come twice, late and from others too."""
    (site.folder / "key").write_text("sk_test_1")
    told = "payment: {provider: stripe, public_url: 'https://charge.example', key_file: key}\n"
    site.write(more=told + "access: {mode: tags}\n")
    monkeypatch.setattr("ems.runtime.errand.LOOK_S", 3600.0)
    station, browser, double = ChargePoint("CP-01"), Browser(site), StripeDouble()
    answered: list[Payload] = []
    takes_starts(station, monkeypatch, answered)

    async def notices(checkout: str, secret: str = SECRET) -> int:
        body = json.dumps({"data": {"object": {"id": checkout, "object": "checkout.session"}}}).encode()
        headers = {
            "content-type": JSON,
            "stripe-signature": signed(body, int(SystemClock().now().utc.timestamp()), secret),
        }
        request = Request(f"{site.page}/api/v1/payment-notices", body, headers)
        return (await asyncio.to_thread(opened, request)).status

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site) as daemon, station.connected(site.central):
            await browser.ask("PUT", "price-lists/public", PRICES)
            await eventually(lambda: evse(daemon, "CP-01/1").status is EvseStatus.AVAILABLE)
            begun = await browser.ask("POST", "payments", {"evse": "CP-01/1", "back": "/c/a"})
            (checkout,) = double.sessions
            assert begun["redirect"] == f"https://checkout.stripe.com/{checkout}"
            assert double.sessions[checkout]["success_url"].startswith("https://charge.example/c/a?payment=")
            looked = len(double.calls)
            assert await notices(checkout) == 204, "too early: nobody has paid yet"
            await eventually(lambda: len(double.calls) > looked, what="a look that comes too early")
            hold = double.pay(checkout)
            assert await notices(checkout, "whsec_other") == 400
            assert await notices("cs_of_somebody_else") == 204
            assert (await browser.ask("GET", f"payments/{begun['id']}"))["state"] == "hold-requested"
            assert [await notices(checkout) for _ in range(3)] == [204, 204, 204]
            await eventually(lambda: answered, what="a RemoteStart")
            await station.start(answered[0]["idTag"])
            await browser.until(begun["id"], lambda one: one["state"] == "charging")
            await station.charge(3000)
            await eventually(lambda: session(daemon, "CP-01/1").energy_wh == 3000)
            assert await notices(checkout) == 204, "late"
            double.faults = ["", "lost", "down"]
            await station.stop()
            await station.status("Available")
            over = await browser.until(begun["id"], lambda one: one["is_over"])
            assert (over["state"], over["amount"], double.captures) == ("captured", "1.50", 1)
            assert double.intents[hold]["amount_received"] == 150
            assert len(answered) == 1, "it was begun once"

    with serving(double) as address:
        monkeypatch.setattr("ems.assembly.payments._stripe", lambda _: Stripe(KEY, SECRET, address))
        asyncio.run(scenario())


def takes_starts(
    station: ChargePoint, monkeypatch: pytest.MonkeyPatch, answered: list[Payload], status: str = "Accepted"
) -> None:
    """A station that answers RemoteStartTransaction."""
    answer = station._answer

    def answers(action: str, payload: Payload) -> Payload:
        if action == "RemoteStartTransaction":
            answered.append(payload)
            return {"status": status}
        return answer(action, payload)

    monkeypatch.setattr(station, "_answer", answers)
