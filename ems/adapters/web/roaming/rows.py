"""Roaming partners as the interface and the page show them."""

from __future__ import annotations

from ems.adapters.web.roaming.shape import PartnerRow, PartnerRows, RecordRow
from ems.adapters.web.values import plain, time_of, uncut
from ems.ports.roaming import Partners, PartnerView, RecordView


def partner_rows(partners: Partners) -> PartnerRows:
    """All partners."""
    return {
        "versions_url": partners.versions_url,
        "unsaid": [plain(text) for text in partners.unsaid],
        "partners": [partner_row(one) for one in partners.views()],
    }


def partner_row(one: PartnerView) -> PartnerRow:
    """A partner."""
    known = one.partner
    return {
        "id": one.id,
        "name": plain(one.name),
        "registered": None if known.registered is None else time_of(known.registered),
        "can_register": one.can_register,
        "invited_until": None if known.invited_until is None else time_of(known.invited_until),
        "versions_url": uncut(known.versions_url) or None,
        "roles": [
            {"party": plain(str(role.party)), "role": plain(role.role), "name": plain(role.name)}
            for role in known.roles
        ],
        "modules": sorted({plain(f"{endpoint.module} ({endpoint.role.lower()})") for endpoint in known.endpoints}),
        "tokens": one.tags,
        "pulled": None if known.pulled is None else time_of(known.pulled),
        "waiting": one.waiting,
        "waiting_since": None if one.waiting_since is None else time_of(one.waiting_since),
        "refused": one.refused,
        "last_push": None if one.last_push is None else time_of(one.last_push),
        "trouble": plain(one.trouble),
        "trouble_since": None if one.trouble_since is None else time_of(one.trouble_since),
        "lines": [{"at": time_of(at), "text": plain(text)} for at, text in one.lines],
    }


def record_row(one: RecordView) -> RecordRow:
    """A charge detail record."""
    return {
        "id": one.id,
        "started": time_of(one.started),
        "evse": one.evse,
        "energy_kwh": one.energy,
        "total": one.total,
        "currency": one.currency,
        "credit_of": one.credit_of or None,
        "credited": one.is_credited,
    }
