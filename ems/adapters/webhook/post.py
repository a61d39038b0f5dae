"""One request to a web address, with its deadline."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx2

from ems import __version__
from ems.adapters.webhook.signature import ID, signed
from ems.domain.web_address import server_of
from ems.ports.delivery import NotDeliveredError

ANSWER_S, WHOLE_S = 10.0, 20.0
MOST_SHOWN = 200
REFUSALS = frozenset({400, 404, 405, 410, 413, 415, 422})


@dataclass(slots=True)
class SignedPost:
    """An address that takes signed bodies. `key` signs; without one nobody can tell who sent it. `trusted`: the
    certificate of an authority of one's own. `whole_s`: how long a request may take.
    """

    url: str
    key: bytes | None = None
    trusted: Path | None = None
    whole_s: float = WHOLE_S
    _client: httpx2.AsyncClient | None = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        """Without what may be secret in it."""
        return server_of(self.url)

    async def send(self, name: str, at: datetime, body: bytes, headers: Mapping[str, str]) -> str:
        """Send a body whose repetitions have the same `name`; returns the status. Raises NotDeliveredError."""
        sent = {"user-agent": f"ems/{__version__}", ID: name, **headers}
        if self.key is not None:
            sent |= signed(self.key, name, at, body)
        try:
            async with asyncio.timeout(self.whole_s):
                status, said = await self._post(sent, body)
        except (TimeoutError, httpx2.TimeoutException):
            raise NotDeliveredError(f"{self.address} does not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as failed:
            why = _on_one_line(str(failed)) or type(failed).__name__
            raise NotDeliveredError(f"{self.address}: {why}") from None
        if 200 <= status < 300:
            return str(status)
        raise NotDeliveredError(f"{self.address} answers {status}", is_final=status in REFUSALS, said=said)

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        if self._client is None:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=self.trusted)
            self._client = httpx2.AsyncClient(
                verify=context,
                timeout=ANSWER_S,
                follow_redirects=False,
                trust_env=False,
                limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
            )
        async with self._client.stream("POST", self.url, headers=dict(headers), content=body) as answer:
            said = b""
            async for some in answer.aiter_raw():
                said += some
                if len(said) >= MOST_SHOWN:
                    break
            return answer.status_code, _on_one_line(said[:MOST_SHOWN].decode("utf-8", "replace"))


def _on_one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:MOST_SHOWN].strip()
