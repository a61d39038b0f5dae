"""The tab of a session: the prices that it got at plug-in, and what it has used since."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ems.domain.billing.price_list import PriceList, chosen
from ems.domain.billing.receipt import Receipt, receipt
from ems.domain.billing.usage import Usage


@dataclass(frozen=True, slots=True)
class Tab:
    """`quote` holds the price lists as they were at plug-in; `groups` those of the person who charges, empty while
    nobody knows who that is.
    """

    usage: Usage
    quote: tuple[PriceList, ...] = ()
    groups: frozenset[str] = frozenset()

    @property
    def prices(self) -> PriceList | None:
        """What counts; None: it is free."""
        return chosen(self.quote, self.groups)

    def receipt(self, zone: ZoneInfo) -> Receipt | None:
        """What it costs so far, or cost at its end; None: it is free."""
        prices = self.prices
        return None if prices is None else receipt(self.usage, prices, zone)
