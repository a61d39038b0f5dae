"""The controller against the world without an event loop: time jumps to the next moment at which anything happens.

The same `decide`, `apply` and `orders` run as in the daemon. Stations accept every order at once, measured values are
there whenever the controller looks, and it looks when something happened, when one of its timers is up, and in between
whenever it could come to another decision. So a run shows what the decisions are worth; how well messages travel is
for stations and meters over sockets.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count

import numpy as np

from ems.control.headroom import limits_in_force
from ems.domain import events as e
from ems.domain.grant import Layer
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.session import Need, Transaction
from ems.domain.site import Site
from ems.domain.station import EvseStatus
from ems.sim.core_daemon import Check, CoreDaemon, Decides
from ems.sim.core_faults import CoreFaults
from ems.sim.core_planner import CorePlanner
from ems.sim.core_plant import CorePlant
from ems.sim.faults import FaultPlan
from ems.sim.load_course import LoadCourse
from ems.sim.placement import Visit
from ems.sim.promise import Promise, with_promise
from ems.sim.session_record import SessionRecord
from ems.sim.vehicle import Vehicle, VehicleModel

BEGIN_S = 1000.0
"""The monotonic clock at the begin of a run."""

MINUTE_S = 60.0

RAMP_A_PER_S = 40.0
"""Vehicles rise at once: fewer moments to look at, and no overload is missed."""


def said_at_plug_in(record: SessionRecord) -> Need:
    """What the driver said; where he said nothing, what then happened."""
    wanted = record.delivered_wh if record.requested_wh is None else record.requested_wh
    return Need(wanted, record.stated_departure or record.departure)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run may vary.

    `observed`: the site whose ratings the observer knows, if they differ from those that the controller was given.
    `taper`: vehicles take less above 85 % of charge, instead of full current to the end. `look_s`: the controller looks
    at least so often, to compare with one that looks every second.
    """

    seed: int = 1
    courses: tuple[LoadCourse, ...] = ()
    faults: FaultPlan = field(default_factory=FaultPlan)
    controller: Decides | None = None
    observed: Site | None = None
    taper: bool = False
    look_s: float = math.inf
    check: Check | None = None
    planner: CorePlanner | None = None
    told: Callable[[SessionRecord], Need] = said_at_plug_in


class CoreRun:
    """One run of a site: `run` once, then look at `plant` and `daemon`."""

    def __init__(self, site: Site, visits: Sequence[Visit], begins: datetime, setup: Setup) -> None:
        self.site, self.setup = site, setup
        self._begins = begins
        self._rng = np.random.default_rng(setup.seed)
        self.plant = CorePlant(site, setup.observed or site, setup.courses, self._rng)
        self.daemon = CoreDaemon(
            site, self.plant, Instant(BEGIN_S, begins), setup.controller, setup.check, setup.look_s
        )
        self.faults = CoreFaults(self)
        self._agenda: list[tuple[float, int, Callable[[], bool]]] = []
        self._turn = count()
        self._transactions = count(1)
        self._stays: dict[int, tuple[e.Event, ...]] = {}
        self._limits: tuple[Limit, ...] = ()
        self._plan(visits, setup.faults)

    def run(self, seconds: float) -> None:
        """Let `seconds` pass from the begin."""
        self.daemon.starts()
        while True:
            agenda = self._agenda[0][0] if self._agenda else math.inf
            t = min(agenda, self.plant.next_s(), self.daemon.looks_at_s, self._planner_s())
            if t > seconds:
                break
            self._moment(t)
        self.plant.advance(seconds)
        for evse in sorted(self.plant.present):
            self.plant.unplug(evse)
        self.plant.tally.ends(seconds)

    def restart(self) -> None:
        """The controller is back; stations say what they hold, meters what they read, and nothing else is known."""
        reports = self.daemon.reports
        self.daemon.starts(crashes=1)
        for evse, events in sorted(self._stays.items()):
            for event in events:
                reports.says(self.plant.outlets[evse], event)
            reports.status(self.plant.outlets[evse], self.daemon.now(), again=True)

    def reboot(self, station: str) -> None:
        """A station begins anew: its transactions have ended, and its drivers start again."""
        reports, now = self.daemon.reports, self.daemon.now()
        reports.boot(station, now)
        for evse, outlet in sorted(self.plant.present.items()):
            if outlet.station == station:
                ended, number = outlet.restart(next(self._transactions), self.plant.t)
                self.daemon.leases.dropped(evse, Layer.SESSION)
                reports.says(outlet, e.TransactionEnded(outlet.evse, now, ended, outlet.register_wh, "PowerLoss"))
                begun = e.TransactionStarted(outlet.evse, now, Transaction(number, now.utc, outlet.register_wh))
                self._stays[evse] = (self._stays[evse][0], begun, self._stays[evse][2])
                reports.says(outlet, begun)

    def _moment(self, t: float) -> None:
        daemon = self.daemon
        self.plant.tally.profiles += daemon.leases.renew(t, self.plant.outlets, daemon.reports.lost)
        look = self.plant.advance(t)
        while self._agenda and self._agenda[0][0] <= t:
            look = heapq.heappop(self._agenda)[2]() or look
        changed = daemon.reports.statuses(daemon.now())
        # That a vehicle has stopped by itself is news to a planner.
        look = look or (EvseStatus.SUSPENDED_EV in changed and math.isfinite(self._planner_s()))
        if (look or t >= min(daemon.looks_at_s, self._planner_s())) and not daemon.dead:
            daemon.look()
            planner = self.setup.planner
            if planner is not None and planner.looks(daemon):
                daemon.looks_soon()
            return
        if changed - {EvseStatus.SUSPENDED_EV}:
            daemon.repeats()
        daemon.sees_motion()

    def _planner_s(self) -> float:
        planner = self.setup.planner
        return math.inf if planner is None or self.daemon.dead else planner.due_s

    # What happens

    def _plan(self, visits: Sequence[Visit], faults: FaultPlan) -> None:
        for visit in visits:
            self._at((visit.record.arrival - self._begins).total_seconds(), partial(self._arrive, visit))
            self._at((visit.record.departure - self._begins).total_seconds(), partial(self._depart, visit))
        for fault in faults.faults:
            self._at(fault.at_s, partial(self.faults.strike, fault))
            self._at(fault.at_s + fault.lasts_s, partial(self.faults.heal, fault))
        if self.site.limits:
            self._at(MINUTE_S, self._minute)

    def _at(self, t: float, happens: Callable[[], bool]) -> None:
        heapq.heappush(self._agenda, (max(0.0, t), next(self._turn), happens))

    def _minute(self) -> bool:
        """Windows of the week open and close on the minute."""
        self._at(self.plant.t + MINUTE_S, self._minute)
        before, self._limits = self._limits, limits_in_force(self.daemon.state, self.daemon.now())
        return before != self._limits

    def _arrive(self, visit: Visit) -> bool:
        if visit.evse in self.plant.present:
            self._leave(visit.evse)
        number, now = next(self._transactions), self.daemon.now()
        record, evse = visit.record, self.site.evses[visit.evse]
        outlet = self.plant.plug(visit, self._vehicle(visit), number)
        begun = Transaction(number, now.utc, outlet.register_wh, record.user or record.id)
        need = with_promise(self.setup.told(record), evse, now, self.site)
        self._promises(visit, need)
        self._stays[visit.evse] = (
            e.StatusChanged(evse.id, now, EvseStatus.PREPARING),
            e.TransactionStarted(evse.id, now, begun),
            e.NeedStated(evse.id, need),
        )
        for event in self._stays[visit.evse]:
            self.daemon.reports.says(outlet, event)
        return True

    def _promises(self, visit: Visit, need: Need) -> None:
        """A vehicle that has just come is promised something, perhaps by a moment before it leaves."""
        promise = Promise.of(need, self.site.evses[visit.evse], visit.record.departure)
        self.plant.outlets[visit.evse].promise(promise)
        if promise is not None and promise.by < visit.record.departure:
            self._at((promise.by - self._begins).total_seconds(), partial(self._falls_due, visit))

    def _falls_due(self, visit: Visit) -> bool:
        outlet = self.plant.outlets[visit.evse]
        if outlet.visit is visit:
            outlet.falls_due(self.plant.t)
        return False

    def _depart(self, visit: Visit) -> bool:
        outlet = self.plant.outlets[visit.evse]
        if outlet.visit is not visit:
            return False
        self._leave(visit.evse)
        return True

    def _leave(self, evse: int) -> None:
        outlet = self.plant.present[evse]
        number, now = outlet.transaction, self.daemon.now()
        visit, planner = outlet.visit, self.setup.planner
        assert number is not None
        self.plant.unplug(evse)
        if planner is not None and visit is not None:
            planner.leaves(visit.record, outlet.evse, self.plant.tally.outcomes[-1].got_wh, now.utc)
        self.daemon.leases.dropped(evse, Layer.SESSION)
        self._stays.pop(evse, None)
        self.daemon.reports.says(outlet, e.TransactionEnded(outlet.evse, now, number, outlet.register_wh))
        self.daemon.reports.status(outlet, now)

    def _vehicle(self, visit: Visit) -> Vehicle:
        record = visit.record
        most_a, legs = visit.current(self.site.evses[visit.evse])
        model = VehicleModel(
            battery_wh=max(1.0, record.delivered_wh) / 0.8 if self.setup.taper else 1e6,
            max_a=most_a,
            legs=legs,
            taper_from=0.85 if self.setup.taper else 1.0,
            lag_s=round(float(self._rng.uniform(0.5, 5.0)), 1),
            ramp_a_per_s=RAMP_A_PER_S,
        )
        return Vehicle(model, record.delivered_wh, soc_at_arrival=0.2 if self.setup.taper else 0.0)
