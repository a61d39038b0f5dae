"""What the pages of the operator's day have in common: frame, role, and times as the clocks of the site show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from jinja2 import Template

from ems.adapters.web.api import answer
from ems.adapters.web.needs import visitor
from ems.adapters.web.once import printed
from ems.adapters.web.page import environment, render
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.adapters.web.view import View
from ems.domain.access.account import Role
from ems.ports.controller import Clock, Live

HTML = "text/html; charset=utf-8"


class Sheet:
    """Renders pages of one site in its frame."""

    def __init__(self, live: Live, clock: Clock) -> None:
        self.live, self.clock = live, clock

    def view(self) -> View:
        """What is to be seen at this moment."""
        live = self.live
        return View(live.state, live.decision, self.clock.now(), live.knocks(), live.version).checked()

    def calendar(self) -> Calendar:
        """Times as the clocks of the site show them."""
        return Calendar(self.live.state.site.zone, time_of(self.clock.now().utc))

    def frame(self, role: Role) -> dict[str, Any]:
        """What the frame of a page shows."""
        site, calendar = self.live.state.site, self.calendar()
        return {
            "site": plain(site.name),
            "zone": site.zone.key,
            "now": calendar.clock(time_of(self.clock.now().utc)),
            "moment": moment_of(calendar),
            "operates": role >= Role.OPERATOR,
            "installs": role >= Role.INSTALLER,
            "administers": role >= Role.ADMIN,
        }

    async def page(self, request: Request, template: str | Template, **values: Any) -> Response:
        """A page for whoever asks."""
        form = environment().get_template(template)
        shown = await render(form, **self.frame(role_of(request)), **values)
        return answer(request, await printed(shown), HTML)


def role_of(request: Request) -> Role:
    """What whoever asks may do; a page that is shown needs no less than looking."""
    return visitor(request).role or Role.VIEWER


def moment_of(calendar: Calendar) -> Callable[[str | None], str]:
    """Hour and minute of a time, with the weekday unless it is today; nothing for none."""
    return lambda at: "" if at is None else calendar.moment(at)
