"""The world around a scenario: vehicles that follow their pilot, stations that keep profiles, meters that add up.

Written from OCPP 1.6 section 3.13 and IEC 61851-1, not from the code that is tested.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import inf

from ems.domain import events as e
from ems.domain.decision import CircuitView
from ems.domain.grant import Answer, Layer
from ems.domain.instant import Instant
from ems.domain.meter import Meter, MeterReading
from ems.domain.order import LimitOrder
from ems.domain.session import Transaction
from ems.domain.site import Site
from ems.domain.station import Evse, EvseStatus
from tests.phasors import on_conductors, total_a

VEHICLE_LAG_S = 4
"""From a station's acceptance until a usual vehicle draws what it may; the slowest takes what its model says, 10 s."""

SLOWEST_S = 10
ANSWER_LIMIT_S = 5.0
PILOT_MIN_A = 6.0


class Plug:
    """The physical side of an EVSE: the vehicle, and the profiles its station keeps, the floor from commissioning."""

    def __init__(self, evse: Evse) -> None:
        self.evse = evse
        self.behaviour = "obeys"
        self.profiles: dict[Layer, tuple[float, float]] = {Layer.FLOOR: (evse.fallback_a, inf)}
        self.transaction: int | None = None
        self.takes_a: tuple[float, ...] = (0.0,) * len(evse.wiring.legs)
        self.need_wh: float | None = None
        self.drawn_a: tuple[float, ...] = self.takes_a
        self.register_wh = 5000.0
        self.got_wh = 0.0
        self.plugged = False
        self.status = EvseStatus.AVAILABLE
        self.lag_s = VEHICLE_LAG_S
        self.uses = len(evse.wiring.legs)
        self.switches = "never"
        self.switched_under_load = 0
        self.told: list[int] = []
        self._limits: deque[float] = deque([evse.fallback_a] * SLOWEST_S, SLOWEST_S)

    def arrive(self, takes: float, legs: int, need_wh: float | None) -> None:
        """A vehicle plugs in."""
        count = len(self.evse.wiring.legs)
        self.takes_a = tuple(takes if k < legs else 0.0 for k in range(count))
        self.need_wh, self.got_wh, self.plugged, self.status = need_wh, 0.0, True, EvseStatus.PREPARING

    def depart(self) -> None:
        """The vehicle leaves; its session's profile goes with the transaction."""
        self.takes_a = self.drawn_a = (0.0,) * len(self.takes_a)
        self.plugged, self.transaction, self.status = False, None, EvseStatus.AVAILABLE
        self.profiles.pop(Layer.SESSION, None)

    def limit_a(self, now: float) -> float:
        """What the station's profiles allow; everything when it has none."""
        layers = [Layer.SESSION, Layer.DEFAULT, Layer.FLOOR][0 if self.transaction is not None else 1 :]
        for layer in layers:
            amps, ends_at = self.profiles.get(layer, (0.0, -inf))
            if now < ends_at:
                return min(amps, self.evse.max_a)
        return self.evse.max_a

    def told_phases(self, phases: int, layer: Layer) -> None:
        """OCPP 1.6 section 7.13: as many as it is told; without a number three."""
        if layer is not Layer.SESSION:
            return
        if phases and self.told[-1:] != [phases]:
            self.told.append(phases)
        if self.switches == "never":
            return
        uses, flows = min(phases or 3, len(self.takes_a)), any(self.drawn_a)
        if uses != self.uses and flows:
            self.switched_under_load += 1
        if self.switches == "always" or not flows:
            self.uses = uses

    def pilot(self, amps: float) -> None:
        """Whatever the profiles say, the vehicle is offered that much; lasts while the station 'ignores' them."""
        self._limits.extend([amps] * SLOWEST_S)

    def second(self, now: float, voltage_v: float) -> None:
        """The vehicle draws what it was allowed some seconds ago."""
        if self.behaviour != "ignores":
            self._limits.append(self.limit_a(now))
        allowed = self._offered_a() if self.transaction is not None else 0.0
        full = self.need_wh is not None and self.got_wh >= self.need_wh
        draws = allowed >= PILOT_MIN_A and not full
        legs = enumerate(self.takes_a)
        self.drawn_a = tuple(min(a, allowed) if draws and k < self.uses else 0.0 for k, a in legs)
        energy = sum(self.drawn_a) * self.evse.wiring.watts_per_amp(voltage_v, 1) / 3600
        self.got_wh += energy
        self.register_wh += energy

    def status_now(self) -> EvseStatus:
        """What an honest station would report."""
        if self.transaction is None:
            return self.status
        if any(self.drawn_a):
            return EvseStatus.CHARGING
        return EvseStatus.SUSPENDED_EVSE if self._offered_a() < PILOT_MIN_A else EvseStatus.SUSPENDED_EV

    def _offered_a(self) -> float:
        return self._limits[-1 - self.lag_s]


def next_at(time_of_day: str, now: datetime) -> datetime:
    """The next moment after `now` at which the clock shows 'HH:MM'."""
    hour, minute = (int(part) for part in time_of_day.split(":"))
    moment = now.replace(hour=hour, minute=minute)
    return moment if moment > now else moment + timedelta(days=1)


class World:
    """All plugs and meters of a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.plugs = {evse.id: Plug(evse) for evse in site.evses}
        self.sample_every_s = 10
        self.besides: dict[str, tuple[float, float, float]] = {}
        self.offline: set[str] = set()
        self.silent: set[str] = set()
        self._frozen: dict[str, MeterReading] = {}
        self._last: dict[str, MeterReading] = {}

    def second(self, now: Instant) -> Iterator[e.Event]:
        """One second passes; yields what meters and stations report at its end."""
        t = now.monotonic_s
        for number, plug in enumerate(self.plugs.values()):
            plug.second(t, self.site.voltage_v)
            if not self.online(plug):
                continue
            if plug.status_now() is not plug.status:
                plug.status = plug.status_now()
                yield e.StatusChanged(plug.evse.id, now, plug.status)
            if plug.plugged and (int(t) + 3 * number) % self.sample_every_s == 0:
                yield e.MeterValues(plug.evse.id, t, leg_a=plug.drawn_a, register_wh=plug.register_wh)
        for meter in self.site.meters:
            if meter.id in self.silent:
                yield e.MeterFailed(meter.id, t, "no answer")
            elif int(t) % max(1, round(meter.every_s)) == 0:
                yield e.MeterRead(meter.id, self._read(meter, t))

    def introduces_itself(self, now: Instant) -> Iterator[e.Event]:
        """What stations say to a controller that they have not met before."""
        for plug in self.plugs.values():
            if self.online(plug) and plug.plugged:
                yield e.StatusChanged(plug.evse.id, now, plug.status)
                if plug.transaction is not None:
                    begun = Transaction(plug.transaction, now.utc, plug.register_wh - plug.got_wh)
                    yield e.TransactionStarted(plug.evse.id, now, begun)

    def _read(self, meter: Meter, t: float) -> MeterReading:
        if meter.id in self._frozen:
            stuck = self._frozen[meter.id]
            return MeterReading(t, stuck.amps, stuck.fingerprint, import_wh=stuck.import_wh)
        circuit_id = next((c.id for c in self.site.circuits if c.meter == meter.id), None)
        amps = self.besides.get(meter.id, (0.0, 0.0, 0.0)) if circuit_id is None else self.flow(circuit_id)
        reading = MeterReading(t, amps, fingerprint=int(t), import_wh=t)
        self._last[meter.id] = reading
        return reading

    def flow(self, circuit_id: str) -> tuple[float, float, float]:
        """The true current through a circuit: vehicles and everything else below it."""
        below = self.site.circuits.subtree(circuit_id)
        meters = [c.meter for c in self.site.circuits if c.id in below and c.meter is not None]
        besides: list[tuple[complex, complex, complex]] = [self.besides.get(meter, (0.0,) * 3) for meter in meters]
        plugs = [plug for plug in self.plugs.values() if plug.evse.circuit in below]
        return total_a([*besides, *(on_conductors(plug.evse.wiring, plug.drawn_a) for plug in plugs)])

    def over_a(self, views: Iterable[CircuitView]) -> float:
        """By how much the worst phase of any circuit exceeds its limit, negative when none does."""
        return max(f - most for v in views for f, most in zip(self.flow(v.circuit), v.limit_a, strict=True))

    def told(self, order: LimitOrder, now: float) -> Answer | None:
        """A limit reaches a station; None when it does not answer."""
        plug = self.plugs[order.evse]
        if plug.behaviour == "refuses":
            return Answer.REJECTED
        if plug.behaviour == "silent":
            return None
        plug.profiles[order.layer] = (order.amps, now + order.lease_s)
        plug.told_phases(order.phases, order.layer)
        return Answer.ACCEPTED

    def behave(self, station: str, behaviour: str) -> None:
        """From now on every EVSE of the station behaves so."""
        assert behaviour in {"obeys", "refuses", "silent", "ignores"}
        for plug in self._of(station):
            plug.behaviour = behaviour

    def switch(self, station: str, how: str) -> None:
        """Whether it does as told about phases: 'always', only when 'paused', or 'never', although it says so."""
        assert how in {"always", "paused", "never"}
        for plug in self._of(station):
            plug.switches = how

    def forget(self, station: str) -> None:
        """The station loses its profiles."""
        for plug in self._of(station):
            plug.profiles.clear()

    def online(self, plug: Plug) -> bool:
        """Whether the plug's station has a link."""
        return plug.evse.station not in self.offline

    def freeze(self, meters: Iterable[str]) -> None:
        """Meters repeat what they said last."""
        self._frozen |= {name: self._last[name] for name in meters}

    def heal(self, meters: Iterable[str]) -> None:
        """Meters answer and measure again."""
        self.silent -= set(meters)
        for name in meters:
            self._frozen.pop(name, None)

    def _of(self, station: str) -> Iterator[Plug]:
        return (plug for plug in self.plugs.values() if plug.evse.station == station)
