"""A site with everything: the world, the controller that lives, dies and lives again, and those who watch both."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import permutations
from pathlib import Path

import numpy as np

from ems.control.memory import Memory
from ems.domain.circuit import Circuit
from ems.domain.decision import Decision, Level
from ems.domain.events import Event
from ems.domain.phases import MAX_LEGS, NO_AMPS, Phase, Wiring
from ems.domain.state import SiteState
from ems.settings.build import SiteSettings
from ems.sim.faults import Fault as SimFault
from ems.sim.faults import FaultKind, FaultPlan
from ems.sim.quirks import MeteringQuirks, Quirks
from ems.sim.scenario import Scenario
from ems.sim.virtual_site import METER_FAULTS, MISBEHAVIOUR, SitePlan, VirtualSite
from ems.sim.world import UNIT, Flow
from tests.system.clocks import SUNDAY_NOON, VirtualClock
from tests.system.controller import Decides, VirtualController
from tests.system.judge import Fault, Judge, Place
from tests.system.laws import Laws

TICK_S = 1.0
FOUND_OUT_S = 60.0
"""So long after a station began to ignore its limits the others have made room (failsafe row 6): a sample that shows
it, twice the patience, and the time to follow."""

KNOWN_AFTER_S = 4.0
"""What a meter shows reaches a decision within so long; a law cannot ask for more."""


@dataclass(frozen=True, slots=True)
class Play:
    """What happens on a stage. `tolerated_s`, `hungry_s`: see `Judge`."""

    scenario: Scenario
    faults: FaultPlan = field(default_factory=FaultPlan)
    quirks: dict[str, Quirks] = field(default_factory=dict)
    metering: dict[str, MeteringQuirks] = field(default_factory=dict)
    free_vend: bool = False
    seed: int = 1
    tolerated_s: float = 15.0
    hungry_s: float = 120.0
    spoilt: Callable[[Decides], Decides] | None = None
    born: datetime = SUNDAY_NOON


class Stage:
    """Everything at once. `clock` is the world's, `wrist` the controller's own; `decisions` of the last minutes."""

    def __init__(self, settings: SiteSettings, play: Play, folder: Path) -> None:
        self.settings, self.site, self.play, self.folder = settings, settings.site, play, folder
        loop = asyncio.get_running_loop()
        self.clock, self.wrist = VirtualClock(loop, play.born), VirtualClock(loop, play.born)
        plan = SitePlan(
            ocpp_url=f"ws://{settings.ocpp.host}:{settings.ocpp.port}/ocpp",
            units={meter.id: meter.unit for meter in settings.meters},
            meter_port=next((meter.port for meter in settings.meters), 0),
            quirks=play.quirks,
            metering=play.metering,
            free_vend=play.free_vend,
            faults=play.faults,
            seed=play.seed,
        )
        self.world = VirtualSite(settings.site, play.scenario, plan, self.clock)
        self.world.on_controller_dead = self._dies
        self.world.on_clock_step = self._clock_is_set
        self.judge = Judge(self.world, play.tolerated_s, play.hungry_s)
        self.judge.out_of_reach, self.judge.blind = self._out_of_reach, self._blind
        self.judge.condition = self._condition
        self.judge.calendar = lambda: self.wrist.now().utc
        self.laws = Laws(settings.site)
        self.decisions: deque[Decision] = deque(maxlen=600)
        self.controller: VirtualController | None = None
        self.lives = 0
        self._flows: deque[Flow] = deque(maxlen=int(KNOWN_AFTER_S))
        self._ticked_at: float | None = None
        self._faults: list[Fault] = []
        self._log = _Log()
        self._dead: asyncio.Task[None] | None = None

    # What a test does

    async def until(self, t: float) -> None:
        """Let time pass until `t` seconds of the run, with all who watch watching."""
        await asyncio.sleep(max(0.0, t - self.t))

    @property
    def t(self) -> float:
        """Seconds of the run."""
        return self.clock.now().monotonic_s - self.world.begin.monotonic_s

    @property
    def decision(self) -> Decision:
        """The newest one."""
        return self.decisions[-1]

    @property
    def state(self) -> SiteState:
        """What the controller believes."""
        assert self.controller is not None
        return self.controller.state

    def amps(self, evse: str) -> float:
        """What the vehicle at an EVSE draws per leg."""
        station, _, number = evse.rpartition("/")
        return max(self.world.stations[station].leg_amps(int(number)))

    def reason(self, evse: str) -> str:
        """Why an EVSE has the current it has, as an operator reads it."""
        return next(s.reason.text for s in self.decision.setpoints if s.evse == evse)

    def start(self) -> None:
        """The controller begins, with what its folder holds."""
        assert self.controller is None
        self.lives += 1
        self.laws._before = None
        self._ticked_at = None
        self.controller = VirtualController(self.settings, self.folder, self.wrist, self._seen, self.play.spoilt)
        self.controller.start()

    async def kill(self) -> None:
        """kill -9."""
        assert self.controller is not None
        dying, self.controller = self.controller, None
        await dying.kill()

    async def stop(self) -> None:
        """SIGTERM."""
        assert self.controller is not None
        leaving, self.controller = self.controller, None
        await leaving.stop()

    def faults(self) -> list[str]:
        """Everything that anybody complains of, in words."""
        found = [*self.judge.faults, *self._faults, *self._log.faults]
        found += [Fault(v.law, v.at - self.world.begin.monotonic_s, v.text) for v in self.laws.violations]
        return [f"{fault.at_s:7.1f} s {fault.rule}: {fault.text}" for fault in sorted(found, key=lambda f: f.at_s)]

    def unrecovered(self) -> list[str]:
        """What is not as it should be when nothing is wrong any more."""
        return [*self.troubles(), *self.idle()]

    def troubles(self) -> list[str]:
        """What the controller itself says is wrong."""
        if self.controller is None:
            return ["nobody controls"]
        found = [f"{s.id} is not connected" for s, k in zip(self.site.stations, self.state.stations, strict=True)
                 if not k.connected]  # fmt: skip
        if self.decision.level is not Level.NORMAL:
            found.append(f"the site is at {self.decision.level.name}")
        found += [f"alarm: {alarm.text}" for alarm in self.decision.alarms if not alarm.key.startswith("clock-step")]
        return found

    def idle(self) -> list[str]:
        """Vehicles that could get more: every place above them has room, and they are hungry."""
        flows = self.judge.flows()
        found = []
        for evse in self.site.evses:
            connector = self.world.stations[evse.station].connectors[evse.number]
            vehicle = connector.vehicle
            if vehicle is None or connector.transaction is None or not vehicle.is_hungry:
                continue
            draws, could = vehicle.current_a, min(vehicle.model.max_a, evse.max_a)
            circuits = [self.site.circuits.circuits[i] for i in self.site.circuits.path(evse.circuit)]
            room = min(self._left_a(circuit, evse.wiring, vehicle.model.legs, flows) for circuit in circuits)
            tapers = vehicle.soc > vehicle.model.taper_from
            if draws + 3.0 < could and room > 6.0 and not tapers:
                found.append(f"{evse.id} draws {draws:.1f} A, could {could:g} A, and {room:.1f} A are left")
        return found

    def _left_a(self, circuit: Circuit, wiring: Wiring, legs: int, flows: Mapping[Place, float]) -> float:
        """What one more vehicle on so many legs could draw through a circuit. Every setpoint is a whole ampere, so half
        of one may be left over at each EVSE.
        """
        name, volts = circuit.id, self.site.voltage_v
        spare = sum(0.5 for evse in self.site.evses if name in self.judge.above(evse.circuit))
        unseen = circuit.base_load_max_a if circuit.meter is None else NO_AMPS
        watts = self.judge.limit(name, None) - flows[name, None] - sum(unseen) * volts
        left = [watts / wiring.watts_per_amp(volts, min(legs, len(wiring.legs))) - MAX_LEGS * spare]
        for leg in wiring.legs[:legs]:
            used = circuit.margin_a + flows[name, leg[0]] + unseen[leg[0]]
            left.append(self.judge.limit(name, leg[0]) - used - spare)
        loaded = {phase for leg in wiring.legs[:legs] for phase in leg}
        most = math.inf if circuit.unbalance_max_a is None else circuit.unbalance_max_a
        for more, less in permutations(Phase, 2):
            if more in loaded and less not in loaded:
                left.append(most - self.judge.uneven_a(name, more, less) - spare)
        return min(left)

    # What nobody could do anything about

    def _out_of_reach(self) -> frozenset[str]:
        """Stations that do not hear, or do not care."""
        if self.controller is None:
            return frozenset(self.world.stations)
        now = self.clock.now().monotonic_s
        deaf = {name for name, s in self.world.stations.items() if not s.link.is_up or s.link._mute_until > now}
        return frozenset(deaf | {fault.target for fault in self._present() if fault.kind in MISBEHAVIOUR})

    def _present(self) -> list[SimFault]:
        return [f for f in self.play.faults.faults if f.at_s <= self.t < f.at_s + f.lasts_s]

    def _blind(self) -> frozenset[str]:
        """Circuits of which nobody can know yet what they carry: the meter has failed so lately that the ladder has not
        reached the fallback, or a station misbehaves and has not been found out.
        """
        begun = [(f, self.t - f.at_s) for f in self.play.faults.faults if f.at_s <= self.t]
        patience = self.site.policy.fallback_s + self.play.tolerated_s
        meters = {f.target for f, age in begun if f.kind in METER_FAULTS and age < patience}
        unknown = {f.target for f, age in begun if f.kind in MISBEHAVIOUR and age < FOUND_OUT_S}
        above = [self.judge.above(e.circuit) for e in self.site.evses if e.station in unknown]
        return frozenset(c.id for c in self.site.circuits if c.meter in meters).union(*above)

    def _condition(self) -> object:
        """Differs when something fails or comes back; a building that rises is no excuse by itself."""
        faults = frozenset(f for f in self._present() if f.kind is not FaultKind.BUILDING_STEP)
        return self.lives, self.controller is None, self._out_of_reach(), faults

    # Who watches

    async def _watch(self) -> None:
        """Half a step after the world has moved."""
        await asyncio.sleep(0.5)
        while True:
            self._flows.append(self.world.flow)
            self.judge.look()
            await asyncio.sleep(1.0)

    def _seen(self, _events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        at = decision.at.monotonic_s
        if self._ticked_at is not None and at - self._ticked_at > TICK_S + 0.11:
            self._fault("tick", f"{at - self._ticked_at:.2f} s between two ticks")
        self._ticked_at = at
        if decision.guarded:
            self._fault("guard", f"the guard had to lower {', '.join(decision.guarded)}")
        self.decisions.append(decision)
        if self._flows:
            self.laws.look_at(self.world, self._out_of_reach())
            self.laws(state, decision, self._known())

    def _known(self) -> Flow:
        """What flows besides vehicles that somebody can talk to, as far as a controller can know it by now."""
        least = min(self._flows, key=lambda flow: float(np.abs(flow.besides).sum()))
        unknown = self.judge.drawn_at(self._out_of_reach())
        besides = least.besides + np.array([[unknown[c.id, p] for p in Phase] for c in self.site.circuits]) * UNIT
        return replace(self._flows[-1], besides=besides)

    def _fault(self, rule: str, text: str) -> None:
        self._faults.append(Fault(rule, self.t, text))

    def _clock_is_set(self, by_s: float) -> None:
        self.wrist.set_by_s += by_s

    def _dies(self, for_s: float) -> None:
        if self._dead is None or self._dead.done():
            self._dead = asyncio.create_task(self._away(for_s))

    async def _away(self, for_s: float) -> None:
        await self.kill()
        await asyncio.sleep(for_s)
        self.start()


class _Log(logging.Handler):
    """Whatever the program says is an error, or was logged with a trace, is a fault."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.faults: list[Fault] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            t = asyncio.get_running_loop().time()
            cause = "" if record.exc_info is None else f": {record.exc_info[1]!r}"
            self.faults.append(Fault("log", t, record.getMessage() + cause))


@asynccontextmanager
async def on_stage(settings: SiteSettings, play: Play, folder: Path) -> AsyncIterator[Stage]:
    """The world opens, the controller starts a little later, and both run until the end of the context."""
    stage = Stage(settings, play, folder)
    program = logging.getLogger("ems")
    program.addHandler(stage._log)
    world = asyncio.create_task(stage.world.run(), name="world")
    watch = asyncio.create_task(stage._watch(), name="watch")
    try:
        await stage.world.listening.wait()
        await asyncio.sleep(0.3)
        stage.start()
        yield stage
        for task in (world, watch):
            if task.done():
                task.result()
    finally:
        if stage._dead is not None:
            stage._dead.cancel()
            await asyncio.gather(stage._dead, return_exceptions=True)
        if stage.controller is not None:
            await stage.kill()
        for task in (watch, world):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        program.removeHandler(stage._log)
