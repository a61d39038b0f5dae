"""A charging station with one outlet and a vehicle: OCPP 1.6J as a client, on a real socket, written for these tests.

It shares nothing with the code under test. A vehicle draws what it is allowed at once.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

CALL, RESULT = 2, 3
ANSWER_S = 5.0
PATIENCE_S, AGAIN_S = 20.0, 0.1
MIN_A = 6.0
SESSION = "TxProfile"

Payload = dict[str, Any]


class ChargePoint:
    """One station; its transaction and its profiles outlive its links."""

    def __init__(self, name: str, unit: str = "A") -> None:
        self.name, self.unit = name, unit
        self.transaction: int | None = None
        self.register_wh = 1_000_000
        self.told: list[Payload] = []
        self.configuration: dict[str, str] = {}
        self.links = 0
        self._profiles: dict[tuple[str, int], float] = {}
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Payload]] = {}
        self._socket: ClientConnection | None = None

    @property
    def allowed_a(self) -> float:
        """The limit in force, in the station's unit: of the transaction, else the default of the highest level."""
        held = {k: limit for k, limit in self._profiles.items() if self.transaction is not None or k[0] != SESSION}
        highest = max(held, key=lambda k: (k[0] == SESSION, k[1]), default=None)
        return 0.0 if highest is None else held[highest]

    @property
    def limits(self) -> list[float]:
        """Every limit it was told, oldest first."""
        return [profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] for profile in self.told]

    @asynccontextmanager
    async def connected(self, central: str, password: str | None = None, boots: bool = True) -> AsyncIterator[None]:
        """A link; with `boots` the station has just been switched on."""
        async with await self._dialled(central, password) as socket:
            self._socket = socket
            self.links += 1
            reading = asyncio.create_task(self._read(socket))
            try:
                if boots:
                    boot = {"chargePointVendor": "Keba AG", "chargePointModel": "KC-P30", "firmwareVersion": "1.0"}
                    assert (await self.call("BootNotification", boot))["status"] == "Accepted"
                await self.status("Charging" if self.transaction is not None else "Available")
                yield
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _dialled(self, central: str, password: str | None) -> ClientConnection:
        """A socket; like any station it tries again when nobody listens."""
        token = base64.b64encode(f"{self.name}:{password}".encode()).decode()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await connect(
                        f"{central}/{self.name}",
                        subprotocols=[Subprotocol("ocpp1.6")],
                        additional_headers={"Authorization": f"Basic {token}"} if password else {},
                        compression=None,
                        proxy=None,
                    )
                except OSError:
                    await asyncio.sleep(AGAIN_S)

    async def call(self, action: str, payload: Payload) -> Payload:
        """Ask the central system."""
        assert self._socket is not None
        number = f"{self.name}-{next(self._numbers)}"
        answered: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        await self._socket.send(json.dumps([CALL, number, action, payload]))
        async with asyncio.timeout(ANSWER_S):
            return await answered

    async def status(self, status: str) -> None:
        """Say what the outlet does."""
        await self.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status})

    async def start(self, tag: str = "CARD-1") -> int:
        """A driver plugs in and starts; returns the transaction's id."""
        begun = {"connectorId": 1, "idTag": tag, "meterStart": self.register_wh, "timestamp": now()}
        answer = await self.call("StartTransaction", begun)
        self.transaction = int(answer["transactionId"])
        await self.status("Charging")
        return self.transaction

    async def charge(self, energy_wh: int) -> None:
        """So much energy has flowed by now, and the vehicle draws what it is allowed."""
        self.register_wh += energy_wh
        amps = self.allowed_a if self.allowed_a >= MIN_A else 0.0
        currents = [
            {"value": f"{amps:.1f}", "measurand": "Current.Import", "unit": "A", "phase": phase}
            for phase in ("L1", "L2", "L3")
        ]
        energy = {"value": str(self.register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        values = [{"timestamp": now(), "sampledValue": [*currents, energy]}]
        about = {} if self.transaction is None else {"transactionId": self.transaction}
        await self.call("MeterValues", {"connectorId": 1, **about, "meterValue": values})

    async def sign(self, record: str) -> None:
        """The meter signs what it shows."""
        signed = {"value": record, "format": "SignedData", "context": "Sample.Periodic"}
        values = [{"timestamp": now(), "sampledValue": [signed]}]
        await self.call("MeterValues", {"connectorId": 1, "meterValue": values})

    async def stop(self) -> None:
        """The driver ends it; the cable is still plugged in."""
        ended = {"transactionId": self.transaction, "meterStop": self.register_wh, "timestamp": now()}
        self.transaction = None
        await self.call("StopTransaction", ended)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                kind, number, *rest = json.loads(text)
                if kind == CALL:
                    await socket.send(json.dumps([RESULT, number, self._answer(*rest)]))
                elif (waiting := self._waiting.pop(number, None)) is not None and not waiting.done():
                    waiting.set_result(rest[0] if kind == RESULT else {"error": rest})
        except ConnectionClosed:
            return

    def _answer(self, action: str, payload: Payload) -> Payload:
        match action:
            case "SetChargingProfile":
                return {"status": self._take(payload["csChargingProfiles"])}
            case "GetConfiguration":
                asked = payload.get("key", [])
                known = [{"key": key, "readonly": True, "value": self.configuration[key]}
                         for key in asked if key in self.configuration]  # fmt: skip
                return {"configurationKey": known, "unknownKey": [k for k in asked if k not in self.configuration]}
            case "GetCompositeSchedule":
                period = {"startPeriod": 0, "limit": self.allowed_a}
                schedule = {"chargingRateUnit": self.unit, "chargingSchedulePeriod": [period]}
                return {"status": "Accepted", "connectorId": 1, "chargingSchedule": schedule}
            case _:
                return {"status": "Accepted"}

    def _take(self, profile: Payload) -> str:
        self.told.append(profile)
        schedule = profile["chargingSchedule"]
        if schedule["chargingRateUnit"] != self.unit:
            return "Rejected"
        key = (profile["chargingProfilePurpose"], profile["stackLevel"])
        self._profiles[key] = schedule["chargingSchedulePeriod"][0]["limit"]
        return "Accepted"


def now() -> str:
    """The time as messages write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251 - a station has a clock of its own
