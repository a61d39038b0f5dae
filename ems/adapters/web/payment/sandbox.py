"""The page of the payment provider that is built in: approve or decline. Nobody's money moves."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from ems.adapters.web.accounts.login import to
from ems.adapters.web.api import FRESH
from ems.adapters.web.entrance import form
from ems.adapters.web.needs import needs
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.domain.billing.money import major
from ems.ports.payments import HostedPage, HostedPages

Name = Annotated[str, Path(max_length=120)]
HTML = "text/html; charset=utf-8"


def sandbox_pages(pages: HostedPages) -> Router:
    """The pages on which drivers pretend to pay."""
    router = Router(include_in_schema=False)

    @router.get("/pay/sandbox/{checkout}", dependencies=[needs(None)])
    async def ask(checkout: Name) -> Response:
        return await _shown(pages.page(checkout))

    @router.post("/pay/sandbox/{checkout}", dependencies=[needs(None, takes_form=True)])
    async def decide(checkout: Name, request: Request) -> Response:
        decided = pages.decide(checkout, form(request).get("answer") == "approve")
        return await _shown(None) if decided is None else to(decided.back_url)

    return router


async def _shown(page: HostedPage | None) -> Response:
    amount = "" if page is None else f"{major(page.amount, page.currency)} {page.currency}"
    title = "" if page is None else page.title
    text = await render(environment().get_template("sandbox.html"), amount=amount, title=title)
    return Response(text, 404 if page is None else 200, dict(FRESH), HTML)
