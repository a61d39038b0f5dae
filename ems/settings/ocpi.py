"""Roaming: what the file says of the site as partners see it, and of the partners; checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ems.domain.roaming import Acquaintance, Operator, PartyId, Plug, outlet_word
from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.installation import is_loopback
from ems.settings.ocpi_schema import PlugSection
from ems.settings.secret_file import beside, secret_findings


@dataclass(frozen=True, slots=True)
class OcpiSettings:
    """The site as partners see it, and the partners."""

    operator: Operator
    partners: tuple[Acquaintance, ...]


def ocpi_of(draft: Draft) -> OcpiSettings | None:
    """What the section says; None without one."""
    section = draft.shape.ocpi
    if section is None:
        return None
    operator = Operator(
        party=PartyId(section.country_code, section.party_id),
        name=section.name,
        website=section.website or "",
        public_url=section.public_url,
        location=section.location_id,
        address=section.address,
        city=section.city,
        postal_code=section.postal_code or "",
        country=section.country,
        latitude=section.coordinates[0],
        longitude=section.coordinates[1],
        parking_type=section.parking or "",
        opening=section.opening,
        plug=None if section.connector is None else _plug(section.connector),
        plugs={name: _plug(one) for name, one in section.connectors.items()},
        is_published=section.published,
    )
    partners = tuple(
        Acquaintance(name, one.name or "", one.versions_url or "", str(beside(draft, one.token_file) or ""))
        for name, one in section.partners.items()
    )
    return OcpiSettings(operator, partners)


def _plug(section: PlugSection) -> Plug:
    return Plug(section.standard, section.cable)


def reach(draft: Draft) -> Iterator[Finding]:
    """Partners who cannot get here, or whom others can listen to on the way."""
    section = draft.shape.ocpi
    if section is None:
        return
    url, place = urlsplit(section.public_url), ("ocpi", "public_url")
    host = url.hostname or ""
    if is_loopback(host):
        remedy = "write the address under which the internet reaches this controller"
        yield draft.document.warning(place, "ocpi: nobody but this machine reaches that public_url", remedy)
        return
    if host not in {name.lower() for name in (*draft.shape.web.names, draft.shape.web.host)}:
        remedy = f"write web: {{names: [{host}]}}"
        yield draft.document.warning(place, f"ocpi: whoever asks for '{host}' is refused by the page", remedy)
    if url.scheme != "https":
        remedy = "put a server with TLS before the page and write https://"
        yield draft.document.warning(place, "ocpi: anybody on the way can read the tokens of partners", remedy)


def partners(draft: Draft) -> Iterator[Finding]:
    """Partners of which something is missing."""
    section = draft.shape.ocpi
    if section is None:
        return
    if not section.partners:
        remedy = "name them: partners: {acme: {name: ACME Mobility}}"
        yield draft.document.warning(("ocpi",), "ocpi: there are no partners", remedy)
    for name, one in section.partners.items():
        route = ("ocpi", "partners", name)
        if (one.versions_url is None) != (one.token_file is None):
            missing = "versions_url" if one.versions_url is None else "token_file"
            remedy = "write both to register there, or neither and hand it a token from the page of partners"
            yield draft.document.error(route, f"ocpi: the partner '{name[:40]}' has no {missing}", remedy)
        path = beside(draft, one.token_file)
        yield from secret_findings(draft, (*route, "token_file"), path, "the token that the partner gave you")


def names(draft: Draft) -> Iterator[Finding]:
    """Connectors of nothing, and EVSEs that partners could not tell apart."""
    section = draft.shape.ocpi
    if section is None:
        return
    known = {evse.id for evse in draft.evses} | {evse.station for evse in draft.evses}
    for name in section.connectors:
        if name not in known:
            message = f"ocpi: the site has no station or EVSE '{name[:40]}'"
            yield draft.document.error(("ocpi", "connectors", name), message, "write for example CP-01, or CP-01/1")
    words: dict[str, str] = {}
    for evse in draft.evses:
        other = words.setdefault(outlet_word(evse.id), evse.id)
        if other != evse.id:
            message = f"ocpi: {other} and {evse.id} would have the same EVSE id"
            remedy = "give stations ids that differ in more than capitals and marks"
            yield draft.document.error(("stations", evse.station), message, remedy)
