"""The adapter against localstripe, which others wrote: manual capture, release, and notices as it signs them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from stripe import StripeClient

from ems.adapters.payment.stripe import Stripe
from ems.ports.payments import ForgedNoticeError, ProviderRefusedError
from ems.runtime.clock import SystemClock
from tests.adapters.payment.stripe_double import KEY, SECRET
from tests.ports import free_ports


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A localstripe of our own."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    here = f"http://127.0.0.1:{port}"
    try:
        _wait(here, server)
        yield here
    finally:
        server.kill()
        server.wait()


def _wait(here: str, server: subprocess.Popen[bytes]) -> None:
    opener, pause = build_opener(ProxyHandler({})), threading.Event()
    for _ in range(200):
        assert server.poll() is None
        try:
            opener.open(f"{here}/js.stripe.com/v3/", timeout=5).close()
        except URLError:
            pause.wait(0.1)
        else:
            return
    raise AssertionError("localstripe does not answer")


def held(address: str, amount: int = 4000) -> str:
    """A card payment that is only authorised."""
    told: Any = {"base_addresses": {"api": address}}
    client = StripeClient(KEY, **told)
    card: Any = {
        "type": "card",
        "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2050, "cvc": "123"},
    }
    method = client.v1.payment_methods.create(card)
    asked: Any = {
        "amount": amount,
        "currency": "eur",
        "capture_method": "manual",
        "payment_method": method.id,
        "confirm": True,
    }
    intent = client.v1.payment_intents.create(asked)
    assert intent.status == "requires_capture"
    return str(intent.id)


def test_a_part_of_a_hold_is_captured_once_and_another_is_let_go(address: str) -> None:
    provider, taken, let_go = Stripe(KEY, SECRET, address), held(address), held(address)
    asyncio.run(provider.capture(taken, 1234, "k1"))
    asyncio.run(provider.capture(taken, 1234, "k1"))
    asyncio.run(provider.release(let_go, "k2"))
    asyncio.run(provider.release(let_go, "k2"))
    with pytest.raises(ProviderRefusedError):
        asyncio.run(provider.release(taken, "k3"))


def test_its_notices_are_genuine_and_tampered_ones_are_not(address: str) -> None:
    provider, heard, came = Stripe(KEY, SECRET, address), [], threading.Event()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.headers["stripe-signature"], body))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        hook = {"url": f"http://127.0.0.1:{server.server_address[1]}/", "secret": SECRET}
        request = Request(
            f"{address}/_config/webhooks/one", json.dumps(hook).encode(), {"content-type": "application/json"}
        )
        build_opener(ProxyHandler({})).open(request, timeout=5).close()
        asyncio.run(provider.capture(held(address), 500, "k1"))
        assert came.wait(10.0)
    ((signature, body),) = heard
    now = SystemClock().now().utc
    assert provider.notice(signature, body, now) == "", "it is about a payment, not about a page"
    with pytest.raises(ForgedNoticeError):
        provider.notice(signature, body + b" ", now)
