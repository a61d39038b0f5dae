"""A site where people log in: the real application, accounts and store; requests as browsers and programs send them."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx2

from ems.adapters.password.hashing import Cost, Hasher
from ems.adapters.store.store import Store
from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.entrance import COOKIE, CSRF_COOKIE
from ems.assembly.accounts import SiteAccounts
from ems.assembly.operations import SiteOperations
from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.access.account import Role
from ems.ports.controller import Operations
from ems.runtime.loop import Core, Loop
from tests.adapters.web.scene import busy

CHEAP = Hasher(Cost(1, 8))
"""Of the real kind, and done at once."""

PASSWORD = "correct horse battery"
PEOPLE = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "ina": Role.INSTALLER, "anna": Role.ADMIN}
MACHINE = "machine_" + "x" * 43


class Where(NamedTuple):
    """From which address, and under which name somebody asks."""

    address: str = "10.0.0.77"
    host: str = "depot.example"


FAR, HERE = Where(), Where("127.0.0.1", "localhost:8080")


class Browser:
    """A browser at an address, with its cookies; it sends what browsers send."""

    def __init__(self, lobby: Lobby, where: Where) -> None:
        self.lobby, (self.address, self.host) = lobby, where
        self.cookies: dict[str, str] = {}

    def get(self, path: str, accept: str = "text/html", **headers: str) -> httpx2.Response:
        """A page."""
        return self.send("GET", path, None, {"accept": accept, **headers})

    def submit(self, path: str, fields: dict[str, str], csrf: str | None = "own", **headers: str) -> httpx2.Response:
        """A form, with the second secret of the login unless another is said."""
        told = (
            fields if csrf is None else {**fields, "csrf": self.cookies.get(CSRF_COOKIE, "") if csrf == "own" else csrf}
        )
        own = {
            "accept": "text/html",
            "origin": f"http://{self.host}",
            "sec-fetch-site": "same-origin",
            "content-type": "application/x-www-form-urlencoded",
        }
        return self.send("POST", path, urlencode(told).encode(), {**own, **headers})

    def tell(self, method: str, path: str, body: bytes | None, **headers: str) -> httpx2.Response:
        """JSON, as our scripts send it."""
        own = {
            "origin": f"http://{self.host}",
            "sec-fetch-site": "same-origin",
            "content-type": "application/json",
            "x-csrf-token": self.cookies.get(CSRF_COOKIE, ""),
        }
        return self.send(method, path, body, {k: v for k, v in {**own, **headers}.items() if v != "-"})

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx2.Response:
        """One request; what it sets is kept."""
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        told = {"host": self.host, **({"cookie": jar} if jar else {}), **headers}
        answer = self.lobby.ask(method, path, body, told, self.address)
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def log_in(self, name: str, password: str = PASSWORD) -> httpx2.Response:
        """The login form."""
        return self.submit("/login", {"name": name, "password": password, "next": "/plan"}, csrf=None)

    def is_in(self) -> bool:
        """Whether the account page is shown."""
        return COOKIE in self.cookies and self.get("/account").status_code == 200


class Lobby:
    """The application of one site, with a database; `people` are added unless it has users already."""

    def __init__(self, folder: Path, options: WebOptions | None = None, people: dict[str, Role] | None = None) -> None:
        self.folder, self.scene = folder, busy(2)
        self._runner = asyncio.Runner()
        self.options = options or WebOptions(host="0.0.0.0", names=("depot.example",))
        self.open()
        if not self.accounts.roll.users:
            for name, role in sorted((PEOPLE if people is None else people).items(), key=lambda item: -item[1]):
                self._runner.run(self._first_or_further(name, role))

    async def _first_or_further(self, name: str, role: Role) -> None:
        if self.accounts.roll.users:
            await self.accounts.add(name, role, PASSWORD, "the test")
        else:
            await self.accounts.begin(self.code, name, PASSWORD, "the test")

    def open(self) -> None:
        """As a daemon starts; the clock goes on by a minute for every start that the database has seen."""
        runs = len(list(self.folder.glob("run-*")))
        (self.folder / f"run-{runs}").touch()
        self.later(timedelta(minutes=runs))
        self.store = Store(self.folder / "ems.db", self.scene, patience_s=5)
        found = self.store.open()
        core = Core(Controller.of(self.scene.site), self.scene.state, Memory.blank(self.scene.site))
        loop = Loop(core, self.scene, lambda _: None, lambda _: None)
        self.operations: Operations = SiteOperations.of(found.daybook, self.store, loop, self.scene)
        self.accounts = SiteAccounts(found, self.store, self.scene, "http://127.0.0.1:8080/first-run", MACHINE, CHEAP)
        self.app = create_app(self.scene, self.scene, self.options, operations=self.operations, accounts=self.accounts)

    def restart(self) -> None:
        """The daemon is stopped and starts again."""
        self.store.close()
        self.open()

    @property
    def code(self) -> str:
        """The code for the first user, as the log shows it."""
        return self.accounts._code

    def run(self, work: Any) -> Any:
        """Something that waits."""
        return self._runner.run(work)

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str], address: str) -> httpx2.Response:
        """One request from somewhere."""

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app, client=(address, 50_000))
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as asking:
                raw = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
                return await asking.request(method, path, content=body, headers=raw)

        return self._runner.run(once())

    def browser(self, name: str | None = None, where: Where = FAR) -> Browser:
        """A browser, in which somebody logged in."""
        browser = Browser(self, where)
        if name is not None:
            assert browser.log_in(name).status_code == 303
        return browser

    def bearer(self, secret: str, method: str, path: str, body: bytes | None = None) -> httpx2.Response:
        """A request of a program."""
        headers = {"host": "depot.example", "authorization": f"Bearer {secret}"}
        return self.ask(method, path, body, {**headers, **({} if body is None else JSON)}, FAR.address)

    def token(self, owner: str, role: Role, areas: str = "", days: float = 30) -> str:
        """A token."""
        made = self.accounts.make_token(owner, "robot", role, frozenset(areas.split()), days, owner)
        secret: str = self._runner.run(made)
        return secret

    def later(self, span: timedelta) -> None:
        """Time passes."""
        self.scene.instant = self.scene.instant.later(span.total_seconds())

    def audits(self) -> list[str]:
        """Who did what, newest first."""
        return [f"{one.who} {one.what}" for one in self._runner.run(self.store.audits(None, 50))]

    def close(self) -> None:
        self.store.close()
        self._runner.close()

    def __enter__(self) -> Lobby:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


JSON = {"content-type": "application/json"}


def shown(answer: httpx2.Response) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))
