"""Times as tables write them, and what they mean where the clock is set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.adapters.prices.finding import PriceFinding, refused

_CLOCK = r"[T\s,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
_OFFSET = r"\s*(?P<offset>Z|UTC|[+-]\d{2}:?\d{2})?"
_FORMS = (
    re.compile(rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_CLOCK}{_OFFSET}", re.IGNORECASE),
    re.compile(rf"(?P<day>\d{{1,2}})[.-](?P<month>\d{{1,2}})[.-](?P<year>\d{{4}}){_CLOCK}{_OFFSET}", re.IGNORECASE),
)
_SLASHED = re.compile(rf"(?P<first>\d{{1,2}})/(?P<other>\d{{1,2}})/(?P<year>\d{{4}}){_CLOCK}{_OFFSET}", re.IGNORECASE)
_RANGE = re.compile(r"\s+[-–—]\s+|\s+bis\s+|\s+to\s+")
_SECONDS, _MILLISECONDS = re.compile(r"\d{10}"), re.compile(r"\d{13}")
EARLIEST_YEAR, LATEST_YEAR = 1990, 2200


def wall_or_instant(text: str, month_first: bool = False) -> datetime | None:
    """The time in a cell: aware when it tells its offset or counts seconds since 1970, naive when it is that of a
    clock; of a range its begin; None when it is no time. `month_first`: 3/31/2026 rather than 31/3/2026.
    """
    begin = _RANGE.split(text.strip(), maxsplit=1)[0]
    if _SECONDS.fullmatch(begin) or _MILLISECONDS.fullmatch(begin):
        return datetime.fromtimestamp(int(begin[:10]), UTC)
    match = next((found for form in _FORMS if (found := form.fullmatch(begin))), None)
    if match is not None:
        return _datetime(match, int(match["month"]), int(match["day"]))
    slashed = _SLASHED.fullmatch(begin)
    if slashed is None:
        return None
    first, other = int(slashed["first"]), int(slashed["other"])
    return _datetime(slashed, first, other) if month_first else _datetime(slashed, other, first)


def is_month_first(texts: Sequence[str], zone: ZoneInfo) -> bool:
    """Whether dates with slashes are American: by any that can only be one of both, else by the place of the site."""
    days = [
        (int(match[1]), int(match[2])) for text in texts if (match := re.match(r"\s*(\d{1,2})/(\d{1,2})/\d{4}", text))
    ]
    if any(first > 12 for first, _ in days):
        return False
    return any(other > 12 for _, other in days) or (bool(days) and zone.key.startswith(("America/", "US/")))


def _datetime(match: re.Match[str], month: int, day: int) -> datetime | None:
    hour = int(match["hour"])
    try:
        at = datetime(int(match["year"]), month, day, hour % 24, int(match["minute"]), int(match["second"] or 0))  # noqa: DTZ001
    except ValueError:
        return None
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR or hour > 24 or (hour == 24 and (at.minute or at.second)):
        return None
    at += timedelta(days=hour // 24)
    offset = match["offset"]
    if offset is None:
        return at
    if offset.casefold() in {"z", "utc"}:
        return at.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 14 or minutes > 59:
        return None
    ahead = timedelta(hours=hours, minutes=minutes)
    return at.replace(tzinfo=timezone(-ahead if offset[0] == "-" else ahead))


class Stamp(NamedTuple):
    """The time of a row as written: aware or naive."""

    row: int
    at: datetime


@dataclass
class Moments:
    """When the rows of a table begin, seconds since 1970 UTC: none for a row that is refused, two where the one price
    of an hour that the clock shows twice holds for both.
    """

    by_row: dict[int, tuple[int, ...]] = field(default_factory=dict)
    findings: list[PriceFinding] = field(default_factory=list)


def moments_of(stamps: Sequence[Stamp], zone: ZoneInfo) -> Moments:
    """Put the times of all rows on one scale. `zone` is that of the naive ones.

    A table whose naive times go through the hour that the clock skips, and never show one twice, is taken to run on a
    clock that is not set, that of winter.
    """
    found = Moments()
    walls = [stamp for stamp in stamps if stamp.at.tzinfo is None]
    skipped = [stamp for stamp in walls if not _exists(stamp.at, zone)]
    often = Counter(stamp.at for stamp in walls)
    if skipped and not any(often[stamp.at] > 1 and _is_double(stamp.at, zone) for stamp in walls):
        zone_of_walls: timezone | ZoneInfo = _winter(skipped[0].at.year, zone)
        first = skipped[0]
        message = (
            f"the clock of {zone.key} skips {first.at:%H:%M} on {first.at:%Y-%m-%d}, and no hour stands twice: "
            f"the times are taken as {zone_of_walls} all year"
        )
        remedy = f"write times with their offset, as {first.at:%Y-%m-%dT%H:%M}+00:00, or UTC into the heading"
        found.findings.append(PriceFinding(first.row, message, remedy))
        found.by_row = {s.row: (_seconds(s.at, zone_of_walls),) for s in stamps}
        return found
    _resolve(stamps, zone, often, found)
    return found


def _resolve(stamps: Sequence[Stamp], zone: ZoneInfo, often: Counter[datetime], found: Moments) -> None:
    is_descending = len(stamps) > 1 and stamps[0].at.replace(tzinfo=None) > stamps[-1].at.replace(tzinfo=None)
    seen: Counter[datetime] = Counter()
    once: dict[date, Stamp] = {}
    for row, at in reversed(stamps) if is_descending else stamps:
        if at.tzinfo is None and not _exists(at, zone):
            message = f"the clock of {zone.key} skips {at:%H:%M} on {at:%Y-%m-%d}"
            found.findings.append(refused(row, message, "remove the row: that hour does not exist"))
        elif at.tzinfo is None and _is_double(at, zone):
            if often[at] == 1:
                once.setdefault(at.date(), Stamp(row, at))
                found.by_row[row] = (_seconds(at, zone), _seconds(at.replace(fold=1), zone))
            else:
                found.by_row[row] = (_seconds(at.replace(fold=min(seen[at], 1)), zone),)
            seen[at] += 1
        else:
            found.by_row[row] = (_seconds(at, zone),)
    for row, at in once.values():
        shows = f"the clock of {zone.key} shows {at:%H:%M} on {at:%Y-%m-%d} twice"
        message = f"{shows}, the file has it once: its price holds both times"
        found.findings.append(PriceFinding(row, message, "write both, or times with their offset"))


def _seconds(at: datetime, zone: timezone | ZoneInfo) -> int:
    return int((at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp())


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there.replace(tzinfo=None, fold=0) == wall.replace(fold=0)


def _is_double(wall: datetime, zone: ZoneInfo) -> bool:
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first != second and _exists(wall, zone)


def _winter(year: int, zone: ZoneInfo) -> timezone:
    """The smaller offset of a year, at which its clock stands while it is not set forward."""
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    return timezone(min(offset for offset in offsets if offset is not None))
