"""Alarms of a site, and everybody who is told of what happens there, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ems import __version__
from ems.adapters.mail.smtp import Security, SmtpServer
from ems.adapters.store.store import Store
from ems.adapters.web.alarms.page import alarm_ways
from ems.adapters.web.payment.api import Routers
from ems.adapters.webhook.signature import key_of
from ems.assembly.error import AssemblyError
from ems.ports.controller import Clock, Live, Operations, Service
from ems.ports.notices import Target
from ems.runtime.alarm_mail import AlarmMailer
from ems.runtime.herald import Herald
from ems.runtime.incident_keeper import IncidentKeeper
from ems.runtime.loop import Output
from ems.runtime.postman import Postman
from ems.settings.build import SiteSettings
from ems.settings.mail import MailSettings
from ems.settings.notices import Mqtt, Webhook
from ems.settings.secret_file import SecretError, read_secret

if TYPE_CHECKING:
    from ems.adapters.mqtt.link import Broker, MqttLink


class AlarmParts(NamedTuple):
    """What the daemon needs of all this: `looks` are outputs of its loop."""

    keeper: IncidentKeeper
    postman: Postman
    looks: tuple[Output, ...]
    services: tuple[Service, ...]
    routers: Routers


class Audience(NamedTuple):
    """Everybody whom the site file names, and the broker (None: there is none)."""

    targets: tuple[Target, ...]
    broker: Broker | None


def alarm_parts(
    told: Audience, settings: SiteSettings, live: Live, clock: Clock, store: Store, operations: Operations
) -> AlarmParts:
    """Alarms always, and whoever is to be told."""
    patience = settings.notices.patience
    links: tuple[MqttLink, ...] = ()
    brokers: tuple[Target, ...] = ()
    if told.broker is not None:
        from ems.adapters.mqtt.link import MqttLink  # noqa: PLC0415 - a room that few sites need
        from ems.adapters.mqtt.target import MqttTarget  # noqa: PLC0415

        link = MqttLink(told.broker, live, operations, lambda: keeper.open, __version__)
        links = (link,)
        brokers = (MqttTarget(link, f"{link.host}, {link.topics.event}", settings.site.name),)
    postman = Postman((*told.targets, *brokers), store.notices, clock)
    herald = Herald(postman.tell, lambda: clock.now().utc)
    keeper = IncidentKeeper(live, clock, store.incidents, herald.alarm, lambda: patience)
    keeper.sources.append(postman.troubles)
    ways = alarm_ways(live, clock, keeper, postman)
    return AlarmParts(keeper, postman, (herald.look,), (postman, keeper, *links), ways)


def audience_of(settings: SiteSettings, clock: Clock) -> Audience:
    """Everybody whom the site file names. Raises AssemblyError where a secret cannot be read."""
    return Audience(tuple(_targets(settings, clock)), _broker(settings.notices.mqtt))


def _broker(known: Mqtt | None) -> Broker | None:
    if known is None:
        return None
    from ems.adapters.mqtt.link import Broker  # noqa: PLC0415 - a room that few sites need

    return Broker(
        known.host,
        known.port,
        known.base,
        known.tls,
        known.ca_file,
        known.user,
        None if known.password_file is None else _secret(known.password_file),
        known.discovery,
        known.every_s,
        frozenset(command.value for command in known.commands),
    )


def _targets(settings: SiteSettings, clock: Clock) -> Iterator[Target]:
    site = settings.site
    yield from _webhooks(settings.notices.webhooks, site.name, clock)
    told = settings.notices.mail
    if told is not None and settings.mail is not None:
        yield AlarmMailer(
            mail_server(settings.mail),
            told.to,
            lambda: site.name,
            lambda: site.zone,
            told.gather_s,
            told.quiet,
            told.cleared,
            settings.payment.public_url,
        )


def _webhooks(known: Sequence[Webhook], site: str, clock: Clock) -> Iterator[Target]:
    if known:
        from ems.adapters.webhook.post import SignedPost  # noqa: PLC0415 - its client is large
        from ems.adapters.webhook.target import WebhookTarget  # noqa: PLC0415

        for one in known:
            post = SignedPost(one.url, _key(one), one.ca_file)
            yield WebhookTarget(one.name, post, one.events, site, lambda: clock.now().utc)


def mail_server(known: MailSettings) -> SmtpServer:
    """The server that takes the mail of a site. Raises AssemblyError."""
    password = None if known.password_file is None else _secret(known.password_file)
    security = Security(known.security.value)
    return SmtpServer(known.host, known.port, known.sender, security, known.user, password, known.ca_file)


def _key(one: Webhook) -> bytes | None:
    if one.secret_file is None:
        return None
    try:
        return key_of(_secret(one.secret_file))
    except ValueError as wrong:
        raise AssemblyError(f"{one.secret_file}: {wrong}") from None


def _secret(path: Path) -> str:
    try:
        return read_secret(path)
    except SecretError as wrong:
        raise AssemblyError(str(wrong)) from None
