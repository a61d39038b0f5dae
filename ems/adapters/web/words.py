"""The words and signs of the page, for the server's rendering and for the browser's."""

from __future__ import annotations

from typing import NamedTuple

from ems.domain.decision import Binding, Level, Setpoint
from ems.domain.state import EvseState
from ems.domain.station import EvseStatus


class Condition(NamedTuple):
    """How an EVSE's condition is shown: in a word, as a sign, and in which group of the overview."""

    word: str
    icon: str
    group: str


class Mode(NamedTuple):
    """How a failsafe level is shown: a word, a sentence, a sign and how serious it looks."""

    word: str
    sentence: str
    icon: str
    tone: str


GROUPS = {
    "charging": "Charging",
    "waiting": "Waiting",
    "idle": "Idle",
    "free": "Free",
    "problem": "Problem",
}
"""Groups of conditions, in the order of the overview."""

CONDITIONS = {
    "charging": Condition("Charging", "bolt", "charging"),
    "waiting": Condition("Waiting", "hourglass", "waiting"),
    "plugged": Condition("Plugged in", "plug", "waiting"),
    "paused": Condition("Paused", "pause", "waiting"),
    "idle": Condition("Vehicle idle", "pause", "idle"),
    "finished": Condition("Finished", "check", "idle"),
    "free": Condition("Free", "circle", "free"),
    "reserved": Condition("Reserved", "clock", "free"),
    "fault": Condition("Fault", "warning", "problem"),
    "out-of-service": Condition("Out of service", "cross", "problem"),
    "offline": Condition("Offline", "offline", "problem"),
    "unknown": Condition("Unknown", "question", "problem"),
}

MODES = {
    "starting": Mode("Starting", "no decision has been made yet", "hourglass", "hold"),
    "observe": Mode("Observing only", "nobody is steered: this is what it would do", "question", "hold"),
    "normal": Mode("Normal", "every limit is watched with fresh measurements", "check", "normal"),
    "hold": Mode("Holding", "no current is raised", "pause", "hold"),
    "cautious": Mode("Cautious", "currents are kept lower than usual", "warning", "hold"),
    "fallback": Mode("Fallback", "the EVSEs concerned have their fallback current", "warning", "alarm"),
    "floor": Mode("Floor", "the EVSEs concerned have their least current", "warning", "alarm"),
    "zero": Mode("Stopped", "the EVSEs concerned get no current", "cross", "alarm"),
    "lockout": Mode("Locked out", "no current until a person has looked", "cross", "alarm"),
}

_BY_STATUS = {
    EvseStatus.UNKNOWN: "unknown",
    EvseStatus.AVAILABLE: "free",
    EvseStatus.PREPARING: "plugged",
    EvseStatus.CHARGING: "charging",
    EvseStatus.SUSPENDED_EV: "idle",
    EvseStatus.SUSPENDED_EVSE: "paused",
    EvseStatus.FINISHING: "finished",
    EvseStatus.RESERVED: "reserved",
    EvseStatus.UNAVAILABLE: "out-of-service",
    EvseStatus.FAULTED: "fault",
}


def status_in_words(status: str) -> str:
    """What a station says of an EVSE, as OCPP names it, in the word that people read everywhere."""
    return CONDITIONS[_BY_STATUS[EvseStatus(status)]].word


_LEVELS = {level: level.name.lower() for level in Level}


def mode_of(level: Level) -> str:
    """The word by which programs know a level."""
    return _LEVELS[level]


def condition_of(known: EvseState, connected: bool, setpoint: Setpoint | None) -> str:
    """One word for an EVSE: what its station says, corrected by what we know better. `setpoint`: None where nothing was
    told.
    """
    if not connected:
        return "offline"
    if setpoint is not None and setpoint.reason.binding is Binding.WAITING and known.status.is_occupied:
        return "waiting"
    return _BY_STATUS[known.status]
