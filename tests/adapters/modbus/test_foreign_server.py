"""Against a Modbus server that nobody here wrote: the one of pymodbus, in virtual time and over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ems.adapters.modbus.address import Framing, MeterAddress, TcpBus
from ems.adapters.modbus.error import NotConnectedError, RefusedError
from ems.adapters.modbus.link import Link
from ems.adapters.modbus.poller import InstalledMeter, Poller
from ems.domain.events import BatteryAnswered, Event, MeterRead
from tests.adapters.modbus.models import MODELS, golden
from tests.adapters.modbus.virtual import LoopClock, in_virtual_time
from tests.ports import free_ports

FRAMINGS = pytest.mark.parametrize(
    ("framing", "framer"),
    [(Framing.TCP, FramerType.SOCKET), (Framing.RTU, FramerType.RTU)],
    ids=["tcp", "rtu-over-tcp"],
)


def device(unit: int, registers: dict[int, int]) -> SimDevice:
    """A simulated device with these registers."""
    blocks, addresses = [], sorted(registers)
    while addresses:
        first = addresses[0]
        size = next((n for n in range(len(addresses)) if addresses[n] != first + n), len(addresses))
        values = [registers[address] for address in addresses[:size]]
        blocks.append(SimData(first, values=values, datatype=DataType.REGISTERS))
        addresses = addresses[size:]
    return SimDevice(unit, blocks)


@FRAMINGS
def test_meters_of_many_models_on_one_gateway(framing: Framing, framer: FramerType) -> None:
    names = [name for name, model in MODELS.items() if not model.sunspec]
    events: list[Event] = []

    async def main() -> None:
        devices = [device(unit, golden(name)) for unit, name in enumerate(names, 1)]
        server = ModbusTcpServer(devices, framer=framer, address=("gateway", 502))
        await server.serve_forever(background=True)
        meters = [
            InstalledMeter(MeterAddress(name, TcpBus("gateway", 502, framing), unit, every_s=10.0), MODELS[name])
            for unit, name in enumerate(names, 1)
        ]
        polling = asyncio.create_task(Poller(meters, LoopClock(), events.append).run())
        await asyncio.sleep(25.0)
        polling.cancel()
        await asyncio.wait({polling})
        await server.shutdown()  # type: ignore[no-untyped-call]  # left untyped by the library

    in_virtual_time(main())
    read = {event.meter: event.reading for event in events if isinstance(event, MeterRead)}
    assert set(read) == set(names)
    assert all(reading.amps[0] == pytest.approx(12.3, rel=1e-5) for reading in read.values())
    assert len(events) == 3 * len(names)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@FRAMINGS
def test_real_sockets(
    framing: Framing, framer: FramerType, loop: Callable[[], asyncio.AbstractEventLoop], unused_port: int
) -> None:
    async def main() -> None:
        server = ModbusTcpServer(device(1, golden("eastron-sdm630")), framer=framer, address=("127.0.0.1", unused_port))
        await server.serve_forever(background=True)
        link = Link(TcpBus("127.0.0.1", unused_port, framing))
        for _ in range(50):
            assert (await link.read(4, 1, 0, 36))[0] == 0x4366
        with pytest.raises(RefusedError):
            await link.read(4, 1, 5000, 2)
        await link.close()
        await server.shutdown()  # type: ignore[no-untyped-call]  # left untyped by the library

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@FRAMINGS
def test_a_setpoint_is_written_and_read_back(framing: Framing, framer: FramerType) -> None:
    name, events = "kostal-plenticore", list[Event]()
    registers = {**golden(name), 1034: 0, 1035: 0, 1080: 2}

    async def main() -> None:
        server = ModbusTcpServer(device(71, registers), framer=framer, address=("inverter", 1502))
        await server.serve_forever(background=True)
        there = MeterAddress(name, TcpBus("inverter", 1502, framing), 71)
        poller = Poller([InstalledMeter(there, MODELS[name])], LoopClock(), events.append, {"store": name})
        polling = asyncio.create_task(poller.run())
        await asyncio.sleep(0.1)
        poller.set_power("store", 3000.0)
        await asyncio.sleep(3.0)
        polling.cancel()
        await asyncio.wait({polling})
        await server.shutdown()  # type: ignore[no-untyped-call]  # left untyped by the library

    in_virtual_time(main())
    told = [(event.power_w, event.fault) for event in events if isinstance(event, BatteryAnswered)]
    assert told == [(3000.0, ""), (None, "")], "told, and let go of at the end"
    assert sum(isinstance(event, MeterRead) for event in events) >= 3


@pytest.fixture
def unused_port() -> int:
    """A port that was free a moment ago."""
    return free_ports(1)[0]


@pytest.mark.parametrize(
    ("host", "words"),
    [("no-machine.invalid", "no machine is known by that name"), ("127.0.0.1", "but nothing listens at that port")],
)
def test_why_a_machine_cannot_be_reached_is_said_in_words(host: str, words: str) -> None:
    (port,) = free_ports(1)

    async def main() -> None:
        link = Link(TcpBus(host, port))
        with pytest.raises(NotConnectedError, match=words):
            await link.read(3, 1, 100, 2)
        await link.close()

    uvloop.run(main())
