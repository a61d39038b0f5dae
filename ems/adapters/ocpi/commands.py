"""What partners ask for: answered at once, carried out through remote control and the book of reservations, and the
result told to the partner (OCPI 2.2.1, section 13). Nothing here acts beside the controller.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ems.adapters.ocpi.client import Client
from ems.adapters.ocpi.directory import Directory
from ems.adapters.ocpi.error import OcpiError, PartnerAwayError, PartnerRefusedError, StatusCode
from ems.adapters.ocpi.ground import Ground
from ems.adapters.ocpi.guests import CLAIMED_FOR, Claim, Guests
from ems.adapters.ocpi.handshake import is_host_of
from ems.adapters.ocpi.model import command as model
from ems.adapters.ocpi.model.session import AuthMethod
from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.model.types import DisplayText
from ems.adapters.ocpi.naming import CONNECTOR, station_tag
from ems.adapters.ocpi.wording.session import Permission
from ems.domain.access.change import ReservationRemoved, Reserved
from ems.domain.access.reservation import LONGEST, Reservation
from ems.domain.access.tag import tag_key
from ems.domain.daybook import Daybook
from ems.domain.remote.outcome import Verdict
from ems.domain.remote.request import RequestStart, RequestStop, StationRequest, Unlock
from ems.domain.roaming import ObjectKind, Partner, PartyId, ToldObject
from ems.domain.station import Evse, EvseStatus
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.ports.roaming import RoamingBook

log = logging.getLogger(__name__)

TIMEOUT_S = 45
"""Longer than a station may take to answer."""

MOST_AT_ONCE = 30

Result = tuple[model.CommandResultType, str]

_RESULTS = {
    Verdict.ACCEPTED: model.CommandResultType.ACCEPTED,
    Verdict.SCHEDULED: model.CommandResultType.ACCEPTED,
    Verdict.REBOOT: model.CommandResultType.ACCEPTED,
    Verdict.REFUSED: model.CommandResultType.REJECTED,
    Verdict.NOT_SUPPORTED: model.CommandResultType.NOT_SUPPORTED,
    Verdict.UNANSWERED: model.CommandResultType.TIMEOUT,
    Verdict.OFFLINE: model.CommandResultType.EVSE_INOPERATIVE,
    Verdict.KEPT: model.CommandResultType.EVSE_INOPERATIVE,
}
_TAKEN = frozenset(status for status in EvseStatus if status.is_occupied)
_BROKEN = frozenset({EvseStatus.UNAVAILABLE, EvseStatus.FAULTED, EvseStatus.UNKNOWN})


class _UnknownSessionError(Exception):
    """There is no such session."""


class _OtherNumberError(Exception):
    """Somebody else got the number."""


@dataclass(slots=True)
class Commands:
    """`session_evse`: at which EVSE a session of a partner runs; None when it does not. `keep_claim` stores a partner's
    word for the next session of a tag.
    """

    ground: Ground
    client: Client
    directory: Directory
    guests: Guests
    book: RoamingBook
    session_evse: Callable[[str, str], str | None]
    keep_claim: Callable[[str, Claim], Awaitable[None]]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, partner: Partner, kind: model.CommandType, told: model.Command) -> model.CommandResponse:
        """What is said at once; the rest follows. Raises OcpiError."""
        if not is_host_of(partner, told.response_url):
            text = "response_url: results are told only where your endpoints are"
            raise OcpiError(StatusCode.INVALID_PARAMETERS, text)
        if len(self._tasks) >= MOST_AT_ONCE:
            return _response(model.CommandResponseType.REJECTED, f"{MOST_AT_ONCE} commands are carried out already")
        try:
            work = self._work(partner, told)
        except _UnknownSessionError:
            return _response(model.CommandResponseType.UNKNOWN_SESSION, "no such session of yours runs here")
        task = asyncio.create_task(self._carry_out(partner, kind, told.response_url, work), name=f"ocpi {kind}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _response(model.CommandResponseType.ACCEPTED, "")

    async def close(self) -> None:
        """Carry out nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _work(self, partner: Partner, told: model.Command) -> Coroutine[Any, Any, Result]:
        match told:
            case model.StartSession():
                self._must_be_its_own(partner, told.token)
                evse = self._evse(told.location_id, told.evse_uid, told.connector_id)
                return self._start(partner, told, evse)
            case model.ReserveNow():
                self._must_be_its_own(partner, told.token)
                return self._reserve(partner, told, self._evse(told.location_id, told.evse_uid, None))
            case model.UnlockConnector():
                place = self._evse(told.location_id, told.evse_uid, told.connector_id)
                assert place is not None
                return self._unlock(partner, place)
            case model.StopSession():
                running = self.session_evse(partner.id, told.session_id)
                if running is None:
                    raise _UnknownSessionError
                return self._ask(running, RequestStop(int(running.rpartition("/")[2])), partner)
            case model.CancelReservation():
                return self._cancel(partner, told)
        raise AssertionError(told)

    def _must_be_its_own(self, partner: Partner, token: Token) -> None:
        if not partner.has(PartyId(token.country_code, token.party_id)):
            raise OcpiError(StatusCode.INVALID_PARAMETERS, "token: it is none of your parties'")

    def _evse(self, location: str, uid: str | None, connector: str | None) -> Evse | None:
        if location.casefold() != self.ground.operator.location.casefold():
            raise OcpiError(StatusCode.UNKNOWN_LOCATION, "there is no such location")
        if uid is None:
            return None
        found = self.ground.evse(uid)
        if found is None or connector not in {None, CONNECTOR}:
            raise OcpiError(StatusCode.UNKNOWN_LOCATION, "there is no such EVSE or connector at this location")
        return found

    async def _carry_out(
        self, partner: Partner, kind: model.CommandType, url: str, work: Coroutine[Any, Any, Result]
    ) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                result, why = await work
        except TimeoutError:
            result, why = model.CommandResultType.TIMEOUT, "the station did not answer"
        except UnknownError as wrong:
            result, why = model.CommandResultType.EVSE_INOPERATIVE, str(wrong)
        except (ValueError, NotStoredError) as wrong:
            result, why = model.CommandResultType.REJECTED, str(wrong)
        log.info("ocpi.command partner=%s kind=%s result=%s why=%.120r", partner.id, kind, result, why)
        self.directory.note(partner.id, f"{kind}: {result}{f', {why}' if why else ''}")
        told = model.CommandResult(result=result, message=_message(why))
        try:
            await self.client.ask("POST", url, partner.theirs, told.told(), to=partner.party)
        except (PartnerAwayError, PartnerRefusedError) as failed:
            self.directory.note(partner.id, f"the result of {kind} could not be told: {failed}")

    async def _start(self, partner: Partner, told: model.StartSession, evse: Evse | None) -> Result:
        tag, now = station_tag(told.token.uid), self.ground.clock.now().utc
        place = evse or self._free(tag)
        if place is None:
            return model.CommandResultType.EVSE_OCCUPIED, "every EVSE here is taken"
        if refused := self._refusal(place, tag, now):
            return refused
        # Before the station is asked: it may begin at once.
        claim = Claim(partner.id, Permission(told.token, AuthMethod.COMMAND, told.authorization_reference), now)
        await self.keep_claim(tag_key(tag), claim)
        self.guests.claim(tag_key(tag), claim)
        return await self._ask(place.id, RequestStart(place.number, tag), partner)

    def _refusal(self, place: Evse, tag: str, now: datetime) -> Result | None:
        known = self.ground.live.state.evse(place.id)
        if not self.ground.live.state.station(place.station).connected or known.status in _BROKEN:
            return model.CommandResultType.EVSE_INOPERATIVE, f"{place.id} is out of order, or not connected"
        if known.session is not None and known.session.transaction is not None:
            return model.CommandResultType.EVSE_OCCUPIED, f"somebody charges at {place.id}"
        access = self.ground.operations.daybook.access
        for hold in access.holds(place.id, now):
            if not access.are_one(hold.tag, tag):
                return model.CommandResultType.REJECTED, f"{place.id} is kept for somebody else"
        return None

    def _free(self, tag: str) -> Evse | None:
        """The EVSE where a vehicle waits, else one that is free."""
        state, now = self.ground.live.state, self.ground.clock.now().utc
        fitting = [one for one in state.site.evses if self._refusal(one, tag, now) is None]
        return min(
            fitting, key=lambda one: (state.evse(one.id).status is not EvseStatus.PREPARING, one.id), default=None
        )

    async def _unlock(self, partner: Partner, place: Evse) -> Result:
        """Letting go of a cable ends what runs there: nobody ends a session of others."""
        known = self.ground.live.state.evse(place.id).session
        if known is not None and known.transaction is not None:
            claimed = self.guests.claimed(tag_key(known.transaction.id_tag or ""))
            tag = self.guests.find(tag_key(known.transaction.id_tag or ""))
            if partner.id not in {claimed and claimed.partner, tag and tag.partner}:
                return model.CommandResultType.REJECTED, "somebody else charges there"
        return await self._ask(place.id, Unlock(place.number), partner, insists=True)

    async def _reserve(self, partner: Partner, told: model.ReserveNow, evse: Evse | None) -> Result:
        tag, now = station_tag(told.token.uid), self.ground.clock.now().utc
        known = await self._reservation(partner, told.reservation_id)
        access = self.ground.operations.daybook.access
        before = None if known is None else access.reservations.get(known)
        if told.expiry_date <= now:
            return model.CommandResultType.REJECTED, "expiry_date is over already"
        place = evse or (None if before is None else self.ground.live.state.site.evses[
            self.ground.live.state.site.evse_index(before.evse) or 0
        ]) or self._free(tag)  # fmt: skip
        if place is None:
            return model.CommandResultType.EVSE_OCCUPIED, "every EVSE here is taken"
        if refused := self._refusal(place, tag, now):
            return refused
        if self.ground.live.state.evse(place.id).status in _TAKEN:
            return model.CommandResultType.EVSE_OCCUPIED, f"a vehicle is plugged in at {place.id}"
        ends = min(told.expiry_date, now + LONGEST)
        # As good as one that is given when the reservation ends.
        given = max(now, ends - CLAIMED_FOR)
        claim = Claim(partner.id, Permission(told.token, AuthMethod.COMMAND, told.authorization_reference), given)
        name = f"a customer of {self.directory.label(partner.id)}"[:100]
        await self.keep_claim(tag_key(tag), claim)
        await self._hold(partner, told.reservation_id, known, Reservation(known or 1, place.id, tag, now, ends, name))
        self.guests.claim(tag_key(tag), claim)
        self.ground.admit(tag, place.id, ends)
        return model.CommandResultType.ACCEPTED, f"{place.id} is kept"

    async def _hold(self, partner: Partner, name: str, known: int | None, wanted: Reservation) -> None:
        """Keep a reservation under a number of ours. What its partner calls it is stored before it: where the disk
        takes only the one, no EVSE is held that nobody can give back.
        """
        for _ in range(MOST_AT_ONCE):
            number = _number(self.ground.operations.daybook, known)
            body = json.dumps({"number": number, "tag": wanted.tag})
            kept = ToldObject(ObjectKind.RESERVATION, name.casefold(), partner.id, wanted.ends, body)
            await self.book.keep_object(kept)

            def reserved(book: Daybook, number: int = number) -> Reserved:
                if _number(book, known) != number:
                    raise _OtherNumberError
                return Reserved(replace(wanted, id=number))

            try:
                await self.ground.operations.change_from(reserved, _who(partner))
            except _OtherNumberError:
                continue  # Somebody reserved meanwhile.
            return
        raise ValueError("others reserve at the same moment; try it again")

    async def _cancel(self, partner: Partner, told: model.CancelReservation) -> Result:
        number = await self._reservation(partner, told.reservation_id)
        reservation = self.ground.operations.daybook.access.reservations.get(number or 0)
        if number is None or reservation is None or reservation.ends <= self.ground.clock.now().utc:
            return model.CommandResultType.UNKNOWN_RESERVATION, "there is no such reservation of yours"
        try:
            await self.ground.operations.change(ReservationRemoved(number), _who(partner))
        except UnknownError:
            return model.CommandResultType.UNKNOWN_RESERVATION, "it was given back meanwhile"
        self.ground.admit(reservation.tag, reservation.evse, self.ground.clock.now().utc)
        return model.CommandResultType.ACCEPTED, ""

    async def _reservation(self, partner: Partner, name: str) -> int | None:
        """Our number of a partner's reservation."""
        found = await self.book.object(ObjectKind.RESERVATION, name.casefold(), partner.id)
        if found is None:
            return None
        kept = json.loads(found.body)
        now = self.ground.operations.daybook.access.reservations.get(kept["number"])
        # Where theirs was taken back, its number may be that of somebody else's by now.
        is_theirs = now is not None and tag_key(now.tag) == tag_key(kept.get("tag", now.tag))
        return int(kept["number"]) if is_theirs else None

    async def _ask(self, evse: str, request: StationRequest, partner: Partner, insists: bool = False) -> Result:
        station = evse.rpartition("/")[0]
        asked = await self.ground.remote.ask(station, request, _who(partner), insists=insists)
        outcome = (await self.ground.remote.settled(asked.number, TIMEOUT_S)).outcome
        if outcome is None:
            return model.CommandResultType.TIMEOUT, "the station did not answer"
        return _RESULTS[outcome.verdict], outcome.detail


def _number(book: Daybook, known: int | None) -> int:
    """The number of a reservation that is there, else that of the next one."""
    return known if known is not None and known in book.access.reservations else book.access.next_reservation


def _who(partner: Partner) -> str:
    return f"partner {partner.id}"


def _response(result: model.CommandResponseType, why: str) -> model.CommandResponse:
    return model.CommandResponse(result=result, timeout=TIMEOUT_S + 10, message=_message(why))


def _message(why: str) -> list[DisplayText] | None:
    return [DisplayText(language="en", text=why[:512])] if why else None
