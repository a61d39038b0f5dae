"""Everything that is known of one session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ems.domain.billing.receipt import Receipt
from ems.domain.record.correction import Correction
from ems.domain.record.past import Offered
from ems.domain.record.session_entry import SessionEntry, SessionQuarter
from ems.domain.record.signed_value import Examined, SignedValue


class Accounted(NamedTuple):
    """A transaction as its station accounted for it, registers and energy in Wh; `is_inferred`: nobody told its end."""

    id: int
    started: datetime | None
    ended: datetime | None
    meter_start_wh: float | None
    meter_stop_wh: float | None
    energy_wh: float | None
    id_tag: str | None
    reason: str
    is_inferred: bool


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """`offers`: what the EVSE was offered meanwhile and why, as far as that is still kept. `receipt` None: it cost
    nothing, or lasts. `signed`: signed meter values, each with what came of examining it just now. `co2_g`: what its
    energy so far stands for, None where nobody can say.
    """

    entry: SessionEntry
    transactions: tuple[Accounted, ...]
    quarters: tuple[SessionQuarter, ...]
    offers: tuple[Offered, ...]
    corrections: tuple[Correction, ...]
    signed: tuple[tuple[SignedValue, Examined], ...]
    receipt: Receipt | None
    co2_g: float | None = None
