"""What people may change: vehicles, departures, needs, the strategy, limits for a while; and who changed what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.described import ANEW, OVERTAKEN, REMOVED, changed, kept, removed, shown, tagged
from ems.adapters.web.needs import needs
from ems.adapters.web.operations import shape
from ems.adapters.web.operations.body import (
    DayBody,
    LimitBody,
    ListBody,
    NeedBody,
    SocBody,
    StrategyBody,
    VehicleBody,
)
from ems.adapters.web.operations.classes import classes
from ems.adapters.web.operations.rows import (
    audit_row,
    departure_row,
    finding_rows,
    limit_row,
    list_rows,
    need_row,
    next_rows,
    vehicle_row,
)
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.daybook import ChargeTold, DeparturesReplaced, UnknownError, VehicleKept, VehicleRemoved
from ems.domain.events import LimitReceived, LimitWithdrawn, StrategyChosen
from ems.domain.session import Need, NeedOrigin
from ems.domain.vehicle import StateOfCharge
from ems.ports.controller import Clock, Live, Operations

SOC_AGE = timedelta(days=1)
ABOUT = {
    "name": "operations",
    "description": "What people may change, with the role of an operator: by the login of a browser together with its"
    " X-CSRF-Token, or by a token. Bodies are application/json. Where no login is needed, X-Operator, which nobody"
    " checks, says who asks, for the audit.",
}


Name = Annotated[str, Path(max_length=64)]
WRITES = [needs(Role.OPERATOR)]


def operate(live: Live, clock: Clock, operations: Operations) -> Router:
    """The side that changes things. Every change is stored with who made it before it counts."""
    router = Router(prefix="/api/v1", tags=["operations"], dependencies=[needs(Role.VIEWER)])
    for part in (_vehicles, _departures, classes, _needs, _choices):
        part(router, live, clock, operations)
    return router


def _vehicles(router: Router, live: Live, clock: Clock, operations: Operations) -> None:
    @router.get("/vehicles", summary="All vehicles", responses=ok(shape.Vehicles, 400))
    async def vehicles() -> Response:
        """All vehicles with their weeks."""
        fleet = operations.daybook.fleet
        return await answered(lambda: {"vehicles": [vehicle_row(fleet, name) for name in sorted(fleet.vehicles)]})

    @router.get("/vehicles/{name}", summary="One vehicle", responses=tagged(shape.VehicleRow, 404))
    async def vehicle(name: Name) -> Response:
        """One vehicle with its week; the ETag names how it is described now."""
        return await shown(lambda: _vehicle(operations, name))

    @router.put(
        "/vehicles/{name}",
        dependencies=[*WRITES, *ANEW],
        summary="Describe a vehicle",
        responses=changed(shape.VehicleRow),
    )
    async def describe(name: Name, body: VehicleBody, request: Request) -> Response:
        """Add a vehicle, or describe it anew, with its week. With If-Match nothing happens if somebody else has
        described it otherwise meanwhile.
        """
        return await kept(
            request,
            name,
            lambda: _vehicle(operations, name),
            (operations, lambda: VehicleKept(body.vehicle(name), body.weeklies())),
        )

    @router.delete(
        "/vehicles/{name}",
        dependencies=[*WRITES, *OVERTAKEN],
        summary="Forget a vehicle",
        status_code=204,
        responses=REMOVED,
    )
    async def forget(name: Name, request: Request) -> Response:
        """Forget a vehicle, its week and its departures. If-Match as above."""
        return await removed(
            request,
            name,
            lambda: _vehicle(operations, name),
            (operations, lambda: VehicleRemoved(name)),
        )

    @router.put(
        "/vehicles/{name}/soc", dependencies=WRITES, summary="Tell a state of charge", status_code=204, responses=GONE
    )
    async def soc(name: Name, body: SocBody, request: Request) -> Response:
        """Tell the state of charge of a vehicle, for example by telematics: it counts for the session that runs, and
        for one that begins within the next hour.
        """
        now = clock.now().utc
        at = body.at or now
        if not now - SOC_AGE <= at <= now + timedelta(minutes=1):
            return problem(422, "a state of charge is one of the last day; leave out `at` for now", "bad-time")
        charge = StateOfCharge(body.soc_percent, at.astimezone(UTC))
        return await done(operations.change(ChargeTold(name, charge), who(request)))


def _departures(router: Router, live: Live, clock: Clock, operations: Operations) -> None:
    @router.get("/departures", summary="Who leaves when", responses=ok(shape.Departures, 400))
    async def departures() -> Response:
        """Single departures that are kept, oldest first; and the next departure of every vehicle, single or weekly."""
        fleet, site, now = operations.daybook.fleet, live.state.site, clock.now().utc
        zone = site.zone

        def rows() -> dict[str, Any]:
            single = sorted(
                (one for many in fleet.departures.values() for one in many), key=lambda d: (d.at, d.vehicle)
            )
            return {
                "departures": [departure_row(one, zone) for one in single],
                "next": sorted(next_rows(fleet, now, site), key=lambda row: (row["at"], row["vehicle"])),
            }

        return await answered(rows)

    @router.put(
        "/departures/{vehicle}/{day}",
        dependencies=WRITES,
        summary="A vehicle's departures of a date",
        responses=ok(shape.Day),
    )
    async def replace_day(vehicle: Name, day: date, body: DayBody, request: Request) -> Response:
        """Say when a vehicle leaves on a date of the site, in place of its week; with an empty list the week counts
        again.
        """

        async def work() -> Response:
            zone = live.state.site.zone
            told = body.all(vehicle, day, zone)
            await operations.change(DeparturesReplaced(frozenset({(vehicle, day)}), told), who(request))
            return await answered(lambda: {"departures": [departure_row(one, zone) for one in told]})

        return await carried_out(work)

    @router.post("/departures/import", dependencies=WRITES, summary="Read a pull-out list", responses=ok(shape.Listed))
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
                await operations.change(told.change(zone), who(request))
            return await answered(lambda: list_rows(told, before, zone, apply))

        return await carried_out(work)


def _needs(router: Router, _live: Live, _clock: Clock, operations: Operations) -> None:
    @router.post(
        "/evses/{evse:path}/need", dependencies=WRITES, summary="Say what a vehicle needs", responses=ok(shape.EvseNeed)
    )
    async def need(evse: str, body: NeedBody, request: Request) -> Response:
        """Say what the vehicle that is plugged in there needs. It wins over its timetable for this session."""

        async def work() -> Response:
            told = await operations.tell_need(
                evse, lambda known: replace(known, origin=NeedOrigin.STATED, **body.told()), who(request)
            )
            return await answered(lambda: {"evse": evse, "need": need_row(told)})

        return await carried_out(work)

    @router.delete(
        "/evses/{evse:path}/need",
        dependencies=WRITES,
        summary="Leave it to the timetable",
        status_code=204,
        responses=GONE,
    )
    async def forget_need(evse: str, request: Request) -> Response:
        """Take back what was said: the timetable counts again."""

        async def work() -> None:
            await operations.tell_need(evse, lambda _: Need(), who(request))

        return await done(work())


def _choices(router: Router, live: Live, clock: Clock, operations: Operations) -> None:
    @router.get("/strategy", summary="The strategy", responses=ok(shape.StrategyRow, 400))
    async def strategy() -> Response:
        """How headroom is divided: what was chosen over the site file, what that says, and which of them counts."""
        return await answered(lambda: _strategy(live, operations))

    @router.post("/strategy", dependencies=WRITES, summary="Choose a strategy", responses=ok(shape.StrategyRow))
    async def choose(body: StrategyBody, request: Request) -> Response:
        """Choose how headroom is divided, until somebody chooses otherwise; null returns to the site file."""

        async def work() -> Response:
            await operations.change(StrategyChosen(body.strategy), who(request))
            return await answered(lambda: _strategy(live, operations))

        return await carried_out(work)

    @router.get("/limits", summary="Limits that people set", responses=ok(shape.Limits, 400))
    async def limits() -> Response:
        """Limits that people set for a while, also those that are over or not yet in force."""
        known = operations.daybook.limits
        return await answered(lambda: {"limits": [limit_row(limit) for limit in known]})

    @router.post("/limits", dependencies=WRITES, summary="Set a limit", responses=ok(shape.LimitRow))
    async def tighten(body: LimitBody, request: Request) -> Response:
        """Set a limit for a while. It can only tighten: the strictest of all limits and ratings counts."""

        async def work() -> Response:
            limit = body.limit(clock.now().utc)
            await operations.change(LimitReceived(limit), who(request))
            return await answered(lambda: limit_row(limit))

        return await carried_out(work)

    @router.delete("/limits", dependencies=WRITES, summary="Take back a limit", status_code=204, responses=GONE)
    async def release(scope: str, source: str, request: Request) -> Response:
        """Take back a limit that somebody set here; no other can be."""
        return await done(operations.change(LimitWithdrawn(scope, source), who(request)))

    @router.get("/audit", dependencies=WRITES, summary="Who changed what", responses=ok(shape.AuditRows, 503))
    async def audit(
        before: Annotated[int | None, Query(lt=2**63, description="only those with a smaller id")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        """The newest changes first, each with who made it, before and after."""

        async def work() -> Response:
            found = await operations.audits(before, limit)
            return await answered(lambda: {"audit": [audit_row(one) for one in found]})

        return await carried_out(work)


def _strategy(live: Live, operations: Operations) -> shape.StrategyRow:
    chosen, site = operations.daybook.strategy, live.state.site.policy.strategy
    return {"strategy": chosen or site, "chosen": chosen, "site": site}


def _vehicle(operations: Operations, name: str) -> shape.VehicleRow:
    fleet = operations.daybook.fleet
    if name not in fleet.vehicles:
        raise UnknownError(f"there is no vehicle {name!r:.80}")
    return vehicle_row(fleet, name)
