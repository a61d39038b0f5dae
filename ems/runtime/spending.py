"""What each tag took lately, for its budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ems.domain.access.card import TagCost, TagUse
from ems.domain.access.tag import tag_key
from ems.domain.session import Session, Transaction

KEPT = timedelta(days=32)
"""No period is longer."""

MAX_USES = 100_000
TIDY_EVERY = 1_000


class Spending:
    """Transactions of the last month by tag. One that runs is noted again and again; the last word counts."""

    def __init__(self) -> None:
        self._uses: dict[int, TagUse] = {}
        self._of_tag: dict[str, set[int]] = {}
        self._costs: dict[str, TagCost] = {}
        self._added = 0

    def note(self, use: TagUse) -> None:
        """A transaction took so much until now."""
        if use.transaction not in self._uses:
            self._of_tag.setdefault(tag_key(use.tag), set()).add(use.transaction)
            self._added += 1
        self._uses[use.transaction] = use
        if self._added >= TIDY_EVERY:
            self._tidy(use.started)

    def note_cost(self, cost: TagCost) -> None:
        """A session costs so much until now."""
        self._costs[cost.session] = cost
        if len(self._costs) > MAX_USES:
            del self._costs[next(iter(self._costs))]

    def cost_in(self, key: str, begin: datetime, end: datetime) -> int:
        """What sessions cost that a tag began in a period, minor units."""
        costs = (one for one in self._costs.values() if begin <= one.started < end)
        return sum(one.cost_minor for one in costs if tag_key(one.tag) == key)

    def settle(self, transaction: int, energy_wh: float) -> None:
        """A transaction is over, and this is what it took."""
        known = self._uses.get(transaction)
        if known is not None:
            self._uses[transaction] = replace(known, energy_wh=energy_wh)

    def energy_in(self, key: str, begin: datetime, end: datetime) -> float:
        """What a tag took in transactions that began in a period, Wh."""
        uses = (self._uses[number] for number in self._of_tag.get(key, ()))
        return sum(use.energy_wh for use in uses if begin <= use.started < end)

    def _tidy(self, now: datetime) -> None:
        self._added = 0
        old = [number for number, use in self._uses.items() if use.started < now - KEPT]
        old += list(self._uses)[: max(0, len(self._uses) - len(old) - MAX_USES)]
        for number in old:
            use = self._uses.pop(number, None)
            if use is not None:
                self._of_tag[tag_key(use.tag)].discard(number)


def taken_wh(register_wh: float | None, session: Session, transaction: Transaction) -> float:
    """What a transaction took by its register; that of its session may hold what one before it took."""
    if register_wh is None:
        return session.energy_wh
    return max(0.0, register_wh - transaction.meter_start_wh)
