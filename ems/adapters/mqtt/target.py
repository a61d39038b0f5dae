"""The broker as one who is told what has happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ems.adapters.mqtt.link import MqttLink
from ems.domain.alarm.notice import Notice, Topic


@dataclass(frozen=True, slots=True)
class MqttTarget:
    """A `Target`."""

    link: MqttLink
    address: str
    site: str
    name: str = "mqtt"
    most: int = 1
    topics: frozenset[Topic] = frozenset(Topic)

    def hold_s(self, waiting: Sequence[Notice], now: datetime) -> float:
        """At once."""
        del waiting, now
        return 0.0

    async def deliver(self, notices: Sequence[Notice], attempt: int) -> str:
        """Publish one notice."""
        del attempt
        (notice,) = notices
        await self.link.event(json.dumps(notice.payload(self.site), separators=(",", ":")).encode())
        return "published"

    async def close(self) -> None:
        """The link has other uses."""
