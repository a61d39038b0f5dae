"""A charging station with a vehicle, as cheap as one can be: it answers at once, obeys, and reports what flows."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from random import Random  # noqa: TID251 - one seeded world, and scalars are what it needs
from typing import Any

import msgspec

from ems.runtime.clock import SystemClock
from tests.bench.web_socket import WebSocket

VOLTS = 230.0
LAG_S = 2.0
"""From accepting a limit until the vehicle's current has followed."""

BOOT = b'{"chargePointVendor":"Bench","chargePointModel":"One","firmwareVersion":"1.0"}'
PATIENCE_S = 30.0
MIN_A = 6.0

_decoder = msgspec.json.Decoder()


class ChargePoint:
    """One station with one outlet; `phases` are the site phases of its legs, 0 to 2."""

    def __init__(self, name: str, phases: tuple[int, ...], rng: Random) -> None:
        self.name, self.phases = name, phases
        self.legs = len(phases) if rng.random() < 0.7 else 1
        self.max_a = rng.choice((32.0, 32.0, 20.0, 16.0))
        self.limits: dict[str, float] = {}
        self.told_at: deque[tuple[float, float, float]] = deque(maxlen=64)
        self.register_wh = rng.uniform(1e6, 9e6)
        self.answered_wh = 0.0
        self.heard: Counter[str] = Counter()
        self._rng = rng
        self._socket: WebSocket | None = None
        self._transaction = 0
        self._followed: list[tuple[float, float]] = [(-math.inf, 0.0)]
        self._measured_at = time.monotonic()
        self._numbers = 0
        self._waiting: Callable[[Any], None] | None = None
        self._later: deque[tuple[str, bytes, Callable[[Any], None]]] = deque()

    async def plug_in(self, host: str, port: int) -> None:
        """Connect, boot, and start a charge. Raises ConnectionError and TimeoutError."""
        loop = asyncio.get_running_loop()
        _, socket = await loop.create_connection(
            lambda: WebSocket(f"{host}:{port}", f"/ocpp/{self.name}", self._on_text), host, port
        )
        self._socket = socket
        async with asyncio.timeout(PATIENCE_S):
            await socket.opened
            await self.call("BootNotification", BOOT)
            at = stamp().encode()
            await self.call(
                "StatusNotification",
                b'{"connectorId":1,"errorCode":"NoError","status":"Charging","timestamp":"%s"}' % at,
            )
            start = b'{"connectorId":1,"idTag":"BENCH","meterStart":%d,"timestamp":"%s"}' % (self.register_wh, at)
            started = await self.call("StartTransaction", start)
            self._transaction = int(started["transactionId"])

    async def call(self, action: str, payload: bytes) -> Any:
        """Make a request and wait for its answer."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.request(action, payload, lambda answer: None if done.done() else done.set_result(answer))
        return await done

    def request(self, action: str, payload: bytes, done: Callable[[Any], None]) -> None:
        """Make a request, after those before it: one is under way at a time (OCPP-J 1.6, section 4.1.1)."""
        if self._waiting is not None:
            self._later.append((action, payload, done))
            return
        assert self._socket is not None
        self._waiting = done
        self._numbers += 1
        self._socket.say(b'[2,"%d","%s",%s]' % (self._numbers, action.encode(), payload))

    def report(self, done: Callable[[Any], None]) -> None:
        """Send what is measured now: nine samples."""
        self.request("MeterValues", self._meter_values(), done)

    def drawn_a(self, now: float) -> float:
        """Current on each leg in use at `now`."""
        limit = next(amps for at, amps in reversed(self._followed) if at <= now)
        return min(limit, self.max_a) if limit >= MIN_A else 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._socket is not None and self._socket.is_open

    def allowed_a(self) -> float:
        """The limit in force: the transaction's own, else the default."""
        return self.limits.get("TxProfile", self.limits.get("TxDefaultProfile", 0.0))

    def close(self) -> None:
        """Pull the plug of the network."""
        if self._socket is not None:
            self._socket.close()

    def _on_text(self, text: bytes) -> None:
        message = _decoder.decode(text)
        if message[0] == 2:
            answer = self._answer(message[2], message[3])
            assert self._socket is not None
            self._socket.say(b"[3,%s,%s]" % (msgspec.json.encode(message[1]), answer))
            return
        done, self._waiting = self._waiting, None
        if self._later:
            self.request(*self._later.popleft())
        if done is not None:
            done(message[2])

    def _answer(self, action: str, payload: Any) -> bytes:
        self.heard[action] += 1
        if action == "SetChargingProfile":
            self._obey(payload["csChargingProfiles"])
        elif action == "GetConfiguration":
            return b'{"configurationKey":[{"key":"ChargeProfileMaxStackLevel","readonly":true,"value":"10"}]}'
        elif action == "GetCompositeSchedule":
            schedule = b'{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":%.1f}]}'
            return b'{"status":"Accepted","connectorId":1,"chargingSchedule":' + schedule % self.allowed_a() + b"}"
        return b'{"status":"Accepted"}'

    def _obey(self, profile: Any) -> None:
        purpose, before = profile["chargingProfilePurpose"], self.allowed_a()
        if purpose == "TxDefaultProfile" and profile["stackLevel"] == 0:
            self.limits.setdefault(purpose, profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"])
            return
        self.limits[purpose] = profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
        now, after = time.monotonic(), self.allowed_a()
        if after != before:
            self.told_at.append((now, before, after))
            self._followed = [*self._followed[-8:], (now + LAG_S, after)]

    def _meter_values(self) -> bytes:
        now = time.monotonic()
        drawn = self.drawn_a(now)
        amps = [max(0.0, drawn + self._rng.uniform(-0.05, 0.05)) if k < self.legs else 0.0 for k in range(3)]
        watts = VOLTS * sum(amps)
        self.register_wh += watts * (now - self._measured_at) / 3600.0
        self._measured_at, self.answered_wh = now, round(self.register_wh, 3)
        return _METER_VALUES % (
            self._transaction, stamp().encode(), *amps, *(VOLTS + self._rng.uniform(-1, 1) for _ in range(3)), watts,
            self.register_wh, drawn,
        )  # fmt: skip


def _sample(measurand: str, unit: str, phase: str = "") -> str:
    labels = f'"context":"Sample.Periodic","format":"Raw","measurand":"{measurand}","location":"Outlet","unit":"{unit}"'
    return f'{{"value":"%.3f",{labels}' + (f',"phase":"{phase}"}}' if phase else "}")


_METER_VALUES = (
    '{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s","sampledValue":['
    + ",".join(
        [
            *(_sample("Current.Import", "A", phase) for phase in ("L1", "L2", "L3")),
            *(_sample("Voltage", "V", phase) for phase in ("L1-N", "L2-N", "L3-N")),
            _sample("Power.Active.Import", "W"),
            _sample("Energy.Active.Import.Register", "Wh"),
            _sample("Current.Offered", "A"),
        ]
    )
    + "]}]}"
).encode()


_clock = SystemClock()
_stamps: dict[int, str] = {}


def stamp() -> str:
    """The present second as stations write it; written once a second for all of them."""
    now = _clock.now().utc
    second = int(now.timestamp())
    if second not in _stamps:
        _stamps.clear()
        _stamps[second] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _stamps[second]
