"""Commissioning records: whatever was changed afterwards is found out, and a crash spoils no other record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ems.assembly.record_book import RecordBook
from ems.domain.remote.commissioning import Handover, Part

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
PARTS = (Part("Circuits", ("Circuit", "Rating, A"), (("grid", "63"), ("row \ud800 \u2028 ü", "32"))),)


def filled(folder: Path, count: int = 3) -> tuple[RecordBook, Path]:
    path = folder / "state" / "commissioning.jsonl"
    book = RecordBook(path)
    for number in range(1, count + 1):
        book.add(NOW, "anna", Handover("Yard", "Europe/Berlin", f"r{number}", "0" * 64, True, "", PARTS))
    return book, path


def test_what_was_recorded_is_read_as_it_was(tmp_path: Path) -> None:
    book, path = filled(tmp_path)
    records, faults = book.read()
    assert ([one.number for one in records], faults) == ([1, 2, 3], ())
    assert records[1].told.parts == PARTS
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_never_written_again(tmp_path: Path) -> None:
    book, path = filled(tmp_path)
    before = path.read_bytes()
    book.add(NOW, "ben", Handover("Yard", "UTC", "r4", "0" * 64, False, "once more", ()))
    assert path.read_bytes().startswith(before)


CHANGES: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a word": (lambda lines: [lines[0], lines[1].replace('"63"', '"80"'), lines[2]], "record 2 is not what it was"),
    "a name": (lambda lines: [lines[0].replace("anna", "otto"), *lines[1:]], "record 1 is not what it was"),
    "a record that is gone": (
        lambda lines: [lines[0], lines[2]],
        "before record 3 another one was changed or is missing",
    ),
    "the first that is gone": (lambda lines: lines[1:], "before record 2 another one was changed or is missing"),
    "another order": (lambda lines: [lines[1], lines[0], lines[2]], "before record 2 another one"),
    "a line of nothing": (lambda lines: [lines[0], "{}", *lines[1:]], "line 2 of commissioning.jsonl cannot be read"),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_whatever_was_changed_since_is_found_out(tmp_path: Path, name: str) -> None:
    change, words = CHANGES[name]
    book, path = filled(tmp_path)
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    assert any(words in fault for fault in book.read()[1]), book.read()[1]


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path: Path) -> None:
    book, path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    record = book.add(NOW, "anna", Handover("Yard", "UTC", "r4", "0" * 64, True, "", ()))
    records, faults = book.read()
    assert [one.number for one in records] == [1, 2, record.number]
    assert faults == ("line 3 of commissioning.jsonl cannot be read",)
