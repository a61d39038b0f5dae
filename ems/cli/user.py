"""Commands on users and tokens: add, list, passwd, role, disable, enable, token, revoke.

They work on the database of a site, whether its daemon runs or not; that takes over what changed within seconds.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shutil
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ems.adapters.password.hashing import Hasher
from ems.adapters.store.accounts import altered_in, roll_in
from ems.adapters.store.database import SIDE_FILES, WRITE_ERRORS, Database
from ems.assembly.accounts import new_token
from ems.assembly.opening import database_of
from ems.cli.outcome import FINE, UsageError
from ems.cli.site import state_dir_of
from ems.domain.access.account import Role, User, key_of, new_password
from ems.domain.access.roll import (
    PasswordSet,
    RoleGiven,
    Roll,
    RollChange,
    TokenMade,
    TokenRevoked,
    UserAdded,
    UserDisabled,
    UserEnabled,
)


def add(options: argparse.Namespace) -> int:
    """A new user."""
    known = _roll(options).users
    if key_of(options.name) in known:
        raise UsageError(f"there is a user {options.name} already; `ems user passwd` gives another password")
    if known and options.role is None:
        raise UsageError("say what the user may do: --role viewer, operator, installer or admin")
    user = _checked(lambda: User(options.name, Role.of(options.role or "admin"), _new_hash(options.name), _now()))
    _change(options, UserAdded(user))
    print(f"{user.name} may log in as {user.role.word}")
    return FINE


def passwd(options: argparse.Namespace) -> int:
    """Another password."""
    user = _checked(lambda: _roll(options).user(options.name))
    _change(options, PasswordSet(user.name, _checked(lambda: _new_hash(user.name)), _now()))
    print(f"{user.name} has another password, and is logged out everywhere")
    return FINE


def role(options: argparse.Namespace) -> int:
    """Another role."""
    _change(options, RoleGiven(options.name, Role.of(options.role)))
    return FINE


def disable(options: argparse.Namespace) -> int:
    """Let in no more."""
    _change(options, UserDisabled(options.name))
    return FINE


def enable(options: argparse.Namespace) -> int:
    """Let in again."""
    _change(options, UserEnabled(options.name, _now()))
    return FINE


def token(options: argparse.Namespace) -> int:
    """A token for a program."""
    areas = frozenset(options.area)
    owner = _checked(lambda: _roll(options).user(options.name)).name
    made, secret = _checked(lambda: new_token(owner, options.label, Role.of(options.role), areas, options.days, _now()))
    _change(options, TokenMade(made))
    print(f"the token, shown once:  {secret}")
    print(f"its id, to revoke it:   {made.id}")
    return FINE


def revoke(options: argparse.Namespace) -> int:
    """A token opens nothing any more."""
    _change(options, TokenRevoked(options.id))
    return FINE


def list(options: argparse.Namespace) -> int:
    """All users and tokens."""
    roll = _roll(options)
    users = [
        {"name": user.name, "role": user.role.word, "enabled": user.enabled, "since": _day(user.since)}
        for _, user in sorted(roll.users.items())
    ]
    tokens = [
        {"id": one.id, "user": one.user, "label": one.label, "role": one.role.word, "areas": sorted(one.areas),
         "made": _day(one.made), "ends": _day(one.ends)}
        for one in sorted(roll.tokens.values(), key=lambda one: (key_of(one.user), one.made))
    ]  # fmt: skip
    if options.json:
        print(json.dumps({"users": users, "tokens": tokens}, indent=2))
        return FINE
    if not users:
        print("nobody can log in yet; `ems user add NAME` makes the first administrator")
    for user in users:
        print(f"{user['name']:<40} {user['role']:<10} {'' if user['enabled'] else 'disabled'}".rstrip())
    for one in tokens:
        opened = " ".join(one["areas"]) or "everything"
        print(f"token {one['id']} of {one['user']}: {one['label']}; {one['role']}, opens {opened}, ends {one['ends']}")
    return FINE


def _database(options: argparse.Namespace) -> tuple[Database, Path]:
    state = state_dir_of(options.site)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Database(database_of(state)), state
    except (OSError, ValueError, ModuleNotFoundError) as failed:
        raise UsageError(f"cannot use the state folder {state}: {failed}") from None


def _roll(options: argparse.Namespace) -> Roll:
    database, state = _database(options)
    try:
        return roll_in(database)
    except WRITE_ERRORS as failed:
        raise UsageError(f"cannot read {database}: {_first_line(failed)}") from None
    finally:
        _hand_over(database, state)


def _change(options: argparse.Namespace, change: RollChange) -> None:
    database, state = _database(options)
    try:
        refused = altered_in(database, change, _now(), f"{_account()} (ems user)")
    except WRITE_ERRORS as failed:
        raise UsageError(f"nothing has changed: {database}: {_first_line(failed)}") from None
    finally:
        _hand_over(database, state)
    if refused is not None:
        raise UsageError(str(refused))


def _hand_over(database: Database, state: Path) -> None:
    """What root made in the folder of another account is to be that account's, or the daemon could not open it."""
    if database.path is None or os.geteuid() != 0:
        return
    owner = state.stat()
    for suffix in ("", *SIDE_FILES):
        with suppress(OSError):
            shutil.chown(f"{database.path}{suffix}", owner.st_uid, owner.st_gid)


def _new_hash(name: str) -> str:
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise ValueError("the two passwords are not the same")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    return Hasher().hash(new_password(name, password))


def _checked(work: Any) -> Any:
    try:
        return work()
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - of the person asking


def _day(at: datetime) -> str:
    return at.astimezone().isoformat(timespec="minutes")
