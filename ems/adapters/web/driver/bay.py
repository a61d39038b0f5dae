"""One EVSE as the driver before it meets it, and whose session it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from ems.adapters.web.driver.language import Languages
from ems.domain.billing.payment import Payment
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.refund import Refund
from ems.domain.decision import Decision, Setpoint
from ems.domain.instant import Instant
from ems.domain.phases import Phase
from ems.domain.plan import PlannedCharge
from ems.domain.record.session_detail import SessionDetail
from ems.domain.session import Session
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse
from ems.domain.units import PILOT_MIN_A
from ems.ports.controller import Clock, Live, Operations, Receipts
from ems.ports.drivers import Drivers
from ems.ports.payments import Payments

LEAST_W = 100.0
"""Less than that is no charging."""


class Imprint(NamedTuple):
    """What the site says to drivers besides its state. `public_url`: where phones reach these pages, without a slash at
    its end; `is_rotating`: a sticker alone begins nothing; `may_hurry`: who wants their energy at once may say so;
    `mails`: receipts go out by mail.
    """

    public_url: str = ""
    is_rotating: bool = False
    phone: str = ""
    operator: str = ""
    address: str = ""
    vat_id: str = ""
    terms_url: str = ""
    may_hurry: bool = True
    mails: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """What the pages of drivers share. `payments` None: nobody pays by phone here. `detail`: everything about a
    session, None where there is nothing of that name; raises NotReadError.
    """

    live: Live
    clock: Clock
    operations: Operations
    drivers: Drivers
    receipts: Receipts
    payments: Payments | None
    languages: Languages
    imprint: Callable[[], Imprint]
    detail: Callable[[str], Awaitable[SessionDetail | None]]


class Mine(NamedTuple):
    """What somebody has at an EVSE, by what their browser brings: a `payment`, or a session that was given or claimed.
    `session` once it has begun, `why` it will not; `is_gift`: it was begun from here for nothing. `cost` so far, or of
    all of it when `is_final`, and then the `refunds` of it.
    """

    payment: Payment | None = None
    session: str = ""
    why: str = ""
    is_gift: bool = False
    cost: Receipt | None = None
    is_final: bool = False
    refunds: Sequence[Refund] = ()


@dataclass(frozen=True, slots=True)
class Bay:
    """An EVSE now. `setpoint` None before the first decision."""

    evse: Evse
    known: EvseState
    connected: bool
    state: SiteState
    decision: Decision | None
    now: Instant

    @classmethod
    def of(cls, house: House, name: str) -> Bay | None:
        """The EVSE of that name; None when the site has it no more."""
        state, decision = house.live.state, house.live.decision
        index = state.site.evse_index(name)
        if index is None:
            return None
        fits = decision is not None and len(decision.setpoints) == len(state.site.evses)
        station = state.stations[state.site.station_of_evse[index]]
        return cls(
            state.site.evses[index],
            state.evses[index],
            station.connected,
            state,
            decision if fits else None,
            house.clock.now(),
        )

    @property
    def setpoint(self) -> Setpoint | None:
        """What was decided for it."""
        index = self.state.site.evse_index(self.evse.id)
        return None if self.decision is None or index is None else self.decision.setpoints[index]

    @property
    def session(self) -> Session | None:
        """What runs there."""
        return self.known.session

    @property
    def is_taken(self) -> bool:
        """Somebody's session runs, or has just run, and its vehicle is still there."""
        session = self.session
        return session is not None and (session.transaction is not None or session.delivered_wh > 0)

    @property
    def power_w(self) -> float | None:
        """What its vehicle draws; None where nobody knows."""
        known = self.known
        if not known.status.may_draw:
            return 0.0
        if known.power_w is not None:
            return known.power_w
        if not known.samples:
            return None
        return sum(known.samples[0].high_a) * self.evse.wiring.watts_per_amp(self.state.site.voltage_v, 1)

    def expected_w(self) -> float:
        """The power that somebody who began now could count on, about; 0: they would have to wait."""
        amps = self.evse.max_a
        if self.decision is not None:
            site = self.state.site
            index = site.evse_index(self.evse.id)
            assert index is not None
            for circuit in site.circuits.path_of(site.circuit_of_evse[index]):
                amps = min(amps, self._share_a(circuit))
        watts = self.evse.wiring.watts_per_amp(self.state.site.voltage_v)
        return amps * watts * (self.evse.dc_efficiency or 1.0) if amps >= PILOT_MIN_A else 0.0

    def _share_a(self, circuit: int) -> float:
        """Of a circuit: what nobody uses, or an equal part with those that charge."""
        assert self.decision is not None
        site, view = self.state.site, self.decision.circuits[circuit]
        mine = self.evse.wiring.phases
        others = sum(
            1
            for j, at in enumerate(site.circuit_of_evse)
            if circuit in site.circuits.path_of(at)
            and site.evses[j].id != self.evse.id
            and (there := self.state.evses[j].session) is not None
            and there.transaction is not None
        )
        left = [(view.headroom_a[p], view.drawn_a[p]) for p in Phase if p in mine]
        return min((max(room - drawn, room / (others + 1)) for room, drawn in left), default=0.0)

    def finish(self) -> datetime | None:
        """When the vehicle will have what it wants, as planned or else at its present power; None: nobody can say."""
        session = self.session
        if session is None or session.transaction is None:
            return None
        plan = self.state.plan
        charge = None if plan is None else _charge(plan.charges, session.id)
        missing, power = session.missing_wh(), self.power_w
        if plan is not None and charge is not None and charge.need_wh > 0 and charge.short_wh < 0.05 * charge.need_wh:
            last = max((k for k, amps in enumerate(charge.amps) if amps > 0), default=None)
            if last is not None and plan.edges[last + 1] > self.now.utc:
                return plan.edges[last + 1]
        if missing is None or missing <= 0 or power is None or power < LEAST_W:
            return None
        return self.now.utc + timedelta(hours=missing / power)


def _charge(charges: Sequence[PlannedCharge], session: str) -> PlannedCharge | None:
    return next((one for one in charges if one.session == session and not one.expected), None)


def battery_kwh(session: Session | None) -> Decimal | None:
    """The size of the battery of who is plugged in, if it is known."""
    vehicle = None if session is None else session.vehicle
    return None if vehicle is None or vehicle.battery_wh is None else Decimal(round(vehicle.battery_wh)) / 1000
