"""Receipts by mail, for drivers who leave an address.

The address is never stored: it waits in memory for the receipt, goes into one mail, and is forgotten with it, or when
that cannot be had. So a restart forgets it too; the receipt is still on the page then.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ems.adapters.web.driver.bay import Bay, House, Mine
from ems.adapters.web.driver.code import Word
from ems.adapters.web.driver.language import Language
from ems.adapters.web.driver.receipt import detail_of, receipt_values
from ems.adapters.web.driver.visit import GIVEN, SESSION, Visit, mine_of
from ems.ports.controller import NotStoredError
from ems.ports.delivery import NotDeliveredError

log = logging.getLogger(__name__)

LOOK_S = 5.0
KEPT_S = 7 * 86_400.0
"""So long a receipt is waited for."""

TRIES, FIRST_PAUSE_S = 6, 60.0
"""How often a server is asked that takes no mail now, ever more rarely: for half an hour."""

MOST, EACH = 500, 3
"""Letters that wait, and letters about one session: nobody fills somebody else's mailbox from here."""

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,6}", re.ASCII)


class Post(Protocol):
    """Whoever takes mail."""

    def __call__(self, to: str, subject: str, text: str, key: str) -> Awaitable[None]:
        """Hand a mail over. Raises NotDeliveredError."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A receipt that `to` is to get; `visit` tells of which session, and in which language."""

    to: str
    session: str
    visit: Visit
    since_s: float
    next_s: float
    tries: int = 0


class Letters:
    """A `Service`: sends each receipt when it is final."""

    name = "receipts"

    def __init__(self, house: House, post: Post) -> None:
        self._house, self._post = house, post
        self._waiting: list[Letter] = []
        self._asked: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many have no receipt yet."""
        return len(self._waiting)

    def ask(self, visit: Visit, mine: Mine, to: str) -> None:
        """Send the receipt of a session there, once it is made. Raises ValueError with words for people."""
        if not ADDRESS.fullmatch(to) or visit.word is None:
            raise ValueError("this is no mail address")
        if not mine.session or mine.cost is None:
            raise ValueError("the session is over")
        if len(self._waiting) >= MOST or self._asked[mine.session] >= EACH:
            raise ValueError("no more mail goes out about this session")
        self._asked[mine.session] += 1
        now_s = self._house.clock.now().monotonic_s
        self._waiting.append(Letter(to, mine.session, _lasting(visit, visit.word, mine), now_s, now_s))

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Send what can be sent now."""
        now_s = self._house.clock.now().monotonic_s
        due = [one for one in self._waiting if one.next_s <= now_s]
        for letter in due:
            self._waiting.remove(letter)
            left = await self._sent(letter, now_s)
            if left is not None and now_s - left.since_s < KEPT_S:
                self._waiting.append(left)
        there = {one.session for one in self._waiting}
        while len(self._asked) > 2 * MOST and (old := next((s for s in self._asked if s not in there), None)):
            del self._asked[old]

    async def _sent(self, letter: Letter, now_s: float) -> Letter | None:
        """What is left to do: nothing, or the same later."""
        bay = Bay.of(self._house, letter.visit.bay.evse.id)
        if bay is None:
            return None
        visit = letter.visit._replace(bay=bay)
        try:
            mine, _ = await mine_of(self._house, visit)
        except NotStoredError:
            return letter
        if mine is None:
            return None
        if mine.cost is None or not mine.is_final or (mine.payment is not None and not mine.payment.state.is_over):
            return letter
        values = receipt_values(self._house, visit, mine, await detail_of(self._house, mine))
        site, say = self._house.live.state.site.name, visit.language.say
        subject = f"{say('Receipt')}: {site}, {say('Bay')} {bay.evse.id}"
        text = "\n".join(_lines(self._house, values, visit.language)) + "\n"
        try:
            await self._post(letter.to, subject, text, f"{letter.session} {letter.to}")
        except NotDeliveredError as failed:
            why = str(failed).replace(letter.to, "…")
            log.warning("drivers.receipt-not-mailed session=%s: %s", letter.session, why)
            again = replace(letter, tries=letter.tries + 1, next_s=now_s + FIRST_PAUSE_S * 2**letter.tries)
            return None if failed.is_final or again.tries >= TRIES else again
        return None


def _lasting(visit: Visit, word: Word, mine: Mine) -> Visit:
    """The visit by what is still known when everything else about it is forgotten."""
    if mine.payment is not None:
        return visit
    return visit._replace(word=word._replace(kind=GIVEN if mine.is_gift else SESSION, value=mine.session))


def _lines(house: House, told: Mapping[str, Any], language: Language) -> Iterator[str]:
    """The receipt as lines of a mail."""
    say, imprint = language.say, house.imprint()
    yield imprint.operator or house.live.state.site.name
    if imprint.address:
        yield imprint.address
    if imprint.vat_id:
        yield f"{say('VAT number:')} {imprint.vat_id}"
    yield ""
    yield f"{say('Number')}: {told['number']}"
    yield f"{say('Place')}: {house.live.state.site.name}, {say('Bay')} {told['bay']}"
    yield f"{say('Plugged in')}: {told['begin']}"
    yield f"{say('Until')}: {told['end']} {told['zone']}"
    yield f"{say('Energy')}: {told['energy']}"
    for one in told["registers"]:
        yield f"{say('Meter')}: {one}"
    if told["reference"]:
        yield f"{say('Payment')}: {told['reference']}"
    yield ""
    for line in told["lines"]:
        yield f"{line['name']}: {line['quantity']} × {line['price']} = {line['amount']}"
    if not told["lines"]:
        yield say("Nothing is to be paid.")
    yield f"{say('Net')}: {told['net']}"
    yield f"{say('%(percent)s VAT', percent=told['vat_percent'])}: {told['vat']}"
    yield f"{say('Total')}: {told['total']}"
    if told["charged"]:
        yield say("Charged to your card: %(paid)s. Released: %(rest)s.", paid=told["charged"], rest=told["released"])
    if told["uncharged"]:
        yield str(told["uncharged"])
    if told["signed"]:
        yield str(told["signed"])
