"""The page of partners in a real browser, before a running daemon and a provider over sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ems.assembly.daemon import Daemon
from ems.settings.machine_token import known_token
from tests.adapters.ocpi.provider import Provider, serving, token
from tests.adapters.web.test_browser import CHROMIUM, Visit, chromium
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running
from tests.assembly.test_ocpi import OCPI, roaming

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


T = TypeVar("T")


class Behind:
    """The daemon, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.site = Installation.at(folder)
        self.site.write(more=OCPI.format(page=self.site.page, more=""))
        self._loop, self._opened, self._over = asyncio.new_event_loop(), Future[None](), asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._work()), daemon=True)
        self._thread.start()
        self._opened.result(30)
        self.token = known_token(self.site.state)

    async def _work(self) -> None:
        async with grid_meter(self.site.modbus), running(self.site) as self.daemon:
            await eventually(lambda: roaming(self.daemon)._is_loaded)
            self._opened.set_result(None)
            await self._over.wait()

    def wait(self, work: Callable[[Daemon], Coroutine[Any, Any, T]]) -> T:
        """Wait for something inside the loop."""
        return asyncio.run_coroutine_threadsafe(work(self.daemon), self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    opened = Behind(tmp_path)
    yield opened
    opened.close()


@pytest.mark.timeout(120)
def test_an_installer_lets_a_partner_register_and_parts_with_it(chromium: Any, behind: Behind) -> None:
    reason = "axe-playwright-python is not installed"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
    provider = Provider()
    provider.tokens = [token(f"CARD-{number}") for number in range(5)]
    header = {"Authorization": f"Bearer {behind.token}"}
    with serving(provider):
        phone = Visit(
            chromium,
            f"{behind.site.page}/partners",
            viewport={"width": 390, "height": 844},
            extra_http_headers=header,
        )
        page = phone.page
        phone.expects(".partner .state").to_have_text("is not registered")
        page.get_by_role("button", name="A token for TheNewMotion to register with").click()
        shown = page.input_value("#secret")
        assert len(shown) > 40
        phone.expects(".partner .state").to_contain_text("may register until")
        place = page.inner_text("code")
        assert provider.register(place, shown).code == 1000
        page.goto(f"{behind.site.page}/partners")
        phone.expects(".partner .state").to_contain_text("registered since")
        assert page.locator("#secret").count() == 0, "it is shown once"
        page.get_by_role("button", name="Fetch tokens of TheNewMotion").click()
        phone.expects("[role=status]").to_have_text("The tokens are fetched.")
        phone.expects(".facts").to_contain_text("5, fetched")
        phone.expects(".facts").to_contain_text("NL*TNM EMSP, TheNewMotion")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert [one["id"] for one in axe.run(page).response["violations"]] == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing to scroll sideways"
        provider.is_down = True
        page.get_by_role("button", name="New tokens on both sides with TheNewMotion").click()
        phone.expects("[role=alert]").to_contain_text("it answered HTTP 503")
        provider.is_down = False
        page.click("summary:has-text('Part with')")
        page.get_by_role("button", name="Part", exact=True).click()
        phone.expects(".partner .state").to_have_text("is not registered")
        assert provider.operator_token == ""
        assert [text for text in phone.complaints if "422" not in text] == []
