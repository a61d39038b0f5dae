"""A supervised run of the whole site: what every circuit carried at most beside what it may, and every complaint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.remote.proof import Acceptance, CircuitPeak
from ems.domain.state import EvseState, SiteState
from ems.ports.controller import Clock
from ems.ports.site import NotPossibleError

MOST_ALARMS = 50
EPSILON_A = 0.05
LONGEST_STEP_S = 5.0


class Supervision:
    """An output of the loop that watches for as long as somebody wants it to."""

    def __init__(self, clock: Clock, revision: Callable[[], str], save: Callable[[Acceptance], None]) -> None:
        """`save` is told a run that is over; it must not wait."""
        self._clock, self._revision, self._save = clock, revision, save
        self.run: Acceptance | None = None
        self._last_s: float | None = None

    def begin(self, minutes: float, who: str) -> Acceptance:
        """Begin to watch. Raises NotPossibleError while a run goes on."""
        now = self._clock.now().utc
        if self.run is not None and not self.run.is_over:
            raise NotPossibleError("the site is being watched already")
        run = self.run = Acceptance(who, now, now + timedelta(minutes=minutes), revision=self._revision())
        self._last_s = None
        return run

    def look(self, events: Sequence[Event], state: SiteState, memory: Memory, decision: Decision) -> None:
        """Take one tick."""
        del events, memory
        run = self.run
        if run is None or run.is_over:
            return
        at = decision.at.monotonic_s
        step_s = 0.0 if self._last_s is None else min(LONGEST_STEP_S, max(0.0, at - self._last_s))
        self._last_s = at
        peaks = {peak.circuit: peak for peak in run.peaks}
        for circuit, view in zip(state.site.circuits, decision.circuits, strict=False):
            flows = view.measured_a
            known = peaks.get(circuit.id, CircuitPeak(circuit.id, None, max(view.limit_a)))
            over = flows is not None and any(a > most + EPSILON_A for a, most in zip(flows, view.limit_a, strict=True))
            most = known.most_a if flows is None else max(*flows, known.most_a or 0.0)
            limit = min(known.limit_a, max(view.limit_a))
            peaks[circuit.id] = CircuitPeak(circuit.id, most, limit, known.over_s + step_s * over)
        new = tuple(dict.fromkeys((*run.alarms, *(alarm.text for alarm in decision.alarms))))[:MOST_ALARMS]
        vehicles = sum(1 for known in state.evses if known.session is not None)
        watts = sum(_watts(known, state.site.voltage_v) for known in state.evses)
        is_over = decision.at.utc >= run.ends
        self.run = replace(
            run,
            watched_s=run.watched_s + step_s,
            peaks=tuple(peaks.values()),
            alarms=new,
            energy_wh=run.energy_wh + watts * step_s / 3600.0,
            most_vehicles=max(run.most_vehicles, vehicles),
            armed=run.armed and not state.site.policy.observes,
            is_over=is_over,
        )
        if is_over:
            self._save(self.run)


def _watts(known: EvseState, voltage_v: float) -> float:
    if known.power_w is not None or not known.samples:
        return known.power_w or 0.0
    return sum(known.samples[0].low_a) * voltage_v
