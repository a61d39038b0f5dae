"""Alarms and notices in a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ems.adapters.store import notices as module
from ems.adapters.store.store import Store
from ems.domain.alarm.delivery import Delivery, DeliveryState
from ems.domain.alarm.incident import Acknowledged, Incident
from ems.domain.alarm.notice import Notice, Topic
from ems.domain.decision import Level
from ems.ports.controller import NotStoredError
from ems.runtime.clock import SystemClock

AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def incident(number: int, **changes: object) -> Incident:
    made = Incident(
        number, f"fault:CP-0{number}/1", "fault", f"CP-0{number}/1", Level.HOLD, f"CP-0{number}/1: GroundFailure",
        "look", (f"CP-0{number}/1",), AT, AT + timedelta(minutes=2), "hint",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of the record by name


def notice(number: int, topic: Topic = Topic.SESSION_ENDED) -> Notice:
    return Notice(number, f"evt_{number}", AT, topic, "CP-01/1", {"energy_wh": 1.5, "text": "ü\n<b>"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "ems.db", SystemClock())
    one.open()
    yield one
    one.close()


def test_incidents_are_found_again_as_they_were(store: Store) -> None:
    async def work() -> None:
        seen = incident(2, cleared=AT, returns=3, into=7, acknowledged=Acknowledged(AT, "anna", "the cable"))
        for one in (incident(1), seen, incident(3)):
            store.incidents.keep(one)
        await store.flush()
        assert await store.incidents.left() == ((incident(3), incident(1)), 3)
        assert await store.incidents.newest(None, 10) == (incident(3), seen, incident(1))
        assert await store.incidents.newest(3, 1) == (seen,)
        assert await store.incidents.newest(None, 10, words="THE CABLE") == (seen,)
        assert await store.incidents.newest(None, 10, words="cp-03") == (incident(3),)
        assert await store.incidents.newest(None, 10, words="%") == ()
        assert await store.incidents.newest(None, 10, kind="offline") == ()
        assert await store.incidents.one(2) == seen
        assert await store.incidents.one(9) is None

    asyncio.run(work())


def test_who_acknowledged_is_in_the_audit(store: Store) -> None:
    async def work() -> None:
        seen = incident(1, acknowledged=Acknowledged(AT, "anna", "the cable"))
        await store.incidents.acknowledged(seen, AT, "anna")
        assert await store.incidents.one(1) == seen
        (done,) = await store.audits(None, 10)
        assert (done.who, done.what) == ("anna", "AlarmAcknowledged")
        assert "the cable" in done.detail

    asyncio.run(work())


def test_what_waits_is_found_by_the_next_run_in_order(store: Store) -> None:
    async def work() -> None:
        await store.notices.keep([(notice(2), ["back", "mail"]), (notice(1), ["back"]), (notice(3), [])])
        store.notices.delivered(Delivery("back", notice(2)).delivered(AT, "204"))
        store.notices.delivered(Delivery("mail", notice(2)).failed(AT, "no", is_refusal=True))
        await store.flush()
        waiting, last = await store.notices.waiting()
        assert [(one.target, one.notice) for one in waiting] == [("back", notice(1)), ("mail", notice(2))]
        assert (waiting[1].attempts, waiting[1].refused, waiting[1].answer) == (1, 1, "no")
        assert last == 3
        assert await store.notices.notices(1, 10) == (notice(2), notice(3))
        assert await store.notices.notices(0, 10, [Topic.TEST]) == ()
        (newest, _) = await store.notices.last_deliveries("back", 10)
        assert (newest.state, newest.answer, newest.done) == (DeliveryState.DELIVERED, "204", AT)

    asyncio.run(work())


def test_only_the_newest_are_kept_and_what_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_NOTICES", 5)
    monkeypatch.setattr(module, "TIDY_EVERY", 10)

    async def work() -> None:
        for number in range(1, 10):
            await store.notices.keep([(notice(number), ["back"])])
            if number != 2:
                store.notices.delivered(Delivery("back", notice(number)).delivered(AT, "204"))
        await store.flush()
        await store.notices.keep([(notice(10), ["back"])])
        await store.flush()
        assert [one.number for one in await store.notices.notices(0, 99)] == [2, 6, 7, 8, 9, 10]
        assert len(await store.notices.last_deliveries("back", 99)) == 6

    asyncio.run(work())


def test_a_database_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "nowhere" / "ems.db", SystemClock(), patience_s=0.5)

    async def work() -> None:
        with pytest.raises(NotStoredError, match="cannot be read"):
            await store.incidents.left()
        with pytest.raises(NotStoredError, match="cannot be read"):
            await store.notices.waiting()

    asyncio.run(work())
