"""The stationary battery in the picture and on the page, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ems.adapters.web import texts
from ems.adapters.web.picture import picture
from ems.domain.events import BatteryAnswered
from tests.adapters.web.scene import Scene, car_park
from tests.adapters.web.stores import STORE, StoreScene
from tests.adapters.web.visit import ask


def row_of(scene: Scene) -> Any:
    (row,) = picture(scene.state, scene.decision, scene.now())["batteries"]
    return row


def test_the_picture_tells_what_it_holds_does_and_is_to_do() -> None:
    scene = StoreScene()
    scene.tick(3)
    scene.tell(BatteryAnswered("store", scene.instant.monotonic_s, -10_000.0))
    row = row_of(scene)
    assert (row["id"], row["circuit"], row["capacity_wh"], row["steered"]) == ("store", "grid", 40_000.0, True)
    assert (row["soc_percent"], row["power_w"], row["confirmed_w"], row["fault"]) == (64.0, -12_000.0, -10_000.0, "")
    assert row["setpoint_w"] < 0.0
    assert row["reason"].startswith("gives")
    assert row["age_s"] < 2.0


def test_before_anything_is_known_it_says_nothing() -> None:
    row = row_of(StoreScene())
    assert (row["soc_percent"], row["power_w"], row["setpoint_w"], row["age_s"]) == (None, None, None, None)


def test_a_site_without_batteries_has_none() -> None:
    scene = Scene(car_park(2))
    scene.tick()
    assert picture(scene.state, scene.decision, scene.now())["batteries"] == []
    assert 'id="batteries"' not in ask(scene, "/").text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, {"soc": "64 %", "size": "of 40.0 kWh, on grid", "flow": "gives 12.0 kW"}),
        ({"power_w": 3000.0}, {"flow": "takes 3.0 kW"}),
        ({"power_w": -20.0}, {"flow": "rests"}),
        ({"power_w": None, "soc_percent": None}, {"flow": "–", "soc": "–"}),
        ({"setpoint_w": 5000.0}, {"told": "told to take 5.0 kW"}),
        ({"setpoint_w": -5000.0}, {"told": "told to give 5.0 kW"}),
        ({"setpoint_w": 0.0}, {"told": "told to rest"}),
        ({"setpoint_w": None, "reason": "it is only read"}, {"told": "", "why": "it is only read"}),
    ],
)
def test_what_it_does_is_said_in_words(changes: dict[str, Any], words: dict[str, str]) -> None:
    scene = StoreScene()
    scene.tick(3)
    said = texts.of_battery({**row_of(scene), **changes})  # type: ignore[typeddict-item]  # a row with some changes
    assert {name: said[name] for name in words} == words


def test_the_page_shows_it_beside_the_circuits() -> None:
    scene = StoreScene()
    scene.tick(3)
    page = ask(scene, "/").text
    assert '<h2 id="batteries-title">Battery</h2>' in page
    assert "gives 12.0 kW" in page
    assert "What a battery gives is not counted on" in page


def test_what_it_cannot_be_told_is_a_fault_and_inert() -> None:
    scene = StoreScene()
    scene.tick(3)
    scene.refuses("<script>alert(1)</script>")
    scene.tick()
    page = ask(scene, "/").text
    assert "<script>alert(1)" not in page
    assert '<li id="b0" data-id="store" data-fault>' in page


def test_what_is_only_read_says_so() -> None:
    scene = StoreScene(replace(STORE, steered=False))
    scene.tick(2)
    assert row_of(scene)["reason"] == "it is only read"
