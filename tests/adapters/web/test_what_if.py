"""What-if over HTTP: another plan is shown, by the real planner, and nothing is touched."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from ems.domain.events import StrategyChosen
from ems.domain.strategy import Strategy
from ems.runtime.foresight import Foreseer
from tests.adapters.web.planned import planned
from tests.adapters.web.scene import Scene
from tests.adapters.web.visit import ask
from tests.runtime.inside import Inside

PATH = "/api/v1/plan/what-if"
JSON = {"content-type": "application/json"}


def foresight(scene: Scene) -> Foreseer:
    """One that has seen what the scene shows."""
    assert scene.decision is not None
    found = Foreseer(Inside(scene.site))
    found.look((), scene.state, scene.memory, scene.decision)
    return found


def asked(scene: Scene, question: Any) -> httpx2.Response:
    """A question, as a page asks it."""
    content = question if isinstance(question, bytes) else json.dumps(question).encode()
    return ask(scene, PATH, JSON, "POST", content=content, foresight=foresight(scene))


def limit(scene: Scene, since_h: float, until_h: float, **most: float) -> dict[str, Any]:
    now = scene.instant.utc
    ends = {"starts": now + timedelta(hours=since_h), "ends": now + timedelta(hours=until_h)}
    return {**most, **{name: at.isoformat() for name, at in ends.items()}}


def test_the_answer_is_a_plan_that_keeps_to_what_is_supposed() -> None:
    scene = planned()
    before = scene.state
    answer = asked(scene, {"limits": [limit(scene, 2.0, 6.0, max_kw=30.0)]})
    assert answer.status_code == 200
    seen, real = answer.json(), ask(scene, "/api/v1/plan").json()
    assert set(seen) == set(real)
    assert seen["supposed"] == "at most 30.0 kW at grid from 19:31 until 23:31"
    assert (seen["in_force"], seen["absence"], seen["made_for"]) == (False, "", "cheapest")
    inside = [k for k, watts in enumerate(seen["limit_w"]) if watts == 30_000.0]
    assert len(inside) > 3
    assert all(seen["base_w"][k] + seen["vehicles_w"][k] <= 30_000.0 + 200.0 for k in inside)
    assert scene.state is before


def test_the_plan_in_force_stays_what_it_was() -> None:
    scene = planned()
    real = ask(scene, "/api/v1/plan").json()
    asked(scene, {"limits": [limit(scene, 0.0, 20.0, max_a=10.0)]})
    assert ask(scene, "/api/v1/plan").json() == real


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ({"limits": []}, 422, "limits"),
        ({"limits": [{}]}, 422, "neither"),
        ({"limits": [{"max_kw": -1}]}, 422, "max_kw"),
        ({"limits": [{"max_kw": 1e400}]}, 400, "no number"),
        ({"limits": [{"max_kw": 1, "scope": "nowhere"}]}, 404, "no such circuit"),
        ({"limits": [{"max_kw": 1, "ends": "2020-01-01T00:00:00Z"}]}, 422, "before now"),
        ({"limits": [{"max_kw": 1, "ends": "2030-01-01T00:00:00"}]}, 422, "timezone"),
        ({"limits": [{"max_kw": 1, "sourcee": "me"}]}, 422, "sourcee"),
        ({"limits": [{"max_kw": 1}] * 21}, 422, "limits"),
        (b"{", 400, "JSON"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(question: Any, status: int, words: str) -> None:
    answer = asked(planned(4), question)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_where_nothing_is_planned_the_answer_says_so() -> None:
    scene = planned(4)
    scene.tell(StrategyChosen(Strategy.EQUAL))
    answer = asked(scene, {"limits": [{"max_kw": 30}]})
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "the strategy equal makes no plans; choose one that does",
    )


def test_who_has_no_planner_is_not_asked_on_the_page() -> None:
    scene = planned(4)
    assert 'id="what-if"' not in ask(scene, "/plan").text
    assert PATH not in ask(scene, "/openapi.json").json()["paths"]
