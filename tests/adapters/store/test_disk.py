"""What happens to the disk must not happen to the records, and never to the loop (failsafe row 14, T03, T05)."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from ems.adapters.store import schema
from ems.adapters.store.batch import Sample
from ems.adapters.store.database import Database
from ems.adapters.store.pace import Pace
from ems.adapters.store.store import Store
from ems.adapters.store.writer import Urgency
from ems.domain.grant import Grant, Held, Layer
from ems.domain.session import Transaction
from ems.ports.controller import NotStoredError
from tests.adapters.store.clocks import BEGIN, HandClock, RunningClock

TRANSACTION = Transaction(7, BEGIN.utc, 1234.5, "TAG")
PATIENCE_S = 0.3


class Site:
    """A store on a file, and what it said of its troubles."""

    def __init__(self, path: Path, clock: HandClock | RunningClock, pace: Pace) -> None:
        self.path, self.heard = path, list[str]()
        self.store = Store(path, clock, self.heard.append, pace, patience_s=PATIENCE_S)
        self.store.open()

    def start(self, number: int = 7) -> None:
        asyncio.run(self.store.ledger.transaction_started("CP-01/1", Transaction(number, BEGIN.utc, 1.0, "TAG")))

    def on_disk(self) -> list[int]:
        with Database(self.path).reading().connect() as connection:
            return list(connection.execute(select(schema.transaction_log.c.id)).scalars())

    def until(self, condition: Callable[[], object], seconds: float = 4.0) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, f"did not happen; heard {self.heard}, {self.store.health}"
            time.sleep(0.01)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path / "ems.db", RunningClock(), Pace(batch_s=0.2, soon_s=0.05, samples=500))
    yield one
    one.store.close(0.2)


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process holds the write lock, which to us looks like a disk that does not answer."""
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")
    other.close()


def starts(site: Site) -> None:
    """So many that the log of the database has to grow."""
    for number in range(100, 1000):
        site.start(number)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as rest, suppress(OSError):
        while rest.write(bytes(4096)):
            pass


def samples(count: int, first: int = 0) -> list[Sample]:
    return [Sample(first + k, "circuit", "grid", 100, 200, 300, 400, 500) for k in range(count)]


def test_a_stuck_disk_delays_the_caller_no_longer_than_it_agreed_to_and_loses_nothing(site: Site) -> None:
    site.start(6)
    with locked(site.path):
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="queued"):
            site.start(7)
        assert time.monotonic() - began < PATIENCE_S + 0.5
        assert site.on_disk() == [6]
    site.until(lambda: site.on_disk() == [6, 7])


def test_who_reads_behind_a_stuck_disk_is_told_that_it_does_not_answer(site: Site) -> None:
    with locked(site.path):
        site.store._writer.put(schema.knock, {"station": "X", "address": "", "reason": "", "count": 1, "at": 1})
        time.sleep(0.3)  # until the writer hangs in the commit
        with pytest.raises(NotStoredError, match="the stickers cannot be read: it does not answer in time"):
            asyncio.run(site.store.drivers.stickers())


def test_nothing_but_an_await_waits_for_a_stuck_disk(site: Site) -> None:
    with locked(site.path):
        site.store._writer.put(schema.knock, {"station": "X", "address": "", "reason": "", "count": 1, "at": 1})
        time.sleep(0.3)  # until the writer hangs in the commit
        began = time.monotonic()
        for k in range(200):
            site.store.ledger.alive(BEGIN.later(k).utc)
            site.store._writer.sample(samples(3, 3 * k))
            assert site.store.health.samples_waiting
        assert time.monotonic() - began < 0.2


def test_under_pressure_the_oldest_samples_go_and_are_counted(site: Site) -> None:
    with locked(site.path):
        site.store._writer.sample(samples(1300))
        with pytest.raises(TimeoutError):
            site.start()
    site.until(lambda: not site.store.health.samples_waiting and site.on_disk())
    assert site.store.health.samples_dropped == 800
    kept = [row.at.timestamp() for row in site.store.reader.samples("circuit", "grid", EPOCH, EPOCH_END)]
    assert (len(kept), kept[0], kept[-1]) == (500, 0.8, 1.299)


EPOCH, EPOCH_END = BEGIN.utc.fromtimestamp(0, BEGIN.utc.tzinfo), BEGIN.utc.fromtimestamp(60, BEGIN.utc.tzinfo)


def test_a_full_disk_is_an_alarm_and_recovers_when_there_is_space(site: Site) -> None:
    site.start(1)
    raw = site.store._writer._access._connection
    assert raw is not None
    full = raw.connection.driver_connection
    assert full is not None
    asyncio.run(site.store.flush())
    full.execute("PRAGMA max_page_count=1")
    site.store._writer.sample(samples(400))
    with pytest.raises(TimeoutError, match="full"):
        starts(site)
    assert "full" in site.heard[0]
    site.until(lambda: site.heard[-1] == "" and 100 in site.on_disk(), 6)
    assert site.store.health.trouble == ""
    assert set(site.on_disk()) >= {1, 100}


def test_a_full_file_system_is_survived_by_what_must_survive(tmp_path: Path) -> None:
    """A real one of eight megabytes: samples stop before the end of the space, a transaction still goes in."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False).returncode:
        pytest.skip("no right to mount a file system")
    site = Site(disk / "ems.db", RunningClock(), Pace(batch_s=0.1, soon_s=0.05))
    try:
        with (disk / "ballast").open("wb") as ballast:
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write(bytes(free - 900_000))
        for k in range(200):
            site.store._writer.sample(samples(100, 100 * k))
            time.sleep(0.01)
            if site.heard:
                break
        site.until(lambda: site.heard)
        assert "full" in site.heard[0]
        site.start(5)
        assert site.on_disk() == [5], "the last of the disk is for transactions"
        fill(disk / "rest")
        with pytest.raises(TimeoutError):
            starts(site)
        site.heard.clear()
        (disk / "ballast").unlink()
        site.until(lambda: site.heard and site.heard[-1] == "" and not site.store.health.samples_waiting, 8)
        site.start(9)
        assert 9 in site.on_disk()
        assert site.store.health.samples_dropped == 0
    finally:
        site.store.close(1)
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("began", [False, True])
def test_an_end_waits_for_a_disk_that_is_busy_and_loses_nothing(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, began: bool
) -> None:
    """Longer than one try takes, and whether or not a write had failed before."""
    monkeypatch.setattr("ems.adapters.store.writer.SLOW_S", 0.5)
    closed: list[bool] = []
    with locked(site.path):
        if began:
            with pytest.raises(TimeoutError):
                site.start(6)
            site.until(lambda: site.heard)
        site.store._writer.put(schema.transaction_log, {"id": 7})
        ending = threading.Thread(target=lambda: closed.append(site.store.close()))
        ending.start()
        ending.join(3.5)
        assert ending.is_alive(), "after the first try"
    ending.join(10.0)
    assert closed == [True]
    assert 7 in site.on_disk()
    assert "store.waits" in caplog.text
    assert "store.lost" not in caplog.text


def test_what_an_end_loses_on_a_disk_that_stays_busy_is_said(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with locked(site.path):
        site.store._writer.put(schema.transaction_log, {"id": 7})
        assert site.store.close(0.3) is False
    assert "store.lost" in caplog.text
    assert "rows=" in caplog.text


def test_a_read_only_disk_at_the_start_is_lived_with_and_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    first = Store(disk / "ems.db", HandClock())
    first.open()
    asyncio.run(first.ledger.transaction_started("CP-01/1", TRANSACTION))
    first.close()
    if subprocess.run(["mount", "--bind", disk, disk], check=False).returncode:
        pytest.skip("no right to mount a file system")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
        site = Site(disk / "ems.db", RunningClock(), Pace(batch_s=0.1))
        assert site.store.ledger.open_transactions() == [("CP-01/1", TRANSACTION)]
        with pytest.raises(TimeoutError):
            site.start(8)
        assert site.heard
        subprocess.run(["mount", "-o", "remount,bind,rw", disk], check=True)
        site.until(lambda: 8 in site.on_disk(), 6)
        site.store.close()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_folder_that_does_not_exist_is_an_outage_until_it_does(tmp_path: Path) -> None:
    site = Site(tmp_path / "later" / "ems.db", RunningClock(), Pace(batch_s=0.1))
    with pytest.raises(TimeoutError):
        site.start()
    (tmp_path / "later").mkdir()
    site.until(lambda: site.heard[-1] == "" and site.on_disk() == [7], 6)
    site.store.close()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "not a database": lambda path: path.write_bytes(b"this is no database " * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, 5000),
    "spoilt header": lambda path: _spoil(path, 16, 84),
    "spoilt schema": lambda path: _spoil(path, 100, 3000),
    "spoilt pages": lambda path: _spoil(path, 4096, 1 << 20),
}


def _spoil(path: Path, first: int, count: int) -> None:
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(first)
        file.write(b"\xa5" * min(count, size - first))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_corrupt_file_is_put_aside_with_its_date_and_a_new_one_opened(
    tmp_path: Path, clock: HandClock, damage: str
) -> None:
    path = tmp_path / "ems.db"
    first = Store(path, clock)
    first.open()
    asyncio.run(first.ledger.transaction_started("CP-01/1", TRANSACTION))
    first.close()
    DAMAGE[damage](path)
    again = Store(path, clock, patience_s=2)
    again.open()
    asyncio.run(again.ledger.transaction_started("CP-01/1", Transaction(8, BEGIN.utc, 0.0)))
    again.close()
    third = Store(path, clock)
    third.open()
    assert ("CP-01/1", Transaction(8, BEGIN.utc, 0.0)) in third.ledger.open_transactions()
    third.close()
    if damage != "empty":
        assert [aside.name for aside in tmp_path.glob("*.corrupt")] == ["ems.db.20261122T090000Z.corrupt"]


def test_what_is_still_readable_in_a_corrupt_file_is_saved(tmp_path: Path, clock: HandClock) -> None:
    """The samples are spoilt, the transactions are not."""
    path = tmp_path / "ems.db"
    first = Store(path, clock)
    first.open()
    for number in range(1, 50):
        asyncio.run(first.ledger.transaction_started(f"CP-{number}/1", Transaction(number, BEGIN.utc, 0.0)))
    first._writer.sample(samples(5000))
    asyncio.run(first.flush())
    first.close()
    with sqlite3.connect(path) as raw:
        page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sample'").fetchone()[0]
    raw.close()
    _spoil(path, (page - 1) * 4096, 4096)
    again = Store(path, clock, patience_s=2)
    again.open()
    again._writer.sample(samples(10, 9000))
    asyncio.run(again.flush())
    asyncio.run(again.flush())
    assert list(tmp_path.glob("*.corrupt"))
    with again.database.reading().connect() as connection:
        assert len(connection.execute(select(schema.transaction_log)).all()) == 49
        assert len(connection.execute(select(schema.sample)).all()) == 10
    assert again.health.trouble == ""
    again.close()


def test_a_file_that_vanishes_is_made_again_with_what_is_going_on(site: Site) -> None:
    site.store.ledger._patience_s = 5.0  # a new file with all its tables takes a busy machine longer than a row
    site.start(7)
    asyncio.run(site.store.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, 1.0))
    site.start(8)
    for file in site.path.parent.glob("ems.db*"):
        file.unlink()
    site.start(9)
    assert site.on_disk() == [8, 9]


def test_the_database_of_a_later_program_is_put_aside_and_its_bookkeeping_carried_over(
    tmp_path: Path, clock: HandClock
) -> None:
    path = tmp_path / "ems.db"
    first = Store(path, clock)
    first.open()
    asyncio.run(first.ledger.transaction_started("CP-01/1", TRANSACTION))
    first.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.execute("ALTER TABLE transaction_log ADD COLUMN price_ct INTEGER")
    raw.close()
    again = Store(path, clock)
    again.open()
    assert again.ledger.open_transactions() == [("CP-01/1", TRANSACTION)]
    again.close()
    assert [aside.name for aside in tmp_path.glob("*.newer")] == ["ems.db.20261122T090000Z.newer"]


def test_a_server_that_drops_the_connection_is_connected_again(postgresql: Callable[[bool], str]) -> None:
    url = postgresql(True)
    store = Store(url, RunningClock())
    store.open()
    asyncio.run(store.ledger.transaction_started("A/1", TRANSACTION))
    postgresql(True)  # ends every connection, and empties the tables
    asyncio.run(store.ledger.transaction_started("B/1", Transaction(8, BEGIN.utc, 0.0)))
    with store.database.reading().connect() as connection:
        found = set(connection.execute(select(schema.transaction_log.c.id)).scalars())
    assert found == {7, 8}, "what is going on was written again"
    assert store.health.trouble == ""
    store.close()


@pytest.mark.parametrize(("amps", "soon"), [(20.0, True), (8.0, False)], ids=["a raise", "a cut"])
def test_a_raise_is_on_disk_within_a_second_a_cut_with_the_next_batch(tmp_path: Path, amps: float, soon: bool) -> None:
    """After a crash an EVSE must not be thought to draw less than it was told it may."""
    one = Site(tmp_path / "ems.db", RunningClock(), Pace(batch_s=3600, soon_s=0.1))
    now, floor = one.store._clock.now(), Held(6.0, 0.0)
    one.store.ledger.granted("A/1", Grant(floor, session=Held(10.0, 0.0, now.monotonic_s + 900)), now)
    asyncio.run(one.store.flush())
    one.store.ledger.granted("A/1", Grant(floor, session=Held(amps, 1.0, now.monotonic_s + 900)), now)
    time.sleep(0.6)  # what must not have been written can only be waited for
    query = select(schema.grant.c.amps).where(schema.grant.c.layer == int(Layer.SESSION))
    with one.store.database.reading().connect() as connection:
        held = connection.execute(query).scalar()
    assert held == (amps if soon else 10.0)
    one.store.close()


def test_a_row_that_can_never_be_written_does_not_hold_up_the_others(site: Site) -> None:
    bad = {"station": "X", "address": "", "reason": None, "count": 1, "at": 1}
    site.store._writer.put(schema.knock, bad)
    site.store._writer.put(schema.knock, {"station": "Y", "address": "", "reason": "", "count": 2**70, "at": 1})
    site.start()
    assert site.on_disk() == [7]
    site.until(lambda: site.store.health.rows_refused == 2)
    with pytest.raises(NotStoredError):
        asyncio.run(site.store.ledger.transaction_started("A/1", Transaction(2**70, BEGIN.utc, 0.0)))
    assert site.store.health.trouble == ""


def test_rows_beyond_all_measure_are_refused_and_the_caller_is_told(tmp_path: Path) -> None:
    clock = HandClock()
    store = Store(tmp_path / "ems.db", clock, pace=Pace(rows=10), patience_s=0.1)
    store.open()
    asyncio.run(store.flush())
    with locked(tmp_path / "ems.db"):
        for k in range(20):
            store._writer.put(schema.knock, {"station": str(k), "address": "", "reason": "", "count": 1, "at": k})
        assert store.health.rows_refused == 10
        with pytest.raises(NotStoredError, match="rows wait"):
            asyncio.run(store.ledger.transaction_started("A/1", TRANSACTION))
        store._writer.put(schema.knock, {"station": "1", "address": "", "reason": "new", "count": 2, "at": 99})
        assert store.health.rows_refused == 11
    store.close()


def test_transactions_are_synced_and_samples_are_not(tmp_path: Path) -> None:
    """The statements as SQLite sees them: FULL before the commit of a transaction, NORMAL before that of samples."""
    store = Store(tmp_path / "ems.db", HandClock())
    store.open()
    asyncio.run(store.flush())
    connection = store._writer._access._connection
    assert connection is not None
    raw = connection.connection.driver_connection
    assert raw is not None
    seen: list[str] = []
    raw.set_trace_callback(seen.append)
    store._writer.sample(samples(3))
    asyncio.run(store.flush())
    asyncio.run(store.ledger.transaction_started("CP-01/1", TRANSACTION))
    store._writer.sample(samples(3, 10))
    asyncio.run(store.flush())
    store._writer.put(schema.start, {"id": 1, "started": 1, "alive": 1, "ended": None}, Urgency.LATER)
    store.close()
    what = [text for line in seen if (text := _kind(line)) is not None]
    first = what.index("FULL")
    assert what[:first] == ["sample", "COMMIT", "COMMIT"]
    assert what[first : first + 3] == ["FULL", "transaction_log", "COMMIT"]
    assert what[first + 3 : first + 6] == ["NORMAL", "sample", "COMMIT"]


def _kind(line: str) -> str | None:
    for word in ("FULL", "NORMAL", "COMMIT"):
        if line == word or line.endswith(f"={word}"):
            return word
    for table in ("sample", "transaction_log"):
        if line.startswith(f"INSERT INTO {table} "):
            return table if "(0" in line or "(10" in line or table == "transaction_log" else None
    return None


KILLED = """
import asyncio, sys
from pathlib import Path
from ems.adapters.store.batch import Sample
from ems.adapters.store.store import Store
from ems.adapters.store.pace import Pace
from ems.domain.grant import Grant, Held, Layer
from ems.domain.session import Transaction
from tests.adapters.store.clocks import BEGIN, RunningClock

async def main():
    store = Store(Path(sys.argv[1]), RunningClock(), pace=Pace(batch_s=0.02))
    store.open()
    for number in range(1, 100_000):
        store._writer.sample(Sample(1000 * number + k, "circuit", "grid", 1, 2, 3) for k in range(50))
        await store.ledger.transaction_started(f"CP-{number}/1", Transaction(number, BEGIN.utc, 1.0))
        print("started", number, flush=True)
        if number > 3:
            await store.ledger.transaction_ended(f"CP-{number - 3}/1", number - 3, BEGIN.utc, 1.0)
            print("ended", number - 3, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 30, 150])
def test_every_acknowledged_transaction_survives_kill_9(tmp_path: Path, after: int) -> None:
    path = tmp_path / "ems.db"
    child = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert child.stdout is not None
    said: list[tuple[str, int]] = []
    for line in child.stdout:
        word, number = line.split()
        said.append((word, int(number)))
        if len(said) == after:
            os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    store = Store(path, RunningClock())
    found = store.open()
    open_ = {transaction.id for _, transaction in store.ledger.open_transactions()}
    started, ended = ({number for word, number in said if word == what} for what in ("started", "ended"))
    assert len(said) >= after
    assert started - ended - open_ <= {max(ended, default=0) + 1}, "an end may be on disk before it was acknowledged"
    assert not open_ & ended
    assert found.crashes == 1
    store.close()
