"""Checks of batteries: where they hang, what they hold and can, how they are known and told."""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.meter import MeterRole
from ems.domain.phases import Phase
from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.hints import or_known

SECTION = "batteries"
MOST_KWH = 1e6
"""No site has a larger one; a larger number is in another unit."""

USUAL_HOURS = (0.1, 24.0)
"""Between full power and all that it holds; what lies beyond is probably in another unit."""


def places(draft: Draft) -> Iterator[Finding]:
    """Every battery hangs on a circuit that exists, on phases that it has."""
    for name, section in draft.shape.batteries.items():
        circuit = draft.circuits.get(section.circuit)
        if section.circuit not in draft.parents:
            message = f"the circuit '{section.circuit}' of battery '{name}' does not exist"
            remedy = or_known(section.circuit, list(draft.parents))
            yield draft.document.error((SECTION, name, "circuit"), message, remedy)
        elif circuit is not None:
            lacking = [phase.name for phase in section.phases or () if not circuit.rating_a[phase]]
            if lacking:
                message = f"battery '{name}' is connected to {' and '.join(lacking)}, which '{circuit.id}' lacks"
                remedy = f"name phases of '{circuit.id}': {' '.join(p.name for p in Phase if circuit.rating_a[p])}"
                yield draft.document.error((SECTION, name, "phases"), message, remedy)


def amounts(draft: Draft) -> Iterator[Finding]:
    """Energies, powers and states of charge can be true together."""
    for name, section in draft.shape.batteries.items():
        if section.capacity_kwh > MOST_KWH:
            remedy = f"capacity_kwh is in kilowatt-hours: write capacity_kwh: {section.capacity_kwh / 1000:g}"
            message = f"battery '{name}' would hold {section.capacity_kwh:.12g} kWh"
            yield draft.document.error((SECTION, name, "capacity_kwh"), message, remedy)
            continue
        for key in ("charge_max_kw", "discharge_max_kw"):
            hours = section.capacity_kwh / getattr(section, key)
            if not USUAL_HOURS[0] <= hours <= USUAL_HOURS[1]:
                message = f"battery '{name}' would take {hours:.3g} h from full to empty at {key}"
                yield draft.document.warning(
                    (SECTION, name, key), message, "is it in kilowatt, and capacity_kwh right?"
                )
        least, most = max(section.soc_min_percent, section.reserve_percent), section.soc_max_percent
        if least >= most:
            message = f"battery '{name}' may be used from {least:g} % up and to {most:g} % only: that is nothing"
            yield draft.document.error((SECTION, name), message, "lower soc_min_percent or reserve_percent")
        for key in ("soc_min_percent", "soc_max_percent", "reserve_percent"):
            value = getattr(section, key)
            if 0.0 < value <= 1.0:
                message = f"{key} of battery '{name}' is {value:g} %"
                yield draft.document.warning(
                    (SECTION, name, key), message, f"is {100 * value:g} meant? it is in percent"
                )


def currents(draft: Draft) -> Iterator[Finding]:
    """What a battery gives can flow where it hangs. What it draws is part of what every circuit must carry (see
    `topology.fallback`).
    """
    for battery in draft.batteries.values():
        circuit = draft.circuits[battery.circuit]
        each = max(battery.amps(battery.discharge_w, draft.shape.voltage_v))
        least = min(circuit.rating_a[phase] for phase in battery.phases)
        if each > least + 1e-6:
            message = (
                f"battery '{battery.id}' would give {each:.4g} A per phase, circuit '{circuit.id}' carries {least:g} A"
            )
            remedy = "lower discharge_max_kw to what the circuit carries"
            yield draft.document.error((SECTION, battery.id, "discharge_max_kw"), message, remedy)


def meters(draft: Draft) -> Iterator[Finding]:
    """The meter of a battery is one, feeds the same circuit, and belongs to no other."""
    taken: dict[str, str] = {}
    for name, section in draft.shape.batteries.items():
        route = (SECTION, name, "meter")
        if section.meter is None:
            message = f"battery '{name}' has no meter: nobody knows what it holds, and it is not told anything"
            remedy = "write meter: the id of a meter of role battery"
            yield draft.document.warning((SECTION, name), message, remedy)
            continue
        meter, known = draft.shape.meters.get(section.meter), draft.ids("meters")
        if section.meter not in known:
            yield draft.document.error(
                route, f"the meter '{section.meter}' does not exist", or_known(section.meter, known)
            )
        elif meter is not None and meter.role is not MeterRole.BATTERY:
            message = f"meter '{section.meter}' has role {meter.role}, and is used here as battery"
            yield draft.document.error(route, message, "write role: battery at the meter, or name another meter")
        elif meter is not None and meter.circuit is not None and meter.circuit != section.circuit:
            message = (
                f"meter '{section.meter}' is at circuit '{meter.circuit}', battery '{name}' at '{section.circuit}'"
            )
            yield draft.document.error(route, message, "name the same circuit at both")
        first = taken.setdefault(section.meter, name)
        if first != name:
            message = f"meter '{section.meter}' is also that of battery '{first}'"
            yield draft.document.error(route, message, "every battery has a meter of its own")


def steering(draft: Draft) -> Iterator[Finding]:
    """What is to be steered can be: its model declares registers for it, and it is the only one."""
    for name, section in draft.shape.batteries.items():
        traits = draft.traits_of(section.meter)
        if traits is None:
            continue
        model = draft.shape.meters[section.meter or ""].model
        if section.steered and "writes" not in traits:
            message = f"battery '{name}' cannot be steered: model '{model}' declares no registers that may be written"
            able = sorted(known for known, has in draft.meter_traits.items() if "writes" in has)
            yield draft.document.error(
                (SECTION, name, "steered"), message, f"remove the line; models that do: {', '.join(able)}"
            )
        elif "soc" not in traits:
            message = f"battery '{name}': model '{model}' does not tell its state of charge, so it is not planned with"
            yield draft.document.warning(
                (SECTION, name, "meter"), message, "name a meter that is the battery's inverter"
            )
    steered = [battery.id for battery in draft.batteries.values() if battery.steered]
    for name in steered[1:]:
        message = f"batteries '{steered[0]}' and '{name}' would both be steered"
        yield draft.document.error((SECTION, name), message, "one can be: write steered: false at the others")
