"""The page behind the code on a charger, as the server renders it; complete without script, small, and live with it."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import wraps
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote

from fastapi import Depends, Path, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.driver.bay import Bay, House, battery_kwh
from ems.adapters.web.driver.code import LENGTH, is_code
from ems.adapters.web.driver.language import Language
from ems.adapters.web.driver.letters import Letters
from ems.adapters.web.driver.live import BayStream, Crowd, news_of, told
from ems.adapters.web.driver.offer import mark_of, offer, prices_at
from ems.adapters.web.driver.pace import Pace
from ems.adapters.web.driver.receipt import detail_of, receipt_values
from ems.adapters.web.driver.taps import Taps
from ems.adapters.web.driver.view import OFFERING, Shown, shown
from ems.adapters.web.driver.visit import (
    PAYMENT,
    Visit,
    bring,
    language_of,
    let_pass,
    mine_of,
    read_in,
    visit_of,
    word_for,
)
from ems.adapters.web.driver.words import TROUBLES, UNREADABLE, refusal
from ems.adapters.web.entrance import address_of
from ems.adapters.web.needs import needs
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.adapters.web.sessions.transparency import as_xml
from ems.adapters.web.values import plain
from ems.domain.strategy import SPARING
from ems.ports.controller import NotStoredError

HTML = "text/html; charset=utf-8"
Slug = Annotated[str, Path()]
Code = Annotated[str, Path()]
"""Whatever somebody scans or types: what leads nowhere is answered in their language."""


class Paces(NamedTuple):
    """Of addresses: `looks` at pages, `misses` of stickers that nobody made, `deeds` that change something."""

    looks: Pace
    misses: Pace
    deeds: Pace
    reports: Pace
    letters: Pace

    @classmethod
    def usual(cls) -> Paces:
        """A car park behind one address has many phones; nobody guesses ten words a minute."""
        return cls(Pace(240, 0.2), Pace(10, 12.0), Pace(12, 10.0), Pace(5, 600.0), Pace(5, 600.0))


Handler = Callable[..., Awaitable[Response]]


class Lobby(NamedTuple):
    """What the routes of drivers share."""

    house: House
    paces: Paces
    crowd: Crowd
    taps: Taps
    letters: Letters | None = None

    def looked(self, work: Handler) -> Handler:
        """The route, for who does not come too often."""

        @wraps(work)
        async def slowly(request: Request, *arguments: Any, **named: Any) -> Response:
            wait_s = self.paces.looks.wait_s(address_of(request), self.house.clock.now().monotonic_s)
            if wait_s:
                return await self.too_often(request, wait_s)
            return await work(request, *arguments, **named)

        return slowly

    async def too_often(self, request: Request, wait_s: float) -> Response:
        """The answer to who comes too often."""
        language = language_of(self.house, request)
        headers = {"retry-after": str(math.ceil(wait_s))}
        return await self.notice(language, language.say(refusal("too often")), 429, headers)

    async def found(self, request: Request, slug: str) -> Visit | Response:
        """Who stands before which charger, or the answer to a word that leads nowhere."""
        visit = visit_of(self.house, request, slug)
        if visit is not None:
            return visit
        wait_s = self.paces.misses.wait_s(address_of(request), self.house.clock.now().monotonic_s)
        if wait_s:
            return await self.too_often(request, wait_s)
        language = language_of(self.house, request)
        return await self.notice(language, language.say("There is no charger behind this code."), 404)

    async def notice(
        self, language: Language, text: str, status: int, headers: dict[str, str] | None = None
    ) -> Response:
        """A page that says one thing."""
        values = {**self.common(language), "text": text, "go": "", "title": text}
        page = await render(environment().get_template("driver_notice.html"), **values)
        return Response(page, status, {**FRESH, **(headers or {})}, HTML)

    async def leaving(self, language: Language, url: str) -> Response:
        """A page that leads to one elsewhere. A redirect would not do: whatever a form leads to must be ours."""
        values = {**self.common(language), "text": language.say("You are taken to the payment page."), "go": url}
        values["title"] = language.say("Pay")
        page = await render(environment().get_template("driver_notice.html"), **values)
        return Response(page, 200, dict(FRESH), HTML)

    async def page(self, visit: Visit, wrong: str = "", status: int = 200, done: str = "") -> Response:
        """The page of a bay; `wrong` is why what was asked is not done, `done` what was."""
        house, language = self.house, visit.language
        try:
            mine, word = await mine_of(house, visit)
        except NotStoredError:
            mine, word = None, None
            wrong = wrong or language.say(refusal("not stored"))
        seen = shown(house, visit.bay, mine, visit.has_pass, language)
        values = {**self.common(language), **_values(house, visit, seen), "wrong": wrong, "told": done}
        page = await render(environment().get_template("driver.html"), **values)
        answer = Response(page, status, dict(FRESH), HTML)
        return answer if word is None else bring(answer, visit, word)

    def common(self, language: Language) -> dict[str, Any]:
        """What every page of drivers says."""
        return {
            "say": language.say,
            "lang": language,
            "languages": self.house.languages.shown,
            "site": plain(self.house.live.state.site.name),
            "imprint": self.house.imprint(),
        }


def driver_pages(lobby: Lobby) -> Router:
    """What drivers read. Nobody logs in; nothing is here of any other bay, or of anybody."""
    router = Router(include_in_schema=False, dependencies=[needs(None), Depends(lobby.house.languages.ready)])
    for name in ("driver.html", "driver_notice.html", "driver_receipt.html"):
        environment().get_template(name)
    _telling(router, lobby)
    _reading(router, lobby)
    _arriving(router, lobby)
    return router


def _telling(router: Router, lobby: Lobby) -> None:
    @router.get("/c/{slug}/live")
    @lobby.looked
    async def live(request: Request, slug: Slug) -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        try:
            news = await news_of(lobby.house, visit)
        except NotStoredError:
            return Response(status_code=503, headers={**FRESH, "retry-after": "5"})
        answer = Response(json.dumps(news.told), headers=dict(FRESH), media_type="application/json")
        return answer if news.word is None else bring(answer, visit, news.word)

    @router.get("/c/{slug}/news", dependencies=[needs(None, waits=True)])
    @lobby.looked
    async def news(request: Request, slug: Slug) -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        address, closing = address_of(request), request.app.state.hall.closing
        seen = request.headers.get("last-event-id", "")
        return BayStream(
            lobby.house,
            lambda: visit_of(lobby.house, request, slug),
            lambda: lobby.crowd.hall(address, closing),
            seen,
        )


def _reading(router: Router, lobby: Lobby) -> None:
    @router.get("/c/{slug}/receipt")
    @lobby.looked
    async def receipt(request: Request, slug: Slug) -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        say = visit.language.say
        try:
            mine, _ = await mine_of(lobby.house, visit)
        except NotStoredError:
            return await lobby.notice(visit.language, say(UNREADABLE), 503)
        if mine is None or mine.cost is None:
            return await lobby.notice(visit.language, say("There is no receipt here on this phone."), 404)
        detail = await detail_of(lobby.house, mine)
        values = {**lobby.common(visit.language), **receipt_values(lobby.house, visit, mine, detail)}
        page = await render(environment().get_template("driver_receipt.html"), **values)
        return Response(page, headers=dict(FRESH), media_type=HTML)

    @router.get("/c/{slug}/signed.xml")
    @lobby.looked
    async def signed(request: Request, slug: Slug) -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        try:
            mine, _ = await mine_of(lobby.house, visit)
        except NotStoredError:
            return await lobby.notice(visit.language, visit.language.say(UNREADABLE), 503)
        detail = None if mine is None or not mine.session else await detail_of(lobby.house, mine)
        if detail is None or not detail.signed:
            text = visit.language.say("There are no signed values here for this phone.")
            return await lobby.notice(visit.language, text, 404)
        headers = {**FRESH, "content-disposition": 'attachment; filename="signed-values.xml"'}
        return Response(as_xml(detail.signed), headers=headers, media_type="application/xml")


def _arriving(router: Router, lobby: Lobby) -> None:
    @router.get("/c/{slug}")
    @lobby.looked
    async def page(request: Request, slug: Slug, payment: str = "", lang: str = "", done: str = "") -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        chosen = lobby.house.languages.of(lang) if lang else None
        if payment and lobby.house.payments is not None:
            lobby.house.payments.returned(payment)
        if payment or chosen is not None:
            answer = _back(visit)
            if chosen is not None:
                answer = read_in(answer, visit, chosen)
            return bring(answer, visit, word_for(visit, PAYMENT, payment[:64])) if payment else answer
        return await lobby.page(visit, done=_done(done, visit.language))

    @router.get("/c/{slug}/")
    async def slashed(slug: Slug) -> Response:
        return Response(status_code=303, headers={"location": f"/c/{quote(slug)}", "cache-control": "no-store"})

    @router.get("/c/{slug}/{code}")
    @lobby.looked
    async def scanned(request: Request, slug: Slug, code: Code) -> Response:
        visit = await lobby.found(request, slug)
        if isinstance(visit, Response):
            return visit
        if len(code) != LENGTH:
            # No code: a browser that comes back asks for the address to which a form was sent.
            return _back(visit)
        now = lobby.house.clock.now()
        if not is_code(visit.sticker.secret, now.utc.timestamp(), code):
            wait_s = lobby.paces.misses.wait_s(address_of(request), now.monotonic_s)
            if wait_s:
                return await lobby.too_often(request, wait_s)
            return await lobby.page(visit, visit.language.say(refusal("scan again")), 403)
        return let_pass(_back(visit), visit)


def _back(visit: Visit) -> Response:
    """On to the page without anything in its address that others must not see."""
    return Response(status_code=303, headers={"location": f"/c/{visit.sticker.slug}", "cache-control": "no-store"})


def _done(word: str, language: Language) -> str:
    if word == "reported":
        return language.say("Thank you. The operator has been told.")
    if word == "told":
        return language.say("Noted. The site plans with it.")
    if word == "mailed":
        return language.say("The receipt will come by mail. Then the address is forgotten.")
    return ""


def _values(house: House, visit: Visit, seen: Shown) -> dict[str, Any]:
    bay, language = visit.bay, visit.language
    offered = bool(seen.can & OFFERING)
    prices = prices_at(house, bay)
    return {
        "slug": visit.sticker.slug,
        "once": secrets.token_urlsafe(12),
        "bay": bay.evse.id,
        "socket": bay.evse.dc_efficiency is not None,
        "seen": seen,
        "live": told(visit, seen),
        "offer": offer(bay, prices, "pay" in seen.can, language) if offered else None,
        "is_free": prices is None,
        "shown": mark_of(prices),
        "may_hurry": house.imprint().may_hurry and bay.state.strategy in SPARING,
        "hurries": bay.session is not None and bay.session.need.hurries,
        "battery": _battery(bay, language),
        "soc": None if bay.session is None else bay.session.soc_percent,
        "troubles": [(trouble.value, language.say(text)) for trouble, text in TROUBLES.items()],
    }


def _battery(bay: Bay, language: Language) -> str:
    known = battery_kwh(bay.session)
    return "" if known is None else language.number(known, 0 if known == known.quantize(Decimal(1)) else 1)
