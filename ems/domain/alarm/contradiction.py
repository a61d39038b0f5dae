"""Meters that show less than the vehicles behind them draw: a transformer that points the wrong way, phases that are
swapped, or plant of which nobody told. What else flows there is not seen then, and a fuse depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.alarm.condition import Condition
from ems.domain.decision import CircuitView, Decision, Level
from ems.domain.phases import Phase
from ems.domain.state import SiteState
from ems.domain.unheard import PerCircuit, sampled_a, unheard

KIND = "contradiction"
SHORT_A, SHORT_SHARE = 4.0, 0.15
"""By so much, and by that share of what vehicles draw, meters and stations may differ that are both right."""

OLD_S = 600.0
"""What a station has told so long ago, as before it went offline, is held against no meter. Most tell every minute; and
a contradiction is not told of before it has lasted longer than this.
"""

REMEDY = (
    "is a current transformer turned round there, or are phases swapped, of the meter or of a station? "
    "Is there PV or a battery behind it, without a meter or generation_max_a of the circuit?"
)


def contradictions(state: SiteState, decision: Decision) -> Iterator[Condition]:
    """One for each circuit whose meter is fresh and cannot be right beside what stations say."""
    old_a = _drawn_long_ago_a(state, decision.at.monotonic_s)
    for i, (view, meter) in enumerate(zip(decision.circuits, state.site.meter_of_circuit, strict=True)):
        if meter is None or view.level > Level.NORMAL:
            continue
        where = " and ".join(phase.name for phase in Phase if _is_short(view, phase, old_a[i][phase]))
        if where:
            name = state.site.meters[meter].id
            text = f"meter {name} shows less on {where} than the vehicles of {view.circuit} draw there"
            yield Condition(f"{KIND}:{view.circuit}", KIND, view.circuit, Level.NORMAL, text, REMEDY)


def _drawn_long_ago_a(state: SiteState, now_s: float) -> PerCircuit:
    """Per circuit and phase, what vehicles drew when their stations told last, where that is too old to be held against
    a meter. What nobody hears of is not counted anyway.
    """
    old = {j for j, known in enumerate(state.evses) if known.samples and now_s - known.samples[0].at >= OLD_S}
    return sampled_a(state, old - unheard(state, now_s, old))


def _is_short(view: CircuitView, phase: Phase, old_a: float) -> bool:
    """Whether more is missing than may be: the base load is never taken for less than what plant may feed back."""
    if view.measured_a is None:
        return False
    drawn_a = view.drawn_a[phase] - old_a
    short_a = drawn_a + view.base_load_a[phase] - view.measured_a[phase]
    return short_a > max(SHORT_A, SHORT_SHARE * drawn_a)
