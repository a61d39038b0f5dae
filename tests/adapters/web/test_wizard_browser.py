"""The pages of the wizard in a real browser: everybody can use them, whatever is written in the file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.adapters.web.wizard.page import STAGES
from ems.domain.battery import Battery
from ems.settings.edit import Edit
from ems.sim.virtual_battery import VirtualBattery
from ems.sim.virtual_meter import VirtualMeter
from tests.adapters.web.scene import busy
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium
from tests.adapters.web.wizard_site import WizardSite

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

HOSTILE = "<img src=x onerror=alert(1)>"
STATION = {"circuit": "row-a", "evses": {"1": {"max_a": 32, "phases": "L1 L2 L3"}, "2": {"max_a": 16, "phases": "L2"}}}
EDITS = (
    Edit(("circuits", "row-a"), {"parent": "grid", "rating_a": {"L1": 32, "L2": 32, "L3": 25}}),
    Edit(("circuits", "row-b"), {"parent": "gird", "rating_a": 32}),
    Edit(("circuits", HOSTILE), {"parent": "row-a", "rating_a": 16}),
    Edit(("meters", "main"), {"model": "eastron-sdm630", "host": "10.0.0.10"}),
    Edit(("meters", "bat"), {"model": "kostal-plenticore", "host": "10.0.0.11", "role": "battery"}),
    Edit(("batteries", HOSTILE), {"circuit": "gird", "capacity_kwh": 60, "charge_max_kw": 20, "discharge_max_kw": 30}),
    Edit(("batteries", "store"), {"circuit": "grid", "meter": "bat", "capacity_kwh": 60, "charge_max_kw": 20}),
    Edit(("classes", "2"), {"name": HOSTILE, "guarantee_kwh": 20, "by": "05:10"}),
    Edit(("calendar",), {"holidays": ["2026-04-03", "12-25"]}),
    Edit(("tariff",), {"name": HOSTILE, "vat_pct": 19}),
    Edit(("tariff", "energy", HOSTILE), {"per_kwh": 0.28}),
    Edit(("tariff", "energy", "fee", "times", "+"), {"per_kwh": 0.2, "when": ["Mon-Fri 17:00-20:00", HOSTILE]}),
    Edit(("tariff", "demand", "peak"), {"per_kw": 5}),
    Edit(("payment",), {"provider": "stripe", "key_file": HOSTILE}),
    Edit(("stations", "CP-01"), STATION),
    Edit(("stations", "CP-02"), {"circuit": HOSTILE, "evses": {"1": {"max_a": 32, "phases": "L1"}}}),
    Edit(("limits", "+"), {"circuit": "grid", "max_kw": 30, "when": "Mon-Fri 17:00-20:00", "name": HOSTILE}),
)
PAGES = (*(stage.word for stage in STAGES), "record")


class Shop(Daemon):
    """The web server of a site that is being described, in the event loop of another thread."""

    def __init__(self, folder: Path, edits: Sequence[Edit] = EDITS) -> None:
        self.scene = busy()
        self.site = WizardSite(folder, self.scene)
        self.site.shows_everything()
        self.serve(WebServer(self.scene, self.scene, WebOptions(port=0), None, None, self.site.ways))
        self.edits(*edits)

    def edits(self, *edits: Edit) -> None:
        """Changes that somebody else makes of the draft."""
        for edit in edits:
            change = self.site.desk.edit(edit.route, edit.keys, None, HOSTILE)
            asyncio.run_coroutine_threadsafe(change, self._loop).result(10)

    @contextmanager
    def battery(self, soc: float, power_w: float) -> Iterator[int]:
        """A battery behind a real Modbus server; its port."""
        inverter, over = VirtualMeter((71,)), asyncio.Event()
        model = Battery("store", "grid", 60_000.0, 20_000.0, 20_000.0)
        inverter.attach(71, VirtualBattery(model, soc=soc, power_w=power_w))
        listening = Future[int]()

        async def serve() -> None:
            async with inverter.serving("127.0.0.1"):
                listening.set_result(inverter.port)
                await over.wait()

        serving = asyncio.run_coroutine_threadsafe(serve(), self._loop)
        try:
            yield listening.result(10)
        finally:
            self._loop.call_soon_threadsafe(over.set)
            serving.result(10)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(tmp_path_factory.mktemp("shop"))
    yield opened
    opened.stop()


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Shop]:
    """One that nobody else looks at."""
    opened = Shop(tmp_path)
    yield opened
    opened.stop()


def visit(browser: Any, shop: Shop, word: str, **settings: Any) -> Visit:
    return Visit(browser, f"{shop.url}wizard/{word}", **settings)


@pytest.mark.parametrize("word", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it(chromium: Any, shop: Shop, word: str, scheme: str, width: int, tmp_path: Path) -> None:
    """axe-core finds nothing, nothing is carried out, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    seen = visit(chromium, shop, word, color_scheme=scheme, viewport={"width": width, "height": 900})
    for summary in seen.page.locator("main summary").all():
        if summary.is_visible() and not summary.evaluate("one => one.parentElement.open"):
            summary.click()
    seen.page.screenshot(path=str(tmp_path / f"{word}-{scheme}.png"), full_page=True)
    result = axe.run(seen.page)
    assert result.violations_count == 0, result.generate_report()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.complaints == []
    seen.page.close()


def test_without_scripts_it_can_still_be_read(chromium: Any, shop: Shop) -> None:
    seen = visit(chromium, shop, "circuits", java_script_enabled=False)
    seen.expects("#circuits-step").to_contain_text("row-b")
    seen.expects("#circuits-step .findings").to_contain_text(["'gird'"])
    seen.page.close()


def test_only_what_was_changed_is_told_and_a_mistake_is_said_at_its_entry(chromium: Any, own_shop: Shop) -> None:
    seen = visit(chromium, own_shop, "circuits")
    form = "details.entry:has(summary b:text-is('row-b')) form"
    seen.page.select_option(f"{form} [name=parent]", "grid")
    seen.page.click(f"{form} button.main")
    seen.expects("#said").to_have_text("Taken over into the draft.")
    seen.expects("#tree tbody").to_contain_text("row-b")
    assert "row-b: {parent: grid, rating_a: 32}" in seen.text("#draft .diff")
    seen.page.click(f"{form} button.main")
    seen.expects("#said").to_have_text("Nothing was changed there.")
    seen.page.fill(f"{form} [name=rating_a]", "63/63/50")
    seen.page.click(f"{form} button.main")
    seen.expects("#draft .diff").to_contain_text("row-b: {parent: grid, rating_a: {L1: 63, L2: 63, L3: 50}}")
    assert seen.complaints == []
    seen.page.close()


@pytest.mark.parametrize(
    ("typed", "drafted"),
    [
        ("63", "63"),
        ("12,5", "12.5"),
        ("63/63/50", "{L1: 63, L2: 63, L3: 50}"),
        ("12,5 / 12,5 / 10", "{L1: 12.5, L2: 12.5, L3: 10}"),
        ("L1 50,5 L2 60 L3 50.5", "{L1: 50.5, L2: 60, L3: 50.5}"),
        ("L1: 63, L2: 63", "{L1: 63, L2: 63}"),
        ("63,63,50", '"63,63,50"'),
        ("L1 63 L2 abc", "L1 63 L2 abc"),
    ],
)
def test_a_current_is_taken_as_it_is_typed_or_named_as_wrong(
    chromium: Any, own_shop: Shop, typed: str, drafted: str
) -> None:
    """Nothing behind a comma, and no phase, is left out in silence."""
    seen = visit(chromium, own_shop, "circuits")
    form = "details.entry:has(summary b:text-is('row-b')) form"
    seen.page.fill(f"{form} [name=base_load_max_a]", typed)
    seen.page.click(f"{form} button.main")
    seen.expects("#draft .diff").to_contain_text(f"base_load_max_a: {drafted}")
    seen.page.close()


def test_a_form_that_is_sent_twice_at_once_counts_once(chromium: Any, own_shop: Shop) -> None:
    """Nobody is told that somebody else was faster who was that himself."""
    seen = visit(chromium, own_shop, "circuits")
    seen.page.click("summary:has-text('Add a circuit')")
    for name, text in {"$name": "row-c", "rating_a": "25"}.items():
        seen.page.fill(f"[data-add=circuits] [name='{name}']", text)
    seen.page.select_option("[data-add=circuits] [name=parent]", "grid")
    seen.page.evaluate("""() => {
        const button = document.querySelector("[data-add=circuits] button.main");
        button.click(); button.click();
    }""")
    seen.expects("#said").to_have_text("row-c is added to the draft.")
    seen.page.wait_for_load_state("networkidle")
    seen.expects("#said").to_have_text("row-c is added to the draft.")
    assert seen.complaints == []
    seen.page.close()


def test_the_keyboard_stays_where_it_was_when_something_is_taken_over(chromium: Any, own_shop: Shop) -> None:
    """By Enter in a field, and by the button: the part is another then, and the focus is at the same place in it."""
    seen = visit(chromium, own_shop, "circuits")
    form = "details.entry:has(summary b:text-is('row-b')) form"
    seen.page.select_option(f"{form} [name=parent]", "grid")
    seen.page.press(f"{form} [name=rating_a]", "Enter")
    seen.expects("#said").to_have_text("Taken over into the draft.")
    seen.expects(f"{form} button.main").to_be_focused()
    seen.page.fill(f"{form} [name=rating_a]", "25")
    seen.page.focus(f"{form} button.main")
    seen.page.keyboard.press("Enter")
    seen.expects("#draft .diff").to_contain_text("rating_a: 25")
    seen.expects(f"{form} button.main").to_be_focused()
    assert seen.complaints == []
    seen.page.close()


EDITED_BY_ANOTHER = """async () => fetch("/api/v1/site/draft/edits", {
  method: "POST",
  headers: {
    "content-type": "application/json",
    "x-csrf-token": document.cookie.match(/ems-csrf=([^;]*)/)?.[1] ?? "",
    "if-match": document.querySelector("[data-etag]").dataset.etag,
  },
  body: JSON.stringify({ route: ["circuits", "row-b"], keys: { margin_a: 2 } }),
})"""


def test_what_was_typed_stays_until_it_is_taken_over(chromium: Any, own_shop: Shop) -> None:
    """Somebody else changes the draft meanwhile, and so the first try is refused; then another form is sent first."""
    seen = visit(chromium, own_shop, "circuits")
    form, other = (f"details.entry:has(summary b:text-is('{name}')) form" for name in ("row-b", "row-a"))
    seen.page.fill(f"{form} [name=rating_a]", "25")
    seen.page.evaluate(EDITED_BY_ANOTHER)
    seen.page.click(f"{form} button.main")
    seen.expects("#said[data-tone=bad]").to_be_visible()
    seen.expects("#draft .diff").to_contain_text("margin_a: 2")
    seen.expects(f"{form} [name=rating_a]").to_have_value("25")
    if not seen.page.is_visible(f"{other} [name=rating_a]"):
        seen.page.click("summary:has(b:text-is('row-a'))")
    seen.page.select_option(f"{other} [name=parent]", "grid")
    seen.page.fill(f"{other} [name=rating_a]", "31")
    seen.page.click(f"{other} button.main")
    seen.expects("#draft .diff").to_contain_text("rating_a: 31")
    seen.expects(f"{form} [name=rating_a]").to_have_value("25")
    seen.page.click(f"{form} button.main")
    seen.expects("#draft .diff").to_contain_text("rating_a: 25")
    seen.page.close()


def test_a_tariff_is_described_price_by_price(chromium: Any, tmp_path: Path) -> None:
    shop = Shop(tmp_path, edits=())
    seen = visit(chromium, shop, "prices")
    seen.page.fill("[data-route='[\"tariff\"]'] [name=name]", "Business 2026")
    seen.page.click("[data-route='[\"tariff\"]'] button.main")
    seen.expects("#tariff-step .findings").to_contain_text("energy is missing")
    part = "details.new:has(summary:text-is('Add to: energy from the grid'))"
    seen.page.click(f"{part} summary")
    seen.page.fill(f"{part} [name='$name']", "supply")
    seen.page.fill(f"{part} [name=per_kwh]", "0.28")
    seen.page.click(f"{part} button.main")
    seen.expects("#tariff-step").to_contain_text("Business 2026: energy by supply 0.28")
    seen.page.click("summary:has-text('What would change')")
    assert "+    supply: {per_kwh: 0.28}" in seen.text("#draft .diff")
    seen.page.fill("[data-route='[\"payment\"]'] [name=public_url]", "https://charge.example.com")
    seen.page.select_option("[data-route='[\"payment\"]'] [name=provider]", "sandbox")
    seen.page.click("[data-route='[\"payment\"]'] button.main")
    seen.expects("#payment-step").to_contain_text("the sandbox takes no money")
    seen.page.fill("[data-secret=key_file] [name=secret]", "sk_test_abc")
    seen.page.click("[data-secret=key_file] button")
    seen.expects("#payment-step").to_contain_text("kept in secrets/payment-key")
    assert "sk_test_abc" not in seen.page.content()
    assert seen.complaints == []
    seen.page.close()
    shop.stop()


def test_a_battery_is_read_before_it_is_saved(chromium: Any, tmp_path: Path) -> None:
    shop = Shop(tmp_path, edits=())
    with shop.battery(soc=0.42, power_w=3000.0) as port:
        meter = {"model": "kostal-plenticore", "host": "127.0.0.1", "port": port, "unit": 71, "role": "battery"}
        shop.edits(Edit(("meters", "bat"), {**meter, "circuit": "grid"}))
        seen = visit(chromium, shop, "batteries")
        seen.page.click("summary:has-text('Add a battery')")
        told = {"$name": "store", "capacity_kwh": "60", "charge_max_kw": "2", "discharge_max_kw": "10"}
        for name, text in told.items():
            seen.page.fill(f"details.new [name='{name}']", text)
        seen.page.select_option("details.new [name=circuit]", "grid")
        seen.page.select_option("details.new [name=meter]", "bat")
        seen.page.click("details.new [data-test]")
        result = seen.expects("details.new .result")
        result.to_contain_text("charged to 42 %", timeout=20_000)
        result.to_contain_text("it draws 3.00 kW now, more than charge_max_kw says (2 kW)")
        result.to_contain_text("can be told what to do")
        seen.page.fill("details.new [name=charge_max_kw]", "20")
        seen.page.click("details.new button.main")
        seen.expects("#said").to_have_text("store is added to the draft.")
        seen.expects("#batteries-step .entry b.foreign").to_have_text("store")
        assert "store: {circuit: grid, meter: bat, capacity_kwh: 60" in seen.text("#draft .diff")
        assert seen.complaints == []
        seen.page.close()
    shop.stop()


def test_what_a_test_has_found_stays_when_the_page_is_renewed(chromium: Any, tmp_path: Path) -> None:
    """A page that says what it said before takes nothing away, the first time neither."""
    shop = Shop(tmp_path, edits=())
    with shop.battery(soc=0.42, power_w=3000.0) as port:
        meter = {"model": "kostal-plenticore", "host": "127.0.0.1", "port": port, "unit": 71, "role": "battery"}
        shop.edits(Edit(("meters", "bat"), {**meter, "circuit": "grid"}))
        seen = visit(chromium, shop, "meters")
        seen.page.click("summary:has-text('bat')")
        seen.page.click("#meters-step form[data-route] [data-test]")
        result = seen.expects("#meters-step form[data-route] .result")
        result.to_contain_text("It answers within", timeout=20_000)
        seen.page.focus("a")
        seen.page.evaluate("""async () => {
            const asks = [...document.querySelectorAll("script[type=module]")].map((one) => one.src);
            const known = performance.getEntriesByType("resource").map((one) => one.name);
            const [script] = [...asks, ...known].filter((one) => one.includes("station-ask"));
            await (await import(script)).refresh();
        }""")
        result.to_contain_text("It answers within")
        seen.page.close()
    shop.stop()


def test_holidays_and_a_class_of_service_are_described(chromium: Any, tmp_path: Path) -> None:
    shop = Shop(tmp_path, edits=())
    seen = visit(chromium, shop, "limits")
    seen.page.fill("[data-route='[\"calendar\"]'] [name=holidays]", "12-25, 2026-04-03 13-40")
    seen.page.click("[data-route='[\"calendar\"]'] button.main")
    seen.expects("#calendar-step .findings").to_contain_text("13-40")
    seen.page.fill("[data-route='[\"calendar\"]'] [name=holidays]", "12-25, 2026-04-03")
    seen.page.click("[data-route='[\"calendar\"]'] button.main")
    seen.expects("#calendar-step .findings li").to_have_count(0)
    seen.page.click("summary:has-text('Add a class')")
    for name, text in {"$name": "2", "name": "buses", "guarantee_kwh": "20", "by": "05:10"}.items():
        seen.page.fill(f"#classes-step [name='{name}']", text)
    seen.page.click("#classes-step details.new button.main")
    seen.expects("#said").to_have_text("2 is added to the draft.")
    seen.expects("#classes-step").to_contain_text("guarantee 20 kWh")
    seen.page.click("summary:has-text('What would change')")
    seen.expects("#draft .diff").to_contain_text('2: {name: buses, guarantee_kwh: 20, by: "05:10"}')
    assert 'holidays: ["12-25", "2026-04-03"]' in seen.text("#draft .diff")
    assert seen.complaints == []
    seen.page.close()
    shop.stop()
