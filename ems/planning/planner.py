"""From facts to a plan: the table of contents of planning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ems.domain.energy.tariff import Tariff
from ems.domain.plan import Deficit, Plan, PlannedCharge, Why
from ems.domain.session import NeedOrigin
from ems.domain.site import Site
from ems.domain.strategy import LADDERS, SPARING, Ladder
from ems.planning.conductors import volts
from ems.planning.deficit import deficits, remedies
from ems.planning.economy import Paid, Peaks, economy_of
from ems.planning.explanation import in_words, reasons
from ems.planning.forecast.arrivals import Arrivals, forecast_arrivals
from ems.planning.forecast.past_sessions import SessionHistory, usual_wh
from ems.planning.forecast.series import Series
from ems.planning.forecast.session import PluggedIn, SessionForecast, forecast_session
from ems.planning.horizon import Horizon
from ems.planning.installation import connection_w, nodes_of
from ems.planning.newcomers import expected_from, hurried
from ems.planning.optimiser import Remaining, optimise
from ems.planning.outlook import Outlook, Stay
from ems.planning.problem import Battery, ChargingProblem, Economy
from ems.planning.requests import Wanted, hindered, left_out, wanted_by
from ems.planning.schedule import Schedule
from ems.planning.surroundings import Seen, surroundings


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """What is known besides the present: prices, peaks already paid, and the past. Everything may be missing.

    `at_their_word`: what drivers say of departure and need is believed, and the past tells only who may come.
    """

    tariff: Tariff | None = None
    paid: Paid = field(default_factory=dict)
    sessions: SessionHistory | None = None
    building_w: Series | None = None
    generation_w: Series | None = None
    battery: Battery | None = None
    at_their_word: bool = False


NOTHING_KNOWN = Experience()


def plan_of(
    site: Site,
    outlook: Outlook,
    known: Experience = NOTHING_KNOWN,
    remaining: Remaining = lambda: math.inf,
    *,
    is_read: bool = True,
) -> Plan:
    """The plan for the hours ahead. Raises OutOfTimeError when `remaining` runs out.

    Forecast what happens anyway, ask what vehicles want, optimise, explain. Of a plan that nobody reads, as in a
    back-test, neither reasons nor deficits are put into words.
    """
    horizon = Horizon.standard(outlook.now)
    beside = surroundings(site, horizon, outlook.base_a, Seen(known.building_w, known.generation_w, outlook.sun_w))
    usual = _usual(outlook, known)
    stays = wanted_by(site, horizon, outlook.stays, outlook.limits, _forecasts(outlook, known), usual)
    arrivals = _arrivals(outlook, known, horizon)
    battery = known.battery if outlook.stored_wh is None else battery_of(site, outlook.stored_wh)
    economy, assumed = economy_of(horizon, known.tariff, Peaks(known.paid, outlook.imports), beside, battery)
    nodes = nodes_of(site, horizon, outlook.limits, beside.base_a)
    present = tuple(wanted.request for wanted in stays)
    if arrivals is None or arrivals.is_unsure:
        present = hurried(site, horizon, nodes, present)
    problem = ChargingProblem(
        horizon=horizon,
        nodes=nodes,
        requests=(*present, *expected_from(site, horizon, arrivals)),
        economy=economy,
        volts=volts(site.voltage_v),
    )
    schedule = optimise(problem, LADDERS[outlook.strategy], remaining)
    doubts = (f"nobody is expected besides who is here: {arrivals.why}",) if arrivals and arrivals.is_unsure else ()
    told = (*beside.doubts, *doubts, *assumed, *(text for wanted in stays for text in wanted.assumed))
    assumptions = tuple(text for text in (*told, *left_out(outlook.stays), *hindered(outlook.hindered)) if text)
    if not is_read:
        return _plan(site, outlook, schedule, stays, _Words((), (), assumptions))
    why = tuple(in_words(course, site.zone) for course in reasons(schedule, LADDERS[outlook.strategy]))
    missing = _deficits(site, schedule, stays, LADDERS[outlook.strategy])
    return _plan(site, outlook, schedule, stays, _Words(why, missing, assumptions))


class _Words(NamedTuple):
    """What a plan says: why, per request (nothing: of none), who misses what, and what was assumed."""

    why: tuple[tuple[Why, ...], ...]
    deficits: tuple[Deficit, ...]
    assumptions: tuple[str, ...]


def _forecasts(outlook: Outlook, known: Experience) -> Mapping[str, SessionForecast]:
    if known.sessions is None or known.at_their_word:
        return {}
    unsettled = (stay for stay in outlook.stays if not stay.is_done and not _is_settled(stay, outlook.now))
    return {stay.session: forecast_session(known.sessions, _plugged_in(stay), outlook.now) for stay in unsettled}


def _is_settled(stay: Stay, now: datetime) -> bool:
    """Whether its departure, which lies ahead, and its need are scheduled: then no forecast changes them."""
    need = stay.need
    is_told = need.energy_wh is not None and need.departure is not None and need.departure > now
    return is_told and need.origin is NeedOrigin.SCHEDULED


def _usual(outlook: Outlook, known: Experience) -> Mapping[str, float]:
    """What vehicles of which nobody knows how full they are took before, by session, where that is known."""
    if known.sessions is None:
        return {}
    asked = ((stay, stay.vehicle) for stay in outlook.stays if stay.need.is_assumed)
    found = {stay.session: usual_wh(known.sessions, name, stay.taken_wh) for stay, name in asked if name is not None}
    return {session: energy for session, energy in found.items() if energy is not None}


def _plugged_in(stay: Stay) -> PluggedIn:
    return PluggedIn(
        evse=stay.evse_id,
        arrival=stay.plugged,
        taken_wh=stay.taken_wh,
        is_done=stay.is_done,
        user=stay.user,
        requested_wh=None if stay.need.is_assumed else stay.need.energy_wh,
        stated_departure=stay.need.departure,
    )


def _arrivals(outlook: Outlook, known: Experience, horizon: Horizon) -> Arrivals | None:
    if known.sessions is None:
        return None
    here = [stay.plugged for stay in outlook.stays]
    return forecast_arrivals(known.sessions, here, outlook.now, horizon.edges())


def _plan(site: Site, outlook: Outlook, schedule: Schedule, stays: tuple[Wanted, ...], words: _Words) -> Plan:
    problem, delivered = schedule.problem, schedule.delivered_wh.tolist()
    charges = []
    for i, request in enumerate(problem.requests):
        amps = tuple(np.round(schedule.amps[i], 3).tolist())
        departure = stays[i].departure if i < len(stays) else None
        charges.append(
            PlannedCharge(
                request.evse,
                request.session,
                amps,
                words.why[i] if words.why else (),
                request.need_wh,
                delivered[i],
                departure,
                request.expected,
            )
        )
    economy = problem.economy
    return Plan(
        made=outlook.now,
        strategy=outlook.strategy,
        edges=problem.horizon.edges(),
        charges=tuple(charges),
        caps=outlook.strategy in SPARING,
        base_w=tuple(economy.base_w.tolist()),
        generation_w=tuple(economy.generation_w.tolist()),
        battery_w=tuple(np.round(schedule.battery_w, 1).tolist()) if _is_planned(economy, outlook) else (),
        limit_w=tuple(connection_w(site, problem.horizon, outlook.limits).tolist()),
        price_per_kwh=tuple(economy.import_per_kwh.tolist()),
        deficits=words.deficits,
        assumptions=words.assumptions,
    )


def battery_of(site: Site, stored_wh: float) -> Battery | None:
    """The battery that we steer, as a plan may use it: between the states of charge that the site allows."""
    if site.steered_battery is None:
        return None
    known = site.batteries[site.steered_battery]
    return Battery(
        circuit=site.circuits.index(known.circuit),
        stored_wh=stored_wh,
        capacity_wh=known.highest * known.capacity_wh,
        charge_w=known.charge_w,
        discharge_w=known.discharge_w,
        efficiency=known.efficiency,
        wear_per_kwh=known.wear_per_kwh,
        reserve_wh=known.floor * known.capacity_wh,
        export_w=known.export_w,
    )


def _is_planned(economy: Economy, outlook: Outlook) -> bool:
    """Whether the plan says what the battery is to do; where it looks at vehicles alone, it does not."""
    return economy.battery is not None and LADDERS[outlook.strategy].looks_at_site


PROMISE = "a promise to the vehicle or its class: what nobody is promised comes from the sun alone"
"""What helps who misses energy where only what is free is charged beyond that."""


def _deficits(site: Site, schedule: Schedule, stays: tuple[Wanted, ...], ladder: Ladder) -> tuple[Deficit, ...]:
    """In words; of a vehicle that stays beyond the horizon only what is promised within it, and none of one that has
    what it asked for.
    """
    ends = schedule.problem.horizon.ends
    served = {wanted.request.session for wanted in stays if wanted.is_extra}
    beyond = {wanted.request.session for wanted in stays if wanted.departure > ends}
    return tuple(
        Deficit(
            found.evse,
            found.session,
            found.short_wh,
            found.need_wh,
            found.by,
            remedies(found, site.zone) if found.guaranteed or ladder.beyond_guarantee else (PROMISE,),
        )
        for found in deficits(schedule)
        if found.session not in served and (found.session not in beyond or (found.guaranteed and found.by < ends))
    )
