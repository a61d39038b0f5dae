"""What is remembered about tags besides the book: cards that nobody knows, what was taken with tags lately, and the
lists that stations confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, desc, func, select

from ems.adapters.store.access_schema import card, local_list
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.price_schema import receipt
from ems.adapters.store.schema import session, transaction_log
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.access.card import Card, TagCost, TagUse
from ems.domain.access.tag import tag_key

KEPT_CARDS = 100
TIDY_EVERY = 100
USES_FOR = timedelta(days=32)
"""No budget is for longer than a month."""

MAX_USES = 100_000

Lists = Mapping[str, tuple[int, str]]
"""Version and digest of the list that each station confirmed."""


class Remembered(NamedTuple):
    """What the runs before left; cards with the oldest first."""

    cards: tuple[Card, ...] = ()
    uses: tuple[TagUse, ...] = ()
    lists: Lists = {}  # noqa: RUF012 never written to
    costs: tuple[TagCost, ...] = ()


@dataclass(slots=True)
class CardStore:
    """Writes it, when there is time: nothing waits for it, and a power cut may cost the last of it."""

    writer: Writer
    _written: int = 0

    def seen(self, cards: Iterable[Card]) -> None:
        """Cards that nobody knows were presented; queued. Of a crowd of them the newest are kept."""
        for one in cards:
            row = {"key": tag_key(one.tag), "tag": one.tag, "evse": one.evse, "at": to_ms(one.at), "count": one.count}
            self.writer.put(card, row, Urgency.SOON)
            self._written += 1
        if self._written >= TIDY_EVERY:
            self._written = 0
            self.writer.run(_tidy)

    def forgotten(self, tag: str) -> None:
        """Nobody wants to know of a card any more; queued."""
        self.writer.run(lambda connection: connection.execute(delete(card).where(card.c.key == tag_key(tag))))

    def listed(self, station: str, version: int, digest: str) -> None:
        """A station confirmed its list; queued."""
        self.writer.put(local_list, {"station": station, "version": version, "digest": digest}, Urgency.SOON)


def _tidy(connection: Connection) -> None:
    newest = select(card.c.key).order_by(desc(card.c.at)).limit(KEPT_CARDS)
    connection.execute(delete(card).where(card.c.key.not_in(newest)))


def read_remembered(connection: Connection, now: datetime) -> Remembered:
    """What is remembered."""
    rows = connection.execute(select(card).order_by(desc(card.c.at)).limit(KEPT_CARDS)).all()
    log = transaction_log.c
    uses = select(log.id, log.id_tag, log.started, log.energy_wh).where(
        log.started >= to_ms(now - USES_FOR), log.id_tag.is_not(None), log.energy_wh.is_not(None)
    )
    began = select(func.min(log.started)).where(
        log.evse == receipt.c.evse,
        log.id_tag == session.c.tag,
        log.started >= receipt.c.plugged,
        log.started <= receipt.c.unplugged,
    )
    started = func.coalesce(began.scalar_subquery(), receipt.c.plugged).label("started")
    costs = (
        select(session.c.id, session.c.tag, started, receipt.c.total_minor)
        .join(receipt, receipt.c.session == session.c.id)
        .where(receipt.c.plugged >= to_ms(now - USES_FOR), session.c.tag.is_not(None))
        .limit(MAX_USES)
    )
    return Remembered(
        cards=tuple(Card(row.tag, row.evse, from_ms(row.at), row._mapping["count"]) for row in reversed(rows)),
        uses=tuple(
            TagUse(row.id, row.id_tag, from_ms(row.started), row.energy_wh)
            for row in connection.execute(uses.order_by(desc(log.id)).limit(MAX_USES))
        ),
        costs=tuple(
            TagCost(row.id, row.tag, from_ms(row.started), row.total_minor) for row in connection.execute(costs)
        ),
        lists={row.station: (row.version, row.digest) for row in connection.execute(select(local_list))},
    )
