"""The installation: its file as a draft that is checked with every change, meters and stations put to the test.

Nothing counts before the draft is saved. With If-Match and the ETag of the draft nothing is changed that somebody else
changed meanwhile (412), and a file that was changed by hand is never written over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Path, Request, Response

from ems.adapters.web.deed import GONE, answered, carried_out, ok, who
from ems.adapters.web.described import CHANGED, OVERTAKEN, REMOVED, changed, tagged
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.wizard import shape
from ems.adapters.web.wizard.body import (
    BatteryBody,
    ConnectionBody,
    ControlBody,
    EditBody,
    MeterBody,
    ProofBody,
    SecretBody,
    WatchBody,
)
from ems.adapters.web.wizard.rows import acceptance_row, connection_row, difference_rows, draft_row, proof_row, test_row
from ems.domain.access.account import Role
from ems.ports.site import OvertakenError, ProofDesk, RecordDesk, SiteDesk

Name = Annotated[str, Path(max_length=64)]


@dataclass(frozen=True, slots=True)
class Desks:
    """The site file, tests of what is installed, and records of commissionings."""

    site: SiteDesk
    proofs: ProofDesk
    records: RecordDesk


def wizard_api(desks: Desks) -> Router:
    """Everything about the installation."""
    router = Router(prefix="/api/v1/site", tags=["installation"], dependencies=[needs(Role.INSTALLER)])
    _draft(router, desks.site)
    _saving(router, desks.site)
    _controller(router, desks.site)
    _readings(router, desks.site)
    _connections(router, desks.site)
    _proofs(router, desks.proofs)
    return router


def _draft(router: Router, desk: SiteDesk) -> None:
    @router.get("/draft", summary="The site file as it would be", responses=tagged(shape.DraftRow, 401, 403))
    async def draft() -> Response:
        """The draft with all that `ems check` says of it; the ETag names it."""
        return await _shown(desk)

    @router.post("/draft/edits", dependencies=OVERTAKEN, summary="Change the draft", responses=changed(shape.DraftRow))
    async def edit(body: EditBody, request: Request) -> Response:
        """Set keys of an entry, or remove it. Comments, order and quotes of the rest of the file stay."""

        async def work() -> Response:
            await desk.edit(tuple(body.route), body.keys, _match(request), who(request))
            return await _shown(desk)

        return await _carried_out(work)

    @router.post(
        "/draft/stations/{station}/password", dependencies=OVERTAKEN, summary="Make a station's password",
        responses={**ok(shape.PasswordRow), **CHANGED},
    )  # fmt: skip
    async def password(station: Name, request: Request) -> Response:
        """A new password, told this once; only its hash is kept. It counts when the draft is saved."""

        async def work() -> Response:
            secret = await desk.new_password(station, _match(request), who(request))
            urls = [f"{url}{station}" for url in desk.entrance().urls]
            return await answered(lambda: {"station": station, "password": secret, "urls": urls})

        return await _carried_out(work)

    @router.post("/draft/secrets", dependencies=OVERTAKEN, summary="Keep a secret", responses=changed(shape.DraftRow))
    async def secret(body: SecretBody, request: Request) -> Response:
        """A secret goes into a file that only the service reads, and is never shown again; the draft names the file."""

        async def work() -> Response:
            await desk.keep_secret(tuple(body.route), body.key, body.secret, _match(request), who(request))
            return await _shown(desk)

        return await _carried_out(work)

    @router.post(
        "/draft/tariff",
        dependencies=OVERTAKEN,
        summary="Move the tariff into the site file",
        responses=changed(shape.DraftRow),
    )
    async def tariff(request: Request) -> Response:
        """What the tariff file says stands in the draft then; the file itself stays, and is not read any more."""

        async def work() -> Response:
            await desk.take_tariff(_match(request), who(request))
            return await _shown(desk)

        return await _carried_out(work)

    @router.delete("/draft", dependencies=OVERTAKEN, summary="Forget the draft", status_code=204, responses=REMOVED)
    async def drop(request: Request) -> Response:
        """The file stays as it is."""

        async def work() -> Response:
            await desk.drop(_match(request), who(request))
            return Response(status_code=204)

        return await _carried_out(work)


def _saving(router: Router, desk: SiteDesk) -> None:
    @router.post(
        "/draft/save",
        dependencies=OVERTAKEN,
        summary="Save the site file",
        responses={**ok(shape.SavedRow), **CHANGED},
    )
    async def save(request: Request) -> Response:
        """Write the file in one step and read it. Most counts at once; what waits for a restart, such as the
        installation, is named. The last revisions are kept.
        """

        async def work() -> Response:
            found = await desk.save(_match(request), who(request))
            rows = difference_rows(found)
            return await answered(
                lambda: {"differences": rows, "needs_restart": any(one["needs_restart"] for one in rows)}
            )

        return await _carried_out(work)

    @router.post("/draft/on-file", summary="Make the edits on the file as it is now", responses=tagged(shape.DraftRow))
    async def on_file(request: Request) -> Response:
        """For a draft that was overtaken by somebody who changed the file by hand."""

        async def work() -> Response:
            await desk.take_file(who(request))
            return await _shown(desk)

        return await _carried_out(work)


def _controller(router: Router, desk: SiteDesk) -> None:
    @router.put("/control", summary="Arm the controller, or let it only observe", status_code=204, responses=GONE)
    async def control(body: ControlBody, request: Request) -> Response:
        """Only observing, it steers nobody and shows what it would do. Whom it controlled before it brings to the
        fallback, cuts first, and leaves there; `release` at a station takes that away too. The file says so too.
        """

        async def work() -> Response:
            await desk.arm(body.armed, who(request))
            return Response(status_code=204)

        return await _carried_out(work)

    @router.post("/restart", summary="Begin anew with the saved file", status_code=204, responses=GONE)
    async def restart(request: Request) -> Response:
        """The stations are left at their fallback; the controller is back within seconds."""

        async def work() -> Response:
            await desk.restart(who(request))
            return Response(status_code=204)

        return await _carried_out(work)


def _readings(router: Router, desk: SiteDesk) -> None:
    waits = [needs(Role.INSTALLER, waits=True)]

    @router.post("/meter-test", summary="Read a meter", dependencies=waits, responses=ok(shape.MeterTestRow))
    async def meter_test(body: MeterBody) -> Response:
        """Every register raw and decoded, and what they make per phase of the site."""

        async def work() -> Response:
            test = await desk.test_meter(body.keys)
            return await answered(lambda: test_row(test))

        return await _carried_out(work)

    @router.post("/battery-test", summary="Read a battery", dependencies=waits, responses=ok(shape.MeterTestRow))
    async def battery_test(body: BatteryBody) -> Response:
        """What its meter says: state of charge, what flows into it, and every register."""

        async def work() -> Response:
            test = await desk.test_battery(body.keys)
            return await answered(lambda: test_row(test))

        return await _carried_out(work)


def _connections(router: Router, desk: SiteDesk) -> None:
    waits = [needs(Role.INSTALLER, waits=True)]

    @router.post(
        "/connection-test", summary="Try out a connection", dependencies=waits, responses=ok(shape.ConnectionTestRow)
    )
    async def connection_test(body: ConnectionBody, request: Request) -> Response:
        """A test mail, a signed test notice, a login at a broker or a server of files, what a provider or a partner
        publishes: what was seen, or why it does not work, within seconds.
        """

        async def work() -> Response:
            test = await desk.test_connection(tuple(body.route), body.keys, body.to, who(request))
            return await answered(lambda: connection_row(test))

        return await _carried_out(work)


def _proofs(router: Router, desk: ProofDesk) -> None:
    @router.get("/proofs", summary="Tests of outlets", responses=ok(shape.Proofs, 401, 403))
    async def proofs() -> Response:
        """The last test of every outlet, step by step; those that run come first."""
        found = desk.proofs()
        return await answered(lambda: {"proofs": [proof_row(one) for one in found]})

    @router.post("/proofs", summary="Test an outlet", responses=ok(shape.ProofRow))
    async def prove(body: ProofBody, request: Request) -> Response:
        """Configuration, clock, measured values; then currents are set, read back and measured."""

        async def work() -> Response:
            begun = await desk.begin(body.station, body.evse, body.offline, who(request))
            return await answered(lambda: proof_row(begun))

        return await _carried_out(work)

    @router.delete("/proofs/{station}", summary="End a test", status_code=204, responses=GONE)
    async def stop(station: Name, request: Request) -> Response:
        """The outlet is given back to the controller at once."""

        async def work() -> Response:
            await desk.stop(station, who(request))
            return Response(status_code=204)

        return await _carried_out(work)

    @router.get("/acceptance", summary="The supervised run", responses=ok(shape.AcceptanceRow, 401, 403, 404))
    async def acceptance() -> Response:
        """The last run, or the one that goes on."""
        run = desk.acceptance()
        if run is None:
            return problem(404, "the site has not been watched yet", "unknown")
        return await answered(lambda: acceptance_row(run))

    @router.post("/acceptance", summary="Watch the whole site for a while", responses=ok(shape.AcceptanceRow))
    async def watch(body: WatchBody, request: Request) -> Response:
        """What every circuit carries at most beside what it may, and everything that is complained of meanwhile."""

        async def work() -> Response:
            run = desk.watch(body.minutes, who(request))
            return await answered(lambda: acceptance_row(run))

        return await _carried_out(work)


async def _shown(desk: SiteDesk) -> Response:
    async def work() -> Response:
        view = await desk.view()
        return await answered(lambda: draft_row(view), {"etag": view.etag})

    return await _carried_out(work)


async def _carried_out(work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await carried_out(work)
    except OvertakenError as overtaken:
        return problem(412, str(overtaken), "changed")


def _match(request: Request) -> str | None:
    told: str | None = request.headers.get("if-match")
    return None if told in {None, "*"} else told
