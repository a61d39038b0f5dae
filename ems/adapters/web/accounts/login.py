"""How somebody comes in and goes out: the login, and the first run, which makes the first administrator."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fastapi import Request, Response

from ems.adapters.web.accounts.port import Accounts, LoginRefusedError
from ems.adapters.web.api import FRESH, Desk
from ems.adapters.web.entrance import COOKIE, address_of, form, is_at_machine, logged_in, logged_out
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.domain.access.account import LEAST_PASSWORD, Kind, Role
from ems.ports.controller import NotStoredError

HTML = "text/html; charset=utf-8"
MAX_NEXT = 500


def login_pages(desk: Desk, accounts: Accounts) -> Router:
    """Login, logout, first run."""
    router = Router(include_in_schema=False)
    for part in (_login, _first_run):
        part(router, desk, accounts)
    return router


def _login(router: Router, desk: Desk, accounts: Accounts) -> None:
    @router.get("/login", dependencies=[needs(None)])
    async def login(request: Request) -> Response:
        back = safe_way(request.query_params.get("next", "/"))
        if not accounts.anybody:
            return to("/first-run")
        if visitor(request).kind is Kind.PERSON:
            return to(back)
        return await _door(desk, "login.html", back=back, sso=accounts.sso)

    @router.post("/login", dependencies=[needs(None, takes_form=True, waits=True)])
    async def log_in(request: Request) -> Response:
        told = form(request)
        name, back = told.get("name", "").strip(), safe_way(told.get("next", "/"))
        is_here = is_at_machine(request.scope, request.headers)
        try:
            secret = await accounts.log_in(name, told.get("password", ""), address_of(request), is_here)
        except LoginRefusedError as refused:
            status, headers = answer_to(refused)
            shown = {"back": back, "told": name, "why": f"{refused}.", "sso": accounts.sso}
            return await _door(desk, "login.html", status, headers, **shown)
        return logged_in(to(back), request, secret)

    @router.post("/logout", dependencies=[needs(Role.VIEWER, in_person=True, takes_form=True)])
    async def log_out(request: Request) -> Response:
        accounts.log_out(request.cookies.get(COOKIE, ""))
        return logged_out(to("/login"))


def _first_run(router: Router, desk: Desk, accounts: Accounts) -> None:
    @router.get("/first-run", dependencies=[needs(None)])
    async def first_run() -> Response:
        return to("/login") if accounts.anybody else await _door(desk, "first_run.html")

    @router.post("/first-run", dependencies=[needs(None, takes_form=True, waits=True)])
    async def begin(request: Request) -> Response:
        told = form(request)
        name, password = told.get("name", "").strip(), told.get("password", "")
        headers: dict[str, str] = {}
        try:
            same_twice(told)
            secret = await accounts.begin(told.get("code", ""), name, password, address_of(request))
            # Whoever begins with an empty site describes it first.
            return logged_in(to("/" if desk.live.state.site.stations else "/wizard"), request, secret)
        except LoginRefusedError as refused:
            (status, headers), why = answer_to(refused), str(refused)
        except ValueError as wrong:
            status, why = 422, str(wrong)
        except NotStoredError as wrong:
            status, why = 503, f"nothing has changed, because it could not be stored: {wrong}"
        return await _door(desk, "first_run.html", status, headers, told=name, why=f"{why}.")


async def _door(
    desk: Desk, template: str, status: int = 200, headers: dict[str, str] | None = None, **values: str
) -> Response:
    """A page before the login."""
    shown = {"site": desk.live.state.site.name, "least": LEAST_PASSWORD, "told": "", "why": "", **values}
    page = await render(environment().get_template(template), **shown)
    return Response(page, status, {**FRESH, **(headers or {})}, HTML)


def to(path: str) -> Response:
    """Go on there."""
    return Response(status_code=303, headers={"location": path, "cache-control": "no-store"})


def answer_to(refused: LoginRefusedError) -> tuple[int, dict[str, str]]:
    """Status and headers of a login that was refused."""
    if refused.wait_s is None:
        return 401, {}
    return 429, {"retry-after": str(math.ceil(refused.wait_s))}


def same_twice(told: Mapping[str, str]) -> None:
    """Raises ValueError when a new password was not typed twice the same way."""
    if told.get("password", "") != told.get("again", ""):
        raise ValueError("the two passwords are not the same")


def safe_way(path: str) -> str:
    """A path of ours, to go on at after a login; the page for anything that leads elsewhere."""
    fits = path.startswith("/") and path[1:2] not in {"/", "\\"} and len(path) <= MAX_NEXT
    return path if fits and path.isascii() and path.isprintable() and "\\" not in path else "/"
