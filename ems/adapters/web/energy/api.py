"""Prices of energy: what is known of them, and what is pushed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ems.adapters.web.body import Moment
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.energy import shape
from ems.adapters.web.energy.body import PricesBody
from ems.adapters.web.needs import needs
from ems.adapters.web.operations.rows import MAX_FINDINGS
from ems.adapters.web.values import plain, time_of
from ems.domain.access.account import Role
from ems.domain.energy.price_push import KnownSeries, SeriesForgotten, SeriesTold
from ems.domain.energy.price_series import PricePoint
from ems.domain.energy.price_table import PriceFile
from ems.ports.controller import Live, Operations
from ems.ports.energy import EnergyPrices

WRITES = [needs(Role.OPERATOR)]
Name = Annotated[str, Path(max_length=64)]


def energy_prices(live: Live, operations: Operations, prices: EnergyPrices) -> APIRouter:
    """The paths. What is pushed is stored with who did it before it counts; what is pushed again changes nothing."""
    router = APIRouter(prefix="/api/v1", tags=["energy prices"], dependencies=[needs(Role.VIEWER)])

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

    async def taken(body: PricesBody, request: Request, whole: bool) -> Response:
        async def work() -> Response:
            told = await prices.read(body.series, body.text())
            await operations.change(SeriesTold(body.series, told.series, whole), who(request))
            return await answered(lambda: _taken(told))

        return await carried_out(work)

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


def _taken(told: PriceFile) -> shape.PricesTaken:
    points: Sequence[PricePoint] = told.series.points
    serious = sorted(told.findings, key=lambda finding: not finding.is_refusal)[:MAX_FINDINGS]
    return {
        "series": plain(told.name),
        "taken": len(points),
        "begin": _moment(points[0].begin_s),
        "end": _moment(points[-1].end_s),
        "findings": [
            {"row": f.row, "message": plain(f.message), "remedy": plain(f.remedy), "is_refusal": f.is_refusal}
            for f in serious
        ],
    }


def _moment(at_s: int) -> str:
    return time_of(datetime.fromtimestamp(at_s, UTC))


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_of(at)
