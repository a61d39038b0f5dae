"""The constraint network: which EVSE loads which circuit on which phase, as index arrays.

Every circuit has four links: one per phase (capacity in ampere) and one for its total power (capacity in watt).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ems.domain.site import Site

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

LINKS_PER_CIRCUIT = 4
POWER = 3
"""Offset of a circuit's power link after its three phase links."""

BETWEEN_PHASES = math.sqrt(3.0) / 2.0
"""Cosine of the angle between the current of a leg between two phases and the voltage of either."""


@dataclass(frozen=True, slots=True)
class Incidence:
    """Entries (link, evse, coefficient): one ampere at `evse` loads `link` by `coefficient`.

    Links and EVSEs are positions; an EVSE meets a link in one entry at most.
    """

    link: Ints
    evse: Ints
    coefficient: Floats
    links: int
    evses: int

    def load(self, amps: Floats) -> Floats:
        """Load of every link when each EVSE draws `amps`."""
        return _summed(self.link, self.coefficient * amps[self.evse], self.links)

    def only(self, evses: Bools) -> Incidence:
        """The entries of some EVSEs."""
        keep = evses[self.evse]
        return Incidence(self.link[keep], self.evse[keep], self.coefficient[keep], self.links, self.evses)

    def under(self, capacity: Floats) -> Incidence:
        """The entries whose link has a finite capacity; the others cannot bind."""
        keep = np.isfinite(capacity)[self.link]
        return Incidence(self.link[keep], self.evse[keep], self.coefficient[keep], self.links, self.evses)


@dataclass(frozen=True, slots=True)
class Network:
    """The entries of a site, built once. A phase entry belongs to one leg, a power entry to all legs of its EVSE.

    `in_phase`: the part of a leg's current that is in phase with the voltage of the conductor; of a leg between two
    phases it is the cosine of thirty degrees. Per link: what is rated (infinite for power), what is kept free, and the
    most that other loads may draw.
    """

    phase_link: Ints
    phase_evse: Ints
    phase_leg: Ints
    in_phase: Floats
    power_link: Ints
    power_evse: Ints
    watts_per_leg: Floats
    rating: Floats
    margin: Floats
    worst_base: Floats
    links: int
    evses: int

    @classmethod
    def of(cls, site: Site) -> Network:
        """Lay out the links of `site`; power links count watts at nominal voltage."""
        phase: list[tuple[int, int, int]] = []
        power: list[tuple[int, int]] = []
        for j, evse in enumerate(site.evses):
            for circuit in site.circuits.path(evse.circuit):
                first = circuit * LINKS_PER_CIRCUIT
                phase += [(first + p, j, k) for k, leg in enumerate(evse.wiring.legs) for p in leg]
                power.append((first + POWER, j))
        phases = np.array(phase, dtype=np.intp).reshape(-1, 3).T
        powers = np.array(power, dtype=np.intp).reshape(-1, 2).T
        watts = np.array([e.wiring.watts_per_amp(site.voltage_v, legs_in_use=1) for e in site.evses], dtype=np.float64)
        return cls(
            phase_link=phases[0],
            phase_evse=phases[1],
            phase_leg=phases[2],
            in_phase=np.array([BETWEEN_PHASES if len(site.evses[j].wiring.legs[k]) > 1 else 1.0 for _, j, k in phase]),
            power_link=powers[0],
            power_evse=powers[1],
            watts_per_leg=watts,
            rating=np.array([a for c in site.circuits for a in (*c.rating_a, math.inf)]),
            margin=np.array([a for c in site.circuits for a in (*(c.margin_a,) * POWER, 0.0)]),
            worst_base=np.array(
                [a for c in site.circuits for a in (*c.worst_load_a, sum(c.worst_load_a) * site.voltage_v)]
            ),
            links=len(site.circuits) * LINKS_PER_CIRCUIT,
            evses=len(site.evses),
        )

    @property
    def nothing(self) -> Incidence:
        """No entries at all."""
        none = np.empty(0, dtype=np.intp)
        return Incidence(none, none, np.empty(0), self.links, self.evses)

    def incidence(self, legs: Bools) -> Incidence:
        """The entries of the legs that count; `legs` has one row of three per EVSE."""
        keep = legs[self.phase_evse, self.phase_leg]
        watts = self.watts_per_leg * legs.sum(axis=1)
        link, evse = self.phase_link[keep], self.phase_evse[keep]
        return Incidence(
            link=np.concatenate((link, self.power_link)),
            evse=np.concatenate((evse, self.power_evse)),
            coefficient=np.concatenate((np.ones(link.size), watts[self.power_evse])),
            links=self.links,
            evses=self.evses,
        )

    def load_of_legs(self, leg_amps: Floats) -> Floats:
        """What a meter at every link sees of it when each leg carries its own current, at least; `leg_amps` has one row
        of three per EVSE. Legs between two phases are out of phase with what else flows there: less of a measured
        current may be theirs than the sum of theirs, and the more is base load.
        """
        currents = self.in_phase * leg_amps[self.phase_evse, self.phase_leg]
        watts = self.watts_per_leg * leg_amps.sum(axis=1)
        phases = _summed(self.phase_link, currents, self.links)
        return phases + _summed(self.power_link, watts[self.power_evse], self.links)


def _summed(link: Ints, values: Floats, links: int) -> Floats:
    return np.asarray(np.bincount(link, weights=values, minlength=links), dtype=np.float64)


def circuit_of(link: int) -> int:
    """Position of the circuit that a link belongs to."""
    return link // LINKS_PER_CIRCUIT
