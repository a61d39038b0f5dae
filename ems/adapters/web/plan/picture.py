"""A plan as everybody sees it: plain values, ready for JSON, made in slices between which control has the loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from ems.adapters.web.plan.shape import ChargeRow, DeficitRow, LeftOutRow, PlanHead, PlanPicture, Row
from ems.adapters.web.plan.words import absence, promised, shortfall
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import age, number, plain, time_of
from ems.adapters.web.view import View
from ems.control.aims import plan_in_force
from ems.domain.plan import Deficit, Plan, PlannedCharge
from ems.domain.station import EvseStatus
from ems.domain.strategy import Strategy

SLICE_ROWS = 5
"""So many rows take less than a millisecond; then the loop is free again."""

MISSED_WH = 100.0
"""Who misses less than this is told to be ready: energies are shown in tenths of a kWh."""

MAX_REMEDIES = 5
MAX_ASSUMPTIONS = 100

_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


class Stay(NamedTuple):
    """What the state knows of a planned session: what people call its vehicle, how many legs that uses, and what it is
    promised, in words.
    """

    vehicle: str | None
    legs: int
    promise: str


async def plan_picture(view: View, plan: Plan | None, supposed: str = "") -> PlanPicture:
    """`plan` in the shape of `GET /api/v1/plan`. `supposed` says in words what a what-if plan supposes; it is empty
    for the plan of the state.
    """
    stays = _stays(view)
    charges: list[ChargeRow] = []
    deficits: list[DeficitRow] = []
    vehicles_w = [0.0] * (0 if plan is None else len(plan.edges) - 1)
    if plan is not None:
        for charge in plan.charges:
            row = _charge(view, plan, charge, stays)
            vehicles_w = [w + row["watts_per_a"] * a for w, a in zip(vehicles_w, charge.amps, strict=True)]
            charges.append(row)
            await _give_way(len(charges))
        calendar = Calendar(view.state.site.zone, time_of(view.now.utc))
        for deficit in _worst_first(plan):
            deficits.append(_deficit(deficit, stays, calendar))
            await _give_way(len(deficits))
    return {
        **_head(view, plan, supposed),
        "connection": view.state.site.circuits.root.id,
        "edges": [] if plan is None else [time_of(edge) for edge in plan.edges],
        "limit_w": _row(() if plan is None else plan.limit_w),
        "base_w": _row(() if plan is None else plan.base_w),
        "generation_w": _row(() if plan is None else plan.generation_w),
        "battery_w": _row(() if plan is None else plan.battery_w),
        "vehicles_w": _row(vehicles_w),
        "grid_w": _row(() if plan is None else _through_grid(plan, vehicles_w)),
        "price_per_kwh": [] if plan is None else [round(price, 5) for price in plan.price_per_kwh],
        "charges": charges,
        "deficits": deficits,
        "left_out": [] if plan is None else list(_left_out(view, plan, stays)),
        "assumptions": [] if plan is None else [plain(text) for text in plan.assumptions[:MAX_ASSUMPTIONS]],
    }


async def _give_way(rows: int) -> None:
    if rows % SLICE_ROWS == 0:
        await asyncio.sleep(0)


class Told(NamedTuple):
    """A picture as JSON, and a tag that changes when it says something else than before, later on."""

    json: bytes
    tag: str


async def encoded(told: PlanPicture) -> Told:
    """A picture as JSON."""
    lists: Mapping[str, Sequence[ChargeRow | DeficitRow]] = {"charges": told["charges"], "deficits": told["deficits"]}
    when = {"at": told["at"], "age_s": told["age_s"]}
    parts = [_encode({name: value for name, value in told.items() if name not in {*lists, *when}})[1:-1]]
    for name, rows in lists.items():
        slices = []
        for k in range(0, len(rows), SLICE_ROWS):
            slices.append(_encode(rows[k : k + SLICE_ROWS])[1:-1])
            await asyncio.sleep(0)
        parts.append(f'"{name}":[{",".join(slices)}]')
    said = ",".join(parts).encode("ascii")
    return Told(_encode(when)[:-1].encode("ascii") + b"," + said + b"}", f'W/"{crc32(said):08x}"')


def _head(view: View, plan: Plan | None, supposed: str) -> PlanHead:
    state, now = view.state, view.now
    in_force = plan is not None and not supposed and plan_in_force(state, now) is plan
    return {
        "site": {
            "name": plain(state.site.name),
            "timezone": state.site.timezone,
            "currency": state.site.currency,
            "voltage_v": state.site.voltage_v,
        },
        "at": time_of(now.utc),
        "strategy": state.strategy.value,
        "strategies": [strategy.value for strategy in Strategy],
        "in_force": in_force,
        "absence": "" if in_force or supposed else absence(state, now),
        "trouble": "" if supposed else plain(state.plan_trouble),
        "supposed": supposed,
        "made": None if plan is None else time_of(plan.made),
        "made_for": None if plan is None else plan.strategy.value,
        "age_s": None if plan is None else 0.0 if supposed else age(now, state.planned_at),
        "caps": plan is not None and plan.caps,
        "observes": state.site.policy.observes,
    }


def _stays(view: View) -> dict[str, Stay]:
    stays = {}
    calendar = Calendar(view.state.site.zone, time_of(view.now.utc))
    for evse, known in zip(view.state.site.evses, view.state.evses, strict=True):
        session = known.session
        if session is not None:
            label = None if session.vehicle is None else plain(session.vehicle.label)
            legs = sum(known.planned_legs(len(evse.wiring.legs)))
            stays[session.id] = Stay(label, legs, promised(session.need, calendar))
    return stays


def _charge(view: View, plan: Plan, charge: PlannedCharge, stays: Mapping[str, Stay]) -> ChargeRow:
    site, stay = view.state.site, stays.get(charge.session)
    index = site.evse_index(charge.evse)
    evse = None if index is None else site.evses[index]
    legs = None if stay is None else stay.legs or None
    return {
        "evse": plain(charge.evse),
        "circuit": "" if evse is None else evse.circuit,
        "session": plain(charge.session),
        "vehicle": None if stay is None else stay.vehicle,
        "expected": charge.expected,
        "departure": None if charge.departure is None else time_of(charge.departure),
        "need_wh": number(charge.need_wh) or 0.0,
        "planned_wh": number(charge.planned_wh) or 0.0,
        "short_wh": number(charge.short_wh) or 0.0,
        "ends": _ends(plan, charge),
        "promise": "" if stay is None else stay.promise,
        "watts_per_a": 0.0 if evse is None else round(evse.wiring.watts_per_amp(site.voltage_v, legs), 2),
        "amps": _row(charge.amps),
        "why": [{"since": why.since, "text": plain(why.text)} for why in charge.why],
    }


def _ends(plan: Plan, charge: PlannedCharge) -> str | None:
    last = max((step for step, amps in enumerate(charge.amps) if amps > 0.0), default=None)
    if last is None:
        return None
    end = plan.edges[last + 1]
    return time_of(end if charge.departure is None else min(end, charge.departure))


def _worst_first(plan: Plan) -> Sequence[Deficit]:
    """What the plan calls a deficit, and any other vehicle that gets less than it needs; where it is worth a word."""
    named = {deficit.session for deficit in plan.deficits}
    others = (
        Deficit(charge.evse, charge.session, charge.short_wh, charge.need_wh, charge.departure)
        for charge in plan.charges
        if not charge.expected and charge.session not in named
    )
    missed = (deficit for deficit in (*plan.deficits, *others) if deficit.short_wh >= MISSED_WH)
    return sorted(missed, key=lambda deficit: -deficit.short_wh)


def _deficit(deficit: Deficit, stays: Mapping[str, Stay], calendar: Calendar) -> DeficitRow:
    stay = stays.get(deficit.session)
    vehicle = None if stay is None else stay.vehicle
    departure = None if deficit.departure is None else time_of(deficit.departure)
    return {
        "evse": plain(deficit.evse),
        "session": plain(deficit.session),
        "vehicle": vehicle,
        "short_wh": number(deficit.short_wh) or 0.0,
        "need_wh": number(deficit.need_wh) or 0.0,
        "departure": departure,
        "text": shortfall(vehicle or plain(deficit.evse), deficit.need_wh, deficit.short_wh, departure, calendar),
        "remedies": [plain(text) for text in deficit.remedies[:MAX_REMEDIES]],
    }


def _left_out(view: View, plan: Plan, stays: Mapping[str, Stay]) -> Iterator[LeftOutRow]:
    """Who stopped drawing before its battery counts as full, where that is but assumed, is full."""
    planned = {charge.session for charge in plan.charges}
    for known in view.state.evses:
        session = known.session
        if (
            session is None
            or session.id in planned
            or (known.status is EvseStatus.SUSPENDED_EV and session.need.is_assumed)
        ):
            continue
        missing_wh = session.missing_wh()
        if missing_wh is not None and missing_wh >= MISSED_WH:
            yield {
                "evse": plain(session.evse),
                "session": plain(session.id),
                "vehicle": stays[session.id].vehicle,
                "missing_wh": number(missing_wh) or 0.0,
            }


def _through_grid(plan: Plan, vehicles_w: Sequence[float]) -> Sequence[float]:
    """What flows through the grid connection when everything goes as planned; import is positive."""
    total = list(vehicles_w)
    for sign, series in ((1.0, plan.base_w), (-1.0, plan.generation_w), (1.0, plan.battery_w)):
        if series:
            total = [w + sign * more for w, more in zip(total, series, strict=True)]
    return total


def _row(values: Sequence[float]) -> Row:
    """One digit less for what has many values: whole watts, hundredths of an ampere, and no '.0'."""
    return [_short(value) for value in values]


def _short(value: float) -> float | None:
    rounded = number(value)
    if rounded is None:
        return None
    if abs(rounded) >= 1000.0:
        return round(rounded)
    return int(rounded) if rounded.is_integer() else rounded
