"""What is known of one station beyond its current link; shared by what it says, what it is told and its set-up."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from ems.adapters.ocpp.v16.samples import Bounds
from ems.adapters.ocpp.v16.transactions import Book
from ems.domain.events import ClockMeasured, ModelLearned
from ems.domain.station import Evse, EvseStatus, Station
from ems.domain.station_model import StationModel
from ems.ports import Clock, Ledger, Sink

Recognise = Callable[[str, str], StationModel | None]
"""(vendor, model) of a BootNotification to the station model that is shipped for it."""

SKEW_REPORTED_S = 5.0
SKEW_SAMPLES = 5


@dataclass(slots=True)
class StationRecord:
    """Facts about one station of the site, kept over its links."""

    station: Station
    voltage_v: float
    zone: tzinfo
    clock: Clock
    sink: Sink
    ledger: Ledger
    recognise: Recognise | None
    book: Book
    model: StationModel = field(init=False)
    booted: asyncio.Event = field(default_factory=asyncio.Event)
    boots: int = 0
    vendor: str = ""
    product: str = ""
    firmware: str = ""
    heartbeat_s: int = 60
    status: dict[str, tuple[EvseStatus, float]] = field(default_factory=dict)
    sampled_at: dict[str, float] = field(default_factory=dict)
    legs: dict[str, int | None] = field(default_factory=dict)
    deviations: Counter[str] = field(default_factory=Counter)
    skew_s: float = 0.0
    _skews: deque[float] = field(default_factory=lambda: deque(maxlen=SKEW_SAMPLES))

    def __post_init__(self) -> None:
        self.model = self.station.model

    @property
    def id(self) -> str:
        """The station's OCPP identity."""
        return self.station.id

    def evse(self, connector: object) -> Evse | None:
        """The EVSE of a connector id; on a station with one outlet connector 0 is that outlet (Q73e)."""
        evses = self.station.evses
        if connector == 0 and len(evses) == 1:
            return evses[0]
        return next((evse for evse in evses if evse.number == connector), None) if _is_count(connector) else None

    def bounds(self, evse: Evse) -> Bounds:
        """What this EVSE can physically do."""
        legs = len(evse.wiring.legs)
        return Bounds(evse.max_a, evse.max_a * evse.wiring.watts_per_amp(self.voltage_v), legs)

    def learned(self, model: StationModel) -> None:
        """Go on with another idea of what the station can do, and tell the core."""
        if model != self.model:
            self.model = model
            self.sink(ModelLearned(self.id, model))

    def station_now(self) -> datetime:
        """UTC as the station's own clock shows it."""
        return self.clock.now().utc + timedelta(seconds=self.skew_s)

    def measure_clock(self, told: datetime) -> None:
        """Learn the station's clock from a time it wrote just now; the least delayed of the last few is nearest."""
        self._skews.append((told - self.clock.now().utc).total_seconds())
        skew = max(self._skews)
        skew = 0.0 if abs(skew) < SKEW_REPORTED_S else skew
        if abs(skew - self.skew_s) >= SKEW_REPORTED_S:
            self.skew_s = skew
            self.sink(ClockMeasured(self.id, skew))

    def deviates(self, kind: str) -> None:
        """Count something that the standard does not allow and that did no harm."""
        self.deviations[kind] += 1


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
