"""What a battery is told: only where its model says so, read back, kept alive, and let go of."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from ems.adapters.modbus.address import MeterAddress, TcpBus
from ems.adapters.modbus.poller import InstalledMeter, Poller
from ems.adapters.modbus.register_map import RegisterMap
from ems.adapters.modbus.setpoint import LET_GO_S, RETRY_S, WANTED_S
from ems.domain.events import BatteryAnswered, Event
from ems.domain.phases import Phase
from tests.adapters.modbus.bus_server import BusServer, Line, Request, be_silent, obey
from tests.adapters.modbus.models import MODELS, golden
from tests.adapters.modbus.virtual import LoopClock, in_virtual_time

KOSTAL, VICTRON = MODELS["kostal-plenticore"], MODELS["victron-vebus"]
AT = MeterAddress("bat", TcpBus("meter"), 71, every_s=1.0)
SETPOINT, GATE = 1034, 1080


class Battery:
    """An inverter that can be told what to do, and what came of telling it."""

    def __init__(self, model: RegisterMap = KOSTAL, address: MeterAddress = AT, **registers: int) -> None:
        extra = {1034: 0, 1035: 0, GATE: 2} if model.name == KOSTAL.name else dict.fromkeys(range(37, 42), 0)
        extra |= {int(name[1:]): value for name, value in registers.items()}
        self.server = BusServer({address.unit: {**golden(model.name), **extra}})
        self.registers = self.server.units[address.unit]
        self.events: list[Event] = []
        meter = InstalledMeter(address, model)
        self.poller = Poller([meter], LoopClock(), self.events.append, {"store": address.id})

    def writes(self) -> list[tuple[int, tuple[int, ...]]]:
        """Every write so far: first register and words."""
        return [(request.address, request.words) for request in self.server.requests if request.words]

    def told(self) -> list[float | None]:
        """Every power that it was seen to hold."""
        return [event.power_w for event in self._answers() if not event.fault]

    def faults(self) -> list[str]:
        """Every time that it could not be told."""
        return [event.fault for event in self._answers() if event.fault]

    def _answers(self) -> list[BatteryAnswered]:
        return [event for event in self.events if isinstance(event, BatteryAnswered)]

    async def wanting(self, watts: float | None, seconds: float) -> None:
        """Want it every second, as the controller does."""
        for _ in range(round(seconds)):
            self.poller.set_power("store", watts)
            await asyncio.sleep(1.0)


def play(battery: Callable[[], Battery], scenario: Callable[[Battery], Awaitable[None]]) -> Battery:
    """Run a scenario beside the poller, and end the poller in the end."""

    async def main() -> Battery:
        here = battery()
        await here.server.start()
        polling = asyncio.create_task(here.poller.run())
        await asyncio.sleep(0.0)
        await scenario(here)
        polling.cancel()
        await asyncio.wait({polling})
        await here.server.stop()
        return here

    return in_virtual_time(main())


def kostal_words(watts: float) -> tuple[int, ...]:
    """Charging is negative there, and the low word comes first."""
    high, low = struct.unpack(">HH", struct.pack(">f", -watts))
    return (low, high)


def test_a_power_is_written_where_the_model_says_and_read_back() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(4000.0, 2)

    battery = play(Battery, scenario)
    assert battery.writes() == [(SETPOINT, kostal_words(4000.0)), (SETPOINT, kostal_words(0.0))]
    assert battery.told() == [4000.0, None], "and let go of when the daemon ends"


def test_a_power_is_split_among_the_phases_that_the_site_uses() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(-1000.0, 2)

    single = replace(AT, phases=(Phase.L1,))
    assert play(lambda: Battery(VICTRON, single), scenario).writes()[0] == (37, (0x10000 - 1000,))
    three = play(lambda: Battery(VICTRON), scenario).writes()[:3]
    assert three == [(37, (0x10000 - 333,)), (40, (0x10000 - 333,)), (41, (0x10000 - 333,))]


def test_a_power_beyond_what_may_be_written_is_written_as_far_as_it_may() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(1e6, 2)

    assert play(Battery, scenario).writes()[0] == (SETPOINT, kostal_words(20_000.0))


def test_it_is_repeated_as_the_device_needs_it_and_no_more() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(4000.0, 59)
        assert battery.writes() == [(SETPOINT, kostal_words(4000.0))] * 6, "once each ten seconds"

    play(Battery, scenario)


def test_other_powers_wait_for_the_pause_and_smaller_ones_do_not() -> None:
    async def scenario(battery: Battery) -> None:
        for watts in (1000.0, 3000.0, 3100.0, 500.0, 400.0):
            await battery.wanting(watts, 1)

    written = [words for _, words in play(Battery, scenario).writes()]
    assert written[:4] == [kostal_words(w) for w in (1000.0, 3100.0, 500.0, 400.0)]


def test_what_nobody_wants_any_more_is_let_go_of() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(4000.0, 3)
        await asyncio.sleep(WANTED_S + 2.0)
        assert battery.writes()[-1] == (SETPOINT, kostal_words(0.0))
        assert battery.told()[-1] is None
        count = len(battery.writes())
        await asyncio.sleep(60.0)
        assert len(battery.writes()) == count, "and then left alone"

    play(Battery, scenario)


def test_nothing_is_written_before_anything_is_wanted() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(None, 30)

    battery = play(Battery, scenario)
    assert battery.writes() == []
    assert battery.told() == []


def test_a_device_that_never_lets_go_by_itself_is_let_go_of_when_we_begin() -> None:
    assert KOSTAL.writes is not None
    endless = replace(KOSTAL, writes=replace(KOSTAL.writes, ends_s=float("inf")))

    async def scenario(battery: Battery) -> None:
        await battery.wanting(None, 3)

    battery = play(lambda: Battery(endless), scenario)
    assert battery.writes() == [(SETPOINT, kostal_words(0.0))]


def test_a_device_that_is_not_set_to_follow_is_not_written_to() -> None:
    async def scenario(battery: Battery) -> None:
        await battery.wanting(4000.0, 12)
        assert battery.writes() == []
        assert set(battery.faults()) == {"register 1080 holds 0: the device is not set to follow what Modbus tells it"}
        assert 2 <= len(battery.faults()) <= 12 / RETRY_S + 1, "and is asked again now and then"
        battery.registers[GATE] = 2
        await battery.wanting(4000.0, RETRY_S + 2)
        assert battery.told() == [4000.0]

    play(lambda: Battery(r1080=0), scenario)


async def refuse(server: BusServer, request: Request, line: Line) -> None:
    """Take no setpoint."""
    line.send(server.exception(request, 4) if request.words else server.answer(request))


async def forget(server: BusServer, request: Request, line: Line) -> None:
    """Confirm every write, and hold what was held before."""
    held = dict(server.units[request.unit])
    line.send(server.answer(request))
    server.units[request.unit].update(held)


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        (refuse, "answers a write of 2 registers from 1034 of unit 71 with exception 4 (device failure)"),
        (be_silent, "unit 71 does not answer within 1 s"),
    ],
)
def test_what_is_not_held_is_said_and_tried_again(manner: Callable[..., Awaitable[None]], why: str) -> None:
    async def scenario(battery: Battery) -> None:
        battery.server.manner = manner
        await battery.wanting(4000.0, 4)
        assert battery.told() == []
        assert why in battery.faults()[0]
        battery.server.manner = obey
        await battery.wanting(4000.0, 20)
        assert battery.told()[:1] == [4000.0]

    play(Battery, scenario)


async def halve(server: BusServer, request: Request, line: Line) -> None:
    """Confirm every write, and hold the half of it."""
    line.send(server.answer(request))
    if request.words and request.address == SETPOINT:
        low, high = request.words
        (given_w,) = struct.unpack(">f", struct.pack(">HH", high, low))
        held = kostal_words(-given_w / 2.0)
        server.units[request.unit].update({SETPOINT: held[0], SETPOINT + 1: held[1]})


@pytest.mark.parametrize("manner", [forget, halve])
def test_one_that_holds_something_else_is_let_go_of_and_tried_again(manner: Callable[..., Awaitable[None]]) -> None:
    """It is told once, released at once, left alone for a while, and told again; until it holds that it is at fault."""

    async def scenario(battery: Battery) -> None:
        battery.server.manner = manner
        told = (SETPOINT, kostal_words(-6000.0)), (SETPOINT, kostal_words(0.0))
        await battery.wanting(-6000.0, LET_GO_S - 2.0)
        assert battery.writes() == [*told]
        assert battery.told() == []
        assert [fault.partition(" hold ")[0] for fault in battery.faults()] == ["registers from 1034"]
        await battery.wanting(-5000.0, 5)
        assert battery.writes()[2:] == [(SETPOINT, kostal_words(-5000.0)), told[1]]
        battery.server.manner = obey
        await battery.wanting(-5000.0, LET_GO_S + 2.0)
        assert battery.told()[:1] == [-5000.0]

    play(Battery, scenario)


def test_one_that_cannot_be_let_go_of_is_left_alone_until_it_lets_go_by_itself() -> None:
    assert KOSTAL.writes is not None
    quiet = replace(KOSTAL, writes=replace(KOSTAL.writes, release_w=None, ends_s=90.0))

    async def scenario(battery: Battery) -> None:
        battery.server.manner = halve
        await battery.wanting(-6000.0, 85)
        assert battery.writes() == [(SETPOINT, kostal_words(-6000.0))]
        await battery.wanting(-6000.0, 10)
        assert len(battery.writes()) == 2

    play(lambda: Battery(quiet), scenario)


def test_what_may_have_been_written_is_let_go_of_at_the_end() -> None:
    async def write_and_break(server: BusServer, request: Request, line: Line) -> None:
        answer = server.answer(request)
        if request.words:
            line.close()
        else:
            line.send(answer)

    async def scenario(battery: Battery) -> None:
        battery.server.manner = write_and_break
        await battery.wanting(4000.0, 2)
        battery.server.manner = obey

    battery = play(Battery, scenario)
    assert battery.faults()
    assert (battery.registers[SETPOINT], battery.registers[SETPOINT + 1]) == kostal_words(0.0)


def test_a_battery_whose_model_takes_no_setpoints_is_refused() -> None:
    meter = InstalledMeter(replace(AT, unit=1), MODELS["eastron-sdm630"])
    with pytest.raises(ValueError, match="battery store: bat is no meter whose model declares registers"):
        Poller([meter], LoopClock(), print, {"store": "bat"})
    with pytest.raises(ValueError, match="battery store: attic is no meter"):
        Poller([meter], LoopClock(), print, {"store": "attic"})


def test_to_tell_a_battery_that_is_not_there_does_nothing() -> None:
    Poller([], LoopClock(), print).set_power("attic", 5.0)
