"""The controller's side of a run without event loop: it hears, decides, and tells the outlets."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Protocol

from ems.control.memory import Memory
from ems.control.orders import orders
from ems.control.tick import TICK_S, Controller
from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.grant import Answer, Layer
from ems.domain.instant import Instant
from ems.domain.order import LimitOrder
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.sim.core_leases import CoreLeases
from ems.sim.core_plant import CorePlant
from ems.sim.core_reports import CoreReports
from ems.sim.core_timers import repeats_matter, until_motion_tells, until_next_look
from ems.sim.world import Flow

CLOSE_LOOK_S = 45.0
OUTAGE_LOOK_S = 10.0
"""After a fault begins or ends the controller looks every second for a while; then, while it lasts, so often."""

STIRRED_S = 60.0
"""A battery is raised only into room that was seen for a while, so after anything flows otherwise it is looked at as
closely for so long.
"""

ANSWER_S = 10.0
GIVEN_UP_S = 180.0
"""So long the controller waits for an answer, and so long for anything at all."""


REFUSED = "it does not take what it is told"

TINY_S = 1e-6


class Decides(Protocol):
    """What is put to the test: the controller, or a broken one."""

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        """As `ems.control.tick.Controller.decide`."""
        ...


Check = Callable[[SiteState, Decision, Flow], None]
"""Called after each decision with the state that it was made from, itself, and what truly flows."""


class CoreDaemon:
    """State, memory and the last decision of the controller, and its leases. `looks_at_s`: when it looks next, in
    seconds of the run. `check` sees every decision; `look_s` is the longest time between two looks.
    """

    def __init__(
        self,
        site: Site,
        plant: CorePlant,
        begin: Instant,
        controller: Decides | None = None,
        check: Check | None = None,
        look_s: float = math.inf,
    ) -> None:
        self.site, self.plant, self.begin = site, plant, begin
        self.controller: Decides = controller or Controller.of(site)
        self.state, self.memory = SiteState.initial(site), Memory.blank(site)
        self.decision: Decision | None = None
        self.reports = CoreReports(plant, self.tell)
        self.leases = CoreLeases()
        self.refusing: set[str] = set()
        self.dead = False
        self.looks_at_s = 0.0
        self._check, self._look_s = check, look_s
        self._dense_until = self._stirred_until = 0.0
        self._seen_flow: Flow | None = None
        self._muted_since: dict[str, float] = {}
        self._given_up: set[str] = set()
        self._unanswered: list[tuple[float, LimitOrder]] = []

    def now(self) -> Instant:
        """The two clocks."""
        return self.begin.later(self.plant.t)

    def tell(self, event: e.Event) -> None:
        """The controller hears of an event."""
        self.state = apply(self.state, event)

    def look(self) -> None:
        """One tick: hear what was measured, decide, send."""
        tally, now = self.plant.tally, self.now()
        self._hear_of_leases()
        self._hear_nothing(now)
        self.reports.measure(now, partial(repeats_matter, self.state, self.memory, m=now.monotonic_s))
        state = self.state
        self.decision, self.memory = self.controller.decide(state, self.memory, now)
        tally.ticks += 1
        tally.guarded += bool(self.decision.guarded)
        if self._check is not None:
            self._check(state, self.decision, self.plant.flow)
        floors = self._send(now)
        self.looks_at_s = math.inf
        stored = self._steer(now)
        if self.plant.flow is not self._seen_flow:
            self._seen_flow, self._stirred_until = self.plant.flow, self.plant.t + STIRRED_S
        self._looks_within(TICK_S if floors or stored else self._wait_s(now))

    def _steer(self, now: Instant) -> bool:
        """Tell the batteries, which listen; whether anything flows otherwise now."""
        assert self.decision is not None
        if self.state.site.policy.observes:
            return False
        told = [setpoint.power_w for setpoint in self.decision.batteries]
        changed = bool(told) and self.plant.steer(told)
        for setpoint, battery in zip(self.decision.batteries, self.plant.batteries, strict=True):
            fault = REFUSED if battery.refuses else ""
            known = self.state.batteries[self.plant.batteries.index(battery)]
            if fault != known.fault or (changed and not fault):
                told_w = None if fault else setpoint.power_w
                self.tell(e.BatteryAnswered(setpoint.battery, now.monotonic_s, told_w, fault))
        return changed

    def sees_motion(self) -> None:
        """Some vehicles draw another current than at the last look: the next one may have to come earlier."""
        if self.decision is not None and not self.dead:
            now, present = self.now(), self.plant.present
            moved = {o.index: self.reports.sight(o, now) for o in self.plant.touched if o.index in present}
            self._looks_within(until_motion_tells(self.state, self.memory, self.decision, moved, now))

    def repeats(self) -> None:
        """Send what is due without deciding anew."""
        if self.decision is not None and not self.dead:
            self._hear_of_leases()
            self._send(self.now())

    def looks_closely(self) -> None:
        """Look every second for a while."""
        self._dense_until = max(self._dense_until, self.plant.t + CLOSE_LOOK_S)

    def looks_soon(self) -> None:
        """A tick from now on: there is news that takes so long to arrive."""
        self._looks_within(TICK_S)

    def mute(self, station: str) -> None:
        """A station neither answers nor says anything from now on."""
        self.reports.mute(station)
        self._muted_since[station] = self.plant.t

    def unmute(self, station: str) -> None:
        """A station answers again; if it was given up, it calls again."""
        del self._muted_since[station]
        self.reports.unmute(station)
        if station in self._given_up:
            self._given_up.discard(station)
            self.reports.connect(station, self.now())

    def generation(self, station: str) -> int:
        """The number of a station's link."""
        return self.state.station(station).generation

    def step_clock(self, seconds: float) -> None:
        """The wall clock jumps ahead; the monotonic clock does not."""
        self.begin = Instant(self.begin.monotonic_s, self.begin.utc + timedelta(seconds=seconds))

    def die(self) -> None:
        """The controller is gone; what it said holds until the leases end."""
        self.dead = True
        self.looks_at_s = math.inf
        self.leases.clear()
        self.plant.steer([None] * len(self.plant.batteries))

    def starts(self, crashes: int = 0) -> None:
        """The controller begins, with nothing remembered, and the stations connect to it."""
        self.dead, self.decision = False, None
        self.state, self.memory = SiteState.initial(self.site), Memory.blank(self.site)
        self.reports.starts()
        self.tell(e.ControllerStarted(self.now(), crashes))
        for station in self.site.stations:
            if station.id not in self.reports.lost:
                self.reports.connect(station.id, self.now())
        self.looks_at_s = self.plant.t

    def _hear_of_leases(self) -> None:
        for event in self.leases.told(self.plant.outlets, self.begin.monotonic_s):
            self.tell(event)

    def _send(self, now: Instant) -> bool:
        """Send what is due; whether a floor was among it, after which there is more to send."""
        assert self.decision is not None
        floors = False
        for order in orders(self.state, self.decision, now.monotonic_s):
            j = self.site.evse_index(order.evse)
            assert j is not None
            self.tell(e.ProfileSent(order.evse, order.layer, order.amps, now.monotonic_s, order.phases))
            self._answer(j, order, now)
            self.plant.tally.profiles += 1
            floors = floors or order.layer is Layer.FLOOR
        return floors

    def _answer(self, j: int, order: LimitOrder, now: Instant) -> None:
        t, outlet = self.plant.t, self.plant.outlets[j]
        if outlet.station in self.reports.muted:
            self._unanswered.append((t + ANSWER_S, order))
        elif outlet.station in self.refusing:
            self.tell(_answered(order, Answer.REJECTED, now))
        else:
            self.tell(_answered(order, Answer.ACCEPTED, now))
            outlet.told(order, t)
            self.leases.taken(j, order, t)

    def _hear_nothing(self, now: Instant) -> None:
        """Calls that time out, and links over which nothing has come for long."""
        t = self.plant.t
        for _, order in (waiting for waiting in self._unanswered if waiting[0] <= t):
            self.tell(_answered(order, Answer.TIMEOUT, now))
            self._unanswered = [waiting for waiting in self._unanswered if waiting[0] > t]
        for station, since in self._muted_since.items():
            if t - since >= GIVEN_UP_S and station not in self.reports.lost:
                self._given_up.add(station)
                self.reports.lose(station, now, self.generation(station))

    def _looks_within(self, seconds: float) -> None:
        """Like the daemon the run looks on the second."""
        if math.isfinite(seconds):
            self.looks_at_s = min(self.looks_at_s, math.ceil(self.plant.t + seconds - TINY_S))

    def _wait_s(self, now: Instant) -> float:
        """How long the controller need not look, if nothing happens."""
        if self.plant.t < self._dense_until:
            return TICK_S
        assert self.decision is not None
        reports = self.reports
        trouble = (reports.silent, reports.frozen, reports.muted, self.refusing, reports.lying)
        close = any(trouble) or (self.site.steered_battery is not None and self.plant.t < self._stirred_until)
        outage = OUTAGE_LOOK_S if close else self._look_s
        sights = {j: self.reports.sight(outlet, now) for j, outlet in self.plant.present.items()}
        return min(outage, until_next_look(self.state, self.memory, self.decision, sights, now))


def _answered(order: LimitOrder, answer: Answer, now: Instant) -> e.ProfileAnswered:
    at = now.monotonic_s
    ends_at = at + order.lease_s if answer is Answer.ACCEPTED else at
    return e.ProfileAnswered(order.evse, order.layer, order.amps, at, answer, ends_at, phases=order.phases)
