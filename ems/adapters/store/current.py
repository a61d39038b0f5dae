"""The rows that describe what is going on now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table

from ems.adapters.store.batch import Key, Row


class Current:
    """Open transactions and sessions, grants, models, this run: what a database that replaces a lost one begins with.

    The ledger keeps it, the writer reads it from its own thread: every method is one step of the interpreter.
    """

    def __init__(self) -> None:
        self._rows: dict[Key, Row] = {}

    def remember(self, table: Table, row: Row) -> None:
        """`row` is how it is now."""
        self._rows[Key.of(table, row)] = row

    def forget(self, table: Table, *key: Any) -> Row:
        """It is over; returns what was remembered, empty if nothing was."""
        return self._rows.pop(Key(table, key), {})

    def row(self, table: Table, *key: Any) -> Row:
        """What is remembered, empty if nothing is."""
        return self._rows.get(Key(table, key), {})

    def rows(self) -> Iterable[tuple[Key, Row]]:
        """All of them."""
        return list(self._rows.items())
