"""Users and tokens: once there is a user, there is always an administrator who can log in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.access.account import ApiToken, Kind, Role, User, Visitor
from ems.domain.access.roll import (
    MOST_TOKENS,
    FirstUserAdded,
    PasswordSet,
    RoleGiven,
    Roll,
    RollChange,
    TokenMade,
    TokenRevoked,
    UserAdded,
    UserDisabled,
    UserEnabled,
    altered,
)
from ems.domain.daybook import UnknownError

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def user(name: str, role: Role = Role.ADMIN) -> User:
    return User(name, role, f"hash of {name}", NOW)


def token(number: str = "t1", owner: str = "anna", role: Role = Role.VIEWER, areas: str = "") -> ApiToken:
    return ApiToken(number, owner, f"label {number}", role, frozenset(areas.split()), "digest", NOW, NOW + 30 * DAY)


OFFICE = Roll.of([user("anna"), user("otto", Role.OPERATOR)], [token(), token("t2", "otto", Role.OPERATOR)])


def test_the_first_user_is_an_administrator() -> None:
    assert altered(Roll(), FirstUserAdded(user("anna"))).user("ANNA").role is Role.ADMIN
    with pytest.raises(ValueError, match="the first user must be an administrator"):
        altered(Roll(), UserAdded(user("otto", Role.OPERATOR)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (FirstUserAdded(user("eve")), "there is a user already"),
        (UserAdded(user("ANNA")), "there is a user ANNA already"),
        (UserDisabled("anna"), "anna is the only administrator"),
        (RoleGiven("anna", Role.VIEWER), "anna is the only administrator"),
        (UserDisabled("eve"), "there is no user 'eve'"),
        (PasswordSet("eve", "hash", NOW), "there is no user 'eve'"),
        (RoleGiven("<script>", Role.ADMIN), "there is no user '<script>'"),
        (TokenRevoked("t9"), "there is no token 't9'"),
        (TokenMade(token("t3", "eve")), "there is no user 'eve'"),
        (TokenMade(token("t3", "otto", Role.INSTALLER)), "can open no more than a operator may"),
    ],
)
def test_what_must_not_be_is_refused_in_words(change: RollChange, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        altered(OFFICE, change)


def test_who_is_unknown_is_told_apart_from_what_must_not_be() -> None:
    with pytest.raises(UnknownError):
        altered(OFFICE, UserDisabled("eve"))


def test_a_second_administrator_may_take_the_place_of_the_first() -> None:
    both = altered(OFFICE, RoleGiven("otto", Role.ADMIN))
    assert not altered(both, UserDisabled("anna")).user("anna").enabled


def test_a_new_password_and_being_enabled_again_end_what_was_before() -> None:
    later = NOW + DAY
    assert altered(OFFICE, PasswordSet("otto", "new", later)).user("otto").since == later
    away = altered(OFFICE, UserDisabled("otto"))
    assert altered(away, UserEnabled("otto", later)).user("otto") == replace(OFFICE.user("otto"), since=later)


def test_a_user_has_so_many_tokens_at_most() -> None:
    full = Roll.of([user("anna")], [token(f"n{k}") for k in range(MOST_TOKENS)])
    with pytest.raises(ValueError, match="revoke some first"):
        altered(full, TokenMade(token("one more")))
    assert len(altered(full, TokenRevoked("n3")).tokens) == MOST_TOKENS - 1


@pytest.mark.parametrize(
    ("roll", "days", "opens"),
    [
        (OFFICE, 0, Role.OPERATOR),
        (OFFICE, 29, Role.OPERATOR),
        (OFFICE, 30, None),
        (OFFICE, -1, None),
        (altered(OFFICE, RoleGiven("otto", Role.VIEWER)), 0, Role.VIEWER),
        (altered(OFFICE, RoleGiven("otto", Role.INSTALLER)), 0, Role.OPERATOR),
        (altered(OFFICE, UserDisabled("otto")), 0, None),
    ],
)
def test_a_token_opens_what_both_it_and_its_owner_may_until_it_ends(roll: Roll, days: int, opens: Role | None) -> None:
    shown = roll.bearer(roll.tokens["t2"], NOW + days * DAY)
    assert shown == (None if opens is None else Visitor("otto/label t2", opens, Kind.TOKEN))


CHANGES = st.one_of(
    st.builds(UserAdded, st.builds(user, st.sampled_from("abc"), st.sampled_from(Role))),
    st.builds(UserDisabled, st.sampled_from("abc")),
    st.builds(UserEnabled, st.sampled_from("abc"), st.just(NOW)),
    st.builds(RoleGiven, st.sampled_from("abc"), st.sampled_from(Role)),
)


@given(st.lists(CHANGES, max_size=12))
def test_whatever_is_changed_somebody_can_always_log_in_and_change_it_back(changes: list[RollChange]) -> None:
    roll = Roll()
    for change in changes:
        try:
            roll = altered(roll, change)
        except ValueError:
            continue
        assert any(one.role is Role.ADMIN and one.enabled for one in roll.users.values())
