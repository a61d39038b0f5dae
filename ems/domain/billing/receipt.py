"""What a session costs its driver: a receipt whose lines add up.

Each line is a quantity that can be read on it (whole Wh, whole minutes, the session) times a price, rounded once to the
minor unit of the currency, halves away from zero. The value added tax is inside, of each line rounded by itself. So the
total, the tax and the net amount are the sums of the lines, and everybody can add them up again. Where idle minutes
have come to the most that they cost, the last of them costs what is left to that, and no more are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ems.domain.billing.money import EXACTLY, major, minor, vat_inside
from ems.domain.billing.price_list import PriceList, Unit
from ems.domain.billing.usage import QUARTER_S, Usage, pieces
from ems.domain.local_clock import local

UNITS = tuple(Unit)
WH_PER_KWH = 1000


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """`quantity` in Wh, whole minutes or sessions, at `price` per unit; amounts in minor units, the tax inside."""

    unit: Unit
    quantity: int
    price: Decimal
    amount: int
    vat: int

    @property
    def net(self) -> int:
        """Without tax."""
        return self.amount - self.vat


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the session `session` costs by the price list `price_list`; `lines` in the order of units, then of times."""

    session: str
    evse: str
    plugged: datetime
    unplugged: datetime
    energy_wh: int
    price_list: str
    title: str
    currency: str
    vat_percent: Decimal
    lines: tuple[ReceiptLine, ...]

    @property
    def total(self) -> int:
        """What is to be paid, minor units."""
        return sum(line.amount for line in self.lines)

    @property
    def idle(self) -> int:
        """What its idle minutes cost, minor units."""
        return sum(line.amount for line in self.lines if line.unit is Unit.IDLE_MINUTE)

    @property
    def vat(self) -> int:
        """The value added tax in it, minor units."""
        return sum(line.vat for line in self.lines)

    @property
    def net(self) -> int:
        """Without tax, minor units."""
        return sum(line.net for line in self.lines)


def receipt(usage: Usage, prices: PriceList, zone: ZoneInfo) -> Receipt:
    """What a session costs. Who got no energy pays nothing: there is no line then."""
    used: dict[tuple[int, int], int] = defaultdict(int)
    if usage.energy_wh > 0:
        for unit, fee, quantity in _used(usage, prices, zone):
            used[UNITS.index(unit), fee] += quantity
    lines = []
    for (index, fee), quantity in sorted(used.items()):
        unit = UNITS[index]
        counted = quantity // 60 if unit in {Unit.MINUTE, Unit.IDLE_MINUTE} else quantity
        if counted > 0:
            lines.append(_line(unit, counted, prices.fees[fee].price, prices))
    return Receipt(
        session=usage.session,
        evse=usage.evse,
        plugged=usage.plugged,
        unplugged=usage.until,
        energy_wh=usage.energy_wh,
        price_list=prices.id,
        title=prices.title,
        currency=prices.currency,
        vat_percent=prices.vat_percent,
        lines=tuple(_idle_at_most(lines, prices)),
    )


def _idle_at_most(lines: Iterable[ReceiptLine], prices: PriceList) -> Iterator[ReceiptLine]:
    left = None if prices.idle_at_most is None else minor(prices.idle_at_most, prices.currency)
    for line in lines:
        if left is None or line.unit is not Unit.IDLE_MINUTE:
            yield line
            continue
        if line.amount <= left:
            left -= line.amount
            yield line
            continue
        whole = int(EXACTLY.divide_int(major(left, prices.currency), line.price))
        if whole:
            full = _line(line.unit, whole, line.price, prices)
            left -= full.amount
            yield full
        if left:
            yield _line(line.unit, 1, major(left, prices.currency), prices)
            left = 0


def _line(unit: Unit, quantity: int, price: Decimal, prices: PriceList) -> ReceiptLine:
    units = Decimal(quantity) / WH_PER_KWH if unit is Unit.KWH else Decimal(quantity)
    amount = minor(EXACTLY.multiply(units, price), prices.currency)
    return ReceiptLine(unit, quantity, price, amount, vat_inside(amount, prices.vat_percent))


def _used(usage: Usage, prices: PriceList, zone: ZoneInfo) -> Iterator[tuple[Unit, int, int]]:
    """Unit, fee and quantity (Wh, seconds, sessions) of everything that costs something."""
    for unit, starts_s, quantity in _quantities(usage, prices.idle_grace_min * 60):
        fee = prices.fee(unit, local(starts_s, zone))
        if fee is not None and quantity > 0:
            yield unit, fee, quantity


def _quantities(usage: Usage, grace_s: int) -> Iterator[tuple[Unit, int, int]]:
    """Unit, begin (seconds since 1970 UTC) and quantity of what was used; the grace is taken off."""
    yield Unit.SESSION, int(usage.plugged.timestamp()), 1
    begin_s = int(usage.plugged.timestamp())
    for starts_s, _ in pieces(usage.plugged, usage.until):
        end_s = min(int(usage.until.timestamp()), starts_s + QUARTER_S)
        yield Unit.MINUTE, starts_s, end_s - begin_s
        begin_s = end_s
    left = grace_s
    for quarter in usage.quarters:
        free = min(left, quarter.idle_s)
        left -= free
        yield Unit.KWH, quarter.starts_s, quarter.energy_wh
        yield Unit.IDLE_MINUTE, quarter.starts_s, quarter.idle_s - free
