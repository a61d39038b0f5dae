"""EVSEs that are held for somebody: reservations and the waitlist."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from ems.adapters.web.access import shape
from ems.adapters.web.access.body import ReservationBody, WaitBody
from ems.adapters.web.access.rows import reservation_row, waiting_row
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.described import ANEW, OVERTAKEN, REMOVED, changed, kept, removed, shown, tagged
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.access.change import ReservationRemoved, Reserved, Waits, WaitsNoMore
from ems.domain.daybook import Daybook
from ems.domain.unknown import UnknownError
from ems.ports.controller import AccessDesk, Clock, Operations

Number = Annotated[int, Path(ge=1, lt=2**31)]
WRITES = [needs(Role.OPERATOR)]
KEEPS, REMOVES = [*WRITES, *ANEW], [*WRITES, *OVERTAKEN]


def held_paths(router: Router, clock: Clock, operations: Operations, desk: AccessDesk) -> None:
    """Add the paths."""
    _reservations(router, clock, operations, desk)
    _waitlist(router, clock, operations, desk)


def _reservations(router: Router, clock: Clock, operations: Operations, desk: AccessDesk) -> None:
    def row(number: int) -> shape.ReservationRow:
        found = operations.daybook.access.reservations.get(number)
        if found is None:
            raise UnknownError(f"there is no reservation {number}")
        return reservation_row(found, desk.told().get(number))

    @router.get("/reservations", summary="Reservations", responses=ok(shape.Reservations, 400))
    async def reservations() -> Response:
        """Reservations by their begin, also those that are over since today."""
        kept, told = operations.daybook.access.reservations, desk.told()
        found = sorted(kept.values(), key=lambda one: (one.starts, one.id))
        return await answered(lambda: {"reservations": [reservation_row(one, told.get(one.id)) for one in found]})

    @router.get("/reservations/{number}", summary="One reservation", responses=tagged(shape.ReservationRow, 404))
    async def one(number: Number) -> Response:
        """One reservation; the ETag names how it is now."""
        return await shown(lambda: row(number))

    @router.post("/reservations", dependencies=WRITES, summary="Reserve an EVSE",
                 responses=tagged(shape.ReservationRow))  # fmt: skip
    async def reserve(body: ReservationBody, request: Request) -> Response:
        """Hold an EVSE for a tag, and for the others of its person. While it is held nobody else may begin there; a
        station that keeps reservations is told, and shows it.
        """

        async def work() -> Response:
            def reserved(book: Daybook) -> Reserved:
                return Reserved(body.reservation(book.access.next_reservation, clock.now().utc))

            made = await operations.change_from(reserved, who(request))
            return await shown(lambda: row(made.reservation.id))

        return await carried_out(work)

    @router.put("/reservations/{number}", dependencies=KEEPS, summary="Change a reservation",
                responses=changed(shape.ReservationRow))  # fmt: skip
    async def change(number: Number, body: ReservationBody, request: Request) -> Response:
        """Move a reservation, or make it somebody else's. If-Match as elsewhere."""

        def moved() -> Reserved:
            row(number)
            return Reserved(body.reservation(number, clock.now().utc))

        return await kept(request, f"reservation {number}", lambda: row(number), (operations, moved))

    @router.delete("/reservations/{number}", dependencies=REMOVES, summary="Take back a reservation", status_code=204,
                   responses=REMOVED)  # fmt: skip
    async def cancel(number: Number, request: Request) -> Response:
        """Give the EVSE back to everybody."""
        wish = (operations, lambda: ReservationRemoved(number))
        return await removed(request, f"reservation {number}", lambda: row(number), wish)


def _waitlist(router: Router, clock: Clock, operations: Operations, desk: AccessDesk) -> None:
    @router.get("/waitlist", summary="Who waits", responses=ok(shape.Waitlist, 400))
    async def waitlist() -> Response:
        """Who waits for an EVSE, first come first; whose turn it is has an EVSE, for `claim_min` minutes."""
        book, minutes = operations.daybook.access, desk.doors.claim.total_seconds() / 60
        return await answered(
            lambda: {"waiting": [waiting_row(book, one) for one in book.waiting], "claim_min": minutes}
        )

    @router.post("/waitlist", dependencies=WRITES, summary="Wait for an EVSE", responses=ok(shape.WaitingRow))
    async def wait(body: WaitBody, request: Request) -> Response:
        """Put somebody on the waitlist. Once an EVSE is free, and it is their turn, it is kept for them for a while."""

        async def work() -> Response:
            def waits(known: Daybook) -> Waits:
                return Waits(body.waiting(known.access.next_waiting, clock.now().utc))

            number = (await operations.change_from(waits, who(request))).waiting.id
            book = operations.daybook.access
            found = next((one for one in book.waiting if one.id == number), None)
            if found is None:
                raise UnknownError("they wait no more")
            return await answered(lambda: waiting_row(book, found))

        return await carried_out(work)

    @router.delete("/waitlist/{number}", dependencies=WRITES, summary="Wait no more", status_code=204, responses=GONE)
    async def leave(number: Number, request: Request) -> Response:
        """Take somebody off the waitlist."""
        return await done(operations.change(WaitsNoMore(number), who(request)))
