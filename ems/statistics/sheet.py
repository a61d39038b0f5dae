"""A table with typed columns: the one form in which all figures are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.billing.money import major, minor

Value = str | int | float | Decimal | date | datetime | None


class Kind(StrEnum):
    """What a column holds. Times are UTC and shown on the clock of the site; shares are told in percent, 0 … 100."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    MONEY = "money"
    DAY = "day"
    TIME = "time"


class Column(NamedTuple):
    """`name` is for programs, `title` and `unit` are for people; `places` behind the point of a number."""

    name: str
    title: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    places: int = 1

    @property
    def label(self) -> str:
        """The title with its unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right."""
        return self.kind in {Kind.COUNT, Kind.NUMBER, Kind.MONEY}


class Chart(NamedTuple):
    """How a sheet is drawn: columns `ys` over the column `x`, as `bars`, as `steps`, or as a `heat` map."""

    form: str
    x: str
    ys: tuple[str, ...]
    unit: str = ""


Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A subject: `about` says what is counted and how, `empty` what it means that there is no row, `wide` that it has
    many columns.
    """

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    chart: Chart | None = None
    empty: str = "Nothing in this time."
    wide: bool = False

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), self.name

    def records(self) -> Iterator[dict[str, Value]]:
        """Its rows by the names of the columns."""
        for row in self.rows:
            yield {column.name: value for column, value in zip(self.columns, row, strict=True)}

    def column(self, name: str) -> int:
        """The position of a column."""
        return next(i for i, column in enumerate(self.columns) if column.name == name)


def in_words(value: Value, column: Column, zone: ZoneInfo) -> str:
    """A value for people, without its unit; a dash for what nobody knows."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%a %Y-%m-%d}"
    if isinstance(value, bool | str):
        return str(value)
    places = 0 if isinstance(value, int) else column.places
    if isinstance(value, Decimal):
        places = max(0, -int(value.as_tuple().exponent))
    shown = f"{value:,.{places}f}".replace(",", "\u202f")
    return shown.removeprefix("-") if not shown.strip("-0.\u202f") else shown


def money(amount: float | None, currency: str) -> Decimal | None:
    """An amount to the minor unit of its currency, halves away from zero; a float that stands for 2.675 is 2.675."""
    if amount is None:
        return None
    return major(minor(Decimal(repr(round(amount, 9))), currency), currency)
