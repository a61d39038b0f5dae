"""What is to be simulated, whatever the strategy: recorded sessions, or made-up ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ems.domain.site import Site
from ems.sim.arrivals import made_up_loads, made_up_sessions
from ems.sim.core_tally import BIN_S
from ems.sim.faults import FaultPlan
from ems.sim.load_course import LoadCourse
from ems.sim.placement import Placement, place
from ems.sim.sessions import SessionFile

DAY_S = 86_400.0
NO_FAULTS = FaultPlan()
A_WEEK = 7
NAMED = 3
"""So many of what is wrong are named; the others are counted."""

LONGEST_PAUSE = timedelta(days=366)
"""Nobody came for a year: one of the dates is wrong."""

DEFAULT_BEGIN = datetime(2024, 5, 6, tzinfo=UTC)
"""A Monday in summer, for made-up days."""


@dataclass(frozen=True, slots=True)
class Task:
    """The site from `begins` on, who comes within `days`, what else flows, and what fails. The run lasts `seconds`,
    until the last vehicle has left.
    """

    site: Site
    begins: datetime
    days: int
    seconds: float
    placement: Placement
    seed: int = 1
    courses: tuple[LoadCourse, ...] = ()
    faults: FaultPlan = NO_FAULTS
    notes: tuple[str, ...] = ()


def recorded_task(
    site: Site,
    sessions: SessionFile,
    *,
    days: int | None = None,
    since: datetime | None = None,
    seed: int = 1,
    map_unknown: bool = False,
    faults: FaultPlan | None = None,
) -> Task:
    """Replay the sessions that begin within so many days from `since` on; by default all of them.

    Raises ValueError when no session of the file falls to the site's stations and days, and when days are not given
    and it has a pause of more than a year.
    """
    if not sessions.records:
        count = len(sessions.rejected)
        were = "1 row was" if count == 1 else f"{count} rows were"
        rejected = f"; {were} rejected, as {_where(sessions)}" if count else ""
        raise ValueError(f"{sessions.name}: holds no sessions ({sessions.form}){rejected}")
    first, last = sessions.records[0].arrival, sessions.records[-1].arrival
    if days is None:
        _refuse_a_long_pause(sessions)
    begins = _midnight(site, first) if since is None else since
    days = max(1, math.ceil((last - begins).total_seconds() / DAY_S + 1e-9)) if days is None else _whole_days(days)
    records = sessions.within(begins, begins + timedelta(days=days))
    if not records:
        since_day, first_day, last_day = (f"{at.astimezone(site.zone):%Y-%m-%d}" for at in (begins, first, last))
        raise ValueError(
            f"{sessions.name}: no session begins on {since_day}{f' or the {days - 1} days after it' * (days > 1)}; the "
            f"first begins {first_day}, the last {last_day}: choose other days"
        )
    placement = place(site, records, map_unknown=map_unknown)
    if not placement.visits:
        known = list(sessions.stations())
        named = ", ".join(known[:NAMED]) + ", …" * (len(known) > NAMED)
        raise ValueError(
            f"{sessions.name}: no session of these days stood at a station of this site; the file names {named}: "
            "map unknown stations onto the site's EVSEs (--map-unknown), or give the stations those ids"
        )
    about = _About(site, begins, days, seed, faults)
    return _task(about, placement, np.random.default_rng(seed), _notes(sessions, placement))


def made_up_task(site: Site, *, days: int = A_WEEK, seed: int = 1, faults: FaultPlan | None = None) -> Task:
    """Days that never were, drawn from `seed`. Raises ValueError for less than a day."""
    rng = np.random.default_rng(seed)
    begins = _midnight(site, DEFAULT_BEGIN + timedelta(hours=12))
    records = made_up_sessions(site, begins.astimezone(site.zone).date(), _whole_days(days), rng)
    notes = (f"sessions and other loads are made up from seed {seed}",)
    return _task(_About(site, begins, days, seed, faults), place(site, records), rng, notes)


class _About(NamedTuple):
    site: Site
    begins: datetime
    days: int
    seed: int
    faults: FaultPlan | None


def _task(about: _About, placement: Placement, rng: np.random.Generator, notes: tuple[str, ...]) -> Task:
    site, begins, days, seed, faults = about
    left_s = max(((v.record.departure - begins).total_seconds() for v in placement.visits), default=0.0)
    seconds = max(days * DAY_S, math.ceil(left_s / BIN_S) * BIN_S)
    courses = made_up_loads(site, begins, seconds, rng)
    struck = (f"{len(faults.faults)} faults strike",) if faults else ()
    return Task(site, begins, days, seconds, placement, seed, courses, faults or NO_FAULTS, notes=(*notes, *struck))


def _refuse_a_long_pause(sessions: SessionFile) -> None:
    for earlier, later in pairwise(sessions.records):
        if later.arrival - earlier.arrival > LONGEST_PAUSE:
            raise ValueError(
                f"{sessions.name}: nobody comes between {earlier.arrival:%Y-%m-%d} and {later.arrival:%Y-%m-%d} "
                f"(session {later.id}): if the dates are right, say from when on and for how many days (--from, --days)"
            )


def _whole_days(days: int) -> int:
    if days < 1:
        raise ValueError(f"a simulation lasts a day at least, got {days} days")
    return days


def _midnight(site: Site, moment: datetime) -> datetime:
    local = moment.astimezone(site.zone)
    return datetime.combine(local.date(), time(), site.zone).astimezone(UTC)


def _notes(sessions: SessionFile, placement: Placement) -> tuple[str, ...]:
    counts = (
        (len(sessions.rejected), "row", "rejected"),
        (sum(placement.unknown.values()), "session", f"at stations that the site does not have: {_most(placement)}"),
        (sum(placement.mapped.values()), "session", "of unknown stations put onto the site's EVSEs"),
        (placement.shortened, "visit", "shortened because the next vehicle came earlier"),
        (placement.displaced, "session", "left out because no place was free"),
    )
    notes = [f"{count:,} {thing}{'s' if count > 1 else ''} {what}" for count, thing, what in counts if count]
    notes += [f"rejected: {rejected.where}: {rejected.reason}" for rejected in sessions.rejected[:NAMED]]
    return tuple(notes)


def _most(placement: Placement) -> str:
    """The stations of which most is missing."""
    missing = sorted(placement.unknown, key=lambda station: (-placement.unknown[station], station))
    return ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if len(missing) > NAMED else "")


def _where(sessions: SessionFile) -> str:
    return "; ".join(f"{rejected.where}: {rejected.reason}" for rejected in sessions.rejected[:NAMED])
