"""The book of transactions of one station: who charges where, since when, and under which id.

Ids are ours, site-wide and growing. Stations repeat starts after a reconnect (Q88), lose stops (Q89), send ids that
nobody gave them (Q87), and charge on while we restart (Q92); the book sorts that out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ems.domain.session import Transaction

REMEMBERED = 32
NONE_GIVEN = frozenset({-1, 2**31 - 1, 2**63 - 1})
NOT_AN_ID = NONE_GIVEN | {0}
"""What stations write when they mean none (Q87); a stop of 0 is noise (Q90)."""

OLDEST, NEWEST = timedelta(days=60), timedelta(days=1)
"""A start may have waited that long in a station that was offline; other times come from a clock that was not set."""

Identify = Callable[[str, datetime | None, float, str | None], int]
"""(EVSE, time as the station wrote it, register, tag) of a start to its id: the same for a repeated start (Q88)."""


@dataclass(slots=True)
class Book:
    """Open transactions by EVSE, and what ended lately.

    `was_ended` also knows what ended before our restart. `owners` is shared by the books of a site: which EVSE has
    which transaction, so that no station takes another's.
    """

    identify: Identify
    was_ended: Callable[[int], bool]
    owners: dict[int, str] = field(default_factory=dict)
    open: dict[str, Transaction] = field(default_factory=dict)
    _ended: OrderedDict[int, str] = field(default_factory=OrderedDict)

    def start(
        self, evse: str, announced: datetime | None, now: datetime, id_tag: str | None, register_wh: float
    ) -> tuple[Transaction, bool]:
        """The transaction of a start, and whether it is new; a repeated start gets its old id."""
        identity = self.identify(evse, announced, register_wh, id_tag)
        running = self.open.get(evse)
        if running is not None and running.id == identity:
            return running, False
        transaction = Transaction(identity, plausible(announced, now), register_wh, id_tag)
        if self.has_ended(identity):
            return transaction, False
        if running is not None:
            self._close(evse)
        self._open(evse, transaction)
        return transaction, True

    def restore(self, evse: str, transaction: Transaction) -> None:
        """Take over a transaction that was open when the controller stopped."""
        self._open(evse, transaction)

    def adopt(self, evse: str, identity: int | None, at: datetime, register_wh: float) -> Transaction | None:
        """A transaction that a station speaks of and nobody knows; None when it is known, over, or another EVSE's."""
        if evse in self.open or identity is None or identity in NOT_AN_ID or self.has_ended(identity):
            return None
        if self.owners.get(identity, evse) != evse:
            return None
        self._open(evse, Transaction(identity, at, register_wh))
        return self.open[evse]

    def end(self, identity: int) -> tuple[str, Transaction] | None:
        """Close a transaction by its id, or by being the only one when the id is none; None when nothing matches."""
        for evse, transaction in self.open.items():
            if transaction.id == identity:
                return self._close(evse)
        if identity in NONE_GIVEN and len(self.open) == 1:
            return self._close(next(iter(self.open)))
        return None

    def end_at(self, evse: str) -> tuple[str, Transaction] | None:
        """Close whatever is open at an EVSE."""
        return self._close(evse) if evse in self.open else None

    def has_ended(self, identity: int) -> bool:
        """Whether this transaction is over."""
        return identity in self._ended or self.was_ended(identity)

    def _open(self, evse: str, transaction: Transaction) -> None:
        self.open[evse] = transaction
        self.owners[transaction.id] = evse

    def _close(self, evse: str) -> tuple[str, Transaction]:
        transaction = self.open.pop(evse)
        self.owners.pop(transaction.id, None)
        self._ended[transaction.id] = evse
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        return evse, transaction


def plausible(told: datetime | None, now: datetime) -> datetime:
    """A time that a station wrote, if it can be one; else now (Q107)."""
    return told if told is not None and now - OLDEST <= told <= now + NEWEST else now
