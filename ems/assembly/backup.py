"""A backup of all that a site needs on another machine: the database, the site's folder, and what waits to be asked of
stations. One archive, with a list of what is in it and a digest of each part.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from ems import __version__
from ems.adapters.store.copying import copy_database

FORMAT = 1
FOLDER = "backups"
KEPT = 5
MANIFEST, DATABASE = "manifest.json", "database/ems.sqlite3"
SITE, STATE = "site", "state"
SECRETS = "secrets"
WAITING, RECORDS = "kept-requests.json", "commissioning.jsonl"
KEPT_FILES = (WAITING, RECORDS)
"""Of the state folder: what waits to be asked of stations, and the records of commissionings."""
MOST_FILE = 64 << 20
PIECE = 1 << 20
ROOM_FOR = 2
"""So many times the size of the database must be free: for its copy and for the archive."""

_NAME = re.compile(r"ems-backup-[0-9A-Za-z._-]{1,120}\.tar\.gz")


class BackupError(Exception):
    """There is no backup; the text says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in an archive: `files` by their path in it, each with its SHA-256."""

    format: int
    site: str
    made: str
    program: str
    with_secrets: bool
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backup:
    """An archive that lies in the state folder."""

    name: str
    size: int
    made: datetime
    with_secrets: bool


def make_backup(
    site: str, folder: Path, database: str | Path, state_dir: Path, now: datetime, with_secrets: bool
) -> Path:
    """Write an archive into the state folder and forget the oldest ones. Blocks; raises BackupError."""
    if not isinstance(database, Path):
        if "://" in database:
            remedy = "the database is a server of its own: back that up with its own tools, as pg_dump"
            raise BackupError(remedy)
        database = Path(database)
    place = state_dir / FOLDER
    name = f"ems-backup-{_plain(site)}-{now:%Y%m%dT%H%M%SZ}{'-secrets' if with_secrets else ''}.tar.gz"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _must_fit(database, place)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=place) as made:
            copy = Path(made) / "ems.sqlite3"
            copy_database(database, copy)
            parts = {DATABASE: copy, **dict(_site_files(folder, state_dir, with_secrets))}
            parts |= {f"{STATE}/{name}": state_dir / name for name in KEPT_FILES if (state_dir / name).is_file()}
            digests = {path: _digest(file) for path, file in sorted(parts.items())}
            manifest = Manifest(FORMAT, site, now.isoformat(), __version__, with_secrets, digests)
            archive = Path(made) / name
            with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
                _write(raw, manifest, parts)
                raw.flush()
                os.fsync(raw.fileno())
            archive.replace(place / name)
        _forget_old(place)
    except (OSError, sqlite3.Error) as failed:
        raise BackupError(f"the backup could not be made: {failed}") from failed
    return place / name


def backups(state_dir: Path) -> tuple[Backup, ...]:
    """Those that lie there, the newest first. Blocks."""
    found = []
    for path in (state_dir / FOLDER).glob("ems-backup-*.tar.gz"):
        try:
            known = path.stat()
        except OSError:
            continue
        made = datetime.fromtimestamp(known.st_mtime).astimezone()
        found.append(Backup(path.name, known.st_size, made, path.name.endswith("-secrets.tar.gz")))
    return tuple(sorted(found, key=lambda one: one.made, reverse=True))


def backup_path(state_dir: Path, name: str) -> Path | None:
    """Where a backup lies; None when there is none of that name, which is no path."""
    path = state_dir / FOLDER / name
    return path if _NAME.fullmatch(name) and path.is_file() and not path.is_symlink() else None


def _plain(site: str) -> str:
    return re.sub(r"[^0-9A-Za-z]+", "-", site).strip("-")[:40] or "site"


def _must_fit(database: Path, place: Path) -> None:
    size = database.stat().st_size
    free = shutil.disk_usage(place).free
    if free < ROOM_FOR * size:
        raise BackupError(f"the disk has {free >> 20} MiB free, and a backup needs up to {ROOM_FOR * size >> 20} MiB")


def _site_files(folder: Path, state_dir: Path, with_secrets: bool) -> Iterator[tuple[str, Path]]:
    """The files of the site; no hidden ones, no links, nothing of the state folder should it lie there."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or path.is_symlink() or not path.is_file() or path.is_relative_to(state_dir):
            continue
        if not with_secrets and SECRETS in inside.parts:
            continue
        if path.stat().st_size <= MOST_FILE:
            yield str(PurePosixPath(SITE, *inside.parts)), path


def _write(raw: IO[bytes], manifest: Manifest, parts: dict[str, Path]) -> None:
    with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=3) as tar:
        text = json.dumps(asdict(manifest), indent=1).encode()
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode = len(text), 0o600
        tar.addfile(head, io.BytesIO(text))
        for path in sorted(parts):
            with parts[path].open("rb") as file:
                info = tar.gettarinfo(arcname=path, fileobj=file)
                info.uid = info.gid = 0
                info.uname = info.gname = ""
                tar.addfile(info, file)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _forget_old(place: Path) -> None:
    """Only the newest stay: a disk must not fill up with backups of itself."""
    found = sorted(place.glob("ems-backup-*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[KEPT:]:
        path.unlink(missing_ok=True)
