"""A world with a stationary battery in it: what it truly takes and gives, whatever it was told."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta
from typing import Self

from ems.domain import events as e
from ems.domain.battery import Battery
from ems.domain.decision import BatterySetpoint
from ems.domain.instant import Instant
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.plan import Plan
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.strategy import Strategy
from tests.builders import Scenario, circuit, evse, layout
from tests.control.world import World

REACTION_S = 2
SLOWEST_S = 8
VOLTS = 230.0

STORE = Battery("store", "grid", 50_000.0, 30_000.0, 30_000.0, meter="bat", efficiency=0.95, steered=True, lowest=0.1)


def site_with(battery: Battery = STORE, rating: float = 63.0, evses: int = 2, **policy: object) -> Site:
    """A grid connection with a meter, a battery with its own, and some EVSEs on all phases."""
    stations = [evse(f"A{k + 1}", "grid") for k in range(evses)]
    chosen = Policy(**{"strategy": Strategy.CHEAPEST, **policy})  # type: ignore[arg-type]  # Policy checks them itself
    bare = layout([circuit("grid", rating, meter="main", base_max=0.0, generation=50.0)], stations, chosen)
    meters = (*bare.meters, Meter("bat", role=MeterRole.BATTERY, circuit=battery.circuit))
    return replace(bare, meters=meters, batteries=(battery,))


class StoreWorld(World):
    """The world beside one battery. `obeys` False: it does what `own_w` says, as it also does when left alone."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.battery = site.batteries[0]
        self.soc, self.power_w, self.own_w = 0.5, 0.0, 0.0
        self.obeys, self.tells_soc = True, True
        self.reaction_s = REACTION_S
        self._told: deque[float | None] = deque([None] * SLOWEST_S, SLOWEST_S)

    @property
    def told_last(self) -> float | None:
        """The newest setpoint that was written."""
        return self._told[-1]

    def tell_battery(self, watts: float | None) -> None:
        """A setpoint is written now."""
        self._told.append(watts)

    def second(self, now: Instant) -> object:  # type: ignore[override]  # a stream of events, as above
        self._passes()
        return super().second(now)

    def _passes(self) -> None:
        battery, told = self.battery, self._told[-self.reaction_s]
        wanted = self.own_w if told is None or not self.obeys else told
        wanted = min(max(wanted, -battery.discharge_w), battery.charge_w)
        if (wanted > 0.0 and self.soc >= 1.0) or (wanted < 0.0 and self.soc <= 0.0):
            wanted = 0.0
        self.power_w = wanted
        stored = wanted * battery.efficiency if wanted > 0.0 else wanted / battery.efficiency
        self.soc = min(1.0, max(0.0, self.soc + stored / 3600.0 / battery.capacity_wh))

    def flow(self, circuit_id: str) -> tuple[float, float, float]:
        amps, own = super().flow(circuit_id), self.battery.amps(self.power_w, VOLTS)
        below = self.site.circuits.subtree(circuit_id)
        if self.battery.circuit not in below:
            return amps
        return (amps[0] + own[0], amps[1] + own[1], amps[2] + own[2])

    def _read(self, meter: Meter, t: float) -> MeterReading:
        if meter.id != "bat":
            return super()._read(meter, t)
        amps = self.battery.amps(self.power_w, VOLTS)
        soc = self.soc if self.tells_soc else None
        return MeterReading(t, amps, fingerprint=int(t), power_w=self.power_w, soc=soc)


class StoreScenario(Scenario):
    """A scenario whose battery gets its setpoints; `planned` keeps a plan young."""

    def __init__(self, installation: Site) -> None:
        super().__init__(installation)
        self.store = StoreWorld(installation)
        self.world = self.store
        self.refuses = ""
        self._planned_w: float | None = None
        self._caps = False
        self.reconnect(*(station.id for station in installation.stations))

    def planned(self, watts: float | None, *, caps: bool = False) -> Self:
        """From now on the plan wants that of the battery; None: there is no plan. `caps`: vehicles get no more than
        planned.
        """
        self._planned_w, self._caps = watts, caps
        return self

    def own(self, watts: float) -> Self:
        """From now on its own program wants that."""
        self.store.own_w = watts
        return self

    @property
    def steered(self) -> BatterySetpoint:
        """What was decided for the battery."""
        return self.last.batteries[0]

    def _second(self) -> None:
        if self._planned_w is not None:
            edges = (self.now.utc, self.now.utc + timedelta(hours=1))
            plan = Plan(self.now.utc, self.state.strategy, edges, (), self._caps, battery_w=(self._planned_w,))
            self.tell(e.PlanMade(self.now.monotonic_s, plan))
        super()._second()
        setpoint, t = self.steered, self.now.monotonic_s
        self.store.tell_battery(self.store.told_last if self.refuses else setpoint.power_w)
        if self.site.batteries[0].steered:
            told = None if self.refuses else setpoint.power_w
            self.tell(e.BatteryAnswered("store", t, told, self.refuses))
