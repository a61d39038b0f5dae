"""Stripe on this machine, as far as the adapter uses it: Checkout Sessions, payment intents and idempotency keys.

Written from docs.stripe.com; it shares nothing with the code under test. A test plays the driver (`pay`, `decline`) and
the network (`faults`): "lost" does what it was asked and never answers, "down" answers 503, "locked" 409;
what else stands there is the answer.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sk_test_123"
SECRET = "whsec_test"


class RefusedError(Exception):
    """A request that Stripe refuses."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class StripeDouble:
    """The accounts of Stripe."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        self.calls: list[str] = []
        self.captures = 0
        self.capture_before: int | None = None
        self._answers: dict[str, tuple[str, Any]] = {}
        self._numbers = itertools.count(1)

    def pay(self, checkout: str) -> str:
        """The driver pays: the amount is held, not taken."""
        session, number = self.sessions[checkout], next(self._numbers)
        assert session["status"] == "open"
        charge = {
            "id": f"ch_{number}",
            "object": "charge",
            "payment_method_details": {"type": "card", "card": {"capture_before": self.capture_before}},
        }
        intent = {
            "id": f"pi_{number}",
            "object": "payment_intent",
            "status": "requires_capture",
            "amount": session["amount_total"],
            "amount_received": 0,
            "currency": session["currency"],
            "latest_charge": charge,
        }
        self.intents[intent["id"]] = intent
        session.update(status="complete", payment_intent=intent["id"], url=None)
        return str(intent["id"])

    def answer(self, method: str, path: str, told: dict[str, str], key: str | None) -> Any:
        """The answer to a request; the same to the same key, and no other request may use it."""
        if key is None:
            return self._done(method, path, told)
        asked = json.dumps([path, sorted(told.items())])
        if key in self._answers:
            before, answer = self._answers[key]
            if before != asked:
                raise RefusedError(400, "idempotency_error", "keys for idempotent requests can only be used once")
            return answer
        answer = self._done(method, path, told)
        self._answers[key] = asked, answer
        return answer

    def _done(self, method: str, path: str, told: dict[str, str]) -> Any:
        parts = path.removeprefix("/v1/").split("/")
        match method, parts:
            case "POST", ["checkout", "sessions"]:
                return self._opened(told)
            case "GET", ["checkout", "sessions", name]:
                return self._session(name)
            case "POST", ["checkout", "sessions", name, "expire"]:
                if self._session(name)["status"] != "open":
                    raise RefusedError(
                        400, "resource_missing", "Only Checkout Sessions with a status of open can expire"
                    )
                self.sessions[name].update(status="expired", url=None)
                return self._session(name)
            case "GET", ["payment_intents", name]:
                return self._intent(name)
            case "POST", ["payment_intents", name, "capture"]:
                return self._captured(name, int(told["amount_to_capture"]))
            case "POST", ["payment_intents", name, "cancel"]:
                if self._intent(name)["status"] != "requires_capture":
                    raise RefusedError(400, "payment_intent_unexpected_state", "You cannot cancel this PaymentIntent")
                self.intents[name]["status"] = "canceled"
                return self._intent(name)
            case "GET", ["refunds"]:
                mine = [one for one in self.refunds.values() if one["payment_intent"] == told["payment_intent"]]
                return {"object": "list", "data": mine, "has_more": False, "url": "/v1/refunds"}
            case "POST", ["refunds"]:
                return self._refunded(told["payment_intent"], int(told["amount"]), told["metadata[refund]"])
        raise RefusedError(404, "not_found", f"Unrecognized request URL ({method}: {path})")

    def _opened(self, told: dict[str, str]) -> Any:
        assert told["mode"] == "payment"
        assert told["payment_intent_data[capture_method]"] == "manual"
        _checked(int(told["line_items[0][price_data][unit_amount]"]), told["line_items[0][price_data][currency]"])
        name = f"cs_test_{next(self._numbers)}"
        self.sessions[name] = {
            "id": name,
            "object": "checkout.session",
            "status": "open",
            "url": f"https://checkout.stripe.com/{name}",
            "amount_total": int(told["line_items[0][price_data][unit_amount]"]),
            "currency": told["line_items[0][price_data][currency]"],
            "success_url": told["success_url"],
            "payment_intent": None,
        }
        return dict(self.sessions[name])

    def _session(self, name: str) -> dict[str, Any]:
        if name not in self.sessions:
            raise RefusedError(404, "resource_missing", f"No such checkout.session: '{name}'")
        session = dict(self.sessions[name])
        if session["payment_intent"] is not None:
            session["payment_intent"] = dict(self.intents[session["payment_intent"]])
        return session

    def _intent(self, name: str) -> dict[str, Any]:
        if name not in self.intents:
            raise RefusedError(404, "resource_missing", f"No such payment_intent: '{name}'")
        return dict(self.intents[name])

    def _refunded(self, intent: str, amount: int, key: str) -> Any:
        taken = self._intent(intent)["amount_received"]
        back = sum(one["amount"] for one in self.refunds.values() if one["payment_intent"] == intent)
        if amount > taken - back:
            raise RefusedError(400, "charge_already_refunded", "The amount is greater than what is left of the charge")
        name = f"re_{next(self._numbers)}"
        self.refunds[name] = {
            "id": name,
            "object": "refund",
            "amount": amount,
            "payment_intent": intent,
            "status": "succeeded",
            "metadata": {"refund": key},
        }
        return dict(self.refunds[name])

    def _captured(self, name: str, amount: int) -> Any:
        intent = self.intents[name]
        if intent["status"] != "requires_capture":
            raise RefusedError(400, "payment_intent_unexpected_state", "This PaymentIntent could not be captured")
        if amount > intent["amount"]:
            raise RefusedError(400, "amount_too_large", "The amount to capture is greater than the amount that is held")
        _checked(amount, intent["currency"])
        self.captures += 1
        intent.update(status="succeeded", amount_received=amount)
        return dict(intent)


def _checked(amount: int, currency: str) -> None:
    """Currencies with three decimal places only in tens, and some that have none in hundredths all the same."""
    grain = {"bhd": 10, "kwd": 10, "isk": 100, "ugx": 100}.get(currency, 1)
    if amount % grain:
        raise RefusedError(400, "parameter_invalid_integer", f"{amount} is not divisible by {grain}")


def signed(body: bytes, at: int, secret: str = SECRET) -> str:
    """The header of a notice."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


@contextmanager
def serving(double: StripeDouble) -> Iterator[str]:
    """A server on loopback; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _serve(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            split = urlsplit(self.path)
            told = {name: values[-1] for name, values in parse_qs(body or split.query).items()}
            double.calls.append(f"{method} {split.path}")
            fault = double.faults.pop(0) if double.faults else ""
            if fault in {"down", "locked"}:
                self._send(503 if fault == "down" else 409, {"error": {"type": "api_error", "message": fault}})
                return
            if fault not in {"", "lost"}:
                self._send(200, json.loads(fault))
                return
            try:
                assert self.headers["authorization"] == f"Bearer {KEY}"
                found = double.answer(method, split.path, told, self.headers.get("idempotency-key"))
            except RefusedError as refused:
                error = {"type": "invalid_request_error", "code": refused.code, "message": str(refused)}
                self._send(refused.status, {"error": error})
                return
            if fault == "lost":
                self.close_connection = True
                self.connection.close()
                return
            self._send(200, found)

        def _send(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
