"""Prices of energy: what is known of them, and what is pushed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response

from ems.adapters.web.body import Moment
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.energy import shape
from ems.adapters.web.energy.body import PricesBody
from ems.adapters.web.needs import needs
from ems.adapters.web.operations.rows import finding_rows_of
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.values import plain, time_of
from ems.domain.access.account import Role
from ems.domain.energy.price_push import SERIES_KEPT, KnownSeries, SeriesForgotten, SeriesTold, changed_series, over
from ems.domain.energy.price_series import PricePoint
from ems.domain.energy.price_table import NoPricesError, PriceFile, PriceFinding
from ems.ports.controller import Clock, Live, Operations
from ems.ports.energy import EnergyPrices

WRITES = [needs(Role.OPERATOR)]
Name = Annotated[str, Path(max_length=64)]


def energy_prices(live: Live, clock: Clock, operations: Operations, prices: EnergyPrices) -> Router:
    """The paths. What is pushed is stored with who did it before it counts; what is pushed again changes nothing."""
    router = Router(prefix="/api/v1", tags=["energy prices"], dependencies=[needs(Role.VIEWER)])

    @router.get("/prices", summary="Prices of energy", responses=ok(shape.EnergyPrices, 400))
    async def known(
        since: Annotated[Moment | None, Query(description="only prices that end after it")] = None,
    ) -> Response:
        """The series that the tariff follows as plans are made with them: from files, over those what was pushed."""
        series, doubts = await prices.known()
        first_s = int(since.timestamp()) if since is not None else 0
        return await answered(
            lambda: {
                "currency": live.state.site.currency,
                "series": [_series(one, first_s, live.state.site.currency) for one in series],
                "doubts": [plain(text) for text in doubts],
            }
        )

    async def read(body: PricesBody, take: Callable[[SeriesTold], Awaitable[None]], whole: bool) -> Response:
        async def work() -> Response:
            try:
                told = await prices.read(body.series, body.text())
            except NoPricesError as none:
                return problem(422, str(none), "table-refused", more=finding_rows_of(none.findings))
            await take(SeriesTold(body.series, told.series, whole))
            return await answered(lambda: _taken(told, clock.now().utc))

        return await carried_out(work)

    async def taken(body: PricesBody, request: Request, whole: bool) -> Response:
        return await read(body, lambda told: operations.change(told, who(request)), whole)

    @router.post("/prices/preview", dependencies=WRITES, summary="Read prices", responses=ok(shape.PricesTaken))
    async def preview(body: PricesBody) -> Response:
        """What would be taken of pushed prices, and what is to be said about rows. Nothing is changed."""

        async def nothing(told: SeriesTold) -> None:
            changed_series(operations.daybook.series, told, clock.now().utc)

        return await read(body, nothing, whole=False)

    @router.post("/prices", dependencies=WRITES, summary="Push prices", responses=ok(shape.PricesTaken))
    async def push(body: PricesBody, request: Request) -> Response:
        """Push prices of a series, all or some: they count over those from files and over earlier ones, for the times
        that they tell. Negative ones are prices like others. The answer names every row that gave no price, hours that
        are missing, and what was made of an hour that the clock shows twice.
        """
        return await taken(body, request, whole=False)

    @router.put("/prices", dependencies=WRITES, summary="Replace what was pushed", responses=ok(shape.PricesTaken))
    async def replace(body: PricesBody, request: Request) -> Response:
        """Push all prices of a series: of what was pushed before nothing stays."""
        return await taken(body, request, whole=True)

    @router.delete(
        "/prices/{series}", dependencies=WRITES, summary="Forget what was pushed", status_code=204, responses=GONE
    )
    async def forget(series: Name, request: Request) -> Response:
        """Take back what was pushed of a series: its files count alone."""
        return await done(operations.change(SeriesForgotten(series), who(request)))

    return router


def _series(one: KnownSeries, since_s: int, currency: str) -> shape.SeriesRow:
    return {
        "series": plain(one.name),
        "unit": f"{one.in_ or currency}/kWh",
        "begin": _time(one.prices.begin),
        "end": _time(one.prices.end),
        "pushed_until": _time(one.pushed.end),
        "prices": list(_points(one, since_s)),
    }


def _points(one: KnownSeries, since_s: int) -> Iterator[shape.PricePoint]:
    pushed = {point.begin_s for point in one.pushed.points}
    for point in one.prices.points:
        if point.end_s > since_s:
            yield {
                "start": _moment(point.begin_s),
                "end": _moment(point.end_s),
                "per_kwh": round(point.per_kwh, 6),
                "pushed": point.begin_s in pushed,
            }


def _taken(told: PriceFile, now: datetime) -> shape.PricesTaken:
    old = over(told.series, now).points
    points: Sequence[PricePoint] = told.series.points[len(old) :]
    lost = () if not old else (_lost(told.name, len(old)),)
    return {
        "series": plain(told.name),
        "taken": len(points),
        "begin": _moment(points[0].begin_s),
        "end": _moment(points[-1].end_s),
        **finding_rows_of((*lost, *told.findings)),
    }


def _lost(series: str, count: int) -> PriceFinding:
    message = f"{count} values are over for more than {SERIES_KEPT.days} days, and are not kept"
    return PriceFinding(2, message, f"write them into a file: prices/{series}.csv beside site.yaml")


def _moment(at_s: int) -> str:
    return time_of(datetime.fromtimestamp(at_s, UTC))


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_of(at)
