"""Commands that take a backup of a site and put it back."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from ems.assembly.backup import BackupError, Manifest, make_backup
from ems.assembly.opening import DATABASE, database_of
from ems.assembly.restore import RestoreError, check
from ems.assembly.restore import restore as put_back
from ems.cli.outcome import FINE, UsageError
from ems.cli.site import settings_as_running, site_named, state_dir_of
from ems.settings.places import site_file


def backup(options: argparse.Namespace) -> int:
    """One archive of the database and the site's folder; beside the running daemon too."""
    settings, state = settings_as_running(options.site), state_dir_of(options.site)
    folder = settings.path.parent
    try:
        made = make_backup(settings.site.name, folder, database_of(state), state, _now(), options.secrets)
    except BackupError as failed:
        raise UsageError(str(failed)) from None
    print(made)
    return FINE


def restore(options: argparse.Namespace) -> int:
    """Put a site back as a backup has it; the old is kept."""
    folder = site_file(site_named(options.site)).parent
    archive: Path = options.archive
    state = state_dir_of(options.site)
    if database_of(state) != state / DATABASE:
        raise UsageError("EMS_DATABASE names another database: put that back with its own tools, or unset it")
    try:
        if options.check:
            print(f"this is a sound backup of {_about(check(archive, folder, state))}; nothing was changed")
            return FINE
        done = put_back(archive, folder, state, _now())
    except RestoreError as wrong:
        raise UsageError(str(wrong)) from None
    print(f"put back {_about(done.manifest)}: the database and {done.site_files} files of {folder}")
    print(f"what was there before lies in {done.kept}")
    return FINE


def _about(manifest: Manifest) -> str:
    return f"{manifest.site}, made {manifest.made} by ems {manifest.program}"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - of the person asking
