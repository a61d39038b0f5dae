"""What partners were charged: looked at, and taken back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ems.adapters.ocpi.courier import Courier
from ems.adapters.ocpi.record import CREDIT, credit_of, view_of
from ems.domain.roaming import ObjectKind
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock
from ems.ports.roaming import RecordView, RoamingBook, Selection


@dataclass(frozen=True, slots=True)
class Billing:
    """Charge detail records as they were told. Everything raises NotStoredError."""

    book: RoamingBook
    courier: Courier
    clock: Clock

    async def records(self, partner: str, most: int) -> Sequence[RecordView]:
        """The newest ones of a partner, newest first."""
        which = Selection(ObjectKind.CDR, partner, most=1)
        total = (await self.book.select(which)).total
        found = (await self.book.select(which._replace(offset=max(0, total - most), most=most))).objects
        credited = frozenset(one.id.removesuffix(CREDIT) for one in found if one.id.endswith(CREDIT))
        return [view_of(one, credited) for one in reversed(found)]

    async def credit(self, partner: str, record: str) -> str:
        """Take a record back by another one; returns the id of that. Raises UnknownError and ValueError."""
        kept = await self.book.object(ObjectKind.CDR, record, partner)
        if kept is None:
            raise UnknownError(f"this partner was told no record {record!r:.60}")
        if await self.book.object(ObjectKind.CDR, f"{record}{CREDIT}", partner) is not None:
            raise ValueError("this record was taken back already")
        credit = credit_of(kept, self.clock.now().utc)
        body = json.loads(credit.body)
        push = self.courier.prepared(partner, "cdrs", f"cdr/{credit.id}", "POST", "", body)
        await self.courier.keep_and_send((credit,), (push,))
        return credit.id
