"""Dividing the capacity of all links among EVSEs at once: exact, and vectorised over links and EVSEs.

`admit` decides who gets a whole amount (the minimum current, a raise), in order of rank.
`share` is weighted max-min fairness by progressive filling (Bertsekas and Gallager, Data Networks, section 6.5.2),
generalised to lower bounds and to coefficients other than one.
`serve_in_order` gives each in order of rank what the earlier ones left.

All three work in rounds; each round settles every EVSE whose fate no longer depends on an unsettled one, and always at
least one. Capacities may be infinite; a negative capacity counts as none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ems.control.incidence import Bools, Floats, Incidence, Ints

TOLERANCE = 1e-9
"""Slack of comparisons; setpoints are rounded down to 0.1 A afterwards, far above it."""

LARGEST = 1e9
"""Above every capacity in watts that is one."""

SHORT = 1 << 16
"""So many different numbers have 16 bits."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Ampere per EVSE, and the link that kept it from more; -1 where its own upper bound did."""

    amps: Floats
    bottleneck: Ints


def admit(incidence: Incidence, capacity: Floats, amount: Floats, rank: Ints) -> Allocation:
    """Admit EVSEs in order of `rank` when their whole `amount` fits under every link; the others get 0.

    Equal to asking one after the other. `amount` 0 is always admitted; `bottleneck` is a link that refused.
    """
    bottleneck = np.full(incidence.evses, -1, dtype=np.intp)
    if (incidence.load(amount) <= np.maximum(capacity, 0.0)).all():
        return Allocation(amount, bottleneck)
    order = _in_order(incidence.link, rank[incidence.evse], max(incidence.links, incidence.evses))
    link, evse = incidence.link[order], incidence.evse[order]
    start = _starts(link, incidence.links)
    need = incidence.coefficient[order] * amount[evse]
    room = np.maximum(capacity[link], 0.0)
    room += TOLERANCE * np.maximum(1.0, room)
    admitted = amount <= 0.0
    settled = admitted.copy()
    while not settled.all():
        certain = _before(np.where(admitted[evse], need, 0.0), start)
        possible = _before(np.where(admitted[evse] | ~settled[evse], need, 0.0), start)
        fits = ~settled
        fits[evse[possible + need > room]] = False
        refusing = (certain + need > room) & ~settled[evse]
        bottleneck[evse[refusing]] = link[refusing]
        admitted |= fits
        settled |= fits
        settled[evse[refusing]] = True
    return Allocation(np.where(admitted, amount, 0.0), bottleneck)


def share(incidence: Incidence, capacity: Floats, lower: Floats, upper: Floats, weight: Floats) -> Allocation:
    """Weighted max-min fair currents between `lower` and `upper` under every link.

    At the result, every EVSE is at its upper bound or meets a full link on which no other EVSE above its lower bound
    has a higher current per weight. Where the lower bounds alone exceed a link, its EVSEs stay at their lower bounds.
    """
    upper = np.maximum(upper, lower)
    bottleneck = np.full(incidence.evses, -1, dtype=np.intp)
    settled = upper <= lower
    met = np.zeros(incidence.evses, dtype=np.bool_)
    met[incidence.evse] = True
    amps = np.where(met, lower, upper)
    remaining = capacity - incidence.load(lower)
    # Whoever meets a link that is full of lower bounds stays where it is; at a busy site that is nearly everybody.
    slack = TOLERANCE * np.minimum(np.maximum(capacity, 1.0), LARGEST)
    full = np.flatnonzero((remaining <= slack)[incidence.link] & ~settled[incidence.evse])
    bottleneck[incidence.evse[full]] = incidence.link[full]
    settled[incidence.evse[full]] = True
    part = incidence.only(~settled)
    first, last = lower / weight, upper / weight
    bends: _Bends | None = None
    while part.link.size:
        bends = _Bends.of(part, weight, first, last) if bends is None else bends.without(settled)
        level = bends.levels(remaining)
        reached = level[part.link]
        lowest = np.full(incidence.evses, np.inf)
        np.minimum.at(lowest, part.evse, reached)
        capped = ~settled & (last <= lowest + TOLERANCE)
        binding = reached <= lowest[part.evse] + TOLERANCE
        content = capped[part.evse]
        # A link is final when everyone on it is limited by it or by nothing; then its level cannot rise any more.
        final = np.ones(incidence.links, dtype=np.bool_)
        final[part.link[~(binding | content)]] = False
        bound = np.flatnonzero(binding & final[part.link] & ~content)
        stopped = part.evse[bound]
        bottleneck[stopped] = part.link[bound]
        newly = capped.copy()
        newly[stopped] = True
        amps = np.where(newly, np.where(capped, upper, np.minimum(np.maximum(weight * lowest, lower), upper)), amps)
        remaining = remaining - part.load(np.where(newly, amps - lower, 0.0))
        settled |= newly
        part = part.only(~settled)
    return Allocation(amps, bottleneck)


@dataclass(frozen=True, slots=True)
class _Bends:
    """The load of each link over the common level (current per weight) is piecewise linear; these are its bends,
    sorted by link and level: an EVSE adds `coefficient * weight` to the slope at its lower bound, and takes it off at
    its upper bound.

    `start`: position of the link's first bend; `step`: rise of the level since the bend before; `end`: the next bend.
    """

    link: Ints
    evse: Ints
    at: Floats
    change: Floats
    links: int
    start: Ints
    step: Floats
    end: Floats

    @classmethod
    def of(cls, part: Incidence, weight: Floats, first: Floats, last: Floats) -> _Bends:
        slope = part.coefficient * weight[part.evse]
        link, change = np.concatenate((part.link, part.link)), np.concatenate((slope, -slope))
        evse, bend = np.concatenate((part.evse, part.evse)), np.concatenate((part.evse, part.evse + part.evses))
        at = np.concatenate((first, last))
        place = np.empty(at.size, dtype=np.intp)
        place[at.argsort(kind="stable")] = np.arange(at.size)
        order = _in_order(link, place[bend], max(part.links, at.size))
        return cls._sorted(link[order], evse[order], at[bend[order]], change[order], part.links)

    @classmethod
    def _sorted(cls, link: Ints, evse: Ints, at: Floats, change: Floats, links: int) -> _Bends:
        step, end = np.zeros(at.size), np.full(at.size, np.inf)
        same = link[1:] == link[:-1]
        step[1:] = np.where(same, at[1:] - at[:-1], 0.0)
        end[:-1] = np.where(same, at[1:], np.inf)
        return cls(link, evse, at, change, links, _starts(link, links), step, end)

    def without(self, settled: Bools) -> _Bends:
        """The bends of the others; those of the settled stay as points where nothing bends until they are many."""
        keep = ~settled[self.evse]
        if 2 * np.count_nonzero(keep) > keep.size:
            change = np.where(keep, self.change, 0.0)
            return _Bends(self.link, self.evse, self.at, change, self.links, self.start, self.step, self.end)
        return _Bends._sorted(self.link[keep], self.evse[keep], self.at[keep], self.change[keep], self.links)

    def levels(self, remaining: Floats) -> Floats:
        """Per link the level at which it is full, if it alone limits its EVSEs; infinite when it never is."""
        slope_before = _before(self.change, self.start)
        rise = slope_before * self.step
        load = _before(rise, self.start) + rise
        slope = slope_before + self.change
        room = np.maximum(remaining, 0.0)[self.link]
        rising = slope > TOLERANCE
        full = self.at + (room - load) / np.maximum(slope, TOLERANCE)
        here = np.flatnonzero(rising & (load <= room + TOLERANCE) & (full <= self.end + TOLERANCE))
        level = np.full(self.links, np.inf)
        np.minimum.at(level, self.link[here], np.maximum(full[here], self.at[here]))
        return level


def serve_in_order(incidence: Incidence, capacity: Floats, lower: Floats, upper: Floats, rank: Ints) -> Allocation:
    """Raise each EVSE from `lower` towards `upper` in order of `rank`, as far as the earlier ones leave room."""
    wish = np.maximum(upper - lower, 0.0)
    part = incidence.only(wish > 0.0)
    order = _in_order(part.link, rank[part.evse], max(part.links, part.evses))
    link, evse, coefficient = part.link[order], part.evse[order], part.coefficient[order]
    start = _starts(link, part.links)
    room = np.maximum(capacity - incidence.load(lower), 0.0)[link]
    gain = np.zeros(incidence.evses)
    bottleneck = np.full(incidence.evses, -1, dtype=np.intp)
    settled = wish <= 0.0
    while not settled.all():
        certain = _before(coefficient * gain[evse], start)
        possible = certain + _before(np.where(settled[evse], 0.0, coefficient * wish[evse]), start)
        left = np.maximum(room - certain, 0.0) / coefficient
        most, least = wish.copy(), wish.copy()
        np.minimum.at(most, evse, left)
        np.minimum.at(least, evse, np.maximum(room - possible, 0.0) / coefficient)
        # Settled once those ahead that are still open can no longer change the outcome.
        ready = ~settled & (most - least <= TOLERANCE)
        gain = np.where(ready, most, gain)
        limited = ready[evse] & (left <= most[evse] + TOLERANCE) & (most[evse] < wish[evse])
        bottleneck[evse[limited]] = link[limited]
        settled |= ready
    return Allocation(lower + gain, bottleneck)


def _in_order(link: Ints, place: Ints, most: int) -> Ints:
    """The order of entries by link, then by place; all below `most`. Numbers of 16 bits are sorted by their digits,
    many times as fast as by comparing them.
    """
    number = np.uint16 if most <= SHORT else np.intp
    return np.lexsort((place.astype(number), link.astype(number)))


def _starts(link: Ints, links: int) -> Ints:
    """For each entry of a sorted link column the position of its link's first entry."""
    entries = np.bincount(link, minlength=links)
    return np.asarray((entries.cumsum() - entries)[link])


def _before(values: Floats, start: Ints) -> Floats:
    """Sum of the values that precede each entry within its link."""
    before = values.cumsum() - values
    return np.asarray(before - before[start])
