"""Rows of alarms, notices and targets, as JSON and the page show them."""

from __future__ import annotations

from typing import Any

from ems.adapters.web.alarms import shape
from ems.adapters.web.values import plain, time_of, uncut
from ems.adapters.web.words import mode_of
from ems.domain.alarm.delivery import Delivery
from ems.domain.alarm.incident import Incident
from ems.domain.alarm.notice import Notice
from ems.ports.notices import TargetState


def alarm_row(one: Incident) -> shape.AlarmRecord:
    """An alarm."""
    seen = one.acknowledged
    return {
        "number": one.number,
        "key": plain(one.key),
        "kind": one.kind,
        "scope": plain(one.scope),
        "level": mode_of(one.level),
        "text": plain(one.text),
        "remedy": plain(one.remedy),
        "hint": plain(one.hint),
        "members": list(one.members),
        "began": time_of(one.began),
        "raised": time_of(one.raised),
        "cleared": None if one.cleared is None else time_of(one.cleared),
        "returns": one.returns,
        "into": one.into,
        "acknowledged": None
        if seen is None
        else {"at": time_of(seen.at), "by": plain(seen.by), "note": uncut(seen.note)},
    }


def notice_row(one: Notice, site: str) -> shape.NoticeRow:
    """Something that has happened."""
    told = one.payload(site)
    return {
        "number": one.number,
        "id": one.id,
        "type": one.topic.value,
        "timestamp": told["timestamp"],
        "site": site,
        "subject": plain(one.subject),
        "data": {name: _inert(value) for name, value in one.data.items()},
    }


def _inert(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value


def target_row(one: TargetState) -> shape.TargetRow:
    """Somebody who is told."""
    state = "dead" if one.is_dead else "failing" if one.failures else "well" if one.delivered else "new"
    return {
        "name": one.name,
        "address": plain(one.address),
        "types": [topic.value for topic in one.topics],
        "state": state,
        "waiting": one.waiting,
        "failures": one.failures,
        "failing_since": None if one.failing_since is None else time_of(one.failing_since),
        "answer": plain(one.answer),
        "delivered": None if one.delivered is None else time_of(one.delivered),
        "lost": one.lost,
    }


def delivery_row(one: Delivery) -> shape.DeliveryRow:
    """How far a notice got."""
    return {
        "notice": one.notice.number,
        "id": one.notice.id,
        "type": one.notice.topic.value,
        "subject": plain(one.notice.subject),
        "timestamp": time_of(one.notice.at),
        "state": one.state.value,
        "attempts": one.attempts,
        "answer": plain(one.answer),
        "done": None if one.done is None else time_of(one.done),
    }
