"""An office with the pages of the operator's day: the real store and application; its past is what a test records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpx2
from fastapi import APIRouter

from ems.adapters.store.batch import Sample
from ems.adapters.store.recovery import Recovered
from ems.assembly.pages import page_parts
from ems.domain.tariff import Tariff
from tests.adapters.web.office import Office


class PageOffice(Office):
    """Pages are asked for by `page`."""

    tariff: Tariff | None = None

    def ways(self, _recovered: Recovered) -> tuple[APIRouter, ...]:
        self.parts = page_parts(self.store, self.scene, self.scene, lambda: self.tariff)
        return tuple(self.parts.routers)

    def page(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """A page or anything else that is read."""

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
                return await client.get(path, headers=headers)

        return self._runner.run(once())

    def record(self, samples: Iterable[Sample]) -> None:
        """These were measured; quarter hours that are over are aggregated."""
        self.store._writer.sample(samples)

        async def work() -> None:
            await self.store.flush()
            await self.store.aggregate(self.scene.instant.utc)

        asyncio.run(work())
