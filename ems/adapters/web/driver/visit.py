"""Somebody before a charger: which sticker they scanned, what their browser brings, and in which language they read."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request, Response

from ems.adapters.web.driver.bay import Bay, House, Mine
from ems.adapters.web.driver.code import Word, word_of
from ems.adapters.web.driver.language import Language
from ems.domain.driver.sticker import Sticker
from ems.domain.unknown import UnknownError
from ems.ports.payments import Cost

MINE, PASS, LANGUAGE = "bay", "bay-pass", "bay-language"
MINE_S, PASS_S, LANGUAGE_S = 2 * 86_400, 900, 365 * 86_400
PAID_S = 9 * 86_400
"""Longer than a card holds an amount, which is a week: who comes back for their vehicle must find it here."""

PAYMENT, GIFT, CLAIM, SESSION, GIVEN = "payment", "gift", "claim", "session", "given"
"""What a cookie can stand for: a payment, a start that costs nothing, a session that is claimed, and the session that
became of one of the last two.
"""


class Visit(NamedTuple):
    """`word` is what the browser brings for this bay; `has_pass`: they may begin here."""

    sticker: Sticker
    bay: Bay
    language: Language
    word: Word | None
    has_pass: bool
    is_secure: bool

    def __str__(self) -> str:
        return f"driver at {self.bay.evse.id}"


def language_of(house: House, request: Request) -> Language:
    """What they chose, else what their browser likes."""
    wanted = request.cookies.get(LANGUAGE, "")
    return house.languages.chosen(wanted, request.headers.get("accept-language", ""))


def visit_of(house: House, request: Request, slug: str) -> Visit | None:
    """None when there is no such sticker, or when what it led to is gone."""
    sticker = house.drivers.sticker(slug)
    bay = None if sticker is None else Bay.of(house, sticker.evse)
    if sticker is None or bay is None:
        return None
    now_s = bay.now.utc.timestamp()
    word = word_of(sticker.secret, request.cookies.get(MINE, ""), now_s)
    seen = word_of(sticker.secret, request.cookies.get(PASS, ""), now_s)
    has_pass = not house.imprint().is_rotating or (seen is not None and seen.kind == PASS)
    is_secure = request.scope.get("scheme") == "https"
    return Visit(sticker, bay, language_of(house, request), word, has_pass, is_secure)


async def mine_of(house: House, visit: Visit) -> tuple[Mine | None, Word | None]:
    """What they have at this bay, and what their browser should bring from now on if that is something else."""
    word, name = visit.word, visit.bay.evse.id
    if word is None:
        return None, None
    match word.kind:
        case "payment":
            return await _paid(house, visit, word.value), None
        case "gift":
            gift = house.drivers.gift(name, word.value)
            if not gift.session:
                return Mine(why=gift.why, is_gift=True), None
            return await _session(house, visit, gift.session, True), word._replace(kind=GIVEN, value=gift.session)
        case "claim":
            try:
                session = house.drivers.claimed(name, word.value)
            except UnknownError:
                return None, None
            if not session:
                return Mine(), None
            return await _session(house, visit, session, False), word._replace(kind=SESSION, value=session)
        case "session" | "given":
            return await _session(house, visit, word.value, word.kind == GIVEN), None
    return None, None


async def _paid(house: House, visit: Visit, name: str) -> Mine | None:
    if house.payments is None:
        return None
    try:
        known = await house.payments.payment(name)
    except UnknownError:
        return None
    there = visit.bay.session
    has_left = there is None or there.id != known.session
    # What is settled long before its vehicle leaves is still to be found by who comes back for that.
    is_long_over = has_left and known.state.is_over and (visit.bay.now.utc - known.since).total_seconds() > MINE_S
    if known.evse != visit.bay.evse.id or is_long_over:
        return None
    cost = await house.payments.cost(name) if known.session else None
    return _with(Mine(payment=known, session=known.session), cost)


async def _session(house: House, visit: Visit, session: str, is_gift: bool) -> Mine | None:
    zone = visit.bay.state.site.zone
    mine, tab = Mine(session=session, is_gift=is_gift), house.receipts.tab(visit.bay.evse.id)
    if tab is not None and tab.usage.session == session:
        so_far = tab.receipt(zone)
        return _with(mine, None if so_far is None else Cost(so_far, is_final=False))
    made = await house.receipts.receipt(session)
    return _with(mine, None if made is None else Cost(made, is_final=True))


def _with(mine: Mine, cost: Cost | None) -> Mine:
    return mine if cost is None else mine._replace(cost=cost.receipt, is_final=cost.is_final, refunds=cost.refunds)


def bring(answer: Response, visit: Visit, word: Word | None) -> Response:
    """The answer, after which the browser brings that; None: what it brought is forgotten."""
    path = f"/c/{visit.sticker.slug}"
    if word is None:
        answer.delete_cookie(MINE, path=path, samesite="lax")
        return answer
    now_s = int(visit.bay.now.utc.timestamp())
    _set(answer, visit, MINE, word.signed(visit.sticker.secret), path, max(1, word.until_s - now_s))
    return answer


def word_for(visit: Visit, kind: str, value: str) -> Word:
    """What the browser brings from now on."""
    lasts_s = PAID_S if kind == PAYMENT else MINE_S
    return Word(kind, value, int(visit.bay.now.utc.timestamp()) + lasts_s)


def let_pass(answer: Response, visit: Visit) -> Response:
    """The answer, after which the browser may begin here for a while."""
    word = Word(PASS, visit.sticker.slug, int(visit.bay.now.utc.timestamp()) + PASS_S)
    _set(answer, visit, PASS, word.signed(visit.sticker.secret), f"/c/{visit.sticker.slug}", PASS_S)
    return answer


def read_in(answer: Response, visit: Visit, language: Language) -> Response:
    """The answer, after which the browser asks for that language."""
    _set(answer, visit, LANGUAGE, language.code, "/c", LANGUAGE_S)
    return answer


def _set(answer: Response, visit: Visit, name: str, value: str, path: str, max_age_s: int) -> None:
    # Lax, because whoever comes back from the page of a payment service comes from another site.
    answer.set_cookie(name, value, max_age_s, path=path, secure=visit.is_secure, httponly=True, samesite="lax")
