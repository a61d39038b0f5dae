"""Sessions, claims and charge detail records as they are kept."""

from __future__ import annotations

import json
from datetime import datetime

from ems.adapters.ocpi.guests import Claim
from ems.adapters.ocpi.model.session import AuthMethod, Cdr, Session
from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.model.types import Price
from ems.adapters.ocpi.wording.session import Permission
from ems.domain.roaming import ObjectKind, ToldObject
from ems.ports.roaming import RecordView

CREDIT = "-C"
"""Behind the id of what a record takes back."""


def session_object(told: Session, partner: str) -> ToldObject:
    """A session as it is kept; the store finds those that run by how this is written."""
    text = json.dumps(told.told(), separators=(",", ":"))
    return ToldObject(ObjectKind.SESSION, told.id, partner, told.last_updated, text)


def claim_object(key: str, claim: Claim) -> ToldObject:
    """A claim as it is kept."""
    by = claim.permission
    body = {"token": by.token.told(), "method": by.method.value, "reference": by.reference}
    return ToldObject(ObjectKind.CLAIM, key, claim.partner, claim.at, json.dumps(body))


def claim_of(kept: ToldObject) -> Claim:
    """The claim that is kept. Raises ValueError or KeyError."""
    body = json.loads(kept.body)
    by = Permission(Token.model_validate(body["token"]), AuthMethod(body["method"]), body["reference"])
    return Claim(kept.partner, by, kept.updated)


def view_of(kept: ToldObject, credited: frozenset[str]) -> RecordView:
    """A record for people; `credited` are those that were taken back. Raises ValueError."""
    told = Cdr.model_validate_json(kept.body)
    total = told.total_cost.incl_vat if told.total_cost.incl_vat is not None else told.total_cost.excl_vat
    return RecordView(
        id=told.id,
        started=told.start_date_time,
        evse=told.cdr_location.evse_id,
        energy=str(told.total_energy),
        total=str(total),
        currency=told.currency,
        credit_of=told.credit_reference_id or "",
        is_credited=told.id in credited,
    )


def credit_of(kept: ToldObject, now: datetime) -> ToldObject:
    """The record that takes one back: all of it again, and its total negative (section 10.1.1). Raises ValueError."""
    told = Cdr.model_validate_json(kept.body)
    if told.credit:
        raise ValueError("this record takes back another one, and cannot be taken back itself")
    cost = told.total_cost
    taken = Price(excl_vat=-cost.excl_vat, incl_vat=None if cost.incl_vat is None else -cost.incl_vat)
    update = {
        "id": f"{told.id}{CREDIT}",
        "credit": True,
        "credit_reference_id": told.id,
        "total_cost": taken,
        "last_updated": now,
    }
    credit = told.model_copy(update=update)
    return ToldObject(ObjectKind.CDR, credit.id, kept.partner, now, json.dumps(credit.told()))
