"""Reservations that nobody needs any more, because whoever they are for has come to another EVSE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ems.domain.access.book import AccessBook
from ems.domain.access.reservation import Reservation
from ems.domain.access.tag import tag_key
from ems.domain.session import Session


def needed_no_more(book: AccessBook, sessions: Iterable[Session], now: datetime) -> Iterator[Reservation]:
    """Those in force whose tag charges at another EVSE since it was plugged in there after they began.

    Not where the tag may charge at several at once: then the other vehicle may still come. Who charged elsewhere before
    reserved on purpose.
    """
    came: dict[str, list[Session]] = {}
    for session in sessions:
        running = session.transaction
        if running is not None and running.id_tag is not None:
            came.setdefault(tag_key(running.id_tag), []).append(session)
    for one in book.reservations.values():
        here = came.get(tag_key(one.tag), ())
        if not one.holds_at(now) or not here or any(session.evse == one.evse for session in here):
            continue
        tag = book.tag(one.tag)
        if (tag is None or tag.at_once == 1) and any(session.plugged >= one.starts for session in here):
            yield one
