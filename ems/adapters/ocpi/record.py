"""Sessions and claims as they are kept."""

from __future__ import annotations

import json

from ems.adapters.ocpi.guests import Claim
from ems.adapters.ocpi.model.session import AuthMethod, Session
from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.wording.session import Permission
from ems.domain.roaming import ObjectKind, ToldObject


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
