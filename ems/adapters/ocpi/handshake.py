"""Exchange of credentials, begun by either side (OCPI 2.2.1, section 7)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from ems.adapters.ocpi.client import Client
from ems.adapters.ocpi.directory import INVITED_FOR, Directory, new_token
from ems.adapters.ocpi.error import OcpiError, PartnerAwayError, PartnerRefusedError, StatusCode
from ems.adapters.ocpi.model.credentials import VERSION, Credentials, CredentialsRole, Version, VersionDetails
from ems.adapters.ocpi.naming import digest_of
from ems.adapters.ocpi.wording.location import business
from ems.domain.roaming import Endpoint, Operator, Partner, PartyId, Role
from ems.ports.controller import Clock, NotStoredError

log = logging.getLogger(__name__)

T = TypeVar("T")

_VERSIONS = TypeAdapter[list[Version]](list[Version])
_DETAILS = TypeAdapter[VersionDetails](VersionDetails)
_CREDENTIALS = TypeAdapter[Credentials](Credentials)


@dataclass(frozen=True, slots=True)
class Handshake:
    """Registers partners here, and us there. `unkept`: by partner, what was agreed and is not on our disk yet. For
    the partner we are registered by then, and it takes the token to register with no more, so it is not asked again.
    """

    operator: Operator
    client: Client
    directory: Directory
    clock: Clock
    unkept: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Below which everything of ours is."""
        return f"{self.operator.public_url}/ocpi"

    def credentials(self, token: str) -> Credentials:
        """How we are to be asked."""
        role = CredentialsRole(
            role="CPO",
            business_details=business(self.operator),
            party_id=self.operator.party.party_id,
            country_code=self.operator.party.country_code,
        )
        return Credentials(token=token, url=f"{self.base_url}/versions", roles=[role])

    async def accept(self, partner: Partner, told: Credentials) -> Credentials:
        """A partner registers here, or registers again. Raises OcpiError and NotStoredError."""
        self._must_be_its_own(partner, told)
        wanted = self.directory.known[partner.id].versions_url
        if wanted and _host(wanted) != _host(told.url):
            text = f"this partner is known at {_host(wanted)}, not at {_host(told.url)}"
            raise OcpiError(StatusCode.INVALID_PARAMETERS, text)
        endpoints = await discover(self.client, told.token, told.url)
        token = new_token()
        await self.directory.alter(partner.id, **self._agreed(token, told, endpoints))
        self.unkept.pop(partner.id, None)
        self.directory.note(partner.id, "it registered here")
        log.info("ocpi.registered partner=%s by=them endpoints=%d", partner.id, len(endpoints))
        return self.credentials(token)

    def is_due(self, partner: Partner) -> bool:
        """Whether a partner is to be registered at by ourselves, or what it answered is still to be kept."""
        return partner.id in self.unkept or (
            not partner.is_registered and self.directory.known[partner.id].can_register
        )

    async def register(self, name: str, token: str, versions_url: str) -> None:
        """Register at a partner by the token that it gave us, or again by the one that is in use. Raises OcpiError, and
        NotStoredError: then asking once more keeps what the partner has answered.
        """
        if name in self.unkept:
            await self._keep(name)
            return
        before = self.directory.partner(name)
        again = before.is_registered
        asking, url = (before.theirs, before.versions_url) if again else (token, versions_url)
        endpoints = await discover(self.client, asking, url)
        place = next(one.url for one in endpoints if one.module == "credentials")
        new = new_token()
        # While it looks at our versions with the new token, the one in use stays good.
        until = self.clock.now().utc + INVITED_FOR
        await self.directory.alter(name, invitation=digest_of(new), invited_until=until)
        try:
            reply = await self.client.ask("PUT" if again else "POST", place, asking, self.credentials(new).told())
            told = _read(_CREDENTIALS, reply.data, "its credentials")
            self._must_be_its_own(before, told)
        except (PartnerAwayError, PartnerRefusedError, OcpiError) as failed:
            await self.directory.alter(name, invitation=before.invitation, invited_until=before.invited_until)
            if isinstance(failed, OcpiError):
                raise
            raise OcpiError(StatusCode.CANNOT_USE_API, str(failed)) from failed
        self.unkept[name] = self._agreed(new, told, endpoints)
        await self._keep(name)

    async def keep_all(self) -> None:
        """Before the controller ends: the last try to keep what partners have answered. Never raises NotStoredError."""
        for name in tuple(self.unkept):
            try:
                await self._keep(name)
            except NotStoredError as failed:
                log.error("ocpi.answer-lost partner=%s: %.200s", name, failed)  # noqa: TRY400 not our fault

    async def _keep(self, name: str) -> None:
        agreed = self.unkept[name]
        try:
            await self.directory.alter(name, **agreed)
        except NotStoredError as failed:
            remedy = "leave the controller running until it is, else register with a new token of the partner"
            raise NotStoredError(f"what the partner answered is not on disk yet: {failed}; {remedy}") from failed
        self.unkept.pop(name, None)
        self.directory.note(name, "we registered there")
        log.info("ocpi.registered partner=%s by=us endpoints=%d", name, len(agreed["endpoints"]))

    def _agreed(self, ours: str, told: Credentials, endpoints: tuple[Endpoint, ...]) -> dict[str, Any]:
        """Both sides have each other's token: `ours` is what the partner shows us."""
        return {
            "ours": digest_of(ours),
            "theirs": told.token,
            "versions_url": told.url,
            "endpoints": endpoints,
            "roles": _roles(told),
            "registered": self.clock.now().utc,
            "invitation": "",
            "invited_until": None,
        }

    async def leave(self, name: str, tell: bool) -> None:
        """Part with a partner; `tell` it so. Raises NotStoredError."""
        before = self.directory.partner(name)
        place = next((one.url for one in before.endpoints if one.module == "credentials"), None)
        await self.directory.forget(name)
        self.unkept.pop(name, None)
        if tell and place is not None:
            try:
                await self.client.ask("DELETE", place, before.theirs)
            except (PartnerAwayError, PartnerRefusedError) as failed:
                self.directory.note(name, f"it was not told that we part: {failed}")
        self.directory.note(name, "we parted" if tell else "it parted with us")
        log.info("ocpi.unregistered partner=%s by=%s", name, "us" if tell else "them")

    def _must_be_its_own(self, partner: Partner, told: Credentials) -> None:
        """Nobody speaks for a party of somebody else, least of all for us."""
        for role in told.roles:
            party = PartyId(role.country_code, role.party_id)
            owner = next((one for one in self.directory if one.id != partner.id and one.has(party)), None)
            if owner is not None or party.key == self.operator.party.key:
                raise OcpiError(StatusCode.INVALID_PARAMETERS, f"the party {party} is somebody else's here")


async def discover(client: Client, token: str, url: str) -> tuple[Endpoint, ...]:
    """What a platform offers in our version. Raises OcpiError."""
    try:
        versions = _read(_VERSIONS, (await client.ask("GET", url, token)).data, "its list of versions")
        ours = next((one for one in versions if one.version == VERSION), None)
        if ours is None:
            offered = ", ".join(one.version[:10] for one in versions[:8])
            text = f"only version {VERSION} is spoken here, and {offered or 'nothing'} there"
            raise OcpiError(StatusCode.UNSUPPORTED_VERSION, text)
        details = _read(_DETAILS, (await client.ask("GET", ours.url, token)).data, "the details of its version")
    except (PartnerAwayError, PartnerRefusedError) as failed:
        raise OcpiError(StatusCode.CANNOT_USE_API, f"asking {_host(url)} for its versions: {failed}") from failed
    found = tuple(Endpoint(one.identifier, one.role.value, one.url) for one in details.endpoints)
    if not any(one.module == "credentials" for one in found):
        raise OcpiError(StatusCode.NO_MATCHING_ENDPOINTS, "it has no endpoint for credentials")
    return found


def _read(kind: TypeAdapter[T], data: object, what: str) -> T:
    try:
        return kind.validate_python(data)
    except ValidationError as wrong:
        place = ".".join(str(part) for part in wrong.errors()[0]["loc"])[:80]
        raise OcpiError(StatusCode.CANNOT_USE_API, f"{what} cannot be read: {place}") from None


def _roles(told: Credentials) -> tuple[Role, ...]:
    return tuple(
        Role(PartyId(one.country_code, one.party_id), one.role[:20], one.business_details.name) for one in told.roles
    )


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_host_of(partner: Partner, url: str) -> bool:
    """Whether a URL leads to where a partner is known to be; others are not called for it."""
    known = {_host(one) for one in (partner.versions_url, *(endpoint.url for endpoint in partner.endpoints))}
    return _host(url) != "" and _host(url) in known
