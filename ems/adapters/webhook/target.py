"""One target of notices: a web address."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ems.adapters.webhook.post import SignedPost
from ems.domain.alarm.notice import Notice, Topic


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """A `Target`. `now`: the wall clock, by which each attempt is signed."""

    name: str
    post: SignedPost
    topics: frozenset[Topic]
    site: str
    now: Callable[[], datetime] = field(compare=False)
    most: int = 1

    @property
    def address(self) -> str:
        """Where it is."""
        return self.post.address

    def hold_s(self, waiting: Sequence[Notice], now: datetime) -> float:
        """At once."""
        del waiting, now
        return 0.0

    async def deliver(self, notices: Sequence[Notice], attempt: int) -> str:
        """Send one notice."""
        (notice,) = notices
        body = json.dumps(notice.payload(self.site), separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "ems-attempt": str(attempt)}
        return await self.post.send(notice.id, self.now(), body, headers)

    async def close(self) -> None:
        """Let go of the connection."""
        await self.post.close()
