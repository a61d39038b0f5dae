"""A site is put back as a backup has it. All of the archive is looked at before anything is overwritten, and what was
there before is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ems.adapters.store.copying import conclude, troubles_of
from ems.adapters.store.database import SIDE_FILES
from ems.assembly.backup import DATABASE, FORMAT, MANIFEST, PIECE, SECRETS, SITE, STATE, Manifest
from ems.runtime.lock import LockError, locked
from ems.settings.finding import has_errors
from ems.settings.load import load

MOST_FILES, MOST_BYTES = 10_000, 64 << 30


class RestoreError(Exception):
    """Nothing was overwritten; the text says why, and what helps."""


class Restored(NamedTuple):
    """What was done: how much of the site's folder was written, and where lies what was there before."""

    manifest: Manifest
    site_files: int
    kept: Path


def manifest_of(archive: Path) -> Manifest:
    """What an archive says is in it. Raises RestoreError."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            return _manifest(tar)
    except (tarfile.TarError, OSError, EOFError) as wrong:
        raise RestoreError(f"{archive} is no backup that can be read: {wrong}") from None


def check(archive: Path, folder: Path, state_dir: Path) -> Manifest:
    """Look at all of an archive as `restore` would, also beside a controller that runs. Blocks; raises RestoreError."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = tempfile.TemporaryDirectory(prefix=".checking-", dir=state_dir)
    except OSError as failed:
        raise RestoreError(f"cannot use {state_dir}: {failed.strerror}") from None
    try:
        with place as staged:
            return _sound(archive, Path(staged), folder)
    except (tarfile.TarError, sqlite3.Error, OSError, EOFError) as wrong:
        raise RestoreError(f"{archive} is no sound backup: {wrong}") from None


def restore(archive: Path, folder: Path, state_dir: Path, now: datetime) -> Restored:
    """Put a site back. The controller must not run. Blocks; raises RestoreError."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = locked(state_dir)
    except LockError as busy:
        raise RestoreError(f"{busy}; a site is only put back while its controller is stopped") from None
    except OSError as failed:
        raise RestoreError(f"cannot use {state_dir}: {failed.strerror}") from None
    kept = state_dir / f"before-restore-{now:%Y%m%dT%H%M%SZ}"
    try:
        with lock, tempfile.TemporaryDirectory(prefix=".restoring-", dir=state_dir) as staged:
            found = Path(staged)
            manifest = _sound(archive, found, folder)
            conclude(found / DATABASE)
            _keep(folder, state_dir, kept)
            written = _put(found, folder, state_dir)
            _hand_over(state_dir, (*written, kept, *kept.rglob("*")))
    except (tarfile.TarError, sqlite3.Error, OSError, EOFError) as wrong:
        done = f"; what was there before lies in {kept}" if kept.exists() else ""
        raise RestoreError(f"{archive} could not be put back: {wrong}{done}") from None
    return Restored(manifest, sum(1 for path in manifest.files if path.startswith(f"{SITE}/")), kept)


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    file = None if first is None or first.name != MANIFEST or first.size > PIECE else tar.extractfile(first)
    if file is None:
        raise RestoreError("this archive is no backup of ems: it does not begin with a list of what is in it")
    try:
        told = json.loads(file.read())
        manifest = Manifest(**told)
        files = {str(path): str(digest) for path, digest in manifest.files.items()}
    except (ValueError, TypeError, AttributeError):
        raise RestoreError("the list of what is in this archive cannot be read") from None
    if manifest.format != FORMAT:
        raise RestoreError(f"this backup has the form {manifest.format}, and this program knows {FORMAT}: update it")
    if DATABASE not in files or len(files) > MOST_FILES:
        raise RestoreError("the list of what is in this archive makes no sense")
    return manifest


def _sound(archive: Path, found: Path, folder: Path) -> Manifest:
    """What is in an archive, unpacked below `found` and fit to be put back into `folder`. Raises RestoreError."""
    manifest = _unpack(archive, found)
    _must_be_usable(found, folder)
    return manifest


def _unpack(archive: Path, into: Path) -> Manifest:
    """Write all files of an archive below `into`, each held against its digest; nothing else is written anywhere."""
    with tarfile.open(archive, "r:gz") as tar:
        manifest = _manifest(tar)
        missing, room = dict(manifest.files), MOST_BYTES
        while (member := tar.next()) is not None:
            path = PurePosixPath(member.name)
            wanted = missing.pop(member.name, None)
            room -= member.size
            if wanted is None or not _is_plain(path) or not member.isreg() or room < 0:
                raise RestoreError(f"{member.name!r:.100} does not belong into a backup: nothing was overwritten")
            file, target = tar.extractfile(member), into / path
            assert file is not None, "a regular file"
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            digest = hashlib.sha256()
            with target.open("wb") as out:
                while piece := file.read(PIECE):
                    digest.update(piece)
                    out.write(piece)
            target.chmod(0o600 if path.parts[0] != SITE or SECRETS in path.parts else 0o640)
            if digest.hexdigest() != wanted:
                raise RestoreError(f"{member.name} is damaged: nothing was overwritten; take another backup")
    if missing:
        raise RestoreError(f"{next(iter(missing))} is missing in the archive: nothing was overwritten")
    return manifest


def _is_plain(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts and path.parts[0] in {SITE, STATE, "database"}


def _must_be_usable(staged: Path, folder: Path) -> None:
    """The database opens, and the site checks; with the secrets that are there where the backup has none."""
    for trouble in troubles_of(staged / DATABASE):
        raise RestoreError(f"{trouble}; nothing was overwritten")
    site = staged / SITE
    if not (site / "site.yaml").is_file():
        raise RestoreError("there is no site.yaml in this archive: nothing was overwritten")
    borrowed = not (site / SECRETS).exists() and (folder / SECRETS).is_dir()
    if borrowed:
        shutil.copytree(folder / SECRETS, site / SECRETS)
    findings = load(site).findings
    if borrowed:
        shutil.rmtree(site / SECRETS)
    if has_errors(findings):
        first = next(one for one in findings if has_errors((one,))).message
        lacks = not (folder / SECRETS).is_dir() and not (site / SECRETS).is_dir()
        remedy = " (where a backup has no secrets, put those files there first)" if lacks else ""
        raise RestoreError(f"the site of this backup would not start: {first}{remedy}; nothing was overwritten")


def _keep(folder: Path, state_dir: Path, kept: Path) -> None:
    """What is there now is moved, or copied where it stays, to a folder of its own."""
    kept.mkdir(mode=0o700)
    for path in _databases(state_dir):
        path.rename(kept / path.name)
    if folder.is_dir():
        ours = {path.name for path in (state_dir,) if path.parent == folder}
        shutil.copytree(folder, kept / SITE, symlinks=True, ignore=lambda at, names: ours if Path(at) == folder else ())
    for path in state_dir.glob("*.json"):
        shutil.copy2(path, kept / path.name)


def _databases(state_dir: Path) -> Iterator[Path]:
    database = state_dir / Path(DATABASE).name
    for path in (database, *(Path(f"{database}{suffix}") for suffix in SIDE_FILES)):
        if path.exists():
            yield path


def _put(staged: Path, folder: Path, state_dir: Path) -> list[Path]:
    """What was written."""
    places = {staged / DATABASE: state_dir / Path(DATABASE).name}
    for path in sorted((staged / SITE).rglob("*")):
        if path.is_file():
            places[path] = folder / path.relative_to(staged / SITE)
    if (staged / STATE).is_dir():
        places |= {path: state_dir / path.name for path in (staged / STATE).iterdir()}
    made = [one for target in places.values() for one in target.parents if not one.exists()]
    for path, target in places.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    return [*made, *places.values()]


def _hand_over(state_dir: Path, written: Iterable[Path]) -> None:
    """What root writes is to be the account's whose state it is, or the controller could not open it."""
    if os.geteuid() != 0:
        return
    owner = state_dir.stat()
    for path in written:
        with suppress(OSError):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
