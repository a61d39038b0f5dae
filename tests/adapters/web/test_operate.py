"""What people change: it is checked, stored with who did it, told to the core, and there again after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.gate import MAX_BODY
from ems.domain.events import LimitReceived
from ems.domain.limit import Limit
from ems.domain.session import NeedOrigin
from ems.domain.strategy import Strategy
from tests.adapters.web.office import JSON, Office
from tests.adapters.web.visit import ask

BUS: dict[str, Any] = {
    "name": "Citaro 17",
    "evse": "CP-11/1",
    "battery_kwh": 392.0,
    "max_a": 32.0,
    "legs": 3,
    "service_class": 2,
    "weekly": [{"days": "Mon,Fri", "at": "23:10", "target_soc_percent": 90.0, "energy_kwh": None}],
}
"""Its place is one where a vehicle charges of which nobody has said anything."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for all requests that must change nothing."""
    with Office(tmp_path_factory.mktemp("calm")) as opened:
        opened.told("PUT", "/vehicles/Bus 17", BUS)
        yield opened


def hours(office: Office, ahead: float) -> str:
    """A moment from now, as a client writes it."""
    return (office.scene.instant.utc + timedelta(hours=ahead)).isoformat()


def test_a_vehicle_is_described_recognised_and_planned_for(office: Office) -> None:
    told = office.told("PUT", "/vehicles/Bus 17", BUS)
    assert {name: told[name] for name in BUS} == BUS
    assert office.told("GET", "/vehicles")["vehicles"] == [told]
    session = office.session("CP-11/1")
    assert session.vehicle is not None
    assert (session.vehicle.id, session.vehicle.max_a, session.service_class) == ("Bus 17", 32.0, 2)
    assert session.need.origin is NeedOrigin.SCHEDULED
    assert session.need.departure == datetime.fromisoformat("2026-11-20T22:10:00+00:00")
    (leaves,) = office.told("GET", "/departures")["next"]
    assert (leaves["vehicle"], leaves["at"]) == ("Bus 17", "2026-11-20T22:10:00+00:00")


def test_a_vehicle_that_is_forgotten_leaves_its_session_without_a_timetable(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    office.told("DELETE", "/vehicles/Bus 17")
    session = office.session("CP-11/1")
    assert (session.vehicle, session.need.is_empty, session.service_class) == (None, True, 0)
    assert office.refused("GET", "/vehicles/Bus 17")[0] == 404
    assert office.refused("DELETE", "/vehicles/Bus 17")[0] == 404


def test_two_who_change_the_same_vehicle_do_not_undo_each_other(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    seen = {"if-match": office.ask("GET", "/vehicles/Bus 17").headers["etag"]}
    office.told("PUT", "/vehicles/Bus 17/soc", {"soc_percent": 40})
    office.told("PUT", "/vehicles/Bus 17", {**BUS, "max_a": 16.0}, seen)
    status, words = office.refused("PUT", "/vehicles/Bus 17", {**BUS, "legs": 1}, seen)
    assert (status, words.startswith("somebody has changed 'Bus 17' meanwhile")) == (412, True)
    assert office.refused("DELETE", "/vehicles/Bus 17", headers=seen)[0] == 412
    assert office.told("GET", "/vehicles/Bus 17")["max_a"] == 16.0


def test_of_some_who_change_the_same_at_the_same_moment_one_does_and_the_others_are_told(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    seen = {"if-match": office.ask("GET", "/vehicles/Bus 17").headers["etag"]}
    wished = [{**BUS, "max_a": float(amps)} for amps in range(10, 18)]
    answers = office.ask_at_once("PUT", "/vehicles/Bus 17", wished, seen)
    assert sorted(one.status_code for one in answers) == [200, *[412] * 7]
    (kept,) = (one.json() for one in answers if one.status_code == 200)
    assert office.told("GET", "/vehicles/Bus 17") == kept
    new = office.ask_at_once("PUT", "/vehicles/Bus 18", [{}, {"name": "another"}, {}], {"if-none-match": "*"})
    assert sorted(one.status_code for one in new) == [200, 412, 412]


@pytest.mark.parametrize(
    ("told", "status"),
    [("{etag}", 200), ('"old", {etag}', 200), ("*", 200), ('"old"', 412), ("W/{etag}", 412), ("", 412)],
)
def test_what_an_if_match_may_say(office: Office, told: str, status: int) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    etag = office.ask("GET", "/vehicles/Bus 17").headers["etag"]
    asked = office.ask("PUT", "/vehicles/Bus 17", {**BUS, "max_a": 16.0}, {"if-match": told.format(etag=etag)})
    assert asked.status_code == status


def test_a_state_of_charge_makes_the_energy_of_a_session(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    office.told("PUT", "/vehicles/Bus 17/soc", {"soc_percent": 40})
    session = office.session("CP-11/1")
    assert session.soc_percent == 40.0
    assert session.need.energy_wh == pytest.approx(session.soc_at_wh + 0.5 * 392e3 / 0.9)


def test_a_state_of_charge_that_comes_each_minute_is_kept_but_no_deed_of_anybody(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    for percent in (40, 41, 42):
        office.told("PUT", "/vehicles/Bus 17/soc", {"soc_percent": percent})
    assert len(office.told("GET", "/audit")["audit"]) == 1
    office.restart()
    assert office.told("GET", "/vehicles/Bus 17")["soc_percent"] == 42


def test_a_class_is_promised_something_and_left_to_the_site_file_again(office: Office) -> None:
    """CP-11/1 is of class 0, and nobody knows what is plugged in there."""
    told = office.told("PUT", "/classes/0", {"name": "staff", "guarantee": {"energy_kwh": 8, "minimum_always": True}})
    promise = {"energy_kwh": 8.0, "by": None, "minimum_always": True}
    assert told == {"number": 0, "name": "staff", "guarantee": promise, "told": True, "site": None}
    need = office.session("CP-11/1").need
    assert (need.guaranteed_wh, need.minimum_always, need.origin) == (8e3, True, NeedOrigin.SCHEDULED)
    office.restart()
    assert office.told("GET", "/classes")["classes"] == [told]
    office.told("DELETE", "/classes/0")
    assert office.session("CP-11/1").need.is_empty
    assert office.told("GET", "/classes")["classes"] == []
    assert office.refused("DELETE", "/classes/0")[0] == 404
    assert office.told("GET", "/audit")["audit"][0]["what"] == "ClassReleased"


def test_who_is_given_another_class_for_a_session_has_the_promise_of_that_one(office: Office) -> None:
    office.told("PUT", "/classes/5", {"guarantee": {"minimum_always": True}})
    assert office.told("POST", "/evses/CP-11/1/need", {"priority": 5})["need"]["origin"] == "stated"
    assert office.session("CP-11/1").need.minimum_always
    office.told("POST", "/evses/CP-11/1/need", {"priority": 4, "minimum_always": True})
    assert not office.session("CP-11/1").need.minimum_always, "nothing else was said than what class 5 was promised"


def test_a_week_that_says_what_holds_on_holidays_is_told_as_it_was_written(office: Office) -> None:
    week = [*BUS["weekly"], {"days": "Sun,Holiday", "at": None, "target_soc_percent": None, "energy_kwh": None}]
    assert office.told("PUT", "/vehicles/Bus 17", {**BUS, "weekly": week})["weekly"] == week
    office.restart()
    assert office.told("GET", "/vehicles/Bus 17")["weekly"] == week
    for wrong, words in (
        ({"days": "Sun", "at": None}, "nothing need be said of who stays"),
        ({"days": "Holiday", "at": None, "energy_kwh": 5}, "who stays needs nothing"),
        ({"days": "Feast", "at": "05:10"}, "'Feast' is not a weekday"),
    ):
        status, told = office.refused("PUT", "/vehicles/Bus 17", {**BUS, "weekly": [wrong]})
        assert (status, words in told) == (422, True), told


def test_the_departures_of_a_date_take_the_place_of_the_week(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    day = {"departures": [{"at": "21:30", "energy_kwh": 55}, {"at": "23:45", "energy_kwh": 5, "priority": 7}]}
    office.told("PUT", "/departures/Bus 17/2026-11-20", day)
    session = office.session("CP-11/1")
    assert session.need.departure == datetime.fromisoformat("2026-11-20T20:30:00+00:00")
    assert session.need.energy_wh == 55e3
    assert [one["at"][11:16] for one in office.told("GET", "/departures")["departures"]] == ["20:30", "22:45"]
    office.told("PUT", "/departures/Bus 17/2026-11-20", {"departures": []})
    assert office.session("CP-11/1").need.departure == datetime.fromisoformat("2026-11-20T22:10:00+00:00")


def test_what_a_driver_says_wins_and_can_be_taken_back(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    told = office.told("POST", "/evses/CP-11/1/need", {"energy_kwh": 20, "priority": 5})["need"]
    assert (told["energy_kwh"], told["origin"], told["priority"]) == (20.0, "stated", 5)
    assert told["departure"] == "2026-11-20T22:10:00+00:00", "what is left out stays"
    assert (office.session("CP-11/1").need.energy_wh, office.session("CP-11/1").service_class) == (20e3, 5)
    office.told("POST", "/evses/CP-11/1/need", {"departure": hours(office, 2), "energy_kwh": None})
    assert office.session("CP-11/1").need.energy_wh is None
    office.told("DELETE", "/evses/CP-11/1/need")
    assert office.session("CP-11/1").need.origin is NeedOrigin.SCHEDULED
    assert office.session("CP-11/1").service_class == 2


def test_strategy_limits_and_vehicles_are_there_after_a_restart(office: Office) -> None:
    limit = {"scope": "row-a", "source": "works", "max_a": 20.0, "max_kw": None, "starts": None}
    office.told("PUT", "/vehicles/Bus 17", BUS)
    assert office.told("POST", "/strategy", {"strategy": "cheapest"}) == {
        "strategy": "cheapest", "chosen": "cheapest", "site": "equal"
    }  # fmt: skip
    office.told("POST", "/limits", {**limit, "ends": hours(office, 2)})
    office.told("POST", "/evses/CP-11/1/need", {"energy_kwh": 7})
    before = [office.told("GET", path) for path in ("/vehicles", "/departures", "/strategy", "/limits", "/audit")]
    office.restart()
    state = office.loop.core.state
    assert state.chosen is Strategy.CHEAPEST
    assert [(one.scope, one.source, one.max_a) for one in state.limits] == [("row-a", "works", 20.0)]
    assert office.session("CP-11/1").vehicle is not None
    assert [
        office.told("GET", path) for path in ("/vehicles", "/departures", "/strategy", "/limits", "/audit")
    ] == before
    office.told("DELETE", "/limits?scope=row-a&source=works")
    office.told("POST", "/strategy", {"strategy": None})
    assert (office.loop.core.state.limits, office.loop.core.state.chosen) == ((), None)


def test_a_limit_of_hours_is_counted_by_the_clock_of_the_site(office: Office) -> None:
    office.told("POST", "/limits", {"scope": "row-a", "source": "now", "max_a": 20, "hours": 4})
    office.told("POST", "/limits", {"scope": "row-a", "source": "later", "max_a": 20, "in_hours": 2, "hours": 1.5})
    known = {one.source: (one.starts, one.ends) for one in office.loop.core.state.limits}
    now = office.scene.now().utc
    assert known == {
        "now": (None, now + timedelta(hours=4)),
        "later": (now + timedelta(hours=2), now + timedelta(hours=3.5)),
    }


def test_every_change_has_an_audit_row_with_who_made_it_before_and_after(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS, {"x-operator": "Anna"})
    office.told("PUT", "/vehicles/Bus 17", {**BUS, "max_a": 16.0}, {"x-operator": "<b>\x1b"})
    office.told("PUT", "/vehicles/Bus 17", {**BUS, "max_a": 16.0})
    second, first = office.told("GET", "/audit")["audit"]
    assert (first["who"], first["what"], first["detail"]["before"]) == ("Anna (127.0.0.1)", "VehicleKept", [])
    assert second["who"] == "somebody (127.0.0.1)"
    assert [side[0]["max_a"] for side in (second["detail"]["before"], second["detail"]["after"])] == [32.0, 16.0]
    assert office.told("GET", f"/audit?before={second['id']}&limit=1")["audit"] == [first]


LIST = "vehicle;departure;kwh\nBus 17;2026-11-20 22:40;55\n"


def test_a_pull_out_list_is_previewed_then_taken_as_a_whole(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    preview = office.told("POST", "/departures/import", {"csv": LIST})
    assert (preview["applied"], preview["refused"], preview["findings"]) == (False, False, [])
    assert [(day["vehicle"], day["date"], day["kind"]) for day in preview["days"]] == [("Bus 17", "2026-11-20", "new")]
    assert office.told("GET", "/departures")["departures"] == [], "looking changes nothing"
    assert office.told("POST", "/departures/import?apply=true", {"csv": LIST})["applied"] is True
    assert office.session("CP-11/1").need.energy_wh == 55e3
    assert office.told("POST", "/departures/import", {"csv": LIST})["days"][0]["kind"] == "same"


def test_a_list_with_one_bad_row_is_not_taken_at_all(office: Office) -> None:
    office.told("PUT", "/vehicles/Bus 17", BUS)
    bad = LIST + "Buss 17;2026-11-20 22:40;55\n"
    assert office.told("POST", "/departures/import", {"csv": bad})["refused"] is True
    answer = office.ask("POST", "/departures/import?apply=true", {"csv": bad})
    assert (answer.status_code, answer.json()["reason"]) == (422, "list-refused")
    (finding,) = answer.json()["findings"]
    assert (finding["row"], finding["message"]) == (3, "there is no vehicle 'Buss 17'; is Bus 17 meant?")
    assert office.told("GET", "/departures")["departures"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PUT", "/vehicles/A", {"battery_kwh": 0}, 422, "battery_kwh"),
        ("PUT", "/vehicles/A", {"battery_kwh": "many"}, 422, "battery_kwh"),
        ("PUT", "/vehicles/A", {"colour": "red"}, 422, "colour: there is no such key here; /docs lists"),
        ("PUT", "/vehicles/A", {"max_a": 4}, 422, "below what it needs to charge at all"),
        ("PUT", "/vehicles/A", {"evse": "CP-99/1"}, 404, "the site has no EVSE 'CP-99/1'"),
        ("PUT", "/vehicles/A", {"evse": "CP-11/1"}, 422, "belongs to Bus 17 and A"),
        ("PUT", "/vehicles/A", {"id_tags": ["x\ny"]}, 422, "printable"),
        ("PUT", "/vehicles/A", {"weekly": [{"days": "Mon-Fry", "at": "05:10"}]}, 422, "is not a weekday"),
        ("PUT", "/vehicles/A", {"weekly": [{"at": "25:10"}]}, 422, "is not a time of day"),
        ("PUT", "/vehicles/%20A", {}, 422, "blanks around"),
        ("PUT", "/vehicles/A/soc", {"soc_percent": 40}, 404, "there is no vehicle 'A'"),
        ("PUT", "/vehicles/Bus 17/soc", {"soc_percent": 400}, 422, "soc_percent"),
        ("PUT", "/vehicles/Bus 17/soc", {"soc_percent": 40, "at": "2020-01-01T00:00:00Z"}, 422, "of the last day"),
        ("PUT", "/departures/A/2026-11-20", {"departures": []}, 404, "there is no vehicle 'A'"),
        ("PUT", "/departures/Bus 17/2026-02-30", {"departures": []}, 422, "day"),
        ("PUT", "/departures/Bus 17/2027-03-28", {"departures": [{"at": "02:30"}]}, 422, "skips 02:30"),
        ("PUT", "/departures/Bus 17/2026-11-20", {"departures": [{"at": "5:10"}, {"at": "05:10"}]}, 422, "twice"),
        ("POST", "/evses/CP-99/1/need", {"energy_kwh": 5}, 404, "the site has no EVSE"),
        ("POST", "/evses/CP-14/1/need", {"energy_kwh": 5}, 422, "no vehicle is plugged in"),
        ("POST", "/evses/CP-11/1/need", {"energy_kwh": 500}, 422, "its battery holds 392 kWh"),
        ("POST", "/evses/CP-11/1/need", {"energy_kwh": -5}, 422, "energy_kwh"),
        ("POST", "/evses/CP-11/1/need", {"departure": "2020-01-01T05:00:00Z"}, 422, "the departure is over"),
        ("POST", "/evses/CP-11/1/need", {"departure": "2026-11-21T05:00:00"}, 422, "timezone"),
        ("POST", "/evses/CP-11/1/need", {"energy_kwh": 5, "guaranteed_kwh": 9}, 422, "more is guaranteed than wanted"),
        ("POST", "/strategy", {"strategy": "lucky"}, 422, "strategy"),
        ("POST", "/strategy", {}, 422, "strategy"),
        ("POST", "/limits", {"scope": "grid", "source": "x"}, 422, "neither max_a nor max_w"),
        ("POST", "/limits", {"scope": "row-z", "source": "x", "max_a": 5}, 404, "no circuit and no EVSE 'row-z'"),
        ("POST", "/limits", {"scope": "row-a", "source": "x", "max_a": 64}, 422, "63 A at most: 64 A would not limit"),
        ("POST", "/limits", {"scope": "row-a", "source": "x", "max_a": -1}, 422, "max_a"),
        ("POST", "/limits", {"scope": "row-a", "source": "", "max_a": 5}, 422, "printable"),
        ("POST", "/limits", {"scope": "row-a", "source": "x", "max_a": 5, "ends": "2020-01-01T00:00:00Z"}, 422, "ends"),
        ("POST", "/limits",
         {"scope": "row-a", "source": "x", "max_a": 5, "ends": "2099-01-01T00:00:00Z", "hours": 1}, 422, "say once"),
        ("POST", "/limits", {"scope": "row-a", "source": "x", "max_a": 5, "hours": 0}, 422, "hours"),
        ("PUT", "/vehicles/Bus 17/soc", {"soc_percent": 4, "at": "0001-01-01T00:00:00+14:00"}, 422, "of the last day"),
        ("POST", "/evses/CP-11/1/need", {"departure": "0001-01-01T00:00:00+14:00"}, 422, "beyond the calendar"),
        ("DELETE", "/limits?scope=row-a&source=x", None, 404, "there is no limit 'x' on row-a"),
        ("DELETE", "/limits?scope=row-a", None, 422, "source"),
        ("POST", "/departures/import", {"csv": "x" * 400_001}, 422, "csv"),
        ("GET", "/audit?limit=0", None, 422, "limit"),
        ("GET", f"/audit?before={2**63}", None, 422, "before"),
        ("PATCH", "/strategy", {"strategy": None}, 405, "this path takes GET, POST"),
        ("POST", "/vehicles/Bus 17", {}, 405, "this path takes GET, PUT, DELETE"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(
    calm: Office, method: str, path: str, body: object, status: int, said: str
) -> None:
    known, state = calm.operations.daybook, calm.loop.core.state
    found, words = calm.refused(method, path, body)
    assert (found, said in words) == (status, True), words
    assert (calm.operations.daybook, calm.loop.core.state) == (known, state)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"host": "evil.example"}, b"{}", 400),
        ({"origin": "http://evil.example"}, b"{}", 403),
        ({"origin": "null"}, b"{}", 403),
        ({"origin": "http://localhost:9090"}, b"{}", 403),
        ({"sec-fetch-site": "cross-site"}, b"{}", 403),
        ({"sec-fetch-site": "same-site"}, b"{}", 403),
        ({"content-type": "text/plain"}, b'{"strategy": null}', 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"strategy=fast", 415),
        ({"content-type": ""}, b'{"strategy": null}', 415),
        ({"content-length": "x"}, b"{}", 411),
        ({"content-length": "9" * 30}, b"{}", 413),
        ({"transfer-encoding": "chunked"}, b"{}", 411),
        ({}, b" " * (MAX_BODY + 1), 413),
        ({}, b'{"strategy": null, "strategy": "fast"}', 400),
        ({}, b'{"strategy": NaN}', 400),
        ({}, b'{"strategy": "\xff"}', 400),
        ({}, b"[" * 100_000, 400),
        ({}, b"{", 400),
        ({}, b"[]", 422),
        ({}, b"", 422),
    ],
)
def test_nobody_else_can_change_a_thing_nor_anything_but_json(
    calm: Office, headers: dict[str, str], body: bytes, status: int
) -> None:
    """W02, W04, W06, W09, W10: a page elsewhere cannot make a browser do it, and no body holds the loop."""
    answer = calm.ask("POST", "/strategy", body, JSON | headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert calm.loop.core.state.chosen is None


def test_our_own_page_may_change_things(office: Office) -> None:
    own = {"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"}
    assert office.told("POST", "/strategy", {"strategy": "fast"}, own)["chosen"] == "fast"


@pytest.mark.parametrize(
    "headers",
    [{"host": "depot.example"}, {"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}, {"via": "1.1 proxy"}],
)
def test_who_is_not_at_this_machine_neither_looks_nor_changes_without_a_login(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    """H28: a proxy at this machine hands on what others ask, so whoever comes through one is not here."""
    with Office(tmp_path, WebOptions(names=("depot.example",))) as office:
        assert office.refused("POST", "/strategy", {"strategy": "fast"}, headers)[0] == 401
        assert office.refused("GET", "/strategy", headers=headers)[0] == 401
        assert office.told("GET", "/strategy")["chosen"] is None


def test_without_operations_there_is_nothing_to_change(calm: Office) -> None:
    answer = ask(calm.scene, "/api/v1/strategy", JSON, "POST", content=b'{"strategy": "fast"}')
    assert answer.status_code == 405


def test_a_limit_of_somebody_else_cannot_be_replaced(office: Office) -> None:
    """Else a looser limit under the same name would lift that of the grid operator."""
    office.loop.inbox.put(LimitReceived(Limit("grid", "DSO", max_a=20.0)))
    office.tick()
    status, words = office.refused("POST", "/limits", {"scope": "grid", "source": "DSO", "max_a": 50})
    assert (status, words) == (422, "the limit 'DSO' on grid is not yours; choose another name")
    assert office.refused("DELETE", "/limits?scope=grid&source=DSO")[0] == 404


def test_a_change_that_cannot_be_stored_does_not_happen(office: Office) -> None:
    office.store._writer.close()
    status, words = office.refused("POST", "/strategy", {"strategy": "fast"})
    assert (status, words.startswith("nothing has changed, because it could not be stored")) == (503, True)
    assert office.loop.core.state.chosen is None
    assert office.told("GET", "/strategy")["chosen"] is None


def test_everything_is_described_with_examples(calm: Office) -> None:
    answer = calm._runner.run(_openapi(calm))
    paths = answer["paths"]
    taken = {path: sorted(set(ways) - {"get"}) for path, ways in paths.items() if set(ways) - {"get"}}
    assert taken == {
        "/api/v1/vehicles/{name}": ["delete", "put"],
        "/api/v1/vehicles/{name}/soc": ["put"],
        "/api/v1/classes/{number}": ["delete", "put"],
        "/api/v1/departures/{vehicle}/{day}": ["put"],
        "/api/v1/departures/import": ["post"],
        "/api/v1/evses/{evse}/need": ["delete", "post"],
        "/api/v1/strategy": ["post"],
        "/api/v1/limits": ["delete", "post"],
        "/api/v1/price-lists/{name}": ["delete", "put"],
        "/api/v1/price-preview": ["post"],
    }
    bodies = [
        answer["components"]["schemas"][name]
        for name in ("VehicleBody", "DayBody", "NeedBody", "LimitBody", "ListBody")
    ]
    assert all(schema["examples"] for schema in bodies)
    seen = calm.told("GET", "/vehicles/Bus 17")
    assert set(answer["components"]["schemas"]["VehicleRow"]["required"]) == set(seen)


async def _openapi(office: Office) -> Any:
    transport = httpx2.ASGITransport(app=office.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        return (await client.get("/openapi.json")).json()
