"""Who asks, and whether a browser was made to ask by somebody else.

A visitor is known by a token (`Authorization: Bearer`), by the cookie of a login, or by being at the machine itself: a
connection from loopback, under a loopback name, that no proxy handed on. It may also be ours, to an address that others
named, as a roaming partner names where it is told results: that brings credentials for somebody else, so whoever brings
any is not taken for somebody at the machine. Whatever a login changes must bring a second
secret that pages of other sites cannot know: in the header `X-CSRF-Token`, or in the field `csrf` of a form.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from ems.adapters.web.accounts.port import Accounts
from ems.domain.access.account import LONGEST, Kind, LoginRule, Role, Visitor

COOKIE = "ems-login"
CSRF_COOKIE, CSRF_HEADER, CSRF_FIELD = "ems-csrf", "x-csrf-token", "csrf"
"""The cookie is for our own scripts, which cannot see the one of the login."""

FORM_KEY = "ems.form"
MOST_FIELDS = 50
PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers of proxies: who comes through one is not at this machine, even if the proxy is."""


class Asking(NamedTuple):
    """Who asks. `secret` of the login, if it is by one; `bad_token`: a token was shown that opens nothing."""

    visitor: Visitor
    is_here: bool
    secret: str = ""
    bad_token: bool = False

    def brings(self, csrf: str) -> bool:
        """Whether this is the second secret of the login."""
        return hmac.compare_digest(csrf_of(self.secret).encode(), csrf.encode("utf-8", "surrogatepass"))


class Entrance:
    """Finds out who asks. Without `accounts` nobody can log in, and who is at the machine may do everything."""

    def __init__(self, accounts: Accounts | None = None, rule: LoginRule = LoginRule.TO_CHANGE) -> None:
        self.accounts, self._rule = accounts, rule

    def asking(self, scope: Scope, headers: Headers) -> Asking:
        """Who asks; never waits."""
        is_here = is_at_machine(scope, headers)
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            found = None if self.accounts is None else self.accounts.of_token(shown.strip())
            return Asking(found or Visitor(), is_here, bad_token=found is None)
        secret = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        known = None if self.accounts is None or not secret else self.accounts.of_login(secret)
        if known is not None:
            return Asking(known, is_here, secret)
        role = self._role_here() if is_here and not kind else None
        return Asking(Visitor() if role is None else Visitor("", role, Kind.HERE), is_here)

    def _role_here(self) -> Role | None:
        if self.accounts is None:
            return Role.INSTALLER
        return self._rule.role_here(self.accounts.anybody)


def is_at_machine(scope: Scope, headers: Headers) -> bool:
    """Whether somebody at this machine asks, or by a tunnel to it; a name that others can ask under is no proof."""
    client = scope.get("client")
    there = client is None or is_loopback(client[0])
    return there and is_loopback(name_of(headers.get("host", ""))) and not any(name in headers for name in PASSED_ON)


def is_loopback(name: str) -> bool:
    """Whether an address or a name means this machine."""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def name_of(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def csrf_of(secret: str) -> str:
    """The second secret of a login; the first cannot be found from it."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), b"csrf", hashlib.sha256)).decode()[:32]


def fields_of(body: bytes) -> dict[str, str]:
    """The fields of a form as browsers send it. Raises ValueError."""
    told = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS
    )
    found = dict(told)
    if len(found) != len(told):
        raise ValueError("a field stands there twice")
    return found


def form(request: Request) -> Mapping[str, str]:
    """The fields of the form that was sent to a route that takes one."""
    found: Mapping[str, str] = request.scope[FORM_KEY]
    return found


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return "" if request.client is None else request.client.host


def logged_in(answer: Response, request: Request, secret: str) -> Response:
    """The answer, with which the browser gets its login."""
    _set(answer, request, COOKIE, secret, hidden=True)
    _set(answer, request, CSRF_COOKIE, csrf_of(secret), hidden=False)
    return answer


def logged_out(answer: Response) -> Response:
    """The answer, with which the browser forgets its login."""
    for name in (COOKIE, CSRF_COOKIE):
        answer.delete_cookie(name, path="/", samesite="strict")
    return answer


def _set(answer: Response, request: Request, name: str, value: str, hidden: bool) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=request.scope.get("scheme") == "https",
        httponly=hidden,
        samesite="strict",
    )
