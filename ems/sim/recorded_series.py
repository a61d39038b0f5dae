"""Recorded courses of power, building or PV, as other people's meters and tools write them.

A table with a header: the time in the first column; the value in the first column after it whose name tells a unit,
kWh or Wh (energy of the interval that begins then) or kW or W (mean power). What cannot be used is named with its
line and left out.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ems.domain.foreign_text import text_of
from ems.planning.forecast.series import DAY_S, Series
from ems.sim.recorded_file import bytes_of
from ems.sim.session_record import Rejected

UNIT = re.compile(r"(?<![A-Za-z/])(kWh|Wh|MWh|kW|W|MW)(?![A-Za-z])|_(wh|w|kwh|kw)$")
DELIMITERS = (",", ";", "\t", "|")
FACTOR = {"w": 1.0, "kw": 1e3, "mw": 1e6, "wh": 1.0, "kwh": 1e3, "mwh": 1e6}
A_YEAR_IN_WHICH_NOTHING_HAPPENS = 2019
SHORTEST_S = 60
LONGEST_S = 20 * 366 * DAY_S


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A recorded course, what of the file was rejected, and how its times were understood."""

    name: str
    series: Series
    rejected: tuple[Rejected, ...]
    clock: str


class _Row(NamedTuple):
    where: str
    moment: datetime
    value: float


def read_series(path: Path, zone: tzinfo, year: int | None = None) -> SeriesFile:
    """Read a course; times without an offset are of `zone`. Raises ValueError, naming the file, if it is none.

    Times without an offset that also show the hour which the clocks of `zone` skip in spring are its standard time
    all year. Times without a year ("Jan 1, 12:30 am") are of `year`, else 2019.
    """
    return parse_series(text_of(bytes_of(path)), str(path), zone, year)


def parse_series(text: str, name: str, zone: tzinfo, year: int | None = None) -> SeriesFile:
    """Read a course from the text of a file called `name`."""
    rejected: list[Rejected] = []
    rows, unit = _rows(text, name, year, rejected)
    if len(rows) < 2:
        raise ValueError(f"{name}: fewer than two rows with a time and a number" + _first(rejected))
    try:
        placed, clock = _on_one_clock(rows, zone, rejected)
    except OverflowError:
        raise ValueError(f"{name}: a time lies at the end of the calendar, which must be a wrong date") from None
    series = _regular(placed, unit, name, rejected)
    return SeriesFile(name, series, tuple(rejected), clock)


def _rows(text: str, name: str, year: int | None, rejected: list[Rejected]) -> tuple[list[_Row], str]:
    """The rows with a time and a number, and the unit of these."""
    delimiter, column, unit = _value_column(text, name)
    reader, rows = csv.reader(io.StringIO(text), delimiter=delimiter), list[_Row]()
    try:
        next(reader)
        for cells in reader:
            if not cells:
                continue
            where = f"line {reader.line_num}"
            try:
                # Where a comma separates no cells, it is that of a number.
                number = _number(cells[column] if delimiter == "," else cells[column].replace(",", "."))
                rows.append(_Row(where, _moment(cells[0], year), number))
            except IndexError:
                rejected.append(Rejected(where, f"{column + 1} columns expected"))
            except ValueError as wrong:
                rejected.append(Rejected(where, str(wrong)))
    except csv.Error as broken:
        raise ValueError(f"{name}:{reader.line_num}: not a table ({broken}); is a quote left open?") from None
    return rows, unit


def _first(rejected: Sequence[Rejected]) -> str:
    return f"; {rejected[0].where}: {rejected[0].reason}" if rejected else ""


def _value_column(text: str, name: str) -> tuple[str, int, str]:
    """What separates the cells, the place of the value among them, and its unit."""
    for delimiter in DELIMITERS:
        header = next(csv.reader([text.partition("\n")[0]], delimiter=delimiter), [])
        for place, title in enumerate(header):
            found = UNIT.search(title.strip())
            if place and found:
                return delimiter, place, (found[1] or found[2]).lower()
    raise ValueError(f"{name}:1: no column after the first names its unit: kWh, Wh, kW or W, as in 'load [kWh]'")


def _number(text: str) -> float:
    if not text.strip():
        raise ValueError("no value")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r:.40} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text.strip()} is no value")
    return value


def _moment(text: str, year: int | None) -> datetime:
    """With or without an offset, as it is written."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        pass
    try:
        # The year is put in before reading, or the 29th of February would be a day that does not exist.
        dated = f"{year or A_YEAR_IN_WHICH_NOTHING_HAPPENS} {text.strip()}"
        return datetime.strptime(dated, "%Y %b %d, %I:%M %p")  # noqa: DTZ007
    except ValueError:
        raise ValueError(f"{text.strip()!r:.40} is no time: write 2019-12-31 23:00") from None


class _Placed(NamedTuple):
    where: str
    begins: datetime
    value: float


def _on_one_clock(rows: Sequence[_Row], zone: tzinfo, rejected: list[Rejected]) -> tuple[list[_Placed], str]:
    bare = [row for row in rows if row.moment.tzinfo is None]
    skipped = [row for row in bare if _is_skipped(row.moment, zone)]
    clock, zones = f"{zone}" if bare else "as written, with its offset", zone
    if skipped and _show_whole_hours(skipped, bare):
        clock = f"{zone} without summer time, for the file shows an hour that its clocks skip"
        zones, skipped = timezone(_standard(zone, bare[0].moment.year)), []
    reason = f"does not exist on the clocks of {zone}"
    rejected += [Rejected(row.where, f"{row.moment:%Y-%m-%d %H:%M} {reason}") for row in skipped]
    unreal = {row.where for row in skipped}
    placed: list[_Placed] = []
    for row in rows:
        if row.where not in unreal:
            moment = row.moment if row.moment.tzinfo else _local(row.moment, placed, zones)
            placed.append(_Placed(row.where, moment.astimezone(UTC), row.value))
    return placed, clock


def _is_skipped(moment: datetime, zone: tzinfo) -> bool:
    return moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment


def _show_whole_hours(skipped: Sequence[_Row], bare: Sequence[_Row]) -> bool:
    """A wrong clock shows a row or two of the hour; one without summer time shows all of it."""
    steps = Counter(later.moment - earlier.moment for earlier, later in pairwise(bare))
    return len(skipped) * steps.most_common(1)[0][0] >= timedelta(hours=1)


def _standard(zone: tzinfo, year: int) -> timedelta:
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() or timedelta() for month in (1, 7)]
    return min(offsets)


def _local(moment: datetime, before: Sequence[_Placed], zone: tzinfo) -> datetime:
    """The second time round of a doubled hour is the one that would else not come after the row before."""
    first = moment.replace(tzinfo=zone)
    return first if not before or first.astimezone(UTC) > before[-1].begins else first.replace(fold=1)


def _regular(placed: Sequence[_Placed], unit: str, name: str, rejected: list[Rejected]) -> Series:
    seconds = np.array([round(row.begins.timestamp()) for row in placed])
    steps = np.diff(np.sort(seconds))
    usual = Counter(steps[steps > 0].tolist()).most_common(1)
    if not usual or usual[0][0] < SHORTEST_S or DAY_S % usual[0][0]:
        raise ValueError(f"{name}: times are {usual[0][0] if usual else 0} s apart; needed are steps that divide a day")
    step_s = int(usual[0][0])
    begin = int(seconds.min())
    if seconds.max() - begin > LONGEST_S:
        first, last = (datetime.fromtimestamp(moment, UTC) for moment in (begin, int(seconds.max())))
        raise ValueError(f"{name}: from {first:%Y-%m-%d} to {last:%Y-%m-%d}, which must be a wrong date")
    per_step = FACTOR[unit] * (3600.0 / step_s if unit.endswith("h") else 1.0)
    values = np.full((int(seconds.max()) - begin) // step_s + 1, np.nan)
    for row, moment in zip(placed, seconds.tolist(), strict=True):
        place, off = divmod(moment - begin, step_s)
        if off:
            rejected.append(Rejected(row.where, f"{row.begins:%Y-%m-%d %H:%M:%S} UTC is between steps of {step_s} s"))
        elif math.isfinite(values[place]):
            rejected.append(Rejected(row.where, f"a second value for {row.begins:%Y-%m-%d %H:%M} UTC"))
        else:
            values[place] = per_step * row.value
    return Series(datetime.fromtimestamp(begin, UTC), step_s, values)
