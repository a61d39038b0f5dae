"""An HTTP server that is told of things, and answers as a test says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SECRET = "0123456789abcdef0123"


class Got(NamedTuple):
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    def is_signed(self, secret: str = SECRET) -> bool:
        """As the Standard Webhooks specification has a receiver check it."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"] == f"v1,{expected}"


class Receiver:
    """What came; `answers` are given one after the other, then 204. `slow_s`: before each answer."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers: list[int] = []
        self.slow_s = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [one.told["type"] for one in self.got]


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens, on a free port if none is said."""
    known = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            known.got.append(Got(self.path, headers, body))
            time.sleep(known.slow_s)
            status = known.answers.pop(0) if known.answers else 204
            try:
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "http://127.0.0.1:1/elsewhere")
                self.send_header("content-length", "0" if status == 204 else "4")
                self.end_headers()
                if status != 204:
                    self.wfile.write(b"nono")
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        known.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
