"""Checks of the rule against unbalance: its value, the phases it compares, and what holds it without a controller."""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.circuit import Circuit
from ems.domain.phases import MAX_LEGS, PHASE_PAIRS, Phase
from ems.domain.units import PILOT_MIN_A
from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.sums import counted_fallback_a, way_up

MOST_A = 1000.0
"""No grid code lets phases differ by more; a larger number is in another unit."""

EXAMPLE = "it is in ampere: the 4.6 kVA of VDE-AR-N 4100 are 20 A at 230 V"


def values(draft: Draft) -> Iterator[Finding]:
    """It lets a vehicle charge, is in ampere, and stands where there are three phases to compare."""
    for name, section in draft.shape.circuits.items():
        most, circuit = section.unbalance_max_a, draft.circuits.get(name)
        if most is None or circuit is None:
            continue
        place = ("circuits", name, "unbalance_max_a")
        if most < PILOT_MIN_A:
            message = (
                f"{most:g} A of unbalance at '{name}' is below the {PILOT_MIN_A:g} A with which any vehicle charges"
            )
            yield draft.document.error(place, message, EXAMPLE)
        elif most > MOST_A:
            yield draft.document.error(place, f"{most:.12g} A of unbalance is not plausible", EXAMPLE)
        elif not all(circuit.rating_a):
            lacking = " and ".join(phase.name for phase in Phase if not circuit.rating_a[phase])
            message = f"circuit '{name}' lacks {lacking}, so its phases cannot be balanced"
            yield draft.document.error(place, message, "write unbalance_max_a at the circuit that has three phases")
        elif most >= max(circuit.rating_a):
            message = (
                f"{most:g} A of unbalance at '{name}' limits nothing: its phases carry {max(circuit.rating_a):g} A"
            )
            yield draft.document.warning(place, message, EXAMPLE)


def fallback(draft: Draft) -> Iterator[Finding]:
    """What outlets on one or two phases fall back to stays within it; those on three may be loaded evenly."""
    for circuit in draft.circuits.values():
        most = circuit.unbalance_max_a
        if most is None or not PILOT_MIN_A <= most <= MOST_A:
            continue
        worst = max(PHASE_PAIRS, key=lambda pair: sum(_over(draft, circuit, *pair).values()))
        found = _over(draft, circuit, *worst)
        total = sum(found.values())
        if total > most + 1e-6:
            more, less = worst
            message = (
                f"circuit '{circuit.id}': outlets on {more.name} and not on {less.name} fall back to {total:g} A, more "
                f"than the {most:g} A by which its phases may differ"
            )
            largest = sorted(found.items(), key=lambda item: -item[1])[:SHOWN]
            shown = ", ".join(f"{name} {amps:g} A" for name, amps in largest)
            remedy = f"spread them over the phases, or lower their fallback_a, 0 is allowed (most: {shown})"
            yield draft.document.error(("circuits", circuit.id, "unbalance_max_a"), message, remedy)


SHOWN = 3


def _over(draft: Draft, circuit: Circuit, more: Phase, less: Phase) -> dict[str, float]:
    """Fallback currents on the one phase and not on the other, by EVSE."""
    return {
        evse.id: counted_fallback_a(evse, draft.model_of(evse.station))
        for evse in draft.evses
        if len(evse.wiring.phases) < MAX_LEGS
        and more in evse.wiring.phases
        and less not in evse.wiring.phases
        and circuit.id in way_up(draft.circuits, evse.circuit)
    }
