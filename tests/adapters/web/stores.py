"""A scene with a battery in it, whose plan is what the test says."""

from __future__ import annotations

from dataclasses import replace

from ems.domain.battery import Battery, Otherwise
from ems.domain.events import BatteryAnswered, MeterRead
from ems.domain.meter import Meter, MeterReading, MeterRole
from tests.adapters.web.scene import Scene, car_park

STORE = Battery(
    "store", "grid", 40_000.0, 15_000.0, 15_000.0, meter="bat", steered=True, otherwise=Otherwise.SELF_CONSUMPTION
)


class StoreScene(Scene):
    """It holds 64 %, and `flows_w` flows into it."""

    def __init__(self, battery: Battery = STORE, evses: int = 2) -> None:
        bare = car_park(evses)
        meters = (*bare.meters, Meter("bat", role=MeterRole.BATTERY, circuit="grid"))
        super().__init__(replace(bare, meters=meters, batteries=(battery,)))
        self.flows_w = -12_000.0

    def _measure(self) -> None:
        super()._measure()
        at = self.instant.monotonic_s
        amps = STORE.amps(self.flows_w, 230.0)
        self.tell(MeterRead("bat", MeterReading(at, amps, int(at), self.flows_w, soc=0.64)))

    def refuses(self, why: str) -> None:
        """It cannot be told anything from now on."""
        self.tell(BatteryAnswered("store", self.instant.monotonic_s, None, why))
