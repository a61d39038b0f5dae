"""What drivers pay: price lists, what a session would cost, what the running ones cost so far, and receipts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path, Query, Request, Response

from ems.adapters.web.body import Moment
from ems.adapters.web.deed import answered, carried_out, ok
from ems.adapters.web.described import ANEW, OVERTAKEN, REMOVED, changed, kept, removed, shown, tagged
from ems.adapters.web.needs import needs
from ems.adapters.web.prices import shape
from ems.adapters.web.prices.body import PreviewBody, PriceListBody
from ems.adapters.web.prices.rows import price_list_row, receipt_row
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.billing.price_book import PriceListKept, PriceListRemoved
from ems.domain.billing.price_list import PriceList, chosen, quoted
from ems.domain.billing.receipt import receipt
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, Operations, Receipts

Name = Annotated[str, Path(max_length=64)]
WRITES = [needs(Role.OPERATOR)]
SPAN = timedelta(days=31)


def prices(live: Live, clock: Clock, operations: Operations, receipts: Receipts) -> Router:
    """Everything about what drivers pay. A change is stored before it counts, for who plugs in after it."""
    router = Router(prefix="/api/v1", tags=["prices"], dependencies=[needs(Role.VIEWER)])
    _lists(router, live, operations)
    _previews(router, live, clock, operations)
    _receipts(router, live, clock, receipts)
    return router


def _lists(router: Router, live: Live, operations: Operations) -> None:
    @router.get("/price-lists", summary="What drivers pay", responses=ok(shape.PriceLists, 400))
    async def every() -> Response:
        """All price lists, also those that are over or not yet valid."""
        lists = operations.daybook.prices.lists
        return await answered(lambda: {"price_lists": [price_list_row(lists[name]) for name in sorted(lists)]})

    @router.get("/price-lists/{name}", summary="One price list", responses=tagged(shape.PriceListRow, 404))
    async def one(name: Name) -> Response:
        """One price list; the ETag names how it is now."""
        return await shown(lambda: price_list_row(_price_list(operations, name)))

    @router.put(
        "/price-lists/{name}",
        dependencies=[*WRITES, *ANEW],
        summary="Say what drivers pay",
        responses=changed(shape.PriceListRow),
    )
    async def keep(name: Name, body: PriceListBody, request: Request) -> Response:
        """Add a price list, or write it anew, for who plugs in from now on. With If-Match nothing happens if somebody
        else has changed it meanwhile.
        """
        return await kept(
            request,
            name,
            lambda: price_list_row(_price_list(operations, name)),
            (operations, lambda: PriceListKept(body.prices(name, live.state.site.currency))),
        )

    @router.delete(
        "/price-lists/{name}",
        dependencies=[*WRITES, *OVERTAKEN],
        summary="Remove a price list",
        status_code=204,
        responses=REMOVED,
    )
    async def remove(name: Name, request: Request) -> Response:
        """Remove a price list, for who plugs in from now on. If-Match as above."""
        return await removed(
            request,
            name,
            lambda: price_list_row(_price_list(operations, name)),
            (operations, lambda: PriceListRemoved(name)),
        )


def _previews(router: Router, live: Live, clock: Clock, operations: Operations) -> None:
    @router.post("/price-preview", summary="What a session would cost", responses=ok(shape.ReceiptRow))
    async def preview(body: PreviewBody) -> Response:
        """The receipt of a session that takes 30 kWh, or as said, at a constant power and then stays idle. Nothing is
        kept.
        """

        async def work() -> Response:
            site = live.state.site
            if body.prices is not None:
                told = body.prices.prices("preview", site.currency)
            else:
                told = _price_list(operations, body.price_list or "")
            usage = body.usage(clock.now().utc)
            return await answered(lambda: receipt_row(receipt(usage, told, site.zone), final=False))

        return await carried_out(work)

    @router.get("/evses/{evse:path}/price", summary="What one pays there", responses=ok(shape.EvsePrice, 404))
    async def price(evse: str, group: Annotated[list[str], Query(max_length=50)] = []) -> Response:  # noqa: B006 read only
        """What somebody in these groups pays who plugs in there now."""

        async def work() -> Response:
            site, lists = live.state.site, operations.daybook.prices.lists
            if site.evse_index(evse) is None:
                raise UnknownError(f"the site has no EVSE {evse[:64]!r}")
            found = chosen(quoted(lists.values(), evse, clock.now().utc, site.zone), group)
            row = None if found is None else price_list_row(found)
            return await answered(lambda: {"evse": evse, "price_list": row})

        return await carried_out(work)


def _receipts(router: Router, live: Live, clock: Clock, receipts: Receipts) -> None:
    @router.get("/evses/{evse:path}/cost", summary="What a session costs so far", responses=ok(shape.ReceiptRow, 404))
    async def cost(evse: str) -> Response:
        """What the session that runs there costs so far, by the prices of its plug-in."""

        async def work() -> Response:
            tab = receipts.tab(evse)
            made = None if tab is None else tab.receipt(live.state.site.zone)
            if made is None:
                raise UnknownError(f"no session that costs anything runs at {evse[:64]!r}")
            return await answered(lambda: receipt_row(made, final=False))

        return await carried_out(work)

    @router.get("/receipts", summary="What sessions cost", responses=ok(shape.Receipts, 400, 422, 503))
    async def every(
        since: Annotated[Moment | None, Query(alias="from", description="31 days ago, if not said")] = None,
        until: Annotated[Moment | None, Query(alias="to")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Response:
        """Receipts of sessions that began in a span, newest first."""

        async def work() -> Response:
            begin, end = _span(since, until, clock.now().utc)
            found = await receipts.receipts(begin, end, limit)
            return await answered(lambda: {"receipts": [receipt_row(one, final=True) for one in found]})

        return await carried_out(work)

    @router.get("/receipts/{session:path}", summary="One receipt", responses=ok(shape.ReceiptRow, 404, 503))
    async def one(session: str) -> Response:
        """The receipt of a session that is over, as it was made at its end."""

        async def work() -> Response:
            made = await receipts.receipt(session[:255])
            if made is None:
                raise UnknownError(f"there is no receipt of a session {session[:64]!r}")
            return await answered(lambda: receipt_row(made, final=True))

        return await carried_out(work)


def _span(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    end = now + timedelta(days=1) if until is None else until
    begin = end - SPAN if since is None else since
    if end <= begin:
        raise ValueError("the span ends before it begins")
    return begin, end


def _price_list(operations: Operations, name: str) -> PriceList:
    found = operations.daybook.prices.lists.get(name)
    if found is None:
        raise UnknownError(f"there is no price list {name[:64]!r}")
    return found
