"""What one commit writes: rows merged by key, and samples."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from ems.adapters.store.carrying import OF_SESSIONS, carry, carry_ends
from ems.adapters.store.database import WRITE_ERRORS, Fault, fault_of
from ems.adapters.store.schema import sample, subject, transaction_log

Row = Mapping[str, Any]

SAMPLES_PER_STATEMENT = 2000


@cache
def key_names(table: Table) -> tuple[str, ...]:
    """The columns of a table's primary key."""
    return tuple(column.name for column in table.primary_key)


class Key(NamedTuple):
    """A row's identity."""

    table: Table
    values: tuple[Any, ...]

    @classmethod
    def of(cls, table: Table, row: Row) -> Key:
        """The key of `row`; KeyError when it does not name its whole primary key."""
        return cls(table, tuple([row[name] for name in key_names(table)]))


class Sample(NamedTuple):
    """A measurement of a subject (`schema.subject`) at a UTC millisecond, in hundredths of an ampere, watt and Wh."""

    at: int
    kind: str
    name: str
    l1_ca: int | None = None
    l2_ca: int | None = None
    l3_ca: int | None = None
    power_w: int | None = None
    register_wh: int | None = None


class Batch:
    """Rows that wait, and who waits for them. Not safe between threads by itself."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.due = math.inf
        self.durable = False
        self._waiting: dict[Key, list[Future[None]]] = defaultdict(list)

    def add(self, key: Key, row: Row, due: float, durable: bool = False) -> None:
        """Take `row`, over what is known of its key."""
        known = self.rows.get(key)
        self.rows[key] = row if known is None else {**known, **row}
        self.due = min(self.due, due)
        self.durable |= durable

    def tell(self, key: Key, done: Future[None]) -> None:
        """Resolve `done` when the row of `key` is written or can never be."""
        self._waiting[key].append(done)

    def update(self, later: Batch) -> None:
        """Take everything of a later batch over what is here."""
        for key, row in later.rows.items():
            self.add(key, row, later.due, later.durable)
        for key, futures in later._waiting.items():
            self._waiting[key] += futures

    def resolve(self, refused: Mapping[Key, BaseException]) -> None:
        """Tell everybody who waits; called after the commit."""
        for key, futures in self._waiting.items():
            for done in futures:
                if key in refused:
                    done.set_exception(refused[key])
                else:
                    done.set_result(None)


class Subjects:
    """The numbers under which subjects are stored. Lives as long as a connection; a rollback ends it."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] | None = None

    def numbers(self, connection: Connection, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """The number of each (kind, name); new ones are stored."""
        if self._numbers is None:
            found = connection.execute(select(subject))
            self._numbers = {(row.kind, row.name): row.id for row in found}
        known = self._numbers
        unknown = dict.fromkeys(one for one in wanted if one not in known)
        first = max(known.values(), default=0) + 1
        new: list[dict[str, Any]] = [
            {"id": first + i, "kind": kind, "name": name} for i, (kind, name) in enumerate(unknown)
        ]
        if new:
            connection.execute(subject.insert(), new)
            known.update({(row["kind"], row["name"]): row["id"] for row in new})
        return known


def write(connection: Connection, rows: Mapping[Key, Row], samples: Sequence[Sample], subjects: Subjects) -> None:
    """Upsert everything inside the caller's transaction. A row names its key and whatever must not be null."""
    groups: dict[tuple[Table, tuple[str, ...]], list[Row]] = defaultdict(list)
    for key, row in rows.items():
        groups[key.table, tuple(sorted(row))].append(row)
    for (table, columns), group in groups.items():
        connection.execute(upsert(connection.dialect.name, table, columns), group)
    carry(connection, {row[OF_SESSIONS[key.table]] for key, row in rows.items() if key.table in OF_SESSIONS})
    carry_ends(connection, {row["id"] for key, row in rows.items() if key.table is transaction_log})
    numbers = subjects.numbers(connection, ((one.kind, one.name) for one in samples)) if samples else {}
    todo = iter(samples)
    while some := list(islice(todo, SAMPLES_PER_STATEMENT)):
        connection.execute(
            upsert(connection.dialect.name, sample, _SAMPLE_COLUMNS),
            [dict(zip(_SAMPLE_COLUMNS, (s.at, numbers[s.kind, s.name], *s[3:]), strict=True)) for s in some],
        )


_SAMPLE_COLUMNS = ("at", "subject", "l1_ca", "l2_ca", "l3_ca", "power_w", "register_wh")


def write_singly(connection: Connection, rows: Mapping[Key, Row]) -> Iterator[tuple[Key, BaseException]]:
    """Upsert each row under a savepoint of its own and yield those that can never be written; other errors end it."""
    for key, row in rows.items():
        try:
            with connection.begin_nested():
                write(connection, {key: row}, (), Subjects())
        except WRITE_ERRORS as error:
            if fault_of(error) is not Fault.POISON:
                raise
            yield key, error


@cache
def upsert(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    """Insert, or override `columns` of the row that has the same key."""
    key = key_names(table)
    others = [name for name in columns if name not in key]
    # The two dialects have the same clause without a common base.
    new = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if not others:
        return new.on_conflict_do_nothing(index_elements=key)
    return new.on_conflict_do_update(index_elements=key, set_={name: new.excluded[name] for name in others})
