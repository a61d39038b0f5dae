"""The shape of what the interface answers about alarms, notices and those who are told.

Fields may be added; none is renamed or removed within `/api/v1`. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class AcknowledgedRow(TypedDict):
    """Who has seen an alarm, when, and what they noted."""

    at: str
    by: str
    note: str


class AlarmRecord(TypedDict):
    """An alarm from beginning to end; `members` are the stations or EVSEs that it concerns, `hint` is what to look at
    first, `returns` how often it came back, and `into` the alarm that it has become part of.
    """

    number: int
    key: str
    kind: str
    scope: str
    level: str
    text: str
    remedy: str
    hint: str
    members: list[str]
    began: str
    raised: str
    cleared: str | None
    returns: int
    into: int | None
    acknowledged: AcknowledgedRow | None


class AlarmList(TypedDict):
    """Alarms, the newest first; `open` counts all that last, `unseen` those of them that nobody has acknowledged."""

    alarms: list[AlarmRecord]
    open: int
    unseen: int


class NoticeRow(TypedDict):
    """Something that has happened, as others are told it; `number` grows with each."""

    number: int
    id: str
    type: str
    timestamp: str
    site: str
    subject: str
    data: dict[str, Any]


class NoticeList(TypedDict):
    """What has happened, the oldest first; `last` is the newest number of all."""

    notices: list[NoticeRow]
    last: int


class TargetRow(TypedDict):
    """Somebody who is told; `lost` counts what was given up or dropped since the start."""

    name: str
    address: str
    types: list[str]
    state: str
    waiting: int
    failures: int
    failing_since: str | None
    answer: str
    delivered: str | None
    lost: int


class TargetList(TypedDict):
    """Everybody who is told."""

    targets: list[TargetRow]


class DeliveryRow(TypedDict):
    """How far a notice got on its way to a target."""

    notice: int
    id: str
    type: str
    subject: str
    timestamp: str
    state: str
    attempts: int
    answer: str
    done: str | None


class DeliveryList(TypedDict):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryRow]
