"""Circuits, outlets and whole sites for tests, in one line each."""

from __future__ import annotations

from collections.abc import Iterable

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.meter import Meter
from ems.domain.phases import PhaseAmps, Wiring
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.domain.station_model import StationModel


def circuit(
    name: str,
    rating: float | PhaseAmps,
    parent: str | None = None,
    *,
    meter: str | None = None,
    base_max: float = 0.0,
    margin: float = 0.0,
    generation: float = 0.0,
    unbalance: float | None = None,
) -> Circuit:
    """A circuit with the same rating on three phases, or one given per phase."""
    l1, l2, l3 = rating if isinstance(rating, tuple) else (rating, rating, rating)
    base_load = (base_max if l1 else 0.0, base_max if l2 else 0.0, base_max if l3 else 0.0)
    return Circuit(name, parent, (l1, l2, l3), margin, meter, base_load, generation, unbalance_max_a=unbalance)


def evse(
    name: str,
    hangs_on: str,
    phases: str = "L1 L2 L3",
    *,
    max_a: float = 32.0,
    fallback: float = 6.0,
    model: StationModel | None = None,
    priority: int = 0,
) -> Station:
    """A station with one outlet, of 32 A on three phases if nothing else is said."""
    outlet = Evse(name, 1, hangs_on, Wiring.parse(phases), max_a, fallback, priority=priority)
    return Station(name, (outlet,), model or StationModel())


def layout(
    circuits: Iterable[Circuit], stations: Iterable[Station], policy: Policy | None = None, meters: Iterable[Meter] = ()
) -> Site:
    """A site; a meter that a circuit names, and nobody describes, is read each second."""
    circuits, described = tuple(circuits), {meter.id: meter for meter in meters}
    for place in circuits:
        if place.meter is not None:
            described.setdefault(place.meter, Meter(place.meter, circuit=place.id))
    tree = CircuitTree(circuits)
    return Site("test", "Europe/Berlin", tree, tuple(stations), tuple(described.values()), policy=policy or Policy())


SITES = {
    "one_feeder": layout(
        [circuit("grid", 63, meter="main", base_max=40)],
        [evse(name, "grid") for name in ("A1", "A2", "A3")],
    ),
    "two_feeders": layout(
        [
            circuit("grid", 100, meter="main", base_max=60),
            circuit("feeder-a", 40, "grid"),
            circuit("feeder-b", 40, "grid", meter="sub-b", base_max=20),
        ],
        [evse(name, f"feeder-{name[0].lower()}") for name in ("A1", "A2", "A3", "B1", "B2", "B3")],
    ),
}
"""Installations by name."""
