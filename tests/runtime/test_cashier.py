"""Nothing is charged that was not delivered, nothing delivered unpaid beyond the hold, whatever fails and whenever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ems.domain.access.reservation import Reservation
from ems.domain.apply import apply
from ems.domain.billing.payment import HoldPlaced, Payment, PaymentState
from ems.domain.billing.price_book import PriceBook
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.events import StatusChanged
from ems.domain.station import EvseStatus
from ems.domain.unknown import UnknownError
from ems.runtime.errand import LOOK_S
from tests.runtime.forecourt import DEAD_S, EVSE, PUBLIC, Forecourt, played

Story = Callable[[Forecourt], Coroutine[Any, Any, Any]]


async def pays(here: Forecourt) -> Payment:
    known = await here.paid()
    assert known is not None
    return known


def with_(prices: PriceList = PUBLIC, **changes: Any) -> Callable[[], Forecourt]:
    """A forecourt that differs: `bank__x` of the bank, others of itself."""

    def built() -> Forecourt:
        here = Forecourt(prices)
        for name, value in changes.items():
            where, _, what = name.rpartition("__")
            setattr(here.bank if where == "bank" else here, what, value)
        return here

    return built


def meanwhile(at_s: float, what: Story) -> Story:
    """Somebody pays, and something else happens so many seconds after that began."""

    async def story(here: Forecourt) -> Payment:
        async def later() -> None:
            await asyncio.sleep(6.0 + at_s)
            await what(here)

        waiting = asyncio.create_task(later())
        known = await pays(here)
        await waiting
        return known

    return story


def test_what_a_session_cost_is_taken_once_and_the_rest_let_go() -> None:
    known, here = played(pays)
    (hold,) = here.bank.holds.values()
    (made,) = here.receipts.values()
    assert (known.state, known.amount) == (PaymentState.CAPTURED, made.total)
    assert (hold.amount, hold.taken, hold.is_open) == (4000, made.total, False)
    assert made.total == 183, "11 kW for 20 minutes at 0.50"


@pytest.mark.parametrize(
    ("changes", "state", "why", "holds"),
    [
        ({"bank__driver": "declines"}, PaymentState.FAILED, "declined", 0),
        ({"bank__driver": "goes away"}, PaymentState.EXPIRED, "nobody paid in time", 0),
        ({"bank__after_s": 1795.0}, PaymentState.CAPTURED, "", 1),
        ({"refuses": "Rejected"}, PaymentState.RELEASED, "the charger refused the start: Rejected", 1),
        ({"plugs_s": None}, PaymentState.RELEASED, "nobody plugged in", 1),
        ({"draws_w": 0.0}, PaymentState.RELEASED, "no energy flowed", 1),
        ({"draws_w": 1500.0}, PaymentState.RELEASED, "it cost less than can be taken", 1),
        ({"bank__faults": {"open": ["no"]}}, PaymentState.FAILED, "the payment provider refused", 0),
        ({"bank__faults": {"capture": ["no"]}}, PaymentState.MANUAL_REVIEW, "no such thing", 1),
    ],
)
def test_every_way_a_payment_can_end(changes: dict[str, Any], state: PaymentState, why: str, holds: int) -> None:
    known, here = played(pays, with_(**changes))
    assert (known.state, why in known.why) == (state, True), known
    assert len(here.bank.holds) == holds
    if state is PaymentState.RELEASED:
        assert all((hold.taken, hold.is_open) == (0, False) for hold in here.bank.holds.values())


@pytest.mark.parametrize("method", ["open", "look", "close", "capture", "release"])
@pytest.mark.parametrize("fault", ["busy", "lost"])
def test_a_provider_that_is_busy_or_whose_answer_is_lost_is_asked_again(method: str, fault: str) -> None:
    """Lost: it did what it was asked, and the answer never came."""
    ends: dict[str, dict[str, Any]] = {"close": {"bank__driver": "goes away"}, "release": {"refuses": "Rejected"}}
    known, here = played(pays, with_(**{"bank__faults": {method: [fault] * 3}, **ends.get(method, {})}))
    assert known.state.is_over
    assert known.state is not PaymentState.MANUAL_REVIEW
    assert not any(hold.is_open for hold in here.bank.holds.values())


def test_a_provider_that_answers_again_is_asked_as_often_as_before() -> None:
    """It was away for two minutes while the driver looked for the card; nobody waits a minute for that later."""
    known, here = played(pays, with_(bank__faults={"look": ["busy"] * 7}, bank__after_s=400.0))
    (held,) = (at for cause, at in here.steps if isinstance(cause, HoldPlaced))
    assert known.state is PaymentState.CAPTURED
    assert 400.0 <= (held.since - held.created).total_seconds() < 400.0 + 2 * LOOK_S


def test_a_hold_caps_the_energy_and_the_session_is_stopped() -> None:
    known, here = played(pays, with_(replace(PUBLIC, hold=Decimal(4)), draws_w=22_000.0, stays_s=2 * 3600.0))
    (made,) = here.receipts.values()
    assert known.cap_wh is not None
    assert known.cap_wh <= made.energy_wh <= known.cap_wh + 100
    assert made.total <= 400
    assert (known.state, known.amount, "stop" in here.calls) == (PaymentState.CAPTURED, made.total, True)


def test_who_begins_again_with_the_same_plug_has_what_the_hold_pays_for_once() -> None:
    """Or whose charger is restarted meanwhile."""

    async def again(here: Forecourt) -> None:
        here.another(here.book["p0"].tag)

    story, court = meanwhile(600.0, again), with_(replace(PUBLIC, hold=Decimal(4)), draws_w=22_000.0, stays_s=7200.0)
    known, here = played(story, court)
    (made,) = here.receipts.values()
    assert here._transaction == 2
    assert known.cap_wh is not None
    assert known.cap_wh <= made.energy_wh <= known.cap_wh + 100
    assert (known.state, known.amount, "stop" in here.calls) == (PaymentState.CAPTURED, made.total, True)


def test_a_price_by_time_ends_the_session_before_the_hold_is_used_up() -> None:
    by_minute = replace(PUBLIC, fees=(Fee(Unit.MINUTE, Decimal("2")),))
    known, here = played(pays, with_(by_minute, stays_s=3600.0))
    (made,) = here.receipts.values()
    assert "stop" in here.calls
    assert 3800 <= made.total <= 4200
    assert known.amount <= 4000
    assert known.amount == min(made.total, 4000)


def test_prices_that_change_after_the_driver_saw_them_are_not_theirs() -> None:
    async def dearer(here: Forecourt) -> None:
        dear = replace(PUBLIC, fees=(Fee(Unit.KWH, Decimal(9)),))
        here.daybook = replace(here.daybook, prices=PriceBook({"public": dear}))

    known, _ = played(meanwhile(8.0, dearer))
    assert known.amount == 183


def test_a_crash_right_after_the_start_does_not_change_the_prices() -> None:
    async def dearer(here: Forecourt) -> None:
        dear = replace(PUBLIC, fees=(Fee(Unit.KWH, Decimal(9)),))
        here.daybook = replace(here.daybook, prices=PriceBook({"public": dear}))

    begun = played(pays)[1].points.index("after keep charging") + 1
    known, _ = played(meanwhile(8.0, dearer), with_(kill_at=begun))
    assert known.amount == 183


def test_nobody_pays_where_an_evse_is_kept_for_somebody() -> None:
    async def story(here: Forecourt) -> None:
        now = here.clock.now().utc
        kept = Reservation(1, EVSE, "04AB", now - timedelta(minutes=1), now + timedelta(hours=1))
        access = here.daybook.access
        here.daybook = replace(here.daybook, access=replace(access, reservations={1: kept}))
        with pytest.raises(ValueError, match="kept for somebody else now"):
            await here.cashier.begin(EVSE, "/c/x")

    _, here = played(story)
    assert not here.book


def test_an_evse_is_awaited_from_the_hold_until_it_begins() -> None:
    told: dict[PaymentState, bool] = {}

    async def story(here: Forecourt) -> Payment:
        async def looks() -> None:
            while True:
                await asyncio.sleep(0.5)
                told.update({one.state: here.cashier.is_awaited(EVSE) for one in here.book.values()})

        looking = asyncio.create_task(looks())
        known = await pays(here)
        looking.cancel()
        return known

    played(story)
    assert {state for state, awaited in told.items() if awaited} == {PaymentState.STARTING}
    assert PaymentState.CHARGING in told


def test_who_got_no_answer_asks_again_under_the_same_key_and_is_told_of_the_same_payment() -> None:
    """Also after the controller was killed, and when the payment is over; without a key the bay is taken."""
    told: list[Payment] = []

    async def story(here: Forecourt) -> None:
        await asyncio.sleep(6.0)
        told.extend(await asyncio.gather(*(here.cashier.begin(EVSE, "/c/a", "k" * 16) for _ in range(2))))
        here.killed.set()
        await asyncio.sleep(60.0)
        told.append(await here.cashier.begin(EVSE, "/c/a", "k" * 16))
        with pytest.raises(UnknownError):
            await here.cashier.begin("A9/1", "/c/a", "m" * 16)
        with pytest.raises(ValueError, match="used for another payment"):
            await here.cashier.begin("A9/1", "/c/a", "k" * 16)
        for key in ("m" * 16, ""):
            with pytest.raises(ValueError, match="somebody else is paying"):
                await here.cashier.begin(EVSE, "/c/a", key)
        await asyncio.sleep(3 * 3600.0)
        told.append(await here.cashier.begin(EVSE, "/c/a", "k" * 16))

    _, here = played(story)
    assert {one.id for one in told} == set(here.book)
    assert (len(here.book), len(here.bank.holds), told[-1].state) == (1, 1, PaymentState.CAPTURED)
    assert "k" * 8 not in told[0].id


def test_a_hold_that_ends_soon_is_settled_before() -> None:
    known, here = played(pays, with_(bank__capture_days=2.5 / 24, stays_s=8 * 3600.0))
    assert (known.state, known.why) == (PaymentState.CAPTURED, "the hold on the card ended")
    assert 230 < known.amount < 280, "two hours before, which is half an hour after"
    assert "stop" in here.calls


def test_a_controller_that_was_away_when_the_hold_was_to_be_settled_takes_what_the_session_cost() -> None:
    async def kill(here: Forecourt) -> None:
        here.killed.set()

    begun_s, settled_s = 15.0, 1800.0
    court = with_(bank__capture_days=2.5 / 24, stays_s=8 * 3600.0)
    known, _ = played(meanwhile(begun_s + settled_s - DEAD_S / 2, kill), court)
    assert (known.state, known.why) == (PaymentState.CAPTURED, "the hold on the card ended")
    assert 230 < known.amount < 280


IDLE = (*PUBLIC.fees, Fee(Unit.IDLE_MINUTE, Decimal("0.10")))


@pytest.mark.parametrize(
    ("changes", "stops_s", "waits_s", "amount"),
    [
        ({"hold": Decimal(4)}, None, (0, 30), (300, 388)),
        ({}, 1200.0, (600, 660), (170, 183)),
        # Until the fee for idling has used up the hold.
        ({"hold": Decimal(8), "fees": IDLE}, None, (900, 7200), (800, 800)),
        # Or has come to its most, which is after 20 minutes.
        ({"fees": IDLE, "idle_at_most": Decimal(2)}, 1200.0, (1200, 1260), (370, 383)),
        ({"fees": IDLE, "idle_at_most": Decimal(2), "idle_grace_min": 10}, 1200.0, (1800, 1860), (370, 383)),
    ],
)
def test_a_vehicle_that_stays_after_charging_keeps_the_hold_only_while_it_costs_more(
    changes: dict[str, Any], stops_s: float | None, waits_s: tuple[float, float], amount: tuple[int, int]
) -> None:
    """A hold that is used up is settled at once; else a while is left in which the charger may begin again."""

    async def stop(here: Forecourt) -> None:
        if stops_s is not None:
            await here.cashier.stop("p0")

    court = with_(replace(PUBLIC, **changes), lingers_s=86_400.0, stays_s=86_400.0, draws_w=11_000.0)
    known, here = played(meanwhile(stops_s or 30.0, stop), court)
    assert (known.state, amount[0] <= known.amount <= amount[1]) == (PaymentState.CAPTURED, True), known.amount
    assert waits_s[0] <= (known.since - here.stopped[0]).total_seconds() <= waits_s[1]


@pytest.mark.parametrize("at_s", [2.0, 15.0, 25.0, 600.0])
def test_a_driver_can_stop_at_any_time(at_s: float) -> None:
    async def thinks_better(here: Forecourt) -> None:
        await here.cashier.stop("p0")

    known, here = played(meanwhile(at_s, thinks_better))
    assert known.state.is_over
    assert not any(hold.is_open for hold in here.bank.holds.values())
    made = next(iter(here.receipts.values()), None)
    assert sum(hold.taken for hold in here.bank.holds.values()) == (0 if made is None or at_s < 100 else made.total)


def test_a_driver_whose_charger_does_not_stop_is_told_so() -> None:
    async def presses(here: Forecourt) -> None:
        here.goes_on = "Rejected"
        with pytest.raises(ValueError, match="the charger does not stop: Rejected"):
            await here.cashier.stop("p0")
        here.goes_on = ""

    known, here = played(meanwhile(600.0, presses))
    (made,) = here.receipts.values()
    assert (known.state, known.amount) == (PaymentState.CAPTURED, made.total)


def test_what_somebody_else_charges_in_the_same_session_is_not_for_the_driver_to_pay() -> None:
    async def card(here: Forecourt) -> None:
        here.another("CARD-7")

    known, here = played(meanwhile(600.0, card))
    (hold,) = here.bank.holds.values()
    assert (known.state, known.why) == (PaymentState.CAPTURED, "somebody else charges there now")
    assert 80 <= known.amount == hold.taken <= 95, "of ten minutes"


def test_a_page_that_the_provider_will_not_show_is_looked_at_again() -> None:
    """Somebody may still pay there."""
    known, _ = played(pays, with_(bank__faults={"look": ["no", "no", "no"]}))
    assert known.state is PaymentState.CAPTURED


def test_who_pays_and_then_holds_up_a_card_gets_the_hold_back_at_once() -> None:
    async def card(here: Forecourt) -> None:
        here.another("04AB")

    known, here = played(meanwhile(20.0, card), with_(plugs_s=120.0))
    (hold,) = here.bank.holds.values()
    assert (known.state, known.why) == (PaymentState.RELEASED, "a card began the charge")
    assert (hold.taken, hold.is_open) == (0, False)
    assert known.since - known.created < timedelta(minutes=1)


def test_a_page_that_cannot_be_closed_is_for_somebody_to_look_at() -> None:
    known, _ = played(pays, with_(bank__driver="goes away", bank__faults={"close": ["no"]}))
    assert (known.state, known.why) == (PaymentState.MANUAL_REVIEW, "no such thing")


def test_who_begins_after_the_hold_was_let_go_is_stopped() -> None:
    known, here = played(pays, with_(plugs_s=400.0))
    assert known.state is PaymentState.RELEASED
    assert "stop" in here.calls
    (made,) = here.receipts.values()
    assert made.energy_wh < 20


def test_a_disk_that_is_full_delays_every_step_and_changes_nothing() -> None:
    async def fills(here: Forecourt) -> None:
        for _ in range(200):
            here.refuses_to_store = 3
            await asyncio.sleep(7.0)

    again, here = played(meanwhile(0.5, fills))
    assert again.state is PaymentState.CAPTURED
    assert again.amount == sum(hold.taken for hold in here.bank.holds.values()) == 183
    assert not any(hold.is_open for hold in here.bank.holds.values())


def test_only_one_can_pay_at_a_charger_and_only_where_it_is_offered() -> None:
    async def story(here: Forecourt) -> list[str]:
        await asyncio.sleep(5.0)
        said: list[str] = []

        async def refused(evse: str) -> None:
            with pytest.raises(ValueError, match=r".") as wrong:
                await here.cashier.begin(evse, "")
            said.append(str(wrong.value))

        await refused("B9/1")
        await here.cashier.begin(EVSE, "")
        await refused(EVSE)
        await here.cashier.stop("p0")
        await asyncio.sleep(10.0)
        here.state = _with_status(here, EvseStatus.FAULTED)
        await refused(EVSE)
        here.daybook = replace(here.daybook, prices=type(here.daybook.prices)())
        await refused(EVSE)
        with pytest.raises(UnknownError):
            await here.cashier.payment("nobody")
        return said

    said, _ = played(story)
    assert [words.split(EVSE)[0].strip() for words in said] == [
        "the site has no EVSE 'B9/1'", "somebody else is paying or charging at", "", "nobody pays by card at"
    ]  # fmt: skip


def test_who_left_without_paying_gives_way_and_who_has_paid_does_not() -> None:
    async def story(here: Forecourt) -> tuple[list[bool], PaymentState]:
        await asyncio.sleep(5.0)
        here.bank.driver = "goes away"
        first = await here.cashier.begin(EVSE, "")
        await asyncio.sleep(60.0)
        began = here.clock.now().utc
        gave_way = [
            here.cashier.give_way(EVSE, first.created - timedelta(seconds=1)),
            here.cashier.give_way(EVSE, began),
        ]
        await asyncio.sleep(10.0)
        state = (await here.cashier.payment(first.id)).state
        here.bank.driver = "pays"
        await here.cashier.begin(EVSE, "")
        await asyncio.sleep(30.0)
        gave_way.append(here.cashier.give_way(EVSE, here.clock.now().utc))
        return gave_way, state

    (gave_way, state), _ = played(story)
    assert (gave_way, state) == ([False, True, False], PaymentState.EXPIRED)


def _with_status(here: Forecourt, status: EvseStatus) -> Any:
    return apply(here.state, StatusChanged(EVSE, here.clock.now(), status))


@pytest.mark.parametrize("refuses", ["", "Rejected"])
def test_killed_at_any_moment_it_takes_once_what_was_delivered_and_lets_go_of_the_rest(refuses: str) -> None:
    plain = played(pays, with_(refuses=refuses, stays_s=400.0))[1]
    seen: set[str] = set()
    for at, name in enumerate(plain.points, start=1):
        if name in seen and "look" in name:
            continue
        seen.add(name)
        known, here = played(Forecourt.paid, with_(refuses=refuses, kill_at=at, stays_s=400.0))
        if known is None:
            assert name == "before keep created"
            continue
        wanted = PaymentState.RELEASED if refuses else PaymentState.CAPTURED
        assert known.state is wanted, (at, name, known)
        assert not any(hold.is_open for hold in here.bank.holds.values()), (at, name)
        taken = sum(hold.taken for hold in here.bank.holds.values())
        cost = sum(made.total for made in here.receipts.values())
        assert taken == (cost if cost >= 50 else 0), (at, name, known)
        assert len(here.bank.holds) <= 1
