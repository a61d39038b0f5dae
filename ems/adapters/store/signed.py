"""Signed meter values and the keys of their meters in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from ems.adapters.store.audit import AuditLog
from ems.adapters.store.batch import Key, Subjects, write
from ems.adapters.store.commit import committed
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.schema import audit
from ems.adapters.store.session_schema import meter_key, signed_value
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.record.signed_value import MeterKey, SignedValue
from ems.domain.unknown import UnknownError

MOST = 500
"""Signed values of one session that are shown."""


class SignedStore:
    """Implements the `SignedValues` port, and keeps keys. Belongs to the event loop."""

    def __init__(self, writer: Writer, log: AuditLog, patience_s: float) -> None:
        self._writer, self._log, self._patience_s = writer, log, patience_s

    def kept(self, told: SignedValue) -> None:
        """A station handed a value on; on its way to disk within a second."""
        row = {
            "digest": told.digest,
            "evse": told.evse,
            "transaction_id": told.transaction,
            "at": to_ms(told.at),
            "context": told.context,
            "value": told.value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8"),
        }
        self._writer.put(signed_value, row, Urgency.SOON)

    async def vouch(self, evse: str, key: str, who: str, at: datetime) -> None:
        """Returns when a key would survive a power cut. Raises NotStoredError."""
        row = {"evse": evse, "key": key, "confirmed": to_ms(at), "confirmed_by": who}
        told = self._log.row(at, who, "MeterKeyConfirmed", {"evse": evse, "key": key})

        def job(connection: Connection) -> None:
            rows = {Key.of(meter_key, row): row, Key.of(audit, told): told}
            write(connection, rows, (), Subjects())

        await committed(self._writer, job, durable=True, patience_s=self._patience_s)

    async def withdraw(self, evse: str, key: str, who: str, at: datetime) -> None:
        """Nobody vouches for a key any more. Raises UnknownError, NotStoredError."""
        told = self._log.row(at, who, "MeterKeyWithdrawn", {"evse": evse, "key": key})
        gone: list[int] = []

        def job(connection: Connection) -> None:
            mine = delete(meter_key).where(meter_key.c.evse == evse, meter_key.c.key == key)
            gone.append(connection.execute(mine).rowcount)
            if gone[0]:
                connection.execute(audit.insert(), told)

        await committed(self._writer, job, durable=True, patience_s=self._patience_s)
        if not gone[0]:
            raise UnknownError(f"nobody vouches for such a key of {evse!r:.80}")


def read_signed(connection: Connection, transactions: Sequence[int]) -> tuple[SignedValue, ...]:
    """The signed values of some transactions, in the order in which they were taken."""
    c = signed_value.c
    query = select(signed_value).where(c.transaction_id.in_(transactions)).order_by(c.at, c.digest).limit(MOST)
    return tuple(
        SignedValue(row.digest, row.evse, row.transaction_id, from_ms(row.at), row.context, row.value)
        for row in connection.execute(query)
    )


def read_keys(connection: Connection, evse: str | None) -> tuple[MeterKey, ...]:
    """Keys for which somebody vouches, the newest first."""
    query = select(meter_key).order_by(meter_key.c.evse, meter_key.c.confirmed.desc())
    if evse is not None:
        query = query.where(meter_key.c.evse == evse)
    return tuple(
        MeterKey(row.evse, row.key, from_ms(row.confirmed), row.confirmed_by) for row in connection.execute(query)
    )
