"""People, tags, groups, cards, reservations and the waitlist over REST: checked, stored, told to the porter."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from ems.domain.access.account import Role
from ems.domain.access.admission import Usage
from ems.domain.access.tag import MAX_TAG, Tag
from ems.domain.events import TransactionStarted
from ems.domain.session import Transaction
from tests.adapters.web.access_office import AccessOffice
from tests.adapters.web.test_injection import HOSTILE

TAG: dict[str, Any] = {
    "name": "Ada's card",
    "person": "ada",
    "groups": ["crew"],
    "valid_from": None,
    "valid_to": "2027-01-01T00:00:00+00:00",
    "places": ["CP-11"],
    "hours": ["Mon-Fri 06:00-22:00"],
    "budget_kwh": 200.0,
    "budget_cost": "50.00",
    "budget_period": "week",
    "priority": 3,
    "at_once": 2,
    "blocked": False,
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccessOffice]:
    with AccessOffice(tmp_path_factory.mktemp("office")) as one:
        yield one


@pytest.fixture
def office(opened: AccessOffice) -> AccessOffice:
    """An office where a person and a group are known, and nothing else."""
    opened.clear()
    opened.told("PUT", "/people/ada", {"name": "Ada Lovelace", "cost_centre": "R&D"})
    opened.told("PUT", "/groups/crew", {"name": "Crew"})
    return opened


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccessOffice]:
    """One office for all requests that must change nothing."""
    with AccessOffice(tmp_path_factory.mktemp("calm")) as opened:
        opened.told("PUT", "/people/ada", {})
        opened.told("PUT", "/groups/crew", {})
        opened.told("PUT", "/tags/04A1", {"groups": ["crew"]})
        yield opened


def in_hours(office: AccessOffice, hours: float) -> str:
    return (office.scene.instant.utc + timedelta(hours=hours)).isoformat()


def test_a_tag_is_described_and_may_charge_and_is_there_after_a_restart(office: AccessOffice) -> None:
    assert not office.present("04A1")
    told = office.told("PUT", "/tags/04A1", TAG)
    assert {name: told[name] for name in TAG} == TAG
    assert (told["id"], told["spent_kwh"], told["spent_cost"]) == ("04A1", 0.0, "0.00")
    assert office.present("04a1")
    office.restart()
    assert office.told("GET", "/tags/04a1") == told
    assert office.told("GET", "/tags?search=lovelace")["total"] == 1
    assert office.told("GET", "/tags?search=nobody")["total"] == 0
    assert office.told("GET", "/people/ada") == {
        "id": "ada", "name": "Ada Lovelace", "cost_centre": "R&D", "blocked": False, "tags": ["04A1"],
    }  # fmt: skip
    assert office.present("04A1")


def test_whose_tag_began_a_session_fills_its_holder_and_its_priority(office: AccessOffice) -> None:
    office.told("PUT", "/tags/04A1", TAG)
    running = office.session("CP-11/1").transaction
    assert running is not None
    office.tell(TransactionStarted("CP-11/1", office.scene.instant, Transaction(900, running.started, 0.0, "04a1")))
    session = office.session("CP-11/1")
    assert session.holder is not None
    assert (session.holder.person, session.holder.cost_centre, session.service_class) == ("ada", "R&D", 3)
    office.told("PUT", "/tags/04A1", {**TAG, "priority": None})
    assert office.session("CP-11/1").service_class == 0


def test_a_card_that_nobody_knows_is_adopted_by_one_call(office: AccessOffice) -> None:
    office.present("0B0B0B0B")
    office.present("0b0b0b0b")
    (card,) = office.told("GET", "/cards")["cards"]
    assert (card["tag"], card["evse"], card["count"]) == ("0b0b0b0b", "CP-11/1", 2)
    office.restart()
    assert office.told("GET", "/cards")["cards"] == [card]
    told = office.told("POST", "/cards/0B0B0B0B/adopt", {})
    assert (told["id"], told["person"]) == ("0b0b0b0b", None)
    assert office.told("GET", "/cards")["cards"] == []
    assert office.present("0B0B0B0B")
    assert office.refused("POST", "/cards/0B0B0B0B/adopt", {})[0] == 404


def test_a_card_is_adopted_for_a_new_person_and_for_a_vehicle(office: AccessOffice) -> None:
    office.told("PUT", "/vehicles/Bus 17", {"battery_kwh": 300.0})
    for tag in ("C1", "C2", "C3"):
        office.present(tag)
    assert office.told("POST", "/cards/C1/adopt", {"person": "grace", "name": "fob"})["person"] == "grace"
    assert office.told("GET", "/people/grace")["tags"] == ["C1"]
    office.told("POST", "/cards/C2/adopt", {"vehicle": "Bus 17"})
    assert office.told("GET", "/vehicles/Bus 17")["id_tags"] == ["C2"]
    assert office.refused("POST", "/cards/C3/adopt", {"vehicle": "Bus 99"}) == (404, "there is no vehicle 'Bus 99'")
    office.told("DELETE", "/cards/C3")
    assert office.told("GET", "/cards")["cards"] == []


@pytest.mark.parametrize(
    ("path", "body", "known", "person"),
    [
        ("/tags/04:A1:B2:C3", TAG, "04:A1:B2:C3", "ada"),
        ("/vehicles/Bus 17", {"battery_kwh": 300.0, "id_tags": ["04 A1 B2 C3"]}, "04 A1 B2 C3", None),
        ("/tags/04A1B2C4", TAG, "", None),
    ],
)
def test_a_card_that_is_known_under_another_spelling_is_refused_and_says_so(
    office: AccessOffice, path: str, body: dict[str, Any], known: str, person: str | None
) -> None:
    office.told("PUT", path, body)
    assert not office.present("04A1B2C3")
    (card,) = office.told("GET", "/cards")["cards"]
    assert (card["alike"], card["person"]) == (known, person)
    assert office.told("POST", "/cards/04A1B2C3/adopt", {"person": person})["person"] == person
    assert office.present("04A1B2C3")


def test_two_who_change_the_same_tag_do_not_undo_each_other(office: AccessOffice) -> None:
    office.told("PUT", "/tags/04A1", TAG)
    seen = {"if-match": office.ask("GET", "/tags/04A1").headers["etag"]}
    office.told("PUT", "/tags/04A1", {**TAG, "name": "mine"}, seen)
    assert office.refused("PUT", "/tags/04A1", {**TAG, "name": "yours"}, seen)[0] == 412
    assert office.refused("DELETE", "/tags/04A1", headers=seen)[0] == 412
    assert office.refused("PUT", "/tags/NEW", TAG, seen)[0] == 412
    assert office.refused("PUT", "/tags/04a1", TAG, {"if-none-match": "*"})[0] == 412
    assert office.told("GET", "/tags/04A1")["name"] == "mine"
    fresh = {"if-match": office.ask("GET", "/tags/04A1").headers["etag"]}
    office.told("DELETE", "/tags/04A1", headers=fresh)
    assert not office.present("04A1")


@pytest.mark.parametrize("path", ["/people/ada", "/groups/crew"])
def test_people_and_groups_are_guarded_the_same_way(office: AccessOffice, path: str) -> None:
    seen = {"if-match": office.ask("GET", path).headers["etag"]}
    office.told("PUT", path, {"name": "x"}, seen)
    assert office.refused("PUT", path, {"name": "y"}, seen)[0] == 412
    office.told("PUT", "/tags/04A1", {"person": "ada"})
    again = {"if-match": office.ask("GET", path).headers["etag"]}
    office.told("DELETE", path, headers=again)
    assert office.refused("GET", path)[0] == 404


def test_blocking_counts_at_once_and_keeps_the_rest(office: AccessOffice) -> None:
    office.told("PUT", "/tags/04A1", TAG)
    assert office.told("POST", "/tags/04A1/block", {"blocked": True})["name"] == "Ada's card"
    assert not office.present("04A1")
    assert office.told("POST", "/tags/04A1/block", {"blocked": False})["blocked"] is False
    assert office.present("04A1")


def test_a_check_says_why_without_anybody_noticing(office: AccessOffice) -> None:
    office.told("PUT", "/tags/04A1", TAG)
    told = office.told("GET", "/tag-check?tag=04A1&evse=CP-12/1")
    assert (told["accepted"], told["status"], told["reason"]) == (False, "Blocked", "the tag is not for CP-12/1")
    late = office.told("GET", "/tag-check?tag=04A1&evse=CP-11/1&at=2026-11-20T22:00:00%2B01:00")
    assert late["reason"] == "the tag is for Mon-Fri 06:00-22:00"
    assert office.told("GET", "/tag-check?tag=ZZ&evse=CP-11/1")["reason"] == "nobody knows this tag"
    assert office.told("GET", "/cards")["cards"] == []


def test_what_people_did_is_recorded_with_before_and_after(office: AccessOffice) -> None:
    office.scene.instant = office.scene.instant.later(1)
    office.told("PUT", "/tags/04A1", TAG, {"x-operator": "grace"})
    office.told("POST", "/tags/04A1/block", {"blocked": True}, {"x-operator": "grace"})
    first = office.told("GET", "/audit")["audit"][0]
    assert (first["who"], first["what"]) == ("grace (127.0.0.1)", "TagsKept")
    assert [row["is_blocked"] for row in (*first["detail"]["before"], *first["detail"]["after"])] == [False, True]


def test_who_reserves_at_the_same_moment_as_others_loses_nothing(office: AccessOffice) -> None:
    wished = [{"evse": f"CP-{number}/1", "tag": "CREW-1", "ends": in_hours(office, 1)} for number in range(10, 15)]
    made = office.ask_at_once("POST", "/reservations", wished)
    assert [one.status_code for one in made] == [200] * 5
    assert len({one.json()["id"] for one in made}) == 5
    assert {one["evse"] for one in office.told("GET", "/reservations")["reservations"]} == {
        one["evse"] for one in wished
    }
    same = office.ask_at_once("POST", "/reservations", [{**wished[0], "evse": "CP-09/1"}] * 3)
    assert sorted(one.status_code for one in same) == [200, 422, 422]


def test_who_begins_to_wait_at_the_same_moment_as_others_waits(office: AccessOffice) -> None:
    came = office.ask_at_once("POST", "/waitlist", [{"tag": f"CREW-{number}"} for number in range(4)])
    assert [one.status_code for one in came] == [200] * 4
    assert {one["tag"] for one in office.told("GET", "/waitlist")["waiting"]} == {f"CREW-{n}" for n in range(4)}


def test_a_reservation_keeps_others_away_and_can_be_moved(office: AccessOffice) -> None:
    for tag in ("0E", "0B"):
        office.told("PUT", f"/tags/{tag}", {"name": tag})
    body = {"evse": "CP-14/1", "tag": "0E", "ends": in_hours(office, 1), "name": "Ada"}
    told = office.told("POST", "/reservations", body)
    assert (told["evse"], told["station"]) == ("CP-14/1", None)
    path = f"/reservations/{told['id']}"
    assert not office.starts("CP-14/1", 1, "0B")
    assert office.starts("CP-14/1", 2, "0E")
    etag = {"if-match": office.ask("GET", path).headers["etag"]}
    office.told("PUT", path, {**body, "starts": in_hours(office, 2), "ends": in_hours(office, 3)}, etag)
    assert office.refused("PUT", path, body, etag)[0] == 412
    assert office.refused("DELETE", path, headers=etag)[0] == 412
    assert office.starts("CP-14/1", 3, "0B")
    office.restart()
    assert len(office.told("GET", "/reservations")["reservations"]) == 1
    clash = {**body, "starts": in_hours(office, 2.5), "ends": in_hours(office, 4)}
    assert "reserved already" in office.refused("POST", "/reservations", clash)[1]
    office.told("DELETE", path)
    assert office.told("GET", "/reservations")["reservations"] == []


def test_a_reservation_of_hours_is_counted_from_its_start_by_the_clock_of_the_site(office: AccessOffice) -> None:
    body = {"evse": "CP-14/1", "tag": "0E"}
    now = office.scene.now().utc
    office.told("POST", "/reservations", {**body, "hours": 1.5})
    office.told("POST", "/reservations", {**body, "hours": 1, "starts": in_hours(office, 3)})
    kept = office.operations.daybook.access.reservations
    hours = [((one.starts - now) / timedelta(hours=1), (one.ends - now) / timedelta(hours=1)) for one in kept.values()]
    assert hours == [(0, 1.5), (3, 4)]
    for until in ({}, {"hours": 1, "ends": in_hours(office, 1)}):
        status, words = office.refused("POST", "/reservations", {**body, **until})
        assert (status, "either ends, or hours" in words) == (422, True)
    for hours_told in (0, -1, 1e9):
        assert office.refused("POST", "/reservations", {**body, "hours": hours_told})[0] in {400, 422}


def test_who_waits_is_told_how_many_come_before(office: AccessOffice) -> None:
    first = office.told("POST", "/waitlist", {"tag": "04A1", "name": "Ada"})
    office.scene.instant = office.scene.instant.later(1)
    assert office.told("POST", "/waitlist", {"tag": "0B", "evses": ["CP-01/1"]})["before"] == 1
    told = office.told("GET", "/waitlist")
    assert ([one["before"] for one in told["waiting"]], told["claim_min"]) == ([0, 1], 10.0)
    office.told("DELETE", f"/waitlist/{first['id']}")
    assert [one["before"] for one in office.told("GET", "/waitlist")["waiting"]] == [0]


def test_an_old_ticket_of_the_waitlist_takes_nobody_else_off_it_also_after_a_restart(office: AccessOffice) -> None:
    old = office.told("POST", "/waitlist", {"tag": "04A1", "name": "Ada"})
    office.told("DELETE", f"/waitlist/{old['id']}")
    office.restart()
    new = office.told("POST", "/waitlist", {"tag": "0B", "name": "Bob"})
    assert office.refused("DELETE", f"/waitlist/{old['id']}")[0] == 404
    assert [one["id"] for one in office.told("GET", "/waitlist")["waiting"]] == [new["id"]]


def test_a_list_is_shown_before_it_is_taken_and_comes_back_as_it_went(office: AccessOffice) -> None:
    text = "tag;name;person;blocked\n04A1;=cmd|'/c calc'!A1;Eve;no\n04A2;;;yes\n"
    shown = office.told("POST", "/tag-list/import", {"csv": text})
    assert (shown["applied"], [one["kind"] for one in shown["tags"]]) == (False, ["new", "new"])
    assert office.told("GET", "/tags")["total"] == 0
    assert office.told("POST", "/tag-list/import?apply=true", {"csv": text})["applied"]
    assert office.told("GET", "/people/Eve")["tags"] == ["04A1"]
    answer = office.ask("GET", "/tag-list.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["name"] for row in rows] == ["'=cmd|'/c calc'!A1", ""]
    again = office.told("POST", "/tag-list/import", {"csv": answer.text})
    assert [one["kind"] for one in again["tags"]] == ["same", "same"]


def test_of_a_list_with_a_refused_row_nothing_is_taken(office: AccessOffice) -> None:
    status, words = office.refused("POST", "/tag-list/import?apply=true", {"csv": "tag;groups\nA1;\nA2;nobody\n"})
    assert (status, words) == (422, "nothing was taken: row 3: there is no group 'nobody'")
    assert office.told("GET", "/tags")["total"] == 0


def test_how_access_stands_is_told(office: AccessOffice) -> None:
    told = office.told("GET", "/access")
    assert told["modes"] == {"": "tags"}
    assert {one["state"] for one in told["lists"]} == {"not yet asked"}
    assert len(told["lists"]) == 14


def words_of(page: str, part: str) -> str:
    """What people read in a part of a page."""
    found = re.search(rf'<(\w+)[^>]* id="{part}".*?</\1>', page, re.DOTALL)
    assert found is not None, page
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"valid_to": "2027-01-01T00:00:00+01:00"}, "until 01 Jan 2027 00:00"),
        ({"valid_from": "2026-11-19T07:00:00Z", "valid_to": "2026-11-22T07:00:00Z"}, "from Thu 08:00; until Sun 08:00"),
        ({"places": [f"CP-0{k}/1" for k in range(1, 8)]}, "at CP-01/1, CP-02/1, CP-03/1, CP-04/1, CP-05/1 and 2 more"),
        ({"budget_kwh": 200, "budget_cost": "50.00", "budget_period": "week"}, "of 200 kWh a week; 0.00 of 50.00 EUR"),
        (
            {"person": "ada", "groups": ["crew"], "priority": 3, "at_once": 0},
            "Ada Lovelace; in crew; priority 3; at any",
        ),
        ({}, "anywhere at any time"),
    ],
)
def test_the_page_says_of_a_tag_what_limits_it(office: AccessOffice, told: dict[str, Any], words: str) -> None:
    office.told("PUT", "/tags/04A1", {"name": "card", **told})
    assert words in words_of(office.access_page().text, "tags")


def test_what_tags_have_taken_is_read_where_it_is_counted(
    office: AccessOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grows with every sample, so another thread might find it in the middle of that."""
    office.told("PUT", "/tags/04A1", TAG)
    spent, threads = office.desk.spent, []

    def noted(tag: Tag) -> Usage:
        threads.append(threading.get_ident())
        return spent(tag)

    monkeypatch.setattr(office.desk, "spent", noted)
    assert "0.0 of 200 kWh a week" in words_of(office.access_page().text, "tags")
    assert set(threads) == {threading.get_ident()}


def test_the_page_says_of_a_group_what_it_holds_and_what_its_removal_would_do(office: AccessOffice) -> None:
    office.told(
        "PUT", "/groups/crew", {"name": "Crew", "places": ["CP-11"], "hours": ["06:00-22:00"], "stop_tag": "C1"}
    )
    office.told("PUT", "/groups/lone", {})
    office.told("PUT", "/groups/night", {"parent": "crew", "blocked": True})
    office.told("PUT", "/tags/04A1", {"groups": ["crew"]})
    office.told("PUT", "/tags/04A2", {"groups": ["crew", "night"]})
    fee = {"unit": "kwh", "price": "0.30"}
    office.told("PUT", "/price-lists/p1", {"name": "Lone price", "fees": [fee], "groups": ["lone"]})
    page = office.access_page().text
    office.told("DELETE", "/price-lists/p1")
    assert words_of(page, "groups") == (
        "Crew crew with 2 tags and group night"
        " at CP-11; 06:00-22:00; its members may end each other&#39;s sessions (C1)"
        " Before it can be removed, 2 tags and group night must leave it: nobody loses a limit by accident. Edit"
        " lone with 0 tags allows everything"
        " Removing it changes nothing for any tag; Lone price would be a price for nobody."
        " Edit Remove night with 1 tag blocked in Crew, and within what that allows"
        " Before it can be removed, 1 tag must leave it: nobody loses a limit by accident. Edit"
    )


@pytest.mark.parametrize("words", ["04a2", "ada", "LOVELACE", "crew", "second"])
def test_who_looks_for_a_tag_finds_it_by_its_number_name_person_and_group(office: AccessOffice, words: str) -> None:
    office.told("PUT", "/tags/04A1", {"name": "first"})
    office.told("PUT", "/tags/04A2", {"name": "second", "person": "ada", "groups": ["crew"]})
    listed = words_of(office.access_page(words).text, "tags")
    assert ("04A2" in listed, "04A1" in listed) == (True, False)
    assert words_of(office.access_page("nothing like it").text, "tags") == "No tag has these words."


def test_the_form_of_a_tag_offers_every_field_that_the_interface_takes_and_no_other(office: AccessOffice) -> None:
    form = re.search(r'<form class="grid" id="tag".*?</form>', office.access_page().text, re.DOTALL)
    assert form is not None
    assert set(re.findall(r' name="(\w+)"', form[0])) == {"id", *TAG}
    assert f'name="id" required maxlength="{MAX_TAG}"' in form[0]
    evses = re.findall(r'name="places" value="([^"]*)"', form[0])
    assert evses == [evse.id for evse in office.scene.site.evses]
    assert "times of Europe/Berlin" in form[0]


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)])
def test_who_may_only_look_is_shown_groups_and_people_but_no_form(office: AccessOffice, role: Role, may: bool) -> None:
    office.told("PUT", "/tags/04A1", TAG)
    page = office.access_page(role=role).text
    assert "Crew" in words_of(page, "groups")
    assert "Ada Lovelace" in words_of(page, "people")
    assert {name for name in re.findall(r'<form[^>]* id="(\w+)"', page)} - {"find"} == (
        {"tag", "group", "person", "list", "reserve", "wait"} if may else set()
    )
    assert ("data-edit" in page, "data-forget" in page, "data-new" in page) == (may, may, may)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("PUT", "/tags/AAAAAAAAAAAAAAAAAAAAA", {}, 422, "1 to 20 printable"),
        ("PUT", "/tags/A%00B", {}, 422, "printable"),
        ("PUT", "/tags/A", {"person": "nobody"}, 422, "there is no person 'nobody'; add them first"),
        ("PUT", "/tags/A", {"groups": ["nobody"]}, 422, "there is no group 'nobody'; add it first"),
        ("PUT", "/tags/A", {"groups": ["crew", "crew"]}, 422, "each once"),
        ("PUT", "/tags/A", {"places": ["Z/9"]}, 404, "no EVSE and no station 'Z/9'"),
        ("PUT", "/tags/A", {"hours": ["always"]}, 422, "write for example"),
        ("PUT", "/tags/A", {"budget_kwh": 0}, 422, "budget_kwh"),
        ("PUT", "/tags/A", {"budget_kwh": "much"}, 422, "budget_kwh"),
        ("PUT", "/tags/A", {"budget_cost": "-1"}, 422, "budget_cost"),
        ("PUT", "/tags/A", {"budget_cost": "0.001"}, 422, "no amount of EUR: 2 decimal places"),
        ("PUT", "/tags/A", {"valid_to": "2026-01-01T00:00:00"}, 422, "valid_to"),
        ("PUT", "/tags/A", {"at_once": -1}, 422, "at_once"),
        ("PUT", "/tags/A", {"colour": "red"}, 422, "colour"),
        ("PUT", "/tags/A", {"name": "x\ny"}, 422, "printable"),
        ("GET", "/tags/nobody", None, 404, "there is no tag 'nobody'"),
        ("DELETE", "/tags/nobody", None, 404, "there is no tag 'nobody'"),
        ("POST", "/tags/nobody/block", {"blocked": True}, 404, "there is no tag"),
        ("PUT", "/groups/x", {"parent": "y"}, 422, "no group 'y'"),
        ("PUT", "/groups/crew", {"parent": "crew"}, 422, "in itself"),
        ("DELETE", "/groups/crew", None, 422, "take them out first"),
        ("DELETE", "/people/eve", None, 404, "there is no person 'eve'"),
        ("POST", "/cards/never/adopt", {}, 404, "hold it up again"),
        ("DELETE", "/cards/never", None, 404, "was presented lately"),
        ("GET", "/tag-check?tag=A&evse=Z/9", None, 404, "no EVSE 'Z/9'"),
        ("POST", "/reservations", {"evse": "Z/9", "tag": "A", "ends": "2026-11-20T18:00:00Z"}, 404, "no EVSE"),
        ("POST", "/reservations", {"evse": "CP-01/1", "tag": "A", "ends": "2020-01-01T00:00:00Z"}, 422, "ends after"),
        (
            "POST",
            "/reservations",
            {"evse": "CP-01/1", "tag": "A", "ends": "2027-11-20T18:00:00Z"},
            422,
            "within 7 days",
        ),
        ("POST", "/waitlist", {"tag": ""}, 422, "1 to 20"),
        ("POST", "/waitlist", {"tag": "A", "evses": ["Z/9"]}, 404, "no EVSE"),
        ("DELETE", "/waitlist/9", None, 404, "number 9"),
        ("DELETE", "/reservations/9", None, 404, "no reservation 9"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_a_remedy(
    calm: AccessOffice, method: str, path: str, body: object, status: int, words: str
) -> None:
    before = calm.operations.daybook
    found, said = calm.refused(method, path, body)
    assert (found, words in said) == (status, True), said
    assert calm.operations.daybook == before


@pytest.mark.parametrize("tag", [*HOSTILE.values(), "a/b", "..", "%2e%2e", "' OR 1=1 --", "{{7*7}}"])
def test_a_hostile_tag_is_remembered_as_text_and_nothing_else(calm: AccessOffice, tag: str) -> None:
    """I01–I10: whatever a station sends, the answers stay JSON and the page stays a page."""
    calm.present(tag)
    told = calm.told("GET", "/cards")["cards"]
    assert all(one["tag"].isprintable() and len(one["tag"]) <= 40 for one in told)
    for one in told:
        calm.ask("DELETE", f"/cards/{one['tag']}")


def test_every_path_is_described_with_an_example(calm: AccessOffice) -> None:
    document = calm._runner.run(_document(calm))
    paths = [path for path, ways in document["paths"].items() if any("access" in way["tags"] for way in ways.values())]
    assert {"/api/v1/tags", "/api/v1/people", "/api/v1/groups", "/api/v1/reservations", "/api/v1/waitlist"} <= set(
        paths
    )
    for name in ("TagBody", "PersonBody", "GroupBody", "AdoptBody", "ReservationBody", "WaitBody", "TagListBody"):
        assert document["components"]["schemas"][name]["examples"], name


async def _document(office: AccessOffice) -> Any:
    transport = httpx2.ASGITransport(app=office.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        return (await client.get("/openapi.json")).json()
