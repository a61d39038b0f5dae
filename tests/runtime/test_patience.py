"""How long a plan may take: what a slow machine needs is learned, and forgotten when it is slow no longer."""

from __future__ import annotations

import pytest

from ems.domain.policy import Policy
from ems.runtime.patience import Patience

AT_FIRST = Patience()


@pytest.mark.parametrize(
    ("what", "after", "limit_s"),
    [
        ("at first", AT_FIRST, 30.0),
        ("a failure that has nothing to do with time", AT_FIRST.after_failure(2.0), 30.0),
        ("time ran out", AT_FIRST.after_failure(45.0), 60.0),
        ("and again", AT_FIRST.after_failure(45.0).after_failure(90.0), 120.0),
        ("time never suffices", Patience(240.0).after_failure(360.0), 240.0),
        ("a quick plan", AT_FIRST.after_plan(0.5, is_first=True), 30.0),
        ("a slow plan, before time runs out", AT_FIRST.after_plan(25.0, is_first=True), 75.0),
        ("a plan that took nearly all there is", Patience(240.0).after_plan(300.0, is_first=True), 240.0),
        ("the start was slow, the next plan is quick", Patience(120.0).after_plan(0.5, is_first=False), 120.0),
        ("the next plan is slow", AT_FIRST.after_plan(20.0, is_first=False), 60.0),
        ("the machine is quick again", Patience(120.0).after_plan(3.0, is_first=True), 30.0),
    ],
)
def test_what_the_next_plan_may_take(what: str, after: Patience, limit_s: float) -> None:
    assert after.limit_s == pytest.approx(limit_s), what


@pytest.mark.parametrize("needs_s", [0.5, 5.0, 20.0, 44.0, 60.0, 100.0, 200.0, 300.0])
def test_a_machine_on_which_each_plan_takes_long_has_one_after_some_attempts_and_from_then_on_each_time(
    needs_s: float,
) -> None:
    patience, plans = AT_FIRST, []
    for _ in range(10):
        has_plan = needs_s < patience.whole_s
        plans.append(has_plan)
        took_s = min(needs_s, patience.whole_s)
        patience = patience.after_plan(took_s, is_first=True) if has_plan else patience.after_failure(took_s)
    first = plans.index(True)
    assert first <= 3
    assert all(plans[first:])


def test_a_plan_that_took_all_there_is_still_has_most_of_its_life_before_it() -> None:
    assert Patience(AT_FIRST.most_s).whole_s <= Policy().plan_age_s / 2.0
