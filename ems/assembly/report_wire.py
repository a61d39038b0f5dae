"""What goes to the process that makes reports and what comes back.

Questions are pickled: they go to a child of ours. Answers are not, because what comes from a process that may be
damaged must not run here: a report is JSON, with the few kinds of values that JSON does not know named by their letter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ems.statistics.period import Period
from ems.statistics.record import Facts
from ems.statistics.report import Report
from ems.statistics.sheet import Chart, Column, Kind, Sheet

MADE, PRINTED, WRONG = b"r", b"p", b"!"
"""How an answer begins: a report, the same as a PDF, or in words why there is none."""


class Wanted(NamedTuple):
    """The report of a period, from the database at `where` as it was at `now_s`."""

    where: str | Path
    period: Period
    now_s: int
    facts: Facts


class Question(NamedTuple):
    """What a process is asked; `is_printed`: as a PDF."""

    wanted: Wanted
    is_printed: bool


def encoded(report: Report) -> bytes:
    """A report without its period, which whoever asked knows."""
    sheets = [
        [one.name, one.title, one.about, one.columns, one.rows, one.chart, one.empty, one.wide] for one in report.sheets
    ]
    told = [report.site, report.made, report.currency, sheets, report.notes]
    return json.dumps(told, default=_tagged, separators=(",", ":")).encode()


def decoded(payload: bytes, period: Period) -> Report:
    """The report again. Raises ValueError for what is none."""
    try:
        site, made, currency, sheets, notes = json.loads(payload, object_hook=_untagged)
        return Report(site, period, made, currency, tuple(_sheet(*told) for told in sheets), tuple(notes))
    except (TypeError, KeyError, IndexError, ArithmeticError) as wrong:
        raise ValueError(f"this is no report: {wrong}") from None


def _sheet(  # noqa: PLR0913, PLR0917 - a sheet has so many parts
    name: str, title: str, about: str, columns: Any, rows: Any, chart: Any, empty: str, wide: bool
) -> Sheet:
    told = tuple(Column(one[0], one[1], Kind(one[2]), *one[3:]) for one in columns)
    drawn = None if chart is None else Chart(chart[0], chart[1], tuple(chart[2]), chart[3])
    return Sheet(name, title, about, told, tuple(map(tuple, rows)), drawn, empty, wide)


def _tagged(value: Any) -> dict[str, str]:
    match value:
        case Decimal():
            return {"n": str(value)}
        case datetime():
            return {"t": value.isoformat()}
        case date():
            return {"d": value.isoformat()}
        case _:
            raise TypeError(f"no report holds {type(value).__name__}")


_READ: Mapping[str, Callable[[str], Any]] = {"n": Decimal, "t": datetime.fromisoformat, "d": date.fromisoformat}


def _untagged(told: dict[str, Any]) -> Any:
    ((letter, text),) = told.items()
    return _READ[letter](text)
