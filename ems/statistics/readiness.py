"""Whether vehicles had what they needed when they were to leave, and what was missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ems.statistics.record import QUARTER_S, Past, PastSession
from ems.statistics.sheet import Column, Kind, Sheet

TOLERATED_WH, TOLERATED_SHARE = 250.0, 0.01
"""Registers count whole steps, and vehicles end when they like."""

EARLY_S = 60


class Outcome(StrEnum):
    """How a vehicle with a need left."""

    READY = "ready"
    SHORT = "short"
    LEFT_EARLY = "left early"


@dataclass(frozen=True, slots=True)
class Readiness:
    """A session with a need: what it had got when it was to leave (or left, if before), Wh."""

    session: PastSession
    by_s: int
    need_wh: float
    got_wh: float

    @property
    def missing_wh(self) -> float:
        """What was missing; 0 within what is tolerated."""
        missing = self.need_wh - self.got_wh
        return 0.0 if missing <= max(TOLERATED_WH, TOLERATED_SHARE * self.need_wh) else missing

    @property
    def outcome(self) -> Outcome:
        """How it left."""
        if not self.missing_wh:
            return Outcome.READY
        departure_s, left_s = self.session.departure_s, self.session.unplugged_s
        early = departure_s is not None and left_s is not None and left_s < departure_s - EARLY_S
        return Outcome.LEFT_EARLY if early else Outcome.SHORT


def readiness_of(past: Past) -> tuple[Readiness, ...]:
    """Of every session that began in the period, whose need somebody stated or scheduled, and that was to leave by now
    or has left.
    """
    used: dict[str, list[tuple[int, int]]] = {
        session.id: [] for session in past.sessions if session.need_wh is not None
    }
    if not used:
        return ()
    for one in past.used:
        if one.session in used:
            used[one.session].append((one.starts_s, one.energy_wh))
    found = []
    for session in past.sessions:
        if session.need_wh is None or not past.began_within(session):
            continue
        ends = [at_s for at_s in (session.departure_s, session.unplugged_s) if at_s is not None]
        by_s = min(ends, default=past.now_s + 1)
        if by_s <= past.now_s:
            found.append(Readiness(session, by_s, session.need_wh, _got_wh(session, by_s, used)))
    return tuple(found)


def _got_wh(session: PastSession, by_s: int, used: Mapping[str, list[tuple[int, int]]]) -> float:
    if session.unplugged_s is not None and session.unplugged_s <= by_s:
        return session.energy_wh
    its = used.get(session.id, ())
    return sum(wh * min(1.0, max(0.0, (by_s - starts_s) / QUARTER_S)) for starts_s, wh in its)


def readiness_sheet(found: Sequence[Readiness]) -> Sheet:
    """Those that did not have what they needed, the most missing first."""
    missed = sorted((one for one in found if one.missing_wh), key=lambda one: -one.missing_wh)
    rows = tuple(
        (
            one.session.evse,
            one.session.vehicle or one.session.tag or "",
            datetime.fromtimestamp(one.session.plugged_s, UTC),
            datetime.fromtimestamp(one.by_s, UTC),
            one.need_wh / 1000.0,
            one.got_wh / 1000.0,
            one.missing_wh / 1000.0,
            one.outcome.value,
        )
        for one in missed
    )
    columns = (
        Column("evse", "EVSE"),
        Column("vehicle", "Vehicle or tag"),
        Column("plugged", "Plugged in", Kind.TIME),
        Column("by", "To leave", Kind.TIME),
        Column("need_kwh", "Needed", Kind.NUMBER, "kWh"),
        Column("got_kwh", "Had by then", Kind.NUMBER, "kWh"),
        Column("missing_kwh", "Missing", Kind.NUMBER, "kWh"),
        Column("outcome", "Outcome"),
    )
    ready = sum(1 for one in found if one.outcome is Outcome.READY)
    about = (
        f"Of {len(found)} sessions with a stated or scheduled need {ready} had it when they were to leave. Below are "
        f"the others. Less than {TOLERATED_WH:g} Wh or {TOLERATED_SHARE:.0%} missing is ready."
    )
    empty = "Every vehicle had what it needed." if found else "Nobody said what a vehicle needs."
    return Sheet("readiness", "Readiness at departure", about, columns, rows, empty=empty, wide=True)
