"""What can still be read in a database that was put aside is carried over to the new one."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Table

from ems.adapters.store.access_schema import last_number, person, reservation, tag, tag_group, waiting
from ems.adapters.store.account_schema import api_token, user_account
from ems.adapters.store.batch import Key, Subjects, write
from ems.adapters.store.energy_schema import pushed_price
from ems.adapters.store.incident_schema import delivery, incident, notice
from ems.adapters.store.money_schema import (
    billing_group,
    booking,
    correction,
    prepaid_account,
    refund,
    statement,
    statement_line,
)
from ems.adapters.store.payment_schema import payment, payment_step
from ems.adapters.store.price_schema import price_list, receipt, receipt_line, tab, usage
from ems.adapters.store.report_schema import control_quarter, excluded_time, export_run, outage
from ems.adapters.store.schema import (
    alarm,
    audit,
    choice,
    departure,
    grant,
    limit_told,
    service_class,
    session,
    start,
    station_model,
    transaction_log,
    vehicle,
    weekly_departure,
)
from ems.adapters.store.session_schema import meter_key, session_correction, signed_value

log = logging.getLogger(__name__)

CARRIED = (
    *(price_list, tab, usage, receipt, receipt_line, payment, payment_step),
    *(refund, prepaid_account, booking, billing_group, statement, statement_line, correction),
    *(incident, notice, delivery),
    *(transaction_log, session, grant, station_model, start, alarm, audit),
    *(vehicle, weekly_departure, departure, service_class, choice, limit_told, pushed_price),
    *(user_account, api_token),
    *(person, tag_group, tag, reservation, waiting, last_number),
    *(outage, excluded_time, control_quarter, export_run),
    *(session_correction, signed_value, meter_key),
)
"""Bookkeeping, small and irreplaceable. Measurements stay in the old file, where they can still be exported."""


def salvage(damaged: Path, connection: Connection) -> int:
    """Copy the readable rows of `CARRIED` inside the caller's transaction; returns how many. Damage is no error."""
    total = 0
    for table in CARRIED:
        rows = list(_readable(damaged, table))
        for row in rows:
            write(connection, {Key.of(table, row): row}, (), Subjects())
        total += len(rows)
    return total


def _readable(damaged: Path, table: Table) -> Iterator[dict[str, Any]]:
    """Rows up to the first damaged page; only the columns that both databases have."""
    name = f"file:{quote(str(damaged))}?mode=ro"
    try:
        with closing(sqlite3.connect(name, uri=True)) as raw:
            raw.row_factory = sqlite3.Row
            there = {row["name"] for row in raw.execute(f'PRAGMA table_info("{table.name}")')}
            columns = [column.name for column in table.columns if column.name in there]
            if not {column.name for column in table.primary_key} <= set(columns):
                return
            names = ", ".join(f'"{column}"' for column in columns)
            for row in raw.execute(f'SELECT {names} FROM "{table.name}"'):  # noqa: S608 names are those of schema.py
                yield dict(row)
    except sqlite3.Error as error:
        log.warning("store.salvage table=%s stopped: %s", table.name, error)
