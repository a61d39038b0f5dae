"""A central system as the documentation of the package `ocpp` builds it: `ChargePoint` on `websockets.serve`.

    python -m tests.bench.stock_central

Nothing is tuned, and nothing is held against it: no logging, no compression, and handlers that do the least that counts
as using what a station says, as floats kept per station. It runs on the event loop that asyncio gives; another loop
changes its figures by a tenth, because nearly all of its time goes into checking and renaming.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.datatypes import ChargingProfile, ChargingSchedule, ChargingSchedulePeriod, IdTagInfo
from ocpp.v16.enums import (
    Action,
    AuthorizationStatus,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingProfileStatus,
    ChargingRateUnitType,
    RegistrationStatus,
)
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.bench.charge_point import stamp
from tests.bench.child import obey

Handler = TypeVar("Handler", bound=Callable[..., object])
untyped_on: Any = on


def handles(action: Action) -> Callable[[Handler], Handler]:
    """The package's decorator for a handler, with the type that it does not have."""
    return cast("Callable[[Handler], Handler]", untyped_on(action))


class Station(ChargePoint):
    """One station and what it reported last, by measurand and phase."""

    def __init__(self, name: str, connection: ServerConnection) -> None:
        base: Any = super()
        base.__init__(name, connection)
        self.values: dict[tuple[str, str], float] = {}
        self.messages = 0

    @handles(Action.boot_notification)
    def on_boot(self, **_: Any) -> call_result.BootNotification:
        """Welcome it."""
        return call_result.BootNotification(current_time=stamp(), interval=300, status=RegistrationStatus.accepted)

    @handles(Action.status_notification)
    def on_status(self, **_: Any) -> call_result.StatusNotification:
        """Take note."""
        return call_result.StatusNotification()

    @handles(Action.start_transaction)
    def on_start(self, **_: Any) -> call_result.StartTransaction:
        """Let it charge."""
        return call_result.StartTransaction(1, IdTagInfo(status=AuthorizationStatus.accepted))

    @handles(Action.heartbeat)
    def on_heartbeat(self) -> call_result.Heartbeat:
        """Tell the time."""
        return call_result.Heartbeat(current_time=stamp())

    @handles(Action.meter_values)
    def on_meter_values(self, meter_value: list[dict[str, Any]], **_: Any) -> call_result.MeterValues:
        """Keep every value."""
        self.messages += 1
        for bucket in meter_value:
            for sample in bucket["sampled_value"]:
                self.values[sample.get("measurand", ""), sample.get("phase", "")] = float(sample["value"])
        return call_result.MeterValues()


class Central:
    """All stations; every public method is a command."""

    def __init__(self) -> None:
        self.stations: dict[str, Any] = {}

    async def connected(self, connection: ServerConnection) -> None:
        """Serve one station, as the documentation does."""
        assert connection.request is not None
        station: Any = Station(connection.request.path.rpartition("/")[2], connection)
        self.stations[station.id] = station
        with suppress(ConnectionClosed):
            await station.start()

    async def push(self, amps: float) -> Mapping[str, Any]:
        """Set every station to `amps`; returns when the last has accepted."""
        began, cpu = time.perf_counter(), time.process_time()
        answers = await asyncio.gather(*(station.call(_profile(amps)) for station in self.stations.values()))
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        accepted = sum(answer is not None and answer.status == ChargingProfileStatus.accepted for answer in answers)
        return {"wall_s": wall_s, "cpu_s": cpu_s, "accepted": accepted}

    async def usage(self) -> Mapping[str, Any]:
        """Processor time and messages so far."""
        messages = sum(station.messages for station in self.stations.values())
        return {"cpu_s": time.process_time(), "messages": messages}

    async def registers(self) -> Mapping[str, Any]:
        """The energy register that is known of each station."""
        key = ("Energy.Active.Import.Register", "")
        return {"registers": {name: station.values[key] for name, station in self.stations.items()}}


def _profile(amps: float) -> call.SetChargingProfile:
    profile = ChargingProfile(
        charging_profile_id=2,
        stack_level=1,
        charging_profile_purpose=ChargingProfilePurposeType.tx_default_profile,
        charging_profile_kind=ChargingProfileKindType.absolute,
        charging_schedule=ChargingSchedule(
            charging_rate_unit=ChargingRateUnitType.amps,
            charging_schedule_period=[ChargingSchedulePeriod(start_period=0, limit=amps)],
            start_schedule=stamp(),
            duration=960,
        ),
    )
    return call.SetChargingProfile(connector_id=1, cs_charging_profiles=profile)


async def main() -> None:
    """Obey until stdin ends."""
    central = Central()
    async with serve(central.connected, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        async def where() -> Mapping[str, Any]:
            return {"port": port}

        await obey({"where": where, "push": central.push, "usage": central.usage, "registers": central.registers})


if __name__ == "__main__":
    asyncio.run(main())
