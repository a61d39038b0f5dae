"""A site in motion with a database, where somebody changes things through the real application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.prices.api import prices
from ems.adapters.web.prices.page import price_pages
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.stream import Hall
from ems.assembly.operations import SiteOperations
from ems.assembly.receipts import SiteReceipts
from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.session import Session
from ems.domain.state import EvseState
from ems.runtime.loop import Core, Loop
from ems.runtime.till import Till
from tests.adapters.web.scene import busy

JSON = {"content-type": "application/json"}


class Office:
    """Every request is answered by the application; then the core hears what came of it."""

    def __init__(self, folder: Path, options: WebOptions | None = None) -> None:
        self.scene = busy(14)
        self._runner = asyncio.Runner()
        self._folder, self._options = folder, options or WebOptions()
        self.open()

    def open(self) -> None:
        """Begin, as a daemon does, with what was stored."""
        scene = self.scene
        self.store = Store(self._folder / "ems.db", scene, patience_s=5)
        recovered = self.store.open()
        core = Core(Controller.of(scene.site), scene.state, Memory.blank(scene.site))
        self.loop = Loop(core, scene, lambda _: None, lambda _: None)
        self.operations = SiteOperations.of(recovered.daybook, self.store, self.loop, scene)
        self.till = Till(lambda: self.operations.daybook, self.store.tabs, recovered.tabs)
        told = prices(scene, scene, self.operations, SiteReceipts(self.till, self.store))
        further = (told, price_pages(Sheet(scene, scene), self.operations))
        self.offered = (*further, *self.ways(recovered))
        self.hall = Hall(self._options.max_streams)
        self.app = create_app(scene, scene, self._options, self.hall, self.operations, further=self.offered)
        self.tick()

    def ways(self, _recovered: Recovered) -> tuple[Router, ...]:
        """What else the application offers."""
        return ()

    def restart(self) -> None:
        """The power goes; only what was stored is left."""
        self.let_go()
        self.open()

    def let_go(self) -> None:
        """Of the database."""
        self.store.close()

    def close(self) -> None:
        """End it."""
        self.let_go()
        self._runner.close()

    def tick(self, times: int = 2) -> None:
        """What waits is applied, and the roster looks at it."""
        for _ in range(times):
            events = self.loop.inbox.drain()
            self.loop.core.tick(events, self.scene.instant)
            self.scene.state = self.loop.core.state
            self.till.tick(events, self.scene.state, self.scene.instant)
            self.operations.roster.tick(self.scene.state, self.scene.instant)

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """One request; a body is sent as JSON, bytes as they are."""
        return self.ask_at_once(method, path, [body], headers)[0]

    def ask_at_once(
        self, method: str, path: str, bodies: Sequence[object], headers: dict[str, str] | None = None
    ) -> list[httpx2.Response]:
        """A request with each body, none of which waits for another."""

        async def all_of_them() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:

                async def once(body: object) -> httpx2.Response:
                    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
                    told = {**({} if content is None else JSON), **(headers or {})}
                    return await client.request(method, f"/api/v1{path}", headers=told, content=content)

                return await asyncio.gather(*map(once, bodies))

        answers = self._runner.run(all_of_them())
        self.tick()
        return answers

    def told(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """The JSON of a request that goes well."""
        answer = self.ask(method, path, body, headers)
        assert answer.status_code in {200, 204}, answer.text
        return answer.json() if answer.content else None

    def refused(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and words of a request that is refused."""
        answer = self.ask(method, path, body, headers)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["detail"]

    def evse(self, name: str) -> EvseState:
        """What the core knows of an EVSE."""
        return self.loop.core.state.evse(name)

    def session(self, name: str) -> Session:
        """The session that runs there."""
        session = self.evse(name).session
        assert session is not None
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
