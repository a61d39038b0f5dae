"""One meter, read again and again."""

from __future__ import annotations

import asyncio
import logging
import math

from ems.adapters.modbus.address import MeterAddress
from ems.adapters.modbus.decode import fingerprint, image_of
from ems.adapters.modbus.error import LinkError, NotConnectedError, RefusedError, UnsettledError
from ems.adapters.modbus.identity import WrongDeviceError, identify
from ems.adapters.modbus.link import FINEST_S, Link
from ems.adapters.modbus.notice import Notice
from ems.adapters.modbus.point import Block
from ems.adapters.modbus.reading import Doubt, meter_reading
from ems.adapters.modbus.register_map import RegisterMap
from ems.domain.events import MeterFailed, MeterRead
from ems.domain.meter import MeterReading
from ems.ports.controller import Clock, Sink

SLOW_EVERY_S = 10.0
SLOW_KEPT_S = 60.0
"""Energies older than this are no longer shown."""
FAILURES_TO_REPORT = 3

log = logging.getLogger(__name__)

Registers = tuple[int, ...]


class MeterWatch:
    """Reads one meter each `every_s`, without drift; a period that is missed is skipped, not caught up."""

    def __init__(self, address: MeterAddress, model: RegisterMap, link: Link, clock: Clock, sink: Sink) -> None:
        self._address = address
        self._model = model
        self._link = link
        self._clock = clock
        self._sink = sink
        self._map: RegisterMap | None = None
        self._map_of = 0
        self._slow: dict[Block, tuple[float, Registers]] = {}
        self._slow_due = -math.inf
        self._lacking: set[Block] = set()
        self._lacking_told: set[Block] = set()
        self._failures = 0
        self._notice = Notice()
        link.pace(address.unit, timeout_s=address.timeout_s, pause_s=model.pause_s)

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.poll()
            late = loop.time() - due
            due += self._address.every_s * max(1, math.ceil(late / self._address.every_s))
            rest = due - loop.time()
            await asyncio.sleep(rest if rest > FINEST_S else 0.0)

    async def poll(self) -> None:
        """Read once and put exactly one event into the sink; energies are read after that, when they are due."""
        try:
            outcome = await self._read()
        except LinkError as error:
            outcome = Doubt(str(error))
            self._map = None if not isinstance(error, UnsettledError) else self._map
        except WrongDeviceError as error:
            outcome = Doubt(str(error))
            self._map = None
        self._tell(outcome)
        if isinstance(outcome, MeterReading):
            await self._read_slow()

    async def _read(self) -> MeterReading | Doubt:
        model = await self._identified()
        outcome = await self._read_fast(model)
        if isinstance(outcome, Doubt):
            # Blocks are read one after the other: a load that changed in between makes them contradict each other.
            outcome = await self._read_fast(model)
        return outcome

    async def _identified(self) -> RegisterMap:
        """The map of this meter, its identity proven since the last connection and the last silence."""
        generation = await self._link.connect()
        if self._map is None or (self._model.can_be_proven and self._map_of != generation):
            self._forget_slow()
            self._map = await identify(self._model, self._registers)
            self._map_of = generation
        return self._map

    def _forget_slow(self) -> None:
        self._slow.clear()
        self._lacking.clear()
        self._slow_due = -math.inf

    async def _read_fast(self, model: RegisterMap) -> MeterReading | Doubt:
        blocks: dict[Block, Registers] = {}
        at = math.inf
        for block in model.fast:
            for piece in self._pieces(model, block):
                blocks[piece] = await self._registers(*piece)
                at = min(at, self._clock.now().monotonic_s)
        if self._model.can_be_proven and self._link.generation != self._map_of:
            raise NotConnectedError("the connection was renewed while the meter was read")
        known = {block: words for block, (since, words) in self._slow.items() if at - since <= SLOW_KEPT_S}
        image = image_of({**known, **blocks})
        return meter_reading(model, self._address, image, at, fingerprint(model, image))

    def _pieces(self, model: RegisterMap, block: Block) -> tuple[Block, ...]:
        pieces = model.reads(block, self._link.withheld(self._address.unit))
        if pieces is None and model.needs(block):
            raise UnsettledError(f"late answers of unit {self._address.unit} may still come; waiting until none can")
        return pieces or ()

    async def _read_slow(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._map is None or now < self._slow_due:
            return
        self._slow_due = now + SLOW_EVERY_S
        for block in self._map.slow:
            if block in self._lacking:
                continue
            try:
                words = await self._registers(*block)
            except LinkError as error:
                if isinstance(error, RefusedError) and error.is_final:
                    self._leave_out(block, error)
                    continue
                return
            self._slow[block] = (self._clock.now().monotonic_s, words)

    def _leave_out(self, block: Block, refusal: RefusedError) -> None:
        """Some variants and settings of a model lack the export counters; that must not cost the currents."""
        self._lacking.add(block)
        if block not in self._lacking_told:
            self._lacking_told.add(block)
            log.info("meter.lacks id=%r reason=%r", self._address.id, str(refusal))

    async def _registers(self, address: int, count: int) -> Registers:
        return await self._link.read(self._model.function_code, self._address.unit, address, count)

    def _tell(self, outcome: MeterReading | Doubt) -> None:
        id_ = self._address.id
        if isinstance(outcome, MeterReading):
            self._failures = 0
            self._sink(MeterRead(id_, outcome))
        else:
            self._failures += 1
            self._sink(MeterFailed(id_, self._clock.now().monotonic_s, outcome.reason))
        fine = self._failures == 0
        if not (fine or self._failures >= FAILURES_TO_REPORT):
            return
        if not self._notice.due(fine, asyncio.get_running_loop().time()):
            return
        if isinstance(outcome, MeterReading):
            log.info("meter.answers id=%r at=%s unit=%d", id_, self._address.bus, self._address.unit)
        else:
            log.warning("meter.silent id=%r reason=%r", id_, outcome.reason[:160])
