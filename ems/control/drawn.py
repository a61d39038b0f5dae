"""What a vehicle draws, between what its samples prove and what its limits let expect.

Two answers to one question, because they serve two purposes: raises are decided by what is *surely* drawn, so that a
current that has gone is never taken for room; cuts by what is *likely* drawn, so that nobody is cut for a current that
is already going.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import lt
from typing import NamedTuple

from ems.domain.grant import OBEYED_A, OBEYED_SHARE, Told
from ems.domain.measurement import Sample
from ems.domain.policy import Policy
from ems.domain.state import NEVER, EvseState, StationState

FOLLOWS_S = 6.0
"""A vehicle follows its pilot within five seconds (IEC 61851-1); a sample from before that shows the old current."""

SATED_A = 1.5
"""Who stays so far below its limit takes no more when the limit rises."""

AWAITED_S = 2.0
"""Beyond its interval a sample may take so long to arrive."""


class Drawn(NamedTuple):
    """Ampere per leg; `valid_until` is when this changes although nothing happens (monotonic)."""

    surely_a: tuple[float, ...]
    likely_a: tuple[float, ...]
    valid_until: float


def drawn(
    known: EvseState, station: StationState, width: int, liable_a: float, granted_a: float, now: float, policy: Policy
) -> Drawn:
    """What the `width` legs of one EVSE carry, whose vehicle may draw `liable_a` at most.

    What it draws beyond its limits, `granted_a`, is left in the base load as if it were the building's: a few per cent
    are obedience, but of many vehicles they are amperes, for which somebody must make room.
    """
    samples, awaited, legs = known.samples, _awaited_until(known, station), known.leg_use.legs(width)
    newest = samples[0] if samples and now - samples[0].at < policy.sample_trust_s else None
    shown_at = NEVER if newest is None else newest.at - FOLLOWS_S
    changes = [told for told in known.grant.recent if told[0] > shown_at]
    valid = awaited if awaited > now and (changes or newest is None) else math.inf
    for at, _ in changes:
        if now < at + FOLLOWS_S < valid:
            valid = at + FOLLOWS_S
    if samples and now <= samples[0].at + policy.sample_lag_s and _falls_with_age(samples):
        for sample in samples:
            if now <= sample.at + policy.sample_lag_s < valid:
                valid = math.nextafter(sample.at + policy.sample_lag_s, math.inf)
    if newest is None:
        expected = liable_a if now < awaited else 0.0
        return Drawn((0.0,) * width, tuple([expected if counts else 0.0 for counts in legs]), valid)
    surely, likely = _surely(known, changes, now, policy), newest.low_a
    if changes:
        likely = _likely(known, changes, legs, now, now < awaited, liable_a)
    if newest.peak_a > granted_a:
        surely, likely = (tuple([min(a, granted_a) for a in amps]) for amps in (surely, likely))
    return Drawn(surely, likely, valid)


def is_above_limit(known: EvseState, apply_s: float) -> bool:
    """Whether the newest sample shows more than any limit that was in force at its time; `apply_s`: a cut had so long
    to act.
    """
    newest = known.samples[0]
    return newest.peak_a > allowed_a(known, newest.at, apply_s) * OBEYED_SHARE + OBEYED_A


def allowed_a(known: EvseState, at: float, apply_s: float) -> float:
    """The highest limit that an EVSE could have followed at `at`; what was accepted later does not count."""
    grant = known.grant
    most = max(grant.amps_in_force(known.steering_layer, at), grant.claimed_a(at))
    if grant.recent and at < grant.recent[-1][0]:
        return max(most, grant.most_accepted_a(at - apply_s, at))
    return most


def _surely(known: EvseState, changes: Sequence[Told], now: float, policy: Policy) -> tuple[float, ...]:
    """The least that each leg carried around the newest meter reading; `changes` are limits younger than the sample.

    The lowest of the samples within the meter's lag and the one before; and since the vehicle may already have
    followed a limit that is younger than the sample, no more than any such limit.
    """
    newest, lag_s = known.samples[0], policy.sample_lag_s
    least = newest.low_a
    if now <= newest.at + lag_s:
        for sample in known.samples[1:]:
            if sample.low_a != least:
                least = tuple(map(min, least, sample.low_a))
            if now > sample.at + lag_s:
                break
    most = min([amps for _, amps in changes]) if changes else math.inf
    for claim in known.grant.claims:
        if claim.pending and claim.layer is known.steering_layer:
            most = min(most, claim.amps)
    return least if most >= max(least) else tuple([min(a, most) for a in least])


def _falls_with_age(samples: Sequence[Sample]) -> bool:
    """Whether an older sample shows less than the newest, so that it matters for how long it counts."""
    low = samples[0].low_a
    return any([sample.low_a != low and any(map(lt, sample.low_a, low)) for sample in samples[1:]])


def _likely(
    known: EvseState, changes: Sequence[Told], legs: tuple[bool, ...], now: float, awaited: bool, liable_a: float
) -> tuple[float, ...]:
    """What each leg carries after `changes` if the vehicle does what it was told and nothing else: after a raise all
    that may flow, as long as a sample is awaited; after a cut the old current until it has had time to act.
    """
    newest = known.samples[0]
    if not awaited:
        lowest = min([amps for _, amps in changes])
        return tuple([min(a, lowest) for a in newest.low_a])
    followed, most = None, 0.0
    for at, amps in changes:
        if at <= now - FOLLOWS_S:
            followed = amps
        else:
            most = max(most, amps)
    shown_at, peak = newest.at - FOLLOWS_S, newest.peak_a
    before = [amps for at, amps in known.grant.recent if at <= shown_at]
    sated_a = peak if before and peak < before[-1] - SATED_A else math.inf
    return tuple(
        [
            min(max(a if followed is None else followed, most), liable_a, sated_a) if counts else a
            for a, counts in zip(newest.low_a, legs, strict=True)
        ]
    )


def _awaited_until(known: EvseState, station: StationState) -> float:
    """Until when a sample is awaited that shows what the newest limit or the newest link led to."""
    held = known.grant.layer(known.steering_layer) or known.grant.default
    since, seen_at = station.connected_at, NEVER
    if held is not None and held.accepted_at > since:
        since = held.accepted_at
    if known.samples:
        seen_at = known.samples[0].at - FOLLOWS_S
    return (since if since > seen_at else NEVER) + first_sample_s(station)


def first_sample_s(station: StationState) -> float:
    """How long after a limit or a new link a sample is due that shows what it led to."""
    return FOLLOWS_S + station.model.sample_interval_s + AWAITED_S
