"""What speaks against a request to a station, by what is known of the site."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ems.domain.apply import apply
from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.daybook import UnknownError
from ems.domain.events import StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.instant import Instant
from ems.domain.phases import Wiring
from ems.domain.policy import Control, Policy
from ems.domain.remote.request import (
    HIDDEN,
    CancelReservation,
    ClearCache,
    ReadSchedule,
    ReleaseLimits,
    RequestStart,
    RequestStop,
    Reserve,
    Reset,
    ResetKind,
    SetAvailability,
    SetRawProfile,
    StationRequest,
    Unlock,
    UpdateFirmware,
    UploadLog,
    WriteVariables,
    told,
    without_secrets,
)
from ems.domain.remote.rules import Judgement, is_kept, is_seen, judged
from ems.domain.session import Transaction
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import Evse, EvseStatus, Station

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = Instant(100.0, NOW)
EVSES = tuple(Evse("CP", n, "grid", Wiring.parse("L1 L2 L3"), 32, 6) for n in (1, 2))
STATION = Station("CP", EVSES)
SITE = Site("Yard", "Europe/Berlin", CircuitTree((Circuit("grid", None, (63.0,) * 3),)), (STATION,), (), (), Policy())
FREE = SiteState.initial(SITE)


def state(**statuses: EvseStatus) -> SiteState:
    """The site with EVSEs `one` and `two` in these states; who charges has a transaction."""
    known = FREE
    for word, number in (("one", 1), ("two", 2)):
        status = statuses.get(word, EvseStatus.AVAILABLE)
        known = apply(known, StatusChanged(f"CP/{number}", AT, status))
        if status is EvseStatus.CHARGING:
            known = apply(known, TransactionStarted(f"CP/{number}", AT, Transaction(number, NOW, 0.0)))
    return known


CHARGING = state(one=EvseStatus.CHARGING)
FIRMWARE = UpdateFirmware("https://x/y", NOW)

JUDGED: list[tuple[SiteState, StationRequest, Judgement]] = [
    (state(one=EvseStatus.PREPARING), RequestStart(1, "TAG"), Judgement()),
    (
        state(),
        RequestStart(1, "TAG"),
        Judgement(warnings=("no vehicle is plugged in yet: the station may wait for one, or give up",)),
    ),
    (
        state(one=EvseStatus.FINISHING),
        RequestStart(1, "TAG"),
        Judgement(
            warnings=("the last transaction has ended: many stations start again only after the cable was pulled",)
        ),
    ),
    (CHARGING, RequestStart(1, "TAG"), Judgement(("a transaction runs already at CP/1",), may_insist=False)),
    (
        state(one=EvseStatus.FAULTED),
        RequestStart(1, "TAG"),
        Judgement(("CP/1 is out of order: Faulted",)),
    ),
    (CHARGING, RequestStop(1), Judgement()),
    (CHARGING, RequestStop(2), Judgement(("no transaction runs at CP/2",), may_insist=False)),
    (CHARGING, Unlock(2), Judgement()),
    (CHARGING, Unlock(1), Judgement(("a transaction runs at CP/1 and would be ended by it",))),
    (CHARGING, Reset(ResetKind.SOFT), Judgement(("a transaction runs at CP/1 and would be ended by it",))),
    (CHARGING, FIRMWARE, Judgement(("a transaction runs at CP/1 and would be ended by it",))),
    (state(), Reset(ResetKind.HARD), Judgement()),
    (state(), FIRMWARE, Judgement()),
    (
        CHARGING,
        SetAvailability(None, False),
        Judgement(warnings=("a transaction runs at CP/1: it counts after its end",)),
    ),
    (CHARGING, SetAvailability(None, True), Judgement()),
    (CHARGING, WriteVariables((("ConnectionTimeOut", "90"),)), Judgement()),
    (
        CHARGING,
        WriteVariables((("metervaluesampleinterval", "90"),)),
        Judgement(
            warnings=(
                "metervaluesampleinterval: the controller steers by these samples, and sets it again when the station"
                " starts",
            )
        ),
    ),
    (
        CHARGING,
        WriteVariables((("AuthorizationKey", "x"),)),
        Judgement(
            (
                "AuthorizationKey is the password of the station: once it has another one, it is refused here until the"
                " file named by password_file holds that",
            )
        ),
    ),
    (CHARGING, ClearCache(), Judgement()),
    (
        CHARGING,
        ReleaseLimits(),
        Judgement(
            ("the controller is armed and would tell them anew: let it only observe first",),
            may_insist=False,
        ),
    ),
    (
        replace(FREE, site=replace(SITE, policy=Policy(control=Control.OBSERVE))),
        ReleaseLimits(),
        Judgement(
            (
                "then nothing limits what vehicles draw there (CP/1 32 A, CP/2 32 A), and only the fuses protect the"
                " cables",
            )
        ),
    ),
    (CHARGING, Reserve(7, None, "TAG", NOW + timedelta(hours=1)), Judgement()),
    (
        CHARGING,
        SetRawProfile(0, {}),
        Judgement(
            warnings=("the controller does not know of a raw profile, counts on without it, and cannot raise above it",)
        ),
    ),
]


@pytest.mark.parametrize(("known", "request_", "judgement"), JUDGED)
def test_a_request_is_judged_by_what_happens_at_the_station(
    known: SiteState, request_: StationRequest, judgement: Judgement
) -> None:
    assert judged(known, STATION, request_, NOW) == judgement


SENSELESS: list[tuple[StationRequest, type[ValueError], str]] = [
    (RequestStart(3, "TAG"), UnknownError, "station CP has no EVSE 3; it has 1, 2"),
    (Unlock(3), UnknownError, "no EVSE 3"),
    (ReadSchedule(3, 60), UnknownError, "no EVSE 3"),
    (RequestStart(1, ""), ValueError, "an id tag has 1 to 20 printable characters"),
    (RequestStart(1, "x" * 21), ValueError, "1 to 20"),
    (RequestStart(1, "a\nb"), ValueError, "printable"),
    (Reserve(7, 1, "TAG", NOW), ValueError, "a reservation ends within the next 2 days"),
    (Reserve(7, 1, "TAG", NOW + timedelta(days=3)), ValueError, "within the next 2 days"),
    (WriteVariables(()), ValueError, "nothing to write"),
    (CancelReservation(-1), ValueError, "from 0 on"),
]


@pytest.mark.parametrize(("request_", "kind", "words"), SENSELESS)
def test_what_cannot_be_meant_is_told(request_: StationRequest, kind: type[ValueError], words: str) -> None:
    with pytest.raises(kind, match=words):
        judged(FREE, STATION, request_, NOW)


def test_what_was_accepted_is_seen_in_the_state() -> None:
    plugged = state(one=EvseStatus.PREPARING)
    ended = apply(CHARGING, TransactionEnded("CP/1", AT, 1, None, "Remote", False))
    assert not is_seen(RequestStart(1, "T"), STATION, plugged, plugged)
    assert is_seen(RequestStart(1, "T"), STATION, plugged, CHARGING)
    assert is_seen(RequestStart(None, "T"), STATION, plugged, CHARGING)
    assert not is_seen(RequestStart(2, "T"), STATION, plugged, CHARGING)
    assert is_seen(RequestStop(1), STATION, CHARGING, ended)
    assert not is_seen(RequestStop(1), STATION, CHARGING, CHARGING)
    out = state(one=EvseStatus.UNAVAILABLE)
    assert is_seen(SetAvailability(1, False), STATION, plugged, out)
    assert not is_seen(SetAvailability(None, False), STATION, plugged, out)
    assert is_seen(SetAvailability(1, True), STATION, out, plugged)
    booted = replace(FREE, stations=(replace(FREE.stations[0], boots=1),))
    assert is_seen(Reset(ResetKind.SOFT), STATION, FREE, booted)
    assert not is_seen(ClearCache(), STATION, FREE, booted)


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (SetAvailability(1, False), True),
        (WriteVariables((("A", "1"),)), True),
        (CancelReservation(1), True),
        (RequestStart(1, "T"), False),
        (Unlock(1), False),
        (Reset(ResetKind.SOFT), False),
        (Reserve(7, 1, "TAG", NOW), False),
    ],
)
def test_only_what_says_how_a_station_is_to_be_can_wait_for_it(request_: StationRequest, kept: bool) -> None:
    assert is_kept(request_) is kept


def test_no_password_is_told_to_those_who_read_about_it() -> None:
    assert told(WriteVariables((("AuthorizationKey", "secret"), ("A", "1"))))["values"] == {
        "AuthorizationKey": HIDDEN,
        "A": "1",
    }
    assert told(UploadLog("ftp://u:p@host:21/secret"))["url"] == f"ftp://host:21/{HIDDEN}"
    assert told(UpdateFirmware("https://host/fw?key=secret", NOW))["url"] == f"https://host/{HIDDEN}"
    assert without_secrets("secret") == HIDDEN
