"""How a virtual station answers the central system, one function per request (OCPP 1.6, chapters 5 and 6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ems.sim.charging_profile import Kind, Profile, Purpose, Unit
from ems.sim.connector import Reservation
from ems.sim.profile_stack import Verdict
from ems.sim.quirks import AbsoluteSchedule, Clear, Composite
from ems.sim.station_link import CallError, Reply

if TYPE_CHECKING:
    from ems.sim.virtual_station import VirtualStation

Request = Mapping[str, Any]

DEAD_S = 3600.0

TRIGGERED = {
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
}


class StationAnswers:
    """Called with an action and its payload; raises CallError for what is not known or not well formed."""

    def __init__(self, station: VirtualStation) -> None:
        self.station = station
        self._known: dict[str, Callable[[Request], Reply]] = {
            "CancelReservation": self._cancel_reservation,
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": lambda _: Reply({"status": "Accepted"}),
            "ClearChargingProfile": self._clear_profile,
            "DataTransfer": self._vendor_data,
            "GetCompositeSchedule": self._composite,
            "GetConfiguration": self._get_configuration,
            "GetDiagnostics": self._diagnostics,
            "GetLocalListVersion": lambda _: Reply({"listVersion": self.station.local_list_version}),
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "ReserveNow": self._reserve,
            "Reset": self._reset,
            "SendLocalList": self._local_list,
            "SetChargingProfile": self._set_profile,
            "TriggerMessage": self._trigger,
            "UnlockConnector": self._unlock,
            "UpdateFirmware": self._firmware,
        }

    def __call__(self, action: str, payload: Request) -> Reply:
        """Answer one request."""
        handler = self._known.get(action) if isinstance(action, str) else None
        if handler is None:
            raise CallError("NotImplemented", f"{action!r:.64} is not known here")
        if not isinstance(payload, Mapping):
            raise CallError("FormationViolation", "the payload is not an object")
        if self.station.is_hurried:
            return self._hangs_up()
        manners = self.station.manners
        ready = manners.before(action)
        if ready is not None:
            return ready
        try:
            return manners.after(action, handler(payload))
        except KeyError as missing:
            # The misspelling is the specification's own (OCPP-J 1.6, section 4.2.3).
            raise CallError("OccurenceConstraintViolation", f"{missing.args[0]} is missing") from None
        except (TypeError, ValueError, AttributeError) as wrong:
            raise CallError("TypeConstraintViolation", str(wrong)[:100]) from None

    def _hangs_up(self, for_s: float = 0.0) -> Reply:
        self.station.link.cut(for_s)
        return Reply({}, after_s=math.inf)

    # Limits

    def _set_profile(self, request: Request) -> Reply:
        station, quirks = self.station, self.station.quirks
        if not quirks.smart_charging:
            raise CallError("NotSupported", "smart charging is not supported")
        number = request["connectorId"]
        try:
            profile = Profile.parse(request["csChargingProfiles"])
        except ValueError as wrong:
            raise CallError("PropertyConstraintViolation", str(wrong)) from None
        if profile.kind is Kind.ABSOLUTE and quirks.absolute is AbsoluteSchedule.UNANSWERED:
            return Reply({}, after_s=math.inf)
        charge, before = station.charge(number), station.stack
        station.stack, verdict = before.set(number, profile, station.utc(), charge)
        if verdict is Verdict.ACCEPTED:
            self._told(number, replaced=len(station.stack.installed) == len(before.installed))
        return Reply({"status": str(verdict)}, after_s=quirks.answers_after_s)

    def _clear_profile(self, request: Request) -> Reply:
        station = self.station
        purpose = request.get("chargingProfilePurpose")
        try:
            wanted = None if purpose is None else Purpose(purpose)
        except ValueError as wrong:
            raise CallError("PropertyConstraintViolation", str(wrong)) from None
        connector = request.get("connectorId")
        if station.quirks.clear is not Clear.WORKS:
            return Reply({"status": "Accepted" if station.quirks.clear is Clear.ACCEPTED else "Unknown"})
        station.stack, found = station.stack.clear(request.get("id"), connector, wanted, request.get("stackLevel"))
        if found:
            self._told(connector or 0, replaced=True)
        return Reply({"status": "Accepted" if found else "Unknown"})

    def _told(self, number: int, *, replaced: bool) -> None:
        for connector in self.station.connectors.values():
            if number in {0, connector.number}:
                connector.pilot = connector.pilot.told(connector.now, replaced=replaced)

    def _composite(self, request: Request) -> Reply:
        station, kind = self.station, self.station.quirks.composite
        number, duration = request["connectorId"], request["duration"]
        if kind is Composite.MISSING:
            raise CallError("NotImplemented", "GetCompositeSchedule is not known here")
        if kind is Composite.REJECTED or (number != 0 and number not in station.connectors):
            return Reply({"status": "Rejected"})
        if kind is Composite.EMPTY:
            return Reply({"status": "Accepted", "connectorId": number})
        connector = station.connectors.get(number) or next(iter(station.connectors.values()))
        asked = Unit(request.get("chargingRateUnit", "A"))
        other = Unit.WATT if asked is Unit.AMPERE else Unit.AMPERE
        unit = other if station.quirks.composite_in_other_unit else asked
        limits = station.stack.composite(number, station.utc(), duration, connector.shape, station.charge(number))
        if kind is Composite.MINUS_ONE:
            periods = [{"startPeriod": 0, "limit": -1.0}]
        else:
            periods = [{"startPeriod": start, "limit": connector.shape.in_unit(amps, unit)} for start, amps in limits]
        schedule = {
            "duration": duration,
            "startSchedule": station.stamp(),
            "chargingRateUnit": str(unit),
            "chargingSchedulePeriod": periods,
        }
        start = station.stamp()
        return Reply(
            {"status": "Accepted", "connectorId": number, "scheduleStart": start, "chargingSchedule": schedule}
        )

    # Transactions

    def _remote_start(self, request: Request) -> Reply:
        station, tag = self.station, request["idTag"]
        free = [
            c for c in station.connectors.values() if c.transaction is None and c.available and c.vehicle is not None
        ]
        number = request.get("connectorId")
        chosen = next((c for c in free if number in {None, c.number}), None)
        if chosen is None or chosen.finishing:
            return Reply({"status": "Rejected"})
        first = chosen.number
        profile = request.get("chargingProfile")

        def then() -> None:
            if station.configuration.flag("AuthorizeRemoteTxRequests"):
                station.authorise(first, tag)
                return
            station.start(first, tag)
            if profile is not None:
                given = Profile.parse(profile)
                station.stack, _ = station.stack.set(first, given, station.utc(), station.charge(first))

        return Reply({"status": "Accepted"}, then=then)

    def _remote_stop(self, request: Request) -> Reply:
        wanted = request["transactionId"]
        running = [
            c for c in self.station.connectors.values() if c.transaction is not None and c.transaction.id == wanted
        ]
        if not running:
            return Reply({"status": "Rejected"})
        return Reply({"status": "Accepted"}, then=lambda: self.station.stop(running[0].number, "Remote"))

    def _unlock(self, request: Request) -> Reply:
        connector = self.station.connectors.get(request["connectorId"])
        if connector is None:
            return Reply({"status": "NotSupported"})
        number = connector.number
        return Reply({"status": "Unlocked"}, then=lambda: self.station.stop(number, "UnlockCommand"))

    # Configuration and upkeep

    def _get_configuration(self, request: Request) -> Reply:
        known, unknown = self.station.configuration.get(request.get("key") or ())
        return Reply({"configurationKey": known, "unknownKey": unknown} if unknown else {"configurationKey": known})

    def _change_configuration(self, request: Request) -> Reply:
        return Reply({"status": self.station.configuration.change(str(request["key"]), str(request["value"]))})

    def _change_availability(self, request: Request) -> Reply:
        wanted, number = request["type"] == "Operative", request["connectorId"]
        chosen = [c for c in self.station.connectors.values() if number in {0, c.number}]
        if not chosen:
            return Reply({"status": "Rejected"})
        for connector in chosen:
            connector.available = wanted
        busy = any(connector.transaction is not None for connector in chosen)
        return Reply({"status": "Scheduled" if busy and not wanted else "Accepted"})

    def _reset(self, request: Request) -> Reply:
        reason = "HardReset" if request["type"] == "Hard" else "SoftReset"
        return Reply({"status": "Accepted"}, then=lambda: self.station.reset(reason))

    def _trigger(self, request: Request) -> Reply:
        station, wanted, number = self.station, request["requestedMessage"], request.get("connectorId")
        if wanted == "BootNotification" and station.quirks.boot_trigger_kills:
            return self._hangs_up(DEAD_S)
        if wanted not in TRIGGERED:
            return Reply({"status": "NotImplemented"})
        if number is not None and number not in station.connectors:
            return Reply({"status": "Rejected"})
        return Reply({"status": "Accepted"}, then=lambda: self._sends(wanted, number))

    def _sends(self, wanted: str, number: int | None) -> None:
        station = self.station
        numbers = list(station.connectors) if number is None else [number]
        if wanted == "BootNotification":
            station.boot()
        elif wanted == "Heartbeat":
            station.messages.say("Heartbeat", {})
        elif wanted == "MeterValues":
            for each in numbers:
                station.messages.measure(each, "Trigger")
        elif wanted == "StatusNotification":
            for each in numbers:
                station.messages.status(each)
        else:
            station.messages.say(wanted, {"status": "Idle"})

    def _firmware(self, _: Request) -> Reply:
        # There is nothing to install: the station says so, as one does that cannot reach the file.
        return self._then_says("FirmwareStatusNotification", "DownloadFailed")

    def _diagnostics(self, request: Request) -> Reply:
        """Over HTTP it uploads what it remembers; it knows no other way."""
        station, location = self.station, str(request["location"])
        if not location.startswith("http://"):
            return self._then_says("DiagnosticsStatusNotification", "UploadFailed")
        name = f"diagnostics-{station.id}.log"
        return Reply({"fileName": name}, then=lambda: station.upload(location, name))

    def _vendor_data(self, request: Request) -> Reply:
        if request["vendorId"] != self.station.setup.vendor:
            return Reply({"status": "UnknownVendorId"})
        data = request.get("data")
        return Reply({"status": "Accepted"} if data is None else {"status": "Accepted", "data": data})

    def _then_says(self, action: str, status: str) -> Reply:
        return Reply({}, then=lambda: self.station.messages.say(action, {"status": status}))

    def _local_list(self, request: Request) -> Reply:
        station, entries = self.station, request.get("localAuthorizationList") or []
        if request["updateType"] == "Full":
            station.local_list = {}
        for entry in entries:
            info = entry.get("idTagInfo")
            if info is None:
                station.local_list.pop(entry["idTag"], None)
            else:
                station.local_list[entry["idTag"]] = info["status"]
        station.local_list_version = request["listVersion"]
        return Reply({"status": "Accepted"})

    def _reserve(self, request: Request) -> Reply:
        connector = self.station.connectors.get(request["connectorId"])
        if connector is None:
            return Reply({"status": "Rejected"})
        if not connector.available:
            return Reply({"status": "Unavailable"})
        if connector.vehicle is not None or connector.reservation is not None:
            return Reply({"status": "Occupied"})
        expires = datetime.fromisoformat(request["expiryDate"]).astimezone(UTC)
        connector.reservation = Reservation(request["reservationId"], expires)
        return Reply({"status": "Accepted"})

    def _cancel_reservation(self, request: Request) -> Reply:
        for connector in self.station.connectors.values():
            if connector.reservation is not None and connector.reservation.id == request["reservationId"]:
                connector.reservation = None
                return Reply({"status": "Accepted"})
        return Reply({"status": "Rejected"})
