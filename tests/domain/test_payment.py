"""What is held is taken once, never more than was held, and let go of in every other case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing import payment as p
from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.payment import EDGES, Cause, Due, Payment, PaymentState, step
from ems.domain.billing.price_list import Fee, PriceList, Unit

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
PRICES = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), hold=Decimal(40))
NEW = Payment(
    "abcdefghijklmnopqrstuv", "PAY-0123456789ABCDEF", "CP-01/1", "sandbox", PRICES, 4000, 50, 70_000, NOW, LATER, NOW
)
HELD = p.HoldPlaced("hold-1")

STORIES: dict[str, tuple[tuple[Cause, ...], PaymentState, Due, int]] = {
    "nothing yet": ((), PaymentState.CREATED, Due.ASK, 0),
    "asked": ((p.HoldAsked(),), PaymentState.HOLD_REQUESTED, Due.OPEN, 0),
    "page open": ((p.HoldAsked(), p.CheckoutOpened("c", "u")), PaymentState.HOLD_REQUESTED, Due.LOOK, 0),
    "thought better": (
        (p.HoldAsked(), p.CheckoutOpened("c", "u"), p.Withdrawn()), PaymentState.HOLD_REQUESTED, Due.CLOSE, 0,
    ),
    "declined": ((p.HoldAsked(), p.HoldRefused("declined")), PaymentState.FAILED, Due.NOTHING, 0),
    "nobody paid": (
        (p.HoldAsked(), p.CheckoutOpened("c", "u"), p.CheckoutOver()), PaymentState.EXPIRED, Due.NOTHING, 0,
    ),
    "held": ((p.HoldAsked(), HELD), PaymentState.AUTHORISED, Due.PREPARE, 0),
    "starting": ((p.HoldAsked(), HELD, p.StartAsked()), PaymentState.STARTING, Due.START, 0),
    "refused": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.StartFailed("no")), PaymentState.STOPPING, Due.RELEASE, 0,
    ),
    "charging": ((p.HoldAsked(), HELD, p.StartAsked(), p.Began("s")), PaymentState.CHARGING, Due.WATCH, 0),
    "over": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(1234)), PaymentState.STOPPING, Due.CAPTURE, 1234,
    ),
    "dearer than held": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(9999)), PaymentState.STOPPING, Due.CAPTURE, 4000,
    ),
    "cheaper than can be taken": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(49)), PaymentState.STOPPING, Due.RELEASE, 0,
    ),
    "no energy": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(0), p.Released()),
        PaymentState.RELEASED, Due.NOTHING, 0,
    ),
    "taken": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(1234), p.Captured(1234)),
        PaymentState.CAPTURED, Due.NOTHING, 1234,
    ),
    "taken as finely as the provider can": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(1234), p.Captured(1230)),
        PaymentState.CAPTURED, Due.NOTHING, 1230,
    ),
    "not settled": (
        (p.HoldAsked(), HELD, p.StartAsked(), p.Began("s"), p.Ended(1234), p.Unsettled("the hold is gone")),
        PaymentState.MANUAL_REVIEW, Due.NOTHING, 1234,
    ),
    "paid too late": ((p.HoldAsked(), p.CheckoutOver(), HELD), PaymentState.STOPPING, Due.RELEASE, 0),
}  # fmt: skip


def after(*causes: Cause, known: Payment = NEW) -> Payment:
    return reduce(lambda payment, cause: step(payment, cause, NOW), causes, known)


@pytest.mark.parametrize("story", STORIES)
def test_each_story_leads_where_it_should_and_says_what_is_due(story: str) -> None:
    causes, state, due, amount = STORIES[story]
    known = after(*causes)
    assert (known.state, known.due(NOW), known.amount) == (state, due, amount)


CAUSES: tuple[Cause, ...] = (
    p.HoldAsked(), p.CheckoutOpened("c", "u"), HELD, p.HoldRefused("x"), p.Withdrawn(), p.CheckoutOver(),
    p.StartAsked(), p.StartFailed("x"), p.Began("s"), p.Ended(0), p.Ended(777), p.Ended(10**6), p.Captured(700),
    p.Captured(10**6), p.Released(), p.Unsettled("x"),
)  # fmt: skip


@given(st.lists(st.sampled_from(CAUSES), max_size=30))
def test_whatever_is_told_twice_late_or_out_of_order_nothing_is_taken_that_was_not_held(told: list[Cause]) -> None:
    known = NEW
    for cause in told:
        before, known = known, step(known, cause, NOW)
        assert (before.state, type(cause)) in EDGES or known == before
        assert 0 <= known.amount <= known.hold
        assert known.amount == 0 or known.amount >= known.least
        if known.due(NOW) in {Due.START, Due.WATCH, Due.CAPTURE, Due.RELEASE}:
            assert known.hold_id, "nothing is delivered or settled without a hold"
        assert not before.amount or known.amount <= before.amount, "what was said never grows"
        if before.state in {PaymentState.CAPTURED, PaymentState.RELEASED, PaymentState.MANUAL_REVIEW}:
            assert known == before, "what is settled stays settled"


@given(st.lists(st.sampled_from(CAUSES), max_size=12))
def test_the_same_cause_twice_is_the_same_as_once(told: list[Cause]) -> None:
    known = after(*told)
    for cause in CAUSES:
        once = step(known, cause, NOW)
        again = step(once, cause, NOW)
        assert again == once or (type(cause), once.state) == (p.HoldPlaced, PaymentState.STOPPING)


def test_every_state_that_is_not_over_leads_on_and_every_end_can_be_reached() -> None:
    leads = {state for state, _ in EDGES}
    assert leads | {state for state in PaymentState if state.is_over} == set(PaymentState)
    assert set(EDGES.values()) | {PaymentState.CREATED} == set(PaymentState)


def test_a_page_is_closed_and_a_start_given_up_when_their_time_is_over() -> None:
    opened = after(p.HoldAsked(), p.CheckoutOpened("c", "u"))
    assert [opened.due(at) for at in (LATER - timedelta(seconds=1), LATER)] == [Due.LOOK, Due.CLOSE]
    starting = after(p.HoldAsked(), HELD, p.StartAsked())
    assert [starting.due(NOW + p.START_TIME - timedelta(seconds=1)), starting.due(NOW + p.START_TIME)] == [
        Due.START, Due.GIVE_UP
    ]  # fmt: skip


def test_a_session_is_settled_before_its_hold_ends_and_ended_before_the_hold_is_used_up() -> None:
    charging = after(p.HoldAsked(), p.HoldPlaced("h", NOW + timedelta(hours=3)), p.StartAsked(), p.Began("s"))
    assert [charging.must_settle(NOW + timedelta(hours=hours)) for hours in (0, 1)] == [False, True]
    assert [charging.is_used_up(cost) for cost in (3879, 3880)] == [False, True]
    nobody_says = replace(charging, capture_before=None)
    before = [NOW + timedelta(days=5) - timedelta(hours=hours) for hours in (3, 2)]
    assert [nobody_says.must_settle(at) for at in before] == [False, True], "as the shortest of holds on cards"


def test_keys_differ_by_what_is_asked() -> None:
    assert len({NEW.key(due) for due in Due}) == len(Due)


def test_a_hold_pays_for_its_cap_whatever_time_of_day() -> None:
    fees = (Fee(Unit.KWH, Decimal("0.40")), Fee(Unit.KWH, Decimal("0.80")), Fee(Unit.SESSION, Decimal(1)))
    cap = cap_wh(replace(PRICES, fees=fees), 4000, 11_000)
    assert cap == int(1000 * (38.80 - 1) / 0.80 - 11_000 / 30)
    assert cap_wh(replace(PRICES, fees=(Fee(Unit.MINUTE, Decimal(1)),)), 4000, 11_000) is None
    idling = (Fee(Unit.KWH, Decimal("0.40")), Fee(Unit.IDLE_MINUTE, Decimal("0.10")))
    kept = [cap_wh(replace(PRICES, fees=idling, idle_at_most=most), 4000, 11_000) for most in (None, Decimal(2))]
    assert kept == [int(1000 * (38.80 - left) / 0.40 - 11_000 / 30) for left in (6, 2)], "an hour of it, or its most"
    with pytest.raises(ValueError, match="raise it"):
        cap_wh(PRICES, 60, 11_000)
