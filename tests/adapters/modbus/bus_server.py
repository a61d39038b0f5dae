"""A Modbus device or gateway that does its own framing, so that it can get everything wrong.

A *manner* decides what goes back for one request; `obey` is the good one. Requests of one connection are handled one
after the other, as a device does.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import NamedTuple


class Request(NamedTuple):
    """What was asked; `transaction` is 0 on a serial line. `words` are what is to be written, over TCP only."""

    unit: int
    function_code: int
    address: int
    size: int
    transaction: int
    words: tuple[int, ...] = ()


class Line(NamedTuple):
    """The way back."""

    send: Callable[[bytes], None]
    close: Callable[[], None]


Manner = Callable[["BusServer", Request, Line], Awaitable[None]]


async def obey(server: BusServer, request: Request, line: Line) -> None:
    """Answer as a good device does."""
    line.send(server.answer(request))


async def be_silent(server: BusServer, request: Request, line: Line) -> None:
    """Never answer."""


def after(seconds: float, then: Manner = obey) -> Manner:
    """Answer late."""

    async def manner(server: BusServer, request: Request, line: Line) -> None:
        await asyncio.sleep(seconds)
        await then(server, request, line)

    return manner


class BusServer:
    """Units with registers. Unknown units are silent; unknown registers are refused with exception 2."""

    def __init__(self, units: Mapping[int, MutableMapping[int, int]], *, rtu: bool = False) -> None:
        self.units = dict(units)
        self.rtu = rtu
        self.manner: Manner = obey
        self.manners: dict[int, Manner] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.on_connect: Callable[[Line], bool] = lambda line: True
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def answer(self, request: Request) -> bytes:
        """The right frame."""
        registers = self.units.get(request.unit)
        if registers is None:
            return b""
        words = [registers.get(request.address + offset) for offset in range(request.size)]
        if None in words:
            return self.exception(request, 2)
        if request.words:
            registers.update(enumerate(request.words, request.address))
            return self.frame(request, struct.pack(">BHH", request.function_code, request.address, request.size))
        return self.frame(request, self.values(request, [word for word in words if word is not None]))

    def values(self, request: Request, words: list[int]) -> bytes:
        """The PDU with so many registers."""
        return struct.pack(f">BB{len(words)}H", request.function_code, 2 * len(words), *words)

    def exception(self, request: Request, code: int) -> bytes:
        """A frame with an exception code."""
        return self.frame(request, bytes((request.function_code | 0x80, code)))

    def frame(self, request: Request, pdu: bytes, *, unit: int | None = None, transaction: int | None = None) -> bytes:
        """Pack a PDU as the bus does, with another unit or transaction if wanted."""
        whose = bytes((request.unit if unit is None else unit,))
        if self.rtu:
            return whose + pdu + crc16(whose + pdu)
        number = request.transaction if transaction is None else transaction
        return struct.pack(">HHH", number, 0, 1 + len(pdu)) + whose + pdu

    async def start(self, host: str = "meter", port: int = 502) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, host, port)

    @property
    def open_connections(self) -> int:
        """How many are connected now."""
        return len(self._writers)

    @property
    def is_listening(self) -> bool:
        """Whether it was started and not stopped."""
        return self._server is not None

    async def stop(self) -> None:
        """Stop listening, close every connection, and wait until their last request is dealt with."""
        assert self._server is not None
        self._server.close()
        self._server = None
        while self._writers:
            for writer in self._writers:
                writer.close()
            await asyncio.sleep(0.01)

    async def handle(self, request: Request, line: Line) -> None:
        """Answer one request in the manner of its unit."""
        self.requests.append(request)
        await self.manners.get(request.unit, self.manner)(self, request, line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        line = Line(lambda data: None if writer.is_closing() else writer.write(data), writer.close)
        try:
            if not self.on_connect(line):
                return
            while True:
                await self.handle(await self._next(reader), line)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _next(self, reader: asyncio.StreamReader) -> Request:
        if self.rtu:
            data = await reader.readexactly(8)
            while crc16(data[:6]) != data[6:]:
                data = data[1:] + await reader.readexactly(1)
            return rtu_request(data)
        transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
        if protocol != 0 or not 6 <= length <= 254:
            raise ConnectionError("that is not Modbus TCP")
        function_code, address, size, *rest = struct.unpack(f">BHH{length - 6}B", await reader.readexactly(length - 1))
        words = struct.unpack(f">{size}H", bytes(rest[1:])) if rest else ()
        return Request(unit, function_code, address, size, transaction, words)


def rtu_request(data: bytes) -> Request:
    """A read request from the eight bytes of a serial line."""
    assert crc16(data[:6]) == data[6:], "our own request has a wrong checksum"
    unit, function_code, address, size = struct.unpack(">BBHH", data[:6])
    return Request(unit, function_code, address, size, 0)


def crc16(data: bytes) -> bytes:
    """Bit by bit, as the standard writes it, so that it owes nothing to the code under test."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def counting(first: int = 0, size: int = 1000) -> dict[int, int]:
    """Registers that hold their own address, so that a value shows where it came from."""
    return {address: address for address in range(first, first + size)}
