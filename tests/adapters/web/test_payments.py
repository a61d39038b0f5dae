"""Drivers pay without a login, by an id that nobody can guess; what they and others may send is bounded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from ems.adapters.payment.sandbox import Sandbox
from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.payment.api import pay
from ems.adapters.web.payment.sandbox import sandbox_pages
from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import receipt
from ems.domain.billing.usage import supposed
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.ports.payments import Cost, ForgedNoticeError, HoldState
from tests.adapters.web.scene import busy

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PRICES = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), "Für <b>alle</b>", hold=Decimal(40))
PAYMENT = Payment(
    "p" * 22, "PAY-1", "CP-11/1", "sandbox", PRICES, 4000, 50, 70_000, NOW, NOW + timedelta(minutes=30), NOW, "/c/a"
)


class Desk:
    """Payments as the interface meets them."""

    def __init__(self) -> None:
        self.known = {PAYMENT.id: PAYMENT}
        self.begun: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.heard: list[tuple[str, bytes]] = []

    async def begin(self, evse: str, back_url: str, key: str = "") -> Payment:
        if evse == "CP-99/1":
            raise UnknownError("the site has no EVSE 'CP-99/1'")
        if evse == "CP-12/1":
            raise NotStoredError("the disk is full")
        self.begun.append((evse, back_url))
        self.keys.append(key)
        return PAYMENT

    async def payment(self, name: str) -> Payment:
        if name not in self.known:
            raise UnknownError("there is no such payment")
        return self.known[name]

    async def opened(self, name: str, within_s: float) -> Payment:
        del within_s
        return replace(await self.payment(name), url="https://pay.example/x", state=PaymentState.HOLD_REQUESTED)

    async def cost(self, name: str) -> Cost | None:
        known = await self.payment(name)
        usage = replace(supposed(known.evse, NOW, 9000, 11_000, 0), session="s")
        return Cost(receipt(usage, known.prices, ZoneInfo("Europe/Berlin")), is_final=False) if known.session else None

    async def stop(self, name: str) -> Payment:
        return replace(await self.payment(name), state=PaymentState.EXPIRED, why="you stopped it\x1b[2J")

    async def top_up(self, account: str, prices: PriceList, back_url: str) -> Payment:
        return replace(PAYMENT, account=account, evse="", prices=prices, back_url=back_url)

    def give_way(self, evse: str, before: datetime) -> bool:
        del evse, before
        return False

    def is_awaited(self, evse: str) -> bool:
        del evse
        return False

    def returned(self, name: str) -> None:
        del name

    def noticed(self, signature: str, body: bytes) -> None:
        if signature != "genuine":
            raise ForgedNoticeError("the notice is not signed by Stripe")
        self.heard.append((signature, body))


class Counter:
    """An application with payments, and whoever asks it."""

    def __init__(self) -> None:
        scene = busy(14)
        self.desk, self.sandbox = Desk(), Sandbox()
        further = (pay(self.desk), sandbox_pages(self.sandbox))
        self.app = create_app(scene, scene, WebOptions(), further=further)

    def ask(self, method: str, path: str, content: bytes | None = None, **headers: str) -> httpx2.Response:
        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
                told = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, path, content=content, headers=told)

        return asyncio.run(once())

    def tell(self, path: str, text: str, **headers: str) -> httpx2.Response:
        return self.ask("POST", path, text.encode(), content_type="application/json", **headers)


@pytest.fixture(scope="module")
def counter() -> Counter:
    return Counter()


def test_a_payment_is_begun_followed_and_stopped_by_who_knows_its_id(counter: Counter) -> None:
    begun = counter.tell("/api/v1/payments", '{"evse": "CP-11/1", "back": "/c/8h2k?lang=de"}').json()
    assert counter.desk.begun[-1] == ("CP-11/1", "/c/8h2k?lang=de")
    assert (begun["hold"], begun["currency"], begun["cap_kwh"]) == ("40.00", "EUR", "70.000")
    assert (begun["redirect"], begun["amount"], begun["is_over"]) == ("https://pay.example/x", None, False)
    found = counter.ask("GET", f"/api/v1/payments/{PAYMENT.id}").json()
    assert (found["state"], found["redirect"]) == ("created", None)
    stopped = counter.ask("DELETE", f"/api/v1/payments/{PAYMENT.id}").json()
    assert (stopped["state"], stopped["amount"], stopped["why"]) == ("expired", "0.00", "you stopped it\ufffd[2J")


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("0b0a6c1e-8a2f-4a53-9f0e-2f1d7a3c9e55", 200),
        ("a" * 255, 200),
        ("guessed", 422),
        ("a" * 256, 422),
        ("a b" * 9, 422),
    ],
)
def test_a_key_that_makes_a_payment_the_same_is_none_that_can_be_guessed(
    counter: Counter, key: str, status: int
) -> None:
    answer = counter.tell("/api/v1/payments", '{"evse": "CP-11/1"}', idempotency_key=key)
    assert answer.status_code == status
    assert (counter.desk.keys[-1:] == [key]) == (status == 200)


def test_what_it_costs_is_for_who_knows_the_payment(counter: Counter) -> None:
    path = f"/api/v1/payments/{PAYMENT.id}/receipt"
    assert counter.ask("GET", path).status_code == 404, "it has not begun"
    counter.desk.known["begun"] = replace(PAYMENT, id="begun", session="s")
    found = counter.ask("GET", "/api/v1/payments/begun/receipt").json()
    assert (found["total"], found["final"]) == ("4.50", False)
    del counter.desk.known["begun"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"evse": "CP-99/1"}', 404),
        ('{"evse": "CP-12/1"}', 503),
        ("{}", 422),
        ('{"evse": "CP-11/1", "amount": 1}', 422),
        ('{"evse": "CP-11/1", "back": "https://evil.example/"}', 422),
        ('{"evse": "CP-11/1", "back": "//evil.example/"}', 422),
        ('{"evse": "CP-11/1", "back": "/\\\\evil.example/"}', 422),
        ('{"evse": "CP-11/1", "back": "javascript:alert(1)"}', 422),
        ('{"evse": "CP-11/1", "back": "/a\\r\\nset-cookie: x"}', 422),
        ('{"evse": "CP-11/1", "back": "/' + "a" * 300 + '"}', 422),
        ('{"evse": 7}', 422),
        ("[]", 422),
        ("{", 400),
    ],
)
def test_what_cannot_be_meant_is_refused(counter: Counter, body: str, status: int) -> None:
    before = list(counter.desk.begun)
    answer = counter.tell("/api/v1/payments", body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert counter.desk.begun == before


def test_a_payment_that_nobody_knows_is_not_there(counter: Counter) -> None:
    for method in ("GET", "DELETE"):
        assert counter.ask(method, "/api/v1/payments/guess").status_code == 404


def test_only_genuine_notices_are_heard(counter: Counter) -> None:
    assert counter.tell("/api/v1/payment-notices", '{"a": 1}').status_code == 400
    assert counter.tell("/api/v1/payment-notices", '{"a": 1}', stripe_signature="t=1,v1=2").status_code == 400
    assert counter.desk.heard == []
    assert counter.tell("/api/v1/payment-notices", '{"a": 1}', stripe_signature="genuine").status_code == 204
    assert counter.desk.heard == [("genuine", b'{"a": 1}')]


def test_pages_of_other_sites_neither_begin_nor_approve_anything(counter: Counter) -> None:
    there: dict[str, Any] = {"origin": "https://evil.example", "sec_fetch_site": "cross-site"}
    assert counter.tell("/api/v1/payments", '{"evse": "CP-11/1"}', **there).status_code == 403
    checkout = asyncio.run(counter.sandbox.open(PAYMENT, "k"))
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert counter.ask("POST", checkout.url, b"answer=approve", **form, **there).status_code == 403
    assert asyncio.run(counter.sandbox.look(checkout.id)).state is HoldState.OPEN


def test_the_built_in_page_shows_the_hold_and_takes_one_answer(counter: Counter) -> None:
    checkout = asyncio.run(counter.sandbox.open(replace(PAYMENT, id="other"), "other"))
    shown = counter.ask("GET", checkout.url)
    assert shown.status_code == 200
    assert "40.00 EUR" in shown.text
    assert "Für &lt;b&gt;alle&lt;/b&gt;" in shown.text
    here: dict[str, Any] = {"content_type": "application/x-www-form-urlencoded", "origin": "http://localhost:8080"}
    pressed = counter.ask("POST", checkout.url, b"answer=decline", **here)
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/c/a")
    assert asyncio.run(counter.sandbox.look(checkout.id)).state is HoldState.REFUSED
    assert counter.ask("POST", checkout.url, b"answer=approve", **here).status_code == 404
    assert counter.ask("GET", "/pay/sandbox/nobody").status_code == 404
