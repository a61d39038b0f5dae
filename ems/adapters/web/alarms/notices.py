"""What has happened, for other systems: as a list, as server-sent events, and who else is told of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ems.adapters.web.alarms import shape
from ems.adapters.web.alarms.notice_stream import NoticeStream
from ems.adapters.web.alarms.rows import delivery_row, notice_row, target_row
from ems.adapters.web.body import Moment
from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import documented
from ems.adapters.web.route import Router
from ems.adapters.web.stream import MEDIA_TYPE
from ems.domain.access.account import Role
from ems.domain.alarm.notice import Topic
from ems.ports.controller import Live
from ems.ports.notices import Notices

Name = Annotated[str, Path(max_length=64)]


def notice_api(live: Live, notices: Notices) -> Router:
    """Everything about notices."""
    router = Router(prefix="/api/v1", tags=["notices"], dependencies=[needs(Role.VIEWER)])

    @router.get("/notices", summary="What has happened", responses=ok(shape.NoticeList, 400, 422, 503))
    async def listed(
        after: Annotated[int, Query(ge=0, lt=2**63, description="only those with a higher number")] = 0,
        type: Annotated[list[Topic] | None, Query(max_length=20)] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    ) -> Response:
        """Sessions, transactions, statuses, stations and alarms as they happened, the oldest first; the newest 20,000
        are kept.
        """

        async def work() -> Response:
            found = await notices.notices(after, limit, type or ())

            def rows() -> dict[str, Any]:
                site = live.state.site.name
                return {"notices": [notice_row(one, site) for one in found], "last": notices.last}

            return await answered(rows)

        return await carried_out(work)

    @router.get(
        "/notices/stream",
        dependencies=[needs(Role.VIEWER, waits=True)],
        summary="What happens, as it happens",
        responses={200: {"content": {MEDIA_TYPE: {}}}, 422: documented("no number"), 503: documented("too many")},
    )
    async def stream(
        request: Request,
        after: Annotated[int | None, Query(ge=0, lt=2**63, description="begin behind this number")] = None,
    ) -> Response:
        """The same as server-sent events, named by their type, with their number as id. Whoever comes again with
        Last-Event-ID gets what was missed meanwhile first, also over a restart of the controller.
        """
        told = request.headers.get("last-event-id", "")
        begin = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else after
        return NoticeStream(notices, request.app.state.hall, live.state.site.name, begin)

    _targets(router, live, notices)
    return router


def _targets(router: Router, live: Live, notices: Notices) -> None:
    @router.get("/targets", summary="Who is told", responses=ok(shape.TargetList, 400))
    async def targets() -> Response:
        """Webhooks, mail and brokers of the site file, with how they do."""
        return await answered(lambda: {"targets": [target_row(one) for one in notices.targets()]})

    @router.get(
        "/targets/{name}/deliveries", summary="What somebody was told", responses=ok(shape.DeliveryList, 404, 422, 503)
    )
    async def deliveries(name: Name, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
        """The newest deliveries to a target, with how often each was tried and what was answered."""

        async def work() -> Response:
            found = await notices.deliveries(name, limit)
            return await answered(lambda: {"deliveries": [delivery_row(one) for one in found]})

        return await carried_out(work)

    @router.post(
        "/targets/{name}/test",
        dependencies=[needs(Role.OPERATOR)],
        summary="Send a test",
        responses=ok(shape.NoticeRow),
    )
    async def test(name: Name, request: Request) -> Response:
        """Send somebody a notice of type `test`, whatever else they want to know. Whether it arrived, the deliveries
        say.
        """

        async def work() -> Response:
            sent = await notices.test(name, who(request))
            return await answered(lambda: notice_row(sent, live.state.site.name))

        return await carried_out(work)


class WebhookBody(BaseModel):
    """What a webhook of the site file gets."""

    id: str = Field(examples=["evt_5f0c1d2e3b4a49688f7e6d5c4b3a2910"])
    type: Topic
    timestamp: Moment
    site: str
    subject: str = Field(description="the EVSE, station or circuit")
    data: dict[str, Any]


class WebhookHeaders(BaseModel):
    """What says that a notice is ours. Without a secret there is no time and no signature."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    webhook_id: str = Field(description="of the notice, the same when it is sent again")
    webhook_timestamp: int | None = Field(None, description="when this attempt was signed, in seconds since 1970")
    webhook_signature: str | None = Field(None, description="v1, and the base64 of the digest")
    ems_attempt: int = Field(description="1 at the first time")


def webhook_docs() -> APIRouter:
    """What webhooks are sent, for the OpenAPI document."""
    router = APIRouter()

    def documented_as(topic: Topic) -> None:
        @router.post(topic.value, summary=topic.value.replace(".", " ").capitalize(), operation_id=f"on {topic.value}")
        async def told(body: WebhookBody, signed: Annotated[WebhookHeaders, Header()]) -> None:
            """An address of `webhooks:` in the site file is told, signed as the Standard Webhooks specification says.

            To verify it, make the HMAC-SHA256 of `webhook-id`, a full stop, `webhook-timestamp`, a full stop and the
            body as it came, byte for byte. The key is what stands in the `secret_file`, its characters as they are
            without blanks and line ends around them; of a secret that begins with `whsec_`, the bytes that the base64
            behind that stands for. `v1,` and the base64 of it is the `webhook-signature`. Refuse what was signed more
            than five minutes ago, and take a `webhook-id` only once: it stays the same when a notice is sent again.

            Any answer 2xx within 10 s says that it has arrived. Whatever else comes, redirects too, it is tried again
            after 2 s, 5 s, 15 s, 1 min, 5 min and then every 15 min, for three days, in the order of what happened.
            With 400, 404, 405, 410, 413, 415 or 422 the notice is taken for refused, and left out after the eighth
            time.
            """

    for topic in Topic:
        documented_as(topic)
    return router
