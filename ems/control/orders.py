"""From what is decided and what is known to be in force to what must be told: the desired against the confirmed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ems.control.liability import is_at_rest
from ems.control.observation import expressible_a
from ems.control.telling import lease_of, patience_s
from ems.control.withdrawal import withdrawals
from ems.domain.decision import Decision, Setpoint
from ems.domain.grant import Grant, Layer
from ems.domain.measurement import PROOF_SAMPLES
from ems.domain.order import LimitOrder
from ems.domain.state import EvseState, SiteState, StationState
from ems.domain.station import Evse

RENEW_SHARE = 0.5
"""Leases are renewed at half their life: rare enough for the station's flash, with a whole second chance."""

DISTRUST_RENEW_S = 20.0
"""A station that is out of control is told so often while somebody may draw, until it has shown that it obeys again."""


def orders(state: SiteState, decision: Decision, now: float) -> tuple[LimitOrder, ...]:
    """Every limit that has to be sent at this tick, reductions first. Where the controller only observes, those that
    bring to its fallback who still holds something else from before.
    """
    if state.site.policy.observes:
        return withdrawals(state, now)
    found = [
        order
        for evse, s, known, setpoint in zip(
            state.site.evses, state.site.station_of_evse, state.evses, decision.setpoints, strict=True
        )
        if state.stations[s].connected and state.stations[s].model.smart_charging
        for order in _orders_for(state, evse, state.stations[s], known, setpoint, decision, now)
    ]
    return tuple(sorted(found, key=lambda order: not order.reduces))


def _orders_for(
    state: SiteState,
    evse: Evse,
    station: StationState,
    known: EvseState,
    setpoint: Setpoint,
    decision: Decision,
    now: float,
) -> Iterator[LimitOrder]:
    grant = known.grant
    early = now < grant.tried_at + patience_s(grant)
    lease_s = lease_of(station, state.site.policy)
    transaction = None if known.session is None else known.session.transaction
    # Before the station has said that somebody is there it may have lost the transaction, and would refuse its limit.
    by_session = transaction is not None and known.status.is_occupied and station.model.session_profile
    idle = expressible_a(max(state.site.policy.idle_a, station.model.lowest_a), station.model)
    wanted = {
        Layer.FLOOR: (expressible_a(evse.fallback_a, station.model), math.inf),
        Layer.DEFAULT: (idle if by_session or not setpoint.controlled else setpoint.amps, lease_s),
    }
    if by_session:
        wanted[Layer.SESSION] = (setpoint.amps, lease_s)
    legs = sum(known.leg_use.seen) if known.leg_use.agreeing >= PROOF_SAMPLES else None
    in_force = grant.amps_in_force(known.steering_layer, now)
    for layer, (amps, ends_after) in wanted.items():
        asked_again = setpoint.evse in decision.read_back and layer is known.steering_layer
        cut = amps < in_force and (layer, amps) != grant.tried and grant.floor is not None
        renew = decision.renew_since
        if not setpoint.controlled and not is_at_rest(known):
            renew = max(renew, now - DISTRUST_RENEW_S)
        phases = setpoint.phases if layer is Layer.SESSION else 0
        other = layer is Layer.SESSION and known.switch.lacks(phases)
        if (not early or cut) and (asked_again or other or _is_due(grant, layer, amps, ends_after, renew, now)):
            yield LimitOrder(
                evse=evse.id,
                layer=layer,
                amps=amps,
                lease_s=ends_after,
                fallback_a=evse.fallback_a,
                reduces=grant.floor is None or amps < in_force,
                legs=legs,
                transaction=transaction.id if layer is Layer.SESSION and transaction is not None else None,
                phases=phases,
            )
        if layer is Layer.FLOOR and grant.floor is None:
            return


def _is_due(grant: Grant, layer: Layer, amps: float, lease_s: float, renew: float, now: float) -> bool:
    held = grant.layer(layer)
    if grant.claims:
        pending = grant.pending(layer)
        if pending is not None:
            return pending != amps
        if grant.unsettled(layer):
            return True
    if held is None or held.amps != amps or layer in grant.resend:
        return True
    if math.isinf(lease_s) != math.isinf(held.ends_at):
        return True
    if layer is Layer.FLOOR:
        return False
    return held.accepted_at < renew or now - held.accepted_at >= RENEW_SHARE * lease_s
