"""Everything a meter, a gateway or a bus can do wrong, one row each.

For each row: good service, 30 s of the fault, 25 s of good service. All the time another
meter on another bus is read without a gap, and so is a neighbour on the same gateway where the fault is that of one
unit; nothing wrong is ever delivered as a value; the meter is back soon; the log stays short.
"""

from __future__ import annotations

import asyncio
import logging
import math
import struct
from collections.abc import Callable
from copy import copy
from typing import NamedTuple

import pytest

from ems.adapters.modbus.address import Framing, MeterAddress, TcpBus
from ems.adapters.modbus.poller import InstalledMeter, Poller
from ems.domain.events import Event, MeterFailed, MeterRead
from tests.adapters.modbus.bus_server import BusServer, Line, Manner, Request, after, be_silent, crc16, obey
from tests.adapters.modbus.models import MODELS, sdm630
from tests.adapters.modbus.test_late_answers import SlowGateway
from tests.adapters.modbus.virtual import LoopClock, in_virtual_time

SDM = MODELS["eastron-sdm630"]
TRUTH = (10.0, -20.0, 30.0)
BEGINS, ENDS, OVER = 10.0, 40.0, 65.0


def truth() -> dict[int, int]:
    return sdm630(amps=(10, 20, 30), watts=(2300, -4600, 6900))


class Fault(NamedTuple):
    """A row: what happens, on which framing, and what is still expected while it lasts.

    `unit_only`: the neighbour on the same gateway must not suffer. `harmless`: readings must go on.
    """

    row: str
    manner: Manner = obey
    registers: Callable[[], dict[int, int]] = truth
    framings: tuple[Framing, ...] = (Framing.TCP, Framing.RTU)
    unit_only: bool = True
    harmless: bool = False
    on_connect: Callable[[Line], bool] | None = None
    down: bool = False


def sends(make: Callable[[BusServer, Request], bytes]) -> Manner:
    async def manner(server: BusServer, request: Request, line: Line) -> None:
        line.send(make(server, request))

    return manner


def refuses(code: int) -> Manner:
    return sends(lambda server, request: server.exception(request, code))


def split(pause_s: float) -> Manner:
    async def manner(server: BusServer, request: Request, line: Line) -> None:
        for byte in server.answer(request):
            line.send(bytes((byte,)))
            await asyncio.sleep(pause_s)

    return manner


def every_twentieth(damage: Callable[[bytes], bytes]) -> Manner:
    async def manner(server: BusServer, request: Request, line: Line) -> None:
        frame = server.answer(request)
        line.send(damage(frame) if len(server.requests) % 20 == 0 else frame)

    return manner


async def hang_up(server: BusServer, request: Request, line: Line) -> None:
    line.close()


async def answer_the_one_before(server: BusServer, request: Request, line: Line) -> None:
    """Each answer comes after the next request: the shift by one that serial lines are feared for."""
    mine = [earlier for earlier in server.requests if earlier.unit == request.unit]
    if len(mine) > 1:
        line.send(server.answer(mine[-2]))


async def second_master(server: BusServer, request: Request, line: Line) -> None:
    """Somebody else reads other units on the same line, and we hear it all."""
    other = Request(7, 4, 0, 36, 0)
    asked = struct.pack(">BBHH", 7, 4, 0, 36)
    server.units[7] = dict.fromkeys(range(36), 0x1234)
    line.send(asked + crc16(asked) + server.answer(other))
    await asyncio.sleep(0.03)
    line.send(server.answer(request))


def flipped(frame: bytes) -> bytes:
    middle = len(frame) // 2
    return frame[:middle] + bytes((frame[middle] ^ 0x10,)) + frame[middle + 1 :]


def misnumbered(server: BusServer, request: Request) -> bytes:
    return server.frame(request, server.values(request, [1] * request.size), transaction=request.transaction ^ 0x55)


def word(address: int, *words: int) -> Callable[[], dict[int, int]]:
    return lambda: truth() | {address + offset: value for offset, value in enumerate(words)}


def swapped_words() -> dict[int, int]:
    registers = truth()
    return {address ^ 1: value for address, value in registers.items()}


TCP_ONLY, RTU_ONLY = (Framing.TCP,), (Framing.RTU,)

FAULTS = [
    *(
        Fault(f"M01 exception {code}", refuses(code), framings=(Framing.RTU if code % 2 else Framing.TCP,))
        for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 0x77, 0xFF)
    ),
    Fault("M02 answers as unit 9", sends(lambda s, r: s.frame(r, s.values(r, [1] * r.size), unit=9))),
    Fault("M02 answers as its neighbour", sends(lambda s, r: s.answer(r._replace(unit=2))), framings=RTU_ONLY),
    Fault("M03 wrong transaction number", sends(misnumbered), framings=TCP_ONLY),
    Fault("M04 too few registers", sends(lambda s, r: s.frame(r, s.values(r, [1] * (r.size - 2))))),
    Fault("M04 too many registers", sends(lambda s, r: s.frame(r, s.values(r, [1] * (r.size + 2))))),
    Fault("M04 an odd number of bytes", sends(lambda s, r: s.frame(r, s.values(r, [1] * r.size) + b"\x01"))),
    Fault("M04 half a frame", sends(lambda s, r: s.answer(r)[:11]), unit_only=False),
    Fault("M04 byte by byte", split(0.004), harmless=True),
    Fault("M04 two answers in one", sends(lambda s, r: s.answer(r) * 2), harmless=True),
    Fault("M04 garbage behind", sends(lambda s, r: s.answer(r) + b"\xff\x00\x17"), harmless=True, framings=RTU_ONLY),
    Fault("M04 noise before", sends(lambda s, r: b"\x00\xfe" + s.answer(r)), harmless=True, framings=RTU_ONLY),
    Fault("M04 another protocol", sends(lambda s, r: b"HTTP/1.1 400 Bad Request\r\n\r\n"), unit_only=False),
    Fault("M04 another function code", sends(lambda s, r: s.answer(r._replace(function_code=3)))),
    Fault("M04 an unknown function code", sends(lambda s, r: s.frame(r, b"\x64\x01\x02"))),
    Fault("M04 nothing but a kilobyte of zeros", sends(lambda s, r: bytes(1000)), unit_only=False),
    Fault("M05 a wrong bit in one answer of twenty", every_twentieth(flipped), harmless=True, framings=RTU_ONLY),
    Fault("M05 a wrong bit in every answer", sends(lambda s, r: flipped(s.answer(r))), framings=RTU_ONLY),
    Fault("M06 each answer 0.7 s late", SlowGateway([0.7]), unit_only=False),
    Fault("M06 each answer 5 s late", SlowGateway([5.0, 0.1, 0.1]), unit_only=False),
    Fault("M06 late and out of order", SlowGateway([5.0, 0.1, 0.1], in_order=False), unit_only=False),
    Fault("M06 one answer in five late", SlowGateway([0.02, 0.02, 0.02, 0.02, 0.9]), unit_only=False),
    Fault("M06 each answer is that of the request before", answer_the_one_before),
    Fault("M06 silence", be_silent),
    Fault("M07 words swapped", registers=swapped_words),
    Fault("M07 voltages of another scale", registers=lambda: truth() | dict.fromkeys((0, 2, 4), 0x4666)),
    Fault("M08 constant values", registers=truth, harmless=True),
    Fault("M09 NaN current", registers=word(6, 0x7FC0, 0)),
    Fault("M09 NaN power", registers=word(14, 0xFFC0, 0)),
    Fault("M09 infinite voltage", registers=word(4, 0x7F80, 0)),
    Fault("M09 0x8000", registers=lambda: dict.fromkeys(range(80), 0x8000)),
    Fault("M09 0xFFFF", registers=lambda: dict.fromkeys(range(80), 0xFFFF)),
    Fault("M09 all zero", registers=lambda: dict.fromkeys(range(80), 0)),
    Fault("M10 answers from the broadcast address", sends(lambda s, r: s.frame(r, s.values(r, [1] * r.size), unit=0))),
    Fault("M11 connection refused", down=True, unit_only=False),
    Fault("M11 accepted and closed", on_connect=lambda line: False, unit_only=False),
    Fault("M11 closed at each request", hang_up, unit_only=False),
    Fault("M12 another master set the voltage transformers to 100:1", registers=lambda: sdm630(volts=(2.3, 2.3, 2.3))),
    Fault("M12 another master talks on the line", second_master, harmless=True, framings=RTU_ONLY),
]  # fmt: skip

ROWS = [
    pytest.param(fault, framing, id=f"{fault.row} ({framing.value})") for fault in FAULTS for framing in fault.framings
]


class Three:
    """The victim and its neighbour on one gateway, and a meter elsewhere."""

    def __init__(self, framing: Framing) -> None:
        self.gateway = BusServer({1: truth(), 2: truth()}, rtu=framing is Framing.RTU)
        self.elsewhere = BusServer({1: truth()})
        self.events: list[tuple[float, Event]] = []
        bus = TcpBus("gateway", 502, framing)
        addresses = (
            MeterAddress("victim", bus, 1, timeout_s=0.5),
            MeterAddress("neighbour", bus, 2, timeout_s=0.5),
            MeterAddress("other", TcpBus("elsewhere"), 1, timeout_s=0.5),
        )
        meters = [InstalledMeter(address, SDM) for address in addresses]
        loop = asyncio.get_running_loop()
        self.poller = Poller(meters, LoopClock(), lambda event: self.events.append((loop.time(), event)))

    def readings(self, meter: str, since: float, until: float) -> list[MeterRead]:
        return [e for at, e in self.events if isinstance(e, MeterRead) and e.meter == meter and since <= at < until]

    def failures(self, meter: str, since: float, until: float) -> list[MeterFailed]:
        return [e for at, e in self.events if isinstance(e, MeterFailed) and e.meter == meter and since <= at < until]


async def endure(three: Three, fault: Fault) -> None:
    """Well, ill, and well again."""
    polling = asyncio.create_task(three.poller.run())
    await asyncio.sleep(BEGINS)
    three.gateway.units[1] = fault.registers()
    manner = copy(fault.manner)  # some keep a queue
    three.gateway.manners[1] = manner
    if not fault.unit_only:
        three.gateway.manners[2] = manner
    if fault.on_connect is not None or fault.down:
        await three.gateway.stop()
        await asyncio.sleep(0.1)
    if fault.on_connect is not None:
        three.gateway.on_connect = fault.on_connect
        await three.gateway.start("gateway")
    await asyncio.sleep(ENDS - asyncio.get_running_loop().time())
    three.gateway.on_connect = lambda line: True
    three.gateway.manners = {}
    three.gateway.units[1] = truth()
    if fault.down:
        await three.gateway.start("gateway")
    await asyncio.sleep(OVER + 0.1 - asyncio.get_running_loop().time())
    assert not polling.done(), "the service runs"
    polling.cancel()
    await asyncio.wait({polling})


@pytest.mark.parametrize(("fault", "framing"), ROWS)
def test_hostile_meter(fault: Fault, framing: Framing, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Three:
        three = Three(framing)
        await three.gateway.start("gateway")
        await three.elsewhere.start("elsewhere")
        await endure(three, fault)
        await three.gateway.stop()
        await three.elsewhere.stop()
        return three

    with caplog.at_level(logging.DEBUG):
        three = in_virtual_time(main())
    for meter in ("victim", "neighbour", "other"):
        for event in three.readings(meter, 0.0, math.inf):
            assert event.reading.amps == TRUTH, "nothing wrong is ever delivered"
    assert len(three.readings("other", 0.0, OVER)) >= 64, "the other bus does not notice"
    if fault.unit_only:
        assert len(three.readings("neighbour", 0.0, OVER)) >= 57, "the neighbour hardly notices"
    ill = (BEGINS + 2.0, ENDS)
    if fault.harmless:
        assert len(three.readings("victim", *ill)) >= 21
    elif not isinstance(fault.manner, SlowGateway):
        assert not three.readings("victim", *ill)
        assert len(three.failures("victim", *ill)) >= 18, "told each period, with a reason"
        assert all(event.reason for event in three.failures("victim", *ill))
    assert len(three.readings("victim", ENDS + 15.0, OVER)) >= 9, "back within fifteen seconds, and for good"
    ours = [record for record in caplog.records if record.name.startswith("ems")]
    assert len(ours) <= 16, [record.getMessage() for record in ours]
    strangers = [
        r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and not r.name.startswith("ems")
    ]
    assert not strangers, "no library writes at the pace of a peer"


def test_a_hanging_answer_of_half_an_hour_is_survived() -> None:
    async def main() -> None:
        three = Three(Framing.RTU)
        await three.gateway.start("gateway")
        await three.elsewhere.start("elsewhere")
        await endure(three, Fault("slower than anything", after(1800.0), unit_only=False))
        await three.elsewhere.stop()
        assert len(three.readings("other", 0.0, OVER)) >= 64

    in_virtual_time(main())
