"""Lists in pages (OCPI 2.2.1, section 4.1.4.1).

Objects are listed in the order in which they were made, so that new ones come last. The link to the next page names the
last object of this one (`after`): whatever changes meanwhile, nothing is left out and nothing comes twice. What is
changed while somebody turns pages may leave the span of time asked for; it is in the next one.

Section 9.2.1.1 calls `date_from` of sessions required, section 4.1.4.1 says that any of the parameters may be left out,
and the examples of 9.2.1.1 do so. Without it all is listed, as with records (10.2.1.1): that suits both readings.
A page of no objects is refused: with a link to the next it would have no end, without one it would pass for the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError

from ems.adapters.ocpi.error import OcpiError, StatusCode
from ems.adapters.ocpi.model.types import DateTime, moment_text

MOST = 100
"""Objects on a page."""

LARGEST = 2**53

_DATE_TIME = TypeAdapter[datetime](DateTime)


class Paging(NamedTuple):
    """What page is asked for."""

    since: datetime | None = None
    until: datetime | None = None
    offset: int = 0
    limit: int = MOST
    after: int | None = None


def paging_of(query: Mapping[str, str]) -> Paging:
    """Read it. Raises OcpiError."""
    limit = _whole(query, "limit", least=1)
    return Paging(
        since=_moment(query, "date_from"),
        until=_moment(query, "date_to"),
        offset=_whole(query, "offset") or 0,
        limit=MOST if limit is None else min(limit, MOST),
        after=_whole(query, "after"),
    )


def page_headers(url: str, asked: Paging, total: int, shown: int, last: int | None) -> dict[str, str]:
    """What stands above a page of `shown` objects. `last`: the number of the last one, None when no page follows."""
    headers = {"X-Total-Count": str(total), "X-Limit": str(MOST)}
    if last is not None:
        query: dict[str, str | int] = {}
        if asked.since is not None:
            query["date_from"] = moment_text(asked.since)
        if asked.until is not None:
            query["date_to"] = moment_text(asked.until)
        query |= {"offset": asked.offset + shown, "limit": asked.limit, "after": last}
        headers["Link"] = f'<{url}?{urlencode(query, safe=":")}>; rel="next"'
    return headers


def fits(asked: Paging, updated: datetime) -> bool:
    """Whether an object was changed within the span that is asked for."""
    return (asked.since is None or updated >= asked.since) and (asked.until is None or updated < asked.until)


def _whole(query: Mapping[str, str], name: str, least: int = 0) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or not least <= int(text) <= LARGEST:
        raise OcpiError(StatusCode.INVALID_PARAMETERS, f"{name} must be a whole number from {least} on")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        # A plus that was not escaped arrives as a blank.
        return _DATE_TIME.validate_python(text.replace(" ", "+"))
    except ValidationError:
        raise OcpiError(StatusCode.INVALID_PARAMETERS, f"{name} must be a time as 2026-01-31T23:59:59Z") from None
