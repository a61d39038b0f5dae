"""The public car parks of the City of Boulder, as its open data has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ems.sim.session_record import SessionRecord
from ems.sim.session_values import amount, given, moment, said

START, END, LASTED = "Start_Date___Time", "End_Date___Time", "Total_Duration__hh_mm_ss_"
DURATION_TOLERANCE_S = 300.0


def session_of_row(row: Mapping[str, Any], _zone: ZoneInfo | None = None) -> SessionRecord:
    """One row. Its times are UTC, as their suffix says; MST and MDT only name the zone of the place.

    Three things prove it: sessions over a change to summer time last as long as their times differ, hardly anybody
    begins between 05 and 11 h of these times, and the zone's name changes when the local time does, not when these do.
    """
    station, arrival, departure = given(row, "Station_Name"), moment(row, START), moment(row, END)
    lasted = _duration(given(row, LASTED))
    if abs((departure - arrival - lasted).total_seconds()) > DURATION_TOLERANCE_S:
        raise ValueError(f"lasts {departure - arrival} by its times, but {lasted} by Total_Duration")
    return SessionRecord(
        id=given(row, "ObjectId") if said(row, "ObjectId") else f"{station}@{arrival:%Y-%m-%dT%H:%M:%SZ}",
        station=station,
        arrival=arrival,
        departure=departure,
        delivered_wh=1000.0 * amount(row, "Energy__kWh_"),
    )


def _duration(text: str) -> timedelta:
    try:
        hours, minutes, seconds = (int(part) for part in text.split(":"))
    except ValueError:
        raise ValueError(f"{LASTED} {text!r:.40} is not written as hours:minutes:seconds") from None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
