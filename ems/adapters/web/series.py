"""What circuits carried and the plant gave over the last hours, thinned to what a chart can show."""

from __future__ import annotations

import asyncio
import json
import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from ems.adapters.web.once import Printed, printed
from ems.adapters.web.shape import History, SeriesRow
from ems.adapters.web.values import number, time_of
from ems.domain.circuit import Circuit
from ems.domain.phases import Phase
from ems.domain.record.history import HISTORY_EVERY_S, HistoryPoint, PlantPoint
from ems.ports.controller import Clock, Live

MAX_POINTS = 500
KEPT = 64
FRESH_S = 10.0
SLICE_POINTS = 300
_STEPS_S = tuple(s for s in (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600) if s >= 2 * HISTORY_EVERY_S)
"""Steps of a chart, seconds; none so short that there would be gaps between points."""

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Archive:
    """Answers questions about the past; the same question within ten seconds gets the same answer."""

    def __init__(self, live: Live, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._answers: OrderedDict[tuple[float, str | None], tuple[float, Printed]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def of(self, hours: float, circuit: str | None) -> Printed:
        """The last `hours`, rounded up to quarters, of one circuit or of all; KeyError for an unknown circuit."""
        site = self._live.state.site
        asked = tuple(site.circuits) if circuit is None else (site.circuits[circuit],)
        question = (math.ceil(hours * 4) / 4, circuit)
        async with self._lock:
            now = self._clock.now()
            kept = self._answers.get(question)
            if kept is not None and now.monotonic_s - kept[0] < FRESH_S:
                return kept[1]
            since = now.utc - timedelta(hours=question[0])
            told = await history(self._live.history(since), self._live.plant(since), asked, since, now.utc)
            answer = await printed(await _encoded(told))
            self._answers[question] = now.monotonic_s, answer
            self._answers.move_to_end(question)
            if len(self._answers) > KEPT:
                self._answers.popitem(last=False)
            return answer


async def history(
    points: Iterable[HistoryPoint],
    plant: Iterable[PlantPoint],
    circuits: Sequence[Circuit],
    since: datetime,
    until: datetime,
) -> History:
    """At most `MAX_POINTS` steps between the two times. A step shows the worst of what it covers: the highest current
    and the lowest limit, so that no peak is lost by thinning; of the plant the mean.
    """
    span = max(1.0, (until - since).total_seconds())
    step = next((s for s in _STEPS_S if span / s < MAX_POINTS), math.ceil(span / (MAX_POINTS - 1)))
    first = math.floor(since.timestamp() / step) * step
    steps = min(MAX_POINTS, math.floor((until.timestamp() - first) / step) + 1)
    worst = {circuit.id: _Worst(steps) for circuit in circuits}
    stream = iter(points)
    while some := list(islice(stream, SLICE_POINTS)):
        for point in some:
            at = int((point.at.timestamp() - first) // step)
            if point.circuit in worst and 0 <= at < steps:
                worst[point.circuit].take(at, point)
        await asyncio.sleep(0)
    pv, battery = _Mean(steps), _Mean(steps)
    for seen in plant:
        at = int((seen.at.timestamp() - first) // step)
        if 0 <= at < steps:
            pv.take(at, seen.pv_w)
            battery.take(at, seen.battery_w)
    await asyncio.sleep(0)
    rows = []
    for circuit in circuits:
        rows.append(worst[circuit.id].row(circuit))
        await asyncio.sleep(0)
    return {
        "since": time_of(since),
        "until": time_of(until),
        "step_s": step,
        "at": [first + k * step for k in range(steps)],
        "pv_w": pv.values(),
        "battery_w": battery.values(),
        "circuits": rows,
    }


class _Mean:
    """The mean per step of what is known."""

    def __init__(self, steps: int) -> None:
        self._sums, self._counts = [0.0] * steps, [0] * steps

    def take(self, at: int, value: float | None) -> None:
        if value is not None:
            self._sums[at] += value
            self._counts[at] += 1

    def values(self) -> list[float | None]:
        return [number(total / n) if n else None for total, n in zip(self._sums, self._counts, strict=True)]


class _Worst:
    """The worst values per step of one circuit."""

    def __init__(self, steps: int) -> None:
        self.measured: list[list[float]] = [[-math.inf] * steps for _ in Phase]
        self.drawn: list[list[float]] = [[-math.inf] * steps for _ in Phase]
        self.limit: list[list[float]] = [[math.inf] * steps for _ in Phase]

    def take(self, at: int, point: HistoryPoint) -> None:
        for phase in range(len(Phase)):
            if point.measured_a is not None:
                self.measured[phase][at] = max(self.measured[phase][at], point.measured_a[phase])
            self.drawn[phase][at] = max(self.drawn[phase][at], point.drawn_a[phase])
            self.limit[phase][at] = min(self.limit[phase][at], point.limit_a[phase])

    def row(self, circuit: Circuit) -> SeriesRow:
        there = [phase for phase in Phase if circuit.rating_a[phase]]
        return {
            "id": circuit.id,
            "measured_a": {p.name: [number(a) for a in self.measured[p]] for p in there},
            "drawn_a": {p.name: [number(a) for a in self.drawn[p]] for p in there},
            "limit_a": {p.name: [number(a) for a in self.limit[p]] for p in there},
        }


async def _encoded(told: History) -> bytes:
    rows = told["circuits"]
    whole = [_encode({**told, "circuits": []})[:-2].encode("ascii")]
    for k, row in enumerate(rows):
        whole.append((b"," if k else b"") + _encode(row).encode("ascii"))
        await asyncio.sleep(0)
    return b"".join([*whole, b"]}"])
