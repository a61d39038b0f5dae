"""The HTTP application of one site."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from ipaddress import ip_address
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message

from ems.adapters.web import assets as files
from ems.adapters.web.api import FRESH, Desk, answer, api, watch
from ems.adapters.web.gate import LOOPBACK, Gate
from ems.adapters.web.needs import NotAllowedError, Ways, needs
from ems.adapters.web.once import Once
from ems.adapters.web.operate import ABOUT, operate
from ems.adapters.web.page import Pages
from ems.adapters.web.plan_api import plan_api, suppose_api
from ems.adapters.web.plan_page import PlanPages
from ems.adapters.web.plan_press import PlanPress
from ems.adapters.web.problem import of_failure, of_http, of_not_allowed, of_query, problem
from ems.adapters.web.stream import Hall
from ems.domain.account import Role
from ems.ports import Clock, Foresight, Live, Operations

FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
_HTML = "text/html; charset=utf-8"
STRATEGY, WHAT_IF = "/api/v1/strategy", "/api/v1/plan/what-if"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the page is served and under which names it may be asked for; loopback names always work, and so does
    `host` when it is one address. Limits: streams and connections at a time; how long a connection may ask nothing, or
    take nothing of its answer.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    max_streams: int = 64
    max_connections: int = 256
    idle_s: float = 10.0
    stalled_s: float = 10.0

    @property
    def is_private(self) -> bool:
        """Only this machine can reach it."""
        return self.host in LOOPBACK or _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def create_app(
    live: Live,
    clock: Clock,
    options: WebOptions,
    hall: Hall | None = None,
    operations: Operations | None = None,
    foresight: Foresight | None = None,
    further: Sequence[APIRouter] = (),
) -> Gate:
    """The application. `hall` is where listeners of the event stream stand; close it before stopping. Without
    `operations` nothing can be changed, and without `foresight` no what-if is answered; `further` is what else it
    offers. The first one reads and compiles what the page needs, which takes a fraction of a second: make it before
    the controller ticks.
    """
    pages = Pages(_reach(options))
    desk = Desk(live, clock, hall or Hall(options.max_streams), pages, _software())
    app = FastAPI(
        title="ems",
        summary="What a site energy controller sees and decides",
        version=desk.software,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=[ABOUT],
        exception_handlers={
            HTTPException: of_http,
            RequestValidationError: of_query,
            NotAllowedError: of_not_allowed,
            Exception: of_failure,
        },
    )
    plans = PlanPress(desk)
    changes = () if operations is None else (operate(live, clock, operations),)
    questions = () if foresight is None else (suppose_api(desk, foresight),)
    described = (api(desk), plan_api(plans), *questions, *changes, *further, watch(desk))
    shown = (_page(desk, described, app.openapi), _plan_page(desk, plans, options, Ways(described)), _files())
    ways = Ways((*described, *shown))
    for router in ways.routers:
        app.include_router(router)
    return Gate(app, (*options.names, options.host), ways.need, options.is_private)


async def warm_up(gate: Gate) -> None:
    """Answer a few questions to nobody: templates are compiled and documents made before anybody has to wait."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        del message

    for path in ("/", "/plan", "/docs", "/openapi.json", "/metrics", "/api/v1/state"):
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost")],
        }
        await gate(scope, receive, send)


def _page(desk: Desk, described: Iterable[APIRouter], openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """The browser's side."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    paths = [
        (f"{' '.join(sorted(route.methods or ()))} {route.path}", (route.description or "").strip())
        for part in described
        for route in part.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    ]
    page = Once(lambda: desk.pages.live(desk.view()), desk.clock)

    @router.get("/")
    @router.head("/")
    async def live_page(request: Request) -> Response:
        return answer(request, await page.latest(), _HTML)

    @router.get("/docs")
    async def docs() -> Response:
        return Response(await desk.pages.docs(desk.live.state.site.name, paths), headers=FRESH, media_type=_HTML)

    @router.get("/openapi.json")
    async def document() -> Response:
        return Response(json.dumps(openapi()), headers=FRESH, media_type="application/json")

    return router


def _files() -> APIRouter:
    """What the pages are made of; a page that asks for a login needs it too."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(None)])
    assets = files.load()

    @router.get("/static/{build}/{name:path}")
    async def static(request: Request, build: str, name: str) -> Response:
        asset = assets.get(build, name)
        if asset is None:
            return problem(404, "no such file in this version; load the page again", "unknown-file")
        return answer(request, asset.content, asset.media_type, FOR_EVER)

    return router


def _plan_page(desk: Desk, plans: PlanPress, options: WebOptions, ways: Ways) -> APIRouter:
    """The page of the plan. What the gate would refuse is not offered there."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    offered = {path for path in (STRATEGY, WHAT_IF) if options.is_private and ways.need("POST", path)}
    pages = PlanPages(plans, _reach(options), STRATEGY in offered, WHAT_IF in offered)

    @router.get("/plan")
    @router.head("/plan")
    async def plan_page(request: Request) -> Response:
        page = await pages.latest(desk.live.state.site.zone, desk.software)
        return answer(request, page, _HTML)

    return router


def _reach(options: WebOptions) -> str:
    if options.is_private:
        return (
            f"No login: this page is served on {options.host} only, to this machine and its tunnels;"
            " who is there can change plans and limits, never ratings."
        )
    return (
        f"No login: everybody who can reach {options.host}:{options.port} can see this page; nobody can change a thing."
    )


def _software() -> str:
    try:
        return metadata.version("ems")
    except metadata.PackageNotFoundError:
        return "from a checkout"
