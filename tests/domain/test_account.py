"""People: what they may be called, which passwords will do, and when a login is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ems.domain.access.account import (
    IDLE,
    LEAST_PASSWORD,
    LONGEST,
    ApiToken,
    Login,
    LoginRule,
    Role,
    User,
    key_of,
    new_password,
    user_name,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ANNA = User("Anna", Role.OPERATOR, "hash-of-anna", NOW - timedelta(days=1))
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("name", ["anna", "Jürgen", "a.b@depot.example", "O-1_2+x", "井上", "x" * 40])
def test_a_name_is_made_of_letters_digits_and_few_signs(name: str) -> None:
    assert user_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "anna ",
        "a b",
        "x" * 41,
        "<script>alert(1)</script>",
        "anna'; DROP TABLE user_account--",
        '"onmouseover=alert(1)',
        "{{7*7}}",
        "%s{0.__class__}",
        "../../etc/passwd",
        "=cmd|'/c calc'!A1",
        "anna\n2026 ERROR",
        "anna\x00",
        "\x1b[31manna",
        "anna\u202egnp",
        "an\u200bna",
        "\ud800",
        "ﬁona",
        "Ａnna",
        "🚗",
    ],
)
def test_a_hostile_name_is_refused_in_words_that_can_be_shown(name: str) -> None:
    with pytest.raises(ValueError, match="a user name is 1 to 40 letters") as refused:
        user_name(name)
    assert str(refused.value).isprintable()


def test_upper_and_lower_case_are_the_same_person() -> None:
    assert key_of("ANNA") == key_of("anna")
    assert key_of("Ｊürgen") == key_of("jÜrgen")


@pytest.mark.parametrize(
    "password", ["correct horse battery", "Käse-Brot-Tisch", "x9$kQ2 pl0w", "🚗🚕🚙🚌🚎🏎🚓🚑🚒🚐🛻🚚"]
)
def test_a_long_password_will_do_whatever_it_is_made_of(password: str) -> None:
    assert new_password("anna", password + " " * (LEAST_PASSWORD - len(password))) is not None


@pytest.mark.parametrize(
    "password",
    ["", "short", "x" * 11, "aaaaaaaaaaaaaaaa", "121212121212", "Password1234", "passwort2026", "123456789012",
     "anna-anna-anna", "Anna12345678", "qwertzuiop123", "x" * 300],
)  # fmt: skip
def test_a_password_that_anybody_tries_first_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ValueError, match="password") as refused:
        new_password("Anna", password)
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize(
    ("login", "user", "over"),
    [
        ((HOUR, timedelta(0)), ANNA, False),
        ((timedelta(days=13), IDLE - HOUR), ANNA, True),
        ((HOUR, IDLE), ANNA, True),
        ((timedelta(hours=20), IDLE - HOUR), ANNA, False),
        ((HOUR, -HOUR), ANNA, False),
        ((HOUR, timedelta(0)), None, True),
        ((HOUR, timedelta(0)), replace(ANNA, enabled=False), True),
        ((HOUR, timedelta(0)), replace(ANNA, since=NOW), True),
        ((LONGEST, timedelta(0)), replace(ANNA, since=NOW - 2 * LONGEST), True),
    ],
)
def test_a_login_ends_by_idling_by_age_by_a_new_password_and_with_its_user(
    login: tuple[timedelta, timedelta], user: User | None, over: bool
) -> None:
    began, seen = login
    assert Login("d", "Anna", NOW - began, NOW - seen).is_over(user, NOW) is over


@pytest.mark.parametrize(
    ("rule", "anybody", "role"),
    [
        (LoginRule.REQUIRED, False, None),
        (LoginRule.REQUIRED, True, None),
        (LoginRule.TO_CHANGE, False, Role.OPERATOR),
        (LoginRule.TO_CHANGE, True, Role.VIEWER),
        (LoginRule.LOOPBACK_FREE, False, Role.OPERATOR),
        (LoginRule.LOOPBACK_FREE, True, Role.OPERATOR),
    ],
)
def test_what_somebody_at_the_machine_may_without_a_login(rule: LoginRule, anybody: bool, role: Role | None) -> None:
    assert rule.role_here(anybody) is role


@pytest.mark.parametrize("days", [0, -1, 367, 10_000])
def test_a_token_ends_within_a_year(days: int) -> None:
    with pytest.raises(ValueError, match="a token must end, within 366 days"):
        ApiToken("1", "Anna", "scraper", Role.VIEWER, frozenset(), "digest", NOW, NOW + timedelta(days=days))


def test_no_secret_is_shown_when_one_is_printed() -> None:
    token = ApiToken("1", "Anna", "scraper", Role.VIEWER, frozenset(), "digest-1", NOW, NOW + HOUR)
    shown = repr((ANNA, token, Login("digest-2", "Anna", NOW, NOW)))
    assert not [secret for secret in ("hash-of-anna", "digest-1", "digest-2") if secret in shown]
