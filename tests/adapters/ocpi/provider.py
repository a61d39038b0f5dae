"""A mobility service provider on this machine, as far as it meets an operator: OCPI 2.2.1 over real sockets.

Written from the specification's text; it shares nothing with the code under test. A test plays its drivers and its
back office (`ask`), and the network (`is_down`). Whatever it is told it keeps by module, and it insists on what the
specification says of requests: token, request ids, routing headers, URLs and identifiers.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

NOW = "2026-03-01T10:00:00Z"
MODULES = (
    ("credentials", "RECEIVER"),
    ("locations", "RECEIVER"),
    ("tariffs", "RECEIVER"),
    ("sessions", "RECEIVER"),
    ("cdrs", "RECEIVER"),
    ("tokens", "SENDER"),
    ("commands", "SENDER"),
)

Answer = tuple[int, dict[str, str], Any]


class Reply(NamedTuple):
    """What an operator answered."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def code(self) -> int:
        return int(self.body["status_code"])


class Told(NamedTuple):
    """Something that the provider was told or asked."""

    method: str
    path: str
    body: Any


def token(uid: str, **more: Any) -> dict[str, Any]:
    """A token of the provider (12.3.2)."""
    return {
        "country_code": "NL", "party_id": "TNM", "uid": uid, "type": "RFID", "contract_id": f"NL8ACC{uid[:20]}",
        "issuer": "TheNewMotion", "valid": True, "whitelist": "ALLOWED", "last_updated": NOW, **more,
    }  # fmt: skip


class Provider:
    """The platform NL*TNM."""

    def __init__(self) -> None:
        self.port = 0
        self.our_token = secrets.token_hex(16)
        self.operator_token = ""
        self.tokens: list[dict[str, Any]] = []
        self.allowed: dict[str, str] = {}
        self.told: list[Told] = []
        self.objects: dict[str, dict[str, Any]] = {"locations": {}, "tariffs": {}, "sessions": {}}
        self.cdrs: list[dict[str, Any]] = []
        self.results: dict[str, str] = {}
        self.wrong: list[str] = []
        self.is_down = False
        self.version = "2.2.1"
        self.modules = MODULES
        self.page = 2
        self.endpoints: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def credentials(self) -> dict[str, Any]:
        role = {
            "role": "EMSP",
            "party_id": "TNM",
            "country_code": "NL",
            "business_details": {"name": "TheNewMotion"},
        }
        return {"token": self.our_token, "url": f"{self.url}/ocpi/versions", "roles": [role]}

    def ask(self, method: str, url: str, body: Any = None, token: str | None = None, raw: bytes | None = None) -> Reply:
        """One request to the operator."""
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        shown = base64.b64encode((self.operator_token if token is None else token).encode()).decode()
        headers = {
            "authorization": f"Token {shown}",
            "x-request-id": secrets.token_hex(8),
            "x-correlation-id": secrets.token_hex(8),
            "ocpi-from-country-code": "NL",
            "ocpi-from-party-id": "TNM",
            "content-type": "application/json",
        }
        request = Request(url, content, headers, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
                found = Reply(answer.status, dict(answer.headers.items()), json.loads(answer.read() or b"{}"))
        except HTTPError as refused:
            with refused:
                found = Reply(refused.code, dict(refused.headers.items()), json.loads(refused.read() or b"{}"))
        if "status_code" in found.body:
            told = {name.lower(): value for name, value in found.headers.items()}
            assert told.get("x-request-id") == headers["x-request-id"], told
        return found

    def register(self, versions_url: str, invitation: str, method: str = "POST") -> Reply:
        """Look at the operator's versions and exchange credentials (7.1.1)."""
        offered = self.ask("GET", versions_url, token=invitation).data
        (ours,) = [one for one in offered if one["version"] == "2.2.1"]
        details = self.ask("GET", ours["url"], token=invitation).data
        self.endpoints = {one["identifier"]: one["url"] for one in details["endpoints"]}
        found = self.ask(method, self.endpoints["credentials"], self.credentials(), token=invitation)
        if found.code == 1000:
            self.operator_token = found.data["token"]
        return found

    def command(self, name: str, **body: Any) -> tuple[Reply, str]:
        """Ask for something; the result comes under the word that is returned (13.2)."""
        word = secrets.token_hex(6)
        url = f"{self.url}/ocpi/2.2.1/commands/{name}/{word}"
        return self.ask("POST", f"{self.endpoints['commands']}/{name}", {"response_url": url, **body}), word

    def every(self, module: str, query: str = "") -> list[dict[str, Any]]:
        """All objects of a list, page by page (4.1.4.1)."""
        url: str | None = f"{self.endpoints[module]}{query}"
        found: list[dict[str, Any]] = []
        while url is not None:
            page = self.ask("GET", url)
            assert page.code == 1000, page
            headers = {name.lower(): value for name, value in page.headers.items()}
            assert int(headers["x-total-count"]) >= len(page.data)
            assert len(page.data) <= int(headers["x-limit"])
            found += page.data
            link = headers.get("link", "")
            assert not link or link.endswith('>; rel="next"')
            url = link[1 : link.index(">")] if link else None
        return found

    def take(self, method: str, target: str, headers: dict[str, str], body: Any) -> Answer:
        """What it answers; `told` and `objects` keep it."""
        url = urlsplit(target)
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        self.told.append(Told(method, url.path, body))
        if self.is_down:
            return 503, {}, None
        expected = f"Token {base64.b64encode(self.our_token.encode()).decode()}"
        if headers.get("authorization") != expected:
            return 401, {}, _said(2000, "unknown token")
        for name in ("x-request-id", "x-correlation-id"):
            if not headers.get(name):
                self.wrong.append(f"{name} is missing at {target}")
        match path:
            case ["ocpi", "versions"]:
                return 200, {}, _said(1000, data=[{"version": self.version, "url": f"{self.url}/ocpi/2.2.1"}])
            case ["ocpi", "2.2.1"]:
                base = f"{self.url}/ocpi/2.2.1"
                endpoints = [{"identifier": name, "role": role, "url": f"{base}/{name}"} for name, role in self.modules]
                return 200, {}, _said(1000, data={"version": "2.2.1", "endpoints": endpoints})
            case ["ocpi", "2.2.1", "credentials"]:
                return self._meet(method, body)
            case ["ocpi", "2.2.1", module, *rest]:
                asked = ("ocpi-to-party-id", "ocpi-to-country-code", "ocpi-from-party-id", "ocpi-from-country-code")
                if [headers.get(name) for name in asked] != ["TNM", "NL", "EMS", "DE"]:
                    self.wrong.append(f"routing headers at {target}: {[headers.get(name) for name in asked]}")
                return self._module(method, module, rest, parse_qs(url.query), body)
        return 404, {}, _said(2000, "nothing here")

    def _meet(self, method: str, body: Any) -> Answer:
        if method == "DELETE":
            self.operator_token = ""
            return 200, {}, _said(1000)
        # The server looks at the client's versions while the client waits (7.1.1).
        offered = self.ask("GET", body["url"], token=body["token"])
        assert offered.code == 1000, offered
        details = self.ask("GET", offered.data[0]["url"], token=body["token"])
        self.endpoints = {one["identifier"]: one["url"] for one in details.data["endpoints"]}
        self.operator_token = body["token"]
        self.our_token = secrets.token_hex(16)
        return 200, {}, _said(1000, data=self.credentials())

    def _module(self, method: str, module: str, rest: list[str], query: dict[str, list[str]], body: Any) -> Answer:
        match module, rest:
            case "commands", [_, word]:
                self.results[word] = body["result"]
                return 200, {}, _said(1000)
            case "tokens", []:
                first = int(query.get("offset", ["0"])[0])
                page = self.tokens[first : first + self.page]
                headers = {"X-Total-Count": str(len(self.tokens)), "X-Limit": str(self.page)}
                if first + self.page < len(self.tokens):
                    headers["Link"] = f'<{self.url}/ocpi/2.2.1/tokens?offset={first + self.page}>; rel="next"'
                return 200, headers, _said(1000, data=page)
            case "tokens", [uid, "authorize"]:
                return self._authorize(uid, body)
            case "cdrs", []:
                self.cdrs.append(body)
                return 200, {"Location": f"{self.url}/cdrs/{body['id']}"}, _said(1000)
            case (("locations" | "tariffs" | "sessions"), [country, party, *names]):
                if (country, party) != ("DE", "EMS"):
                    return 404, {}, _said(2000)
                return self._keep(method, module, names, body)
        return 404, {}, _said(2000, "nothing here")

    def _authorize(self, uid: str, body: Any) -> Answer:
        if uid not in self.allowed:
            return 404, {}, _said(2004, "unknown token")
        info = {
            "allowed": self.allowed[uid],
            "token": token(uid, whitelist="NEVER"),
            "location": body,
            "authorization_reference": f"ref-{uid}",
        }
        return 200, {}, _said(1000, data=info)

    def _keep(self, method: str, module: str, names: list[str], body: Any) -> Answer:
        kept = self.objects[module]
        name = "/".join(names)
        if method == "DELETE":
            kept.pop(name, None)
        elif method == "PUT":
            if body.get("uid", body.get("id")) != names[-1]:
                return 200, {}, _said(2001, "another id than in the URL")
            kept[name] = body
        elif name not in kept and not (module == "locations" and names[0] in kept):
            return 404, {}, _said(2000, "unknown object")
        else:
            assert "last_updated" in body
            kept[name] = {**kept.get(name, {}), **body}
        return 200, {}, _said(1000)

    def evse_status(self, location: str, uid: str) -> str | None:
        """The state of an EVSE, as far as it was told."""
        known = self.objects["locations"]
        evses = {one["uid"]: one["status"] for one in known.get(location, {}).get("evses", [])}
        found: str | None = known.get(f"{location}/{uid}", {}).get("status", evses.get(uid))
        return found

    def wait_for(self, word: str, within_s: float = 10.0) -> str:
        """The result of a command."""
        deadline = time.monotonic() + within_s
        while word not in self.results:
            assert time.monotonic() < deadline, "no result of the command"
            time.sleep(0.02)
        return self.results[word]


def _said(code: int, message: str = "", data: Any = None) -> dict[str, Any]:
    told = {"status_code": code, "status_message": message, "timestamp": NOW}
    return told if data is None else {"data": data, **told}


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    """The provider is reached at `provider.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", "0")))
            told = {name.lower(): value for name, value in self.headers.items()}
            if raw and told.get("content-type") != "application/json":
                provider.wrong.append(f"content-type at {self.path}")
            status, headers, body = provider.take(self.command, self.path, told, json.loads(raw) if raw else None)
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - as http.server wants them

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", provider.port), Handler) as server:
        provider.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
