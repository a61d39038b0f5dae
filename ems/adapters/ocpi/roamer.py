"""The roamer watches the site and has partners told: the state of EVSEs, tariffs, sessions of their customers, and what
those cost. It looks at each tick from beside the loop, so that nothing here ever keeps a tick waiting.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from pydantic import ValidationError

from ems.adapters.ocpi.courier import Courier
from ems.adapters.ocpi.directory import Directory
from ems.adapters.ocpi.ground import Ground
from ems.adapters.ocpi.guests import Guests
from ems.adapters.ocpi.listing import Listing
from ems.adapters.ocpi.model.session import AuthMethod, Cdr, Session, SessionStatus
from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.naming import evse_uid, session_id
from ems.adapters.ocpi.record import claim_of, session_object
from ems.adapters.ocpi.wording.session import Permission, begun, cdr, cost_so_far, kwh
from ems.adapters.ocpi.wording.tariff import worded
from ems.domain.access.tag import tag_key
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.roaming import ObjectKind, Partner, Push, ToldObject
from ems.domain.session import Session as OurSession
from ems.domain.session import name_of
from ems.ports.controller import NotStoredError
from ems.ports.roaming import RoamingBook

log = logging.getLogger(__name__)

TELL_S = 60.0
"""Between two messages about a session that goes on."""

PRICES_S = 10.0
LEFT_S = 120.0
"""After a start a session that nobody finds again is given up after so long."""

PAUSE_S = 0.5
MOST_CLOSED = 1_000


class Closed(NamedTuple):
    """A session of ours is over."""

    tab: Tab
    receipt: Receipt | None


@dataclass(slots=True)
class Guest:
    """A session of a guest as its partner knows it; `evse` where it runs, empty while nobody has seen it."""

    told: Session
    partner: str
    evse: str
    told_s: float
    energy: Decimal
    is_charging: bool = True


@dataclass(slots=True)
class Roamer:
    """What partners are told of the site."""

    ground: Ground
    directory: Directory
    guests: Guests
    courier: Courier
    book: RoamingBook
    listing: Listing
    _running: dict[str, Guest] = field(default_factory=dict)
    _closed: deque[Closed] = field(default_factory=lambda: deque(maxlen=MOST_CLOSED))
    _looked_s: float = float("-inf")
    _given_up_s: float = float("inf")

    def load(self, objects: Sequence[ToldObject]) -> None:
        """Go on with the sessions that ran."""
        now = self.ground.clock.now()
        self._given_up_s = now.monotonic_s + LEFT_S
        for one in objects:
            try:
                if one.kind is ObjectKind.CLAIM:
                    self.guests.claim(one.id, claim_of(one))
                elif one.kind is ObjectKind.SESSION:
                    told = Session.model_validate_json(one.body)
                    self._running[told.id] = Guest(told, one.partner, "", now.monotonic_s, told.kwh)
            except (ValidationError, ValueError, KeyError) as wrong:
                log.warning("ocpi.object-unreadable id=%.60r: %s", one.id, type(wrong).__name__)

    def closed(self, tab: Tab, made: Receipt | None) -> None:
        """A session is over, as the till says; at once."""
        self._closed.append(Closed(tab, made))

    def evse_of(self, partner: str, session: str) -> str | None:
        """At which EVSE a session of a partner charges."""
        found = self._running.get(session.lower())
        if found is None or found.partner != partner or not found.evse:
            return None
        known = self.ground.live.state.evse(found.evse).session
        return found.evse if known is not None and known.transaction is not None else None

    async def watch(self) -> None:
        """Look at each tick until cancelled."""
        version = -1
        while True:
            version = await self.ground.live.changed(version)
            try:
                await self.look()
            except NotStoredError as failed:
                # Nothing was told that is not kept: the next look finds the same again.
                log.warning("ocpi.not-stored %s", failed)
                await asyncio.sleep(TELL_S / 10)
            await asyncio.sleep(PAUSE_S)

    async def look(self) -> None:
        """One look at the site. Raises NotStoredError."""
        now = self.ground.clock.now()
        if now.monotonic_s - self._looked_s >= PRICES_S:
            self._looked_s = now.monotonic_s
            changed, gone, repriced = self.listing.look_at_prices(now.utc)
            self._tell_tariffs(changed, gone)
            for evse in repriced:
                self._tell_evse(evse, "PUT", self.listing.evse(evse).told())
        for evse in self.listing.look(now.utc):
            one = self.listing.evse(evse)
            self._tell_evse(evse, "PATCH", {"status": one.status.value, "last_updated": one.told()["last_updated"]})
        for known in self.ground.live.state.evses:
            if known.session is not None:
                await self._look_at(known.session)
        while self._closed:
            try:
                await self._close(self._closed[0])
            except ValidationError:
                # Our own fault; the other sessions are told all the same, and the receipt is in the database.
                log.exception("ocpi.record-impossible session=%.80r", self._closed[0].tab.usage.session)
            self._closed.popleft()
        if now.monotonic_s >= self._given_up_s:
            for guest in [one for one in self._running.values() if not one.evse]:
                await self._give_up(guest)
            self._given_up_s = float("inf")

    async def _give_up(self, guest: Guest) -> None:
        """A session of an earlier run that nobody sees any more: it ended, maybe unheard of in the moment between."""
        evse = self.ground.evse(guest.told.evse_uid)
        over = None if evse is None else await self.ground.closed_tab(name_of(evse.id, guest.told.start_date_time))
        if over is not None:
            await self._close(Closed(*over))
            return
        now = self.ground.clock.now().utc
        kept = await self.book.object(ObjectKind.CDR, guest.told.id, guest.partner)
        status = SessionStatus.INVALID if kept is None else SessionStatus.COMPLETED
        log.error("ocpi.session-lost partner=%s id=%s now=%s", guest.partner, guest.told.id, status)
        update = {"status": status, "end_date_time": now, "last_updated": now}
        await self._end(guest, guest.told.model_copy(update=update), None)

    def greet(self, partner: Partner) -> None:
        """A partner is told everything."""
        for tariff in self.listing.tariffs:
            self._push(partner, "tariffs", f"tariff/{tariff.id}", "PUT", f"/{tariff.id}", tariff.told())
        whole = self.listing.location()
        self._push(partner, "locations", "location", "PUT", f"/{whole.id}", whole.told())

    async def whole(self, push: Push) -> Push | None:
        """The whole object of a push."""
        partner = self.directory.partner(push.partner)
        prefix = self._prefix()
        if push.module == "locations":
            whole = self.listing.location()
            return self._made(push, f"{prefix}/{whole.id}", json.dumps(whole.told()))
        if push.module == "sessions":
            kept = await self.book.object(ObjectKind.SESSION, push.key.rpartition("/")[2], partner.id)
            return None if kept is None else self._made(push, push.path, kept.body)
        return None

    def _made(self, push: Push, path: str, body: str) -> Push:
        return Push(push.number, push.partner, push.module, push.key, "PUT", path, body, push.at)

    def _prefix(self) -> str:
        party = self.ground.operator.party
        return f"/{party.country_code}/{party.party_id}"

    def _push(self, partner: Partner, module: str, key: str, method: str, path: str, body: object) -> None:
        """Tell a partner something that need not be kept."""
        self.courier.send(self.courier.prepared(partner.id, module, key, method, self._prefix() + path, body))

    def _tell_evse(self, evse: str, method: str, body: object) -> None:
        uid = evse_uid(evse)
        for partner in self.directory.registered():
            path = f"/{self.ground.operator.location}/{uid}"
            self._push(partner, "locations", f"evse/{uid}", method, path, body)

    def _tell_tariffs(self, changed: Sequence[object], gone: Sequence[str]) -> None:
        for partner in self.directory.registered():
            for tariff in self.listing.tariffs:
                if tariff in changed:
                    self._push(partner, "tariffs", f"tariff/{tariff.id}", "PUT", f"/{tariff.id}", tariff.told())
            for name in gone:
                self._push(partner, "tariffs", f"tariff/{name}", "DELETE", f"/{name}", None)

    async def _look_at(self, ours: OurSession) -> None:
        name = session_id(self.ground.operator, ours.id)
        guest = self._running.get(name)
        if guest is None:
            await self._begin(name, ours)
            return
        guest.evse = ours.evse
        now, is_charging = self.ground.clock.now(), ours.transaction is not None
        energy = max(guest.told.kwh, kwh(ours.delivered_wh))
        has_stopped = guest.is_charging and not is_charging
        if not has_stopped and (energy == guest.energy or now.monotonic_s - guest.told_s < TELL_S):
            return
        update: dict[str, object] = {"kwh": energy, "last_updated": now.utc}
        cost = cost_so_far(self.ground.tab(ours.evse), self.ground.live.state.site.zone)
        if cost is not None:
            update["total_cost"] = cost
        told = guest.told.model_copy(update=update)
        await self._tell(guest.partner, told, "PATCH", {key: told.told()[key] for key in update})
        guest.told, guest.told_s, guest.energy, guest.is_charging = told, now.monotonic_s, energy, is_charging

    async def _begin(self, name: str, ours: OurSession) -> None:
        by = self._permission(ours)
        if by is None:
            return
        partner, permission = by
        now, site = self.ground.clock.now(), self.ground.live.state.site
        if await self.book.object(ObjectKind.SESSION, name, partner) is not None:
            return  # It was told that it is over.
        times = (ours.plugged, now.utc)
        told = begun(self.ground.operator, site, name, evse_uid(ours.evse), permission, times)
        await self._tell(partner, told, "PUT", told.told())
        self._running[name] = Guest(told, partner, ours.evse, now.monotonic_s, told.kwh)
        log.info("ocpi.session partner=%s evse=%s id=%s", partner, ours.evse, name)

    def _permission(self, ours: OurSession) -> tuple[str, Permission] | None:
        """By whose word somebody charges; None when no partner speaks for them."""
        key = tag_key((ours.transaction.id_tag if ours.transaction is not None else None) or "")
        if not key or self.ground.operations.daybook.access.tag(key) is not None:
            return None
        claim = self.guests.claimed(key)
        if claim is not None and self.directory.name_of(claim.partner) is not None:
            return claim.partner, claim.permission
        known = self.guests.find(key)
        if known is None or not known.is_valid:
            return None
        token = Token(
            country_code=known.party.country_code,
            party_id=known.party.party_id,
            uid=known.uid,
            type=known.kind,  # type: ignore[arg-type]  # pydantic makes it one of its words
            contract_id=known.contract_id,
            issuer=known.partner[:64],
            valid=known.is_valid,
            whitelist=known.whitelist,
            last_updated=ours.plugged,
        )
        return known.partner, Permission(token, AuthMethod.WHITELIST)

    async def _close(self, over: Closed) -> None:
        guest = self._running.get(session_id(self.ground.operator, over.tab.usage.session))
        if guest is None:
            return
        now, site = self.ground.clock.now().utc, self.ground.live.state.site
        usage, made = over.tab.usage, over.receipt
        is_empty = usage.energy_wh <= 0
        update = {
            "kwh": kwh(usage.energy_wh),
            "end_date_time": usage.until,
            "status": SessionStatus.INVALID if is_empty else SessionStatus.COMPLETED,
            "last_updated": now,
        }
        told = guest.told.model_copy(update=update)
        if is_empty:
            await self._end(guest, told, None)
            return
        prices = over.tab.prices
        operator = self.ground.operator
        tariff = None if prices is None else worded(operator, prices, usage.plugged, site.zone, usage.plugged).tariff
        record = cdr(operator, site, told, self.listing.evse(usage.evse), over.tab, made, tariff)
        told = told.model_copy(
            update={"total_cost": record.total_cost, "charging_periods": tuple(record.charging_periods)}
        )
        await self._end(guest, told, record)

    async def _end(self, guest: Guest, told: Session, record: Cdr | None) -> None:
        kept = [session_object(told, guest.partner)]
        pushes = [self._session_push(guest.partner, told, "PUT", told.told())]
        if record is not None:
            body = record.told()
            kept.append(ToldObject(ObjectKind.CDR, record.id, guest.partner, record.last_updated, json.dumps(body)))
            pushes.append(self.courier.prepared(guest.partner, "cdrs", f"cdr/{record.id}", "POST", "", body))
        await self.courier.keep_and_send(kept, pushes)
        self._running.pop(told.id, None)
        log.info("ocpi.session-over partner=%s id=%s status=%s", guest.partner, told.id, told.status)

    async def _tell(self, partner: str, told: Session, method: str, body: object) -> None:
        """Keep a session and what is to be pushed of it, then push it."""
        push = self._session_push(partner, told, method, body)
        await self.courier.keep_and_send((session_object(told, partner),), (push,))

    def _session_push(self, partner: str, told: Session, method: str, body: object) -> Push:
        path = f"{self._prefix()}/{told.id}"
        return self.courier.prepared(partner, "sessions", f"session/{told.id}", method, path, body)
