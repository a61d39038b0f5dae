"""The constraint network: which EVSE loads which circuit on which phase, as index arrays.

Every circuit has four links: one per phase (capacity in ampere) and one for its total power (capacity in watt). After
all of these, a circuit with a rule against unbalance has a link for every phase beside every other one (capacity in
ampere), which an EVSE loads that may draw on the one without drawing as much on the other. The last links are further
sides of phases on which legs between two phases come together (see `phasors`).

Unbalance is a difference, so a cut on one phase may raise it. What is bounded here is therefore not the difference
itself but the most that it can become: the sum of the currents that count for it, with nothing taken off for what
flows on the other phase, since that may end at any moment without our doing. Such a sum falls with every cut, so
that whatever lowers a current, the guard included, leaves the rule kept, and it fills up like any other link. It is
what VDE-AR-N 4100 section 5.5.1 asks of charging equipment on fewer than three phases, whose ratings are added up
per phase conductor (what a load management enforces takes the place of the ratings); more is allowed by 5.5.2 only
to a device that restores the balance within a tenth of a second, which no station can that is told its limit over a
network. Given away: one-phase vehicles that happen to be spread evenly are held to the limit on each phase all the
same; and a three-phase one counts on each of its legs until a sample has shown that it loads them evenly. Base load
does not count: it is nobody's to spread but the electrician's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ems.control.incidence import Bools, Floats, Incidence, Ints, summed
from ems.control.phasors import LEG_DEG, SIDES, angle_deg, parts
from ems.domain.phases import MAX_LEGS, PHASE_PAIRS, Leg, Phase
from ems.domain.site import Site
from ems.domain.station import Evse

LINKS_PER_CIRCUIT = 4
POWER = 3
"""Offset of a circuit's power link after its three phase links."""

BETWEEN_PHASES = math.sqrt(3.0) / 2.0
"""Cosine of the angle between the current of a leg between two phases and the voltage of either."""


class Spread(IntEnum):
    """How an EVSE's current is spread over its legs, as far as it matters between phases: nothing flows; evenly, which
    loads no phase more than another of its own; or nobody knows, so that each leg may carry all of it alone.
    """

    NOTHING = 0
    EVEN = 1
    UNKNOWN = 2


NOTHING, EVEN, UNKNOWN = Spread


@dataclass(frozen=True, slots=True)
class Source:
    """Who set a limit, in words, and until when."""

    text: str
    until: datetime | None = None
    is_rating: bool = True


class Between(NamedTuple):
    """A link for how much more of our current one phase of a circuit may carry than another."""

    circuit: int
    more: Phase
    less: Phase


class LegEntries(NamedTuple):
    """Entries on phase links before it is known which legs count: link, EVSE, and coefficient of each; and its leg, as
    a position in a table with MAX_LEGS in a row for each EVSE.
    """

    link: Ints
    evse: Ints
    leg: Ints
    coefficient: Floats

    @classmethod
    def of(cls, entries: Sequence[tuple[int, int, int, float]]) -> LegEntries:
        """From rows."""
        table = np.array(entries, dtype=np.float64).reshape(-1, 4).T
        whole = table[:3].astype(np.intp)
        return cls(whole[0], whole[1], whole[1] * MAX_LEGS + whole[2], table[3])


@dataclass(frozen=True, slots=True)
class Network:
    """The entries of a site, built once. A phase entry belongs to one leg, a power entry to all legs of its EVSE.

    `summed`: the entries on phase links where currents are added up as if they were in phase. `sided`: those of the
    sides of polygons, and of phases that need none; `side_of`: the phase link of each further side, the last links.

    `in_phase`: the part of a leg's current that is in phase with the voltage of the conductor; of a leg between two
    phases it is the cosine of thirty degrees. Per link: what is rated (infinite for power) and by whom, what is
    kept free, and the most that other loads may draw. `between`: what the links from `first_between` on are for; the
    leg of an entry there loads the one phase, and `between_other` is the leg on the other, MAX_LEGS where there is
    none.
    """

    summed: LegEntries
    sided: LegEntries
    side_of: Ints
    in_phase: Floats
    power_link: Ints
    power_evse: Ints
    watts_per_leg: Floats
    between: tuple[Between, ...]
    between_link: Ints
    between_evse: Ints
    between_leg: Ints
    between_other: Ints
    rating: Floats
    rated_by: tuple[Source, ...]
    margin: Floats
    worst_base: Floats
    links: int
    evses: int

    @classmethod
    def of(cls, site: Site) -> Network:
        """Lay out the links of `site`; power links count watts at nominal voltage."""
        carried = list(_carried(site))
        power = [
            (i * LINKS_PER_CIRCUIT + POWER, j) for j, e in enumerate(site.evses) for i in site.circuits.path(e.circuit)
        ]
        between = tuple(_between(site))
        first_side = len(site.circuits) * LINKS_PER_CIRCUIT + len(between)
        sided, side_of = _sides(carried, first_side)
        pairs = np.array(list(_entries_between(site, between)), dtype=np.intp).reshape(-1, 4).T
        powers = np.array(power, dtype=np.intp).reshape(-1, 2).T
        none = [0.0] * (len(between) + len(side_of))
        watts = np.array([e.wiring.watts_per_amp(site.voltage_v, legs_in_use=1) for e in site.evses], dtype=np.float64)
        return cls(
            summed=LegEntries.of([(entry.link, entry.evse, entry.leg, 1.0) for entry in carried]),
            sided=sided,
            side_of=side_of,
            in_phase=np.array([BETWEEN_PHASES if len(entry.wires) > 1 else 1.0 for entry in carried]),
            power_link=powers[0],
            power_evse=powers[1],
            watts_per_leg=watts,
            between=between,
            between_link=pairs[0],
            between_evse=pairs[1],
            between_leg=pairs[2],
            between_other=pairs[3],
            rating=np.array(
                [a for c in site.circuits for a in (*c.rating_a, math.inf)]
                + [_most_between(site, link) for link in between]
                + [math.inf] * len(side_of)
            ),
            rated_by=tuple(_rated_by(site, between)),
            margin=np.array([a for c in site.circuits for a in (*(c.margin_a,) * POWER, 0.0)] + none),
            worst_base=np.array(
                [a for c in site.circuits for a in (*c.worst_load_a, sum(c.worst_load_a) * site.voltage_v)] + none
            ),
            links=first_side + len(side_of),
            evses=len(site.evses),
        )

    @property
    def nothing(self) -> Incidence:
        """No entries at all."""
        none = np.empty(0, dtype=np.intp)
        return Incidence(none, none, np.empty(0), self.links, self.evses)

    @property
    def first_between(self) -> int:
        """The first link of unbalance; `first_side` when there are none."""
        return self.first_side - len(self.between)

    @property
    def first_side(self) -> int:
        """The first further side of a phase; `links` when there are none."""
        return self.links - self.side_of.size

    def incidence(self, legs: Bools, spread: Ints) -> Incidence:
        """The entries of the legs that count, added up as if all currents were in phase; `legs` has one row of three
        per EVSE, `spread` a `Spread` of each.
        """
        return self._entries(self.summed, legs, spread)

    def polygons(self, legs: Bools, spread: Ints) -> Incidence:
        """The same with the sides of polygons where legs between two phases come together."""
        return self._entries(self.sided, legs, spread)

    def _entries(self, phases: LegEntries, legs: Bools, spread: Ints) -> Incidence:
        keep, apart = legs.ravel()[phases.leg], self._apart(legs, spread)
        watts = self.watts_per_leg * legs.sum(axis=1)
        ones = np.ones(np.count_nonzero(apart))
        return Incidence(
            link=np.concatenate((phases.link[keep], self.between_link[apart], self.power_link)),
            evse=np.concatenate((phases.evse[keep], self.between_evse[apart], self.power_evse)),
            coefficient=np.concatenate((phases.coefficient[keep], ones, watts[self.power_evse])),
            links=self.links,
            evses=self.evses,
        )

    def carried(self, polygons: Incidence, amps: Floats) -> Floats:
        """What every link must carry when each EVSE draws `amps`; of a phase with several sides, the most of any."""
        load = polygons.load(amps)
        if self.side_of.size:
            np.maximum.at(load, self.side_of, load[self.first_side :])
        return load

    def _apart(self, legs: Bools, spread: Ints) -> Bools:
        """Which entries between phases count: of legs that may carry more than the EVSE draws on the other phase."""
        known = np.column_stack((legs, np.zeros(len(legs), dtype=np.bool_)))
        flows = legs[self.between_evse, self.between_leg] & (spread[self.between_evse] > NOTHING)
        even = known[self.between_evse, self.between_other] & (spread[self.between_evse] == EVEN)
        return np.asarray(flows & ~even)

    def load_of_legs(self, leg_amps: Floats) -> Floats:
        """What a meter at every link sees of it when each leg carries its own current, at least; `leg_amps` has one row
        of three per EVSE. Legs between two phases are out of phase with what else flows there: less of a measured
        current may be theirs than the sum of theirs, and the more is base load.
        """
        currents = self.in_phase * leg_amps.ravel()[self.summed.leg]
        watts = self.watts_per_leg * (leg_amps[:, 0] + leg_amps[:, 1] + leg_amps[:, 2])
        phases = summed(self.summed.link, currents, self.links)
        return phases + summed(self.power_link, watts[self.power_evse], self.links)


def circuit_of(link: int) -> int:
    """Position of the circuit that a link of a phase or of power belongs to."""
    return link // LINKS_PER_CIRCUIT


class _Carried(NamedTuple):
    """A leg of an EVSE on the phase of a circuit above it."""

    link: int
    evse: int
    leg: int
    phase: Phase
    wires: Leg


def _carried(site: Site) -> Iterator[_Carried]:
    for j, evse in enumerate(site.evses):
        for i in site.circuits.path(evse.circuit):
            for k, leg in enumerate(evse.wiring.legs):
                yield from (_Carried(i * LINKS_PER_CIRCUIT + phase, j, k, phase, leg) for phase in leg)


def _sides(carried: Sequence[_Carried], first: int) -> tuple[LegEntries, Ints]:
    """The entries with a polygon for each phase that needs one, its first side on the link of the phase itself and the
    others from `first` on; and whose sides those are.
    """
    angles: dict[int, set[float]] = {}
    for entry in carried:
        angles.setdefault(entry.link, set()).add(angle_deg(entry.wires, entry.phase))
    mixed = sorted(link for link, found in angles.items() if max(found) - min(found) > LEG_DEG)
    links = {
        link: (link, *range(first + n * (SIDES - 1), first + (n + 1) * (SIDES - 1))) for n, link in enumerate(mixed)
    }
    rows: list[tuple[int, int, int, float]] = []
    for entry in carried:
        sides = zip(links[entry.link], parts(entry.wires, entry.phase), strict=True) if entry.link in links else ()
        rows += [(side, entry.evse, entry.leg, part) for side, part in sides] or [
            (entry.link, entry.evse, entry.leg, 1.0)
        ]
    return LegEntries.of(rows), np.repeat(np.array(mixed, dtype=np.intp), SIDES - 1)


def _between(site: Site) -> Iterator[Between]:
    for i, circuit in enumerate(site.circuits):
        if circuit.unbalance_max_a is not None:
            yield from (Between(i, more, less) for more, less in PHASE_PAIRS)


def _rated_by(site: Site, between: Sequence[Between]) -> Iterator[Source]:
    for circuit in site.circuits:
        yield from [Source(f"rating of {circuit.id}")] * LINKS_PER_CIRCUIT
    for link in between:
        circuit = site.circuits.circuits[link.circuit]
        rule = f"unbalance of {link.more.name} over {link.less.name} at {circuit.id} ({circuit.unbalance_max_a:g} A)"
        yield Source(rule)


def _most_between(site: Site, link: Between) -> float:
    most = site.circuits.circuits[link.circuit].unbalance_max_a
    return math.inf if most is None else most


def _entries_between(site: Site, between: tuple[Between, ...]) -> Iterator[tuple[int, int, int, int]]:
    """(link, EVSE, leg, other leg) of every leg on the one phase that is not on the other as well."""
    first = len(site.circuits) * LINKS_PER_CIRCUIT
    for j, evse in enumerate(site.evses):
        path = site.circuits.path(evse.circuit)
        for k, link in enumerate(between):
            leg, other = _leg_on(evse, link.more), _leg_on(evse, link.less)
            if link.circuit in path and leg not in {MAX_LEGS, other}:
                yield first + k, j, leg, other


def _leg_on(evse: Evse, phase: Phase) -> int:
    """The leg that loads a phase; MAX_LEGS where none does."""
    return next((k for k, leg in enumerate(evse.wiring.legs) if phase in leg), MAX_LEGS)
