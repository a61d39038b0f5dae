"""The HTTP interface of the running daemon, as commands ask it."""

from __future__ import annotations

import getpass
import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from ems.cli.outcome import UsageError
from ems.cli.site import port_in
from ems.settings.build import SiteSettings
from ems.settings.machine_token import known_token
from ems.settings.places import state_dir

ASK_S = 5.0
TELL_S = 20.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - comparing, not binding
"""Who listens everywhere is asked on loopback."""


def picture_of(settings: SiteSettings) -> dict[str, Any]:
    """What the daemon shows. Raises UsageError."""
    address = _address(settings, "state")
    found = _answer(settings, Request(address), ASK_S)  # noqa: S310 - http, as written below
    if "evses" not in found:
        raise UsageError(f"{address}: {found['detail']}")
    return found


def asked(settings: SiteSettings, path: str) -> dict[str, Any]:
    """The answer to a question, also when the daemon refuses; its `status` is there then. Raises UsageError."""
    return _answer(settings, Request(_address(settings, path)), ASK_S)  # noqa: S310


def told(
    settings: SiteSettings,
    path: str,
    body: dict[str, Any] | None,
    method: str = "POST",
    patience_s: float = TELL_S,
) -> dict[str, Any]:
    """The answer to something that the daemon is told, also when it refuses; its `status` is there then. Raises
    UsageError.
    """
    headers = {"content-type": "application/json", "x-operator": _operator()}
    content = None if body is None else json.dumps(body).encode()
    request = Request(_address(settings, path), content, headers, method=method)  # noqa: S310
    return _answer(settings, request, patience_s)


def _address(settings: SiteSettings, path: str) -> str:
    web = settings.web
    host, port = EVERYWHERE.get(web.host, web.host), port_in("EMS_HTTP_PORT")
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port if port is None else port}/api/v1/{path}"


def _answer(settings: SiteSettings, request: Request, patience_s: float) -> dict[str, Any]:
    """The answer to somebody who may read the daemon's state, as far as this account may; else to anybody."""
    token = known_token(state_dir(settings.path))
    if not token:
        return _answer_to(request, patience_s)
    request.add_header("Authorization", f"Bearer {token}")
    found = _answer_to(request, patience_s)
    if found.get("reason") != "bad-token":
        return found
    request.remove_header("Authorization")
    return _answer_to(request, patience_s)


def _answer_to(request: Request, patience_s: float) -> dict[str, Any]:
    try:
        # The daemon is near: what the environment says about proxies is for the world outside.
        with build_opener(ProxyHandler({})).open(request, timeout=patience_s) as answer:
            text = answer.read()
            found: dict[str, Any] = json.loads(text) if text else {}
    except HTTPError as refused:
        return _refusal(request.full_url, refused)
    except (URLError, OSError, ValueError) as failed:
        reason = getattr(failed, "reason", failed)
        raise UsageError(f"no daemon answers at {request.full_url} ({reason}); start it with `ems run`") from None
    return found


def _refusal(address: str, refused: HTTPError) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.load(refused)
        return {**found, "status": refused.code, "detail": str(found["detail"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{address} answers {refused.code} {refused.reason}; is that the daemon?") from None


def _operator() -> str:
    """The account that asks; headers are ASCII."""
    try:
        return getpass.getuser().encode("ascii", "replace").decode()
    except (OSError, KeyError):
        return ""
