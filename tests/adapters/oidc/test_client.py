"""What an issuer publishes is fetched there and nowhere else, and no more of it than it can be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

pytest.importorskip("authlib", reason="the extra ems[oidc] is not installed")

from ems.adapters.oidc.client import MOST_BYTES, Begun, IdentityProvider

ABOUT = "/.well-known/openid-configuration"


class Issuer:
    """A server whose issuers are folders: each answers in its own way. `asked`: what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                status, headers, body = issuer.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    return  # Whoever asked has had enough.

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        where, _, what = path[1:].partition("/")
        told = {
            "issuer": f"{self.url}/{where}",
            "authorization_endpoint": f"{self.url}/login",
            "token_endpoint": f"{self.url}/{where}/token",
            "jwks_uri": f"{self.url}/{where}/keys",
        }
        keys = json.dumps({"keys": [{"kty": "oct", "k": "A" * 43}]}).encode()
        match where, what:
            case "moved", _:
                return 302, {"location": f"{self.url}/inside"}, b""
            case "large", _:
                return 200, {}, json.dumps(told).encode() + b" " * MOST_BYTES
            case "keys-moved", "keys":
                return 302, {"location": f"{self.url}/inside"}, b""
            case "token-moved", "token":
                return 307, {"location": f"{self.url}/inside"}, b'{"id_token": "a.b.c"}'
            case "token-large", "token":
                return 200, {}, b'{"id_token": "a.b.c"}' + b" " * MOST_BYTES
            case "token-page", "token":
                return 200, {}, b"<html>Log in</html>"
            case "token-refused", "token":
                return 400, {}, b'{"error": "invalid_grant", "error_description": "the code is not good"}'
            case "token-down", "token":
                return 503, {}, b"down"
            case _, "token":
                return 200, {}, b'{"id_token": "a.b.c"}'
            case _, "keys":
                return 200, {}, keys
        return 200, {}, json.dumps(told).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    found = Issuer()
    with found.server:
        Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield found
        found.server.shutdown()


def test_the_keys_of_an_issuer_are_seen(issuer: Issuer) -> None:
    assert asyncio.run(IdentityProvider(f"{issuer.url}/good", "ems").look()) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("moved", "it answers 302 at"),
        ("keys-moved", "it answers 302 at"),
        ("large", "is too large: is it an issuer?"),
    ],
)
def test_what_leads_elsewhere_or_has_no_end_is_refused(issuer: Issuer, name: str, words: str) -> None:
    with pytest.raises(ConnectionError, match=words):
        asyncio.run(IdentityProvider(f"{issuer.url}/{name}", "ems").look())
    assert "/inside" not in issuer.asked


def claims(issuer: Issuer, name: str) -> None:
    begun = Begun("", "state", "nonce", "verifier", "http://127.0.0.1/back")
    asyncio.run(IdentityProvider(f"{issuer.url}/{name}", "ems").claims(begun, "code", 0.0))


@pytest.mark.parametrize(
    ("name", "trouble", "words"),
    [
        ("token-moved", ConnectionError, "it answers 307 at .*/token"),
        ("token-large", ConnectionError, "/token is too large: is it an issuer?"),
        ("token-page", ConnectionError, "/token is no JSON: is it an issuer?"),
        ("token-down", ConnectionError, "503"),
        ("token-refused", PermissionError, "the code is not good"),
        ("good", PermissionError, "not signed as it says itself"),
    ],
)
def test_what_a_code_is_exchanged_for_is_bounded_as_well(
    issuer: Issuer, name: str, trouble: type[Exception], words: str
) -> None:
    with pytest.raises(trouble, match=words):
        claims(issuer, name)
    assert f"/{name}/token" in issuer.asked
    assert "/inside" not in issuer.asked
