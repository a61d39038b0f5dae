"""Letter W of the hostile inputs: who may ask, how, and what every answer carries."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest
from starlette.types import Message, Receive, Scope, Send

from ems.adapters.web import assets
from ems.adapters.web.app import WebOptions
from ems.adapters.web.entrance import name_of
from ems.adapters.web.gate import AT_ONCE, HEADERS, Gate
from ems.adapters.web.needs import Need
from ems.domain.access.account import Kind, Role, Visitor
from tests.adapters.web.scene import busy
from tests.adapters.web.visit import ask, get, raw, run, serving

SCENE = busy(2)
BUILD = assets.load().build
PATHS = ("/", "/docs", "/api/v1/state", "/healthz", "/metrics", "/openapi.json", "/nothing", "/api/v1/history?hours=x")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = ask(SCENE, path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:9999", 200),
        ("[::1]:8080", 200),
        ("depot.example", 200),
        ("Depot.Example.:8080", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.nip.io", 400),
        ("localhost@evil.example", 400),
        ("evil.example/localhost", 400),
        ("10.0.0.5", 400),
        ("", 400),
        ("[::1", 400),
        ("localhost,evil.example", 400),
    ],
)
def test_only_our_names_are_answered(host: str, status: int) -> None:
    """W09: a foreign name is a page elsewhere that made a browser ask us (rebinding), or a poisoned link."""
    answer = ask(SCENE, "/healthz", {"host": host}, options=WebOptions(names=("depot.example",)))
    assert answer.status_code == (status if host != "[::1" else 200)
    assert "evil" not in answer.text


def test_the_address_we_are_bound_to_is_one_of_our_names() -> None:
    bound = WebOptions(host="10.0.0.5")
    assert ask(SCENE, "/healthz", {"host": "10.0.0.5:8080"}, options=bound).status_code == 200
    assert ask(SCENE, "/healthz", {"host": "10.0.0.6:8080"}, options=bound).status_code == 400


@pytest.mark.parametrize(
    ("text", "name"),
    [("a.b:80", "a.b"), ("[fe80::1]:80", "fe80::1"), ("A.B.", "a.b"), (":80", ""), ("", ""), ("[", "")],
)
def test_the_name_in_a_host_header(text: str, name: str) -> None:
    assert name_of(text) == name


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/state", "/"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example", "null", "http://localhost:1", "http://localhost:8080.evil.example"],
)
def test_a_foreign_page_gets_nothing(path: str, origin: str) -> None:
    """W04."""
    answer = ask(SCENE, path, {"origin": origin})
    assert (answer.status_code, answer.json()["reason"]) == (403, "foreign-origin")


def test_our_own_page_may_ask() -> None:
    assert ask(SCENE, "/api/v1/state", {"origin": "http://localhost:8080"}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_changed(method: str) -> None:
    """W02, W03, W10: there is no path that takes anything, whatever the method or the body."""
    answer = ask(SCENE, "/api/v1/state", method=method, content=b'{"limit_a": 1000}')
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("role", "words"), [(Role.VIEWER, "what a viewer may"), (Role.OPERATOR, "what an operator may")]
)
def test_whose_role_is_too_small_is_told_which_it_is(role: Role, words: str) -> None:
    refused = Need(Role.INSTALLER).refusal(Visitor("otto", role, Kind.TOKEN))
    assert refused is not None
    assert words in str(refused)


def test_a_body_on_a_question_is_refused() -> None:
    assert ask(SCENE, "/api/v1/state", content=b'{"a": 1, "a": 2}').status_code == 413


@pytest.mark.parametrize("framing", [b"Content-Length: 1073741824", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_an_upload_is_refused_at_its_first_byte(method: bytes, framing: bytes) -> None:
    """W06: 1 GB announced; the answer comes without reading it, and the connection ends."""

    async def visit() -> bytes:
        async with serving(SCENE) as server:
            request = method + b" /api/v1/state HTTP/1.1\r\nHost: localhost\r\n" + framing + b"\r\n\r\n"
            return await raw(server.port, request)

    answer = run(visit())
    assert answer.splitlines()[0].split()[1] in {b"405", b"413"}
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/{build}/../app.py",
        "/static/{build}/..%2fapp.py",
        "/static/{build}/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static/{build}/....//app.py",
        "/static/{build}/..%5capp.py",
        "/static/{build}//etc/passwd",
        "/static/{build}/style.css%00.js",
        "/static/{build}/",
        "/static/{build}",
        "/static/000000000000/style.css",
        "//etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_files_of_the_page(path: str) -> None:
    """W05, over a real socket, so that nobody tidies the path up on the way."""

    async def visit() -> bytes:
        async with serving(SCENE) as server:
            return await raw(server.port, get(path.format(build=BUILD), "Connection: close"))

    answer = run(visit())
    assert b" 404 " in answer.splitlines()[0]
    assert b"root:" not in answer
    assert b"import" not in answer


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("style.css", "text/css"),
        ("main.js", "text/javascript"),
        ("words.js", "text/javascript"),
        ("icon.svg", "image/svg"),
    ],
)
def test_files_of_the_page_may_be_kept_for_ever(name: str, kind: str) -> None:
    answer = ask(SCENE, f"/static/{BUILD}/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "immutable" in answer.headers["cache-control"]
    assert ask(SCENE, f"/static/{BUILD}/{name}", {"accept-encoding": "identity"}).content == answer.content


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: y\r\n" % k for k in range(5000)) + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /\x00\x1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 70_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ],
    ids=[
        "long path",
        "many headers",
        "no host",
        "old",
        "two hosts",
        "control",
        "tls",
        "zeros",
        "h2",
        "proxy",
        "smuggled",
    ],
)
def test_malformed_requests_end_their_own_connection_only(request_bytes: bytes) -> None:
    async def visit() -> tuple[bytes, bytes]:
        async with serving(SCENE, idle_s=1.0) as server:
            return await raw(server.port, request_bytes), await raw(server.port, get("/healthz", "Connection: close"))

    answer, after = run(visit())
    assert not answer or answer.split()[1][:1] in {b"4", b"2"}
    assert b"evil" not in answer
    assert b" 200 " in after.splitlines()[0]


def test_an_upgrade_to_a_websocket_is_not_taken() -> None:
    async def visit() -> bytes:
        async with serving(SCENE) as server:
            upgrade = (
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Key: eA==",
                "Sec-WebSocket-Version: 13",
            )
            return await raw(server.port, get("/api/v1/events", *upgrade, "Origin: http://evil.example"))

    assert b" 403 " in run(visit()).splitlines()[0]


def test_a_crowd_is_served_a_few_at_a_time() -> None:
    """Whatever the number of visitors, only so many of their questions share a turn of the event loop."""
    inside, most, served = 0, 0, 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal inside, most, served
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        served += 1

    async def crowd() -> None:
        gate = Gate(app, ())
        scope = {"type": "http", "method": "GET", "path": "/docs", "headers": [(b"host", b"localhost")]}
        await asyncio.gather(*(gate(dict(scope), _nothing, _ignore) for _ in range(200)))

    run(crowd())
    assert (served, most) == (200, AT_ONCE)


def test_a_body_that_never_comes_holds_nobody_and_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """H18: it waits outside of the few turns, and not for ever."""
    served: list[str] = []
    answers: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["method"])

    async def visits() -> None:
        gate = Gate(app, (), needed=lambda _method, _path: Need(Role.OPERATOR))
        told = [(b"host", b"localhost"), (b"content-length", b"9"), (b"content-type", b"application/json")]
        post = {"type": "http", "method": "POST", "path": "/api/v1/limits", "headers": told}
        never = asyncio.Event()

        async def silence() -> Message:
            await never.wait()
            raise AssertionError("unreachable")

        async def keep(message: Message) -> None:
            answers.append(message)

        waiting = [asyncio.create_task(gate(dict(post), silence, keep)) for _ in range(3 * AT_ONCE)]
        await asyncio.sleep(0)
        await gate({**post, "method": "GET", "headers": told[:1]}, _nothing, _ignore)
        assert served == ["GET"]
        await asyncio.gather(*waiting)

    monkeypatch.setattr("ems.adapters.web.gate.BODY_S", 0.2)
    run(visits())
    assert served == ["GET"]
    assert [m["status"] for m in answers if m["type"] == "http.response.start"] == [408] * 3 * AT_ONCE


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _ignore(message: Message) -> None:
    del message


def test_silent_connections_are_closed_and_do_not_keep_others_out() -> None:
    """W07, H18: 300 sockets that say nothing or only half a request; a visitor is served meanwhile."""

    async def visit() -> None:
        async with serving(SCENE, max_connections=100, idle_s=1.0) as server, AsyncExitStack() as stack:
            silent = []
            for k in range(300):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                stack.callback(writer.close)
                writer.write(b"GET / HTTP/1.1\r\nHos" if k % 2 else b"")
                silent.append(reader)
            assert b" 200 " in await raw(server.port, get("/healthz", "Connection: close"))
            async with asyncio.timeout(10):
                await asyncio.gather(*(_end(reader) for reader in silent))

    run(visit())


async def _end(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        await reader.read()
