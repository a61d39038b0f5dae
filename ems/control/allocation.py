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
    amps, bottleneck, rises = upper.copy(), np.full(incidence.evses, -1, dtype=np.intp), upper > lower
    remaining = capacity - incidence.load(lower)
    # Whoever meets a link that is full of lower bounds stays where it is; at a busy site that is nearly everybody.
    slack = TOLERANCE * np.minimum(np.maximum(capacity, 1.0), LARGEST)
    full = ((remaining <= slack)[incidence.link] & rises[incidence.evse]).nonzero()[0]
    stuck = incidence.evse[full]
    bottleneck[stuck], amps[stuck], rises[stuck] = incidence.link[full], lower[stuck], False
    # A link that carries all that the others could have keeps nobody from anything.
    part = incidence.only(rises)
    part = part.on(part.load(np.where(rises, upper - lower, 0.0)) > remaining + TOLERANCE)
    if not part.link.size:
        return Allocation(amps, bottleneck)
    settled = np.ones(incidence.evses, dtype=np.bool_)
    settled[part.evse] = False
    amps = np.where(settled, amps, lower)
    first, last, nothing = lower / weight, upper / weight, np.full(incidence.evses, np.inf)
    # Where all begin and end at the same level, as at most sites that are short, no load has a bend in between.
    straight = _same(first[part.evse]) and _same(last[part.evse])
    begin, bends = float(first[part.evse[0]]), None if straight else _Bends.of(part, weight, first, last)
    while True:
        level = _straight_levels(part, weight, begin, remaining) if bends is None else bends.levels(remaining)
        reached, lowest = level[part.link], nothing.copy()
        np.minimum.at(lowest, part.evse, reached)
        capped = ~settled & (last <= lowest + TOLERANCE)
        content, binding = capped[part.evse], reached <= lowest[part.evse] + TOLERANCE
        # While somebody on it is limited by another link, the level of a link may still rise.
        rising = np.zeros(incidence.links, dtype=np.bool_)
        rising[part.link[~(binding | content)]] = True
        bound = (binding & ~(content | rising[part.link])).nonzero()[0]
        stopped = part.evse[bound]
        bottleneck[stopped] = part.link[bound]
        newly = capped.copy()
        newly[stopped] = True
        settled |= newly
        reaching = np.where(capped, upper, np.minimum(np.maximum(weight * lowest, lower), upper))
        amps = np.where(newly, reaching, amps)
        still = part.only(~settled)
        if not still.link.size:
            return Allocation(amps, bottleneck)
        remaining = remaining - part.load(np.where(newly, amps - lower, 0.0))
        part, bends = still, None if bends is None else bends.without(settled)


def _same(values: Floats) -> bool:
    return bool(values.min() == values.max())


def _straight_levels(part: Incidence, weight: Floats, begin: float, remaining: Floats) -> Floats:
    """Per link the level (current per weight) at which it is full, if it alone limits its EVSEs and all of them rise
    from `begin` on; infinite when it has none.
    """
    slope = part.load(weight)
    level = begin + np.maximum(remaining, 0.0) / np.maximum(slope, TOLERANCE)
    return np.where(slope > TOLERANCE, level, np.inf)


@dataclass(frozen=True, slots=True)
class _Bends:
    """The load of each link over the common level (current per weight) is piecewise linear; these are its bends,
    sorted by link and level: an EVSE adds `coefficient * weight` to the slope at its lower bound, and takes it off at
    its upper bound, so that the changes of a link add up to nothing.

    `step`: rise of the level since the bend before; `start`: position of the link's first bend; `own`: the links that
    have bends, `first` of each the position of its first one.
    """

    link: Ints
    evse: Ints
    at: Floats
    change: Floats
    links: int
    step: Floats
    start: Ints
    own: Ints
    first: Ints

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
        begins, step = np.empty(link.size, dtype=np.bool_), np.empty(link.size)
        begins[0], begins[1:] = True, link[1:] != link[:-1]
        first = begins.nonzero()[0]
        step[1:] = at[1:] - at[:-1]
        step[first] = 0.0
        return cls(link, evse, at, change, links, step, first[begins.cumsum() - 1], link[first], first)

    def without(self, settled: Bools) -> _Bends:
        """The bends of the others; those of the settled stay as points where nothing bends until they are many."""
        keep = ~settled[self.evse]
        if 2 * np.count_nonzero(keep) <= keep.size:
            return _Bends._sorted(self.link[keep], self.evse[keep], self.at[keep], self.change[keep], self.links)
        return _Bends(
            self.link, self.evse, self.at, np.where(keep, self.change, 0.0), self.links,
            self.step, self.start, self.own, self.first,
        )  # fmt: skip

    def levels(self, remaining: Floats) -> Floats:
        """Per link the level at which it is full, if it alone limits its EVSEs; infinite when it never is."""
        slope = self.change.cumsum()
        risen = ((slope - self.change) * self.step).cumsum()
        load, room = risen - risen[self.start], np.maximum(remaining, 0.0)
        # Loads rise from bend to bend, so those that fit come first; from the last of them on the link fills up.
        fitting = np.bincount(self.link[load <= room[self.link]], minlength=self.links)
        last = self.first + fitting[self.own] - 1
        slope, left = slope[last], room[self.own] - load[last]
        level = np.full(self.links, np.inf)
        level[self.own] = np.where(slope > TOLERANCE, self.at[last] + left / np.maximum(slope, TOLERANCE), np.inf)
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
