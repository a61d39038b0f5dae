"""The document of the interface, completed by what the gate answers and by how errors look.

Routes say what comes of what they do; what every request may be answered before it reaches them is added here, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ems.adapters.web.problem import documented

WRITES = frozenset({"post", "put", "patch", "delete"})
EVERYWHERE = {
    400: "asked under a foreign name, or in a way that makes no sense",
    401: "nobody knows who asks: there is no login or token, or it is over",
    403: "the role does not allow it, or a page of another site asks",
    405: "nothing at this path takes the method",
    422: "a value does not fit",
}
OF_WRITES = {
    408: "the body took too long",
    411: "the body does not say how long it is",
    413: "the body is larger than anything that can be told here",
    415: "the body is not application/json",
}


def completed(told: dict[str, Any]) -> dict[str, Any]:
    """The document with every answer that there is. Errors are problems (RFC 9457), also those of the framework."""
    for method, operation in _operations(told):
        answers = operation.setdefault("responses", {})
        if "application/json" in answers.get("422", {}).get("content", {}):
            del answers["422"]
        wanted = {**EVERYWHERE, **(OF_WRITES if method in WRITES else {})}
        for status, words in wanted.items():
            answers.setdefault(str(status), documented(words))
    schemas = told.get("components", {}).get("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return told


def _operations(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in told.get("paths", {}).values():
        for method, operation in path.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield method, operation
