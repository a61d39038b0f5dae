"""The energy that a hold pays for."""

from __future__ import annotations

from math import inf

from ems.domain.billing.money import major
from ems.domain.billing.payment import USABLE_PERCENT
from ems.domain.billing.price_list import PriceList, Unit

OVERRUN_S = 120.0
"""So long it may flow until a stop is obeyed."""


def cap_wh(prices: PriceList, hold: int, most_w: float) -> int | None:
    """The energy (Wh) that a hold (minor units) surely pays for, at the dearest price per kWh: without the fee of the
    session, an hour of idling or the most that idling costs, and what flows in the time that a stop takes; None where
    energy costs nothing.

    Raises ValueError when the hold does not pay for any.
    """
    dearest = {unit: max((fee.price for fee in prices.fees if fee.unit is unit), default=None) for unit in Unit}
    per_kwh = dearest[Unit.KWH]
    if not per_kwh:
        return None
    usable = USABLE_PERCENT / 100 * float(major(hold, prices.currency))
    idling = min(60.0 * float(dearest[Unit.IDLE_MINUTE] or 0), usable / 4, float(prices.idle_at_most or inf))
    left = usable - idling - float(dearest[Unit.SESSION] or 0)
    wh = 1000.0 * left / float(per_kwh) - most_w * OVERRUN_S / 3600.0
    if wh < 1000.0:
        raise ValueError(f"the hold of price list '{prices.id}' does not pay for a single kWh: raise it")
    return int(wh)
