"""The plan over HTTP: what is told, that its parts agree, and what is said when there is none."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.plan.press import KEPT_S
from ems.domain.events import NeedStated, PlanMade, StrategyChosen
from ems.domain.plan import PlannedCharge
from ems.domain.policy import Control
from ems.domain.strategy import Strategy
from tests.adapters.web.office import Office
from tests.adapters.web.planned import CHEAP, REMEDIES, SHARED, plan_for, planned, sessions, tell_plan, with_charges
from tests.adapters.web.scene import Scene, busy
from tests.adapters.web.test_injection import HOSTILE, structure
from tests.adapters.web.visit import ask, get, raw, run, serving

MOST_BYTES = 250_000
MOST_STALL_S = 0.005


def told(scene: Scene) -> dict[str, Any]:
    answer = ask(scene, "/api/v1/plan")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def charge_of(seen: dict[str, Any], evse: str) -> Any:
    return next(row for row in seen["charges"] if row["evse"] == evse and not row["expected"])


def test_a_plan_in_force_says_whose_it_is_and_how_old() -> None:
    scene = planned()
    scene.instant = scene.instant.later(120.0)
    seen = told(scene)
    assert (seen["strategy"], seen["made_for"], seen["in_force"], seen["caps"]) == ("cheapest", "cheapest", True, True)
    assert (seen["age_s"], seen["absence"], seen["trouble"], seen["supposed"]) == (120.0, "", "", "")
    assert seen["strategies"] == [strategy.value for strategy in Strategy]


def test_every_series_has_a_value_per_step_and_the_grid_is_their_sum() -> None:
    seen = told(planned())
    steps = len(seen["edges"]) - 1
    names = ("limit_w", "base_w", "generation_w", "battery_w", "vehicles_w", "grid_w", "price_per_kwh")
    assert {len(seen[name]) for name in names} == {steps}
    assert {len(row["amps"]) for row in seen["charges"]} == {steps}
    assert seen["edges"] == sorted(seen["edges"])
    for k in range(steps):
        drawn = sum(row["amps"][k] * row["watts_per_a"] for row in seen["charges"])
        assert seen["vehicles_w"][k] == pytest.approx(drawn, abs=1.0)
        grid = drawn + seen["base_w"][k] - seen["generation_w"][k] + seen["battery_w"][k]
        assert seen["grid_w"][k] == pytest.approx(grid, abs=3.0)


def test_a_charge_has_its_vehicle_its_energy_and_reasons() -> None:
    scene = planned()
    row = charge_of(told(scene), "CP-01/1")
    assert scene.state.plan is not None
    (planned_charge,) = [c for c in scene.state.plan.charges if c.evse == "CP-01/1"]
    assert (row["vehicle"], row["circuit"], row["watts_per_a"]) == ("Bus 1", "row-a", 690.0)
    assert [why["text"] for why in row["why"]] == [CHEAP, SHARED, CHEAP]
    assert [why["since"] for why in row["why"]] == [why.since for why in planned_charge.why]
    assert row["planned_wh"] == pytest.approx(planned_charge.planned_wh, abs=1.0)
    assert row["short_wh"] == 0.0
    assert row["ends"] < row["departure"]


def test_a_charge_and_the_page_say_what_the_vehicle_is_promised() -> None:
    scene = planned()
    known = scene.state.evse("CP-01/1").session
    assert known is not None
    due = scene.instant.utc + timedelta(hours=1)
    scene.tell(NeedStated("CP-01/1", replace(known.need, guaranteed_wh=20e3, guaranteed_by=due, minimum_always=True)))
    clock = due.astimezone(scene.site.zone)
    words = f"20 kWh by {clock:%H:%M}, its minimum current always"
    assert charge_of(told(scene), "CP-01/1")["promise"] == words
    assert f"; promised {words}" in ask(scene, "/plan").text
    assert charge_of(told(scene), "CP-07/1")["promise"] == ""


def test_the_power_of_a_vehicle_on_one_leg_counts_that_leg_alone() -> None:
    row = charge_of(told(planned()), "CP-07/1")
    assert row["watts_per_a"] == 230.0


def test_a_deficit_says_in_a_sentence_who_misses_what_and_what_would_help() -> None:
    (deficit,) = told(planned())["deficits"]
    assert deficit["text"] == "Bus 2: 103.2 of 117.2 kWh by Sat 05:12, short 14 kWh"
    assert tuple(deficit["remedies"]) == REMEDIES


def test_who_misses_its_promise_and_its_need_is_one_vehicle_that_is_late() -> None:
    """14 kWh short at its departure, and 5 at the moment for which that much was promised."""
    scene = planned()
    plan = plan_for(scene)
    (late,) = plan.deficits
    promise = late._replace(short_wh=5_000.0, need_wh=60_000.0, departure=None)
    tell_plan(scene, replace(plan, deficits=(late, promise)))
    page = ask(scene, "/plan").text
    count = len({charge.session for charge in plan.charges if not charge.expected})
    assert f"{count - 1} of {count}" in page
    assert "14 kWh short" in page


def test_who_is_left_out_of_the_plan_is_counted_among_those_who_are_to_be_ready_and_named() -> None:
    scene = planned()
    whole = plan_for(scene)
    short = {one.evse for one in whole.deficits}
    stated = {evse for evse, session in sessions(scene) if session.missing_wh()} - short
    tell_plan(scene, replace(whole, charges=tuple(one for one in whole.charges if one.evse not in stated)))
    seen, page = told(scene), re.sub(r"<[^>]+>|\s+", " ", ask(scene, "/plan").text)
    assert {row["evse"] for row in seen["left_out"]} == stated
    assert all(row["missing_wh"] > 0.0 for row in seen["left_out"])
    present = sum(not one.expected for one in whole.charges)
    assert f"of {present} 14 kWh short, nothing planned for {len(stated)}" in re.sub(" +", " ", page)
    assert "all ready in time" not in page


def test_deficits_come_worst_first_and_none_is_passed_over() -> None:
    """Also a vehicle that the planner did not name, when it misses as much as is shown."""
    scene = planned()
    plan = plan_for(scene)
    (first,) = (charge for charge in plan.charges if charge.evse == "CP-01/1")
    (third,) = (charge for charge in plan.charges if charge.evse == "CP-03/1")
    more = first._replace(need_wh=first.planned_wh + 20_000.0)
    hardly = third._replace(need_wh=third.planned_wh + 90.0)
    tell_plan(scene, with_charges(plan, {"CP-01/1": more, "CP-03/1": hardly}))
    assert [(row["evse"], row["short_wh"]) for row in told(scene)["deficits"]] == [
        ("CP-01/1", 20_000.0),
        ("CP-02/1", 14_000.0),
    ]


def without_plan(scene: Scene) -> None:
    scene.state = replace(scene.state, plan=None)


def failed(scene: Scene) -> None:
    without_plan(scene)
    scene.tell(PlanMade(scene.instant.monotonic_s, None, "the solver ended with status 9"))


def test_on_a_site_that_is_only_observed_nobody_is_told_that_the_plan_steers() -> None:
    scene = planned()
    assert not told(scene)["observes"]
    assert "only observes" not in ask(scene, "/plan").text
    site = scene.state.site
    scene.state = replace(scene.state, site=replace(site, policy=replace(site.policy, control=Control.OBSERVE)))
    assert told(scene)["observes"]
    page = ask(scene, "/plan").text
    assert "The controller only observes: nobody is steered by it." in page
    assert 'data-tone="hold"' in page


def unplanned(scene: Scene) -> None:
    scene.tell(StrategyChosen(Strategy.EQUAL))


def switched(scene: Scene) -> None:
    scene.tell(StrategyChosen(Strategy.SOLAR))


def switched_and_failed(scene: Scene) -> None:
    switched(scene)
    scene.tell(PlanMade(scene.instant.monotonic_s, None, "the planner ended with SIGKILL"))


def aged(scene: Scene) -> None:
    scene.instant = scene.instant.later(3600.0)


@pytest.mark.parametrize(
    ("happened", "absence", "trouble", "tone"),
    [
        (unplanned, "needs no plan", "", "calm"),
        (without_plan, "the first plan is being made", "", "hold"),
        (failed, "planning failed", "the solver ended with status 9", "hold"),
        (switched, "made for Cheapest", "", "hold"),
        (switched_and_failed, "planning failed", "the planner ended with SIGKILL", "hold"),
        (aged, "1 h old and counts for nothing", "", "hold"),
    ],
)
def test_without_a_plan_in_force_both_say_why(
    happened: Callable[[Scene], None], absence: str, trouble: str, tone: str
) -> None:
    scene = planned()
    happened(scene)
    seen, page = told(scene), ask(scene, "/plan").text
    assert not seen["in_force"]
    assert absence in seen["absence"]
    assert seen["trouble"] == trouble
    assert absence in page
    assert trouble in page
    assert f'data-tone="{tone}"' in page


def test_a_plan_that_cannot_be_renewed_counts_and_is_not_shown_as_if_all_were_well() -> None:
    scene = planned()
    plan = plan_for(scene)
    tell_plan(
        scene, replace(plan, deficits=(), charges=tuple(one._replace(need_wh=one.planned_wh) for one in plan.charges))
    )
    assert 'data-tone="normal"' in ask(scene, "/plan").text
    scene.tell(PlanMade(scene.instant.monotonic_s, None, "the planner did not answer in time"))
    page = ask(scene, "/plan").text
    assert told(scene)["in_force"]
    assert "The last attempt failed: the planner did not answer in time" in page
    assert 'data-tone="hold"' in page


def test_that_every_vehicle_is_ready_is_not_all_that_is_said_where_one_is_not() -> None:
    page = ask(planned(), "/plan").text
    assert "Cheapest</strong>: every vehicle is ready in time, at the lowest cost." in page
    assert "<b>1 vehicle will miss something.</b>" in page
    assert 'data-tone="hold"' in page


def test_a_site_that_never_had_a_plan_is_told_with_empty_lists() -> None:
    seen = told(busy(2))
    assert (seen["edges"], seen["charges"], seen["deficits"], seen["grid_w"], seen["made"]) == ([], [], [], [], None)


def test_the_same_plan_is_not_sent_twice() -> None:
    """However old it grows; and another one is sent at once."""
    scene = planned()

    async def visit() -> list[bytes]:
        async with serving(scene) as server:
            first = await raw(server.port, get("/api/v1/plan", "Connection: close"))
            tag = first.partition(b"etag: ")[2].splitlines()[0].decode()
            asked, answers = get("/api/v1/plan", "Connection: close", f"If-None-Match: {tag}"), []
            for seconds in (0, 60):
                scene.tick(seconds)
                answers.append(await raw(server.port, asked))
            tell_plan(scene, plan_for(scene))
            return [*answers, await raw(server.port, asked)]

    said = [(answer.split()[1], answer.endswith(b"\r\n\r\n")) for answer in run(visit())]
    assert said == [(b"304", True), (b"304", True), (b"200", False)]


def test_plain_and_compressed_are_the_same() -> None:
    scene = planned()
    plain, packed = (ask(scene, "/api/v1/plan", {"accept-encoding": form}) for form in ("identity", "gzip"))
    assert plain.json() == packed.json()
    assert packed.headers["content-encoding"] == "gzip"


def test_the_interface_describes_every_field() -> None:
    document, seen = ask(planned(), "/openapi.json").json(), told(planned())
    schemas = document["components"]["schemas"]
    assert "304" in document["paths"]["/api/v1/plan"]["get"]["responses"]
    for name, row in (("PlanPicture", seen), ("ChargeRow", seen["charges"][0]), ("DeficitRow", seen["deficits"][0])):
        assert set(schemas[name]["required"]) == set(row)


def table_of(page: str) -> list[str]:
    """The text of every cell of the table, and of the headings of its rows."""
    return [
        re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", page.partition("<tbody")[2])
    ]


def test_the_table_begins_with_the_present_and_ends_with_the_departure() -> None:
    scene = planned()
    assert table_of(ask(scene, "/plan").text)[:5] == [
        "Bus 1 27.6 kWh by Sat 06:31",
        "17:31–21:00",
        "pauses",
        "–",
        CHEAP,
    ]
    scene.instant = scene.instant.later(600.0)
    cells = table_of(ask(scene, "/plan").text)
    assert cells[1:5] == ["17:40–21:00", "pauses", "–", CHEAP]
    assert cells[5:9] == ["21:00–Sat 02:00", "8 A", "5.5 kW", SHARED]
    assert cells[9] == "Sat 02:00–06:31"


def test_what_is_assumed_of_several_vehicles_is_said_once_and_by_their_names() -> None:
    scene = planned()
    unknown, leaves = "nobody knows what it needs", "leaves at 07:00, which is assumed where nobody says"
    texts = (f"CP-01/1: {unknown}", f"CP-01/1: {leaves}", f"CP-04/1: {unknown}", "prices: none for tomorrow")
    tell_plan(scene, plan_for(scene, assumptions=texts))
    page = ask(scene, "/plan").text
    for said in (f"Bus 1, CP-04/1: {unknown}", f"Bus 1: {leaves}", "prices: none for tomorrow"):
        assert f'<li class="foreign">{said}</li>' in page
    assert told(scene)["assumptions"] == list(texts)


def large(scene: Scene) -> None:
    """A plan as large as they come: 200 vehicles, each with other currents at every step, and each one short."""
    plan = plan_for(scene)
    charges = []
    for k in range(200):
        evse = scene.site.evses[k].id
        amps = tuple(6.0 + ((7 * k + 3 * step) % 104) / 4 if step > 8 else 0.0 for step in range(len(plan.edges) - 1))
        why = plan.charges[k % 3].why
        leaves = plan.edges[-1]
        charges.append(PlannedCharge(evse, f"{evse}@20261120T163000Z", amps, why, 90_000.0, 77_123.4, leaves))
    deficits = tuple(plan.deficits[0]._replace(evse=c.evse, session=c.session) for c in charges)
    tell_plan(scene, replace(plan, charges=tuple(charges), deficits=deficits))


def test_a_plan_for_two_hundred_vehicles_is_small_enough_for_a_phone() -> None:
    scene = planned(200)
    large(scene)
    answer, page = ask(scene, "/api/v1/plan", {"accept-encoding": "identity"}), ask(scene, "/plan")
    assert len(answer.json()["charges"]) == len(answer.json()["deficits"]) == 200
    assert len(answer.content) <= MOST_BYTES
    assert len(page.content) <= MOST_BYTES


@pytest.mark.parametrize("path", ["/api/v1/plan", "/plan"])
def test_telling_such_a_plan_never_holds_the_loop(path: str) -> None:
    scene = planned(200)
    large(scene)

    async def longest_slices() -> list[float]:
        """Of several visits, since the machine has other work too."""
        transport = httpx2.ASGITransport(app=create_app(scene, scene, WebOptions()))
        found = []
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
            for _ in range(4):
                scene.instant = scene.instant.later(2 * KEPT_S)
                slices: list[float] = []
                watching = asyncio.create_task(watch(slices))
                assert (await client.get(path)).status_code == 200
                watching.cancel()
                found.append(max(slices))
        return found[1:]

    assert min(run(longest_slices())) <= MOST_STALL_S


async def watch(slices: list[float]) -> None:
    """How long others hold the loop, s of their own time."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(0)
        slices.append(time.thread_time() - before)


def test_a_page_offers_nothing_that_is_not_there(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        assert 'id="strategy"' in ask(office.scene, "/plan", operations=office.operations).text
        assert 'id="strategy"' not in ask(office.scene, "/plan").text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_reasons_names_and_troubles_are_shown_and_do_nothing(text: str) -> None:
    def said(words: str) -> Scene:
        scene = planned(4, name=words)
        plan = plan_for(scene, words, (words, words))
        worst = replace(plan, deficits=tuple(d._replace(remedies=(words,)) for d in plan.deficits))
        tell_plan(scene, worst)
        scene.tell(PlanMade(scene.instant.monotonic_s, None, words))
        return scene

    answer, page = ask(said(text), "/api/v1/plan"), ask(said(text), "/plan").text
    assert answer.content.isascii()
    assert answer.text.isprintable()
    assert max(len(why["text"]) for row in answer.json()["charges"] for why in row["why"]) <= 200
    shown, blameless = structure(page), structure(ask(said("harmless"), "/plan").text)
    assert shown.found == blameless.found
    if text.isprintable() and len(text) <= 200:
        assert shown.text.count(text) >= 4
