"""What is wrong, as people handle it: one record of a cause from beginning to end, told once, acknowledged by somebody.

A condition becomes an incident when it has lasted (`Patience`); what many stations or EVSEs of one circuit have in
common is one incident; what comes and goes stays open for longer each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ems.domain.decision import Level

MAX_NOTE = 500
MOMENTARY = frozenset({"restart", "restart-loop", "clock-step", "stall", "guard", "decision"})
"""What has happened when it is told; there is nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a condition must last before people are told: of stations that are away, of faults that they report
    or that they do not follow us, of meters, of meters and stations that contradict each other (a station may tell
    seldom what its vehicle draws), and of anything else. It is over when it was gone for `clear_s`; if it
    returns within `steady_s`, that doubles each time. What stops or lowers charging by more than a pause
    (`Level.FALLBACK` and above) is told after `serious_s` at the latest, and so are stations that vanish together.
    """

    offline_s: float = 300.0
    fault_s: float = 120.0
    meter_s: float = 30.0
    contradiction_s: float = 900.0
    other_s: float = 10.0
    serious_s: float = 10.0
    clear_s: float = 60.0
    steady_s: float = 1800.0

    def of(self, kind: str, level: Level) -> float:
        """How long a condition must last."""
        if kind in MOMENTARY:
            return 0.0
        usual = {
            "offline": self.offline_s,
            "fault": self.fault_s,
            "control": self.fault_s,
            "meter": self.meter_s,
            "contradiction": self.contradiction_s,
        }.get(kind, self.other_s)
        is_serious = level >= Level.FALLBACK or (kind == "offline" and level > Level.NORMAL)
        return min(usual, self.serious_s) if is_serious else usual

    def hold_s(self, returns: int) -> float:
        """How long a condition must be gone that has returned so often."""
        return min(self.clear_s * 2.0 ** min(returns, 8), self.steady_s)


PATIENCE = Patience()


class Acknowledged(NamedTuple):
    """Somebody has seen it, with a note."""

    at: datetime
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """`key` is the same each time this happens. `members`: the stations or EVSEs concerned. `began`: when the condition
    did, `raised`: when people were told. `returns`: how often it came back while it was hardly over. `level` is the
    highest it reached. `into`: it has become part of that other incident.
    """

    number: int
    key: str
    kind: str
    scope: str
    level: Level
    text: str
    remedy: str
    members: tuple[str, ...]
    began: datetime
    raised: datetime
    hint: str = ""
    cleared: datetime | None = None
    returns: int = 0
    into: int | None = None
    acknowledged: Acknowledged | None = None

    @property
    def is_open(self) -> bool:
        """It lasts."""
        return self.cleared is None

    @property
    def needs_attention(self) -> bool:
        """It lasts, and nobody has said that they know."""
        return self.cleared is None and self.acknowledged is None


class Turn(StrEnum):
    """What happened to an incident. `CHANGED` is nothing that people are told."""

    RAISED = "raised"
    CHANGED = "changed"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"


class Change(NamedTuple):
    """An incident as it is after a turn."""

    turn: Turn
    incident: Incident


def note_of(text: str) -> str:
    """A note as it is kept: one line of printable words. Raises ValueError."""
    note = " ".join(text.split())
    if len(note) > MAX_NOTE:
        raise ValueError(f"a note has at most {MAX_NOTE} characters, this one has {len(note)}")
    if not note.isprintable():
        raise ValueError("a note has only characters that can be printed")
    return note
