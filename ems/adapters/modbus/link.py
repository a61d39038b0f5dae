"""The one way to a bus or gateway, shared by everything that is read there."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import count

from ems.adapters.modbus.address import Bus
from ems.adapters.modbus.backoff import Backoff
from ems.adapters.modbus.error import LinkError, NoAnswerError, NotConnectedError, RefusedError, UnsettledError
from ems.adapters.modbus.frame import Question
from ems.adapters.modbus.late import LateAnswers
from ems.adapters.modbus.notice import Notice
from ems.adapters.modbus.wire import Wire

CONNECT_S = 3.0
TURN_S = 30.0
"""Longest wait for one's turn on a bus."""
FIRST_REST_S = 0.5
LONGEST_REST_S = 5.0
"""Before another try to connect, or to ask a unit when nobody else on its link answers either."""
LONGEST_UNIT_REST_S = 10.0
"""A unit that is silent while others on its link answer costs them a time-out now and then, no more."""
SILENT_TO_REST = 2
UNANSWERED_TO_DROP = 2
FINEST_S = 1e-6
"""No timer is finer."""
WRITE = 16
"""Function code: write multiple registers."""
STILL_TRIES = 3
"""How many pauses to wait for a line that does not fall silent."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Unit:
    """What a link knows of one unit: its pace, and how it behaved lately."""

    timeout_s: float
    pause_s: float
    silent: int = 0
    silent_since: float = 0.0
    why: str = ""
    late: LateAnswers = field(default_factory=LateAnswers)
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_REST_S))


class Link:
    """Reads and writes registers over one bus or gateway, one request at a time, connecting when needed.

    A read returns exactly the registers that were asked for or raises a LinkError; it never waits longer than the
    turns before it, `CONNECT_S` and the unit's time-out. Cancelling a read abandons its result only: the exchange
    itself runs to its end, so that its answer cannot meet the next request. `close` ends the link for good.
    """

    def __init__(self, bus: Bus, *, timeout_s: float = 1.0, pause_s: float = 0.0, searching: bool = False) -> None:
        """`searching` is for looking who is there: silence is then expected and leads to no pause and no reconnect."""
        self.bus = bus
        self._searching = searching
        self._pace = (timeout_s, pause_s)
        self._units: dict[int, _Unit] = {}
        self._turn = asyncio.Lock()
        self._exchange: asyncio.Task[tuple[int, ...]] | None = None
        self._wire: Wire | None = None
        self._numbers = (1 + n % 0xFFFF for n in count())
        self._generation = 0
        self._reconnect = Backoff(FIRST_REST_S)
        self._why_down = "not yet connected"
        self._unanswered = 0
        self._heard_at = float("-inf")
        self._proven = False
        self._quiet_since = float("-inf")
        self._notice = Notice()
        self._closed = False

    @property
    def generation(self) -> int:
        """Grows with every connection; what was learned about devices holds for one generation only."""
        return self._generation

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return self._wire is not None and self._wire.is_open

    def pace(self, unit: int, *, timeout_s: float, pause_s: float) -> None:
        """Set how long a unit may take to answer, and how long the bus is silent before it is asked."""
        self._units[unit] = _Unit(timeout_s, pause_s)

    def withheld(self, unit: int) -> frozenset[int]:
        """The lengths of read that are refused now, because a late answer of this unit could be taken for theirs."""
        return self._unit(unit).late.possible(_now())

    async def connect(self) -> int:
        """Make sure that there is a connection and return its generation. Raises NotConnectedError."""
        if self.is_open:
            return self._generation
        await self._take_turn()
        try:
            await self._connected()
        finally:
            self._turn.release()
        return self._generation

    async def read(self, function_code: int, unit: int, address: int, count: int) -> tuple[int, ...]:
        """Read `count` registers from wire address `address` with function code 3 or 4.

        Raises NotConnectedError, NoAnswerError, UnsettledError, MismatchError or RefusedError.
        """
        if function_code not in {3, 4} or not 0 <= address <= 0xFFFF or not 1 <= count <= 125:
            raise ValueError(f"cannot read {count} registers from {address} with function code {function_code}")
        return await self._exchanged(Question(function_code, unit, address, count))

    async def write(self, unit: int, address: int, words: tuple[int, ...]) -> None:
        """Write registers from wire address `address` with function code 16. Raises what `read` raises; after
        NoAnswerError they may have been written all the same.
        """
        if not words or not 0 <= address <= 0xFFFF or not all(0 <= word <= 0xFFFF for word in words):
            raise ValueError(f"cannot write {words} to {address}")
        await self._exchanged(Question(WRITE, unit, address, len(words), words))

    async def close(self) -> None:
        """Give up the exchange under way and the connection."""
        self._closed = True
        if self._exchange is not None and not self._exchange.done():
            self._exchange.cancel()
            await asyncio.wait({self._exchange})
        self._hang_up()

    async def _exchanged(self, question: Question) -> tuple[int, ...]:
        await self._take_turn()
        self._exchange = asyncio.create_task(self._ask(question))
        self._exchange.add_done_callback(self._ended)
        return await asyncio.shield(self._exchange)

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError:
            raise NotConnectedError(
                f"{self.bus} is busy: no turn within {TURN_S:g} s; too much is read there"
            ) from None

    def _ended(self, exchange: asyncio.Task[tuple[int, ...]]) -> None:
        self._turn.release()
        if not exchange.cancelled():
            # Whoever asked may be gone; then nobody else looks at the error.
            exchange.exception()

    async def _ask(self, question: Question) -> tuple[int, ...]:
        try:
            return await self._ask_once(question)
        except asyncio.CancelledError:
            if self._closed:
                raise NotConnectedError(f"{self.bus} is no longer in use") from None
            raise

    async def _ask_once(self, question: Question) -> tuple[int, ...]:
        unit = self._unit(question.unit)
        self._withhold(question, unit)
        wire = await self._connected()
        await self._stillness(wire, unit)
        try:
            registers = await wire.ask(question, unit.timeout_s)
        except RefusedError as refusal:
            self._refused(question, unit, refusal)
            raise
        except LinkError as fault:
            self._missed(question, unit, fault)
            raise
        finally:
            self._quiet_since = _now()
        self._heard(unit)
        return registers

    def _withhold(self, question: Question, unit: _Unit) -> None:
        now = _now()
        if (rest := unit.backoff.rests_until - now) > 0:
            raise NoAnswerError(f"{unit.why} ({unit.silent} times in a row); next try in {rest:.1f} s")
        if not question.words and (wait := unit.late.wait_s(question.count, now)) > 0:
            raise UnsettledError(f"a late answer of unit {question.unit} may still come for {wait:.1f} s")

    async def _connected(self) -> Wire:
        if self._closed:
            raise NotConnectedError(f"{self.bus} is no longer in use")
        if self._wire is not None:
            if self._wire.is_open:
                return self._wire
            self._lost("the other side closed the connection")
        now = _now()
        if (rest := self._reconnect.rests_until - now) > 0:
            raise NotConnectedError(f"{self._why_down}; next try in {rest:.1f} s")
        wire = Wire(self.bus, self._numbers)
        try:
            await wire.open(CONNECT_S)
        except NotConnectedError as fault:
            self._rest(str(fault))
            raise
        self._wire = wire
        self._generation += 1
        self._unanswered, self._proven = 0, False
        return wire

    async def _stillness(self, wire: Wire, unit: _Unit) -> None:
        """Let the line rest as long as the unit wants, after the last exchange and after bytes nobody asked for."""
        pause = max(unit.pause_s, self.bus.gap_s)
        for _ in range(STILL_TRIES):
            wait = max(self._quiet_since, wire.last_byte_at) + pause - _now()
            if wait > FINEST_S:
                await asyncio.sleep(wait)

    def _heard(self, unit: _Unit) -> None:
        unit.silent = 0
        unit.backoff.worked()
        self._alive()

    def _alive(self) -> None:
        self._heard_at = _now()
        self._unanswered = 0
        self._reconnect.worked()
        if not self._proven:
            # The others may have been silent only because nothing got through.
            self._proven = True
            for unit in self._units.values():
                unit.backoff.release()
        self._report(fine=True)

    def _refused(self, question: Question, unit: _Unit, refusal: RefusedError) -> None:
        # An exception says not which request it belongs to; if older answers are late, it may be one of those.
        if not question.words and unit.late.possible(_now()):
            unit.late.missed(question.count, _now())
        if refusal.by_gateway:
            self._alive()
            self._went_silent(unit, refusal)
        else:
            self._heard(unit)

    def _missed(self, question: Question, unit: _Unit, fault: LinkError) -> None:
        if not question.words and not self.bus.numbers_answers:
            unit.late.missed(question.count, _now())
        # A unit that is known to be dead says nothing about the connection to those that answer.
        if unit.silent < SILENT_TO_REST or not self._proven:
            self._unanswered += 1
        self._went_silent(unit, fault)
        if isinstance(fault, NotConnectedError) or self._wire is None or not self._wire.is_open:
            self._lost(str(fault))
        elif self._unanswered >= UNANSWERED_TO_DROP and not self._searching:
            # The silent units rest; whoever else is read here may try at once over a new connection.
            self._hang_up()
            self._why_down = f"{self._unanswered} requests in a row without a right answer, the last: {fault}"
            self._report(fine=False)

    def _went_silent(self, unit: _Unit, fault: LinkError) -> None:
        now = _now()
        unit.why = str(fault)
        if unit.silent == 0:
            unit.silent_since = now
        unit.silent += 1
        if unit.silent >= SILENT_TO_REST and not self._searching:
            others_answer = len(self._units) > 1 and self._heard_at > unit.silent_since
            unit.backoff.failed(now, LONGEST_UNIT_REST_S if others_answer else LONGEST_REST_S)

    def _lost(self, reason: str) -> None:
        """The other side closed. Rest before the next try, unless the connection had served."""
        self._hang_up()
        if not self._proven:
            self._rest(reason)

    def _rest(self, reason: str) -> None:
        self._why_down = reason
        if not self._searching:
            self._reconnect.failed(_now(), LONGEST_REST_S)
            self._report(fine=False)

    def _hang_up(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _report(self, *, fine: bool) -> None:
        if not self._notice.due(fine, _now()):
            return
        if fine:
            log.info("link.up bus=%s", self.bus)
        else:
            log.warning("link.down bus=%s reason=%r", self.bus, self._why_down[:160])

    def _unit(self, number: int) -> _Unit:
        return self._units.setdefault(number, _Unit(*self._pace))


def _now() -> float:
    return asyncio.get_running_loop().time()
