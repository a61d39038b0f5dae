"""The page of a bay is told what is new: at once, only once, and never so many that nobody else is served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.driver import live
from ems.adapters.web.driver.live import Crowd
from ems.domain.access.book import AccessMode, Doors
from ems.domain.events import StatusChanged
from ems.domain.station import EvseStatus
from tests.adapters.web.driver_office import HERE, DriverOffice
from tests.assembly.patience import eventually

FREE = "CP-14/1"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[DriverOffice]:
    with DriverOffice(tmp_path, doors=Doors(AccessMode.FREE)) as opened:
        yield opened


class Phone:
    """Listens to the news of a bay, from an address."""

    def __init__(self, office: DriverOffice, evse: str, address: str = "10.0.0.7", **headers: str) -> None:
        self.status, self.heard = 0, b""
        self._leave = asyncio.Event()
        path = f"/c/{office.slug(evse)}/news"
        told = {"host": HERE.partition("://")[2], **{name.replace("_", "-"): text for name, text in headers.items()}}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(name.encode(), text.encode()) for name, text in told.items()],
            "client": (address, 50_000), "server": ("localhost", 8080),
        }  # fmt: skip
        self.task = asyncio.create_task(office.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.heard += message.get("body", b"")

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Ids with their news."""
        found = [block.split("\n") for block in self.heard.decode().split("\n\n") if block.startswith("id: ")]
        return [(name[4:], json.loads(data[6:])) for name, data in found]

    async def left(self) -> None:
        """It goes away."""
        self._leave.set()
        await self.task


@asynccontextmanager
async def listening(office: DriverOffice, evse: str = FREE, **told: str) -> AsyncIterator[Phone]:
    phone = Phone(office, evse, **told)
    await eventually(lambda: phone.status != 0, what="an answer")
    try:
        yield phone
    finally:
        await phone.left()


def run(office: DriverOffice, work: Coroutine[Any, Any, None]) -> None:
    office._runner.run(work)


def put(office: DriverOffice, status: EvseStatus) -> None:
    office.loop.inbox.put(StatusChanged(FREE, office.scene.instant, status))
    office.tick()


def test_what_changes_is_told_at_once(office: DriverOffice) -> None:
    async def scenario() -> None:
        async with listening(office) as phone:
            await eventually(lambda: len(phone.events) == 1, what="what is there")
            first = phone.events[0][1]
            put(office, EvseStatus.PREPARING)
            await eventually(lambda: len(phone.events) == 2, what="the change")
            assert phone.events[1][1]["key"] != first["key"]
            assert phone.status == 200

    run(office, scenario())


def test_whoever_has_it_already_is_not_told_again(office: DriverOffice) -> None:
    async def scenario() -> None:
        async with listening(office) as phone:
            await eventually(lambda: len(phone.events) == 1, what="what is there")
        async with listening(office, last_event_id=phone.events[0][0]) as again:
            put(office, EvseStatus.PREPARING)
            await eventually(lambda: len(again.events) == 1, what="the change alone")
            assert again.events[0][0] != phone.events[0][0]

    run(office, scenario())


def test_it_is_what_the_page_would_be_told_that_asks(office: DriverOffice) -> None:
    asked = office.visit(f"/c/{office.slug(FREE)}/live").json()

    async def scenario() -> None:
        async with listening(office) as phone:
            await eventually(lambda: bool(phone.events), what="what is there")
            assert phone.events[0][1] == asked

    run(office, scenario())


def test_one_address_takes_only_so_many_places_and_others_are_told_on(office: DriverOffice) -> None:
    async def scenario() -> None:
        phones = [Phone(office, FREE) for _ in range(live.EACH + 1)]
        await eventually(lambda: all(one.status for one in phones), what="answers")
        assert sorted(one.status for one in phones) == [200] * live.EACH + [503]
        async with listening(office, address="10.0.0.8") as other:
            assert other.status == 200
        for one in phones:
            await one.left()
        async with listening(office) as again:
            assert again.status == 200

    run(office, scenario())


def test_all_together_take_only_so_many_places() -> None:
    crowd, closing = Crowd(places=3, each=2), asyncio.Event()
    for address in ("a", "a", "b"):
        hall = crowd.hall(address, closing)
        assert hall.taken < hall.places
        hall.taken += 1
    assert crowd.hall("c", closing).places == 0
    crowd.hall("b", closing)
    assert crowd.taken == 3


def test_who_opens_streams_again_and_again_is_told_to_wait(office: DriverOffice) -> None:
    async def scenario() -> None:
        office.pages.paces.looks.burst = 3
        statuses = []
        for _ in range(4):
            async with listening(office) as phone:
                statuses.append(phone.status)
        assert statuses == [200, 200, 200, 429]

    run(office, scenario())


def test_a_word_that_leads_nowhere_has_no_news(office: DriverOffice) -> None:
    assert office.visit("/c/nothing1/news").status_code == 404


def test_a_stream_ends_with_the_server(office: DriverOffice) -> None:
    async def scenario() -> None:
        async with listening(office) as phone:
            office.hall.closing.set()
            await asyncio.wait_for(phone.task, 5)

    run(office, scenario())
