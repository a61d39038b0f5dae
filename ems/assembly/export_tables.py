"""What can be exported, as tables: the columns with their units in their names, and where their rows come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from ems.adapters.store.database import Database
from ems.adapters.store.reading import IntervalRecord, Reader
from ems.adapters.store.session_reading import SessionReader
from ems.domain.billing.money import major
from ems.domain.energy.step import EnergyPoint, Step, in_steps
from ems.domain.record.data_table import Cell, Column, DataTable, Kind
from ems.domain.record.export_request import Exported, ExportRequest
from ems.domain.record.session_entry import SessionEntry

_T, _W, _N, _M = Kind.TEXT, Kind.WHOLE, Kind.NUMBER, Kind.MOMENT


def _columns(*told: tuple[str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in told)


SESSIONS = _columns(
    ("id", _T), ("evse", _T), ("plugged", _M), ("unplugged", _M), ("energy_wh", _N), ("idle_s", _W), ("tag", _T),
    ("person", _T), ("vehicle", _T), ("cost_centre", _T), ("groups", Kind.TEXTS), ("cost", Kind.MONEY),
    ("vat", Kind.MONEY), ("currency", _T), ("price_list", _T), ("payment", _T), ("began", _M), ("ended", _M),
    ("ended_by", _T), ("inferred", Kind.FLAG), ("need_wh", _N), ("departure", _M), ("soc_percent", _N),
    ("service_class", _W), ("transactions", Kind.TEXTS), ("void", Kind.FLAG), ("corrections", _W),
    ("signed_values", _W),
)  # fmt: skip
_SUBJECT = (("starts", _M), ("kind", _T), ("name", _T), ("energy_wh", _W), ("mean_w", _W), ("max_w", _W))
_AMPS = tuple((f"{what}_l{phase}_a", _N) for what in ("mean", "max") for phase in (1, 2, 3))
QUARTERS = _columns(*_SUBJECT, *_AMPS, ("covered_s", _W))
STEPS = _columns(*_SUBJECT, ("covered_s", _W))
TRANSACTIONS = _columns(
    ("id", _W), ("evse", _T), ("id_tag", _T), ("started", _M), ("ended", _M), ("meter_start_wh", _N),
    ("meter_stop_wh", _N), ("energy_wh", _N), ("reason", _T), ("inferred", Kind.FLAG),
)  # fmt: skip
ALARMS = _columns(("key", _T), ("scope", _T), ("level", _T), ("text", _T), ("began", _M), ("ended", _M))


def table_of(asked: ExportRequest, database: Database) -> DataTable:
    """The table, whose rows are read as they are taken. Raises ValueError for a column that is not there; its rows
    raise NotReadableError.
    """
    table = _TABLES[asked.what](asked, database)
    return table.only(asked.columns) if asked.columns else table


def session_row(entry: SessionEntry) -> tuple[Cell, ...]:
    """The cells of a session."""
    currency = entry.currency
    return (
        entry.id, entry.evse, entry.plugged, entry.unplugged, entry.energy_wh, entry.idle_s, entry.tag,
        entry.person, entry.vehicle, entry.cost_centre or None, entry.groups,
        None if entry.cost_minor is None else major(entry.cost_minor, currency),
        None if entry.vat_minor is None else major(entry.vat_minor, currency), currency or None,
        entry.price_list or None, None if entry.payment is None else entry.payment.value, entry.began, entry.ended,
        entry.ended_by or None, entry.is_inferred, entry.need_wh, entry.departure, entry.soc_percent,
        entry.service_class, tuple(map(str, entry.transactions)), entry.is_void, entry.corrections, entry.signed,
    )  # fmt: skip


def _sessions(asked: ExportRequest, database: Database) -> DataTable:
    return DataTable(SESSIONS, (session_row(entry) for entry in SessionReader(database).entries(asked.wanted)))


def _energy(asked: ExportRequest, database: Database) -> DataTable:
    wanted = asked.wanted
    records = Reader(database).intervals(wanted.since, wanted.until, asked.kind, asked.name)
    if asked.step is Step.QUARTER:
        return DataTable(QUARTERS, map(_quarter, records))
    points = in_steps(map(point_of, records), asked.step, ZoneInfo(asked.zone))
    return DataTable(STEPS, map(tuple, points))


def point_of(record: IntervalRecord) -> EnergyPoint:
    """A quarter hour as the domain knows it."""
    return EnergyPoint(
        record.starts, record.kind, record.name, record.energy_wh, record.mean_w, record.max_w, record.covered_s
    )


def _quarter(record: IntervalRecord) -> tuple[Cell, ...]:
    return (*point_of(record)[:-1], *record.mean_a, *record.max_a, record.covered_s)


def _transactions(asked: ExportRequest, database: Database) -> DataTable:
    rows = Reader(database).transactions(asked.wanted.since, asked.wanted.until)
    return DataTable(TRANSACTIONS, map(tuple, rows))


def _alarms(asked: ExportRequest, database: Database) -> DataTable:
    def rows() -> Iterator[tuple[Cell, ...]]:
        for one in Reader(database).alarms(asked.wanted.since, asked.wanted.until):
            yield one.key, one.scope, one.level.name, one.text, one.began, one.ended

    return DataTable(ALARMS, rows())


_TABLES: dict[Exported, Callable[[ExportRequest, Database], DataTable]] = {
    Exported.SESSIONS: _sessions,
    Exported.ENERGY: _energy,
    Exported.TRANSACTIONS: _transactions,
    Exported.ALARMS: _alarms,
}
