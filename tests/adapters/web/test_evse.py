"""The page of one EVSE: its course, its reasons, who may limit it, who was there, and why it is closed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ems.adapters.store.batch import Sample
from ems.adapters.store.moment import to_ms
from ems.adapters.web.evse.course import course
from ems.adapters.web.evse.rows import closing, reasons
from ems.adapters.web.stations.body import AvailabilityBody
from ems.adapters.web.texts import Calendar
from ems.domain.access.account import Role
from ems.domain.decision import Binding, Decision, Reason, Setpoint
from ems.domain.record.history import Audit
from ems.domain.record.past import Drawn, EvsePast, Offered
from ems.domain.remote.request import SetAvailability, told
from ems.domain.session import Session
from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.test_injection import HOSTILE

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVSE = "CP-01/1"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageOffice]:
    with PageOffice(tmp_path_factory.mktemp("office")) as one:
        yield one


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("offered", "drawn", "offers", "currents"),
    [
        ([], [], [None] * 6, [None] * 6),
        ([(-50, 16)], [], [16] * 6, [None] * 6),
        ([(0, 16), (25, 32), (28, 10)], [], [16, 16, 32, 10, 10, 10], [None] * 6),
        ([], [(5, 6), (12, 20), (13, 7)], [None] * 6, [6, 20, 7, 7, 7, 7]),
        ([], [(0, 0)], [None] * 6, [0] * 6),
    ],
)
def test_steps_keep_the_highest_values_and_invent_none(
    offered: list[tuple[float, float]],
    drawn: list[tuple[float, float]],
    offers: list[float | None],
    currents: list[float | None],
) -> None:
    past = EvsePast(
        tuple(Offered(later(at), amps, "evse", "") for at, amps in offered),
        tuple(Drawn(later(at), amps, None) for at, amps in drawn),
    )
    told = course(EVSE, past, NOON, later(60))
    assert told["step_s"] == 10
    assert (told["offered_a"], told["measured_a"]) == (offers, currents)
    assert told["at"] == [NOON.timestamp() + 10 * k for k in range(6)]


def test_a_measurement_does_not_hold_for_ever_but_nothing_flowing_does() -> None:
    past = EvsePast((), (Drawn(NOON, 16.0, None), Drawn(later(600), 0.0, None)))
    told = course(EVSE, past, NOON, later(1200))
    known = [value for value in told["measured_a"] if value is not None]
    assert known.count(16.0) == 12
    assert known.count(0.0) == 60


def test_neighbours_that_differ_in_numbers_only_are_one_reason() -> None:
    past = EvsePast(
        (
            Offered(later(-99), 0.0, "no-vehicle", "no vehicle"),
            Offered(later(60), 10.0, "circuit", "shared: grid (21 A) is full"),
            Offered(later(120), 14.0, "circuit", "shared: grid (17 A) is full"),
            Offered(later(180), 0.0, "circuit", "shared: grid (99 A) is full"),
        ),
        (),
    )
    told = reasons(past, NOON, later(240), Calendar(ZoneInfo("UTC"), "2026-11-20T12:00:00+00:00"))
    assert [(one["amps"], one["lasted"]) for one in told] == [
        ("0 A", "1 min"),
        ("10 to 14 A", "2 min"),
        ("0 A", "1 min"),
    ]
    assert told[-1]["tone"] == "calm"


def audit(evse: int | None, operative: bool, note: str = "") -> Audit:
    detail = {"station": "CP-01", "request": {"evse": evse, "operative": operative, "note": note}}
    return Audit(1, NOON, "otto", "SetAvailability", json.dumps(detail))


@pytest.mark.parametrize(
    ("audits", "note"),
    [
        ((), None),
        ((audit(1, False, "broken"),), "broken"),
        ((audit(None, False, "works"),), "works"),
        ((audit(2, False, "the other"), audit(1, False, "this")), "this"),
        ((audit(1, True), audit(1, False, "before")), None),
        ((Audit(1, NOON, "x", "y", "no JSON"), audit(1, False)), ""),
    ],
)
def test_who_took_it_out_of_service_is_found_in_the_audit(audits: tuple[Audit, ...], note: str | None) -> None:
    found = closing(audits, 1, Calendar(ZoneInfo("UTC"), "2026-11-20T12:00:00+00:00"))
    assert (None if found is None else found["note"]) == note


def test_the_page_tells_all_of_it(office: PageOffice) -> None:
    at = office.scene.instant
    told = Setpoint(EVSE, 16.0, 16.0, Reason(Binding.CIRCUIT, "row-a"))
    office.store.offers.tick(Decision(at.later(-120), (told,), ()))
    plugged = at.utc - timedelta(hours=3)
    session = Session(EVSE, plugged, at.monotonic_s - 10_800, energy_wh=12_300.0)
    office.store.ledger.session_changed(session)
    office.store.ledger.session_ended(session, at.utc)
    office.record([Sample(to_ms(at.utc) - 60_000, "evse", EVSE, 1550, 1540, 1530)])
    page = office.page(f"/evses/{EVSE}")
    assert page.status_code == 200, page.text
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text))
    for words in ("shared: row-a is full", "12.3 kWh", "for vehicles", "limit: rating of row-a", "Take out of service"):
        assert words in said
    answer: Any = office.told("GET", f"/evses/{EVSE}/course?hours=1")
    assert 15.5 in answer["measured_a"]


@pytest.mark.parametrize("path", ["/evses/CP-01/1", "/overview", "/access", "/system"])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.INSTALLER])
def test_a_page_is_shown_to_everybody_and_only_who_may_is_offered_to_change_something(
    office: PageOffice, role: Role, path: str
) -> None:
    page = office.page_for(role, path)
    assert page.status_code == 200, page.text
    if role is Role.VIEWER:
        forms: list[str] = re.findall(r"<form[^>]*>", page.text)
        assert [one for one in forms if 'role="search"' not in one and 'class="pick"' not in one] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/evses/CP-01/9", 404),
        ("/evses/CP-99/1", 404),
        ("/evses/CP-01/0", 422),
        ("/evses/CP-01/one", 422),
        ("/evses/%3Cscript%3E/1", 404),
        ("/evses/CP-01/1/course", 404),
        ("/api/v1/evses/CP-01/9/course", 404),
        ("/api/v1/evses/CP-01/1/course?hours=0", 422),
        ("/api/v1/evses/CP-01/1/course?hours=nan", 422),
        ("/api/v1/evses/CP-01/1/course?hours=999999", 422),
    ],
)
def test_what_is_not_there_is_said(office: PageOffice, path: str, status: int) -> None:
    answer = office.page(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/evses/CP-99/1", 404, "CP-99"),
        ("/evses/CP-01/one", 422, "number"),
        ("/evses/%3Cscript%3E/1", 404, "&lt;script&gt;"),
        ("/stations/CP-99", 404, "CP-99"),
    ],
)
def test_a_person_with_a_browser_is_told_so_by_a_page_that_leads_back(
    office: PageOffice, path: str, status: int, words: str
) -> None:
    answer = office.page(path, {"accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert words in answer.text
    assert 'href="/"' in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", HOSTILE)
def test_reasons_and_vehicles_are_inert(office: PageOffice, name: str) -> None:
    text = HOSTILE[name]
    at = office.scene.instant.later(3600 + 60 * list(HOSTILE).index(name))
    office.store.offers.tick(Decision(at, (Setpoint("CP-02/1", 7.0, 7.0, Reason(Binding.HELD, text)),), ()))
    office.scene.instant = at.later(1)
    page = office.page("/evses/CP-02/1")
    assert page.status_code == 200
    assert "<script>window" not in page.text
    assert "<img" not in page.text
    assert "<svg/onload" not in page.text


@pytest.mark.parametrize(
    ("note", "kept"),
    [("", ""), ("  broken\n plug ", "broken plug"), ("=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1")],
)
def test_a_note_goes_with_what_is_taken_out_of_service_but_not_to_the_station(note: str, kept: str) -> None:
    asked = AvailabilityBody(evse=1, operative=False, note=note).asked(NOON)
    assert asked == SetAvailability(1, False, kept)
    assert told(asked)["note"] == kept
    with pytest.raises(ValueError, match="200"):
        AvailabilityBody(operative=False, note="x" * 201)
