"""A charging session: from plug-in to plug-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from ems.domain.access.tag import Holder
from ems.domain.vehicle import Vehicle


class NeedOrigin(StrEnum):
    """Who says how much a vehicle needs and when it leaves; who stands first wins."""

    STATED = "stated"
    SCHEDULED = "scheduled"
    PREDICTED = "predicted"


@dataclass(frozen=True, slots=True)
class Need:
    """Energy wanted in this session, Wh, and the departure (UTC); None where nobody knows.

    Promised: of that energy `guaranteed_wh` by `guaranteed_by` (None: by the departure) before others get more than
    what is promised to them; and, if `minimum_always`, never less than the minimum current. `service_class` None: that
    of the vehicle or its EVSE. `is_assumed`: nobody knows how full the battery is, so `energy_wh` is that of an empty
    one. `hurries`: it is better served at once than cheaply, within the limits of the site and before nobody.
    """

    energy_wh: float | None = None
    departure: datetime | None = None
    origin: NeedOrigin = NeedOrigin.STATED
    guaranteed_wh: float = 0.0
    guaranteed_by: datetime | None = None
    minimum_always: bool = False
    service_class: int | None = None
    is_assumed: bool = False
    hurries: bool = False

    @property
    def is_empty(self) -> bool:
        """It says nothing."""
        return self == Need(origin=self.origin)

    def yields_to(self, other: Need) -> bool:
        """Whether `other` takes its place: what is stated wins over what is scheduled, that over what is predicted."""
        return self.is_empty or _RANKS[other.origin] <= _RANKS[self.origin]


_RANKS = {origin: rank for rank, origin in enumerate(NeedOrigin)}


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the station accounts for: from start to stop, at a meter register."""

    id: int
    started: datetime
    meter_start_wh: float
    id_tag: str | None = None

    def may_be_of(self, id_tag: str) -> bool:
        """Whether it may have been begun with a tag: of one that was adopted nobody knows."""
        return self.id_tag is None or self.id_tag.upper() == id_tag.upper()


@lru_cache(maxsize=4096)
def name_of(evse: str, plugged: datetime) -> str:
    """How the session is called of a vehicle that was plugged in there at a moment (UTC). Remembered, because every
    tick asks a plan for every session.
    """
    return f"{evse}@{plugged:%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class Session:
    """One vehicle at one EVSE. `energy_wh` is what it got so far, in the transaction `counted`, which runs or was the
    last, and `earlier_wh` what it got in those before that; its need is of both. `soc_percent` as the vehicle reports
    it, and `soc_at_wh` what it had got of both when it first reported that; `vehicle` and `holder` (of its tag) None:
    nobody knows. At `cap_wh` of all its transactions it gets no more: so much is paid for by who charges with the tag
    `paid_by` (empty: anybody); None: no cap. `ended`: when its last transaction ended, if its station told that late
    and has not said since that the vehicle is there; if it is not, it is taken to have left then.
    """

    evse: str
    plugged: datetime
    plugged_s: float
    transaction: Transaction | None = None
    energy_wh: float = 0.0
    need: Need = Need()
    soc_percent: float | None = None
    service_class: int = 0
    vehicle: Vehicle | None = None
    soc_at_wh: float = 0.0
    holder: Holder | None = None
    cap_wh: float | None = None
    counted: int | None = None
    ended: datetime | None = None
    earlier_wh: float = 0.0
    paid_by: str = ""

    @property
    def delivered_wh(self) -> float:
        """What it got in all its transactions."""
        return self.earlier_wh + self.energy_wh

    @property
    def is_at_cap(self) -> bool:
        """It has got all that is paid for."""
        return self.cap_wh is not None and self.delivered_wh >= self.cap_wh

    @property
    def id(self) -> str:
        """A name that is the same after a restart: the EVSE and the second of plug-in."""
        return name_of(self.evse, self.plugged)

    def missing_wh(self) -> float | None:
        """Energy still wanted, never negative; None when the need is unknown."""
        if self.need.energy_wh is None:
            return None
        return max(0.0, self.need.energy_wh - self.delivered_wh)

    def laxity_s(self, now: datetime, full_power_w: float) -> float | None:
        """Time left to departure minus time needed at full power; None without need or departure."""
        missing = self.missing_wh()
        if missing is None or self.need.departure is None or full_power_w <= 0:
            return None
        return (self.need.departure - now).total_seconds() - 3600.0 * missing / full_power_w

    def promised_w(self, now: datetime) -> float:
        """Power that it must have from now on, as a mean, to get what it is promised in time: by the moment that was
        named, or once that is over by its departure. 0 where nothing is promised, all of it is there, or both are over
        or unknown.
        """
        need = self.need
        if need.guaranteed_wh <= self.delivered_wh:
            return 0.0
        wanted_wh = need.guaranteed_wh if need.energy_wh is None else min(need.guaranteed_wh, need.energy_wh)
        moment = next((at for at in (need.guaranteed_by, need.departure) if at is not None and at > now), None)
        if moment is None:
            return 0.0
        return 3600.0 * max(0.0, wanted_wh - self.delivered_wh) / (moment - now).total_seconds()

    def metered(self, register_wh: float) -> Session:
        """The session after its energy register was read; a register that falls back changes nothing (Q69)."""
        if self.transaction is None:
            return self
        energy = register_wh - self.transaction.meter_start_wh
        if energy <= self.energy_wh:
            return self
        # Written out, because it happens with every sample.
        return Session(
            self.evse, self.plugged, self.plugged_s, self.transaction, energy, self.need, self.soc_percent,
            self.service_class, self.vehicle, self.soc_at_wh, self.holder, self.cap_wh, self.counted,
            earlier_wh=self.earlier_wh, paid_by=self.paid_by,
        )  # fmt: skip

    def of(self, vehicle: Vehicle | None) -> Session:
        """The session after its vehicle was recognised; what was heard of another one's battery is forgotten."""
        known = self.vehicle
        if known is None or (vehicle is not None and vehicle.id == known.id):
            return replace(self, vehicle=vehicle)
        return replace(self, vehicle=vehicle, soc_percent=None, soc_at_wh=0.0)

    def charged(self, soc_percent: float) -> Session:
        """The session after its vehicle reported its state of charge."""
        if soc_percent == self.soc_percent:
            return self
        return replace(self, soc_percent=soc_percent, soc_at_wh=self.delivered_wh)
