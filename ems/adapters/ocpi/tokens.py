"""Tokens of partners: pushed here, fetched there, asked about when somebody presents one (OCPI 2.2.1, section 12)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from ems.adapters.ocpi.client import Client
from ems.adapters.ocpi.directory import Directory
from ems.adapters.ocpi.error import OcpiError, PartnerAwayError, PartnerRefusedError, StatusCode
from ems.adapters.ocpi.ground import Ground
from ems.adapters.ocpi.guests import MOST_TAGS, Claim, Guests, guest_tag
from ems.adapters.ocpi.model.session import AuthMethod
from ems.adapters.ocpi.model.token import Allowed, AuthorizationInfo, LocationReferences, Token, TokenType
from ems.adapters.ocpi.naming import evse_uid
from ems.adapters.ocpi.wording.session import Permission
from ems.domain.access.tag import tag_key
from ems.domain.roaming import Partner, PartyId, Whitelist
from ems.ports.controller import NotStoredError
from ems.ports.roaming import RoamingBook

log = logging.getLogger(__name__)

ASK_S = 4.0
"""So long a driver waits at a station for an answer from elsewhere."""

PASS_FOR = timedelta(minutes=3)
MOST_ASKING = 20
MOST_PAGES = 5_000
WHY = {
    Allowed.BLOCKED: "is blocked",
    Allowed.EXPIRED: "has expired",
    Allowed.NO_CREDIT: "has no credit left",
    Allowed.NOT_ALLOWED: "may not charge here",
}


@dataclass(slots=True)
class Tokens:
    """Whose customers may charge. `keep_claim` stores a partner's word for the next session of a tag."""

    ground: Ground
    client: Client
    directory: Directory
    guests: Guests
    book: RoamingBook
    keep_claim: Callable[[str, Claim], Awaitable[None]]
    _asking: int = 0

    async def told(self, partner: Partner, party: PartyId, uid: str, kind: str) -> dict[str, Any] | None:
        """What a partner said of a token; None when nobody knows it. Raises OcpiError and NotStoredError."""
        _must_be(partner, party)
        text = await self.book.tag(partner.id, uid, kind)
        found: dict[str, Any] | None = None if text is None else json.loads(text)
        same = found is not None and _party(found).key == party.key
        return found if same else None

    async def put(self, partner: Partner, party: PartyId, uid: str, kind: str, token: Token) -> bool:
        """There is such a token, new or changed; whether it is new. Raises OcpiError and NotStoredError."""
        _must_be(partner, party)
        named = (token.country_code.upper(), token.party_id.upper(), token.uid.casefold(), token.type.value)
        if named != (*party.key, uid.casefold(), kind):
            text = "country_code, party_id, uid and type must be those of the URL"
            raise OcpiError(StatusCode.INVALID_PARAMETERS, text)
        is_new = await self.book.tag(partner.id, uid, kind) is None
        await self._keep(partner, [token], is_new)
        return is_new

    async def patch(self, partner: Partner, party: PartyId, uid: str, kind: str, changes: dict[str, Any]) -> None:
        """A token has changed. Raises OcpiError and NotStoredError."""
        before = await self.told(partner, party, uid, kind)
        if before is None:
            raise OcpiError(StatusCode.UNKNOWN_TOKEN, "there is no such token: put all of it", 404)
        if "last_updated" not in changes:
            raise OcpiError(StatusCode.INVALID_PARAMETERS, "last_updated is missing")
        try:
            token = Token.model_validate({**before, **changes})
        except ValidationError as wrong:
            raise invalid(wrong) from None
        await self.put(partner, party, uid, kind, token)

    async def _keep(self, partner: Partner, tokens: list[Token], is_new: bool = True) -> None:
        if is_new and not self.guests.has_room(len(tokens)):
            raise OcpiError(StatusCode.SERVER_ERROR, f"at most {MOST_TAGS} tokens are kept of all partners")
        tags = [(guest_tag(partner.id, token), json.dumps(token.told())) for token in tokens]
        await self.book.keep_tags(tags)
        self.guests.keep(tag for tag, _ in tags)

    async def pull(self, partner: Partner, whole: bool = True) -> int:
        """Fetch the tokens of a partner; all of them, or those that changed since. What is not among all of them is
        known no more. Returns how many were fetched. Raises PartnerAwayError, PartnerRefusedError, OcpiError and
        NotStoredError.
        """
        start = self.ground.clock.now().utc
        url: str | None = partner.url("tokens", "SENDER")
        if url is None:
            raise OcpiError(StatusCode.NO_MATCHING_ENDPOINTS, "it has no list of tokens to fetch")
        first = url
        if not whole and partner.pulled is not None:
            # A minute twice is better than one in which clocks differ.
            url += f"?date_from={partner.pulled - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
        seen: set[tuple[str, str]] = set()
        for _ in range(MOST_PAGES):
            if url is None:
                break
            reply = await self.client.ask("GET", url, partner.theirs, to=partner.party)
            if not self.directory.partner(partner.id).is_registered:
                raise PartnerRefusedError("it parted with us meanwhile", 200)
            page = [one for one in map(_token, reply.data if isinstance(reply.data, list) else ()) if one is not None]
            ours = [one for one in page if partner.has(PartyId(one.country_code, one.party_id))]
            if not seen.issuperset({(one.uid, one.type.value) for one in ours}):
                await self._keep(partner, ours)
            seen |= {(one.uid, one.type.value) for one in ours}
            url = _next(reply.headers.get("link", ""), first)
        else:
            raise PartnerRefusedError(f"its list of tokens has more than {MOST_PAGES} pages", 200)
        if whole:
            await self.book.drop_tags(partner.id, frozenset(seen))
            self.guests.drop(partner.id, frozenset(seen))
        await self.directory.alter(partner.id, pulled=start)
        return len(seen)

    def consult(self, station: str, tag: str) -> Awaitable[None] | None:
        """Ask partners about a tag that somebody presents; None when there is nobody to ask, or no need to."""
        key, access = tag_key(tag), self.ground.operations.daybook.access
        if not key or access.tag(tag) is not None or not self.guests.must_ask(key) or self._asking >= MOST_ASKING:
            return None
        if self.guests.claimed(key) is not None and any(self.ground.admits(tag, evse) for evse in self._at(station)):
            return None  # A claim outlives its pass, and a pass is for one station: without one it is asked anew.
        known = self.guests.find(key)
        asked = [one for one in self.directory.registered() if one.url("tokens", "SENDER") is not None]
        if known is not None:
            asked = [one for one in asked if one.id == known.partner]
        fleet = self.ground.operations.daybook.fleet
        is_ours = any(tag_key(one) == key for vehicle in fleet.vehicles.values() for one in vehicle.id_tags)
        return self._consult(asked, station, tag) if asked and not is_ours else None

    async def _consult(self, asked: list[Partner], station: str, tag: str) -> None:
        """All at once; the first that says yes counts."""
        self._asking += 1
        tasks = [asyncio.create_task(self._ask(one, station, tag)) for one in asked]
        try:
            async with asyncio.timeout(ASK_S):
                for done in asyncio.as_completed(tasks):
                    if await done:
                        return
        except TimeoutError:
            log.warning("ocpi.no-answer tag=%.40r partners=%s", tag, ",".join(one.id for one in asked))
        finally:
            self._asking -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, partner: Partner, station: str, tag: str) -> bool:
        """Whether a partner lets a tag charge (12.2.2.2)."""
        key = tag_key(tag)
        known = self.guests.find(key)
        uid, kind = (tag.strip(), TokenType.RFID.value) if known is None else (known.uid, known.kind)
        evses = self._at(station)
        where = LocationReferences(
            location_id=self.ground.operator.location, evse_uids=tuple(evse_uid(evse) for evse in evses)
        )
        base = (partner.url("tokens", "SENDER") or "").rstrip("/")
        url = f"{base}/{quote(uid, safe='')}/authorize?type={kind}"
        try:
            reply = await self.client.ask("POST", url, partner.theirs, where.told(), to=partner.party)
            info = AuthorizationInfo.model_validate(reply.data)
        except ValidationError as wrong:
            self.directory.note(partner.id, f"what it says of a tag cannot be read: {invalid(wrong)}")
            return False
        except PartnerAwayError as failed:
            self.directory.note(partner.id, f"it was asked about a tag: {failed}")
            if known is not None and known.is_valid and known.whitelist is Whitelist.ALLOWED_OFFLINE:
                log.info("ocpi.not-asked partner=%s: its tag is good while it is away", partner.id)
            return False
        except PartnerRefusedError:
            return False  # It does not know the tag.
        token = info.token
        if not partner.has(PartyId(token.country_code, token.party_id)):
            self.directory.note(partner.id, "it spoke for a tag of somebody else")
            return False
        if info.allowed is not Allowed.ALLOWED:
            label = self.directory.label(partner.id)
            self.guests.refuse(key, f"a customer of {label}", f"{label} says that this tag {WHY[info.allowed]}")
            return False
        now = self.ground.clock.now().utc
        permission = Permission(token, AuthMethod.AUTH_REQUEST, info.authorization_reference)
        claim = Claim(partner.id, permission, now)
        try:
            # Before the driver is let in, as with a command: whose word it was must outlive a power cut, else nobody
            # pays.
            await self.keep_claim(key, claim)
        except NotStoredError as failed:
            log.warning("ocpi.claim-not-stored partner=%s: %s", partner.id, failed)
            self.directory.note(
                partner.id, f"it lets a tag charge that was turned away: its word was not stored: {failed}"
            )
            return False
        self.guests.claim(key, claim)
        self._admit(tag, _named(info.location, evses), now)
        return True

    def _at(self, station: str) -> list[str]:
        return [one.id for one in self.ground.live.state.site.evses if one.station == station]

    def _admit(self, tag: str, evses: list[str], now: datetime) -> None:
        for evse in evses:
            if not self.ground.is_held(evse):
                self.ground.admit(tag, evse, now + PASS_FOR)


def invalid(wrong: ValidationError) -> OcpiError:
    """What does not fit, by its place; what was sent is not repeated."""
    found = [f"{'.'.join(map(str, one['loc']))[:80] or 'the body'}: {one['msg'][:120]}" for one in wrong.errors()[:3]]
    return OcpiError(StatusCode.INVALID_PARAMETERS, "; ".join(found))


def _must_be(partner: Partner, party: PartyId) -> None:
    if not partner.has(party):
        raise OcpiError(StatusCode.INVALID_PARAMETERS, f"{party} is none of your parties", 404)


def _party(told: dict[str, Any]) -> PartyId:
    return PartyId(str(told.get("country_code", "")), str(told.get("party_id", "")))


def _token(data: object) -> Token | None:
    """A token of a list; of one that cannot be read the rest still counts (4.1.4)."""
    try:
        return Token.model_validate(data)
    except ValidationError as wrong:
        log.warning("ocpi.token-unreadable %s", invalid(wrong))
        return None


def _next(link: str, first: str) -> str | None:
    """The next page; only where the list itself is."""
    url, _, relation = link.partition(">")
    if 'rel="next"' not in relation.replace(" ", "") or not url.strip().startswith("<"):
        return None
    found = url.strip()[1:]
    origin = "/".join(first.split("/")[:3])
    if not found.startswith(f"{origin}/"):
        raise PartnerRefusedError("the next page of its tokens is somewhere else", 200)
    return found


def _named(location: LocationReferences | None, evses: list[str]) -> list[str]:
    """The EVSEs for which somebody is allowed: all, unless the partner names some."""
    if location is None or not location.evse_uids:
        return evses
    named = {uid.casefold() for uid in location.evse_uids}
    return [evse for evse in evses if evse_uid(evse).casefold() in named]
