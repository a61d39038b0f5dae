"""The service that reads all meters of a site."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from ems.adapters.modbus.address import MeterAddress
from ems.adapters.modbus.link import Link
from ems.adapters.modbus.register_map import RegisterMap
from ems.adapters.modbus.watch import MeterWatch
from ems.ports import Clock, Sink


class InstalledMeter(NamedTuple):
    """A meter and its model."""

    address: MeterAddress
    model: RegisterMap


class Poller:
    """Reads each meter at its own pace and puts `MeterRead` or `MeterFailed` into the sink, once per period.

    Meters on the same bus or gateway share one link and take turns. A meter that is absent costs the others on its
    bus a time-out now and then, and everybody else nothing. Raises ValueError when two meters disagree about the
    settings of a bus, or share an id.
    """

    def __init__(self, meters: Sequence[InstalledMeter], clock: Clock, sink: Sink) -> None:
        self._meters = tuple(meters)
        self._clock = clock
        self._sink = sink
        _check(self._meters)

    @property
    def name(self) -> str:
        """What the log calls it."""
        return "modbus"

    async def run(self) -> None:
        """Poll until cancelled."""
        links = {bus: Link(bus) for bus in dict.fromkeys(meter.address.bus for meter in self._meters)}
        try:
            async with asyncio.TaskGroup() as group:
                for address, model in self._meters:
                    watch = MeterWatch(address, model, links[address.bus], self._clock, self._sink)
                    group.create_task(watch.run(), name=f"modbus {address.id}")
                if not self._meters:
                    await asyncio.Event().wait()
        finally:
            for link in links.values():
                await link.close()


def _check(meters: Sequence[InstalledMeter]) -> None:
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
