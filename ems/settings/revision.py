"""The last good revision of a site, kept so that a broken file stops neither a start nor a running controller.

In the state folder, `revisions/<revision>/` holds a copy of the site's files as they were when they loaded well, and
`revisions/last-good` the name of the newest. Passwords are kept as hashes only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ems.settings.atomic import replace_file, sync_folder
from ems.settings.build import SiteSettings
from ems.settings.difference import Difference, applied, difference
from ems.settings.finding import Finding, Severity
from ems.settings.load import Loaded, MeterChecks, load
from ems.settings.password import PasswordHash
from ems.settings.places import SITE_FILE, site_file

FOLDER = "revisions"
POINTER = "last-good"
PASSWORDS = "access.json"
KEPT = 10
_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Started:
    """What to run after a start. `settings` is None when neither the file nor a copy can be used; `is_last_good` when
    they come from a copy, because the site's files have errors.
    """

    settings: SiteSettings | None
    findings: tuple[Finding, ...]
    is_last_good: bool = False


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What to run after a reload, what was wrong with the file, and what differs. `refused`: the file has errors, so
    everything stays as it was.
    """

    settings: SiteSettings
    findings: tuple[Finding, ...]
    differences: tuple[Difference, ...] = ()
    refused: bool = False


def load_or_last_good(site: str | Path, state_dir: Path, meter_checks: MeterChecks | None = None) -> Started:
    """Load a site; when its files have errors, the copy of the last revision that had none."""
    loaded = load(site, meter_checks=meter_checks)
    if loaded.settings is not None:
        return Started(loaded.settings, (*loaded.findings, *keep(loaded, state_dir)))
    settings, problems = last_good(state_dir, meter_checks)
    if settings is None:
        return Started(None, (*loaded.findings, *problems))
    path = site_file(site)
    message = f"these errors keep the site from being used: the last good revision {settings.revision} runs instead"
    notice = Finding(path, 1, Severity.WARNING, message, "correct what is named above, then reload")
    return Started(replace(settings, path=path), (*loaded.findings, *problems, notice), is_last_good=True)


def reload(
    site: str | Path, running: SiteSettings, state_dir: Path, meter_checks: MeterChecks | None = None
) -> Reloaded:
    """Load a site while `running` controls it: policy, limits, passwords and who is told of what take effect at once,
    the installation only after a restart. A file with errors changes nothing.
    """
    loaded = load(site, meter_checks=meter_checks)
    if loaded.settings is None:
        return Reloaded(running, loaded.findings, refused=True)
    findings = (*loaded.findings, *keep(loaded, state_dir))
    return Reloaded(applied(running, loaded.settings), findings, difference(running, loaded.settings))


def keep(loaded: Loaded, state_dir: Path) -> tuple[Finding, ...]:
    """Keep the files of a revision that loaded well. What goes wrong is a warning: it must not stop a start."""
    settings = loaded.settings
    if settings is None:
        return ()
    folder = state_dir / FOLDER
    passwords = {station: None if known is None else known.line for station, known in settings.access.items()}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folder / settings.revision
        if _files_of(target) != loaded.files:
            _put(target, loaded.files)
        replace_file(target / PASSWORDS, json.dumps(passwords, indent=1).encode())
        replace_file(folder / POINTER, f"{settings.revision}\n".encode())
        _forget_old(folder, settings.revision)
    except OSError as problem:
        message = f"no copy of this revision could be kept: {problem.strerror or problem}"
        remedy = f"make {folder} writable for the service"
        return (Finding(settings.path, 1, Severity.WARNING, message, remedy),)
    return ()


def last_good(
    state_dir: Path, meter_checks: MeterChecks | None = None
) -> tuple[SiteSettings | None, tuple[Finding, ...]]:
    """The settings of the newest copy; None, with findings, when there is none that still loads."""
    folder = state_dir / FOLDER
    pointer = folder / POINTER
    try:
        name = pointer.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None, ()
    except (OSError, ValueError) as problem:
        return None, (_damaged(pointer, problem),)
    if not _NAME.fullmatch(name):
        return None, (_damaged(pointer, ValueError("it names no revision")),)
    copy = folder / name
    try:
        passwords = _passwords(json.loads((copy / PASSWORDS).read_text(encoding="utf-8")))
    except (OSError, ValueError) as problem:
        return None, (_damaged(copy / PASSWORDS, problem),)
    loaded = load(copy / SITE_FILE, passwords, meter_checks)
    if loaded.settings is not None and loaded.settings.revision != name:
        return None, (_damaged(copy, ValueError("its files are not those that were kept")),)
    return loaded.settings, loaded.findings if loaded.settings is None else ()


def _put(target: Path, files: tuple[tuple[str, bytes], ...]) -> None:
    """Write a copy beside its place and move it there, so that it is whole or not there at all."""
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for name, content in files:
            path = fresh / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(path, content)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
        sync_folder(target.parent)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _files_of(copy: Path) -> tuple[tuple[str, bytes], ...]:
    """The files of a copy in the order of `Loaded.files`."""
    paths = sorted(p for p in copy.rglob("*") if p.is_file() and p.name != PASSWORDS) if copy.is_dir() else []
    found = [(p.relative_to(copy).as_posix(), p.read_bytes()) for p in paths]
    return tuple(sorted(found, key=lambda file: (file[0] != SITE_FILE, Path(file[0]))))


def _forget_old(folder: Path, newest: str) -> None:
    copies = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.name != newest]
    copies.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    leftovers = [path for path in folder.iterdir() if path.name.startswith(".new-")]
    for path in (*copies[KEPT - 1 :], *leftovers):
        with contextlib.suppress(OSError):
            shutil.rmtree(path)
    os.utime(folder / newest)


def _passwords(data: Any) -> dict[str, PasswordHash | None]:
    if not isinstance(data, dict) or not all(line is None or isinstance(line, str) for line in data.values()):
        raise ValueError("it is not what was written")
    return {station: None if line is None else PasswordHash.parse(line) for station, line in data.items()}


def _damaged(path: Path, problem: Exception) -> Finding:
    reason = getattr(problem, "strerror", None) or str(problem)
    message = f"the last good revision cannot be used: {reason}"
    return Finding(path, 1, Severity.ERROR, message, "correct site.yaml itself")
