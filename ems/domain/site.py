"""The installation: everything about a site that a running controller never changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from ems.domain.battery import Battery
from ems.domain.circuit import CircuitTree
from ems.domain.limit import LimitWindow
from ems.domain.meter import Meter, MeterRole
from ems.domain.policy import Policy
from ems.domain.recurrence import NO_HOLIDAYS, Holidays
from ems.domain.service_class import ServiceClass
from ems.domain.station import Evse, Station


@dataclass(frozen=True, slots=True)
class Site:
    """Circuits, meters, stations and policy. Raises ValueError when one names another that does not exist.

    Positions, so that nobody has to look for them each second: `station_of_evse` and `circuit_of_evse`;
    `meter_of_circuit`, None where there is none; `evses_behind` each meter, at the circuits that it measures;
    `plant_below`, the PV and battery meters behind each circuit; and `battery_of_meter`, where a meter measures one.
    """

    name: str
    timezone: str
    circuits: CircuitTree
    stations: tuple[Station, ...]
    meters: tuple[Meter, ...] = ()
    limits: tuple[LimitWindow, ...] = ()
    policy: Policy = field(default_factory=Policy)
    voltage_v: float = 230.0
    currency: str = "EUR"
    holidays: Holidays = NO_HOLIDAYS
    classes: tuple[ServiceClass, ...] = ()
    batteries: tuple[Battery, ...] = ()
    evses: tuple[Evse, ...] = field(init=False)
    station_of_evse: tuple[int, ...] = field(init=False, repr=False)
    circuit_of_evse: tuple[int, ...] = field(init=False, repr=False, compare=False)
    meter_of_circuit: tuple[int | None, ...] = field(init=False, repr=False, compare=False)
    evses_behind: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    plant_below: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    battery_of_meter: dict[str, int] = field(init=False, repr=False, compare=False)
    zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _evse_index: dict[str, int] = field(init=False, repr=False, compare=False)
    _station_index: dict[str, int] = field(init=False, repr=False, compare=False)
    _meter_index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        evses = tuple(evse for station in self.stations for evse in station.evses)
        index = {evse.id: i for i, evse in enumerate(evses)}
        if len(index) != len(evses) or len({s.id for s in self.stations}) != len(self.stations):
            raise ValueError("station ids repeat")
        meters = {meter.id: i for i, meter in enumerate(self.meters)}
        for evse in evses:
            if evse.circuit not in self.circuits:
                raise ValueError(f"{evse.id} hangs on an unknown circuit {evse.circuit}")
            missing = [p.name for p in sorted(evse.wiring.phases) if not self.circuits[evse.circuit].rating_a[p]]
            if missing:
                raise ValueError(f"{evse.id} is wired to {', '.join(missing)}, which {evse.circuit} does not have")
        self._check_batteries()
        named = [c.meter for c in self.circuits] + [e.meter for e in evses] + [b.meter for b in self.batteries]
        for meter_id in (m for m in named if m is not None):
            if meter_id not in meters:
                raise ValueError(f"unknown meter {meter_id}")
        for window in self.limits:
            if window.scope not in self.circuits and window.scope not in index:
                raise ValueError(f"limit '{window.source}' names an unknown circuit or EVSE {window.scope}")
        object.__setattr__(self, "evses", evses)
        owner = {s.id: i for i, s in enumerate(self.stations)}
        object.__setattr__(self, "station_of_evse", tuple(owner[evse.station] for evse in evses))
        object.__setattr__(self, "circuit_of_evse", tuple(self.circuits.index(evse.circuit) for evse in evses))
        of_circuit = tuple(None if c.meter is None else meters[c.meter] for c in self.circuits)
        object.__setattr__(self, "meter_of_circuit", of_circuit)
        object.__setattr__(self, "evses_behind", tuple(self._evses_behind(meter) for meter in self.meters))
        object.__setattr__(self, "plant_below", tuple(self._plant_below(c.id) for c in self.circuits))
        measured = {battery.meter: i for i, battery in enumerate(self.batteries) if battery.meter is not None}
        object.__setattr__(self, "battery_of_meter", measured)
        object.__setattr__(self, "zone", ZoneInfo(self.timezone))
        object.__setattr__(self, "_evse_index", index)
        object.__setattr__(self, "_station_index", owner)
        object.__setattr__(self, "_meter_index", meters)

    def evse_index(self, evse_id: str) -> int | None:
        """Position of an EVSE in `evses`, None when the site has no such EVSE."""
        return self._evse_index.get(evse_id)

    def station_index(self, station_id: str) -> int | None:
        """Position of a station in `stations`, None when the site has no such station."""
        return self._station_index.get(station_id)

    def meter_index(self, meter_id: str) -> int | None:
        """Position of a meter in `meters`, None when the site has no such meter."""
        return self._meter_index.get(meter_id)

    def battery_index(self, battery_id: str) -> int | None:
        """Position of a battery in `batteries`, None when the site has no such battery."""
        return next((i for i, battery in enumerate(self.batteries) if battery.id == battery_id), None)

    @property
    def steered_battery(self) -> int | None:
        """Position of the battery that we tell what to do; one at most is planned for."""
        return next((i for i, battery in enumerate(self.batteries) if battery.steered), None)

    def service_class(self, number: int) -> ServiceClass:
        """The class of that number; one without name and promise where the site says nothing of it."""
        return next((known for known in self.classes if known.number == number), ServiceClass(number))

    def station_of(self, evse: Evse) -> Station:
        """The station that an EVSE belongs to."""
        return self.stations[self._station_index[evse.station]]

    def _check_batteries(self) -> None:
        if len({battery.id for battery in self.batteries}) != len(self.batteries):
            raise ValueError("battery ids repeat")
        for battery in self.batteries:
            if battery.circuit not in self.circuits:
                raise ValueError(f"battery {battery.id} hangs on an unknown circuit {battery.circuit}")

    def _evses_behind(self, meter: Meter) -> tuple[int, ...]:
        measured = {i for i, circuit in enumerate(self.circuits) if circuit.meter == meter.id}
        return tuple(j for j, i in enumerate(self.circuit_of_evse) if not measured.isdisjoint(self.circuits.path_of(i)))

    def _plant_below(self, circuit_id: str) -> tuple[int, ...]:
        below = self.circuits.subtree(circuit_id)
        return tuple(
            i for i, m in enumerate(self.meters) if m.role in {MeterRole.PV, MeterRole.BATTERY} and m.circuit in below
        )

    def generation_meters(self) -> tuple[Meter, ...]:
        """Meters of plant that can feed back, with the circuit they feed."""
        return tuple(m for m in self.meters if m.role in {MeterRole.PV, MeterRole.BATTERY})
