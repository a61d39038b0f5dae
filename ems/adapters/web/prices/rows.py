"""What drivers pay, as the interface shows it: the same words as in the bodies."""

from __future__ import annotations

from decimal import Decimal

from ems.adapters.web.prices.shape import FeeRow, LineRow, PriceListRow, ReceiptRow
from ems.adapters.web.values import plain, time_of
from ems.domain.billing.money import major
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import WH_PER_KWH, Receipt, ReceiptLine
from ems.domain.departure import days_in_words


def price_list_row(prices: PriceList) -> PriceListRow:
    """A price list."""
    first, last = prices.validity.first, prices.validity.last
    return {
        "id": prices.id,
        "name": plain(prices.name),
        "currency": prices.currency,
        "fees": [_fee(fee) for fee in prices.fees],
        "vat_percent": _text(prices.vat_percent),
        "idle_grace_min": prices.idle_grace_min,
        "valid_from": None if first is None else first.isoformat(),
        "valid_until": None if last is None else last.isoformat(),
        "evses": list(prices.evses),
        "groups": list(prices.groups),
        "hold": None if prices.hold is None else _text(prices.hold),
        "idle_at_most": None if prices.idle_at_most is None else _text(prices.idle_at_most),
    }


def receipt_row(made: Receipt, final: bool) -> ReceiptRow:
    """A receipt; it is final when the session is over."""
    currency = made.currency
    return {
        "session": made.session,
        "evse": made.evse,
        "plugged": time_of(made.plugged),
        "unplugged": time_of(made.unplugged),
        "energy_kwh": _kwh(made.energy_wh),
        "price_list": made.price_list,
        "title": plain(made.title),
        "currency": currency,
        "vat_percent": _text(made.vat_percent),
        "lines": [_line(line, currency) for line in made.lines],
        "net": str(major(made.net, currency)),
        "vat": str(major(made.vat, currency)),
        "total": str(major(made.total, currency)),
        "total_minor": made.total,
        "final": final,
    }


def _line(line: ReceiptLine, currency: str) -> LineRow:
    return {
        "unit": line.unit.value,
        "quantity": _kwh(line.quantity) if line.unit is Unit.KWH else str(line.quantity),
        "price": _text(line.price),
        "net": str(major(line.net, currency)),
        "vat": str(major(line.vat, currency)),
        "amount": str(major(line.amount, currency)),
        "amount_minor": line.amount,
    }


def _fee(fee: Fee) -> FeeRow:
    spans = [f"{window.since:%H:%M}-{window.until:%H:%M}" for window in fee.times.windows]
    return {
        "unit": fee.unit.value,
        "price": _text(fee.price),
        "when": [f"{days_in_words(one.days)} {span}" for one, span in zip(fee.times.windows, spans, strict=True)],
        "seasons": [
            f"{first[0]:02}-{first[1]:02}..{last[0]:02}-{last[1]:02}"
            for first, last in ((season.first, season.last) for season in fee.times.seasons)
        ],
    }


def _kwh(wh: int) -> str:
    return f"{Decimal(wh) / WH_PER_KWH:.3f}"


def _text(value: Decimal) -> str:
    """Without an exponent and without zeros that say nothing."""
    return f"{value.normalize():f}"
