"""Commands on what was recorded: replay, export."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from ems.adapters.export.parquet_file import NoParquetError
from ems.adapters.store.reading import NotReadableError
from ems.adapters.store.replay import replay as rerun
from ems.adapters.store.segment import JournalError
from ems.assembly.exporting import Errand, file_of
from ems.assembly.opening import database_of
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import day, settings_as_running, state_dir_of
from ems.domain.energy.step import Step
from ems.domain.record.export_request import Exported, ExportRequest, Form
from ems.domain.record.session_entry import SessionFilter

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
        asked = ExportRequest(
            Exported(options.what),
            Form(options.format),
            SessionFilter(since, until, with_void=True),
            zone.key,
            step=Step(options.step),
            language=options.spreadsheet or "",
            columns=tuple(options.columns.split(",")) if options.columns else (),
        )
        for piece in file_of(Errand(asked, where)):
            _write(piece)
    except (ValueError, NotReadableError, NoParquetError) as wrong:
        raise UsageError(str(wrong)) from None
    return FINE


def _write(piece: bytes) -> None:
    """Bytes as they are, so that line ends and marks are those of the file."""
    sys.stdout.flush()
    if sys.stdout.isatty() and b"\0" in piece:
        raise UsageError("this file is not for a terminal: send it to a file with > FILE")
    sys.stdout.buffer.write(piece)
