"""A year of a site of 54 EVSEs in a database: sessions with their accounts, receipts, quarter hours of every EVSE.

Made up from a fixed seed, so that it is the same every time; in the rows that a daemon writes.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Table

from ems.adapters.store.batch import Row
from ems.adapters.store.carrying import carry
from ems.adapters.store.database import Database
from ems.adapters.store.moment import to_ms
from ems.adapters.store.schema import interval, subject
from tests.adapters.store.seeded import Seeded, rows_of

EVSES = 54
DAYS = 365
PER_DAY = 3
BEGIN = datetime(2025, 10, 31, 23, 0, tzinfo=UTC)
"""Midnight in Berlin; the year has a short and a long day."""

QUARTER_MS = 900_000
SOME = 5_000


@dataclass(frozen=True, slots=True)
class Year:
    """A database, and what is in it."""

    path: Path
    begin: datetime
    end: datetime
    sessions: int
    energy_wh: int


def made_up(days: int = DAYS, evses: int = EVSES, per_day: int = PER_DAY, seed: int = 17) -> Iterator[Seeded]:
    """Sessions in the order in which they began."""
    rng = np.random.default_rng(seed)
    for day in range(days):
        midnight = BEGIN + timedelta(days=day)
        for k in range(evses * per_day):
            evse, turn = k % evses, k // evses
            hours = 24 / per_day
            arrives = midnight + timedelta(hours=turn * hours + float(rng.uniform(0, hours / 4)))
            stays = float(rng.uniform(0.5, 0.7 * hours))
            energy = int(rng.uniform(2_000, min(40_000, 11_000 * stays)))
            who = int(rng.integers(0, 400))
            yield Seeded(
                f"CP-{evse + 1:02d}/1",
                arrives.replace(microsecond=0),
                hours=stays,
                energy_wh=energy,
                quarters=max(1, min(int(4 * stays), 12)),
                idle_s=int(rng.integers(0, 3)) * 900,
                tag=f"04{who:06X}",
                person=f"p{who:03d}",
                vehicle=f"Van {who:03d}" if who % 3 == 0 else None,
                cost_centre=f"{4000 + who % 12}",
                groups=("staff",) if who % 2 else ("fleet", "staff"),
                ended_by=("Local", "Remote", "EVDisconnected")[who % 3],
                inferred=who % 50 == 0,
                cost_minor=energy * 45 // 1000,
                paid="captured" if who % 40 == 0 else None,
            )


def build(path: Path, days: int = DAYS, evses: int = EVSES, per_day: int = PER_DAY) -> Year:
    """Make the database; takes half a minute for a whole year."""
    database = Database(path)
    count = energy = 0
    with database.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("PRAGMA synchronous=OFF")
        all_sessions = iter(made_up(days, evses, per_day))
        first_id = 1
        while some := list(islice(all_sessions, SOME)):
            with database.transaction(connection, durable=False):
                _insert(connection, (row for n, one in enumerate(some, first_id) for row in rows_of(one, n)))
                carry(connection, [one.id for one in some])
            first_id += len(some)
            count, energy = count + len(some), energy + sum(one.energy_wh for one in some)
        _intervals(database, connection, days, evses, per_day)
    return Year(path, BEGIN, BEGIN + timedelta(days=days), count, energy)


def _insert(connection: Connection, rows: Iterable[tuple[Table, Row]]) -> None:
    groups: dict[Table, list[Row]] = defaultdict(list)
    for table, row in rows:
        groups[table].append(row)
    for table, group in groups.items():
        connection.execute(table.insert(), group)


def _intervals(database: Database, connection: Connection, days: int, evses: int, per_day: int) -> None:
    """The quarter hours of each EVSE in which energy flowed, and all of the grid connection."""
    numbers = {f"CP-{k + 1:02d}/1": k + 2 for k in range(evses)}
    with database.transaction(connection, durable=False):
        subjects = [{"id": 1, "kind": "circuit", "name": "grid"}]
        subjects += [{"id": number, "kind": "evse", "name": name} for name, number in numbers.items()]
        connection.execute(subject.insert(), subjects)
    used: dict[tuple[int, int], int] = defaultdict(int)
    for one in made_up(days, evses, per_day):
        first = to_ms(one.plugged) // QUARTER_MS * QUARTER_MS
        for k in range(one.quarters):
            used[first + k * QUARTER_MS, numbers[one.evse]] += one.energy_wh // one.quarters
    rng = np.random.default_rng(18)
    starts = [to_ms(BEGIN) + k * QUARTER_MS for k in range(days * 96)]
    drawn: dict[int, int] = defaultdict(int)
    for (at, _), wh in used.items():
        drawn[at] += wh
    rows = [_interval(at, number, wh) for (at, number), wh in used.items()]
    rows += [_interval(at, 1, drawn[at] + int(rng.integers(2_000, 12_000))) for at in starts]
    rows.sort(key=lambda row: (row["starts"], row["subject"]))
    for first in range(0, len(rows), 50_000):
        with database.transaction(connection, durable=False):
            connection.execute(interval.insert(), rows[first : first + 50_000])


def _interval(at: int, number: int, wh: int) -> Row:
    mean_ca = int(100 * 4 * wh / 690)
    return {
        "starts": at, "subject": number, "covered_s": 900, "mean_w": 4 * wh, "max_w": 5 * wh, "energy_wh": wh,
        **{f"{what}_l{phase}_ca": mean_ca for what in ("mean", "max") for phase in (1, 2, 3)},
    }  # fmt: skip
