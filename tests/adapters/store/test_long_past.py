"""A start reads what is open, however many years lie behind it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from ems.adapters.store.store import Store
from tests.adapters.store.clocks import HandClock

GROWING = {
    "audit", "booking", "delivery", "incident", "interval", "notice", "offer", "receipt", "receipt_line", "sample",
    "session", "session_correction", "signed_value", "statement_line", "tab", "transaction_log", "usage",
}  # fmt: skip
OF_FEW = {"session_open", "tab_open", "transaction_log_open"}
"""Indexes of those rows that are open."""


def reads_much(step: str) -> bool:
    """Whether a step of a plan goes through a whole table, or through all of it from somewhere on."""
    return ">?" in step or (step.startswith("SCAN ") and step.rsplit(maxsplit=1)[-1] not in OF_FEW)


def test_no_query_of_a_start_reads_all_that_ever_was(tmp_path: Path) -> None:
    path, asked = tmp_path / "ems.db", list[tuple[str, Any]]()
    Store(path, HandClock()).open()

    def hear(_c: object, _cursor: object, words: str, values: Any, _context: object, _many: bool) -> None:
        asked.append((words, values))

    event.listen(Engine, "before_cursor_execute", hear)
    store = Store(path, HandClock())
    try:
        store.open()
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
        store.close()
    chosen = [(words, values) for words, values in asked if words.startswith("SELECT") and "LIMIT" not in words]
    with sqlite3.connect(path) as connection:
        plans = [
            step
            for words, values in chosen
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {words}", values)
            if step.split()[1] in GROWING and reads_much(step)
        ]
    assert len(chosen) > 20
    assert plans == []
