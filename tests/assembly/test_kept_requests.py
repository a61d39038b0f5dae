"""What waits for a station waits over a restart of the daemon."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ems.assembly.kept_requests import FILE, read_kept, write_kept
from ems.domain.remote.outcome import Asked, Outcome, Verdict
from ems.domain.remote.request import CancelReservation, SetAvailability, StationRequest, WriteVariables
from ems.runtime.remote import KEPT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUESTS: tuple[StationRequest, ...] = (
    SetAvailability(None, True),
    SetAvailability(2, False),
    WriteVariables((("ConnectionTimeOut", "90"), ("ü", "\n"))),
    CancelReservation(7),
)


def kept(request: StationRequest, number: int = 1) -> Asked:
    return Asked(number, "CP", request, "ada", NOW, Outcome(Verdict.KEPT, KEPT), ("mind",))


def test_it_is_read_as_it_was_written_and_by_nobody_else(tmp_path: Path) -> None:
    written = tuple(kept(request, number) for number, request in enumerate(REQUESTS, 1))
    write_kept(tmp_path, written)
    assert read_kept(tmp_path) == written
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    write_kept(tmp_path, ())
    assert read_kept(tmp_path) == ()


GOOD = {"number": 1, "station": "CP", "what": "CancelReservation", "request": {"reservation": 7}, "who": "ada"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", "null", '[{"number": 1}]', json.dumps([{**GOOD, "at": "never", "warnings": []}]),
     json.dumps([{**GOOD, "at": NOW.isoformat(), "warnings": [], "what": "Reset"}])],
)  # fmt: skip
def test_a_file_that_cannot_be_read_costs_what_is_in_it_and_no_start(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_kept(tmp_path) == ()


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    assert read_kept(tmp_path) == ()
