"""What can be asked of a station over HTTP: every body means a request, every request has a name and a need."""

from __future__ import annotations

import typing
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ems.adapters.web.stations.operations import NAMES, OPERATIONS, Operation, RoundBody
from ems.adapters.web.stations.rows import in_words
from ems.domain.access.account import Role
from ems.domain.remote.outcome import (
    Announced,
    Asked,
    Effect,
    ListVersion,
    Outcome,
    Reserved,
    Schedule,
    Variable,
    Variables,
    VendorAnswer,
    Verdict,
)
from ems.domain.remote.request import (
    ClearCache,
    ReadSchedule,
    RequestStart,
    Reserve,
    Reset,
    ResetKind,
    StationRequest,
    UploadLog,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_every_request_has_a_name_and_all_but_the_uploads_a_path_of_that_name() -> None:
    assert set(NAMES) == set(typing.get_args(StationRequest))
    assert set(NAMES.values()) - set(OPERATIONS) == {"diagnostics"}
    assert [name for name, one in OPERATIONS.items() if one.role < Role.OPERATOR] == []


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_the_example_of_every_body_means_the_request_of_its_name(operation: Operation) -> None:
    examples: Any = operation.body.model_config.get("json_schema_extra", {"examples": [{}]})
    for example in examples["examples"]:
        request = operation.body.model_validate(example).asked(NOW)
        assert NAMES[type(request)] == operation.name


BAD: list[tuple[str, dict[str, Any]]] = [
    ("start", {"evse": 0}),
    ("start", {"evse": 1, "id_tag": ""}),
    ("start", {"evse": 1, "id_tag": "x" * 21}),
    ("start", {"evse": "one"}),
    ("stop", {}),
    ("reset", {"kind": "explode"}),
    ("availability", {}),
    ("availability", {"operative": "perhaps"}),
    ("reserve", {"id_tag": "A", "minutes": 0}),
    ("reserve", {"id_tag": "A", "minutes": 99999}),
    ("cancel-reservation", {"reservation": 2**31}),
    ("write-configuration", {"values": {}}),
    ("write-configuration", {"values": {"x" * 51: "1"}}),
    ("write-configuration", {"values": {"A": "x" * 501}}),
    ("write-configuration", {"values": {"A": None}}),
    ("firmware", {"url": "file:///etc/passwd"}),
    ("firmware", {"url": "javascript:alert(1)"}),
    ("firmware", {"url": "http://"}),
    ("firmware", {"url": "http://x/" + "y" * 600}),
    ("firmware", {"url": "http://x", "at": "2026-03-10T02:00"}),
    ("send-list", {"version": 0}),
    ("send-list", {"version": 1, "tags": [{"id_tag": "x" * 21}]}),
    ("vendor-data", {"vendor": ""}),
    ("set-profile", {"evse": 0, "profile": []}),
    ("set-profile", {"evse": -1, "profile": {}}),
    ("schedule", {"evse": 1, "duration_s": 0}),
    ("trigger", {"message": "SignChargePointCertificate"}),
    ("clear-cache", {"nonsense": 1}),
    ("clear-cache", {"wait_s": 1e9}),
    ("clear-cache", {"wait_s": float("nan")}),
]


@pytest.mark.parametrize(("name", "body"), BAD)
def test_what_cannot_be_meant_is_refused(name: str, body: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of pydantic, or with the domain's words
        OPERATIONS[name].body.model_validate(body).asked(NOW)


def test_a_round_is_of_a_few_hundred_stations_and_one_operation() -> None:
    for stations in ([], ["A"] * 1001, ["x" * 65]):
        with pytest.raises(ValidationError):
            RoundBody.model_validate({"operation": "reset", "stations": stations})


WORDS: list[tuple[StationRequest, Outcome | None, Effect, str]] = [
    (ClearCache(), None, Effect.NONE, "Asked; no answer yet"),
    (ClearCache(), Outcome(Verdict.ACCEPTED, "Accepted"), Effect.NONE, "Accepted"),
    (ClearCache(), Outcome(Verdict.REFUSED, "Rejected"), Effect.NONE, "Refused by the station"),
    (
        ClearCache(),
        Outcome(Verdict.REFUSED, "InternalError flash is full"),
        Effect.NONE,
        "Refused by the station (InternalError flash is full)",
    ),
    (
        ClearCache(),
        Outcome(Verdict.UNANSWERED, "no answer within 30 s"),
        Effect.NONE,
        "No answer; it may have been done all the same (no answer within 30 s)",
    ),
    (
        ClearCache(),
        Outcome(Verdict.OFFLINE, "the station is not connected"),
        Effect.NONE,
        "Not asked: the station is not connected",
    ),
    (RequestStart(1, "A"), Outcome(Verdict.ACCEPTED), Effect.AWAITED, "Accepted, waiting to see it"),
    (RequestStart(1, "A"), Outcome(Verdict.ACCEPTED), Effect.SEEN, "Accepted, a transaction has begun"),
    (
        Reset(ResetKind.SOFT),
        Outcome(Verdict.ACCEPTED),
        Effect.MISSED,
        "Accepted, but it has not started again",
    ),
    (
        Reserve(7, 1, "A", NOW),
        Outcome(Verdict.ACCEPTED, "Accepted", Reserved(7)),
        Effect.NONE,
        "Accepted: reservation 7",
    ),
    (
        Reserve(7, 1, "A", NOW),
        Outcome(Verdict.REFUSED, "Occupied", Reserved(7)),
        Effect.NONE,
        "Refused by the station (Occupied)",
    ),
    (
        UploadLog("ftp://x"),
        Outcome(Verdict.ACCEPTED, "", Announced("")),
        Effect.NONE,
        "Accepted: it names no file, and may have nothing to upload",
    ),
    (
        ReadSchedule(1, 60),
        Outcome(Verdict.ACCEPTED, "Accepted", Schedule("A", ((0, 16.0), (30, 6.0)))),
        Effect.NONE,
        "Accepted: 16 A now",
    ),
    (ClearCache(), Outcome(Verdict.ACCEPTED, "", ListVersion(-1)), Effect.NONE, "Accepted: it has no local list"),
    (
        ClearCache(),
        Outcome(Verdict.ACCEPTED, "", Variables((Variable("A", "1"),))),
        Effect.NONE,
        "Accepted: 1 variable",
    ),
    (
        ClearCache(),
        Outcome(Verdict.NOT_SUPPORTED, "UnknownVendorId", VendorAnswer("<b>\u202e")),
        Effect.NONE,
        "The station cannot do that (UnknownVendorId): <b>\ufffd",
    ),
]


@pytest.mark.parametrize(("request_", "outcome", "effect", "words"), WORDS)
def test_what_came_of_a_request_is_said_in_words(
    request_: StationRequest, outcome: Outcome | None, effect: Effect, words: str
) -> None:
    assert in_words(Asked(1, "CP", request_, "ada", NOW, outcome, (), effect)) == words
