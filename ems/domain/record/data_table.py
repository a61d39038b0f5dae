"""A table of data for others, whatever file it ends in: typed columns, and rows that are made as they are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

Cell = str | int | float | bool | datetime | Decimal | tuple[str, ...] | None
"""A value; None: unknown."""


class Kind(StrEnum):
    """What a column holds. MOMENT: a time with its zone. MONEY: an amount in major units of its currency, exact."""

    TEXT = "text"
    TEXTS = "texts"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    MOMENT = "moment"
    MONEY = "money"


class Column(NamedTuple):
    """A column by its name, which holds the unit of its values."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class DataTable:
    """Each row has one cell per column."""

    columns: tuple[Column, ...]
    rows: Iterable[tuple[Cell, ...]]

    def only(self, names: Iterable[str]) -> DataTable:
        """The columns of these names, in this order. Raises ValueError for one that is not there."""
        there = {column.name: index for index, column in enumerate(self.columns)}
        asked = tuple(names)
        if missing := [name for name in asked if name not in there]:
            raise ValueError(f"there is no column {missing[0]!r:.60}: choose from {', '.join(there)}")
        places = [there[name] for name in asked]
        return DataTable(
            tuple(self.columns[place] for place in places),
            (tuple(row[place] for place in places) for row in self.rows),
        )
