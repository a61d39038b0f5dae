"""What is kept of roaming partners."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select

from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.beside import read_beside
from ems.adapters.store.commit import committed
from ems.adapters.store.current import Current
from ems.adapters.store.database import Database
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.roaming_schema import roaming_object, roaming_partner, roaming_push, roaming_tag
from ems.adapters.store.writer import Writer
from ems.domain.roaming import Endpoint, GuestTag, ObjectKind, Partner, PartyId, Push, Role, ToldObject, Whitelist
from ems.ports.roaming import Chosen, Kept, Selection

log = logging.getLogger(__name__)

T = TypeVar("T")

RUNNING = frozenset({ObjectKind.CLAIM, ObjectKind.RESERVATION})


@dataclass(frozen=True, slots=True)
class RoamingStore:
    """The `RoamingBook` port. `patience_s`: how long anything waits for the disk."""

    writer: Writer
    current: Current
    database: Database
    patience_s: float = 5.0

    async def load(self, since: datetime) -> Kept:
        """What the runs before left; claims that were made before `since` are forgotten."""
        old = and_(roaming_object.c.kind == ObjectKind.CLAIM.value, roaming_object.c.updated < to_ms(since))

        def tidy(connection: Connection) -> None:
            connection.execute(delete(roaming_object).where(old))

        await self._run(tidy)
        kept = await self._read(partial(_load, since=since))
        for one in kept.partners:
            self.current.remember(roaming_partner, partner_row(one))
        return kept

    async def keep_partner(self, partner: Partner) -> None:
        """Remember what was agreed with a partner."""
        row = partner_row(partner)
        await self._run(lambda connection: _write(connection, [(roaming_partner, row)]))
        self.current.remember(roaming_partner, row)

    async def keep_tags(self, tags: Sequence[tuple[GuestTag, str]]) -> None:
        """Remember tags with what their partner said of them."""
        rows = [(roaming_tag, tag_row(tag, told)) for tag, told in tags]
        await self._run(lambda connection: _write(connection, rows))

    async def drop_tags(self, partner: str, keep: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Forget tags of a partner but those of these (uid, kind)."""
        known = roaming_tag.c

        def job(connection: Connection) -> None:
            if not keep:
                connection.execute(delete(roaming_tag).where(known.partner == partner))
                return
            kept = {(uid.lower(), kind) for uid, kind in keep}
            there = connection.execute(select(known.uid, known.kind).where(known.partner == partner)).all()
            for uid, kind in [(row.uid, row.kind) for row in there if (row.uid, row.kind) not in kept]:
                one = and_(known.partner == partner, known.uid == uid, known.kind == kind)
                connection.execute(delete(roaming_tag).where(one))

        await self._run(job)

    async def tag(self, partner: str, uid: str, kind: str) -> str | None:
        """What a partner said of a tag."""
        known = roaming_tag.c
        one = and_(known.partner == partner, known.uid == uid.lower(), known.kind == kind)
        return await self._read(lambda connection: connection.execute(select(known.told).where(one)).scalar())

    async def keep_object(self, told: ToldObject, pushes: Sequence[Push] = ()) -> None:
        """Remember an object as it is now and what is to be pushed of it."""
        await self.keep_objects((told,), pushes)

    async def keep_objects(self, told: Sequence[ToldObject], pushes: Sequence[Push] = ()) -> None:
        """The same of several objects."""

        def job(connection: Connection) -> None:
            for one in told:
                _keep_object(connection, one)
            _write(connection, [(roaming_push, push_row(push)) for push in pushes])

        await self._run(job)

    async def object(self, kind: ObjectKind, name: str, partner: str) -> ToldObject | None:
        """One object of a partner."""
        known = roaming_object.c
        one = and_(known.kind == kind.value, known.partner == partner, known.id == name)
        found = await self._read(lambda connection: connection.execute(select(roaming_object).where(one)).first())
        return None if found is None else object_of(found)

    async def select(self, which: Selection) -> Chosen:
        """Objects of a partner."""
        return await self._read(partial(_select, which=which))

    async def keep_pushes(self, pushes: Sequence[Push], done: Sequence[int] = ()) -> None:
        """Remember what is to be pushed, and forget what was."""

        def job(connection: Connection) -> None:
            if done:
                connection.execute(delete(roaming_push).where(roaming_push.c.number.in_(done)))
            _write(connection, [(roaming_push, push_row(one)) for one in pushes])

        await self._run(job)

    async def _run(self, job: Callable[[Connection], None]) -> None:
        await committed(self.writer, job, True, self.patience_s)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await read_beside(self.database, query, self.patience_s)


def _write(connection: Connection, rows: Sequence[tuple[Any, Row]]) -> None:
    write(connection, {Key.of(table, row): row for table, row in rows}, (), Subjects())


def _keep_object(connection: Connection, told: ToldObject) -> None:
    known = roaming_object.c
    one = and_(known.kind == told.kind.value, known.partner == told.partner, known.id == told.id)
    row = {"updated": to_ms(told.updated), "told": told.body}
    if not connection.execute(roaming_object.update().where(one).values(row)).rowcount:
        number = (connection.execute(select(func.max(known.number))).scalar() or 0) + 1
        name = {"number": number, "kind": told.kind.value, "id": told.id, "partner": told.partner}
        connection.execute(roaming_object.insert(), [{**name, **row}])


def _select(connection: Connection, which: Selection) -> Chosen:
    known = roaming_object.c
    fits: list[ColumnElement[bool]] = [known.kind == which.kind.value, known.partner == which.partner]
    if which.since is not None:
        fits.append(known.updated >= to_ms(which.since))
    if which.until is not None:
        fits.append(known.updated < to_ms(which.until))
    total = connection.execute(select(func.count()).select_from(roaming_object).where(*fits)).scalar() or 0
    query = select(roaming_object).where(*fits).order_by(known.number)
    query = query.offset(which.offset) if which.after is None else query.where(known.number > which.after)
    rows = connection.execute(query.limit(which.most + 1)).all()
    return Chosen(tuple(object_of(row) for row in rows[: which.most]), total, len(rows) <= which.most)


def _load(connection: Connection, since: datetime) -> Kept:
    known = roaming_object.c
    running = and_(known.kind == ObjectKind.SESSION.value, known.told.like('%"status":"ACTIVE"%'))
    recent = and_(known.kind.in_([kind.value for kind in RUNNING]), known.updated >= to_ms(since))
    objects = connection.execute(select(roaming_object).where(running | recent).order_by(known.number))
    found: list[Partner] = []
    for row in connection.execute(select(roaming_partner)):
        try:
            found.append(partner_of(row))
        except (ValueError, TypeError, KeyError) as error:
            log.error("store.partner_unreadable id=%.64r: %s", row.id, error)  # noqa: TRY400 the row says it all
    return Kept(
        partners=tuple(found),
        pushes=tuple(push_of(row) for row in connection.execute(select(roaming_push).order_by(roaming_push.c.number))),
        objects=tuple(object_of(row) for row in objects),
        tags=tuple(tag_of(row) for row in connection.execute(select(roaming_tag))),
    )


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def partner_row(one: Partner) -> Row:
    """What was agreed with a partner."""
    return {
        "id": one.id,
        "ours": one.ours,
        "theirs": one.theirs,
        "versions_url": one.versions_url,
        "endpoints": json.dumps([list(endpoint) for endpoint in one.endpoints]),
        "roles": json.dumps([[*role.party, role.role, role.name] for role in one.roles]),
        "registered": _ms(one.registered),
        "invitation": one.invitation,
        "invited_until": _ms(one.invited_until),
        "pulled": _ms(one.pulled),
    }


def partner_of(row: Any) -> Partner:
    """The partner of a row. Raises ValueError, TypeError or KeyError."""
    return Partner(
        id=row.id,
        ours=row.ours,
        theirs=row.theirs,
        versions_url=row.versions_url,
        endpoints=tuple(Endpoint(*one) for one in json.loads(row.endpoints)),
        roles=tuple(Role(PartyId(one[0], one[1]), one[2], one[3]) for one in json.loads(row.roles)),
        registered=_at(row.registered),
        invitation=row.invitation,
        invited_until=_at(row.invited_until),
        pulled=_at(row.pulled),
    )


def tag_row(one: GuestTag, told: str) -> Row:
    """A tag of a partner."""
    return {
        "partner": one.partner,
        "uid": one.uid.lower(),
        "kind": one.kind,
        "tag": one.tag,
        "country_code": one.party.country_code,
        "party_id": one.party.party_id,
        "contract_id": one.contract_id,
        "is_valid": one.is_valid,
        "whitelist": one.whitelist.value,
        "told": told,
    }


def tag_of(row: Any) -> GuestTag:
    """The tag of a row."""
    party = PartyId(row.country_code, row.party_id)
    uid = str(json.loads(row.told)["uid"])
    return GuestTag(row.partner, party, uid, row.kind, row.tag, row.contract_id, row.is_valid, Whitelist(row.whitelist))


def object_of(row: Any) -> ToldObject:
    """The object of a row."""
    return ToldObject(ObjectKind(row.kind), row.id, row.partner, from_ms(row.updated), row.told, row.number)


def push_row(one: Push) -> Row:
    """Something that is to be pushed."""
    return {
        "number": one.number,
        "partner": one.partner,
        "module": one.module,
        "key": one.key,
        "method": one.method,
        "path": one.path,
        "told": one.body,
        "at": to_ms(one.at),
    }


def push_of(row: Any) -> Push:
    """The push of a row."""
    return Push(row.number, row.partner, row.module, row.key, row.method, row.path, row.told, from_ms(row.at))
