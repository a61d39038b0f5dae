"""The pages that are offered, all of them and with something that waits, on screens of every width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request, Response

from ems.adapters.web.app import WebOptions
from ems.adapters.web.navigation import PAGES, Badged
from ems.adapters.web.needs import needs
from ems.adapters.web.page import environment
from ems.adapters.web.server import WebServer
from ems.adapters.web.sheet import Sheet
from ems.domain.access.account import Role
from tests.adapters.web.scene import Scene, busy
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

EMPTY = '{% extends "frame.html" %}{% block script %}tell.js{% endblock %}'
WIDTHS = (320, 360, 390, 768, 1280)
MOST = 123


def empty_pages(scene: Scene) -> Badged:
    """Every page there is, with nothing on it."""
    sheet, template = Sheet(scene, scene), environment().from_string(EMPTY)
    router = Badged({"/alarms": lambda: MOST}, include_in_schema=False, dependencies=[needs(Role.VIEWER)])

    async def shown(request: Request) -> Response:
        return await sheet.page(request, template)

    for page in PAGES:
        if page.path not in {"/", "/plan"}:
            router.add_api_route(page.path, shown)
    return router


class House(Daemon):
    """A web server with every page."""

    def __init__(self) -> None:
        self.scene = busy()
        self.serve(WebServer(self.scene, self.scene, WebOptions(port=0), further=(empty_pages(self.scene),)))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    running = House()
    yield running
    running.stop()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_that_is_offered_runs_off_the_screen(chromium: Any, house: House, width: int) -> None:
    """Whichever is shown: its name stands in the row, however long it is."""
    seen = Visit(chromium, house.url, viewport={"width": width, "height": 844})
    wide = []
    for page in PAGES:
        seen.page.goto(f"{house.url}{page.path.removeprefix('/')}")
        if seen.page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(page.title)
    seen.page.close()
    assert wide == []
