"""Alarms of a site, and everybody who is told of what happens there, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
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
from ems.runtime.succession import Succession
from ems.settings.build import SiteSettings
from ems.settings.mail import MailSettings
from ems.settings.notices import Mqtt, Webhook
from ems.settings.secret_file import SecretError, read_secret

if TYPE_CHECKING:
    from ems.adapters.mqtt.link import Broker, MqttLink
    from ems.adapters.webhook.target import WebhookTarget


class Audience(NamedTuple):
    """Everybody whom the site file names: those who are told, the server that takes mail and the broker, None where
    there is none.
    """

    targets: tuple[Target, ...]
    server: SmtpServer | None
    broker: Broker | None


class AlarmParts:
    """What the daemon needs of all this: `looks` are outputs of its loop. `mail`: where mail goes out, as the site file
    says now.
    """

    def __init__(
        self,
        told: Audience,
        settings: SiteSettings,
        live: Live,
        clock: Clock,
        store: Store,
        operations: Operations,
    ) -> None:
        self._settings, self._live, self._operations = settings, live, operations
        self._broker, self._link = told.broker, self._link_to(told.broker)
        self._line = Succession("mqtt", self._link)
        self.postman = Postman(self._told(told), store.notices, clock)
        herald = Herald(self.postman.tell, lambda: clock.now().utc)
        self.keeper = IncidentKeeper(
            live, clock, store.incidents, herald.alarm, lambda: self._settings.notices.patience
        )
        self.keeper.sources.append(self.postman.troubles)
        self.looks: tuple[Output, ...] = (herald.look,)
        self.services: tuple[Service, ...] = (self.postman, self.keeper, self._line)
        self.routers: Routers = alarm_ways(live, clock, self.keeper, self.postman)

    @property
    def mail(self) -> MailSettings | None:
        """Where mail goes out."""
        return self._settings.mail

    def take_over(self, settings: SiteSettings, told: Audience) -> None:
        """Go on with what the site file says now. A broker is left in order before the next one is met."""
        self._settings = settings
        if told.broker != self._broker:
            if self._link is not None:
                self._link.leave(told.broker)
            self._broker, self._link = told.broker, self._link_to(told.broker)
            self._line.turn_to(self._link)
        self.postman.take_over(self._told(told))

    def _link_to(self, broker: Broker | None) -> MqttLink | None:
        if broker is None:
            return None
        from ems.adapters.mqtt.link import MqttLink  # noqa: PLC0415 - a room that few sites need

        return MqttLink(broker, self._live, self._operations, lambda: self.keeper.open, __version__)

    def _told(self, told: Audience) -> Iterator[Target]:
        """Everybody who is told, the broker too."""
        yield from told.targets
        link = self._link
        if link is not None:
            from ems.adapters.mqtt.target import MqttTarget  # noqa: PLC0415 - see above

            yield MqttTarget(link, f"{link.host}, {link.topics.event}", self._settings.site.name)


def audience_of(settings: SiteSettings, clock: Clock) -> Audience:
    """Everybody whom the site file names. Raises AssemblyError where a secret cannot be read."""
    server = None if settings.mail is None else mail_server(settings.mail)
    return Audience(tuple(_targets(settings, server, clock)), server, broker_of(settings.notices.mqtt))


def broker_of(known: Mqtt | None) -> Broker | None:
    """The broker, if there is one. Raises AssemblyError where its secret cannot be read."""
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


def _targets(settings: SiteSettings, server: SmtpServer | None, clock: Clock) -> Iterator[Target]:
    site = settings.site
    yield from _webhooks(settings.notices.webhooks, site.name, clock)
    told = settings.notices.mail
    if told is not None and server is not None:
        yield AlarmMailer(
            server,
            told.to,
            lambda: site.name,
            lambda: site.zone,
            told.gather_s,
            told.quiet,
            told.cleared,
            settings.payment.public_url,
        )


def _webhooks(known: Sequence[Webhook], site: str, clock: Clock) -> Iterator[Target]:
    for one in known:
        yield webhook_target(one, site, lambda: clock.now().utc)


def webhook_target(
    known: Webhook, site: str, now: Callable[[], datetime], whole_s: float | None = None
) -> WebhookTarget:
    """An address that is told; `whole_s`: how long a request may take, if not as usual. Raises AssemblyError."""
    from ems.adapters.webhook.post import WHOLE_S, SignedPost  # noqa: PLC0415 - its client is large
    from ems.adapters.webhook.target import WebhookTarget  # noqa: PLC0415

    post = SignedPost(known.url, _key(known), known.ca_file, WHOLE_S if whole_s is None else whole_s)
    return WebhookTarget(known.name, post, known.events, site, now)


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
