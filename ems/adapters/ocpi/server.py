"""Answers partners (OCPI 2.2.1): who asks, what for, and the envelope around what is said."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ems.adapters.ocpi.asking import MODULES, Asking, Reply, must_be, must_have, not_allowed, nothing, way
from ems.adapters.ocpi.commands import Commands
from ems.adapters.ocpi.courier import Courier
from ems.adapters.ocpi.directory import Directory, shown_token
from ems.adapters.ocpi.error import OcpiError, StatusCode
from ems.adapters.ocpi.ground import Ground
from ems.adapters.ocpi.handshake import Handshake
from ems.adapters.ocpi.listing import Listing
from ems.adapters.ocpi.model.command import COMMANDS, CommandType
from ems.adapters.ocpi.model.credentials import VERSION, Credentials
from ems.adapters.ocpi.model.session import ChargingPreferences, PreferencesResponse
from ems.adapters.ocpi.model.token import ProfileType, Token, TokenType
from ems.adapters.ocpi.model.types import moment_text
from ems.adapters.ocpi.paging import fits, page_headers, paging_of
from ems.adapters.ocpi.tokens import Tokens
from ems.domain.roaming import ObjectKind, Partner, PartyId
from ems.domain.session import Need
from ems.domain.strategy import Strategy
from ems.ports.controller import NotStoredError
from ems.ports.roaming import RoamingAnswer, RoamingBook, RoamingRequest, Selection

log = logging.getLogger(__name__)

OPEN = frozenset({"versions", "details", "credentials"})
"""What a partner may ask with the token to register with (4.1.3)."""

PROFILES = {
    ProfileType.CHEAP: {Strategy.CHEAPEST, Strategy.BALANCED},
    ProfileType.FAST: {Strategy.FAST},
    ProfileType.GREEN: {Strategy.SOLAR, Strategy.BALANCED},
}
"""The strategies of the site under which a profile is what happens; REGULAR is under any."""

SOON = timedelta(minutes=1)


class Whole(NamedTuple):
    """The location in words of JSON, and when any of it changed last."""

    told: dict[str, Any]
    updated: datetime


Handler = Callable[[Asking], Awaitable[Reply]]


@dataclass(slots=True)
class Server:
    """Everything that partners can ask."""

    ground: Ground
    directory: Directory
    handshake: Handshake
    tokens: Tokens
    commands: Commands
    courier: Courier
    listing: Listing
    book: RoamingBook
    met: Callable[[Partner], None]
    parted: Callable[[str], Awaitable[None]]
    _handlers: dict[str, Handler] = field(init=False)

    def __post_init__(self) -> None:
        self._handlers = {
            "versions": self._versions,
            "details": self._details,
            "credentials": self._credentials,
            "locations": self._locations,
            "tariffs": self._tariffs,
            "sessions": self._sessions,
            "cdrs": self._cdrs,
            "tokens": self._tokens,
            "commands": self._commands,
        }

    async def answer(self, request: RoamingRequest) -> RoamingAnswer:
        """The answer to a request, whatever it is."""
        code, message = StatusCode.SUCCESS, "Success"
        try:
            reply = await self._reply(request)
        except OcpiError as wrong:
            code, message, reply = wrong.code, str(wrong), Reply(status=wrong.status)
            if wrong.status == 401:
                reply = Reply(status=401, headers={"WWW-Authenticate": "Token"})
        except NotStoredError as failed:
            code, message, reply = StatusCode.SERVER_ERROR, f"not stored: {failed}"[:200], Reply()
        envelope = {
            "status_code": int(code),
            "status_message": message[:255],
            "timestamp": moment_text(self.ground.clock.now().utc),
        }
        if reply.data is not None:
            envelope = {"data": reply.data, **envelope}
        headers = {"content-type": "application/json", **reply.headers}
        for name in ("x-request-id", "x-correlation-id"):
            if known := request.headers.get(name, "")[:64]:
                headers[name] = known
        return RoamingAnswer(reply.status, headers, json.dumps(envelope).encode())

    async def _reply(self, request: RoamingRequest) -> Reply:
        found = self.directory.of_header(request.headers.get("authorization", ""))
        if found is None:
            raise OcpiError(StatusCode.CLIENT_ERROR, "no known token was shown", 401)
        module, rest = way(request.path)
        partner, is_invited = found
        if is_invited and module not in OPEN:
            raise OcpiError(StatusCode.CLIENT_ERROR, "this token is for the registration only", 401)
        if not is_invited:
            self.courier.wake(partner.id)
        return await self._handlers[module](Asking(partner, is_invited, rest, request))

    async def _versions(self, asking: Asking) -> Reply:
        must_be(asking, "GET", 0)
        return Reply([{"version": VERSION, "url": f"{self.handshake.base_url}/{VERSION}"}])

    async def _details(self, asking: Asking) -> Reply:
        must_be(asking, "GET", 0)
        base = f"{self.handshake.base_url}/{VERSION}"
        endpoints = [{"identifier": name, "role": role, "url": f"{base}/{name}"} for name, role in MODULES]
        return Reply({"version": VERSION, "endpoints": endpoints})

    async def _credentials(self, asking: Asking) -> Reply:
        partner = asking.partner
        must_have(asking, 0)
        match asking.method:
            case "GET":
                # Only the partner knows its token: of ours the digest is kept.
                return Reply(
                    self.handshake.credentials(shown_token(asking.request.headers.get("authorization", ""))).told()
                )
            case "POST" | "PUT":
                if partner.is_registered == (asking.method == "POST"):
                    text = "you are registered already: PUT" if partner.is_registered else "register first: POST"
                    raise OcpiError(StatusCode.CLIENT_ERROR, text, 405)
                ours = await self.handshake.accept(partner, asking.told(Credentials))
                self.met(self.directory.partner(partner.id))
                return Reply(ours.told())
            case "DELETE":
                if not partner.is_registered:
                    raise OcpiError(StatusCode.CLIENT_ERROR, "you are not registered", 405)
                await self.parted(partner.id)
                return Reply()
        raise not_allowed(asking)

    async def _locations(self, asking: Asking) -> Reply:
        must_be(asking, "GET", 3)
        # Of hundreds of EVSEs it takes longer than a turn of the event loop may.
        whole = await asyncio.to_thread(self._location)
        if not asking.rest:
            is_asked = fits(paging_of(asking.request.query), whole.updated)
            return self._list(asking, [whole.told] if is_asked else [])
        name, *inside = asking.rest
        if name.casefold() != self.ground.operator.location.casefold():
            raise OcpiError(StatusCode.UNKNOWN_LOCATION, "there is no such location", 404)
        if not inside:
            return Reply(whole.told)
        evse = next((one for one in whole.told["evses"] if one["uid"].casefold() == inside[0].casefold()), None)
        if evse is None:
            raise OcpiError(StatusCode.UNKNOWN_LOCATION, "there is no such EVSE here", 404)
        if len(inside) == 1:
            return Reply(evse)
        connector = next((one for one in evse["connectors"] if one["id"] == inside[1]), None)
        if connector is None:
            raise OcpiError(StatusCode.UNKNOWN_LOCATION, "there is no such connector here", 404)
        return Reply(connector)

    def _location(self) -> Whole:
        whole = self.listing.location()
        return Whole(whole.told(), whole.last_updated)

    async def _tariffs(self, asking: Asking) -> Reply:
        must_be(asking, "GET", 0)
        asked = paging_of(asking.request.query)
        return self._list(asking, [one.told() for one in self.listing.tariffs if fits(asked, one.last_updated)])

    def _list(self, asking: Asking, fitting: Sequence[dict[str, Any]]) -> Reply:
        """A page of what is in memory, where it is in a fixed order."""
        asked = paging_of(asking.request.query)
        first = asked.offset if asked.after is None else asked.after + 1
        page = fitting[first : first + asked.limit]
        last = first + len(page) - 1 if first + len(page) < len(fitting) else None
        headers = page_headers(self._url(asking), asked, len(fitting), len(page), last)
        return Reply(page, headers=headers)

    async def _sessions(self, asking: Asking) -> Reply:
        if len(asking.rest) == 2 and asking.rest[1] == "charging_preferences":
            must_be(asking, "PUT", 2)
            return Reply(await self._prefer(asking))
        return await self._kept(asking, ObjectKind.SESSION)

    async def _cdrs(self, asking: Asking) -> Reply:
        return await self._kept(asking, ObjectKind.CDR)

    async def _kept(self, asking: Asking, kind: ObjectKind) -> Reply:
        must_be(asking, "GET", 0)
        asked = paging_of(asking.request.query)
        which = Selection(kind, asking.partner.id, asked.since, asked.until, asked.after, asked.offset, asked.limit)
        found = await self.book.select(which)
        last = None if found.is_last or not found.objects else found.objects[-1].number
        headers = page_headers(self._url(asking), asked, found.total, len(found.objects), last)
        return Reply([json.loads(one.body) for one in found.objects], headers=headers)

    async def _prefer(self, asking: Asking) -> str:
        """What a driver wants becomes the need of the session; power is the controller's affair (9.2.2.2)."""
        told = asking.told(ChargingPreferences)
        evse = self.commands.session_evse(asking.partner.id, asking.rest[0])
        if evse is None:
            raise OcpiError(StatusCode.INVALID_PARAMETERS, "no such session of yours runs here", 404)
        state, now = self.ground.live.state, self.ground.clock.now().utc
        strategy = state.chosen or state.site.policy.strategy
        if told.profile_type is not ProfileType.REGULAR and strategy not in PROFILES[told.profile_type]:
            return PreferencesResponse.PROFILE_TYPE_NOT_SUPPORTED.value
        is_planned = told.profile_type in {ProfileType.CHEAP, ProfileType.GREEN}
        if is_planned and told.departure_time is None:
            return PreferencesResponse.DEPARTURE_REQUIRED.value
        if is_planned and told.energy_need is None:
            return PreferencesResponse.ENERGY_NEED_REQUIRED.value
        if told.departure_time is not None and told.departure_time < now + SOON:
            return PreferencesResponse.NOT_POSSIBLE.value
        energy = None if told.energy_need is None else float(told.energy_need) * 1000
        try:
            need = Need(energy, told.departure_time)
            await self.ground.operations.tell_need(evse, lambda _: need, f"partner {asking.partner.id}")
        except ValueError as impossible:
            log.info("ocpi.preferences-refused evse=%s: %s", evse, impossible)
            return PreferencesResponse.NOT_POSSIBLE.value
        return PreferencesResponse.ACCEPTED.value

    async def _tokens(self, asking: Asking) -> Reply:
        if len(asking.rest) != 3:
            raise nothing()
        party, uid = PartyId(asking.rest[0], asking.rest[1]), asking.rest[2]
        kind = asking.request.query.get("type", TokenType.RFID.value)
        if kind not in TokenType.__members__:
            raise OcpiError(StatusCode.INVALID_PARAMETERS, f"type must be one of {', '.join(TokenType)}")
        match asking.method:
            case "GET":
                found = await self.tokens.told(asking.partner, party, uid, kind)
                if found is None:
                    raise OcpiError(StatusCode.UNKNOWN_TOKEN, "there is no such token", 404)
                return Reply(found)
            case "PUT":
                is_new = await self.tokens.put(asking.partner, party, uid, kind, asking.told(Token))
                return Reply(status=201 if is_new else 200)
            case "PATCH":
                await self.tokens.patch(asking.partner, party, uid, kind, asking.json())
                return Reply()
        raise not_allowed(asking)

    async def _commands(self, asking: Asking) -> Reply:
        must_be(asking, "POST", 1)
        name = asking.rest[0] if asking.rest else ""
        if name not in CommandType.__members__:
            raise OcpiError(StatusCode.INVALID_PARAMETERS, f"commands are {', '.join(CommandType)}", 404)
        kind = CommandType(name)
        return Reply(self.commands.take(asking.partner, kind, asking.told(COMMANDS[kind])).told())

    def _url(self, asking: Asking) -> str:
        return f"{self.handshake.base_url}/{asking.request.path.strip('/')}"
