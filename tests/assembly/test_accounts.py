"""The daemon and the people who log in to it: over real sockets, with `ems user` beside it."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ems.adapters.password.hashing import Hasher
from ems.adapters.store.accounts import altered_in
from ems.adapters.store.database import Database
from ems.adapters.web.accounts.rows import AREAS
from ems.adapters.web.needs import Need, Ways, area_of
from ems.assembly.accounts import LOOK_S, SiteAccounts
from ems.assembly.daemon import Daemon
from ems.assembly.opening import database_of
from ems.domain.access.account import Role, User
from ems.domain.access.roll import UserAdded
from ems.runtime.clock import SystemClock
from ems.settings.machine_token import FILE, known_token, machine_token
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running

PASSWORD = "correct horse battery"
OPEN_WRITES = {
    "/login": "who logs in is nobody yet",
    "/first-run": "there is nobody yet; the code of the log is asked for",
}
"""Whatever else nobody must log in to change is for drivers and payment providers, below these paths."""

QUESTIONS = {"/api/v1/price-preview", "/api/v1/plan/what-if"}
"""Asked with a body, and nothing is changed by them."""

FOR_DRIVERS = re.compile(r"/c/|/pay|/api/v1/pay|/api/v1/my/|/webhooks?/")
INSTALLATION = re.compile(
    r".*(write-configuration|template|firmware|profile|vendor-data|/site\b|/installation|/setup|/wizard)"
)
"""What changes the installation, ratings among it, or speaks to stations in their own terms."""

ONES_OWN = re.compile(r"/account(/|$)|/logout$")


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


def described(daemon: Daemon) -> Ways:
    """All routes, as the gate before them knows them."""
    ways = daemon.product.web._app.needed.__self__  # type: ignore[attr-defined]  # the gate holds a method of them
    assert isinstance(ways, Ways)
    return ways


def areas_of(daemon: Daemon) -> set[str]:
    """The first tags of all that is described."""
    return {area_of(str(route.tags[0])) for route, _ in described(daemon) if route.include_in_schema and route.tags}


def ways_of(daemon: Daemon) -> Iterator[tuple[str, str, Need]]:
    """Method, path and need of every route of the whole daemon."""
    for route, need in described(daemon):
        for method in sorted(route.methods or ()):
            yield method, route.path, need


def test_every_route_of_a_daemon_says_who_may_take_it(site: Installation) -> None:
    """Who adds a way to change something without a role that fits finds out here."""

    async def scenario() -> list[tuple[str, str, Need]]:
        async with running(site) as daemon:
            assert areas_of(daemon) <= set(AREAS), "a token could not be held to these"
            return list(ways_of(daemon))

    ways = asyncio.run(scenario())
    assert len(ways) > 30
    for method, path, need in ways:
        where = f"{method} {path}"
        if need.role is None:
            is_driver = FOR_DRIVERS.match(path) is not None
            assert method in {"GET", "HEAD"} or path in OPEN_WRITES or is_driver, f"{where} is open to everybody"
        elif method not in {"GET", "HEAD"} and path not in QUESTIONS and not ONES_OWN.match(path):
            assert need.role >= Role.OPERATOR, f"{where} lets viewers change something"
            assert need.role >= Role.INSTALLER or not INSTALLATION.match(path), f"{where} is an installer's work"
        if path.startswith("/users"):
            assert (need.role, need.in_person) == (Role.ADMIN, True), where


def test_the_page_stays_on_this_machine_until_somebody_can_log_in(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    site.write(("web: {host: 127.0.0.1", "web: {host: 0.0.0.0"))
    elsewhere = f"http://127.0.0.2:{site.web}"

    async def scenario() -> None:
        async with running(site) as daemon, httpx2.AsyncClient(timeout=20) as visitor:
            await eventually(lambda: "web.listening address=127.0.0.1" in caplog.text, what="the page")
            with pytest.raises(httpx2.ConnectError):
                await visitor.get(f"{elsewhere}/healthz")
            (code,) = re.findall(r"type the code (\S+)", caplog.text)
            begin = {"code": code, "name": "anna", "password": PASSWORD, "again": PASSWORD}
            done = await visitor.post(f"{site.page}/first-run", data=begin, headers={"origin": site.page})
            assert (done.status_code, done.headers["location"]) == (303, "/")
            await eventually(lambda: "web.listening address=0.0.0.0" in caplog.text, what="the page for others")
            assert (await visitor.get(f"{elsewhere}/healthz")).status_code == 200
            visitor.cookies.clear()
            assert (await visitor.get(f"http://127.0.0.2:{site.web}/api/v1/state")).status_code == 200, "loopback"
            through = {"x-forwarded-for": "10.0.0.9"}
            assert (await visitor.get(f"{elsewhere}/api/v1/state", headers=through)).status_code == 401
            assert daemon.loop.core.state is not None

    caplog.set_level("INFO")
    asyncio.run(scenario())


def test_who_is_added_beside_the_daemon_logs_in_through_a_proxy_that_says_from_where(site: Installation) -> None:
    site.write((f"port: {site.web}}}", f"port: {site.web}, trusted_proxy: 127.0.0.1, names: [depot.example]}}"))
    headers = {"host": "depot.example", "x-forwarded-for": "6.6.6.6, 10.0.0.9", "x-forwarded-proto": "https"}

    async def scenario() -> list[str]:
        async with running(site) as daemon, httpx2.AsyncClient(base_url=site.page, timeout=20) as visitor:
            await asyncio.to_thread(add, site, "anna", Role.ADMIN)
            await eventually(lambda: bool(accounts(daemon).roll.users), within_s=LOOK_S + 10, what="anna")
            form = {"name": "anna", "password": PASSWORD, "next": "/"}
            came = await visitor.post("/login", data=form, headers={**headers, "origin": "https://depot.example"})
            assert came.status_code == 303
            assert all("Secure" in line for line in came.headers.get_list("set-cookie"))
            return [one.address for one in accounts(daemon).logins_of("anna")]

    assert asyncio.run(scenario()) == ["10.0.0.9"]


def test_commands_show_a_secret_that_only_the_daemons_account_can_read(tmp_path: Path) -> None:
    assert known_token(tmp_path) == ""
    made = machine_token(tmp_path)
    assert (machine_token(tmp_path), known_token(tmp_path)) == (made, made)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    (tmp_path / FILE).write_text("hunter2")
    assert known_token(tmp_path) == ""
    assert machine_token(tmp_path) != made


def add(site: Installation, name: str, role: Role) -> None:
    """As `ems user add` does."""
    now = SystemClock().now().utc
    user = User(name, role, Hasher().hash(PASSWORD), now)
    assert altered_in(Database(database_of(site.state)), UserAdded(user), now, "ems user") is None


def accounts(daemon: Daemon) -> SiteAccounts:
    """Who may log in to a daemon."""
    (found,) = [service for service in daemon.services if isinstance(service, SiteAccounts)]
    return found
