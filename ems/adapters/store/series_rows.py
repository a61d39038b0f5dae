"""Between energy prices that were pushed and the rows of their table, a day of a series each."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from ems.adapters.store.batch import Row
from ems.adapters.store.energy_schema import pushed_price
from ems.domain.energy.price_push import Pushed
from ems.domain.energy.price_series import PricePoint, PriceSeries

log = logging.getLogger(__name__)


def series_rows(known: Pushed) -> Iterator[tuple[Table, Row]]:
    """All rows of pushed prices."""
    for name, prices in known.items():
        days: dict[str, list[PricePoint]] = defaultdict(list)
        for point in prices.points:
            days[datetime.fromtimestamp(point.begin_s, UTC).date().isoformat()].append(point)
        for day, points in days.items():
            yield pushed_price, {"series": name, "day": day, "prices": json.dumps(points)}


def read_series(connection: Connection) -> dict[str, PriceSeries]:
    """Pushed prices as they were stored; a day that makes no sense is left out, and named in the log."""
    found: dict[str, PriceSeries] = {}
    for row in connection.execute(select(pushed_price).order_by(pushed_price.c.series, pushed_price.c.day)):
        try:
            before = found.get(row.series, PriceSeries())
            found[row.series] = PriceSeries((*before.points, *map(_point, json.loads(row.prices))))
        except (ValueError, TypeError, KeyError) as error:
            log.warning("store.row_unreadable table=pushed_price row=%.200r: %s", tuple(row), error)
    return found


def _point(told: Any) -> PricePoint:
    begin_s, end_s, per_kwh = told
    return PricePoint(int(begin_s), int(end_s), float(per_kwh))
