"""Times and numbers as session records write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from ems.domain.departure import shows

NOTHING = frozenset({"", "nan", "nat", "none", "null"})
"""What stands in a cell of which nothing is known."""

YES = frozenset({"true", "1", "1.0", "yes"})

MILLISECONDS = 1e11
"""Seconds since 1970 stay below this until the year 5138; milliseconds have been above it since 1973."""

DECIMAL_COMMA = re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})")


def said(row: Mapping[str, Any], name: str) -> bool:
    """Whether a field holds anything."""
    value = row.get(name)
    return value is not None and (not isinstance(value, str) or value.strip().lower() not in NOTHING)


def need(row: Mapping[str, Any], *names: str) -> None:
    """Raises ValueError that names every field that holds nothing."""
    missing = [name for name in names if not said(row, name)]
    if missing:
        raise ValueError(f"{' and '.join(missing)} is missing")


def given(row: Mapping[str, Any], *names: str) -> str:
    """What the first of the fields that holds anything says. Raises ValueError when none does."""
    found = next((name for name in names if said(row, name)), None)
    if found is None:
        raise ValueError(f"{' or '.join(names)} is missing")
    return str(row[found]).strip()


def moment(row: Mapping[str, Any], name: str, zone: ZoneInfo | None = None) -> datetime:
    """A time, as UTC: ISO 8601, RFC 1123, or seconds or milliseconds since 1970. One without an offset is of `zone`.

    Raises ValueError that names the field, and how to write it.
    """
    text, written = given(row, name), row[name]
    if isinstance(written, int | float) and not isinstance(written, bool):
        return datetime.fromtimestamp(written / 1000.0 if abs(written) > MILLISECONDS else written, UTC)
    try:
        found = _iso_8601(text) if text[:4].isdigit() else _rfc_1123(text)
    except (ValueError, TypeError):
        raise ValueError(f"{name} {text!r:.40} is not a time: write it as 2019-05-01T08:00:00-07:00") from None
    if found.tzinfo is None:
        return instant(found.date(), found.time(), zone, f"{name} {text!r:.40}")
    return found.astimezone(UTC)


def instant(day: date, at: time, zone: ZoneInfo | None, what: str, after: datetime | None = None) -> datetime:
    """When the clock of `zone` shows that, as UTC. Of an hour that it shows twice the first; the second, if only that
    comes `after`. Raises ValueError when it never does, and without a zone.
    """
    if zone is None:
        raise ValueError(f"{what} has no zone: write its offset too, as 2019-05-01T08:00:00-07:00")
    if not shows(day, at, zone):
        raise ValueError(f"{what} does not exist: the clock of {zone.key} skips {at:%H:%M} on {day}")
    first = datetime.combine(day, at, zone)
    is_too_early = after is not None and first.astimezone(UTC) <= after
    return first.replace(fold=1 if is_too_early else 0).astimezone(UTC)


def amount(row: Mapping[str, Any], name: str) -> float:
    """A number; a decimal comma is understood. Raises ValueError that names the field."""
    text = given(row, name)
    try:
        return float(text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text)
    except ValueError:
        raise ValueError(f"{name} {text!r:.40} is not a number") from None


def _iso_8601(text: str) -> datetime:
    """With the liberties that tables take: slashes, a space before the offset, and UTC by name."""
    return datetime.fromisoformat(text.replace("/", "-").replace(" UTC", "Z").replace(" +", "+").replace(" -", "-"))


def _rfc_1123(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    # GMT may be written -0000, which says that no local zone is meant.
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
