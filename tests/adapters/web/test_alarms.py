"""Alarms, notices and those who are told, through the real application."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from ems.adapters.webhook.post import ANSWER_S, REFUSALS
from ems.adapters.webhook.signature import ID, PREFIX, SIGNATURE, TIMESTAMP, signed
from ems.domain.alarm.delivery import BACK_OFF_S
from ems.domain.alarm.notice import Topic
from ems.domain.events import StatusChanged
from ems.domain.station import EvseStatus
from tests.adapters.web.alarm_office import AlarmOffice
from tests.adapters.web.visit import ask


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlarmOffice]:
    """The busy site, twelve seconds later: one EVSE is at fault, one station away."""
    with AlarmOffice(tmp_path_factory.mktemp("office")) as office:
        office.passes(12)
        office.delivers()
        yield office


@pytest.fixture
def office(opened: AlarmOffice) -> AlarmOffice:
    return opened


def test_what_lasts_is_told_with_what_to_look_at(office: AlarmOffice) -> None:
    told = office.told("GET", "/alarms?open=true")
    by_kind = {row["kind"]: row for row in told["alarms"]}
    assert told["open"] == len(told["alarms"])
    assert by_kind["fault"]["text"] == "CP-06/1: GroundFailure"
    assert "electrician" in by_kind["fault"]["hint"]
    assert by_kind["offline"]["members"] == ["CP-10"]
    assert by_kind["offline"]["acknowledged"] is None


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("?kind=fault", ["CP-06/1: GroundFailure"]),
        ("?search=groundfailure", ["CP-06/1: GroundFailure"]),
        ("?search=cp-06", ["CP-06/1: GroundFailure"]),
        ("?search=100%25_", []),
        ("?kind=nothing", []),
        ("?before=1", []),
        ("?open=true&search=ground", ["CP-06/1: GroundFailure"]),
        ("?open=true&kind=meter", []),
    ],
)
def test_alarms_are_filtered(office: AlarmOffice, query: str, texts: list[str]) -> None:
    assert [row["text"] for row in office.told("GET", f"/alarms{query}")["alarms"]] == texts


def test_somebody_has_seen_one_and_notes_what_is_done(office: AlarmOffice) -> None:
    (row,) = office.told("GET", "/alarms?kind=fault")["alarms"]
    before = office.told("GET", "/alarms")["unseen"]
    headers = {"x-operator": "anna"}
    path = f"/alarms/{row['number']}"
    seen = office.told("POST", f"{path}/acknowledge", {"note": "  the electrician\tcomes "}, headers)
    assert seen["acknowledged"]["note"] == "the electrician comes"
    assert seen["acknowledged"]["by"].startswith("anna")
    assert office.told("GET", "/alarms")["unseen"] == before - 1
    assert office.told("GET", path)["acknowledged"] == seen["acknowledged"]
    assert office.told("GET", "/alarms?search=electrician")["alarms"][0]["number"] == row["number"]
    (first, *_) = office.told("GET", "/audit")["audit"]
    assert (first["what"], first["detail"]["note"]) == ("AlarmAcknowledged", "the electrician comes")
    office.delivers()
    assert office.friend.heard[-1].topic is Topic.ALARM_ACKNOWLEDGED


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/alarms/999", None, 404, "there is no alarm 999"),
        ("GET", "/alarms/x", None, 422, "number"),
        ("GET", "/alarms?limit=1000000", None, 422, "limit"),
        ("GET", "/alarms?before=0", None, 422, "before"),
        ("POST", "/alarms/999/acknowledge", {"note": ""}, 404, "there is no alarm 999"),
        ("POST", "/alarms/1/acknowledge", {"note": "x" * 501}, 422, "500"),
        ("POST", "/alarms/1/acknowledge", {"note": "a\u202eb"}, 422, "printed"),
        ("POST", "/alarms/1/acknowledge", {"remark": "x"}, 422, "remark"),
        ("POST", "/targets/nobody/test", {}, 404, "nobody is called"),
        ("GET", "/targets/nobody/deliveries", None, 404, "nobody is called"),
        ("GET", "/notices?type=sesion.ended", None, 422, "type"),
        ("GET", "/notices?after=-1", None, 422, "after"),
        ("GET", f"/notices?after={2**63}", None, 422, "after"),
        ("GET", f"/alarms?before={2**63}", None, 422, "before"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    office: AlarmOffice, method: str, path: str, body: object, status: int, said: str
) -> None:
    answered, detail = office.refused(method, path, body)
    assert answered == status
    assert said in detail


def test_who_is_told_how_that_goes_and_a_test(office: AlarmOffice) -> None:
    office.told("POST", "/targets/back/test", {})
    office.delivers()
    assert office.friend.heard[-1].topic is Topic.TEST
    rows = {row["name"]: row for row in office.told("GET", "/targets")["targets"]}
    assert rows["back"]["state"] == "well"
    assert rows["night-shift"]["state"] == "failing"
    assert "503" in rows["night-shift"]["answer"]
    assert rows["night-shift"]["waiting"] >= 2
    told = office.told("GET", "/targets/back/deliveries")["deliveries"]
    assert (told[0]["type"], told[0]["state"], told[0]["attempts"]) == ("test", "delivered", 1)


def test_what_happened_is_listed_behind_a_number(office: AlarmOffice) -> None:
    told = office.told("GET", "/notices?type=alarm.raised")
    numbers = [row["number"] for row in told["notices"]]
    assert numbers == sorted(numbers)
    assert told["last"] >= numbers[-1]
    rest = office.told("GET", f"/notices?type=alarm.raised&after={numbers[0]}")["notices"]
    assert [row["number"] for row in rest] == numbers[1:]
    assert told["notices"][0]["site"] == office.scene.site.name


def test_without_a_role_nobody_acknowledges(office: AlarmOffice) -> None:
    answer = ask(office.scene, "/api/v1/alarms/1/acknowledge", {"content-type": "application/json"}, "POST")
    assert answer.status_code in {401, 403, 404, 405}


def test_the_interface_says_what_webhooks_get(office: AlarmOffice) -> None:
    document = ask(office.scene, "/openapi.json").json()
    assert set(document["webhooks"]) == {topic.value for topic in Topic}
    for topic in Topic:
        told = document["webhooks"][topic.value]["post"]
        assert set(signed(b"k" * 16, "evt_1", datetime(2026, 3, 9, tzinfo=UTC), b"")) <= {
            one["name"] for one in told["parameters"]
        }
        for seconds in BACK_OFF_S[:3]:
            assert f"{seconds:g} s" in told["description"]
        assert all(str(status) in told["description"] for status in REFUSALS)
        assert f"within {ANSWER_S:g} s" in told["description"]
        assert all(word in told["description"] for word in (SIGNATURE, ID, TIMESTAMP, PREFIX, "HMAC-SHA256", "base64"))


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "{{7*7}}", "'; DROP TABLE incident;--", "%s%n\x1b[31m"]
)
def test_hostile_words_of_a_station_are_words(tmp_path: Path, hostile: str) -> None:
    with AlarmOffice(tmp_path) as office:
        office.scene.tell(StatusChanged("CP-02/1", office.scene.instant, EvseStatus.FAULTED, hostile))
        office.passes(8)
        page = office._runner.run(_page(office))
        assert "<script>alert" not in page
        assert "49" not in page.partition("CP-02/1: ")[2][:20]
        told = office.told("GET", f"/alarms?search={quote(hostile)}")["alarms"]
        assert all(row["text"].isprintable() for row in told)


async def _page(office: AlarmOffice) -> str:
    transport = httpx2.ASGITransport(app=office.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        return (await client.get("/alarms")).text
