"""The pages of drivers of a site, put together."""

from __future__ import annotations

from pathlib import Path

from ems.adapters.mail.smtp import SmtpServer
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.store import Store
from ems.adapters.web.driver.bay import House, Imprint
from ems.adapters.web.driver.deeds import driver_deeds
from ems.adapters.web.driver.language import Languages
from ems.adapters.web.driver.letters import Letters, Post
from ems.adapters.web.driver.live import Crowd
from ems.adapters.web.driver.pages import Lobby as Pages
from ems.adapters.web.driver.pages import Paces, driver_pages
from ems.adapters.web.driver.sheet import driver_api, sticker_pages
from ems.adapters.web.payment.api import Routers
from ems.assembly.access import AccessParts
from ems.assembly.alarms import mail_server
from ems.assembly.operations import SiteOperations
from ems.assembly.payments import PaymentParts, RemoteSwitch
from ems.assembly.receipts import SiteReceipts
from ems.assembly.session_desk import SiteSessionDesk
from ems.ports.controller import Live, Service
from ems.runtime.driver_desk import DriverDesk, Lobby
from ems.runtime.incident_keeper import IncidentKeeper
from ems.runtime.remote import RemoteControl
from ems.settings.build import SiteSettings

LANGUAGES = "languages"
"""The folder beside `site.yaml` with catalogues of the site's own."""


class DriverParts:
    """`desk` does what drivers ask for, `letters` brings receipts by mail where the site has a mail server; `routers`
    are offered by the web server.
    """

    def __init__(self, desk: DriverDesk, settings: SiteSettings) -> None:
        self.desk, self._settings = desk, settings
        self.letters: Letters | None = None
        self.routers: Routers = ()

    @property
    def services(self) -> tuple[Service, ...]:
        """What runs."""
        return (self.desk,) if self.letters is None else (self.desk, self.letters)

    def heard_by(self, alarms: IncidentKeeper) -> DriverParts:
        """The same, when what drivers report is an alarm too."""
        alarms.sources.append(self.desk.heard.troubles)
        return self

    def take_over(self, settings: SiteSettings) -> None:
        """Go on with what the site file says now."""
        self._settings = settings

    def imprint(self) -> Imprint:
        """What the site says to drivers."""
        told, url = self._settings.drivers, self._settings.payment.public_url
        return Imprint(
            url, told.is_rotating, told.phone, told.operator, told.address, told.vat_id, told.terms_url,
            told.may_hurry, self.letters is not None,
        )  # fmt: skip


def driver_parts(
    settings: SiteSettings,
    live: Live,
    operations: SiteOperations,
    store: Store,
    remote: RemoteControl,
    paying: PaymentParts,
    access: AccessParts,
) -> DriverParts:
    """Who stands before a charger is served by these."""
    lobby = Lobby(
        store.drivers,
        RemoteSwitch(remote),
        operations,
        lambda: operations.daybook,
        lambda: access.site.doors,
        lambda: live.state,
        remote.clock,
        store.audit.add,
    )
    parts = DriverParts(DriverDesk(lobby), settings)
    house = House(
        live,
        remote.clock,
        operations,
        parts.desk,
        SiteReceipts(paying.till, store),
        paying.payments,
        Languages((Path(settings.path).parent / LANGUAGES,)),
        parts.imprint,
        SiteSessionDesk(store, SessionReader(store.database), live, remote.clock).detail,
    )
    if settings.mail is not None:
        parts.letters = Letters(house, _post(mail_server(settings.mail)))
    pages = Pages(house, Paces.usual(), Crowd(), parts.letters)
    parts.routers = (driver_api(house), driver_deeds(pages), driver_pages(pages), sticker_pages(house))
    return parts


def _post(server: SmtpServer) -> Post:
    async def post(to: str, subject: str, text: str, key: str) -> None:
        await server.send((to,), subject, text, key=key)

    return post
