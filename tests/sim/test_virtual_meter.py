"""The virtual meter, read by a Modbus client that nobody here wrote."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from ems.sim.meter_registers import Shown
from ems.sim.virtual_meter import MeterFault, VirtualMeter
from tests.sim.central import in_virtual_time

SHOWN = Shown((229.0, 230.0, 231.5), (10.0, -4.0, 0.5), 50.01, 123_400.0, 7_000.0)


@asynccontextmanager
async def reading(meter: VirtualMeter) -> AsyncIterator[AsyncModbusTcpClient]:
    async with meter.serving("127.0.0.1", 502):
        client = AsyncModbusTcpClient("127.0.0.1", port=502, timeout=1, retries=0, reconnect_delay=0)
        assert await client.connect()
        try:
            yield client
        finally:
            client.close()


def floats(words: Sequence[int]) -> list[float]:
    pairs = zip(words[::2], words[1::2], strict=True)
    return [round(struct.unpack(">f", struct.pack(">HH", *pair))[0], 3) for pair in pairs]


@pytest.mark.parametrize(
    ("address", "values"),
    [
        (0, [229.0, 230.0, 231.5]),
        (6, [10.0, 4.0, 0.5]),
        (12, [2290.0, -920.0, 115.75]),
        (30, [1.0]),
        (52, [1485.75]),
        (70, [50.01]),
        (72, [123.4, 7.0]),
        (342, [130.4]),
        (100, [0.0]),
    ],
)
def test_shows_the_registers_of_an_sdm630(address: int, values: list[float]) -> None:
    async def story() -> None:
        meter = VirtualMeter([1, 2])
        meter.show(2, SHOWN)
        async with reading(meter) as client:
            answer = await client.read_input_registers(address, count=2 * len(values), device_id=2)
            assert floats(answer.registers) == pytest.approx(values, abs=2e-3)
            other = await client.read_input_registers(0, count=12, device_id=1)
            assert floats(other.registers) == [230, 230, 230, 0, 0, 0]

    in_virtual_time(story())


@pytest.mark.parametrize(
    ("function", "address", "count", "unit", "code"),
    [
        ("read_input_registers", 1, 2, 1, 3),
        ("read_input_registers", 0, 3, 1, 3),
        ("read_input_registers", 0, 82, 1, 3),
        ("read_input_registers", 512, 2, 1, 2),
        ("read_holding_registers", 0, 2, 1, 2),
        ("read_coils", 0, 1, 1, 1),
        ("read_input_registers", 0, 2, 9, 11),
    ],
)
def test_refuses_what_the_device_refuses(function: str, address: int, count: int, unit: int, code: int) -> None:
    async def story() -> None:
        async with reading(VirtualMeter([1])) as client:
            answer = await getattr(client, function)(address, count=count, device_id=unit)
            assert answer.isError()
            assert answer.exception_code == code

    in_virtual_time(story())


def test_names_its_model() -> None:
    async def story() -> None:
        async with reading(VirtualMeter([1])) as client:
            answer = await client.read_holding_registers(64514 - 2, count=2, device_id=1)
            assert answer.registers == [0, 0]

    in_virtual_time(story())


@pytest.mark.parametrize("fault", [MeterFault.SILENT, MeterFault.WRONG_UNIT, MeterFault.LOST])
def test_a_meter_that_does_not_answer(fault: MeterFault) -> None:
    async def story() -> None:
        meter = VirtualMeter([1, 3])
        async with reading(meter) as client:
            meter.fail(1, fault)
            with pytest.raises(ModbusException):
                await client.read_input_registers(0, count=2, device_id=1)
            meter.fail(1, MeterFault.NONE)
            await client.connect()
            assert not (await client.read_input_registers(0, count=2, device_id=1)).isError()

    in_virtual_time(story())


def test_a_meter_that_fails_leaves_the_others_alone() -> None:
    async def story() -> None:
        meter = VirtualMeter([1, 3])
        async with reading(meter) as client:
            meter.fail(1, MeterFault.EXCEPTION)
            broken = await client.read_input_registers(0, count=2, device_id=1)
            assert broken.exception_code == 4
            assert not (await client.read_input_registers(0, count=2, device_id=3)).isError()

    in_virtual_time(story())


def test_a_frozen_meter_repeats_itself_until_it_works_again() -> None:
    async def story() -> None:
        meter = VirtualMeter([1])
        meter.show(1, SHOWN)
        async with reading(meter) as client:
            meter.fail(1, MeterFault.FROZEN)
            meter.show(1, Shown())
            assert floats((await client.read_input_registers(6, count=2, device_id=1)).registers) == [10]
            meter.fail(1, MeterFault.NONE)
            meter.show(1, Shown())
            assert floats((await client.read_input_registers(6, count=2, device_id=1)).registers) == [0]

    in_virtual_time(story())


def test_a_slow_meter_takes_its_time() -> None:
    async def story() -> None:
        meter = VirtualMeter([1])
        async with reading(meter) as client:
            meter.fail(1, MeterFault.SLOW, 0.7)
            began = asyncio.get_running_loop().time()
            await client.read_input_registers(0, count=2, device_id=1)
            assert asyncio.get_running_loop().time() - began == pytest.approx(0.7, abs=0.05)

    in_virtual_time(story())


@pytest.mark.parametrize(
    "frame",
    ["000100070006010400000002", "00010000000101", "00010000ffff01"],
    ids=["another protocol", "too short", "too long"],
)
def test_closes_on_frames_that_are_not_modbus(frame: str) -> None:
    async def story() -> None:
        async with VirtualMeter([1]).serving("127.0.0.1", 502):
            reader, writer = await asyncio.open_connection("127.0.0.1", 502)
            writer.write(bytes.fromhex(frame))
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()

    in_virtual_time(story())
