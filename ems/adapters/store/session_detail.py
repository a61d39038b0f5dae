"""What belongs to one session beside its entry."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from ems.adapters.store.corrections import read_corrections
from ems.adapters.store.past import read_evse
from ems.adapters.store.session_reading import read_accounts
from ems.adapters.store.signed import read_keys, read_signed
from ems.adapters.store.tabs import read_receipt
from ems.domain.billing.receipt import Receipt
from ems.domain.record.correction import Correction
from ems.domain.record.past import Offered
from ems.domain.record.session_detail import Accounted
from ems.domain.record.session_entry import SessionEntry
from ems.domain.record.signed_value import MeterKey, SignedValue


class Belongings(NamedTuple):
    """As it is stored."""

    transactions: tuple[Accounted, ...]
    offers: tuple[Offered, ...]
    corrections: tuple[Correction, ...]
    signed: tuple[SignedValue, ...]
    keys: tuple[MeterKey, ...]
    receipt: Receipt | None


def read_belongings(connection: Connection, entry: SessionEntry, until: datetime) -> Belongings:
    """What belongs to a session that is there until a moment."""
    return Belongings(
        read_accounts(connection, entry.transactions),
        read_evse(connection, entry.evse, entry.plugged, until).offered,
        read_corrections(connection, entry.id),
        read_signed(connection, entry.transactions),
        read_keys(connection, entry.evse),
        read_receipt(connection, entry.id),
    )
