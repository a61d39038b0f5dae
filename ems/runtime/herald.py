"""Sees in each tick what others want to know: sessions, transactions, statuses, stations; and hears of alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ems.control.memory import Memory
from ems.domain.alarm.incident import Change, Incident, Turn
from ems.domain.alarm.notice import Topic
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.session import Session
from ems.domain.state import EvseState, SiteState, StationState

Tell = Callable[[Topic, str, Mapping[str, Any], datetime], object]
News = tuple[Topic, str, Mapping[str, Any]]

TOPICS = {
    Turn.RAISED: Topic.ALARM_RAISED,
    Turn.CLEARED: Topic.ALARM_CLEARED,
    Turn.ACKNOWLEDGED: Topic.ALARM_ACKNOWLEDGED,
}


class Herald:
    """An output of the loop. The first tick, and the first after the site was read again, is what it begins from."""

    def __init__(self, tell: Tell, now: Callable[[], datetime]) -> None:
        self._tell, self._now = tell, now
        self._before: SiteState | None = None

    def look(self, _events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop."""
        before, self._before = self._before, state
        # A reload brings another policy, never other stations: what happens in that moment is told as well.
        if before is None or before.site.stations is not state.site.stations or before is state:
            return
        for topic, subject, data in news(before, state):
            self._tell(topic, subject, data, decision.at.utc)

    def alarm(self, change: Change) -> None:
        """An alarm was raised, cleared or acknowledged. One that became part of another is not over."""
        topic = TOPICS.get(change.turn)
        if topic is not None and change.incident.into is None:
            self._tell(topic, change.incident.scope, alarm_data(change.incident), self._now())


def news(before: SiteState, state: SiteState) -> Iterator[News]:
    """What has happened between two ticks of the same site. Records are immutable: the same one has not changed. At no
    EVSE does a transaction begin and end within one tick: the inbox hands out one turn at a time.
    """
    if state.stations is not before.stations:
        for station, known, was in zip(state.site.stations, state.stations, before.stations, strict=True):
            if known.connected is not was.connected:
                yield _of_station(station.id, known)
    if state.evses is not before.evses:
        for evse, now, then in zip(state.site.evses, state.evses, before.evses, strict=True):
            if now is not then:
                yield from _of_evse(evse.id, now, then)


def _of_station(name: str, known: StationState) -> News:
    told = {"station": name, "vendor": known.vendor, "model": known.product, "firmware": known.firmware}
    return (Topic.STATION_CONNECTED, name, told) if known.connected else (Topic.STATION_GONE, name, {"station": name})


def _of_evse(name: str, known: EvseState, was: EvseState) -> Iterator[News]:
    if (known.status, known.error) != (was.status, was.error):
        told = {"evse": name, "status": known.status.value, "error": known.error, "before": was.status.value}
        yield Topic.STATUS_CHANGED, name, told
    now, then = known.session, was.session
    if now is then:
        return
    is_other = now is None or then is None or now.plugged != then.plugged
    over = then if then is None else _as_it_ended(known, then)
    last = over if is_other else now
    if then is not None and then.transaction is not None and last is not None and (is_other or not last.transaction):
        yield Topic.TRANSACTION_ENDED, name, _transaction_data(last, then)
    if over is not None and is_other:
        yield Topic.SESSION_ENDED, name, session_data(over)
    if now is not None and is_other:
        yield Topic.SESSION_STARTED, name, session_data(now)
    began = now is not None and now.transaction is not None and (is_other or then is None or then.transaction is None)
    if began and now is not None:
        yield Topic.TRANSACTION_STARTED, name, _transaction_data(now, now)


def _as_it_ended(known: EvseState, session: Session) -> Session:
    """The last values, the end of the transaction and that of the session may come within one tick."""
    return known.before if known.before is not None and known.before.plugged == session.plugged else session


def session_data(known: Session) -> dict[str, Any]:
    """A session, plain; `energy_wh` of all its transactions."""
    need, holder = known.need, known.holder
    return {
        "session": known.id,
        "evse": known.evse,
        "plugged": known.plugged.isoformat(),
        "energy_wh": round(known.delivered_wh, 1),
        "vehicle": None if known.vehicle is None else known.vehicle.id,
        "tag": None if holder is None else holder.tag,
        "cost_centre": None if holder is None else holder.cost_centre,
        "need_wh": need.energy_wh,
        "departure": None if need.departure is None else need.departure.isoformat(),
        "soc_percent": known.soc_percent,
    }


def _transaction_data(known: Session, of: Session) -> dict[str, Any]:
    """The transaction of a session, with its own energy."""
    running = of.transaction
    assert running is not None
    told = {"transaction": running.id, "started": running.started.isoformat(), "id_tag": running.id_tag}
    return {**session_data(known), **told, "energy_wh": round(known.energy_wh, 1)}


def alarm_data(known: Incident) -> dict[str, Any]:
    """An alarm, plain."""
    seen = known.acknowledged
    return {
        "alarm": known.number,
        "key": known.key,
        "kind": known.kind,
        "level": known.level.name.lower(),
        "text": known.text,
        "remedy": known.remedy,
        "hint": known.hint,
        "members": list(known.members),
        "began": known.began.isoformat(),
        "raised": known.raised.isoformat(),
        "cleared": None if known.cleared is None else known.cleared.isoformat(),
        "returns": known.returns,
        "acknowledged_by": None if seen is None else seen.by,
        "note": None if seen is None else seen.note,
    }
