"""The HTTP application of one site."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.types import Message

from ems.adapters.web import assets as files
from ems.adapters.web.accounts.login import login_pages
from ems.adapters.web.accounts.pages import account_pages
from ems.adapters.web.accounts.port import Accounts
from ems.adapters.web.alarms.notices import webhook_docs
from ems.adapters.web.api import FRESH, Desk, answer, api, takes_gzip, watch
from ems.adapters.web.entrance import COOKIE, CSRF_HEADER, Entrance, is_loopback
from ems.adapters.web.gate import Gate
from ems.adapters.web.navigation import Badged
from ems.adapters.web.needs import SCOPE_KEY, NotAllowedError, Ways, needs, visitor
from ems.adapters.web.once import Each, Printed
from ems.adapters.web.openapi import completed
from ems.adapters.web.operations.api import ABOUT, operate
from ems.adapters.web.page import Pages, reach
from ems.adapters.web.plan.api import plan_api, suppose_api
from ems.adapters.web.plan.page import PlanPages
from ems.adapters.web.plan.press import PlanPress
from ems.adapters.web.problem import of_failure, of_http, of_not_allowed, of_query, problem
from ems.adapters.web.regret.api import regret_api
from ems.adapters.web.route import Route, Router
from ems.adapters.web.stream import Hall
from ems.domain.access.account import LoginRule, Role, Visitor
from ems.ports.controller import Clock, Live, Operations
from ems.ports.energy import Hindsight
from ems.ports.foresight import Foresight
from ems.ports.site import NotPossibleError

FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
LOGINS: list[dict[str, list[str]]] = [{"token": []}, {"login": []}, {}]
"""How visitors show who they are in the OpenAPI document: a token, a login, or by being at the machine itself."""

SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Made on the page of an account, or by ems user token",
    },
    "login": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": f"Writes send {CSRF_HEADER} too"},
}
_HTML = "text/html; charset=utf-8"
Document = Callable[[], Awaitable[bytes]]
"""Makes the OpenAPI document, as a gzip file. Raises NotPossibleError."""

STRATEGY, WHAT_IF = "/api/v1/strategy", "/api/v1/plan/what-if"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the page is served and under which names it may be asked for; loopback names always work, and so does the
    address that somebody reaches it by. `login`: what somebody at this machine may do without one. What
    `trusted_proxy`, an address, says of whom it hands on is believed. Limits: streams and connections at a time; how
    long a connection may ask nothing, or take nothing of its answer.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    login: LoginRule = LoginRule.TO_CHANGE
    trusted_proxy: str | None = None
    max_streams: int = 64
    max_connections: int = 256
    idle_s: float = 10.0
    stalled_s: float = 10.0

    @property
    def is_private(self) -> bool:
        """Only this machine can reach it."""
        return is_loopback(self.host)


def create_app(  # noqa: PLR0913, PLR0917 - the parts that a site may have or not
    live: Live,
    clock: Clock,
    options: WebOptions,
    hall: Hall | None = None,
    operations: Operations | None = None,
    foresight: Foresight | None = None,
    further: Sequence[Router] = (),
    accounts: Accounts | None = None,
    hindsight: Hindsight | None = None,
    document: Document | None = None,
) -> Gate:
    """The application. `hall` is where listeners of the event stream stand; close it before stopping. Without
    `operations` nothing can be changed, without `foresight` no what-if is answered, without `accounts` nobody can log
    in, and without `hindsight` nothing is said of finished days; `further` is what else it offers. `document` makes the
    OpenAPI document elsewhere, which else is made here and leaves ten megabytes of holes behind. The first one reads
    and compiles what the page needs, which takes a fraction of a second: make it before the controller ticks.
    """
    pages = Pages(reach(options.login, accounts is not None))
    desk = Desk(live, clock, hall or Hall(options.max_streams), pages, _software())
    app = FastAPI(
        title="ems",
        summary="What a site energy controller sees and decides",
        version=desk.software,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: of_http,
            RequestValidationError: of_query,
            NotAllowedError: of_not_allowed,
            Exception: of_failure,
        },
    )
    app.state.hall = desk.hall
    plans = PlanPress(desk)
    changes = () if operations is None else (operate(live, clock, operations),)
    questions = () if foresight is None else (suppose_api(desk, foresight),)
    past = () if hindsight is None else (regret_api(live, hindsight),)
    described = (api(desk), plan_api(plans), *past, *questions, *changes, *further, watch(desk))
    doors = () if accounts is None else (login_pages(desk, accounts), account_pages(desk, accounts))
    shown = (
        _page(desk, described, document or partial(asyncio.to_thread, described_by, app)),
        _plan_page(desk, plans, pages, Ways(described), hindsight),
        _files(),
        *doors,
    )
    ways = Ways((*described, *shown))
    for router in ways.routers:
        app.router.routes.extend(router.routes)  # to include it would make every route a second time
    counts = {
        path: count for router in ways.routers if isinstance(router, Badged) for path, count in router.counts.items()
    }
    return Gate(app, (*options.names, options.host), ways.need, Entrance(accounts, options.login), counts)


async def warm_up(gate: Gate) -> None:
    """Answer a few questions of nobody: templates are compiled, documents made and what checks questions is loaded
    before anybody has to wait.
    """

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        del message

    for asked in ("/", "/plan", "/docs", "/metrics", "/api/v1/state", "/api/v1/history?hours=none"):
        path, _, query = asked.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [(b"host", b"localhost")],
            SCOPE_KEY: Visitor(role=Role.VIEWER),
        }
        await gate.app(scope, receive, send)


def described_by(app: FastAPI) -> bytes:
    """The OpenAPI document of an application, as a gzip file. Takes seconds."""
    told = completed(
        get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            tags=[ABOUT],
            routes=[route.described() for route in app.routes if isinstance(route, Route)],
            webhooks=webhook_docs().routes,
        )
    )
    parts = {**told.get("components", {}), "securitySchemes": SCHEMES}
    return gzip.compress(json.dumps({**told, "components": parts, "security": LOGINS}).encode(), mtime=0)


def _page(desk: Desk, described: Iterable[Router], document: Document) -> Router:
    """The browser's side."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    paths = [
        (f"{' '.join(sorted(route.methods or ()))} {route.path}", route.description)
        for part in described
        for route in part.declared
        if route.include_in_schema
    ]
    page = Each(lambda: desk.pages.live(desk.view()), desk.clock)

    @router.get("/")
    @router.head("/")
    async def live_page(request: Request) -> Response:
        return answer(request, await page.latest(), _HTML)

    @router.get("/docs")
    async def docs() -> Response:
        return Response(await desk.pages.docs(desk.live.state.site.name, paths), headers=FRESH, media_type=_HTML)

    made, turn = list[bytes](), asyncio.Lock()

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        try:
            async with turn:
                told = made[0] if made else await document()
        except NotPossibleError as failed:
            return problem(503, str(failed), "no-document")
        made[:] = [told]
        plain = b"" if takes_gzip(request) else await asyncio.to_thread(gzip.decompress, told)
        return answer(request, Printed(plain, told), "application/json")

    return router


def _files() -> Router:
    """What the pages are made of; a page that asks for a login needs it too."""
    router = Router(include_in_schema=False, dependencies=[needs(None)])
    assets = files.load()

    @router.get("/static/{build}/{name:path}")
    async def static(request: Request, build: str, name: str) -> Response:
        asset = assets.get(build, name)
        if asset is None:
            return problem(404, "no such file in this version; load the page again", "unknown-file")
        plain = b"" if takes_gzip(request) else await asyncio.to_thread(asset.plain)
        return answer(request, Printed(plain, asset.gzipped), asset.media_type, FOR_EVER)

    return router


def _plan_page(desk: Desk, plans: PlanPress, shared: Pages, ways: Ways, hindsight: Hindsight | None) -> Router:
    """The page of the plan. What there is not is not offered there."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    offered = {path for path in (STRATEGY, WHAT_IF) if ways.need("POST", path)}
    pages = PlanPages(plans, shared.reach, STRATEGY in offered, WHAT_IF in offered, hindsight)

    @router.get("/plan")
    @router.head("/plan")
    async def plan_page(request: Request) -> Response:
        operates = (visitor(request).role or Role.VIEWER) >= Role.OPERATOR
        page = await pages.latest(desk.live.state.site.zone, desk.software, operates=operates)
        return answer(request, page, _HTML)

    return router


def _software() -> str:
    try:
        return metadata.version("ems")
    except metadata.PackageNotFoundError:
        return "from a checkout"
