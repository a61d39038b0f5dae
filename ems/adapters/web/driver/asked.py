"""What drivers write into forms, as the domain says it. What cannot be meant raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta

from ems.adapters.web.driver.bay import Bay
from ems.domain.driver.wish import Wish, energy_between, next_time
from ems.domain.session import Session

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"\d{1,4}([.,]\d{1,3})?", re.ASCII)
LATER_MIN = frozenset({30, 60, 120})


SOON, FLEXIBLE = "soon", "flexible"


def wish_of(told: Mapping[str, str], bay: Bay, may_hurry: bool, is_theirs: bool = False) -> Wish:
    """How much, in kWh or from one state of charge to another, until when, and how soon. Empty fields say nothing.
    Energy is that of the session if it `is_theirs` who ask, else of the transaction that has just begun or is to begin.
    """
    energy: float | None = None
    if told.get("how") == "percent" and told.get("to"):
        energy = _by_percent(told, bay) + _got_wh(bay.session, is_theirs)
    elif told.get("how") != "percent" and told.get("kwh"):
        energy = 1000.0 * _number(told["kwh"])
        if not energy:
            raise ValueError("write a number above 0")
    return Wish(energy, _leave(told, bay), _hurries(told, bay, may_hurry))


def _hurries(told: Mapping[str, str], bay: Bay, may_hurry: bool) -> bool | None:
    """Flexible is what everybody is who has not said otherwise, so it says nothing by itself."""
    if told.get("pace") == SOON:
        if not may_hurry:
            raise ValueError("the operator does not offer that here")
        return True
    return False if told.get("pace") == FLEXIBLE and bay.session is not None and bay.session.need.hurries else None


def _by_percent(told: Mapping[str, str], bay: Bay) -> float:
    session = bay.session
    vehicle = None if session is None else session.vehicle
    battery = 1000.0 * _number(told["battery"]) if told.get("battery") else None
    if battery is None and vehicle is not None:
        battery = vehicle.battery_wh
    if battery is None:
        raise ValueError("write the size of the battery as a number")
    from_percent = _number(told["from"]) if told.get("from") else None
    if from_percent is None:
        from_percent = 0.0 if session is None or session.soc_percent is None else session.soc_percent
    return energy_between(battery, from_percent, _number(told["to"]))


def _got_wh(session: Session | None, is_theirs: bool) -> float:
    """What counts already of an energy that is wanted from now on."""
    if session is None or (session.transaction is None and not is_theirs):
        return 0.0
    return session.delivered_wh if is_theirs else session.energy_wh


def _leave(told: Mapping[str, str], bay: Bay) -> datetime | None:
    session, zone, now = bay.session, bay.state.site.zone, bay.now.utc
    if told.get("later"):
        if not told["later"].isascii() or not told["later"].isdigit() or int(told["later"]) not in LATER_MIN:
            raise ValueError("write a number of minutes")
        known = None if session is None else session.need.departure
        return max(now, known or now) + timedelta(minutes=int(told["later"]))
    if not told.get("leave"):
        return None
    match = _TIME.fullmatch(told["leave"].strip())
    if match is None:
        raise ValueError("write a time of day, as 17:30")
    return next_time(time(int(match[1]), int(match[2])), now, zone)


def _number(text: str) -> float:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError("write a number, as 20 or 20.5")
    return float(text.replace(",", "."))
