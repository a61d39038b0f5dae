"""The interface of the wizard: edits, conflicts, saving, passwords and the switch; all of it for installers alone."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pypdf import PdfReader

from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.needs import SCOPE_KEY, need_of
from ems.domain.access.account import Kind, Role, Visitor
from ems.domain.outlet import OutletSeen
from ems.domain.record.history import Knock
from ems.settings.form import MODELS, WITHIN, fields_of, parts_of
from ems.settings.password import PasswordHash
from ems.settings.yaml_text import comments
from tests.adapters.web.scene import Scene, busy
from tests.adapters.web.visit import run
from tests.adapters.web.wizard_site import WizardSite

HOST = "10.0.0.77"
JSON = {"content-type": "application/json"}
CAR_PARK = [
    (["meters", "main"], {"model": "eastron-sdm630", "host": "10.0.0.10"}),
    (["circuits", "grid"], {"meter": "main", "base_load_max_a": 20}),
    (["stations", "CP-01"], {"circuit": "grid", "evses": {"1": {"max_a": 32, "phases": "L1 L2 L3"}}}),
]


class Installer:
    """Somebody who may, over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.scene: Scene = busy()
        self.site = WizardSite(folder, self.scene)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """One question as an installer at this machine."""

        async def once() -> httpx2.Response:
            app = create_app(self.scene, self.scene, WebOptions(), further=self.site.ways)
            inside = httpx2.ASGITransport(app=_as_installer(app))
            async with httpx2.AsyncClient(transport=inside, base_url="http://localhost:8080") as client:
                content = None if body is None else json.dumps(body).encode()
                told = {**(JSON if body is not None else {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
                return await client.request(method, path, content=content, headers=told)

        return run(once())

    def edit(self, route: list[str], keys: Any, **headers: str) -> httpx2.Response:
        return self.ask("POST", "/api/v1/site/draft/edits", {"route": route, "keys": keys}, **headers)

    def build(self) -> None:
        for route, keys in CAR_PARK:
            assert self.edit(route, keys).status_code == 200


def _as_installer(gate: Any) -> Any:
    """The application behind its gate, which has found out who asks."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gate.app({**scope, SCOPE_KEY: Visitor("anna", Role.INSTALLER, Kind.PERSON)}, receive, send)

    return app


@pytest.fixture
def anna(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


def test_every_way_is_an_installers(anna: Installer) -> None:
    for router in anna.site.ways:
        for route in router.routes:
            need = need_of(route)  # type: ignore[arg-type]  # these routers hold nothing else
            assert need is not None
            assert (need.role or 0) >= Role.INSTALLER, route


def test_every_key_of_the_file_can_be_filled_in() -> None:
    for section, model in MODELS.items():
        keys = {field.key for field in fields_of(section)}
        within = {key for name, key in WITHIN if name == section} | {part.key for part in parts_of(section)}
        assert keys | within == set(model.model_fields)
    assert {key for _, key in WITHIN} - {"evses"} <= set(MODELS), "what lies within has a form of its own"


def test_an_edit_is_checked_as_ems_check_does_and_changes_no_file(anna: Installer) -> None:
    before = anna.site.text
    told = anna.edit(["stations", "CP-01"], {"circuit": "gird", "evses": {"1": {"max_a": 32, "phases": "L1"}}}).json()
    errors = [one for one in told["findings"] if one["severity"] == "error"]
    assert errors[0]["message"] == "the circuit 'gird' of station 'CP-01' does not exist"
    assert (errors[0]["section"], errors[0]["entry"]) == ("stations", "CP-01")
    assert told["site"] is None
    assert anna.site.text == before
    refused = anna.ask("POST", "/api/v1/site/draft/save", {})
    assert (refused.status_code, "there are errors" in refused.json()["detail"]) == (422, True)


def test_what_is_saved_is_read_and_says_what_waits_for_a_restart(anna: Installer) -> None:
    before = anna.site.text
    anna.build()
    saved = anna.ask("POST", "/api/v1/site/draft/save", {})
    assert (saved.status_code, saved.json()["needs_restart"]) == (200, True)
    assert not comments(before) - comments(anna.site.text)
    assert anna.site.controller.reloads == 1
    shown = anna.ask("GET", "/api/v1/site/draft").json()
    assert (shown["begun"], shown["awaits_restart"]) == (False, True)
    assert '<li class="foreign">station CP-01 is new</li>' in anna.ask("GET", "/wizard/site").text
    assert [told[2] for told in anna.site.noted] == ["SiteSaved"]
    assert anna.ask("POST", "/api/v1/site/restart", {}).status_code == 204
    assert anna.site.controller.restarts == 1


def test_two_installers_at_once_get_a_clear_conflict(anna: Installer) -> None:
    seen = anna.ask("GET", "/api/v1/site/draft").headers["etag"]
    assert anna.edit(["circuits", "grid"], {"rating_a": 80}, if_match=seen).status_code == 200
    late = anna.edit(["circuits", "grid"], {"rating_a": 100}, if_match=seen)
    assert (late.status_code, late.json()["reason"]) == (412, "changed")
    assert "changed meanwhile by anna" in late.json()["detail"]
    assert anna.ask("POST", "/api/v1/site/draft/save", {}, if_match=seen).status_code == 412


def test_a_file_changed_by_hand_meanwhile_is_not_written_over(anna: Installer) -> None:
    anna.build()
    anna.site.file.write_text(anna.site.text.replace("name: Yard", "name: Court"), encoding="utf-8")
    shown = anna.ask("GET", "/api/v1/site/draft").json()
    assert shown["overtaken"] is True
    refused = anna.ask("POST", "/api/v1/site/draft/save", {})
    assert (refused.status_code, "has been changed meanwhile" in refused.json()["detail"]) == (412, True)
    again = anna.ask("POST", "/api/v1/site/draft/on-file", {}).json()
    assert (again["overtaken"], again["data"]["site"]["name"]) == (False, "Court")
    assert anna.ask("POST", "/api/v1/site/draft/save", {}).status_code == 200
    assert "name: Court" in anna.site.text
    assert "CP-01" in anna.site.text


def test_a_password_is_told_once_and_kept_as_a_hash(anna: Installer) -> None:
    anna.build()
    told = anna.ask("POST", "/api/v1/site/draft/stations/CP-01/password", {}).json()
    assert told["urls"][0].endswith(":9000/ocpp/CP-01")
    kept = anna.site.file.parent / "secrets" / "cp-01"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert PasswordHash.parse(kept.read_text().strip()).verify(told["password"])
    assert told["password"] not in json.dumps(anna.ask("GET", "/api/v1/site/draft").json())
    other = anna.ask("POST", "/api/v1/site/draft/stations/CP-01/password", {}).json()
    assert PasswordHash.parse(kept.read_text().strip()).verify(told["password"]), "the running site goes on with it"
    assert other["password"] != told["password"]
    assert anna.ask("POST", "/api/v1/site/draft/stations/CP-99/password", {}).status_code == 422


def test_a_secret_goes_into_a_file_and_is_never_shown_again(anna: Installer) -> None:
    anna.build()
    secret = "sk_test_51Habcdefghijklmnop"
    body = {"route": ["payment"], "key": "key_file", "secret": f" {secret}\n"}
    told = anna.ask("POST", "/api/v1/site/draft/secrets", body)
    assert told.status_code == 200, told.text
    assert told.json()["data"]["payment"] == {"key_file": "secrets/payment-key"}
    kept = anna.site.file.parent / "secrets" / "payment-key"
    assert (kept.stat().st_mode & 0o777, kept.read_text()) == (0o600, f"{secret}\n")
    for path in ("/api/v1/site/draft", "/wizard/prices"):
        shown = anna.ask("GET", path).text
        assert "secrets/payment-key" in shown
        assert secret not in shown
    assert secret not in json.dumps(anna.site.noted, default=str)
    again = anna.ask("POST", "/api/v1/site/draft/secrets", {**body, "secret": "another"}).json()
    assert again["data"]["payment"]["key_file"] == "secrets/payment-key-2"
    assert kept.read_text() == f"{secret}\n", "the running site goes on with it"


SECRETS = {
    "of no such key": ({"route": ["payment"], "key": "provider", "secret": "x"}, "names no file with a secret"),
    "of no such section": ({"route": ["stations"], "key": "key_file", "secret": "x"}, "names no file with a secret"),
    "of two lines": ({"route": ["payment"], "key": "key_file", "secret": "a\nb"}, "one line"),
    "of nothing": ({"route": ["payment"], "key": "key_file", "secret": "  "}, "one line"),
    "too long": ({"route": ["payment"], "key": "key_file", "secret": "x" * 5000}, "4096"),
}


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_that_is_none_is_refused_with_words_and_not_repeated(anna: Installer, name: str) -> None:
    body, words = SECRETS[name]
    refused = anna.ask("POST", "/api/v1/site/draft/secrets", body)
    assert (refused.status_code, words in refused.json()["detail"]) == (422, True), refused.text
    assert not list((anna.site.file.parent / "secrets").iterdir())


def test_a_tariff_file_is_moved_into_the_draft_where_it_can_be_changed(anna: Installer) -> None:
    refused = anna.ask("POST", "/api/v1/site/draft/tariff", {})
    assert (refused.status_code, "names no tariff file" in refused.json()["detail"]) == (422, True)
    beside = anna.site.file.parent / "tariff.yaml"
    beside.write_text("name: Business\nenergy:\n  supply: {per_kwh: 0.31}\n", encoding="utf-8")
    told = anna.edit(["tariff"], {"file": "tariff.yaml"}).json()
    assert told["site"]["tariff"] == "Business: energy by supply 0.31"
    assert "beside the site file" in anna.ask("GET", "/wizard/prices").text
    moved = anna.ask("POST", "/api/v1/site/draft/tariff", {}).json()
    assert moved["data"]["tariff"] == {"name": "Business", "energy": {"supply": {"per_kwh": 0.31}}}
    assert moved["site"]["tariff"] == "Business: energy by supply 0.31"
    by_time = {"per_kwh": 0.2, "when": ["Mon-Fri 22:00-24:00", "Sat,Sun"]}
    for route, keys in (
        (["tariff", "energy", "supply"], {"per_kwh": None}),
        (["tariff", "energy", "supply", "times", "+"], by_time),
        (["tariff", "energy", "supply", "times", "+"], {"per_kwh": 0.3}),
        (["tariff", "demand", "peak"], {"per_kw": 5}),
    ):
        told = anna.edit(route, keys).json()
    assert [one for one in told["findings"] if one["severity"] == "error"] == []
    assert told["site"]["tariff"].startswith("Business: energy by supply (2 prices by time); demand peak 5 EUR/kW")
    page = anna.ask("GET", "/wizard/prices").text
    assert 'value="Mon-Fri 22:00-24:00; Sat,Sun"' in page


def test_a_record_is_kept_printed_and_chained(anna: Installer) -> None:
    anna.site.shows_everything()
    first = anna.ask("POST", "/api/v1/site/records", {"note": "handed <over>"}).json()
    assert (first["number"], first["previous"], first["complete"]) == (1, "0" * 64, False)
    assert first["file_sha256"] == hashlib.sha256(anna.site.text.encode()).hexdigest()
    titles = [part["title"] for part in first["parts"]]
    assert titles == ["What must be so", "Circuits", "Meters", "Outlets", "Tests, step by step", "Supervised run"]
    assert ["CP-02/1", "step passed", "passed", "what <b>was</b> seen"] in [
        row[:4] for row in first["parts"][4]["rows"]
    ]
    second = anna.ask("POST", "/api/v1/site/records", {}).json()
    assert (second["number"], second["previous"]) == (2, first["sha256"])
    listed = anna.ask("GET", "/api/v1/site/records").json()
    assert ([one["number"] for one in listed["records"]], listed["faults"]) == ([1, 2], [])
    shown = anna.ask("GET", "/wizard/record/1").text
    assert "handed &lt;over&gt;" in shown
    assert first["sha256"] in shown
    assert "The chain holds" in shown
    assert "It does not prove who made it" in shown
    assert anna.site.noted[0][2:] == ("SiteCommissioned", {"record": 1, "sha256": first["sha256"]})
    printed = anna.ask("GET", "/api/v1/site/records/1.pdf")
    pages = PdfReader(io.BytesIO(printed.content)).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert first["sha256"] in text
    assert "Note: handed <over>" in text
    assert "what <b>was</b> seen" in text
    for path in ("/api/v1/site/records/7.pdf", "/wizard/record/7"):
        assert anna.ask("GET", path).status_code == 404


def test_who_knocks_with_an_id_that_cannot_be_is_told_to_take_another(anna: Installer) -> None:
    now = anna.scene.now().utc
    anna.scene.refused = [Knock("CP:7", HOST, "unknown id", 3, now), Knock("/ocpp/CP%207", HOST, "no id", 3, now)]
    page = anna.ask("GET", "/wizard/stations").text
    assert 'data-accept="CP:7"' in page
    assert page.count("data-accept=") == 1
    assert "give it another id: letters, digits" in page


def test_an_outlet_that_nobody_described_keeps_a_site_from_being_complete(anna: Installer) -> None:
    station = anna.scene.state.site.stations[0].id
    assert _judged(anna, "Every outlet that stations speak of is described") == ["yes", "no other was named"]
    anna.scene.tell(OutletSeen(station, 7, True))
    assert _judged(anna, "Every outlet that stations speak of is described") == ["NO", f"not {station}/7"]


def _judged(anna: Installer, what: str) -> list[str]:
    """What a record says of something that must be so."""
    rows: list[list[str]] = anna.ask("POST", "/api/v1/site/records", {}).json()["parts"][0]["rows"]
    return next(seen for asked, *seen in rows if asked == what)


def test_the_switch_is_written_alone_and_a_draft_goes_on(anna: Installer) -> None:
    anna.build()
    assert anna.ask("PUT", "/api/v1/site/control", {"armed": True}).status_code == 204
    assert "control: armed" in anna.site.text
    assert "CP-01" not in anna.site.text
    shown = anna.ask("GET", "/api/v1/site/draft").json()
    assert (shown["observes"], shown["begun"], shown["overtaken"]) == (False, True, False)
    assert "CP-01" in shown["data"]["stations"]
    assert anna.ask("PUT", "/api/v1/site/control", {"armed": False}).status_code == 204
    assert "control: observe" in anna.site.text


def test_a_draft_is_thrown_away(anna: Installer) -> None:
    anna.build()
    assert anna.ask("DELETE", "/api/v1/site/draft").status_code == 204
    assert anna.ask("GET", "/api/v1/site/draft").json()["begun"] is False


def _nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = {"a": inner}
    return inner


BAD = {
    "no place": ({"route": [], "keys": {}}, 422),
    "a place of no text": ({"route": [3], "keys": {}}, 422),
    "too deep": ({"route": ["a"] * 7, "keys": {}}, 422),
    "an unknown key": ({"route": ["site"], "values": {}}, 422),
    "nothing to remove": ({"route": ["stations", "CP-9"], "keys": None}, 422),
    "a character that is none": ({"route": ["site"], "keys": {"name": "\ud800"}}, 422),
    "another that is none": ({"route": ["site"], "keys": {"name": "a\0b"}}, 422),
    "nested too deeply": ({"route": ["site"], "keys": {"name": _nested(300)}}, 422),
    "a key that is none": ({"route": ["site"], "keys": {"\ud800": 1}}, 422),
    "into a text": ({"route": ["site", "name", "x"], "keys": {"a": 1}}, 422),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_an_edit_that_cannot_be_meant_is_refused_with_words(anna: Installer, name: str) -> None:
    body, status = BAD[name]
    refused = anna.ask("POST", "/api/v1/site/draft/edits", body)
    assert refused.status_code == status, refused.text
    assert refused.json()["detail"]
    assert anna.ask("GET", "/api/v1/site/draft").json()["begun"] is False


METERS = {
    "no model": ({"host": "127.0.0.1"}, "model"),
    "an unknown model": ({"model": "nobody", "host": "127.0.0.1"}, "there is no meter model 'nobody'"),
    "no place": ({"model": "eastron-sdm630"}, "say where the meter is"),
    "a bad port": ({"model": "eastron-sdm630", "host": "127.0.0.1", "port": 99999}, "port"),
}
STORE = {"circuit": "grid", "capacity_kwh": 60, "charge_max_kw": 20, "discharge_max_kw": 30}
BATTERIES = {
    "no size": ({"circuit": "grid", "meter": "main"}, "capacity_kwh"),
    "no meter": (STORE, "name the meter that is the battery's inverter"),
    "a meter that nobody has described": ({**STORE, "meter": "bat"}, "there is no meter 'bat': describe it first"),
}


@pytest.mark.parametrize("name", sorted(BATTERIES))
def test_a_battery_that_cannot_be_read_is_refused_with_words(anna: Installer, name: str) -> None:
    keys, words = BATTERIES[name]
    refused = anna.ask("POST", "/api/v1/site/battery-test", {"keys": keys})
    assert (refused.status_code, words in refused.json()["detail"]) == (422, True), refused.text


@pytest.mark.parametrize("name", sorted(METERS))
def test_a_meter_that_is_none_is_refused_with_words(anna: Installer, name: str) -> None:
    keys, words = METERS[name]
    refused = anna.ask("POST", "/api/v1/site/meter-test", {"keys": keys})
    assert (refused.status_code, words in refused.json()["detail"]) == (422, True), refused.text


def test_a_site_file_that_is_gone_is_said(anna: Installer) -> None:
    anna.site.file.unlink()
    for method, path in (("GET", "/api/v1/site/draft"), ("GET", "/wizard/site")):
        refused = anna.ask(method, path)
        assert (refused.status_code, "cannot be used" in refused.json()["detail"]) == (422, True)


def test_steps_that_are_none_are_not_found(anna: Installer) -> None:
    assert anna.ask("GET", "/wizard/nowhere").status_code == 404
    assert anna.ask("GET", "/wizard").headers["location"] == "/wizard/site"
