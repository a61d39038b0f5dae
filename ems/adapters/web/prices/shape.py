"""The shape of what the interface answers about what drivers pay.

Fields may be added; none is renamed or removed within `/api/v1`. Amounts and prices are text with a point, exact;
`…_minor` is the same in whole minor units of the currency.
"""

from __future__ import annotations

from typing_extensions import TypedDict


class FeeRow(TypedDict):
    """A fee of a price list; `when` and `seasons` empty: always."""

    unit: str
    price: str
    when: list[str]
    seasons: list[str]


class PriceListRow(TypedDict):
    """What drivers pay."""

    id: str
    name: str
    currency: str
    fees: list[FeeRow]
    vat_percent: str
    idle_grace_min: int
    valid_from: str | None
    valid_until: str | None
    evses: list[str]
    groups: list[str]
    hold: str | None
    idle_at_most: str | None


class PriceLists(TypedDict):
    """All price lists, by id."""

    price_lists: list[PriceListRow]


class EvsePrice(TypedDict):
    """What somebody pays who plugs in now; null: it is free."""

    evse: str
    price_list: PriceListRow | None


class LineRow(TypedDict):
    """A line of a receipt: a quantity (kWh, minutes, sessions) times a price, rounded to the minor unit."""

    unit: str
    quantity: str
    price: str
    net: str
    vat: str
    amount: str
    amount_minor: int


class ReceiptRow(TypedDict):
    """What a session costs; the tax is inside. `final` is false while the session runs."""

    session: str
    evse: str
    plugged: str
    unplugged: str
    energy_kwh: str
    price_list: str
    title: str
    currency: str
    vat_percent: str
    lines: list[LineRow]
    net: str
    vat: str
    total: str
    total_minor: int
    final: bool


class Receipts(TypedDict):
    """Receipts, newest first."""

    receipts: list[ReceiptRow]
