"""A vehicle: how it is recognised, what it can take, what it is promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import NamedTuple

from ems.domain.station import Evse
from ems.domain.units import PILOT_MIN_A, finite, not_negative

MAX_ID = 64
MAX_TAGS = 20
MAX_LEGS = 3
MAX_BATTERY_WH = 5e6
"""More than any road vehicle, ship or mobile store holds; who writes more has mixed up Wh and kWh."""


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A promise to a vehicle, kept before others get more than what is promised to them: at least `energy_wh` of each
    session by the time of day `by` (None: by its departure), and, if `minimum_always`, never below its minimum current.
    """

    energy_wh: float = 0.0
    by: time | None = None
    minimum_always: bool = False

    def __post_init__(self) -> None:
        not_negative("the guaranteed energy", self.energy_wh)

    @property
    def in_words(self) -> str:
        """'at least 20 kWh by 05:10, never below its minimum current'; 'nothing' where it promises nothing."""
        by = "" if self.by is None else f" by {self.by:%H:%M}"
        parts = (
            f"at least {self.energy_wh / 1000.0:g} kWh{by}" if self.energy_wh > 0.0 else "",
            "never below its minimum current" if self.minimum_always else "",
        )
        return ", ".join(part for part in parts if part) or "nothing"


class StateOfCharge(NamedTuple):
    """What somebody told of a vehicle's battery, and when that was so (UTC)."""

    percent: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle. None where nobody knows.

    It is at an EVSE when a transaction there has one of its `id_tags` (RFID, or `VID:` of autocharge; upper and lower
    case are the same), or when it is assigned to that `evse`. `max_a` and `min_a` are ampere on each of its `legs`
    (AC), `max_w` its power at a DC outlet; `min_a` only where it needs more than 6 A. Of what an EVSE meters the share
    `efficiency` arrives in the battery. `service_class` None: that of the EVSE.
    """

    id: str
    name: str = ""
    id_tags: tuple[str, ...] = ()
    evse: str | None = None
    battery_wh: float | None = None
    max_a: float | None = None
    legs: int | None = None
    max_w: float | None = None
    min_a: float | None = None
    efficiency: float = 0.9
    service_class: int | None = None
    consumption_wh_per_km: float | None = None
    guarantee: Guarantee | None = None

    def __post_init__(self) -> None:
        plain_id("the id of a vehicle", self.id)
        if len(self.id_tags) > MAX_TAGS or len({tag.casefold() for tag in self.id_tags}) != len(self.id_tags):
            raise ValueError(f"{self.id}: at most {MAX_TAGS} id tags, each once")
        for tag in self.id_tags:
            plain_id(f"{self.id}: an id tag", tag)
        for name in ("battery_wh", "max_a", "max_w", "min_a", "consumption_wh_per_km"):
            value = getattr(self, name)
            if value is not None and finite(f"{self.id}: {name}", value) <= 0:
                raise ValueError(f"{self.id}: {name} must be above zero, got {value:g}; leave out what is not known")
        if self.battery_wh is not None and self.battery_wh > MAX_BATTERY_WH:
            raise ValueError(f"{self.id}: a battery of {self.battery_wh / 1000:g} kWh; are Wh meant instead of kWh?")
        if self.max_a is not None and self.max_a < max(PILOT_MIN_A, self.min_a or 0.0):
            raise ValueError(f"{self.id}: max_a {self.max_a:g} A is below what it needs to charge at all")
        if self.min_a is not None and self.min_a < PILOT_MIN_A:
            raise ValueError(f"{self.id}: min_a is at least {PILOT_MIN_A:g} A for every vehicle; leave it out")
        if self.legs is not None and not 1 <= self.legs <= MAX_LEGS:
            raise ValueError(f"{self.id}: legs must be 1, 2 or 3, got {self.legs}")
        if not 0.5 <= finite(f"{self.id}: efficiency", self.efficiency) <= 1:
            raise ValueError(f"{self.id}: efficiency must lie in 0.5 … 1, got {self.efficiency:g}")
        if self.guarantee is not None and self.most_wh is not None and self.guarantee.energy_wh > self.most_wh:
            raise ValueError(f"{self.id}: more is guaranteed than its battery takes")

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id

    @property
    def most_wh(self) -> float | None:
        """What an EVSE meters while its battery goes from empty to full; None when the battery is not known."""
        return None if self.battery_wh is None else self.battery_wh / self.efficiency

    def most_a(self, evse: Evse, voltage_v: float) -> float:
        """The most that it can take at an EVSE, ampere per leg of its AC side; that of the EVSE where nobody knows."""
        if evse.dc_efficiency is None:
            return evse.max_a if self.max_a is None else min(evse.max_a, self.max_a)
        if self.max_w is None:
            return evse.max_a
        return min(evse.max_a, self.max_w / evse.dc_efficiency / evse.wiring.watts_per_amp(voltage_v))

    def least_a(self, evse: Evse) -> float:
        """The least with which it charges at an EVSE, ampere per leg; DC has no minimum of the vehicle."""
        return PILOT_MIN_A if evse.dc_efficiency is not None or self.min_a is None else self.min_a

    def legs_at(self, evse: Evse) -> int:
        """How many legs of an EVSE it uses; all where nobody knows, and at a DC outlet."""
        width = len(evse.wiring.legs)
        return width if evse.dc_efficiency is not None or self.legs is None else min(width, self.legs)


def plain_id(what: str, text: str) -> str:
    """Return `text`; raise ValueError that calls it `what` unless it is a short name of printable characters."""
    if not text or len(text) > MAX_ID or not text.isprintable() or text != text.strip():
        raise ValueError(
            f"{what} must be 1 to {MAX_ID} printable characters without blanks around them, got {text!r:.80}"
        )
    return text
