"""Price lists as tariffs, as far as OCPI can say them.

Our prices have the tax inside, those of OCPI are without; so they are rounded to its four decimal places. What is
charged is computed from our own prices: the charge detail record counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ems.adapters.ocpi.model.tariff import DayOfWeek, Dimension, Element, PriceComponent, Restrictions, Tariff
from ems.adapters.ocpi.model.types import DisplayText
from ems.adapters.ocpi.naming import tariff_id
from ems.domain.billing.money import EXACTLY
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.local_clock import day_begin_s, local
from ems.domain.recurrence import DayWindow, Recurrence, Season
from ems.domain.roaming import Operator

MINUTES = 60
STEP = {Dimension.ENERGY: 1, Dimension.FLAT: 1, Dimension.TIME: 60, Dimension.PARKING_TIME: 60}
DAYS = tuple(DayOfWeek)


@dataclass(frozen=True, slots=True)
class Worded:
    """A tariff, and what the price list says that it cannot."""

    tariff: Tariff
    unsaid: tuple[str, ...] = ()


def worded(operator: Operator, prices: PriceList, now: datetime, zone: ZoneInfo, updated: datetime) -> Worded:
    """The tariff of a price list, as it is to be told at a moment."""
    today = now.astimezone(zone).date()
    elements = [element for fee in prices.fees for element in _elements(fee, prices, today)]
    elements += list(_plugged_in(prices, today))
    if not elements:
        elements = [Element(price_components=[_component(Dimension.FLAT, Decimal(0), prices)])]
    unsaid = tuple(_unsaid(prices))
    text = "; ".join((prices.title, *unsaid))[:512]
    first, last = prices.validity.first, prices.validity.last
    tariff = Tariff(
        country_code=operator.party.country_code,
        party_id=operator.party.party_id,
        id=tariff_id(prices.id),
        currency=prices.currency,
        type="REGULAR",
        tariff_alt_text=[DisplayText(language="en", text=text)],
        elements=elements,
        start_date_time=None if first is None else _begin(first, zone),
        end_date_time=None if last is None else _begin(last + timedelta(days=1), zone),
        last_updated=updated,
    )
    return Worded(tariff, unsaid)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return local(day_begin_s(day, zone), zone)


def _unsaid(prices: PriceList) -> Iterator[str]:
    if prices.idle_grace_min and any(fee.unit is Unit.IDLE_MINUTE for fee in prices.fees):
        yield f"the first {prices.idle_grace_min} idle minutes of a session are free"
    if prices.idle_at_most is not None:
        # The most of a tariff (`max_price`) is that of a whole session.
        yield f"idle minutes of a session cost {prices.idle_at_most:f} {prices.currency} at most"
    if _clash(prices):
        yield "idle minutes cost what minutes cost besides"


def _clash(prices: PriceList) -> bool:
    """Whether parking costs two prices at a time of which one changes: OCPI has one price for parking."""
    minutes = [fee for fee in prices.fees if fee.unit is Unit.MINUTE]
    has_idle = any(fee.unit is Unit.IDLE_MINUTE for fee in prices.fees)
    return has_idle and bool(minutes) and _always(minutes) is None


def _always(fees: Sequence[Fee]) -> Fee | None:
    """The fee that counts at any time; None where that changes."""
    first = fees[0] if fees else None
    return first if first is not None and first.times == Recurrence() else None


def _elements(fee: Fee, prices: PriceList, today: date) -> Iterator[Element]:
    match fee.unit:
        case Unit.KWH:
            parts = [(Dimension.ENERGY, fee.price)]
        case Unit.SESSION:
            parts = [(Dimension.FLAT, fee.price)]
        case Unit.MINUTE:
            parts = [(Dimension.TIME, fee.price * MINUTES)]
        case Unit.IDLE_MINUTE:
            besides = _always([one for one in prices.fees if one.unit is Unit.MINUTE])
            parts = [
                (Dimension.PARKING_TIME, (fee.price + (Decimal(0) if besides is None else besides.price)) * MINUTES)
            ]
    yield from _restricted(fee, parts, prices, today)


def _plugged_in(prices: PriceList, today: date) -> Iterator[Element]:
    """Minutes are counted as long as a vehicle is plugged in, also while it parks; behind what idle ones cost."""
    for fee in prices.fees:
        if fee.unit is Unit.MINUTE:
            yield from _restricted(fee, [(Dimension.PARKING_TIME, fee.price * MINUTES)], prices, today)


def _restricted(
    fee: Fee, parts: Sequence[tuple[Dimension, Decimal]], prices: PriceList, today: date
) -> Iterator[Element]:
    components = [_component(dimension, price, prices) for dimension, price in parts]
    for restriction in restrictions(fee.times, today):
        yield Element(price_components=components, restrictions=restriction)


def _component(dimension: Dimension, gross: Decimal, prices: PriceList) -> PriceComponent:
    vat = prices.vat_percent
    net = EXACTLY.divide(EXACTLY.multiply(gross, Decimal(100)), EXACTLY.add(Decimal(100), vat))
    price = net.quantize(Decimal("0.0001"), context=EXACTLY)
    return PriceComponent(type=dimension, price=price, vat=vat, step_size=STEP[dimension])


def restrictions(times: Recurrence, today: date) -> Iterator[Restrictions | None]:
    """When something counts, in the words of OCPI; None: always. Of a season the one that is, or comes next."""
    for season in times.seasons or (None,):
        dates = {} if season is None else _dates(season, today)
        for window in times.windows or (None,):
            for clock in ({},) if window is None else _clocks(window):
                told: dict[str, object] = {**dates, **clock}
                yield Restrictions.model_validate(told) if told else None


def _dates(season: Season, today: date) -> dict[str, object]:
    for year in range(today.year - 1, today.year + 3):
        first = _day(year, season.first)
        last = _day(year if season.first <= season.last else year + 1, season.last)
        if last >= today:
            return {"start_date": first.isoformat(), "end_date": (last + timedelta(days=1)).isoformat()}
    raise AssertionError("a season comes every year")


def _day(year: int, day: tuple[int, int]) -> date:
    try:
        return date(year, *day)
    except ValueError:  # the 29th of February
        return date(year, day[0], 28)


def _clocks(window: DayWindow) -> Iterator[dict[str, object]]:
    """A window, which may run past midnight, as times of days on which it holds."""
    since, until = f"{window.since:%H:%M}", f"{window.until:%H:%M}"
    if not window.is_past_midnight:
        yield {"start_time": since, "end_time": until, **_on(window.days)}
    elif since == until == "00:00":
        yield _on(window.days)
    else:
        yield {"start_time": since, "end_time": "00:00", **_on(window.days)}
        if until != "00:00":
            yield {"start_time": "00:00", "end_time": until, **_on(frozenset((day + 1) % 7 for day in window.days))}


def _on(days: frozenset[int]) -> dict[str, object]:
    on = [DAYS[day] for day in sorted(days) if day < len(DAYS)]
    return {} if len(on) == len(DAYS) else {"day_of_week": on}
