"""The picture: the stable shape of `GET /api/v1/state`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.web.frame import Press
from ems.adapters.web.picture import MAX_ALARMS, picture
from ems.adapters.web.values import number, plain
from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.decision import Alarm, Binding, Level, Reason
from ems.domain.events import MeterValues, StatusChanged, TransactionStarted
from ems.domain.phases import Wiring
from ems.domain.policy import Control
from ems.domain.session import Transaction
from ems.domain.site import Site
from ems.domain.station import Evse, EvseStatus, Station
from tests.adapters.web.scene import Scene, busy, car_park
from tests.adapters.web.visit import run

GOLDEN = Path(__file__).parent / "picture.txt"


def shown(scene: Scene) -> Any:
    return picture(scene.state, scene.decision, scene.now(), scene.knocks(), scene.version, "1.0")


def small() -> Scene:
    scene = Scene(car_park(2, "Small"))
    scene.connect("CP-01", "CP-02")
    scene.tick(40)
    scene.plug("CP-01/1", need_wh=22_000.0)
    scene.tick(15)
    return scene


def shape_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf's path with its JSON type."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from shape_of(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from shape_of(inner, f"{path}[]")
    else:
        kinds = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}
        yield path, kinds[type(value)]


def test_the_shape_is_the_one_that_was_promised() -> None:
    """Every name with its types, over a busy and a blank site; what others built on must not change by accident."""
    found: dict[str, set[str]] = {}
    for scene in (busy(), Scene(car_park())):
        for path, kind in shape_of(json.loads(json.dumps(shown(scene)))):
            found.setdefault(path, set()).add(kind)
    lines = [f"{path}: {' or '.join(sorted(kinds))}" for path, kinds in sorted(found.items())]
    assert lines == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_before_the_first_tick_everything_unknown_is_null() -> None:
    seen = shown(Scene(car_park()))
    assert (seen["mode"], seen["tick_age_s"], seen["cause"]) == ("starting", None, "")
    assert all(row["headroom_a"] is None and row["measured_age_s"] is None for row in seen["circuits"])
    assert all(row["setpoint_a"] is None and row["reason"] is None for row in seen["evses"])
    assert all(row["age_s"] is None for row in seen["meters"])


def test_a_decision_for_another_site_is_not_shown() -> None:
    """Between a reload of the site and the next tick the old decision does not fit."""
    old, new = small(), Scene(car_park(14))
    seen = picture(new.state, old.decision, new.now())
    assert seen["mode"] == "starting"
    assert len(seen["evses"]) == 14


def test_everything_that_can_be_old_says_how_old() -> None:
    scene = small()
    scene.instant = scene.instant.later(7.0)
    seen = shown(scene)
    assert seen["tick_age_s"] == 7.0
    assert {row["age_s"] for row in seen["meters"]} == {7.0}
    assert seen["circuits"][0]["measured_age_s"] == 7.0
    assert seen["evses"][0]["measured_age_s"] >= 7.0


def test_a_phase_that_a_circuit_lacks_is_null_and_so_is_what_has_no_end() -> None:
    tree = CircuitTree((Circuit("grid", None, (63.0, 0.0, 0.0)),))
    site = Site("one phase", "UTC", tree, (Station("S", (Evse("S", 1, "grid", Wiring.parse("L1"), 32, 6),)),))
    scene = Scene(replace(site, meters=()))
    scene.state = replace(scene.state, site=site)
    seen = shown(scene)
    assert seen["circuits"][0]["rating_a"] == {"L1": 63.0, "L2": None, "L3": None}
    assert seen["evses"][0]["confirmed_a"] is None


def test_a_station_that_reports_only_power_has_an_upper_bound_instead_of_a_measurement() -> None:
    scene = small()
    scene.tell(MeterValues("CP-01/1", scene.instant.monotonic_s, power_w=6900.0))
    evse = shown(scene)["evses"][0]
    assert (evse["measured_exact"], evse["measured_a"], evse["power_w"]) == (False, [30.0, 15.0, 10.0], 6900.0)


@pytest.mark.parametrize(
    ("status", "connected", "condition"),
    [
        (EvseStatus.AVAILABLE, True, "free"),
        (EvseStatus.CHARGING, True, "charging"),
        (EvseStatus.SUSPENDED_EV, True, "idle"),
        (EvseStatus.SUSPENDED_EVSE, True, "paused"),
        (EvseStatus.PREPARING, True, "plugged"),
        (EvseStatus.FINISHING, True, "finished"),
        (EvseStatus.FAULTED, True, "fault"),
        (EvseStatus.UNAVAILABLE, True, "out-of-service"),
        (EvseStatus.CHARGING, False, "offline"),
    ],
)
def test_the_condition_of_an_evse_in_one_word(status: EvseStatus, connected: bool, condition: str) -> None:
    scene = small()
    scene.tell(StatusChanged("CP-02/1", scene.instant, status))
    if not connected:
        scene.leave("CP-02")
    assert shown(scene)["evses"][1]["condition"] == condition


def test_a_vehicle_for_which_there_is_no_room_waits() -> None:
    scene = Scene(car_park(14))
    scene.building = (154.0, 154.0, 154.0)
    scene.connect(*(station.id for station in scene.site.stations))
    scene.tick(30)
    scene.plug(*(evse.id for evse in scene.site.evses))
    scene.tick(30)
    waiting = [row for row in shown(scene)["evses"] if row["condition"] == "waiting"]
    assert waiting
    assert all(row["reason"]["binding"] == "waiting" for row in waiting)


def test_the_mode_names_its_cause() -> None:
    scene = small()
    scene.silent = {"main"}
    scene.tick(40)
    seen = shown(scene)
    assert seen["mode"] == "fallback"
    assert "meter main silent" in seen["cause"]
    assert seen["alarms"][0]["level"] == "fallback"


def test_the_tag_of_a_driver_is_not_shown() -> None:
    scene = small()
    started = Transaction(7, scene.instant.utc, 0.0, id_tag="SECRET-TAG")
    scene.tell(TransactionStarted("CP-02/1", scene.instant, started))
    assert "SECRET-TAG" not in json.dumps(shown(scene))


def test_a_hundred_thousand_alarms_are_counted_but_not_all_shown() -> None:
    scene = small()
    assert scene.decision is not None
    flood = tuple(Alarm(f"a{k}", Level.NORMAL, "site", "x") for k in range(100_000))
    worst = Alarm("worst", Level.FALLBACK, "site", "look here")
    scene.decision = replace(scene.decision, alarms=(*flood, worst))
    seen = shown(scene)
    assert (len(seen["alarms"]), seen["alarms_total"], seen["alarms"][0]["key"]) == (MAX_ALARMS, 100_001, "worst")


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_is_finite_or_null(value: float) -> None:
    result = number(value)
    assert result is None or math.isfinite(result)
    assert result is None or abs(result - value) <= 0.005 + 1e-9 * abs(value)
    json.dumps(result, allow_nan=False)


@given(st.text(max_size=400))
def test_foreign_text_is_short_and_printable(text: str) -> None:
    result = plain(text)
    assert result.isprintable()
    assert len(result) <= 200
    assert result.encode("utf-8") or not text


def test_bytes_on_the_wire_are_the_picture_and_contain_no_nan() -> None:
    """The sliced encoding says the same as the picture in one piece, whatever the number of rows."""
    for scene in (busy(45), Scene(car_park(2))):
        frame = run(Press(scene, scene, "1.0").latest())
        assert json.loads(frame.json) == json.loads(json.dumps(shown(scene)))
        json.loads(frame.json, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


def test_a_reason_says_until_when() -> None:
    scene = small()
    assert scene.decision is not None
    reason = Reason(Binding.LIMIT, "evening cap: 16 A", 16.0, scene.instant.utc + timedelta(hours=2))
    first, *others = scene.decision.setpoints
    scene.decision = replace(scene.decision, setpoints=(first._replace(reason=reason), *others))
    assert shown(scene)["evses"][0]["reason"] == {
        "binding": "limit",
        "text": "limited by evening cap: 16 A",
        "until": "2026-11-20T18:30:55+00:00",
    }


def test_a_controller_that_only_observes_says_so_everywhere() -> None:
    """Nobody was told what it would do, so nobody waits for it."""
    scene = busy()
    site = scene.state.site
    watching = replace(scene.state, site=replace(site, policy=replace(site.policy, control=Control.OBSERVE)))
    shown = picture(watching, scene.decision, scene.instant)
    assert shown["mode"] == "observe"
    for row, known in zip(shown["evses"], watching.evses, strict=True):
        held = known.grant.floor
        left = "" if held is None else f"stays at the {held.amps:g} A that it was left with; "
        assert row["reason"] is None or row["reason"]["text"].startswith(f"{left}not told, only observed: ")
    assert {known.grant.floor is None for known in watching.evses} == {True, False}
    waits = [row["condition"] == "waiting" for row in picture(scene.state, scene.decision, scene.instant)["evses"]]
    assert any(waits)
    assert not any(row["condition"] == "waiting" for row in shown["evses"])
