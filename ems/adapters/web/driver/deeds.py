"""What drivers do: pay, begin, say what they need, stop, report. Every form is refused that is not from a page of ours
(the gate sees to that), that comes too often, or that is about a session of somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response

from ems.adapters.web.accounts.login import to
from ems.adapters.web.driver.asked import wish_of
from ems.adapters.web.driver.code import Word
from ems.adapters.web.driver.offer import mark_of, prices_at
from ems.adapters.web.driver.pages import Lobby, Slug
from ems.adapters.web.driver.taps import form_of
from ems.adapters.web.driver.view import TO_PAY
from ems.adapters.web.driver.visit import CLAIM, GIFT, PAYMENT, Visit, bring, mine_of, word_for
from ems.adapters.web.driver.words import refusal
from ems.adapters.web.entrance import address_of, form
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.billing.payment import Payment
from ems.domain.driver.sticker import MAX_REPORT, Trouble
from ems.domain.driver.wish import Wish
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.ports.payments import Payments

OPENED_S = 10.0
"""So long the answer waits for the page of the payment service."""

LEFT = timedelta(minutes=3)
"""Who has not paid after that has gone, when somebody else wants to pay at the same EVSE."""

ROOM_TRIES, ROOM_S = 20, 0.25
"""So often, and after so long, it is looked whether the payment service has let go of who left."""

Deed = Annotated[str, Path(max_length=16)]
Told = Mapping[str, str]
Work = Callable[[Lobby, Visit, Told], Awaitable[Response]]


def driver_deeds(lobby: Lobby) -> Router:
    """What drivers can do."""
    spoken = Depends(lobby.house.languages.ready)
    router = Router(include_in_schema=False, dependencies=[needs(None, takes_form=True, waits=True), spoken])
    works: Mapping[str, Work] = {
        "pay": _pay,
        "give": _give,
        "card": _claim,
        "claim": _claim,
        "need": _need,
        "stop": _stop,
        "cancel": _cancel,
        "again": _again,
        "problem": _report,
        "mail": _mail,
    }
    for name, work in works.items():
        router.add_api_route(f"/c/{{slug}}/{name}", _route(lobby, work, name), methods=["POST"])
    return router


def _route(lobby: Lobby, work: Work, name: str) -> Callable[..., Awaitable[Response]]:
    async def deed(request: Request, slug: Slug) -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        say, now_s = visit.language.say, visit.bay.now.monotonic_s
        paces, address = lobby.paces, address_of(request)
        slow = {"problem": (paces.reports, slug), "mail": (paces.letters, address)}
        pace, who = slow.get(name, (paces.deeds, address))
        wait_s = pace.wait_s(who, now_s)
        if wait_s:
            return await lobby.too_often(request, wait_s)
        try:
            return await work(lobby, visit, form(request))
        except UnknownError as wrong:
            return await lobby.page(visit, say(refusal(str(wrong))), 404)
        except ValueError as wrong:
            return await lobby.page(visit, say(refusal(str(wrong))), 422)
        except NotStoredError:
            return await lobby.page(visit, say(refusal("not stored")), 503)

    return deed


def _wish(lobby: Lobby, visit: Visit, told: Told, is_theirs: bool = False) -> Wish:
    return wish_of(told, visit.bay, lobby.house.imprint().may_hurry, is_theirs)


def _must_pass(visit: Visit) -> None:
    if not visit.has_pass:
        raise ValueError("scan again")


def _must_know_price(lobby: Lobby, visit: Visit, told: Told) -> None:
    """A page may have stood open while the prices were changed."""
    mark = mark_of(prices_at(lobby.house, visit.bay))
    if told.get("shown", mark) != mark:
        raise ValueError("the price has changed")


async def _pay(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Begin a payment, or go on with the one that this browser began."""
    house, name = lobby.house, visit.bay.evse.id
    _must_pass(visit)
    if house.payments is None:
        raise ValueError(f"nobody pays by card at {name}")
    if house.imprint().terms_url and told.get("terms") != "yes":
        raise ValueError("agree to the terms")
    wish, (mine, _) = _wish(lobby, visit, told), await mine_of(house, visit)
    known, back = None if mine is None else mine.payment, to(f"/c/{visit.sticker.slug}")
    if known is not None and known.state not in TO_PAY and not known.state.is_over:
        return back  # Paid already: a page from before came up again, as by the button that goes back.
    if known is None or known.state.is_over:
        _must_know_price(lobby, visit, told)
        known = await _opened(lobby, visit, house.payments, form_of(f"{visit.sticker.slug}/pay", told), known)
    house.drivers.expect(name, known.tag, wish)
    answer = await lobby.leaving(visit.language, known.url) if known.url and known.state in TO_PAY else back
    return bring(answer, visit, word_for(visit, PAYMENT, known.id))


async def _opened(lobby: Lobby, visit: Visit, payments: Payments, form: str, before: Payment | None) -> Payment:
    """The payment that this form begins, once its page is there. `before`: one that is over."""
    if before is not None:
        lobby.taps.forget(form)

    async def begin() -> Word:
        path = f"/c/{visit.sticker.slug}"
        return word_for(visit, PAYMENT, (await _begun(payments, visit.bay.evse.id, path, visit.bay.now.utc)).id)

    known = await payments.opened((await lobby.taps.once(form, begin)).value, OPENED_S)
    if known.state.is_over:
        lobby.taps.forget(form)
    return known


async def _begun(payments: Payments, evse: str, path: str, now: datetime) -> Payment:
    """A payment that is begun. Who began one there before, and left without paying, keeps nobody away for long."""
    try:
        return await payments.begin(evse, path)
    except ValueError:
        if not payments.give_way(evse, now - LEFT):
            raise
    for _ in range(ROOM_TRIES):
        await asyncio.sleep(ROOM_S)
        with suppress(ValueError):
            return await payments.begin(evse, path)
    return await payments.begin(evse, path)


async def _give(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Begin for nothing."""
    _must_pass(visit)
    _must_know_price(lobby, visit, told)
    wish = _wish(lobby, visit, told)

    async def begin() -> Word:
        return word_for(visit, GIFT, lobby.house.drivers.give(visit.bay.evse.id, wish))

    word = await lobby.taps.once(form_of(f"{visit.sticker.slug}/give", told), begin)
    return bring(to(f"/c/{visit.sticker.slug}"), visit, word)


async def _claim(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Follow the session that a card begins, or has just begun."""
    _must_pass(visit)
    claim = lobby.house.drivers.claim(visit.bay.evse.id, _wish(lobby, visit, told))
    return bring(to(f"/c/{visit.sticker.slug}"), visit, word_for(visit, CLAIM, claim))


async def _need(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Say how much is wanted, and until when."""
    mine, _ = await mine_of(lobby.house, visit)
    if mine is None or not mine.session:
        raise ValueError("the session is over")
    wish = _wish(lobby, visit, told, is_theirs=True)
    await lobby.house.drivers.wish(visit.bay.evse.id, mine.session, wish)
    return to(f"/c/{visit.sticker.slug}?done=told")


async def _stop(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """End the session; only after it was asked again."""
    mine, _ = await mine_of(lobby.house, visit)
    if mine is None or told.get("sure") != "yes":
        raise ValueError("the session is over")
    if mine.payment is not None:
        assert lobby.house.payments is not None
        await lobby.house.payments.stop(mine.payment.id)
    elif mine.session:
        await lobby.house.drivers.stop(visit.bay.evse.id, mine.session)
    return to(f"/c/{visit.sticker.slug}")


async def _cancel(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Think better of it before it has begun."""
    del told
    mine, _ = await mine_of(lobby.house, visit)
    if mine is not None and mine.payment is not None and lobby.house.payments is not None:
        await lobby.house.payments.stop(mine.payment.id)
        return to(f"/c/{visit.sticker.slug}")
    return bring(to(f"/c/{visit.sticker.slug}"), visit, None)


async def _again(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Forget what is over."""
    del lobby, told
    return bring(to(f"/c/{visit.sticker.slug}"), visit, None)


async def _report(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Tell the operator that something is wrong."""
    try:
        trouble = Trouble(told.get("trouble", ""))
    except ValueError:
        trouble = Trouble.OTHER
    text: Any = told.get("text", "")[:MAX_REPORT]
    await lobby.house.drivers.report(visit.bay.evse.id, trouble, text)
    return to(f"/c/{visit.sticker.slug}?done=reported")


async def _mail(lobby: Lobby, visit: Visit, told: Told) -> Response:
    """Leave an address for the receipt."""
    mine, _ = await mine_of(lobby.house, visit)
    if mine is None or lobby.letters is None or not lobby.house.imprint().mails:
        raise ValueError("the session is over")
    lobby.letters.ask(visit, mine, told.get("address", "").strip())
    return to(f"/c/{visit.sticker.slug}?done=mailed")
