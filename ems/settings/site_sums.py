"""What the circuits of a site carry, as far as they are sound, also while something else in its file is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.phases import NO_AMPS
from ems.ports.site import CircuitSum
from ems.settings.draft import Draft
from ems.settings.sums import added, sums, worst_a


def circuit_sums(draft: Draft) -> Iterator[CircuitSum]:
    """Every circuit with its sums, in the order of the file."""
    totals = sums(draft.circuits, ((evse, draft.model_of(evse.station)) for evse in draft.evses))
    for circuit in draft.circuits.values():
        total, below = totals[circuit.id], NO_AMPS
        for child in draft.circuits.values():
            below = added(below, child.rating_a) if child.parent == circuit.id else below
        yield CircuitSum(
            circuit.id,
            circuit.parent if circuit.parent in draft.circuits else None,
            circuit.meter,
            circuit.rating_a,
            worst_a(circuit, total.fallback_a),
            worst_a(circuit, total.rated_a),
            below,
            sum(1 for evse in draft.evses if evse.circuit == circuit.id),
        )
