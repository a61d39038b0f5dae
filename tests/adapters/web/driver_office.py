"""Drivers before a site, without a login: the real desk, store and application; stations say what they are told to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from ems.adapters.store.recovery import Recovered
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.web.app import WebOptions
from ems.adapters.web.driver.bay import House, Imprint
from ems.adapters.web.driver.deeds import driver_deeds
from ems.adapters.web.driver.language import Languages
from ems.adapters.web.driver.letters import Letters, Post
from ems.adapters.web.driver.live import Crowd
from ems.adapters.web.driver.pages import Lobby as Pages
from ems.adapters.web.driver.pages import Paces, driver_pages
from ems.adapters.web.driver.sheet import driver_api, sticker_pages
from ems.adapters.web.driver.taps import Taps
from ems.adapters.web.route import Router
from ems.assembly.receipts import SiteReceipts
from ems.assembly.session_desk import SiteSessionDesk
from ems.domain.access.book import AccessMode, Doors
from ems.domain.events import MeterValues, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.session import Transaction
from ems.domain.station import EvseStatus
from ems.ports.payments import Payments
from ems.runtime.driver_desk import DriverDesk, Lobby
from tests.adapters.web.office import Office
from tests.assembly.patience import eventually

HERE = "http://localhost:8080"
FORM = {
    "content-type": "application/x-www-form-urlencoded",
    "origin": HERE,
    "sec-fetch-site": "same-origin",
}


class Switch:
    """Stations that begin and end as they are told, or refuse."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []
        self.stopped: list[str] = []
        self.why = ""

    async def start(self, evse: str, tag: str) -> str:
        self.started.append((evse, tag))
        return self.why

    async def stop(self, evse: str) -> str:
        self.stopped.append(evse)
        return self.why


class DriverOffice(Office):
    """`phones` are apart by their cookies."""

    def __init__(
        self,
        folder: Path,
        imprint: Imprint | None = None,
        doors: Doors | None = None,
        payments: Payments | None = None,
        post: Post | None = None,
    ) -> None:
        self.post = post
        self.imprint, self.doors, self.payments = imprint or Imprint(), doors or Doors(AccessMode.TAGS), payments
        self.switch = Switch()
        super().__init__(folder, WebOptions())

    def ways(self, recovered: Recovered) -> tuple[Router, ...]:
        del recovered
        lobby = Lobby(
            self.store.drivers, self.switch, self.operations, lambda: self.operations.daybook, lambda: self.doors,
            lambda: self.loop.core.state, self.scene, self.store.audit.add,
        )  # fmt: skip
        self.desk = DriverDesk(lobby)
        house = House(
            self.scene, self.scene, self.operations, self.desk, SiteReceipts(self.till, self.store), self.payments,
            Languages(), lambda: self.imprint,
            SiteSessionDesk(self.store, SessionReader(self.store.database), self.scene, self.scene).detail,
        )  # fmt: skip
        self.letters = None if self.post is None else Letters(house, self.post)
        self.house, pages = house, Pages(house, Paces.usual(), Crowd(), Taps(), self.letters)
        self.pages = pages
        self._runner.run(self._stickers())
        return (driver_api(house), driver_deeds(pages), driver_pages(pages), sticker_pages(house))

    async def _stickers(self) -> None:
        keeping = asyncio.create_task(self.desk._keeper.keep_up())
        await eventually(lambda: len(self.desk.stickers) >= len(self.scene.site.evses), what="stickers")
        keeping.cancel()

    def slug(self, evse: str) -> str:
        return next(one.slug for one in self.desk.stickers if one.evse == evse)

    def visit(
        self,
        path: str,
        told: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """A phone opens a page, or sends a form; `cookies` are kept in the given jar."""
        jar = {} if cookies is None else cookies

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url=HERE) as client:
                content = None if told is None else urlencode(told).encode()
                all_headers = {
                    **({} if told is None else FORM),
                    **({"cookie": "; ".join(f"{k}={v}" for k, v in jar.items())} if jar else {}),
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                }
                answer = await client.request(
                    "GET" if told is None else "POST", path, content=content, headers=all_headers
                )
                await self.desk.tick()
                await asyncio.sleep(0)
                return answer

        answer = self._runner.run(once())
        for header in answer.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value:
                jar[name] = value
            else:
                jar.pop(name, None)
        self.tick()
        return answer

    def begin(self, evse: str, tag: str, number: int = 900) -> None:
        """A station begins with a tag."""
        at = self.scene.instant
        self.loop.inbox.put(StatusChanged(evse, at, EvseStatus.CHARGING))
        self.loop.inbox.put(TransactionStarted(evse, at, Transaction(number, at.utc, 1000.0, tag)))
        self.tick()
        self._runner.run(self.desk.tick())
        self.tick()

    def charges(self, evse: str, energy_wh: float) -> None:
        """The meter of a station shows what its transaction got."""
        at = self.scene.instant
        self.loop.inbox.put(MeterValues(evse, at.monotonic_s, register_wh=1000.0 + energy_wh))
        self.tick()

    def ends(self, evse: str, number: int) -> None:
        """A transaction ends; its vehicle stays."""
        at = self.scene.instant
        self.loop.inbox.put(TransactionEnded(evse, at, number, None, "Local"))
        self.loop.inbox.put(StatusChanged(evse, at, EvseStatus.FINISHING))
        self.tick()

    def plug(self, evse: str) -> None:
        """A vehicle is plugged in."""
        self.loop.inbox.put(StatusChanged(evse, self.scene.instant, EvseStatus.PREPARING))
        self.tick()
