"""What stations say of the public keys of their meters, beside those for which somebody vouches. A key that a station
tells is never taken for good by itself: whoever could swap the meter could swap what the station says of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType

from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.signed import read_keys
from ems.adapters.store.store import Store
from ems.assembly.seldom import plain_key
from ems.domain.alarm.condition import Condition
from ems.domain.decision import Level
from ems.domain.record.signed_value import Standing, ToldKey
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

KIND = "meter-key"
LOOK_S = 10.0
SHOWN = 24


class SiteMeterKeys:
    """A `Service`, and the `HeardKeys` and `ToldKeys` ports. `written`: the keys of the site file by EVSE."""

    name = "meter-keys"

    def __init__(self, store: Store, clock: Clock, written: Mapping[str, str] = MappingProxyType({})) -> None:
        self._store, self._clock, self._written = store, clock, written
        self._heard: dict[str, tuple[str, datetime]] = {}
        self._standing: dict[str, ToldKey] = {}
        self._has_news = asyncio.Event()

    def heard(self, evse: str, text: str) -> None:
        """As the port says."""
        self._heard[evse] = (text, self._clock.now().utc)
        self._has_news.set()

    async def told(self, evse: str) -> ToldKey | None:
        """As the port says."""
        if evse not in self._heard:
            return None
        await self._look(evse)
        return self._standing.get(evse)

    async def run(self) -> None:
        """See every few seconds what the keys that were told are worth now, which others decide."""
        while True:
            await self._has_news.wait()
            for evse in list(self._heard):
                await self._look(evse)
            await asyncio.sleep(LOOK_S)

    def troubles(self) -> Iterator[Condition]:
        """Stations that tell another key than the one for which somebody vouches."""
        for one in self._standing.values():
            if one.standing is Standing.OTHER:
                text = f"the meter of {one.evse} has another public key than the one that was confirmed"
                remedy = f"see whether the meter was changed; only then confirm {one.key[:SHOWN]}… on its page"
                yield Condition(f"{KIND}:{one.evse}", KIND, one.evse, Level.NORMAL, text, remedy)

    async def _look(self, evse: str) -> None:
        text, at = self._heard[evse]
        try:
            known = await self._store.asked(partial(read_keys, evse=evse), fresh=True)
        except (TimeoutError, *WRITE_ERRORS) as failed:
            log.warning("meter-keys.not-read cause=%r", str(failed))
            return
        before, written = self._standing.get(evse), self._written.get(evse)
        vouched = [*(one.key for one in known), *([] if written is None else [written])]
        now = await asyncio.to_thread(judged, evse, text, at, vouched)
        self._standing[evse] = now
        if before is None or (before.key, before.standing) != (now.key, now.standing):
            log.info("meter-keys.told evse=%s standing=%s key=%.24r", evse, now.standing, now.key)


def judged(evse: str, text: str, at: datetime, vouched: Sequence[str]) -> ToldKey:
    """What a key is worth that a station told, beside those for which somebody vouches. The first use takes megabytes,
    so only who is told a key pays for it.
    """
    key, *known = (_plain(one) for one in (text, *vouched))
    if key is None:
        return ToldKey(evse, text, at, Standing.NONE)
    others = [one for one in known if one is not None]
    if key in others:
        return ToldKey(evse, key, at, Standing.VOUCHED)
    return ToldKey(evse, key, at, Standing.OTHER if others else Standing.NEW)


def _plain(text: str) -> str | None:
    try:
        return plain_key(text)
    except ValueError:
        return None
