"""What must be true of every decision, whatever happened before; computed by other means than the decision was."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hypothesis import settings

from ems.control.memory import Memory
from ems.control.observation import may_charge
from ems.domain.decision import Decision, Level, Setpoint
from ems.domain.phases import Phase
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse
from ems.domain.station_model import StationModel

NEAR_A = 2e-3
NEAR_W = 2.0

_CHOSEN = settings.default or settings()
FEW = settings(max_examples=max(4, _CHOSEN.max_examples // 5))
"""For laws of whole scenarios: a fifth of the examples of the chosen profile."""


def check(state: SiteState, before: Memory, decision: Decision) -> None:
    """Assert every law of one tick; `before` is the memory with which it was decided."""
    assert not decision.guarded, f"the guard had to lower {decision.guarded}"
    assert [s.evse for s in decision.setpoints] == [v.id for v in state.site.evses]
    assert all(s.reason.text for s in decision.setpoints)
    held = before.setpoints.setpoint_a.tolist()
    tree, levels = state.site.circuits, [view.level for view in decision.circuits]
    for (evse, known, setpoint), previous in zip(rows(state, decision), held, strict=True):
        assert setpoint.level >= max(levels[above] for above in tree.path(evse.circuit))
        if setpoint.controlled:
            model = state.station(evse.station).model
            useful(evse, model, setpoint)
            obeys_its_level(evse, model, setpoint, previous)
            if Level.HOLD <= setpoint.level < Level.FALLBACK and may_charge(known):
                in_force = known.grant.amps_in_force(known.steering_layer, decision.at.monotonic_s)
                assert setpoint.amps <= max(in_force, model.lowest_a), f"{evse.id} was raised above {in_force} A"
        assert setpoint.liable_a >= 0
        assert math.isfinite(setpoint.liable_a), f"{evse.id}: {known.grant}"
    raises_fit(state, decision)


def rows(state: SiteState, decision: Decision) -> Iterator[tuple[Evse, EvseState, Setpoint]]:
    """Each EVSE with what is known of it and what was decided."""
    return zip(state.site.evses, state.evses, decision.setpoints, strict=True)


def useful(evse: Evse, model: StationModel, setpoint: Setpoint) -> None:
    """0, or a current that the vehicle accepts and the station can express (I3)."""
    amps = setpoint.amps
    assert 0 <= amps <= evse.max_a
    assert amps == 0 or amps >= model.min_a, f"{evse.id} would get {amps} A"
    steps = amps / model.step_a
    known = amps in model.allowed_a if model.allowed_a else abs(steps - round(steps)) < 1e-6
    assert amps == 0 or known, f"{evse.id} would get {amps} A, which its station cannot express"


def obeys_its_level(evse: Evse, model: StationModel, setpoint: Setpoint, previous: float) -> None:
    """HOLD and CAUTIOUS raise nothing that can be taken away; FALLBACK allows the fallback; ZERO nothing (I4)."""
    if setpoint.level >= Level.ZERO:
        assert setpoint.amps == 0
    elif setpoint.level >= Level.FALLBACK:
        assert setpoint.amps <= max(evse.fallback_a, model.lowest_a)
    elif setpoint.level >= Level.HOLD:
        least = min(model.lowest_a, evse.max_a)
        assert setpoint.amps <= max(previous, setpoint.liable_a, least), f"{evse.id} was raised in {setpoint.level!r}"


def raises_fit(state: SiteState, decision: Decision) -> None:
    """Where anything is raised, everybody's max(liability, setpoint) fits into the headroom of every phase, and of the
    power where that is limited (I1).
    """
    raised = {
        evse.id
        for evse, _, setpoint in rows(state, decision)
        if setpoint.controlled
        and setpoint.amps > max(setpoint.liable_a, state.station(evse.station).model.lowest_a) + NEAR_A
    }
    for view in decision.circuits:
        below = state.site.circuits.subtree(view.circuit)
        present = [
            (evse, known, max(setpoint.amps, setpoint.liable_a))
            for evse, known, setpoint in rows(state, decision)
            if setpoint.controlled and evse.circuit in below
        ]
        for phase in Phase:
            members = {evse.id: amps for evse, known, amps in present if phase in loaded(evse, known)}
            if raised & members.keys():
                room = view.headroom_a[phase]
                assert sum(members.values()) <= room + NEAR_A, f"{members} on {view.circuit} {phase.name}: {room:.1f} A"
        if view.headroom_w is not None and raised & {evse.id for evse, _, _ in present}:
            watts = sum(amps * watts_per_amp(state, evse, known) for evse, known, amps in present)
            assert watts <= view.headroom_w + NEAR_W, f"{watts:.0f} W on {view.circuit}: {view.headroom_w:.0f} W"


def loaded(evse: Evse, known: EvseState) -> set[Phase]:
    """The site phases that the vehicle at an EVSE may load."""
    used = known.leg_use.legs(len(evse.wiring.legs))
    return {phase for leg, counts in zip(evse.wiring.legs, used, strict=True) if counts for phase in leg}


def watts_per_amp(state: SiteState, evse: Evse, known: EvseState) -> float:
    """Power of one ampere on every leg that the vehicle at an EVSE may load."""
    used = known.leg_use.legs(len(evse.wiring.legs))
    return evse.wiring.watts_per_amp(state.site.voltage_v, sum(used))
