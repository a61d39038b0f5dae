"""Sessions written straight into a database, so that tests know what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table

from ems.adapters.store.carrying import carry
from ems.adapters.store.database import Database
from ems.adapters.store.moment import to_ms
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt, tab, usage
from ems.adapters.store.schema import session, transaction_log
from ems.domain.access.tag import tag_key

QUARTER = timedelta(minutes=15)


@dataclass
class Seeded:
    """A session of one transaction. Its energy flows evenly over `quarters` quarter hours from plug-in on."""

    evse: str
    plugged: datetime
    hours: float | None = 2.0
    energy_wh: int = 10_000
    quarters: int = 4
    idle_s: int = 0
    tag: str | None = None
    person: str | None = None
    vehicle: str | None = None
    cost_centre: str | None = None
    groups: tuple[str, ...] = ()
    ended_by: str = "Local"
    inferred: bool = False
    cost_minor: int | None = None
    currency: str = "EUR"
    paid: str | None = None
    void: bool = False
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = f"{self.evse}@{self.plugged.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def write(connection: Connection, sessions: Iterable[Seeded], first_id: int = 1) -> None:
    """Insert rows of every table that a session has part in."""
    rows: dict[Table, list[Mapping[str, Any]]] = {}
    known = list(sessions)
    for number, one in enumerate(known, start=first_id):
        for table, row in rows_of(one, number):
            rows.setdefault(table, []).append(row)
    for table, some in rows.items():
        connection.execute(table.insert(), some)
    carry(connection, [one.id for one in known])


def seed(database: Database, sessions: Iterable[Seeded]) -> None:
    """The same, with the tables made first."""
    with database.connect() as connection, database.transaction(connection, durable=False):
        write(connection, sessions)


def rows_of(one: Seeded, number: int) -> Iterable[tuple[Table, Mapping[str, Any]]]:
    """The rows of a session whose transaction has a number."""
    begin = one.plugged
    end = None if one.hours is None else begin + timedelta(hours=one.hours)
    ended = None if end is None else to_ms(end)
    yield session, {
        "id": one.id, "evse": one.evse, "plugged": to_ms(begin), "unplugged": ended, "energy_wh": float(one.energy_wh),
        "need_origin": "stated", "service_class": 0, "transactions": json.dumps([number]), "vehicle": one.vehicle,
        "tag": one.tag, "person": one.person, "cost_centre": one.cost_centre, "last_transaction": number,
        "tag_key": None if one.tag is None else tag_key(one.tag), "is_void": one.void or None,
    }  # fmt: skip
    yield transaction_log, {
        "id": number, "evse": one.evse, "started": to_ms(begin + timedelta(seconds=30)), "meter_start_wh": 1000.0,
        "id_tag": one.tag, "ended": ended, "meter_stop_wh": 1000.0 + one.energy_wh, "energy_wh": float(one.energy_wh),
        "reason": None if ended is None else one.ended_by, "inferred": None if ended is None else one.inferred,
    }  # fmt: skip
    until = ended if ended is not None else to_ms(begin)
    yield tab, {
        "session": one.id, "evse": one.evse, "plugged": to_ms(begin), "until": until, "metered": until, "heard": until,
        "transaction_wh": float(one.energy_wh), "earlier_wh": 0.0, "is_idle": False, "quote": "[]",
        "groups": json.dumps(sorted(one.groups)), "closed": ended, "idle_s": one.idle_s,
    }  # fmt: skip
    first = to_ms(begin) // 900_000 * 900_000
    each, rest = divmod(one.energy_wh, one.quarters)
    for k in range(one.quarters):
        yield usage, {
            "session": one.id, "starts": first + 900_000 * k, "energy_wh": each + (rest if k == 0 else 0),
            "idle_s": one.idle_s if k == one.quarters - 1 else 0,
        }  # fmt: skip
    if one.cost_minor is not None:
        yield receipt, {
            "session": one.id, "evse": one.evse, "plugged": to_ms(begin), "unplugged": until,
            "energy_wh": one.energy_wh, "price_list": "public", "title": "Public", "currency": one.currency,
            "vat_bp": 1900, "total_minor": one.cost_minor, "vat_minor": int(Decimal(one.cost_minor) * 19 / 119),
        }  # fmt: skip
    if one.paid is not None:
        yield payment, {
            "id": f"p{number}", "tag": f"PAY-{number}", "evse": one.evse, "provider": "sandbox", "prices": "{}",
            "hold_minor": 4000, "least_minor": 50, "created": to_ms(begin), "expires": to_ms(begin),
            "since": to_ms(begin), "back_url": "", "state": one.paid, "checkout": "", "url": "", "hold_id": "",
            "session": one.id, "amount_minor": one.cost_minor or 0, "why": "",
        }  # fmt: skip
