"""What a simulation found, as figures, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ems.planning.day_verdict import DayRegret
from ems.sim.core_tally import Outcome
from ems.sim.observer import Overload
from ems.sim.promise import Kept

NOT_IN_JSON = {"evse_a"}


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Values every `step_s` from the begin on: mean powers (kW); the highest current per phase (A) of the grid
    connection and of the circuits that came closest to their rating; EVSEs with a vehicle and with a current.

    `evse_a` is for pictures: a row per step with what each EVSE gives at its end, as `ems.sim.core_tally` writes it.
    """

    step_s: float
    site_kw: tuple[float, ...]
    evses_kw: tuple[float, ...]
    circuit_a: Mapping[str, tuple[tuple[float, float, float], ...]]
    occupied: tuple[int, ...]
    charging: tuple[int, ...]
    evse_a: NDArray[np.int16] = field(compare=False)


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """One run.

    `needs`: sessions that wanted at least 0.1 kWh; `needs_possible`: those that could have been met alone. The
    overloads are what the independent observer saw: by our own vehicles, and by whatever; `overload_at` names the worst
    as circuit and phase, `overloads_to_trip` counts those that a breaker might have interrupted, `overloads` lists the
    worst. `promises`: how many were kept, by class. `starvation_s`: the longest that a vehicle wanted current
    and was offered less than 6 A. `notes`: what had to be done with the sessions. `departures`: how each session ended.
    `regret`: what each day could have cost, where that was asked for.
    """

    site: str
    strategy: str
    seed: int
    begins: datetime
    days: float
    evses: int
    sessions: int
    wanted_kwh: float
    delivered_kwh: float
    needs: int
    needs_met: int
    needs_possible: int
    peak_kw: float
    overload_own_a: float
    overload_a: float
    overload_at: str
    overload_s: float
    overloads_to_trip: int
    promises: tuple[Kept, ...]
    starvation_s: float
    profiles: int
    guard_corrections: int
    decisions: int
    notes: tuple[str, ...]
    overloads: tuple[Overload, ...] = field(repr=False)
    departures: tuple[Outcome, ...] = field(repr=False)
    series: TimeSeries = field(repr=False)
    regret: tuple[DayRegret, ...] = field(default=(), repr=False)

    @property
    def share_met(self) -> float:
        """Needs met of needs, 0 … 1; 1 without any."""
        return self.needs_met / self.needs if self.needs else 1.0

    @property
    def profiles_per_evse_hour(self) -> float:
        """Limits sent, for each hour of each EVSE."""
        return self.profiles / (self.evses * self.days * 24.0) if self.days else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain data; moments in ISO 8601."""
        data = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        data["begins"] = self.begins.isoformat()
        data["share_met"] = round(self.share_met, 6)
        data["profiles_per_evse_hour"] = round(self.profiles_per_evse_hour, 4)
        data["overloads"] = [_overload(overload) for overload in self.overloads]
        data["promises"] = [kept._asdict() for kept in self.promises]
        data["departures"] = [_departure(outcome) for outcome in self.departures]
        data["regret"] = [day.as_json() for day in self.regret]
        series = self.series
        data["series"] = {f.name: getattr(series, f.name) for f in fields(series) if f.name not in NOT_IN_JSON}
        return data

    def times(self) -> list[datetime]:
        """The begin of each bin of the series."""
        return [self.begins + timedelta(seconds=k * self.series.step_s) for k in range(len(self.series.site_kw))]


def write_result(path: Path, results: Sequence[SimulationResult]) -> None:
    """Write all runs to a JSON file, a line for each entry of a run. Raises OSError."""
    runs = [
        ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(result.as_json().items()))
        for result in results
    ]
    path.write_text('{"runs": [\n {\n' + "\n },\n {\n".join(runs) + "\n }\n]}\n", encoding="utf-8")


def as_table(results: Sequence[SimulationResult]) -> str:
    """One column per run, in plain text."""
    if not results:
        return "no runs"
    rows = [("", [result.strategy for result in results])]
    rows += [(name, [show(result) for result in results]) for name, show in _ROWS.items()]
    rows += _promises(results)
    first = max(len(name) for name, _ in rows)
    widths = [max(len(values[k]) for _, values in rows) for k in range(len(results))]
    lines = [
        "  ".join(
            [name.ljust(first), *(value.rjust(width) for value, width in zip(values, widths, strict=True))]
        ).rstrip()
        for name, values in rows
    ]
    title = _title(results[0])
    rule = "-" * max(len(line) for line in lines)
    return "\n".join([title, rule, lines[0], rule, *lines[1:], *_notes(results)])


_ALONE = "  possible at full current"

_ROWS: Mapping[str, Callable[[SimulationResult], str]] = {
    "energy delivered, kWh": lambda r: f"{r.delivered_kwh:,.1f}",
    "energy wanted, kWh": lambda r: f"{r.wanted_kwh:,.1f}",
    "delivered of wanted": lambda r: f"{100 * r.delivered_kwh / r.wanted_kwh if r.wanted_kwh else 100:.2f} %",
    "needs met at departure": lambda r: f"{r.needs_met} of {r.needs}",
    "  as share": lambda r: f"{100 * r.share_met:.2f} %",
    _ALONE: lambda r: f"{r.needs_possible}",
    "peak of the site, kW": lambda r: f"{r.peak_kw:.1f}",
    "largest own overload, A": lambda r: f"{r.overload_own_a:.1f}",
    "largest overload, A": lambda r: f"{r.overload_a:.1f}",
    "  where": lambda r: r.overload_at or "-",
    "  for seconds": lambda r: f"{r.overload_s:.0f}",
    "overloads that may trip": lambda r: f"{r.overloads_to_trip}",
    "longest starvation, s": lambda r: f"{r.starvation_s:.0f}",
    "profiles per EVSE-hour": lambda r: f"{r.profiles_per_evse_hour:.2f}",
    "corrections of the guard": lambda r: f"{r.guard_corrections}",
}


def _title(result: SimulationResult) -> str:
    span = f"{result.days:g} days from {result.begins:%Y-%m-%d %H:%M} UTC"
    return f"{result.site}: {result.sessions} sessions at {result.evses} EVSEs, {span}, seed {result.seed}"


def _notes(results: Sequence[SimulationResult]) -> list[str]:
    return ["", *(f"note: {note}" for note in results[0].notes)] if results[0].notes else []


def _promises(results: Sequence[SimulationResult]) -> list[tuple[str, list[str]]]:
    """A row for each class of service that was promised something, and one for how many could have been kept."""
    labels = dict.fromkeys(kept.label for result in results for kept in result.promises)
    found = []
    for label in labels:
        ofs = [next((kept for kept in result.promises if kept.label == label), None) for result in results]
        found.append((f"promises kept, {label}", ["-" if of is None else f"{of.kept} of {of.promised}" for of in ofs]))
        found.append((_ALONE, ["-" if of is None else f"{of.possible}" for of in ofs]))
    return found


def _departure(outcome: Outcome) -> dict[str, Any]:
    promised = None if outcome.promised is None else outcome.promised._asdict()
    return {**asdict(outcome), "promised": promised, "met": outcome.is_met, "kept": outcome.is_kept}


def _overload(overload: Overload) -> dict[str, Any]:
    return {
        "circuit": overload.circuit,
        "phase": overload.phase.name,
        "since_s": round(overload.since_s, 1),
        "lasts_s": round(overload.duration_s, 1),
        "worst_a": round(overload.worst_a, 3),
        "cause": str(overload.cause),
        "may_trip": overload.may_trip,
    }
