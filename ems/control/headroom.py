"""What every circuit has left for our EVSEs, per phase and in all, and which limit says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ems.control.drawn import first_sample_s
from ems.control.failsafe import FROZEN_S, Assessment
from ems.control.memory import BaseLoadMemory, Memory
from ems.control.network import LINKS_PER_CIRCUIT, POWER, Between, Bools, Floats, Network
from ems.control.observation import Column, Observation
from ems.domain.circuit import Circuit
from ems.domain.decision import Binding, Level
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.meter import MeterReading
from ems.domain.policy import Policy
from ems.domain.state import NEVER, SiteState

STEP_DECAY = 0.9998
"""Per reading; at one reading a second a rise is half forgotten after an hour."""

PEAK_PARTS = 10
"""A peak counts for as long as room must have been there, and for at most a tenth of that longer."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who set a limit, in words, and until when."""

    text: str
    until: datetime | None = None
    is_rating: bool = True


@dataclass(frozen=True, slots=True)
class Headroom:
    """Per link: the tightest `limit` with its source, the upper `base` load, and the capacity left for our EVSEs now
    and, where it has been there for a while, for raises. For people: `drawn` is what our EVSEs draw, `shown` the best
    estimate of the base load.

    `excess`: by how much the flow that is not ours to lower exceeds the limit, as far as it is known to flow: by the
    meter; without one, what is declared and what samples show (`flowing_a`, per EVSE). What is only reserved is not in
    it, nor is a margin: nobody is ever stopped for a current that may not be there.
    """

    limit: Floats
    sources: tuple[Source, ...]
    base: Floats
    drawn: Floats
    shown: Floats
    now: Floats
    steady: Floats
    excess: Floats
    flowing_a: Floats
    held: tuple[tuple[Source, ...], ...] = ()


def limits_in_force(state: SiteState, now: Instant) -> tuple[Limit, ...]:
    """Every limit that holds at `now`: received ones and windows of the week."""
    windows = (window.limit_at(now.utc, state.site.zone) for window in state.site.limits)
    return (*(v for v in state.limits if v.holds_at(now.utc)), *(v for v in windows if v is not None))


def headroom(
    state: SiteState,
    network: Network,
    seen: Observation,
    levels: Assessment,
    limits: tuple[Limit, ...],
    memory: Memory,
    now: Instant,
) -> tuple[Headroom, Memory]:
    """Tightest limit − margin − upper base load, for every link (design, section 4)."""
    limit, sources, held = _tightest(state.site.circuits.circuits, limits, network.rating)
    base, memory = _base_loads(state, network, seen, levels, memory, now.monotonic_s)
    room = limit - network.margin - base.reserved
    peak = np.array([max(held.peak, held.base) for held in memory.links] + [-math.inf] * len(network.between))
    # Balance is no fuse: nobody is stopped for it.
    excess = base.fixed - limit
    excess[network.first_between :] = -math.inf
    left = room + base.awaited - base.likely
    found = Headroom(
        limit=limit,
        sources=sources + tuple(_unbalance(state.site.circuits.circuits, link) for link in network.between),
        base=base.likely,
        drawn=base.drawn,
        shown=base.shown,
        now=left,
        steady=np.where(base.metered, np.minimum(room - base.upper, room - peak), left),
        excess=excess,
        flowing_a=_flowing_a(seen, now.monotonic_s, state.site.policy),
        held=held,
    )
    return found, memory


class _BaseLoads(NamedTuple):
    """Per link: the base load if vehicles draw only what they surely do (`upper`), what they likely do, and by the best
    estimate of what they do (`shown`; `drawn` is that estimate). `reserved` for EVSEs that are not ours to lower, of it
    `awaited` for those of stations that are not back yet after our start, and `fixed`: what flows and is not ours to
    lower, as far as it is known.
    """

    upper: Floats
    likely: Floats
    shown: Floats
    drawn: Floats
    reserved: Floats
    awaited: Floats
    fixed: Floats
    metered: Bools


def _base_loads(
    state: SiteState, network: Network, seen: Observation, levels: Assessment, memory: Memory, t: float
) -> tuple[_BaseLoads, Memory]:
    """The worst base load everywhere, and what meters show where they can be relied on."""
    site, foreign = state.site, ~seen.controlled
    base = _BaseLoads(
        upper=network.worst_base.copy(),
        likely=network.worst_base.copy(),
        shown=network.worst_base.copy(),
        drawn=network.load_of_legs(seen.drawn_a),
        reserved=seen.incidence.load(np.where(foreign, seen[Column.LIABLE_A], 0.0)),
        awaited=np.zeros(network.links),
        fixed=network.worst_base + seen.incidence.load(np.where(foreign, _flowing_a(seen, t, site.policy), 0.0)),
        metered=np.zeros(network.links, dtype=np.bool_),
    )
    surely = network.load_of_legs(seen.drawn_low_a)
    likely = np.maximum(network.load_of_legs(seen.drawn_likely_a), surely)
    known_lost_at, lost_a = np.array(memory.lost_at), _last_heard_a(seen, t, site.policy)
    lost_at = np.where(foreign, np.where(known_lost_at > NEVER, known_lost_at, t), NEVER)
    lost = bool(lost_a.any())
    back = ~foreign & (known_lost_at > NEVER)
    taken_off = [network.load_of_legs(np.where(back[:, None], a, 0.0)) for a in (seen.drawn_low_a, seen.drawn_likely_a)]
    just_lost = seen.incidence.load(np.where(known_lost_at > NEVER, 0.0, lost_a))
    awaited = seen.incidence.load(np.where(foreign & _awaited(state, seen, t), seen[Column.GROWTH_A], 0.0))
    read_at, links = list(memory.read_at), list(memory.links)
    for i, circuit in enumerate(site.circuits):
        reading, level = _reading(state, circuit), levels.circuits[i]
        if reading is None:
            continue
        fresh = level <= Level.HOLD and t - reading.at <= site.policy.hold_s
        if level >= Level.FALLBACK or (read_at[i] == NEVER and not fresh):
            continue
        span = slice(i * LINKS_PER_CIRCUIT, (i + 1) * LINKS_PER_CIRCUIT)
        flowing = _flow(reading, site.voltage_v)
        floor = -_generation(state, circuit, site.plant_below[i], t)
        if fresh:
            read_at[i] = t
            bounds = (np.maximum(flowing - part[span], floor).tolist() for part in (surely, likely))
            if back.any():
                # What a vehicle draws that is ours again is no base load from now on, whether registers move or not.
                off = zip(links[span], *(part[span].tolist() for part in taken_off), strict=True)
                links[span] = [known.without(v, w) for known, v, w in off]
            held = zip(links[span], *bounds, strict=True)
            moved = _tells(state, circuit)
            now_seen = [_seen(before, v, w, moved, t, site.policy.raise_hold_s) for before, v, w in held]
            if lost:
                reach = np.add([before.reach for before in links[span]], just_lost[span]).tolist()
                pairs = zip(now_seen, reach, strict=True)
                now_seen = [known._replace(with_lost=max(known.base, before)) for known, before in pairs]
            links[span] = now_seen
        step = [known.step if level >= Level.CAUTIOUS else 0.0 for known in links[span]]
        base.upper[span] = np.add([known.base for known in links[span]], step)
        base.fixed[span] = [known.likely for known in links[span]]
        base.likely[span] = base.fixed[span] + step
        base.shown[span] = np.maximum(flowing - base.drawn[span], floor)
        base.metered[span] = True
        if foreign.any():
            unseen = np.where(lost_at > read_at[i], seen[Column.LIABLE_A], seen[Column.GROWTH_A])
            base.reserved[span] = seen.incidence.load(np.where(foreign, unseen, 0.0))[span]
            base.awaited[span] = awaited[span]
            if lost:
                # What a lost vehicle drew is in the base load; when that falls it may have paused, and may go on.
                fallen = np.maximum(0.0, [known.with_lost - known.base for known in links[span]])
                shown = np.minimum(seen[Column.LIABLE_A] - unseen, lost_a)
                base.reserved[span] += np.minimum(fallen, seen.incidence.load(shown)[span])
    return base, replace(memory, links=tuple(links), lost_at=tuple(lost_at.tolist()), read_at=tuple(read_at))


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


def _unheard(seen: Observation) -> Bools:
    return np.array([judged.binding is Binding.OFFLINE for judged in seen.liabilities], dtype=np.bool_)


def _last_heard_a(seen: Observation, t: float, policy: Policy) -> Floats:
    """What a lost EVSE drew when it was heard last, 0 when that is long ago: then all that it may draw is reserved."""
    fresh = t - seen[Column.SAMPLED_AT] < policy.sample_trust_s
    return np.where(_unheard(seen) & fresh, seen[Column.PEAK_A], 0.0)


def _flowing_a(seen: Observation, t: float, policy: Policy) -> Floats:
    """What an EVSE draws by its newest sample; all that it may where there is none, or nobody hears from it."""
    fresh = t - seen[Column.SAMPLED_AT] < policy.sample_trust_s
    known = np.where(fresh, seen[Column.PEAK_A], seen[Column.LIABLE_A])
    return np.where(_unheard(seen), seen[Column.LIABLE_A], np.where(seen.may_charge, known, 0.0))


def _tightest(
    circuits: Sequence[Circuit], limits: Sequence[Limit], rating: Floats
) -> tuple[Floats, tuple[Source, ...], tuple[tuple[Source, ...], ...]]:
    values = rating.copy()
    rated = [Source(f"rating of {circuit.id}") for circuit in circuits]
    sources = [source for source in rated for _ in range(LINKS_PER_CIRCUIT)]
    index = {circuit.id: i for i, circuit in enumerate(circuits)}
    held: list[tuple[Source, ...]] = [()] * len(circuits)
    for limit in limits:
        place = index.get(limit.scope)
        if place is None:
            continue
        first_link = place * LINKS_PER_CIRCUIT
        if limit.max_w is not None:
            source, power = _source(limit, f"{limit.max_w / 1000:g} kW"), first_link + POWER
            held[place] = (*held[place], source)
            if limit.max_w < values[power]:
                values[power], sources[power] = limit.max_w, source
        if limit.max_a is not None:
            source = _source(limit, f"{limit.max_a:g} A")
            # A rating of 0 is a phase that the circuit does not have.
            phases = [link for link in range(first_link, first_link + POWER) if rating[link] > 0]
            if any(limit.max_a < rating[link] for link in phases):
                held[place] = (*held[place], source)
            for link in phases:
                if limit.max_a < values[link]:
                    values[link], sources[link] = limit.max_a, source
    return values, tuple(sources), tuple(held)


def _unbalance(circuits: Sequence[Circuit], link: Between) -> Source:
    circuit = circuits[link.circuit]
    return Source(
        f"unbalance of {link.more.name} over {link.less.name} at {circuit.id} ({circuit.unbalance_max_a:g} A)"
    )


def _source(limit: Limit, value: str) -> Source:
    return Source(f"{limit.source}: {value} on {limit.scope}", limit.ends, is_rating=False)


def _reading(state: SiteState, circuit: Circuit) -> MeterReading | None:
    index = None if circuit.meter is None else state.site.meter_index(circuit.meter)
    return None if index is None else state.meters[index].reading


def _tells(state: SiteState, circuit: Circuit) -> bool:
    """Whether the newest reading differs from the one before; or they have been alike for so long that a frozen meter
    would have been found out (failsafe row 2), so that this one shows a site at rest.
    """
    index = None if circuit.meter is None else state.site.meter_index(circuit.meter)
    if index is None:
        return False
    alike_s = state.meters[index].at - state.meters[index].unchanged_since
    return alike_s <= 0.0 or alike_s > FROZEN_S


def _flow(reading: MeterReading, voltage_v: float) -> Floats:
    watts = sum(reading.amps) * voltage_v if reading.power_w is None else reading.power_w
    return np.array([*reading.amps, watts])


def _generation(state: SiteState, circuit: Circuit, plant: Sequence[int], now: float) -> Floats:
    """The most that plant behind a circuit feeds back, per link: what is declared, and what its `plant` meters say.

    Without plant the base load cannot be negative; a reading that says so was taken at another moment than the
    sample of an EVSE.
    """
    back = np.array([circuit.generation_max_a] * POWER)
    for known in map(state.meters.__getitem__, plant):
        if known.reading is not None and now - known.at <= state.site.policy.cautious_s:
            back = back + np.maximum(0.0, [-a for a in known.reading.amps])
    return np.array([*back, back.sum() * state.site.voltage_v])


def _seen(held: BaseLoadMemory, base: float, likely: float, moved: bool, now: float, hold_s: float) -> BaseLoadMemory:
    """Remember a fresh upper base load, its recent peaks and its largest rise.

    While the registers stand still the base load does not fall: what vehicles draw more may only not show yet.
    """
    if not moved:
        base, likely = max(base, held.base), max(likely, held.likely)
    risen = base - held.base if held.peaks else 0.0
    parts = int(min((now - held.since) * PEAK_PARTS // hold_s, PEAK_PARTS + 1)) if hold_s > 0.0 else PEAK_PARTS + 1
    if parts == 0:
        peaks, since = (max(base, held.peaks[0]), *held.peaks[1:]), held.since
    else:
        peaks, since = (base, *(-math.inf,) * (parts - 1), *held.peaks)[: PEAK_PARTS + 1], now
    return BaseLoadMemory(base, likely, peaks, since, max(held.step * STEP_DECAY, risen))
