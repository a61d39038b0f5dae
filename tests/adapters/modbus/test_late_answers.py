"""The law that matters most on a serial line: whatever comes late, no value ever belongs to another register."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.modbus.address import Framing, TcpBus
from ems.adapters.modbus.error import LinkError
from ems.adapters.modbus.late import LATE_S, LateAnswers
from ems.adapters.modbus.link import Link
from ems.adapters.modbus.point import Block
from tests.adapters.modbus.bus_server import BusServer, Line, Request, counting
from tests.adapters.modbus.models import MODELS, NAMES
from tests.adapters.modbus.virtual import in_virtual_time

SETTINGS = {
    "tcp": TcpBus("meter"),
    "rtu-over-tcp": TcpBus("meter", framing=Framing.RTU),
    "tcp without numbers": TcpBus("meter", repair_ids=True),
}


def now() -> float:
    return asyncio.get_running_loop().time()


class SlowGateway:
    """Takes its time, and answers whoever is connected then: in the order of the requests, or as they become ready.

    A negative delay is a request that is never answered. What is more than 10 s behind is dropped.
    """

    def __init__(self, delays: Sequence[float], *, in_order: bool = True) -> None:
        self._delays = delays
        self._in_order = in_order
        self._count = 0
        self._free_at = 0.0
        self.line: Line | None = None

    async def __call__(self, server: BusServer, request: Request, line: Line) -> None:
        self.line = line
        delay = self._delays[self._count % len(self._delays)]
        self._count += 1
        begins = max(self._free_at, now()) if self._in_order else now()
        if delay < 0 or begins > now() + 10.0:
            return
        self._free_at = begins + delay
        asyncio.get_running_loop().call_at(begins + delay, self._send, server.answer(request))

    def _send(self, frame: bytes) -> None:
        assert self.line is not None
        self.line.send(frame)


class Step(NamedTuple):
    """One read, perhaps given up before its end, and the pause after it."""

    unit: int
    address: int
    size: int
    given_up_after: float | None
    pause: float


STEPS = st.builds(
    Step,
    unit=st.sampled_from([1, 1, 2]),
    address=st.integers(0, 900),
    size=st.sampled_from([2, 2, 2, 3, 4]),
    given_up_after=st.sampled_from([None] * 9 + [0.3]),
    pause=st.sampled_from([0.0, 0.05, 0.3, 1.0, 4.0]),
)
DELAYS = st.lists(st.sampled_from([0.01, 0.1, 0.4, 0.49, 0.6, 0.9, 1.5, 4.0, -1.0]), min_size=1, max_size=12)


async def hammer(bus: TcpBus, gateway: SlowGateway, steps: Sequence[Step]) -> int:
    """Read blocks of few different lengths from two units; returns how many reads gave an answer, all of them right."""
    server = BusServer({1: counting(), 2: {a: a + 5000 for a in range(1000)}}, rtu=bus.framing is Framing.RTU)
    server.manner = gateway
    await server.start()
    link = Link(bus, timeout_s=0.5)
    right = 0
    for unit, address, size, given_up_after, pause in steps:
        first = address + 5000 * (unit == 2)
        with suppress(LinkError, TimeoutError):
            async with asyncio.timeout(given_up_after):
                assert await link.read(3, unit, address, size) == tuple(range(first, first + size))
            right += 1
        await asyncio.sleep(pause)
    await link.close()
    await server.stop()
    return right


@pytest.mark.parametrize("bus", SETTINGS.values(), ids=SETTINGS.keys())
@given(delays=DELAYS, steps=st.lists(STEPS, min_size=5, max_size=40), in_order=st.booleans())
def test_every_value_belongs_to_the_register_that_was_asked(
    bus: TcpBus, delays: list[float], steps: list[Step], in_order: bool
) -> None:
    in_virtual_time(hammer(bus, SlowGateway(delays, in_order=in_order), steps))


@pytest.mark.parametrize("bus", SETTINGS.values(), ids=SETTINGS.keys())
def test_one_slow_answer_in_ten_still_lets_most_reads_through(bus: TcpBus) -> None:
    steps = [Step(1 + n % 2, 7 * n, 2 + n % 9, None, 0.2) for n in range(100)]
    assert in_virtual_time(hammer(bus, SlowGateway([0.02] * 9 + [0.8]), steps)) > 50


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "as ready"])
@pytest.mark.parametrize("late_by", [0.1, 0.6, 2.0, 5.0, 9.0])
@pytest.mark.parametrize("bus", SETTINGS.values(), ids=SETTINGS.keys())
def test_one_late_answer_shifts_nothing_even_with_blocks_of_equal_length(
    bus: TcpBus, late_by: float, in_order: bool
) -> None:
    """Two blocks of six, read again and again across the late answer; where six are withheld, in pieces."""

    async def main() -> None:
        server = BusServer({1: counting()}, rtu=bus.framing is Framing.RTU)
        server.manner = SlowGateway([0.02, 0.02, 0.5 + late_by] + [0.02] * 900, in_order=in_order)
        await server.start()
        link = Link(bus, timeout_s=0.5)
        answered_again = 0.0
        for step in range(200):
            address = 10 * (step % 8)
            with suppress(LinkError):
                sizes = [6] if 6 not in link.withheld(1) else [4, 2]
                for size in sizes:
                    assert await link.read(3, 1, address, size) == tuple(range(address, address + size))
                answered_again = now()
            await asyncio.sleep(0.1)
        assert answered_again > now() - 1.0, "it goes on"
        await link.close()
        await server.stop()

    in_virtual_time(main())


def test_what_is_late_is_known_by_its_length_and_forgotten_in_time() -> None:
    late = LateAnswers()
    late.missed(6, 0.0)
    late.missed(2, 5.0)
    assert late.wait_s(6, 1.0) == LATE_S - 1.0
    assert late.wait_s(4, 1.0) == 0.0
    assert late.possible(LATE_S - 1.0) == {2, 6}
    assert late.possible(LATE_S) == {2}
    assert late.possible(LATE_S + 5.0) == frozenset()


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_model_can_be_read_without_any_one_length(name: str) -> None:
    model = MODELS[name]
    for withheld in {block.size for block in model.fast}:
        for block in model.fast:
            pieces = model.reads(block, {withheld})
            if pieces is None:
                assert not model.needs(block)
                continue
            assert all(piece.size != withheld for piece in pieces)
            for point in model.points.values():
                if block.holds(point.address, point.size):
                    assert any(piece.holds(point.address, point.size) for piece in pieces), point.name


@given(name=st.sampled_from(NAMES), withheld=st.sets(st.integers(1, 125)))
def test_pieces_never_have_a_length_that_is_withheld_and_never_cut_a_value(name: str, withheld: set[int]) -> None:
    model = MODELS[name]
    starts = {point.address for point in model.points.values()}
    ends = {point.address + point.size for point in model.points.values()}
    for block in model.fast:
        for piece in model.reads(block, withheld) or ():
            assert piece.size not in withheld
            assert piece == block or (piece.address in starts and sum(piece) in ends)
            held = {point.name for point in model.points.values() if piece.holds(point.address, point.size)}
            assert all(model.points[name].factor in {None, *held} for name in held), "together with its scale factor"


def test_the_fewest_pieces_are_taken() -> None:
    block = Block(0, 6)
    em24 = MODELS["carlo-gavazzi-em24-rs485"]
    assert em24.reads(block, ()) == (block,)
    assert em24.reads(block, {6}) == (Block(0, 2), Block(2, 4))
    assert em24.reads(block, {6, 4}) == (Block(0, 2), Block(2, 2), Block(4, 2))
    assert em24.reads(block, {6, 2}) is None


def test_a_value_is_never_separated_from_its_scale_factor() -> None:
    sunspec = MODELS["sunspec-meter"]
    assert sunspec.reads(sunspec.fast[0], {23}) == (Block(3, 20),)
    assert sunspec.reads(sunspec.fast[0], {23, 20}) == (Block(3, 4), Block(8, 15))
