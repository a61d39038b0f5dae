"""The story of a demonstration: who arrives, what the building draws, what the sun gives. Read from `scenario.yaml`.

    repeat_s: 300          # the story begins again after so long, a little different each time
    noise_a: 0.3           # the building's current trembles by so much
    building:              # what a circuit draws besides vehicles, ampere per phase, from each moment on
      grid: [{at_s: 0, amps: 8}, {at_s: 40, amps: [26, 26, 24]}]
    pv:                    # what a plant feeds back, ampere per phase, by the meter that measures it
      roof: [{at_s: 0, amps: 6}]
    arrivals:              # energy_kwh is what the vehicle takes, at most
      - {at_s: 1, evse: HALL-1/1, energy_kwh: 2.5, stay_s: 200, max_a: 32, legs: 3}

Only plain data is read here: whoever parses the file hands over mappings and lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ems.domain.phases import PhaseAmps
from ems.domain.site import Site
from ems.sim.load_course import LoadCourse

DEFAULT_REPEAT_S = 600.0
CAR_KEYS = {"at_s", "evse", "energy_kwh", "stay_s", "max_a", "legs", "soc", "tag"}
KEYS = {"repeat_s", "noise_a", "building", "pv", "arrivals"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A vehicle that comes `at_s` after the begin and leaves `stay_s` later."""

    at_s: float
    evse: str
    energy_wh: float
    stay_s: float
    max_a: float = 32.0
    legs: int = 3
    soc: float = 0.3
    tag: str = "DEMO"


@dataclass(frozen=True, slots=True)
class Scenario:
    """The story of one round, and how long a round is."""

    arrivals: tuple[Arrival, ...] = ()
    courses: tuple[LoadCourse, ...] = ()
    repeat_s: float = DEFAULT_REPEAT_S
    noise_a: float = 0.0

    @classmethod
    def parse(cls, content: object, site: Site) -> Scenario:
        """Read the content of a file. Raises ValueError that names every problem, one per line."""
        problems: list[str] = []
        found = _Reader(site, problems).read(content)
        if problems:
            raise ValueError("\n".join(problems))
        return found

    def round(self, number: int, rng: np.random.Generator) -> tuple[Arrival, ...]:
        """The arrivals of one round, counted from 0, in order of time; their `at_s` counts from the first begin.

        From the second round on energies and times differ a little, so that no two rounds look the same.
        """
        begin = number * self.repeat_s
        if number == 0:
            return tuple(sorted(self.arrivals, key=lambda a: a.at_s))
        changed = []
        for arrival in self.arrivals:
            later = float(rng.uniform(0.0, 0.05)) * self.repeat_s
            stay = arrival.stay_s * float(rng.uniform(0.75, 1.0))
            energy = arrival.energy_wh * float(rng.uniform(0.6, 1.4))
            latest = self.repeat_s - arrival.at_s - stay
            at_s = begin + arrival.at_s + max(0.0, min(later, latest))
            changed.append(replace(arrival, at_s=at_s, stay_s=stay, energy_wh=energy))
        return tuple(sorted(changed, key=lambda a: a.at_s))


class _Reader:
    """Collects problems instead of stopping at the first."""

    def __init__(self, site: Site, problems: list[str]) -> None:
        self.site, self.problems = site, problems

    def read(self, content: object) -> Scenario:
        if not isinstance(content, Mapping):
            self.problems.append("a scenario is a mapping with arrivals, building, pv, repeat_s and noise_a")
            return Scenario()
        self._unknown("scenario", content, KEYS)
        repeat_s = self._number("repeat_s", content.get("repeat_s", DEFAULT_REPEAT_S), least=10.0)
        noise_a = self._number("noise_a", content.get("noise_a", 0.0))
        arrivals = tuple(self._arrivals(content.get("arrivals")))
        courses = [*self._courses("building", content.get("building"), repeat_s, self._of_circuit)]
        courses += self._courses("pv", content.get("pv"), repeat_s, self._of_plant)
        self._overlaps(arrivals, repeat_s)
        return Scenario(arrivals, tuple(courses), repeat_s, noise_a)

    def _arrivals(self, entries: object) -> Iterator[Arrival]:
        if entries is None:
            return
        if not isinstance(entries, list):
            self.problems.append("arrivals: a list is needed")
            return
        for number, entry in enumerate(entries, 1):
            where = f"arrivals[{number}]"
            if not isinstance(entry, Mapping):
                self.problems.append(
                    f"{where}: a mapping is needed, as {{at_s: 1, evse: CP-1/1, energy_kwh: 2, stay_s: 200}}"
                )
                continue
            before = len(self.problems)
            self._unknown(where, entry, CAR_KEYS)
            self.problems += [
                f"{where}: {key} is missing" for key in ("at_s", "evse", "energy_kwh", "stay_s") if key not in entry
            ]
            if len(self.problems) == before:
                arrival = self._arrival(where, entry)
                if len(self.problems) == before:
                    yield arrival

    def _arrival(self, where: str, entry: Mapping[Any, Any]) -> Arrival:
        evse = str(entry["evse"])
        if self.site.evse_index(evse) is None:
            known = ", ".join(e.id for e in self.site.evses[:4])
            self.problems.append(f"{where}: the site has no EVSE {evse!r}; it has {known}, …")
        legs = self._number(f"{where}.legs", entry.get("legs", 3), least=1.0, most=3.0)
        return Arrival(
            at_s=self._number(f"{where}.at_s", entry["at_s"]),
            evse=evse,
            energy_wh=1000.0 * self._number(f"{where}.energy_kwh", entry["energy_kwh"]),
            stay_s=self._number(f"{where}.stay_s", entry["stay_s"], least=1.0),
            max_a=self._number(f"{where}.max_a", entry.get("max_a", 32.0), least=6.0, most=500.0),
            legs=int(legs),
            soc=self._number(f"{where}.soc", entry.get("soc", 0.3), most=0.99),
            tag=str(entry.get("tag", "DEMO")),
        )

    def _courses(
        self, part: str, content: object, repeat_s: float, named: Callable[[str, str], tuple[str, float, str | None]]
    ) -> Iterator[LoadCourse]:
        if content is None:
            return
        if not isinstance(content, Mapping):
            self.problems.append(f"{part}: a mapping is needed")
            return
        for name, entries in content.items():
            where = f"{part}.{name}"
            circuit, sign, meter = named(where, str(name))
            points = [self._point(f"{where}[{k}]", entry, sign) for k, entry in enumerate(entries or [], 1)]
            try:
                yield LoadCourse(circuit, tuple(points), repeat_s, meter)
            except ValueError as wrong:
                self.problems.append(f"{where}: {wrong}")

    def _of_circuit(self, where: str, name: str) -> tuple[str, float, str | None]:
        if name not in self.site.circuits:
            self.problems.append(f"{where}: the site has no circuit {name!r}")
        return name, 1.0, None

    def _of_plant(self, where: str, name: str) -> tuple[str, float, str | None]:
        index = self.site.meter_index(name)
        circuit = None if index is None else self.site.meters[index].circuit
        if circuit is None:
            self.problems.append(f"{where}: the site has no meter {name!r} with role pv and a circuit")
        return circuit or "", -1.0, name

    def _point(self, where: str, entry: object, sign: float) -> tuple[float, PhaseAmps]:
        if not isinstance(entry, Mapping) or set(entry) != {"at_s", "amps"}:
            self.problems.append(f"{where}: needs at_s and amps")
            return 0.0, (0.0, 0.0, 0.0)
        amps = entry["amps"]
        values = list(amps) if isinstance(amps, list) else [amps] * 3
        if len(values) != 3:
            self.problems.append(f"{where}: amps is one number, or three for L1, L2, L3")
            values = [0.0] * 3
        a, b, c = (sign * self._number(f"{where}.amps", value) for value in values)
        return self._number(f"{where}.at_s", entry["at_s"]), (a, b, c)

    def _number(self, where: str, value: object, least: float = 0.0, most: float = math.inf) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            span = f"from {least:g} on" if math.isinf(most) else f"{least:g} … {most:g}"
            self.problems.append(f"{where}: a number {span} is needed, got {value!r}")
            return least
        return float(value)

    def _unknown(self, where: str, entry: Mapping[Any, Any], known: set[str]) -> None:
        for key in entry:
            if key not in known:
                self.problems.append(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")

    def _overlaps(self, arrivals: tuple[Arrival, ...], repeat_s: float) -> None:
        free: dict[str, float] = {}
        for arrival in sorted(arrivals, key=lambda a: a.at_s):
            leaves = arrival.at_s + arrival.stay_s
            if arrival.at_s < free.get(arrival.evse, 0.0):
                self.problems.append(f"arrivals: {arrival.evse} is still taken at {arrival.at_s:g} s")
            if leaves > repeat_s:
                self.problems.append(
                    f"arrivals: who comes to {arrival.evse} at {arrival.at_s:g} s stays beyond repeat_s"
                )
            free[arrival.evse] = leaves
