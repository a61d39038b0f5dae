"""What is remembered of an EVSE and of the site, for people who look back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

_NUMBERS = re.compile(r"[0-9]+")


def alike(reason: str, other: str) -> bool:
    """Whether two reasons say the same but for their numbers."""
    return reason == other or _NUMBERS.sub("", reason) == _NUMBERS.sub("", other)


class Offered(NamedTuple):
    """From `at` on an EVSE was offered `amps` per leg, and why in words; it holds until the next one."""

    at: datetime
    amps: float
    binding: str
    text: str


class Drawn(NamedTuple):
    """What a vehicle drew at a moment: ampere on the leg with the most of it, and watt if its station says."""

    at: datetime
    amps: float | None
    power_w: float | None


class Stay(NamedTuple):
    """A vehicle at an EVSE; `unplugged` None: it is still there. `vehicle` None: nobody knew which one it was."""

    session: str
    plugged: datetime
    unplugged: datetime | None
    energy_wh: float
    need_wh: float | None
    departure: datetime | None
    vehicle: str | None
    person: str | None


class EvsePast(NamedTuple):
    """What happened at an EVSE, oldest first; the first offer may lie before the time that was asked for."""

    offered: tuple[Offered, ...]
    drawn: tuple[Drawn, ...]


class QuarterMeans(NamedTuple):
    """Mean power of quarter hours, W, by their begin; and since `open_since` as far as it is known, over `open_s`
    seconds of the quarter hour that runs (None: nothing is known of it).
    """

    means: tuple[tuple[datetime, float], ...]
    open_since: datetime
    open_s: float
    open_w: float | None


class Energies(NamedTuple):
    """Energy of whole quarter hours, Wh, imported where it is positive; None where nothing measures it."""

    grid_wh: float | None
    vehicles_wh: float | None
    pv_wh: float | None
    until: datetime | None
