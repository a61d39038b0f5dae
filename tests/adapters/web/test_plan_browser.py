"""The page of the plan in a real browser: it shows the plan, follows it, answers why, and all can use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.domain.events import PlanMade, StrategyChosen
from ems.domain.record.history import PlantPoint
from ems.domain.strategy import Strategy
from tests.adapters.web.office import Office
from tests.adapters.web.planned import CHEAP, REMEDIES, SHARED, plan_for, planned, tell_plan, with_charges
from tests.adapters.web.scene import busy
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium, playwright_api
from tests.adapters.web.test_injection import HOSTILE
from tests.adapters.web.test_what_if import foresight

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

POLL_MS = 5_000


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    scene = planned()
    running = Daemon(scene, foresight=foresight(scene))
    yield running
    running.stop()


def plan_page(browser: Any, daemon: Daemon, **settings: Any) -> Visit:
    """The page, with its clock in our hands, after it has drawn everything."""
    visiting = Visit(browser, "about:blank", **settings)
    visiting.page.clock.install()
    visiting.page.goto(daemon.url + "plan")
    visiting.live()
    visiting.expects("#chart canvas").to_have_count(1)
    return visiting


@pytest.fixture
def visit(chromium: Any, daemon: Daemon) -> Iterator[Visit]:
    visiting = plan_page(chromium, daemon)
    yield visiting
    assert visiting.complaints == []
    visiting.page.close()


def test_it_says_first_who_will_miss_what_and_what_would_help(visit: Visit) -> None:
    visit.expects(".short > li").to_have_count(1)
    assert "Bus 2: 103.2 of 117.2 kWh by Sat 05:12, short 14 kWh" in visit.text(".short > li")
    assert visit.page.locator(".remedies li").all_text_contents() == list(REMEDIES)
    visit.expects(".punctual li").to_have_count(9)
    assert visit.text(".punctual li:first-child b") == "Bus 1"
    assert re.sub(r"\s+", " ", visit.text("#banner p")).startswith("Cheapest: every vehicle is ready in time")


def test_the_chart_names_the_vehicles_that_get_most_and_puts_the_rest_together(visit: Visit) -> None:
    names = [text.strip() for text in visit.page.locator("#legend li").all_text_contents()]
    assert names[0] == "other load"
    assert "Bus 2" in names
    assert "4 other vehicles; before now, all as measured" in names
    assert "2 vehicles expected" in names
    assert names[-5:] == ["limit, with PV and battery", "PV", "battery, charging above 0", "measured", "price, EUR/kWh"]
    visit.expects("#prices canvas").to_have_count(1)


def test_before_now_pv_and_battery_are_drawn_as_measured_and_other_load_is_told_without_them(chromium: Any) -> None:
    """Also where the plan expects neither: the evening after a sunny day."""
    scene = planned()
    plan = scene.state.plan
    assert plan is not None
    nothing = (0.0,) * len(plan.generation_w)
    tell_plan(scene, replace(plan, generation_w=nothing, battery_w=nothing))
    scene.plants = [PlantPoint(point.at, 9000.0, 4000.0) for point in scene.points if point.circuit == "grid"]
    running = Daemon(scene)
    visiting = plan_page(chromium, running)
    names = [text.strip() for text in visiting.page.locator("#legend li").all_text_contents()]
    assert names[-4:] == ["PV", "battery, charging above 0", "measured", "price, EUR/kWh"]
    visiting.page.close()
    running.stop()


def at_hour(visit: Visit, hours: float) -> dict[str, float]:
    """Where in the chart it is so many hours from now."""
    box = visit.page.locator("#chart .u-over").bounding_box()
    return {"x": box["width"] * (4 + hours) / 24, "y": box["height"] / 2}


def test_a_click_on_a_slot_says_who_charges_with_how_much_and_why(visit: Visit) -> None:
    visit.page.click("#chart .u-over", position=at_hour(visit, 5.0))
    visit.expects("#slot-title").to_have_text("22:30–22:45")
    first = visit.page.locator("#slot .who li").first
    assert first.locator("b").text_content() == "Bus 2"
    assert first.locator(".flow").text_content() == "12 A · 8.3 kW"
    assert first.locator(".why").text_content() == SHARED
    visit.expects("#slot .sums").to_contain_text("Price0.145 EUR/kWh")
    visit.page.click("#prices .u-over", position={**at_hour(visit, 1.0), "y": 20})
    visit.expects("#slot-title").to_have_text(re.compile("18:"))
    visit.expects("#slot .who li.paused .why >> nth=0").to_have_text(CHEAP)


def test_a_tap_does_what_a_click_does(chromium: Any, daemon: Daemon) -> None:
    phone = plan_page(chromium, daemon, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    phone.page.tap("#chart .u-over", position=at_hour(phone, 5.0))
    phone.expects("#slot-title").to_have_text("22:30–22:45")
    phone.page.tap("#slot button[data-by='1']")
    phone.expects("#slot-title").to_have_text("22:45–23:00")
    phone.page.close()


def test_every_slot_can_be_reached_with_the_keyboard(visit: Visit) -> None:
    chart = visit.expects("#chart")
    visit.page.focus("#chart")
    chart.to_have_attribute("aria-valuetext", "17:31–17:35")
    visit.page.keyboard.press("ArrowRight")
    chart.to_have_attribute("aria-valuetext", "17:35–17:40")
    visit.page.keyboard.press("End")
    chart.to_have_attribute("aria-valuenow", visit.page.get_attribute("#chart", "aria-valuemax"))
    visit.expects("#slot button[data-by='1']").to_be_disabled()
    visit.page.keyboard.press("Home")
    chart.to_have_attribute("aria-valuenow", "0")


def test_a_new_plan_takes_the_place_of_the_old_one_and_the_chosen_slot_stays(visit: Visit, daemon: Daemon) -> None:
    visit.page.click("#chart .u-over", position=at_hour(visit, 5.0))
    visit.page.evaluate("window.kept = document.getElementById('chart')")
    scene = daemon.scene
    plan = plan_for(scene, "others leave first")
    (second,) = (charge for charge in plan.charges if charge.evse == "CP-02/1")
    served = with_charges(plan, {"CP-02/1": second._replace(need_wh=second.planned_wh)})
    daemon.do(lambda: tell_plan(scene, replace(served, deficits=())))
    visit.page.clock.fast_forward(POLL_MS)
    visit.expects(".punctual li").to_have_count(10)
    visit.expects(".short").to_have_count(0)
    visit.expects("#slot .who li:first-child .why").to_have_text("others leave first")
    visit.expects("#slot-title").to_have_text("22:30–22:45")
    assert visit.page.evaluate("window.kept.isConnected")


def test_when_planning_ends_the_page_says_why(visit: Visit, daemon: Daemon) -> None:
    scene = daemon.scene
    daemon.do(lambda: scene.tell(PlanMade(scene.instant.monotonic_s, None, "the solver ended with status 9")))
    daemon.do(lambda: scene.tell(StrategyChosen(Strategy.SOLAR)))
    visit.page.clock.fast_forward(POLL_MS)
    visit.expects("#banner").to_have_attribute("data-tone", "hold")
    visit.expects("#banner").to_contain_text("No plan is in force: planning failed")
    visit.expects("#banner .trouble").to_contain_text("the solver ended with status 9")


def test_a_site_without_a_plan_shows_no_empty_chart_and_gets_one_with_its_first_plan(chromium: Any) -> None:
    daemon = Daemon(busy(14))
    visiting = Visit(chromium, "about:blank")
    visiting.page.clock.install()
    visiting.page.goto(daemon.url + "plan")
    visiting.live()
    visiting.expects("#banner").to_contain_text("this strategy decides every second by itself and needs no plan")
    for part in ("#ahead", "#ready", "#table", "#tiles"):
        visiting.expects(part).to_be_hidden()
    scene = daemon.scene
    daemon.do(lambda: scene.tell(StrategyChosen(Strategy.CHEAPEST)))
    daemon.do(lambda: tell_plan(scene, plan_for(scene)))
    visiting.page.clock.fast_forward(POLL_MS)
    visiting.expects("#chart canvas").to_be_visible()
    visiting.expects("#ready li").not_to_have_count(0)
    assert visiting.complaints == []
    visiting.page.close()
    daemon.stop()


def test_when_nothing_answers_everything_is_shown_as_old(chromium: Any) -> None:
    daemon = Daemon(planned(4))
    visiting = plan_page(chromium, daemon)
    daemon.stop()
    visiting.page.clock.fast_forward(4 * POLL_MS)
    visiting.expects("body").to_have_attribute("data-link", "lost")
    visiting.expects("#stale").to_contain_text("what you see is old")
    again = Daemon(daemon.scene, daemon.server.port)
    visiting.page.clock.fast_forward(2 * POLL_MS)
    visiting.live()
    visiting.expects("#stale").to_be_hidden()
    visiting.page.close()
    again.stop()


def test_without_script_a_table_says_the_next_steps(chromium: Any, daemon: Daemon) -> None:
    visiting = Visit(chromium, daemon.url + "plan", java_script_enabled=False)
    rows = visiting.page.locator("#steps tbody tr")
    bus = visiting.page.locator("#steps tbody").first
    assert bus.locator("th").text_content() == "Bus 1 27.6 kWh by Sat 06:31"
    assert bus.locator("tr").nth(1).locator("td").all_text_contents() == ["21:00–Sat 02:00", "8 A", "5.5 kW", SHARED]
    assert rows.count() > 20
    assert not visiting.page.is_visible("#chart")
    assert visiting.page.locator("form:visible").count() == 0
    assert visiting.complaints == []
    visiting.page.close()


def test_what_a_plan_says_does_nothing_in_the_browser(chromium: Any) -> None:
    scene = planned(4)
    daemon = Daemon(scene)
    visiting = plan_page(chromium, daemon)
    for key in ("I02 script", "I02 attribute", "I02 svg", "I02 closing", "I07 template"):
        text = HOSTILE[key]
        plan = plan_for(scene, text, (text,))
        worse = replace(plan, deficits=tuple(d._replace(remedies=(text,)) for d in plan.deficits))
        daemon.do(lambda worse=worse: tell_plan(scene, worse))  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        visiting.page.clock.fast_forward(POLL_MS)
        visiting.expects(".remedies li >> nth=0").to_have_text(text)
        visiting.expects(".assumptions li >> nth=0").to_have_text(text)
        visiting.page.focus("#chart")
        visiting.page.keyboard.press("ArrowRight")
        visiting.expects("#slot .who li:first-child .why").to_have_text(text)
    assert visiting.page.evaluate("window.pwned") is None
    assert visiting.complaints == []
    visiting.page.close()
    daemon.stop()


def test_the_chart_is_drawn_anew_when_the_day_ends(visit: Visit) -> None:
    """In the colours of the scheme that the reader has now."""
    canvas = "document.querySelector('#chart canvas').toDataURL()"
    by_day = visit.page.evaluate(canvas)
    visit.page.emulate_media(color_scheme="dark")
    visit.page.wait_for_function(f"before => {canvas} !== before", arg=by_day)
    visit.expects("#chart canvas").to_have_count(1)


def test_nothing_is_wider_than_the_window(visit: Visit) -> None:
    for width in (1440, 820, 360):
        visit.page.set_viewport_size({"width": width, "height": 800})
        visit.expects("#chart canvas").to_have_css("width", re.compile(r"\d+px"))
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("mood", "scheme", "rules"),
    [
        ("planned", "light", None),
        ("planned", "dark", ["color-contrast"]),
        ("absent", "dark", ["color-contrast"]),
    ],
)
def test_everybody_can_use_it(chromium: Any, daemon: Daemon, mood: str, scheme: str, rules: list[str] | None) -> None:
    """axe-core finds nothing: names, roles, headings, landmarks; and contrast in light and dark, in every mood."""
    reason = "axe-playwright-python is not installed"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
    if mood == "absent":
        daemon.do(lambda: daemon.scene.tell(StrategyChosen(Strategy.EQUAL)))
    visiting = plan_page(chromium, daemon, color_scheme=scheme, reduced_motion="reduce")
    result = axe.run(visiting.page, options={} if rules is None else {"runOnly": rules})
    assert result.violations_count == 0, result.generate_report()
    visiting.page.close()


def test_another_strategy_can_be_chosen_where_changes_are_taken(chromium: Any, tmp_path: Path) -> None:
    """It is stored, the core hears of it, and the page says what is in force now."""
    with Office(tmp_path) as office:
        daemon = Daemon(office.scene, operations=office.operations)
        visiting = Visit(chromium, "about:blank")
        visiting.page.clock.install()
        visiting.page.goto(daemon.url + "plan")
        visiting.live().expects("#banner strong").to_have_text("Equal shares")
        visiting.page.select_option("#strategy select", "solar")
        visiting.page.click("#strategy button")
        visiting.expects("#strategy [role=status]").to_have_text("It is in force now.")
        daemon.do(office.tick)
        visiting.page.clock.fast_forward(POLL_MS)
        visiting.expects("#banner strong").to_have_text("Solar")
        visiting.expects("#banner").to_contain_text("the first plan is being made")
        assert office.operations.daybook.strategy is Strategy.SOLAR
        assert visiting.complaints == []
        visiting.page.close()
        daemon.stop()


def test_the_page_shows_what_would_be_until_somebody_wants_the_plan_back(visit: Visit) -> None:
    visit.page.fill("#what-if [name=most]", "8")
    visit.page.select_option("#what-if [name=unit]", "max_a")
    visit.page.select_option("#what-if [name=hours]", "24")
    visit.page.click("#what-if button")
    visit.expects("#supposed").to_contain_text("What if: at most 8 A at grid from 17:31 until Sat 17:31")
    visit.expects("#what-if .outcome li").not_to_have_count(0)
    visit.expects("#what-if .outcome").to_contain_text("short")
    visit.expects("#slot .sums").to_contain_text("of 5.5 kW")
    visit.expects(".short > li").to_have_count(1)
    visit.page.click("#supposed button")
    visit.expects("#supposed").to_be_hidden()
    visit.expects("#slot .sums").to_contain_text("of 70.0 kW")
    playwright_api.expect(visit.page.locator("form:visible")).to_have_count(1)


def test_neither_the_zone_nor_the_clock_of_the_browser_counts(chromium: Any, daemon: Daemon) -> None:
    """The site is in Berlin, at 17:31; the browser in Auckland, two days ahead."""
    visiting = Visit(chromium, "about:blank", timezone_id="Pacific/Auckland")
    visiting.page.clock.install(time=daemon.scene.instant.utc + timedelta(days=2, minutes=17))
    visiting.page.goto(daemon.url + "plan")
    visiting.live().drawn()
    visiting.expects("#clock").to_contain_text("17:31")
    visiting.page.fill("#what-if [name=most]", "40")
    visiting.page.select_option("#what-if [name=since]", "2")
    visiting.page.click("#what-if button")
    visiting.expects("#supposed").to_contain_text("at most 40.0 kW at grid from 19:31 until 23:31")
    visiting.page.close()


def test_the_live_page_leads_to_it_and_back(chromium: Any, daemon: Daemon) -> None:
    visiting = Visit(chromium, daemon.url).live()
    visiting.page.click("nav a:has-text('Plan')")
    playwright_api.expect(visiting.page).to_have_url(daemon.url + "plan")
    visiting.page.click("nav a:has-text('Live')")
    playwright_api.expect(visiting.page).to_have_url(daemon.url)
    visiting.page.close()
