"""The central system: accepts stations, keeps one live link for each, and passes orders to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection, serve
from websockets.protocol import State

from ems.adapters.ocpp.connection import Connection, Dialect
from ems.adapters.ocpp.handshake import Access, Doorkeeper, offered_subprotocols, select_subprotocol
from ems.adapters.ocpp.notice import Notices
from ems.adapters.ocpp.socket import StationSocket
from ems.adapters.ocpp.timeline import Timeline
from ems.domain.events import StationGone
from ems.domain.order import LimitOrder
from ems.domain.record.history import Knock
from ems.domain.remote.outcome import Activity, Outcome, Spoken, Verdict
from ems.domain.remote.request import StationRequest
from ems.domain.system_status import StationAnswer
from ems.ports.controller import Clock, Sink

log = logging.getLogger(__name__)

MAX_FRAME = 512 * 1024
"""A StopTransaction may carry the samples of a whole night."""

MAX_QUEUE = 16
OPEN_S = 10.0
CHALLENGE_S = 2.0
FLAP_S = 2.0
"""A station that replaces its link more often than this waits: two devices with one id must not shut each other out
so fast that neither gets a word in."""


class StationDialect(Dialect, Protocol):
    """What a version must offer for one station."""

    async def set_up(self, connection: Connection) -> None:
        """Make the station ready after it connected; reports `StationConnected` when limits may be sent."""
        ...

    def limit(self, connection: Connection, order: LimitOrder) -> None:
        """Queue a limit."""
        ...

    def read_back(self, connection: Connection, evse: int) -> None:
        """Queue a request for the composite schedule."""
        ...

    def stop(self, connection: Connection, evse: int) -> None:
        """Queue the end of a transaction."""
        ...

    def objection(self, request: StationRequest) -> str | None:
        """Why a request would act against the controller; None when nothing speaks against it."""
        ...

    def ask(
        self, connection: Connection, request: StationRequest, late: Callable[[Outcome], None]
    ) -> Coroutine[Any, Any, Outcome]:
        """Make a request of somebody and wait for its answer."""
        ...

    @property
    def activity(self) -> Activity:
        """What the station says about its own work."""
        ...


DialectOf = Callable[[str], StationDialect]
"""Station id to its dialect; the same object for every link of that station, so that it remembers transactions."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where stations connect; port 0 takes a free one."""

    host: str
    port: int


class CentralSystem:
    """A `Service` and the `StationLink` of all stations. `versions` maps a lower-case subprotocol to its dialects."""

    name = "central-system"

    def __init__(
        self, listen: Listen, access: Access, versions: Mapping[str, DialectOf], clock: Clock, sink: Sink
    ) -> None:
        self.port = listen.port
        self.listening = asyncio.Event()
        self._listen = listen
        self._doorkeeper = Doorkeeper(access, clock)
        self._versions = versions
        self._clock = clock
        self._sink = sink
        self._notices = Notices(clock, log)
        self._links: dict[str, tuple[Connection, StationDialect]] = {}
        self._generations: dict[str, int] = {}
        self._taken_at: dict[str, float] = {}
        self._timelines: dict[str, Timeline] = {}
        self._known: dict[str, StationDialect] = {}

    async def run(self) -> None:
        """Listen until cancelled; then end every link."""
        async with serve(
            self._serve,
            self._listen.host,
            self._listen.port,
            process_request=self._doorkeeper.process_request,
            subprotocols=None,
            select_subprotocol=select_subprotocol(self._versions),
            create_connection=StationSocket,
            compression=None,
            open_timeout=OPEN_S,
            ping_interval=None,
            close_timeout=2.0,
            max_size=MAX_FRAME,
            max_queue=MAX_QUEUE,
            server_header=None,
            logger=_quiet(logging.getLogger("ems.websockets")),
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            log.info("central-system.listening host=%s port=%d", self._listen.host, self.port)
            self.listening.set()
            await asyncio.get_running_loop().create_future()

    def limit(self, order: LimitOrder) -> None:
        """Pass a limit to its station; without a link it is dropped, and comes again after the next connect."""
        station, _, _ = order.evse.rpartition("/")
        link = self._links.get(station)
        if link is not None:
            link[1].limit(link[0], order)

    def read_back(self, evse: str) -> None:
        """Ask for the composite schedule of an EVSE."""
        station, _, number = evse.rpartition("/")
        link = self._links.get(station)
        if link is not None:
            link[1].read_back(link[0], int(number))

    def stop(self, evse: str) -> None:
        """End the transaction of an EVSE."""
        station, _, number = evse.rpartition("/")
        link = self._links.get(station)
        if link is not None:
            link[1].stop(link[0], int(number))

    def objection(self, station: str, request: StationRequest) -> str | None:
        """Why a request would act against the controller; None when nothing speaks against it, as far as is known."""
        dialect = self._known.get(station)
        return None if dialect is None else dialect.objection(request)

    async def ask(self, station: str, request: StationRequest, late: Callable[[Outcome], None]) -> Outcome:
        """Make a request of a station and wait for its answer."""
        link = self._links.get(station)
        if link is None:
            return Outcome(Verdict.OFFLINE, "the station is not connected")
        return await link[1].ask(link[0], request, late)

    def messages(self, station: str) -> Sequence[Spoken]:
        """The last frames on the line to a station, oldest first."""
        timeline = self._timelines.get(station)
        return () if timeline is None else timeline.read()

    def answers(self) -> Iterator[StationAnswer]:
        """How quickly each station that is connected answered last, by name."""
        now = asyncio.get_running_loop().time()
        for station, (connection, _) in sorted(self._links.items()):
            last = connection.queue.last
            if last is not None:
                yield StationAnswer(station, last.action, last.took_s, now - last.at)

    def activity(self, station: str) -> Activity:
        """What a station says about its own work."""
        dialect = self._known.get(station)
        return Activity() if dialect is None else dialect.activity

    def called_as(self, station: str) -> str | None:
        """The name or address by which a connected station reaches this machine."""
        link = self._links.get(station)
        return None if link is None else link[0].called_as

    def admit(self, access: Access) -> None:
        """Go on with other stations or passwords; links that are open stay open."""
        self._doorkeeper.admit(access)

    async def keep_out(self, station: str, seconds: float) -> None:
        """End the link of a station, and let it in again only after so long; 0 lets it in again at once."""
        self._doorkeeper.keep_out(station, self._clock.now().monotonic_s + seconds if seconds else 0.0)
        link = self._links.get(station)
        if seconds and link is not None:
            await link[0].close(1001, "a test of the fallback")

    def knocks(self) -> Sequence[Knock]:
        """Stations that were refused, newest first."""
        return self._doorkeeper.knocks()

    def connections(self) -> Mapping[str, Connection]:
        """The live link of every connected station."""
        return {station: connection for station, (connection, _) in self._links.items()}

    async def _serve(self, socket: ServerConnection) -> None:
        assert isinstance(socket, StationSocket)
        station = socket.username
        assert socket.request is not None
        offered = offered_subprotocols(socket.request.headers)
        version = (socket.subprotocol or "").lower() or ("ocpp1.6" if not offered else "")
        dialect_of = self._versions.get(version)
        if dialect_of is None:
            address = str((socket.remote_address or ("unknown",))[0])
            wanted = ", ".join(name[:24] for name in offered[:4])
            self._doorkeeper.turn_away(station, address, f"speaks {wanted}, not {', '.join(self._versions)}")
            await socket.close(1002, "no common subprotocol")
            return
        if not await self._may_take_over(socket, station):
            await socket.close(1008, "another connection of this station is alive")
            return
        self._doorkeeper.forget(station)
        generation = self._generations[station] = self._generations.get(station, 0) + 1
        dialect = dialect_of(station)
        timeline = self._timelines.setdefault(station, Timeline())
        connection = Connection(socket, station, generation, self._clock, timeline)
        self._links[station] = (connection, dialect)
        self._known[station] = dialect
        timeline.link(self._clock.now().utc, f"connected, {version}")
        log.info("station.link id=%r generation=%d version=%s", station, generation, version)
        try:
            await connection.run(dialect, lambda: dialect.set_up(connection))
        finally:
            if self._links.get(station, (None, None))[0] is connection:
                del self._links[station]
            timeline.link(self._clock.now().utc, "disconnected")
            self._sink(StationGone(station, self._clock.now(), generation))
            log.info("station.gone id=%r generation=%d", station, generation)

    async def _may_take_over(self, socket: ServerConnection, station: str) -> bool:
        """The newest link wins, with proof: the old one must be dead, or the newcomer must have shown the password."""
        while (link := self._links.get(station)) is not None:
            old = link[0]
            taken = self._taken_at.get(station, -FLAP_S)
            wait = taken + FLAP_S - self._clock.now().monotonic_s
            if wait > 0:
                await asyncio.sleep(wait)
            alive = await old.answers_ping(CHALLENGE_S)
            if socket.state is not State.OPEN:
                return False
            if alive:
                proven = station in self._doorkeeper.access.locked
                self._notices.warn("station.duplicate id=%r kept=%s", station, "new" if proven else "old")
                if not proven:
                    return False
            self._taken_at[station] = self._clock.now().monotonic_s
            if self._links.get(station) is link:
                del self._links[station]
                await old.close(1008, "replaced by a newer connection")
        return True


def _quiet(logger: logging.Logger) -> logging.Logger:
    """At DEBUG `websockets` writes whole requests, passwords included."""
    logger.setLevel(max(logging.INFO, logger.level))
    return logger
