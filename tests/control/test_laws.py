"""Laws of the whole decision, whatever happens in whatever order to whatever site.

The world here is hostile: samples, readings, statuses and answers fit neither each other nor the orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ems.control.memory import BaseLoadMemory, Memory, SetpointMemory
from ems.control.observation import observe
from ems.control.orders import orders
from ems.control.tick import Controller
from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.grant import Answer, Layer
from ems.domain.limit import Limit
from ems.domain.meter import MeterReading
from ems.domain.order import LimitOrder
from ems.domain.session import Need, Transaction
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from tests.builders import BEGIN
from tests.control.laws import check
from tests.control.sites import AMPS, sites
from tests.phasors import on_conductors, total_a

PICK = st.integers(0, 11)
"""Picks one of however many there are."""


class AnySite(RuleBasedStateMachine):
    """Every rule is something that can happen; `pass_time` decides and checks."""

    site: Site
    state: SiteState
    memory: Memory
    controller: Controller
    pending: Sequence[LimitOrder] = ()

    @initialize(site=sites())
    def install(self, site: Site) -> None:
        note(f"{site.circuits}\n{site.stations}\n{site.meters}\n{site.policy}")
        self.site, self.state, self.memory = site, SiteState.initial(site), Memory.blank(site)
        self.controller, self.now = Controller.of(site), BEGIN
        self.transaction = self.generation = 0
        for station in site.stations:
            self.connect(station.id)
        self.pass_time(1)
        self.obey(Answer.ACCEPTED)

    def tell(self, event: e.Event) -> None:
        self.state = apply(self.state, event)

    def evse_id(self, pick: int) -> str:
        return self.site.evses[pick % len(self.site.evses)].id

    def station_id(self, pick: int) -> str:
        return self.site.stations[pick % len(self.site.stations)].id

    # Vehicles

    @rule(pick=PICK, starts=st.booleans())
    def plug_in(self, pick: int, starts: bool) -> None:
        evse_id = self.evse_id(pick)
        self.tell(e.StatusChanged(evse_id, self.now, EvseStatus.CHARGING if starts else EvseStatus.PREPARING))
        if starts:
            self.transaction += 1
            self.tell(e.TransactionStarted(evse_id, self.now, Transaction(self.transaction, self.now.utc, 0.0)))

    @rule(pick=PICK, in_order=st.booleans())
    def unplug(self, pick: int, in_order: bool) -> None:
        evse_id = self.evse_id(pick)
        session = self.state.evse(evse_id).session
        ended = session.transaction if session is not None else None
        happened = [e.StatusChanged(evse_id, self.now, EvseStatus.AVAILABLE)]
        stops: list[e.Event] = [] if ended is None else [e.TransactionEnded(evse_id, self.now, ended.id)]
        for event in (*stops, *happened) if in_order else (*happened, *stops):
            self.tell(event)

    @rule(pick=PICK, status=st.sampled_from(list(EvseStatus)))
    def report_status(self, pick: int, status: EvseStatus) -> None:
        self.tell(e.StatusChanged(self.evse_id(pick), self.now, status))

    @rule(pick=PICK, amps=st.tuples(AMPS, AMPS, AMPS), age=st.sampled_from([0, 0, 0, 1, 2]))
    def sample(self, pick: int, amps: tuple[float, float, float], age: int) -> None:
        evse_id = self.evse_id(pick)
        index = self.site.evse_index(evse_id)
        assert index is not None
        legs = len(self.site.evses[index].wiring.legs)
        self.tell(e.MeterValues(evse_id, self.now.monotonic_s - age, leg_a=amps[:legs]))

    @rule(pick=PICK, amps=AMPS, in_watts=st.booleans())
    def sample_in_all(self, pick: int, amps: float, in_watts: bool) -> None:
        total, power = (None, amps * 230.0) if in_watts else (amps, None)
        self.tell(e.MeterValues(self.evse_id(pick), self.now.monotonic_s, total_a=total, power_w=power))

    @rule(pick=PICK, kwh=st.integers(0, 60), hours=st.integers(-1, 12))
    def state_a_need(self, pick: int, kwh: int, hours: int) -> None:
        self.tell(e.NeedStated(self.evse_id(pick), Need(kwh * 1000.0, self.now.utc + timedelta(hours=hours))))

    # Meters

    @precondition(lambda self: self.site.meters)
    @rule(amps=st.tuples(AMPS, AMPS, AMPS), scale=st.sampled_from([1.0, 2.0, -0.5]), moved=st.booleans())
    def meters_read(self, amps: tuple[float, float, float], scale: float, moved: bool) -> None:
        flowing = (amps[0] * scale, amps[1] * scale, amps[2] * scale)
        for meter in self.site.meters:
            mark = int(self.now.monotonic_s) if moved else 0
            reading = MeterReading(self.now.monotonic_s, flowing, mark, import_wh=1.0)
            self.tell(e.MeterRead(meter.id, reading))

    @precondition(lambda self: self.site.meters)
    @rule(pick=PICK)
    def meter_fails(self, pick: int) -> None:
        meter = self.site.meters[pick % len(self.site.meters)]
        self.tell(e.MeterFailed(meter.id, self.now.monotonic_s, "no answer"))

    # Stations

    def connect(self, station: str) -> None:
        self.generation += 1
        self.tell(e.StationConnected(station, self.now, self.generation))

    @rule(pick=PICK)
    def reconnect(self, pick: int) -> None:
        self.connect(self.station_id(pick))

    @rule(pick=PICK, stale=st.booleans())
    def drop(self, pick: int, stale: bool) -> None:
        station = self.station_id(pick)
        self.tell(e.StationGone(station, self.now, self.state.station(station).generation - stale))

    @rule(pick=PICK)
    def boot(self, pick: int) -> None:
        self.tell(e.StationBooted(self.station_id(pick), self.now, "maker", "model", "1"))

    @rule(pick=PICK, skew=st.sampled_from([0.0, 5.0, -100.0, 400.0]))
    def clock_is_wrong(self, pick: int, skew: float) -> None:
        self.tell(e.ClockMeasured(self.station_id(pick), skew))

    @rule(answer=st.sampled_from([Answer.ACCEPTED, Answer.ACCEPTED, Answer.REJECTED, Answer.TIMEOUT, None]))
    def obey(self, answer: Answer | None) -> None:
        """The pending orders go out; None leaves them without an answer."""
        t = self.now.monotonic_s
        for order in self.pending:
            if not self.state.station(order.evse.rpartition("/")[0]).connected:
                continue
            told, ends_at = (order.evse, order.layer, order.amps, t), t + order.lease_s
            self.tell(e.ProfileSent(*told, phases=order.phases))
            if answer is not None:
                self.tell(e.ProfileAnswered(*told, answer, ends_at, phases=order.phases))
        self.pending = ()

    @rule(pick=PICK, layer=st.sampled_from(list(Layer)), amps=AMPS, answer=st.sampled_from(list(Answer)))
    def late_answer(self, pick: int, layer: Layer, amps: float, answer: Answer) -> None:
        t = self.now.monotonic_s
        self.tell(e.ProfileAnswered(self.evse_id(pick), layer, amps, t, answer, t + 900))

    @rule(pick=PICK, amps=st.one_of(st.none(), AMPS))
    def read_back(self, pick: int, amps: float | None) -> None:
        self.tell(e.CompositeRead(self.evse_id(pick), self.now.monotonic_s, amps))

    # Limits, clock, controller

    @rule(pick=PICK, of_evse=st.booleans(), amps=AMPS, in_watts=st.booleans(), for_s=st.sampled_from([0, 20]))
    def limit(self, pick: int, of_evse: bool, amps: float, in_watts: bool, for_s: int) -> None:
        scope = self.evse_id(pick) if of_evse else self.site.circuits.circuits[pick % len(self.site.circuits)].id
        ends = self.now.later(for_s).utc if for_s else None
        max_a, max_w = (None, amps * 230.0) if in_watts else (amps, None)
        self.tell(e.LimitReceived(Limit(scope, "operator", max_a, max_w, ends=ends)))

    @rule(pick=PICK)
    def withdraw_limit(self, pick: int) -> None:
        for scope in (self.evse_id(pick), self.site.circuits.circuits[pick % len(self.site.circuits)].id):
            self.tell(e.LimitWithdrawn(scope, "operator"))

    @rule(seconds=st.sampled_from([-3600, 1, 3, 86400]))
    def set_clock(self, seconds: int) -> None:
        self.now = replace(self.now, utc=self.now.utc + timedelta(seconds=seconds))

    @rule(crashes=st.sampled_from([0, 1, 5]))
    def restart(self, crashes: int) -> None:
        self.memory = Memory.blank(self.site)
        self.tell(e.ControllerStarted(self.now, crashes))

    @rule(seconds=st.sampled_from([0, 1, 1, 1, 1, 2, 5, 12, 40, 460, 1000]))
    def pass_time(self, seconds: int) -> None:
        """Time passes, the controller decides, and every law holds."""
        self.now = self.now.later(seconds)
        before = self.memory
        self.observes_like_new(before)
        decision, self.memory = self.controller.decide(self.state, before, self.now)
        again, memory = self.controller.decide(self.state, before, self.now)
        assert again == decision
        assert same(memory, self.memory)
        check(self.state, before, decision)
        self.pending = orders(self.state, decision, self.now.monotonic_s)
        self.orders_are_sane(decision)

    @rule(seconds=st.sampled_from([3, 3, 12, 25]), base=st.sampled_from([0.0, 10.0, 30.0]))
    def all_is_well(self, seconds: int, base: float) -> None:
        """For a while every station obeys at once, every vehicle takes what it may, and every meter tells the truth."""
        for _ in range(seconds):
            t = self.now.monotonic_s
            others: tuple[complex, complex, complex] = (base, base, base)
            flows = {circuit.id: [others] for circuit in self.site.circuits}
            for evse, known in zip(self.site.evses, self.state.evses, strict=True):
                limit = min(evse.max_a, known.grant.amps_in_force(known.steering_layer, t))
                drawn = limit if known.session is not None and known.session.transaction is not None else 0.0
                legs = (drawn,) * len(evse.wiring.legs)
                self.tell(e.MeterValues(evse.id, t, leg_a=legs))
                for place in self.site.circuits.path(evse.circuit):
                    flows[self.site.circuits.circuits[place].id].append(on_conductors(evse.wiring, legs))
            for meter in self.site.meters:
                amps = total_a(flows[meter.circuit or "grid"])
                self.tell(e.MeterRead(meter.id, MeterReading(t, amps, int(t), import_wh=t)))
            self.pass_time(1)
            self.obey(Answer.ACCEPTED)

    def observes_like_new(self, memory: Memory) -> None:
        """Rows that are copied from the last tick are the rows that would be computed."""
        untrusted = [o.untrusted for o in memory.obedience]
        network, t = self.controller.network, self.now.monotonic_s
        reused = observe(self.state, network, untrusted, memory.seen, t)
        fresh = observe(self.state, network, untrusted, None, t)
        moment = reused.table.shape[1] - 1
        assert np.array_equal(reused.table[:, :moment], fresh.table[:, :moment])
        assert reused.liabilities == fresh.liabilities
        assert np.array_equal(reused.incidence.load(np.ones(len(self.site.evses))),
                              fresh.incidence.load(np.ones(len(self.site.evses))))  # fmt: skip

    def orders_are_sane(self, decision: Decision) -> None:
        """Reductions first; only layers without a lease have no end; only to stations that are there."""
        assert [o.reduces for o in self.pending] == sorted((o.reduces for o in self.pending), reverse=True)
        for order in self.pending:
            assert self.state.station(order.evse.rpartition("/")[0]).connected
            assert order.amps == 0 or order.amps >= 6
            assert order.lease_s > 0
            assert order.layer is not Layer.FLOOR or math.isinf(order.lease_s)
            assert (order.layer is Layer.SESSION) == (order.transaction is not None)


def same(one: object, other: object) -> bool:
    """Equal memories; arrays are compared by value."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)  # type: ignore[arg-type]  # a shape of its own is what it finds out
    if isinstance(one, BaseLoadMemory) and isinstance(other, BaseLoadMemory):
        return all(map(same, one, other))
    if isinstance(one, Memory | SetpointMemory):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one) if f.compare)
    return one == other


TestAnySite = AnySite.TestCase
