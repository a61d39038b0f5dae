"""A Modbus TCP server that looks like a gateway with Eastron SDM630 meters behind it, and fails like one.

The framing is written out here, so that every fault of the wire can be shown and nothing is shared with the client.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ems.sim.meter_registers import (
    LAST_REGISTER,
    MAX_REGISTERS,
    Shown,
    holding_register,
    input_registers,
    words_to_bytes,
)

log = logging.getLogger(__name__)

HEADER = struct.Struct(">HHHB")
READ_HOLDING, READ_INPUT = 3, 4
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE, GATEWAY_NO_RESPONSE = 1, 2, 3, 4, 11
LONGEST_PDU = 253
IDLE_S = 300.0
CLOSING_S = 6.0
MAX_CLIENTS = 8


class MeterFault(StrEnum):
    """How a meter fails. SLOW delays by a number of seconds, NONSENSE shows a value that is not a number everywhere."""

    NONE = "none"
    SILENT = "silent"
    FROZEN = "frozen"
    LOST = "lost"
    EXCEPTION = "exception"
    WRONG_UNIT = "wrong-unit"
    SLOW = "slow"
    NONSENSE = "nonsense"


NONSENSE = (0x7FC0, 0x0000) * (LAST_REGISTER // 2)


class Device(Protocol):
    """What is behind a unit number, if it is no meter."""

    def answer(self, request: bytes) -> bytes:
        """The PDU that answers a PDU."""
        ...


@dataclass(slots=True)
class _Unit:
    image: tuple[int, ...]
    fault: MeterFault = MeterFault.NONE
    seconds: float = 0.0
    device: Device | None = None


class VirtualMeter:
    """Meters by unit number; `show` changes what they measure, `fail` how they behave."""

    def __init__(self, units: Iterable[int]) -> None:
        self._units = {unit: _Unit(input_registers(Shown())) for unit in units}
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self.port = 0
        self.reads = 0

    def show(self, unit: int, shown: Shown) -> None:
        """What a meter measures from now on; a frozen one keeps its registers."""
        meter = self._units[unit]
        if meter.fault is not MeterFault.FROZEN:
            meter.image = input_registers(shown)

    def attach(self, unit: int, device: Device) -> None:
        """Behind that unit number is something else; it fails as a meter does, but its registers never freeze."""
        self._units[unit].device = device

    def fail(self, unit: int, fault: MeterFault, seconds: float = 0.0) -> None:
        """A meter fails from now on, or works again (NONE). LOST closes every link at once and at each read."""
        meter = self._units[unit]
        meter.fault, meter.seconds = fault, seconds
        if fault is MeterFault.LOST:
            for client in list(self._clients):
                client.close()

    @asynccontextmanager
    async def serving(self, host: str, port: int = 0) -> AsyncIterator[VirtualMeter]:
        """Listen while the context lasts; `port` 0 picks one, see the attribute. Raises OSError."""
        server = await asyncio.start_server(self._client, host, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            serving = [task for task in self._clients.values() if task is not None]
            for client in list(self._clients):
                client.close()
            if serving:
                # A closed link ends its handler; cancelling one makes the stream report an error of its own.
                await asyncio.wait(serving, timeout=CLOSING_S)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients[writer] = asyncio.current_task()
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as ended:
            log.debug("sim.meter.link_ended cause=%r", str(ended)[:64])
        finally:
            self._clients.pop(writer, None)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; False when the link is to be closed."""
        async with asyncio.timeout(IDLE_S):
            transaction, protocol, length, unit = HEADER.unpack(await reader.readexactly(HEADER.size))
            if protocol != 0 or not 2 <= length <= LONGEST_PDU + 1:
                return False
            request = await reader.readexactly(length - 1)
        meter = self._units.get(unit)
        fault = MeterFault.NONE if meter is None else meter.fault
        if fault is MeterFault.LOST:
            return False
        if fault is MeterFault.SILENT:
            return True
        if meter is not None and fault is MeterFault.SLOW:
            await asyncio.sleep(meter.seconds)
        answer = self._answer(meter, request)
        from_unit = unit + 1 if fault is MeterFault.WRONG_UNIT else unit
        writer.write(HEADER.pack(transaction, 0, len(answer) + 1, from_unit % 256) + answer)
        async with asyncio.timeout(IDLE_S):
            await writer.drain()
        return True

    def _answer(self, meter: _Unit | None, request: bytes) -> bytes:
        function = request[0]
        if meter is None:
            return _exception(function, GATEWAY_NO_RESPONSE)
        if meter.fault is MeterFault.EXCEPTION:
            return _exception(function, DEVICE_FAILURE)
        if meter.device is not None:
            self.reads += 1
            return meter.device.answer(request)
        if function not in {READ_HOLDING, READ_INPUT} or len(request) != 5:
            return _exception(function, ILLEGAL_FUNCTION)
        address, count = struct.unpack(">HH", request[1:])
        if not 1 <= count <= MAX_REGISTERS or address % 2 or count % 2:
            # The device answers whole floats only.
            return _exception(function, ILLEGAL_VALUE)
        image = NONSENSE if meter.fault is MeterFault.NONSENSE else meter.image
        words = _words(image, function, address, count)
        if words is None:
            return _exception(function, ILLEGAL_ADDRESS)
        self.reads += 1
        return bytes((function, 2 * count)) + words_to_bytes(words)


def _words(image: tuple[int, ...], function: int, address: int, count: int) -> tuple[int, ...] | None:
    if function == READ_INPUT:
        return image[address : address + count] if address + count <= LAST_REGISTER else None
    words = [holding_register(a) for a in range(address, address + count)]
    found = [word for word in words if word is not None]
    return tuple(found) if len(found) == count else None


def _exception(function: int, code: int) -> bytes:
    return bytes((function | 0x80, code))
