"""A site of two stations on one circuit, a link that records, and a clock on virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field

from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.apply import apply
from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.events import (
    Event,
    ProfileAnswered,
    ProfileSent,
    StationConnected,
    StatusChanged,
    TransactionStarted,
)
from ems.domain.grant import Answer
from ems.domain.instant import Instant
from ems.domain.meter import Meter
from ems.domain.order import LimitOrder
from ems.domain.phases import Wiring
from ems.domain.session import Transaction
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import Evse, EvseStatus, Station
from ems.domain.station_model import StationModel
from ems.ports.controller import Sink
from ems.runtime.loop import Core
from tests.adapters.ocpp.central import LoopClock

__all__ = ["LoopClock", "RecordingLink", "charging", "core_of", "site"]


def site(rating_a: float = 63, meter: str | None = None, **model: object) -> Site:
    """Stations A and B with one three-phase EVSE each."""
    known = StationModel(**model)  # type: ignore[arg-type]  # rows of a table
    return Site(
        name="two",
        timezone="Europe/Berlin",
        circuits=CircuitTree((Circuit("grid", None, (rating_a,) * 3, meter=meter),)),
        stations=tuple(
            Station(name, (Evse(name, 1, "grid", Wiring.parse("L1 L2 L3"), 32, 6),), known) for name in "AB"
        ),
        meters=(Meter(meter),) if meter else (),
    )


@dataclass
class RecordingLink:
    """Takes orders and, if `obeys`, accepts each at once."""

    sink: Sink
    clock: LoopClock
    obeys: bool = True
    orders: list[LimitOrder] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def limit(self, order: LimitOrder) -> None:
        self.orders.append(order)
        now = self.clock.now().monotonic_s
        self.sink(ProfileSent(order.evse, order.layer, order.amps, now))
        if self.obeys:
            ends = now + order.lease_s
            self.sink(ProfileAnswered(order.evse, order.layer, order.amps, now, Answer.ACCEPTED, ends))

    def read_back(self, evse: str) -> None:
        self.asked.append(evse)

    def stop(self, evse: str) -> None:
        self.stopped.append(evse)


def core_of(installed: Site, *events: Event) -> Core:
    """A core after some events."""
    state = SiteState.initial(installed)
    for event in events:
        state = apply(state, event)
    return Core(Controller.of(installed), state, Memory.blank(installed))


def charging(station: str, at: Instant, number: int = 1) -> tuple[Event, ...]:
    """A station that is connected and has a vehicle charging."""
    evse = f"{station}/1"
    return (
        StationConnected(station, at, 1),
        StatusChanged(evse, at, EvseStatus.CHARGING),
        TransactionStarted(evse, at, Transaction(number, at.utc, 0.0)),
    )
