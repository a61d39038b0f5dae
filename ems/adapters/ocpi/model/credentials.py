"""Versions and credentials (OCPI 2.2.1, sections 6 and 7), and the envelope of every answer (4.1.7)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from ems.adapters.ocpi.model.types import BusinessDetails, Country, DateTime, Party, Thing, Url

VERSION = "2.2.1"

Secret = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class Envelope(Thing):
    """Around whatever is answered."""

    data: Any = None
    status_code: int
    status_message: str | None = None
    timestamp: DateTime


class Version(Thing):
    """A version and where its details are."""

    version: str
    url: Url


class InterfaceRole(StrEnum):
    """Whose objects an endpoint serves: its own, or those that others push."""

    SENDER = "SENDER"
    RECEIVER = "RECEIVER"


class Endpoint(Thing):
    """Where a module is."""

    identifier: str
    role: InterfaceRole
    url: Url


class VersionDetails(Thing):
    """What a version offers."""

    version: str
    endpoints: Annotated[list[Endpoint], Field(max_length=100)]


class CredentialsRole(Thing):
    """A party of a platform and what it is. `role` is CPO, EMSP, HUB, NAP, NSP, OTHER or SCSP."""

    role: str
    business_details: BusinessDetails
    party_id: Party
    country_code: Country


class Credentials(Thing):
    """How a platform is to be asked, and who asks there."""

    token: Secret
    url: Url
    roles: Annotated[list[CredentialsRole], Field(min_length=1, max_length=100)]
