"""Locations, EVSEs and connectors (OCPI 2.2.1, section 8)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ems.adapters.ocpi.model.types import BusinessDetails, Country, DateTime, Id, Party, Text, Thing


class Status(StrEnum):
    """State of an EVSE."""

    AVAILABLE = "AVAILABLE"
    BLOCKED = "BLOCKED"
    CHARGING = "CHARGING"
    INOPERATIVE = "INOPERATIVE"
    OUTOFORDER = "OUTOFORDER"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"
    RESERVED = "RESERVED"
    UNKNOWN = "UNKNOWN"


class PowerType(StrEnum):
    """What a connector delivers."""

    AC_1_PHASE = "AC_1_PHASE"
    AC_2_PHASE = "AC_2_PHASE"
    AC_2_PHASE_SPLIT = "AC_2_PHASE_SPLIT"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


class ConnectorFormat(StrEnum):
    """Whether the cable is the station's."""

    SOCKET = "SOCKET"
    CABLE = "CABLE"


class GeoLocation(Thing):
    """WGS 84, degrees as text with a point."""

    latitude: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,2}\.[0-9]{5,7}$")]
    longitude: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}\.[0-9]{5,7}$")]


class Connector(Thing):
    """A plug. Voltage to neutral, currents per phase, power in W."""

    id: Id
    standard: str
    format: ConnectorFormat
    power_type: PowerType
    max_voltage: int
    max_amperage: int
    max_electric_power: int | None = None
    tariff_ids: tuple[Id, ...] = ()
    last_updated: DateTime


class Evse(Thing):
    """An EVSE of a location; one connector at a time."""

    uid: Id
    evse_id: Annotated[str, StringConstraints(max_length=48)] | None = None
    status: Status
    capabilities: tuple[str, ...] = ()
    connectors: Annotated[list[Connector], Field(min_length=1)]
    floor_level: Annotated[str, StringConstraints(max_length=4)] | None = None
    physical_reference: Annotated[str, StringConstraints(max_length=16)] | None = None
    last_updated: DateTime


class RegularHours(Thing):
    """Opening hours on a weekday, 1 being Monday; local time."""

    weekday: Annotated[int, Field(ge=1, le=7)]
    period_begin: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    period_end: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]


class Hours(Thing):
    """When a location is open."""

    twentyfourseven: bool
    regular_hours: list[RegularHours] | None = None


class Location(Thing):
    """A site."""

    country_code: Country
    party_id: Party
    id: Id
    publish: bool
    name: Text | None = None
    address: Annotated[str, StringConstraints(max_length=45)]
    city: Annotated[str, StringConstraints(max_length=45)]
    postal_code: Annotated[str, StringConstraints(max_length=10)] | None = None
    state: Annotated[str, StringConstraints(max_length=20)] | None = None
    country: Annotated[str, StringConstraints(min_length=3, max_length=3)]
    coordinates: GeoLocation
    parking_type: str | None = None
    evses: tuple[Evse, ...] = ()
    operator: BusinessDetails | None = None
    time_zone: Text
    opening_times: Hours | None = None
    charging_when_closed: bool | None = None
    last_updated: DateTime
