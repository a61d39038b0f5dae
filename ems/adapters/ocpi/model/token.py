"""Tokens: whose customer somebody is (OCPI 2.2.1, section 12)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ems.adapters.ocpi.model.types import Country, DateTime, DisplayText, Id, Party, Text, Thing
from ems.domain.roaming import Whitelist


class TokenType(StrEnum):
    """What it is."""

    AD_HOC_USER = "AD_HOC_USER"
    APP_USER = "APP_USER"
    OTHER = "OTHER"
    RFID = "RFID"


class ProfileType(StrEnum):
    """What a driver prefers."""

    CHEAP = "CHEAP"
    FAST = "FAST"
    GREEN = "GREEN"
    REGULAR = "REGULAR"


class EnergyContract(Thing):
    """A driver's own contract for energy."""

    supplier_name: Annotated[str, StringConstraints(max_length=64)]
    contract_id: Annotated[str, StringConstraints(max_length=64)] | None = None


class Token(Thing):
    """A token of a mobility service provider."""

    country_code: Country
    party_id: Party
    uid: Id
    type: TokenType
    contract_id: Id
    visual_number: Annotated[str, StringConstraints(max_length=64)] | None = None
    issuer: Annotated[str, StringConstraints(max_length=64)]
    group_id: Id | None = None
    valid: bool
    whitelist: Whitelist
    language: Annotated[str, StringConstraints(min_length=2, max_length=2)] | None = None
    default_profile_type: ProfileType | None = None
    energy_contract: EnergyContract | None = None
    last_updated: DateTime


class LocationReferences(Thing):
    """Where somebody wants to charge."""

    location_id: Id
    evse_uids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()


class Allowed(StrEnum):
    """What a provider says when it is asked."""

    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class AuthorizationInfo(Thing):
    """The answer to a question about a token."""

    allowed: Allowed
    token: Token
    location: LocationReferences | None = None
    authorization_reference: Id | None = None
    info: DisplayText | None = None


class CdrToken(Thing):
    """A token as sessions and charge detail records name it."""

    country_code: Country
    party_id: Party
    uid: Id
    type: TokenType
    contract_id: Text
