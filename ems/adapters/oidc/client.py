"""The client of one identity provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

T = TypeVar("T")

CALL_S, WHOLE_S = 10.0, 30.0
MOST_BYTES = 1 << 20
"""What an issuer publishes has some thousands; anybody at the page of logins makes us ask for it."""

LEEWAY_S = 60
SIGNED_WITH = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Begun(NamedTuple):
    """A login on its way: where the browser goes, and what must come back with it."""

    url: str
    state: str
    nonce: str
    verifier: str
    back_url: str


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Raises ConnectionError when the issuer cannot be reached or answers nonsense, PermissionError when it, or what it
    says, does not let somebody in.
    """

    issuer: str
    client_id: str
    secret: str = ""
    scope: str = "openid profile email"

    async def begin(self, back_url: str) -> Begun:
        """Where somebody logs in who comes back to `back_url`."""
        return await _called(lambda: self._begin(back_url))

    async def look(self) -> int:
        """How many keys the issuer signs with, as it publishes them; it must publish all that a login needs."""
        return await _called(self._look)

    async def claims(self, begun: Begun, code: str, now_s: float) -> Mapping[str, Any]:
        """What the issuer says of whoever came back with a code."""
        return await _called(lambda: self._claims(begun, code, now_s))

    def _begin(self, back_url: str) -> Begun:
        about = self._about()
        state, nonce, verifier = generate_token(32), generate_token(32), generate_token(64)
        with self._session(back_url) as session:
            url, _ = session.create_authorization_url(
                _text(about, "authorization_endpoint"), state=state, nonce=nonce, code_verifier=verifier
            )
        return Begun(str(url), state, nonce, verifier, back_url)

    def _look(self) -> int:
        about = self._about()
        for needed in ("authorization_endpoint", "token_endpoint"):
            _text(about, needed)
        with self._session("") as session:
            return len(_keys_of(session, about).keys)

    def _claims(self, begun: Begun, code: str, now_s: float) -> Mapping[str, Any]:
        about = self._about()
        with self._session(begun.back_url) as session:
            session.register_compliance_hook("access_token_response", _Exchanged.of)
            token = session.fetch_token(
                _text(about, "token_endpoint"),
                code=code,
                code_verifier=begun.verifier,
                timeout=CALL_S,
                allow_redirects=False,
                stream=True,
            )
            known = _keys_of(session, about)
        told = jwt.decode(_text(token, "id_token"), known, algorithms=SIGNED_WITH)
        self._must_be_ours(told.claims, begun, now_s)
        return told.claims

    def _must_be_ours(self, claims: Mapping[str, Any], begun: Begun, now_s: float) -> None:
        """OpenID Connect Core 1.0, section 3.1.3.7."""
        audience = claims.get("aud")
        ours = audience == self.client_id or (isinstance(audience, list) and self.client_id in audience)
        if claims.get("iss") != self.issuer or not ours:
            raise PermissionError("its answer is not meant for this controller")
        if claims.get("nonce") != begun.nonce or not claims.get("sub"):
            raise PermissionError("its answer is not about this login: try again")
        ends = claims.get("exp")
        if not isinstance(ends, int | float) or ends + LEEWAY_S < now_s:
            raise PermissionError("its answer is too old: try again, and look at the clocks of both machines")

    def _about(self) -> Mapping[str, Any]:
        """What the issuer publishes of itself (OpenID Connect Discovery 1.0)."""
        with self._session("") as session:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _published(session, address)
        if not isinstance(found, dict) or found.get("issuer") != self.issuer:
            raise ValueError("what it publishes is of another issuer")
        return found

    def _session(self, back_url: str) -> Any:
        session = OAuth2Session(
            self.client_id,
            self.secret or None,
            scope=self.scope,
            redirect_uri=back_url,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self.secret else "none",
        )
        session.trust_env = False
        return session


def _keys_of(session: Any, about: Mapping[str, Any]) -> KeySet:
    """What the issuer signs with."""
    return KeySet.import_key_set(_published(session, _text(about, "jwks_uri")))


def _published(session: Any, address: str) -> Any:
    """The JSON at an address, nowhere else and no more than it can be. Raises OSError and ValueError."""
    with session.get(address, timeout=CALL_S, withhold_token=True, allow_redirects=False, stream=True) as answer:
        answer.raise_for_status()
        return _json(answer, address)


@dataclass(frozen=True, slots=True)
class _Exchanged:
    """What a code was exchanged for, in place of the answer that it came in, which has no bound."""

    status_code: int
    told: Any

    @classmethod
    def of(cls, answer: Any) -> _Exchanged:
        """Of an answer, which may be an error in words (RFC 6749, 5.2). Raises OSError and ValueError."""
        with answer:
            if answer.status_code not in {400, 401}:
                answer.raise_for_status()
            return cls(answer.status_code, _json(answer, answer.url, {200, 400, 401}))

    def json(self) -> Any:
        """What it says."""
        return self.told

    def raise_for_status(self) -> None:
        """It was looked at before; what it says is no object."""
        raise ValueError("it exchanges a code for something that is no token")


def _json(answer: Any, address: str, good: Container[int] = (200,)) -> Any:
    if answer.status_code not in good:
        raise ValueError(f"it answers {answer.status_code} at {address}: write the address that it has itself")
    body = answer.raw.read(MOST_BYTES + 1, decode_content=True)
    if len(body) > MOST_BYTES:
        raise ValueError(f"what it answers at {address} is too large: is it an issuer?")
    try:
        return json.loads(body)
    except ValueError:
        raise ValueError(f"what it answers at {address} is no JSON: is it an issuer?") from None


async def _called(call: Callable[[], T]) -> T:
    try:
        async with asyncio.timeout(WHOLE_S):
            return await asyncio.to_thread(call)
    except PermissionError:
        raise
    except TimeoutError:
        raise ConnectionError("it does not answer in time") from None
    except OAuthError as refused:
        raise PermissionError(f"it refused: {refused!s:.200}") from None
    except JoseError as wrong:
        raise PermissionError(f"its answer is not signed as it says itself ({wrong.error})") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as trouble:
        raise ConnectionError(f"{_cause(trouble)!s:.200}") from None


def _cause(trouble: Exception) -> object:
    """What went wrong below all attempts, which is told last and else would be cut off."""
    return getattr(trouble.args[0] if trouble.args else None, "reason", trouble)


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"it does not say its {name}")
    return value
