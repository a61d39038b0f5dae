"""People, tags and groups: who may charge where and when; and cards that nobody knows.

A change is stored with who made it before it counts. With If-Match and the ETag of what was read nothing is overwritten
that somebody else changed meanwhile (412); with If-None-Match: * nothing that is there already.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from ems.adapters.web.access import shape
from ems.adapters.web.access.body import BlockBody, GroupBody, PersonBody, TagBody
from ems.adapters.web.access.cards import TagText, card_paths
from ems.adapters.web.access.held import held_paths
from ems.adapters.web.access.rows import (
    check_row,
    group_row,
    group_rows,
    people_rows,
    person_row,
    searched,
    tag_row,
)
from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.described import ANEW, OVERTAKEN, REMOVED, changed, kept, removed, shown, tagged
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.access.admission import Asked
from ems.domain.access.change import (
    GroupKept,
    GroupRemoved,
    PersonKept,
    PersonRemoved,
    TagRemoved,
    TagsKept,
)
from ems.domain.access.tag import Tag
from ems.domain.daybook import Daybook
from ems.domain.unknown import UnknownError
from ems.ports.controller import AccessDesk, Clock, Live, Operations

Name = Annotated[str, Path(max_length=64)]
WRITES = [needs(Role.OPERATOR)]
KEEPS, REMOVES = [*WRITES, *ANEW], [*WRITES, *OVERTAKEN]


def access_api(live: Live, clock: Clock, operations: Operations, desk: AccessDesk) -> Router:
    """Everything about who may charge."""
    router = Router(prefix="/api/v1", tags=["access"], dependencies=[needs(Role.VIEWER)])
    _people(router, operations)
    _groups(router, operations)
    _tags(router, operations, desk)
    _checks(router, live, clock, desk)
    card_paths(router, operations, desk)
    held_paths(router, clock, operations, desk)
    return router


def _people(router: Router, operations: Operations) -> None:
    @router.get("/people", summary="All people", responses=ok(shape.People, 400))
    async def people() -> Response:
        """All people with their tags. They are nobody who logs in."""
        book = operations.daybook.access
        return await answered(lambda: {"people": people_rows(book)})

    @router.get("/people/{name}", summary="One person", responses=tagged(shape.PersonRow, 404))
    async def person(name: Name) -> Response:
        """One person; the ETag names how they are described now."""
        return await shown(lambda: _person(operations, name))

    @router.put("/people/{name}", dependencies=KEEPS, summary="Describe a person",
                responses=changed(shape.PersonRow))  # fmt: skip
    async def keep(name: Name, body: PersonBody, request: Request) -> Response:
        """Add a person, or describe them anew. Blocked, none of their tags may charge, and what charges ends."""
        return await kept(
            request,
            name,
            lambda: _person(operations, name),
            (operations, lambda: PersonKept(body.person(name))),
        )

    @router.delete("/people/{name}", dependencies=REMOVES, summary="Forget a person", status_code=204,
                   responses=REMOVED)  # fmt: skip
    async def forget(name: Name, request: Request) -> Response:
        """Forget a person; their tags stay, without anybody."""
        return await removed(
            request,
            name,
            lambda: _person(operations, name),
            (operations, lambda: PersonRemoved(name)),
        )


def _groups(router: Router, operations: Operations) -> None:
    @router.get("/groups", summary="All groups of tags", responses=ok(shape.Groups, 400))
    async def groups() -> Response:
        """All groups with how many tags each has."""
        book = operations.daybook.access
        return await answered(lambda: {"groups": group_rows(book)})

    @router.get("/groups/{name}", summary="One group", responses=tagged(shape.GroupRow, 404))
    async def group(name: Name) -> Response:
        """One group; the ETag names how it is described now."""
        return await shown(lambda: _group(operations, name))

    @router.put("/groups/{name}", dependencies=KEEPS, summary="Describe a group",
                responses=changed(shape.GroupRow))  # fmt: skip
    async def keep(name: Name, body: GroupBody, request: Request) -> Response:
        """Add a group, or describe it anew. A tag may charge when one of its groups, and all those around that, allow
        it.
        """
        return await kept(
            request,
            name,
            lambda: _group(operations, name),
            (operations, lambda: GroupKept(body.group(name))),
        )

    @router.delete("/groups/{name}", dependencies=REMOVES, summary="Remove a group", status_code=204,
                   responses=REMOVED)  # fmt: skip
    async def remove(name: Name, request: Request) -> Response:
        """Remove a group in which nobody is any more."""
        return await removed(request, name, lambda: _group(operations, name), (operations, lambda: GroupRemoved(name)))


def _tags(router: Router, operations: Operations, desk: AccessDesk) -> None:
    def row(text: str) -> shape.TagRow:
        tag = _tag(operations, text)
        return tag_row(tag, desk.spent(tag), desk.doors.currency)

    @router.get("/tags", summary="Tags", responses=ok(shape.Tags, 400, 422))
    async def tags(
        search: Annotated[str, Query(max_length=100, description="in its id, its name or its person's")] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    ) -> Response:
        """Tags by id, also those that are blocked or over."""
        book, wanted = operations.daybook.access, search.casefold()

        def rows() -> dict[str, Any]:
            found = [tag for _, tag in sorted(book.tags.items()) if wanted in searched(book, tag)]
            return {
                "tags": [tag_row(tag, desk.spent(tag), desk.doors.currency) for tag in found[:limit]],
                "total": len(found),
            }

        return await answered(rows)

    @router.get("/tags/{text:path}", summary="One tag", responses=tagged(shape.TagRow, 404))
    async def one(text: TagText) -> Response:
        """One tag; the ETag names how it is described now."""
        return await shown(lambda: row(text))

    @router.put("/tags/{text:path}", dependencies=KEEPS, summary="Describe a tag",
                responses=changed(shape.TagRow))  # fmt: skip
    async def keep(text: TagText, body: TagBody, request: Request) -> Response:
        """Add a tag, or describe it anew. It counts from the next start on; blocking ends what charges."""
        return await kept(
            request,
            text,
            lambda: row(text),
            (operations, lambda: TagsKept((body.tag(text, desk.doors.currency),))),
        )

    @router.post("/tags/{text:path}/block", dependencies=WRITES, summary="Block a tag", responses=tagged(shape.TagRow))
    async def block(text: TagText, body: BlockBody, request: Request) -> Response:
        """Block a tag, or let it charge again; the rest of it stays."""

        async def work() -> Response:
            def blocked(_: Daybook) -> TagsKept:
                return TagsKept((replace(_tag(operations, text), is_blocked=body.blocked),))

            await operations.change_from(blocked, who(request))
            return await shown(lambda: row(text))

        return await carried_out(work)

    @router.delete("/tags/{text:path}", dependencies=REMOVES, summary="Forget a tag", status_code=204,
                   responses=REMOVED)  # fmt: skip
    async def forget(text: TagText, request: Request) -> Response:
        """Forget a tag. A session that it began goes on."""
        return await removed(request, text, lambda: row(text), (operations, lambda: TagRemoved(text)))


def _checks(router: Router, live: Live, clock: Clock, desk: AccessDesk) -> None:
    @router.get("/tag-check", summary="Whether a tag may charge", responses=ok(shape.CheckRow, 400, 404, 422))
    async def check(
        tag: Annotated[str, Query(max_length=64)],
        evse: Annotated[str, Query(max_length=64)],
        at: Annotated[datetime | None, Query(description="another moment than now, with its offset")] = None,
    ) -> Response:
        """Whether a tag may begin to charge at an EVSE, and why not. Nobody notices that this was asked."""

        async def work() -> Response:
            if live.state.site.evse_index(evse) is None:
                raise UnknownError(f"the site has no EVSE {evse!r}")
            if at is not None and at.tzinfo is None:
                raise ValueError("at: write a moment with its offset, for example 2026-03-10T05:10:00+01:00")
            asked = Asked(tag, evse, at or clock.now().utc)
            return await answered(lambda: check_row(asked, desk.check(asked)))

        return await carried_out(work)


def _person(operations: Operations, name: str) -> shape.PersonRow:
    book = operations.daybook.access
    if name not in book.people:
        raise UnknownError(f"there is no person {name!r:.80}")
    return person_row(book, book.people[name])


def _group(operations: Operations, name: str) -> shape.GroupRow:
    book = operations.daybook.access
    if name not in book.groups:
        raise UnknownError(f"there is no group {name!r:.80}")
    return group_row(book, book.groups[name])


def _tag(operations: Operations, text: str) -> Tag:
    tag = operations.daybook.access.tag(text)
    if tag is None:
        raise UnknownError(f"there is no tag {text!r:.80}")
    return tag
