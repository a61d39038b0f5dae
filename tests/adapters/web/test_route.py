"""A route is known when it is declared, made when it is first asked for, and described for the document alone."""

from __future__ import annotations

from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI, Query
from typing_extensions import TypedDict

from ems.adapters.web.route import Route, Router
from tests.adapters.web.visit import run


class Sum(TypedDict):
    """What two numbers make."""

    sum: int


class Signature:
    """Counts how often somebody reads what a route takes."""

    def __init__(self) -> None:
        self.read = 0

    async def __call__(self) -> None:
        """A dependency."""

    @property
    def __signature__(self) -> object:
        self.read += 1
        raise AttributeError("as it is written")


@pytest.fixture
def signature() -> Signature:
    return Signature()


@pytest.fixture
def router(signature: Signature) -> Router:
    router = Router(prefix="/of", tags=["sums"], dependencies=[Depends(signature)])

    @router.get("/sum", summary="Add", responses={200: {"model": Sum}})
    @router.head("/sum", include_in_schema=False)
    async def add(a: Annotated[int, Query(ge=0)], b: int = 1) -> dict[str, int]:
        """Add two numbers.

        And no more.
        """
        return {"sum": a + b}

    return router


def asked(router: Router, method: str, path: str) -> httpx2.Response:
    async def once() -> httpx2.Response:
        app = FastAPI()
        app.router.routes.extend(router.routes)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path)

    return run(once())


def test_what_it_is_for_is_known_at_once(router: Router) -> None:
    get = next(route for route in router.declared if route.methods == {"GET"})
    assert (get.path, get.tags, get.include_in_schema) == ("/of/sum", ("sums",), True)
    assert get.description == "Add two numbers.\n\nAnd no more."
    assert [one.include_in_schema for one in router.declared if one.methods == {"HEAD"}] == [False]


def test_what_it_takes_is_read_when_it_is_first_asked_for_and_never_again(router: Router, signature: Signature) -> None:
    assert signature.read == 0
    asked(router, "GET", "/nothing")
    assert signature.read == 0
    asked(router, "GET", "/of/sum?a=1")
    read = signature.read
    assert read > 0
    asked(router, "GET", "/of/sum?a=2")
    assert signature.read == read


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/of/sum?a=1&b=2", 200, '{"sum":3}'),
        ("GET", "/of/sum?a=-1", 422, "greater than or equal to 0"),
        ("GET", "/of/sum", 422, "Field required"),
        ("HEAD", "/of/sum?a=1", 200, ""),
        ("DELETE", "/of/sum?a=1", 405, "Method Not Allowed"),
        ("GET", "/of", 404, "Not Found"),
    ],
)
def test_it_checks_and_answers_as_if_it_had_been_made_at_once(
    router: Router, method: str, path: str, status: int, words: str
) -> None:
    answer = asked(router, method, path)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_the_models_of_its_answers_are_for_the_document(router: Router) -> None:
    get = next(route for route in router.declared if route.methods == {"GET"})
    described = get.described()
    assert isinstance(get, Route)
    assert described.response_fields[200].field_info.annotation is Sum
    assert (described.path, described.summary, described.description) == ("/of/sum", "Add", get.description)
