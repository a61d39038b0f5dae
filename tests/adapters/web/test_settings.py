"""Settings of the site file over the interface: every key has a form, what is wrong stands beside its field, secrets
are never shown again, and connections are tried out against real servers before anything is saved.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.wizard.settings import MANY, TOPICS, WORDINGS
from ems.settings.form import MANY as SEVERAL
from ems.settings.form import MODELS, SETTINGS
from tests.adapters.mail.postbox import Postbox, postbox
from tests.adapters.mqtt.broker import mosquitto, needs_mosquitto
from tests.adapters.web.test_wizard import Installer
from tests.adapters.webhook.receiver import receiver
from tests.assembly.identity_provider import IdentityProvider, serving
from tests.ports import free_ports

SECRET = "0123456789abcdef-never-shown"
MAIL = {"host": "127.0.0.1", "security": "none", "sender": "ems@depot.example"}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"
OPERATOR = {
    "country_code": "DE", "party_id": "ABC", "name": "Depot", "public_url": "http://127.0.0.1:9", "location_id": "N",
    "address": "Street 1", "city": "Berlin", "country": "DEU", "coordinates": [52.52, 13.405],
}  # fmt: skip


@pytest.fixture
def anna(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


def tried(anna: Installer, route: list[str], keys: Any = None, to: str = "") -> Any:
    answer = anna.ask("POST", "/api/v1/site/connection-test", {"route": route, "keys": keys, "to": to})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(anna: Installer, route: list[str], keys: Any = None, to: str = "") -> str:
    answer = anna.ask("POST", "/api/v1/site/connection-test", {"route": route, "keys": keys, "to": to})
    assert answer.status_code == 422, answer.text
    return str(answer.json()["detail"])


def test_every_section_of_the_settings_is_on_a_page_with_words() -> None:
    assert {name for topic in TOPICS for name in topic.sections} == set(SETTINGS)
    assert set(WORDINGS) == {name for name in MODELS if name.partition(".")[0] in SETTINGS}
    assert SEVERAL & set(SETTINGS) == MANY


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: str(topic.word))
def test_every_key_has_a_field_on_its_page(anna: Installer, topic: Any) -> None:
    page = anna.ask("GET", topic.path).text
    for name, model in MODELS.items():
        if name.partition(".")[0] in topic.sections and name not in {"reports.exports.sftp", "reports.exports.webhook"}:
            for key, known in model.model_fields.items():
                is_field = f"{name}.{key}" not in MODELS and not key.endswith("_file")
                assert not is_field or re.search(rf'name="{key}"', page), f"{name}.{key} {known}"


def test_pages_of_nothing_are_not_found(anna: Installer) -> None:
    assert anna.ask("GET", "/settings/nowhere").status_code == 404
    lost = anna.ask("GET", "/settings/nowhere", accept="text/html")
    assert (lost.status_code, lost.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "there are settings of mail" in lost.text
    assert anna.ask("GET", "/settings").headers["location"] == "/settings/mail"


PLACES = {
    "a mail server without a sender": (["mail"], {"host": "smtp.example.com"}, "mail", "sender", "sender is missing"),
    "a sender that is none": (["mail"], {**MAIL, "sender": "anna"}, "mail", "sender", "is not a mail address"),
    "a login without a password": (["mail"], {**MAIL, "user": "ems"}, "mail", "", "needs a password_file"),
    "nobody to mail": (["alarms", "mail"], {"to": ["anna@x"], "quiet": "late"}, "alarms", "quiet", "quiet"),
    "an event that is none": (["webhooks", "back"], {"url": "https://x.example", "events": ["sesion"]}, "sharing",
                              "events", "is not an event"),
    "a topic with a wildcard": (["mqtt"], {"host": "broker", "base": "ems/#"}, "sharing", "base",
                                "cannot begin a topic"),
    "a day of no week": (["reports", "exports", "a"],
                         {"content": "report", "every": "week", "day": 3, "mail": ["a@b.example"]}, "reports", "day",
                         "is no day of every week"),
    "an export that goes nowhere": (["reports", "exports", "a"], {"content": "report", "every": "day"}, "reports", "",
                                    "goes nowhere"),
    "a phone that is none": (["drivers"], {"phone": "call me"}, "drivers", "phone", "is not a phone number"),
    "coordinates that are none": (["ocpi"], {**OPERATOR, "coordinates": [520.0, 13.4]}, "roaming", "coordinates",
                                  "are no coordinates"),
    "half a partner": (["ocpi"], {**OPERATOR, "partners": {"acme": {"versions_url": "https://acme.example/v"}}},
                       "roaming", "", "has no token_file"),
    "a role that is none": (["oidc"], {"issuer": "https://id.example", "client_id": "ems", "roles": {"x": "king"}},
                            "login", "roles", "king"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PLACES))
def test_what_is_wrong_stands_once_beside_its_field_or_above_its_form(anna: Installer, name: str) -> None:
    route, keys, word, key, words = PLACES[name]
    found = [one for one in anna.edit(route, keys).json()["findings"] if words in one["message"]]
    assert len(found) == 1, found
    assert found[0]["remedy"]
    page = anna.ask("GET", f"/settings/{word}").text
    beside = re.findall(r'id="([^"]+)-said">(.*?)</div>', page, re.DOTALL)
    at = [place for place, said in beside if words in said]
    assert [place.rsplit("-", 1)[-1] for place in at] == ([key] if key else [])
    assert page.count(f'<span class="foreign">{_escaped(found[0]["message"])}</span>') == 1


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;")


SECRETS = {
    "of mail": (["mail"], "password_file", SECRET),
    "of a webhook": (["webhooks", "back"], "secret_file", SECRET),
    "of a broker": (["mqtt"], "password_file", SECRET),
    "of a partner": (["ocpi", "partners", "acme"], "token_file", SECRET),
    "of a provider": (["oidc"], "client_secret_file", SECRET),
    "of an export": (["reports", "exports", "month", "webhook"], "secret_file", SECRET),
    "that is a key": (["reports", "exports", "month", "sftp"], "key_file", KEY),
}


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_is_kept_in_a_file_and_never_shown_again(anna: Installer, name: str) -> None:
    route, key, secret = SECRETS[name]
    kept = anna.ask("POST", "/api/v1/site/draft/secrets", {"route": route, "key": key, "secret": f"{secret}\n"})
    assert kept.status_code == 200, kept.text
    (file,) = (anna.site.file.parent / "secrets").iterdir()
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, f"{secret}\n")
    inner = kept.json()["data"]
    for step in route:
        inner = inner[step]
    assert inner == {key: f"secrets/{file.name}"}
    shown = [anna.ask("GET", path).text for path in ("/api/v1/site/draft", *(topic.path for topic in TOPICS))]
    assert any(f"kept in secrets/{file.name}" in text for text in shown)
    assert not any(
        line in text for text in (*shown, json.dumps(anna.site.noted, default=str)) for line in secret.split()
    )
    assert anna.site.noted[-1][2:] == ("SecretKept", {"section": ".".join(route), "key": key, "file": inner[key]})


BAD_SECRETS = {
    "of a certificate": (["mail"], "ca_file", SECRET, "names no file with a secret"),
    "of no webhook": (["webhooks"], "secret_file", SECRET, "names no file with a secret"),
    "of a way that is none": (
        ["reports", "exports", "a", "ftp"],
        "password_file",
        SECRET,
        "names no file with a secret",
    ),
    "a key that is a password": (["reports", "exports", "a", "sftp"], "key_file", SECRET, "-----BEGIN"),
    "a public key": (["reports", "exports", "a", "sftp"], "key_file", KEY.replace("PRIVATE", "PUBLIC"), "-----BEGIN"),
    "half a key": (["reports", "exports", "a", "sftp"], "key_file", KEY.rsplit("\n", 1)[0], "-----BEGIN"),
    "a password of two lines": (["mail"], "password_file", "a\nb", "one line"),
}


@pytest.mark.parametrize("name", sorted(BAD_SECRETS))
def test_a_secret_that_is_none_is_refused_and_not_repeated(anna: Installer, name: str) -> None:
    route, key, secret, words = BAD_SECRETS[name]
    answer = anna.ask("POST", "/api/v1/site/draft/secrets", {"route": route, "key": key, "secret": secret})
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text
    assert secret.split("\n")[0] not in answer.text or secret == "a\nb"
    assert not (anna.site.file.parent / "secrets").is_dir() or not list((anna.site.file.parent / "secrets").iterdir())


def with_postbox(work: Callable[[Postbox], None]) -> None:
    """Run something that blocks beside a mail server."""

    async def serve() -> None:
        async with postbox() as box:
            await asyncio.to_thread(work, box)

    asyncio.run(serve())


def test_a_test_mail_goes_out_as_the_form_says_and_the_draft_stays(anna: Installer) -> None:
    def work(box: Postbox) -> None:
        told = tried(anna, ["mail"], {**MAIL, "port": box.port}, "anna@depot.example")
        assert (told["trouble"], "takes the mail for anna@depot.example" in told["seen"][0]) == ("", True)
        assert (box.recipients, box.mails[0]["Subject"]) == ([["anna@depot.example"]], "Yard: a test")
        box.refuses = {"nobody@depot.example"}
        told = tried(anna, ["mail"], {**MAIL, "port": box.port}, "nobody@depot.example")
        assert (told["seen"], "550 no such mailbox" in told["trouble"]) == ([], True)
        anna.edit(["mail"], {**MAIL, "port": box.port})
        told = tried(anna, ["alarms", "mail"], {"to": ["anna@depot.example", "nobody@depot.example"]})
        assert "it refuses nobody@depot.example: 550" in told["seen"][0]

    with_postbox(work)
    assert anna.site.text == anna.site.controller.settings.text
    assert [(one[2], one[3]["place"]) for one in anna.site.noted] == [
        ("ConnectionTested", "mail"), ("ConnectionTested", "mail"), ("ConnectionTested", "alarms.mail"),
    ]  # fmt: skip


def test_a_test_notice_is_signed_with_the_secret_of_the_draft(anna: Installer) -> None:
    with receiver() as back:
        keys = {"url": back.url, "events": ["alarm"]}
        assert "answers 204" in tried(anna, ["webhooks", "back"], keys)["seen"][0]
        assert back.types == ["test"]
        anna.edit(["webhooks", "back"], keys)
        anna.ask("POST", "/api/v1/site/draft/secrets",
                 {"route": ["webhooks", "back"], "key": "secret_file", "secret": SECRET})  # fmt: skip
        assert tried(anna, ["webhooks", "back"])["trouble"] == ""
        assert back.got[-1].is_signed(SECRET)
        back.answers = [404]
        assert tried(anna, ["webhooks", "back"])["trouble"].endswith("answers 404: nono"), "who sets it up sees it"


def test_an_export_is_tried_on_its_way(anna: Installer) -> None:
    with receiver() as back:
        export = {"content": "report", "every": "month", "webhook": {"url": back.url}}
        assert "answers 204" in tried(anna, ["reports", "exports", "erp"], export)["seen"][0]
    (port,) = free_ports(1)
    anna.ask("POST", "/api/v1/site/draft/secrets",
             {"route": ["reports", "exports", "erp", "sftp"], "key": "password_file", "secret": SECRET})  # fmt: skip
    anna.edit(["reports", "exports", "erp"], {"content": "report", "every": "month"})
    sftp = {"host": "127.0.0.1", "port": port, "user": "ems", "host_key": f"ssh-ed25519 {'A' * 68}"}
    told = tried(anna, ["reports", "exports", "erp", "sftp"], sftp)
    assert told["trouble"], told
    assert SECRET not in json.dumps(told)


@needs_mosquitto
def test_a_broker_gives_back_what_is_published(anna: Installer, tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        told = tried(anna, ["mqtt"], {"host": "127.0.0.1", "port": broker.port, "base": "ems/yard"})
        assert (told["trouble"], "gives it back" in told["seen"][0]) == ("", True)
    told = tried(anna, ["mqtt"], {"host": "127.0.0.1", "port": broker.port})
    assert "Connection refused" in told["trouble"]


@pytest.fixture(scope="module")
def provider() -> Iterator[Any]:
    pytest.importorskip("authlib")
    known = IdentityProvider()
    with serving(known):
        yield known


def test_a_provider_is_asked_what_it_publishes(anna: Installer, provider: Any) -> None:
    keys = {"issuer": provider.issuer, "client_id": "ems", "roles": {"EMS admins": "admin"}}
    assert "signs with 1 key" in tried(anna, ["oidc"], keys)["seen"][0]
    other = tried(anna, ["oidc"], {**keys, "issuer": f"{provider.issuer}/other"})
    assert other["trouble"].startswith(f"{provider.issuer}/other: ")
    (port,) = free_ports(1)
    away = tried(anna, ["oidc"], {**keys, "issuer": f"http://127.0.0.1:{port}"})
    assert away["trouble"].endswith("Connection refused")


def test_a_partner_that_is_away_is_said(anna: Installer) -> None:
    (port,) = free_ports(1)
    anna.edit(["ocpi"], OPERATOR)
    route = ["ocpi", "partners", "acme"]
    anna.ask("POST", "/api/v1/site/draft/secrets", {"route": route, "key": "token_file", "secret": SECRET})
    told = tried(anna, route, {"versions_url": f"http://127.0.0.1:{port}/ocpi/versions"})
    assert "it cannot be reached" in told["trouble"]
    assert SECRET not in json.dumps(told)


NO_TRIALS = {
    "of a section without one": (["drivers"], {"phone": "+49 30 1234567"}, "", "there is nothing to try out"),
    "of no section": (["nowhere"], None, "", "there is nothing to try out"),
    "of what is not described": (["mqtt"], None, "", "fill in what is needed first"),
    "of what is wrong": (["mail"], {**MAIL, "port": 99999}, "anna@depot.example", "port must be at most 65535"),
    "of a mail to nobody": (["mail"], {**MAIL, "port": 9}, "", "say to whom the test mail goes"),
    "of a mail to somewhere odd": (["mail"], {**MAIL, "port": 9}, "anna", "to: 'anna' is not a mail address"),
    "of mail without a server": (["alarms", "mail"], {"to": ["anna@depot.example"]}, "", "there is no mail server"),
    "of a partner that comes itself": (["ocpi"], {**OPERATOR, "partners": {"acme": {}}}, "", "nothing to try out"),
    "of an export that goes nowhere": (["reports", "exports", "a"], {"content": "report", "every": "day"}, "",
                                       "goes nowhere"),
    "of a login without a password": (["mail"], {**MAIL, "user": "ems"}, "anna@depot.example", "needs a password_file"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NO_TRIALS))
def test_what_cannot_be_tried_out_is_said_in_words(anna: Installer, name: str) -> None:
    route, keys, to, words = NO_TRIALS[name]
    assert words in refused(anna, route, keys, to)
