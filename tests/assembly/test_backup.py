"""A backup is made beside a running store and put back elsewhere; what is damaged or foreign overwrites nothing."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ems.adapters.store.store import Store
from ems.assembly.backup import DATABASE, KEPT, MANIFEST, BackupError, backup_path, backups, make_backup
from ems.assembly.restore import RestoreError, check, manifest_of, restore
from ems.runtime.lock import locked
from ems.settings.places import site_file
from tests.adapters.store.clocks import BEGIN, HandClock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Tamper = Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]


class Machine:
    """A site's folder and its state folder, with a database in which somebody did something."""

    def __init__(self, place: Path, did: str = "") -> None:
        self.folder, self.state, self.times = place / "site", place / "state", 0
        if did:
            shutil.copytree(site_file("demo").parent, self.folder)
            (self.folder / "secrets").mkdir(exist_ok=True)
            (self.folder / "secrets" / "extra").write_text("hash")
            (self.folder / ".hidden").write_text("x")
            self.state.mkdir()
            self.does(did)

    @property
    def database(self) -> Path:
        return self.state / "ems.sqlite3"

    def does(self, what: str) -> None:
        self.times += 1
        now = BEGIN.later(3600.0 * self.times)
        store = Store(self.database, HandClock(now))
        store.open()
        store.audit.add(now.utc, "anna", what, {})
        store.close()

    def did(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as raw:
            return [what for (what,) in raw.execute("SELECT what FROM audit ORDER BY id")]

    def backup(self, at: datetime = NOW, with_secrets: bool = False) -> Path:
        return make_backup("Car park: Süd", self.folder, self.database, self.state, at, with_secrets)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "one", "LimitReceived")


def test_a_site_is_put_back_on_another_machine(machine: Machine, tmp_path: Path) -> None:
    archive = machine.backup(with_secrets=True)
    other = Machine(tmp_path / "other")
    done = restore(archive, other.folder, other.state, NOW)
    assert other.did() == ["LimitReceived"]
    assert (other.folder / "site.yaml").read_bytes() == (machine.folder / "site.yaml").read_bytes()
    assert (other.folder / "secrets" / "extra").read_text() == "hash"
    assert not (other.folder / ".hidden").exists()
    assert done.manifest.site == "Car park: Süd"
    store = Store(other.database, HandClock())
    store.open()
    assert store.health.trouble == ""
    store.close()


def test_the_controller_that_was_running_when_the_backup_was_made_did_not_crash(machine: Machine) -> None:
    with closing(sqlite3.connect(machine.database)) as raw:
        raw.execute("DELETE FROM start")
        raw.executemany(
            "INSERT INTO start VALUES (?, ?, ?, ?)", [(1, 10, 20, None), (2, 30, 40, 40), (3, 50, 60, None)]
        )
        raw.commit()
    restore(machine.backup(), machine.folder, machine.state, NOW)
    with closing(sqlite3.connect(machine.database)) as raw:
        ends = raw.execute("SELECT ended FROM start ORDER BY id").fetchall()
    assert ends == [(None,), (40,), (60,)]


def test_what_was_there_before_is_kept(machine: Machine) -> None:
    archive = machine.backup()
    machine.does("VehicleKept")
    (machine.folder / "site.yaml").write_text("# broken\n")
    done = restore(archive, machine.folder, machine.state, NOW)
    assert machine.did() == ["LimitReceived"]
    assert (done.kept / "site" / "site.yaml").read_text() == "# broken\n"
    assert (machine.folder / "secrets" / "extra").exists(), "what the backup does not have stays"
    with closing(sqlite3.connect(done.kept / "ems.sqlite3")) as raw:
        assert raw.execute("SELECT count(*) FROM audit").fetchone() == (2,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_puts_back_belongs_to_the_account_of_the_controller(machine: Machine) -> None:
    (machine.folder / "prices").mkdir()
    (machine.folder / "prices" / "spot.csv").write_text("x\n")
    archive = machine.backup()
    shutil.rmtree(machine.folder / "prices")
    os.chown(machine.state, 4242, 4242)
    kept = restore(archive, machine.folder, machine.state, NOW).kept
    written = (machine.database, machine.folder / "site.yaml", machine.folder / "prices", kept, kept / "ems.sqlite3")
    assert {path.stat().st_uid for path in (*written, machine.folder / "prices" / "spot.csv")} == {4242}


def test_only_looking_changes_nothing_and_works_beside_the_controller(machine: Machine) -> None:
    archive = machine.backup()
    machine.does("VehicleKept")
    with locked(machine.state):
        assert check(archive, machine.folder, machine.state).site == "Car park: Süd"
    assert not list(machine.state.glob(".checking-*"))
    assert machine.did() == ["LimitReceived", "VehicleKept"]
    assert not list(machine.state.glob("before-restore-*"))


def test_a_backup_beside_a_store_that_writes_is_whole(machine: Machine, tmp_path: Path) -> None:
    store = Store(machine.database, HandClock())
    store.open()

    async def work() -> Path:
        for k in range(300):
            store.audit.add(BEGIN.utc + timedelta(seconds=k), "otto", "LimitReceived", {"k": k})
        archive = await asyncio.to_thread(machine.backup)
        await store.flush()
        return archive

    archive = asyncio.run(work())
    store.close()
    other = Machine(tmp_path / "other")
    other.folder.mkdir(parents=True)
    shutil.copytree(machine.folder / "secrets", other.folder / "secrets")
    restore(archive, other.folder, other.state, NOW)
    assert other.did()[0] == "LimitReceived"


def test_secrets_come_along_only_where_somebody_says_so(machine: Machine) -> None:
    assert "site/secrets/extra" not in manifest_of(machine.backup()).files
    archive = machine.backup(NOW + timedelta(seconds=1), with_secrets=True)
    assert "site/secrets/extra" in manifest_of(archive).files
    assert [one.with_secrets for one in backups(machine.state)] == [True, False]
    assert archive.stat().st_mode & 0o077 == 0


def test_only_the_newest_are_kept(machine: Machine) -> None:
    for k in range(KEPT + 2):
        os.utime(machine.backup(NOW + timedelta(minutes=k)), (k, k))
    machine.backup(NOW + timedelta(hours=1))
    assert len(backups(machine.state)) == KEPT


@pytest.mark.parametrize("name", ["../lock", "ems-backup-x", "ems-backup-../../x.tar.gz", "", "ems-backup-a/b.tar.gz"])
def test_a_name_is_no_path(machine: Machine, name: str) -> None:
    machine.backup()
    assert backup_path(machine.state, name) is None


def test_a_database_server_is_not_copied(machine: Machine) -> None:
    with pytest.raises(BackupError, match="pg_dump"):
        make_backup("x", machine.folder, "postgresql://ems@db/ems", machine.state, NOW, with_secrets=False)


def test_a_site_is_not_put_back_below_a_running_controller(machine: Machine) -> None:
    archive = machine.backup()
    with locked(machine.state), pytest.raises(RestoreError, match="stopped"):
        restore(archive, machine.folder, machine.state, NOW)
    assert machine.did() == ["LimitReceived"]


def spoil(name: str, content: bytes) -> Tamper:
    def tamper(parts: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        for k, (info, _) in enumerate(parts):
            if info.name == name:
                parts[k] = (info, content)

    return tamper


def add(name: str, kind: bytes = tarfile.REGTYPE) -> Tamper:
    def tamper(parts: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        parts.append((info, b"x" if kind == tarfile.REGTYPE else b""))

    return tamper


def manifest(**changes: object) -> Tamper:
    def tamper(parts: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        told = {**json.loads(parts[0][1]), **changes}
        parts[0] = (parts[0][0], json.dumps(told).encode())

    return tamper


def link(parts: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    for info, _ in parts:
        if info.name == "site/site.yaml":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        pytest.param(spoil(DATABASE, b"no database"), "damaged", id="another database"),
        pytest.param(spoil("site/site.yaml", b"site: {}"), "damaged", id="another site"),
        pytest.param(add("../../etc/cron.d/x"), "does not belong", id="a path upwards"),
        pytest.param(add("/etc/cron.d/x"), "does not belong", id="a path from the root"),
        pytest.param(add("site/x", tarfile.SYMTYPE), "does not belong", id="a link"),
        pytest.param(add("site/x", tarfile.CHRTYPE), "does not belong", id="a device"),
        pytest.param(add("site/more.yaml"), "does not belong", id="a file that is not listed"),
        pytest.param(link, "does not belong", id="a link in place of a file"),
        pytest.param(lambda parts: parts.pop(), "missing", id="a file that is missing"),
        pytest.param(lambda parts: parts.pop(0), "does not begin", id="no list"),
        pytest.param(manifest(format=99), "update it", id="a later form"),
        pytest.param(manifest(extra=1), "cannot be read", id="a list with more in it"),
        pytest.param(manifest(files={}), "makes no sense", id="an empty list"),
        pytest.param(spoil(MANIFEST, b"{"), "cannot be read", id="a list that is no JSON"),
    ],
)
def test_what_is_damaged_or_foreign_overwrites_nothing(
    machine: Machine, tmp_path: Path, tamper: Tamper, why: str
) -> None:
    with tarfile.open(machine.backup()) as tar:
        parts = [(member, (tar.extractfile(member) or io.BytesIO()).read()) for member in tar]
    tamper(parts)
    archive = tmp_path / "tampered.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for info, content in parts:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    _overwrites_nothing(machine, archive, why)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "no backup|not be put back|could not"), (b"PK\x03\x04", "could not|no backup")],
)
def test_a_file_of_another_kind_overwrites_nothing(machine: Machine, tmp_path: Path, content: bytes, why: str) -> None:
    archive = tmp_path / "other.tar.gz"
    archive.write_bytes(content)
    _overwrites_nothing(machine, archive, why)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_half_a_file_overwrites_nothing(machine: Machine, tmp_path: Path, share: float) -> None:
    whole = machine.backup().read_bytes()
    archive = tmp_path / "half.tar.gz"
    archive.write_bytes(whole[: int(share * len(whole))])
    _overwrites_nothing(machine, archive, "could not|damaged|missing|no backup")


def test_a_database_of_a_later_program_overwrites_nothing(machine: Machine) -> None:
    with closing(sqlite3.connect(machine.database)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    _overwrites_nothing(machine, machine.backup(), "revision 9999")


def test_a_site_that_would_not_start_overwrites_nothing(machine: Machine) -> None:
    good = (machine.folder / "site.yaml").read_bytes()
    (machine.folder / "site.yaml").write_text("site: {name: x}\n")
    archive = machine.backup()
    (machine.folder / "site.yaml").write_bytes(good)
    _overwrites_nothing(machine, archive, "would not start")


def _overwrites_nothing(machine: Machine, archive: Path, why: str) -> None:
    before = (machine.folder / "site.yaml").read_bytes(), machine.did()
    with pytest.raises(RestoreError, match=why):
        restore(archive, machine.folder, machine.state, NOW)
    with pytest.raises(RestoreError, match=f"{why}|no sound backup"):
        check(archive, machine.folder, machine.state)
    assert ((machine.folder / "site.yaml").read_bytes(), machine.did()) == before
    assert not list(machine.state.glob("before-restore-*"))
    assert not list(machine.state.glob(".restoring-*"))
