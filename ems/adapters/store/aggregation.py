"""From raw samples to quarter hours.

A sample holds until the next one of its subject, at most `HOLD_MS`; zeros of an EVSE hold on, because a vehicle that
cannot draw is not reported again. Energy is the growth of the register since the interval before, so that nothing is
lost between two; without a usable register it is the power over the time that is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, text

from ems.adapters.store.batch import Row, upsert
from ems.adapters.store.moment import to_ms
from ems.adapters.store.schema import interval, sample

QUARTER_MS = 900_000
HOLD_MS = 90_000
REGISTER_LOOK_BACK = 4
"""Intervals; a longer silence would show as a peak of energy at its end."""

EVSE_MOST_WH = 600_000
"""More than any outlet delivers in an hour and a quarter: a register that jumped."""

DONE_AGAIN = 4
"""Intervals that are aggregated once more, because samples may have waited for the disk."""


def quarter(at: datetime) -> int:
    """The UTC millisecond in which the quarter hour of `at` begins. Time zones with a shift of 15 minutes exist, of
    less do not, so local quarters begin at the same moments.
    """
    return to_ms(at) // QUARTER_MS * QUARTER_MS


def due(connection: Connection, now: datetime) -> list[int]:
    """The quarter hours to aggregate: those that are over and have samples, from a little before the last one done."""
    over = quarter(now)
    done = connection.execute(select(func.max(interval.c.starts)).where(interval.c.starts < over)).scalar()
    at = 0 if done is None else done - (DONE_AGAIN - 1) * QUARTER_MS
    found: list[int] = []
    while (first := connection.execute(select(func.min(sample.c.at)).where(sample.c.at >= at)).scalar()) is not None:
        starts = int(first) // QUARTER_MS * QUARTER_MS
        if starts >= over:
            break
        found.append(starts)
        at = starts + QUARTER_MS
    return found


def aggregated(connection: Connection, starts: int) -> list[Row]:
    """The intervals of the quarter hour that begins at `starts`; only reads. On a large site it takes a third of a
    second, so it has no place on the writer's thread.
    """
    before = _registers_before(connection, starts)
    ends = starts + QUARTER_MS
    times = {"look": starts - HOLD_MS, "starts": starts, "ends": ends, "hold": HOLD_MS, "long": QUARTER_MS + HOLD_MS}
    found = connection.execute(_AGGREGATE, times).all()
    last = {one.subject: _last_register(connection, one.subject, starts) for one in found if one.fell}
    return [{**_row(one, starts, before.get(one.subject)), **last.get(one.subject, {})} for one in found]


def keep(connection: Connection, starts: int, rows: list[Row]) -> None:
    """Store the intervals of a quarter hour in place of what was there; where no sample is left, that stays."""
    if rows:
        connection.execute(delete(interval).where(interval.c.starts == starts))
        connection.execute(upsert(connection.dialect.name, interval, tuple(sorted(rows[0]))), rows)


def _registers_before(connection: Connection, starts: int) -> dict[int, int]:
    """The last register of each subject."""
    since = starts - REGISTER_LOOK_BACK * QUARTER_MS
    found = connection.execute(
        select(interval.c.subject, interval.c.register_wh)
        .where(interval.c.starts >= since, interval.c.starts < starts, interval.c.register_wh.is_not(None))
        .order_by(interval.c.starts)
    )
    return {row.subject: row.register_wh for row in found}


def _last_register(connection: Connection, number: int, starts: int) -> Row:
    """Of a register that fell the highest value is not the last one."""
    known = sample.c
    within = known.subject == number, known.at >= starts, known.at < starts + QUARTER_MS
    query = select(known.register_wh).where(*within, known.register_wh.is_not(None))
    return {"register_wh": connection.execute(query.order_by(known.at.desc()).limit(1)).scalar()}


def _row(found: Any, starts: int, register_before: int | None) -> Row:
    covered_s = found.covered_ms / 1000.0
    return {
        "starts": starts,
        "subject": found.subject,
        "covered_s": round(covered_s),
        **{f"mean_l{phase}_ca": value for phase, value in enumerate(_means(found), start=1)},
        **{f"max_l{phase}_ca": getattr(found, f"max_l{phase}") for phase in (1, 2, 3)},
        "mean_w": _mean(found.sum_w, found.ms_w),
        "max_w": found.max_w,
        "energy_wh": _energy_wh(found, register_before),
        "register_wh": found.last_wh,
    }


def _means(found: Any) -> Iterator[int | None]:
    for phase in (1, 2, 3):
        yield _mean(getattr(found, f"sum_l{phase}"), getattr(found, f"ms_l{phase}"))


def _mean(total: Any, weight: Any) -> int | None:
    return round(total / weight) if weight else None


def _energy_wh(found: Any, register_before: int | None) -> int | None:
    if found.last_wh is not None and not found.fell:
        if register_before is not None and register_before > found.first_wh:
            register_before = None  # It began anew between the two: another meter, or one that counts for each session.
        grown = found.last_wh - (found.first_wh if register_before is None else register_before)
        if grown >= 0 and not (found.is_evse and grown > EVSE_MOST_WH):
            return int(grown)
    return round(found.sum_w / 3.6e6) if found.ms_w else None


_SUMS = ", ".join(
    f"CAST(sum({column} * ms) AS BIGINT) AS sum_{name}, "
    f"CAST(sum(CASE WHEN {column} IS NOT NULL THEN ms END) AS BIGINT) AS ms_{name}, "
    f"max({column}) AS max_{name}"
    for column, name in (("l1_ca", "l1"), ("l2_ca", "l2"), ("l3_ca", "l3"), ("power_w", "w"))
)
_AGGREGATE = text(
    f"""
    WITH held AS (
      SELECT s.*, CASE WHEN n.kind = 'evse' THEN 1 ELSE 0 END AS is_evse,
        lead(s.at) OVER (PARTITION BY s.subject ORDER BY s.at) AS next_at,
        CASE WHEN register_wh < max(register_wh) OVER (PARTITION BY s.subject ORDER BY s.at) THEN 1 ELSE 0 END AS fell,
        s.at + CASE WHEN n.kind = 'evse' AND coalesce(l1_ca, 0) = 0 AND coalesce(l2_ca, 0) = 0
                     AND coalesce(l3_ca, 0) = 0 THEN :long ELSE :hold END AS holds_until
      FROM sample AS s JOIN subject AS n ON n.id = s.subject
      WHERE s.at >= :look AND s.at < :ends
    ), ended AS (
      SELECT held.*, CASE WHEN next_at < holds_until THEN next_at
                          WHEN holds_until < :ends THEN holds_until ELSE :ends END AS until
      FROM held
    ), spans AS (
      SELECT ended.*, until - CASE WHEN at < :starts THEN :starts ELSE at END AS ms
      FROM ended WHERE until > :starts
    )
    SELECT subject, max(is_evse) AS is_evse, max(fell) AS fell, CAST(sum(ms) AS BIGINT) AS covered_ms, {_SUMS},
      min(CASE WHEN at >= :starts THEN register_wh END) AS first_wh,
      max(CASE WHEN at >= :starts THEN register_wh END) AS last_wh
    FROM spans GROUP BY subject
    """  # noqa: S608 only names of our own columns are put in
)
