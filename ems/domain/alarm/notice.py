"""What has happened, for other systems: told once, with an id by which a repetition is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

TEST = "test"


class Topic(StrEnum):
    """What can happen. `TEST`: somebody wants to know whether notices arrive."""

    SESSION_STARTED = "session.started"
    SESSION_ENDED = "session.ended"
    TRANSACTION_STARTED = "transaction.started"
    TRANSACTION_ENDED = "transaction.ended"
    STATUS_CHANGED = "status.changed"
    STATION_CONNECTED = "station.connected"
    STATION_GONE = "station.gone"
    ALARM_RAISED = "alarm.raised"
    ALARM_CLEARED = "alarm.cleared"
    ALARM_ACKNOWLEDGED = "alarm.acknowledged"
    TEST = TEST


ALARMS = (Topic.ALARM_RAISED, Topic.ALARM_CLEARED, Topic.ALARM_ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Notice:
    """`number` grows with each, `id` stays the same however often it is sent; `subject` is the EVSE, station or
    circuit. `data` is plain JSON.
    """

    number: int
    id: str
    at: datetime
    topic: Topic
    subject: str
    data: Mapping[str, Any]

    def payload(self, site: str) -> dict[str, Any]:
        """What others are sent."""
        return {
            "id": self.id,
            "type": self.topic.value,
            "timestamp": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "site": site,
            "subject": self.subject,
            "data": dict(self.data),
        }
