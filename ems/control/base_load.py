"""The base load of every circuit, per phase and in all: what a meter shows less what our vehicles draw, as an interval
(design, section 5); the worst that is declared where no meter can be relied on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ems.control.drawn import first_sample_s
from ems.control.failsafe import FROZEN_S, Assessment
from ems.control.incidence import Bools, Floats
from ems.control.memory import BaseLoadMemory, Memory
from ems.control.network import LINKS_PER_CIRCUIT, POWER, Network
from ems.control.observation import Column, Observation
from ems.domain.circuit import Circuit
from ems.domain.decision import Level
from ems.domain.meter import MeterReading
from ems.domain.policy import Policy
from ems.domain.state import NEVER, MeterState, SiteState


class BaseLoads(NamedTuple):
    """Per link: the base load if vehicles draw what they `likely` do, and by the best estimate of what they do
    (`shown`; `drawn` is that estimate); the `peak` of what it was of late if they drew only what they surely did.
    `reserved` for EVSEs that are not ours to lower, of it `awaited` for those of which nothing was heard yet since our
    start, and `fixed`: what flows and is not ours to lower, as far as it is known. `metered`: a meter says so. Per
    EVSE: `flowing_a`, what it draws as far as that is known.
    """

    peak: Floats
    likely: Floats
    shown: Floats
    drawn: Floats
    reserved: Floats
    awaited: Floats
    fixed: Floats
    metered: Bools
    flowing_a: Floats


def base_loads(
    state: SiteState, network: Network, seen: Observation, levels: Assessment, memory: Memory, t: float
) -> tuple[BaseLoads, Memory]:
    """The worst base load everywhere, and what meters show where they can be relied on."""
    policy, foreign, worst = state.site.policy, ~seen.controlled, network.worst_base
    meters = _Meters.of(state, levels, memory, t)
    lost = _Lost.of(network, seen, memory.lost_at, policy, t)
    surely, likely, drawn = map(network.load_of_legs, (seen.drawn_low_a, seen.drawn_likely_a, seen.drawn_a))
    besides = [
        np.maximum(meters.flowing - part[meters.links], meters.floor)
        for part in (surely, np.maximum(likely, surely), drawn)
    ]
    links = memory.links
    if np.count_nonzero(meters.fresh):
        links = _renewed(links, besides[0], besides[1], meters, lost, t, policy.raise_hold_s)
    flowing_a, has_foreign = _flowing_a(seen, t, policy), np.count_nonzero(foreign) > 0
    base = BaseLoads(
        peak=worst.copy(),
        likely=worst.copy(),
        shown=worst.copy(),
        drawn=drawn,
        reserved=np.zeros(network.links),
        awaited=np.zeros(network.links),
        fixed=worst.copy(),
        metered=np.zeros(network.links, dtype=np.bool_),
        flowing_a=flowing_a,
    )
    if has_foreign:
        base = base._replace(
            reserved=network.carried(seen.polygons, np.where(foreign, seen[Column.LIABLE_A], 0.0)),
            fixed=worst + network.carried(seen.polygons, np.where(foreign, flowing_a, 0.0)),
        )
    step = np.where(meters.cautious, links.step, 0.0)
    by_meter = [
        (base.peak, np.maximum(links.base + step, links.peak)),
        (base.likely, links.likely + step),
        (base.shown, besides[2]),
        (base.fixed, links.likely),
        (base.metered, meters.known),
    ]
    if has_foreign:
        awaited = np.where(foreign & _awaited(state, seen, t), seen[Column.GROWTH_A], 0.0)
        by_meter += [
            (base.reserved, lost.growth(seen, links, meters)),
            (base.awaited, seen.incidence.load(awaited)[meters.links]),
        ]
    for column, value in by_meter:
        np.copyto(column[meters.links], value, where=meters.known)
    return base, replace(memory, links=links, lost_at=lost.at, read_at=meters.read_at, shown_at=meters.shown_at)


class _Meters(NamedTuple):
    """What the meters of the circuits show, per link of a circuit (`links`): what flows, and the least that the base
    load can be; whether the reading is `fresh`, was looked at before (`again`), differs from the one before (`moved`),
    calls for caution, and whether the base load is `known` from it. `read_at`: when the newest fresh one was taken in;
    `shown_at`: when what it shows was so.
    """

    links: slice
    flowing: Floats
    floor: Floats
    fresh: Bools
    again: Bools
    moved: Bools
    cautious: Bools
    known: Bools
    read_at: Floats
    shown_at: Floats

    @classmethod
    def of(cls, state: SiteState, levels: Assessment, memory: Memory, t: float) -> _Meters:
        site = state.site
        links = len(site.circuits) * LINKS_PER_CIRCUIT
        flowing, floor = np.zeros((2, len(site.circuits), LINKS_PER_CIRCUIT))
        of_circuits = np.zeros((4, len(site.circuits)), dtype=np.bool_)
        usable, fresh, moved, cautious = of_circuits
        at = np.full(len(site.circuits), NEVER)
        for i, circuit in enumerate(site.circuits):
            index = site.meter_of_circuit[i]
            meter = None if index is None else state.meters[index]
            if meter is None or meter.reading is None:
                continue
            level = levels.circuits[i]
            at[i], flowing[i] = meter.reading.at, _flow(meter.reading, site.voltage_v)
            floor[i] = [-back for back in _generation(state, circuit, site.plant_below[i], t)]
            usable[i], moved[i], cautious[i] = level < Level.FALLBACK, _moved(meter), level >= Level.CAUTIOUS
            fresh[i] = level <= Level.HOLD and t - meter.reading.at <= site.policy.hold_s
        usable, fresh, moved, cautious = of_circuits.repeat(LINKS_PER_CIRCUIT, axis=1)
        taken_at = at.repeat(LINKS_PER_CIRCUIT)
        read_at, shown_at = np.where(fresh, t, memory.read_at), np.where(fresh, taken_at, memory.shown_at)
        known, again = usable & (read_at > NEVER), taken_at == memory.shown_at
        return cls(
            slice(0, links), flowing.ravel(), floor.ravel(), fresh & known, again, moved, cautious, known, read_at,
            shown_at,
        )  # fmt: skip


class _Lost(NamedTuple):
    """EVSEs that are not ours to lower: since when (`at`, NEVER: they are ours), and what those drew that were heard
    just before (`last_a`). Per link: what those drew that were lost only now (`just`), and what those draw surely and
    likely that are ours again (`back`).
    """

    at: Floats
    last_a: Floats
    just: Floats
    back: tuple[Floats, Floats] | None

    @classmethod
    def of(cls, network: Network, seen: Observation, lost_at: Floats, policy: Policy, t: float) -> _Lost:
        foreign, before = ~seen.controlled, lost_at > NEVER
        if not np.count_nonzero(foreign | before):
            return cls(lost_at, np.zeros(network.evses), np.zeros(network.links), None)
        last_a, back = _last_heard_a(seen, t, policy), ~foreign & before
        return cls(
            at=np.where(foreign, np.where(before, lost_at, t), NEVER),
            last_a=last_a,
            just=seen.incidence.load(np.where(before, 0.0, last_a)),
            back=(
                network.load_of_legs(np.where(back[:, None], seen.drawn_low_a, 0.0)),
                network.load_of_legs(np.where(back[:, None], seen.drawn_likely_a, 0.0)),
            )
            if back.any()
            else None,
        )

    def growth(self, seen: Observation, links: BaseLoadMemory, meters: _Meters) -> Floats:
        """What must be reserved beside what a meter shows, per link of a circuit: by how much EVSEs may draw more than
        when they were seen by it, and all that they may where it has not been read since they were lost.
        """
        part = seen.incidence.only(~seen.controlled)
        inner = part.link < meters.links.stop
        link, evse = part.link[inner], part.evse[inner]
        liable_a = seen[Column.LIABLE_A][evse]
        unseen_a = np.where(self.at[evse] > meters.read_at[link], liable_a, seen[Column.GROWTH_A][evse])
        reserved = part.total(inner, unseen_a)[meters.links]
        if not self.last_a.any():
            return reserved
        # What a lost vehicle drew is in the base load; when that falls it may have paused, and may go on.
        fallen = np.maximum(0.0, links.with_lost - links.base)
        shown_a = np.minimum(liable_a - unseen_a, self.last_a[evse])
        return np.asarray(reserved + np.minimum(fallen, part.total(inner, shown_a)[meters.links]))


def _renewed(
    held: BaseLoadMemory, base: Floats, likely: Floats, meters: _Meters, lost: _Lost, t: float, hold_s: float
) -> BaseLoadMemory:
    """The memory after fresh readings; where there is none, as it was."""
    own = held
    if lost.back is not None:
        # What a vehicle draws that is ours again is no base load from now on, whether registers move or not.
        own = held.without(*(part[meters.links] for part in lost.back))
    if not np.count_nonzero(lost.at == t):
        # A reading that was looked at before shows what vehicles drew when it was taken. Beside samples that came
        # later, the current of those that were cut since then would look like a base load, and have them cut again.
        # What an EVSE draws that was lost just now is one, though no new reading says so.
        likely = np.where(meters.again, np.minimum(likely, own.likely), likely)
    after = own.after(base, likely, meters.moved, t, hold_s)
    if np.count_nonzero(lost.last_a):
        after = after._replace(with_lost=np.maximum(after.base, own.reach + lost.just[meters.links]))
    return after if meters.fresh.all() else held.where(meters.fresh, after)


def _awaited(state: SiteState, seen: Observation, t: float) -> Bools:
    """EVSEs of which nothing was heard yet since our start: their stations have not called again, or their first sample
    is not due. Their vehicles most likely draw what they were given before, and a meter shows it: it would count twice,
    and others would pause for a current that flows already. Nothing is raised for that, and who draws more later is met
    like a building that does.
    """
    site, started = state.site, state.started
    if started is None or t - started.at.monotonic_s >= site.policy.restart_hold_s:
        return np.zeros(len(site.evses), dtype=np.bool_)
    due = np.array([s.connected_at + first_sample_s(s) if s.connected else math.inf for s in state.stations])
    due[[not s.connected and s.connected_at > NEVER for s in state.stations]] = NEVER
    return (seen[Column.SAMPLED_AT] < started.at.monotonic_s) & (t < due[list(site.station_of_evse)])


def _last_heard_a(seen: Observation, t: float, policy: Policy) -> Floats:
    """What a lost EVSE drew when it was heard last, 0 when that is long ago: then all that it may draw is reserved."""
    fresh = t - seen[Column.SAMPLED_AT] < policy.sample_trust_s
    return np.where((seen[Column.UNHEARD] > 0) & fresh, seen[Column.PEAK_A], 0.0)


def _flowing_a(seen: Observation, t: float, policy: Policy) -> Floats:
    """What an EVSE draws by its newest sample; all that it may where there is none, or nobody hears from it."""
    fresh = t - seen[Column.SAMPLED_AT] < policy.sample_trust_s
    known = np.where(fresh, seen[Column.PEAK_A], seen[Column.LIABLE_A])
    return np.where(seen[Column.UNHEARD] > 0, seen[Column.LIABLE_A], np.where(seen.may_charge, known, 0.0))


def _moved(meter: MeterState) -> bool:
    """Whether the newest reading differs from the one before; or they have been alike for so long that a frozen meter
    would have been found out (failsafe row 2), so that this one shows a site at rest.
    """
    alike_s = meter.at - meter.unchanged_since
    return alike_s <= 0.0 or alike_s > FROZEN_S


def _flow(reading: MeterReading, voltage_v: float) -> tuple[float, ...]:
    watts = sum(reading.amps) * voltage_v if reading.power_w is None else reading.power_w
    return (*reading.amps, watts)


def _generation(state: SiteState, circuit: Circuit, plant: Sequence[int], now: float) -> tuple[float, ...]:
    """The most that plant behind a circuit feeds back, per link: what is declared, and what its `plant` meters say.

    Without plant the base load cannot be negative; a reading that says so was taken at another moment than the
    sample of an EVSE.
    """
    back = (circuit.generation_max_a,) * POWER
    for known in map(state.meters.__getitem__, plant):
        if known.reading is not None and now - known.at <= state.site.policy.cautious_s:
            back = tuple([had + max(0.0, -a) for had, a in zip(back, known.reading.amps, strict=True)])
    return (*back, sum(back) * state.site.voltage_v)
