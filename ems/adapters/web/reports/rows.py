"""Reports as rows of JSON and lines of CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

from ems.adapters.web.reports.shape import Cell, ExcludedShape, ExportShape, ReportShape, RunShape, SheetShape
from ems.adapters.web.values import time_of
from ems.ports.reports import ExportRun, ExportView
from ems.statistics.record import Excluded
from ems.statistics.report import Report
from ems.statistics.sheet import Kind, Sheet, Value

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would carry out text that begins so."""

PLACES = 6


def report_rows(report: Report) -> ReportShape:
    """A report."""
    period = report.period
    return {
        "site": report.site,
        "from_day": period.first.isoformat(),
        "to_day": period.last.isoformat(),
        "begins": time_of(period.begin),
        "ends": time_of(period.end),
        "made": time_of(report.made),
        "currency": report.currency,
        "notes": list(report.notes),
        "sheets": [sheet_rows(sheet) for sheet in report.sheets],
    }


def sheet_rows(sheet: Sheet) -> SheetShape:
    """A sheet."""
    return {
        "name": sheet.name,
        "title": sheet.title,
        "about": sheet.about,
        "columns": [
            {"name": one.name, "title": one.title, "kind": one.kind.value, "unit": one.unit} for one in sheet.columns
        ],
        "rows": [{name: plain(value) for name, value in record.items()} for record in sheet.records()],
    }


def sheet_csv(sheet: Sheet) -> str:
    """A sheet as CSV (RFC 4180): a line with the names of the columns, points as decimals, times UTC. Text that a
    spreadsheet would take for a formula gets an apostrophe before it.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow([column.name for column in sheet.columns])
    for row in sheet.rows:
        writer.writerow([_cell(value, column.kind) for value, column in zip(row, sheet.columns, strict=True)])
    return written.getvalue()


def plain(value: Value) -> Cell:
    """A value as JSON has it: times UTC, numbers to the millionth."""
    if isinstance(value, datetime):
        return time_of(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return round(value, PLACES) if isinstance(value, float) else value


def _cell(value: Value, kind: Kind) -> Cell:
    told = plain(value)
    is_formula = kind is Kind.TEXT and isinstance(told, str) and told.startswith(FORMULA_STARTS)
    return f"'{told}" if is_formula else told


def excluded_row(told: Excluded) -> ExcludedShape:
    """An excluded time."""
    begins, ends = (datetime.fromtimestamp(at_s, UTC) for at_s in (told.began_s, told.ended_s))
    return {
        "id": told.id,
        "scope": told.scope,
        "begins": time_of(begins),
        "ends": time_of(ends),
        "cause": told.cause.value,
        "note": told.note,
        "who": told.who,
    }


def run_row(run: ExportRun) -> RunShape:
    """A run of an export."""
    return {
        "period": run.period,
        "due": time_of(run.due),
        "state": run.state.value,
        "attempts": run.attempts,
        "tried": None if run.tried is None else time_of(run.tried),
        "next": None if run.next is None else time_of(run.next),
        "answer": run.answer,
        "who": run.who,
    }


def export_row(view: ExportView) -> ExportShape:
    """An export with its runs."""
    return {
        "name": view.plan.name,
        "content": view.plan.content.value,
        "every": view.plan.every.value,
        "target": str(view.plan.target),
        "next_due": time_of(view.next_due),
        "runs": [run_row(run) for run in view.runs],
    }
