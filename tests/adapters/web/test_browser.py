"""The page in a real browser: it lives, it says when it does not, it obeys its content policy, and all can use it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ems.adapters.web import texts
from ems.adapters.web.app import WebOptions
from ems.adapters.web.picture import picture
from ems.adapters.web.server import WebServer
from ems.adapters.web.texts import Calendar
from ems.domain.apply import apply
from ems.domain.decision import Level
from ems.domain.events import StatusChanged
from ems.domain.station import EvseStatus
from ems.ports.controller import Operations
from ems.ports.foresight import Foresight
from tests.adapters.web.scene import Scene, busy
from tests.adapters.web.test_injection import HOSTILE, slandered

CHROMIUM = Path("/usr/bin/chromium")
playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

_T = TypeVar("_T")


class Daemon:
    """The web server with a scene, in the event loop of another thread."""

    def __init__(
        self,
        scene: Scene,
        port: int = 0,
        operations: Operations | None = None,
        foresight: Foresight | None = None,
    ) -> None:
        self.scene = scene
        self.serve(WebServer(scene, scene, WebOptions(port=port), operations, foresight))

    def serve(self, server: WebServer) -> None:
        """Begin, and wait until it works."""
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.do(lambda: None)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.server.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def do(self, work: Callable[[], _T]) -> _T:
        """Do something inside the loop and wait for it."""

        async def inside() -> _T:
            await asyncio.sleep(0)
            return work()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        playwright_api.expect.set_options(timeout=15_000)
        yield browser
        browser.close()


class Visit:
    """A browser window and everything it complained about."""

    def __init__(self, browser: Any, url: str, **settings: Any) -> None:
        self.page = browser.new_page(**settings)
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(url)

    def live(self) -> Visit:
        self.page.wait_for_selector("body[data-link=live]")
        return self

    def drawn(self) -> None:
        """Wait for the chart, which comes last."""
        self.expects("#chart canvas").to_have_count(1)

    def expects(self, css: str) -> Any:
        """Wait until something is true of an element."""
        return playwright_api.expect(self.page.locator(css))

    def text(self, css: str) -> str:
        return str(self.page.text_content(css)).strip()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    running = Daemon(busy())
    yield running
    running.stop()


@pytest.fixture
def visit(chromium: Any, daemon: Daemon) -> Iterator[Visit]:
    visiting = Visit(chromium, daemon.url).live()
    yield visiting
    visiting.page.close()


def evse(name: str, field: str) -> str:
    return f"tr[data-id='{name}'] [data-f={field}]"


def test_the_page_shows_what_the_controller_sees(visit: Visit, daemon: Daemon) -> None:
    assert visit.text("h1") == "Car park Süd"
    assert visit.text("[data-f=mode]") == "Normal"
    assert visit.page.locator("table.evses tbody tr").count() == 14
    assert visit.text(evse("CP-01/1", "word")) == "Charging"
    assert visit.text(evse("CP-06/1", "word")) == "Fault"
    assert "GroundFailure" in visit.text(evse("CP-06/1", "why"))
    assert visit.text("#knocks li [data-f=station]") == "NEW-7"
    assert "If it is known, type its password into it once more." in visit.text("#knocks .note")
    visit.drawn()
    assert visit.complaints == []


def test_it_follows_the_controller_without_moving_anything(visit: Visit, daemon: Daemon) -> None:
    """A change arrives in place: the same nodes, at the same position, with other words."""
    before = visit.page.evaluate("document.querySelector('#e13').getBoundingClientRect().top")
    visit.page.evaluate("window.row = document.querySelector('#e13')")
    daemon.do(lambda: daemon.scene.connect("CP-14"))
    daemon.do(lambda: daemon.scene.plug("CP-14/1"))
    daemon.do(lambda: daemon.scene.tick(60))
    visit.expects("#e13 [data-f=word]").to_have_text("Charging")
    assert visit.page.evaluate("window.row.isConnected")
    assert visit.page.evaluate("document.querySelector('#e13').getBoundingClientRect().top") == pytest.approx(
        before, abs=60
    )
    visit.expects("#e13").to_have_attribute("data-group", "charging")
    assert visit.complaints == []


def test_a_fault_of_the_meter_turns_the_banner_and_names_the_cause(visit: Visit, daemon: Daemon) -> None:
    daemon.do(lambda: daemon.scene.silent.add("main"))
    daemon.do(lambda: daemon.scene.tick(45))
    visit.expects("body").to_have_attribute("data-mode", "fallback")
    visit.expects("[data-f=mode]").to_have_text("Fallback")
    visit.expects("[data-f=cause]").to_contain_text("meter main silent")
    visit.expects("#mode").to_have_attribute("data-tone", "alarm")
    visit.expects("#alarms li:first-child [data-f=text]").to_contain_text("meter main silent")
    playwright_api.expect(visit.page).to_have_title(re.compile("Fallback"))
    assert visit.complaints == []


def test_when_the_stream_stops_everything_is_shown_as_old_and_recovers(chromium: Any) -> None:
    daemon = Daemon(busy(2))
    port = daemon.server.port
    visiting = Visit(chromium, "about:blank")
    visiting.page.clock.install()
    visiting.page.goto(daemon.url)
    visiting.live()
    daemon.stop()
    visiting.page.clock.fast_forward(6000)
    visiting.expects("body").to_have_attribute("data-link", "lost")
    visiting.expects("#link [data-f=link]").to_have_text("stale")
    visiting.expects("#stale").to_contain_text("what you see is old")
    visiting.expects("main").to_have_css("filter", re.compile("grayscale"))
    again = Daemon(daemon.scene, port)
    visiting.page.clock.fast_forward(30_000)
    visiting.live()
    visiting.expects("#stale").to_be_hidden()
    visiting.page.close()
    again.stop()


def test_without_script_the_first_picture_is_complete_and_the_same(chromium: Any, daemon: Daemon) -> None:
    """Server and browser word the picture independently; every text of one is the text of the other."""
    script = """() => [...document.querySelectorAll('[data-f]')].filter(e => !e.closest('#link'))
        .map(e => [e.closest('[data-id]')?.dataset.id ?? '', e.dataset.f, e.textContent])"""
    bars = "() => [...document.querySelectorAll('rect, line')].map(e => e.outerHTML)"
    icons = "() => [...document.querySelectorAll('use')].map(e => e.getAttribute('href'))"
    rendered, live = Visit(chromium, daemon.url, java_script_enabled=False), Visit(chromium, daemon.url).live()
    live.drawn()
    live.page.click("#stations summary")
    for what in (script, bars, icons):
        assert rendered.page.evaluate(what) == live.page.evaluate(what)
    assert not rendered.page.is_visible("#chart")
    for visiting in (rendered, live):
        assert visiting.complaints == []
        visiting.page.close()


def test_both_wordings_agree_on_every_mode_and_condition(visit: Visit, daemon: Daemon) -> None:
    """The same pictures through texts.py and texts.js."""
    scene, pictures = daemon.scene, []
    for status in EvseStatus:
        scene.state = apply(scene.state, StatusChanged("CP-01/1", scene.instant, status, "Boom"))
        pictures.append(picture(scene.state, scene.decision, scene.now(), scene.knocks(), scene.version))
    for level, age in zip(Level, (None, 3.2, 5.1, 59.9, 60.0, 3600.0, 90_000.0), strict=True):
        pictures.append({**pictures[0], "mode": level.name.lower(), "tick_age_s": age})
    ours = []
    for seen in pictures:
        calendar = Calendar(scene.state.site.zone, seen["at"])
        evses = [texts.of_evse(row, calendar) for row in seen["evses"]]
        ours.append([texts.of_site(seen, seen["circuits"][0], calendar), *evses])
    theirs = """async ([module, pictures]) => {
        const t = await import(module);
        return pictures.map((seen) => {
            const calendar = new t.Calendar(seen.site.timezone, seen.at);
            return [t.ofSite(seen, seen.circuits[0], calendar), ...seen.evses.map((row) => t.ofEvse(row, calendar))];
        });
    }"""
    module = visit.page.get_attribute("script[type=module]", "src").replace("main.js", "texts.js")
    assert visit.page.evaluate(theirs, [module, pictures]) == ours


def test_what_outsiders_say_does_nothing_in_the_browser(chromium: Any) -> None:
    """Neither as the server renders it nor as the stream brings it."""
    daemon = Daemon(slandered("harmless"))
    visiting = Visit(chromium, daemon.url).live()
    said = visiting.expects("#alarms li:first-child [data-f=text]")
    for key in ("I02 script", "I02 attribute", "I02 svg", "I02 closing", "I07 template"):
        worse = slandered(HOSTILE[key])
        daemon.do(lambda worse=worse: daemon.scene.imitate(worse))  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        said.to_have_text(HOSTILE[key])
        visiting.page.reload()
        said.to_have_text(HOSTILE[key])
        assert visiting.text("#knocks li [data-f=station]") == HOSTILE[key]
        visiting.live()
    assert visiting.page.evaluate("window.pwned") is None
    assert visiting.complaints == []
    visiting.page.close()
    daemon.stop()


def test_the_groups_show_only_their_evses(visit: Visit) -> None:
    """With the keyboard alone."""
    visit.page.focus("button[data-group=problem]")
    visit.page.keyboard.press("Enter")
    visit.expects("button[data-group=problem]").to_have_attribute("aria-pressed", "true")
    visit.expects("tbody tr:visible").to_have_count(2)
    visit.page.keyboard.press("Enter")
    visit.expects("tbody tr:visible").to_have_count(14)


def test_the_first_tab_leads_to_a_way_past_the_header(visit: Visit) -> None:
    visit.page.keyboard.press("Tab")
    visit.expects(":focus").to_have_text("Skip to the circuits")
    visit.page.keyboard.press("Enter")
    visit.expects("#circuits").to_be_focused()


def test_the_chart_follows_its_choices_and_says_its_peak_in_words(visit: Visit) -> None:
    words = visit.expects("#chart-words")
    words.to_contain_text("Highest current on L1")
    visit.page.select_option("#chart-circuit", "row-b")
    words.to_contain_text("no meter here")
    visit.page.select_option("#chart-phase", "L3")
    words.to_contain_text("on L3")
    assert visit.complaints == []


@pytest.mark.parametrize("width", [360, 820, 1440])
def test_nothing_is_wider_than_the_window(chromium: Any, daemon: Daemon, width: int) -> None:
    visiting = Visit(chromium, daemon.url, viewport={"width": width, "height": 800}).live()
    visiting.drawn()
    assert visiting.page.evaluate("document.documentElement.scrollWidth") <= width
    visiting.page.close()


@pytest.mark.parametrize(
    ("mood", "scheme", "rules"),
    [
        ("fallback", "light", None),
        ("fallback", "dark", ["color-contrast"]),
        ("normal", "dark", ["color-contrast"]),
        ("stale", "light", ["color-contrast"]),
        ("stale", "dark", ["color-contrast"]),
    ],
)
def test_everybody_can_use_it(chromium: Any, mood: str, scheme: str, rules: list[str] | None) -> None:
    """axe-core finds nothing: names, roles, headings, landmarks; and contrast in light and dark, in every mood."""
    reason = "axe-playwright-python is not installed"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
    scene = busy()
    if mood == "fallback":
        scene.silent.add("main")
        scene.tick(45)
    daemon = Daemon(scene)
    visiting = Visit(chromium, daemon.url, color_scheme=scheme, reduced_motion="reduce").live()
    if mood == "stale":
        visiting.page.evaluate("document.body.dataset.link = 'lost'; document.getElementById('stale').hidden = false")
    result = axe.run(visiting.page, options={} if rules is None else {"runOnly": rules})
    assert result.violations_count == 0, result.generate_report()
    visiting.page.close()
    daemon.stop()


def test_the_description_of_the_interface_opens_offline(chromium: Any, daemon: Daemon) -> None:
    visiting = Visit(chromium, daemon.url + "docs")
    visiting.page.wait_for_selector("[data-path='/api/v1/history']")
    asked = visiting.page.evaluate("performance.getEntriesByType('resource').map((e) => new URL(e.name).host)")
    assert set(asked) == {f"127.0.0.1:{daemon.server.port}"}
    assert visiting.complaints == []
    visiting.page.close()
