"""A throw-away central system: enough OCPP-J to talk to a virtual station, written for these tests alone."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

import async_solipsism
import numpy as np
from ocpp.messages import get_validator
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ems.domain.instant import Instant
from ems.sim.profile_stack import Shape
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.virtual_station import VirtualStation

BEGIN = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
THREE = Shape(3, 230.0, 32.0)
PORT = 9000

T = TypeVar("T")


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on a loop whose time jumps to the next timer."""
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(work)


def now() -> Instant:
    """The virtual clocks."""
    t = asyncio.get_running_loop().time()
    return Instant(t, BEGIN + timedelta(seconds=t))


def must_be_valid(kind: int, action: str, payload: dict[str, Any]) -> None:
    """What a station says must satisfy the schemas of OCPP 1.6, of which it knows nothing."""
    exact = json.loads(json.dumps(payload), parse_float=Decimal)
    get_validator(kind, action, "1.6", Decimal).validate(exact)


class Central:
    """Accepts everything; `said` are the station's calls as (action, payload), `seen` with the time of receipt."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.seen: list[tuple[float, str]] = []
        self.connections: list[ServerConnection] = []
        self.credentials: list[str] = []
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {}
        self._waiting: dict[str, asyncio.Future[list[Any]]] = {}
        self._ids, self._transactions = count(1), count(1)

    async def handle(self, connection: ServerConnection) -> None:
        """One station."""
        self.connections.append(connection)
        request = connection.request
        assert request is not None
        token = request.headers.get("Authorization", "").removeprefix("Basic ")
        self.credentials.append(base64.b64decode(token).decode())
        try:
            async for frame in connection:
                content = json.loads(frame)
                if content[0] == 2:
                    must_be_valid(2, content[2], content[3])
                    self.said.append((content[2], content[3]))
                    self.seen.append((asyncio.get_running_loop().time(), content[2]))
                    answer = self._answer(content[2], content[3])
                    if answer is not None:
                        await connection.send(json.dumps([3, content[1], answer]))
                elif (waiting := self._waiting.pop(content[1], None)) is not None:
                    waiting.set_result(content)
        except ConnectionClosed:
            pass

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        if action in self.answers:
            return self.answers[action](payload)
        stamp = now().utc.isoformat()
        if action == "StartTransaction":
            return {"transactionId": next(self._transactions), "idTagInfo": {"status": "Accepted"}}
        usual: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "currentTime": stamp, "interval": 300},
            "Heartbeat": {"currentTime": stamp},
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "StopTransaction": {"idTagInfo": {"status": "Accepted"}},
        }
        return usual.get(action, {})

    async def call(self, action: str, deadline_s: float = 40.0, **payload: Any) -> dict[str, Any]:
        """Call the station; raises TimeoutError, and RuntimeError with the code of a CALLERROR."""
        unique = str(next(self._ids))
        self._waiting[unique] = asyncio.get_running_loop().create_future()
        await self.connections[-1].send(json.dumps([2, unique, action, payload]))
        async with asyncio.timeout(deadline_s):
            answer = await self._waiting[unique]
        if answer[0] == 4:
            raise RuntimeError(answer[2])
        must_be_valid(3, action, answer[2])
        found: dict[str, Any] = answer[2]
        return found

    async def limit(self, amps: float, connector: int = 1, purpose: str = "TxDefaultProfile", **more: Any) -> str:
        """Set a simple limit and return the verdict."""
        start = (now().utc - timedelta(seconds=60)).isoformat()
        phases = {"numberPhases": more.pop("phases")} if "phases" in more else {}
        schedule = {
            "chargingRateUnit": "A",
            "startSchedule": start,
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps, **phases}],
        }
        profile = {
            "chargingProfileId": {"ChargePointMaxProfile": 1, "TxDefaultProfile": 2, "TxProfile": 3}[purpose],
            "stackLevel": 0,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule,
            **more,
        }
        answer = await self.call("SetChargingProfile", connectorId=connector, csChargingProfiles=profile)
        return str(answer["status"])

    def actions(self, *wanted: str) -> list[str]:
        """What was said, in order; only `wanted` if given."""
        return [action for action, _ in self.said if not wanted or action in wanted]

    def last(self, action: str) -> dict[str, Any]:
        """The newest payload of an action."""
        return next(payload for said, payload in reversed(self.said) if said == action)

    def statuses(self, connector: int = 1) -> list[str]:
        """The statuses of a connector, in order."""
        said = [payload for action, payload in self.said if action == "StatusNotification"]
        return [payload["status"] for payload in said if payload["connectorId"] == connector]


@asynccontextmanager
async def talking(
    setup: StationSetup | None = None, station_id: str = "CP-1", **address: Any
) -> AsyncIterator[tuple[Central, VirtualStation]]:
    """A central system and a station that step each second; the station has booted."""
    central = Central()
    station = VirtualStation(
        Address(f"ws://127.0.0.1:{PORT}/ocpp", station_id, **address),
        setup or StationSetup((Outlet(1, THREE), Outlet(2, THREE))),
        np.random.default_rng(1),
        now(),
    )

    async def steps() -> None:
        while True:
            station.step(now())
            await asyncio.sleep(1.0)

    async with serve(central.handle, "127.0.0.1", PORT, subprotocols=[Subprotocol("ocpp1.6")]):
        tasks = [asyncio.create_task(station.run()), asyncio.create_task(steps())]
        try:
            await asyncio.sleep(2.5)
            yield central, station
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
