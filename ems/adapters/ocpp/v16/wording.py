"""Requests of people in the words of OCPP 1.6 (chapter 5), and a station's answers in ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ocpp.v16.enums import Action, AvailabilityType, MessageTrigger, ResetType, UpdateType

from ems.adapters.ocpp.call_queue import Answered, Outcome, Refused, Unanswered
from ems.adapters.ocpp.v16.payload import TEXT, Payload, text, whole
from ems.adapters.ocpp.v16.samples import number
from ems.domain.remote.outcome import (
    Announced,
    Content,
    ListVersion,
    Reserved,
    Schedule,
    Variable,
    Variables,
    VendorAnswer,
    Verdict,
)
from ems.domain.remote.outcome import Outcome as Told
from ems.domain.remote.request import (
    CancelReservation,
    ClearCache,
    ClearRawProfiles,
    ListedTag,
    ReadLocalListVersion,
    ReadSchedule,
    ReadVariables,
    RequestStart,
    Reserve,
    Reset,
    ResetKind,
    SendLocalList,
    SetAvailability,
    SetRawProfile,
    StationRequest,
    Trigger,
    Triggered,
    Unlock,
    UpdateFirmware,
    UploadLog,
    VendorData,
)

MAX_VARIABLES, MAX_VALUE, MAX_DATA = 400, 2000, 8000
"""Longer things that a station tells are cut; some tell more than the standard allows (Q102)."""

TRIGGERS = {
    Triggered.BOOT: MessageTrigger.boot_notification,
    Triggered.STATUS: MessageTrigger.status_notification,
    Triggered.METER_VALUES: MessageTrigger.meter_values,
    Triggered.HEARTBEAT: MessageTrigger.heartbeat,
    Triggered.FIRMWARE: MessageTrigger.firmware_status_notification,
    Triggered.DIAGNOSTICS: MessageTrigger.diagnostics_status_notification,
}
_VERDICTS = {
    "accepted": Verdict.ACCEPTED,
    "unlocked": Verdict.ACCEPTED,
    "scheduled": Verdict.SCHEDULED,
    "rebootrequired": Verdict.REBOOT,
    "notsupported": Verdict.NOT_SUPPORTED,
    "notimplemented": Verdict.NOT_SUPPORTED,
    "unknownvendorid": Verdict.NOT_SUPPORTED,
    "unknownmessageid": Verdict.NOT_SUPPORTED,
}
_WITHOUT_STATUS = (ReadVariables, ReadLocalListVersion, UpdateFirmware, UploadLog)
"""Their answers say nothing but what was asked for."""


def worded(request: StationRequest, ahead: timedelta) -> tuple[Action, dict[str, Any]]:
    """A request that is made by one call; `ahead`: how far the station's clock is ahead, because times are its own."""
    match request:
        case RequestStart(evse, tag):
            return Action.remote_start_transaction, _given(idTag=tag, connectorId=evse)
        case Unlock(evse):
            return Action.unlock_connector, {"connectorId": evse}
        case Reset(kind):
            return Action.reset, {"type": (ResetType.hard if kind is ResetKind.HARD else ResetType.soft).value}
        case SetAvailability(evse, operative):
            wanted = AvailabilityType.operative if operative else AvailabilityType.inoperative
            return Action.change_availability, {"connectorId": evse or 0, "type": wanted.value}
        case ReadVariables(names):
            return Action.get_configuration, {"key": list(names)} if names else {}
        case ClearCache():
            return Action.clear_cache, {}
        case Trigger(message, evse):
            return Action.trigger_message, _given(requestedMessage=TRIGGERS[message].value, connectorId=evse)
        case VendorData(vendor, message_id, data):
            return Action.data_transfer, _given(vendorId=vendor, messageId=message_id, data=data)
        case _:
            return _worded_otherwise(request, ahead)


def _worded_otherwise(request: StationRequest, ahead: timedelta) -> tuple[Action, dict[str, Any]]:
    match request:
        case Reserve(reservation, evse, tag, until):
            expires = _time(until + ahead)
            who = {"idTag": tag, "reservationId": reservation}
            return Action.reserve_now, {"connectorId": evse or 0, "expiryDate": expires, **who}
        case CancelReservation(reservation):
            return Action.cancel_reservation, {"reservationId": reservation}
        case UpdateFirmware(url, at, retries):
            return Action.update_firmware, _given(location=url, retrieveDate=_time(at + ahead), retries=retries)
        case UploadLog(url, since, until):
            times = {"startTime": _moved(since, ahead), "stopTime": _moved(until, ahead)}
            return Action.get_diagnostics, _given(location=url, **times)
        case SendLocalList(version, tags, is_whole):
            kind = UpdateType.full if is_whole else UpdateType.differential
            entries = {"localAuthorizationList": [_entry(tag, ahead) for tag in tags]} if tags else {}
            return Action.send_local_list, {"listVersion": version, "updateType": kind.value, **entries}
        case ReadLocalListVersion():
            return Action.get_local_list_version, {}
        case SetRawProfile(evse, profile):
            return Action.set_charging_profile, {"connectorId": evse, "csChargingProfiles": dict(profile)}
        case ClearRawProfiles(profile_id, evse, purpose, level):
            criteria = _given(connectorId=evse, chargingProfilePurpose=purpose, stackLevel=level)
            return Action.clear_charging_profile, _given(id=profile_id, **criteria)
        case ReadSchedule(evse, duration_s, in_watts):
            unit = "W" if in_watts else "A"
            return Action.get_composite_schedule, {
                "connectorId": evse, "duration": duration_s, "chargingRateUnit": unit,
            }  # fmt: skip
    raise AssertionError(request)


def told(request: StationRequest, outcome: Outcome) -> Told:
    """What came of a request."""
    match outcome:
        case Unanswered(reason):
            return Told(Verdict.UNANSWERED, reason)
        case Refused(code, description):
            verdict = _VERDICTS.get(code.lower(), Verdict.REFUSED)
            return Told(verdict, f"{code} {description}".strip()[:256])
        case Answered(payload):
            return _answered(request, payload)


def _answered(request: StationRequest, payload: Payload) -> Told:
    status, content = text(payload, "status"), _content(request, payload)
    if isinstance(request, _WITHOUT_STATUS):
        return Told(Verdict.ACCEPTED, "", content)
    verdict = _VERDICTS.get(status.strip().lower(), Verdict.REFUSED)
    return Told(verdict, status or "the answer has no status", content)


def _content(request: StationRequest, payload: Payload) -> Content | None:
    match request:
        case ReadVariables():
            return variables(payload)
        case ReadLocalListVersion():
            version = whole(payload.get("listVersion"))
            return None if version is None else ListVersion(version)
        case Reserve(reservation):
            return Reserved(reservation)
        case UploadLog():
            return Announced(text(payload, "fileName"))
        case VendorData():
            return VendorAnswer(_as_text(payload.get("data")))
        case ReadSchedule():
            return schedule(payload)
    return None


def variables(payload: Payload) -> Variables:
    """GetConfiguration.conf, as far as it can be read (Q102)."""
    entries, unknown = payload.get("configurationKey"), payload.get("unknownKey")
    known = []
    for entry in entries[:MAX_VARIABLES] if isinstance(entries, list) else ():
        name = _as_text(entry.get("key")).strip()[:TEXT] if isinstance(entry, dict) else ""
        if name:
            value = entry.get("value")
            shown = None if value is None else _as_text(value)[:MAX_VALUE]
            known.append(Variable(name, shown, entry.get("readonly") in {True, "true", "True"}))
    names = tuple(str(name)[:TEXT] for name in unknown[:MAX_VARIABLES]) if isinstance(unknown, list) else ()
    return Variables(tuple(known), names)


def schedule(payload: Payload) -> Schedule | None:
    """GetCompositeSchedule.conf; None where it holds none (Q50)."""
    told_, periods = payload.get("chargingSchedule"), []
    content = told_ if isinstance(told_, Mapping) else {}
    found = content.get("chargingSchedulePeriod")
    for period in found if isinstance(found, list) else ():
        start, limit = (
            number(period.get(key)) if isinstance(period, dict) else None for key in ("startPeriod", "limit")
        )
        if start is not None and limit is not None:
            periods.append((start, limit))
    return Schedule(_as_text(content.get("chargingRateUnit"))[:8], tuple(periods)) if periods else None


def _entry(tag: ListedTag, ahead: timedelta) -> dict[str, Any]:
    if tag.accepted is None:
        return {"idTag": tag.id_tag}
    status = "Accepted" if tag.accepted else "Blocked"
    info = _given(status=status, expiryDate=_moved(tag.until, ahead), parentIdTag=tag.group)
    return {"idTag": tag.id_tag, "idTagInfo": info}


def _given(**fields: Any) -> dict[str, Any]:
    """What is said; a field that is not must be left out, never null (Q22)."""
    return {name: value for name, value in fields.items() if value is not None}


def _moved(at: datetime | None, ahead: timedelta) -> str | None:
    return None if at is None else _time(at + ahead)


def _time(at: datetime) -> str:
    return f"{at.isoformat()[:19]}Z"


def _as_text(value: object) -> str:
    """Text, whatever it came as (Q102, Q106)."""
    if isinstance(value, str):
        return value[:MAX_DATA]
    return "" if value is None else json.dumps(value, ensure_ascii=False)[:MAX_DATA]
