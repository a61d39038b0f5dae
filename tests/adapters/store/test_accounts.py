"""Users, tokens and logins on disk: stored with who did it before they count, read back, and never a secret in the
audit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.domain.access.account import ApiToken, Login, Role, User
from ems.domain.access.roll import (
    FirstUserAdded,
    PasswordSet,
    RoleGiven,
    Roll,
    RollChange,
    TokenMade,
    TokenRevoked,
    UserAdded,
    UserDisabled,
)
from ems.domain.daybook import UnknownError
from ems.ports.controller import NotStoredError
from tests.adapters.store.clocks import BEGIN, HandClock

NOW = BEGIN.utc
ANNA = User("Anna", Role.ADMIN, "$argon2id$anna", NOW)
OTTO = User("otto", Role.OPERATOR, "$argon2id$otto", NOW)
TOKEN = ApiToken(
    "t1", "Anna", "<script>", Role.VIEWER, frozenset({"site", "plan"}), "digest-1", NOW, NOW + timedelta(days=9)
)
WHO = "anna (10.0.0.5)"


def made(store: Store, *changes: RollChange) -> Roll:
    roll = Roll()
    for change in changes:
        roll = asyncio.run(store.accounts.change(change, NOW, WHO))
    return roll


def recovered(where: str | Path, clock: HandClock) -> Recovered:
    """What a controller finds that starts on that database."""
    store = Store(where, clock)
    found = store.open()
    store.close()
    return found


def test_what_was_changed_is_there_after_a_restart(
    opened: Callable[[], Store], where: str | Path, clock: HandClock
) -> None:
    store = opened()
    roll = made(store, FirstUserAdded(ANNA), UserAdded(OTTO), TokenMade(TOKEN), RoleGiven("otto", Role.INSTALLER))
    store.close()
    found = recovered(where, clock)
    assert found.roll == roll
    assert found.roll.user("OTTO").role is Role.INSTALLER
    assert found.roll.tokens["t1"] == TOKEN


def test_what_another_process_changed_is_read_and_built_upon(opened: Callable[[], Store]) -> None:
    """`ems user` writes beside the daemon: a change of either is made from what both left."""
    ours, theirs = opened(), opened()
    made(ours, FirstUserAdded(ANNA))
    made(theirs, UserAdded(OTTO))
    assert set(made(ours, UserDisabled("otto")).users) == {"anna", "otto"}
    assert asyncio.run(theirs.roll()).user("otto").enabled is False


@pytest.mark.parametrize(
    ("change", "error"),
    [(UserAdded(ANNA), ValueError), (TokenRevoked("t9"), UnknownError), (UserDisabled("Anna"), ValueError)],
)
def test_what_must_not_be_leaves_no_trace(opened: Callable[[], Store], change: RollChange, error: type) -> None:
    store = opened()
    before = made(store, FirstUserAdded(ANNA))
    with pytest.raises(error):
        made(store, change)
    assert asyncio.run(store.roll()) == before
    assert [one.what for one in asyncio.run(store.audits(None, 9))] == ["FirstUserAdded"]


def test_everything_is_audited_without_a_secret(reopened: Callable[[], Store]) -> None:
    store = reopened()
    changes = (
        FirstUserAdded(ANNA),
        TokenMade(TOKEN),
        PasswordSet("anna", "$argon2id$new", NOW + timedelta(hours=1)),
        RoleGiven("anna", Role.ADMIN),
        TokenRevoked("t1"),
    )
    made(store, *changes)
    audits = asyncio.run(store.audits(None, 9))
    assert [(one.who, one.what) for one in audits] == [(WHO, type(change).__name__) for change in reversed(changes)]
    written = " ".join(one.detail for one in audits)
    assert '"role": "admin"' in written
    assert [secret for secret in ("argon2id", "digest") if secret in written] == []


def test_logins_outlive_a_restart_until_they_are_over(
    opened: Callable[[], Store], where: str | Path, clock: HandClock
) -> None:
    store = opened()
    stays, goes = (Login(digest, "Anna", NOW, NOW, "10.0.0.5") for digest in ("stays", "goes"))
    for login in (stays, goes):
        store.accounts.note(login)
    asyncio.run(store.flush())
    store.accounts.forget(["goes"])
    store.close()
    assert recovered(where, clock).logins == (stays,)


def test_a_lost_database_is_replaced_with_the_users_that_are_known(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path / "ems.db", clock)
    store.open()
    made(store, FirstUserAdded(ANNA), UserAdded(OTTO), TokenMade(TOKEN), TokenRevoked("t1"))
    for path in tmp_path.glob("ems.db*"):
        path.unlink()
    made(store, RoleGiven("otto", Role.VIEWER))
    assert set(asyncio.run(store.roll()).users) == {"anna", "otto"}
    assert asyncio.run(store.roll()).tokens == {}
    store.close()


def test_a_change_that_cannot_be_stored_does_not_happen(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path / "ems.db", clock, patience_s=0.2)
    store.open()
    made(store, FirstUserAdded(ANNA))
    store.close()
    with pytest.raises(NotStoredError):
        made(store, UserAdded(OTTO))
