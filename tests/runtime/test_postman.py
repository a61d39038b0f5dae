"""Whoever is told is told in order, again until it has arrived, and nobody waits for anybody; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import async_solipsism
import pytest

from ems.domain.alarm.delivery import BACK_OFF_S, KEPT, MAX_REFUSED, Delivery, DeliveryState
from ems.domain.alarm.notice import Notice, Topic
from ems.domain.instant import Instant
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.ports.delivery import NotDeliveredError
from ems.runtime import postman_round as module
from ems.runtime.postman import Postman

BEGIN = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


class VirtualClock:
    def now(self) -> Instant:
        elapsed = asyncio.get_running_loop().time()
        return Instant(elapsed, BEGIN + timedelta(seconds=elapsed))


@dataclass
class Shelf:
    """A `NoticeBook` in memory that a later postman finds as it was left."""

    notices_: dict[int, Notice] = field(default_factory=dict)
    deliveries: dict[tuple[str, int], Delivery] = field(default_factory=dict)
    is_broken: bool = False

    async def keep(self, told: Sequence[tuple[Notice, Sequence[str]]]) -> None:
        if self.is_broken:
            raise NotStoredError("the disk is gone")
        for notice, targets in told:
            self.notices_[notice.number] = notice
            for target in targets:
                self.deliveries[target, notice.number] = Delivery(target, notice)

    def delivered(self, known: Delivery) -> None:
        self.deliveries[known.target, known.notice.number] = known

    async def waiting(self) -> tuple[Sequence[Delivery], int]:
        if self.is_broken:
            raise NotStoredError("the disk is gone")
        left = [one for one in self.deliveries.values() if one.state is DeliveryState.WAITING]
        return sorted(left, key=lambda one: one.notice.number), max(self.notices_, default=0)

    async def notices(self, after: int, most: int, topics: Iterable[Topic] = ()) -> Sequence[Notice]:
        wanted = set(topics) or set(Topic)
        return [one for k, one in sorted(self.notices_.items()) if k > after and one.topic in wanted][:most]

    async def last_deliveries(self, target: str, most: int) -> Sequence[Delivery]:
        return [one for (name, _), one in sorted(self.deliveries.items(), reverse=True) if name == target][:most]


@dataclass
class Ear:
    """A `Target` that a test makes deaf."""

    name: str = "ear"
    topics: frozenset[Topic] = frozenset(Topic)
    most: int = 1
    heard: list[tuple[float, str]] = field(default_factory=list)
    tried: list[tuple[float, str]] = field(default_factory=list)
    fails: Callable[[Notice], Exception | None] = lambda _: None
    takes_s: float = 0.0
    holds_s: float = 0.0
    address: str = "here"
    is_closed: bool = False

    def hold_s(self, waiting: Sequence[Notice], now: datetime) -> float:
        return self.holds_s - (now - waiting[0].at).total_seconds()

    async def deliver(self, notices: Sequence[Notice], attempt: int) -> str:
        del attempt
        now = asyncio.get_running_loop().time()
        self.tried += [(now, one.id) for one in notices]
        await asyncio.sleep(self.takes_s)
        error = self.fails(notices[0])
        if error is not None:
            raise error
        self.heard += [(now, one.id) for one in notices]
        return "heard"

    async def close(self) -> None:
        self.is_closed = True


def later(seconds: float, of: str = "") -> Exception:
    del seconds
    return NotDeliveredError(f"not now {of}")


def virtual(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario in a loop whose clock jumps to whatever is due next."""
    loop = async_solipsism.EventLoop()
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()


class Office:
    """A postman at work."""

    def __init__(self, *targets: Ear, shelf: Shelf | None = None) -> None:
        self.shelf = shelf or Shelf()
        self.count = 0
        self.postman = Postman(targets, self.shelf, VirtualClock(), self.name)
        self.task = asyncio.create_task(self.postman.run())

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def happens(self, topic: Topic = Topic.SESSION_ENDED, times: int = 1) -> None:
        for _ in range(times):
            self.postman.tell(topic, "CP-01/1", {}, VirtualClock().now().utc)

    async def closed(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def test_each_target_hears_what_it_wants_in_order() -> None:
    async def work() -> None:
        all_, some = Ear("all"), Ear("some", frozenset({Topic.ALARM_RAISED}))
        office = Office(all_, some)
        office.happens(times=3)
        office.happens(Topic.ALARM_RAISED)
        await asyncio.sleep(5)
        assert [name for _, name in all_.heard] == ["n1", "n2", "n3", "n4"]
        assert [name for _, name in some.heard] == ["n4"]
        assert {one.state for one in office.shelf.deliveries.values()} == {DeliveryState.DELIVERED}
        await office.closed()

    virtual(work)


def test_what_fails_is_tried_again_ever_more_rarely_and_keeps_its_place() -> None:
    async def work() -> None:
        ear = Ear()
        ear.fails = lambda notice: later(0) if asyncio.get_running_loop().time() < 1000 else None
        office = Office(ear)
        office.happens(times=2)
        await asyncio.sleep(3000)
        times = [at for at, name in ear.tried if name == "n1"]
        gaps = [b - a for a, b in pairwise(times)]
        assert gaps == pytest.approx(BACK_OFF_S[: len(gaps)], abs=0.1)
        assert [name for _, name in ear.heard] == ["n1", "n2"]
        assert office.postman.targets()[0].failures == 0
        await office.closed()

    virtual(work)


def test_a_slow_target_delays_no_other() -> None:
    async def work() -> None:
        slow, quick = Ear("slow", takes_s=100.0), Ear("quick")
        office = Office(slow, quick)
        office.happens(times=5)
        await asyncio.sleep(2)
        assert len(quick.heard) == 5
        assert slow.heard == []
        await office.closed()

    virtual(work)


def test_what_a_target_refuses_is_given_up_and_those_behind_have_their_turn() -> None:
    async def work() -> None:
        ear = Ear()
        ear.fails = lambda n: NotDeliveredError("422", is_final=True) if n.id == "n1" else None
        office = Office(ear)
        office.happens(times=2)
        await asyncio.sleep(4 * 3600)
        assert sum(name == "n1" for _, name in ear.tried) == MAX_REFUSED
        assert [name for _, name in ear.heard] == ["n2"]
        assert office.postman.targets()[0].lost == 1
        assert office.shelf.deliveries["ear", 1].state is DeliveryState.GIVEN_UP
        await office.closed()

    virtual(work)


def test_a_target_that_takes_nothing_is_dead_and_what_is_too_old_is_given_up() -> None:
    async def work() -> None:
        ear = Ear(fails=lambda _: later(0))
        office = Office(ear)
        office.happens()
        await asyncio.sleep(2 * 3600)
        (state,) = office.postman.targets()
        assert state.is_dead
        assert (state.waiting, state.answer.strip()) == (1, "not now")
        assert [one.key for one in office.postman.troubles()] == ["target:ear"]
        await asyncio.sleep(KEPT.total_seconds())
        assert office.postman.targets()[0].waiting == 0
        assert office.shelf.deliveries["ear", 1].state is DeliveryState.GIVEN_UP
        await office.closed()

    virtual(work)


def test_what_was_stored_and_not_sent_is_sent_by_the_next_run_with_the_same_id() -> None:
    async def work() -> None:
        shelf = Shelf()
        deaf = Office(Ear(fails=lambda _: later(0)), shelf=shelf)
        deaf.happens(times=3)
        await asyncio.sleep(2)
        await deaf.closed()
        ear = Ear()
        office = Office(ear, shelf=shelf)
        office.count = 3
        office.happens()
        await asyncio.sleep(2)
        assert [name for _, name in ear.heard] == ["n1", "n2", "n3", "n4"]
        assert sorted(shelf.notices_) == [1, 2, 3, 4]
        await office.closed()

    virtual(work)


def test_what_happens_as_we_stop_is_told_by_the_next_run() -> None:
    async def work() -> None:
        shelf = Shelf()
        office = Office(Ear(), shelf=shelf)
        await asyncio.sleep(1)
        office.happens(times=2)
        await asyncio.sleep(0)
        await office.closed()
        ear = Ear()
        again = Office(ear, shelf=shelf)
        await asyncio.sleep(1)
        assert [name for _, name in ear.heard] == ["n1", "n2"]
        await again.closed()

    virtual(work)


def test_what_waits_for_a_target_that_is_no_more_is_dropped() -> None:
    async def work() -> None:
        shelf = Shelf()
        notice = Notice(1, "n1", BEGIN, Topic.TEST, "x", {})
        shelf.deliveries["gone", 1] = Delivery("gone", notice)
        office = Office(Ear(), shelf=shelf)
        await asyncio.sleep(1)
        assert shelf.deliveries["gone", 1].state is DeliveryState.DROPPED
        await office.closed()

    virtual(work)


def test_without_a_disk_others_are_told_all_the_same() -> None:
    async def work() -> None:
        ear = Ear()
        office = Office(ear, shelf=Shelf(is_broken=True))
        office.happens()
        await asyncio.sleep(60)
        assert [name for _, name in ear.heard] == ["n1"]
        await office.closed()

    virtual(work)


def test_a_fault_of_ours_ends_the_way_to_nobody() -> None:
    async def work() -> None:
        ear = Ear()
        ear.fails = lambda _: RuntimeError("ours") if len(ear.tried) == 1 else None
        office = Office(ear)
        office.happens()
        await asyncio.sleep(10)
        assert [name for _, name in ear.heard] == ["n1"]
        await office.closed()

    virtual(work)


def test_where_too_much_waits_changes_of_a_status_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 4)

    async def work() -> None:
        ear = Ear(fails=lambda _: later(0))
        office = Office(ear)
        office.happens(times=2)
        office.happens(Topic.STATUS_CHANGED)
        office.happens(times=3)
        await asyncio.sleep(1)
        waiting = sorted(k for (_, k), one in office.shelf.deliveries.items() if one.state is DeliveryState.WAITING)
        assert waiting == [1, 4, 5, 6]  # the first may be under way
        assert office.postman.targets()[0].lost == 2
        await office.closed()

    virtual(work)


def test_many_go_at_a_time_when_the_first_has_waited_for_others() -> None:
    async def work() -> None:
        ear = Ear(most=100, holds_s=60.0)
        office = Office(ear)
        office.happens(times=2)
        await asyncio.sleep(30)
        office.happens(times=2)
        await asyncio.sleep(20)
        assert ear.heard == []
        await asyncio.sleep(15)
        assert {name for _, name in ear.heard} == {"n1", "n2", "n3", "n4"}
        assert len({at for at, _ in ear.heard}) == 1
        await office.closed()

    virtual(work)


def test_a_test_reaches_the_one_who_is_tested() -> None:
    async def work() -> None:
        one, other = Ear("one", frozenset({Topic.ALARM_RAISED})), Ear("other")
        office = Office(one, other)
        sent = await office.postman.test("one", "anna")
        await asyncio.sleep(1)
        assert [name for _, name in one.heard] == [sent.id]
        assert other.heard == []
        with pytest.raises(UnknownError):
            await office.postman.test("nobody", "anna")
        found = await office.postman.deliveries("one", 10)
        assert [known.state for known in found] == [DeliveryState.DELIVERED]
        await office.closed()

    virtual(work)


def test_who_listens_is_told_that_there_is_news() -> None:
    async def work() -> None:
        office = Office()
        listening = asyncio.create_task(office.postman.news(0))
        await asyncio.sleep(1)
        office.happens(times=2)
        assert await listening == 2
        assert [one.number for one in await office.postman.notices(1, 10)] == [2]
        await office.closed()

    virtual(work)


def test_a_delivery_knows_its_end() -> None:
    notice = Notice(1, "n1", BEGIN, Topic.TEST, "x", {})
    once = Delivery("ear", notice).failed(BEGIN, "no", is_refusal=False)
    assert (once.state, once.attempts, once.refused) == (DeliveryState.WAITING, 1, 0)
    assert once.failed(BEGIN + KEPT, "no", is_refusal=False).state is DeliveryState.GIVEN_UP
    assert replace(once, refused=MAX_REFUSED - 1).failed(BEGIN, "no", is_refusal=True).state is DeliveryState.GIVEN_UP


def heard(ear: Ear) -> list[str]:
    return [name for _, name in ear.heard]


def test_who_moves_gets_what_waits_at_the_new_address_at_once() -> None:
    async def work() -> None:
        old, new = Ear(fails=later), Ear(address="there")  # type: ignore[arg-type]  # it takes anything
        office = Office(old)
        office.happens(times=2)
        await asyncio.sleep(2000)
        assert office.postman.targets()[0].failures > 3
        office.postman.take_over((new,))
        await asyncio.sleep(1)
        assert heard(new) == ["n1", "n2"]
        assert (old.is_closed, new.is_closed) == (True, False)
        (told,) = office.postman.targets()
        assert (told.address, told.failures, told.failing_since) == ("there", 0, None)
        await office.closed()

    virtual(work)


@pytest.mark.parametrize(("fails", "at_old", "at_new"), [(False, ["n1"], ["n2", "n3"]), (True, [], ["n1", "n2", "n3"])])
def test_what_is_on_its_way_while_somebody_moves_arrives_once(
    fails: bool, at_old: list[str], at_new: list[str]
) -> None:
    async def work() -> None:
        old, new = Ear(takes_s=10.0), Ear(address="there")
        old.fails = lambda _: later(0) if fails else None
        office = Office(old)
        office.happens(times=2)
        await asyncio.sleep(1)
        office.postman.take_over((new,))
        office.happens()
        await asyncio.sleep(5)
        assert (heard(new), old.is_closed) == ([], False), "one after the other, and nobody hangs up on the old one"
        await asyncio.sleep(6)
        assert (heard(old), heard(new)) == (at_old, at_new)
        assert old.is_closed
        assert office.postman.targets()[0].failures == 0
        assert {one.state for one in office.shelf.deliveries.values()} == {DeliveryState.DELIVERED}
        await office.closed()

    virtual(work)


def test_who_is_gone_gets_what_is_on_its_way_and_the_rest_is_dropped() -> None:
    async def work() -> None:
        gone, stays = Ear("gone", takes_s=10.0), Ear("stays")
        office = Office(gone, stays)
        office.happens(times=3)
        await asyncio.sleep(1)
        office.postman.take_over((stays,))
        assert [one.name for one in office.postman.targets()] == ["stays"]
        office.happens()
        await asyncio.sleep(20)
        assert (heard(gone), gone.is_closed) == (["n1"], True)
        assert (heard(stays), stays.is_closed) == (["n1", "n2", "n3", "n4"], False)
        states = {number: one.state for (name, number), one in office.shelf.deliveries.items() if name == "gone"}
        dropped = DeliveryState.DROPPED
        assert states == {1: DeliveryState.DELIVERED, 2: dropped, 3: dropped}
        assert not office.task.done()
        await office.closed()

    virtual(work)


def test_a_new_one_hears_what_happens_from_then_on_and_others_do_not_notice() -> None:
    async def work() -> None:
        first, second = Ear("first", fails=later), Ear("second")  # type: ignore[arg-type]  # it takes anything
        office = Office(first)
        office.happens()
        await asyncio.sleep(100)
        tried = len(first.tried)
        office.postman.take_over((replace(first), second))
        office.happens()
        await asyncio.sleep(1)
        assert heard(second) == ["n2"]
        assert (len(first.tried), first.is_closed) == (tried, False), "it is asked again no sooner than otherwise"
        await office.closed()

    virtual(work)


def test_who_goes_while_a_notice_is_stored_is_not_looked_for() -> None:
    class Slow(Shelf):
        async def keep(self, told: Sequence[tuple[Notice, Sequence[str]]]) -> None:
            await asyncio.sleep(5)
            await super().keep(told)

    async def work() -> None:
        office = Office(Ear("gone"), shelf=Slow())
        office.happens()
        await asyncio.sleep(1)
        office.postman.take_over(())
        await asyncio.sleep(10)
        assert [one.state for one in office.shelf.deliveries.values()] == [DeliveryState.DROPPED]
        assert not office.task.done()
        await office.closed()

    virtual(work)
