"""What the page of an EVSE says: who may limit it, why it got what it got, who was there, and who closed it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ems.adapters.web import texts
from ems.adapters.web.picture import circuits
from ems.adapters.web.shape import CircuitRow, Phases
from ems.adapters.web.texts import NOTHING, Calendar, duration, kilowatthours, whole_amps
from ems.adapters.web.values import number, plain, time_of
from ems.adapters.web.view import View
from ems.domain.decision import Binding
from ems.domain.phases import Phase
from ems.domain.record.history import Audit
from ems.domain.record.past import EvsePast, Stay, alike
from ems.domain.record.signed_value import Standing, ToldKey

MOST_REASONS = 200


def limiters(view: View, circuit: str) -> list[dict[str, Any]]:
    """The circuits from the one that feeds an EVSE up to the grid connection, with what each leaves."""
    rows = {row["id"]: row for row in circuits(view)}
    found, one = [], rows.get(circuit)
    while one is not None:
        found.append(_limiter(one))
        one = None if one["parent"] is None else rows.get(one["parent"])
    return found


def _limiter(row: CircuitRow) -> dict[str, Any]:
    there = [phase for phase in Phase if texts.values_of(row["rating_a"])[phase] is not None]

    def each(values: Phases | None) -> list[str]:
        return [whole_amps(texts.values_of(values)[phase]) for phase in there]

    return {
        "id": row["id"],
        "source": row["limit_source"] or "nothing has been decided yet",
        "phases": [phase.name for phase in there],
        "rating": each(row["rating_a"]),
        "limit": each(row["limit_a"]),
        "headroom": each(row["headroom_a"]),
        "power": "" if row["limit_w"] is None else texts.kilowatts(row["limit_w"]),
    }


def reasons(past: EvsePast, since: datetime, until: datetime, calendar: Calendar) -> list[dict[str, str]]:
    """Why it got what it got, the newest first; neighbours with the same reason are one."""
    spans: list[dict[str, Any]] = []
    for one in past.offered:
        if spans and alike(spans[-1]["text"], one.text) and (spans[-1]["most"] > 0) is (one.amps > 0):
            spans[-1] |= {"least": min(spans[-1]["least"], one.amps), "most": max(spans[-1]["most"], one.amps)}
        else:
            began = max(one.at, since)
            spans.append({"at": began, "text": one.text, "least": one.amps, "most": one.amps, "binding": one.binding})
    ends = [*(span["at"] for span in spans[1:]), until]
    return [
        {
            "at": calendar.moment(time_of(span["at"])),
            "lasted": duration((end - span["at"]).total_seconds()),
            "amps": _range(span["least"], span["most"]),
            "text": plain(span["text"]),
            "tone": "calm" if span["binding"] == Binding.NO_VEHICLE else "",
        }
        for span, end in list(zip(spans, ends, strict=False))[::-1][:MOST_REASONS]
    ]


def _range(least: float, most: float) -> str:
    return whole_amps(most) if most - least < 0.5 else f"{whole_amps(least).removesuffix(' A')} to {whole_amps(most)}"


def stay_rows(stays: Sequence[Stay], now: datetime, calendar: Calendar) -> Iterator[dict[str, str]]:
    """Vehicles that were there."""
    for one in stays:
        ended = now if one.unplugged is None else one.unplugged
        yield {
            "id": one.session,
            "plugged": calendar.date(time_of(one.plugged)),
            "unplugged": "still there" if one.unplugged is None else calendar.moment(time_of(one.unplugged)),
            "lasted": duration((ended - one.plugged).total_seconds()),
            "energy": kilowatthours(number(one.energy_wh)),
            "need": NOTHING if one.need_wh is None else kilowatthours(number(one.need_wh)),
            "who": plain(one.vehicle or one.person or NOTHING),
        }


def closing(audits: Sequence[Audit], evse: int, calendar: Calendar) -> dict[str, str] | None:
    """Who took an EVSE, or its station, out of service, when and with which note; None where nobody knows."""
    for one in audits:
        try:
            asked = json.loads(one.detail)["request"]
            about, operative, note = asked["evse"], asked["operative"], str(asked.get("note", ""))
        except (ValueError, KeyError, TypeError):
            continue
        if about in {evse, None}:
            if operative:
                return None
            when = calendar.date(time_of(one.at.astimezone(UTC)))
            return {"who": plain(one.who), "when": when, "note": plain(note)}
    return None


_STANDING = {
    Standing.VOUCHED: "It is the one that was confirmed; signed meter values are verified with it.",
    Standing.NEW: "Nobody has confirmed it yet. Compare it with what is printed on the meter before you do.",
    Standing.OTHER: "It is another one than was confirmed. Confirm it only if the meter was changed.",
    Standing.NONE: "It is no public key that can be checked here.",
}


def key_row(told: ToldKey, calendar: Calendar) -> dict[str, Any]:
    """The public key that the station says the meter has."""
    return {
        "text": plain(told.key) if told.standing is Standing.NONE else told.key,
        "at": calendar.moment(time_of(told.at)),
        "words": _STANDING[told.standing],
        "is_bad": told.standing in {Standing.OTHER, Standing.NONE},
        "may_be_confirmed": told.standing in {Standing.NEW, Standing.OTHER},
    }
