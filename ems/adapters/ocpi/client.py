"""Asking partners over HTTP."""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx2
from pydantic import ValidationError

from ems.adapters.ocpi.error import PartnerAwayError, PartnerRefusedError, StatusCode
from ems.adapters.ocpi.model.credentials import Envelope
from ems.domain.roaming import Operator, PartyId

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
MOST_BYTES = 8_000_000
"""A page of tokens; whoever sends more is not read to the end."""

BUSY = frozenset({401, 403, 408, 425, 429})
"""Answers that may be others later; a token that is not taken is one of them, as credentials are exchanged anew."""


class Reply(NamedTuple):
    """What a partner answered."""

    data: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Client:
    """Asks partners, as the operator that we are."""

    operator: Operator
    timeout_s: float = TIMEOUT_S
    _http: httpx2.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        url: str,
        token: str,
        body: object = None,
        *,
        to: PartyId | None = None,
    ) -> Reply:
        """One request. `to`: whom of the platform it is for; None where it is the platform itself. Raises
        PartnerAwayError or PartnerRefusedError.
        """
        content = None if body is None else json.dumps(body).encode()
        try:
            async with self._connected().stream(
                method, url, content=content, headers=self._headers(token, to, content is not None)
            ) as answer:
                raw = b""
                async for chunk in answer.aiter_bytes():
                    raw += chunk
                    if len(raw) > MOST_BYTES:
                        raise PartnerRefusedError(f"its answer is larger than {MOST_BYTES} bytes", answer.status_code)
                return self._read(answer.status_code, raw, answer.headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as failed:
            text = f"{type(failed).__name__} {failed}".strip()
            raise PartnerAwayError(f"it cannot be reached: {text[:160]}") from failed

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _connected(self) -> httpx2.AsyncClient:
        if self._http is None:
            limits = httpx2.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=30.0)
            self._http = httpx2.AsyncClient(timeout=self.timeout_s, limits=limits, trust_env=False)
        return self._http

    def _headers(self, token: str, to: PartyId | None, has_body: bool) -> dict[str, str]:
        headers = {
            "authorization": f"Token {encoded(token)}",
            "accept": "application/json",
            "x-request-id": str(uuid.uuid4()),
            "x-correlation-id": str(uuid.uuid4()),
        }
        if has_body:
            headers["content-type"] = "application/json"
        if to is not None:
            headers |= {
                "ocpi-from-country-code": self.operator.party.country_code,
                "ocpi-from-party-id": self.operator.party.party_id,
                "ocpi-to-country-code": to.country_code,
                "ocpi-to-party-id": to.party_id,
            }
        return headers

    def _read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Reply:
        envelope = _envelope(raw)
        said = "" if envelope is None or not envelope.status_message else f": {envelope.status_message[:120]}"
        code = 0 if envelope is None else envelope.status_code
        if status >= 500 or status in BUSY:
            raise PartnerAwayError(f"it answered HTTP {status}{said}")
        if not 200 <= status < 300:
            raise PartnerRefusedError(f"it answered HTTP {status}{said}", status, code)
        if envelope is None:
            raise PartnerRefusedError(f"it answered HTTP {status}, but not as OCPI says", status)
        if code >= StatusCode.SERVER_ERROR:
            raise PartnerAwayError(f"it answered {code}{said}")
        if not 1000 <= code < 2000:
            raise PartnerRefusedError(f"it answered {code}{said}", status, code)
        return Reply(envelope.data, headers)


def encoded(token: str) -> str:
    """A token as it stands in the header (4.1.3: base64)."""
    return base64.b64encode(token.encode()).decode("ascii")


def _envelope(raw: bytes) -> Envelope | None:
    try:
        return Envelope.model_validate(json.loads(raw))
    except (ValueError, ValidationError, RecursionError):
        return None
