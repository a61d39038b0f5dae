"""What every circuit has left for our EVSEs, per phase and in all, and which limit says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ems.control.base_load import base_loads
from ems.control.failsafe import Assessment
from ems.control.incidence import Bools, Floats, Ints
from ems.control.memory import Memory
from ems.control.network import LINKS_PER_CIRCUIT, POWER, Network, Source
from ems.control.observation import Observation
from ems.domain.circuit import CircuitTree
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.state import SiteState


@dataclass(frozen=True, slots=True)
class Headroom:
    """Per link: the tightest `limit` with its source, the upper `base` load, and the capacity left for our EVSEs now
    and, where it has been there for a while, for raises. For people: `drawn` is what our EVSEs draw, `shown` the best
    estimate of the base load.

    `excess`: by how much the flow that is not ours to lower exceeds the limit, as far as it is known to flow: by the
    meter; without one, what is declared and what samples show (`flowing_a`, per EVSE). What is only reserved is not in
    it, nor is a margin: nobody is ever stopped for a current that may not be there. `side_of` is the network's.
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
    metered: Bools
    side_of: Ints
    held: tuple[tuple[Source, ...], ...] = ()

    @property
    def first_side(self) -> int:
        """The first further side of a phase, as in the network."""
        return self.now.size - self.side_of.size

    def on_sides(self) -> Headroom:
        """With the room of each phase at its further sides too, where it is divided."""
        if not self.side_of.size:
            return self
        now, steady = (np.concatenate((v[: self.first_side], v[self.side_of])) for v in (self.now, self.steady))
        return replace(self, now=now, steady=steady)

    def named(self, link: int) -> int:
        """The link that people know: of a further side, that of its phase."""
        return link if link < self.first_side else int(self.side_of[link - self.first_side])


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
    limit, sources, held = _tightest(state.site.circuits, limits, network)
    base, memory = base_loads(state, network, seen, levels, memory, now.monotonic_s)
    room = limit - network.margin - base.reserved
    # Balance is no fuse: nobody is stopped for it.
    excess = base.fixed - limit
    excess[network.first_between :] = -math.inf
    left = room + base.awaited - base.likely
    found = Headroom(
        limit=limit,
        sources=sources,
        side_of=network.side_of,
        base=base.likely,
        drawn=base.drawn,
        shown=base.shown,
        now=left,
        steady=np.where(base.metered, room - base.peak, left),
        excess=excess,
        flowing_a=base.flowing_a,
        metered=base.metered,
        held=held,
    )
    return found, memory


def _tightest(
    circuits: CircuitTree, limits: Sequence[Limit], network: Network
) -> tuple[Floats, tuple[Source, ...], tuple[tuple[Source, ...], ...]]:
    rating, values, sources = network.rating, network.rating.copy(), list(network.rated_by)
    held: list[tuple[Source, ...]] = [()] * len(circuits)
    for limit in limits:
        if limit.scope not in circuits:
            continue
        place = circuits.index(limit.scope)
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


def _source(limit: Limit, value: str) -> Source:
    return Source(f"{limit.source}: {value} on {limit.scope}", limit.ends, is_rating=False)
