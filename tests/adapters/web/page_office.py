"""An office with the pages of the operator's day: the real store and application; its past is what a test records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from ems.adapters.store.batch import Sample
from ems.adapters.store.recovery import Recovered
from ems.adapters.web.needs import SCOPE_KEY
from ems.adapters.web.route import Router
from ems.assembly.meter_keys import SiteMeterKeys
from ems.assembly.pages import PageNeeds, page_parts
from ems.domain.access.account import Kind, Role, Visitor
from ems.domain.energy.tariff import Tariff
from ems.ports.stations import ObjectionError
from ems.runtime.remote import RemoteControl
from ems.runtime.uploads import Uploads
from tests.adapters.web.access_office import AccessOffice, NoStation


async def nowhere(_host: str, _word: str, _over_ftp: bool) -> str:
    """No station can upload anything."""
    raise ObjectionError("nobody listens for files here")


class PageOffice(AccessOffice):
    """Pages are asked for by `page`."""

    tariff: Tariff | None = None

    def ways(self, recovered: Recovered) -> tuple[Router, ...]:
        others, scene = super().ways(recovered), self.scene
        self.remote = RemoteControl(
            NoStation(),
            scene,
            lambda: scene.state,
            self.store.audit.add,
            lambda _model: {},
            Uploads(self._folder, scene),
            nowhere,
        )
        site = self._folder / "site"
        site.mkdir(exist_ok=True)
        self.keys = SiteMeterKeys(self.store, scene)
        store, operations, folder = self.store, self.operations, self._folder
        needs = PageNeeds(
            site, folder, store, scene, scene, operations, self.remote, self.desk, lambda: self.tariff, True,
            keys=self.keys,
        )  # fmt: skip
        self.parts = page_parts(needs)
        return (*others, *self.parts.routers)

    def page(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """A page or anything else that is read."""
        return self._shown(self.app, path, headers)

    def page_for(self, role: Role, path: str) -> httpx2.Response:
        """The same behind the gate, which found out that somebody with a role asks."""

        async def behind(scope: Scope, receive: Receive, send: Send) -> None:
            await self.app.app({**scope, SCOPE_KEY: Visitor("vera", role, Kind.PERSON)}, receive, send)

        return self._shown(behind, path, None)

    def _shown(self, app: ASGIApp, path: str, headers: dict[str, str] | None) -> httpx2.Response:
        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
                return await client.get(path, headers=headers)

        return self._runner.run(once())

    def run(self, work: Any) -> Any:
        """Something that waits."""
        return self._runner.run(work)

    def record(self, samples: Iterable[Sample]) -> None:
        """These were measured; quarter hours that are over are aggregated."""
        self.store._writer.sample(samples)

        async def work() -> None:
            await self.store.flush()
            await self.store.aggregate(self.scene.instant.utc)

        asyncio.run(work())
