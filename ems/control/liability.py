"""The most an EVSE may legally draw now: what it was granted, what is in flight, what it was caught drawing."""

from __future__ import annotations

import math
from typing import NamedTuple

from ems.domain.decision import Binding
from ems.domain.measurement import LEG_IN_USE_A
from ems.domain.policy import Policy
from ems.domain.state import EvseState, StationState
from ems.domain.station import Evse, EvseStatus

CLOCK_UNCERTAINTY_S = 2.0
"""Reading a station's clock over the network is never better than this."""

REFUSALS_TOLERATED = 1
"""A refused limit is sent once more before the station counts as uncontrollable."""


class Liability(NamedTuple):
    """`amps` per leg. An EVSE that is not `controlled` is not ours to lower: where a meter already sees it, it is part
    of the base load and only `growth_a` must be reserved; elsewhere all of `amps`. `binding` and `cause` say why.
    `at_rest`: it has disobeyed, and nobody is there who could draw.
    """

    amps: float
    controlled: bool = True
    growth_a: float = 0.0
    binding: Binding = Binding.STATION
    cause: str = ""
    at_rest: bool = False


def liability(
    evse: Evse, known: EvseState, station: StationState, untrusted: bool, now: float, policy: Policy
) -> Liability:
    """Judge one EVSE. Where the controller only observes, nobody was told anything: what is decided is what would be,
    were connected stations to follow.
    """
    if policy.observes and station.connected and station.model.smart_charging:
        return Liability(_drawn_a(known, now, policy))
    return _liability(evse, known, station, untrusted, now, policy)


def _liability(
    evse: Evse, known: EvseState, station: StationState, untrusted: bool, now: float, policy: Policy
) -> Liability:
    """Judge one EVSE; the rules are those of design section 5 and failsafe rows 4, 6 and 13.

    One that has disobeyed counts with its rated maximum wherever current may flow. Where its station is there to say
    that none can, because nobody is plugged in or the transaction has ended, it counts with what its limits let the
    next vehicle draw, at least the fallback. It may give that vehicle its full current at once; but the vehicle is
    announced before it draws, from then on the rated maximum counts, and the others make room as they do for a building
    that takes more. It is trusted again when a vehicle has obeyed (`obedience`).
    """
    drawn, grant = _drawn_a(known, now, policy), known.grant
    if not station.seen and grant.floor is None:
        return Liability(evse.max_a, False, evse.fallback_a, Binding.OFFLINE, "it has never connected")
    if not station.model.smart_charging:
        return _rated(evse, drawn, "this model cannot be limited")
    if untrusted:
        return _distrusted(evse, known, station, drawn, now, policy)
    if grant.floor is None:
        return _rated(evse, drawn, "it has not accepted a fallback current yet")
    if grant.refusals > REFUSALS_TOLERATED:
        return _rated(evse, drawn, "it refuses limits")
    granted = min(granted_a(known, now, clock_uncertainty_s(station, policy)), evse.max_a)
    if station.connected:
        most = max(granted, drawn)
        if grant.unsettled(known.steering_layer) and known.status.may_draw:
            return Liability(most, False, most - drawn, Binding.STATION, "it does not answer")
        return Liability(most)
    if not station.model.keeps_offline:
        return _rated(evse, drawn, "it is offline and forgets its limits", Binding.OFFLINE)
    granted = max(granted, min(grant.floor.amps, evse.max_a))
    return Liability(granted, False, max(0.0, granted - drawn), Binding.OFFLINE, "it is offline")


def granted_a(known: EvseState, now: float, uncertainty_s: float) -> float:
    """The highest limit that may be in force by the profiles alone; infinite without a floor."""
    grant = known.grant
    held = grant.amps_in_force(known.steering_layer, now, uncertainty_s)
    return max(held, grant.claimed_a(now)) if grant.claims else held


def next_change(known: EvseState, now: float, uncertainty_s: float, policy: Policy) -> float:
    """When the liability changes although nothing happens (monotonic); infinite when it does not."""
    grant = known.grant
    times = [math.inf, *[claim.until for claim in grant.claims]]
    for held in (grant.default, grant.session):
        if held is not None and uncertainty_s < math.inf:
            times += (held.ends_at - uncertainty_s, held.ends_at + uncertainty_s)
    if known.samples:
        times.append(known.samples[0].at + policy.sample_trust_s)
    return min([t for t in times if t > now])


def clock_uncertainty_s(station: StationState, policy: Policy) -> float:
    """How far off a lease's end may be; infinite when the station's clock is too wrong for leases (row 13).

    Leases are written in the station's own time, so they end in time until its clock is set. One that goes right by
    itself is not going to be, whatever somebody makes ours show; nor is one that shows what ours does.
    """
    skew = min(abs(station.clock_skew_s), abs(station.clock_shown_s))
    return math.inf if skew > policy.lease_s / 4 else skew + CLOCK_UNCERTAINTY_S


def _distrusted(
    evse: Evse, known: EvseState, station: StationState, drawn: float, now: float, policy: Policy
) -> Liability:
    takes_limits = known.grant.floor is not None and known.grant.refusals <= REFUSALS_TOLERATED
    if not (station.connected and takes_limits and is_at_rest(known, drawn)):
        return _rated(evse, drawn, "it draws more than its limit")
    granted = granted_a(known, now, clock_uncertainty_s(station, policy))
    most = min(max(evse.fallback_a, granted), evse.max_a)
    return Liability(most, False, most, Binding.STATION, "the last vehicle drew more than its limit", at_rest=True)


def is_at_rest(known: EvseState, drawn: float = 0.0) -> bool:
    """No current can flow before the station tells of a vehicle or of another transaction."""
    if not known.status.may_draw:
        return True
    running = known.session is not None and known.session.transaction is not None
    return known.status is EvseStatus.FINISHING and not running and drawn < LEG_IN_USE_A


def _rated(evse: Evse, drawn: float, cause: str, binding: Binding = Binding.STATION) -> Liability:
    most = max(evse.max_a, drawn)
    return Liability(most, False, most - drawn, binding, cause)


def _drawn_a(known: EvseState, now: float, policy: Policy) -> float:
    """Current of the newest sample while it is young enough to be believed, else 0."""
    if not known.samples or not known.status.may_draw or now - known.samples[0].at >= policy.sample_trust_s:
        return 0.0
    return known.samples[0].peak_a
