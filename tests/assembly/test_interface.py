"""A whole daemon against the document of its interface: whatever is asked, what is answered stands there."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings

from ems.adapters.web.entrance import COOKIE, CSRF_HEADER, csrf_of
from ems.assembly.accounts import SiteAccounts
from ems.assembly.daemon import Daemon
from ems.domain.access.account import Role
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import settings_of

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

PASSWORD = "correct horse battery"
EXAMPLES = 3
CALL_S = 20.0
DOCUMENT_S = 180.0
STREAMS = ("/api/v1/events", "/api/v1/notices/stream")
"""These never end."""


class Interface:
    """A daemon in the event loop of another thread, and an administrator who is logged in there."""

    def __init__(self, site: Installation) -> None:
        self.site = site
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        assert self._up.wait(20)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set(COOKIE, self.secret)
        self.session.headers[CSRF_HEADER] = csrf_of(self.secret)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())
        self._loop.close()

    async def _live(self) -> None:
        daemon = Daemon.of(settings_of(self.site), self.site.state)
        working = asyncio.create_task(daemon.run(self._stop))
        (accounts,) = (one for one in daemon.services if isinstance(one, SiteAccounts))
        await accounts.add("root", Role.ADMIN, PASSWORD, "test")
        self.secret = await accounts.log_in("root", PASSWORD, "127.0.0.1", True)
        await eventually(
            lambda: daemon.live.version > 0 and daemon.product.web.port > 0, what="a first tick and a page"
        )
        self._up.set()
        await working

    def close(self) -> None:
        self.session.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def document(self) -> dict[str, Any]:
        answer = self.session.get(f"{self.site.page}/openapi.json", timeout=DOCUMENT_S)
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    site = Installation.at(tmp_path_factory.mktemp("interface"))
    site.write(more="payment: {provider: sandbox}\naccess: {mode: tags}\n")
    level = logging.getLogger().level
    logging.disable(logging.CRITICAL)
    one = Interface(site)
    yield one
    one.close()
    logging.disable(logging.NOTSET)
    logging.getLogger().setLevel(level)


def checks() -> list[Any]:
    """What stands for our own fault, 500, is in no document, so it is found as well; 503 says what is not there yet."""
    from schemathesis.specs.openapi.checks import (  # noqa: PLC0415
        content_type_conformance,
        negative_data_rejection,
        response_schema_conformance,
        status_code_conformance,
    )

    return [
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
        negative_data_rejection,
    ]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_what_is_answered_stands_in_the_document(interface: Interface, mode: str) -> None:
    """Requests that fit the document, and some that do not; the same ones each time."""
    wrong: dict[str, dict[str, str]] = defaultdict(dict)
    schema = schemathesis.openapi.from_dict(interface.document())
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in STREAMS:
            continue
        count += asked(interface, operation, mode, wrong[f"{operation.method.upper()} {operation.path}"])
    found = {where: texts for where, texts in wrong.items() if texts}
    assert count > 100
    assert not found, "\n".join(f"{where}: {text}" for where, texts in found.items() for text in texts.values())


def asked(interface: Interface, operation: Any, mode: str, wrong: dict[str, str]) -> int:
    """Ask some things of one operation; returns how many."""
    generation = schemathesis.GenerationMode(mode)
    count = 0

    @seed(4)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation))
    def each(case: Any) -> None:
        nonlocal count
        count += 1
        answer = case.call(base_url=interface.site.page, session=interface.session, timeout=CALL_S)
        try:
            case.validate_response(answer, checks=checks())
        except schemathesis.core.failures.FailureGroup as group:
            for one in group.exceptions:
                wrong.setdefault(f"{type(one).__name__} {answer.status_code}", short(one, answer))

    try:
        each()
    except Exception as impossible:  # there is nothing that it could be asked in this mode
        if "Unsatisfiable" not in type(impossible).__name__ and "negat" not in str(impossible).lower():
            raise
    return count


def short(one: Any, answer: Any) -> str:
    told = f"{answer.request.method} {answer.request.url} {answer.request.body!r:.200}"
    return f"{type(one).__name__}: {str(one)[:200]!r} {answer.status_code} {answer.text[:160]!r} to {told}"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of a document."""
    for path, told in document["paths"].items():
        for method, one in told.items():
            yield path, method, one


def takes(operation: dict[str, Any], header: str) -> bool:
    return any((one["in"], one["name"]) == ("header", header) for one in operation.get("parameters", ()))


def shows_etag(operation: dict[str, Any]) -> bool:
    return "ETag" in operation["responses"].get("200", {}).get("headers", {})


def test_what_is_shown_with_an_etag_is_changed_under_if_match(interface: Interface) -> None:
    told = {(path, method): one for path, method, one in operations(interface.document())}
    conditional = {where for where, one in told.items() if takes(one, "If-Match")}
    assert conditional == {where for where, one in told.items() if "412" in one["responses"]}
    tagged = {path for (path, method), one in told.items() if method == "get" and shows_etag(one)}
    changes = {where for where in told if where[0] in tagged and where[1] in {"put", "delete"}}
    assert len(changes) >= 11
    assert changes <= conditional
    assert all(takes(told[path, "put"], "If-None-Match") for path, method in changes if method == "put")


@pytest.mark.timeout(240)
def test_an_if_match_that_names_what_is_not_there_is_refused_wherever_the_document_has_one(
    interface: Interface,
) -> None:
    schema = schemathesis.openapi.from_dict(interface.document())
    seen: list[str] = []
    for operation in (result.ok() for result in schema.get_all_operations()):
        if not any(one.name == "If-Match" for one in operation.headers):
            continue

        @seed(4)
        @settings(max_examples=1, deadline=None, database=None, phases=[Phase.generate])
        @given(case=operation.as_strategy(schemathesis.GenerationMode.POSITIVE))
        def each(case: Any) -> None:
            case.headers = {"If-Match": '"never"', "Content-Type": "application/json"}
            answer = case.call(base_url=interface.site.page, session=interface.session, timeout=CALL_S)
            seen.append(f"{case.method} {case.path} {answer.status_code}")

        each()
    assert len(seen) >= 16
    assert "\n".join(one for one in seen if not one.endswith(" 412")) == ""
