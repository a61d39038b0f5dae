"""An identity provider on this machine: discovery, a page to log in on, codes, tokens and keys (OpenID Connect).

Written from the specification; it shares nothing with the code under test. `people` are those who can log in, with what
is said of them; `spoils` changes an ID token before it is signed, `is_down` answers nothing that makes sense.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "ems", "client-secret"
FORM = """<!doctype html><title>Identity</title><form method="post" action="/authorize">
<input type="hidden" name="query" value="{query}"><label>Who <input name="who" id="who"></label>
<button>Log in</button></form>"""


class IdentityProvider:
    """The people and the logins under way."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.people: dict[str, dict[str, Any]] = {}
        self.spoils: Callable[[dict[str, Any]], None] = lambda _claims: None
        self.other_key = False
        self.is_down = False
        self.issuer = ""
        self.tokens = 0
        self._codes: dict[str, dict[str, str]] = {}

    def about(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "code_challenge_methods_supported": ["S256"],
        }

    def code(self, asked: dict[str, str], who: str) -> str:
        """Where the browser goes on after somebody logged in here."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        if who not in self.people:
            told = {"error": "access_denied", "error_description": "nobody knows you", "state": asked["state"]}
            return f"{asked['redirect_uri']}?{urlencode(told)}"
        code = f"code-{len(self._codes)}"
        self._codes[code] = {**asked, "who": who}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, told: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code becomes an ID token once, for whoever has the verifier and the secret."""
        asked = self._codes.pop(told.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != told["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "the code is not good"}
        self.tokens += 1
        now = int(time.time())  # noqa: TID251 - it has a clock of its own
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": f"sub-{asked['who']}", "nonce": asked["nonce"],
                  "iat": now, "exp": now + 300, **self.people[asked["who"]]}  # fmt: skip
        self.spoils(claims)
        key = RSAKey.generate_key(2048, {"kid": "k1"}) if self.other_key else self.key
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": signed}


@contextmanager
def serving(provider: IdentityProvider) -> Iterator[str]:
    """A server on loopback; gives its address, which is the issuer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            if provider.is_down:
                self._send(503, "text/plain", "down")
            elif split.path == "/.well-known/openid-configuration":
                self._send(200, "application/json", json.dumps(provider.about()))
            elif split.path == "/keys":
                public = provider.key.as_dict(private=False)
                self._send(200, "application/json", json.dumps({"keys": [public]}))
            elif split.path == "/authorize":
                self._send(200, "text/html", FORM.format(query=split.query.replace("&", "&amp;")))
            else:
                self._send(200, "text/plain", "")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            told = {name: values[-1] for name, values in parse_qs(body).items()}
            if provider.is_down:
                self._send(503, "text/plain", "down")
            elif self.path == "/authorize":
                asked = {name: values[-1] for name, values in parse_qs(told["query"]).items()}
                self.send_response(303)
                self.send_header("location", provider.code(asked, told.get("who", "")))
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                status, answer = provider.token(told, self.headers.get("authorization", ""))
                self._send(status, "application/json", json.dumps(answer))

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _send(self, status: int, media: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("content-type", media)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider.issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
