"""Giving up control: who was controlled is brought to its fallback and stays there, in the order that no fuse minds.

Limits that are left to themselves would let flow for as long as their leases last what there was room for when somebody
still watched. The fallback is what was checked to fit every fuse with nobody watching; it has no end, and is kept: to
clear it would be to decide that every vehicle draws what it can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ems.control.liability import granted_a
from ems.control.observation import expressible_a
from ems.control.telling import lease_of, patience_s
from ems.domain.grant import Grant, Layer
from ems.domain.order import LimitOrder
from ems.domain.state import EvseState, SiteState, StationState
from ems.domain.station import Evse
from ems.domain.units import EPSILON_A

NAMED = 5


class Kept(NamedTuple):
    """An EVSE that a controller which only observes still rules by what it was told before: its fallback, or for the
    time of a lease `amps` at most.
    """

    evse: str
    fallback_a: float
    amps: float

    @property
    def is_above(self) -> bool:
        """Whether more than the fallback may flow."""
        return self.amps > self.fallback_a + EPSILON_A


def kept(state: SiteState, now: float) -> tuple[Kept, ...]:
    """Every EVSE that holds a floor of ours, in the site's order."""
    return tuple(
        Kept(evse.id, held.amps, granted_a(known, now, 0.0))
        for evse, known in zip(state.site.evses, state.evses, strict=True)
        if (held := known.grant.floor) is not None
    )


def in_words(left: Sequence[Kept], evses: int) -> tuple[str, str]:
    """What a controller that only observes says of itself, and what can be done; `left` of so many EVSEs it has left at
    their fallback.
    """
    arm = "arm it on the page /wizard, or by policy: {control: armed}"
    if not left:
        return "the controller only observes: it limits nobody, and nothing but the fuses protects the cables", arm
    text = f"the controller only observes: {len(left)} of {evses} EVSEs stay at the fallback current that it left them"
    away = [one.evse for one in left if one.is_above]
    if away:
        names = ", ".join(away if len(away) <= NAMED else [*away[:NAMED], "…"])
        text += f", {len(away)} of them not yet: {names}"
    return text, f"{arm}; to give stations their own limits back, see 'release' at /stations"


def withdrawals(state: SiteState, now: float) -> tuple[LimitOrder, ...]:
    """The limits that bring everybody who can be reached to the fallback: cuts at once, raises when no cut is open."""
    found = [
        order
        for evse, s, known in zip(state.site.evses, state.site.station_of_evse, state.evses, strict=True)
        if state.stations[s].connected and state.stations[s].model.smart_charging and known.grant.floor is not None
        for order in _orders_for(state, evse, state.stations[s], known, now)
    ]
    cuts = tuple(order for order in found if order.reduces)
    if cuts or any(one.is_above for one in kept(state, now)):
        return cuts
    return tuple(found)


def _orders_for(
    state: SiteState, evse: Evse, station: StationState, known: EvseState, now: float
) -> Iterator[LimitOrder]:
    grant, transaction = known.grant, None if known.session is None else known.session.transaction
    amps = expressible_a(evse.fallback_a, station.model)
    in_force = grant.amps_in_force(known.steering_layer, now)
    for layer in (Layer.DEFAULT, Layer.SESSION):
        if layer is Layer.SESSION and (transaction is None or not station.model.session_profile):
            continue
        tried = (layer, amps) == grant.tried and now < grant.tried_at + patience_s(grant)
        if tried or not _is_other(grant, layer, amps, now):
            continue
        yield LimitOrder(
            evse=evse.id,
            layer=layer,
            amps=amps,
            lease_s=lease_of(station, state.site.policy),
            fallback_a=evse.fallback_a,
            reduces=amps < in_force or grant.unsettled(layer),
            transaction=transaction.id if layer is Layer.SESSION and transaction is not None else None,
        )


def _is_other(grant: Grant, layer: Layer, amps: float, now: float) -> bool:
    """Whether a layer says something else than the fallback, or nobody knows what."""
    pending = grant.pending(layer)
    if pending is not None:
        return pending != amps
    held = grant.layer(layer)
    return grant.unsettled(layer) or (held is not None and held.ends_at > now and held.amps != amps)
