"""Whether the values of a meter can be true together, in the meter's own conductors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ems.adapters.modbus.decode import HERTZ

VOLTAGE = (0.8, 1.15)
"""Share of the nominal voltage within which a grid lives (EN 50160 allows 0.85 to 1.1)."""
CURRENT_FACTOR = 2.0
"""A conductor may carry this multiple of what it is rated for, for the time until its fuse acts."""
ABSURD_A = 10_000.0
"""No low-voltage conductor that one meter measures carries more."""
ABSURD_W = 10e6
SUM_SHARE = 0.05
SUM_SLACK_W = 50.0
APPARENT_SHARE = 1.05
APPARENT_SLACK_W = 30.0
"""Several makes round power to 10 W and current to 10 mA or worse."""


class Conductor(NamedTuple):
    """What a meter says of one of its conductors; None for what it does not measure."""

    amps: float
    volts: float | None
    watts: float | None


def doubts(
    conductors: Sequence[Conductor], watts: float | None, hertz: float | None, nominal_v: float
) -> Iterator[tuple[str, str]]:
    """What cannot be true: the name of the value, and why not. `watts` is the total that the meter itself states."""
    low, high = (share * nominal_v for share in VOLTAGE)
    for number, conductor in enumerate(conductors, 1):
        if conductor.volts is not None and not low <= conductor.volts <= high:
            yield f"voltage_l{number}", f"is {conductor.volts:.6g} V, expected {low:.0f} to {high:.0f} V"
        if abs(conductor.amps) > ABSURD_A:
            yield f"current_l{number}", f"is {conductor.amps:.6g} A, which no conductor carries"
        if conductor.watts is not None and abs(conductor.watts) > ABSURD_W:
            yield f"power_l{number}", f"is {conductor.watts:.6g} W, which no conductor carries"
        if conductor.volts is not None and conductor.watts is not None:
            most = APPARENT_SHARE * abs(conductor.volts * conductor.amps) + APPARENT_SLACK_W
            if abs(conductor.watts) > most:
                carried = f"{conductor.volts:.6g} V and {conductor.amps:.6g} A"
                yield f"power_l{number}", f"is {conductor.watts:.6g} W, more than {carried} can carry"
    if hertz is not None and not HERTZ[0] <= hertz <= HERTZ[1]:
        yield "frequency", f"is {hertz:.6g} Hz, expected {HERTZ[0]:.0f} to {HERTZ[1]:.0f} Hz"
    if watts is not None and abs(watts) > len(conductors) * ABSURD_W:
        yield "power", f"is {watts:.6g} W, which no low-voltage connection carries"
    powers = [conductor.watts for conductor in conductors if conductor.watts is not None]
    if watts is not None and powers and len(powers) == len(conductors):
        slack = SUM_SHARE * sum(abs(power) for power in powers) + SUM_SLACK_W
        if abs(sum(powers) - watts) > slack:
            yield "power", f"is {watts:.6g} W, but the phases add up to {sum(powers):.6g} W"


def overcurrent(amps: Sequence[float], rated_a: float | None) -> Iterator[tuple[str, str]]:
    """Currents (primary side) that a conductor rated for `rated_a` cannot carry; none when its rating is unknown."""
    for number, current in enumerate(amps, 1):
        if rated_a is not None and abs(current) > CURRENT_FACTOR * rated_a:
            most = f"{CURRENT_FACTOR:g} times the {rated_a:g} A it is rated for"
            yield f"current_l{number}", f"is {abs(current):.6g} A, more than {most}"
