"""What each tag took lately, for its budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ems.domain.card import TagUse
from ems.domain.tag import tag_key

KEPT = timedelta(days=32)
"""No period is longer."""

MAX_USES = 100_000
TIDY_EVERY = 1_000


class Spending:
    """Transactions of the last month by tag. One that runs is noted again and again; the last word counts."""

    def __init__(self) -> None:
        self._uses: dict[int, TagUse] = {}
        self._of_tag: dict[str, set[int]] = {}
        self._added = 0

    def note(self, use: TagUse) -> None:
        """A transaction took so much until now."""
        if use.transaction not in self._uses:
            self._of_tag.setdefault(tag_key(use.tag), set()).add(use.transaction)
            self._added += 1
        self._uses[use.transaction] = use
        if self._added >= TIDY_EVERY:
            self._tidy(use.started)

    def settle(self, transaction: int, energy_wh: float) -> None:
        """A transaction is over, and this is what it took."""
        known = self._uses.get(transaction)
        if known is not None:
            self._uses[transaction] = replace(known, energy_wh=energy_wh)

    def since(self, key: str, begin: datetime) -> float:
        """What a tag took in transactions that began since then, Wh."""
        uses = (self._uses[number] for number in self._of_tag.get(key, ()))
        return sum(use.energy_wh for use in uses if use.started >= begin)

    def of(self, transaction: int) -> float:
        """What one transaction took, Wh."""
        known = self._uses.get(transaction)
        return 0.0 if known is None else known.energy_wh

    def _tidy(self, now: datetime) -> None:
        self._added = 0
        old = [number for number, use in self._uses.items() if use.started < now - KEPT]
        old += list(self._uses)[: max(0, len(self._uses) - len(old) - MAX_USES)]
        for number in old:
            use = self._uses.pop(number, None)
            if use is not None:
                self._of_tag[tag_key(use.tag)].discard(number)
