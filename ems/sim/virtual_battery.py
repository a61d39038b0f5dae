"""A stationary battery that is not there: cells, inverter and the registers of a Kostal PLENTICORE.

It follows a setpoint that is written again within `HOLDS_S`, and its own program otherwise. The registers are written
out here from the maker's list, so that nothing is shared with the model file that reads them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum

from ems.domain.battery import Battery
from ems.domain.phases import Phase, PhaseAmps

HOLDS_S = 30.0
SLEW_W_PER_S = 10_000.0
READ, WRITE = 3, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, DEVICE_FAILURE = 1, 2, 4
SETPOINT, GATE, SOC, STORED_W = 1034, 1080, 514, 582
OFF_A = 0.2
"""Beside power an inverter carries a little reactive current."""


class BatteryFault(StrEnum):
    """How a battery fails. WRONG_SOC shows one that cannot be, STOPS: it neither takes nor gives anything. HOLDS_LESS
    confirms every setpoint and holds the half of it.
    """

    STOPS = "battery-stops"
    REFUSES = "battery-refuses"
    HOLDS_LESS = "battery-holds-less"
    WRONG_SOC = "battery-wrong-soc"


@dataclass(slots=True)
class VirtualBattery:
    """`model` says what it can; `soc` and `power_w` (charging positive) what is. `own_w` is what its program wants."""

    model: Battery
    voltage_v: float = 230.0
    soc: float = 0.5
    power_w: float = 0.0
    own_w: float = 0.0
    faults: set[BatteryFault] = field(default_factory=set)
    told_w: float | None = None
    writes: int = 0
    _left_s: float = 0.0
    _words: tuple[int, int] = (0, 0)

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self._left_s -= seconds
        if self._left_s <= 0.0:
            self.told_w = None
        wanted = self.own_w if self.told_w is None else self.told_w
        wanted = min(max(wanted, -self.model.discharge_w), self.model.charge_w)
        if (wanted > 0.0 and self.soc >= 1.0) or (wanted < 0.0 and self.soc <= 0.0):
            wanted = 0.0
        if BatteryFault.STOPS in self.faults:
            # An inverter that trips does so at once.
            wanted = self.power_w = 0.0
        most = SLEW_W_PER_S * seconds
        self.power_w += min(max(wanted - self.power_w, -most), most)
        kept = self.power_w * self.model.efficiency if self.power_w > 0.0 else self.power_w / self.model.efficiency
        self.soc = min(1.0, max(0.0, self.soc + kept * seconds / 3600.0 / self.model.capacity_wh))

    @property
    def amps(self) -> PhaseAmps:
        """What flows, per phase of the site."""
        return self.model.amps(self.power_w, self.voltage_v)

    def answer(self, request: bytes) -> bytes:
        """The PDU that answers a PDU."""
        function = request[0]
        if function == READ and len(request) == 5:
            return self._read(*struct.unpack(">HH", request[1:]))
        if function == WRITE and len(request) >= 6:
            address, count = struct.unpack(">HH", request[1:5])
            if BatteryFault.REFUSES in self.faults:
                return bytes((function | 0x80, DEVICE_FAILURE))
            if (address, count) != (SETPOINT, 2) or len(request) != 6 + 2 * count:
                return bytes((function | 0x80, ILLEGAL_ADDRESS))
            low, high = struct.unpack(">HH", request[6:])
            # The maker counts discharge as positive.
            given_w = struct.unpack(">f", struct.pack(">HH", high, low))[0]
            if BatteryFault.HOLDS_LESS in self.faults:
                given_w /= 2.0
                high, low = struct.unpack(">HH", struct.pack(">f", given_w))
            self._words, self.told_w = (low, high), -given_w
            self._left_s, self.writes = HOLDS_S, self.writes + 1
            return bytes((function,)) + request[1:5]
        return bytes((function | 0x80, ILLEGAL_FUNCTION))

    def _read(self, address: int, count: int) -> bytes:
        image = self._image()
        words = [image.get(address + offset) for offset in range(count)]
        if None in words or not 1 <= count <= 125:
            return bytes((READ | 0x80, ILLEGAL_ADDRESS))
        return bytes((READ, 2 * count)) + struct.pack(f">{count}H", *words)

    def _image(self) -> dict[int, int]:
        image = {SETPOINT: self._words[0], SETPOINT + 1: self._words[1], GATE: 2}
        amps, values = self.amps, {152: 50.0, 172: -self.power_w}
        for phase in Phase:
            watts = amps[phase] * self.voltage_v
            values |= {
                154 + 6 * phase: abs(amps[phase]) + OFF_A,
                156 + 6 * phase: -watts,
                158 + 6 * phase: self.voltage_v,
            }
        for place, value in values.items():
            high, low = struct.unpack(">HH", struct.pack(">f", value))
            image |= {place: low, place + 1: high}
        image[SOC] = 250 if BatteryFault.WRONG_SOC in self.faults else round(100.0 * self.soc)
        image[STORED_W] = round(-self.power_w) & 0xFFFF
        return image
