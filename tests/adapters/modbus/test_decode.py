"""Registers to values: types, word orders, and what means "not available"."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.modbus.decode import Invalid, decode, fingerprint, value_of
from ems.adapters.modbus.point import SIZES, Point
from ems.adapters.modbus.register_map import RegisterMap
from tests.adapters.modbus.models import MODELS, NAMES, WORDS, wild

MODEL = {
    "vendor": "Maker", "models": ["M1"], "function_code": 3, "word_order": "big", "conductors": 1, "fast": [[0, 20]],
    "points": {"current_l1": [0, "u16"]},
}  # fmt: skip


def model(**keys: object) -> RegisterMap:
    return RegisterMap.from_data("m1", {**MODEL, **keys})


def image(words: str) -> dict[int, int]:
    return {10 + offset: int(word, 16) for offset, word in enumerate(words.split())}


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        ("u16", "ffff", 65535.0),
        ("s16", "ffff", -1.0),
        ("s16", "8000", -32768.0),
        ("u32", "0001 0002", 65538.0),
        ("s32", "ffff fffe", -2.0),
        ("f32", "4366 8000", 230.5),
        ("u64", "0000 0001 0000 0000", 4294967296.0),
        ("s64", "ffff ffff ffff ff85", -123.0),
        ("f64", "406c d000 0000 0000", 230.5),
    ],
)
def test_types_in_both_word_orders(kind: str, words: str, value: float) -> None:
    assert value_of(model(), Point("frequency", 10, kind), image(words)) == value
    little = " ".join(reversed(words.split()))
    assert value_of(model(word_order="little"), Point("frequency", 10, kind), image(little)) == value


@pytest.mark.parametrize(
    ("kind", "words", "invalid"),
    [
        ("f32", "7fc0 0000", {}),
        ("f32", "ffc0 0000", {}),
        ("f32", "7f80 0000", {}),
        ("f32", "ff80 0000", {}),
        ("f64", "7ff8 0000 0000 0000", {}),
        ("f64", "fff0 0000 0000 0000", {}),
        ("s16", "8000", {"s16": [0x8000]}),
        ("u16", "ffff", {"u16": [0xFFFF]}),
        ("s32", "7fff ffff", {"s32": [0x7FFFFFFF]}),
        ("s32", "7fff 1234", {"s32": ["0x7FFF0000..0x7FFFFFFF"]}),
        ("u32", "ffff ffff", {"u32": [0xFFFFFFFF]}),
        ("u64", "ffff ffff ffff ffff", {"u64": [0xFFFFFFFFFFFFFFFF]}),
    ],
)
def test_what_means_not_available_is_never_a_number(kind: str, words: str, invalid: dict[str, object]) -> None:
    value = value_of(model(invalid=invalid), Point("frequency", 10, kind), image(words))
    assert isinstance(value, Invalid)
    assert str(value).startswith(f"register 10 holds 0x{words.replace(' ', '')}, which ")


def test_an_overflow_in_scaling_is_not_a_number() -> None:
    assert isinstance(value_of(model(), Point("power", 10, "f64", 1e9), image("7fe0 0000 0000 0000")), Invalid)


def test_what_was_not_read_is_neither_a_number_nor_invalid() -> None:
    assert value_of(model(), Point("power", 10, "u32"), {10: 1}) is None


@pytest.mark.parametrize(
    ("factor", "value"), [("0000", 5.0), ("fffe", 0.05), ("0003", 5000.0), ("8000", None), ("000b", None)]
)
def test_a_scale_factor_register_is_a_power_of_ten(factor: str, value: float | None) -> None:
    points = {**MODEL["points"], "power": [10, "s16", "power_sf"], "power_sf": [11, "sf"]}  # type: ignore[dict-item]  # a mapping
    scaled = model(points=points, invalid={"sf": [0x8000]})
    decoded = decode(scaled, {0: 0, **image(f"0005 {factor}")})["power"]
    assert isinstance(decoded, Invalid) if value is None else decoded == pytest.approx(value)


@pytest.mark.parametrize(
    ("raw", "hertz"), [(50.0, 50.0), (500.1, 50.01), (5.001, 50.01), (60.0, 60.0), (0.0, 0.0), (700.0, 700.0)]
)
def test_a_frequency_with_a_moving_decimal_point(raw: float, hertz: float) -> None:
    points = {"current_l1": [0, "u16"], "frequency": [10, "u32", 0.001]}
    varying = model(points=points, frequency_varies=True)
    millihertz = round(raw * 1000)
    registers = {0: 0, 10: millihertz >> 16, 11: millihertz & 0xFFFF}
    assert decode(varying, registers)["frequency"] == pytest.approx(hertz)


@given(name=st.sampled_from(NAMES), words=WORDS)
def test_any_registers_decode_to_finite_numbers_or_reasons(name: str, words: list[int]) -> None:
    for value in decode(MODELS[name], wild(MODELS[name], words)).values():
        assert value is None or isinstance(value, Invalid) or math.isfinite(value)


def test_the_fingerprint_sees_every_voltage_current_and_power() -> None:
    sdm = MODELS["eastron-sdm630"]
    registers = dict.fromkeys(range(80), 0)
    assert fingerprint(sdm, registers) == 197308103018772, "the same on every machine"
    for point in sdm.points.values():
        for offset in range(point.size):
            moved = fingerprint(sdm, registers | {point.address + offset: 1}) != fingerprint(sdm, registers)
            assert moved is point.is_needed
    assert 0 <= fingerprint(sdm, registers) < 2**53, "so that JSON readers keep it whole"


def test_sizes_are_those_of_the_types() -> None:
    assert {kind: int(kind[1:]) // 16 for kind in SIZES if kind != "sf"} == {
        k: n for k, n in SIZES.items() if k != "sf"
    }
