"""The book of transactions of one station: who charges where, since when, and under which id.

Ids are ours, site-wide and growing. Stations repeat starts after a reconnect (Q88), lose stops (Q89), send ids that
nobody gave them (Q87), and charge on while we restart (Q92); the book sorts that out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ems.domain.session import Transaction

REMEMBERED = 32
NOT_AN_ID = frozenset({0, -1})

StartKey = tuple[str, datetime, str | None, float]
"""EVSE, time, tag and register of a start: what tells a repetition from a new one."""


@dataclass(slots=True)
class Book:
    """Open transactions by EVSE, and what was started and ended lately."""

    next_id: Callable[[], int]
    open: dict[str, Transaction] = field(default_factory=dict)
    _starts: OrderedDict[StartKey, int] = field(default_factory=OrderedDict)
    _ended: OrderedDict[int, str] = field(default_factory=OrderedDict)

    def start(self, evse: str, at: datetime, id_tag: str | None, register_wh: float) -> tuple[Transaction, bool]:
        """The transaction of a start, and whether it is new; a repeated start gets its old id."""
        key = (evse, at, id_tag, register_wh)
        known = self._starts.get(key)
        if known is not None:
            current = self.open.get(evse)
            repeated = current if current is not None and current.id == known else None
            return repeated or Transaction(known, at, register_wh, id_tag), False
        transaction = Transaction(self.next_id(), at, register_wh, id_tag)
        self._starts[key] = transaction.id
        _bound(self._starts)
        self.open[evse] = transaction
        return transaction, True

    def restore(self, evse: str, transaction: Transaction) -> None:
        """Take over a transaction that was open when the controller stopped."""
        self.open[evse] = transaction
        self._starts[evse, transaction.started, transaction.id_tag, transaction.meter_start_wh] = transaction.id

    def adopt(self, evse: str, identity: int | None, at: datetime, register_wh: float) -> Transaction | None:
        """A transaction that a station speaks of and nobody knows; None when it is known or over."""
        if evse in self.open or identity is None or identity in NOT_AN_ID or identity in self._ended:
            return None
        self.open[evse] = Transaction(identity, at, register_wh)
        return self.open[evse]

    def end(self, identity: int) -> tuple[str, Transaction] | None:
        """Close a transaction by its id, or by being the only one when the id is none; None when nothing matches."""
        for evse, transaction in self.open.items():
            if transaction.id == identity:
                return self._close(evse)
        if identity == -1 and len(self.open) == 1:
            return self._close(next(iter(self.open)))
        return None

    def end_at(self, evse: str) -> tuple[str, Transaction] | None:
        """Close whatever is open at an EVSE."""
        return self._close(evse) if evse in self.open else None

    def was_ended(self, identity: int) -> bool:
        """Whether this transaction was closed lately."""
        return identity in self._ended

    def _close(self, evse: str) -> tuple[str, Transaction]:
        transaction = self.open.pop(evse)
        self._ended[transaction.id] = evse
        _bound(self._ended)
        return evse, transaction


def _bound(table: OrderedDict[Any, Any]) -> None:
    while len(table) > REMEMBERED:
        table.popitem(last=False)
