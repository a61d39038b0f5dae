"""One open connection to a bus or gateway. The only module that knows pymodbus.

Of pymodbus we use the transports and the framing of requests. Its retries, reconnecting and matching of answers are
off or replaced: `frame` judges every byte before its decoder sees it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.transaction import TransactionManager
from pymodbus.transport.serialtransport import SerialTransport

from ems.adapters.modbus.address import Bus, Framing, SerialBus, TcpBus
from ems.adapters.modbus.error import LinkError, MismatchError, NoAnswerError, NotConnectedError, RefusedError
from ems.adapters.modbus.frame import (
    MBAP,
    Answer,
    Exceptional,
    Question,
    Verdict,
    Wrong,
    describe_rtu,
    judge_rtu,
    judge_tcp,
)

# An error there prints the last twenty frames, at the pace of whoever sends nonsense; faults are ours to report.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_LIBRARY_TIMEOUT_S = 60.0
"""Never reached: deadlines are kept here."""


class Wire:
    """One connection, from opening to closing; it is never opened a second time.

    One question at a time: `ask` must not be called while another `ask` runs. `numbers` gives each request its
    transaction number; it goes on from one connection to the next, because a gateway may send what is late to
    whoever is connected then.
    """

    def __init__(self, bus: Bus, numbers: Iterator[int]) -> None:
        self._bus = bus
        self._numbers = numbers
        self._speaks_tcp = isinstance(bus, TcpBus) and bus.framing is Framing.TCP
        self._client = _client(bus, self._passed, self._changed)
        self._number = 0
        self._library_number = b""
        self._question: Question | None = None
        self._fault: asyncio.Future[LinkError] = asyncio.get_running_loop().create_future()
        self._came = b""
        self._closed = False
        self.last_byte_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether bytes can be sent; False for ever once the other side or we closed it."""
        return not self._closed and self._client.connected

    async def open(self, timeout_s: float) -> None:
        """Connect. Raises NotConnectedError with the reason."""
        opening, task = _Opening(self._client.ctx, self._bus), asyncio.current_task()
        self._client.ctx.call_create = opening
        cancelled = 0 if task is None else task.cancelling()
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.connect()
        except TimeoutError:
            self.close()
            raise NotConnectedError(f"no connection to {self._bus} within {timeout_s:g} s") from None
        except BaseException:
            self.close()
            raise
        if task is not None and task.cancelling() > cancelled:
            # The library waits with wait_for, which before Python 3.12 loses a cancellation as the wait ends.
            self.close()
            raise asyncio.CancelledError
        if not self._client.connected:
            self.close()
            raise NotConnectedError(f"no connection to {self._bus}: {opening.reason or 'closed at once'}")

    async def ask(self, question: Question, timeout_s: float) -> tuple[int, ...]:
        """Send a request and return the registers of its answer, none of a write. Raises a LinkError."""
        if not self.is_open:
            raise NotConnectedError(f"{self._bus} closed the connection")
        self._question, self._came = question, b""
        self._fault = asyncio.get_running_loop().create_future()
        asking = asyncio.ensure_future(self._request(question))
        ends: set[asyncio.Future[Any]] = {asking, self._fault}
        try:
            await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if self._fault.done():
                raise self._fault.result()
            if not asking.done():
                raise self._silence(question, timeout_s)
            return asking.result()
        finally:
            self._question = None
            asking.cancel()
            await asyncio.wait({asking})

    def close(self) -> None:
        """Close at once; what was not sent is dropped. A question under way fails."""
        self._closed = True
        if isinstance(transport := self._client.ctx.transport, asyncio.Transport):
            transport.abort()
        self._client.close()
        self._fail(NotConnectedError(f"connection to {self._bus} was closed"))

    async def _request(self, question: Question) -> tuple[int, ...]:
        client, unit = self._client, question.unit
        read = client.read_holding_registers if question.function_code == 3 else client.read_input_registers
        try:
            if question.words:
                # What came back was judged before it got here: it repeats address and count.
                await client.write_registers(question.address, list(question.words), device_id=unit)
                return ()
            answer = await read(question.address, count=question.count, device_id=unit)
        except ModbusException as error:
            raise MismatchError(f"answer cannot be understood: {error}") from error
        if answer.function_code != question.function_code or len(answer.registers) != question.count:
            raise MismatchError(f"answered with {len(answer.registers)} registers when asked for {question.count}")
        return tuple(answer.registers)

    def _passed(self, sending: bool, data: bytes) -> bytes:
        """What the library may see of `data`: on receipt nothing but the frame that answers the question."""
        if sending:
            return self._numbered(data)
        self.last_byte_at = asyncio.get_running_loop().time()
        if self._question is None:
            return b""
        self._came = data
        match self._judge(data, self._question):
            case Answer(frame):
                # From here on nothing can fail this question any more, not even a device that answers and hangs up.
                self._question = None
                return self._library_number + frame[2:] if self._speaks_tcp else frame
            case Exceptional(code):
                self._fail(RefusedError(code, str(self._question)))
            case Wrong(text, broken):
                self._fail(MismatchError(text))
                if broken:
                    self.close()
        return b""

    def _numbered(self, frame: bytes) -> bytes:
        if not self._speaks_tcp:
            return frame
        self._number = next(self._numbers)
        self._library_number = frame[:2]
        return self._number.to_bytes(2, "big") + frame[2:]

    def _judge(self, data: bytes, asked: Question) -> Verdict:
        if self._speaks_tcp:
            return judge_tcp(data, asked, self._number, any_transaction=not self._bus.numbers_answers)
        return judge_rtu(data, asked)

    def _silence(self, question: Question, timeout_s: float) -> LinkError:
        if not self._speaks_tcp and (came := describe_rtu(self._came, question)):
            return MismatchError(came)
        text = f"unit {question.unit} does not answer within {timeout_s:g} s"
        if self._speaks_tcp and len(self._came) > MBAP:
            text += "; an answer with another transaction number came, which repair_ids would accept"
        return NoAnswerError(text)

    def _changed(self, connected: bool) -> None:
        if not connected:
            self._closed = True
            self._fail(NotConnectedError(f"{self._bus} closed the connection"))

    def _fail(self, fault: LinkError) -> None:
        if self._question is not None and not self._fault.done():
            self._fault.set_result(fault)


def reason_of(error: Exception) -> str:
    """Why a connection was not opened, as an electrician needs it."""
    match error:
        case socket.gaierror():
            return "no machine is known by that name"
        case ConnectionRefusedError():
            return "the machine is there, but nothing listens at that port"
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            return "the network leads to no such machine"
    return str(error)


class _Opening:
    """Creates the library's transport, keeps the reason of a failure, and opens serial ports outside the loop."""

    def __init__(self, ctx: TransactionManager, bus: Bus) -> None:
        self._ctx = ctx
        self._bus = bus
        self._create = ctx.call_create
        self.reason = ""

    async def __call__(self) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        try:
            if isinstance(self._bus, SerialBus):
                return await self._open_serial(self._bus), self._ctx
            transport, protocol = await self._create()
        except (OSError, ValueError) as error:
            self.reason = reason_of(error)
            raise OSError(self.reason) from error
        return transport, protocol

    async def _open_serial(self, bus: SerialBus) -> SerialTransport:
        loop = asyncio.get_running_loop()
        bits, parity, stop = int(bus.frame[0]), bus.frame[1], int(bus.frame[2])
        make = partial(SerialTransport, loop, self._ctx, bus.device, bus.baud, bits, parity, stop, 0)
        # A driver may take seconds to open a port.
        opening = asyncio.ensure_future(loop.run_in_executor(None, make))
        try:
            transport: SerialTransport = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_abandoned)
            raise
        transport.setup()
        return transport


def _close_abandoned(opening: asyncio.Future[SerialTransport]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _client(
    bus: Bus, passed: Callable[[bool, bytes], bytes], changed: Callable[[bool], None]
) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
    if isinstance(bus, SerialBus):
        return AsyncModbusSerialClient(
            bus.device,
            baudrate=bus.baud,
            bytesize=int(bus.frame[0]),
            parity=bus.frame[1],
            stopbits=int(bus.frame[2]),
            reconnect_delay=0,
            retries=0,
            timeout=_LIBRARY_TIMEOUT_S,
            trace_packet=passed,
            trace_connect=changed,
        )
    return AsyncModbusTcpClient(
        bus.host,
        port=bus.port,
        framer=FramerType.SOCKET if bus.framing is Framing.TCP else FramerType.RTU,
        reconnect_delay=0,
        retries=0,
        timeout=_LIBRARY_TIMEOUT_S,
        trace_packet=passed,
        trace_connect=changed,
    )
