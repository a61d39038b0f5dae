"""Checks of the tree of circuits: its shape, its ratings, and what it carries when nobody controls it."""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.phases import Phase, PhaseAmps
from ems.settings.draft import Draft, phases_of
from ems.settings.finding import Finding
from ems.settings.hints import or_known
from ems.settings.sums import CircuitSums, sums, way_up, why_no_fallback, worst_a

MAX_RATING_A = 10_000.0
"""No low-voltage circuit carries more; a larger number is in another unit."""

SHOWN_STATIONS = 3


def identifiers(draft: Draft) -> Iterator[Finding]:
    """Ids that differ only in capitals: two people will take them for the same."""
    for section in ("circuits", "meters", "batteries", "stations"):
        seen: dict[str, str] = {}
        for name in draft.ids(section):
            first = seen.setdefault(name.casefold(), name)
            if first != name:
                message = f"'{name}' differs from '{first}' only in capitals"
                yield draft.document.error((section, name), message, "rename one of them")


def roots(draft: Draft) -> Iterator[Finding]:
    """No more than one circuit has no parent. Where none is without, parents do not exist or form a circle."""
    tops = roots_of(draft)
    for name in tops[1:]:
        message = f"circuit '{name}' has no parent, and neither has '{tops[0]}'"
        remedy = f"only the grid connection has none: write parent: {tops[0]}"
        yield draft.document.error(("circuits", name), message, remedy)


def parents(draft: Draft) -> Iterator[Finding]:
    """Every parent exists."""
    for name, parent in draft.parents.items():
        if parent is not None and parent not in draft.parents:
            message = f"the parent '{parent}' of circuit '{name}' does not exist"
            remedy = or_known(parent, [other for other in draft.parents if other != name])
            remedy += "" if roots_of(draft) else "; the grid connection alone has no parent"
            yield draft.document.error(("circuits", name, "parent"), message, remedy)


def circles(draft: Draft) -> Iterator[Finding]:
    """No circuit feeds itself."""
    told: set[str] = set()
    for name in draft.parents:
        way = [name]
        while (above := draft.parents.get(way[-1])) is not None and above not in way and above not in told:
            way.append(above)
        if above is None or above in told:
            told.update(way)
            continue
        circle = way[way.index(above) :]
        told.update(way)
        message = f"circuits form a circle: {' → '.join([*circle, above])}"
        remedy = "every circuit names the one that feeds it; remove the parent of the grid connection, which has none"
        yield draft.document.error(("circuits", above, "parent"), message, remedy)


def ratings(draft: Draft) -> Iterator[Finding]:
    """Ratings are plausible, fit their phases and their parent, and leave something beside the margin."""
    for name, section in draft.shape.circuits.items():
        place = ("circuits", name, "rating_a")
        most = max(section.rating_a.amps.values())
        if most > MAX_RATING_A:
            remedy = "rating_a is in ampere per phase, not in watt or milliampere"
            yield draft.document.error(place, f"a rating of {most:.12g} A is not plausible", remedy)
        if (
            not section.rating_a.uniform
            and section.phases is not None
            and set(section.rating_a.amps) != set(section.phases)
        ):
            remedy = "leave out phases: the phases of rating_a tell it"
            yield draft.document.error(("circuits", name, "phases"), "phases contradicts rating_a", remedy)
        circuit = draft.circuits.get(name)
        if circuit is None:
            yield draft.document.error(place, f"circuit '{name}' carries nothing", "write what its fuse carries")
            continue
        least = min(amps for amps in circuit.rating_a if amps)
        if circuit.margin_a >= least:
            message = f"margin_a leaves nothing of the {least:g} A of circuit '{name}'"
            yield draft.document.error(("circuits", name, "margin_a"), message, "some ampere are usual")
        above = draft.circuits.get(circuit.parent or "")
        if above is not None and most <= MAX_RATING_A and way_up(draft.circuits, name)[-1] in roots_of(draft):
            yield from _below(draft, name, circuit.rating_a, above.id, above.rating_a)


def base_loads(draft: Draft) -> Iterator[Finding]:
    """Worst base loads are stated where they matter, on phases that exist, and not below those of a child."""
    for name, section in draft.shape.circuits.items():
        place = ("circuits", name, "base_load_max_a")
        stated, phases = section.base_load_max_a, phases_of(section)
        if stated is None:
            remedy = "write base_load_max_a: the most that anything but the EVSEs may draw there, ampere per phase"
            if section.meter is not None:
                message = f"circuit '{name}' has a meter but no base_load_max_a: nothing is assumed when it is silent"
                yield draft.document.warning(("circuits", name), message, remedy)
            elif roots_of(draft) == [name] and name in draft.circuits and not any(draft.circuits[name].base_load_max_a):
                message = f"'{name}' has neither meter nor base_load_max_a: nothing but EVSEs is assumed to draw there"
                yield draft.document.warning(("circuits", name), message, remedy)
            continue
        if not stated.uniform and set(stated.amps) != set(phases):
            names = " ".join(phase.name for phase in sorted(phases))
            message = f"base_load_max_a must name the phases of circuit '{name}'"
            yield draft.document.error(place, message, f"name each of {names}, with 0 where nothing is connected")
        own = stated.on(phases)
        for child in draft.circuits.values():
            more = [p for p in Phase if child.base_load_max_a[p] > own[p]]
            if child.parent == name and more:
                figures = f"{own[more[0]]:g} A on {more[0].name}, below the {child.base_load_max_a[more[0]]:g} A"
                message = f"base_load_max_a of circuit '{name}' is {figures} of '{child.id}', which it feeds"
                yield draft.document.error(place, message, "count what hangs on the circuits below")


def fallback(draft: Draft) -> Iterator[Finding]:
    """What flows when nobody controls fits every circuit on every phase."""
    pairs = [(evse, draft.model_of(evse.station)) for evse in draft.evses]
    for name, here in sums(draft.circuits, pairs).items():
        circuit = draft.circuits[name]
        if circuit.margin_a >= min(amps for amps in circuit.rating_a if amps):
            continue  # said already: nothing fits beside such a margin
        total = worst_a(circuit, here.fallback_a)
        drawn = [here.fallback_a[p] + circuit.storage_max_a[p] for p in Phase]
        over = [p for p in Phase if circuit.rating_a[p] and drawn[p] and total[p] > circuit.rating_a[p] + 1e-6]
        if not over or any(
            draft.parents.get(step) not in {*draft.circuits, None} for step in way_up(draft.circuits, name)
        ):
            continue
        worst = max(over, key=lambda p: total[p] - circuit.rating_a[p])
        others = ", ".join(f"{p.name} {total[p]:.5g} A" for p in over if p is not worst)
        storage_a = circuit.storage_max_a[worst]
        stored = f"batteries that charge with {storage_a:.4g} A, " if storage_a else ""
        message = (
            f"circuit '{name}', {worst.name}: fallback currents of {here.fallback_a[worst]:g} A, {stored}margin "
            f"{circuit.margin_a:g} A and worst base load {circuit.base_load_max_a[worst]:g} A make "
            f"{total[worst]:.5g} A, more than the rating of {circuit.rating_a[worst]:g} A"
            + (f" (also {others})" if others else "")
        )
        yield draft.document.error(
            ("circuits", name), message, _remedy(draft, here, worst) + (", or charge_max_kw" if stored else "")
        )


def roots_of(draft: Draft) -> list[str]:
    """Every circuit without a parent."""
    return [name for name, parent in draft.parents.items() if parent is None]


def _remedy(draft: Draft, here: CircuitSums, phase: Phase) -> str:
    largest = sorted(here.by_station.items(), key=lambda item: -item[1][phase])
    shown = [_contribution(draft, name, amps[phase]) for name, amps in largest[:SHOWN_STATIONS] if amps[phase]]
    rest = sum(1 for _, amps in largest[SHOWN_STATIONS:] if amps[phase])
    others = f" and {rest} more" if rest else ""
    return f"lower fallback_a, 0 is allowed (most: {', '.join(shown)}{others}), or base_load_max_a if it is too careful"


def _contribution(draft: Draft, station: str, amps: float) -> str:
    why = why_no_fallback(draft.model_of(station))
    return f"{station} {amps:g} A" + (
        f", its maximum, because model '{draft.model_of(station).id}' {why}" if why else ""
    )


def _below(draft: Draft, name: str, rating: PhaseAmps, above: str, above_rating: PhaseAmps) -> Iterator[Finding]:
    lacking = [p.name for p in Phase if rating[p] and not above_rating[p]]
    if lacking:
        message = f"circuit '{name}' has {' and '.join(lacking)}, which its parent '{above}' lacks"
        yield draft.document.error(("circuits", name), message, "correct phases or rating_a of one of them")
    larger = [p for p in Phase if rating[p] > above_rating[p] > 0]
    if larger:
        figures = (
            f"{rating[larger[0]]:g} A on {larger[0].name}, its parent '{above}' only {above_rating[larger[0]]:g} A"
        )
        yield draft.document.warning(
            ("circuits", name, "rating_a"),
            f"circuit '{name}' carries {figures}",
            "the smaller one limits: check that the parent is the right one",
        )
