"""A process full of charging stations on real sockets, and the meter that sees what they draw.

    python -m tests.bench.station_farm

takes commands on stdin (see `child`). Everything that is said of the servers is measured apart from this process.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from random import Random  # noqa: TID251 - one seeded world, and scalars are what it needs
from typing import Any

from ems.runtime.event_loop import tuned_loop
from ems.sim.meter_registers import Shown
from ems.sim.virtual_meter import VirtualMeter
from tests.bench.charge_point import ChargePoint
from tests.bench.child import obey
from tests.bench.relief import Change, relief

AT_ONCE = 50
METER_EVERY_S = 0.2
MAIN = 1
LOOK_S = 0.002
ANSWERS_S = 10.0
NOISE_A = 0.3


class Farm:
    """The stations; every public method is a command."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.points: dict[str, ChargePoint] = {}
        self.other_a = 0.0
        self._shown_a = (0.0, 0.0, 0.0)
        self._stack = stack
        self._rng = Random(7)
        self._meter: VirtualMeter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumping = False
        self._reports = self._in_flight = 0
        self._idle = asyncio.Event()

    async def connect(self, host: str, port: int, stations: list[tuple[str, list[int]]]) -> Mapping[str, Any]:
        """Plug in all of them; returns when every one charges."""
        began = time.monotonic()
        for first in range(0, len(stations), AT_ONCE):
            group = [ChargePoint(name, tuple(phases), self._rng) for name, phases in stations[first : first + AT_ONCE]]
            await asyncio.gather(*(point.plug_in(host, port) for point in group))
            self.points |= {point.name: point for point in group}
        return {"stations": len(self.points), "seconds": time.monotonic() - began}

    async def pump(self, seconds: float) -> Mapping[str, Any]:
        """Every station reports as fast as it is answered."""
        self._reports, self._pumping = 0, True
        began = time.monotonic()
        for point in self.points.values():
            self._again(point)
        await asyncio.sleep(seconds)
        self._pumping = False
        async with asyncio.timeout(ANSWERS_S):
            await self._idle.wait()
        return {"reports": self._reports, "seconds": time.monotonic() - began}

    async def registers(self) -> Mapping[str, Any]:
        """The energy register that each station reported last."""
        return {"registers": {name: point.answered_wh for name, point in self.points.items()}}

    async def limits(self) -> Mapping[str, Any]:
        """The limit in force at each station."""
        return {"limits": {name: point.allowed_a() for name, point in self.points.items()}}

    async def report(self, every_s: float) -> Mapping[str, Any]:
        """From now on every station reports so often, spread evenly over that time."""
        for k, point in enumerate(self.points.values()):
            self._keep(self._reporting(point, every_s, every_s * k / len(self.points)))
        return {}

    async def meter(self, other_a: float) -> Mapping[str, Any]:
        """Open the meter of the grid connection: unit 1 shows what the stations draw and `other_a` beside them."""
        self.other_a = other_a
        self._meter = await self._stack.enter_async_context(VirtualMeter([MAIN]).serving("127.0.0.1", 0))
        self._show()
        self._keep(self._showing())
        return {"port": self._meter.port}

    async def jump(self, amps: float, rating_a: float, watch_s: float) -> Mapping[str, Any]:
        """Other load rises for `watch_s`. The answer says when the meter was read, and when the last station had
        answered of those whose cuts made room, in seconds from the jump. Raises RuntimeError when nothing made room.
        """
        assert self._meter is not None
        reads = self._meter.reads
        self.other_a += amps
        self._show()
        began = time.monotonic()
        while self._meter.reads == reads and time.monotonic() - began < watch_s:  # noqa: ASYNC110 - a meter has no event
            await asyncio.sleep(LOOK_S)
        read = time.monotonic()
        await asyncio.sleep(began + watch_s - read)
        told = ((point, *change) for point in self.points.values() for change in point.told_at if change[0] >= began)
        changes = sorted((Change(at - began, point, *limits) for point, at, *limits in told), key=lambda c: c.at_s)
        found = relief(self.points, changes, self.other_a, rating_a)
        self.other_a -= amps
        if found is None:
            raise RuntimeError(f"what stations may draw does not fit {watch_s:g} s after the jump")
        return {"read_s": read - began, "answered_s": found.at_s, "cut": found.cut, "later": found.later}

    async def flow(self) -> Mapping[str, Any]:
        """What the meter shows on its most loaded phase."""
        return {"amps": max(self._shown_a)}

    async def traffic(self) -> Mapping[str, Any]:
        """What was asked of the stations since this was asked last, and how many may charge."""
        heard: Counter[str] = Counter()
        for point in self.points.values():
            heard.update(point.heard)
            point.heard.clear()
        reports, self._reports = self._reports, 0
        charging = sum(point.limits.get("TxProfile", 0.0) > 0 for point in self.points.values())
        open_links = sum(point.is_connected for point in self.points.values())
        return {"heard": heard, "reports": reports, "charging": charging, "connected": open_links}

    def _again(self, point: ChargePoint) -> None:
        self._in_flight += 1
        self._idle.clear()
        point.report(lambda _: self._answered(point))

    def _answered(self, point: ChargePoint) -> None:
        self._in_flight -= 1
        self._reports += 1
        if self._pumping:
            self._again(point)
        elif not self._in_flight:
            self._idle.set()

    async def _reporting(self, point: ChargePoint, every_s: float, after_s: float) -> None:
        due = time.monotonic() + after_s
        while True:
            await asyncio.sleep(due - time.monotonic())
            point.report(lambda _: self._counted())
            due += every_s

    def _counted(self) -> None:
        self._reports += 1

    async def _showing(self) -> None:
        while True:
            await asyncio.sleep(METER_EVERY_S)
            self._show()

    def _show(self) -> None:
        assert self._meter is not None
        now = time.monotonic()
        amps = [self.other_a + self._rng.gauss(0.0, NOISE_A) for _ in range(3)]
        for point in self.points.values():
            drawn = point.drawn_a(now)
            for phase in point.phases[: point.legs]:
                amps[phase] += drawn
        self._shown_a = (amps[0], amps[1], amps[2])
        self._meter.show(MAIN, Shown(amps=self._shown_a))

    def _keep(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)


async def main() -> None:
    """Obey until stdin ends."""
    async with AsyncExitStack() as stack:
        farm = Farm(stack)
        await obey(
            {
                "connect": farm.connect,
                "pump": farm.pump,
                "registers": farm.registers,
                "limits": farm.limits,
                "report": farm.report,
                "meter": farm.meter,
                "jump": farm.jump,
                "flow": farm.flow,
                "traffic": farm.traffic,
            }
        )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=tuned_loop()) as runner:
        runner.run(main())
