"""What a partner asks for: the way, the body, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

from pydantic import ValidationError

from ems.adapters.ocpi.error import OcpiError, StatusCode
from ems.adapters.ocpi.model.credentials import VERSION
from ems.adapters.ocpi.model.types import Thing
from ems.adapters.ocpi.tokens import invalid
from ems.domain.roaming import Partner
from ems.ports.roaming import RoamingRequest

T = TypeVar("T", bound=Thing)

MODULES = (
    ("cdrs", "SENDER"),
    ("commands", "RECEIVER"),
    ("credentials", "SENDER"),
    ("locations", "SENDER"),
    ("sessions", "SENDER"),
    ("tariffs", "SENDER"),
    ("tokens", "RECEIVER"),
)


class Reply(NamedTuple):
    """What is answered."""

    data: Any = None
    status: int = 200
    headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Asking:
    """A request of a partner; `rest` are the segments of its path behind the module."""

    partner: Partner
    is_invited: bool
    rest: Sequence[str]
    request: RoamingRequest

    @property
    def method(self) -> str:
        """GET, POST, …"""
        return self.request.method

    def told(self, kind: type[T]) -> T:
        """The body. Raises OcpiError."""
        try:
            return kind.model_validate(self.json())
        except ValidationError as wrong:
            raise invalid(wrong) from None

    def json(self) -> dict[str, Any]:
        """The body, which is an object. Raises OcpiError."""
        try:
            found = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise OcpiError(StatusCode.CLIENT_ERROR, "the body is no JSON", 400) from None
        if not isinstance(found, dict):
            raise OcpiError(StatusCode.INVALID_PARAMETERS, "the body must be an object")
        return found


def way(path: str) -> tuple[str, tuple[str, ...]]:
    """The module that a path leads to, and what is behind it. Raises OcpiError."""
    parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    if parts == ("versions",):
        return "versions", ()
    if parts[0] == VERSION:
        if len(parts) == 1:
            return "details", ()
        if any(parts[1] == name for name, _ in MODULES):
            return parts[1], parts[2:]
    elif parts[0].replace(".", "").isdigit():
        raise OcpiError(StatusCode.UNSUPPORTED_VERSION, f"only version {VERSION} is spoken here", 404)
    raise nothing()


def nothing() -> OcpiError:
    """There is nothing at this path."""
    return OcpiError(StatusCode.CLIENT_ERROR, "there is nothing here", 404)


def must_be(asking: Asking, method: str, most: int) -> None:
    """Raises OcpiError when it is another method, or there are more segments behind the module."""
    if asking.method != method:
        raise not_allowed(asking)
    must_have(asking, most)


def must_have(asking: Asking, most: int) -> None:
    """Raises OcpiError when there are more segments behind the module."""
    if len(asking.rest) > most:
        raise nothing()


def not_allowed(asking: Asking) -> OcpiError:
    """There is something, but it takes other methods."""
    return OcpiError(StatusCode.CLIENT_ERROR, f"{asking.method} is not for this", 405)
