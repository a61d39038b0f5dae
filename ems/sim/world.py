"""What truly flows: the currents of all vehicles and other loads, added up through the tree of circuits.

Currents are phasors with unit power factor. A leg between two phases carries its current in the direction of the
voltage between them, so two such legs on one conductor add up to less than the sum of their magnitudes.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ems.domain.phases import Leg, Phase, PhaseAmps
from ems.domain.site import Site
from ems.sim.load_course import LoadCourse

Floats = NDArray[np.float64]
Phasors = NDArray[np.complex128]

PHASES = 3
UNIT = np.array([cmath.rect(1.0, -2.0 * math.pi / 3.0 * p) for p in range(PHASES)])
"""Direction of the voltage of each phase against neutral."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What flows through every circuit: a row of three phases each, in the order of the site's circuits.

    `of_evses` and `besides` are the two parts of `phasors`; `of_wild` is the part of EVSEs that disobey.
    """

    of_evses: Phasors
    besides: Phasors
    of_wild: Phasors | None = None

    @property
    def phasors(self) -> Phasors:
        """All of it."""
        return self.of_evses + self.besides

    @property
    def amps(self) -> Floats:
        """What a clamp around each conductor shows."""
        return np.abs(self.phasors)

    @property
    def amps_evses(self) -> Floats:
        """The part of our EVSEs alone."""
        return np.abs(self.of_evses)

    @property
    def amps_wild(self) -> Floats:
        """The part of EVSEs that disobey, alone."""
        return np.zeros(self.of_evses.shape) if self.of_wild is None else np.abs(self.of_wild)

    @property
    def besides_a(self) -> Floats:
        """Everything else alone, negative where it generates."""
        return np.asarray(np.real(self.besides * np.conj(UNIT)), dtype=np.float64)

    @property
    def in_phase_a(self) -> Floats:
        """The part of each current that carries power, negative where power flows towards the grid."""
        return np.asarray(np.real(self.phasors * np.conj(UNIT)), dtype=np.float64)

    @property
    def signed_a(self) -> Floats:
        """The magnitude, with the sign of the power: what a meter with signed currents shows."""
        return np.where(self.in_phase_a < 0, -self.amps, self.amps)


class World:
    """The site's conductors. Who owns a vehicle says what it draws; `flow` adds up."""

    def __init__(self, site: Site, courses: Iterable[LoadCourse] = ()) -> None:
        self.site = site
        self.courses = tuple(courses)
        for course in self.courses:
            if course.circuit not in site.circuits:
                raise ValueError(f"a load course names an unknown circuit {course.circuit}")
        self.extra: dict[str, PhaseAmps] = {}
        self.stored: dict[str, PhaseAmps] = {}
        self._shade: dict[str, float] = {}
        self._first_leg = np.cumsum([0, *(len(evse.wiring.legs) for evse in site.evses)])
        self._leg_amps = np.zeros(int(self._first_leg[-1]))
        self._wild = np.zeros(len(self._leg_amps), dtype=np.bool_)
        self._legs = _leg_matrix(site)
        self._above = _ancestry(site)

    def draws(self, evse: int, leg_amps: Sequence[float]) -> None:
        """The vehicle at an EVSE, given by its position, draws so much on each leg from now on."""
        first, last = self._first_leg[evse], self._first_leg[evse + 1]
        self._leg_amps[first:last] = leg_amps

    def is_wild(self, evse: int, *, wild: bool) -> None:
        """Whether the EVSE at a position disobeys what it has accepted, from now on."""
        first, last = self._first_leg[evse], self._first_leg[evse + 1]
        self._wild[first:last] = wild

    def flow(self, t: float) -> Flow:
        """What flows at `t`."""
        shape = (len(self.site.circuits), PHASES)
        of_wild = (self._legs @ (self._leg_amps * self._wild)).reshape(shape) if self._wild.any() else None
        return Flow((self._legs @ self._leg_amps).reshape(shape), self._besides(t), of_wild)

    def next_change(self, t: float) -> float:
        """When a load that is not a vehicle changes after `t`."""
        return min((course.next_change(t) for course in self.courses), default=math.inf)

    def generation_a(self, meter: str, t: float) -> PhaseAmps | None:
        """What the meter of a plant shows per phase, negative when it generates; None when it measures no plant."""
        own = [self._amps(course, t) for course in self.courses if course.meter == meter]
        if not own:
            return None
        return (sum(a[0] for a in own), sum(a[1] for a in own), sum(a[2] for a in own))

    def shade(self, circuit: str, share: float) -> None:
        """A cloud takes that share of what plants at a circuit generate, besides other clouds; negative if it goes."""
        self._shade[circuit] = self._shade.get(circuit, 0.0) + share

    def _amps(self, course: LoadCourse, t: float) -> PhaseAmps:
        amps, shade = course.at(t), self._shade.get(course.circuit, 0.0)
        if not shade:
            return amps
        clear = max(0.0, 1.0 - shade)
        a, b, c = (value * clear if value < 0 else value for value in amps)
        return (a, b, c)

    def _besides(self, t: float) -> Phasors:
        own = np.zeros((len(self.site.circuits), PHASES))
        for course in self.courses:
            own[self.site.circuits.index(course.circuit)] += self._amps(course, t)
        for circuit, amps in (*self.extra.items(), *self.stored.items()):
            own[self.site.circuits.index(circuit)] += amps
        return np.asarray((self._above @ own) * UNIT)


def _leg_matrix(site: Site) -> Phasors:
    """Phasor on each conductor of each circuit per ampere on each leg of each EVSE."""
    columns = []
    for evse in site.evses:
        for leg in evse.wiring.legs:
            column = np.zeros((len(site.circuits), PHASES), dtype=np.complex128)
            for circuit in site.circuits.path(evse.circuit):
                for phase, phasor in _on_conductors(leg):
                    column[circuit, phase] = phasor
            columns.append(column.reshape(-1))
    return np.array(columns).T


def _on_conductors(leg: Leg) -> list[tuple[Phase, complex]]:
    if len(leg) == 1:
        return [(leg[0], complex(UNIT[leg[0]]))]
    between = complex(UNIT[leg[0]] - UNIT[leg[1]])
    along = between / abs(between)
    return [(leg[0], along), (leg[1], -along)]


def _ancestry(site: Site) -> Floats:
    """1 where what flows in the column's circuit also flows in the row's."""
    matrix = np.zeros((len(site.circuits), len(site.circuits)))
    for i in range(len(site.circuits)):
        for above in site.circuits.path_of(i):
            matrix[above, i] = 1.0
    return matrix
