"""What a strategy is after, as weights that are far enough apart to be a strict ladder.

First what is guaranteed, then missing energy by class of service, then its fair spread, then what the strategy says
about cost, then finishing early. To add a strategy: name it in `ems.domain.policy.Strategy` and write its line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ems.domain.policy import Strategy


class Ladder(NamedTuple):
    """Shares of the objective. `cost`: energy, feed-in and demand charge as the tariff says. `grid`: every kWh from the
    grid, whatever its price. `peak`: every kW of the highest power, and `even`: every kWh at high power, more the
    higher it is; both as a share of the dearest kWh of the tariff. `early`: what an hour of delay of a kWh costs, as a
    share of the dearest kWh of the objective. `beyond_guarantee`: whether missing energy that nobody guaranteed counts
    before cost; if not, it is charged where it is free.
    """

    cost: float = 0.0
    grid: float = 0.0
    peak: float = 0.0
    even: float = 0.0
    early: float = 1e-3
    beyond_guarantee: bool = True

    @property
    def looks_at_site(self) -> bool:
        """Whether it matters what else the site draws."""
        return bool(self.cost or self.grid or self.peak or self.even)


LADDERS: Mapping[Strategy, Ladder] = {
    Strategy.FAST: Ladder(early=1.0),
    Strategy.CHEAPEST: Ladder(cost=1.0),
    Strategy.SOLAR: Ladder(grid=1.0, beyond_guarantee=False),
    Strategy.BALANCED: Ladder(cost=0.01, peak=1.0, even=0.5),
}
"""The strategies that need a plan; the others only order vehicles at every tick."""
