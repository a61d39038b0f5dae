"""The price lists of a site, and how they change: one change after the other makes the next book.

A change counts for who plugs in after it. Nobody's price changes once plugged in, and no receipt is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.money import minor
from ems.domain.billing.price_list import PriceList
from ems.domain.site import Site
from ems.domain.station import Evse
from ems.domain.unknown import UnknownError

MAX_LISTS = 200


class PriceListKept(NamedTuple):
    """There is such a price list, new or changed."""

    prices: PriceList


class PriceListRemoved(NamedTuple):
    """A price list is gone."""

    id: str


PriceChange = PriceListKept | PriceListRemoved
PRICE_CHANGES = (PriceListKept, PriceListRemoved)


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Price lists by id. Raises ValueError when for somebody two of them would count."""

    lists: Mapping[str, PriceList] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.lists) > MAX_LISTS:
            raise ValueError(f"at most {MAX_LISTS} price lists are kept; remove those that are over")
        known = tuple(self.lists.values())
        for at, one in enumerate(known):
            for other in known[at + 1 :]:
                if one.rivals(other):
                    raise ValueError(
                        f"price lists '{one.id}' and '{other.id}' would both count for somebody: give them other EVSEs,"
                        " other groups, or days that do not overlap"
                    )


def changed_prices(known: PriceBook, change: PriceChange, today: date) -> PriceBook:
    """The book after a change. Raises UnknownError or ValueError."""
    match change:
        case PriceListKept(prices):
            last = prices.validity.last
            if last is not None and last < today and known.lists.get(prices.id) != prices:
                raise ValueError(f"price list '{prices.id}' was valid until {last}: prices do not change backwards")
            return replace(known, lists={**known.lists, prices.id: prices})
        case PriceListRemoved(name):
            if name not in known.lists:
                raise UnknownError(f"there is no price list {name!r:.80}")
            return replace(known, lists={key: one for key, one in known.lists.items() if key != name})


def must_fit_prices(site: Site, change: PriceChange) -> None:
    """Refuse prices of what is not on the site, in another currency, or with a hold that nobody could charge for: every
    driver would find that out. Raises UnknownError or ValueError.
    """
    if isinstance(change, PriceListRemoved):
        return
    prices = change.prices
    for name in prices.evses:
        if site.evse_index(name) is None:
            raise UnknownError(f"the site has no EVSE {name!r:.80}")
    if prices.currency != site.currency:
        raise ValueError(f"price list '{prices.id}' is in {prices.currency}, the site in {site.currency}")
    for evse in site.evses if prices.hold is not None else ():
        if not prices.evses or evse.id in prices.evses:
            _must_pay_for_some(prices, evse, site.voltage_v)


def _must_pay_for_some(prices: PriceList, evse: Evse, voltage_v: float) -> None:
    assert prices.hold is not None
    try:
        cap_wh(prices, minor(prices.hold, prices.currency), evse.most_w(voltage_v))
    except ValueError as too_little:
        raise ValueError(f"{too_little}, or leave {evse.id} to another list") from None
