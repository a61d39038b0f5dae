"""Stations, what was asked of them and what came of it, as rows and in words."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from ems.adapters.web.stations.operations import NAMES
from ems.adapters.web.stations.shape import (
    AskedRow,
    ConfigurationRow,
    FileRow,
    MessageRow,
    OutletRow,
    RoundRow,
    StationDetail,
    StationSummary,
    WorkRow,
)
from ems.adapters.web.values import plain, time_of, uncut
from ems.domain.remote.outcome import (
    Announced,
    Asked,
    Content,
    Effect,
    ListVersion,
    Outcome,
    Reserved,
    Round,
    Schedule,
    Spoken,
    Variables,
    VendorAnswer,
    Verdict,
    Written,
)
from ems.domain.remote.request import HIDDEN, RequestStart, RequestStop, Reset, SetAvailability, is_secret, told
from ems.domain.remote.variables import Fit, compared
from ems.domain.state import SiteState
from ems.domain.station import Station
from ems.ports.stations import Received, Remote

_VERDICTS = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.SCHEDULED: "Accepted, for when the transaction has ended",
    Verdict.REBOOT: "Accepted; it counts after a restart of the station",
    Verdict.REFUSED: "Refused by the station",
    Verdict.NOT_SUPPORTED: "The station cannot do that",
    Verdict.UNANSWERED: "No answer; it may have been done all the same",
    Verdict.OFFLINE: "Not asked: the station is not connected",
    Verdict.KEPT: "Kept: the station is asked when it returns",
}
_SEEN = {
    RequestStart: "a transaction has begun",
    RequestStop: "the transaction has ended",
    Reset: "it has started again",
    SetAvailability: "its status says so",
}
_MISSED = {
    RequestStart: "but no transaction has begun: is a vehicle plugged in, and the tag accepted?",
    RequestStop: "but the transaction goes on: set a limit, or unlock the connector",
    Reset: "but it has not started again",
    SetAvailability: "but its status does not say so",
}
_TELLING = frozenset({"accepted", "unlocked", "rejected", "scheduled", "rebootrequired", "notsupported"})
"""Words of stations beside which the verdict says nothing less."""


def summary(state: SiteState, station: Station, remote: Remote) -> StationSummary:
    """One station."""
    known, asked = state.station(station.id), remote.asked(station.id)
    return {
        "id": station.id,
        "vendor": plain(known.vendor),
        "product": plain(known.product),
        "firmware": plain(known.firmware),
        "model": known.model.id,
        "connected": known.connected,
        "evses": [_outlet(state, evse.number, evse.id) for evse in station.evses],
        "kept": len(remote.kept(station.id)),
        "last": asked_row(asked[0]) if asked else None,
    }


def detail(state: SiteState, station: Station, remote: Remote) -> StationDetail:
    """One station with everything that is known of what was asked of it."""
    activity = remote.activity(station.id)
    return {
        **summary(state, station, remote),
        "asked": [asked_row(one) for one in remote.asked(station.id)],
        "kept_requests": [asked_row(one) for one in remote.kept(station.id)],
        "firmware_work": _work(activity.firmware),
        "diagnostics_work": _work(activity.diagnostics),
        "files": [_file(one) for one in remote.received(station.id)],
    }


def asked_row(one: Asked) -> AskedRow:
    """A request and what came of it."""
    outcome = one.outcome
    return {
        "number": one.number,
        "station": one.station,
        "operation": NAMES[type(one.request)],
        "request": _jsonable(told(one.request)),
        "who": plain(one.who),
        "at": time_of(one.at),
        "verdict": None if outcome is None else outcome.verdict.value,
        "detail": "" if outcome is None else plain(outcome.detail),
        "words": in_words(one),
        "warnings": list(one.warnings),
        "effect": one.effect.value,
        "content": None if outcome is None or outcome.content is None else _content(outcome.content),
    }


def in_words(one: Asked) -> str:
    """What came of a request, for people."""
    if one.outcome is None:
        return "Asked; no answer yet"
    outcome, kind = one.outcome, type(one.request)
    parts = [_VERDICTS[outcome.verdict]]
    if one.effect is Effect.SEEN:
        parts.append(_SEEN[kind])
    elif one.effect is Effect.MISSED:
        parts.append(_MISSED[kind])
    elif one.effect is Effect.AWAITED:
        parts.append("waiting to see it")
    text = ", ".join(parts)
    said = plain(outcome.detail)
    told_already = said.replace(" ", "").casefold() in _TELLING or said in text
    if said and outcome.verdict is not Verdict.KEPT and not told_already:
        text = f"{text} ({said})"
    shown = _content_in_words(outcome)
    return f"{text}: {shown}" if shown else text


def _content_in_words(outcome: Outcome) -> str:
    match outcome.content:
        case Variables(known, _):
            return "1 variable" if len(known) == 1 else f"{len(known)} variables"
        case ListVersion(version):
            return "it has no local list" if version < 0 else f"version {version}"
        case Reserved(number) if outcome.verdict.is_yes:
            return f"reservation {number}"
        case Announced(file):
            return f"it will upload {plain(file)}" if file else "it names no file, and may have nothing to upload"
        case VendorAnswer(data) if data:
            return plain(data)
        case Schedule(unit, periods):
            return f"{periods[0][1]:g} {unit} now"
    return ""


def configuration_row(remote: Remote, station: str) -> ConfigurationRow:
    """The configuration that was last read, beside its template."""
    read, template = remote.configuration(station), dict(remote.template(station))
    known = () if read is None else read[1].known
    rows = compared(known, template) if read is not None else ()
    wrong = {Fit.DIFFERENT, Fit.LOCKED, Fit.MISSING}
    return {
        "read_at": None if read is None else time_of(read[0]),
        "template": template,
        "differences": sum(1 for row in rows if row.fit in wrong),
        "variables": [
            {
                "name": plain(row.name),
                "value": None if row.value is None else HIDDEN if is_secret(row.name) else _value(row.value),
                "wanted": row.wanted,
                "read_only": row.read_only,
                "fit": row.fit.value,
            }
            for row in rows
        ],
        "unknown": [] if read is None else [plain(name) for name in read[1].unknown],
    }


def message_row(one: Spoken) -> MessageRow:
    """A frame on the line."""
    return {
        "at": one.at.isoformat(timespec="milliseconds"),
        "from_station": one.from_station,
        "kind": one.kind,
        "action": plain(one.action),
        "id": plain(one.id),
        "payload": uncut(one.payload),
    }


def round_row(one: Round) -> RoundRow:
    """A round with its progress."""
    return {
        "number": one.number,
        "operation": NAMES[type(one.request)],
        "request": _jsonable(told(one.request)),
        "who": plain(one.who),
        "at": time_of(one.at),
        "over": one.is_over,
        "stopped": one.is_stopped,
        "done": sum(1 for step in one.steps if step.is_over),
        "well": sum(1 for step in one.steps if step.went_well),
        "kept": sum(1 for step in one.steps if step.is_kept),
        "steps": [
            {
                "station": step.station,
                "refusal": step.refusal,
                "asked": None if step.asked is None else asked_row(step.asked),
            }
            for step in one.steps
        ],
    }


def _outlet(state: SiteState, number: int, name: str) -> OutletRow:
    known = state.evse(name)
    running = None if known.session is None else known.session.transaction
    return {
        "evse": number,
        "id": name,
        "status": known.status.value,
        "error": plain(known.error),
        "transaction": None if running is None else running.id,
    }


def _work(work: tuple[str, datetime] | None) -> WorkRow | None:
    return None if work is None else {"status": plain(work[0]), "since": time_of(work[1])}


def _file(one: Received) -> FileRow:
    return {"number": one.number, "name": plain(one.name), "bytes": one.size, "at": time_of(one.at)}


def _content(content: Content) -> dict[str, Any]:
    match content:
        case Variables(known, unknown):
            variables = [
                {
                    "name": plain(one.name),
                    "value": None if one.value is None else HIDDEN if is_secret(one.name) else _value(one.value),
                    "read_only": one.read_only,
                }
                for one in known
            ]
            return {"variables": variables, "unknown": [plain(name) for name in unknown]}
        case Written(verdicts):
            return {"written": {name: verdict.value for name, verdict in verdicts}}
        case Schedule(unit, periods):
            return {"unit": plain(unit), "periods": [{"start_s": start, "limit": limit} for start, limit in periods]}
        case VendorAnswer(data):
            return {"data": _value(data)}
        case Announced(file):
            return {"file": plain(file)}
    return asdict(content)


def _value(text: str) -> str:
    """A value of a station, whole, without what cannot be printed."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def _jsonable(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: time_of(value) if isinstance(value, datetime) else value for name, value in fields.items()}
