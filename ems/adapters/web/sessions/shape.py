"""What the interface tells of sessions."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class SessionRow(TypedDict):
    """A session"""

    id: str
    evse: str
    plugged: str
    unplugged: str | None
    energy_wh: float
    idle_s: int | None
    tag: str | None
    person: str | None
    vehicle: str | None
    cost_centre: str
    groups: list[str]
    cost: str | None
    vat: str | None
    currency: str | None
    payment: str | None
    began: str | None
    ended: str | None
    ended_by: str | None
    inferred: bool
    need_wh: float | None
    departure: str | None
    soc_percent: float | None
    service_class: int
    transactions: list[int]
    void: bool
    corrections: int
    signed_values: int


class SumsRow(TypedDict):
    """What all sessions of a filter add up to"""

    sessions: int
    open: int
    energy_wh: float
    occupied_s: float
    idle_s: int
    cost: dict[str, str]


class Sessions(TypedDict):
    """Sessions; `next` asks for those behind them"""

    since: str
    until: str
    sessions: list[SessionRow]
    next: str | None
    sums: SumsRow | None


class TransactionRow(TypedDict):
    """A transaction as its station accounted for it"""

    id: int
    started: str | None
    ended: str | None
    meter_start_wh: float | None
    meter_stop_wh: float | None
    energy_wh: float | None
    id_tag: str | None
    reason: str
    inferred: bool


class QuarterRow(TypedDict):
    """What a session got in a quarter hour"""

    starts: str
    energy_wh: int
    idle_s: int


class CorrectionRow(TypedDict):
    """Who corrected it, and why"""

    number: int
    at: str
    who: str
    reason: str
    changes: dict[str, list[Any]]


class OfferRow(TypedDict):
    """What the EVSE was offered from then on, and why"""

    at: str
    amps: float
    binding: str
    text: str


class RegisterRow(TypedDict):
    """A reading in a signed record"""

    mark: str
    at: str
    value: str
    unit: str
    register: str
    status: str


class SignedRow(TypedDict):
    """A signed meter value and what its signature is worth"""

    digest: str
    at: str
    context: str
    transaction: int | None
    verdict: str
    why: str
    format: str
    algorithm: str
    serial: str
    pagination: str
    identity: str
    registers: list[RegisterRow]
    sent_key: str | None
    key: str | None
    value: str


class SessionDetailRow(TypedDict):
    """Everything about one session"""

    session: SessionRow
    transactions: list[TransactionRow]
    quarters: list[QuarterRow]
    offers: list[OfferRow]
    corrections: list[CorrectionRow]
    signed_values: list[SignedRow]
    receipt: str | None
    co2_g: float | None


class EnergyRow(TypedDict):
    """What flowed in a step"""

    starts: str
    energy_wh: int | None
    mean_w: int | None
    max_w: int | None
    covered_s: int


class Energy(TypedDict):
    """What flowed through a circuit or at an EVSE, in steps"""

    since: str
    until: str
    kind: str
    name: str
    step: str
    energy_wh: int
    points: list[EnergyRow]


class KeyRow(TypedDict):
    """The public key of a meter, for which somebody vouches"""

    evse: str
    key: str
    confirmed: str | None
    confirmed_by: str


class Keys(TypedDict):
    """Public keys of meters"""

    keys: list[KeyRow]


class Erased(TypedDict):
    """How many sessions forgot who charged"""

    sessions: int
