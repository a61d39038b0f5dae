"""Cards that nobody knows, lists of tags, and how access stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Path, Request, Response

from ems.adapters.web.access import shape
from ems.adapters.web.access.body import AdoptBody, TagListBody
from ems.adapters.web.access.rows import card_row, list_row, listed_rows, tag_row
from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.operations.rows import finding_rows_of
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.access.change import TagsKept
from ems.domain.access.tag import Person, Tag, plain_tag, tag_key
from ems.domain.daybook import Daybook, VehicleKept
from ems.domain.unknown import UnknownError
from ems.ports.controller import AccessDesk, Operations

TagText = Annotated[str, Path(max_length=64, description="as the station reports it; upper and lower case are one")]
WRITES = [needs(Role.OPERATOR)]
CSV = "text/csv; charset=utf-8"


def card_paths(router: Router, operations: Operations, desk: AccessDesk) -> None:
    """Add the paths."""
    _lists(router, operations, desk)
    _stands(router, desk)
    _cards(router, operations, desk)


def _lists(router: Router, operations: Operations, desk: AccessDesk) -> None:
    @router.get("/tag-list.csv", summary="All tags as a list", responses={200: {"content": {"text/csv": {}}}})
    async def export() -> Response:
        """All tags as CSV, for a spreadsheet: no cell is one that it would carry out."""
        headers = {**FRESH, "content-disposition": 'attachment; filename="tags.csv"'}
        return Response((await desk.write_tags()).encode(), 200, headers, CSV)

    @router.post("/tag-list/import", dependencies=WRITES, summary="Read a list of tags", responses=ok(shape.TagsListed))
    async def listed(body: TagListBody, request: Request, apply: bool = False) -> Response:
        """Read a list of tags (CSV with a heading: tag, and name, person, groups, valid_from, valid_to, evses, hours,
        budget_kwh, budget_period, priority, at_once, blocked as they are there). The answer is a preview; with
        `apply=true` all of it is taken, or, if any row is refused, nothing. Tags that it does not name stay.
        """

        async def work() -> Response:
            told, before = await desk.read_tags(body.csv), operations.daybook.access
            if apply and told.is_refused:
                first = "there are no tags" if not told.findings else str(told.findings[0])
                return problem(422, f"nothing was taken: {first}", "list-refused", more=finding_rows_of(told.findings))
            if apply:
                await operations.change(told.change, who(request))
            return await answered(lambda: listed_rows(told, before, apply))

        return await carried_out(work)


def _stands(router: Router, desk: AccessDesk) -> None:
    @router.get("/access", summary="How access stands", responses=ok(shape.AccessState, 400))
    async def stands() -> Response:
        """Who may charge at each EVSE, how far stations are with their local lists, and what is being ended."""
        doors, lists, endings = desk.doors, desk.lists(), desk.endings()

        def rows() -> shape.AccessState:
            return {
                "modes": {"": doors.mode.value, **{evse: mode.value for evse, mode in doors.modes.items()}},
                "free_tag": doors.free_tag,
                "lists": [list_row(station, one) for station, one in lists.items()],
                "endings": [{"evse": evse, "reason": reason} for evse, reason in endings],
            }

        return await answered(rows)


def _cards(router: Router, operations: Operations, desk: AccessDesk) -> None:
    @router.get("/cards", summary="Tags that nobody knows", responses=ok(shape.Cards, 400))
    async def cards() -> Response:
        """Tags that were presented lately and nobody knows, the newest first; of many, the last hundred."""
        found = desk.cards
        return await answered(lambda: {"cards": [card_row(one) for one in found]})

    @router.post("/cards/{text:path}/adopt", dependencies=WRITES, summary="Let a card charge from now on",
                 responses=ok(shape.TagRow))  # fmt: skip
    async def adopt(text: TagText, body: AdoptBody, request: Request) -> Response:
        """Take a card that nobody knows: as a tag, of a person if one is named, or of a vehicle."""

        async def work() -> Response:
            card = next((one for one in desk.cards if tag_key(one.tag) == tag_key(text)), None)
            if card is None:
                raise UnknownError(f"no unknown card {text!r} was presented lately; hold it up again, or PUT the tag")
            tag = Tag(plain_tag(card.tag), body.name, body.person, tuple(body.groups))
            if body.vehicle is not None:
                name = body.vehicle
                await operations.change_from(lambda book: _recognised(book, name, tag), who(request))
            people = () if body.person is None else (Person(body.person),)
            await operations.change(TagsKept((tag,), people), who(request))
            return await answered(lambda: tag_row(tag, desk.spent(tag), desk.doors.currency))

        return await carried_out(work)

    @router.delete("/cards/{text:path}", dependencies=WRITES, summary="Forget a card", status_code=204, responses=GONE)
    async def forget(text: TagText) -> Response:
        """Forget that an unknown card was presented."""

        async def work() -> None:
            if not desk.forget(text):
                raise UnknownError(f"no unknown card {text!r} was presented lately")

        return await done(work())


def _recognised(book: Daybook, name: str, tag: Tag) -> VehicleKept:
    """A vehicle with one tag more, otherwise as it is then."""
    vehicle = book.fleet.vehicles.get(name)
    if vehicle is None:
        raise UnknownError(f"there is no vehicle {name!r}")
    known = (*vehicle.id_tags, tag.id)
    return VehicleKept(replace(vehicle, id_tags=known), book.fleet.weekly.get(vehicle.id, ()))
