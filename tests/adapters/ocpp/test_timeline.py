"""What was said last on a line is remembered to the letter and within bounds, and in little room."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.ocpp import frame
from ems.adapters.ocpp.timeline import MOST_BYTES, MOST_FRAMES, Timeline

BEGIN = datetime(2026, 3, 9, 6, tzinfo=UTC)
STATIONS = 20
ROOM_BYTES = 10_000
"""Of a station that has reported for hours: its last hundred frames alone are 23 kB on the line."""


def said(timeline: Timeline, number: int, text: str) -> bytes:
    """A station says something; returns the frame."""
    data = frame.call(str(number), "Authorize", {"idTag": text})
    timeline.heard(BEGIN + timedelta(seconds=number), frame.parse(data), data)
    return data


@given(st.lists(st.integers(0, 2500), max_size=400))
def test_the_end_of_what_was_said_is_remembered_whole_and_no_more_than_the_bounds_allow(lengths: list[int]) -> None:
    timeline = Timeline()
    sizes = [min(len(said(timeline, number, "x" * length)), 2001) for number, length in enumerate(lengths)]
    found = timeline.read()
    kept = len(found)
    assert [one.id for one in found] == [str(number) for number in range(len(lengths) - kept, len(lengths))]
    assert kept <= MOST_FRAMES
    assert sum(sizes[len(sizes) - kept :]) <= MOST_BYTES
    assert kept in {len(sizes), MOST_FRAMES} or sum(sizes[-kept - 1 :]) > MOST_BYTES


def test_what_is_read_is_what_was_said() -> None:
    timeline = Timeline()
    timeline.link(BEGIN, "connected, v16")
    for number in range(40):
        said(timeline, number, f"tag-{number}")
        call = frame.parse(frame.call(str(number), "Authorize", {}))
        assert isinstance(call, frame.Call)
        timeline.answered(BEGIN + timedelta(seconds=number, microseconds=1), call, frame.result(str(number), {}))
    link, *others = timeline.read()
    assert (link.kind, link.action, link.at) == ("link", "connected, v16", BEGIN)
    assert [(one.from_station, one.kind, one.id) for one in others[-4:]] == [
        (True, "call", "38"), (False, "result", "38"), (True, "call", "39"), (False, "result", "39"),
    ]  # fmt: skip
    assert others[-2].payload == '{"idTag": "tag-39"}'
    assert others[-1].at == BEGIN + timedelta(seconds=39, microseconds=1)


def test_stations_that_report_for_hours_take_little_room() -> None:
    lines = [Timeline() for _ in range(STATIONS)]
    tracemalloc.start()
    try:
        for number in range(400):
            for timeline in lines:
                reported(timeline, number)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(lines[0].read()) == MOST_FRAMES
    assert taken / STATIONS < ROOM_BYTES


def reported(timeline: Timeline, number: int) -> None:
    """A station reports what it draws, and is answered."""
    amps = [f"{6 + number * k % 26}.{number % 10}" for k in (1, 2, 3)]
    values = [
        {"value": value, "measurand": "Current.Import", "phase": f"L{k}", "unit": "A"}
        for k, value in enumerate(amps, 1)
    ]
    values.append({"value": str(1_000_000 + 77 * number), "measurand": "Energy.Active.Import.Register", "unit": "Wh"})
    at = BEGIN + timedelta(seconds=10 * number)
    sample = {"timestamp": at.isoformat(), "sampledValue": values}
    data = frame.call(str(number), "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": [sample]})
    call = frame.parse(data)
    assert isinstance(call, frame.Call)
    timeline.heard(at, call, data)
    timeline.answered(at, call, frame.result(call.id, {}))
