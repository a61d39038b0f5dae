"""A language for scenarios over the pure core: what happens to a site, and what must then be decided.

    site("two_feeders").car("A1").car("A2").after(60).meter("main", l1=80).after(3).expect(A1=10, cause="grid L1")

A scenario holds the state, the memory and the controller of a site, and the world around them: vehicles, stations and
meters that are ideal until told otherwise. One step is one second: the world moves, meters and stations report, the
controller decides, every law of `tests.control.laws` is checked, and the orders reach the stations. There is no event
loop and no real clock. 'A1' is short for the EVSE 'A1/1'.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Self

from ems.control.memory import Memory
from ems.control.orders import orders
from ems.control.tick import Controller
from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.decision import Alarm, Binding, Decision, Level, Setpoint
from ems.domain.grant import Answer
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.order import LimitOrder
from ems.domain.session import Need, Transaction
from ems.domain.site import Site
from ems.domain.state import EvseState, SiteState
from ems.domain.station import EvseStatus
from ems.runtime.recovery import remembered, restored
from tests.control.installations import SITES, circuit, evse, layout
from tests.control.laws import check
from tests.control.world import ANSWER_LIMIT_S, Plug, World, next_at

__all__ = ["BEGIN", "Scenario", "circuit", "evse", "layout", "site"]

BEGIN = Instant(1000.0, datetime(2024, 1, 10, 18, 0, tzinfo=UTC))


def site(installation: str | Site, **policy: float | str) -> Scenario:
    """A scenario on an installation, all of whose stations have just connected; `policy` overrides the site's."""
    built = SITES[installation] if isinstance(installation, str) else installation
    policy_now = replace(built.policy, **policy)  # type: ignore[arg-type]  # Policy itself checks names and values
    return Scenario(replace(built, policy=policy_now)).reconnect(*(s.id for s in built.stations))


class Scenario:
    """A site in its world; every method that lets something happen returns the scenario."""

    def __init__(self, installation: Site) -> None:
        self.site = installation
        self.controller = Controller.of(installation)
        self.state, self.memory = SiteState.initial(installation), Memory.blank(installation)
        self.now, self.world = BEGIN, World(installation)
        self.decision: Decision | None = None
        self.sent: tuple[LimitOrder, ...] = ()
        self.most_over_a = 0.0
        self._generation = self._transaction = 0
        self._unanswered: dict[str, tuple[float, LimitOrder]] = {}

    # What happens to the site
    def tell(self, *events: e.Event) -> Self:
        """Events that no other verb has a word for."""
        for event in events:
            self.state = apply(self.state, event)
        return self

    def car(
        self,
        name: str,
        need: float | None = None,
        leaves: str | None = None,
        *,
        takes: float = 32.0,
        legs: int = 3,
        starts: bool = True,
    ) -> Self:
        """A vehicle plugs in that takes so many ampere on so many legs; `need` in kWh, `leaves` as UTC time of day."""
        plug = self.plug(name)
        plug.arrive(takes, legs, None if need is None else need * 1000)
        self.tell(e.StatusChanged(plug.evse.id, self.now, EvseStatus.PREPARING))
        if need is not None or leaves is not None:
            self.tell(
                e.NeedStated(
                    plug.evse.id, Need(plug.need_wh, None if leaves is None else next_at(leaves, self.now.utc))
                )
            )
        return self.start(name) if starts else self

    def start(self, name: str) -> Self:
        """The driver is authorised: a transaction begins."""
        plug, self._transaction = self.plug(name), self._transaction + 1
        plug.transaction = self._transaction
        begun = Transaction(self._transaction, self.now.utc, plug.register_wh)
        return self.tell(e.TransactionStarted(plug.evse.id, self.now, begun))

    def unplug(self, name: str) -> Self:
        """The vehicle leaves; the station ends the transaction."""
        plug = self.plug(name)
        if plug.transaction is not None:
            self.tell(e.TransactionEnded(plug.evse.id, self.now, plug.transaction))
        plug.depart()
        return self.tell(e.StatusChanged(plug.evse.id, self.now, EvseStatus.AVAILABLE))

    def meter(self, name: str, l1: float = 0.0, l2: float = 0.0, l3: float = 0.0) -> Self:
        """From now on that much flows through a meter besides the vehicles and the other meters behind it."""
        self.world.besides[name] = (l1, l2, l3)
        return self

    def silent(self, *meters: str) -> Self:
        """Meters stop answering."""
        self.world.silent |= set(meters)
        return self

    def frozen(self, *meters: str) -> Self:
        """Meters repeat their last registers for ever."""
        self.world.freeze(meters)
        return self

    def speaks(self, *meters: str) -> Self:
        """Silent or frozen meters work again."""
        self.world.heal(meters)
        return self

    def station(self, name: str, behaviour: str) -> Self:
        """A station 'obeys', 'refuses' limits, is 'silent' to them, or 'ignores' what it accepts."""
        self.world.behave(name, behaviour)
        return self

    def drop(self, *names: str) -> Self:
        """The links of stations break, and with them what was not answered."""
        for name in names:
            self.world.offline.add(name)
            self._unanswered = {k: v for k, v in self._unanswered.items() if not k.startswith(f"{name}/")}
            self.tell(e.StationGone(name, self.now, self.state.station(name).generation))
        return self

    def reconnect(self, *names: str) -> Self:
        """Stations open a new link."""
        for name in names:
            self._generation += 1
            self.world.offline.discard(name)
            self.tell(e.StationConnected(name, self.now, self._generation))
        return self

    def limit(self, scope: str, source: str, a: float | None = None, kw: float | None = None, for_s: float = 0) -> Self:
        """Somebody tightens a circuit or an EVSE, for ever or for a while."""
        ends = self.now.later(for_s).utc if for_s else None
        return self.tell(e.LimitReceived(Limit(scope, source, a, None if kw is None else kw * 1000, ends=ends)))

    def clock_set(self, seconds: float) -> Self:
        """The wall clock jumps; the monotonic one does not."""
        self.now = replace(self.now, utc=self.now.utc + timedelta(seconds=seconds))
        return self

    def without_controller(self, seconds: int) -> Self:
        """The controller is dead for so long; the world goes on."""
        for _ in range(seconds):
            self.now = self.now.later(1.0)
            list(self.world.second(self.now))
        return self

    def restart(self, crashes: int = 0) -> Self:
        """A controller starts that remembers nothing; stations connect and say what they are doing."""
        self.state, self.memory, self._unanswered = SiteState.initial(self.site), Memory.blank(self.site), {}
        self.tell(e.ControllerStarted(self.now, crashes))
        self.reconnect(*(s.id for s in self.site.stations if s.id not in self.world.offline))
        return self.tell(*self.world.introduces_itself(self.now))

    def recover(self, crashes: int = 1) -> Self:
        """A controller starts that remembers what was on disk; no station has called again yet."""
        held = {evse.id: known for evse, known in zip(self.site.evses, self.state.evses, strict=True)}
        sessions = {name: known.session for name, known in held.items() if known.session is not None}
        models = {s.id: known.model for s, known in zip(self.site.stations, self.state.stations, strict=True)}
        told = {name: known.switch.told for name, known in held.items()}
        self.world.offline |= {s.id for s in self.site.stations}
        self.state = restored(self.site, sessions, {name: known.grant for name, known in held.items()}, models, told)
        self.memory, self._unanswered = remembered(self.state, self.now), {}
        return self.tell(e.ControllerStarted(self.now, crashes))

    def after(self, seconds: int) -> Self:
        """Let so many seconds pass."""
        for _ in range(seconds):
            self._second()
        return self

    # What must be true
    def expect(
        self,
        *,
        cause: str | None = None,
        binding: Binding | None = None,
        level: Level | None = None,
        alarm: str | None = None,
        **amps: float | tuple[float, float],
    ) -> Self:
        """Setpoints by EVSE, exact or as (least, most); `cause` and `binding` hold for each EVSE that is named."""
        for name, wanted in amps.items():
            setpoint = self.setpoint(name)
            least, most = wanted if isinstance(wanted, tuple) else (wanted, wanted)
            assert least - 1e-6 <= setpoint.amps <= most + 1e-6, f"{name}: {setpoint.amps} A, {setpoint.reason.text}"
            assert cause is None or cause in setpoint.reason.text, f"{name}: {setpoint.reason.text!r} has no {cause!r}"
            assert binding is None or setpoint.reason.binding is binding, f"{name}: {setpoint.reason}"
        assert level is None or self.last.level is level, f"{self.last.level!r}: {self.last.alarms}"
        assert alarm is None or self.alarm(alarm), f"no alarm {alarm!r} among {[a.key for a in self.last.alarms]}"
        return self

    @property
    def last(self) -> Decision:
        """The newest decision."""
        assert self.decision is not None, "let a second pass first: .after(1)"
        return self.decision

    def setpoint(self, name: str) -> Setpoint:
        """What was decided for an EVSE."""
        return next(s for s in self.last.setpoints if s.evse == f"{name}/1")

    def alarm(self, key: str) -> Alarm | None:
        """The alarm whose key begins so."""
        return next((a for a in self.last.alarms if a.key.startswith(key)), None)

    def known(self, name: str) -> EvseState:
        """What the controller knows of an EVSE."""
        return self.state.evse(f"{name}/1")

    def plug(self, name: str) -> Plug:
        """The physical side of an EVSE."""
        return self.world.plugs[f"{name}/1"]

    def draws(self, name: str) -> float:
        """What the vehicle at an EVSE truly draws on its strongest leg."""
        return max(self.plug(name).drawn_a)

    def flow(self, circuit_id: str) -> tuple[float, ...]:
        """What truly flows through a circuit, per phase."""
        return self.world.flow(circuit_id)

    # One second
    def _second(self) -> None:
        self.now = self.now.later(1.0)
        t = self.now.monotonic_s
        self.tell(*self.world.second(self.now))
        for order in [o for at, o in self._unanswered.values() if t - at >= ANSWER_LIMIT_S]:
            del self._unanswered[order.evse]
            self._answer(order, Answer.TIMEOUT)
        self.decision, memory = self.controller.decide(self.state, self.memory, self.now)
        check(self.state, self.memory, self.decision)
        self.memory = memory
        self.sent = tuple(o for o in orders(self.state, self.decision, t) if o.evse not in self._unanswered)
        for order in self.sent:
            self.tell(e.ProfileSent(order.evse, order.layer, order.amps, t, order.phases))
            answer = self.world.told(order, t)
            if answer is None:
                self._unanswered[order.evse] = (t, order)
            else:
                self._answer(order, answer)
        self.most_over_a = max(self.most_over_a, self.world.over_a(self.decision.circuits))

    def _answer(self, order: LimitOrder, answer: Answer) -> None:
        t = self.now.monotonic_s
        ends_at, phases = t + order.lease_s, order.phases
        self.tell(e.ProfileAnswered(order.evse, order.layer, order.amps, t, answer, ends_at, phases=phases))
