"""What a month, or any days, added up to."""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

from ems.adapters.pdf.document import pdf_of
from ems.adapters.web.reports.rows import report_rows, sheet_csv, sheet_rows
from ems.assembly.reports import report_beside
from ems.cli.outcome import FINE, UsageError
from ems.cli.site import settings_as_running, state_dir_of
from ems.ports.reports import NoReportError
from ems.runtime.clock import SystemClock
from ems.settings.atomic import replace_file
from ems.settings.build import SiteSettings
from ems.settings.finding import printable
from ems.statistics.period import Every, Period
from ems.statistics.report import SHEETS, Report
from ems.statistics.sheet import Sheet, in_words

SHOWN_WIDTH = 40


def report(options: argparse.Namespace) -> int:
    """Print key figures or one sheet, or write a file."""
    ending = _ending(options.out, options.sheet)
    settings = settings_as_running(options.site)
    clock = SystemClock()
    period = _period(options, settings, clock)
    try:
        made = report_beside(settings, state_dir_of(options.site), clock, period)
    except NoReportError as failed:
        raise UsageError(str(failed)) from None
    sheet = None if options.sheet is None else _sheet(made, options.sheet)
    if options.out is not None:
        try:
            replace_file(options.out, _file(made, sheet, ending))
        except OSError as failed:
            raise UsageError(f"{options.out} cannot be written: {failed.strerror}") from None
        print(f"{options.out}: {made.site}, {period}")
    elif options.json:
        print(json.dumps(report_rows(made) if sheet is None else sheet_rows(sheet), indent=2))
    else:
        _print(made, made.sheets[0] if sheet is None else sheet)
    return FINE


def _ending(out: Path | None, sheet: str | None) -> str:
    if out is None:
        return ""
    ending = out.suffix.lower()
    if ending not in {".pdf", ".json", ".csv"}:
        raise UsageError(f"--out {out}: write a name that ends in .pdf, .json or .csv")
    if ending == ".csv" and sheet is None:
        raise UsageError(f"--out {out}: a CSV holds one sheet; add --sheet with one of {', '.join(SHEETS)}")
    if ending == ".pdf" and sheet is not None:
        raise UsageError(f"--out {out}: a PDF holds the whole report; leave --sheet out")
    return ending


def _period(options: argparse.Namespace, settings: SiteSettings, clock: SystemClock) -> Period:
    zone = settings.site.zone
    try:
        if options.month is not None and (options.first is not None or options.last is not None):
            raise UsageError("say --month, or --first and --last, not both")
        if options.month is not None:
            return Period.month(options.month, zone)
        if options.first is not None:
            first = date.fromisoformat(options.first)
            return Period(first, first if options.last is None else date.fromisoformat(options.last), zone)
        if options.last is not None:
            raise UsageError("--last needs --first")
    except ValueError as wrong:
        raise UsageError(f"{wrong}; write days as 2026-10-31") from None
    return Period.around(clock.now().utc.astimezone(zone).date(), Every.MONTH, zone).before(Every.MONTH)


def _sheet(made: Report, name: str) -> Sheet:
    found = made.sheet(name)
    if found is None:
        raise UsageError(f"there is no sheet {name!r}; there are: {', '.join(SHEETS)}")
    return found


def _file(made: Report, sheet: Sheet | None, ending: str) -> bytes:
    if ending == ".pdf":
        return pdf_of(made)
    if ending == ".json":
        return json.dumps(report_rows(made) if sheet is None else sheet_rows(sheet), indent=2).encode()
    assert sheet is not None
    return sheet_csv(sheet).encode()


def _print(made: Report, sheet: Sheet) -> None:
    zone = made.period.zone
    shown = [k for k, column in enumerate(sheet.columns) if column.name != "name"]
    columns = [sheet.columns[k] for k in shown]
    cells = [
        [printable(in_words(row[k], sheet.columns[k], zone).replace("\u202f", " "))[:SHOWN_WIDTH] for k in shown]
        for row in sheet.rows
    ]
    head = [column.label for column in columns]
    widths = [max(len(row[k]) for row in (head, *cells)) for k in range(len(head))]
    print(f"{printable(made.site)}, {made.period}: {sheet.title}")
    for row in (head, *cells):
        words = (
            text.rjust(width) if column.is_number else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        )
        print("  ".join(words).rstrip())
    if not cells:
        print(sheet.empty)
    if sheet is made.sheets[0]:
        for note in made.notes:
            print(f"- {printable(note)}")
