"""What is kept to be shown later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ems.domain.phases import PhaseAmps

HISTORY_EVERY_S = 5.0
"""How far points of the recent history are apart."""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A circuit at a moment: current in all (None without a meter), of our EVSEs, and the limit, per phase."""

    at: datetime
    circuit: str
    measured_a: PhaseAmps | None
    drawn_a: PhaseAmps
    limit_a: PhaseAmps


@dataclass(frozen=True, slots=True)
class PlantPoint:
    """The plant of the site at a moment, W: what PV gave, and what flowed into the battery that we steer; None where
    nobody knew, or there is none.
    """

    at: datetime
    pv_w: float | None
    battery_w: float | None


@dataclass(frozen=True, slots=True)
class Knock:
    """A station that tried to connect and was refused: under which id, from where, why, how often and when last."""

    station: str
    address: str
    reason: str
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Audit:
    """Somebody changed something; `detail` is JSON, `id` grows."""

    id: int
    at: datetime
    who: str
    what: str
    detail: str
