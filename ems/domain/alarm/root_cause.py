"""What people should look at first, from what else is known at that moment."""

from __future__ import annotations

from ems.domain.alarm.grouping import Group, Places
from ems.domain.decision import CircuitView, Decision, Level
from ems.domain.phases import Phase
from ems.domain.state import SiteState

LIVE_A = 0.5
"""So much current shows that a circuit has power."""

OF_ERRORS = {
    "ConnectorLockFailure": "the lock of the socket: unlock it from the page, look for a bent pin",
    "EVCommunicationError": "vehicle and station do not understand each other: plug in again, try another cable",
    "GroundFailure": "residual current or protective earth: unplug, have an electrician test cable and vehicle before"
    " anybody resets it",
    "HighTemperature": "too hot: dust on vents, a loose terminal, or sun; a lower limit lets it go on meanwhile",
    "InternalError": "the station itself: restart it, then fetch its diagnostics",
    "OverCurrentFailure": "the vehicle drew more than it was told: see whether it does so elsewhere",
    "OverVoltage": "voltage too high: measure the supply, look for a lost neutral",
    "UnderVoltage": "voltage too low: measure the supply, look for a lost phase or a breaker",
    "PowerMeterFailure": "the meter in the station: restart it; what it charged meanwhile may not be billable",
    "PowerSwitchFailure": "the contactor in the station may be welded: take it out of service and have it changed",
    "ReaderFailure": "the card reader: start from the page meanwhile",
    "WeakSignal": "its mobile network is weak: move the antenna, or use a cable",
}
"""Error codes of OCPP 1.6 (section 7.6) and what is usually behind them."""


def hint_of(group: Group, state: SiteState, decision: Decision, places: Places) -> str:
    """A clause for people; empty where nothing can be said."""
    if group.kind == "fault":
        return next((words for code, words in OF_ERRORS.items() if code.casefold() in group.text.casefold()), "")
    if group.kind == "offline":
        return _of_offline(group, state, decision, places)
    if group.kind == "meter":
        return _of_meter(group, state)
    return ""


def _of_offline(group: Group, state: SiteState, decision: Decision, places: Places) -> str:
    if "@" not in group.key:
        return _of_one_station(group, state, places)
    all_of_them = len(group.members) == len(places.stations[group.scope])
    seen = next((view for view in decision.circuits if view.circuit == group.scope), None)
    silent = seen is not None and seen.level > Level.NORMAL
    if all_of_them and seen is not None and not silent and _has_power(seen):
        return f"{group.scope} has power, its meter shows current: look at the network switch there"
    if all_of_them and silent:
        return f"the meter of {group.scope} is silent too: look at its breaker, or at the network switch both hang on"
    if all_of_them:
        return f"look at the breaker of {group.scope} and at the network switch there"
    return f"others of {group.scope} are connected: look at what these have in common, a switch or a mobile cell"


def _has_power(seen: CircuitView) -> bool:
    return seen.measured_a is not None and any(abs(seen.measured_a[phase]) >= LIVE_A for phase in Phase)


def _of_one_station(group: Group, state: SiteState, places: Places) -> str:
    name = group.members[0]
    index = state.site.station_index(name)
    if index is None:
        return ""
    if not state.stations[index].seen:
        return "see the stations that knock and are refused: its address, its id or its password may be wrong"
    circuit = state.site.stations[index].evses[0].circuit
    others = [other for other in places.stations[circuit] if other != name and state.station(other).connected]
    if not others:
        return ""
    which = "another station" if len(others) == 1 else f"{len(others)} other stations"
    are = "is" if len(others) == 1 else "are"
    return f"{which} of {circuit} {are} connected: look at this one, its own breaker, cable or modem"


def _of_meter(group: Group, state: SiteState) -> str:
    away = [meter for meter, known in zip(state.site.meters, state.meters, strict=True) if known.failures]
    if len(away) > 1 and any(meter.id == group.scope for meter in away):
        names = ", ".join(meter.id for meter in away[:5])
        return f"several meters fail at once ({names}): look at the gateway or the bus that they share"
    return ""
