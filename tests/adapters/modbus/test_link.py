"""One link per bus: strict about answers, patient with devices, easy on gateways."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from ems.adapters.modbus.address import Bus, Framing, TcpBus
from ems.adapters.modbus.error import (
    LinkError,
    MismatchError,
    NoAnswerError,
    NotConnectedError,
    RefusedError,
    UnsettledError,
)
from ems.adapters.modbus.link import Link
from tests.adapters.modbus.bus_server import BusServer, Line, Manner, Request, after, be_silent, counting, obey
from tests.adapters.modbus.virtual import in_virtual_time

TCP = TcpBus("meter")
RTU = TcpBus("meter", framing=Framing.RTU)
BOTH = pytest.mark.parametrize("bus", [TCP, RTU], ids=["tcp", "rtu-over-tcp"])

Scenario = Callable[[Link, BusServer], Awaitable[None]]


def now() -> float:
    return asyncio.get_running_loop().time()


def play(scenario: Scenario, bus: Bus = TCP, **settings: float) -> None:
    """Run a scenario against units 1, 2 and 3, whose registers hold their own address."""

    async def main() -> None:
        rtu = isinstance(bus, TcpBus) and bus.framing is Framing.RTU
        server = BusServer({unit: counting() for unit in (1, 2, 3)}, rtu=rtu)
        await server.start()
        link = Link(bus, **{"timeout_s": 0.5, **settings})  # type: ignore[arg-type]  # only numbers are passed
        try:
            await scenario(link, server)
        finally:
            await link.close()
            await server.stop()

    in_virtual_time(main())


def wrong(make: Callable[[BusServer, Request], bytes]) -> Manner:
    async def manner(server: BusServer, request: Request, line: Line) -> None:
        line.send(make(server, request))

    return manner


@BOTH
@pytest.mark.parametrize("function_code", [3, 4])
def test_a_read_returns_the_registers_asked_for(bus: Bus, function_code: int) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        assert await link.read(function_code, 1, 100, 3) == (100, 101, 102)
        assert await link.read(function_code, 2, 0, 125) == tuple(range(125))
        assert link.generation == 1

    play(scenario, bus)


STRICT: list[tuple[str, Callable[[BusServer, Request], bytes], type[LinkError]]] = [
    ("wrong unit", lambda s, r: s.frame(r, s.values(r, [1, 2]), unit=9), MismatchError),
    ("wrong function code", lambda s, r: s.frame(r, s.values(r._replace(function_code=4), [1, 2])), MismatchError),
    ("unknown function code", lambda s, r: s.frame(r, b"\x64\x00\x01"), MismatchError),
    ("too few registers", lambda s, r: s.frame(r, s.values(r, [1])), MismatchError),
    ("too many registers", lambda s, r: s.frame(r, s.values(r, [1, 2, 3])), MismatchError),
    ("exception", lambda s, r: s.exception(r, 2), RefusedError),
    ("unknown exception", lambda s, r: s.exception(r, 0x77), RefusedError),
]


@BOTH
@pytest.mark.parametrize(("name", "make", "error"), STRICT, ids=[row[0] for row in STRICT])
def test_an_answer_that_does_not_fit_is_an_error_and_the_next_read_is_right(
    bus: Bus, name: str, make: Callable[[BusServer, Request], bytes], error: type[LinkError]
) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = wrong(make)
        with pytest.raises(error):
            await link.read(3, 1, 100, 2)
        server.manner = obey
        assert await link.read(3, 1, 200, 3) == (200, 201, 202)
        assert link.generation == 1

    play(scenario, bus)


def test_garbage_costs_the_connection_and_nothing_else() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = wrong(lambda s, r: b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(MismatchError, match="not Modbus TCP"):
            await link.read(3, 1, 100, 2)
        server.manner = obey
        await asyncio.sleep(0.6)
        assert await link.read(3, 1, 100, 2) == (100, 101)

    play(scenario)


def test_an_exception_says_what_it_means_and_for_which_registers() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        with pytest.raises(
            RefusedError, match=r"read of 2 registers from 5000 of unit 1 with exception 2 \(no such reg"
        ):
            await link.read(3, 1, 5000, 2)

    play(scenario)


def test_a_late_answer_is_recognised_by_its_number_on_tcp() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = after(0.7)
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 2)
        server.manner = obey
        assert await link.read(3, 1, 200, 2) == (200, 201)
        assert await link.read(3, 1, 300, 2) == (300, 301)

    play(scenario)


def test_on_a_serial_line_the_length_that_was_not_answered_is_withheld_and_others_are_not() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = after(0.7)
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 2)
        server.manner = obey
        assert link.withheld(1) == {2}
        asked = len(server.requests)
        with pytest.raises(UnsettledError):
            await link.read(3, 1, 200, 2)
        assert len(server.requests) == asked, "nothing was sent"
        assert await link.read(3, 2, 200, 2) == (200, 201), "other units are not affected"
        assert await link.read(3, 1, 500, 3) == (500, 501, 502)
        with pytest.raises(UnsettledError):
            await link.read(3, 1, 200, 2)

    play(scenario, RTU)


def test_a_late_answer_is_given_up_after_fifteen_seconds() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = be_silent
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 2)
        server.manner = obey
        await asyncio.sleep(14.4)
        with pytest.raises(UnsettledError):
            await link.read(3, 1, 200, 2)
        await asyncio.sleep(0.7)
        assert await link.read(3, 1, 200, 2) == (200, 201)

    play(scenario, RTU)


def test_a_gateway_that_mangles_numbers_is_served_when_asked_for_and_treated_as_a_serial_line() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = wrong(
            lambda s, r: s.frame(r, s.values(r, list(range(r.address, r.address + 2))), transaction=0x4242)
        )
        assert await link.read(3, 1, 100, 2) == (100, 101)
        server.manner = be_silent
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 2)
        assert link.withheld(1) == {2}

    play(scenario, TcpBus("meter", repair_ids=True))


def test_a_mangled_number_is_no_answer_otherwise() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = wrong(lambda s, r: s.frame(r, s.values(r, [1, 2]), transaction=0x4242))
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 2)

    play(scenario)


@BOTH
def test_a_connection_closed_by_the_other_side_fails_the_read_at_once(bus: Bus) -> None:
    async def hang_up(server: BusServer, request: Request, line: Line) -> None:
        await asyncio.sleep(0.05)
        line.close()

    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = hang_up
        began = now()
        with pytest.raises(NotConnectedError, match="closed the connection"):
            await link.read(3, 1, 100, 2)
        assert now() - began < 0.1

    play(scenario, bus)


def test_a_device_that_answers_and_hangs_up_is_read_each_time() -> None:
    async def once(server: BusServer, request: Request, line: Line) -> None:
        line.send(server.answer(request))
        line.close()

    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = once
        for _ in range(20):
            assert await link.read(3, 1, 100, 2) == (100, 101)
            await asyncio.sleep(0.1)
        assert server.connections == 20

    play(scenario)


def test_a_gateway_that_accepts_and_closes_is_not_stormed() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.on_connect = lambda line: False
        failures = 0
        while now() < 60.0:
            with pytest.raises(LinkError):
                await link.read(3, 1, 100, 2)
            failures += 1
            await asyncio.sleep(0.1)
        assert failures > 500
        assert server.connections <= 16, "0.5, 1, 2, 4 and then every 5 s"
        server.on_connect = lambda line: True
        await asyncio.sleep(5.0)
        assert await link.read(3, 1, 100, 2) == (100, 101)

    play(scenario)


@pytest.mark.parametrize("turns", range(12))
def test_who_is_cancelled_as_the_connection_fails_is_cancelled(turns: int) -> None:
    """In whichever turn of the loop it comes: else whoever reads in a loop goes on for ever."""

    async def main() -> None:
        link = Link(TCP)
        asking = asyncio.create_task(link.connect())
        for _ in range(turns):
            await asyncio.sleep(0)
        failed = asking.done()
        asking.cancel()
        await asyncio.wait({asking}, timeout=60)
        assert asking.cancelled() is not failed
        await link.close()

    in_virtual_time(main())


def test_nobody_listens_and_later_somebody_does() -> None:
    async def main() -> None:
        link = Link(TCP)
        with pytest.raises(NotConnectedError, match="no connection to meter:502"):
            await link.read(3, 1, 100, 2)
        with pytest.raises(NotConnectedError, match="next try in"):
            await link.read(3, 1, 100, 2)
        server = BusServer({1: counting()})
        await server.start()
        await asyncio.sleep(0.6)
        assert await link.read(3, 1, 100, 2) == (100, 101)
        await link.close()
        await server.stop()

    in_virtual_time(main())


@BOTH
@pytest.mark.parametrize("outage_s", [20.0, 33.0, 38.0, 57.0])
def test_a_pulled_cable_is_noticed_after_two_requests_and_recovers_soon(bus: Bus, outage_s: float) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        assert await link.read(3, 1, 100, 2) == (100, 101)
        server.manner = be_silent
        for size in (2, 3):
            with pytest.raises(NoAnswerError):
                await link.read(3, 1, 100, size)
        assert not link.is_open, "two unanswered requests in a row end the connection"
        pulled = now()
        while now() < pulled + outage_s:
            with suppress(LinkError):
                await link.read(3, 1, 100, 5)
            await asyncio.sleep(0.2)
        server.manner = obey
        repaired = now()
        while True:
            try:
                assert await link.read(3, 1, 400, 4) == (400, 401, 402, 403)
                break
            except LinkError:
                await asyncio.sleep(0.2)
        assert now() - repaired < 6.0

    play(scenario, bus)


def test_when_one_unit_is_heard_again_the_others_are_asked_at_once() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        units = (1, 2, 3)
        heard: dict[int, float] = {}
        for unit in units:
            link.pace(unit, timeout_s=0.5, pause_s=0.0)
        server.manner = be_silent
        while len(heard) < 3:
            for unit in units:
                with suppress(LinkError):
                    await link.read(3, unit, 100, 2)
                    heard.setdefault(unit, now())
            await asyncio.sleep(0.1)
            if now() > 60.0:
                server.manner = obey
        assert max(heard.values()) - min(heard.values()) < 0.2

    play(scenario)


@BOTH
def test_a_dead_unit_behind_a_gateway_hardly_slows_the_others(bus: Bus) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        for unit in (1, 2, 3):
            link.pace(unit, timeout_s=0.5, pause_s=0.0)
        server.manners[3] = be_silent
        spent, good = 0.0, 0
        while now() < 120.0:
            for unit in (1, 2):
                assert await link.read(3, unit, 100, 2) == (100, 101)
                good += 1
            began = now()
            with pytest.raises(NoAnswerError):
                await link.read(3, 3, 100, 2)
            spent += now() - began
            await asyncio.sleep(1.0)
        assert good > 200
        assert spent < 9.0, "of two minutes"
        assert link.generation == 1, "the connection serves the others"

    play(scenario, bus)


def test_a_gateway_that_answers_for_an_absent_unit_makes_that_unit_rest_too() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        for unit in (1, 3):
            link.pace(unit, timeout_s=2.0, pause_s=0.0)
        server.manners[3] = after(1.0, wrong(lambda s, r: s.exception(r, 0x0B)))
        refused = withheld = 0
        while now() < 60.0:
            assert await link.read(3, 1, 100, 2) == (100, 101)
            try:
                await link.read(3, 3, 100, 2)
            except RefusedError:
                refused += 1
            except NoAnswerError:
                withheld += 1
            await asyncio.sleep(1.0)
        assert refused < 12
        assert withheld > 30

    play(scenario)


def test_a_unit_that_was_dead_is_back_within_ten_seconds() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        for unit in (1, 3):
            link.pace(unit, timeout_s=0.5, pause_s=0.0)
        server.manners[3] = be_silent
        back = 0.0
        while now() < 120.0 and not back:
            await link.read(3, 1, 100, 2)
            try:
                await link.read(3, 3, 100, 2)
                back = now()
            except NoAnswerError:
                pass
            if now() > 60.0:
                server.manners[3] = obey
            await asyncio.sleep(1.0)
        assert 60.0 < back < 72.0

    play(scenario)


@BOTH
def test_a_cancelled_read_does_not_desynchronise(bus: Bus) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = after(0.3)
        reading = asyncio.create_task(link.read(3, 1, 100, 2))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        for address in (200, 300, 400):
            assert await link.read(3, 1, address, 2) == (address, address + 1)
        assert len(server.requests) == 4, "the exchange went to its end"

    play(scenario, bus)


def test_a_read_cancelled_while_it_waits_for_its_turn_is_not_made() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = after(0.3)
        first = asyncio.create_task(link.read(3, 1, 100, 2))
        second = asyncio.create_task(link.read(3, 1, 200, 2))
        await asyncio.sleep(0.1)
        second.cancel()
        assert await first == (100, 101)
        await asyncio.sleep(1.0)
        assert len(server.requests) == 1

    play(scenario)


def test_many_readers_take_turns_and_each_gets_its_own() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = after(0.02)
        answers = await asyncio.gather(*(link.read(3, 1 + n % 3, 10 * n, 2) for n in range(50)))
        assert answers == [(10 * n, 10 * n + 1) for n in range(50)]

    play(scenario)


def test_the_bus_rests_before_each_request_to_a_unit_that_wants_it() -> None:
    times: list[float] = []

    async def noting(server: BusServer, request: Request, line: Line) -> None:
        times.append(now())
        await asyncio.sleep(0.05)
        line.send(server.answer(request))

    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = noting
        link.pace(1, timeout_s=0.5, pause_s=0.1)
        for _ in range(4):
            await link.read(3, 1, 100, 2)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(0.149 <= gap <= 0.16 for gap in gaps), gaps

    play(scenario)


def test_nobody_waits_for_a_turn_for_ever() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = be_silent
        link.pace(1, timeout_s=29.0, pause_s=0.0)
        link.pace(2, timeout_s=29.0, pause_s=0.0)
        first, second, third = (asyncio.create_task(link.read(3, unit, 100, 2)) for unit in (1, 2, 2))
        with pytest.raises(NotConnectedError, match="no turn within 30 s"):
            await third
        assert 29.0 < now() < 31.0
        await asyncio.gather(first, second, return_exceptions=True)

    play(scenario)


def test_a_closed_link_fails_what_runs_and_what_comes() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = be_silent
        reading = asyncio.create_task(link.read(3, 1, 100, 2))
        await asyncio.sleep(0.1)
        await link.close()
        with pytest.raises(NotConnectedError, match="no longer in use"):
            await reading
        with pytest.raises(NotConnectedError, match="no longer in use"):
            await link.read(3, 1, 100, 2)

    play(scenario)


@pytest.mark.parametrize(
    ("function_code", "address", "count"), [(1, 0, 1), (3, -1, 1), (3, 65536, 1), (3, 0, 126), (3, 0, 0)]
)
def test_a_read_that_cannot_be_is_a_fault_of_ours(function_code: int, address: int, count: int) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        with pytest.raises(ValueError, match="cannot read"):
            await link.read(function_code, 1, address, count)

    play(scenario)


def test_twenty_minutes_of_flapping_is_a_few_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        while now() < 1200.0:
            server.manner = obey if int(now()) % 14 < 7 else be_silent
            with suppress(LinkError):
                await link.read(3, 1, 100, 2)
            await asyncio.sleep(0.5)

    with caplog.at_level(logging.DEBUG, "ems"):
        play(scenario)
    lines = [record.getMessage() for record in caplog.records]
    assert 20 <= len(lines) <= 42, "at most one of each kind per minute"
    assert {line.split()[0] for line in lines} == {"link.up", "link.down"}


def test_a_late_exception_is_not_taken_for_the_end_of_the_exchange_after_it() -> None:
    """It says not which request it belongs to; the answer to the one that it seemed to end may still come."""

    async def first_late_and_refused(server: BusServer, request: Request, line: Line) -> None:
        slow, frame = (0.7, server.exception(request, 6)) if request.size == 2 else (0.4, server.answer(request))
        asyncio.get_running_loop().call_later(slow, line.send, frame)

    async def scenario(link: Link, server: BusServer) -> None:
        server.manner = first_late_and_refused
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 2)
        with pytest.raises(RefusedError):
            await link.read(3, 1, 200, 3)
        with pytest.raises(UnsettledError):
            await link.read(3, 1, 300, 3)
        assert await link.read(3, 1, 400, 4) == (400, 401, 402, 403)

    play(scenario, RTU)


def test_several_dead_units_do_not_end_the_connection_to_the_one_that_lives() -> None:
    async def scenario(link: Link, server: BusServer) -> None:
        for unit in (1, 2, 3, 4, 5):
            link.pace(unit, timeout_s=0.2, pause_s=0.0)
        server.manners = dict.fromkeys((2, 3, 4, 5), be_silent)
        good = 0
        while now() < 120.0:
            for unit in (2, 3, 4, 5):
                with suppress(LinkError):
                    await link.read(3, unit, 100, 2)
            with suppress(NotConnectedError):
                assert await link.read(3, 1, 100, 2) == (100, 101)
                good += 1
            await asyncio.sleep(1.0)
        assert good > 95
        assert link.generation <= 6, "two in a row end it only until they are known to be dead"

    play(scenario)
