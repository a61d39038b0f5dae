"""What was recorded, for people who look back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time
from functools import partial
from typing import TypeVar

from ems.adapters.store.beside import read
from ems.adapters.store.past import find_audits, read_energies, read_evse, read_quarters, read_stays
from ems.adapters.store.store import Query, Store
from ems.domain.demand import Demand, demand_of
from ems.domain.energy.demand_charge import BillingPeriod, Per
from ems.domain.energy.tariff import Tariff
from ems.domain.meter import MeterRole
from ems.domain.record.history import Audit
from ems.domain.record.past import Energies, EvsePast, Stay
from ems.ports.controller import Clock, Live

T = TypeVar("T")

WINDOW_S = 900
"""Where no tariff says otherwise."""


class SitePast:
    """The `Past` port of a running daemon. `tariff`: what is agreed now."""

    def __init__(self, store: Store, live: Live, clock: Clock, tariff: Callable[[], Tariff | None]) -> None:
        self._store, self._live, self._clock, self._tariff = store, live, clock, tariff

    async def evse(self, evse: str, since: datetime, until: datetime) -> EvsePast:
        """What an EVSE was offered and what was drawn there."""
        return await self._read(partial(read_evse, evse=evse, since=since, until=until), fresh=True)

    async def stays(self, evse: str, most: int) -> Sequence[Stay]:
        """The newest vehicles at an EVSE, newest first."""
        return await self._read(partial(read_stays, evse=evse, most=most), fresh=True)

    async def demand(self) -> Demand | None:
        """The demand of the window that runs beside the peak of the billing period."""
        state, now, tariff = self._live.state, self._clock.now().utc, self._tariff()
        site, root = state.site, state.site.circuits.root
        if root.meter is None:
            return None
        charge = tariff.demand[0] if tariff is not None and tariff.demand else None
        zone = site.zone if tariff is None else tariff.zone
        period = BillingPeriod.of(
            now.astimezone(zone).date(),
            Per.MONTH if charge is None else charge.period,
            1 if tariff is None else tariff.billing_day,
        )
        since = datetime.fromtimestamp(period.begin_s(zone), UTC)
        query = partial(read_quarters, circuit=root.id, since=since, now=now, voltage_v=site.voltage_v)
        quarters = await self._read(query, fresh=False)
        index = site.meter_index(root.meter)
        reading = None if index is None else state.meters[index].reading
        grid_w = None
        if reading is not None:
            grid_w = sum(reading.amps) * site.voltage_v if reading.power_w is None else reading.power_w
        return demand_of(quarters, WINDOW_S if charge is None else charge.interval_s, zone, now, grid_w)

    async def today(self) -> Energies:
        """The energies of today, by the clock of the site."""
        site, now = self._live.state.site, self._clock.now().utc
        midnight = datetime.combine(now.astimezone(site.zone).date(), time(), site.zone).astimezone(UTC)
        pv = [meter.id for meter in site.meters if meter.role is MeterRole.PV]
        query = partial(read_energies, root=site.circuits.root.id, pv=pv, since=midnight, until=now)
        return await self._read(query, fresh=False)

    async def audits(
        self, before: int | None, most: int, words: str, since: datetime | None, until: datetime | None
    ) -> Sequence[Audit]:
        """The newest of what people did in a span, newest first, in which all `words` stand."""
        query = partial(find_audits, before=before, most=most, words=words, since=since, until=until)
        return await self._read(query, fresh=True)

    async def _read(self, query: Query[T], fresh: bool) -> T:
        return await read(self._store.asked(query, fresh))
