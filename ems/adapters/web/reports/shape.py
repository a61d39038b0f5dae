"""What reports look like as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

Cell = str | int | float | None


class ColumnShape(TypedDict):
    """A column of a sheet; `kind` is text, count, number, money, day or time."""

    name: str
    title: str
    kind: str
    unit: str


class SheetShape(TypedDict):
    """A table of figures; each row tells every column by its name."""

    name: str
    title: str
    about: str
    columns: list[ColumnShape]
    rows: list[dict[str, Cell]]


class ReportShape(TypedDict):
    """Everything that a period adds up to; `begins` until before `ends`, of the days `from_day` to `to_day`."""

    site: str
    from_day: str
    to_day: str
    begins: str
    ends: str
    made: str
    currency: str
    notes: list[str]
    sheets: list[SheetShape]


class ExcludedShape(TypedDict):
    """A time that does not count against the uptime."""

    id: int
    scope: str
    begins: str
    ends: str
    cause: str
    note: str
    who: str


class ExcludedList(TypedDict):
    """Times that do not count against the uptime, of those that reach into the period."""

    excluded: list[ExcludedShape]


class RunShape(TypedDict):
    """An export of one period: how it stands, and what came of the last attempt."""

    period: str
    due: str
    state: str
    attempts: int
    tried: str | None
    next: str | None
    answer: str
    who: str


class ExportShape(TypedDict):
    """An export, when it is due next, and its last runs, newest first."""

    name: str
    content: str
    every: str
    target: str
    next_due: str
    runs: list[RunShape]


class ExportList(TypedDict):
    """What goes out by itself."""

    exports: list[ExportShape]
