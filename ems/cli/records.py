"""Commands on what was recorded: replay, export."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from ems.adapters.store.database import Database
from ems.adapters.store.export import export as exported
from ems.adapters.store.reading import NotReadableError, Reader
from ems.adapters.store.replay import replay as rerun
from ems.adapters.store.segment import JournalError
from ems.assembly.opening import database_of
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import day, settings_as_running, state_dir_of

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def replay(options: argparse.Namespace) -> int:
    """Re-run recorded ticks, print the first difference."""
    try:
        found = rerun(options.journal)
    except (JournalError, OSError) as wrong:
        raise UsageError(str(wrong)) from None
    for damage in found.damage:
        print(damage, file=sys.stderr)
    print(f"{found.ticks} ticks replayed, {found.missing} were never recorded")
    if found.difference is None:
        print("every setpoint is the same")
        return FINE
    print(found.difference)
    return FINDING


def export(options: argparse.Namespace) -> int:
    """Data for others."""
    zone = settings_as_running(options.site).site.zone
    since = day(options.since, zone) if options.since else BEGINNING
    until = day(options.until, zone) if options.until else datetime.now(UTC)  # noqa: TID251 - of the person asking
    if since >= until:
        raise UsageError(f"--from {options.since} does not lie before --to {options.until or 'now'}")
    where = database_of(state_dir_of(options.site))
    if isinstance(where, Path) and not where.exists():
        remedy = "a daemon makes it; where it does so is told by EMS_STATE_DIR"
        raise UsageError(f"{where}: nothing has been recorded yet; {remedy}")
    try:
        reader = Reader(Database(where))
        for line in exported(reader, options.what, since, until, options.format):
            sys.stdout.write(line)
    except (ValueError, NotReadableError) as wrong:
        raise UsageError(str(wrong)) from None
    return FINE
