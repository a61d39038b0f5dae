"""The input registers of an Eastron SDM630: what flows, as 16-bit words."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ems.domain.phases import PhaseAmps

LAST_REGISTER = 512
MAX_REGISTERS = 80

METER_CODE = 64514
SDM630_CODE = 0x0070


@dataclass(frozen=True, slots=True)
class Shown:
    """What a meter measures: phase voltages, currents with the sign of their power, frequency, energies."""

    volts: PhaseAmps = (230.0, 230.0, 230.0)
    amps: PhaseAmps = (0.0, 0.0, 0.0)
    frequency_hz: float = 50.0
    import_wh: float = 0.0
    export_wh: float = 0.0


def input_registers(shown: Shown) -> tuple[int, ...]:
    """The image of all input registers. Currents carry no sign here: it is that of the power."""
    powers = [v * a for v, a in zip(shown.volts, shown.amps, strict=True)]
    values = dict(zip((0, 2, 4), shown.volts, strict=True))
    values |= dict(zip((6, 8, 10), map(abs, shown.amps), strict=True))
    values |= dict(zip((12, 14, 16), powers, strict=True))
    values |= {30: 1.0, 32: 1.0, 34: 1.0, 62: 1.0, 52: sum(powers), 70: shown.frequency_hz}
    values |= {72: shown.import_wh / 1000.0, 74: shown.export_wh / 1000.0}
    values[342] = values[72] + values[74]
    image = [0] * LAST_REGISTER
    for address, value in values.items():
        image[address : address + 2] = float_words(value)
    return tuple(image)


def holding_register(address: int) -> int | None:
    """A holding register; None where there is none."""
    return SDM630_CODE if address == METER_CODE else 0 if METER_CODE - 2 <= address < METER_CODE else None


def float_words(value: float) -> tuple[int, int]:
    """An IEEE 754 single, high word first."""
    assert math.isfinite(value)
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def words_to_bytes(words: Sequence[int]) -> bytes:
    """Words as they travel."""
    return struct.pack(f">{len(words)}H", *words)
