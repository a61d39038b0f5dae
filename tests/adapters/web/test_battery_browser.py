"""The battery on the live page: what changes is changed there, in the words of the server."""

from __future__ import annotations

from typing import Any

from ems.adapters.web import texts
from ems.adapters.web.picture import picture
from tests.adapters.web.stores import StoreScene
from tests.adapters.web.test_browser import Daemon, Visit, chromium, playwright_api, pytestmark

__all__ = ["chromium", "pytestmark"]


def test_the_page_follows_a_battery(chromium: Any) -> None:
    scene = StoreScene()
    scene.tick(3)
    daemon = Daemon(scene)
    try:
        visit = Visit(chromium, daemon.url).live()
        part = visit.page.locator("#b0")
        playwright_api.expect(part.locator("[data-f=flow]")).to_have_text("gives 12.0 kW")

        def charges() -> None:
            scene.flows_w = 7000.0
            scene.refuses("exception 4")
            scene.tick()
            scene.announce()

        daemon.do(charges)
        playwright_api.expect(part.locator("[data-f=flow]")).to_have_text("takes 7.0 kW")
        said = texts.of_battery(picture(scene.state, scene.decision, scene.now())["batteries"][0])
        for name in ("soc", "size", "told", "why", "fault"):
            playwright_api.expect(part.locator(f"[data-f={name}]")).to_have_text(said[name])
        assert part.get_attribute("data-fault") is not None
        assert visit.complaints == []
    finally:
        daemon.stop()
