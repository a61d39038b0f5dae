"""The service: each meter at its own pace, one event per period, whatever the others do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace

import pytest

from ems.adapters.modbus.address import Framing, MeterAddress, SerialBus, TcpBus
from ems.adapters.modbus.poller import InstalledMeter, Poller
from ems.domain.events import Event, MeterFailed, MeterRead
from ems.domain.phases import Phase
from ems.ports.controller import Service
from tests.adapters.modbus.bus_server import BusServer, Line, Request, after, be_silent, obey
from tests.adapters.modbus.models import MODELS, golden, sdm630
from tests.adapters.modbus.test_meter_models import sunspec
from tests.adapters.modbus.virtual import LoopClock, in_virtual_time

SDM = MODELS["eastron-sdm630"]
EM24 = MODELS["carlo-gavazzi-em24-e1"]
BUS = TcpBus("meter")
MAIN = MeterAddress("main", BUS, timeout_s=0.5)


def now() -> float:
    return asyncio.get_running_loop().time()


class Site:
    """A bus server, a poller, and what the poller said."""

    def __init__(
        self, units: Mapping[int, MutableMapping[int, int]], *meters: InstalledMeter, rtu: bool = False
    ) -> None:
        self.server = BusServer(units, rtu=rtu)
        self.events: list[tuple[float, Event]] = []
        self.poller = Poller(meters, LoopClock(), lambda event: self.events.append((now(), event)))

    def of(self, meter: str, since: float = 0.0) -> list[MeterRead | MeterFailed]:
        """What was said of a meter."""
        said = [event for at, event in self.events if at >= since]
        return [event for event in said if isinstance(event, MeterRead | MeterFailed) and event.meter == meter]

    def good(self, meter: str, since: float = 0.0) -> list[MeterRead]:
        """Readings only."""
        return [event for event in self.of(meter, since) if isinstance(event, MeterRead)]

    def failed(self, meter: str, since: float = 0.0) -> list[MeterFailed]:
        """Failures only."""
        return [event for event in self.of(meter, since) if isinstance(event, MeterFailed)]


def play(site: Callable[[], Site], scenario: Callable[[Site], Awaitable[None]], *, start: bool = True) -> None:
    """Run the poller and beside it a scenario; the poller must end when it is cancelled."""

    async def main() -> None:
        here = site()
        if start:
            await here.server.start()
        polling = asyncio.create_task(here.poller.run())
        try:
            await scenario(here)
            assert not polling.done(), "the poller runs, whatever happened"
        finally:
            polling.cancel()
            await asyncio.wait({polling})
            if not polling.cancelled() and (error := polling.exception()):
                raise error
            await asyncio.sleep(10.0)
            assert here.server.open_connections == 0, "and leave no connection behind"
            if here.server.is_listening:
                await here.server.stop()

    in_virtual_time(main())


def one_sdm() -> Site:
    return Site({1: sdm630()}, InstalledMeter(MAIN, SDM))


def test_it_is_a_service() -> None:
    service: Service = Poller((), LoopClock(), lambda _: None)
    assert service.name == "modbus"


@pytest.mark.parametrize(("every_s", "slow_s"), [(1.0, 0.05), (0.5, 0.2), (2.0, 0.7), (10.0, 0.3)])
def test_a_meter_is_read_each_period_without_drift(every_s: float, slow_s: float) -> None:
    async def scenario(site: Site) -> None:
        site.server.manner = after(slow_s / 2)
        await asyncio.sleep(60.5)
        times = [event.reading.at for event in site.good("main")]
        assert len(times) >= int(60 / every_s)
        # Of the two blocks the age of the first counts.
        assert times == pytest.approx([n * every_s + slow_s / 2 for n in range(len(times))], abs=1e-3)

    meter = replace(MAIN, every_s=every_s)
    play(lambda: Site({1: sdm630()}, InstalledMeter(meter, SDM)), scenario)


def test_a_period_that_was_missed_is_skipped_and_the_phase_kept() -> None:
    async def scenario(site: Site) -> None:
        site.server.manner = after(0.49)
        await asyncio.sleep(30.5)
        starts = [round(event.reading.at - 0.49, 2) for event in site.good("main")]
        assert starts == [2.0 * n for n in range(15)], "two blocks and the pause take 1.08 s"

    play(one_sdm, scenario)


def test_slow_blocks_are_read_every_ten_seconds_and_do_not_delay_the_reading() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(60.5)
        exports = [request for request in site.server.requests if request.address == 78]
        assert len(exports) == 7
        readings = [event.reading for event in site.good("main")]
        assert readings[0].export_wh is None, "the first reading does not wait for it"
        assert all(reading.export_wh == pytest.approx(789_000) for reading in readings[1:])

    play(lambda: Site({1: golden("carlo-gavazzi-em24-e1")}, InstalledMeter(MAIN, EM24)), scenario)


def test_a_counter_that_the_device_lacks_is_left_out_and_the_rest_goes_on() -> None:
    registers = {address: word for address, word in golden("carlo-gavazzi-em24-e1").items() if address not in {78, 79}}

    async def scenario(site: Site) -> None:
        await asyncio.sleep(60.5)
        assert len(site.good("main")) == 61
        assert not site.failed("main")
        assert site.good("main")[-1].reading.export_wh is None
        assert len([request for request in site.server.requests if request.address == 78]) == 1

    play(lambda: Site({1: registers}, InstalledMeter(MAIN, EM24)), scenario)


def test_energies_that_stay_away_are_no_longer_shown_after_a_minute() -> None:
    async def scenario(site: Site) -> None:
        async def no_energy(server: BusServer, request: Request, line: Line) -> None:
            if request.address != 78:
                line.send(server.answer(request))

        await asyncio.sleep(20.5)
        site.server.manner = no_energy
        await asyncio.sleep(100.0)
        assert site.good("main", since=40.0)[0].reading.export_wh is not None
        assert site.good("main")[-1].reading.export_wh is None

    play(lambda: Site({1: golden("carlo-gavazzi-em24-e1")}, InstalledMeter(MAIN, EM24)), scenario)


def test_the_identity_is_checked_once_per_connection_and_before_anything_is_believed() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(5.5)
        assert [request.address for request in site.server.requests].count(11) == 1
        assert site.server.requests[0].address == 11
        swapped = {**golden("carlo-gavazzi-em24-e1"), 11: 9999}
        await site.server.stop()
        site.server.units[1] = swapped
        gone = now()
        await asyncio.sleep(1.0)
        await site.server.start()
        await asyncio.sleep(20.0)
        assert not site.good("main", since=gone + 0.01), "another device took its place"
        assert "register 11 holds 0x270f, a carlo-gavazzi-em24-e1 has" in site.failed("main")[-1].reason
        site.server.units[1] = golden("carlo-gavazzi-em24-e1")
        await asyncio.sleep(2.5)
        assert site.good("main", since=gone), "the right one is back"

    play(lambda: Site({1: golden("carlo-gavazzi-em24-e1")}, InstalledMeter(MAIN, EM24)), scenario)


def test_blocks_of_two_connections_are_never_put_together() -> None:
    async def scenario(site: Site) -> None:
        async def swapped_in_between(server: BusServer, request: Request, line: Line) -> None:
            line.send(server.answer(request))
            if request.address == 0 and now() > 5.0:
                line.close()
                server.units[1][11] = 9999

        site.server.manner = swapped_in_between
        await asyncio.sleep(20.0)
        assert not site.good("main", since=6.0), "whose second block would be that of another device"

    play(lambda: Site({1: golden("carlo-gavazzi-em24-e1")}, InstalledMeter(MAIN, EM24)), scenario)


def test_after_a_silence_the_identity_is_checked_again() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(5.5)
        site.server.manner = be_silent
        await asyncio.sleep(1.0)
        site.server.manner = obey
        site.server.units[1] = {**golden("carlo-gavazzi-em24-e1"), 11: 9999}
        changed = now()
        await asyncio.sleep(5.0)
        assert site.failed("main", since=changed)
        assert not site.good("main", since=changed)

    play(lambda: Site({1: golden("carlo-gavazzi-em24-e1")}, InstalledMeter(MAIN, EM24)), scenario)


def test_a_device_that_hangs_up_after_each_answer_is_read_all_the_same() -> None:
    async def once(server: BusServer, request: Request, line: Line) -> None:
        line.send(server.answer(request))
        line.close()

    async def scenario(site: Site) -> None:
        site.server.manner = once
        await asyncio.sleep(30.5)
        assert len(site.good("main")) == 31

    play(one_sdm, scenario)


def test_a_connection_that_ends_between_two_readings_costs_none() -> None:
    async def scenario(site: Site) -> None:
        async def idle_too_long(server: BusServer, request: Request, line: Line) -> None:
            line.send(server.answer(request))
            if request.address == 40:
                asyncio.get_running_loop().call_later(0.5, line.close)

        site.server.manner = idle_too_long
        await asyncio.sleep(30.5)
        assert len(site.good("main")) == 31
        assert [request.address for request in site.server.requests].count(11) == site.server.connections >= 30

    play(lambda: Site({1: golden("carlo-gavazzi-em24-e1")}, InstalledMeter(MAIN, EM24)), scenario)


def test_a_sunspec_meter_is_found_and_read() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(20.5)
        assert len(site.good("main")) == 21
        assert site.good("main")[-1].reading.amps == pytest.approx((12.3, -5.7, 0.9))
        assert site.good("main")[-1].reading.import_wh == pytest.approx(12_345_000)

    play(lambda: Site({1: sunspec()}, InstalledMeter(MAIN, MODELS["sunspec-meter"])), scenario)


def test_meters_on_one_gateway_share_one_connection() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(30.5)
        assert site.server.connections == 1
        for n in range(1, 6):
            readings = site.good(f"m{n}")
            assert len(readings) >= 30
            assert all(event.reading.amps[0] == n for event in readings), "each its own values"

    def site() -> Site:
        meters = [InstalledMeter(MeterAddress(f"m{n}", BUS, unit=n), SDM) for n in range(1, 6)]
        return Site({n: sdm630(amps=(n, n, n)) for n in range(1, 6)}, *meters)

    play(site, scenario)


def test_a_meter_that_is_absent_at_start_stops_nothing_and_is_read_when_it_comes() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(30.5)
        assert len(site.failed("main")) == 31
        assert "no connection to meter:502" in site.failed("main")[-1].reason
        await site.server.start()
        came = now()
        await asyncio.sleep(10.0)
        assert site.good("main")[0].reading.at - came < 6.0

    play(one_sdm, scenario, start=False)


def test_a_dead_unit_does_not_keep_its_neighbours_from_their_period() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(300.5)
        assert len(site.good("live")) >= 285, "a time-out now and then"
        assert len(site.failed("dead")) >= 280
        assert not site.good("dead")
        assert site.server.connections == 1

    def site() -> Site:
        live, dead = (MeterAddress(name, BUS, unit=n, timeout_s=0.8) for n, name in ((1, "live"), (9, "dead")))
        return Site({1: sdm630()}, InstalledMeter(live, SDM), InstalledMeter(dead, SDM))

    play(site, scenario)


def test_blocks_read_across_a_load_step_are_read_again_at_once() -> None:
    async def scenario(site: Site) -> None:
        async def step(server: BusServer, request: Request, line: Line) -> None:
            line.send(server.answer(request))
            if request.address == 18 and now() > 10.0:  # after voltage and current, before power
                server.units[1] = {**golden("carlo-gavazzi-em24-rs485"), **heavy}
                server.manner = obey

        heavy = {12: 50_000, 13: 0, 18: 0x86C4, 19: 1, 40: 0x5C94, 41: 1}
        site.server.units[1].update({40: 17500, 41: 0})
        site.server.manner = step
        await asyncio.sleep(20.5)
        assert not site.failed("main")
        assert len(site.good("main")) == 21

    def site() -> Site:
        return Site({1: golden("carlo-gavazzi-em24-rs485")}, InstalledMeter(MAIN, MODELS["carlo-gavazzi-em24-rs485"]))

    play(site, scenario)


def test_a_failure_names_the_register_and_comes_each_period() -> None:
    async def scenario(site: Site) -> None:
        site.server.units[1] = sdm630(volts=(230, 11, 230), watts=(0, 0, 0))
        await asyncio.sleep(9.5)
        reasons = {event.reason for event in site.failed("main")}
        assert reasons == {"voltage_l2 (register 2) is 11 V, expected 184 to 264 V"}
        assert len(site.failed("main")) == 10

    play(one_sdm, scenario)


def test_the_fingerprint_shows_whether_the_registers_moved() -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(5.5)
        assert len({event.reading.fingerprint for event in site.good("main")}) == 1
        site.server.units[1] = sdm630(volts=(230.0, 230.0, 230.01))
        await asyncio.sleep(1.0)
        assert len({event.reading.fingerprint for event in site.good("main")}) == 2

    play(one_sdm, scenario)


def test_installation_facts_reach_the_reading() -> None:
    facts = replace(MAIN, phases=(Phase.L2, Phase.L3, Phase.L1), ct_ratio=10.0, invert=True)

    async def scenario(site: Site) -> None:
        await asyncio.sleep(0.5)
        assert site.good("main")[0].reading.amps == (-30.0, -10.0, -20.0)

    play(lambda: Site({1: sdm630(amps=(1, 2, 3))}, InstalledMeter(facts, SDM)), scenario)


@pytest.mark.parametrize(
    ("one", "other", "problem"),
    [
        (MAIN, replace(MAIN, unit=2), "meter main is there twice"),
        (MAIN, MeterAddress("b", TcpBus("meter", framing=Framing.RTU)), "share meter:502 but not its settings"),
        (
            MeterAddress("a", SerialBus("/dev/tty1", 9600)),
            MeterAddress("b", SerialBus("/dev/tty1", 19200)),
            r"meters a and b share /dev/tty1 but not its settings \(/dev/tty1 9600 8N1; /dev/tty1 19200 8N1\)",
        ),
    ],
)
def test_meters_that_contradict_each_other_are_refused(one: MeterAddress, other: MeterAddress, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Poller([InstalledMeter(one, SDM), InstalledMeter(other, SDM)], LoopClock(), lambda _: None)


def test_an_hour_without_the_meter_is_one_line_in_the_log_and_its_return_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(site: Site) -> None:
        await asyncio.sleep(100.0)
        site.server.manner = be_silent
        await asyncio.sleep(3600.0)
        site.server.manner = obey
        await asyncio.sleep(60.0)

    with caplog.at_level(logging.DEBUG):
        play(one_sdm, scenario)
    ours = [record.getMessage().split()[0] for record in caplog.records if record.name.startswith("ems")]
    assert ours == ["link.up", "meter.answers", "link.down", "meter.silent", "link.up", "meter.answers"]
    assert not [record for record in caplog.records if "pymodbus" in record.name]
