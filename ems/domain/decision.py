"""What one tick decided, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

from ems.domain.instant import Instant
from ems.domain.phases import PhaseAmps


class Level(IntEnum):
    """The failsafe ladder; the highest that any condition asks for wins (`reliability`, section 6)."""

    NORMAL = 0
    HOLD = 1
    CAUTIOUS = 2
    FALLBACK = 3
    FLOOR = 4
    ZERO = 5
    LOCKOUT = 6


class Binding(StrEnum):
    """What keeps a setpoint from being higher."""

    NO_VEHICLE = "no-vehicle"
    NOT_STARTED = "not-started"
    VEHICLE = "vehicle"
    EVSE = "evse"
    CIRCUIT = "circuit"
    LIMIT = "limit"
    WAITING = "waiting"
    RAISING = "raising"
    HELD = "held"
    FALLBACK = "fallback"
    STATION = "station"
    OFFLINE = "offline"
    DONE = "done"
    PLANNED = "planned"
    SWITCHING = "switching"


class Reason(NamedTuple):
    """Why an EVSE has the current it has: the binding constraint, its subject, and until when if that is known."""

    binding: Binding
    subject: str = ""
    value: float | None = None
    until: datetime | None = None

    @property
    def text(self) -> str:
        """The reason in words that an operator understands, without the time."""
        return _WORDS[self.binding].format(subject=self.subject, value=self.value or 0.0)


_WORDS = {
    Binding.NO_VEHICLE: "no vehicle",
    Binding.NOT_STARTED: "plugged in, waiting for the driver to start",
    Binding.VEHICLE: "the vehicle takes no more than {value:.0f} A",
    Binding.EVSE: "full current of this outlet",
    Binding.CIRCUIT: "shared: {subject} is full",
    Binding.LIMIT: "limited by {subject}",
    Binding.WAITING: "waiting for its turn: {subject} has no room for another {value:.0f} A",
    Binding.RAISING: "being raised step by step to {value:.0f} A",
    Binding.HELD: "held: {subject}",
    Binding.FALLBACK: "fallback current: {subject}",
    Binding.STATION: "not under control: {subject}",
    Binding.OFFLINE: "station offline, counted with {value:.0f} A",
    Binding.DONE: "the vehicle does not draw",
    Binding.PLANNED: "planned: {subject}",
    Binding.SWITCHING: "pausing to go on with {subject}",
}


class Setpoint(NamedTuple):
    """Ampere per leg for one EVSE, 0 or at least 6; `liable_a` is what may still flow until the cut is proven.
    `phases`: how many it is to use, 0 where it cannot be told.
    """

    evse: str
    amps: float
    liable_a: float
    reason: Reason
    level: Level = Level.NORMAL
    controlled: bool = True
    phases: int = 0


class BatterySetpoint(NamedTuple):
    """What a stationary battery is to take (positive) or give, W; None leaves it to its own program. `text` says why,
    and `until` when that may change if it is known.
    """

    battery: str
    power_w: float | None
    text: str
    until: datetime | None = None


class CircuitView(NamedTuple):
    """A circuit at this tick, per phase: the tightest limit with its source, what flows in all (None without a meter),
    what our EVSEs draw of it, what else flows, and what is left for our EVSEs; the same in watts where there is a limit
    on power. A level above NORMAL is of its meter.
    """

    circuit: str
    limit_a: PhaseAmps
    limit_source: str
    measured_a: PhaseAmps | None
    drawn_a: PhaseAmps
    base_load_a: PhaseAmps
    headroom_a: PhaseAmps
    level: Level = Level.NORMAL
    limit_w: float | None = None
    headroom_w: float | None = None
    limit_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should know; `key` stays the same while the condition lasts, `since` is when it began."""

    key: str
    level: Level
    scope: str
    text: str
    remedy: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of one tick: a setpoint per EVSE in the site's order.

    `renew_since`: profiles sent before this monotonic time are to be sent again. `stop`: EVSEs whose transaction is to
    be stopped because nothing else lowers them. `read_back`: EVSEs whose composite schedule is to be read.
    `guarded`: the guard had to lower something.
    """

    at: Instant
    setpoints: tuple[Setpoint, ...]
    circuits: tuple[CircuitView, ...]
    alarms: tuple[Alarm, ...] = ()
    level: Level = Level.NORMAL
    renew_since: float = -1.0
    stop: tuple[str, ...] = ()
    read_back: tuple[str, ...] = ()
    guarded: tuple[str, ...] = field(default=())
    batteries: tuple[BatterySetpoint, ...] = ()
