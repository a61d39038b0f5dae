"""OCPP 1.6 with one station: what it says, what it is told, and its set-up, over all its links."""

from __future__ import annotations

from collections.abc import Awaitable

from ems.adapters.ocpp import frame
from ems.adapters.ocpp.connection import Connection
from ems.adapters.ocpp.v16.incoming import PROMPT, Incoming
from ems.adapters.ocpp.v16.limits import Limits
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.requests import Late, Requests
from ems.adapters.ocpp.v16.set_up import SetUp
from ems.domain.instant import Instant
from ems.domain.order import LimitOrder
from ems.domain.remote.outcome import Activity, Outcome
from ems.domain.remote.request import StationRequest

SUBPROTOCOL = "ocpp1.6"


class Station16:
    """The `StationDialect` of OCPP 1.6."""

    version = "v16"
    prompt = PROMPT

    def __init__(self, record: StationRecord) -> None:
        self.record = record
        self._incoming = Incoming(record)
        self._limits = Limits(record)
        self._requests = Requests(record)
        self._set_up = SetUp(record, self._incoming)

    @property
    def heartbeat_s(self) -> float:
        """How often the station is told to say that it is there."""
        return self.record.heartbeat_s

    def handle(self, call: frame.Call, now: Instant) -> bytes | Awaitable[bytes | None] | None:
        """The frame that answers a request, heard `now`."""
        return self._incoming.handle(call, now)

    async def set_up(self, connection: Connection) -> None:
        """Make the station ready and watch over it while it is connected."""
        await self._set_up.run(connection)

    def limit(self, connection: Connection, order: LimitOrder) -> None:
        """Queue a limit."""
        self._limits.limit(connection, order)

    def read_back(self, connection: Connection, evse: int) -> None:
        """Queue a request for what is in force."""
        self._limits.read_back(connection, evse)

    def stop(self, connection: Connection, evse: int) -> None:
        """Queue the end of a transaction."""
        self._limits.stop(connection, evse)

    def objection(self, request: StationRequest) -> str | None:
        """Why a request would act against the controller; None when nothing speaks against it."""
        return self._requests.objection(request)

    async def ask(self, connection: Connection, request: StationRequest, late: Late) -> Outcome:
        """Make a request of somebody and wait for its answer."""
        return await self._requests.ask(connection, request, late)

    @property
    def activity(self) -> Activity:
        """What the station says about its own work."""
        return self.record.activity
