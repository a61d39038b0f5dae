"""Routes that are declared when the application is built, and made when somebody first asks for them.

To make one, the framework reads signatures and compiles how parameters, bodies and answers are checked: a millisecond,
or half a second for all of a site, of which most days need a few. What is known without that (path, methods, what it is
for, which dependencies it has) is known at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from functools import cached_property
from typing import Any, cast

from fastapi import APIRouter
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.routing import Route as PlainRoute
from starlette.types import Receive, Scope, Send


class Route(PlainRoute):
    """What a path answers to some methods."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Collection[str] | None,
        tags: Sequence[str | Enum],
        dependencies: Sequence[Depends],
        include_in_schema: bool,
        **further: Any,
    ) -> None:
        super().__init__(path, endpoint, include_in_schema=include_in_schema)
        self.methods = {"GET"} if methods is None else set(methods)  # HEAD is taken where it is declared
        self.tags, self.dependencies, self._further = tuple(tags), tuple(dependencies), further

    @property
    def description(self) -> str:
        """What the document says of it."""
        return inspect.cleandoc(self.endpoint.__doc__ or "").strip()

    def described(self) -> APIRoute:
        """The route with the models of its answers. They check nothing and are for the document alone."""
        return self._made(**self._further)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """How far a request is meant for it."""
        match, found = super().matches(scope)
        return (match, found) if match is Match.NONE else self._whole.matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._whole.handle(scope, receive, send)

    @cached_property
    def _whole(self) -> APIRoute:
        return self._made(**{**self._further, "responses": None})

    def _made(self, **further: Any) -> APIRoute:
        return APIRoute(
            self.path,
            self.endpoint,
            methods=self.methods,
            tags=list(self.tags),
            dependencies=self.dependencies,
            include_in_schema=self.include_in_schema,
            **further,
        )


class Router(APIRouter):
    """Declares such routes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=cast("type[APIRoute]", Route), **options)

    @property
    def declared(self) -> tuple[Route, ...]:
        """All of them."""
        return tuple(route for route in self.routes if isinstance(route, Route))
