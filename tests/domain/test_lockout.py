"""Wrong guesses cost time: first nothing, then ever more, never for ever."""

from __future__ import annotations

import pytest

from ems.domain.access.lockout import (
    FIRST_WAIT_S,
    FORGET_S,
    FREE_ADDRESS,
    FREE_NAME,
    FREE_PAIR,
    LONGEST_WAIT_S,
    MOST_KEPT,
    Lockout,
)


def guess(lockout: Lockout, name: str, address: str, at_s: float, is_here: bool = False) -> bool:
    """One guess, if it is heard."""
    heard = lockout.wait_s(name, address, is_here, at_s) == 0.0
    if heard:
        lockout.wrong(name, address, at_s)
    return heard


def test_a_few_slips_cost_nothing_then_waits_double_up_to_a_quarter_of_an_hour() -> None:
    lockout, now, waits = Lockout(), 0.0, []
    for _ in range(FREE_PAIR + 8):
        lockout.wrong("anna", "10.0.0.5", now)
        wait = lockout.wait_s("anna", "10.0.0.5", False, now)
        waits.append(wait)
        now += wait
    assert waits[: FREE_PAIR - 1] == [0.0] * (FREE_PAIR - 1)
    assert waits[FREE_PAIR - 1 : FREE_PAIR + 3] == [FIRST_WAIT_S * 2**k for k in range(4)]
    assert waits[-1] == LONGEST_WAIT_S


def test_a_brute_force_of_a_day_is_heard_a_hundred_times() -> None:
    """W01: a guess each second."""
    lockout = Lockout()
    heard = sum(guess(lockout, "anna", "10.0.0.5", float(second)) for second in range(86_400))
    assert heard <= 86_400 / LONGEST_WAIT_S + 15


def test_one_password_tried_on_many_names_is_slowed_down_by_address() -> None:
    lockout = Lockout()
    assert sum(guess(lockout, f"user{k}", "10.0.0.5", 1.0) for k in range(1000)) == FREE_ADDRESS


def test_many_addresses_that_guess_at_one_name_are_slowed_down_together() -> None:
    lockout = Lockout()
    assert sum(guess(lockout, "anna", f"10.0.{k // 250}.{k % 250}", 1.0) for k in range(1000)) == FREE_NAME


def test_at_the_machine_itself_nobody_waits_for_what_others_guess() -> None:
    lockout = Lockout()
    for k in range(1000):
        guess(lockout, "anna", f"10.0.{k // 250}.{k % 250}", 1.0)
    assert lockout.wait_s("anna", "10.9.9.9", False, 1.0) > 0
    assert lockout.wait_s("anna", "127.0.0.1", True, 1.0) == 0.0


def test_others_are_not_locked_out_by_the_guesses_of_one() -> None:
    lockout = Lockout()
    for _ in range(FREE_PAIR):
        lockout.wrong("anna", "10.0.0.5", 1.0)
    assert lockout.wait_s("anna", "10.0.0.6", False, 1.0) == 0.0
    assert lockout.wait_s("otto", "10.0.0.5", False, 1.0) == 0.0


def test_the_right_password_forgets_the_slips_and_so_does_an_hour() -> None:
    lockout = Lockout()
    for _ in range(FREE_PAIR - 1):
        lockout.wrong("anna", "10.0.0.5", 1.0)
    lockout.right("anna", "10.0.0.5")
    assert guess(lockout, "anna", "10.0.0.5", 2.0)
    for _ in range(FREE_PAIR):
        lockout.wrong("otto", "10.0.0.5", 1.0)
    assert lockout.wait_s("otto", "10.0.0.5", False, 1.0 + FORGET_S) == 0.0


@pytest.mark.parametrize("spread", ["names", "addresses"])
def test_what_is_remembered_is_bounded(spread: str) -> None:
    lockout = Lockout()
    for k in range(MOST_KEPT):
        lockout.wrong(f"n{k}" if spread == "names" else "n", "a" if spread == "names" else f"a{k}", 1.0)
    assert len(lockout) <= MOST_KEPT
