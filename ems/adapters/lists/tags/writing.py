"""A list of tags as CSV, which the same program reads again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from ems.adapters.lists.table import BOM
from ems.adapters.lists.tags.column import Column
from ems.domain.access.book import AccessBook
from ems.domain.access.tag import Tag, hours_text
from ems.domain.billing.money import major

FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet would carry out, or take for the sign that it must not."""


def write_tags(book: AccessBook, zone: ZoneInfo, currency: str) -> str:
    """All tags of a book, by their ids; times are those of the site, money is of its currency."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(column.value[0] for column in Column)
    for tag in sorted(book.tags.values(), key=lambda one: one.key):
        writer.writerow(inert(cell) for cell in _cells(tag, zone, currency))
    return BOM + text.getvalue()


def inert(text: str) -> str:
    """A text that no spreadsheet carries out: an apostrophe before it says that it is text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(tag: Tag, zone: ZoneInfo, currency: str) -> Iterable[str]:
    budget = tag.budget
    return (
        tag.id,
        tag.name,
        tag.person or "",
        "; ".join(tag.groups),
        _time(tag.valid_from, zone),
        _time(tag.valid_to, zone),
        "; ".join(sorted(tag.rule.places)),
        "; ".join(hours_text(window) for window in tag.rule.hours),
        "" if budget is None or budget.energy_wh is None else f"{budget.energy_wh / 1000:.10g}",
        "" if budget is None or budget.cost_minor is None else f"{major(budget.cost_minor, currency):f}",
        "" if budget is None else budget.period.value,
        "" if tag.service_class is None else str(tag.service_class),
        str(tag.at_once),
        "yes" if tag.is_blocked else "no",
    )


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
