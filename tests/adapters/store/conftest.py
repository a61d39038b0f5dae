"""Real databases: a file in a folder of its own, and a PostgreSQL server where one can be started."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ems.adapters.store.schema import metadata
from ems.adapters.store.store import Store
from tests.adapters.store.clocks import HandClock


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still until it is moved."""
    return HandClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """A database of each kind without rows; for speed the server keeps its tables."""
    return _database(request, tmp_path, tables=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """A database of each kind without tables."""
    return _database(request, tmp_path, tables=False)


def _database(request: pytest.FixtureRequest, tmp_path: Path, tables: bool) -> str | Path:
    if request.param == "sqlite":
        return tmp_path / "ems.db"
    fresh: Callable[[bool], str] = request.getfixturevalue("postgresql")
    return fresh(tables)


@pytest.fixture
def opened(where: str | Path, clock: HandClock) -> Iterator[Callable[[], Store]]:
    """Opens a store on the same database, as often as a test starts the controller; on both kinds."""
    yield from _opened(where, clock)


@pytest.fixture
def reopened(tmp_path: Path, clock: HandClock) -> Iterator[Callable[[], Store]]:
    """The same on a file only, where the kind of database cannot matter."""
    yield from _opened(tmp_path / "ems.db", clock)


def _opened(where: str | Path, clock: HandClock) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def open_() -> Store:
        store = Store(where, clock, patience_s=5)
        stores.append(store)
        store.open()
        return store

    yield open_
    for store in stores:
        store.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[bool], str]]:
    """A server on a socket in a temporary folder; gives the URL of its database, emptied."""
    psycopg = pytest.importorskip("psycopg", reason="the extra ems[postgresql] is not installed")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]
    bin_ = next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)
    if bin_ is None:
        pytest.skip("no PostgreSQL server here (apt-get install postgresql)")
    user = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:
        if not any(entry.pw_name == "postgres" for entry in pwd.getpwall()):
            pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres'")
        user = "postgres"
    folder = Path(tempfile.mkdtemp(prefix="ems-pg-"))
    shutil.chown(folder, user)
    data = folder / "data"

    def quietly(*command: str | Path) -> None:
        other = user if os.getuid() == 0 else None
        nowhere = subprocess.DEVNULL
        subprocess.run(command, stdout=nowhere, stderr=nowhere, check=True, cwd="/", user=other)

    quietly(bin_ / "initdb", "-D", data, "-A", "trust", "-U", "ems", "--no-sync", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    quietly(bin_ / "pg_ctl", "-D", data, "-w", "-o", options, "start")

    def fresh(tables: bool) -> str:
        with psycopg.connect(host=str(folder), user="ems", dbname="postgres", autocommit=True) as connection:
            others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            there = [
                name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            if tables and set(metadata.tables) < set(there) and "invoice" not in there:
                names = ", ".join(f'"{name}"' for name in metadata.tables)
                connection.execute(f"TRUNCATE {names}")
            else:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
        return f"postgresql://ems@/postgres?host={folder}"

    yield fresh
    quietly(bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)
