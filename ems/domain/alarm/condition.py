"""What is wrong at one moment, for people: what the decision says, and which stations are away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ems.domain.decision import Decision, Level
from ems.domain.site import Site
from ems.domain.state import NEVER, SiteState

OFFLINE = "offline"
MASS_LOSS = "mass-loss"


class Condition(NamedTuple):
    """Something that is wrong now. `key` stays the same while it lasts, `kind` is what it is about, `member` the
    station or EVSE that has it, empty where it concerns something else. `began_s`: since when, monotonic.
    """

    key: str
    kind: str
    scope: str
    level: Level
    text: str
    remedy: str = ""
    member: str = ""
    began_s: float = NEVER


def conditions(state: SiteState, decision: Decision) -> Iterator[Condition]:
    """Everything that is wrong. Stations that are away are told one by one, however many the decision took together."""
    now = decision.at
    lost = any(alarm.key == MASS_LOSS for alarm in decision.alarms)
    for station, known in zip(state.site.stations, state.stations, strict=True):
        if not known.connected:
            text = f"{station.id} is offline" if known.seen else f"{station.id} has not connected since the start"
            level = Level.HOLD if lost else Level.NORMAL
            key, remedy = f"{OFFLINE}:{station.id}", "check its power and network"
            yield Condition(key, OFFLINE, station.id, level, text, remedy, station.id, known.gone_at)
    for alarm in decision.alarms:
        kind = alarm.key.partition(":")[0]
        if kind not in {OFFLINE, MASS_LOSS}:
            began_s = now.monotonic_s if alarm.since is None else now.monotonic_at(alarm.since)
            member = alarm.scope if is_member(state.site, alarm.scope) else ""
            yield Condition(alarm.key, kind, alarm.scope, alarm.level, alarm.text, alarm.remedy, member, began_s)


def is_member(site: Site, name: str) -> bool:
    """Whether this is a station or an EVSE of the site."""
    return site.station_index(name) is not None or site.evse_index(name) is not None
