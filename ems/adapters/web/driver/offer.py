"""What charging costs, before it begins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import time
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from ems.adapters.web.driver.bay import Bay, House
from ems.adapters.web.driver.language import Language
from ems.adapters.web.driver.words import sentence
from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.money import decimals, major, minor
from ems.domain.billing.price_list import Fee, PriceList, Unit, chosen, quoted
from ems.domain.billing.receipt import receipt
from ems.domain.billing.usage import supposed
from ems.domain.recurrence import DayWindow

EXAMPLE_WH = 30_000.0
EXAMPLE_W = 11_000.0

PER = {
    Unit.KWH: sentence("%(price)s per kWh"),
    Unit.MINUTE: sentence("%(price)s per minute plugged in"),
    Unit.IDLE_MINUTE: sentence("%(price)s per minute after charging"),
    Unit.SESSION: sentence("%(price)s per charge"),
}
AT_MOST = sentence("%(fee)s, %(most)s at most")
GRACE = sentence("%(price)s per minute after charging, once %(minutes)s minutes are over")


class PriceLine(NamedTuple):
    """One fee: what it costs, when (empty: always), and whether that is now."""

    text: str
    when: str
    is_now: bool


class Offer(NamedTuple):
    """What a driver is told before the start. Empty texts say nothing."""

    lines: tuple[PriceLine, ...]
    vat: str
    example: str
    hold: str
    power: str


def prices_at(house: House, bay: Bay) -> PriceList | None:
    """What somebody nobody knows would pay; None: nothing."""
    lists = house.operations.daybook.prices.lists.values()
    prices = chosen(quoted(lists, bay.evse.id, bay.now.utc, bay.state.site.zone), ())
    return None if prices is None or prices.costs_nothing else prices


def mark_of(prices: PriceList | None) -> str:
    """A word that differs where somebody would pay something else, and only there: whatever the list is called, however
    it is written, and after a restart with another version. It comes back with a form, so that nobody pays what they
    were not shown.
    """
    told = {} if prices is None else {name: value for name, value in _paid(prices).items() if value}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _paid(prices: PriceList) -> dict[str, object]:
    """All that decides what is paid and blocked; what says nothing is empty, so that more can be added."""
    fees = {unit: [fee for fee in prices.fees if fee.unit is unit] for unit in Unit}
    idles = any(fee.price for fee in fees[Unit.IDLE_MINUTE])
    return {
        **{unit.value: [_plain(fee) for fee in ours] for unit, ours in fees.items()},
        "currency": prices.currency if prices.fees or prices.hold is not None else "",
        "vat": _number(prices.vat_percent) if prices.vat_percent and prices.fees else "",
        "grace": prices.idle_grace_min if idles else 0,
        "idle": "" if prices.idle_at_most is None else _number(prices.idle_at_most),
        "hold": "" if prices.hold is None else _number(prices.hold),
    }


def _plain(fee: Fee) -> tuple[object, ...]:
    times = fee.times
    windows = sorted((sorted(one.days), f"{one.since:%H:%M}", f"{one.until:%H:%M}") for one in times.windows)
    return _number(fee.price), sorted((one.first, one.last) for one in times.seasons), windows


def _number(value: Decimal) -> str:
    """The same for 0.5 and 0.50."""
    return f"{value.normalize():f}"


def offer(bay: Bay, prices: PriceList | None, by_phone: bool, language: Language) -> Offer:
    """What charging costs there; `by_phone`: it can be paid by one."""
    say = language.say
    watts = bay.expected_w()
    power = (
        say("About %(power)s now.", power=language.kw(watts))
        if watts
        else say("All power is in use now: you would have to wait for your turn.")
    )
    if prices is None:
        return Offer((), "", "", "", power)
    vat = say("All prices include %(percent)s VAT.", percent=language.percent(prices.vat_percent.normalize()))
    return Offer(
        tuple(_lines(bay, prices, language)),
        vat if prices.vat_percent else "",
        _example(bay, prices, language),
        _hold(bay, prices, language) if by_phone else "",
        power,
    )


def _lines(bay: Bay, prices: PriceList, language: Language) -> Iterator[PriceLine]:
    local = bay.now.utc.astimezone(bay.state.site.zone)
    for unit in Unit:
        now = prices.fee(unit, local)
        for position, fee in enumerate(prices.fees):
            if fee.unit is not unit or not fee.price:
                continue
            windows = ", ".join(_window(one, language) for one in fee.times.windows)
            yield PriceLine(_fee(fee, prices, language), windows, position == now)


def _fee(fee: Fee, prices: PriceList, language: Language) -> str:
    price = language.money(_short(fee.price, prices.currency), prices.currency)
    if fee.unit is not Unit.IDLE_MINUTE:
        return language.say(PER[fee.unit], price=price)
    per = GRACE if prices.idle_grace_min else PER[fee.unit]
    told = language.say(per, price=price, minutes=prices.idle_grace_min)
    if prices.idle_at_most is None:
        return told
    most = language.money(_short(prices.idle_at_most, prices.currency), prices.currency)
    return language.say(AT_MOST, fee=told, most=most)


def _short(price: Decimal, currency: str) -> Decimal:
    """Without zeros that say nothing, but with the digits of the currency."""
    places = max(decimals(currency), -int(price.normalize().as_tuple().exponent))
    return price.quantize(Decimal(1).scaleb(-places))


def _window(window: DayWindow, language: Language) -> str:
    names, days = language.days(), sorted(window.days)
    whole = len(days) == 7
    is_run = len(days) > 2 and all(b - a == 1 for a, b in pairwise(days))
    told = f"{names[days[0]]}–{names[days[-1]]}" if is_run else ", ".join(names[day] for day in days)
    hours = "" if window.since == window.until == time() else f"{window.since:%H:%M}–{window.until:%H:%M}"
    return " ".join(part for part in ("" if whole else told, hours) if part)


def _example(bay: Bay, prices: PriceList, language: Language) -> str:
    usage = supposed(bay.evse.id, bay.now.utc, EXAMPLE_WH, EXAMPLE_W, 0)
    total = receipt(usage, prices, bay.state.site.zone).total
    price = language.money(major(total, prices.currency), prices.currency)
    return language.say("For example %(energy)s: about %(price)s.", energy=language.kwh(EXAMPLE_WH, 0), price=price)


def _hold(bay: Bay, prices: PriceList, language: Language) -> str:
    if prices.hold is None:
        return ""
    amount = minor(prices.hold, prices.currency)
    hold = language.money(major(amount, prices.currency), prices.currency)
    told = language.say("We block %(hold)s on your card. You pay only what you use; the rest is released.", hold=hold)
    try:
        cap = cap_wh(prices, amount, bay.evse.most_w(bay.state.site.voltage_v))
    except ValueError:
        return told
    if cap is None:
        return told
    enough = language.say("That is enough for about %(energy)s.", energy=language.kwh(cap, 0))
    return f"{told} {enough}"
