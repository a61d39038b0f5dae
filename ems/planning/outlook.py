"""The facts that a plan is made from, as few as it needs: they travel to another process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ems.domain.decision import Decision
from ems.domain.limit import Limit
from ems.domain.measured_power import HEARD_S, sun_w
from ems.domain.measurement import PROOF_SAMPLES
from ems.domain.phase_switch import ONE
from ems.domain.phases import MAX_LEGS, PhaseAmps
from ems.domain.session import Need, Session
from ems.domain.site import Site
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse, EvseStatus
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from ems.planning.imports import NOTHING_IMPORTED, Imports


class Stay(NamedTuple):
    """A vehicle that is plugged in at the EVSE at position `evse`, and may charge.

    `taken_wh` so far, in all transactions of its session; `legs` that it uses; ampere per leg: `min_a`, and
    `appetite_a`, the most it was seen to take (infinite while unknown). `is_done`: it stopped drawing although it was
    offered current. `is_on`: it has a current now. `room_wh`: all that its battery can have taken in this session once
    it is full, infinite while nobody knows the vehicle.
    """

    evse: int
    evse_id: str
    session: str
    plugged: datetime
    taken_wh: float
    need: Need
    legs: tuple[bool, ...]
    min_a: float
    appetite_a: float
    service_class: int
    is_done: bool = False
    is_on: bool = False
    user: str | None = None
    vehicle: str | None = None
    room_wh: float = math.inf


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known at `now` (UTC). `base_a` is the base load of every circuit of the site, in its order, as the last
    tick saw it, without the battery that we steer; `limits` are those that somebody set, besides the windows of the
    site. `stored_wh` is what that battery holds, None while nobody knows or there is none. `imports`: what has been
    imported in the windows of a demand charge that run. `sun_w`: what PV gives, None while nobody knows.
    `hindered`: EVSEs at which somebody is who cannot be told anything, or cannot charge as things are.
    """

    now: datetime
    strategy: Strategy
    stays: tuple[Stay, ...]
    limits: tuple[Limit, ...]
    base_a: tuple[PhaseAmps, ...]
    stored_wh: float | None = None
    imports: Imports = NOTHING_IMPORTED
    sun_w: float | None = None
    hindered: tuple[str, ...] = ()


_GONE = frozenset({EvseStatus.AVAILABLE, EvseStatus.RESERVED})
"""The vehicle of a session that still stands there has left."""


def outlook_of(
    state: SiteState, decision: Decision, appetite_a: Sequence[float], imports: Imports = NOTHING_IMPORTED
) -> Outlook:
    """What the last tick knew; `appetite_a` per EVSE as control learned it."""
    site = state.site
    stays, hindered = [], []
    for j, known in enumerate(state.evses):
        if known.session is not None and decision.setpoints[j].controlled and known.status.may_charge:
            one = _stay(site, j, known, state.stations[site.station_of_evse[j]].model, appetite_a[j])
            if decision.setpoints[j].phases and sum(one.legs) == MAX_LEGS:
                # As little as the minimum on one phase, said as a third of it on each of three.
                one = one._replace(min_a=one.min_a / MAX_LEGS)
            stays.append(one._replace(is_on=decision.setpoints[j].amps > 0.0))
        elif known.session is not None and known.status not in _GONE:
            hindered.append(site.evses[j].id)
    return Outlook(
        now=decision.at.utc,
        strategy=state.strategy,
        stays=tuple(stays),
        limits=state.limits,
        base_a=_base_loads(state, decision),
        stored_wh=stored_wh(state, decision.at.monotonic_s),
        imports=imports,
        sun_w=sun_w(state, decision.at.monotonic_s),
        hindered=tuple(hindered),
    )


def stored_wh(state: SiteState, now: float) -> float | None:
    """What the battery that we steer holds; None while it has not said so lately, or there is none."""
    i = state.site.steered_battery
    known = None if i is None else state.batteries[i]
    if i is None or known is None or known.soc is None or now - known.at > HEARD_S:
        return None
    return known.soc * state.site.batteries[i].capacity_wh


def steered_w(state: SiteState) -> float:
    """What flows into the battery that we steer, as far as it is known."""
    i = state.site.steered_battery
    return 0.0 if i is None else state.batteries[i].power_w or 0.0


def _base_loads(state: SiteState, decision: Decision) -> tuple[PhaseAmps, ...]:
    """What a plan has to expect beside what it plans."""
    site, i = state.site, state.site.steered_battery
    shown = [view.base_load_a for view in decision.circuits]
    if i is None:
        return tuple(shown)
    own = site.batteries[i].amps(steered_w(state), site.voltage_v)
    for above in site.circuits.path(site.batteries[i].circuit):
        if site.circuits.circuits[above].meter is not None:
            a, b, c = (amps - part for amps, part in zip(shown[above], own, strict=True))
            shown[above] = (a, b, c)
    return tuple(shown)


def _stay(site: Site, j: int, known: EvseState, model: StationModel, appetite_a: float) -> Stay:
    session, evse = known.session, site.evses[j]
    assert session is not None
    vehicle = session.vehicle
    offered = known.grant.amps_in_force(known.steering_layer, session.plugged_s)
    return Stay(
        evse=j,
        evse_id=evse.id,
        session=session.id,
        plugged=session.plugged,
        taken_wh=session.delivered_wh,
        need=session.need,
        legs=_legs(known, evse),
        min_a=model.min_a if vehicle is None else max(model.min_a, vehicle.least_a(evse)),
        appetite_a=appetite_a if vehicle is None else min(appetite_a, vehicle.most_a(evse, site.voltage_v)),
        service_class=session.service_class,
        # Who took less than the minimum when it was offered current has not begun to want more since it was stopped;
        # control offers it some now and then.
        is_done=(known.status is EvseStatus.SUSPENDED_EV and offered > 0.0) or appetite_a < model.min_a,
        user=None if session.transaction is None else session.transaction.id_tag,
        vehicle=None if vehicle is None else vehicle.id,
        room_wh=_room_wh(session),
    )


def _room_wh(session: Session) -> float:
    most_wh = None if session.vehicle is None else session.vehicle.most_wh
    if most_wh is None:
        return math.inf
    if session.soc_percent is None:
        return most_wh
    return session.soc_at_wh + most_wh * max(0.0, 100.0 - session.soc_percent) / 100.0


def _legs(known: EvseState, evse: Evse) -> tuple[bool, ...]:
    """The legs that count: as samples proved, else as the vehicle is known to use them, else all."""
    width, session = len(evse.wiring.legs), known.session
    if known.switch.told == ONE:
        return known.planned_legs(width)
    if known.leg_use.agreeing >= PROOF_SAMPLES or session is None or session.vehicle is None:
        return known.leg_use.legs(width)
    return tuple(k < session.vehicle.legs_at(evse) for k in range(width))
