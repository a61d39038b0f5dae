"""Groups that pay by the month: what their sessions cost, month by month."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.money import shape
from ems.adapters.web.money.body import BillingBody, CorrectionBody
from ems.adapters.web.money.rows import brief_row, group_row, statement_csv, statement_row
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.billing.money import exactly_minor
from ems.domain.billing.statement import BillingGroup, Correction, Month
from ems.ports.controller import Clock, Live
from ems.ports.money import Billing

Name = Annotated[str, Path(max_length=64, examples=["fleet"])]
MonthText = Annotated[str, Path(max_length=10, examples=["2026-11"])]
CorrectionKey = Annotated[str, Path(min_length=1, max_length=64, description="chosen anew for each correction")]
CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "A line for each session and correction", "content": {"text/csv": {}}}
}


def billing_api(live: Live, clock: Clock, billing: Billing) -> Router:
    """Everything about groups that pay by the month."""
    router = Router(prefix="/api/v1", tags=["billing"], dependencies=[needs(Role.OPERATOR)])
    _groups(router, billing)
    _statements(router, live, billing)
    _closing(router, live, clock, billing)
    return router


def _groups(router: Router, billing: Billing) -> None:
    @router.get("/billing-groups", summary="Groups that pay by the month", responses=ok(shape.GroupRows))
    async def every() -> Response:
        """All of them."""

        async def work() -> Response:
            found = await billing.groups()
            return await answered(lambda: {"groups": [group_row(one) for one in found]})

        return await carried_out(work)

    @router.put("/billing-groups/{group}", summary="Bill a group by the month", responses=ok(shape.GroupRow))
    async def keep(group: Name, body: BillingBody, request: Request) -> Response:
        """What the members of a group of tags charge is on its statement of the month, unless they paid otherwise."""

        async def work() -> Response:
            told = BillingGroup(group, body.title, body.address.replace("\r\n", "\n"), body.reference)
            await billing.keep(told, who(request))
            return await answered(lambda: group_row(told))

        return await carried_out(work)

    @router.delete("/billing-groups/{group}", summary="Bill a group no more", status_code=204, responses=GONE)
    async def remove(group: Name, request: Request) -> Response:
        """Closed statements stay."""
        return await done(billing.remove(group, who(request)))


def _statements(router: Router, live: Live, billing: Billing) -> None:
    @router.get("/billing-groups/{group}/statements", summary="Closed months", responses=ok(shape.StatementBriefs))
    async def every(group: Name) -> Response:
        """The closed months of a group, newest first."""

        async def work() -> Response:
            found = await billing.statements(group)
            return await answered(lambda: {"statements": [brief_row(one) for one in found]})

        return await carried_out(work)

    @router.get("/billing-groups/{group}/statements/{month}", summary="One month", responses=ok(shape.StatementRow))
    async def one(group: Name, month: MonthText) -> Response:
        """A month as it was closed; one that is not as it stands now."""

        async def work() -> Response:
            known = await billing.statement(group, Month.of(month))
            return await answered(lambda: statement_row(known))

        return await carried_out(work)

    @router.get(
        "/billing-groups/{group}/statements/{month}/lines.csv",
        summary="One month for a spreadsheet",
        responses={**{k: v for k, v in ok(shape.StatementRow).items() if k != 200}, **CSV},
        response_class=Response,
    )
    async def lines(group: Name, month: MonthText) -> Response:
        """The lines of a month."""

        async def work() -> Response:
            known = await billing.statement(group, Month.of(month))
            text = statement_csv(known, live.state.site.zone)
            named = {"content-disposition": f'attachment; filename="statement-{known.month.text}.csv"'}
            return Response(text, 200, {**FRESH, **named}, "text/csv; charset=utf-8")

        return await carried_out(work)


def _closing(router: Router, live: Live, clock: Clock, billing: Billing) -> None:
    @router.post(
        "/billing-groups/{group}/statements/{month}/close", summary="Close a month", responses=ok(shape.StatementRow)
    )
    async def close(group: Name, month: MonthText, request: Request) -> Response:
        """From now on nothing in this month changes; what is reported later goes into the next one."""

        async def work() -> Response:
            known = await billing.close(group, Month.of(month), who(request))
            return await answered(lambda: statement_row(known))

        return await carried_out(work)

    @router.put(
        "/billing-groups/{group}/statements/{month}/corrections/{key}",
        summary="Correct a closed month",
        status_code=204,
        responses=GONE,
    )
    async def correct(
        group: Name, month: MonthText, key: CorrectionKey, body: CorrectionBody, request: Request
    ) -> Response:
        """Goes into the next month that is not closed. Told twice under one key it happens once."""

        async def work() -> Response:
            amount = exactly_minor(body.amount, live.state.site.currency)
            told = Correction(
                key, group, clock.now().utc, Month.of(month), amount, body.vat_percent, body.note, who(request)
            )
            await billing.correct(told)
            return Response(status_code=204, headers=dict(FRESH))

        return await carried_out(work)
