"""Every path says which role it needs, and one place checks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.needs import Need, Ways, needs
from ems.adapters.web.route import Route, Router
from ems.domain.access.account import Kind, Role, Visitor
from tests.adapters.web.scene import busy

ROLES = {role.word: role for role in Role}


def router_with(*dependencies: Any, of_route: Any = None) -> Router:
    router = Router(dependencies=[*dependencies])

    @router.post("/thing", dependencies=[of_route] if of_route else [])
    def thing() -> None:
        """A route."""

    return router


def test_an_application_with_a_route_that_declares_nothing_is_not_built() -> None:
    with pytest.raises(ValueError, match="do not say which role they need: /thing"):
        Ways((router_with(),))


def test_the_strictest_of_what_a_router_and_its_route_declare_counts() -> None:
    ways = Ways((router_with(needs(Role.VIEWER), of_route=needs(Role.INSTALLER, in_person=True)),))
    assert ways.need("POST", "/thing") == Need(Role.INSTALLER, in_person=True)
    assert ways.need("GET", "/thing") is None
    assert Ways((router_with(needs(None), of_route=needs(Role.VIEWER)),)).need("POST", "/thing") == Need(Role.VIEWER)


def test_every_route_is_there_once() -> None:
    scene, further = busy(2), router_with(needs(Role.VIEWER))
    app = create_app(scene, scene, WebOptions(), further=(further,)).app
    assert isinstance(app, FastAPI)
    assert all(isinstance(route, Route) for route in app.routes)
    assert app.routes.count(further.routes[0]) == 1


def roles_and_needs() -> Iterator[tuple[Role | None, Role | None]]:
    for role in (None, *Role):
        for needed in (None, *Role):
            yield role, needed


@pytest.mark.parametrize(("role", "needed"), list(roles_and_needs()))
def test_each_role_may_what_those_before_it_may(role: Role | None, needed: Role | None) -> None:
    refused = Need(needed).refusal(Visitor("anna", role, Kind.PERSON))
    assert (refused is None) == ((needed or 0) <= (role or 0))
    if refused is not None:
        assert refused.known == (role is not None)
        assert needed is not None
        assert needed.word in str(refused)


def test_a_token_opens_nothing_outside_of_its_areas() -> None:
    token = Visitor("scraper", Role.VIEWER, Kind.TOKEN, areas=frozenset({"health"}))
    assert Need(Role.VIEWER).refusal(token, {"health"}) is None
    assert "opens nothing but health" in str(Need(Role.VIEWER).refusal(token, {"site"}))
    assert "opens nothing but health" in str(Need(Role.VIEWER).refusal(token, set()))


def test_what_people_do_in_person_no_token_may() -> None:
    need = Need(Role.ADMIN, in_person=True)
    assert "not for tokens" in str(need.refusal(Visitor("robot", Role.ADMIN, Kind.TOKEN)))
    assert "log in first" in str(need.refusal(Visitor("", Role.ADMIN, Kind.HERE)))
    assert need.refusal(Visitor("anna", Role.ADMIN, Kind.PERSON)) is None


def test_who_is_here_without_a_login_is_asked_to_log_in_for_more() -> None:
    refused = Need(Role.INSTALLER).refusal(Visitor("", Role.OPERATOR, Kind.HERE))
    assert refused is not None
    assert not refused.known


@pytest.mark.parametrize("word", ROLES)
def test_roles_have_words(word: str) -> None:
    assert Role.of(word) is ROLES[word]


@pytest.mark.parametrize("word", ["", "root", "Viewer", "admin\n", "1"])
def test_an_unknown_role_is_named_with_those_there_are(word: str) -> None:
    with pytest.raises(ValueError, match="write viewer, operator, installer, admin"):
        Role.of(word)
