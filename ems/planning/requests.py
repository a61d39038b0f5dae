"""From vehicles to requests: what each wants until when, and what had to be assumed about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ems.domain.limit import Limit
from ems.domain.policy import Policy
from ems.domain.session import Need, NeedOrigin
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.conductors import kinds_of
from ems.planning.forecast.session import SessionForecast
from ems.planning.horizon import Horizon
from ems.planning.installation import limit_course
from ems.planning.outlook import Stay
from ems.planning.problem import Request, Start

OVERSTAY = timedelta(hours=1)
"""Who was to leave by now and is still here is taken to stay so much longer, again and again."""

UNKNOWN_NEED_WH = 30_000.0
"""What a vehicle is taken to want of which nobody knows anything: more than most take, because too little is worse."""

NOTHING_USUAL: Mapping[str, float] = MappingProxyType({})

STEERABLE_WH = 50.0
"""A smaller rest is not planned; it flows anyway."""


START_SHARE = 1.0 / 3.0
"""Of what a vehicle will as likely as not take, so much it is to have soon where only a forecast tells when it leaves:
its floor of service. Who stays long is else put off again and again for the sake of others who may leave sooner, and
one that leaves against all likelihood goes empty. More of it would turn a plan into equal sharing.
"""

START_WEIGHT = 2.0
"""A kWh of that floor counts so much beside what every kWh counts, so that no other kWh of the same class goes before
it; twice that when it is overdue by `max_wait_s`, so that nobody is the last of those who wait again and again.
"""

EXTRA_WEIGHT = 0.5
"""A kWh of who has what it asked for and draws on counts so much of one of who has not: what was said was too little,
but nobody else is to miss what he said for it.
"""


class Wanted(NamedTuple):
    """A request with the (careful) departure of its stay, and what was assumed, in words. `is_extra`: it has what it
    asked for.
    """

    request: Request
    departure: datetime
    assumed: tuple[str, ...]
    is_extra: bool = False


def wanted_by(
    site: Site,
    horizon: Horizon,
    stays: Sequence[Stay],
    limits: Sequence[Limit],
    forecasts: Mapping[str, SessionForecast],
    usual_wh: Mapping[str, float] = NOTHING_USUAL,
) -> tuple[Wanted, ...]:
    """What plugged-in vehicles want; who is done, or wants next to nothing, is left out. By session: `forecasts`, and
    what those that may be empty usually take.
    """
    found = (
        _wanted(site, horizon, stay, limits, forecasts.get(stay.session), usual_wh.get(stay.session))
        for stay in stays
        if not stay.is_done
    )
    return tuple(wanted for wanted in found if wanted.request.need_wh > STEERABLE_WH)


def left_out(stays: Sequence[Stay]) -> tuple[str, ...]:
    """In words, for whom nothing is planned although it has not got what it asked for: it does not take it."""
    return tuple(
        f"{stay.evse_id}: does not draw, although {missing_wh / 1000.0:.1f} kWh of what it is to have are missing; "
        "nothing is planned for it until it does"
        for stay in stays
        if stay.is_done and (missing_wh := _promised_or_told_wh(stay) - stay.taken_wh) > STEERABLE_WH
    )


def hindered(evses: Sequence[str]) -> tuple[str, ...]:
    """In words, for whom nothing is planned because nobody can tell it anything, or it cannot charge as things are."""
    return tuple(
        f"{evse}: is out of reach or service, faulted or finished; nothing is planned for it meanwhile"
        for evse in evses
    )


def _promised_or_told_wh(stay: Stay) -> float:
    """What somebody said that it is to have, as far as its battery takes it; nothing where that is but assumed."""
    told_wh = 0.0 if stay.need.is_assumed else stay.need.energy_wh or 0.0
    return min(max(told_wh, stay.need.guaranteed_wh), stay.room_wh)


def _wanted(
    site: Site,
    horizon: Horizon,
    stay: Stay,
    limits: Sequence[Limit],
    forecast: SessionForecast | None,
    usual_wh: float | None,
) -> Wanted:
    evse, now = site.evses[stay.evse], horizon.begins
    departure, leaves, is_known = _departure(site, stay, now, forecast)
    is_extra = _draws_beyond_its_word(stay, forecast)
    need_wh, takes = _of_unknown_charge(stay, usual_wh) if stay.need.is_assumed else _need(stay, forecast)
    need_wh, fits = _within_the_battery(stay, need_wh)
    # Who took next to nothing when it was last offered current is offered its minimum again: it may have slept.
    legs = [leg for leg, used in zip(evse.wiring.legs, stay.legs, strict=True) if used] or list(evse.wiring.legs)
    watts_per_a = evse.wiring.watts_per_amp(site.voltage_v, len(legs))
    amps, watts = limit_course(site, evse.id, horizon, limits)
    may_leave = None if forecast is None or not _is_forecast(stay, now, forecast) else forecast
    likely_wh = stay.taken_wh + need_wh if forecast is None else min(stay.taken_wh + need_wh, forecast.energy_wh(0.5))
    request = Request(
        session=stay.session,
        evse=evse.id,
        circuit=site.circuit_of_evse[stay.evse],
        kinds=kinds_of(legs, unbalance=site.circuits.limits_unbalance),
        available=horizon.share(None, departure if may_leave is None else may_leave.departure(may_leave.levels[-1])),
        need_wh=need_wh,
        max_a=min(evse.max_a, max(stay.appetite_a, stay.min_a)),
        min_a=stay.min_a,
        watts_per_a=watts_per_a,
        service_class=stay.service_class,
        guaranteed_wh=_guaranteed_wh(stay, 0.0 if is_extra else need_wh),
        guaranteed_by=_guaranteed_by(horizon, stay.need, departure, is_sure=may_leave is None),
        limit_a=np.minimum(amps, watts / watts_per_a),
        always=stay.need.minimum_always,
        hurries=stay.need.hurries or not is_known,
        is_on=stay.is_on,
        likely=None if may_leave is None else _likely(horizon, may_leave),
        weight=EXTRA_WEIGHT if is_extra else 1.0,
        # Held against who is known to leave, it would let newcomers with time pass, and who comes next find no room.
        taken_wh=0.0 if may_leave is None else stay.taken_wh,
        start=None if may_leave is None or is_extra else _start(site.policy, horizon, stay, likely_wh, departure),
    )
    return Wanted(request, departure, tuple(f"{evse.id}: {text}" for text in (leaves, takes, fits) if text), is_extra)


def _guaranteed_wh(stay: Stay, asked_wh: float) -> float:
    """What is promised of its need. Who hurries does not wait for what is free."""
    return asked_wh if stay.need.hurries else max(0.0, stay.need.guaranteed_wh - stay.taken_wh)


def _guaranteed_by(horizon: Horizon, need: Need, departure: datetime, *, is_sure: bool) -> int:
    """The steps within which a promise is to be kept; once its moment is over, the departure takes its place, and where
    that is a forecast, the careful one: no promise counts on a vehicle that will probably stay.
    """
    moment = need.guaranteed_by
    if moment is None or moment >= departure or moment <= horizon.begins:
        return horizon.steps if is_sure else horizon.steps_until(departure)
    return horizon.steps_until(moment)


def _likely(horizon: Horizon, forecast: SessionForecast) -> Floats:
    """What a kWh counts in the middle of each step: as likely as the vehicle is still there, as a share of how likely
    it is at the careful departure. Up to that nothing is taken off: so much risk a plan may run to spare money.
    """
    edges = horizon.edges()
    middles = [begin + (end - begin) / 2 for begin, end in pairwise(edges)]
    return np.minimum(1.0, forecast.likely(horizon.begins, middles) / (1.0 - forecast.levels[0]))


def _start(policy: Policy, horizon: Horizon, stay: Stay, likely_wh: float, departure: datetime) -> Start | None:
    """What it still lacks of its floor of service, due when it has waited as long as anybody should, at the latest half
    way to its (careful) departure; what is overdue, as soon as it can take it.
    """
    missing_wh, patience = START_SHARE * likely_wh - stay.taken_wh, timedelta(seconds=policy.max_wait_s)
    if missing_wh <= STEERABLE_WH:
        return None
    due = stay.plugged + min(patience, (departure - stay.plugged) / 2)
    overdue = (horizon.begins - due) / max(patience, timedelta(seconds=1))
    weight = START_WEIGHT * (1.0 + min(1.0, max(0.0, overdue)))
    return Start(missing_wh, max(1, horizon.steps_until(due)), weight)


class _Departure(NamedTuple):
    """When it leaves, what was assumed for that in words, and whether that is more than a guess."""

    at: datetime
    assumed: str
    is_known: bool = True


def _is_forecast(stay: Stay, now: datetime, forecast: SessionForecast) -> bool:
    """Whether the past tells surely when it leaves, and no schedule does."""
    told = stay.need.departure
    is_scheduled = stay.need.origin is NeedOrigin.SCHEDULED and told is not None and told > now
    return not is_scheduled and not forecast.departure_doubt and forecast.deadline > now


def _departure(site: Site, stay: Stay, now: datetime, forecast: SessionForecast | None) -> _Departure:
    """The careful one. What is scheduled counts. What a driver said, who may go sooner, counts where it is earlier than
    the past tells, or that tells nothing surely.
    """
    told, zone = stay.need.departure, site.zone
    is_ahead = told is not None and told > now
    sure = None if forecast is None or not _is_forecast(stay, now, forecast) else forecast.deadline
    if told is not None and is_ahead and (sure is None or told <= sure):
        return _Departure(told, "")
    if sure is not None:
        return _Departure(sure, f"may leave from {sure.astimezone(zone):%H:%M} on, as similar sessions did")
    if told is not None:
        text = f"was to leave at {told.astimezone(zone):%H:%M}; planned as if it left within an hour"
        return _Departure(now + OVERSTAY, text)
    usual = site.policy.departure_default
    if usual is not None:
        leaves = _next(usual, now, site)
        return _Departure(leaves, f"leaves at {leaves.astimezone(zone):%H:%M}, which is assumed where nobody says")
    return _Departure(now + timedelta(days=1), "nobody knows when it leaves", is_known=False)


def _next(clock: str, now: datetime, site: Site) -> datetime:
    """The next moment at which the site's clock shows `clock`."""
    hour, minute = map(int, clock.split(":"))
    local = now.astimezone(site.zone)
    for ahead in (0, 1, 2):
        moment = datetime.combine(local.date() + timedelta(days=ahead), time(hour, minute), site.zone)
        if moment.timestamp() > now.timestamp():
            return moment.astimezone(now.tzinfo)
    return now + timedelta(days=1)


def _draws_beyond_its_word(stay: Stay, forecast: SessionForecast | None) -> bool:
    """Whether it got what its driver asked for, while it goes on drawing; what is scheduled is meant so."""
    told = stay.need.energy_wh
    if told is None or forecast is None or stay.need.is_assumed or stay.need.origin is NeedOrigin.SCHEDULED:
        return False
    return told - stay.taken_wh <= STEERABLE_WH


def _of_unknown_charge(stay: Stay, usual_wh: float | None) -> tuple[float, str]:
    """What a vehicle still wants that is to have a state of charge, while nobody knows the present one: what is usual
    for it, at least what it is promised; as if it were empty where nothing is usual, or it took more than that.
    """
    empty_wh = stay.need.energy_wh or 0.0
    if usual_wh is None or usual_wh >= empty_wh:
        return max(0.0, empty_wh - stay.taken_wh), f"assumed empty, {empty_wh / 1000.0:.0f} kWh: SoC unknown"
    likely_wh = max(usual_wh, min(stay.need.guaranteed_wh, empty_wh))
    text = f"takes {likely_wh / 1000.0:.0f} of at most {empty_wh / 1000.0:.0f} kWh, as usual for it: SoC unknown"
    return max(0.0, likely_wh - stay.taken_wh), text


def _within_the_battery(stay: Stay, need_wh: float) -> tuple[float, str]:
    """What it still wants, and no more than its battery takes; a need may have been told before anybody knew which
    vehicle it is. Who draws on nevertheless is not planned for, and is served with what there is.
    """
    if stay.taken_wh + need_wh <= stay.room_wh + STEERABLE_WH:
        return need_wh, ""
    told_wh, room_kwh = stay.need.energy_wh, stay.room_wh / 1000.0
    text = f"takes {room_kwh:.0f} kWh at most, by the size of its battery"
    if told_wh is not None and told_wh > stay.room_wh + STEERABLE_WH:
        text = f"is to have {told_wh / 1000.0:.0f} kWh, more than its battery takes; planned for {room_kwh:.0f} kWh"
    return max(0.0, stay.room_wh - stay.taken_wh), text


def _need(stay: Stay, forecast: SessionForecast | None) -> tuple[float, str]:
    """What it still wants. A forecast may lower what somebody said only where it is sure, and never below what the
    vehicle may still take while it draws. Who draws on beyond its word wants what others took then, sure or not.
    """
    told = stay.need.energy_wh
    if forecast is not None and _draws_beyond_its_word(stay, forecast):
        text = f"has what it asked for and draws on, {forecast.need_wh / 1000.0:.0f} kWh at most"
        return max(0.0, forecast.need_wh - stay.taken_wh), text
    predicted = None if forecast is None or forecast.energy_doubt else forecast.need_wh
    if told is not None and (predicted is None or stay.need.origin is NeedOrigin.SCHEDULED):
        return max(0.0, told - stay.taken_wh), ""
    if predicted is not None:
        least = predicted if told is None else min(told, predicted)
        return max(0.0, least - stay.taken_wh), f"takes {least / 1000.0:.0f} kWh at most, as similar sessions did"
    rest = max(UNKNOWN_NEED_WH - stay.taken_wh, UNKNOWN_NEED_WH / 4.0)
    return rest, "nobody knows what it needs"
