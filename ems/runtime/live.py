"""What is happening, for observers: the last state and decision, and the last hours of every circuit and plant."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from ems.domain.decision import Decision
from ems.domain.measured_power import battery_w, sun_w
from ems.domain.phases import PhaseAmps
from ems.domain.record.history import HISTORY_EVERY_S, HistoryPoint, Knock, PlantPoint
from ems.domain.state import SiteState

HISTORY_S = 24 * 3600.0
HISTORY_BYTES = 8_000_000
COLUMNS = 10
"""Per circuit: whether measured, then measured, drawn and limit on three phases."""

PLANT = 2
"""Before the circuits: what PV gives and the battery takes."""


class LiveView:
    """The `Live` port; the loop publishes, observers look."""

    def __init__(self, state: SiteState, knocks: Callable[[], Sequence[Knock]]) -> None:
        self.state = state
        self.decision: Decision | None = None
        self.version = 0
        self.ticks_late = 0
        self._knocks = knocks
        self._changed = asyncio.Event()
        row_bytes = 4 * (PLANT + COLUMNS * len(state.site.circuits)) + 64
        self._rows: deque[tuple[datetime, array[float]]] = deque(
            maxlen=int(min(HISTORY_S / HISTORY_EVERY_S, HISTORY_BYTES / row_bytes))
        )
        self._next_row_s = float("-inf")

    def publish(self, state: SiteState, decision: Decision) -> None:
        """Show a new tick."""
        self.state, self.decision = state, decision
        self.version += 1
        if decision.at.monotonic_s >= self._next_row_s:
            self._next_row_s = decision.at.monotonic_s + HISTORY_EVERY_S
            self._rows.append((decision.at.utc, _row(state, decision)))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self, version: int) -> int:
        """Wait until there is another version."""
        while self.version == version:
            await self._changed.wait()
        return self.version

    def history(self, since: datetime) -> Sequence[HistoryPoint]:
        """What every circuit carried since then, oldest first."""
        ids = [circuit.id for circuit in self.state.site.circuits]
        return [point for at, row in self._rows if at >= since for point in _points(at, ids, row)]

    def plant(self, since: datetime) -> Sequence[PlantPoint]:
        """What PV gave and the battery took since then, oldest first."""
        return [PlantPoint(at, _known(row[0]), _known(row[1])) for at, row in self._rows if at >= since]

    def knocks(self) -> Sequence[Knock]:
        """Stations that were refused."""
        return self._knocks()


def _row(state: SiteState, decision: Decision) -> array[float]:
    now = decision.at.monotonic_s
    plant = (sun_w(state, now), battery_w(state, now))
    row = array("f", [math.nan if watts is None else watts for watts in plant])
    for view in decision.circuits:
        measured = view.measured_a or (0.0, 0.0, 0.0)
        row.extend((float(view.measured_a is not None), *measured, *view.drawn_a, *view.limit_a))
    return row


def _points(at: datetime, ids: Sequence[str], row: array[float]) -> list[HistoryPoint]:
    points = []
    for i, circuit in enumerate(ids):
        values = row[PLANT + i * COLUMNS : PLANT + (i + 1) * COLUMNS]
        measured = _triple(values, 1) if values[0] else None
        points.append(HistoryPoint(at, circuit, measured, _triple(values, 4), _triple(values, 7)))
    return points


def _known(watts: float) -> float | None:
    return None if math.isnan(watts) else watts


def _triple(values: array[float], first: int) -> PhaseAmps:
    l1, l2, l3 = (round(v, 2) for v in values[first : first + 3])
    return (l1, l2, l3)
