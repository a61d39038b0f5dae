"""Checks of limits and policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ems.domain.phases import Phase
from ems.domain.strategy import Strategy
from ems.domain.units import PILOT_MIN_A
from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.hints import or_known

MAX_LIMIT_KW = 10_000.0


def scopes(draft: Draft) -> Iterator[Finding]:
    """A limit holds for one circuit or one EVSE, which exists."""
    declared = [f"{name}/{number}" for name, s in draft.shape.stations.items() for number in s.evses]
    in_use = {f"{name}/{number}" for name, _, number, _ in draft.outlets()}
    for i, limit in draft.shape.limits.items():
        place = ("limits", i)
        if (limit.circuit is None) == (limit.evse is None):
            which = "both circuit and evse" if limit.circuit else "neither circuit nor evse"
            yield draft.document.error(place, f"a limit names {which}", "write circuit: grid or evse: CP-01/1")
        elif limit.circuit is not None and limit.circuit not in draft.parents and draft.parents:
            message = f"the circuit '{limit.circuit}' of a limit does not exist"
            yield draft.document.error((*place, "circuit"), message, or_known(limit.circuit, list(draft.parents)))
        elif limit.evse is not None and limit.evse not in declared:
            station, _, _ = limit.evse.rpartition("/")
            if station in draft.shape.stations or station not in draft.ids("stations"):
                message = f"the EVSE '{limit.evse}' of a limit does not exist"
                outlets = [name for name in declared if name.startswith(f"{limit.evse}/")]
                remedy = f"did you mean '{outlets[0]}'?" if outlets else or_known(limit.evse, declared)
                yield draft.document.error((*place, "evse"), message, remedy)
        elif limit.evse is not None and limit.evse not in in_use:
            message = f"the limit has no effect: {limit.evse} is not enabled"
            yield draft.document.warning((*place, "evse"), message, "enable it, or remove the limit")
        if limit.max_a is None and limit.max_kw is None:
            yield draft.document.error(place, "a limit states neither max_a nor max_kw", "write one of them")


def values(draft: Draft) -> Iterator[Finding]:
    """A limit is plausible and tightens something."""
    voltage = draft.shape.voltage_v
    evses = {evse.id: evse for evse in draft.evses}
    for i, limit in draft.shape.limits.items():
        if limit.max_kw is not None and limit.max_kw > MAX_LIMIT_KW:
            message = f"a limit of {limit.max_kw:g} kW is not plausible"
            remedy = f"max_kw is in kilowatt, not in watt: did you mean {limit.max_kw / 1000:g}?"
            yield draft.document.error(("limits", i, "max_kw"), message, remedy)
            continue
        circuit, evse = draft.circuits.get(limit.circuit or ""), evses.get(limit.evse or "")
        if circuit is not None:
            amps, what = max(circuit.rating_a), f"the rating of circuit '{circuit.id}'"
            watts = sum(circuit.rating_a[p] for p in Phase) * voltage
        elif evse is not None:
            amps, what = evse.max_a, f"what {evse.id} can draw"
            watts = evse.most_w(voltage)
        else:
            continue
        remedy = "remove it, or write less"
        if limit.max_a is not None and limit.max_a > amps + 1e-6:
            message = f"the limit of {limit.max_a:g} A has no effect: it is above {what}, {amps:.4g} A"
            yield draft.document.warning(("limits", i, "max_a"), message, remedy)
        if limit.max_kw is not None and limit.max_kw * 1000 > watts + 1e-6:
            message = f"the limit of {limit.max_kw:g} kW has no effect: it is above {what}, {watts / 1000:.4g} kW"
            yield draft.document.warning(("limits", i, "max_kw"), message, remedy)


def policy(draft: Draft) -> Iterator[Finding]:
    """The constants of control make sense."""
    chosen = draft.shape.policy
    departure = chosen.departure_default
    if departure is not None and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", departure):
        message = f"departure_default '{departure[:20]}' is not a time of day"
        yield draft.document.error(("policy", "departure_default"), message, 'write for example "17:00"')
    if 0 < chosen.idle_a < PILOT_MIN_A:
        message = f"idle_a is {chosen.idle_a:g} A: no vehicle charges between 0 and {PILOT_MIN_A:g} A"
        yield draft.document.error(("policy", "idle_a"), message, "write 0, or at least 6")
    if chosen.strategy is Strategy.CHEAPEST and draft.shape.tariff is None and "tariff" not in draft.document.data:
        message = "strategy 'cheapest' without a tariff: every kWh from the grid costs the same, at any time"
        remedy = "say what the site pays: tariff: {name: Business, energy: {procurement: {per_kwh: 0.28}}}"
        yield draft.document.warning(("policy", "strategy"), message, remedy)
