"""From a limit order to SetChargingProfile (sections 3.13, 5.16, 6.43, 7.8, 7.13), and from a composite schedule back.

Each EVSE has three slots with fixed ids, so that a profile is always overwritten and never cleared first (Q32):

| layer   | purpose          | stack level      | ends                         |
|---------|------------------|------------------|------------------------------|
| floor   | TxDefaultProfile | 0                | never                        |
| default | TxDefaultProfile | highest          | after the lease              |
| session | TxProfile        | highest          | after the lease, or with its transaction |

A station with a single stack level holds floor and default in one profile: the target until the lease ends, then the
fallback for ever; or, where it cannot even do that, only the target.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ocpp.v16.enums import ChargingProfileKindType, ChargingProfilePurposeType

from ems.adapters.ocpp.v16.samples import number
from ems.domain.grant import Layer
from ems.domain.order import LimitOrder
from ems.domain.station import Evse
from ems.domain.station_model import LeaseForm, ProfileKind, RateUnit, StationModel

START_BEFORE_S = 60
"""Schedules start a minute ago, so that a station whose clock is a little behind applies them at once (Q20)."""

FLOOR_START_BEFORE_S = 86_400
"""A floor that has not begun is none: it must hold even after the station's clock was set back."""

DEFAULT_LEVEL = 1
MAX_LEVEL = 8
"""Stations that report absurd maximum levels still take these (Q14)."""

SLOTS = 3
_KINDS = {
    ProfileKind.ABSOLUTE: ChargingProfileKindType.absolute.value,
    ProfileKind.RELATIVE: ChargingProfileKindType.relative.value,
}
_PURPOSES = {
    Layer.FLOOR: ChargingProfilePurposeType.tx_default_profile.value,
    Layer.DEFAULT: ChargingProfilePurposeType.tx_default_profile.value,
    Layer.SESSION: ChargingProfilePurposeType.tx_profile.value,
}
COMPOSITE_S = 300


def request(
    order: LimitOrder, evse: Evse, model: StationModel, voltage_v: float, station_now: datetime
) -> dict[str, Any]:
    """SetChargingProfile.req for one order; `station_now` is UTC as the station's own clock shows it."""
    single = is_single(model)
    limit = rate(order.amps, evse, model, order.legs, voltage_v)
    periods = [{"startPeriod": 0, "limit": limit}]
    schedule: dict[str, Any] = {"chargingRateUnit": unit(evse, model).value}
    start_before = 0
    if model.kind is ProfileKind.ABSOLUTE:
        start_before = FLOOR_START_BEFORE_S if order.layer is Layer.FLOOR else START_BEFORE_S
        schedule["startSchedule"] = _text(station_now - timedelta(seconds=start_before))
    if math.isfinite(order.lease_s) and order.layer is not Layer.FLOOR and model.lease is not LeaseForm.NONE:
        ends = round(order.lease_s) + start_before
        if single and order.layer is Layer.DEFAULT:
            after = rate(order.fallback_a, evse, model, order.legs, voltage_v)
            periods.append({"startPeriod": ends, "limit": after})
        else:
            schedule["duration"] = ends
    in_watts = model.rate_unit is RateUnit.WATT and evse.dc_efficiency is None
    # Without a number a station uses three (section 7.13).
    phases = order.phases or (order.legs if model.number_phases or in_watts else None)
    if phases is not None:
        periods = [{**period, "numberPhases": phases} for period in periods]
    schedule["chargingSchedulePeriod"] = periods
    profile: dict[str, Any] = {
        "chargingProfileId": slot(evse.number, Layer.FLOOR if single and order.layer < Layer.SESSION else order.layer),
        "stackLevel": stack_level(order.layer, model),
        "chargingProfilePurpose": _PURPOSES[order.layer],
        "chargingProfileKind": _KINDS[model.kind],
        "chargingSchedule": schedule,
    }
    if order.transaction is not None and order.layer is Layer.SESSION:
        profile["transactionId"] = order.transaction
    return {"connectorId": evse.number, "csChargingProfiles": profile}


def slot(number: int, layer: Layer) -> int:
    """The fixed profile id of a layer at an EVSE; small, because some stations only take small ones (Q30b)."""
    return (number - 1) * SLOTS + int(layer) + 1


def is_single(model: StationModel) -> bool:
    """Floor and default share one profile."""
    return model.lease is LeaseForm.TWO_PERIODS or model.max_stack_level == 0


def stack_level(layer: Layer, model: StationModel) -> int:
    """The floor lies at 0; the others as high as the station allows, above whatever somebody left there (Q49)."""
    if layer is Layer.FLOOR or is_single(model):
        return 0
    return DEFAULT_LEVEL if model.max_stack_level is None else min(model.max_stack_level, MAX_LEVEL)


def rate(amps: float, evse: Evse, model: StationModel, legs: int | None, voltage_v: float) -> float:
    """`amps` per leg in the station's unit, never rounded up.

    Watts count all legs in use; while nobody knows which, only one, because a vehicle on one phase would draw them all
    there (section 7.12). A DC outlet is told what leaves it.
    """
    if model.rate_unit is RateUnit.AMPERE and evse.dc_efficiency is None:
        return math.floor(amps * 10 + 1e-6) / 10
    if evse.dc_efficiency is not None:
        return math.floor(amps * evse.wiring.watts_per_amp(voltage_v) * evse.dc_efficiency + 1e-6)
    return math.floor(amps * evse.wiring.watts_per_amp(voltage_v, legs or 1) + 1e-6)


def composite_a(
    answer: Mapping[str, Any], evse: Evse, model: StationModel, legs: int | None, voltage_v: float
) -> float | None:
    """Ampere per leg now from GetCompositeSchedule.conf; None when it says nothing (Q50)."""
    schedule = answer.get("chargingSchedule")
    periods = schedule.get("chargingSchedulePeriod") if isinstance(schedule, dict) else None
    if answer.get("status") != "Accepted" or not isinstance(periods, list) or not periods:
        return None
    first = min((p for p in periods if isinstance(p, dict)), key=lambda p: _number(p.get("startPeriod")), default={})
    limit = _number(first.get("limit"))
    if not 0 <= limit < math.inf or _number(first.get("startPeriod")) > 1:
        return None
    told = str(schedule.get("chargingRateUnit", "A") if isinstance(schedule, dict) else "A").upper()
    if told != RateUnit.WATT and evse.dc_efficiency is None:
        return limit
    counted = _number(first.get("numberPhases"))
    if unit(evse, model) is RateUnit.AMPERE:
        # The station converted on its own account, and then all its phases count (section 7.12; Q5).
        legs = int(counted) if 1 <= counted <= len(evse.wiring.legs) else len(evse.wiring.legs)
    one_amp = rate(1000.0, evse, replace(model, rate_unit=RateUnit.WATT), legs, voltage_v) / 1000.0
    return limit / one_amp if told == RateUnit.WATT else None


def _number(value: object) -> float:
    parsed = number(value)
    return -1.0 if parsed is None else parsed


def unit(evse: Evse, model: StationModel) -> RateUnit:
    """What limits of this EVSE are written in; a DC outlet is always told watts (Q55)."""
    return RateUnit.WATT if evse.dc_efficiency is not None else model.rate_unit


def _text(moment: datetime) -> str:
    return f"{moment.isoformat()[:19]}Z"
