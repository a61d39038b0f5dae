"""A real Modbus TCP server, the one of pymodbus, with the registers of an Eastron SDM630."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

VOLTS, HERTZ = 230.0, 50.0
WRITE = 16
SIZE = 80


class GridMeter:
    """What it measures can be changed while it runs; the energy register moves, so that it does not look frozen."""

    def __init__(self, server: ModbusTcpServer) -> None:
        self._server = server
        self._kwh = 1000.0

    async def show(self, *amps: float) -> None:
        """So many ampere flow on each phase, from the grid."""
        self._kwh += 0.01
        watts = [VOLTS * a for a in amps]
        for address, numbers in ((6, amps), (12, watts), (52, (sum(watts),)), (72, (self._kwh,))):
            await self._server.async_setValues(1, WRITE, address, words(*numbers))


@asynccontextmanager
async def grid_meter(port: int, *amps: float) -> AsyncIterator[GridMeter]:
    """A meter that answers at unit 1 while the context lasts."""
    registers = [0] * SIZE
    for address, numbers in ((0, (VOLTS,) * 3), (70, (HERTZ,))):
        registers[address : address + 2 * len(numbers)] = words(*numbers)
    device = SimDevice(1, [SimData(0, values=registers, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    meter = GridMeter(server)
    await meter.show(*(amps or (5.0, 5.0, 5.0)))
    try:
        yield meter
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # left untyped by the library


def words(*numbers: float) -> list[int]:
    """32-bit floats as registers, the high word first."""
    return list(struct.unpack(f">{2 * len(numbers)}H", struct.pack(f">{len(numbers)}f", *numbers)))
