"""Raw charging profiles of experts, and what speaks against them.

The controller keeps three profiles at each EVSE (`profiles`). A raw one must neither take the place of one of them
(section 3.13.2: the same id, or the same purpose and stack level), nor let more flow than the fallback: a profile above
ours would outrank it, one below would come into force when our lease ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ocpp.v16.enums import ChargingProfileKindType, ChargingProfilePurposeType

from ems.adapters.ocpp.v16.profiles import slot, stack_level
from ems.adapters.ocpp.v16.samples import number
from ems.domain.grant import Layer
from ems.domain.remote.request import ClearRawProfiles, SetRawProfile
from ems.domain.station import Evse
from ems.domain.station_model import RateUnit, StationModel

STATION_MAX = ChargingProfilePurposeType.charge_point_max_profile.value
TX_PURPOSES = {
    ChargingProfilePurposeType.tx_default_profile.value: (Layer.FLOOR, Layer.DEFAULT),
    ChargingProfilePurposeType.tx_profile.value: (Layer.SESSION,),
}


def set_objection(request: SetRawProfile, evses: tuple[Evse, ...], model: StationModel, voltage_v: float) -> str | None:
    """Why a raw profile is not sent; None when it can do no harm."""
    profile, purpose = request.profile, request.profile.get("chargingProfilePurpose")
    ours = sorted(slot(evse.number, layer) for evse in evses for layer in Layer)
    if number(profile.get("chargingProfileId")) in ours:
        return f"the ids {ours[0]} to {ours[-1]} are the controller's own; take another one, {ours[-1] + 1} for example"
    if purpose == STATION_MAX:
        if profile.get("chargingProfileKind") == ChargingProfileKindType.relative.value:
            return "a ChargePointMaxProfile cannot be Relative: write it as Absolute, with a start in the past"
        return None if request.evse == 0 else "a ChargePointMaxProfile belongs on connector 0"
    levels = {stack_level(layer, model) for layer in TX_PURPOSES.get(str(purpose), ())}
    if number(profile.get("stackLevel")) in levels:
        there = " and ".join(str(level) for level in sorted(levels))
        return f"it would take the place of the controller's own profile: {purpose} on stack level {there} is that"
    for evse in evses:
        if request.evse in {0, evse.number} and most_a(request.profile, evse, voltage_v) > evse.fallback_a:
            return (
                f"it would let {evse.id} have more than its fallback of {evse.fallback_a:g} A without the controller's"
                " knowledge; to give a vehicle more power, say what it needs"
            )
    return None


def clear_objection(request: ClearRawProfiles, evses: tuple[Evse, ...], model: StationModel) -> str | None:
    """Why profiles are not cleared; None when none of ours would be."""
    for evse in evses:
        for layer in Layer:
            if _is_cleared(request, evse, layer, model):
                what = {Layer.FLOOR: "fallback", Layer.DEFAULT: "default limit", Layer.SESSION: "session limit"}[layer]
                return (
                    f"it would clear the {what} of {evse.id}, and with it what protects the fuse; name the id of the"
                    " profile to be cleared, or a purpose and stack level that the controller does not use"
                )
    return None


def most_a(profile: Mapping[str, Any], evse: Evse, voltage_v: float) -> float:
    """The highest limit of a raw profile, A per leg of an EVSE; infinite where it does not say. Watts count as if one
    leg drew them all, as some vehicles do (section 7.12); amperes at a DC outlet say nothing about its supply.
    """
    schedule = profile.get("chargingSchedule")
    content = schedule if isinstance(schedule, Mapping) else {}
    if content.get("chargingRateUnit") == RateUnit.WATT.value:
        per_unit = 1.0 / (evse.wiring.watts_per_amp(voltage_v, 1) * (evse.dc_efficiency or 1.0))
    else:
        per_unit = 1.0 if evse.dc_efficiency is None else math.inf
    periods = content.get("chargingSchedulePeriod")
    known = periods if isinstance(periods, list) else ()
    limits = [number(period.get("limit")) if isinstance(period, Mapping) else None for period in known]
    return max([math.inf if limit is None else limit * per_unit for limit in limits], default=math.inf)


def _is_cleared(request: ClearRawProfiles, evse: Evse, layer: Layer, model: StationModel) -> bool:
    if request.profile is not None:
        return request.profile == slot(evse.number, layer)
    purpose = next(name for name, layers in TX_PURPOSES.items() if layer in layers)
    return (
        request.evse in {None, 0, evse.number}
        and request.purpose in {None, purpose}
        and request.level in {None, stack_level(layer, model)}
    )
