"""What people may change: vehicles, departures, needs, the strategy, limits for a while; and who changed what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.body import (
    DayBody,
    LimitBody,
    ListBody,
    NeedBody,
    SocBody,
    StrategyBody,
    VehicleBody,
)
from ems.adapters.web.fleet_rows import (
    audit_row,
    departure_row,
    finding_rows,
    limit_row,
    list_rows,
    need_row,
    next_rows,
    tag_of,
    vehicle_row,
)
from ems.adapters.web.problem import documented, problem
from ems.domain.daybook import ChargeTold, DeparturesReplaced, UnknownError, VehicleKept, VehicleRemoved
from ems.domain.events import LimitReceived, LimitWithdrawn, StrategyChosen
from ems.domain.session import Need, NeedOrigin
from ems.domain.vehicle import StateOfCharge, plain_id
from ems.ports import Clock, Live, NotStoredError, Operations

SOC_AGE = timedelta(days=1)
WHO = "x-operator"
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: documented("not JSON, or asked under a foreign name"),
    403: documented("not from this machine, or by a page of another site"),
    404: documented("there is nothing of that name"),
    409: documented("it contradicts what is known"),
    415: documented("the body is not application/json"),
    422: documented("it cannot be meant"),
    503: documented("it could not be stored, and nothing has changed"),
}
_GONE: dict[int | str, dict[str, Any]] = {**_ERRORS, 204: {"description": "done"}}
ABOUT = {
    "name": "operations",
    "description": "What people may change. There is no login yet: only this machine is heard, never a page of another"
    " site, and bodies are application/json. X-Operator, which nobody checks, says who asks, for the audit.",
}

Name = Annotated[str, Path(max_length=64)]


def operate(live: Live, clock: Clock, operations: Operations) -> APIRouter:
    """The side that changes things. Every change is stored with who made it before it counts."""
    router = APIRouter(prefix="/api/v1", tags=["operations"])
    for part in (_vehicles, _departures, _needs, _choices):
        part(router, live, clock, operations)
    return router


def _vehicles(router: APIRouter, live: Live, clock: Clock, operations: Operations) -> None:
    @router.get("/vehicles", summary="All vehicles")
    async def vehicles() -> Response:
        """All vehicles with their weeks."""
        fleet = operations.daybook.fleet
        return await _told(lambda: {"vehicles": [vehicle_row(fleet, name) for name in sorted(fleet.vehicles)]})

    @router.get("/vehicles/{name}", summary="One vehicle", responses={404: _ERRORS[404]})
    async def vehicle(name: Name) -> Response:
        """One vehicle with its week; the ETag names how it is described now."""
        fleet = operations.daybook.fleet
        if name not in fleet.vehicles:
            return _unknown(name)
        row = vehicle_row(fleet, name)
        return await _told(lambda: row, {"etag": tag_of(row)})

    @router.put("/vehicles/{name}", summary="Describe a vehicle", responses={**_ERRORS, 412: documented("changed")})
    async def describe(name: Name, body: VehicleBody, request: Request) -> Response:
        """Add a vehicle, or describe it anew, with its week. With If-Match nothing happens if somebody else has
        described it otherwise meanwhile.
        """
        if _is_stale(request, operations, name):
            return _stale(name)

        async def work() -> Response:
            await operations.change(VehicleKept(body.vehicle(name), body.weeklies()), _who(request))
            row = vehicle_row(operations.daybook.fleet, name)
            return await _told(lambda: row, {"etag": tag_of(row)})

        return await _carried_out(work)

    @router.delete("/vehicles/{name}", summary="Forget a vehicle", status_code=204, responses=_GONE)
    async def forget(name: Name, request: Request) -> Response:
        """Forget a vehicle, its week and its departures. If-Match as above."""
        if _is_stale(request, operations, name):
            return _stale(name)
        return await _done(operations.change(VehicleRemoved(name), _who(request)))

    @router.put("/vehicles/{name}/soc", summary="Tell a state of charge", status_code=204, responses=_GONE)
    async def soc(name: Name, body: SocBody, request: Request) -> Response:
        """Tell the state of charge of a vehicle, for example by telematics: it counts for the session that runs, and
        for one that begins within the next hour.
        """
        now = clock.now().utc
        at = body.at or now
        if not now - SOC_AGE <= at <= now + timedelta(minutes=1):
            return problem(422, "a state of charge is one of the last day; leave out `at` for now", "bad-time")
        charge = StateOfCharge(body.soc_percent, at.astimezone(UTC))
        return await _done(operations.change(ChargeTold(name, charge), _who(request)))


def _departures(router: APIRouter, live: Live, clock: Clock, operations: Operations) -> None:
    @router.get("/departures", summary="Who leaves when")
    async def departures() -> Response:
        """Single departures that are kept, oldest first; and the next departure of every vehicle, single or weekly."""
        fleet, zone, now = operations.daybook.fleet, live.state.site.zone, clock.now().utc

        def rows() -> dict[str, Any]:
            single = sorted(
                (one for many in fleet.departures.values() for one in many), key=lambda d: (d.at, d.vehicle)
            )
            return {
                "departures": [departure_row(one, zone) for one in single],
                "next": sorted(next_rows(fleet, now, zone), key=lambda row: (row["at"], row["vehicle"])),
            }

        return await _told(rows)

    @router.put("/departures/{vehicle}/{day}", summary="A vehicle's departures of a date", responses=_ERRORS)
    async def replace_day(vehicle: Name, day: date, body: DayBody, request: Request) -> Response:
        """Say when a vehicle leaves on a date of the site, in place of its week; with an empty list the week counts
        again.
        """

        async def work() -> Response:
            zone = live.state.site.zone
            told = body.all(vehicle, day, zone)
            await operations.change(DeparturesReplaced(frozenset({(vehicle, day)}), told), _who(request))
            return await _told(lambda: {"departures": [departure_row(one, zone) for one in told]})

        return await _carried_out(work)

    @router.post("/departures/import", summary="Read a pull-out list", responses=_ERRORS)
    async def pull_out_list(body: ListBody, request: Request, apply: bool = False) -> Response:
        """Read a pull-out list (CSV: vehicle, departure, and date, target_soc, kwh, evse, priority as they are there;
        German headings too). The answer is a preview: what would change, and what is to be said about rows. With
        `apply=true` all of it is taken, or, if any row is refused, nothing.
        """

        async def work() -> Response:
            told = await operations.read_list(body.csv)
            zone, before = live.state.site.zone, operations.daybook.fleet
            if apply and told.is_refused:
                first = "there are no departures" if not told.findings else str(told.findings[0])
                return problem(422, f"nothing was taken: {first}", "list-refused", more=finding_rows(told))
            if apply:
                await operations.change(told.change(zone), _who(request))
            return await _told(lambda: {"applied": apply, **list_rows(told, before, zone)})

        return await _carried_out(work)


def _needs(router: APIRouter, live: Live, clock: Clock, operations: Operations) -> None:
    @router.post("/evses/{evse:path}/need", summary="Say what a vehicle needs", responses=_ERRORS)
    async def need(evse: str, body: NeedBody, request: Request) -> Response:
        """Say what the vehicle that is plugged in there needs. It wins over its timetable for this session."""

        async def work() -> Response:
            told = replace(_need_at(live, evse), origin=NeedOrigin.STATED, **body.told())
            await operations.tell_need(evse, told, _who(request))
            return await _told(lambda: {"evse": evse, "need": need_row(told)})

        return await _carried_out(work)

    @router.delete("/evses/{evse:path}/need", summary="Leave it to the timetable", status_code=204, responses=_GONE)
    async def forget_need(evse: str, request: Request) -> Response:
        """Take back what was said: the timetable counts again."""
        return await _done(operations.tell_need(evse, Need(), _who(request)))


def _choices(router: APIRouter, live: Live, clock: Clock, operations: Operations) -> None:
    @router.get("/strategy", summary="The strategy")
    async def strategy() -> Response:
        """How headroom is divided: what was chosen over the site file, what that says, and which of them counts."""
        return await _told(lambda: _strategy(live, operations))

    @router.post("/strategy", summary="Choose a strategy", responses=_ERRORS)
    async def choose(body: StrategyBody, request: Request) -> Response:
        """Choose how headroom is divided, until somebody chooses otherwise; null returns to the site file."""

        async def work() -> Response:
            await operations.change(StrategyChosen(body.strategy), _who(request))
            return await _told(lambda: _strategy(live, operations))

        return await _carried_out(work)

    @router.get("/limits", summary="Limits that people set")
    async def limits() -> Response:
        """Limits that people set for a while, also those that are over or not yet in force."""
        known = operations.daybook.limits
        return await _told(lambda: {"limits": [limit_row(limit) for limit in known]})

    @router.post("/limits", summary="Set a limit", responses=_ERRORS)
    async def tighten(body: LimitBody, request: Request) -> Response:
        """Set a limit for a while. It can only tighten: the strictest of all limits and ratings counts."""

        async def work() -> Response:
            limit = body.limit(clock.now().utc)
            await operations.change(LimitReceived(limit), _who(request))
            return await _told(lambda: limit_row(limit))

        return await _carried_out(work)

    @router.delete("/limits", summary="Take back a limit", status_code=204, responses=_GONE)
    async def release(scope: str, source: str, request: Request) -> Response:
        """Take back a limit that somebody set here; no other can be."""
        return await _done(operations.change(LimitWithdrawn(scope, source), _who(request)))

    @router.get("/audit", summary="Who changed what", responses={503: _ERRORS[503]})
    async def audit(
        before: Annotated[int | None, Query(description="only those with a smaller id")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        """The newest changes first, each with who made it, before and after."""

        async def work() -> Response:
            found = await operations.audits(before, limit)
            return await _told(lambda: {"audit": [audit_row(one) for one in found]})

        return await _carried_out(work)


async def _told(rows: Callable[[], Any], headers: dict[str, str] | None = None) -> Response:
    """An answer, made in a thread: a large fleet is more than a turn of the loop may hold."""
    text = await asyncio.to_thread(lambda: json.dumps(rows()))
    return Response(text, 200, {**FRESH, **(headers or {})}, "application/json")


async def _carried_out(work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await work()
    except UnknownError as wrong:
        return problem(404, str(wrong), "unknown")
    except ValueError as wrong:
        return problem(422, str(wrong), "refused")
    except OverflowError:
        return problem(422, "a date lies beyond the calendar", "refused")
    except NotStoredError as wrong:
        return problem(503, f"nothing has changed, because it could not be stored: {wrong}", "not-stored")


async def _done(change: Awaitable[None]) -> Response:
    async def work() -> Response:
        await change
        return Response(status_code=204, headers=dict(FRESH))

    return await _carried_out(work)


def _who(request: Request) -> str:
    """Who asks, as far as anybody can know without a login."""
    told, client = request.headers.get(WHO, ""), request.client
    address = "here" if client is None else client.host
    try:
        return f"{plain_id('a name', told)} ({address})"
    except ValueError:
        return f"somebody ({address})"


def _need_at(live: Live, evse: str) -> Need:
    if live.state.site.evse_index(evse) is None:
        raise UnknownError(f"the site has no EVSE {evse[:64]!r}")
    session = live.state.evse(evse).session
    return Need() if session is None else session.need


def _strategy(live: Live, operations: Operations) -> dict[str, Any]:
    chosen, site = operations.daybook.strategy, live.state.site.policy.strategy
    return {"strategy": chosen or site, "chosen": chosen, "site": site}


def _is_stale(request: Request, operations: Operations, name: str) -> bool:
    wanted = request.headers.get("if-match")
    if wanted is None:
        return False
    fleet = operations.daybook.fleet
    return name not in fleet.vehicles or wanted not in {"*", tag_of(vehicle_row(fleet, name))}


def _stale(name: str) -> Response:
    return problem(412, f"somebody has changed {name!r:.80} meanwhile; read it again, then change that", "changed")


def _unknown(name: str) -> Response:
    return problem(404, f"there is no vehicle {name!r:.80}", "unknown")
