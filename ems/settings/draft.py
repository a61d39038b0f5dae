"""A site as it was written, before it is known to be sound: what the checks look at.

Circuits and EVSEs are built one by one as far as each is sound by itself, so that sums and comparisons can be made
although something else is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ems.domain.battery import Battery
from ems.domain.circuit import Circuit
from ems.domain.phases import NO_AMPS, Phase, PhaseAmps
from ems.domain.station import Evse
from ems.domain.station_model import StationModel
from ems.domain.units import PILOT_MIN_A
from ems.settings.document import Document
from ems.settings.schema import AUTO, CircuitSection, EvseSection, StationSection
from ems.settings.shape import Shape
from ems.settings.station_models import GENERIC, KnownModel
from ems.settings.storage_schema import BatterySection
from ems.settings.sums import added, way_up


@dataclass(frozen=True, slots=True)
class Draft:
    """What was written, and what could be built from it. `parents` also knows circuits that are otherwise wrong.
    `meter_traits`: what each meter model declares beside currents, `soc` and `writes`.
    """

    document: Document
    shape: Shape
    station_models: Mapping[str, KnownModel]
    meter_traits: Mapping[str, frozenset[str]]
    parents: Mapping[str, str | None]
    circuits: Mapping[str, Circuit]
    evses: tuple[Evse, ...]
    batteries: Mapping[str, Battery]

    @property
    def folder(self) -> Path:
        """Where `site.yaml` lies."""
        return self.document.path.parent

    def ids(self, section: str) -> list[str]:
        """Every id that a section names, sound or not."""
        known = self.document.data.get(section)
        return list(known) if isinstance(known, dict) else []

    def traits_of(self, meter: str | None) -> frozenset[str] | None:
        """What the model of a meter declares; None when there is no such meter or model."""
        section = self.shape.meters.get(meter or "")
        return None if section is None else self.meter_traits.get(section.model)

    def outlets(self) -> Iterator[tuple[str, StationSection, int, EvseSection]]:
        """Every outlet that is in use."""
        for station_id, station in self.shape.stations.items():
            for number, evse in station.evses.items():
                if station.enabled and evse.enabled:
                    yield station_id, station, number, evse

    def model_of(self, station_id: str) -> StationModel:
        """The model of a station; the generic one where it is unknown or still to be recognised."""
        station = self.shape.stations.get(station_id)
        name = GENERIC if station is None or station.model == AUTO else station.model
        return self.station_models.get(name, self.station_models[GENERIC]).model


def tariff_file(draft: Draft) -> Path | None:
    """The file that says the tariff; None where there is no tariff, or the site file says it."""
    section = draft.shape.tariff
    return None if section is None or section.file is None else draft.folder / section.file


def draft_of(
    document: Document,
    shape: Shape,
    station_models: Mapping[str, KnownModel],
    meter_traits: Mapping[str, frozenset[str]],
) -> Draft:
    """Build what can be built."""
    parents = _parents(document, shape)
    circuits = {
        name: circuit for name, section in shape.circuits.items() if (circuit := circuit_of(name, section)) is not None
    }
    draft = Draft(
        document=document,
        shape=shape,
        station_models=station_models,
        meter_traits=meter_traits,
        parents=parents,
        circuits=_with_base_loads(circuits, shape),
        evses=(),
        batteries={},
    )
    stored = {
        name: battery
        for name, section in shape.batteries.items()
        if (battery := battery_of(name, section, draft)) is not None
    }
    draft = replace(draft, batteries=stored, circuits=_with_storage(draft.circuits, stored, shape.voltage_v))
    found = (evse_of(*outlet, voltage_v=shape.voltage_v) for outlet in draft.outlets())
    return replace(draft, evses=tuple(evse for evse in found if evse is not None))


def circuit_of(name: str, section: CircuitSection) -> Circuit | None:
    """The circuit that a section describes; None when it carries nothing."""
    phases = phases_of(section)
    rating = section.rating_a.on(phases)
    base = NO_AMPS if section.base_load_max_a is None else section.base_load_max_a.on(phases)
    if not any(rating):
        return None
    return Circuit(
        id=name,
        parent=section.parent,
        rating_a=rating,
        margin_a=section.margin_a,
        meter=section.meter,
        base_load_max_a=base,
        generation_max_a=section.generation_max_a,
        unbalance_max_a=section.unbalance_max_a if all(rating) else None,
    )


def phases_of(section: CircuitSection) -> tuple[Phase, ...]:
    """The phases that a circuit has."""
    return tuple(section.rating_a.amps) if section.phases is None else section.phases


def evse_of(
    station_id: str, station: StationSection, number: int, section: EvseSection, voltage_v: float
) -> Evse | None:
    """The EVSE that a section describes; None when it lacks something or breaks a rule of its own."""
    circuit = section.circuit or station.circuit
    max_a = max_a_of(section, voltage_v)
    fallback_a = fallback_of(station, section)
    if circuit is None or max_a is None or max_a < PILOT_MIN_A or fallback_a > max_a:
        return None
    if 0 < fallback_a < PILOT_MIN_A:
        return None
    return Evse(
        station=station_id,
        number=number,
        circuit=circuit,
        wiring=section.phases,
        max_a=max_a,
        fallback_a=fallback_a,
        meter=section.meter,
        dc_efficiency=section.dc_efficiency,
        priority=station.priority if section.priority is None else section.priority,
        phase_switching=section.phase_switching,
    )


def battery_of(name: str, section: BatterySection, draft: Draft) -> Battery | None:
    """The battery that a section describes; None when its circuit is unknown or it breaks a rule of its own."""
    circuit = draft.circuits.get(section.circuit)
    if circuit is None:
        return None
    there = tuple(phase for phase in Phase if circuit.rating_a[phase])
    traits = draft.traits_of(section.meter) or frozenset()
    try:
        return Battery(
            id=name,
            circuit=section.circuit,
            capacity_wh=section.capacity_kwh * 1000.0,
            charge_w=section.charge_max_kw * 1000.0,
            discharge_w=section.discharge_max_kw * 1000.0,
            meter=section.meter,
            phases=tuple(phase for phase in section.phases or there if phase in there),
            efficiency=math.sqrt(section.round_trip_efficiency),
            lowest=section.soc_min_percent / 100.0,
            highest=section.soc_max_percent / 100.0,
            reserve=section.reserve_percent / 100.0,
            wear_per_kwh=section.wear_per_kwh,
            export_w=section.export_max_kw * 1000.0,
            steered=section.steered is not False and {"soc", "writes"} <= traits,
            otherwise=section.otherwise,
        )
    except ValueError:
        return None


def fallback_of(station: StationSection, section: EvseSection) -> float:
    """The fallback current of an outlet, its own or that of its station."""
    return station.fallback_a if section.fallback_a is None else section.fallback_a


def max_a_of(section: EvseSection, voltage_v: float) -> float | None:
    """What an outlet can draw, ampere per leg on the AC side; None when it is not stated, or stated twice."""
    if section.max_kw is None or section.dc_efficiency is None:
        return None if section.max_kw is not None or section.dc_efficiency is not None else section.max_a
    if section.max_a is not None:
        return None
    return section.max_kw * 1000.0 / section.dc_efficiency / section.phases.watts_per_amp(voltage_v)


def _parents(document: Document, shape: Shape) -> dict[str, str | None]:
    """The parent of every circuit named in the file, also of those that are otherwise wrong."""
    known = document.data.get("circuits")
    parents: dict[str, str | None] = {}
    for name, raw in (known if isinstance(known, dict) else {}).items():
        parent = raw.get("parent") if isinstance(raw, dict) else None
        parents[name] = shape.circuits[name].parent if name in shape.circuits else parent
        if not isinstance(parents[name], str):
            parents[name] = None
    return parents


def _with_base_loads(circuits: dict[str, Circuit], shape: Shape) -> dict[str, Circuit]:
    """A circuit that does not state its worst base load carries at least what the circuits below it state."""
    stated = {name for name in circuits if shape.circuits[name].base_load_max_a is not None}
    loads: dict[str, PhaseAmps] = {name: circuit.base_load_max_a for name, circuit in circuits.items()}
    for name in stated:
        seen = {name}
        above = circuits[name].parent
        while above in circuits and above not in stated and above not in seen:
            seen.add(above)
            loads[above] = added(loads[above], circuits[name].base_load_max_a)
            above = circuits[above].parent
    return {name: replace(circuit, base_load_max_a=loads[name]) for name, circuit in circuits.items()}


def _with_storage(
    circuits: Mapping[str, Circuit], batteries: Mapping[str, Battery], voltage_v: float
) -> dict[str, Circuit]:
    """Every circuit with the most that the batteries behind it may draw."""
    drawn = dict.fromkeys(circuits, NO_AMPS)
    for battery in batteries.values():
        for name in way_up(circuits, battery.circuit):
            drawn[name] = added(drawn[name], battery.amps(battery.charge_w, voltage_v))
    return {name: replace(circuit, storage_max_a=drawn[name]) for name, circuit in circuits.items()}
