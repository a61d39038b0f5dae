"""A whole site on real sockets, in virtual time, with a central system that only nods."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from websockets.asyncio.server import serve
from websockets.typing import Subprotocol

from ems.domain.instant import Instant
from ems.domain.site import Site
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.observer import Cause
from ems.sim.quirks import Quirks
from ems.sim.scenario import Scenario
from ems.sim.station_kinds import KINDS
from ems.sim.virtual_site import SitePlan, VirtualSite
from tests.sim.central import PORT, Central, in_virtual_time, now
from tests.sim.sites import feeder, roof

METER_PORT = 5020


class LoopClock:
    """The clocks of a loop in virtual time."""

    def now(self) -> Instant:
        return now()


@asynccontextmanager
async def running(site: Site, scenario: Any, **plan: Any) -> AsyncIterator[tuple[Central, VirtualSite]]:
    central = Central()
    units = {meter.id: k for k, meter in enumerate(site.meters, 1)}
    where = SitePlan(f"ws://127.0.0.1:{PORT}/ocpp", units, meter_port=METER_PORT, **plan)
    virtual = VirtualSite(site, Scenario.parse(scenario, site), where, LoopClock())
    async with serve(central.handle, "127.0.0.1", PORT, subprotocols=[Subprotocol("ocpp1.6")]):
        task = asyncio.create_task(virtual.run())
        try:
            await virtual.listening.wait()
            yield central, virtual
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def amps(unit: int = 1) -> list[float]:
    """Currents with the sign of their power, as the meter shows them."""
    client = AsyncModbusTcpClient("127.0.0.1", port=METER_PORT, timeout=1, retries=0, reconnect_delay=0)
    await client.connect()
    try:
        answer = await client.read_input_registers(6, count=12, device_id=unit)
        found = struct.unpack(">6f", struct.pack(">12H", *answer.registers))
        return [round(a if p >= 0 else -a, 1) for a, p in zip(found[:3], found[3:], strict=True)]
    finally:
        client.close()


STORY: dict[str, Any] = {
    "repeat_s": 600,
    "building": {"grid": [{"at_s": 0, "amps": 4}, {"at_s": 100, "amps": 9}]},
    "arrivals": [
        {"at_s": 1, "evse": "A1/1", "energy_kwh": 9, "stay_s": 300},
        {"at_s": 30, "evse": "A2/1", "energy_kwh": 9, "stay_s": 60, "max_a": 16, "legs": 1},
    ],
}


def test_vehicles_come_charge_and_leave_and_the_meter_shows_it() -> None:
    async def story() -> None:
        async with running(feeder(80, metered=True), STORY) as (central, virtual):
            await asyncio.sleep(0.5)
            assert len(central.connections) == 3
            assert await amps() == [4, 4, 4]
            await asyncio.sleep(24)
            assert central.actions("StartTransaction") == ["StartTransaction"]
            assert await amps() == [36, 36, 36]
            await asyncio.sleep(25)
            assert await amps() == [52, 36, 36]
            await asyncio.sleep(60)
            assert await amps() == [41, 41, 41]
            assert central.last("StopTransaction")["reason"] == "EVDisconnected"
            assert virtual.observer.largest_a(virtual.observed_s()) == 0

    in_virtual_time(story())


def test_the_observer_sees_what_nobody_controls() -> None:
    async def story() -> None:
        async with running(feeder(40, metered=True), STORY) as (_, virtual):
            await asyncio.sleep(60)
            t = virtual.observed_s()
            assert virtual.observer.largest_a(t, Cause.CHARGERS) == pytest.approx(8)
            assert t == pytest.approx(60, abs=1.5)

    in_virtual_time(story())


def test_pv_has_its_own_meter_and_shows_in_the_one_above() -> None:
    scenario = {"pv": {"pv": [{"at_s": 0, "amps": 6}]}, "building": {"grid": [{"at_s": 0, "amps": [10, 2, 2]}]}}

    async def story() -> None:
        async with running(roof(), scenario):
            await asyncio.sleep(3)
            assert await amps(1) == [4, -4, -4]
            assert await amps(2) == [-6, -6, -6]

    in_virtual_time(story())


@pytest.mark.parametrize("kind", [FaultKind.METER_SILENT, FaultKind.METER_WRONG_UNIT, FaultKind.METER_LOST])
def test_meters_fail_and_heal_by_plan(kind: FaultKind) -> None:
    plan = FaultPlan((Fault(10, kind, "main", lasts_s=10),))

    async def story() -> None:
        async with running(feeder(80, metered=True), STORY, faults=plan):
            await asyncio.sleep(15)
            with pytest.raises(ModbusException):
                await amps()
            await asyncio.sleep(12)
            assert await amps() == [36, 36, 36]

    in_virtual_time(story())


def test_other_faults_by_plan() -> None:
    plan = FaultPlan(
        (
            Fault(20, FaultKind.BUILDING_STEP, "grid", lasts_s=20, value=7),
            Fault(50, FaultKind.STATION_REBOOT, "A1", lasts_s=10),
            Fault(80, FaultKind.STATION_CLOCK, "A1", lasts_s=1000, value=3600),
            Fault(90, FaultKind.STATION_LOST, "A3", lasts_s=30),
            Fault(100, FaultKind.CONTROLLER_DEAD, lasts_s=30),
        )
    )

    async def story() -> None:
        async with running(feeder(80, metered=True), STORY, faults=plan) as (central, virtual):
            dead: list[float] = []
            virtual.on_controller_dead = dead.append
            await asyncio.sleep(25)
            assert await amps() == [43, 43, 43]
            await asyncio.sleep(20)
            assert (await amps())[1] == 36
            await asyncio.sleep(10)
            assert (await amps())[1] == 4
            await asyncio.sleep(30)
            assert central.actions("BootNotification") == 4 * ["BootNotification"]
            assert virtual.stations["A1"].utc().hour == 13
            await asyncio.sleep(20)
            assert not virtual.stations["A3"].link.is_up
            assert dead == [30]
            await asyncio.sleep(40)
            assert virtual.stations["A3"].link.is_up

    in_virtual_time(story())


def test_a_station_misbehaves_by_plan_and_what_it_draws_is_not_our_doing() -> None:
    plan = FaultPlan(
        (
            Fault(20, FaultKind.STATION_REFUSES, "A1", lasts_s=20),
            Fault(60, FaultKind.STATION_DISOBEYS, "A1", lasts_s=30),
            Fault(70, FaultKind.STATION_DISOBEYS, "A1", lasts_s=40, value=25),
        )
    )

    async def story() -> None:
        alone = {**STORY, "arrivals": STORY["arrivals"][:1]}
        async with running(feeder(20, 1, metered=True), alone, faults=plan) as (central, virtual):
            seen = []
            for until, limit in ((15, 12.0), (30, 6.0), (50, 10.0), (66, None), (80, None), (100, None), (125, None)):
                await asyncio.sleep(until - virtual.observed_s())
                said = None if limit is None else await central.limit(limit)
                await asyncio.sleep(6)
                seen.append((said, virtual.stations["A1"].leg_amps(1)[0]))
            assert seen == [
                ("Accepted", 12),
                ("Rejected", 12),
                ("Accepted", 10),
                (None, 32),
                (None, 25),
                (None, 25),
                (None, 10),
            ]
            causes = {o.cause for o in virtual.observer.overloads(virtual.observed_s()) if o.since_s > 40}
            assert causes == {Cause.DISOBEDIENCE}

    in_virtual_time(story())


def test_of_two_faults_of_a_meter_the_other_stays() -> None:
    plan = FaultPlan(
        (Fault(10, FaultKind.METER_NONSENSE, "main", lasts_s=20), Fault(15, FaultKind.METER_SILENT, "main", lasts_s=5))
    )

    async def story() -> None:
        async with running(feeder(80, metered=True), {}, faults=plan):
            await asyncio.sleep(12)
            assert all(math.isnan(a) for a in await amps())
            await asyncio.sleep(5)
            with pytest.raises(ModbusException):
                await amps()
            await asyncio.sleep(8)
            assert all(math.isnan(a) for a in await amps())
            await asyncio.sleep(8)
            assert await amps() == [0, 0, 0]

    in_virtual_time(story())


def test_a_wall_clock_that_is_set_is_told_to_who_keeps_it() -> None:
    plan = FaultPlan((Fault(5, FaultKind.CLOCK_STEP, lasts_s=10, value=3600),))

    async def story() -> None:
        async with running(feeder(), {}, faults=plan) as (_, virtual):
            steps: list[float] = []
            virtual.on_clock_step = steps.append
            await asyncio.sleep(20)
            assert steps == [3600, -3600]

    in_virtual_time(story())


def test_clouds_add_up_and_pass() -> None:
    scenario = {"pv": {"pv": [{"at_s": 0, "amps": 10}]}}
    plan = FaultPlan(
        (
            Fault(10, FaultKind.PV_CLOUD, "grid", lasts_s=30, value=0.3),
            Fault(20, FaultKind.PV_CLOUD, "grid", lasts_s=30, value=0.5),
        )
    )

    async def story() -> None:
        async with running(roof(), scenario, faults=plan) as (_, virtual):
            shown = []
            for t in (5, 15, 25, 45, 55):
                await asyncio.sleep(t - virtual.observed_s())
                shown.append((await amps(2))[0])
            assert shown == [-10, -7, -2, -5, -10]

    in_virtual_time(story())


def test_a_station_can_be_of_a_make() -> None:
    async def story() -> None:
        async with running(feeder(80, metered=True), {}, kinds={"A1": KINDS["go-e"]}) as (central, virtual):
            await asyncio.sleep(3)
            boots = [payload for action, payload in central.said if action == "BootNotification"]
            assert {boot["chargePointVendor"] for boot in boots} == {"go-e", "EMS"}
            assert virtual.stations["A1"].quirks.forgets_offline

    in_virtual_time(story())


def test_the_same_seed_gives_the_same_frames() -> None:
    async def transcript(seed: int) -> list[tuple[float, str]]:
        scenario = {**STORY, "noise_a": 0.5}
        async with running(feeder(80, metered=True), scenario, seed=seed) as (central, virtual):
            await asyncio.sleep(400)
            return [*central.seen, *((float(a), "") for a in virtual.observer.peak_a.flat)]

    first, second, other = (in_virtual_time(transcript(seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_stations_can_be_odd() -> None:
    async def story() -> None:
        odd = {"A1": Quirks(stuck_a=9.0)}
        async with running(feeder(80, metered=True), STORY, quirks=odd, free_vend=True) as (central, _):
            await asyncio.sleep(25)
            assert await amps() == [13, 13, 13]
            assert central.actions("Authorize") == []

    in_virtual_time(story())


def test_a_meter_without_unit_is_refused() -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="main"):
            VirtualSite(feeder(metered=True), Scenario(), SitePlan("ws://127.0.0.1:1", {}), LoopClock())

    in_virtual_time(story())
