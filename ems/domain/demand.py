"""The demand of the window that runs, beside the highest one of the billing period. Import is positive; what is fed
in counts as no import.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.record.past import QuarterMeans

QUARTER_S = 900


class Demand(NamedTuple):
    """The window of `interval_s` from `begins` on: mean import so far (None: nothing is known), and at its end if
    things go on as they do now. `peak_w` is the highest of the windows before, which began `peak_at`.
    """

    interval_s: int
    begins: datetime
    mean_w: float | None
    expected_w: float | None
    peak_w: float | None
    peak_at: datetime | None

    @property
    def ends(self) -> datetime:
        """When the window is over."""
        return self.begins + timedelta(seconds=self.interval_s)


def demand_of(quarters: QuarterMeans, interval_s: int, zone: ZoneInfo, now: datetime, grid_w: float | None) -> Demand:
    """`grid_w`: what flows now. Windows are those of the local clock."""
    windows: dict[datetime, list[float]] = {}
    for at, watts in quarters.means:
        windows.setdefault(_window(at, interval_s, zone), []).append(max(0.0, watts))
    running = _window(now, interval_s, zone)
    over = windows.pop(running, [])
    known_s, total = QUARTER_S * float(len(over)), QUARTER_S * sum(over)
    if quarters.open_w is not None:
        known_s, total = known_s + quarters.open_s, total + quarters.open_s * max(0.0, quarters.open_w)
    mean = total / known_s if known_s else None
    expected = None
    if mean is not None:
        passed_s = (now - running).total_seconds()
        later = mean if grid_w is None else max(0.0, grid_w)
        expected = (mean * passed_s + later * (interval_s - passed_s)) / interval_s
    whole = {at: sum(watts) * QUARTER_S / interval_s for at, watts in windows.items()}
    peak_at = max(whole, key=lambda at: whole[at], default=None)
    return Demand(interval_s, running, mean, expected, None if peak_at is None else whole[peak_at], peak_at)


def _window(at: datetime, interval_s: int, zone: ZoneInfo) -> datetime:
    """The window in which a moment lies; whole hours are divided."""
    local = at.astimezone(zone)
    return at - timedelta(seconds=(60 * local.minute + local.second) % interval_s, microseconds=local.microsecond)
