"""Tells one battery its power, over the link on which it is read.

Only registers that its model declares are written. A setpoint is read back, and holds only if the device says so; it is
repeated where the device needs that, and let go of when nobody has wanted it for `WANTED_S`: a controller that has died
or cannot decide leaves no battery at its last word. Other setpoints wait for the pause of the model, which spares its
memory; a smaller power never does. A device that holds something else than it was told is let go of as well, and tried
again after a while: nobody knows what it would do next.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress

from ems.adapters.modbus.address import MeterAddress
from ems.adapters.modbus.decode import raw_of
from ems.adapters.modbus.error import LinkError
from ems.adapters.modbus.identity import WrongDeviceError, identify
from ems.adapters.modbus.link import Link
from ems.adapters.modbus.notice import Notice
from ems.adapters.modbus.point import SIZES, Identity
from ems.adapters.modbus.register_map import RegisterMap
from ems.adapters.modbus.writes import Writes, words_of
from ems.domain.events import BatteryAnswered
from ems.ports.controller import Clock, Sink

WANTED_S = 10.0
"""What is wanted is said every second; after so long a silence nobody wants anything any more."""
LOOK_S = 1.0
RETRY_S = 5.0
RELEASE_S = 2.0
LET_GO_S = 30.0
"""One that held something else is left to its own program for so long, and until it has let go by itself."""

HOLDING = 3
"""Function code of registers that can be written."""

UNKNOWN = math.nan
"""It may hold anything."""

log = logging.getLogger(__name__)


class RefusalError(Exception):
    """The device does not hold what it was told, or does not follow; the text says why."""


class NotHeldError(RefusalError):
    """The device confirmed what it was told and holds something else."""


class Setpoint:
    """The setpoint of the battery `battery`, which is the device at `address`.

    Raises ValueError when its model declares nothing that may be written.
    """

    def __init__(
        self, battery: str, address: MeterAddress, model: RegisterMap, link: Link, clock: Clock, sink: Sink
    ) -> None:
        if model.writes is None:
            raise ValueError(f"battery {battery}: model {model.name} declares no registers that may be written")
        self.battery = battery
        self._address, self._model, self._link, self._clock, self._sink = address, model, link, clock, sink
        self._writes: Writes = model.writes
        self._wanted: float | None = None
        self._wanted_at = self._written_at = self._failed_at = -math.inf
        # What never ends by itself may be left from an earlier run.
        self._held: float | None = UNKNOWN if math.isinf(model.writes.ends_s) else None
        self._rest_s = RETRY_S
        self._proven = 0
        self._woken = asyncio.Event()
        self._notice = Notice()

    def want(self, watts: float | None) -> None:
        """Want a power, W, charging positive; None: let go. Never waits; the newest counts, for `WANTED_S`."""
        before = self._wanted
        self._wanted, self._wanted_at = watts, _now()
        if watts != before:
            self._woken.set()

    async def run(self) -> None:
        """Keep the device at what is wanted until cancelled."""
        while True:
            self._woken.clear()
            aim = self._aim()
            if self._is_due(aim):
                await self._tell(aim)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()

    async def release(self) -> None:
        """Let go of what the device holds, if it may hold anything. Bounded in time."""
        if self._held is None:
            return
        try:
            async with asyncio.timeout(RELEASE_S):
                await self._tell(None)
        except TimeoutError:
            log.warning("battery.not-released id=%r", self.battery)

    def _aim(self) -> float | None:
        """What the device is to hold now."""
        if self._wanted is None or _now() - self._wanted_at > WANTED_S:
            return None
        return self._writes.within(self._wanted)

    def _is_due(self, aim: float | None) -> bool:
        held, since_s = self._held, _now() - self._written_at
        if _now() - self._failed_at < self._rest_s:
            return False
        if aim is None or held is None:
            return aim is not held
        if aim == held:
            return since_s >= self._writes.repeat_s
        is_less = abs(aim) < abs(held) or aim * held < 0.0
        return is_less or since_s >= self._writes.pause_s

    async def _tell(self, aim: float | None) -> None:
        at = self._clock.now().monotonic_s
        try:
            await self._prove()
            watts = self._writes.release_w if aim is None else aim
            if watts is not None:
                self._held = UNKNOWN
                await self._write(watts)
        except (LinkError, WrongDeviceError, RefusalError, ValueError) as fault:
            self._rest_s = await self._let_go() if isinstance(fault, NotHeldError) else RETRY_S
            self._failed_at = _now()
            self._say(BatteryAnswered(self.battery, at, None, str(fault)))
            return
        self._written_at, self._failed_at, self._held = _now(), -math.inf, aim
        self._say(BatteryAnswered(self.battery, at, aim))

    async def _let_go(self) -> float:
        """End what the device holds, as far as it can be ended; how long not to tell it anything else."""
        if self._writes.release_w is None:
            return max(LET_GO_S, self._writes.ends_s)
        with suppress(LinkError, RefusalError):
            await self._write(self._writes.release_w)
        return LET_GO_S

    async def _prove(self) -> None:
        """That it is the device we think, and that it will follow; once per connection, and after every fault."""
        generation = await self._link.connect()
        if self._proven == generation and math.isinf(self._failed_at):
            return
        await identify(self._model, self._read)
        if self._writes.allowed_by is not None:
            await self._follows(self._writes.allowed_by)
        self._proven = generation

    async def _follows(self, allowed: Identity) -> None:
        words = await self._read(allowed.address, SIZES[allowed.type])
        image = {allowed.address + offset: word for offset, word in enumerate(words)}
        raw = raw_of(allowed.address, SIZES[allowed.type], image, little_words=self._model.little_words)
        if not any(raw in span for span in allowed.values):
            text = f"register {allowed.address} holds {raw}: the device is not set to follow what Modbus tells it"
            raise RefusalError(text)

    async def _write(self, watts: float) -> None:
        """Write the power, and see that it is held."""
        points = self._writes.setpoints[: len(self._address.phases)]
        told = [words_of(point, watts / len(points), little_words=self._model.little_words) for point in points]
        for point, words in zip(points, told, strict=True):
            await self._link.write(self._address.unit, point.address, words)
        for point, words in zip(points, told, strict=True):
            held = await self._link.read(HOLDING, self._address.unit, point.address, point.size)
            if held != words:
                raise NotHeldError(f"registers from {point.address} hold {held} after {words} was written")

    async def _read(self, address: int, count: int) -> tuple[int, ...]:
        return await self._link.read(self._model.function_code, self._address.unit, address, count)

    def _say(self, answer: BatteryAnswered) -> None:
        if self._notice.due(not answer.fault, _now()):
            if answer.fault:
                log.warning("battery.not-told id=%r reason=%r", self.battery, answer.fault[:160])
            else:
                log.info("battery.told id=%r power_w=%s", self.battery, answer.power_w)
        self._sink(answer)


def _now() -> float:
    return asyncio.get_running_loop().time()
