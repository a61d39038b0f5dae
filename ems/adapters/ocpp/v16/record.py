"""What is known of one station beyond its current link; shared by what it says, what it is told and its set-up."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from ems.adapters.ocpp.v16.clock import StationClock
from ems.adapters.ocpp.v16.register import Register
from ems.adapters.ocpp.v16.samples import Bounds, number
from ems.adapters.ocpp.v16.transactions import Book
from ems.domain.events import ClockMeasured, ModelLearned
from ems.domain.instant import Instant
from ems.domain.outlet import MOST_NUMBER, OutletSeen
from ems.domain.remote.outcome import Activity
from ems.domain.station import Evse, EvseStatus, Station
from ems.domain.station_model import StationModel
from ems.ports.controller import Authority, Clock, Ledger, Sink
from ems.ports.sessions import HeardKeys, SignedValues

log = logging.getLogger(__name__)

Recognise = Callable[[str, str], StationModel | None]
"""(vendor, model) of a BootNotification to the station model that is shipped for it."""

SKEW_REPORTED_S = 5.0
BOOTS_WATCHED = 8


@dataclass(slots=True)
class StationRecord:
    """Facts about one station of the site, kept over its links. Without an `authority` everybody may charge. `signing`:
    the EVSEs whose meters were seen to sign.
    """

    station: Station
    voltage_v: float
    zone: tzinfo
    clock: Clock
    sink: Sink
    ledger: Ledger
    recognise: Recognise | None
    book: Book
    authority: Authority | None = None
    signed: SignedValues | None = None
    keys: HeardKeys | None = None
    model: StationModel = field(init=False)
    booted: asyncio.Event = field(default_factory=asyncio.Event)
    boots: tuple[float, ...] = ()
    vendor: str = ""
    product: str = ""
    firmware: str = ""
    status: dict[str, tuple[EvseStatus, float]] = field(default_factory=dict)
    sampled_at: dict[str, float] = field(default_factory=dict)
    legs: dict[str, int | None] = field(default_factory=dict)
    opened_at: dict[str, float] = field(default_factory=dict)
    registers: dict[str, Register] = field(default_factory=dict)
    out_of_service: dict[str, float] = field(default_factory=dict)
    deviations: Counter[str] = field(default_factory=Counter)
    time: StationClock = field(default_factory=StationClock)
    activity: Activity = field(default_factory=Activity)
    signing: set[str] = field(default_factory=set)
    signed_in_hour: Counter[int] = field(default_factory=Counter)
    _reported_skew_s: tuple[float, ...] = (0.0, 0.0)
    _born: Instant = field(init=False)
    _bounds: dict[str, Bounds] = field(init=False)
    _by_number: dict[int, Evse] = field(init=False)

    def __post_init__(self) -> None:
        self._born = self.clock.now()
        self.model = self.station.model
        self._by_number = {evse.number: evse for evse in self.station.evses}
        self._bounds = {evse.id: _bounds(evse, self.voltage_v) for evse in self.station.evses}
        self.registers = {evse.id: Register(self.bounds(evse).max_w) for evse in self.station.evses}

    @property
    def id(self) -> str:
        """The station's OCPP identity."""
        return self.station.id

    def evse(self, connector: object) -> Evse | None:
        """The EVSE of a connector id; on a station with one outlet connector 0, or none, is that outlet (Q73e)."""
        evse = self._by_number.get(connector) if type(connector) is int else None
        if evse is not None:
            return evse
        evses, told = self.station.evses, number(connector)
        if len(evses) == 1 and (connector is None or told == 0):
            return evses[0]
        return next((evse for evse in evses if evse.number == told), None)

    @property
    def heartbeat_s(self) -> int:
        """How often the station is told to say that it is there."""
        return self.model.heartbeat_s

    def bounds(self, evse: Evse) -> Bounds:
        """What this EVSE can physically do."""
        return self._bounds[evse.id]

    def learned(self, model: StationModel) -> None:
        """Go on with another idea of what the station can do, and tell the core."""
        if model is not self.model and model != self.model:
            self.model = model
            self.sink(ModelLearned(self.id, model))

    def steady_utc(self, now: Instant) -> datetime:
        """Our own time, as if nobody had set our clock since we began: what a station's clock is compared with."""
        return self._born.utc_at(now.monotonic_s)

    def station_now(self) -> datetime:
        """UTC as the station's own clock shows it."""
        return self.time.now(self.steady_utc(self.clock.now()))

    def age_s(self, told: datetime | None, now: Instant) -> float:
        """How long ago something happened by the station's clock; 0 where it does not say, or has no clock. Of one that
        is right but for seconds the stamp is the truth.
        """
        if told is None:
            return 0.0
        age_s, shown_s = self.time.age_s(told, self.steady_utc(now)), (now.utc - told).total_seconds()
        return age_s if abs(self.time.skew_s or 0.0) >= SKEW_REPORTED_S else min(age_s, shown_s)

    def heard_time(self, told: datetime, now: Instant) -> None:
        """Learn the station's clock from a time in a message that came `now`, and tell the core when it is off."""
        steady = self.steady_utc(now)
        if not self.time.heard(told, steady):
            return
        skew, set_by_s = self.time.skew_s or 0.0, (now.utc - steady).total_seconds()
        off = tuple(0.0 if abs(by_s) < SKEW_REPORTED_S else by_s for by_s in (skew, skew - set_by_s))
        if any(abs(by_s - told) >= SKEW_REPORTED_S for by_s, told in zip(off, self._reported_skew_s, strict=True)):
            self._reported_skew_s = off
            self.sink(ClockMeasured(self.id, *off))

    def spoke_of(self, connector: float | None, may_charge: bool) -> None:
        """The station has an outlet that the site does not describe."""
        self.deviates("unknown connector")
        if connector is not None and connector.is_integer() and 1 <= connector <= MOST_NUMBER:
            self.sink(OutletSeen(self.id, int(connector), may_charge))

    def deviates(self, kind: str) -> None:
        """Count something that the standard does not allow and that did no harm; logged at 1, 2, 4, 8, …"""
        self.deviations[kind] += 1
        if self.deviations[kind].bit_count() == 1:
            log.info("station.deviates id=%s kind=%r count=%d", self.id, kind, self.deviations[kind])


def _bounds(evse: Evse, voltage_v: float) -> Bounds:
    return Bounds.for_outlet(evse.max_a, evse.most_w(voltage_v), len(evse.wiring.legs))
