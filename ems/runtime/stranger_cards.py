"""Cards that nobody knows: remembered while they are strangers, the newest of a crowd."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ems.domain.access.card import Card
from ems.domain.access.tag import tag_key

MAX_CARDS = 100
SHOWN = 40
"""Characters of what a station sent; a tag has twenty."""


class StrangerCards:
    """Remembers, and says what is to be written."""

    def __init__(self) -> None:
        self._cards: OrderedDict[str, Card] = OrderedDict()
        self._new: dict[str, Card] = {}
        self._known: set[str] = set()

    def remember(self, cards: Iterable[Card]) -> None:
        """Begin with what was stored, the oldest first."""
        for card in cards:
            self._cards[tag_key(card.tag)] = card

    def all(self) -> Sequence[Card]:
        """The newest first."""
        return tuple(reversed(self._cards.values()))

    def presented(self, tag: str, evse: str, now: datetime) -> None:
        """Somebody held a card up that nobody knows."""
        key = tag_key(tag)
        known, seen = self._cards.get(key), Card(tag.strip()[:SHOWN], evse, now)
        self._cards[key] = self._new[key] = seen if known is None else replace(seen, count=known.count + 1)
        self._cards.move_to_end(key)
        while len(self._cards) > MAX_CARDS:
            self._new.pop(self._cards.popitem(last=False)[0], None)

    def known(self, *keys: Collection[str]) -> None:
        """These are no strangers any more, by `tag_key`."""
        for key in [key for key in self._cards if any(key in some for some in keys)]:
            self._known.add(key)
            self.forget(key)

    def forget(self, tag: str) -> bool:
        """Forget a card; False when it was not remembered."""
        self._new.pop(tag_key(tag), None)
        return self._cards.pop(tag_key(tag), None) is not None

    def newly_known(self) -> Sequence[str]:
        """What has become known since this was last asked."""
        known, self._known = self._known, set()
        return tuple(known)

    def newly_presented(self) -> Sequence[Card]:
        """What was presented since this was last asked."""
        new, self._new = self._new, {}
        return tuple(new.values())
