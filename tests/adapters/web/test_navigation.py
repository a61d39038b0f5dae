"""Which pages are offered on a page: those that are there and that the visitor may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.adapters.web.navigation import Menu, Page
from ems.adapters.web.needs import Need
from ems.domain.access.account import Kind, Role, Visitor
from tests.adapters.web.lobby import Lobby
from tests.adapters.web.scene import busy
from tests.adapters.web.visit import ask

PAGES = (
    Page("Live", "/", daily=True),
    Page("Stations", "/stations", group="Site"),
    Page("Users", "/users"),
    Page("Log in", "/login"),
)
NEEDS = {
    "/": Need(Role.VIEWER),
    "/stations": Need(Role.OPERATOR),
    "/users": Need(Role.ADMIN, True),
    "/login": Need(None),
}
MENU = Menu(lambda _method, path: NEEDS.get(path), PAGES)


@pytest.mark.parametrize(
    ("kind", "role", "titles"),
    [
        (Kind.NOBODY, None, "Log in"),
        (Kind.HERE, Role.VIEWER, "Live, Log in"),
        (Kind.HERE, Role.OPERATOR, "Live, Stations, Log in"),
        (Kind.HERE, Role.ADMIN, "Live, Stations, Log in"),
        (Kind.PERSON, Role.VIEWER, "Live"),
        (Kind.PERSON, Role.INSTALLER, "Live, Stations"),
        (Kind.PERSON, Role.ADMIN, "Live, Stations, Users"),
    ],
)
def test_only_what_a_visitor_may_see_is_offered(kind: Kind, role: Role | None, titles: str) -> None:
    assert ", ".join(tab.title for tab in MENU.tabs(Visitor(kind=kind, role=role), "/")) == titles


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/", "Live"),
        ("/stations", "Stations"),
        ("/stations/CP-01", "Stations"),
        ("/stationsx", "Live"),
        ("/evses/CP-01/1", "Live"),
    ],
)
def test_the_page_that_is_shown_is_marked_also_on_what_belongs_to_it(path: str, here: str) -> None:
    tabs = MENU.tabs(Visitor(kind=Kind.PERSON, role=Role.ADMIN), path)
    assert [tab.title for tab in tabs if tab.here] == [here]


def test_a_page_that_a_site_does_not_have_is_not_offered() -> None:
    assert 'href="/plan"' in ask(busy(2), "/").text
    assert 'href="/stations"' not in ask(busy(2), "/").text


def test_a_page_that_is_made_once_for_all_offers_everybody_only_their_own(tmp_path: Path) -> None:
    with Lobby(tmp_path) as lobby:
        admin, viewer = lobby.browser("anna"), lobby.browser("vera")
        for path in ("/", "/plan", "/"):
            assert 'href="/users"' in admin.get(path).text
            assert 'href="/users"' not in viewer.get(path).text
            assert 'href="/account"' in viewer.get(path).text


def test_who_may_only_look_is_not_offered_to_steer_by_the_plan(tmp_path: Path) -> None:
    with Lobby(tmp_path) as lobby:
        assert 'id="strategy"' not in lobby.browser("vera").get("/plan").text
        assert 'id="strategy"' in lobby.browser("otto").get("/plan").text
