"""What comes out of a back-test: service, costs, and how far each run is from the clairvoyant bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from ems.domain.energy.bill import Component, bill
from ems.domain.energy.load import Load
from ems.domain.energy.tariff import Tariff
from ems.planning.arrays import Floats
from ems.planning.clairvoyant import stored_worth
from ems.planning.day_verdict import DayRegret
from ems.planning.problem import Economy
from ems.sim.backtest_task import BacktestTask, Knowledge
from ems.sim.core_tally import Outcome
from ems.sim.promise import MET_SLACK_WH
from ems.sim.simulation_result import SimulationResult

QUARTER_S = 900
HARDLY_SHARE = 0.25
"""Who gets less of what it wanted was hardly served."""

UTC_CLOCK = ZoneInfo("UTC")


class Costs(NamedTuple):
    """What the whole site pays: `energy` with what is paid for feed-in taken off, `demand` in full for every billing
    period that is touched; VAT included, fixed charges not. `peak_kw` is the highest mean of a quarter hour. `battery`:
    its wear, and what it holds less at the end than at the begin, at what that would save at the mean price.
    """

    energy: float
    demand: float
    peak_kw: float
    battery: float = 0.0

    @property
    def sum(self) -> float:
        """All of it."""
        return self.energy + self.demand + self.battery


class Service(NamedTuple):
    """What vehicles got: of all that wanted at least 0.1 kWh how many got it, how many were `hardly_served`, Jain's
    index of delivered ÷ wanted, and the least of these by user (where users are not known: by session).
    """

    wanted_kwh: float
    delivered_kwh: float
    needs: int
    met: int
    hardly_served: int
    jain: float
    worst: float

    @property
    def share(self) -> float:
        """Delivered of wanted, 0 … 1."""
        return self.delivered_kwh / self.wanted_kwh if self.wanted_kwh else 1.0

    @property
    def missing_kwh(self) -> float:
        """What was wanted and not delivered."""
        return max(0.0, self.wanted_kwh - self.delivered_kwh)


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy with one kind of knowledge, or the clairvoyant bound (`knowledge` None).

    `total` is what it costs and `missing_per_kwh` for what is missing. `pv_share`: of the vehicles' energy, what the
    plant made beyond the building's need. `pauses`: how often a vehicle that was charging had to wait, per session.
    `days`: what each day could have cost. `battery_w`: what flowed into the steered battery, empty without one.
    """

    strategy: str
    knowledge: Knowledge | None
    service: Service
    costs: Costs
    total: float
    pv_share: float
    pauses: float
    site_w: tuple[float, ...] = field(repr=False)
    evses_w: tuple[float, ...] = field(repr=False)
    battery_w: tuple[float, ...] = field(default=(), repr=False)
    result: SimulationResult | None = field(default=None, repr=False)
    days: tuple[DayRegret, ...] = field(default=(), repr=False)
    plans: int = 0
    plans_failed: int = 0

    @property
    def name(self) -> str:
        """As people call it."""
        return self.strategy if self.knowledge is None else f"{self.strategy} ({self.knowledge})"


@dataclass(frozen=True, slots=True)
class Backtest:
    """All runs of a task beside the bounds: `most` delivers the most energy, `cheapest` has the lowest total."""

    task: BacktestTask
    most: Row
    cheapest: Row
    rows: tuple[Row, ...]

    def energy_gap(self, row: Row) -> float:
        """Percentage points of the wanted energy that were possible and not delivered."""
        return 100.0 * (self.most.service.share - row.service.share)

    def cost_gap(self, row: Row) -> float | None:
        """By how many per cent the total lies above the least possible; None where that is nothing."""
        least = self.cheapest.total
        return 100.0 * (row.total - least) / least if least > 1e-6 else None


def battery_cost(economy: Economy, battery_w: Floats, hours: float) -> float:
    """Wear of the battery that is steered, and what it lacks at the end, of what flowed into it in steps of `hours`."""
    cell = economy.battery
    if cell is None:
        return 0.0
    kept_w = np.where(battery_w > 0.0, battery_w * cell.efficiency, battery_w / cell.efficiency)
    through_kwh, gained_kwh = (float(watts.sum()) * hours / 1000.0 for watts in (np.abs(battery_w), kept_w))
    return cell.wear_per_kwh * through_kwh / 2.0 - stored_worth(economy) * gained_kwh


def costs_of(tariff: Tariff | None, load: Load) -> Costs:
    """What a load costs; nothing without a tariff."""
    peak_kw = max((kw for _, kw in load.import_kw(QUARTER_S, (tariff.zone if tariff else UTC_CLOCK))), default=0.0)
    if tariff is None:
        return Costs(0.0, 0.0, peak_kw)
    found = bill(tariff, load)
    energy = found.of(Component.ENERGY) * tariff.vat_factor + found.of(Component.FEED_IN)
    return Costs(energy, found.of(Component.DEMAND) * tariff.vat_factor, peak_kw)


def service_of(outcomes: Sequence[Outcome], users: Mapping[str, str]) -> Service:
    """How vehicles were served; `users` by session, as far as they are known."""
    wanting = [one for one in outcomes if one.wanted_wh >= MET_SLACK_WH]
    ratios = np.array([min(1.0, one.got_wh / one.wanted_wh) for one in wanting])
    by_user: dict[str, list[float]] = {}
    for one in wanting:
        both = by_user.setdefault(users.get(one.id, one.id), [0.0, 0.0])
        both[0] += one.got_wh
        both[1] += one.wanted_wh
    return Service(
        wanted_kwh=sum(one.wanted_wh for one in outcomes) / 1000.0,
        delivered_kwh=sum(one.got_wh for one in outcomes) / 1000.0,
        needs=len(wanting),
        met=sum(one.is_met for one in wanting),
        hardly_served=int(np.count_nonzero(ratios < HARDLY_SHARE)),
        jain=jain(ratios),
        worst=min((got / wanted for got, wanted in by_user.values()), default=1.0),
    )


def jain(ratios: Floats) -> float:
    """Jain's index: 1 when all have the same share, 1 / n when one has everything."""
    squares = float((ratios**2).sum()) * ratios.size
    return float(ratios.sum()) ** 2 / squares if squares > 0.0 else 1.0
