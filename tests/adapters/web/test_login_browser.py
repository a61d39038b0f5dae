"""From the code in the log to a locked-out guesser, in a real browser; and what a page of another site can do there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.vehicles.page import vehicle_pages
from ems.domain.access.account import LoginRule, Role
from ems.domain.access.lockout import FREE_PAIR
from ems.domain.access.roll import UserDisabled
from tests.adapters.web.lobby import PASSWORD, Lobby

CHROMIUM = Path("/usr/bin/chromium")
playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

_T = TypeVar("_T")
REQUIRED = WebOptions(port=0, login=LoginRule.REQUIRED)
PHONE = {"width": 375, "height": 740}


class House:
    """The real server with accounts, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.lobby = Lobby(folder, REQUIRED, people={})
        scene, operations, accounts = self.lobby.scene, self.lobby.operations, self.lobby.accounts
        pages = (vehicle_pages(Sheet(scene, scene), operations),)
        self.server = WebServer(scene, scene, REQUIRED, operations, None, pages, accounts)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.do(partial(asyncio.sleep, 0))

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.server.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def do(self, work: Callable[[], Any]) -> Any:
        """Wait for something inside the loop."""

        async def inside() -> Any:
            await asyncio.sleep(0)
            return await work()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    def add(self, name: str, role: Role) -> None:
        """Somebody who may log in; the first is an administrator."""
        accounts = self.lobby.accounts
        if accounts.roll.users:
            self.do(lambda: accounts.add(name, role, PASSWORD, "the test"))
        else:
            self.do(lambda: accounts.begin(self.lobby.code, name, PASSWORD, "the test"))

    def stop(self) -> None:
        """Everybody leaves."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)
        self.lobby.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    running = House(tmp_path)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        playwright_api.expect.set_options(timeout=15_000)
        yield browser
        browser.close()


class Person:
    """Somebody with a browser of their own, and everything it complained about."""

    def __init__(self, chromium: Any, house: House, **settings: Any) -> None:
        self.context = chromium.new_context(**settings)
        self.page, self.house = self.context.new_page(), house
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def goes_to(self, path: str) -> None:
        self.page.goto(self.house.url + path)

    def logs_in(self, name: str, password: str = PASSWORD) -> None:
        """By keyboard alone: the first field has the focus."""
        self.goes_to("/login?next=/account")
        playwright_api.expect(self.page.locator("#name")).to_be_focused()
        self.page.keyboard.type(name)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(password)
        self.page.keyboard.press("Enter")

    def sees(self, text: str) -> None:
        playwright_api.expect(self.page.locator("body")).to_contain_text(text)

    def fills(self, within: str, **fields: str) -> None:
        """A form, then sends it."""
        form = self.page.locator(within)
        for name, value in fields.items():
            field = form.locator(f"[name={name}]")
            if field.evaluate("e => e.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        form.locator("button[type=submit]").click()


def test_from_the_code_in_the_log_to_people_who_may_and_may_not(chromium: Any, house: House) -> None:
    anna = Person(chromium, house, viewport=PHONE)
    anna.goes_to("/plan")
    anna.sees("Nobody can log in yet")
    anna.fills("form", code=house.lobby.code, name="anna", password=PASSWORD, again=PASSWORD)
    anna.page.wait_for_selector("body[data-link=live]")
    anna.goes_to("/users")
    for name, role in (("otto", "operator"), ("vera", "viewer")):
        anna.fills("form.stack", name=name, role=role, password=PASSWORD, again=PASSWORD)
        anna.sees("The user is added.")
    anna.page.reload()
    anna.sees("Who may log in")
    playwright_api.expect(anna.page.locator(".said")).to_have_count(0)
    anna.page.get_by_role("button", name="Log out").click()
    playwright_api.expect(anna.page).to_have_url(f"{house.url}/login")
    for name, may in (("otto", True), ("vera", False)):
        person = Person(chromium, house)
        person.logs_in(name)
        person.sees("Where you are logged in")
        person.goes_to("/plan")
        playwright_api.expect(person.page.locator("#strategy")).to_have_count(int(may))
        if may:
            person.page.locator("#strategy select").select_option("fast")
            person.page.locator("#strategy button").click()
            playwright_api.expect(person.page.locator("#strategy [role=status]")).to_contain_text("It is in force now.")
        person.goes_to("/users")
        person.sees("This needs more rights")
        assert [said for said in person.complaints if "403" not in said] == []
        person.context.close()
    assert anna.complaints == []
    anna.context.close()


def test_who_guesses_is_told_to_wait_and_the_page_says_for_how_long(chromium: Any, house: House) -> None:
    house.add("anna", Role.ADMIN)
    eve = Person(chromium, house)
    for _ in range(FREE_PAIR):
        eve.logs_in("anna", "wrong horse battery")
        eve.sees("The name or the password is wrong.")
    eve.logs_in("anna")
    eve.sees("Too many wrong guesses: try again in 30 s.")
    eve.context.close()


def test_the_live_page_of_somebody_who_is_let_in_no_more_goes_to_the_login(chromium: Any, house: House) -> None:
    for name, role in (("anna", Role.ADMIN), ("otto", Role.OPERATOR)):
        house.add(name, role)
    otto = Person(chromium, house)
    otto.logs_in("otto")
    otto.sees("Where you are logged in")
    otto.goes_to("/")
    otto.page.wait_for_selector("body[data-link=live]")

    async def out() -> None:
        await house.lobby.accounts.change(UserDisabled("otto"), "anna")
        house.lobby.scene.tick()

    house.do(out)
    playwright_api.expect(otto.page).to_have_url(f"{house.url}/login?next=%2F")
    otto.context.close()


def test_what_was_typed_when_the_login_ended_is_sent_after_a_login_in_another_tab(chromium: Any, house: House) -> None:
    house.add("anna", Role.ADMIN)
    anna = Person(chromium, house)
    anna.logs_in("anna")
    anna.sees("Where you are logged in")
    anna.goes_to("/vehicles")
    anna.page.click("text=Add a vehicle")
    anna.page.fill("#vehicle [name=id]", "bus-1")
    anna.context.clear_cookies()
    anna.page.click("#vehicle button:has-text('Keep')")
    playwright_api.expect(anna.page.locator("#said")).to_contain_text("nothing was changed")
    with anna.context.expect_page() as opened:
        anna.page.click("#stale a")
    opened.value.fill("#name", "anna")
    opened.value.fill("#password", PASSWORD)
    opened.value.press("#password", "Enter")
    opened.value.wait_for_url(f"{house.url}/vehicles")
    anna.page.click("#vehicle button:has-text('Keep')")
    playwright_api.expect(anna.page.locator("#said")).to_have_text("bus-1 is kept.")
    assert anna.page.is_hidden("#stale")
    anna.context.close()


class Foreign(BaseHTTPRequestHandler):
    """A page of another site that sends a form, and asks by script, as soon as it is looked at."""

    target = ""

    def do_GET(self) -> None:
        """The page."""
        page = f"""<!doctype html><title>evil</title><body>
            <form method=post action="{self.target}/account/logins/end" target=in></form><iframe name=in></iframe>
            <script>
            const told = ["text/plain", "application/json"].map((type) =>
              fetch("{self.target}/api/v1/strategy", {{method: "POST", mode: type === "text/plain" ? "no-cors" : "cors",
                credentials: "include", headers: {{"content-type": type}}, body: '{{"strategy": "fast"}}'}})
                .then((answer) => answer.type, () => "refused"));
            const state = fetch("{self.target}/api/v1/state", {{credentials: "include"}});
            const read = state.then(() => "read", () => "refused");
            document.querySelector("form").submit();
            Promise.all([...told, read]).then((all) => document.title = all.join(" "));
            </script>"""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_a_page_of_another_site_changes_nothing_in_the_browser_of_somebody_who_is_logged_in(
    chromium: Any, house: House
) -> None:
    """W02, W04: with cookies included, by form and by script, from another site."""
    for name, role in (("anna", Role.ADMIN), ("otto", Role.OPERATOR)):
        house.add(name, role)
    handler = type("Evil", (Foreign,), {"target": house.url})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        otto, other = Person(chromium, house), Person(chromium, house)
        for person in (otto, other):
            person.logs_in("otto")
            person.sees("Where you are logged in")
        otto.page.goto(f"http://localhost:{evil.server_address[1]}/")
        playwright_api.expect(otto.page).to_have_title("refused refused refused")
        evil.shutdown()
    assert house.lobby.operations.daybook.strategy is None
    assert len(house.lobby.accounts.logins_of("otto")) == 2, "nobody was logged out"
    otto.context.close()
    other.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_pages_of_accounts(chromium: Any, house: House, scheme: str) -> None:
    """axe-core finds nothing, and nothing is wider than a phone."""
    reason = "axe-playwright-python is not installed"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
    person = Person(chromium, house, color_scheme=scheme, reduced_motion="reduce", viewport=PHONE)
    person.goes_to("/login")
    checked = [axe.run(person.page)]
    for name, role in (("anna", Role.ADMIN), ("otto", Role.OPERATOR)):
        house.add(name, role)
    person.logs_in("anna", "wrong horse battery")
    person.sees("The name or the password is wrong.")
    checked.append(axe.run(person.page))
    person.logs_in("anna")
    person.sees("Where you are logged in")
    person.page.locator("summary").click()
    person.fills("form[action='/account/tokens']", label="<img src=x onerror=alert(1)>" + "w" * 30, role="viewer")
    person.sees("it is not shown again")
    for path in ("", "/account?done=out", "/users?done=changed"):
        if path:
            person.goes_to(path)
        person.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        checked.append(axe.run(person.page))
        assert person.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert [result.generate_report() for result in checked if result.violations_count] == []
    assert [said for said in person.complaints if "401" not in said] == []
    person.context.close()
