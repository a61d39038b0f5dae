"""Every shipped meter model, against registers as the maker's table describes them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from ems.adapters.modbus.address import MeterAddress, TcpBus
from ems.adapters.modbus.decode import image_of
from ems.adapters.modbus.error import RefusedError
from ems.adapters.modbus.identity import Read, WrongDeviceError, identify
from ems.adapters.modbus.reading import meter_reading
from ems.adapters.modbus.register_map import RegisterMap
from ems.domain.meter import MeterReading
from ems.domain.phases import Phase
from tests.adapters.modbus.models import GOLDEN, MODELS, golden


def address_of(model: RegisterMap) -> MeterAddress:
    return MeterAddress("m", TcpBus("meter"), phases=tuple(Phase)[: model.conductors])


def reader(registers: Mapping[int, int]) -> Read:
    async def read(address: int, count: int) -> tuple[int, ...]:
        try:
            return tuple(registers[address + offset] for offset in range(count))
        except KeyError:
            raise RefusedError(2) from None

    return read


def reading_of(model: RegisterMap, registers: Mapping[int, int]) -> MeterReading:
    """What the poller makes of a device, block by block."""
    placed = asyncio.run(identify(model, reader(registers)))
    blocks = {b: [registers[a] for a in range(b.address, b.address + b.size)] for b in (*placed.fast, *placed.slow)}
    reading = meter_reading(placed, address_of(model), image_of(blocks), 0.0, 1)
    assert isinstance(reading, MeterReading), reading
    return reading


@pytest.mark.parametrize("name", GOLDEN)
def test_the_registers_of_the_maker_give_the_load_that_is_there(name: str) -> None:
    model = MODELS[name]
    assert model.function_code == GOLDEN[name]["function_code"]
    reading = reading_of(model, golden(name))
    expected = (12.3, -5.7, 0.9) if model.conductors == 3 else (12.3, 0.0, 0.0)
    assert reading.amps == pytest.approx(expected, rel=1e-5)
    assert reading.power_w == pytest.approx(1750 if model.conductors == 3 else 2800, rel=1e-5)
    if model.conductors == 3:
        assert reading.volts == pytest.approx((230.5, 231.0, 229.5), rel=1e-5)
    if "energy_import" in model.points:
        assert reading.import_wh == pytest.approx(12_345_000, rel=1e-5)
    if "energy_export" in model.points:
        assert reading.export_wh == pytest.approx(789_000, rel=1e-5)
    if "frequency" in model.points:
        assert reading.frequency_hz == pytest.approx(49.9, rel=1e-3)
    assert reading.soc == (pytest.approx(0.64) if "soc" in model.points else None)
    assert reading.storage_w == (900 if "storage_power" in model.points else None)


def test_every_shipped_model_has_such_registers() -> None:
    assert set(MODELS) - set(GOLDEN) == {"sunspec-meter", "solaredge-meter"}, "those are found by their chain, below"
    assert len(MODELS) >= 18


def sunspec(sign: int = 1, base: int = 40000, kind: int = 203, common: int = 66) -> dict[int, int]:
    """A device with a common model, an inverter and a meter; scale factors as the specification allows them."""
    registers = dict.fromkeys(range(base, base + 400), 0)
    at = base + 2
    registers |= {base: 0x5375, base + 1: 0x6E53, at: 1, at + 1: common}
    at += 2 + common
    registers |= {at: 103, at + 1: 50}
    at += 52
    registers |= {at: kind, at + 1: 105, at + 107: 0xFFFF, at + 108: 0}
    currents = {3: 1230, 4: 570, 5: 90, 6: -2}
    voltages = {8: 2305, 9: 2310, 10: 2295, 15: -1, 16: 4990, 17: -2}
    powers = {18: sign * 175, 19: sign * 280, 20: sign * -120, 21: sign * 15, 22: 1}
    energies = {39: 789, 47: 12_345, 54: 3}
    values = currents | voltages | powers | energies
    return registers | {at + offset: value & 0xFFFF for offset, value in values.items()}


@pytest.mark.parametrize("base", [40000, 50000, 0])
@pytest.mark.parametrize("kind", [201, 202, 203, 204])
@pytest.mark.parametrize("common", [65, 66])
def test_a_sunspec_meter_is_found_in_its_chain(base: int, kind: int, common: int) -> None:
    reading = reading_of(MODELS["sunspec-meter"], sunspec(base=base, kind=kind, common=common))
    assert reading.amps == pytest.approx((12.3, -5.7, 0.9))
    assert reading.power_w == pytest.approx(1750)
    assert reading.import_wh == pytest.approx(12_345_000)
    assert reading.export_wh == pytest.approx(789_000)
    assert reading.frequency_hz == pytest.approx(49.9)


def test_solaredge_counts_export_as_positive() -> None:
    assert reading_of(MODELS["solaredge-meter"], sunspec(sign=-1)).amps == pytest.approx((12.3, -5.7, 0.9))


@pytest.mark.parametrize(
    ("registers", "why"),
    [
        ({}, "no SunSpec mark"),
        (sunspec(kind=160), r"no SunSpec model of 201, 202, 203, 204 among \[1, 103, 160, 65535\]"),
        ({**sunspec(), 40000 + 2 + 68 + 52 + 1: 30}, "is cut short"),
        ({**dict.fromkeys(range(40000, 65536), 0), 40000: 0x5375, 40001: 0x6E53}, "no SunSpec model of"),
    ],
)
def test_a_chain_without_a_meter_is_said_in_words(registers: dict[int, int], why: str) -> None:
    with pytest.raises(WrongDeviceError, match=why):
        asyncio.run(identify(MODELS["sunspec-meter"], reader(registers)))


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.identity is not None])
def test_another_device_in_its_place_is_not_believed(name: str) -> None:
    identity = MODELS[name].identity
    assert identity is not None
    other = {**golden(name), **dict.fromkeys(range(identity.address, identity.address + 4), 0)}
    with pytest.raises(WrongDeviceError, match=f"register {identity.address} holds 0x0, a {name} has"):
        asyncio.run(identify(MODELS[name], reader(other)))
    with pytest.raises(WrongDeviceError, match="the meter model is not the right one"):
        asyncio.run(identify(MODELS[name], reader({})))
