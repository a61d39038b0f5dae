"""Sessions for those who look after them: everything about one, corrections, signed meter values and their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from ems.adapters.store.access import reason
from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.reading import NotReadableError
from ems.adapters.store.report_reading import read_flows
from ems.adapters.store.session_detail import read_belongings
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.signed import read_keys
from ems.adapters.store.store import Store
from ems.assembly.seldom import examine, plain_key
from ems.domain.energy.carbon import Carbon
from ems.domain.record.correction import Wanted
from ems.domain.record.session_detail import SessionDetail
from ems.domain.record.session_entry import SessionEntry, SessionQuarter
from ems.domain.record.signed_value import MeterKey
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live
from ems.ports.sessions import NotReadError
from ems.statistics.account import co2_of
from ems.statistics.corrected import corrected
from ems.statistics.period import Period
from ems.statistics.record import Facts, Past, PastSession, Used


@dataclass(frozen=True, slots=True)
class SiteSessionDesk:
    """The `SessionDesk` port of a running daemon. `written`: the keys of the site file by EVSE, in their plain form;
    `carbon` tells what a kWh stands for, and may read files.
    """

    store: Store
    reader: SessionReader
    live: Live
    clock: Clock
    written: Mapping[str, str] = field(default_factory=dict)
    carbon: Callable[[], Carbon] = Carbon

    async def detail(self, name: str) -> SessionDetail | None:
        """Everything about one session; None when there is none of that id."""
        with _reading():
            await self.store.asked(lambda _: None, fresh=True)
            entry = await asyncio.to_thread(self.reader.entry, name)
            if entry is None:
                return None
            until = entry.unplugged or self.clock.now().utc
            quarters = await asyncio.to_thread(self.reader.quarters, name)
            found = await self.store.asked(partial(read_belongings, entry=entry, until=until))
            is_corrected = any("energy_wh" in one.changes for one in found.corrections)
            co2_g = await asyncio.to_thread(self._co2_g, entry, quarters, is_corrected)
        keys = [key for key in (self.written.get(entry.evse), *(one.key for one in found.keys)) if key]
        signed = await asyncio.to_thread(lambda: tuple((one, examine(one.value, keys)) for one in found.signed))
        return SessionDetail(
            entry, found.transactions, quarters, found.offers, found.corrections, signed, found.receipt, co2_g
        )

    def _co2_g(self, entry: SessionEntry, quarters: Sequence[SessionQuarter], is_corrected: bool) -> float | None:
        """As the report of its days counts it, which leaves void sessions out. Reads the database, and files."""
        if not quarters or entry.is_void:
            return None
        carbon = self.carbon()
        if not carbon.is_known:
            return None
        site = self.live.state.site
        first, last = (one.starts.astimezone(site.zone).date() for one in (quarters[0], quarters[-1]))
        period, now_s = Period(first, last, site.zone), int(self.clock.now().utc.timestamp())
        plugged_s = int(entry.plugged.timestamp())
        unplugged_s = None if entry.unplugged is None else int(entry.unplugged.timestamp())
        told = PastSession(entry.id, entry.evse, plugged_s, unplugged_s, entry.energy_wh)
        used = tuple(Used(entry.id, int(at.timestamp()), wh, idle_s) for at, wh, idle_s in quarters)
        past = Past(
            period,
            now_s,
            sessions=(told,),
            used=tuple(corrected(told, used)) if is_corrected else used,
            flows=read_flows(self.store.database, site, period),
        )
        return co2_of(past, Facts(site, carbon=carbon), entry.id)

    async def correct(self, name: str, wanted: Wanted, who: str) -> None:
        """Correct a session that is over."""
        await self.store.corrections.correct(name, wanted, who, self.clock.now().utc)

    async def erase(self, person: str | None, tag: str | None, before: datetime, who: str) -> int:
        """Sessions of a person or a tag that began before a moment forget who charged; returns how many."""
        return await self.store.corrections.erase(person, tag, before, who, self.clock.now().utc)

    async def meter_keys(self, evse: str | None = None) -> Sequence[MeterKey]:
        """Public keys for which somebody vouches, of one EVSE or all."""
        of_file = [MeterKey(name, key, None, "site file") for name, key in self.written.items() if evse in {None, name}]
        with _reading():
            return (*of_file, *await self.store.asked(partial(read_keys, evse=evse), fresh=True))

    async def vouch(self, evse: str, key: str, who: str) -> str:
        """Vouch for the public key of the meter of an EVSE; returns it as it is kept."""
        if self.live.state.site.evse_index(evse) is None:
            raise UnknownError(f"the site has no EVSE {evse!r:.80}")
        plain = plain_key(key)
        await self.store.signed.vouch(evse, plain, who, self.clock.now().utc)
        return plain

    async def withdraw(self, evse: str, key: str, who: str) -> None:
        """Vouch for a key no more."""
        if self.written.get(evse) == key:
            raise ValueError("this key stands in the site file: remove meter_key there")
        await self.store.signed.withdraw(evse, key, who, self.clock.now().utc)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, NotReadableError, *WRITE_ERRORS) as error:
        raise NotReadError(f"the database cannot be read: {reason(error)}") from error
