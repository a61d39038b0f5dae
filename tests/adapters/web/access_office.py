"""An office in which people look after tags: the real porter, store and application."""

from __future__ import annotations

from urllib.parse import quote

import httpx2
from starlette.types import Receive, Scope, Send

from ems.adapters.store.recovery import Recovered
from ems.adapters.web.access.page import access_ways
from ems.adapters.web.needs import SCOPE_KEY
from ems.adapters.web.route import Router
from ems.assembly.access import CardWatch, SiteAccess
from ems.domain.access.account import Kind, Role, Visitor
from ems.domain.access.book import AccessMode, Doors
from ems.domain.daybook import Daybook
from ems.domain.events import Event
from ems.domain.remote.outcome import Activity, Outcome, Spoken, Verdict
from ems.domain.remote.request import StationRequest
from ems.domain.session import Transaction
from ems.runtime.list_keeper import ListKeeper
from ems.runtime.porter import Porter
from ems.runtime.usher import Usher
from tests.adapters.web.office import Office


class NoStation:
    """The way to stations while none is connected."""

    def objection(self, _station: str, _request: StationRequest) -> str | None:
        return None

    async def ask(self, _station: str, _request: StationRequest, _late: object) -> Outcome:
        return Outcome(Verdict.OFFLINE)

    def messages(self, _station: str) -> tuple[Spoken, ...]:
        return ()

    def activity(self, _station: str) -> Activity:
        return Activity()

    def called_as(self, _station: str) -> str | None:
        return None


class AccessOffice(Office):
    """The porter is told of every change, as by the daemon."""

    doors = Doors(AccessMode.TAGS)

    def ways(self, recovered: Recovered) -> tuple[Router, ...]:
        scene, book = self.scene, self.operations.daybook
        self.doors = Doors(self.doors.mode, zone=scene.site.zone)
        self.stopped: list[str] = []
        self.porter = Porter(
            book.access, book.fleet, self.doors, scene, lambda: self.loop.core.state, self.stopped.append
        )
        self.porter.remember(recovered.remembered.uses, recovered.remembered.cards)

        def follow(told: Daybook) -> None:
            self.porter.book, self.porter.fleet = told.access, told.fleet

        self.operations.followers.append(follow)
        lists = ListKeeper(NoStation(), self.porter, scene, lambda: self.loop.core.state, lambda *_: None, {})
        usher = Usher(NoStation(), self.porter, scene, lambda: self.loop.core.state, self.operations.change)
        self.desk = SiteAccess(self.porter, lists, usher, self.store, self.loop, scene)
        return access_ways(scene, scene, self.operations, self.desk)

    def access_page(self, words: str = "", role: Role = Role.OPERATOR) -> httpx2.Response:
        """The page, with the tags in which such words are, as somebody with a role sees it."""

        async def behind(scope: Scope, receive: Receive, send: Send) -> None:
            await self.app.app({**scope, SCOPE_KEY: Visitor("vera", role, Kind.PERSON)}, receive, send)

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=behind)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
                return await client.get("/access", params={"words": words} if words else {})

        return self._runner.run(once())

    def clear(self) -> None:
        """Nothing is known of anybody, as in a new office."""
        book = self.operations.daybook.access
        for path in (
            *(f"/waitlist/{one.id}" for one in book.waiting),
            *(f"/reservations/{number}" for number in book.reservations),
            *(f"/tags/{quote(tag.id)}" for tag in book.tags.values()),
            *(f"/groups/{name}" for name in sorted(book.groups, key=lambda name: -len(list(book.lineage(name))))),
            *(f"/people/{name}" for name in book.people),
            *(f"/vehicles/{name}" for name in self.operations.daybook.fleet.vehicles),
            *(f"/cards/{quote(card.tag)}" for card in self.desk.cards),
        ):
            self.told("DELETE", path)

    def present(self, tag: str, station: str = "CP-11") -> bool:
        """Somebody holds a card up; whether it may charge."""
        return self.porter.authorise(station, tag).is_accepted

    def let_go(self) -> None:
        CardWatch(self.porter, self.store).save()
        super().let_go()

    def starts(self, evse: str, number: int, tag: str) -> bool:
        """A station reports a start; whether its tag is accepted."""
        return self.porter.started(evse, Transaction(number, self.scene.instant.utc, 0.0, tag)).is_accepted

    def tell(self, *events: Event) -> None:
        for event in events:
            self.loop.inbox.put(event)
        self.tick()
