"""Checks of stations and their outlets: names, circuits, currents and wiring."""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.phases import MAX_LEGS, Phase
from ems.domain.station import MAX_STATION_ID, STATION_ID_RULE, is_station_id
from ems.domain.station_model import RateUnit, StationModel, ZeroBehaviour
from ems.domain.units import PILOT_MIN_A
from ems.settings.draft import Draft, fallback_of, max_a_of
from ems.settings.finding import Finding
from ems.settings.hints import or_known
from ems.settings.route import Route
from ems.settings.schema import AUTO, SECTIONS, EvseSection

MAX_EVSE_A = 1000.0
MAX_KW = 10_000.0


def identifiers(draft: Draft) -> Iterator[Finding]:
    """A station's identity is a part of its web address."""
    # What is not a section was meant to be one, or is another one's, and that is told.
    if not draft.document.data.get("stations") and set(draft.document.data) <= set(SECTIONS):
        remedy = "write stations: {CP-01: {circuit: …, evses: {1: {max_a: 32, phases: L1 L2 L3}}}}"
        yield draft.document.warning(("stations",), "the site has no stations: nothing can be charged", remedy)
    for name in draft.ids("stations"):
        if not is_station_id(name):
            shown = f"{name[:40]}…" if len(name) > MAX_STATION_ID else name
            message = f"{shown!r} cannot be the id of a station"
            yield draft.document.error(("stations", name), message, f"an id has {STATION_ID_RULE} characters")


def circuits(draft: Draft) -> Iterator[Finding]:
    """Every outlet hangs on a circuit that exists. Where there are none at all, that is told, and not this too."""
    for name, station in draft.shape.stations.items():
        if draft.parents and station.circuit is not None and station.circuit not in draft.parents:
            message = f"the circuit '{station.circuit}' of station '{name}' does not exist"
            yield draft.document.error(("stations", name, "circuit"), message, _near(draft, station.circuit))
        for number, evse in station.evses.items():
            if draft.parents and evse.circuit is not None and evse.circuit not in draft.parents:
                message = f"the circuit '{evse.circuit}' of {name}/{number} does not exist"
                yield draft.document.error((*_route(name, number), "circuit"), message, _near(draft, evse.circuit))
            if evse.circuit is None and station.circuit is None:
                message = f"{name}/{number} hangs on no circuit"
                remedy = "write circuit: the one that feeds the station"
                yield draft.document.error(("stations", name), message, remedy)


def models(draft: Draft) -> Iterator[Finding]:
    """Every station model is known."""
    for name, station in draft.shape.stations.items():
        if station.model != AUTO and station.model not in draft.station_models:
            message = f"station '{name}' is of the unknown model '{station.model}'"
            remedy = or_known(station.model, [AUTO, *sorted(draft.station_models)])
            yield draft.document.error(("stations", name, "model"), message, remedy)


def currents(draft: Draft) -> Iterator[Finding]:
    """Every outlet says once what it can deliver, and it is plausible."""
    for name, _, number, evse in draft.outlets():
        route, evse_id = _route(name, number), f"{name}/{number}"
        yield from _stated_once(draft, route, evse_id, evse)
        most = max_a_of(evse, draft.shape.voltage_v)
        if most is None:
            continue
        key = "max_a" if evse.max_kw is None else "max_kw"
        if evse.max_kw is not None and evse.max_kw > MAX_KW:
            remedy = "max_kw is in kilowatt, not in watt"
            yield draft.document.error((*route, key), f"{evse.max_kw:g} kW at {evse_id} is not plausible", remedy)
        elif most > MAX_EVSE_A:
            remedy = "max_a is in ampere per phase, not in watt or milliampere"
            yield draft.document.error((*route, key), f"{most:.12g} A at {evse_id} is not plausible", remedy)
        if most < PILOT_MIN_A:
            message = f"{key} of {evse_id} is {most:.3g} A, below the {PILOT_MIN_A:g} A with which any vehicle charges"
            yield draft.document.error((*route, key), message, "write what the outlet can deliver, ampere per phase")
        circuit = draft.circuits.get(_circuit(draft, name, evse) or "")
        if circuit is not None and most <= MAX_EVSE_A:
            rating = min((circuit.rating_a[p] for p in evse.phases.phases if circuit.rating_a[p]), default=most)
            if most > rating:
                message = f"{evse_id} can draw {most:.4g} A, its circuit '{circuit.id}' carries only {rating:g} A"
                remedy = "the circuit limits it; check that the station cannot exceed it while nobody controls it"
                yield draft.document.warning((*route, key), message, remedy)


def fallbacks(draft: Draft) -> Iterator[Finding]:
    """A fallback current is one that a vehicle takes and the station can hold."""
    for name, station, number, evse in draft.outlets():
        own = evse.fallback_a is not None
        route: Route = (*_route(name, number), "fallback_a") if own else ("stations", name, "fallback_a")
        amps, evse_id, model = fallback_of(station, evse), f"{name}/{number}", draft.model_of(name)
        most = max_a_of(evse, draft.shape.voltage_v)
        if 0 < amps < PILOT_MIN_A:
            message = f"fallback_a of {evse_id} is {amps:g} A: no vehicle charges between 0 and {PILOT_MIN_A:g} A"
            yield draft.document.error(route, message, "write 0 (no charging without the controller), or at least 6")
        elif most is not None and PILOT_MIN_A <= most < amps:
            message = f"fallback_a of {evse_id} is {amps:g} A, more than the {most:.4g} A it can deliver"
            yield draft.document.error(route, message, "0 or 6 is usual")
        elif amps == 0 and model.smart_charging and model.zero is ZeroBehaviour.IGNORED:
            message = f"{evse_id} cannot fall back to 0 A: model '{model.id}' ignores a limit of 0"
            yield draft.document.error(route, message, "write at least 6")
        elif amps == 0 and model.smart_charging and model.zero is ZeroBehaviour.ENDS_SESSION:
            message = f"falling back to 0 A ends the session at {evse_id} (model '{model.id}')"
            yield draft.document.warning(route, message, "write at least 6, or expect drivers to plug in again")


def switching(draft: Draft) -> Iterator[Finding]:
    """What is to be switched between one and three phases can be."""
    for name, _, number, evse in draft.outlets():
        if not evse.phase_switching:
            continue
        route, evse_id, model = (*_route(name, number), "phase_switching"), f"{name}/{number}", draft.model_of(name)
        if evse.dc_efficiency is not None:
            message = f"{evse_id} is a DC outlet, which has no phases to switch"
            yield draft.document.error(route, message, "remove phase_switching")
        elif len(evse.phases.legs) < MAX_LEGS:
            message = f"{evse_id} is wired to {evse.phases}: there are no three phases to switch between"
            yield draft.document.error(route, message, "remove phase_switching")
        elif why := _why_no_switching(model):
            message = f"{evse_id} cannot be switched between one and three phases: model '{model.id}' {why}"
            yield draft.document.error(route, message, "write phase_switching: false, or another model")


def _why_no_switching(model: StationModel) -> str:
    """Why stations of a model cannot be told how many phases to use; empty when they can."""
    if not model.smart_charging:
        return "cannot be limited"
    if not model.session_profile:
        return "does not take limits for a running transaction"
    if model.rate_unit is RateUnit.WATT:
        return "takes limits in watt, all of which would flow on the phase that is left"
    return "" if model.zero is ZeroBehaviour.PAUSES else "does not pause at 0 A, through which every switch leads"


def wirings(draft: Draft) -> Iterator[Finding]:
    """An outlet is wired to phases that its circuit has."""
    for name, _, number, evse in draft.outlets():
        circuit = draft.circuits.get(_circuit(draft, name, evse) or "")
        if circuit is None:
            continue
        lacking = [p.name for p in Phase if p in evse.phases.phases and not circuit.rating_a[p]]
        if lacking:
            message = f"{name}/{number} is wired to {' and '.join(lacking)}, which circuit '{circuit.id}' lacks"
            has = " ".join(p.name for p in Phase if circuit.rating_a[p])
            yield draft.document.error((*_route(name, number), "phases"), message, f"that circuit has {has}")


def _stated_once(draft: Draft, route: Route, evse_id: str, evse: EvseSection) -> Iterator[Finding]:
    if evse.max_kw is not None and evse.dc_efficiency is None:
        remedy = "for an AC outlet write max_a: 32; for a DC outlet add dc_efficiency: 0.94"
        yield draft.document.error((*route, "max_kw"), f"max_kw of {evse_id} needs dc_efficiency", remedy)
    elif evse.dc_efficiency is not None and evse.max_kw is None:
        remedy = "add max_kw, the power at the plug; max_a follows from it"
        yield draft.document.error((*route, "dc_efficiency"), f"dc_efficiency of {evse_id} needs max_kw", remedy)
    elif evse.max_kw is not None and evse.max_a is not None:
        remedy = "remove max_a: it follows from max_kw and dc_efficiency"
        yield draft.document.error((*route, "max_a"), f"{evse_id} states both max_a and max_kw", remedy)
    elif evse.max_kw is None and evse.max_a is None:
        remedy = "write max_a: what it can deliver, ampere per phase"
        yield draft.document.error(route, f"max_a of {evse_id} is missing", remedy)


def _circuit(draft: Draft, station: str, evse: EvseSection) -> str | None:
    return evse.circuit or draft.shape.stations[station].circuit


def _route(station: str, number: int) -> Route:
    return ("stations", station, "evses", str(number))


def _near(draft: Draft, circuit: str) -> str:
    return or_known(circuit, list(draft.parents))
