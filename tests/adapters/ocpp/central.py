"""A central system on virtual sockets, and a charge point that says whatever a test wants."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

import async_solipsism
from ocpp.messages import get_validator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol

from ems.adapters.ocpp.handshake import Access
from ems.adapters.ocpp.server import CentralSystem, Listen
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.station import SUBPROTOCOL, Station16
from ems.adapters.ocpp.v16.transactions import Book
from ems.domain.events import Event, StationConnected
from ems.domain.grant import Layer
from ems.domain.instant import Instant
from ems.domain.order import LimitOrder
from ems.domain.phases import Wiring
from ems.domain.session import Transaction
from ems.domain.station import Evse, Station
from ems.domain.station_model import StationModel
from ems.ports.controller import Authority

PORT = 9000
BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
T = TypeVar("T")
P = ParamSpec("P")


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a loop without an outside world: time jumps, sockets are memory, seeds replay. Whatever breaks
    in the loop without anybody waiting for it fails the test.
    """
    broken: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: broken.append(context))
        result = runner.run(test())
    assert not broken, broken
    return result


def virtual(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a test of a coroutine, in virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return in_virtual_time(lambda: test(*args, **kwargs))

    return run


@dataclass(frozen=True)
class LoopClock:
    """Both clocks driven by the loop, which starts at `born`."""

    born: datetime = BORN

    def now(self) -> Instant:
        t = asyncio.get_running_loop().time()
        return Instant(t, self.born + timedelta(seconds=t))


class MemoryLedger:
    """Transactions in memory; `stuck` is a disk that never answers, `broken` one that fails."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Transaction]] = []
        self.ended: list[tuple[str, int, float | None, bool]] = []
        self.ended_at: list[datetime] = []
        self.adopted: list[tuple[str, Transaction]] = []
        self.stuck = False
        self.broken: Exception | None = None
        self._next = 100
        self._known: dict[object, int] = {}

    def has_ended(self, transaction: int) -> bool:
        return any(ended[1] == transaction for ended in self.ended)

    def inferred_end(self, transaction: int) -> tuple[str, Transaction] | None:
        told = [ended for ended in self.ended if ended[1] == transaction]
        if not told or not told[-1][3]:
            return None
        return next((begun for begun in (*self.started, *self.adopted) if begun[1].id == transaction), None)

    def next_transaction_id(self) -> int:
        self._next += 1
        return self._next

    def transaction_id(self, evse: str, announced: datetime | None, meter_start_wh: float, id_tag: str | None) -> int:
        key = (evse, announced, meter_start_wh, id_tag)
        if key not in self._known:
            self._known[key] = self.next_transaction_id()
        return self._known[key]

    def open_transactions(self) -> list[tuple[str, Transaction]]:
        return []

    async def transaction_started(self, evse: str, transaction: Transaction) -> None:
        await self._write()
        self.started.append((evse, transaction))

    def transaction_adopted(self, evse: str, transaction: Transaction) -> None:
        self.adopted.append((evse, transaction))

    async def transaction_ended(
        self, evse: str, transaction: int, ended: datetime, energy_wh: float | None, reason: str, inferred: bool
    ) -> None:
        await self._write()
        self.ended.append((evse, transaction, energy_wh, inferred))
        self.ended_at.append(ended)

    async def _write(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self.stuck:
            await asyncio.sleep(3600)


@dataclass
class Site:
    """One central system with the stations of a test."""

    system: CentralSystem
    events: list[Event]
    ledger: MemoryLedger
    records: dict[str, StationRecord]
    task: asyncio.Task[None]

    async def stop(self) -> None:
        """End the central system."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def is_connected(self, station: str, generation: int | None = None) -> bool:
        link = self.system.connections().get(station)
        return link is not None and generation in (None, link.generation)


@asynccontextmanager
async def central(
    *stations: str,
    outlets: int = 1,
    model: StationModel | None = None,
    passwords: dict[str, bytes] | None = None,
    phases: str = "L1 L2 L3",
    recognise: Callable[[str, str], StationModel | None] | None = None,
    born: datetime = BORN,
    port: int = PORT,
    authority: Authority | None = None,
) -> AsyncIterator[Site]:
    """A running central system that knows `stations`."""
    events: list[Event] = []
    ledger, clock, locked = MemoryLedger(), LoopClock(born), passwords or {}
    model = model or StationModel()

    async def verify(station: str, password: bytes) -> bool:
        return locked[station] == password

    records = {}
    owners: dict[int, str] = {}
    for name in stations:
        evses = tuple(Evse(name, n + 1, "grid", Wiring.parse(phases), 32, 6) for n in range(outlets))
        records[name] = StationRecord(
            Station(name, evses, model), 230.0, UTC, clock, events.append, ledger, recognise,
            Book(ledger.transaction_id, ledger.has_ended, owners), authority,
        )  # fmt: skip
    dialects = {name: Station16(record) for name, record in records.items()}
    system = CentralSystem(
        Listen("127.0.0.1", port),
        Access(frozenset(stations), frozenset(locked), verify),
        {SUBPROTOCOL: dialects.__getitem__},
        clock,
        events.append,
    )
    site = Site(system, events, ledger, records, asyncio.create_task(system.run()))
    await system.listening.wait()
    try:
        yield site
    finally:
        await site.stop()


Answer = dict[str, Any] | str | bytes | None
"""What a charge point answers to a call: a payload, an error code, a whole frame with `@id` for the message id as JSON,
or nothing at all.
"""


def obedient(_action: str, _payload: dict[str, Any]) -> Answer:
    """Accepts whatever it is told."""
    return {"status": "Accepted"}


@dataclass
class ChargePoint:
    """A client that records what it is told and answers as the test says.

    `told` is what it was asked to do, `told_at` when; `heard` every answer to its own requests. Whatever it is asked to
    do must be valid by the schemas of the package `ocpp`, as that package checks them.
    """

    socket: ClientConnection
    answer: Callable[[str, dict[str, Any]], Answer | Awaitable[Answer]] = obedient
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)
    heard: list[Any] = field(default_factory=list)
    _expected: dict[str | int, asyncio.Future[list[Any]]] = field(default_factory=dict)
    _number: int = 0

    @property
    def is_open(self) -> bool:
        return self.socket.state is State.OPEN

    async def call(self, action: str, payload: object) -> list[Any]:
        """Send a request and wait for its answer."""
        self._number += 1
        return await self.raw(json.dumps([2, f"m{self._number}", action, payload]), f"m{self._number}")

    async def raw(self, text: str | bytes, expect: str | int | None = None) -> list[Any]:
        """Send a text frame as it is; wait for the answer to message id `expect`."""
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        if expect is not None:
            self._expected[expect] = answer
        await self.socket.send(text, text=True)
        if expect is None:
            return []
        async with asyncio.timeout(30):
            return await answer

    async def serve(self) -> None:
        """Read until the socket closes; each request is answered in its own time, whatever else goes on."""
        async with asyncio.TaskGroup() as answering:
            with suppress(ConnectionClosed):
                async for text in self.socket:
                    message = json.loads(text)
                    if message[0] == 2:
                        check_call(message[2], message[3])
                        self.told.append((message[2], message[3]))
                        self.told_at.append(asyncio.get_running_loop().time())
                        answering.create_task(self._reply(*message[1:]))
                    else:
                        self.heard.append(message)
                        if message[1] in self._expected:
                            self._expected.pop(message[1]).set_result(message)

    async def _reply(self, identity: str, action: str, payload: dict[str, Any]) -> None:
        answer = self.answer(action, payload)
        if not isinstance(answer, dict | str | bytes | None):
            answer = await answer
        if isinstance(answer, bytes):
            frame = answer.replace(b"@id", json.dumps(identity).encode())
        elif isinstance(answer, str):
            frame = json.dumps([4, identity, answer, "", {}]).encode()
        elif answer is not None:
            frame = json.dumps([3, identity, answer]).encode()
        else:
            return
        with suppress(ConnectionClosed):
            await self.socket.send(frame, text=True)

    def told_of(self, action: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.told if name == action]


@asynccontextmanager
async def charge_point(
    name: str,
    answer: Callable[[str, dict[str, Any]], Answer | Awaitable[Answer]] = obedient,
    password: bytes | None = None,
    username: str | None = None,
    protocols: tuple[str, ...] = ("ocpp1.6",),
    headers: dict[str, str] | None = None,
) -> AsyncIterator[ChargePoint]:
    """A connected charge point; `name` is put into the path as it is."""
    extra = dict(headers or {})
    if password is not None:
        token = base64.b64encode((username or name).encode() + b":" + password).decode()
        extra["Authorization"] = f"Basic {token}"
    async with connect(
        f"ws://127.0.0.1:{PORT}/ocpp/{name}",
        subprotocols=[Subprotocol(p) for p in protocols] or None,
        additional_headers=extra,
        compression=None,
        ping_interval=None,
        proxy=None,
        max_size=None,
    ) as socket:
        point = ChargePoint(socket, answer)
        reader = asyncio.create_task(point.serve())
        try:
            yield point
        finally:
            reader.cancel()
            (outcome,) = await asyncio.gather(reader, return_exceptions=True)
            if isinstance(outcome, Exception):
                raise outcome


def without_pongs(socket: ClientConnection) -> None:
    """Make a client answer no ping; otherwise it goes on as it was."""
    _send_only(socket, lambda frame: frame.opcode is not Opcode.PONG)


def without_network(socket: ClientConnection) -> None:
    """Let nothing that a client says arrive any more, as when the network went away without a word."""
    _send_only(socket, lambda _: False)


def _send_only(socket: ClientConnection, passes: Callable[[Frame], bool]) -> None:
    send = socket.protocol.send_frame

    def sieve(frame: Frame) -> None:
        if passes(frame):
            send(frame)

    socket.protocol.send_frame = sieve  # type: ignore[method-assign]  # there is no other way in


async def connected(site: Site, count: int = 1) -> None:
    """Wait until stations have become ready for limits so many times."""
    for _ in range(600):
        if len(site.of(StationConnected)) >= count:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError


def check_call(action: str, payload: object) -> None:
    """Raise unless a request is valid by the package's own reading of the standard."""
    exact = json.loads(json.dumps(payload), parse_float=Decimal)
    get_validator(2, action, "1.6", parse_float=Decimal).validate(exact)


def check_answer(action: str, payload: object) -> None:
    """Raise unless an answer is valid by the package's own reading of the standard."""
    get_validator(3, action, "1.6").validate(payload)


def order(
    layer: Layer,
    amps: float,
    evse: str = "CP/1",
    *,
    lease_s: float = 900.0,
    transaction: int = 77,
    legs: int | None = None,
    reduces: bool = True,
    phases: int = 0,
) -> LimitOrder:
    """An order as the core makes it: a floor never ends, a session limit names its transaction."""
    lease = math.inf if layer is Layer.FLOOR else lease_s
    named = transaction if layer is Layer.SESSION else None
    return LimitOrder(evse, layer, amps, lease, 6, reduces, legs, named, phases)


BOOT = {"chargePointVendor": "Acme", "chargePointModel": "One", "firmwareVersion": "1.0"}
