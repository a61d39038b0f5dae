"""Roaming, put together where a site wants it: partners, the door where they ask, and who is admitted for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ems.adapters.store.beside import read
from ems.adapters.store.store import Store
from ems.adapters.web.payment.api import Routers
from ems.assembly.operations import SiteOperations
from ems.domain.access.admission import Asked, Guest
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.ports.controller import Clock, Live, Service
from ems.ports.roaming import PartnerView, RecordView, RoamingAnswer, RoamingRequest
from ems.ports.stations import Remote
from ems.runtime.porter import Porter
from ems.runtime.succession import Succession
from ems.runtime.till import Till
from ems.settings.ocpi import OcpiSettings

if TYPE_CHECKING:
    from ems.adapters.ocpi.service import Roaming


class RoamingSeat:
    """The `RoamingDoor` and the `Partners` of a site, whoever fills the seat `now`: with other settings another one."""

    def __init__(self, made: Callable[[OcpiSettings], Roaming], settings: OcpiSettings) -> None:
        self._made, self._settings, self.now = made, settings, made(settings)
        self.line = Succession("ocpi", self.now)

    def take_over(self, settings: OcpiSettings) -> None:
        """Go on with what the site file says now. What waits for partners is stored, and taken up from there."""
        if settings != self._settings:
            self._settings, self.now = settings, self._made(settings)
            self.line.turn_to(self.now)

    def guest_of(self, key: str) -> Guest | None:
        """Whose customer presents a tag, by its key."""
        return self.now.guest_of(key)

    def consult(self, station: str, tag: str) -> Awaitable[None] | None:
        """Ask partners about a tag."""
        return self.now.consult(station, tag)

    def closed(self, tab: Tab, made: Receipt | None) -> None:
        """A session is over, as the till says."""
        self.now.closed(tab, made)

    async def answer(self, request: RoamingRequest) -> RoamingAnswer:
        """What a partner is answered."""
        return await self.now.answer(request)

    @property
    def versions_url(self) -> str:
        """Where partners begin to ask."""
        return self.now.versions_url

    @property
    def unsaid(self) -> Sequence[str]:
        """What our price lists say and OCPI cannot."""
        return self.now.unsaid

    def views(self) -> Sequence[PartnerView]:
        """All partners of the site."""
        return self.now.views()

    async def invite(self, partner: str, who: str) -> str:
        """A token with which a partner can register."""
        return await self.now.invite(partner, who)

    async def register(self, partner: str, who: str) -> None:
        """Register at a partner, or again."""
        await self.now.register(partner, who)

    async def unregister(self, partner: str, who: str) -> None:
        """Part with a partner."""
        await self.now.unregister(partner, who)

    async def pull(self, partner: str, who: str) -> int:
        """Fetch all tags of a partner."""
        return await self.now.pull(partner, who)

    async def records(self, partner: str, most: int) -> Sequence[RecordView]:
        """The newest charge detail records of a partner."""
        return await self.now.records(partner, most)

    async def credit(self, partner: str, record: str, who: str) -> str:
        """Take a charge detail record back by another one."""
        return await self.now.credit(partner, record, who)


class RoamingParts(NamedTuple):
    """What the daemon needs of all this; nothing where the site has no partners."""

    services: tuple[Service, ...] = ()
    routers: Routers = ()
    seat: RoamingSeat | None = None

    def take_over(self, settings: OcpiSettings | None) -> None:
        """Go on with what the site file says now. Whether there is roaming at all is settled at the start."""
        if self.seat is not None and settings is not None:
            self.seat.take_over(settings)


def roaming_parts(  # noqa: PLR0913, PLR0917 - everything that a partner's customer meets
    settings: OcpiSettings | None,
    live: Live,
    clock: Clock,
    operations: SiteOperations,
    remote: Remote,
    porter: Porter,
    store: Store,
    till: Till,
) -> RoamingParts:
    """Roaming with the partners that the site file names. The porter asks it about tags that are not ours, and the till
    tells it of every session that is over.
    """
    if settings is None:
        return RoamingParts()
    # Five megabytes, which a site without partners has no use for.
    from ems.adapters.ocpi.ground import Ground  # noqa: PLC0415
    from ems.adapters.ocpi.service import Roaming  # noqa: PLC0415
    from ems.adapters.web.roaming.page import roaming_ways  # noqa: PLC0415

    async def closed_tab(session: str) -> tuple[Tab, Receipt | None] | None:
        tab = await read(store.closed_tab(session))
        return None if tab is None else (tab, await read(store.receipt(session)))

    def admits(tag: str, evse: str) -> bool:
        return porter.check(Asked(tag, evse, clock.now().utc)).is_accepted

    def made(told: OcpiSettings) -> Roaming:
        ground = Ground(told.operator, live, operations, remote, clock, porter.admit, admits, till.tab, closed_tab)
        return Roaming.of(ground, told.partners, store.roaming, store.audit.add)

    seat = RoamingSeat(made, settings)
    porter.guest_of, porter.consult = seat.guest_of, seat.consult
    till.closings.append(seat.closed)
    return RoamingParts((seat.line,), roaming_ways(live, clock, seat, seat), seat)
