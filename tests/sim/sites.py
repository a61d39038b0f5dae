"""Small sites for the tests of this room, and where the recorded data is."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.meter import Meter, MeterRole
from ems.domain.phases import Wiring
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.domain.strategy import Strategy
from ems.sim.placement import Visit, place
from ems.sim.session_record import SessionRecord

CHECKOUT = Path(__file__).parents[2]
BEGIN = datetime(2024, 5, 6, 6, 0, tzinfo=UTC)


def recorded(name: str) -> Path:
    """A file of recorded sessions; skips the test where it is not there."""
    folder = Path(os.environ.get("EMS_DATA_DIR", CHECKOUT.parent / "shared" / "data"))
    path = folder / "sessions" / name
    if not path.exists():
        pytest.skip(f"{path} is not there; EMS_DATA_DIR names the folder of recorded data")
    return path


def station(name: str, circuit: str, phases: str = "L1 L2 L3", fallback_a: float = 6.0, max_a: float = 32.0) -> Station:
    """A station with one EVSE."""
    return Station(name, (Evse(name, 1, circuit, Wiring.parse(phases), max_a, fallback_a),))


def feeder(
    rating_a: float = 40.0,
    evses: int = 3,
    *,
    metered: bool = False,
    base_a: float = 0.0,
    strategy: Strategy = Strategy.EQUAL,
) -> Site:
    """A grid connection of 63 A, and EVSEs A1, A2, … on a feeder below it. `base_a` is declared at the grid."""
    circuits = (
        Circuit("grid", None, (63.0,) * 3, meter="main" if metered else None, base_load_max_a=(base_a,) * 3),
        Circuit("feeder", "grid", (rating_a,) * 3),
    )
    stations = tuple(station(f"A{k}", "feeder", fallback_a=0.0) for k in range(1, evses + 1))
    meters = (Meter("main"),) if metered else ()
    policy = Policy(strategy=strategy, raise_every_s=5.0, raise_hold_s=5.0)
    return Site("test", "Europe/Berlin", CircuitTree(circuits), stations, meters, policy=policy)


def roof() -> Site:
    """One phase-to-phase EVSE, one on L1 alone, and PV with its own meter."""
    circuits = (Circuit("grid", None, (63.0,) * 3, meter="main", generation_max_a=20.0),)
    stations = (station("B1", "grid", "L1-L2"), station("B2", "grid", "L1"))
    meters = (Meter("main"), Meter("pv", role=MeterRole.PV, circuit="grid"))
    return Site("roof", "Europe/Berlin", CircuitTree(circuits), stations, meters)


def record(evse: str, comes_s: float, stays_s: float, wh: float, **more: object) -> SessionRecord:
    """A session in seconds after the begin."""
    arrival = BEGIN + timedelta(seconds=comes_s)
    return SessionRecord(f"{evse}@{comes_s:g}", evse, arrival, arrival + timedelta(seconds=stays_s), wh, **more)  # type: ignore[arg-type]  # names are the record's to check


def visits(site: Site, *records: SessionRecord) -> tuple[Visit, ...]:
    """The same on the site's EVSEs."""
    return place(site, records).visits
