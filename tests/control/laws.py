"""What must be true of every decision, whatever happened before; computed by other means than the decision was."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

from hypothesis import settings

from ems.control.memory import Memory
from ems.control.observation import may_charge
from ems.domain.decision import Decision, Level, Setpoint
from ems.domain.phases import Phase
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse
from ems.domain.station_model import StationModel
from tests.phasors import on_conductors, total_a

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
    is_balanced(state, decision)


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
            members = {evse.id: amps for evse, known, amps in present if phase in loaded(evse, known, decision)}
            if raised & members.keys():
                room, used = view.headroom_a[phase], [legs_that_count(v, known, decision) for v, known, _ in present]
                flows = [
                    on_conductors(v.wiring, tuple(amps * counts for counts in legs))
                    for (v, _, amps), legs in zip(present, used, strict=True)
                ]
                carried = total_a(flows)[phase]
                assert carried <= room + NEAR_A, f"{members} on {view.circuit} {phase.name}: {room:.1f} A"
        if view.headroom_w is not None and raised & {evse.id for evse, _, _ in present}:
            watts = sum(amps * watts_per_amp(state, evse, known, decision) for evse, known, amps in present)
            assert watts <= view.headroom_w + NEAR_W, f"{watts:.0f} W on {view.circuit}: {view.headroom_w:.0f} W"


def is_balanced(state: SiteState, decision: Decision) -> None:
    """Where one phase may exceed another by so much only, all that our vehicles may draw on the one while the other
    carries nothing of it stays within that: the setpoints always, and with every liability where any of them is raised.
    """
    present = [row for row in rows(state, decision) if row[2].controlled and may_charge(row[1])]
    for circuit in state.site.circuits:
        below = state.site.circuits.subtree(circuit.id) if circuit.unbalance_max_a is not None else ()
        for more, less in permutations(Phase, 2):
            members = [r for r in present if r[0].circuit in below and more in loaded(r[0], r[1], decision)]
            members = [
                r for r in members if less not in loaded(r[0], r[1], decision) or not draws_evenly(r[0], r[1], decision)
            ]
            members = [r for r in members if all(more not in leg or less not in leg for leg in r[0].wiring.legs)]
            least = sum(lowest_a(state, evse) for evse, _, _ in members)
            most, told = circuit.unbalance_max_a or 0.0, sum(setpoint.amps for _, _, setpoint in members)
            assert told <= max(most, least) + NEAR_A, f"{told} A on {more.name} over {less.name} at {circuit.id}"
            flowing = sum(max(setpoint.amps, setpoint.liable_a) for _, _, setpoint in members)
            raised = [s.evse for evse, _, s in members if s.amps > max(s.liable_a, lowest_a(state, evse)) + NEAR_A]
            assert not raised or flowing <= most + NEAR_A, f"{raised}: {flowing} A on {more.name} over {less.name}"


def lowest_a(state: SiteState, evse: Evse) -> float:
    """What cannot be taken away from an EVSE."""
    return state.station(evse.station).model.lowest_a


def draws_evenly(evse: Evse, known: EvseState, decision: Decision) -> bool:
    """Whether the legs that count are known to carry the same current, as the newest sample that could tell showed."""
    shown = known.switch.is_settled(decision.at.monotonic_s) and known.leg_use.is_even(len(evse.wiring.legs))
    return evse.dc_efficiency is not None or shown


def loaded(evse: Evse, known: EvseState, decision: Decision) -> set[Phase]:
    """The site phases that the vehicle at an EVSE may load."""
    used = legs_that_count(evse, known, decision)
    return {phase for leg, counts in zip(evse.wiring.legs, used, strict=True) if counts for phase in leg}


def watts_per_amp(state: SiteState, evse: Evse, known: EvseState, decision: Decision) -> float:
    """Power of one ampere on every leg that the vehicle at an EVSE may load."""
    used = legs_that_count(evse, known, decision)
    return evse.wiring.watts_per_amp(state.site.voltage_v, sum(used))


def legs_that_count(evse: Evse, known: EvseState, decision: Decision) -> tuple[bool, ...]:
    """Those that samples showed to be in use, if the station surely uses as many phases as it did then; else all."""
    width, now = len(evse.wiring.legs), decision.at.monotonic_s
    sure = not any(open_ != known.switch.told for open_ in known.switch.open)
    sure &= known.switch.told == 0 or now < known.switch.ends_at
    return known.leg_use.legs(width) if sure else (True,) * width
