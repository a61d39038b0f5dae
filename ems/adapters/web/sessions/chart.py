"""The energy of a session by quarter hours, as bars that need no script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.record.session_entry import SessionQuarter

QUARTER = timedelta(minutes=15)
MOST_BARS = 96
WIDTH, HEIGHT = 720.0, 120.0
ROOM = 0.15


class Bar(NamedTuple):
    """A bar in a picture of WIDTH by HEIGHT; `idle`: nothing flowed, and the vehicle wanted nothing."""

    x: float
    y: float
    width: float
    height: float
    idle: bool
    words: str


class Bars(NamedTuple):
    """The picture: bars, the highest of them in words, and marks of the hours by their place."""

    bars: tuple[Bar, ...]
    most: str
    marks: tuple[tuple[float, str], ...]
    width: float = WIDTH
    height: float = HEIGHT


def bars(quarters: Sequence[SessionQuarter], begin: datetime, end: datetime, zone: ZoneInfo) -> Bars | None:
    """The bars from plug-in to plug-out; None where nothing is known. A long session has fewer, wider bars."""
    if not quarters:
        return None
    first = min(quarters[0].starts, begin - (begin - quarters[0].starts) % QUARTER)
    count = max(1, -(-(max(end, quarters[-1].starts + QUARTER) - first) // QUARTER))
    each = -(-count // MOST_BARS)
    sums = [[0, 0] for _ in range(-(-count // each))]
    for one in quarters:
        place = min(len(sums) - 1, (one.starts - first) // (each * QUARTER))
        sums[place][0] += one.energy_wh
        sums[place][1] += one.idle_s
    hours = each / 4
    most = max(1, *(wh for wh, _ in sums))
    step = WIDTH / len(sums)
    drawn = tuple(
        Bar(
            x=round((k + ROOM / 2) * step, 1),
            y=round(HEIGHT * (1 - wh / most), 1) if wh else HEIGHT - 4,
            width=round(step * (1 - ROOM), 1),
            height=round(HEIGHT * wh / most, 1) if wh else 4.0,
            idle=not wh and idle > 0,
            words=f"{(first + k * each * QUARTER).astimezone(zone):%H:%M}: {wh / 1000:.2f} kWh"
            + (f", idle {idle // 60} min" if idle >= 60 else ""),
        )
        for k, (wh, idle) in enumerate(sums)
        if wh or idle
    )
    return Bars(drawn, f"{most / 1000 / hours:.1f} kW", _marks(first, len(sums), each, zone))


def _marks(first: datetime, count: int, each: int, zone: ZoneInfo) -> tuple[tuple[float, str], ...]:
    hours = count * each / 4
    apart = next(size for size in (1, 2, 3, 6, 12, 24, 48, 168, 24 * 365) if hours / size <= 8)
    found = []
    for k in range(count * each):
        here = (first + k * QUARTER).astimezone(zone)
        if here.minute == 0 and (here.hour % apart == 0 if apart <= 24 else here.hour == 0):
            found.append(
                (round(WIDTH * k / (count * each), 1), f"{here:%H:%M}" if here.hour or apart < 24 else f"{here:%d %b}")
            )
    return tuple(found[:: max(1, len(found) // 8)])
