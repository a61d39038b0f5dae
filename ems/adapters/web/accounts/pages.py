"""What somebody who logged in may do with the own account, and what administrators do with others'."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.accounts.login import HTML, answer_to, same_twice, to
from ems.adapters.web.accounts.port import Accounts, LoginRefusedError
from ems.adapters.web.accounts.rows import AREAS, DAYS, login_rows, token_rows, user_rows
from ems.adapters.web.api import FRESH, Desk
from ems.adapters.web.deed import who
from ems.adapters.web.entrance import COOKIE, address_of, csrf_of, form, logged_in, logged_out
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import time_of
from ems.domain.access.account import LEAST_PASSWORD, Role
from ems.domain.access.roll import RoleGiven, TokenRevoked, UserDisabled, UserEnabled
from ems.domain.daybook import UnknownError
from ems.ports.controller import NotStoredError

Told = Mapping[str, str]
DONE = {
    "password": "Your password is changed, and you are logged out everywhere else.",
    "revoked": "The token is revoked: it opens nothing any more.",
    "out": "You are logged out everywhere else.",
    "added": "The user is added.",
    "changed": "The user is changed.",
}
"""What was done, by the word that the address names it with."""

NOBODY: Told = {"name": "", "role": Role.OPERATOR.word}
"""What the form for another user begins with."""


class _Desk:
    """What the pages share: how they are rendered, and how something is done and answered."""

    def __init__(self, desk: Desk, accounts: Accounts) -> None:
        self.desk, self.accounts = desk, accounts

    async def page(self, request: Request, name: str, status: int = 200, why: str = "", **values: Any) -> Response:
        """A page for whoever is logged in; `why` something was refused."""
        known = visitor(request)
        shown = {
            "site": self.desk.live.state.site.name,
            "me": known,
            "role": known.role,
            "admin": known.role is Role.ADMIN,
            "csrf": csrf_of(request.cookies.get(COOKIE, "")),
            "done": DONE.get(request.query_params.get("done", ""), ""),
            "why": f"{why[:1].upper()}{why[1:]}." if why else "",
            "least": LEAST_PASSWORD,
            **values,
        }
        return Response(await render(environment().get_template(name), **shown), status, FRESH, HTML)

    def calendar(self) -> Calendar:
        """Times as the clocks of the site show them."""
        return Calendar(self.desk.live.state.site.zone, time_of(self.desk.clock.now().utc))

    async def account(self, request: Request, status: int = 200, why: str = "", secret: str = "") -> Response:
        """The page of the own account; `secret` of a token that was just made."""
        name, calendar = visitor(request).name, self.calendar()
        return await self.page(
            request,
            "account.html",
            status,
            why,
            secret=secret,
            tokens=token_rows(self.accounts, self.accounts.roll.tokens_of(name), calendar),
            logins=login_rows(self.accounts.logins_of(name), calendar),
            roles=[role.word for role in Role if role <= self.accounts.roll.user(name).role],
            areas=AREAS,
            days=DAYS,
        )

    async def users(self, request: Request, status: int = 200, why: str = "", typed: Told = NOBODY) -> Response:
        """The page of all users; `typed` of somebody to add who was refused."""
        roll, calendar = self.accounts.roll, self.calendar()
        tokens = sorted(roll.tokens.values(), key=lambda token: (token.user, token.label))
        return await self.page(
            request,
            "users.html",
            status,
            why,
            users=user_rows(self.accounts, calendar),
            tokens=token_rows(self.accounts, tokens, calendar),
            roles=[role.word for role in Role],
            typed={**NOBODY, **typed},
        )


Shown = Callable[..., Awaitable[Response]]


async def _done(request: Request, shown: Shown, work: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of something that may be refused: then the page again, with the reason."""
    try:
        return await work()
    except LoginRefusedError as refused:
        status, _ = answer_to(refused)
        return await shown(request, 422 if status == 401 else status, str(refused))
    except UnknownError as wrong:
        return await shown(request, 404, str(wrong))
    except ValueError as wrong:
        return await shown(request, 422, str(wrong))
    except NotStoredError as wrong:
        return await shown(request, 503, f"nothing has changed, because it could not be stored: {wrong}")


def account_pages(desk: Desk, accounts: Accounts) -> Router:
    """The pages of accounts."""
    router, shared = Router(include_in_schema=False), _Desk(desk, accounts)
    _own(router, shared)
    _tokens(router, shared)
    _users(router, shared)
    return router


def _own(router: Router, shared: _Desk) -> None:
    mine = needs(Role.VIEWER, in_person=True)
    told_mine = needs(Role.VIEWER, in_person=True, takes_form=True, waits=True)

    @router.get("/account", dependencies=[mine])
    async def account(request: Request) -> Response:
        return await shared.account(request)

    @router.post("/account/password", dependencies=[told_mine])
    async def password(request: Request) -> Response:
        told, secret = form(request), request.cookies.get(COOKIE, "")

        async def work() -> Response:
            same_twice(told)
            old, new = told.get("old", ""), told.get("password", "")
            after = await shared.accounts.set_own_password(secret, old, new, address_of(request))
            return logged_in(to("/account?done=password"), request, after)

        return await _done(request, shared.account, work)

    @router.post("/account/logins/end", dependencies=[told_mine])
    async def end_others(request: Request) -> Response:
        shared.accounts.end_others(request.cookies.get(COOKIE, ""))
        return to("/account?done=out")


def _tokens(router: Router, shared: _Desk) -> None:
    told_mine = needs(Role.VIEWER, in_person=True, takes_form=True, waits=True)

    @router.post("/account/tokens", dependencies=[told_mine])
    async def make(request: Request) -> Response:
        told = form(request)

        async def work() -> Response:
            areas = frozenset(area for area in AREAS if told.get(f"area-{area}"))
            secret = await shared.accounts.make_token(
                visitor(request).name,
                told.get("label", "").strip(),
                Role.of(told.get("role", "")),
                areas,
                _days(told.get("days", "")),
                who(request),
            )
            return await shared.account(request, secret=secret)

        return await _done(request, shared.account, work)

    @router.post("/account/tokens/revoke", dependencies=[told_mine])
    async def revoke(request: Request) -> Response:
        number = form(request).get("id", "")

        async def work() -> Response:
            ours = {token.id for token in shared.accounts.roll.tokens_of(visitor(request).name)}
            if number not in ours:
                raise UnknownError("you have no such token")
            await shared.accounts.change(TokenRevoked(number), who(request))
            return to("/account?done=revoked")

        return await _done(request, shared.account, work)


def _users(router: Router, shared: _Desk) -> None:
    told_admin = needs(Role.ADMIN, in_person=True, takes_form=True, waits=True)

    @router.get("/users", dependencies=[needs(Role.ADMIN, in_person=True)])
    async def users(request: Request) -> Response:
        return await shared.users(request)

    @router.post("/users", dependencies=[told_admin])
    async def add(request: Request) -> Response:
        told = form(request)

        async def work() -> Response:
            same_twice(told)
            name, role = told.get("name", "").strip(), Role.of(told.get("role", ""))
            await shared.accounts.add(name, role, told.get("password", ""), who(request))
            return to("/users?done=added")

        return await _done(request, partial(shared.users, typed=told), work)

    @router.post("/users/change", dependencies=[told_admin])
    async def change(request: Request) -> Response:
        told = form(request)

        async def work() -> Response:
            name = told.get("name", "")
            match told.get("do", ""):
                case "role":
                    await shared.accounts.change(RoleGiven(name, Role.of(told.get("role", ""))), who(request))
                case "disable":
                    await shared.accounts.change(UserDisabled(name), who(request))
                case "enable":
                    await shared.accounts.change(UserEnabled(name, shared.desk.clock.now().utc), who(request))
                case "password":
                    same_twice(told)
                    await shared.accounts.set_password(name, told.get("password", ""), who(request))
                case "revoke":
                    await shared.accounts.change(TokenRevoked(told.get("id", "")), who(request))
                    return to("/users?done=revoked")
                case _:
                    raise ValueError("nobody knows what to do with this user")
            if name == visitor(request).name and told.get("do") == "password":
                return logged_out(to("/login"))
            return to("/users?done=changed")

        return await _done(request, shared.users, work)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise ValueError("say in how many days the token ends")
    return int(text)
