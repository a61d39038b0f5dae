"""What goes wrong, when, and for how long: a plan as data, so that a seed or a file repeats it exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ems.domain.site import Site


class FaultKind(StrEnum):
    """The faults that the world can show. `value` of a fault is named in parentheses."""

    STATION_LOST = "station-lost"
    STATION_REBOOT = "station-reboot"
    STATION_MUTE = "station-mute"
    STATION_REFUSES = "station-refuses"
    STATION_DISOBEYS = "station-disobeys"  # (the current at which it stays; 0 for its maximum)
    STATION_CLOCK = "station-clock"  # (seconds ahead)
    METER_SILENT = "meter-silent"
    METER_FROZEN = "meter-frozen"
    METER_LOST = "meter-lost"
    METER_EXCEPTION = "meter-exception"
    METER_WRONG_UNIT = "meter-wrong-unit"
    METER_NONSENSE = "meter-nonsense"
    METER_SLOW = "meter-slow"  # (seconds of delay)
    BATTERY_STOPS = "battery-stops"
    BATTERY_REFUSES = "battery-refuses"
    BATTERY_HOLDS_LESS = "battery-holds-less"
    BATTERY_WRONG_SOC = "battery-wrong-soc"
    BUILDING_STEP = "building-step"  # (ampere per phase)
    PV_CLOUD = "pv-cloud"  # (share of the generation that is lost)
    CONTROLLER_DEAD = "controller-dead"
    CLOCK_STEP = "clock-step"  # (seconds that the controller's wall clock jumps ahead)

    @property
    def subject(self) -> str:
        """What kind of thing `target` names: a station, a meter, a battery, a circuit or nothing."""
        if self in {FaultKind.BUILDING_STEP, FaultKind.PV_CLOUD}:
            return "circuit"
        word = self.value.partition("-")[0]
        return word if word in {"station", "meter", "battery"} else ""


NOTHING_READ = frozenset(
    {
        FaultKind.METER_SILENT,
        FaultKind.METER_LOST,
        FaultKind.METER_EXCEPTION,
        FaultKind.METER_WRONG_UNIT,
        FaultKind.METER_NONSENSE,
        FaultKind.METER_SLOW,
    }
)
"""Whatever happens on the wire, no reading comes of it."""

NEEDS_VALUE = frozenset(
    {
        FaultKind.STATION_CLOCK,
        FaultKind.METER_SLOW,
        FaultKind.BUILDING_STEP,
        FaultKind.PV_CLOUD,
        FaultKind.CLOCK_STEP,
    }
)

EVERY = "all"
"""In place of a station's or a meter's id: each of them, as when a switch dies."""


@dataclass(frozen=True, slots=True)
class Fault:
    """From `at_s` on for `lasts_s`; `target` is the id of what `kind` strikes, empty for the controller."""

    at_s: float
    kind: FaultKind
    target: str = ""
    lasts_s: float = 60.0
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.at_s < 0 or self.lasts_s <= 0:
            raise ValueError(f"{self.kind}: at_s must not be negative, lasts_s must be positive")
        if bool(self.kind.subject) != bool(self.target):
            raise ValueError(
                f"{self.kind}: target must " + (f"name a {self.kind.subject}" if self.kind.subject else "be absent")
            )
        if self.kind in NEEDS_VALUE and not self.value:
            raise ValueError(f"{self.kind}: value is needed, {_MEANING[self.kind]}")
        if self.kind is FaultKind.PV_CLOUD and not 0 < self.value <= 1:
            raise ValueError(f"{self.kind}: value is a share in 0 … 1, got {self.value:g}")


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in order of time."""

    faults: tuple[Fault, ...] = ()

    @classmethod
    def parse(cls, entries: object, site: Site) -> FaultPlan:
        """Read a list of mappings (at_s, kind, target, lasts_s, value). Raises ValueError that names each wrong one."""
        listed = entries if isinstance(entries, list) else None
        if listed is None:
            raise ValueError("faults: a list is needed, as '- {at_s: 60, kind: meter-silent, target: main}'")
        faults: list[Fault] = []
        problems = []
        for number, entry in enumerate(listed, 1):
            try:
                faults += _checked(_fault(entry), site)
            except (ValueError, TypeError) as wrong:
                problems.append(f"faults[{number}]: {wrong}")
        if problems:
            raise ValueError("\n".join(problems))
        return cls(tuple(sorted(faults, key=lambda fault: fault.at_s)))

    def of_the_world(self) -> FaultPlan:
        """Those that strike neither the controller nor what it sees and tells: other loads alone."""
        return FaultPlan(tuple(fault for fault in self.faults if fault.kind.subject == "circuit"))

    @classmethod
    def drawn(cls, rng: np.random.Generator, site: Site, seconds: float, count: int) -> FaultPlan:
        """So many faults, drawn at random, of the kinds that this site can show."""
        targets = _targets(site)
        kinds = [kind for kind in FaultKind if targets[kind.subject]]
        faults = []
        for _ in range(count):
            kind = kinds[int(rng.integers(len(kinds)))]
            names = targets[kind.subject]
            faults.append(
                Fault(
                    at_s=round(float(rng.uniform(0, seconds)), 1),
                    kind=kind,
                    target=names[int(rng.integers(len(names)))],
                    lasts_s=round(float(rng.uniform(5, 180)), 1),
                    value=_value(kind, rng),
                )
            )
        return cls(tuple(sorted(faults, key=lambda fault: (fault.at_s, fault.kind, fault.target))))


def _value(kind: FaultKind, rng: np.random.Generator) -> float:
    spans = {
        FaultKind.STATION_CLOCK: (-3600.0, 3600.0),
        FaultKind.METER_SLOW: (0.2, 5.0),
        FaultKind.BUILDING_STEP: (5.0, 40.0),
        FaultKind.PV_CLOUD: (0.3, 1.0),
        FaultKind.CLOCK_STEP: (-7200.0, 7200.0),
    }
    return round(float(rng.uniform(*spans[kind])), 2) if kind in spans else 0.0


def _fault(entry: object) -> Fault:
    if not isinstance(entry, Mapping):
        raise TypeError("a mapping is needed, as {at_s: 60, kind: meter-silent, target: main}")
    unknown = set(entry) - {"at_s", "kind", "target", "lasts_s", "value"}
    if unknown:
        raise ValueError(
            f"unknown key {', '.join(sorted(map(str, unknown)))}; known are at_s, kind, target, lasts_s, value"
        )
    if "at_s" not in entry or "kind" not in entry:
        raise ValueError("at_s and kind are needed")
    if entry["kind"] not in set(FaultKind):
        raise ValueError(f"unknown kind {entry['kind']!r}; known are {', '.join(FaultKind)}")
    numbers = {}
    for key in ("at_s", "lasts_s", "value"):
        if key in entry:
            value = entry[key]
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise TypeError(f"{key} must be a number, got {value!r}")
            numbers[key] = float(value)
    return Fault(kind=FaultKind(entry["kind"]), target=str(entry.get("target", "")), **numbers)


def _checked(fault: Fault, site: Site) -> list[Fault]:
    """The fault, or one for each of its kind's subjects."""
    names = _targets(site)[fault.kind.subject]
    if fault.target == EVERY and EVERY not in names:
        return [replace(fault, target=name) for name in names]
    if fault.target not in names:
        known = f"it has {', '.join(names)}" if names else "it has none"
        raise ValueError(f"{fault.kind}: the site has no {fault.kind.subject} {fault.target!r}; {known}")
    return [fault]


def _targets(site: Site) -> dict[str, list[str]]:
    return {
        "station": [station.id for station in site.stations],
        "meter": [meter.id for meter in site.meters],
        "battery": [battery.id for battery in site.batteries],
        "circuit": [circuit.id for circuit in site.circuits],
        "": [""],
    }


_MEANING = {
    FaultKind.STATION_CLOCK: "the seconds that its clock is ahead",
    FaultKind.METER_SLOW: "the seconds by which its answers are late",
    FaultKind.BUILDING_STEP: "the ampere per phase that are added",
    FaultKind.PV_CLOUD: "the share of the generation that is lost, 0 … 1",
    FaultKind.CLOCK_STEP: "the seconds that the wall clock jumps ahead",
}
