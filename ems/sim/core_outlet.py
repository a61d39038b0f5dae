"""One EVSE of a run without event loop: it takes limits as the three layers of a lease, and holds a vehicle."""

from __future__ import annotations

import math
from typing import NamedTuple

from ems.domain.grant import Layer
from ems.domain.order import LimitOrder
from ems.domain.phase_switch import UNSAID
from ems.domain.station import Evse, EvseStatus
from ems.domain.units import PILOT_MIN_A
from ems.sim.connector import NOTICES_S
from ems.sim.placement import Visit
from ems.sim.promise import Promise, Promised
from ems.sim.vehicle import Vehicle


class Held(NamedTuple):
    """A limit that the station holds, until `ends_s` of the run; on so many phases, or on all (0)."""

    amps: float
    ends_s: float
    phases: int = UNSAID


class CoreOutlet:
    """Physical state of an EVSE; times are seconds of the run.

    Between two changes the current is constant: `due_s` is when `advance` must be called next, and whoever calls it
    later has missed a change. Without power nothing flows; with `own_a` it offers that, whatever it has accepted; its
    clock is `skew_s` ahead, so its leases end early. Call `advance` before and after one of these changes. So many legs
    as it `uses` are connected through: all, unless a limit of the transaction names a number.
    """

    __slots__ = (
        "_coming",
        "_had_wh",
        "_layers",
        "_promise",
        "_vehicle_due_s",
        "apply_s",
        "draw_a",
        "drawn_since_s",
        "due_s",
        "evse",
        "evse_max_a",
        "index",
        "legs",
        "offered_a",
        "offered_since_s",
        "own_a",
        "powered",
        "register_wh",
        "since_s",
        "skew_s",
        "station",
        "transaction",
        "uses",
        "vehicle",
        "visit",
        "watts_per_amp",
        "watts_per_leg",
    )

    def __init__(self, index: int, evse: Evse, voltage_v: float, apply_s: float) -> None:
        self.index, self.evse, self.station, self.apply_s = index, evse.id, evse.station, apply_s
        self.legs, self.evse_max_a = len(evse.wiring.legs), evse.max_a
        self.uses = self.legs
        self.watts_per_leg = evse.wiring.watts_per_amp(voltage_v, 1) * (evse.dc_efficiency or 1.0)
        self.watts_per_amp = 0.0
        # As the last controller left it: nobody begins with stations that nothing limits.
        self._layers: list[Held | None] = [None] * len(Layer)
        self._layers[Layer.FLOOR] = Held(evse.fallback_a, math.inf)
        self._coming: list[tuple[float, Layer, Held]] = []
        self.vehicle: Vehicle | None = None
        self.visit: Visit | None = None
        self.transaction: int | None = None
        self._promise: Promise | None = None
        self._had_wh: float | None = None
        self.powered, self.skew_s = True, 0.0
        self.own_a: float | None = None
        self.since_s = self.offered_since_s = self.drawn_since_s = 0.0
        self.due_s = self._vehicle_due_s = math.inf
        self.register_wh = self.draw_a = 0.0
        self.offered_a = evse.fallback_a

    def told(self, order: LimitOrder, t: float) -> None:
        """An accepted order, in force after the apply time; one that repeats what holds only renews it."""
        held, told = self._layers[order.layer], Held(order.amps, t + order.lease_s, order.phases)
        if held is not None and held == told._replace(ends_s=held.ends_s) and t < held.ends_s and not self._coming:
            self.renewed(order.layer, t, told.ends_s)
            return
        self._coming.append((t + self.apply_s, order.layer, told))
        if self.vehicle is not None:
            self.due_s = min(self.due_s, t + self.apply_s)

    def renewed(self, layer: Layer, t: float, ends_s: float) -> None:
        """What was accepted for a layer holds for longer, whether it is in force already or about to be."""
        if self._coming:
            if self.vehicle is None:
                self._take(t)
            self._coming = [
                (at, of, told._replace(ends_s=ends_s) if of is layer else told) for at, of, told in self._coming
            ]
        held = self._layers[layer]
        if held is not None:
            self._layers[layer] = held._replace(ends_s=ends_s)
        if self.vehicle is not None:
            self._due(self._offer(t).ends_s)

    def plug(self, visit: Visit, vehicle: Vehicle, t: float) -> None:
        """A vehicle is connected; nothing flows before `start`."""
        self.advance(t)
        self.visit, self.vehicle = visit, vehicle
        self.advance(t)

    def start(self, transaction: int, t: float) -> None:
        """The transaction begins."""
        self.transaction = transaction
        self.offered_since_s = t
        self.advance(t)

    def promise(self, promise: Promise | None) -> None:
        """What the vehicle that has just come is promised."""
        self._promise, self._had_wh = promise, None

    def falls_due(self, t: float) -> None:
        """The moment has come at which the vehicle is to have what it was promised."""
        self._had_wh = self._got_wh(t)

    def promised(self, t: float) -> Promised | None:
        """How the promise ended, at departure or before."""
        promise, vehicle, visit = self._promise, self.vehicle, self.visit
        if promise is None or vehicle is None or visit is None:
            return None
        wanted_wh = min(promise.energy_wh, vehicle.wants_wh)
        possible_wh = min(wanted_wh, self.possible_wh((promise.by - visit.record.arrival).total_seconds()))
        had_wh = self._got_wh(t) if self._had_wh is None else self._had_wh
        return Promised(promise.service_class, wanted_wh, had_wh, possible_wh, promise.always)

    def possible_wh(self, seconds: float) -> float:
        """What its vehicle could have had in so long, at full current."""
        assert self.vehicle is not None
        watts_per_amp = self.vehicle.watts_per_amp(self.watts_per_leg, self.legs)
        full_w = min(self.vehicle.model.max_a, self.evse_max_a) * watts_per_amp
        return min(self.vehicle.wants_wh, full_w * seconds / 3600.0)

    def restart(self, transaction: int, t: float) -> tuple[int, int]:
        """The station has restarted: the transaction has ended with its limits, and another begins; both numbers."""
        ended = self.transaction
        assert ended is not None
        self.advance(t)
        self._drop_session()
        self.start(transaction, t)
        return ended, transaction

    def unplug(self, t: float) -> Vehicle | None:
        """The vehicle leaves, and with it the session limit; returns it as it leaves."""
        self.advance(t)
        gone, self.vehicle, self.visit, self.transaction = self.vehicle, None, None, None
        self._drop_session()
        self.draw_a, self.drawn_since_s = 0.0, t
        self.advance(t)
        return gone

    def advance(self, t: float) -> None:
        """Let time pass until `t`."""
        vehicle, dt_s = self.vehicle, t - self.since_s
        if vehicle is not None and self.transaction is not None and dt_s > 0:
            before = vehicle.energy_wh
            vehicle = vehicle.step(self.offered_a, dt_s, self.watts_per_amp)
            self.register_wh += vehicle.energy_wh - before
        self.since_s = t
        self._take(t)
        offered, until, phases = self._offer(t)
        if (offered >= PILOT_MIN_A) != (self.offered_a >= PILOT_MIN_A):
            self.offered_since_s = t
        self.offered_a, self.uses = offered, min(phases or self.legs, self.legs)
        self.watts_per_amp = 0.0 if vehicle is None else vehicle.watts_per_amp(self.watts_per_leg, self.uses)
        self._vehicle_due_s = math.inf
        if vehicle is not None and self.transaction is not None:
            vehicle = vehicle.step(offered, 0.0, self.watts_per_amp) if self.powered else vehicle.cut_off()
            changes = t + vehicle.next_change_s(offered, self.watts_per_amp)
            self._vehicle_due_s = min(changes, self._noticed_s(t))
            if vehicle.current_a != self.draw_a:
                self.draw_a, self.drawn_since_s = vehicle.current_a, t
        self.vehicle = vehicle
        self._due(until)

    @property
    def leg_amps(self) -> tuple[float, ...]:
        """The current on each leg."""
        flowing = () if self.vehicle is None else self.vehicle.leg_amps(self.uses)
        return flowing + (0.0,) * (self.legs - len(flowing))

    def energy_wh(self, t: float) -> float:
        """The register at `t`."""
        return self.register_wh + self.draw_a * self.watts_per_amp * (t - self.since_s) / 3600.0

    @property
    def is_hungry(self) -> bool:
        """A vehicle is there and would draw if it were offered enough."""
        return self.vehicle is not None and self.transaction is not None and self.vehicle.is_hungry

    def status(self, t: float) -> EvseStatus:
        """What the station reports."""
        if self.vehicle is None:
            return EvseStatus.AVAILABLE
        if self.transaction is None:
            return EvseStatus.PREPARING
        if self.draw_a > 0:
            return EvseStatus.CHARGING
        if self.offered_a < PILOT_MIN_A:
            return EvseStatus.SUSPENDED_EVSE
        # While the vehicle may still be following the offer the status stays what a new transaction shows.
        return EvseStatus.SUSPENDED_EV if t >= self.offered_since_s + NOTICES_S else EvseStatus.CHARGING

    def _got_wh(self, t: float) -> float:
        assert self.vehicle is not None
        return self.vehicle.energy_wh + self.energy_wh(t) - self.register_wh

    def _drop_session(self) -> None:
        self._layers[Layer.SESSION] = None
        self._coming = [coming for coming in self._coming if coming[1] is not Layer.SESSION]

    def _due(self, until: float) -> None:
        """When something happens next, while the layer in force ends at `until`; nothing does without a vehicle."""
        coming = self._coming[0][0] if self._coming else math.inf
        self.due_s = math.inf if self.vehicle is None else min(until, coming, self._vehicle_due_s)

    def _take(self, t: float) -> None:
        """Accepted orders whose apply time is over come into force."""
        while self._coming and self._coming[0][0] <= t:
            _, layer, told = self._coming.pop(0)
            self._layers[layer] = told

    def _noticed_s(self, t: float) -> float:
        noticed = self.offered_since_s + NOTICES_S
        return noticed if noticed > t else math.inf

    def _offer(self, t: float) -> Held:
        """What the highest layer in force allows, and until when."""
        if not self.powered or self.own_a is not None:
            return Held((self.own_a or 0.0) if self.powered else 0.0, math.inf)
        for held in reversed(self._layers):
            if held is not None and t < held.ends_s - self.skew_s:
                amps = min(held.amps, self.evse_max_a)
                return Held(amps if amps >= PILOT_MIN_A else 0.0, held.ends_s - self.skew_s, held.phases)
        return Held(self.evse_max_a, math.inf)
