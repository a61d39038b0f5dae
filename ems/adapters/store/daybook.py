"""The daybook in the database: read at the start; every change is one durable transaction, with its audit row."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Table, delete, select

from ems.adapters.store.access_rows import access_rows, read_access
from ems.adapters.store.audit import AuditLog
from ems.adapters.store.batch import Key, Row, Subjects, key_names, write
from ems.adapters.store.commit import committed
from ems.adapters.store.current import Current
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.price_rows import price_list_row, read_prices
from ems.adapters.store.price_schema import price_list
from ems.adapters.store.schema import (
    audit,
    choice,
    departure,
    limit_told,
    service_class,
    vehicle,
    weekly_departure,
)
from ems.adapters.store.series_rows import read_series, series_rows
from ems.adapters.store.writer import Writer
from ems.domain.access.book import AccessBook
from ems.domain.daybook import Daybook
from ems.domain.departure import Departure, Goal, WeeklyDeparture
from ems.domain.fleet import Fleet
from ems.domain.limit import Limit
from ems.domain.service_class import ServiceClass
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Guarantee, StateOfCharge, Vehicle

log = logging.getLogger(__name__)

TABLES = (vehicle, weekly_departure, departure, service_class, choice, limit_told)
STRATEGY = "strategy"

T = TypeVar("T")
Rows = Mapping[Key, Row]


class Difference(NamedTuple):
    """Rows to be written, and keys of rows to be deleted."""

    written: Rows
    gone: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class DaybookStore:
    """Writes the daybook. `patience_s`: how long a change waits for the disk."""

    writer: Writer
    audit: AuditLog
    current: Current
    patience_s: float = 5.0

    async def keep(self, before: Daybook, after: Daybook, at: datetime, who: str, what: str) -> None:
        """Returns when `after`, and who made it of `before`, would survive a power cut.

        Raises NotStoredError, and has then changed nothing; but a disk that was only too slow may have taken it.
        """
        old, new, difference = await asyncio.to_thread(_compared, before, after)
        shown = {
            "before": [_shown(key, old[key]) for key in (*difference.written, *difference.gone) if key in old],
            "after": [_shown(key, row) for key, row in difference.written.items()],
        }
        told = self.audit.row(at, who, what, shown)

        def job(connection: Connection) -> None:
            for key in difference.gone:
                names = zip(key_names(key.table), key.values, strict=True)
                connection.execute(delete(key.table).where(*(key.table.c[name] == value for name, value in names)))
            write(connection, {**difference.written, Key.of(audit, told): told}, (), Subjects())

        await self._done(job, durable=True)
        self.remember(new, difference.gone)

    async def note(self, one: Vehicle, charge: StateOfCharge) -> None:
        """Returns when the state of charge of a vehicle is written; it comes each minute, from a machine, so it is not
        audited, and a power cut may cost the last one. Raises as `keep`.
        """
        row = _vehicle_row(one, charge)
        key = Key.of(vehicle, row)
        await self._done(lambda connection: write(connection, {key: row}, (), Subjects()), durable=False)
        self.remember({key: row})

    async def _done(self, job: Callable[[Connection], None], durable: bool) -> None:
        await committed(self.writer, job, durable, self.patience_s)

    def remember(self, rows: Rows, gone: Iterable[Key] = ()) -> None:
        """What a database that replaces a lost one begins with."""
        for key in gone:
            self.current.forget(key.table, *key.values)
        for key, row in rows.items():
            self.current.remember(key.table, row)


def _compared(before: Daybook, after: Daybook) -> tuple[Rows, Rows, Difference]:
    """The rows before and after, and how they differ; parts that are the very same are not looked at."""
    if before.access is after.access:
        before, after = replace(before, access=AccessBook()), replace(after, access=AccessBook())
    if before.fleet is after.fleet:
        before, after = replace(before, fleet=Fleet()), replace(after, fleet=Fleet())
    old, new = rows_of(before), rows_of(after)
    written = {key: row for key, row in new.items() if old.get(key) != row}
    return old, new, Difference(written, tuple(key for key in old if key not in new))


def _shown(key: Key, row: Row) -> dict[str, Any]:
    return {"table": key.table.name, **{name: value for name, value in row.items() if value is not None}}


def read_daybook(connection: Connection) -> Daybook:
    """The daybook as it was stored; a row that makes no sense is left out, and named in the log."""
    found = {table: connection.execute(select(table)).all() for table in TABLES}
    vehicles, charges = {}, {}
    for row in found[vehicle]:
        one = _read(vehicle, row, _vehicle_of)
        if one is not None:
            vehicles[one.id] = one
            if row.soc_percent is not None and row.soc_at is not None:
                charges[one.id] = StateOfCharge(row.soc_percent, from_ms(row.soc_at))
    weekly: dict[str, list[WeeklyDeparture]] = defaultdict(list)
    for row in sorted(found[weekly_departure], key=lambda row: row.position):
        every = _read(weekly_departure, row, _weekly_of)
        if every is not None and row.vehicle in vehicles:
            weekly[row.vehicle].append(every)
    single: dict[str, list[Departure]] = defaultdict(list)
    for row in sorted(found[departure], key=lambda row: row.at):
        once = _read(departure, row, _departure_of)
        if once is not None and row.vehicle in vehicles:
            single[row.vehicle].append(once)
    read = (_read(service_class, row, _class_of) for row in found[service_class])
    classes = {one.number: one for one in read if one is not None}
    told = sorted(found[limit_told], key=lambda row: (row.scope, row.source))
    limits = (_read(limit_told, row, _limit_of) for row in told)
    chosen = (_read(choice, row, lambda row: Strategy(row.value)) for row in found[choice] if row.what == STRATEGY)
    times = ({name: tuple(many) for name, many in weekly.items()}, {name: tuple(many) for name, many in single.items()})
    try:
        fleet = Fleet(vehicles, *times, charges, classes)
    except ValueError as error:
        log.warning("store.fleet_unreadable %s", error)
        fleet = Fleet()
    kept = tuple(limit for limit in limits if limit is not None)
    return Daybook(
        fleet, next(chosen, None), kept, read_access(connection), read_prices(connection), read_series(connection)
    )


def rows_of(known: Daybook) -> dict[Key, Row]:
    """All rows of a daybook."""
    return {Key.of(table, row): row for table, row in _rows(known)}


def _rows(known: Daybook) -> Iterator[tuple[Table, Row]]:
    fleet = known.fleet
    for one in fleet.vehicles.values():
        yield vehicle, _vehicle_row(one, fleet.charges.get(one.id))
    for name, weekly in fleet.weekly.items():
        for position, every in enumerate(weekly):
            days, at = "".join(map(str, sorted(every.days))), "" if every.at is None else every.at.isoformat("minutes")
            yield weekly_departure, {"vehicle": name, "position": position, "days": days, "at": at, **_goal(every.goal)}
    for once in (once for many in fleet.departures.values() for once in many):
        where = {"evse": once.evse, "service_class": once.service_class}
        yield departure, {"vehicle": once.vehicle, "at": to_ms(once.at), **_goal(once.goal), **where}
    for promised in fleet.classes.values():
        yield service_class, {"number": promised.number, "name": promised.name, **_promise(promised.guarantee)}
    for prices in known.prices.lists.values():
        yield price_list, price_list_row(prices)
    yield from access_rows(known.access)
    yield from series_rows(known.series)
    if known.strategy is not None:
        yield choice, {"what": STRATEGY, "value": known.strategy.value}
    for limit in known.limits:
        yield (
            limit_told,
            {
                "scope": limit.scope,
                "source": limit.source,
                "max_a": limit.max_a,
                "max_w": limit.max_w,
                "starts": None if limit.starts is None else to_ms(limit.starts),
                "ends": None if limit.ends is None else to_ms(limit.ends),
            },
        )


def _goal(goal: Goal) -> Row:
    return {"energy_wh": goal.energy_wh, "soc_percent": goal.soc_percent}


_SAME = ("id", "name", "evse", "battery_wh", "max_a", "legs", "max_w", "min_a", "efficiency", "service_class",
         "consumption_wh_per_km")  # fmt: skip


def _vehicle_row(one: Vehicle, charge: StateOfCharge | None) -> Row:
    return {
        **{name: getattr(one, name) for name in _SAME},
        "id_tags": json.dumps(one.id_tags),
        **_promise(one.guarantee),
        "soc_percent": None if charge is None else charge.percent,
        "soc_at": None if charge is None else to_ms(charge.at),
    }


def _promise(promise: Guarantee | None) -> Row:
    return {
        "guaranteed_wh": None if promise is None else promise.energy_wh,
        "guaranteed_by": None if promise is None or promise.by is None else promise.by.isoformat("minutes"),
        "minimum_always": None if promise is None else promise.minimum_always,
    }


def _promise_of(row: Any) -> Guarantee | None:
    if row.guaranteed_wh is None:
        return None
    by = None if row.guaranteed_by is None else time.fromisoformat(row.guaranteed_by)
    return Guarantee(row.guaranteed_wh, by, bool(row.minimum_always))


def _class_of(row: Any) -> ServiceClass:
    return ServiceClass(row.number, row.name, _promise_of(row))


def _vehicle_of(row: Any) -> Vehicle:
    same = {name: getattr(row, name) for name in _SAME}
    return Vehicle(**same, id_tags=tuple(map(str, json.loads(row.id_tags))), guarantee=_promise_of(row))


def _weekly_of(row: Any) -> WeeklyDeparture:
    goal = Goal(row.energy_wh, row.soc_percent)
    return WeeklyDeparture(frozenset(map(int, row.days)), time.fromisoformat(row.at) if row.at else None, goal)


def _departure_of(row: Any) -> Departure:
    goal = Goal(row.energy_wh, row.soc_percent)
    return Departure(row.vehicle, from_ms(row.at), goal, row.evse, row.service_class)


def _limit_of(row: Any) -> Limit:
    starts, ends = (None if ms is None else from_ms(ms) for ms in (row.starts, row.ends))
    return Limit(row.scope, row.source, row.max_a, row.max_w, starts, ends)


def _read(table: Table, row: Any, read: Callable[[Any], T]) -> T | None:
    try:
        return read(row)
    except (ValueError, TypeError, OverflowError) as error:
        log.warning("store.row_unreadable table=%s row=%.200r: %s", table.name, tuple(row), error)
        return None
