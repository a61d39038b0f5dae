"""All of roaming, put together: a service of the daemon, the door for partners, and what people see of both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ems.adapters.ocpi.billing import Billing
from ems.adapters.ocpi.client import Client
from ems.adapters.ocpi.commands import Commands
from ems.adapters.ocpi.courier import Courier
from ems.adapters.ocpi.directory import Directory
from ems.adapters.ocpi.error import OcpiError, PartnerAwayError, PartnerRefusedError
from ems.adapters.ocpi.ground import Ground
from ems.adapters.ocpi.guests import CLAIMED_FOR, Claim, Guests
from ems.adapters.ocpi.handshake import Handshake
from ems.adapters.ocpi.listing import Listing
from ems.adapters.ocpi.record import claim_object
from ems.adapters.ocpi.roamer import Roamer
from ems.adapters.ocpi.server import Server
from ems.adapters.ocpi.tokens import Tokens
from ems.domain.access.admission import Guest
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.roaming import Acquaintance, Partner, Push
from ems.ports.controller import NotStoredError
from ems.ports.roaming import (
    Note,
    PartnerView,
    RecordView,
    RoamingAnswer,
    RoamingBook,
    RoamingRequest,
)

log = logging.getLogger(__name__)

LOAD_AGAIN_S = 5.0
LOOK_S = 5.0
FIRST_TRY_S, LAST_TRY_S = 10.0, 3600.0
PULL_EVERY = timedelta(hours=6)
"""Between two looks at the tokens of a partner that changed; once a day all of them are fetched."""

PULL_AGAIN_S = 900.0
MOST_SECRET = 64


@dataclass(slots=True)
class _Attempt:
    """What is tried again and again with one partner: when next (monotonic), and how often in vain."""

    due_s: float = float("-inf")
    failures: int = 0


@dataclass(slots=True)
class Roaming:
    """A `Service`, the `RoamingDoor` and the `Partners` of a site. `note` records what people did."""

    ground: Ground
    directory: Directory
    handshake: Handshake
    client: Client
    guests: Guests
    tokens: Tokens
    courier: Courier
    roamer: Roamer
    commands: Commands
    server: Server
    billing: Billing
    book: RoamingBook
    note: Note
    name: str = "ocpi"
    _is_loaded: bool = False
    _registering: dict[str, _Attempt] = field(default_factory=dict)
    _pulling: dict[str, _Attempt] = field(default_factory=dict)
    _pulled_whole: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, ground: Ground, known: Sequence[Acquaintance], book: RoamingBook, note: Note) -> Roaming:
        """Build all parts. Nothing is read yet."""
        clock = ground.clock
        directory, client = Directory(known, book, clock), Client(ground.operator)
        guests = Guests(directory.name_of, lambda: clock.now().utc)
        handshake = Handshake(ground.operator, client, directory, clock)

        async def keep_claim(key: str, claim: Claim) -> None:
            await book.keep_object(claim_object(key, claim))

        async def whole(push: Push) -> Push | None:
            return await roamer.whole(push)

        def met(partner: Partner) -> None:
            roaming.met(partner)

        async def parted(name: str) -> None:
            await roaming.part(name, tell=False)

        listing = Listing(ground, clock.now().utc)
        courier = Courier(client, directory, book, clock, whole)
        roamer = Roamer(ground, directory, guests, courier, book, listing)
        tokens = Tokens(ground, client, directory, guests, book, keep_claim)
        commands = Commands(ground, client, directory, guests, book, roamer.evse_of, keep_claim)
        server = Server(ground, directory, handshake, tokens, commands, courier, listing, book, met, parted)
        roaming = cls(
            ground, directory, handshake, client, guests, tokens, courier, roamer, commands, server,
            Billing(book, courier, clock), book, note,
        )  # fmt: skip
        return roaming

    def guest_of(self, key: str) -> Guest | None:
        """Whose customer presents a tag, by its key."""
        return self.guests.guest_of(key)

    def consult(self, station: str, tag: str) -> Awaitable[None] | None:
        """Ask partners about a tag."""
        return self.tokens.consult(station, tag) if self._is_loaded else None

    def closed(self, tab: Tab, made: Receipt | None) -> None:
        """A session is over, as the till says."""
        self.roamer.closed(tab, made)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._load()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.roamer.watch())
                group.create_task(self._look_after())
                for partner in self.directory:
                    group.create_task(self.courier.serve(partner.id))
        finally:
            await self.handshake.keep_all()
            await self.commands.close()
            await self.client.close()

    async def _load(self) -> None:
        while not self._is_loaded:
            try:
                kept = await self.book.load(self.ground.clock.now().utc - 4 * CLAIMED_FOR)
            except NotStoredError as failed:
                log.warning("ocpi.not-loaded %s", failed)
                await asyncio.sleep(LOAD_AGAIN_S)
                continue
            self.directory.load(kept.partners)
            self.guests.keep(one for one in kept.tags if one.partner in self.directory.known)
            self.courier.load(kept.pushes)
            self.roamer.load(kept.objects)
            self._is_loaded = True
            await self.roamer.look()
            for partner in self.directory.registered():
                self.roamer.greet(partner)
            log.info("ocpi.loaded partners=%d tags=%d", len(kept.partners), len(kept.tags))

    async def _look_after(self) -> None:
        """Register where we can, and keep tokens in step."""
        while True:
            for partner in self.directory:
                if self.handshake.is_due(partner):
                    await self._try(self._registering, partner.id, self._register, FIRST_TRY_S)
                elif partner.is_registered and self._is_pull_due(partner):
                    await self._try(self._pulling, partner.id, self._pull, PULL_AGAIN_S)
            await asyncio.sleep(LOOK_S)

    def _is_pull_due(self, partner: Partner) -> bool:
        if partner.url("tokens", "SENDER") is None:
            return False
        return partner.pulled is None or self.ground.clock.now().utc - partner.pulled >= PULL_EVERY

    async def _try(
        self, attempts: dict[str, _Attempt], name: str, work: Callable[[str], Awaitable[object]], first_s: float
    ) -> None:
        now, attempt = self.ground.clock.now().monotonic_s, attempts.setdefault(name, _Attempt())
        if now < attempt.due_s:
            return
        try:
            await work(name)
        except (OcpiError, PartnerAwayError, PartnerRefusedError, NotStoredError, ValueError) as failed:
            attempt.failures += 1
            self.directory.note(name, str(failed))
            log.warning("ocpi.failed partner=%s times=%d: %.200s", name, attempt.failures, failed)
            attempt.due_s = now + min(LAST_TRY_S, first_s * 2 ** min(attempt.failures - 1, 10))
        else:
            attempts.pop(name, None)

    async def _register(self, name: str) -> None:
        known = self.directory.known[name]
        before = self.directory.partner(name)
        token = "" if before.is_registered else await asyncio.to_thread(_secret, Path(known.token_file))
        await self.handshake.register(name, token, known.versions_url)
        self.met(self.directory.partner(name))

    async def _pull(self, name: str) -> int:
        """Changes where all was fetched within a day; else all."""
        now = self.ground.clock.now().monotonic_s
        whole = now - self._pulled_whole.get(name, float("-inf")) >= timedelta(days=1).total_seconds()
        count = await self.tokens.pull(self.directory.partner(name), whole)
        if whole:
            self._pulled_whole[name] = now
        self.directory.note(name, f"{count} tokens were fetched")
        return count

    def met(self, partner: Partner) -> None:
        """Credentials were exchanged: the partner is told everything, and its tokens are fetched."""
        self._pulling.pop(partner.id, None)
        self._pulled_whole.pop(partner.id, None)
        self.roamer.greet(partner)

    async def part(self, name: str, tell: bool) -> None:
        """Nothing is told to a partner any more, and its tokens open nothing."""
        await self.handshake.leave(name, tell)
        await self.book.drop_tags(name)
        self.guests.drop(name)
        # What it was told of sessions stays; what waits for it is of no use to anybody.
        await self.book.keep_pushes((), self.courier.forget(name))

    async def answer(self, request: RoamingRequest) -> RoamingAnswer:
        """What a partner is answered."""
        return await self.server.answer(request)

    @property
    def versions_url(self) -> str:
        """Where partners begin to ask."""
        return f"{self.handshake.base_url}/versions"

    @property
    def unsaid(self) -> Sequence[str]:
        """What our price lists say and OCPI cannot."""
        return tuple(self.roamer.listing.unsaid)

    def views(self) -> Sequence[PartnerView]:
        """All partners of the site."""
        return [self._view(one) for one in self.directory]

    def _view(self, partner: Partner) -> PartnerView:
        lane = self.courier.lanes[partner.id]
        oldest = lane.next()
        return PartnerView(
            id=partner.id,
            name=self.directory.label(partner.id),
            partner=partner,
            can_register=self.directory.known[partner.id].can_register,
            waiting=len(lane.waiting),
            waiting_since=None if oldest is None else oldest.at,
            last_push=lane.last,
            trouble=lane.trouble,
            trouble_since=lane.trouble_since,
            tags=self.guests.count(partner.id),
            refused=lane.refused,
            lines=self.directory.lines(partner.id),
        )

    async def invite(self, partner: str, who: str) -> str:
        """A token with which a partner can register."""
        if self.directory.partner(partner).is_registered:
            raise ValueError("this partner is registered: unregister it first, or let it register again by itself")
        token = await self.directory.invite(partner)
        self._noted(who, "PartnerInvited", partner)
        return token

    async def register(self, partner: str, who: str) -> None:
        """Register at a partner, or again."""
        known, before = self.directory.known.get(partner), self.directory.partner(partner)
        if not before.is_registered and (known is None or not known.can_register):
            remedy = "write versions_url and token_file below this partner in site.yaml, or give it a token of ours"
            raise ValueError(f"nobody knows where to register: {remedy}")
        try:
            await self._register(partner)
        except OcpiError as failed:
            self.directory.note(partner, str(failed))
            raise ValueError(str(failed)) from failed
        self._noted(who, "PartnerRegistered", partner)

    async def unregister(self, partner: str, who: str) -> None:
        """Part with a partner."""
        self.directory.partner(partner)
        await self.part(partner, tell=True)
        self._noted(who, "PartnerUnregistered", partner)

    async def pull(self, partner: str, who: str) -> int:
        """Fetch all tags of a partner."""
        known = self.directory.partner(partner)
        if not known.is_registered:
            raise ValueError("this partner is not registered")
        self._pulled_whole.pop(partner, None)
        try:
            count = await self._pull(partner)
        except (OcpiError, PartnerAwayError, PartnerRefusedError) as failed:
            self.directory.note(partner, str(failed))
            raise ValueError(str(failed)) from failed
        self._noted(who, "PartnerTokensFetched", partner)
        return count

    async def records(self, partner: str, most: int) -> Sequence[RecordView]:
        """The newest charge detail records of a partner, newest first."""
        return await self.billing.records(self.directory.partner(partner).id, most)

    async def credit(self, partner: str, record: str, who: str) -> str:
        """Take a charge detail record back by another one."""
        made = await self.billing.credit(self.directory.partner(partner).id, record)
        self._noted(who, "RecordCredited", partner, record=record)
        return made

    def _noted(self, who: str, what: str, partner: str, **more: str) -> None:
        self.note(self.ground.clock.now().utc, who, what, {"partner": partner, **more})


def _secret(path: Path) -> str:
    """The token that a partner gave us. Raises ValueError."""
    try:
        text = path.read_text("utf-8")[: MOST_SECRET + 2].strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise ValueError(f"{path}: the token cannot be read: {wrong}") from None
    if not 0 < len(text) <= MOST_SECRET or not text.isprintable() or " " in text:
        raise ValueError(f"{path} must hold the token of the partner, {MOST_SECRET} characters at most, in one line")
    return text
