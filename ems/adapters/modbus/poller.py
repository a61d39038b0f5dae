"""The service that reads all meters of a site, and tells batteries among them what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ems.adapters.modbus.address import MeterAddress
from ems.adapters.modbus.link import Link
from ems.adapters.modbus.register_map import RegisterMap
from ems.adapters.modbus.setpoint import Setpoint
from ems.adapters.modbus.watch import MeterWatch
from ems.ports.controller import Clock, Sink


class InstalledMeter(NamedTuple):
    """A meter and its model."""

    address: MeterAddress
    model: RegisterMap


class Poller:
    """Reads each meter at its own pace and puts `MeterRead` or `MeterFailed` into the sink, once per period.

    Meters on the same bus or gateway share one link and take turns. A meter that is absent costs the others on its
    bus a time-out now and then, and everybody else nothing. `batteries` by their id: the meter that is the battery
    itself and takes setpoints; it implements `ports.BatteryLink` for them, and lets go of them when it ends. Raises
    ValueError when two meters disagree about the settings of a bus, or share an id, and when a battery is to be told
    something whose model declares no registers for it.
    """

    def __init__(
        self, meters: Sequence[InstalledMeter], clock: Clock, sink: Sink, batteries: Mapping[str, str] | None = None
    ) -> None:
        self._meters = tuple(meters)
        self._clock = clock
        self._sink = sink
        self._batteries = dict(batteries or {})
        self._setpoints: dict[str, Setpoint] = {}
        _check(self._meters, self._batteries)

    def set_power(self, battery: str, watts: float | None) -> None:
        """What a battery is to take (positive) or give, W; None leaves it to its own program. Never waits."""
        setpoint = self._setpoints.get(battery)
        if setpoint is not None:
            setpoint.want(watts)

    @property
    def name(self) -> str:
        """What the log calls it."""
        return "modbus"

    async def run(self) -> None:
        """Poll until cancelled."""
        links = {bus: Link(bus) for bus in dict.fromkeys(meter.address.bus for meter in self._meters)}
        self._setpoints = {
            battery: Setpoint(battery, address, model, links[address.bus], self._clock, self._sink)
            for battery, meter in self._batteries.items()
            for address, model in self._meters
            if address.id == meter
        }
        try:
            async with asyncio.TaskGroup() as group:
                for address, model in self._meters:
                    watch = MeterWatch(address, model, links[address.bus], self._clock, self._sink)
                    group.create_task(watch.run(), name=f"modbus {address.id}")
                for battery, setpoint in self._setpoints.items():
                    group.create_task(setpoint.run(), name=f"modbus setpoint {battery}")
                if not self._meters:
                    await asyncio.Event().wait()
        finally:
            await asyncio.gather(*(setpoint.release() for setpoint in self._setpoints.values()))
            for link in links.values():
                await link.close()


def _check(meters: Sequence[InstalledMeter], batteries: Mapping[str, str]) -> None:
    models = {meter.address.id: meter.model for meter in meters}
    for battery, name in batteries.items():
        if name not in models or models[name].writes is None:
            raise ValueError(
                f"battery {battery}: {name} is no meter whose model declares registers that may be written"
            )
    places: dict[str, MeterAddress] = {}
    ids: set[str] = set()
    for meter in meters:
        address = meter.address
        if address.id in ids:
            raise ValueError(f"meter {address.id} is there twice: give each meter its own id")
        ids.add(address.id)
        first = places.setdefault(address.bus.place, address)
        if first.bus != address.bus:
            raise ValueError(
                f"meters {first.id} and {address.id} share {address.bus.place} but not its settings "
                f"({first.bus}; {address.bus}): one bus has one speed, frame and framing"
            )
