"""The pages that people can go to, on every page.

A page is named here in one line, in the order in which it is offered. Whether it is there, and who may see it, its
route says (`needs.py`): what a site does not have, or a visitor may not see, is not offered. Pages include
`navigation.html`, which asks for `tabs()`; who asks, and for which page, the gate says before anything is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from ems.adapters.web.needs import Need
from ems.adapters.web.route import Router
from ems.domain.access.account import Kind, Visitor


class Page(NamedTuple):
    """A page by the title that offers it. `daily`: in sight also on a phone, where the others are one press away; those
    of a `group` are so everywhere.
    """

    title: str
    path: str
    daily: bool = False
    group: str = ""


PAGES = (
    Page("Live", "/", daily=True),
    Page("Overview", "/overview", daily=True),
    Page("Plan", "/plan", daily=True),
    Page("Stations", "/stations", daily=True),
    Page("Alarms", "/alarms", daily=True),
    Page("Vehicles", "/vehicles"),
    Page("Sessions", "/sessions"),
    Page("Reports", "/reports"),
    Page("Access", "/access", group="Drivers"),
    Page("Price lists", "/price-lists", group="Drivers"),
    Page("Payments", "/payments", group="Drivers"),
    Page("Prepaid", "/prepaid", group="Drivers"),
    Page("Billing", "/billing", group="Drivers"),
    Page("Stickers", "/stickers", group="Drivers"),
    Page("Partners", "/partners", group="Drivers"),
    Page("Kiosk", "/kiosk", group="Site"),
    Page("Wizard", "/wizard", group="Site"),
    Page("Settings", "/settings", group="Site"),
    Page("Series", "/series", group="Site"),
    Page("System", "/system", group="Site"),
    Page("Audit", "/audit", group="Site"),
    Page("Users", "/users", group="Site"),
    Page("Account", "/account", group="You"),
    Page("Log in", "/login", group="You"),
)


class Tab(NamedTuple):
    """A page that is offered; `here`: the one that is shown, or what is shown belongs to it. `waiting`: how much there
    asks for somebody's attention.
    """

    title: str
    path: str
    daily: bool
    group: str
    here: bool
    waiting: int = 0


Counts = Mapping[str, Callable[[], int]]
"""How much asks for attention, by the path of its page."""


class Badged(Router):
    """Routes of pages that say how much asks for attention there."""

    def __init__(self, counts: Counts, **options: Any) -> None:
        super().__init__(**options)
        self.counts = counts


class Menu:
    """The pages that an application has, with what each needs."""

    def __init__(
        self, needed: Callable[[str, str], Need | None], pages: tuple[Page, ...] = PAGES, counts: Counts | None = None
    ) -> None:
        """`needed`: what a method needs at a path; None where nothing takes it."""
        self._counts = counts or {}
        found = ((page, needed("GET", page.path)) for page in pages)
        self._pages = tuple((page, need) for page, need in found if need is not None)

    def tabs(self, asking: Visitor, path: str) -> tuple[Tab, ...]:
        """What is offered to a visitor who looks at the page of a path."""
        seen = [
            page
            for page, need in self._pages
            if need.refusal(asking) is None and (page.path != "/login" or asking.kind is not Kind.PERSON)
        ]
        here = max((page.path for page in seen if _is_below(path, page.path)), key=len, default="")
        return tuple(
            Tab(page.title, page.path, page.daily, page.group, page.path == here, self._counts.get(page.path, int)())
            for page in seen
        )


def _is_below(path: str, of: str) -> bool:
    return path == of or path.startswith(f"{of.rstrip('/')}/")


_NOTHING: tuple[Tab, ...] = ()
_tabs: ContextVar[tuple[Tab, ...]] = ContextVar("tabs", default=_NOTHING)


def offer(tabs: tuple[Tab, ...]) -> None:
    """From now on the page that is rendered for this request offers these."""
    _tabs.set(tabs)


def offered() -> tuple[Tab, ...]:
    """What the page that is being rendered offers; nothing outside of a request."""
    return _tabs.get()
