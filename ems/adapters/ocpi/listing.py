"""The location and the tariffs as they are now, with when each of their parts changed last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ems.adapters.ocpi.ground import Ground
from ems.adapters.ocpi.model.location import Evse, Location, Status
from ems.adapters.ocpi.model.tariff import Tariff
from ems.adapters.ocpi.naming import tariff_id
from ems.adapters.ocpi.wording.location import evse_object, location_object, statuses
from ems.adapters.ocpi.wording.tariff import Worded, worded
from ems.domain.billing.price_list import PriceList, chosen, quoted


@dataclass(slots=True)
class Listing:
    """Kept in memory: after a start everything counts as changed, and partners are told it anew."""

    ground: Ground
    changed: datetime
    _status: dict[str, Status] = field(default_factory=dict)
    _prices: dict[str, str] = field(default_factory=dict)
    _since: dict[str, datetime] = field(default_factory=dict)
    _tariffs: dict[str, Worded] = field(default_factory=dict)

    def look(self, now: datetime) -> list[str]:
        """EVSEs whose state has changed since the last look."""
        found = statuses(self.ground.live.state, self.ground.is_held)
        moved = [evse for evse, status in found.items() if status is not self._status.get(evse)]
        for evse in moved:
            self._since[evse] = now
        self._status = found
        return moved

    def look_at_prices(self, now: datetime) -> tuple[list[Tariff], list[str], list[str]]:
        """Tariffs that are new or have changed since the last look, the ids of those that are no more, and EVSEs at
        which another one counts.
        """
        zone, operator = self.ground.live.state.site.zone, self.ground.operator
        lists = self.ground.price_lists()
        found: dict[str, Worded] = {}
        changed: list[Tariff] = []
        for prices in lists:
            before = self._tariffs.get(tariff_id(prices.id))
            updated = now if before is None else before.tariff.last_updated
            told = worded(operator, prices, now, zone, updated)
            if told != before:
                told = worded(operator, prices, now, zone, now)
                changed.append(told.tariff)
            found[told.tariff.id] = told
        gone = [name for name in self._tariffs if name not in found]
        self._tariffs = found
        return changed, gone, self._repriced(lists, now)

    def _repriced(self, lists: Sequence[PriceList], now: datetime) -> list[str]:
        zone = self.ground.live.state.site.zone
        prices: dict[str, str] = {}
        for evse in self.ground.live.state.site.evses:
            known = chosen(quoted(lists, evse.id, now, zone), ())
            prices[evse.id] = "" if known is None else tariff_id(known.id)
        repriced = [name for name, price in prices.items() if price != self._prices.get(name)]
        for name in repriced:
            self._since[name] = now
        self._prices = prices
        return repriced

    @property
    def tariffs(self) -> Sequence[Tariff]:
        """As they were at the last look."""
        return [one.tariff for one in self._tariffs.values()]

    def tariff(self, name: str) -> Tariff | None:
        """One of them."""
        found = self._tariffs.get(name)
        return None if found is None else found.tariff

    @property
    def unsaid(self) -> Iterator[str]:
        """What price lists say and their tariffs only in words."""
        for name, one in self._tariffs.items():
            yield from (f"{name}: {text}" for text in one.unsaid)

    def evse(self, name: str) -> Evse:
        """An EVSE of ours."""
        site = self.ground.live.state.site
        index = site.evse_index(name)
        assert index is not None
        price = self._prices.get(name, "")
        status, since = self._status.get(name, Status.UNKNOWN), self._since.get(name, self.changed)
        return evse_object(self.ground.operator, site, site.evses[index], status, (price,) if price else (), since)

    def location(self) -> Location:
        """The site."""
        site = self.ground.live.state.site
        evses = [self.evse(one.id) for one in site.evses]
        return location_object(self.ground.operator, site, evses, self.changed)
