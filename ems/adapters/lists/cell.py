"""Times and numbers as lists write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

_ISO = r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
_DOTTED = r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d{2})"
_SLASHED = r"(?P<first>\d{1,2})/(?P<other>\d{1,2})/(?P<year>\d{4})"
_HALF = r"(?P<half>[ap])\.?m\.?"
_CLOCK = (
    rf"(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?::(?P<second>\d{{2}})(?:[.,]\d{{1,9}})?)?(?:\s*(?:uhr|h|{_HALF}))?"
)
_OFFSET = r"\s*(?P<offset>Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
_DATES = tuple(re.compile(form, re.IGNORECASE) for form in (_ISO, _DOTTED, _SLASHED))
_MOMENTS = tuple(re.compile(rf"{form}[T\s,]+{_CLOCK}{_OFFSET}", re.IGNORECASE) for form in (_ISO, _DOTTED, _SLASHED))
_TIME = re.compile(_CLOCK, re.IGNORECASE)
_UNITS = re.compile(r"\s*(?:%|kwh|percent|prozent)\s*$", re.IGNORECASE)


class Wall(NamedTuple):
    """What a cell says of a moment: a date, a time of day, or both; `utc` where it tells its offset itself. `ends_day`:
    the time of day is 24:00, and `at` the midnight that it is.
    """

    day: date | None = None
    at: time | None = None
    utc: datetime | None = None
    ends_day: bool = False


def wall_of(text: str, month_first: bool = False) -> Wall | None:
    """Read '2026-03-10T05:10+01:00', '10.03.2026 5:10', '3/10/2026 5:10 PM', '2026-03-10', '05:10' and the like; None
    when it is no time.

    `month_first`: 3/31/2026 rather than 31/3/2026. 24:00 is the midnight at the end of the day.
    """
    text = text.strip()
    try:
        for form in _MOMENTS:
            if match := form.fullmatch(text):
                return _moment(match, month_first)
        for form in _DATES:
            if match := form.fullmatch(text):
                return Wall(day=_date(match, month_first))
        match = _TIME.fullmatch(text)
        return None if match is None else Wall(at=_clock(match), ends_day=match["hour"] == "24")
    except ValueError:
        return None


def is_month_first(zone: ZoneInfo) -> bool:
    """Whether people there write 3/31/2026 rather than 31/3/2026."""
    return zone.key.startswith(("America/", "US/"))


def number_in(text: str) -> float | None:
    """The number in '80', '55,5 kWh' or '1.234,5'; None when it is none, or may be one of two ('1,234')."""
    bare = _UNITS.sub("", text).strip().replace("\u00a0", "").replace(" ", "")
    if re.fullmatch(r"-?\d+([.,]\d{1,2}|[.,]\d{4,})?", bare) or re.fullmatch(r"-?0[.,]\d{3}", bare):
        return float(bare.replace(",", "."))
    if re.fullmatch(r"-?\d{1,3}(\.\d{3})+,\d+", bare):
        return float(bare.replace(".", "").replace(",", "."))
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+\.\d+", bare):
        return float(bare.replace(",", ""))
    return None


def _moment(match: re.Match[str], month_first: bool) -> Wall:
    day, offset = _date(match, month_first), match["offset"]
    at = _clock(match)
    if match["hour"] == "24":
        day, at = day + timedelta(days=1), time(0)
    if offset is None:
        return Wall(day, at)
    ahead = timedelta(0)
    if offset.casefold() not in {"z", "utc"}:
        sign = -1 if offset[0] == "-" else 1
        ahead = sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:].lstrip(":") or 0))
    return Wall(day, at, datetime.combine(day, at, timezone(ahead)).astimezone(UTC))


def _date(match: re.Match[str], month_first: bool) -> date:
    parts = match.groupdict()
    year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
    if "first" in parts:
        first, other = int(parts["first"]), int(parts["other"])
        month, day = (first, other) if month_first else (other, first)
    else:
        month, day = int(parts["month"]), int(parts["day"])
    return date(year, month, day)


def _clock(match: re.Match[str]) -> time:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("a clock of twelve hours shows none such")
        hour = hour % 12 + (12 if match["half"].casefold() == "p" else 0)
    if hour == 24 and not (minute or second):
        return time(0)
    return time(hour, minute, second)
