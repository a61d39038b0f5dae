"""What people ask of one station: made by one call or several, and its answer in our words.

Nothing here hurries: a limit overtakes every request that still waits, and ends the wait for one that is under way
after that one's own time (`call_queue`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from ocpp.v16.enums import Action, ConfigurationKey

from ems.adapters.ocpp import schemas
from ems.adapters.ocpp.call_queue import Outcome, Priority
from ems.adapters.ocpp.connection import Connection
from ems.adapters.ocpp.v16 import profiles, raw_profiles, wording
from ems.adapters.ocpp.v16.record import StationRecord
from ems.domain.events import ProfileAnswered, ProfileSent
from ems.domain.grant import FOREVER, Answer, Layer
from ems.domain.release import LimitsReleased
from ems.domain.remote.outcome import Outcome as Told
from ems.domain.remote.outcome import Variable, Variables, Verdict, Written
from ems.domain.remote.request import (
    ClearRawProfiles,
    ReadVariables,
    ReleaseLimits,
    RequestStop,
    SetAvailability,
    SetRawProfile,
    StationRequest,
    Trigger,
    Triggered,
    WriteVariables,
)
from ems.domain.station import Evse

VERSION = "v16"
TIMEOUT_S = 10.0
"""So long a limit waits at most for a call that is under way."""

LEISURE_S = 30.0
"""So long an answer is waited for while no limit has to go out."""

SOME = 4
"""Variables that every station can be asked for at once; some take no more (Q101)."""

DETAIL = 256

Late = Callable[[Told], None]


@dataclass(slots=True)
class Requests:
    """The requests of people to one station."""

    record: StationRecord

    def objection(self, request: StationRequest) -> str | None:
        """Why a request would act against the controller, or would break the station; None when nothing speaks against
        it.
        """
        record = self.record
        evses, model = record.station.evses, record.model
        if not isinstance(request, RequestStop | WriteVariables | ReleaseLimits):
            try:
                action, payload = wording.worded(request, self._ahead())
                schemas.check_request(VERSION, action.value, payload)
            except schemas.OutgoingError as wrong:
                return f"OCPP 1.6 cannot say that: {wrong}"[:300]
        match request:
            case SetRawProfile():
                return raw_profiles.set_objection(request, evses, model, record.voltage_v)
            case ClearRawProfiles():
                return raw_profiles.clear_objection(request, evses, model)
            case Trigger(Triggered.BOOT) if not model.trigger_boot:
                return f"stations of the model {model.id} hang up when they are asked to boot"
        return None

    async def ask(self, connection: Connection, request: StationRequest, late: Late) -> Told:
        """Make a request and wait for its answer; `late` is told one that comes after the wait. Raises ValueError when
        OCPP 1.6 cannot say it.
        """
        match request:
            case RequestStop(evse):
                return await self._stop(connection, evse, late)
            case ReadVariables(names):
                return await self._read(connection, names)
            case WriteVariables(values):
                return await self._write(connection, values)
            case SetAvailability():
                return await self._set_availability(connection, request, late)
            case Trigger():
                return await self._trigger(connection, request, late)
            case SetRawProfile() | ClearRawProfiles():
                return await self._raw(connection, request, late)
            case ReleaseLimits():
                return await self._release(connection)
        return await self._once(connection, request, late)

    async def _once(self, connection: Connection, request: StationRequest, late: Late) -> Told:
        action, payload = wording.worded(request, self._ahead())
        outcome = await _call(connection, action, payload, lambda outcome: late(wording.told(request, outcome)))
        return wording.told(request, outcome)

    async def _stop(self, connection: Connection, number: int, late: Late) -> Told:
        evse = self.record.evse(number)
        running = None if evse is None else self.record.book.open.get(evse.id)
        if running is None:
            return Told(Verdict.REFUSED, "no transaction runs there")
        request = RequestStop(number)
        payload = {"transactionId": running.id}
        action = Action.remote_stop_transaction
        outcome = await _call(connection, action, payload, lambda outcome: late(wording.told(request, outcome)))
        return wording.told(request, outcome)

    async def _read(self, connection: Connection, names: tuple[str, ...]) -> Told:
        """Some stations do not tell everything at once, or answer with nothing (Q101): then by what they may have."""
        told = await self._once(connection, ReadVariables(names), lambda _: None)
        if names or (isinstance(told.content, Variables) and told.content.known):
            return told
        found: list[Variable] = []
        unknown: list[str] = []
        for some in _in_parts(tuple(sorted(str(key.value) for key in ConfigurationKey)), SOME):
            told = await self._once(connection, ReadVariables(some), lambda _: None)
            if told.verdict is Verdict.UNANSWERED:
                break
            if isinstance(told.content, Variables):
                found += told.content.known
                unknown += told.content.unknown
        if not found:
            return told
        return Told(Verdict.ACCEPTED, "it does not tell all at once", Variables(tuple(found), tuple(unknown)))

    async def _write(self, connection: Connection, values: tuple[tuple[str, str], ...]) -> Told:
        verdicts: list[tuple[str, Verdict]] = []
        details: list[str] = []
        for name, value in values:
            if verdicts and verdicts[-1][1] is Verdict.UNANSWERED:
                verdicts.append((name, Verdict.UNANSWERED))
                continue
            payload = {"key": name, "value": value}
            outcome = await _call(connection, Action.change_configuration, payload, lambda _: None)
            told = wording.told(WriteVariables(((name, value),)), outcome)
            verdicts.append((name, told.verdict))
            details += [] if told.verdict.is_yes else [f"{name}: {told.detail}"]
        return Told(_all_in_all([verdict for _, verdict in verdicts]), "; ".join(details), Written(tuple(verdicts)))

    async def _set_availability(self, connection: Connection, request: SetAvailability, late: Late) -> Told:
        """Where the station as a whole cannot be told, its outlets are (Q112). What people say goes before what the
        controller did when it found no other way to stop somebody.
        """
        for evse in self.record.station.evses:
            if request.evse in {None, evse.number}:
                self.record.out_of_service.pop(evse.id, None)
        told = await self._once(connection, request, late)
        if request.evse is not None or told.verdict not in {Verdict.REFUSED, Verdict.NOT_SUPPORTED}:
            return told
        each = [
            await self._once(connection, SetAvailability(evse.number, request.operative), late)
            for evse in self.record.station.evses
        ]
        verdict = _all_in_all([one.verdict for one in each])
        return Told(verdict, next((one.detail for one in each if one.verdict is verdict), ""))

    async def _trigger(self, connection: Connection, request: Trigger, late: Late) -> Told:
        """Some stations take it only with, others only without a connector (Q113)."""
        told = await self._once(connection, request, late)
        if told.verdict is not Verdict.REFUSED:
            return told
        other = None if request.evse is not None else self.record.station.evses[0].number
        again = await self._once(connection, Trigger(request.message, other), late)
        return again if again.verdict.is_yes else told

    async def _raw(self, connection: Connection, request: SetRawProfile | ClearRawProfiles, late: Late) -> Told:
        """Whatever a station makes of it, the controller's own profiles are told once more, and until then both count:
        a station with one stack level may have put the one in the place of the other (Q13).
        """
        told = await self._once(connection, request, late)
        if told.verdict in {Verdict.ACCEPTED, Verdict.UNANSWERED} and not _is_about_station(request):
            for evse in self.record.station.evses:
                if request.evse in {None, 0, evse.number}:
                    self._unsettle(evse, request)
        return told

    async def _release(self, connection: Connection) -> Told:
        """Clear what is ours by its ids, the floor last, and leave what others have put there. What a station does not
        know it does not hold.
        """
        kept: list[str] = []
        for evse in self.record.station.evses:
            for layer in sorted(Layer, reverse=True):
                request = ClearRawProfiles(profile=profiles.slot(evse.number, layer))
                told = await self._once(connection, request, lambda _: None)
                if told.verdict is not Verdict.ACCEPTED and told.detail.casefold() != "unknown":
                    # Whether it is still there is not known: it counts, and is brought to the fallback.
                    self._unsettle(evse, request)
                    kept.append(f"{evse.id}: {told.detail or told.verdict.value}")
                    break
            else:
                self.record.sink(LimitsReleased(evse.id))
        return Told(Verdict.REFUSED, "; ".join(kept)[:DETAIL]) if kept else Told(Verdict.ACCEPTED)

    def _unsettle(self, evse: Evse, request: SetRawProfile | ClearRawProfiles) -> None:
        now, record = self.record.clock.now().monotonic_s, self.record
        amps = evse.fallback_a
        if isinstance(request, SetRawProfile):
            amps = min(amps, raw_profiles.most_a(request.profile, evse, record.voltage_v))
        running = evse.id in record.book.open and record.model.session_profile
        for layer in (Layer.FLOOR, Layer.DEFAULT, Layer.SESSION) if running else (Layer.FLOOR, Layer.DEFAULT):
            record.sink(ProfileSent(evse.id, layer, amps, now))
            record.sink(
                ProfileAnswered(evse.id, layer, amps, now, Answer.TIMEOUT, FOREVER, "a raw profile came between")
            )

    def _ahead(self) -> timedelta:
        return self.record.station_now() - self.record.steady_utc(self.record.clock.now())


def _is_about_station(request: SetRawProfile | ClearRawProfiles) -> bool:
    if isinstance(request, SetRawProfile):
        return request.profile.get("chargingProfilePurpose") == raw_profiles.STATION_MAX
    return request.profile is None and request.purpose == raw_profiles.STATION_MAX


async def _call(
    connection: Connection, action: Action, payload: Mapping[str, object], late: Callable[[Outcome], None]
) -> Outcome:
    schemas.check_request(VERSION, action.value, payload)
    return await connection.ask(action.value, payload, Priority.COMMAND, TIMEOUT_S, LEISURE_S, late)


def _in_parts(names: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _all_in_all(verdicts: list[Verdict]) -> Verdict:
    """The verdict of several: the worst, as somebody must look at it."""
    worst = (Verdict.UNANSWERED, Verdict.REFUSED, Verdict.NOT_SUPPORTED, Verdict.REBOOT, Verdict.SCHEDULED)
    return next((verdict for verdict in worst if verdict in verdicts), Verdict.ACCEPTED)
