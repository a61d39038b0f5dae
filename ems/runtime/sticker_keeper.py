"""Every EVSE has a sticker: known ones are read, missing ones are made, and whatever was printed stays."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from ems.domain.driver.sticker import SLUG_ALPHABET, SLUG_LENGTH, Sticker
from ems.domain.site import Site
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.drivers import StickerBook

log = logging.getLogger(__name__)

LOOK_S, AGAIN_S = 5.0, 2.0


class StickerKeeper:
    """Reads, makes and moves stickers."""

    def __init__(self, book: StickerBook, clock: Clock, site: Callable[[], Site]) -> None:
        self._book, self._clock, self._site = book, clock, site
        self._known: dict[str, Sticker] = {}
        self._is_read = False

    @property
    def stickers(self) -> Sequence[Sticker]:
        """In the order of the site's EVSEs, those that lead nowhere now last."""
        site = self._site()
        return sorted(self._known.values(), key=lambda one: (_place(site, one), one.created, one.slug))

    def sticker(self, slug: str) -> Sticker | None:
        """The sticker with that word."""
        return self._known.get(slug)

    async def keep_up(self) -> None:
        """See for ever that each EVSE has one. What was printed must not be made again, so nothing is made before all
        has been read.
        """
        while True:
            try:
                if not self._is_read:
                    self._known = {one.slug: one for one in await self._book.stickers()}
                    self._is_read = True
                await self._make_missing()
            except NotStoredError as failed:
                log.warning("stickers.not-kept %s", failed)
                await asyncio.sleep(AGAIN_S)
            else:
                await asyncio.sleep(LOOK_S)

    async def _make_missing(self) -> None:
        led = {one.evse for one in self._known.values()}
        new = [self._new(evse.id) for evse in self._site().evses if evse.id not in led]
        if new:
            await self._book.keep(new)
            self._known |= {one.slug: one for one in new}
            log.info("stickers.made count=%d", len(new))

    def _new(self, evse: str) -> Sticker:
        slug = "".join(secrets.choice(SLUG_ALPHABET) for _ in range(SLUG_LENGTH))
        return Sticker(slug, evse, secrets.token_urlsafe(32), self._clock.now().utc)

    async def move(self, slug: str, evse: str) -> str:
        """Let a sticker lead to another EVSE; returns the one that it led to."""
        known = self._known.get(slug)
        if known is None:
            raise UnknownError("there is no such sticker")
        if self._site().evse_index(evse) is None:
            raise UnknownError(f"the site has no EVSE {evse[:64]!r}")
        moved = replace(known, evse=evse)
        await self._book.keep([moved])
        self._known[slug] = moved
        return known.evse


def _place(site: Site, one: Sticker) -> int:
    index = site.evse_index(one.evse)
    return len(site.evses) if index is None else index
