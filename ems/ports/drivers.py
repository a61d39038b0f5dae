"""The interfaces between drivers who stand before a charger, and the controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ems.domain.driver.sticker import Report, Sticker, Trouble
from ems.domain.driver.wish import Wish


class StickerBook(Protocol):
    """Where stickers and reports are kept. Every method raises NotStoredError."""

    async def stickers(self) -> Sequence[Sticker]:
        """All of them, oldest first."""
        ...

    async def keep(self, known: Sequence[Sticker]) -> None:
        """Returns when these are on disk, new or with another EVSE."""
        ...

    async def reports(self, most: int) -> Sequence[Report]:
        """The newest reports, open ones first."""
        ...

    async def report(self, told: Report) -> None:
        """Returns when a report, new or closed, is on disk."""
        ...


class Gift(NamedTuple):
    """A start that costs nothing. `session` once it has begun; `why` it will not."""

    session: str = ""
    why: str = ""


class Drivers(Protocol):
    """What a driver may do at one EVSE without a login, and what operators see of it.

    Raises UnknownError or ValueError with words for people, and NotStoredError.
    """

    @property
    def stickers(self) -> Sequence[Sticker]:
        """All of them, those of EVSEs that the site has no more last."""
        ...

    def sticker(self, slug: str) -> Sticker | None:
        """The sticker with that word; None where there is none, or none is known yet."""
        ...

    async def move(self, slug: str, evse: str, who: str) -> None:
        """Let a sticker lead to another EVSE."""
        ...

    def is_free(self, evse: str) -> bool:
        """Whether everybody may charge there for nothing."""
        ...

    def begins_itself(self, evse: str) -> bool:
        """Whether the controller begins a session as soon as somebody plugs in."""
        ...

    def is_held(self, evse: str) -> bool:
        """Whether an EVSE is kept for somebody now."""
        ...

    def expect(self, evse: str, tag: str, wish: Wish) -> None:
        """Whoever begins with this tag wants that."""
        ...

    def give(self, evse: str, wish: Wish) -> str:
        """Begin a session that costs nothing; returns the tag that it is begun with."""
        ...

    def gift(self, evse: str, tag: str) -> Gift:
        """What became of that."""
        ...

    def claim(self, evse: str, wish: Wish) -> str:
        """Somebody who charges with a card, or for nothing, says that the session there is theirs. Only one can, and
        not long after its begin. Returns a word for the session that runs or begins next.
        """
        ...

    def claimed(self, evse: str, claim: str) -> str:
        """The session that a claim is for; empty while none has begun. Raises UnknownError when it has lapsed."""
        ...

    async def wish(self, evse: str, session: str, wish: Wish) -> None:
        """Whoever charges there says what they want."""
        ...

    async def stop(self, evse: str, session: str) -> None:
        """Whoever began there for nothing wants no more."""
        ...

    async def report(self, evse: str, trouble: Trouble, text: str) -> None:
        """A driver found something wrong."""
        ...

    async def reports(self, most: int) -> Sequence[Report]:
        """The newest reports, open ones first."""
        ...

    async def close(self, number: int, who: str) -> None:
        """Somebody has seen to a report."""
        ...
