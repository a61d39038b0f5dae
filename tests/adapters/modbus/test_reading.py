"""Values to a reading of the site: signs, phases, transformers, and what cannot be true."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.modbus.address import Framing, MeterAddress, SerialBus, TcpBus
from ems.adapters.modbus.reading import Doubt, meter_reading
from ems.adapters.modbus.register_map import RegisterMap
from ems.domain.meter import MeterReading
from ems.domain.phases import Phase
from tests.adapters.modbus.models import MODELS, NAMES, WORDS, golden, sdm630, wild

SDM = MODELS["eastron-sdm630"]
HERE = MeterAddress("m", TcpBus("meter"))
L1, L2, L3 = Phase


def read(address: MeterAddress = HERE, **load: Any) -> MeterReading | Doubt:
    return meter_reading(SDM, address, sdm630(**load), 5.0, 9)


def good(address: MeterAddress = HERE, **load: Any) -> MeterReading:
    reading = read(address, **load)
    assert isinstance(reading, MeterReading), reading
    return reading


def test_a_reading_carries_everything_the_meter_says() -> None:
    reading = good()
    assert (reading.at, reading.fingerprint) == (5.0, 9)
    assert reading.amps == (10.0, 10.0, 10.0)
    assert reading.volts == (230.0, 230.0, 230.0)
    assert reading.power_w == 6900.0
    assert reading.frequency_hz == 50.0
    assert reading.import_wh == 1_234_500.0
    assert reading.export_wh == 10_000.0


@pytest.mark.parametrize(
    ("amps", "watts", "site"),
    [
        ((10, 10, 10), (2300, 2300, 2300), (10, 10, 10)),
        ((10, 10, 10), (-2300, -2300, -2300), (-10, -10, -10)),
        ((10, 5, 2), (2300, -1150, 460), (10, -5, 2)),
        ((-10, 5, 2), (2300, -1150, 460), (10, -5, 2)),  # signs of currents mean nothing here
        ((10, 0, 0), (0, 0, 0), (10, 0, 0)),  # purely reactive: the conductor is loaded
        ((10, 10, 10), (-100, -300, 2300), (10, -10, 10)),  # next to no power has no direction
    ],
)
def test_the_direction_of_a_current_is_that_of_its_power(
    amps: tuple[float, float, float], watts: tuple[float, float, float], site: tuple[float, float, float]
) -> None:
    assert good(amps=amps, watts=watts).amps == site


def test_a_meter_built_in_the_wrong_way_round_is_turned() -> None:
    reading = good(replace(HERE, invert=True), amps=(10, 5, 2), watts=(2300, -1150, 10))
    assert reading.amps == (-10.0, 5.0, 2.0)
    assert reading.power_w == -1160.0
    assert (reading.import_wh, reading.export_wh) == (10_000.0, 1_234_500.0)


@pytest.mark.parametrize(
    ("phases", "site"),
    [
        ((L1, L2, L3), (10, 5, 2)),
        ((L2, L3, L1), (2, 10, 5)),
        ((L3, L1, L2), (5, 2, 10)),
        ((L1, L3, L2), (10, 2, 5)),
    ],
)
def test_the_conductors_of_the_meter_are_put_on_the_phases_of_the_site(
    phases: tuple[Phase, ...], site: tuple[float, float, float]
) -> None:
    volts = {10: 229.0, 5: 230.0, 2: 231.0}
    reading = good(replace(HERE, phases=phases), amps=(10, 5, 2), volts=(229.0, 230.0, 231.0))
    assert reading.amps == site
    assert reading.volts == tuple(volts[round(current)] for current in site)


def test_a_one_phase_meter_loads_its_phase_alone() -> None:
    reading = meter_reading(MODELS["eastron-sdm120"], replace(HERE, phases=(L2,)), golden("eastron-sdm120"), 0.0, 0)
    assert isinstance(reading, MeterReading)
    assert reading.amps == pytest.approx((0.0, 12.3, 0.0), rel=1e-6)
    assert reading.power_w == 2800.0
    assert reading.volts is None, "the other phases are not known, and not 0"


def test_a_three_phase_meter_with_one_conductor_in_use_ignores_the_others() -> None:
    reading = good(replace(HERE, phases=(L3,)), volts=(230.0, 0.0, 0.0), amps=(10, 50, 50), watts=(2300, 500, 500))
    assert reading.amps == (0.0, 0.0, 10.0)
    assert reading.power_w == 2300.0


def test_a_meter_on_the_secondary_side_is_multiplied() -> None:
    reading = good(replace(HERE, ct_ratio=40.0), amps=(5, 4, 3))
    assert reading.amps == (200.0, 160.0, 120.0)
    assert reading.power_w == pytest.approx(12 * 230 * 40)
    assert reading.import_wh == 1_234_500.0 * 40
    assert reading.volts == (230.0, 230.0, 230.0)


NAN = math.nan


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        ({"amps": (NAN, 1, 1)}, "current of conductor 1 is not available: register 6 holds 0x7fc00000"),
        ({"volts": (230, NAN, 230), "watts": (0, 0, 0)}, "voltage of conductor 2 is not available: register 2"),
        ({"watts": (0, 0, math.inf)}, "power of conductor 3 is not available: register 16 holds 0x7f800000"),
        ({"volts": (100, 230, 230)}, r"voltage_l1 \(register 0\) is 100 V, expected 184 to 264 V"),
        ({"volts": (230, 0, 230)}, r"voltage_l2 \(register 2\) is 0 V"),
        ({"volts": (230, 230, 270)}, r"voltage_l3 \(register 4\) is 270 V"),
        ({"hertz": 44.0}, r"frequency \(register 70\) is 44 Hz, expected 45 to 65 Hz"),
        ({"hertz": 0.0}, r"frequency \(register 70\) is 0 Hz"),
        ({"amps": (20_000, 0, 0), "watts": (0, 0, 0)}, r"current_l1 \(register 6\) is 20000 A, which no conductor"),
        ({"amps": (1, 1, 1), "watts": (300, 230, 230)}, r"power_l1 \(register 12\) is 300 W, more than 230 V and 1 A"),
        ({"amps": (1, 1, 1), "watts": (230, 230, -300)}, r"power_l3 \(register 16\) is -300 W, more than"),
    ],
)  # fmt: skip
def test_what_cannot_be_true_is_no_reading_and_the_reason_names_register_and_value(
    load: dict[str, Any], reason: str
) -> None:
    outcome = read(**load)
    assert isinstance(outcome, Doubt)
    assert re.match(reason, outcome.reason), outcome.reason


@pytest.mark.parametrize(
    ("total", "plausible"),
    [(6900.0, True), (6510.0, True), (6490.0, False), (7290.0, True), (7300.0, False), (-6900.0, False)],
)
def test_the_total_must_be_the_sum_of_the_phases(total: float, plausible: bool) -> None:
    registers = sdm630()
    registers[52], registers[53] = struct.unpack(">HH", struct.pack(">f", total))
    outcome = meter_reading(SDM, HERE, registers, 0.0, 0)
    assert isinstance(outcome, MeterReading) is plausible
    if isinstance(outcome, Doubt):
        assert outcome.reason == f"power (register 52) is {total:g} W, but the phases add up to 6900 W"


def test_an_unavailable_total_is_the_sum_of_the_phases() -> None:
    registers = sdm630() | {52: 0x7FC0, 53: 0}
    reading = meter_reading(SDM, HERE, registers, 0.0, 0)
    assert isinstance(reading, MeterReading)
    assert reading.power_w == 6900.0


def test_unavailable_energies_and_frequency_are_none_and_not_0() -> None:
    reading = meter_reading(SDM, HERE, sdm630() | dict.fromkeys(range(70, 76), 0x7FC0), 0.0, 0)
    assert isinstance(reading, MeterReading)
    assert (reading.frequency_hz, reading.import_wh, reading.export_wh) == (None, None, None)


@pytest.mark.parametrize(("amps", "plausible"), [(125.9, True), (126.1, False)])
def test_a_current_beyond_twice_the_rating_is_not_believed(amps: float, plausible: bool) -> None:
    outcome = read(replace(HERE, rated_a=63.0), amps=(amps, 0, 0))
    assert isinstance(outcome, MeterReading) is plausible


def test_the_rating_is_that_of_the_primary_side() -> None:
    assert isinstance(read(replace(HERE, rated_a=100.0, ct_ratio=50.0), amps=(3, 0, 0)), MeterReading)
    assert isinstance(read(replace(HERE, rated_a=100.0, ct_ratio=50.0), amps=(5, 0, 0)), Doubt)


SHORT_VALUES = {"sunspec-meter", "solaredge-meter", "hager-ecr", "victron-grid", "victron-vebus"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - SHORT_VALUES))
def test_a_swapped_word_order_is_noticed(name: str) -> None:
    swapped = replace(MODELS[name], little_words=not MODELS[name].little_words)
    address = replace(HERE, phases=tuple(Phase)[: swapped.conductors])
    assert isinstance(meter_reading(swapped, address, golden(name), 0.0, 0), Doubt)


ADDRESSES = st.builds(
    MeterAddress,
    id=st.just("m"),
    bus=st.just(TcpBus("meter")),
    phases=st.permutations(list(Phase)).flatmap(lambda p: st.integers(1, 3).map(lambda n: tuple(p[:n]))),
    invert=st.booleans(),
    ct_ratio=st.sampled_from([0.001, 1.0, 40.0, 100_000.0]),
    nominal_v=st.sampled_from([50.0, 120.0, 230.0, 1000.0]),
    rated_a=st.sampled_from([None, 63.0]),
)


@given(name=st.sampled_from(NAMES), address=ADDRESSES, words=WORDS)
def test_any_registers_are_a_reading_or_a_reason(name: str, address: MeterAddress, words: list[int]) -> None:
    outcome = meter_reading(MODELS[name], address, wild(MODELS[name], words), 0.0, 0)
    if isinstance(outcome, Doubt):
        assert outcome.reason
    else:
        assert all(math.isfinite(current) for current in outcome.amps)


@given(address=ADDRESSES, flips=st.lists(st.tuples(st.integers(0, 75), st.integers(0, 0xFFFF)), max_size=3))
def test_a_good_meter_with_a_few_wild_registers_never_gives_an_absurd_current(
    address: MeterAddress, flips: list[tuple[int, int]]
) -> None:
    outcome = meter_reading(SDM, address, sdm630() | dict(flips), 0.0, 0)
    if isinstance(outcome, MeterReading):
        most = 10_000.0 * address.ct_ratio if address.rated_a is None else 2 * address.rated_a
        assert all(abs(current) <= most for current in outcome.amps)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unit": 0, "bus": SerialBus("/dev/ttyUSB0")}, "unit must be 1 to 247, got 0; on a serial line unit 0"),
        ({"unit": 0, "bus": TcpBus("h", framing=Framing.RTU)}, "unit must be 1 to 247, got 0"),
        ({"unit": 248, "bus": SerialBus("/dev/ttyUSB0")}, "unit must be 1 to 247"),
        ({"unit": 256}, "unit must be 0 to 255"),
        ({"phases": (L1, L1)}, "phases must be one to three different phases"),
        ({"phases": ()}, "phases must be one to three different phases"),
        ({"every_s": 0.0}, "every_s must be 0.1 to 3600"),
        ({"every_s": math.nan}, "every_s must be 0.1 to 3600"),
        ({"timeout_s": 0.0}, "timeout_s must be"),
        ({"ct_ratio": -1.0}, "ct_ratio must be"),
        ({"nominal_v": 0.0}, "nominal_v must be"),
        ({"rated_a": 0.0}, "rated_a must be"),
    ],
)
def test_an_impossible_address_is_refused_in_words(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=f"meter m: {problem}"):
        MeterAddress(**{"id": "m", "bus": TcpBus("meter"), **change})  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: TcpBus(""), "host is empty"),
        (lambda: TcpBus("h", 0), "port must be 1 to 65535"),
        (lambda: SerialBus(""), "serial device is empty"),
        (lambda: SerialBus("/dev/x", 9600, "80.0"), "frame must be data bits"),
        (lambda: SerialBus("/dev/x", 10), "baud must be"),
    ],
)
def test_an_impossible_bus_is_refused_in_words(make: object, problem: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=problem):
        make()


@pytest.mark.parametrize(
    ("imported", "exported", "amps"), [(460, 0, 2.0), (0, 460, -2.0), (460, 0xFFFF, None), (0xFFFF, 460, None)]
)
def test_power_that_comes_as_import_and_export_needs_both(imported: int, exported: int, amps: float | None) -> None:
    points = {
        "current_l1": [0, "u16"],
        "voltage_l1": [1, "u16"],
        "power_import_l1": [2, "u16"],
        "power_export_l1": [3, "u16"],
    }
    data = {"vendor": "M", "models": ["M"], "function_code": 3, "word_order": "big", "conductors": 1, "fast": [[0, 4]]}
    model = RegisterMap.from_data("m", {**data, "points": points, "invalid": {"u16": [0xFFFF]}})
    outcome = meter_reading(model, replace(HERE, phases=(L1,)), {0: 2, 1: 230, 2: imported, 3: exported}, 0.0, 0)
    if amps is None:
        assert isinstance(outcome, Doubt)
        assert "power of conductor 1 is not available" in outcome.reason
    else:
        assert isinstance(outcome, MeterReading)
        assert outcome.amps == (amps, 0.0, 0.0)
