"""Where roaming partners ask (OCPI). They show a token of their own, which is looked at behind the door."""

from __future__ import annotations

from fastapi import Request, Response

from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.ports.roaming import RoamingDoor, RoamingRequest


def roaming_door(door: RoamingDoor) -> Router:
    """Everything below /ocpi/. Some of it waits for a partner, so it takes none of the turns of people."""
    router = Router(include_in_schema=False, dependencies=[needs(None, waits=True)])

    @router.api_route("/ocpi/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def ask(path: str, request: Request) -> Response:
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        asked = RoamingRequest(
            method=request.method,
            # As it was sent: a slash may be part of a name.
            path=raw.decode("ascii", "replace").partition("/ocpi/")[2],
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        answer = await door.answer(asked)
        return Response(answer.body, answer.status, {"cache-control": "no-store", **answer.headers})

    return router
