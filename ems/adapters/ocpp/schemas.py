"""The JSON schemas of OCPP, compiled once: strict out.

They come with the package `ocpp`; `jsonschema-rs` checks them some hundred times faster than the package does.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import jsonschema_rs


class OutgoingError(ValueError):
    """We were about to send something that the standard does not allow: a fault of ours, never of the station."""


@cache
def _validator(version: str, name: str) -> jsonschema_rs.Draft4Validator:
    path = resources.files("ocpp") / version / "schemas" / f"{name}.json"
    return jsonschema_rs.Draft4Validator(json.loads(path.read_text(encoding="utf-8-sig")), validate_formats=False)


def check_request(version: str, action: str, payload: object) -> None:
    """Raise OutgoingError unless `payload` is a valid request of `action`."""
    _check(version, action, payload)


def check_response(version: str, action: str, payload: object) -> None:
    """Raise OutgoingError unless `payload` is a valid answer to `action`."""
    _check(version, f"{action}Response", payload)


@cache
def known_actions(version: str) -> frozenset[str]:
    """Every action of an OCPP version, as in `v16`."""
    folder = resources.files("ocpp") / version / "schemas"
    names = {entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")}
    return frozenset(name for name in names if not name.endswith("Response"))


def _check(version: str, name: str, payload: object) -> None:
    try:
        _validator(version, name).validate(payload)
    except jsonschema_rs.ValidationError as wrong:
        raise OutgoingError(f"{name}: {wrong.message}") from None
