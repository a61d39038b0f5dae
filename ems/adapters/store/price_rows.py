"""Between what drivers pay and the rows of its tables."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from ems.adapters.store.batch import Row
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.price_schema import price_list
from ems.domain.billing.money import EXACTLY, PRICE_PLACES, major, minor
from ems.domain.billing.price_book import PriceBook
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt, ReceiptLine
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import Usage, UsedQuarter
from ems.domain.recurrence import DayWindow, Recurrence, Season
from ems.domain.validity import Validity

log = logging.getLogger(__name__)

VAT_PLACES = 2


def read_prices(connection: Connection) -> PriceBook:
    """The price lists as they were stored; one that makes no sense is left out, and named in the log."""
    book = PriceBook()
    for row in connection.execute(select(price_list).order_by(price_list.c.id)):
        try:
            prices = price_list_of(row._mapping)
            book = PriceBook({**book.lists, prices.id: prices})
        except (ValueError, TypeError, KeyError) as error:
            log.warning("store.row_unreadable table=price_list row=%.200r: %s", tuple(row), error)
    return book


def price_list_row(prices: PriceList) -> Row:
    """A price list."""
    return {
        "id": prices.id,
        "name": prices.name,
        "currency": prices.currency,
        "fees": json.dumps([_fee(fee) for fee in prices.fees]),
        "vat_bp": _scaled(prices.vat_percent, VAT_PLACES),
        "idle_grace_min": prices.idle_grace_min,
        "first": None if prices.validity.first is None else prices.validity.first.isoformat(),
        "last": None if prices.validity.last is None else prices.validity.last.isoformat(),
        "evses": json.dumps(prices.evses),
        "groups": json.dumps(prices.groups),
        "hold_minor": None if prices.hold is None else minor(prices.hold, prices.currency),
        "idle_most_minor": None if prices.idle_at_most is None else minor(prices.idle_at_most, prices.currency),
    }


def price_list_of(row: Any) -> PriceList:
    """The price list of a row. Raises ValueError, TypeError or KeyError."""
    first, last = (None if text is None else date.fromisoformat(text) for text in (row["first"], row["last"]))
    # Quotes that were kept before there was such a thing do not name it.
    idle_most = row.get("idle_most_minor")
    return PriceList(
        id=row["id"],
        currency=row["currency"],
        fees=tuple(_fee_of(fee) for fee in json.loads(row["fees"])),
        name=row["name"],
        vat_percent=_unscaled(row["vat_bp"], VAT_PLACES),
        idle_grace_min=row["idle_grace_min"],
        validity=Validity(first, last),
        evses=tuple(map(str, json.loads(row["evses"]))),
        groups=tuple(map(str, json.loads(row["groups"]))),
        hold=None if row["hold_minor"] is None else major(row["hold_minor"], row["currency"]),
        idle_at_most=None if idle_most is None else major(idle_most, row["currency"]),
    )


def _fee(fee: Fee) -> dict[str, Any]:
    return {
        "unit": fee.unit.value,
        "price_micro": _scaled(fee.price, PRICE_PLACES),
        "seasons": [[*season.first, *season.last] for season in fee.times.seasons],
        "windows": [
            {
                "days": sorted(window.days),
                "since": window.since.isoformat("minutes"),
                "until": window.until.isoformat("minutes"),
            }
            for window in fee.times.windows
        ],
    }


def _fee_of(told: Any) -> Fee:
    seasons = tuple(Season((a, b), (c, d)) for a, b, c, d in told["seasons"])
    windows = tuple(
        DayWindow(frozenset(one["days"]), time.fromisoformat(one["since"]), time.fromisoformat(one["until"]))
        for one in told["windows"]
    )
    return Fee(Unit(told["unit"]), _unscaled(told["price_micro"], PRICE_PLACES), Recurrence(seasons, windows))


def tab_row(known: Tab, closed: datetime | None) -> Row:
    """A tab without its quarter hours."""
    usage = known.usage
    return {
        "session": usage.session,
        "evse": usage.evse,
        "plugged": to_ms(usage.plugged),
        "until": to_ms(usage.until),
        "metered": to_ms(usage.metered),
        "heard": to_ms(usage.heard),
        "transaction_id": usage.transaction,
        "transaction_wh": usage.transaction_wh,
        "earlier_wh": usage.earlier_wh,
        "is_idle": usage.is_idle,
        "quote": json.dumps([price_list_row(prices) for prices in known.quote]),
        "groups": json.dumps(sorted(known.groups)),
        "closed": None if closed is None else to_ms(closed),
        "idle_s": usage.idle_s,
    }


def usage_row(session: str, quarter: UsedQuarter) -> Row:
    """What a session used in a quarter hour."""
    starts = 1000 * quarter.starts_s
    return {"session": session, "starts": starts, "energy_wh": quarter.energy_wh, "idle_s": quarter.idle_s}


def tab_of(row: Any, quarters: Iterable[Any]) -> Tab:
    """The tab of a row with the rows of its quarter hours. Raises ValueError, TypeError or KeyError."""
    used = Usage(
        session=row.session,
        evse=row.evse,
        plugged=from_ms(row.plugged),
        until=from_ms(row.until),
        metered=from_ms(row.metered),
        heard=from_ms(row.heard),
        quarters=tuple(UsedQuarter(one.starts // 1000, one.energy_wh, one.idle_s) for one in quarters),
        transaction=row.transaction_id,
        transaction_wh=row.transaction_wh,
        earlier_wh=row.earlier_wh,
        is_idle=bool(row.is_idle),
    )
    quote = tuple(price_list_of(one) for one in json.loads(row.quote))
    return Tab(used, quote, frozenset(map(str, json.loads(row.groups))))


def receipt_row(made: Receipt) -> Row:
    """A receipt without its lines."""
    return {
        "session": made.session,
        "evse": made.evse,
        "plugged": to_ms(made.plugged),
        "unplugged": to_ms(made.unplugged),
        "energy_wh": made.energy_wh,
        "price_list": made.price_list,
        "title": made.title,
        "currency": made.currency,
        "vat_bp": _scaled(made.vat_percent, VAT_PLACES),
        "total_minor": made.total,
        "vat_minor": made.vat,
    }


def line_rows(made: Receipt) -> Iterator[Row]:
    """The lines of a receipt."""
    for position, line in enumerate(made.lines):
        yield {
            "session": made.session,
            "position": position,
            "unit": line.unit.value,
            "quantity": line.quantity,
            "price_micro": _scaled(line.price, PRICE_PLACES),
            "amount_minor": line.amount,
            "vat_minor": line.vat,
        }


def receipt_of(row: Any, lines: Sequence[Any]) -> Receipt:
    """The receipt of a row with the rows of its lines, in order."""
    return Receipt(
        session=row.session,
        evse=row.evse,
        plugged=from_ms(row.plugged),
        unplugged=from_ms(row.unplugged),
        energy_wh=row.energy_wh,
        price_list=row.price_list,
        title=row.title,
        currency=row.currency,
        vat_percent=_unscaled(row.vat_bp, VAT_PLACES),
        lines=tuple(
            ReceiptLine(
                Unit(one.unit),
                one.quantity,
                _unscaled(one.price_micro, PRICE_PLACES),
                one.amount_minor,
                one.vat_minor,
            )
            for one in lines
        ),
    )


def _scaled(value: Decimal, places: int) -> int:
    """Exact: whoever made the value has checked its places."""
    return int(EXACTLY.scaleb(value, places))


def _unscaled(number: int, places: int) -> Decimal:
    return EXACTLY.scaleb(Decimal(number), -places).normalize(EXACTLY)
