"""Plans: targets by session and moment, and what is no plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Any

import pytest

from ems.domain.plan import Plan, PlannedCharge, Why
from ems.domain.strategy import Strategy

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
EDGES = tuple(NOON + timedelta(minutes=m) for m in (0, 5, 10, 25))
COMING = PlannedCharge("B/1", "later", (0.0, 0.0, 8.0), (), 3000.0, 3000.0, expected=True)
CAR = PlannedCharge(
    "A/1", "car", (0.0, 0.0, 16.0), (Why(0, "cheaper at 12:10"), Why(2, "full current")), 9000.0, 8500.0
)


def plan(**changed: Any) -> Plan:
    return Plan(**{"made": NOON, "strategy": Strategy.CHEAPEST, "edges": EDGES, "charges": (CAR, COMING), **changed})


@pytest.mark.parametrize(
    ("minute", "amps", "why", "until"),
    [(0, 0.0, "cheaper at 12:10", 10), (9.9, 0.0, "cheaper at 12:10", 10), (10, 16.0, "full current", 25)],
)
def test_a_target_holds_until_the_current_changes(minute: float, amps: float, why: str, until: int) -> None:
    step = plan().step_at(NOON + timedelta(minutes=minute))
    assert plan().target("car", step) == (amps, why, NOON + timedelta(minutes=until))


@pytest.mark.parametrize(("session", "minute"), [("car", -1), ("car", 25), ("other", 3), ("later", 12)])
def test_there_is_none_outside_the_plan_for_strangers_and_for_those_who_have_not_come(
    session: str, minute: int
) -> None:
    assert plan().target(session, plan().step_at(NOON + timedelta(minutes=minute))) is None


def test_what_is_missing_is_never_negative() -> None:
    assert (CAR.short_wh, CAR._replace(planned_wh=9500.0).short_wh) == (500.0, 0.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"edges": EDGES[:1]}, "rising edges"),
        ({"edges": EDGES[::-1]}, "rising edges"),
        ({"charges": (CAR._replace(amps=(1.0,)),)}, "A/1 has not one current"),
        ({"charges": (CAR._replace(amps=(nan, 0.0, 0.0)),)}, "a current that is none"),
        ({"charges": (CAR._replace(amps=(-6.0, 0.0, 0.0)),)}, "a current that is none"),
        ({"price_per_kwh": (0.1, 0.2)}, "price_per_kwh"),
        ({"base_w": (0.0, inf, 0.0)}, "base_w"),
    ],
)
def test_what_is_no_plan_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan(**wrong)
