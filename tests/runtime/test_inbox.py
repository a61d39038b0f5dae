"""The inbox: in order, bounded, newest reading wins, urgent things wake."""

from __future__ import annotations

import asyncio

import pytest

from ems.domain.events import Event, MeterRead, MeterValues, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.instant import EPOCH
from ems.domain.meter import MeterReading
from ems.domain.session import Transaction
from ems.domain.station import EvseStatus
from ems.runtime import inbox as inbox_module
from ems.runtime.inbox import Inbox
from tests.adapters.ocpp.central import in_virtual_time

STATUS = StatusChanged("A/1", EPOCH, EvseStatus.CHARGING)


def reading(amps: float, meter: str = "main") -> MeterRead:
    return MeterRead(meter, MeterReading(at=amps, amps=(amps, 0, 0)))


def values(at: float = 1.0, evse: str = "A/1", **known: object) -> MeterValues:
    return MeterValues(evse, at, **known)  # type: ignore[arg-type]  # rows of a table


CASES: list[tuple[str, list[Event], list[Event]]] = [
    ("events stay in order", [STATUS, reading(1), STATUS], [STATUS, reading(1), STATUS]),
    ("the newest reading of a meter wins", [reading(1), STATUS, reading(2)], [reading(2), STATUS]),
    ("two meters do not mix", [reading(1), reading(2, "b"), reading(3)], [reading(3), reading(2, "b")]),
    (
        "a second message completes the first",
        [values(1, leg_a=(5.0,)), values(2, register_wh=7.0)],
        [values(2, leg_a=(5.0,), register_wh=7.0)],
    ),
    (
        "newer currents replace older ones, whichever way they are told",
        [values(1, leg_a=(5.0,), register_wh=1.0), values(2, total_a=3.0)],
        [values(2, total_a=3.0, register_wh=1.0)],
    ),
    (
        "values are not merged across something that happened in between",
        [values(1, register_wh=5.0), STATUS, values(2, register_wh=6.0)],
        [values(1, register_wh=5.0), STATUS, values(2, register_wh=6.0)],
    ),
    (
        "what happens to one EVSE does not keep another's values apart",
        [values(1, evse="B/1", soc_percent=5.0), STATUS, values(2, evse="B/1", soc_percent=6.0)],
        [values(2, evse="B/1", soc_percent=6.0), STATUS],
    ),
]


def begins(number: int, evse: str = "A/1") -> TransactionStarted:
    return TransactionStarted(evse, EPOCH, Transaction(number, EPOCH.utc, 0.0))


def ends(number: int, evse: str = "A/1") -> TransactionEnded:
    return TransactionEnded(evse, EPOCH, number, 900.0)


def test_what_a_station_tells_of_a_whole_night_is_looked_at_step_by_step() -> None:
    """Another EVSE does not wait for it, nor do readings that come before."""
    inbox = Inbox(lambda _: False)
    night: list[Event] = [values(1, register_wh=5.0), begins(1), ends(1), STATUS, begins(2), ends(2), begins(9, "B/1")]
    for event in night:
        inbox.put(event)
    turns = [list(inbox.drain()) for _ in range(5)]
    assert turns == [[night[0], begins(1), begins(9, "B/1")], [ends(1), STATUS], [begins(2)], [ends(2)], []]


def test_what_waits_for_its_turn_does_not_wait_for_the_next_second() -> None:
    async def scenario() -> float:
        inbox, loop = Inbox(lambda _: False), asyncio.get_running_loop()
        inbox.put(begins(1))
        inbox.put(ends(1))
        inbox.drain()
        before = loop.time()
        await inbox.wait(1.0)
        return loop.time() - before

    assert in_virtual_time(scenario) == 0.0


@pytest.mark.parametrize(("sentence", "put", "drained"), CASES, ids=[case[0] for case in CASES])
def test_what_comes_out(sentence: str, put: list[Event], drained: list[Event]) -> None:
    inbox = Inbox(lambda _: False)
    for event in put:
        inbox.put(event)
    assert list(inbox.drain()) == drained, sentence
    assert inbox.drain() == ()


def test_beyond_the_bound_readings_are_dropped_and_station_events_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "MAX_WAITING", 3)
    inbox = Inbox(lambda _: False)
    for meter in "abcde":
        inbox.put(reading(1, meter))
    inbox.put(STATUS)
    assert (len(inbox.drain()), inbox.dropped) == (4, 2)


def test_something_urgent_ends_the_wait_and_the_rest_does_not() -> None:
    async def scenario() -> tuple[float, float]:
        inbox, loop = Inbox(lambda event: event is STATUS), asyncio.get_running_loop()
        loop.call_later(0.2, inbox.put, reading(1))
        await inbox.wait(1.0)
        patient = loop.time()
        loop.call_later(0.2, inbox.put, STATUS)
        await inbox.wait(1.0)
        return patient, round(loop.time() - patient, 3)

    assert in_virtual_time(scenario) == (1.0, 0.2)
