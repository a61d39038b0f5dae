"""What a visitor must be allowed, declared beside each path and checked in one place.

Every route of the interface says which role it needs, by a dependency of its router or its own:

    router = Router(prefix="/api/v1", dependencies=[needs(Role.VIEWER)])

    @router.post("/limits", dependencies=[needs(Role.OPERATOR)])

Where several are declared, the strictest counts. What needs nobody to log in says `needs(None)`. An application with a
route that declares nothing is not built. Who asked is `visitor(request)`; for the audit, `deed.who(request)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.types import Scope

from ems.adapters.web.route import Route, Router
from ems.domain.access.account import Kind, Role, Visitor

SCOPE_KEY = "ems.visitor"
NOBODY = Visitor()


class NotAllowedError(Exception):
    """The visitor may not do this; `known` says whether anybody knows who it is."""

    def __init__(self, detail: str, known: bool) -> None:
        super().__init__(detail)
        self.known = known


@dataclass(frozen=True, slots=True)
class Need:
    """What a route asks of its visitor. `role` None: nothing. `in_person`: a login in a browser, no token.
    `takes_form`: its body is what an HTML form sends, not JSON. `waits`: it mostly waits for something far away, so it
    takes none of the few turns of those that work.
    """

    role: Role | None
    in_person: bool = False
    takes_form: bool = False
    waits: bool = False

    async def __call__(self, request: Request) -> None:
        """Let the visitor of a request pass, or raise NotAllowedError."""
        route = request.scope.get("route")
        tags = route.tags if isinstance(route, APIRoute) else ()
        refused = self.refusal(visitor(request), {area_of(str(tag)) for tag in tags})
        if refused is not None:
            raise refused

    def refusal(self, asking: Visitor, areas: Iterable[str] | None = None) -> NotAllowedError | None:
        """Why a visitor may not pass; None when it may. `areas`: those the route belongs to, if that is known."""
        if self.role is None:
            return None
        if asking.role is None or asking.role < self.role:
            if asking.role is None or asking.kind is Kind.HERE:
                return NotAllowedError(f"log in first: this needs the role {self.role.word}", known=False)
            word = asking.role.word
            known_as = f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
            detail = f"this needs the role {self.role.word}, and {asking.name} may only do what {known_as} may"
            return NotAllowedError(f"{detail}; ask an administrator", known=True)
        if self.in_person and asking.kind is not Kind.PERSON:
            if asking.kind is Kind.TOKEN:
                return NotAllowedError("this is for people who log in at the page, not for tokens", known=True)
            return NotAllowedError("log in first: this is for people who have a user of their own", known=False)
        if asking.areas and areas is not None and not asking.areas.intersection(areas):
            opened = ", ".join(sorted(asking.areas))
            return NotAllowedError(f"this token opens nothing but {opened}", known=True)
        return None

    def stricter(self, other: Need) -> Need:
        """Both at once."""
        role = max((self.role, other.role), key=lambda role: role or 0)
        return Need(
            role,
            self.in_person or other.in_person,
            self.takes_form or other.takes_form,
            self.waits or other.waits,
        )


def needs(role: Role | None, *, in_person: bool = False, takes_form: bool = False, waits: bool = False) -> Any:
    """The dependency that declares what a route needs."""
    return Depends(Need(role, in_person, takes_form, waits))


def area_of(tag: str) -> str:
    """The area that paths with a tag belong to, as a token names it."""
    return tag.replace(" ", "-")


def visitor(request: Request) -> Visitor:
    """Who asks."""
    return visitor_of(request.scope)


def visitor_of(scope: Scope) -> Visitor:
    """Who asks, as the gate found out; nobody where there is no gate."""
    found = scope.get(SCOPE_KEY, NOBODY)
    assert isinstance(found, Visitor)
    return found


def need_of(route: Route) -> Need | None:
    """What a route declares, all taken together; None when it declares nothing."""
    declared = [one.dependency for one in route.dependencies if isinstance(one.dependency, Need)]
    return reduce(Need.stricter, declared) if declared else None


class Ways:
    """All routes of an application with what each needs."""

    def __init__(self, routers: Iterable[Router]) -> None:
        """Raises ValueError that names the routes which declare nothing."""
        self.routers = tuple(routers)
        self._routes: list[tuple[Route, Need]] = []
        mute: list[str] = []
        for route in (route for part in self.routers for route in part.routes):
            need = need_of(route) if isinstance(route, Route) else None
            if isinstance(route, Route) and need is not None:
                self._routes.append((route, need))
            else:
                mute.append(getattr(route, "path", repr(route)))
        if mute:
            raise ValueError(f"these routes do not say which role they need: {', '.join(sorted(mute))}")

    def __iter__(self) -> Iterator[tuple[Route, Need]]:
        return iter(self._routes)

    def need(self, method: str, path: str) -> Need | None:
        """What the first route at a path that takes the method needs; None when there is none."""
        for route, need in self._routes:
            if method in (route.methods or ()) and route.path_regex.match(path):
                return need
        return None
