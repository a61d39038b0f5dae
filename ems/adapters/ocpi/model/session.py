"""Sessions and charge detail records (OCPI 2.2.1, sections 9 and 10)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ems.adapters.ocpi.model.location import ConnectorFormat, GeoLocation, PowerType
from ems.adapters.ocpi.model.tariff import Tariff
from ems.adapters.ocpi.model.token import CdrToken, ProfileType
from ems.adapters.ocpi.model.types import Country, Currency, DateTime, Id, LongId, Number, Party, Price, Text, Thing


class AuthMethod(StrEnum):
    """How somebody was authorised."""

    AUTH_REQUEST = "AUTH_REQUEST"
    COMMAND = "COMMAND"
    WHITELIST = "WHITELIST"


class SessionStatus(StrEnum):
    """How a session stands. INVALID: nothing will be billed."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    INVALID = "INVALID"
    PENDING = "PENDING"
    RESERVATION = "RESERVATION"


class CdrDimension(Thing):
    """How much of something: kWh, hours, A, W or percent."""

    type: str
    volume: Number


class ChargingPeriod(Thing):
    """From then until the next one."""

    start_date_time: DateTime
    dimensions: Annotated[list[CdrDimension], Field(min_length=1)]
    tariff_id: Id | None = None


class Session(Thing):
    """A session as it runs."""

    country_code: Country
    party_id: Party
    id: Id
    start_date_time: DateTime
    end_date_time: DateTime | None = None
    kwh: Number
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: Id | None = None
    location_id: Id
    evse_uid: Id
    connector_id: Id
    meter_id: Text | None = None
    currency: Currency
    charging_periods: tuple[ChargingPeriod, ...] = ()
    total_cost: Price | None = None
    status: SessionStatus
    last_updated: DateTime


class ChargingPreferences(Thing):
    """What a driver wants; energy in kWh."""

    profile_type: ProfileType
    departure_time: DateTime | None = None
    energy_need: Annotated[Number, Field(ge=0, le=2000)] | None = None
    discharge_allowed: bool | None = None


class PreferencesResponse(StrEnum):
    """What is answered to it."""

    ACCEPTED = "ACCEPTED"
    DEPARTURE_REQUIRED = "DEPARTURE_REQUIRED"
    ENERGY_NEED_REQUIRED = "ENERGY_NEED_REQUIRED"
    NOT_POSSIBLE = "NOT_POSSIBLE"
    PROFILE_TYPE_NOT_SUPPORTED = "PROFILE_TYPE_NOT_SUPPORTED"


class CdrLocation(Thing):
    """Where it was."""

    id: Id
    name: Text | None = None
    address: Annotated[str, StringConstraints(max_length=45)]
    city: Annotated[str, StringConstraints(max_length=45)]
    postal_code: Annotated[str, StringConstraints(max_length=10)] | None = None
    state: Annotated[str, StringConstraints(max_length=20)] | None = None
    country: Annotated[str, StringConstraints(min_length=3, max_length=3)]
    coordinates: GeoLocation
    evse_uid: Id
    evse_id: Annotated[str, StringConstraints(max_length=48)]
    connector_id: Id
    connector_standard: str
    connector_format: ConnectorFormat
    connector_power_type: PowerType


class Cdr(Thing):
    """What a session was, for good; energies in kWh, times in hours."""

    country_code: Country
    party_id: Party
    id: LongId
    start_date_time: DateTime
    end_date_time: DateTime
    session_id: Id | None = None
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: Id | None = None
    cdr_location: CdrLocation
    meter_id: Text | None = None
    currency: Currency
    tariffs: list[Tariff] | None = None
    charging_periods: Annotated[list[ChargingPeriod], Field(min_length=1)]
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy: Number
    total_energy_cost: Price | None = None
    total_time: Number
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: Text | None = None
    invoice_reference_id: LongId | None = None
    credit: bool | None = None
    credit_reference_id: LongId | None = None
    home_charging_compensation: bool | None = None
    last_updated: DateTime
