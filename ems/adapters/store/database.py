"""One database: how it is reached, prepared, judged when it fails, and put aside when it is beyond repair."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from ems.adapters.store.migration import MIGRATIONS, NewerSchemaError, is_behind, migrate, migrate_apart

CONNECT_S = 5
SERVER = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 10,
    "tcp_user_timeout": 10_000,
    "options": "-c lock_timeout=5s -c statement_timeout=60s",
}
"""No server may hold the writer for ever."""

SIDE_FILES = ("-wal", "-shm")

FULL_SHARE, FULL_BYTES = 0.05, 1 << 30
"""Below both of these the rest of the disk is kept for what must not be lost."""

WRITE_ERRORS = (SQLAlchemyError, sqlite3.Error, NewerSchemaError, OSError, ValueError, TypeError, ArithmeticError)
"""Everything that a statement can end with: the database's errors, and values that it cannot represent."""


class Fault(Enum):
    """What an error means for the rows that were to be written.

    OUTAGE: keep them and try again. UNUSABLE: put the file aside, then write them to a new one. POISON: one of them
    can never be written.
    """

    OUTAGE = "outage"
    UNUSABLE = "unusable"
    POISON = "poison"


def fault_of(error: BaseException) -> Fault:
    """Judge an error of a statement or a connection."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        if code is None:
            return Fault.POISON  # the driver refused a value before SQLite saw it
        code &= 0xFF
        if code in {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE}:
            return Fault.POISON
        incomplete = code == sqlite3.SQLITE_ERROR and "no such table" in str(original)
        damaged = code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
        return Fault.UNUSABLE if damaged or incomplete else Fault.OUTAGE
    if isinstance(error, NewerSchemaError):
        return Fault.UNUSABLE
    if isinstance(error, DataError | IntegrityError):
        return Fault.POISON
    return Fault.OUTAGE if isinstance(error, DBAPIError | OSError) else Fault.POISON


class Database:
    """A SQLite file or a PostgreSQL server. Connections are made here and belong to whoever asked."""

    def __init__(
        self, where: str | Path, busy_s: float = 2.0, migrations: Path = MIGRATIONS, apart: bool = False
    ) -> None:
        """`where`: a path, or a URL such as postgresql://user@host/name. `apart`: revisions run in a process of their
        own. Raises ValueError when `where` is neither.
        """
        self.url = _url(where)
        self.path = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        self._migrations, self._apart = migrations, apart
        self._identity: tuple[int, int] | None = None
        self._durable: bool | None = None
        self._engine = _engine(self.url, _prepare_sqlite(busy_s), begin="BEGIN IMMEDIATE")

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True) if self.path is None else str(self.path)

    def connect(self) -> Connection:
        """The writing connection, with the tables in place. Raises the database's error when it is not to be had,
        NewerSchemaError when it belongs to a later program.
        """
        connection = self._engine.connect()
        try:
            behind = self._apart and is_behind(connection, self._migrations)
            connection.rollback()  # Looking has begun a transaction, whatever was seen.
            if behind:
                migrate_apart(self.url.render_as_string(hide_password=False))
            migrate(connection, self._migrations)
        except BaseException:
            connection.close()
            raise
        self._identity, self._durable = self._file_identity(), None
        return connection

    def is_in_place(self) -> bool:
        """Whether the file that was opened is still the one under its name; otherwise rows would go nowhere."""
        return self.path is None or self._identity == self._file_identity()

    def reading(self) -> Engine:
        """Connections that cannot write, for readers in any thread or process; each one a snapshot."""
        if self.path is None:
            return _engine(self.url, lambda _: None).execution_options(postgresql_readonly=True)
        path = self.path
        return _engine(self.url, lambda _: None, begin="BEGIN", creator=lambda: open_for_reading(path))

    @contextmanager
    def transaction(self, connection: Connection, durable: bool) -> Iterator[None]:
        """One transaction; `durable`: its commit returns only when it would survive a power cut."""
        raw = connection.connection.driver_connection
        if self.path is not None and raw is not None and durable is not self._durable:
            raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        with connection.begin():
            if self.path is None and not durable:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            yield

    def is_nearly_full(self) -> bool:
        """Whether only the last 5 % (and less than 1 GiB) of the disk is left; False where nobody can say."""
        if self.path is None:
            return False
        with suppress(OSError):
            disk = shutil.disk_usage(self.path.parent)
            return disk.free < min(FULL_SHARE * disk.total, FULL_BYTES)
        return False

    def room_inside(self, connection: Connection) -> int:
        """Bytes within the file that deleted rows left and new rows will use."""
        raw = connection.connection.driver_connection
        if self.path is None or raw is None:
            return 0
        pages, size = (raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size"))
        return int(pages) * int(size)

    def put_aside(self, why: str, at: datetime) -> Path | None:
        """Rename the file and its log to a name with the date and `why`; None where there is none.

        Raises OSError when the folder does not allow it.
        """
        if self.path is None or not self.path.exists():
            return None
        target = _unused(self.path.with_name(f"{self.path.name}.{at:%Y%m%dT%H%M%SZ}.{why}"))
        for suffix in SIDE_FILES:
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{target}{suffix}")
        return self.path.rename(target)

    def _file_identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat() if self.path is not None else None
        except OSError:
            return None
        return None if found is None else (found.st_dev, found.st_ino)


def _url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except SQLAlchemyError:
        raise ValueError(f"cannot read the database URL {where!r}: write postgresql://user@host/name") from None
    if url.get_backend_name() == "sqlite" and url.database:
        return url
    if url.get_backend_name() != "postgresql":
        raise ValueError(f"unknown database {url.drivername!r}: write a path, or postgresql://user@host/name")
    return url.set(drivername="postgresql+psycopg")


def _engine(url: URL, prepare: Callable[[Any], None], begin: str = "", creator: Any = None) -> Engine:
    """An engine without a pool. Its SQLite transactions begin when we say so, not when the driver guesses: otherwise
    a migration that is killed half way leaves half of its tables.
    """
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool, connect_args=SERVER)
    options: dict[str, Any] = {"creator": creator} if creator else {"connect_args": {"check_same_thread": False}}
    engine = create_engine(url, poolclass=NullPool, **options)

    def on_connect(raw: Any, _: object) -> None:
        raw.isolation_level = None
        prepare(raw)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare_sqlite(busy_s: float) -> Callable[[Any], None]:
    def prepare(raw: Any) -> None:
        raw.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("PRAGMA temp_store=MEMORY")
        raw.execute(f"PRAGMA journal_size_limit={64 << 20}")

    return prepare


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A folder that cannot be written to allows a log to be read, but not to be made; without one nothing is missed."""
    name = f"file:{quote(str(path))}?mode=ro"
    raw = sqlite3.connect(name, uri=True, check_same_thread=False, timeout=CONNECT_S)
    try:
        raw.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raw.close()
        if Path(f"{path}-wal").exists() or not path.exists():
            raise
        return sqlite3.connect(f"{name}&immutable=1", uri=True, check_same_thread=False)
    return raw


def _unused(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
