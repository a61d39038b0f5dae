"""Stationary batteries in the headroom: what they draw is a load, and what they give is not counted on.

A battery may stop giving at any moment: it is empty, its inverter trips, nobody renews its setpoint. Then a step of its
full current appears on every phase at once, in milliseconds, while vehicles need seconds to follow a cut. So what a
battery gives is added back to the base load, and nothing is granted that would not fit without it; when it stops, no
circuit is over its limit and nobody has to be cut. The meter's fast path (a reading above the limit, a cut within a
second or two) remains for what nobody can know: a battery whose own meter is silent counts for a while with what it
gave last, until whatever it was told has ended; what it does then by its own program no one can say.

What a battery was told to draw is reserved from that moment on, until its meter shows it.

Both compare two meters that are not read at the same moment. For cuts the lowest sum of the last seconds counts, and
never less than the circuit's own meter shows: else a battery that stops, or begins, would for a second be counted
twice, and vehicles cut for nothing. For raises the most that was given of late counts, and the least that was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ems.control.headroom import Headroom
from ems.control.incidence import Floats
from ems.control.memory import BatteryMemory, Memory
from ems.control.network import LINKS_PER_CIRCUIT, POWER
from ems.domain.battery import Battery
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.state import BatteryState, SiteState

REACTS_S = 6.0
"""From a setpoint that was decided to the current that follows: a second to write it, a few for the inverter."""

TOLD_S = 90.0
"""What a device was seen to hold it may hold for so long if nobody hears of it; those that let go do so earlier."""


class Flow(NamedTuple):
    """One battery, W: what it may still be told to draw, what it draws by the newest reading, the least of that in the
    last seconds, and as long as room must have been there; what it gives, and the most of that of late.
    """

    liable_w: float
    drawn_w: float
    drawn_least_w: float
    drawn_long_w: float
    given_w: float
    given_most_w: float


class Stored(NamedTuple):
    """Per battery its `flows`, and its `share`, the load of one watt on each link. Per link: what is left for vehicles
    and those batteries that we steer, now (`free`) and of late (`free_long`); and by how much less flows than may, by
    the meter alone, infinite without one (`spare`).
    """

    flows: tuple[Flow, ...]
    share: tuple[Floats, ...]
    free: Floats
    free_long: Floats
    spare: Floats


def with_batteries(
    state: SiteState, room: Headroom, margin: Floats, memory: Memory, now: float
) -> tuple[Headroom, Stored, Memory]:
    """The headroom for vehicles, without what batteries give and beside what they may draw. `margin`: what is kept free
    on each link.
    """
    site, policy = state.site, state.site.policy
    if not site.batteries:
        return room, Stored((), (), room.now, room.steady, room.now), memory
    before = memory.batteries or (BatteryMemory(),) * len(site.batteries)
    kept = tuple(_remembered(held, known, now, policy) for held, known in zip(before, state.batteries, strict=True))
    memory = replace(memory, batteries=kept)
    columns = zip(site.batteries, state.batteries, kept, strict=True)
    flows = tuple(_flow(battery, known, held, now, policy) for battery, known, held in columns)
    share = tuple(_share(site, battery, room.now.size) for battery in site.batteries)
    metered = room.metered
    steered = [float(battery.steered) for battery in site.batteries]
    lent = _sum(share, (flow.given_w for flow in flows))
    lent_long = _sum(share, (flow.given_most_w for flow in flows))
    drawn = _sum(share, (flow.drawn_w * ours for flow, ours in zip(flows, steered, strict=True)))
    drawn_long = _sum(share, (flow.drawn_long_w * ours for flow, ours in zip(flows, steered, strict=True)))
    awaited = _sum(share, (max(0.0, flow.liable_w - flow.drawn_w) for flow in flows))
    awaited_long = _sum(share, (max(0.0, flow.liable_w - flow.drawn_least_w) for flow in flows))
    sums = (now, tuple((room.base + lent + awaited).tolist()), tuple((room.base + lent - drawn).tolist()))
    recent = (sums, *(old for old in memory.sums if now - old[0] <= policy.sample_lag_s))
    gross, net = (np.array([old[part] for old in recent]).min(axis=0) for part in (1, 2))
    more = np.where(metered, np.maximum(gross - room.base, 0.0), 0.0)
    # Where no meter is, the worst of everything is kept free already, all batteries included.
    declared = _sum(share, (battery.charge_w * ours for battery, ours in zip(site.batteries, steered, strict=True)))
    stored = Stored(
        flows,
        share,
        free=room.now + np.where(metered, room.base - net, declared),
        free_long=room.steady + np.where(metered, drawn_long - lent_long, declared),
        spare=np.where(metered, room.limit - margin - room.shown - room.drawn, np.inf),
    )
    after = replace(
        room,
        base=room.base + more,
        now=room.now - more,
        steady=room.steady - np.where(metered, lent_long + awaited_long, 0.0),
    )
    return after, stored, replace(memory, sums=recent)


def _remembered(held: BatteryMemory, known: BatteryState, now: float, policy: Policy) -> BatteryMemory:
    """With the newest reading; readings that are too old to matter are forgotten, except for the last."""
    keep_s = max(policy.raise_hold_s, policy.sample_lag_s)
    flows = held.flows
    if known.power_w is not None and (not flows or flows[0][0] < known.at):
        flows = ((known.at, known.power_w), *flows)
    return held._replace(flows=tuple(f for k, f in enumerate(flows) if k == 0 or now - f[0] <= keep_s))


def _flow(battery: Battery, known: BatteryState, held: BatteryMemory, now: float, policy: Policy) -> Flow:
    if not held.flows:
        return Flow(_liable_w(battery, known, held, now), 0.0, 0.0, 0.0, 0.0, 0.0)
    newest_at, newest_w = held.flows[0]
    heard = now - newest_at <= policy.cautious_s
    lasts = now - newest_at <= TOLD_S
    lately = [watts for at, watts in held.flows if at == newest_at or now - at <= policy.sample_lag_s]
    long = [watts for _, watts in held.flows]
    return Flow(
        liable_w=_liable_w(battery, known, held, now),
        drawn_w=max(0.0, newest_w) if heard else 0.0,
        drawn_least_w=max(0.0, min(lately)) if heard else 0.0,
        drawn_long_w=max(0.0, min(long)) if heard else 0.0,
        given_w=max(0.0, -newest_w) if lasts else 0.0,
        given_most_w=max(0.0, -min(long)) if lasts else 0.0,
    )


def _liable_w(battery: Battery, known: BatteryState, held: BatteryMemory, now: float) -> float:
    """The most that it may have been told to draw, and may still follow."""
    if not battery.steered:
        return 0.0
    told = known.told_w if known.told_w is not None and now - known.told_at <= TOLD_S else 0.0
    return max(0.0, told, *(watts for until, watts in held.asked if now - until < REACTS_S))


def _share(site: Site, battery: Battery, links: int) -> Floats:
    """The load of one watt on every link above a battery."""
    share, each = np.zeros(links), battery.amps(1.0, site.voltage_v)
    for circuit in site.circuits.path(battery.circuit):
        first = circuit * LINKS_PER_CIRCUIT
        share[first : first + POWER] = each
        share[first + POWER] = 1.0
    return share


def _sum(shares: Sequence[Floats], watts: Iterable[float]) -> Floats:
    total = np.zeros(shares[0].size)
    for share, each in zip(shares, watts, strict=True):
        total += share * each
    return total
