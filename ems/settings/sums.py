"""What every circuit carries when nobody controls it, and when every EVSE draws all it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ems.domain.circuit import Circuit
from ems.domain.phases import NO_AMPS, Phase, PhaseAmps
from ems.domain.station import Evse
from ems.domain.station_model import LeaseForm, StationModel


@dataclass(slots=True)
class CircuitSums:
    """Per phase, ampere: the fallback currents of all EVSEs behind a circuit, also by station, and their maxima."""

    fallback_a: PhaseAmps = NO_AMPS
    rated_a: PhaseAmps = NO_AMPS
    by_station: dict[str, PhaseAmps] = field(default_factory=dict)


def sums(circuits: Mapping[str, Circuit], evses: Iterable[tuple[Evse, StationModel]]) -> dict[str, CircuitSums]:
    """Add up every EVSE at its circuit and all above it. Line-to-line legs count in full on both phases."""
    found = {name: CircuitSums() for name in circuits}
    for evse, model in evses:
        legs = len(evse.wiring.legs)
        fallback = evse.wiring.on_site_phases((counted_fallback_a(evse, model),) * legs)
        rated = evse.wiring.on_site_phases((evse.max_a,) * legs)
        for name in way_up(circuits, evse.circuit):
            here = found[name]
            here.fallback_a = added(here.fallback_a, fallback)
            here.rated_a = added(here.rated_a, rated)
            here.by_station[evse.station] = added(here.by_station.get(evse.station, NO_AMPS), fallback)
    return found


def counted_fallback_a(evse: Evse, model: StationModel) -> float:
    """What an EVSE counts with while nobody controls it: its maximum where its fallback cannot be relied on."""
    return evse.max_a if why_no_fallback(model) else evse.fallback_a


def why_no_fallback(model: StationModel) -> str:
    """Why stations of a model do not fall back by themselves; empty when they do."""
    if not model.smart_charging:
        return "cannot be limited"
    if not model.keeps_offline:
        return "forgets its limits when the connection breaks"
    if model.lease is LeaseForm.NONE:
        return "keeps its last limit for ever"
    return ""


def worst_a(circuit: Circuit, evses_a: PhaseAmps) -> PhaseAmps:
    """What a circuit carries with its worst base load, its batteries charging and its margin when its EVSEs draw
    `evses_a`.
    """
    total = [circuit.worst_load_a[p] + circuit.margin_a + evses_a[p] for p in Phase]
    return (total[0], total[1], total[2])


def way_up(circuits: Mapping[str, Circuit], name: str) -> list[str]:
    """The circuit and those above it, as far as they are known; ends where a circle closes."""
    way: list[str] = []
    above: str | None = name
    while above is not None and above in circuits and above not in way:
        way.append(above)
        above = circuits[above].parent
    return way


def added(a: PhaseAmps, b: PhaseAmps) -> PhaseAmps:
    """The sum of two currents per phase."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])
