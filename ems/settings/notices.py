"""Who is told of what: what the file says of it, checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ems.domain.alarm.delivery import QuietHours
from ems.domain.alarm.incident import Patience
from ems.domain.alarm.notice import Topic
from ems.domain.plain_letters import plain_letters
from ems.settings.draft import Draft
from ems.settings.finding import Finding, Severity
from ems.settings.installation import is_loopback
from ems.settings.notice_schema import Command, MqttSection
from ems.settings.route import Route
from ems.settings.secret_file import SecretError, beside, read_secret, secret_findings

PLAIN, ENCRYPTED = 1883, 8883
LEAST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class AlarmMail:
    """Who is told of alarms by mail, and when."""

    to: tuple[str, ...]
    gather_s: float
    quiet: QuietHours | None
    cleared: bool


@dataclass(frozen=True, slots=True)
class Webhook:
    """A web address that is told of events."""

    name: str
    url: str
    events: frozenset[Topic]
    secret_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Mqtt:
    """A broker, and what is published there; `discovery` empty: Home Assistant is not told."""

    host: str
    port: int
    tls: bool
    base: str
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    discovery: str = ""
    every_s: float = 2.0
    commands: frozenset[Command] = frozenset()


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """After how long people are told, and everybody who is."""

    patience: Patience = Patience()  # noqa: RUF009 it is frozen
    mail: AlarmMail | None = None
    webhooks: tuple[Webhook, ...] = ()
    mqtt: Mqtt | None = None


def notices_of(draft: Draft) -> NoticeSettings:
    """What the sections say."""
    alarms, mail = draft.shape.alarms, draft.shape.alarms.mail
    return NoticeSettings(
        patience=Patience(
            offline_s=alarms.offline_s, fault_s=alarms.fault_s, meter_s=alarms.meter_s, clear_s=alarms.clear_s
        ),
        mail=None if mail is None else AlarmMail(mail.to, mail.gather_s, mail.quiet, mail.cleared),
        webhooks=tuple(
            Webhook(name, one.url, one.events, beside(draft, one.secret_file), beside(draft, one.ca_file))
            for name, one in draft.shape.webhooks.items()
        ),
        mqtt=_mqtt_of(draft),
    )


def _mqtt_of(draft: Draft) -> Mqtt | None:
    section = draft.shape.mqtt
    if section is None:
        return None
    name = "" if draft.shape.site is None else draft.shape.site.name
    return Mqtt(
        host=section.host,
        port=section.port or (ENCRYPTED if section.tls else PLAIN),
        tls=section.tls,
        base=section.base or f"ems/{slug(name)}",
        user=section.user,
        password_file=beside(draft, section.password_file),
        ca_file=beside(draft, section.ca_file),
        discovery=section.discovery or "",
        every_s=section.every_s,
        commands=frozenset(section.commands),
    )


def _topics(draft: Draft, section: MqttSection) -> Iterator[Finding]:
    name = "" if draft.shape.site is None else draft.shape.site.name
    now, better = slug(name), slug(plain_letters(name))
    if section.base is None and now != better:
        message = f"its topics begin with ems/{now}, as not all letters of '{name[:60]}' can stand there"
        remedy = f"name them, for example base: ems/{better}; base: ems/{now} leaves them as they are"
        yield draft.document.warning(("mqtt",), message, remedy)


def slug(name: str) -> str:
    """A name as part of a topic. Letters with accents are left out: topics of sites that run must not change."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "site"


def targets(draft: Draft) -> Iterator[Finding]:
    """Targets that lack something, or whose names nobody can tell apart."""
    for name, one in draft.shape.webhooks.items():
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,49}", name, re.ASCII) or name in {"mail", "mqtt"}:
            remedy = "use letters, digits, dashes and dots, but not the names mail and mqtt"
            yield draft.document.error(("webhooks", name), f"'{name[:60]}' cannot name a webhook", remedy)
        if one.secret_file is None:
            remedy = f"name a file with a secret of at least 16 characters: secret_file: secrets/{name[:40]}"
            yield draft.document.warning(
                ("webhooks", name), "is not signed: whoever gets it cannot tell who sent it", remedy
            )
        if one.url.startswith("http://") and not _is_near(one.url):
            message, remedy = "is sent in the clear, and anybody on the way can read it", "write https://"
            yield draft.document.warning(("webhooks", name, "url"), message, remedy)
    section = draft.shape.mqtt
    if section is None:
        return
    yield from _topics(draft, section)
    if section.password_file is not None and section.user is None:
        yield draft.document.error(("mqtt",), "a password_file needs a user", "write user: ems")
    if section.user is not None and not section.tls and not _is_near(section.host):
        message, remedy = "the password is sent in the clear", "write tls: true"
        yield draft.document.warning(("mqtt", "host"), message, remedy)
    if section.ca_file is not None and not section.tls:
        yield draft.document.error(("mqtt", "ca_file"), "there is nothing to check without tls", "write tls: true")
    if section.commands and section.user is None and not _is_near(section.host):
        message = "whoever reaches the broker may give these commands: it lets everybody in"
        yield draft.document.warning(("mqtt", "commands"), message, "log in: user: ems, password_file: secrets/mqtt")


def files(draft: Draft) -> Iterator[Finding]:
    """Files that cannot be read, or that everybody can read; and mail without a server."""
    known = notices_of(draft)
    if known.mail is not None and draft.shape.mail is None:
        remedy = "say which server takes it: mail: {host: smtp.example.com, sender: ems@depot.example}"
        yield draft.document.error(("alarms", "mail"), "alarms are to be mailed, but there is no mail server", remedy)
    named: list[tuple[Route, Path | None, bool]] = []
    for one in known.webhooks:
        named.append((("webhooks", one.name, "secret_file"), one.secret_file, True))
        named.append((("webhooks", one.name, "ca_file"), one.ca_file, False))
    if known.mqtt is not None:
        named.append((("mqtt", "password_file"), known.mqtt.password_file, True))
        named.append((("mqtt", "ca_file"), known.mqtt.ca_file, False))
    for route, path, is_secret in named:
        if path is not None:
            yield from _of_file(draft, route, path, is_secret)


def _of_file(draft: Draft, route: Route, path: Path, is_secret: bool) -> Iterator[Finding]:
    if not is_secret:
        if not path.is_file():
            remedy = "write the certificate there (PEM), or remove the line to trust what the system trusts"
            yield draft.document.error(route, f"'{path}' does not exist", remedy)
        return
    found = tuple(secret_findings(draft, route, path, "the secret"))
    yield from found
    if any(one.severity is Severity.ERROR for one in found):
        return
    try:
        text = read_secret(path)
    except SecretError as wrong:
        yield draft.document.error(route, str(wrong), "write the secret into that file")
        return
    if route[0] == "webhooks" and len(text) < LEAST_CHARACTERS:
        remedy = "write at least 16 characters, for example those of: openssl rand -base64 24"
        yield draft.document.error(route, f"the secret in '{path}' is too short", remedy)


def _is_near(address: str) -> bool:
    """Whether what is sent there stays on this machine."""
    found = re.match(r"(?:https?://)?(\[[^]]*\]|[^/:]*)", address)
    return found is not None and is_loopback(found[1].strip("[]"))
