"""Users, tokens and logins in the database. Another process may change them too, so every change is made from what is
there, in one durable transaction with its audit row.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, select

from ems.adapters.store.account_schema import api_token, user_account, web_login
from ems.adapters.store.audit import AuditLog, audit_row
from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.current import Current
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.schema import audit
from ems.adapters.store.writer import QueueFullError, Urgency, Writer
from ems.domain.access.account import ApiToken, Login, Role, User
from ems.domain.access.roll import Roll, RollChange, TokenMade, altered
from ems.domain.daybook import UnknownError
from ems.ports.controller import NotStoredError

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountStore:
    """Keeps them for the daemon. `patience_s`: how long a change waits for the disk."""

    writer: Writer
    audit: AuditLog
    current: Current
    patience_s: float = 5.0

    async def change(self, change: RollChange, at: datetime, who: str) -> Roll:
        """Returns the roll when the change, and who made it, would survive a power cut.

        Raises UnknownError or ValueError when it must not be, NotStoredError when it could not be stored.
        """
        told = self.audit.row(at, who, type(change).__name__, in_words(change))

        def job(connection: Connection) -> Roll | ValueError:
            try:
                return change_in(connection, change, told)
            except ValueError as refused:
                return refused

        try:
            async with asyncio.timeout(self.patience_s):
                after = await asyncio.wrap_future(self.writer.run(job, durable=True))
        except TimeoutError:
            trouble = self.writer.health.trouble or "the disk is slow"
            raise NotStoredError(f"not on disk after {self.patience_s:g} s: {trouble}") from None
        except (QueueFullError, *WRITE_ERRORS) as error:
            raise NotStoredError(str(error).partition("\n")[0]) from error
        if isinstance(after, ValueError):
            raise after
        self.remember(after)
        return after

    def remember(self, roll: Roll) -> None:
        """What a database that replaces a lost one begins with."""
        rows = _rows(roll)
        for key, _ in self.current.rows():
            if key.table in {user_account, api_token} and key not in rows:
                self.current.forget(key.table, *key.values)
        for key, row in rows.items():
            self.current.remember(key.table, row)

    def note(self, login: Login) -> None:
        """A login began, or was used; on its way to disk, and a power cut may cost it."""
        self.writer.put(web_login, _login_row(login), Urgency.SOON)

    def forget(self, digests: Iterable[str]) -> None:
        """These logins are over."""
        gone = tuple(digests)
        if gone:
            self.writer.run(lambda connection: _drop(connection, gone), durable=True)


def change_in(connection: Connection, change: RollChange, told: Row) -> Roll:
    """Make one change, with its audit row, inside the caller's transaction; returns the roll after it. Raises
    UnknownError or ValueError, and has then changed nothing.
    """
    before = read_roll(connection)
    after = altered(before, change)
    old, new = _rows(before), _rows(after)
    gone = [key.values[0] for key in old if key not in new and key.table is api_token]
    if gone:
        connection.execute(delete(api_token).where(api_token.c.id.in_(gone)))
    written = {key: row for key, row in new.items() if old.get(key) != row}
    write(connection, {**written, Key.of(audit, told): told}, (), Subjects())
    return after


def roll_in(database: Database) -> Roll:
    """Users and tokens, for somebody beside the daemon. Raises one of `WRITE_ERRORS`."""
    with database.connect() as connection, database.transaction(connection, durable=False):
        return read_roll(connection)


def altered_in(database: Database, change: RollChange, at: datetime, who: str) -> ValueError | None:
    """Make one change beside the daemon; returns why it must not be, and has then changed nothing. Raises one of
    `WRITE_ERRORS` when it could not be stored.
    """
    told = audit_row(secrets.randbits(20), at, who, type(change).__name__, in_words(change))
    with database.connect() as connection, database.transaction(connection, durable=True):
        try:
            change_in(connection, change, told)
        except ValueError as refused:
            return refused
    return None


def in_words(change: RollChange) -> dict[str, Any]:
    """What the audit tells of a change: no hash, no digest."""
    match change:
        case TokenMade(token):
            shown = {"id": token.id, "user": token.user, "label": token.label, "role": token.role.word}
            return {**shown, "areas": sorted(token.areas), "ends": token.ends.isoformat(timespec="seconds")}
        case _:
            told = change._asdict()
            user = told.pop("user", None)
            if isinstance(user, User):
                told |= {"name": user.name, "role": user.role}
            told.pop("password", None)
            return {name: value.word if isinstance(value, Role) else str(value) for name, value in told.items()}


def read_roll(connection: Connection) -> Roll:
    """All users and tokens; a row that makes no sense is left out, and named in the log."""
    users = (_read("user", row, _user_of) for row in connection.execute(select(user_account)))
    tokens = (_read("token", row, _token_of) for row in connection.execute(select(api_token)))
    return Roll.of([one for one in users if one is not None], [one for one in tokens if one is not None])


def read_logins(connection: Connection) -> tuple[Login, ...]:
    """All logins that are not known to be over."""
    rows = connection.execute(select(web_login))
    return tuple(Login(r.digest, r.user, from_ms(r.began), from_ms(r.seen), r.address) for r in rows)


def _drop(connection: Connection, digests: tuple[str, ...]) -> None:
    connection.execute(delete(web_login).where(web_login.c.digest.in_(digests)))


def _read(kind: str, row: Any, read: Callable[[Any], T]) -> T | None:
    try:
        return read(row)
    except (ValueError, UnknownError) as wrong:
        log.error("store.unreadable %s=%.64r: %s", kind, row[0], wrong)  # noqa: TRY400 - the row is named, a trace is not
        return None


def _user_of(row: Any) -> User:
    return User(row.name, Role(row.role), row.password, from_ms(row.since), row.enabled)


def _token_of(row: Any) -> ApiToken:
    areas = frozenset(row.areas.split()) if row.areas else frozenset()
    made, ends = from_ms(row.made), from_ms(row.ends)
    return ApiToken(row.id, row.user, row.label, Role(row.role), areas, row.digest, made, ends)


def _rows(roll: Roll) -> dict[Key, Row]:
    users = (_user_row(key, user) for key, user in roll.users.items())
    tokens = (_token_row(token) for token in roll.tokens.values())
    return {Key.of(table, row): row for table, rows in ((user_account, users), (api_token, tokens)) for row in rows}


def _user_row(key: str, user: User) -> Row:
    return {
        "id": key,
        "name": user.name,
        "role": int(user.role),
        "password": user.password,
        "since": to_ms(user.since),
        "enabled": user.enabled,
    }


def _token_row(token: ApiToken) -> Row:
    return {
        "id": token.id,
        "user": token.user,
        "label": token.label,
        "role": int(token.role),
        "areas": " ".join(sorted(token.areas)),
        "digest": token.digest,
        "made": to_ms(token.made),
        "ends": to_ms(token.ends),
    }


def _login_row(login: Login) -> Row:
    return {
        "digest": login.digest,
        "user": login.user,
        "began": to_ms(login.began),
        "seen": to_ms(login.seen),
        "address": login.address,
    }
