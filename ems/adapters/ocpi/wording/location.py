"""The site as a location."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time

from ems.adapters.ocpi.model import location as model
from ems.adapters.ocpi.model.types import BusinessDetails
from ems.adapters.ocpi.naming import CONNECTOR, evse_id, evse_uid
from ems.domain.recurrence import DayWindow
from ems.domain.roaming import Operator
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import Evse, EvseStatus

CAPABILITIES = (
    "CHARGING_PREFERENCES_CAPABLE",
    "REMOTE_START_STOP_CAPABLE",
    "RESERVABLE",
    "RFID_READER",
    "UNLOCK_CAPABLE",
)
DC_VOLT = 500
"""What is said of a DC outlet, of which only the power is known."""

_STATUS = {
    EvseStatus.AVAILABLE: model.Status.AVAILABLE,
    EvseStatus.PREPARING: model.Status.BLOCKED,
    EvseStatus.CHARGING: model.Status.CHARGING,
    EvseStatus.SUSPENDED_EV: model.Status.CHARGING,
    EvseStatus.SUSPENDED_EVSE: model.Status.CHARGING,
    EvseStatus.FINISHING: model.Status.BLOCKED,
    EvseStatus.RESERVED: model.Status.RESERVED,
    EvseStatus.UNAVAILABLE: model.Status.INOPERATIVE,
    EvseStatus.FAULTED: model.Status.OUTOFORDER,
    EvseStatus.UNKNOWN: model.Status.UNKNOWN,
}
Holds = Callable[[str], bool]
"""Whether an EVSE is kept for somebody now."""


def statuses(state: SiteState, holds: Holds) -> dict[str, model.Status]:
    """The state of every EVSE. A vehicle that is plugged in and does not charge blocks it."""
    found: dict[str, model.Status] = {}
    for evse, known, owner in zip(state.site.evses, state.evses, state.site.station_of_evse, strict=True):
        status = _STATUS[known.status] if state.stations[owner].connected else model.Status.UNKNOWN
        if status is model.Status.AVAILABLE and holds(evse.id):
            status = model.Status.RESERVED
        found[evse.id] = status
    return found


def evse_object(
    operator: Operator,
    site: Site,
    evse: Evse,
    status: model.Status,
    tariffs: Sequence[str],
    updated: datetime,
) -> model.Evse:
    """An EVSE with its connector."""
    is_dc = evse.dc_efficiency is not None
    plug = operator.plug_of(evse.id, is_dc)
    power_type = _power_type(evse)
    volts = DC_VOLT if is_dc else round(evse.wiring.watts_per_amp(site.voltage_v, 1))
    watts = round(evse.most_w(site.voltage_v) * (evse.dc_efficiency or 1.0))
    return model.Evse(
        uid=evse_uid(evse.id),
        evse_id=evse_id(operator.party, evse.id),
        status=status,
        capabilities=CAPABILITIES,
        physical_reference=evse.id if len(evse.id) <= 16 else None,
        connectors=[
            model.Connector(
                id=CONNECTOR,
                standard=plug.standard,
                format=model.ConnectorFormat.CABLE if plug.has_cable else model.ConnectorFormat.SOCKET,
                power_type=power_type,
                max_voltage=volts,
                max_amperage=max(1, round(watts / DC_VOLT)) if is_dc else int(evse.max_a),
                max_electric_power=watts,
                tariff_ids=tuple(tariffs),
                last_updated=updated,
            )
        ],
        last_updated=updated,
    )


def _power_type(evse: Evse) -> model.PowerType:
    if evse.dc_efficiency is not None:
        return model.PowerType.DC
    legs = evse.wiring.legs
    if len(legs) == 3:
        return model.PowerType.AC_3_PHASE
    return model.PowerType.AC_2_PHASE if len(legs) == 2 or len(legs[0]) == 2 else model.PowerType.AC_1_PHASE


def location_object(operator: Operator, site: Site, evses: Sequence[model.Evse], updated: datetime) -> model.Location:
    """The whole site."""
    return model.Location(
        country_code=operator.party.country_code,
        party_id=operator.party.party_id,
        id=operator.location,
        publish=operator.is_published,
        name=site.name[:255],
        address=operator.address,
        city=operator.city,
        postal_code=operator.postal_code or None,
        country=operator.country,
        coordinates=coordinates(operator),
        parking_type=operator.parking_type or None,
        evses=tuple(evses),
        operator=business(operator),
        time_zone=site.timezone,
        opening_times=hours(operator.opening),
        charging_when_closed=True if operator.opening else None,
        last_updated=max([updated, *(one.last_updated for one in evses)]),
    )


def coordinates(operator: Operator) -> model.GeoLocation:
    """Where it is."""
    return model.GeoLocation(latitude=f"{operator.latitude:.6f}", longitude=f"{operator.longitude:.6f}")


def business(operator: Operator) -> BusinessDetails:
    """Who runs it."""
    return BusinessDetails(name=operator.name, website=operator.website or None)


def hours(opening: Sequence[DayWindow]) -> model.Hours:
    """Opening hours; what runs past midnight is told as two."""
    if not opening:
        return model.Hours(twentyfourseven=True)
    found: list[model.RegularHours] = []
    for window in opening:
        for day in sorted(window.days & frozenset(range(7))):
            if window.since == window.until:
                found.append(_regular(day, time(0), None))
            elif not window.is_past_midnight:
                found.append(_regular(day, window.since, window.until))
            else:
                found.append(_regular(day, window.since, None))
                if window.until != time(0):
                    found.append(_regular((day + 1) % 7, time(0), window.until))
    return model.Hours(
        twentyfourseven=False, regular_hours=sorted(found, key=lambda one: (one.weekday, one.period_begin))
    )


def _regular(day: int, since: time, until: time | None) -> model.RegularHours:
    end = "24:00" if until is None else f"{until:%H:%M}"
    return model.RegularHours(weekday=day + 1, period_begin=f"{since:%H:%M}", period_end=end)
