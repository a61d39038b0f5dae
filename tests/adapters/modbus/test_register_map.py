"""Meter models are data, checked strictly: every problem at once, each with its key and its remedy."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.modbus.point import Block, Point
from ems.adapters.modbus.register_map import RegisterMap, RegisterMapError
from ems.adapters.modbus.writes import words_of

GOOD: dict[str, Any] = {
    "vendor": "Maker",
    "models": ["M1"],
    "function_code": 3,
    "word_order": "big",
    "conductors": 1,
    "fast": [[0, 10]],
    "points": {"current_l1": [0, "f32"], "voltage_l1": [2, "f32"], "power_l1": [4, "s32", 0.1]},
}


def changed(path: str, value: object) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    place = data
    *parents, last = path.split("/")
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return data


def test_a_model_with_the_least_that_is_needed() -> None:
    model = RegisterMap.from_data("m1", GOOD)
    assert model.fast == (Block(0, 10),)
    assert model.points["power_l1"].scale == 0.1


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("function_kode", 3, "unknown key 'function_kode': did you mean 'function_code'?"),
        ("limits/max_regs", 10, "unknown key 'limits.max_regs': did you mean 'max_registers'?"),
        ("function_code", 1, "function_code: needs a whole number 3 to 4, got 1"),
        ("function_code", True, "function_code: needs a whole number 3 to 4, got True"),
        ("word_order", "middle", "word_order: needs one of big, little, got 'middle'"),
        ("vendor", "", "vendor: needs a text, got ''"),
        ("models", [1], "models: needs a text, got [1]"),
        ("conductors", 4, "conductors: needs a whole number 1 to 3, got 4"),
        ("default/frame", 80.0, "default.frame: needs data bits, parity, stop bits in quotes, as '8E1'"),
        ("default/unit", 300, "default.unit: needs a whole number 0 to 255, got 300"),
        ("limits/max_registers", 4, "block [0, 10] is longer than limits.max_registers 4"),
        ("currents", "some", "currents: needs one of unsigned, signed, got 'some'"),
        ("frequency_varies", 1, "frequency_varies: needs true or false, got 1"),
        ("sunspec", ["x"], "sunspec: needs whole numbers, got 'x'"),
        ("fast", [], "fast: needs at least one [first register, count]"),
        ("fast", [[0, 0]], "fast: needs [first register, number of registers] within 0 to 65535, got [0, 0]"),
        ("fast", [[65530, 10]], "fast: needs [first register, number of registers] within 0 to 65535"),
        ("fast", "all", "fast: needs a list, got 'all'"),
        ("fast", [[0, 5]], "points.power_l1: registers 4 to 5 lie in no block"),
        ("slow", [[0, 200]], "block [0, 200] is longer than limits.max_registers 125"),
        ("points", [], "points: needs a mapping of name: [address, type, scale]"),
        ("points/volts", [1, "u16"], "points.volts: is not a known value"),
        ("points/voltage_l11", [6, "u16"], "points.voltage_l11: is not a known value: did you mean 'voltage_l1'?"),
        ("points/frequency", 6, "points.frequency: needs [address, type, scale], got 6"),
        ("points/frequency", [-1, "u16"], "points.frequency: address must be 0 to 65535, got -1"),
        ("points/frequency", [6, "float"], "points.frequency: type must be one of u16"),
        ("points/frequency", [6, "u16", 0], "points.frequency: scale must be a number that is not 0"),
        ("points/frequency", [6, "u16", float("nan")], "points.frequency: scale must be a number that is not 0"),
        ("points/frequency", [6, "u16", "hz_sf"], "points.frequency: 'hz_sf' is not a point of type sf"),
        ("points/frequency", [3, "u16"], "points: voltage_l1 and frequency share a register"),
        ("points/power_l2", [6, "s32"], "points.power_l2: there are only 1 conductors"),
        ("conductors", 3, "points: current_l2 is missing"),
        ("conductors", 3, "points: voltage_l2, voltage_l3 missing beside voltage_l1: give all phases or none"),
        ("invalid/f16", [0], "unknown key 'invalid.f16'"),
        ("invalid/u16", [0x10000], "u16: raw numbers of u16 are 0 to 0xffff"),
        ("invalid/u16", ["5..2"], "u16: raw numbers of u16 are 0 to 0xffff, low before high; got '5..2'"),
        ("invalid/u16", ["many"], "invalid.u16: needs whole numbers or 'low..high', got 'many'"),
        ("identify", {"address": 1, "type": "u16"}, "identify.values: needs at least one raw number"),
        ("identify", 5, "identify must be a mapping"),
        ("limits", [], "limits must be a mapping"),
    ],
)  # fmt: skip
def test_a_problem_names_the_key_and_the_remedy(path: str, value: object, problem: str) -> None:
    with pytest.raises(RegisterMapError) as error:
        RegisterMap.from_data("m1", changed(path, value))
    assert any(problem in line for line in error.value.problems), error.value.problems


def test_a_value_that_is_needed_each_period_may_not_be_read_slowly() -> None:
    data = changed("fast", [[0, 4]]) | {"slow": [[4, 2]]}
    with pytest.raises(RegisterMapError, match="power_l1: registers 4 to 5 are read slowly"):
        RegisterMap.from_data("m1", data)


def test_a_scale_factor_must_be_read_together_with_its_value() -> None:
    data = changed("points/frequency", [6, "s16", "hz_sf"])
    data["points"]["hz_sf"] = [50, "sf"]
    data["slow"] = [[50, 1]]
    with pytest.raises(RegisterMapError, match="hz_sf may change, so it must be in the same block"):
        RegisterMap.from_data("m1", data)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(RegisterMapError) as error:
        RegisterMap.from_data("m1", {"vendor": 1, "fast": 2, "points": {"x": 3}, "y": 4})
    assert len(error.value.problems) >= 7
    assert all(line.startswith("meter model m1: ") for line in str(error.value).split("; ") if "meter model" in line)


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_something_else_than_a_mapping_is_refused_in_words(data: object) -> None:
    with pytest.raises(RegisterMapError, match="must be a mapping"):
        RegisterMap.from_data("m1", data)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = st.sampled_from([*GOOD, "default", "limits", "invalid", "identify", "sunspec", "slow", "points/frequency"])


@given(path=PATHS, junk=JUNK)
def test_junk_is_refused_in_words_or_harmless(path: str, junk: object) -> None:
    with suppress(RegisterMapError):
        RegisterMap.from_data("m1", changed(path, junk))


WRITES: dict[str, Any] = {"power": [100, "f32", -1], "range_w": [-5000, 5000], "ends_s": 60, "repeat_s": 20}


def writing(**changes: object) -> dict[str, Any]:
    return {**GOOD, "writes": {key: value for key, value in (WRITES | changes).items() if value is not None}}


def test_a_model_without_writes_is_only_read() -> None:
    assert RegisterMap.from_data("m1", GOOD).writes is None
    declared = RegisterMap.from_data("m1", writing()).writes
    assert declared is not None
    assert (declared.within(9000.0), declared.within(-9000.0), declared.within(10.0)) == (5000.0, -5000.0, 10.0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"powr": 1}, "unknown key 'writes.powr': did you mean 'power'?"),
        ({"power": None}, "writes.power: needs one setpoint, or power_l1 and the phases after it"),
        ({"power_l1": [5, "s16"]}, "writes.power: needs one setpoint"),
        ({"power": None, "power_l2": [5, "s16"]}, "writes.power: needs one setpoint, or power_l1"),
        ({"power": [100, "f32", "w_sf"]}, "writes.power: its scale must be a number"),
        ({"power": [100, "flt"]}, "writes.power: type must be one of u16"),
        ({"power": None, "power_l1": [5, "s16"], "power_l2": [6, "s16"]}, "writes: a setpoint per phase, but"),
        ({"range_w": [5000, -5000]}, "writes.range_w: needs [lowest, highest] in W, charging positive"),
        ({"range_w": None}, "writes.range_w: needs [lowest, highest] in W"),
        ({"ends_s": None}, "writes.release_w: is missing, and so is ends_s: nothing would ever end a setpoint"),
        ({"repeat_s": 40}, "writes.repeat_s: must be at most ends_s / 2, so that a lost write does no harm"),
        ({"repeat_s": None}, "writes.repeat_s: must be at most ends_s / 2"),
        ({"pause_s": 0}, "writes.pause_s: needs seconds, 1 to 86400, got 0"),
        ({"release_w": "0"}, "writes.release_w: needs a power in W, got '0'"),
        ({"allowed_by": {"address": 5, "type": "u16"}}, "writes.allowed_by.values: needs at least one raw number"),
    ],
)  # fmt: skip
def test_what_may_be_written_is_checked_as_strictly(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(RegisterMapError) as error:
        RegisterMap.from_data("m1", writing(**changes))
    assert any(problem in line for line in error.value.problems), error.value.problems


def test_a_power_that_a_register_cannot_hold_is_no_power() -> None:
    point = Point("power_l1", 37, "s16")
    assert words_of(point, -2.0, little_words=False) == (0xFFFE,)
    with pytest.raises(ValueError, match=r"40000 W does not fit into power_l1 \(s16\)"):
        words_of(point, 40_000.0, little_words=False)
    assert words_of(Point("power", 0, "s32", 10.0), 20.0, little_words=True) == (2, 0)
