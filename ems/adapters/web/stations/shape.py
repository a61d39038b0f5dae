"""The shape of what the interface answers about stations and what was asked of them.

Fields may be added; none is renamed or removed within `/api/v1`. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class AskedRow(TypedDict):
    """A request to a station; `verdict` null: not yet answered. `detail` is the station's own word for it, `words` what
    came of it for people, `effect` whether the station was seen to do it, `content` what it told.
    """

    number: int
    station: str
    operation: str
    request: dict[str, Any]
    who: str
    at: str
    verdict: str | None
    detail: str
    words: str
    warnings: list[str]
    effect: str
    content: dict[str, Any] | None


class OutletRow(TypedDict):
    """An EVSE of a station; `transaction` null: none runs."""

    evse: int
    id: str
    status: str
    error: str
    transaction: int | None


class StationSummary(TypedDict):
    """A station; `model` is what the controller takes it for. `last` is what was asked of it last."""

    id: str
    vendor: str
    product: str
    firmware: str
    model: str
    connected: bool
    evses: list[OutletRow]
    kept: int
    last: AskedRow | None


class StationSummaries(TypedDict):
    """All stations, in the site's order."""

    stations: list[StationSummary]


class WorkRow(TypedDict):
    """The state of a work in the station's own word, and since when."""

    status: str
    since: str


class FileRow(TypedDict):
    """A file that a station uploaded."""

    number: int
    name: str
    bytes: int
    at: str


class StationDetail(StationSummary):
    """A station; what was asked of it, newest first; what is asked when it returns; its works; its files."""

    asked: list[AskedRow]
    kept_requests: list[AskedRow]
    firmware_work: WorkRow | None
    diagnostics_work: WorkRow | None
    files: list[FileRow]


class VariableRow(TypedDict):
    """A configuration variable; `wanted` null: the template says nothing of it. `fit` is same, different, locked (it
    differs and cannot be written), missing or free.
    """

    name: str
    value: str | None
    wanted: str | None
    read_only: bool
    fit: str


class ConfigurationRow(TypedDict):
    """What was last read of a configuration, beside its template; `read_at` null: it was not read yet. `unknown`: names
    that the station says it does not know.
    """

    read_at: str | None
    template: dict[str, str]
    differences: int
    variables: list[VariableRow]
    unknown: list[str]


class MessageRow(TypedDict):
    """A frame, or the line itself coming and going; `payload` is cut where it is long, and holds no password."""

    at: str
    from_station: bool
    kind: str
    action: str
    id: str
    payload: str


class Messages(TypedDict):
    """The last frames on the line to a station, oldest first."""

    messages: list[MessageRow]


class StepRow(TypedDict):
    """A station in a round; `refusal`: why it was not asked."""

    station: str
    refusal: str
    asked: AskedRow | None


class RoundRow(TypedDict):
    """The same request to several stations; `done` of `steps` are over, `well` of them went well; of those `kept`
    are asked when they return.
    """

    number: int
    operation: str
    request: dict[str, Any]
    who: str
    at: str
    over: bool
    stopped: bool
    done: int
    well: int
    kept: int
    steps: list[StepRow]


class RoundRows(TypedDict):
    """The last rounds, newest first."""

    rounds: list[RoundRow]
