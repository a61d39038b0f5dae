"""What a commissioning record tells, in words: everything that was asked, tested and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ems.adapters.web.wizard.evidence import Item
from ems.adapters.web.wizard.shape import AcceptanceRow, PeakRow, ProofRow
from ems.domain.circuit import Circuit
from ems.domain.limit import LimitWindow
from ems.domain.phases import PhaseAmps
from ems.domain.remote.commissioning import Part
from ems.domain.site import Site
from ems.ports.site import CircuitSum

CIRCUIT = (
    "Circuit", "Fed by", "Rating, A", "Limits", "Fallback in all, A", "Meter", "At most in the run, A", "Above it",
)  # fmt: skip
METER = ("Meter", "Current, A", "Power, kW", "Age, s", "Fault")
OUTLET = ("Outlet", "Circuit", "Wiring", "Most, A", "Fallback, A", "Accepted, A", "Station", "Test", "Phases seen")
PHASES = "phases"
"""The step of a test that says on which phases an outlet was seen."""


def record_parts(
    site: Site,
    items: Sequence[Item],
    sums: Sequence[CircuitSum],
    meters: Sequence[dict[str, Any]],
    outlets: Sequence[dict[str, Any]],
    proofs: Sequence[ProofRow],
    run: AcceptanceRow | None,
) -> Iterator[Part]:
    """Every table of the record."""
    asked = tuple((one.what, _answer(one.is_done), one.seen) for one in items)
    yield Part("What must be so", ("What", "So", "Seen"), asked)
    peaks = {peak["circuit"]: peak for peak in (run["peaks"] if run else ())}
    fallback = {one.id: one.fallback_a for one in sums}
    tests = {f"{one['station']}/{one['evse']}": one for one in proofs}
    yield Part("Circuits", CIRCUIT, tuple(_circuit(one, site, fallback, peaks) for one in site.circuits))
    yield Part("Meters", METER, tuple(_meter(one) for one in meters))
    yield Part("Outlets", OUTLET, tuple(_outlet(one, tests.get(one["id"])) for one in outlets))
    yield Part("Tests, step by step", ("Outlet", "Step", "Verdict", "Seen", "When", "By"), tuple(_steps(proofs)))
    yield Part("Supervised run", ("What", "Value"), tuple(_run(run)))


def _answer(is_done: bool | None) -> str:
    return "not known" if is_done is None else "yes" if is_done else "NO"


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _amps(amps: PhaseAmps) -> str:
    return f"{amps[0]:.4g}" if len(set(amps)) == 1 else " / ".join(f"{a:.4g}" for a in amps)


def _circuit(
    circuit: Circuit, site: Site, fallback: dict[str, PhaseAmps], peaks: dict[str, PeakRow]
) -> tuple[str, ...]:
    margin = (f"{circuit.margin_a:g} A kept free",) if circuit.margin_a else ()
    limits = "; ".join((*margin, *(_limit(one) for one in site.limits if one.scope == circuit.id)))
    sums, peak = fallback.get(circuit.id), peaks.get(circuit.id)
    return (
        circuit.id,
        circuit.parent or "the grid",
        _amps(circuit.rating_a),
        limits or "the rating alone",
        "–" if sums is None else _amps(sums),
        circuit.meter or "none",
        "–" if peak is None or peak["most_a"] is None else f"{peak['most_a']:g} of {peak['limit_a']:g}",
        "–" if peak is None else f"{peak['over_s']:g} s",
    )


def _limit(limit: LimitWindow) -> str:
    most = [
        f"{limit.max_a:g} A" if limit.max_a is not None else "",
        f"{limit.max_w / 1000:g} kW" if limit.max_w is not None else "",
    ]
    return f"{limit.source}: {' and '.join(one for one in most if one)}"


def _meter(row: dict[str, Any]) -> tuple[str, ...]:
    return row["id"], row["amps"] or "–", row["kw"] or "–", _told(row["age_s"]), row["fault"] or "none"


def _outlet(row: dict[str, Any], test: ProofRow | None) -> tuple[str, ...]:
    seen = next((step for step in (test["steps"] if test else ()) if step["name"] == PHASES), None)
    return (
        row["id"],
        row["circuit"],
        row["wiring"],
        f"{row['max_a']:g}",
        f"{row['fallback_a']:g}",
        _told(row["floor_a"]),
        row["maker"] or "unknown",
        "none" if test is None else f"{test['verdict']}, {test['began']}, by {test['who']}",
        "not tested" if seen is None else f"{seen['verdict']}: {seen['words']}",
    )


def _steps(proofs: Sequence[ProofRow]) -> Iterator[tuple[str, ...]]:
    for proof in proofs:
        outlet = f"{proof['station']}/{proof['evse']}"
        for step in proof["steps"]:
            yield outlet, step["name"], step["verdict"], step["words"], proof["began"], proof["who"]


def _run(run: AcceptanceRow | None) -> Iterator[tuple[str, str]]:
    if run is None:
        yield "Watched", "never"
        return
    yield "Begun", f"{run['began']} by {run['who']}"
    yield "Watched", f"{run['watched_s'] / 60:.1f} min{'' if run['over'] else ', and it goes on'}"
    yield "Armed all along", "yes" if run["armed"] else "no"
    yield "Vehicles at once, at most", str(run["most_vehicles"])
    yield "Energy to vehicles", f"{run['energy_wh'] / 1000:.2f} kWh"
    yield "Revision watched", run["revision"]
    for text in run["alarms"]:
        yield "Complained of", text
