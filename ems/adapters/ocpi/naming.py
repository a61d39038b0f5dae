"""The names under which partners know what is here. They are made of our own names and never change with anything
else, so that what a partner knows stays right over restarts and additions.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid

from ems.domain.access.tag import MAX_TAG, plain_tag
from ems.domain.roaming import Operator, PartyId, outlet_word

CONNECTOR = "1"
"""The only connector of each EVSE: in OCPP 1.6 connectors are EVSEs."""

MOST_UID, MOST_OUTLET = 36, 30
ALIAS = "GUEST-"
"""How tags begin that stand for one that no OCPP 1.6 station could be told."""

_URL_SAFE = re.compile(r"[A-Za-z0-9._~*-]+", re.ASCII)


def evse_uid(evse: str) -> str:
    """The uid of an EVSE: at most 36 characters, fit for a URL."""
    uid = evse.replace("/", "*")
    return uid if len(uid) <= MOST_UID and _URL_SAFE.fullmatch(uid) else f"E{_digest(evse)[: MOST_UID - 1]}"


def evse_id(party: PartyId, evse: str) -> str:
    """The EVSE id that is shown to people (eMI3): DE*ABC*ECP*01*1 for CP-01/1."""
    plain = outlet_word(evse)
    if len(plain) > MOST_OUTLET or not plain:
        plain = f"{plain[: MOST_OUTLET - 9]}*{_digest(evse)[:8]}"
    return f"{party.country_code.upper()}*{party.party_id.upper()}*E{plain}"


def session_id(operator: Operator, session: str) -> str:
    """The id of a session, and of its charge detail record."""
    party = operator.party.key
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"ocpi:{party}/{operator.location}/{session}"))


def tariff_id(price_list: str) -> str:
    """The id of a tariff."""
    fits = len(price_list) <= MOST_UID and _URL_SAFE.fullmatch(price_list)
    return price_list if fits else f"T{_digest(price_list)[: MOST_UID - 1]}"


def station_tag(uid: str) -> str:
    """The tag that an OCPP 1.6 station can be told for a uid of OCPI, which may have 36 characters: itself, or else a
    word for it that is always the same.
    """
    try:
        return plain_tag(uid)
    except ValueError:
        digest = hashlib.sha256(uid.casefold().encode("utf-8", "surrogatepass")).digest()
        return ALIAS + base64.b32encode(digest).decode("ascii")[: MAX_TAG - len(ALIAS)]


def digest_of(secret: str) -> str:
    """What is kept of a token that others show us; tokens are too random to be found from it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest().upper()
