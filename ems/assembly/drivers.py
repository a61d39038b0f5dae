"""The pages of drivers of a site, put together."""

from __future__ import annotations

from pathlib import Path

from ems.adapters.mail.smtp import SmtpServer
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.store import Store
from ems.adapters.web.driver.bay import House, Imprint
from ems.adapters.web.driver.deeds import driver_deeds
from ems.adapters.web.driver.language import Languages
from ems.adapters.web.driver.letters import Letters
from ems.adapters.web.driver.live import Crowd
from ems.adapters.web.driver.pages import Lobby as Pages
from ems.adapters.web.driver.pages import Paces, driver_pages
from ems.adapters.web.driver.sheet import driver_api, sticker_pages
from ems.adapters.web.driver.taps import Taps
from ems.adapters.web.payment.api import Routers
from ems.assembly.access import AccessParts
from ems.assembly.operations import SiteOperations
from ems.assembly.payments import PaymentParts, RemoteSwitch
from ems.assembly.receipts import SiteReceipts
from ems.assembly.session_desk import SiteSessionDesk
from ems.ports.controller import Live, Service
from ems.ports.delivery import NotDeliveredError
from ems.runtime.driver_desk import DriverDesk, Lobby
from ems.runtime.incident_keeper import IncidentKeeper
from ems.runtime.remote import RemoteControl
from ems.settings.build import SiteSettings

LANGUAGES = "languages"
"""The folder beside `site.yaml` with catalogues of the site's own."""


class DriverParts:
    """`desk` does what drivers ask for; `services` run, also one that brings receipts by mail while the site has a mail
    server; `routers` are offered by the web server.
    """

    def __init__(self, desk: DriverDesk, settings: SiteSettings, server: SmtpServer | None) -> None:
        self.desk, self._settings, self._server = desk, settings, server
        self.services: tuple[Service, ...] = (desk,)
        self.routers: Routers = ()

    def heard_by(self, alarms: IncidentKeeper) -> DriverParts:
        """The same, when what drivers report is an alarm too."""
        alarms.sources.append(self.desk.heard.troubles)
        return self

    def take_over(self, settings: SiteSettings, server: SmtpServer | None) -> None:
        """Go on with what the site file says now."""
        self._settings, self._server = settings, server

    async def post(self, to: str, subject: str, text: str, key: str) -> None:
        """Send a mail by the server that the site has now."""
        if self._server is None:
            raise NotDeliveredError("the site has no mail server")
        await self._server.send((to,), subject, text, key=key)

    def imprint(self) -> Imprint:
        """What the site says to drivers."""
        told, url = self._settings.drivers, self._settings.payment.public_url
        return Imprint(
            url, told.is_rotating, told.phone, told.operator, told.address, told.vat_id, told.terms_url,
            told.may_hurry, self._server is not None,
        )  # fmt: skip


def driver_parts(  # noqa: PLR0913, PLR0917 - drivers meet every area
    settings: SiteSettings,
    live: Live,
    operations: SiteOperations,
    store: Store,
    remote: RemoteControl,
    paying: PaymentParts,
    access: AccessParts,
    server: SmtpServer | None,
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
    parts = DriverParts(DriverDesk(lobby), settings, server)
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
    letters = Letters(house, parts.post)
    parts.services = (parts.desk, letters)
    pages = Pages(house, Paces.usual(), Crowd(), Taps(), letters)
    parts.routers = (driver_api(house), driver_deeds(pages), driver_pages(pages), sticker_pages(house))
    return parts
