"""`alarms:`, `webhooks:` and `mqtt:` say who is told of what, and what is missing for that."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from ems.domain.alarm.delivery import QuietHours
from ems.domain.alarm.notice import ALARMS, Topic
from ems.settings.load import load
from ems.settings.notice_schema import Command
from ems.settings.notices import NoticeSettings

SITE = """\
site: {name: Yard No. 7, timezone: Europe/Berlin}
circuits:
  grid: {rating_a: 63, base_load_max_a: 20}
stations:
  CP-01: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}
ocpp: {host: 127.0.0.1}
"""
SERVER = "mail: {host: 127.0.0.1, security: none, sender: ems@depot.example}\n"
HOOK = (
    "webhooks: {back: {url: 'https://back.example.com/ems?k=1', events: [session.ended, alarm], secret_file: hook}}\n"
)


def loaded(tmp_path: Path, sections: str, name: str = "Yard No. 7") -> tuple[NoticeSettings | None, list[str]]:
    (tmp_path / "site.yaml").write_text(SITE.replace("Yard No. 7", name) + sections, "utf-8")
    for file, text in (("hook", "0123456789abcdef"), ("short", "x"), ("broker", "secret of the broker")):
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o600)
    found = load(tmp_path)
    words = [f"{finding}; {finding.remedy}" for finding in found.findings if finding.line != 5]
    return (None if found.settings is None else found.settings.notices), words


def test_without_the_sections_people_are_told_on_the_page_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, "")[0] == NoticeSettings()


def test_alarms_by_mail(tmp_path: Path) -> None:
    found, _ = loaded(
        tmp_path, SERVER + "alarms: {offline_s: 60, mail: {to: [anna@depot.example], quiet: '22:00-06:00'}}\n"
    )
    assert found is not None
    assert found.mail is not None
    assert found.patience.offline_s == 60
    assert found.mail.to == ("anna@depot.example",)
    assert found.mail.quiet == QuietHours(time(22), time(6))


def test_a_webhook_with_all_that_it_needs(tmp_path: Path) -> None:
    found, words = loaded(tmp_path, HOOK)
    assert found is not None
    assert found.webhooks[0].events == {Topic.SESSION_ENDED, *ALARMS}
    assert not any("webhook" in one for one in words)


def test_a_broker_with_all_that_it_needs(tmp_path: Path) -> None:
    found, words = loaded(
        tmp_path,
        "mqtt: {host: broker.example, tls: true, user: ems, password_file: broker, discovery: homeassistant,"
        " commands: [strategy, limit]}\n",
    )
    assert found is not None
    assert found.mqtt is not None
    assert (found.mqtt.port, found.mqtt.base) == (8883, "ems/yard-no-7")
    assert found.mqtt.commands == {Command.STRATEGY, Command.LIMIT}
    assert not any("mqtt" in one for one in words)


@pytest.mark.parametrize(
    ("name", "base", "told", "remedy"),
    [
        ("Yard No. 7", "", "ems/yard-no-7", ""),
        ("Depot Süd", "", "ems/depot-s-d", "base: ems/depot-sued; base: ems/depot-s-d leaves them as they are"),
        ("Depot Süd", ", base: ems/depot-sued", "ems/depot-sued", ""),
        ("Depot Süd", ", base: ems/depot-s-d", "ems/depot-s-d", ""),
        ("депо", "", "ems/site", ""),
    ],
)
def test_topics_stay_as_they_are_and_better_ones_are_offered(
    tmp_path: Path, name: str, base: str, told: str, remedy: str
) -> None:
    """Whoever listens to a site that runs would hear nothing any more."""
    found, words = loaded(tmp_path, f"mqtt: {{host: 127.0.0.1{base}}}\n", name)
    assert found is not None
    assert found.mqtt is not None
    assert found.mqtt.base == told
    said = [one for one in words if "topics begin with" in one]
    assert [one.endswith(remedy) for one in said] == ([True] if remedy else [])
    assert all(":7: warning:" in one for one in said), said


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ("alarms: {offline_s: -1}\n", "7: error: offline_s"),
        ("alarms: {offlin_s: 5}\n", "did you mean 'offline_s'"),
        ("alarms: {mail: {to: [anna@depot.example]}}\n", "there is no mail server"),
        (SERVER + "alarms: {mail: {to: [anna]}}\n", "'anna' is not a mail address"),
        (SERVER + "alarms: {mail: {to: []}}\n", "names nobody"),
        (SERVER + "alarms: {mail: {to: [a@b.example], quiet: at night}}\n", "write for example 22:00-06:00"),
        (SERVER + "alarms: {mail: {to: [a@b.example], quiet: '22:00-22:00'}}\n", "is no time of day from and until"),
        ("webhooks: {back: {url: 'ftp://x', events: [alarm]}}\n", "'ftp://x' is not a web address"),
        ("webhooks: {back: {url: 'https://x.example', events: [sesion.ended]}}\n", "did you mean 'session.ended'"),
        ("webhooks: {back: {url: 'https://x.example', events: []}}\n", "names no event"),
        ("webhooks: {back: {url: 'https://x.example', events: [test]}}\n", "'test' is not an event"),
        ("webhooks: {back: {url: 'https://x.example', events: [alarm]}}\n", "cannot tell who sent it"),
        ("webhooks: {mail: {url: 'https://x.example', events: [alarm]}}\n", "'mail' cannot name a webhook"),
        ("webhooks: {b: {url: 'http://x.example', events: [alarm], secret_file: hook}}\n", "sent in the clear"),
        ("webhooks: {b: {url: 'https://x.example', events: [alarm], secret_file: gone}}\n", "cannot be read"),
        ("webhooks: {b: {url: 'https://x.example', events: [alarm], secret_file: short}}\n", "too short"),
        ("webhooks: {b: {url: 'https://x.example', events: [alarm], ca_file: gone}}\n", "does not exist"),
        ("webhooks: [1]\n", "webhooks must be entries with names"),
        ("mqtt: {host: 'a b'}\n", "'a b' is not an address"),
        ("mqtt: {}\n", "host is missing"),
        ("mqtt: {host: x.example, password_file: broker}\n", "needs a user"),
        ("mqtt: {host: x.example, user: ems, password_file: gone, tls: true}\n", "cannot be read"),
        ("mqtt: {host: x.example, user: ems, password_file: broker}\n", "the password is sent in the clear"),
        ("mqtt: {host: x.example, ca_file: hook}\n", "nothing to check without tls"),
        ("mqtt: {host: x.example, base: 'ems/#'}\n", "cannot begin a topic"),
        ("mqtt: {host: x.example, commands: [reboot]}\n", "reboot"),
        ("mqtt: {host: x.example, commands: [pause]}\n", "lets everybody in"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_the_remedy(tmp_path: Path, sections: str, said: str) -> None:
    _, words = loaded(tmp_path, sections)
    assert any(said in one for one in words), words
