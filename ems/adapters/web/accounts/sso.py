"""Logging in by an identity provider: there and back. What it says is checked by whoever keeps users."""

from __future__ import annotations

import html
from typing import Protocol

from fastapi import Request, Response

from ems.adapters.web.accounts.login import HTML, safe_way, to
from ems.adapters.web.accounts.port import LoginRefusedError
from ems.adapters.web.api import FRESH
from ems.adapters.web.entrance import address_of, logged_in
from ems.adapters.web.needs import needs
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.domain.access.account import LEAST_PASSWORD
from ems.ports.controller import Live

COOKIE = "ems-oidc"
BACK = "/login/oidc/callback"
COOKIE_S = 600


class IssuerAwayError(Exception):
    """The identity provider cannot be reached, or answers nonsense."""


class IssuerRefusedError(Exception):
    """The identity provider, or what it says, does not let somebody in; the text says why."""


class SingleSignOn(Protocol):
    """Logins by an identity provider. Raises IssuerAwayError, IssuerRefusedError or LoginRefusedError."""

    @property
    def label(self) -> str:
        """What people call the provider."""
        ...

    async def begin(self, back_url: str, next_path: str) -> tuple[str, str]:
        """Where the browser goes, and a secret that it must bring back."""
        ...

    async def finish(self, secret: str, state: str, code: str, address: str) -> tuple[str, str]:
        """The secret of the login of whoever came back, and where to go on."""
        ...


def sso_pages(live: Live, sso: SingleSignOn) -> Router:
    """The way there and back."""
    router = Router(include_in_schema=False)

    @router.get("/login/oidc", dependencies=[needs(None, waits=True)])
    async def begin(request: Request) -> Response:
        onwards = safe_way(request.query_params.get("next", "/"))
        back_url = str(request.url.replace(path=BACK, query="", fragment=""))
        try:
            url, secret = await sso.begin(back_url, onwards)
        except IssuerAwayError:
            return await _refused(live, sso, f"{sso.label} cannot be reached", 503, onwards)
        answer = to(url)
        is_safe = request.scope.get("scheme") == "https"
        # Strict would not come back with somebody who is sent by another site.
        answer.set_cookie(COOKIE, secret, COOKIE_S, path=BACK, secure=is_safe, httponly=True, samesite="lax")
        return answer

    @router.get(BACK, dependencies=[needs(None, waits=True)])
    async def finish(request: Request) -> Response:
        told = request.query_params
        if told.get("error"):
            why = f"{sso.label} refused: {told.get('error_description') or told['error']:.200}"
            return await _refused(live, sso, why, 401, "/")
        try:
            secret, onwards = await sso.finish(
                request.cookies.get(COOKIE, ""), told.get("state", ""), told.get("code", ""), address_of(request)
            )
        except IssuerAwayError:
            return await _refused(live, sso, f"{sso.label} cannot be reached", 503, "/")
        except (IssuerRefusedError, LoginRefusedError) as refused:
            return await _refused(live, sso, str(refused), 401, "/")
        # A redirect would go without the cookie of the login, because another site began it; this page begins anew.
        way = html.escape(onwards)
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Logged in</title>'
            '<link rel="icon" href="data:,">'
            f'<meta http-equiv="refresh" content="0;url={way}"><p><a href="{way}">Go on</a></p></html>'
        )
        answer = logged_in(Response(page, 200, dict(FRESH), HTML), request, secret)
        answer.delete_cookie(COOKIE, path=BACK)
        return answer

    return router


async def _refused(live: Live, sso: SingleSignOn, why: str, status: int, onwards: str) -> Response:
    """The login page, with the reason; users of this controller can log in there in any case."""
    words = f"{why}. Try again, or log in with a user of this controller."
    shown = {"site": live.state.site.name, "least": LEAST_PASSWORD, "told": "", "back": onwards, "sso": sso.label}
    page = await render(environment().get_template("login.html"), why=words, **shown)
    return Response(page, status, dict(FRESH), HTML)
