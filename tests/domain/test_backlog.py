"""What a station tells late, because it was away when it happened, counts from when it happened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.instant import Instant
from ems.domain.session import Session, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from tests.control.installations import SITES

NOW = Instant(100_000.0, datetime.fromisoformat("2026-11-01T06:00:00+00:00"))
"""When the station is back; it went eight hours before."""

AWAY_S, HOUR_S = 8 * 3600.0, 3600.0


def after(*events: e.Event, state: SiteState | None = None) -> SiteState:
    """A state after events; without one, a station that was away for a night."""
    if state is None:
        was_there = (e.StationConnected("A1", NOW.later(-9 * HOUR_S), 1), e.StationGone("A1", NOW.later(-AWAY_S), 1))
        state = after(*was_there, e.StationConnected("A1", NOW, 2), state=SiteState.initial(SITES["one_feeder"]))
    for event in events:
        state = apply(state, event)
    return state


def still_away() -> SiteState:
    """A station whose link is there again, but that is not made ready yet: it may boot, or be asked what it can do."""
    was_there = (e.StationConnected("A1", NOW.later(-9 * HOUR_S), 1), e.StationGone("A1", NOW.later(-AWAY_S), 1))
    return after(*was_there, state=SiteState.initial(SITES["one_feeder"]))


def began(hours_ago: float, number: int = 1, told_s: float = 2.0) -> e.TransactionStarted:
    at, age_s = NOW.later(told_s), hours_ago * HOUR_S + told_s
    return e.TransactionStarted("A1/1", at, Transaction(number, at.later(-age_s).utc, 0.0), age_s)


def ended(hours_ago: float, number: int = 1, told_s: float = 3.0) -> e.TransactionEnded:
    return e.TransactionEnded("A1/1", NOW.later(told_s), number, 900.0, "Local", age_s=hours_ago * HOUR_S + told_s)


def status(status: EvseStatus, told_s: float = 1.0) -> e.StatusChanged:
    return e.StatusChanged("A1/1", NOW.later(told_s), status)


def hours(moment: datetime | None) -> float | None:
    """Before the station was back."""
    return None if moment is None else round((NOW.utc - moment) / timedelta(hours=1), 3)


def here(state: SiteState) -> Session:
    session = state.evse("A1/1").session
    assert session is not None
    return session


def before(state: SiteState) -> Session:
    session = state.evse("A1/1").before
    assert session is not None
    return session


AVAILABLE, CHARGING, PREPARING = EvseStatus.AVAILABLE, EvseStatus.CHARGING, EvseStatus.PREPARING

Told = e.StatusChanged | e.TransactionStarted | e.TransactionEnded

ROWS: list[tuple[str, tuple[Told, ...], Any, Any]] = [
    ("a transaction that still runs began when its station says", (began(5),),
     lambda s: (hours(here(s).plugged), NOW.monotonic_s - here(s).plugged_s), (5.0, 5 * HOUR_S)),
    ("also if its vehicle was seen first", (status(CHARGING), began(5)), lambda s: hours(here(s).plugged), 5.0),
    ("one that is over began and ended then", (status(AVAILABLE), began(5), ended(3)),
     lambda s: (hours(before(s).plugged), hours(before(s).ended), s.evse("A1/1").session), (5.0, 3.0, None)),
    ("whatever is told first", (began(5), ended(3), status(AVAILABLE, 4.0)),
     lambda s: (hours(before(s).plugged), hours(before(s).ended)), (5.0, 3.0)),
    ("who is still there has not left", (began(5), ended(3), status(EvseStatus.FINISHING, 4.0)),
     lambda s: (hours(here(s).plugged), here(s).ended), (5.0, None)),
    ("another transaction is another vehicle", (status(CHARGING), began(7), ended(6), began(2, 2)),
     lambda s: (hours(before(s).plugged), hours(before(s).ended), hours(here(s).plugged)), (7.0, 6.0, 2.0)),
    ("a clock that shows a time in which the station was here is off", (began(8.5),),
     lambda s: round(hours(here(s).plugged) or 0, 2), 0.0),
    ("a live start is not old because its clock is", (began(-0.5 + 2, told_s=0.5 * HOUR_S),),
     lambda s: hours(here(s).plugged), -0.5),
    ("what comes long after the link is no backlog", (began(5, told_s=1000.0),),
     lambda s: here(s).plugged > NOW.utc, True),
    ("what is told as it happens has no age", (began(-2 / HOUR_S), ended(-3 / HOUR_S)), lambda s: here(s).ended, None),
]  # fmt: skip


AT_ONCE = [row for row in ROWS if all(event.at.monotonic_s < NOW.monotonic_s + 5.0 for event in row[1])]


@pytest.mark.parametrize(("name", "events", "look", "expected"), AT_ONCE, ids=[row[0] for row in AT_ONCE])
def test_what_a_station_tells_before_it_was_made_ready(
    name: str, events: tuple[Told, ...], look: Any, expected: Any
) -> None:
    """Most tell what waited as soon as there is a link, and do not boot for it (Q75)."""
    assert look(after(*events, state=still_away())) == expected, name
    made_ready = e.StationConnected("A1", NOW.later(5.0), 2)
    assert look(after(*events, made_ready, state=still_away())) == expected, name


@pytest.mark.parametrize(("name", "events", "look", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_what_waited_in_a_station(name: str, events: tuple[Told, ...], look: Any, expected: Any) -> None:
    assert look(after(*events)) == expected, name


def test_after_our_own_restart_any_time_before_the_link_is_believed() -> None:
    """Nobody saw the station go."""
    start = SiteState.initial(SITES["one_feeder"])
    for first in (start, after(e.StationConnected("A1", NOW, 1), state=start)):
        assert hours(here(after(began(30), state=first)).plugged) == 30.0


def test_sessions_of_a_backlog_have_names_of_their_own() -> None:
    """Even if a station without seconds in its clock says that all began at once."""
    state = after(status(AVAILABLE), began(5, 1), ended(5, 1), began(5, 2), ended(5, 2))
    assert before(state).plugged - here(after(began(5, 1))).plugged == timedelta(seconds=1)
