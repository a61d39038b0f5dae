"""Supervisor, watchdog and what observers see."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ems.domain.events import MeterRead
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.record.history import HISTORY_EVERY_S
from ems.runtime.live import LiveView
from ems.runtime.supervisor import supervise
from ems.runtime.watchdog import Watchdog
from tests.adapters.ocpp.central import BORN, in_virtual_time
from tests.runtime.world import LoopClock, core_of, site


class Flaky:
    """A service that fails a few times, then works."""

    name = "flaky"

    def __init__(self, failures: int) -> None:
        self.failures, self.began = failures, list[float]()

    async def run(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        if len(self.began) <= self.failures:
            raise OSError("the port is taken")
        await asyncio.sleep(3600)


def test_a_service_that_fails_comes_back_at_growing_distance_and_leaves_the_others_alone() -> None:
    async def scenario() -> tuple[list[float], list[float]]:
        flaky, steady = Flaky(4), Flaky(0)
        task = asyncio.create_task(supervise((flaky, steady)))
        await asyncio.sleep(100)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return flaky.began, steady.began

    flaky, steady = in_virtual_time(scenario)
    assert flaky == [0, 1, 3, 8, 18]
    assert steady == [0]


class Failing:
    """A service of which a part fails in the moment in which it is told to end."""

    name = "failing"

    def __init__(self) -> None:
        self.breaks, self.began = asyncio.Event(), 0

    async def run(self) -> None:
        self.began += 1
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._part())
            parts.create_task(asyncio.sleep(3600))

    async def _part(self) -> None:
        await self.breaks.wait()
        raise OSError("the link broke")


def test_a_service_that_fails_as_it_is_told_to_end_is_not_started_again() -> None:
    async def scenario() -> tuple[int, float]:
        failing, loop = Failing(), asyncio.get_running_loop()
        task = asyncio.create_task(supervise((failing,)))
        await asyncio.sleep(100)
        failing.breaks.set()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,), timeout=60)
        return failing.began, loop.time()

    assert in_virtual_time(scenario) == (1, 100)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(1)
        yield listener


def test_the_service_manager_hears_ready_once_and_a_stroke_per_tick(manager: socket.socket) -> None:
    watchdog = Watchdog(manager.getsockname())
    watchdog.stroke("normal")
    watchdog.stroke("holding")
    watchdog.stopping()
    assert [manager.recv(200).decode() for _ in range(3)] == [
        "READY=1\nWATCHDOG=1\nSTATUS=normal\n",
        "WATCHDOG=1\nSTATUS=holding\n",
        "STOPPING=1\n",
    ]
    watchdog.close()


def test_without_a_service_manager_the_watchdog_is_silent() -> None:
    watchdog = Watchdog("")
    watchdog.stroke("normal")
    assert not watchdog.is_supervised


def test_what_pv_gives_is_remembered_beside_the_circuits_and_what_nobody_knows_is_none() -> None:
    sunny = replace(site(), meters=(Meter("roof", role=MeterRole.PV, circuit="grid"),))

    async def scenario() -> list[tuple[float | None, float | None]]:
        clock, core = LoopClock(), core_of(sunny)
        live = LiveView(core.state, tuple)
        for amps in (None, -4.0, 0.1):
            at = clock.now().monotonic_s
            read = () if amps is None else (MeterRead("roof", MeterReading(at, (amps,) * 3, 1)),)
            decision = core.tick(read, clock.now())
            live.publish(core.state, decision)
            await asyncio.sleep(HISTORY_EVERY_S)
        assert [point.circuit for point in live.history(BORN)] == ["grid"] * 3
        return [(point.pv_w, point.battery_w) for point in live.plant(BORN)]

    assert in_virtual_time(scenario) == [(None, None), (2760.0, None), (0.0, None)]


def test_observers_are_woken_by_a_tick_and_history_goes_back_in_steps() -> None:
    async def scenario() -> tuple[int, int]:
        clock, core = LoopClock(), core_of(site())
        live = LiveView(core.state, tuple)
        waiting = asyncio.create_task(live.changed(0))
        for _ in range(35):
            live.publish(core.state, core.tick((), clock.now()))
            await asyncio.sleep(1)
        return await waiting, len(live.history(BORN - timedelta(hours=1)))

    assert in_virtual_time(scenario) == (1, 7)
