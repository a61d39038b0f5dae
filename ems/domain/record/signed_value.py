"""Signed meter values: what a meter says of itself, and whether its signature is good.

A station hands them on as it got them from its meter; they are kept to the letter, and judged whenever somebody looks.
A signature is good when it fits the public key of that meter, and the key is good when somebody vouches for it: a key
that came with the value proves only that value and key are from the same hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

MAX_VALUE = 60_000
"""Characters of one signed value; records of meters have hundreds, or a few thousands."""


class Verdict(StrEnum):
    """VERIFIED: the signature fits a key that somebody vouches for. OWN_KEY: it fits the key that the station sent, for
    which nobody vouches. FOREIGN_KEY: the same, although another key is known for this meter. WRONG: it fits no key
    that is known. NO_KEY: none is known. UNSUPPORTED: nobody here can check its kind of signature. UNREADABLE: it is no
    signed record.
    """

    VERIFIED = "verified"
    OWN_KEY = "own-key"
    FOREIGN_KEY = "foreign-key"
    WRONG = "wrong"
    NO_KEY = "no-key"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"


class SignedValue(NamedTuple):
    """A value as the station sent it, `context` as in OCPP (Transaction.Begin, Transaction.End, Sample.Periodic, …)."""

    digest: str
    evse: str
    transaction: int | None
    at: datetime
    context: str
    value: str


class MeterKey(NamedTuple):
    """The public key of a meter that is, or was, at an EVSE, hexadecimal DER, and who vouches for it since when; None:
    the site file does.
    """

    evse: str
    key: str
    confirmed: datetime | None
    confirmed_by: str


class Standing(StrEnum):
    """What the key is worth that a station tells of a meter. VOUCHED: somebody vouches for it. NEW: nobody has vouched
    for any key of that meter yet. OTHER: somebody vouches for another one. NONE: it is no key that can be checked here.
    """

    VOUCHED = "vouched"
    NEW = "new"
    OTHER = "other"
    NONE = "none"


class ToldKey(NamedTuple):
    """The public key that a station says the meter of an EVSE has: in the form in which keys are kept, or as it was
    said where it is none; heard last `at`.
    """

    evse: str
    key: str
    at: datetime
    standing: Standing


class SignedRegister(NamedTuple):
    """A reading in a signed record, in its own words: `mark` B (begin), E (end) or else, time, value, unit, register
    (OBIS) and the meter's status, G for good.
    """

    mark: str
    at: str
    value: str
    unit: str
    register: str
    status: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What a signed value says and what its signature is worth; `why` in words. `record` is what transparency software
    reads; `sent_key` the key that came with it and `key` the one that fits, hexadecimal.
    """

    verdict: Verdict
    why: str
    format: str = ""
    record: str = ""
    algorithm: str = ""
    serial: str = ""
    pagination: str = ""
    identity: str = ""
    registers: tuple[SignedRegister, ...] = ()
    sent_key: str = ""
    key: str = ""
