"""How headroom is divided among vehicles: everything that a strategy is, in one place.

To add one: name it in `Strategy` and write its line in `WAYS`; nothing else needs to know. What it goes by is one of

 * nothing: what there is, is shared equally at every tick;
 * an order: a function that gives each vehicle a key, and the smallest is served first, at every tick
   (`ems.control.strategy` says what comes before the key and what between equals);
 * a ladder: weights of what a plan is after (`ems.planning.program` says of what). Without a plan, who has the least
   time to spare is served first.

Strategies steer preference only; limits do not know them. Command line, page, interface and back-test offer what is
here, in this order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from ems.domain.instant import Instant
from ems.domain.session import Session

LAXITY_STEP_S = 300.0
"""Laxities within the same five minutes are equal, so that two vehicles do not change places every second."""

Order = Callable[[Session, float, Instant], float]
"""(session, full power in watt, now) to a sortable number."""


class Ladder(NamedTuple):
    """What a plan is after, as weights that are far enough apart to be a strict ladder: first what is guaranteed, then
    missing energy by class of service, then its fair spread, then what is said here about cost, then finishing early.

    Shares of the objective. `cost`: energy, feed-in and demand charge as the tariff says. `grid`: every kWh from the
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


class Way(NamedTuple):
    """A strategy in a word and in a sentence, for people; and what it goes by, None for equal shares."""

    word: str
    sentence: str
    goes_by: Order | Ladder | None = None


def by_arrival(session: Session, _full_w: float, _now: Instant) -> float:
    """Who came first."""
    return session.plugged.timestamp()


def by_departure(session: Session, _full_w: float, _now: Instant) -> float:
    """Who leaves first; last, who does not say when."""
    return math.inf if session.need.departure is None else session.need.departure.timestamp()


def by_laxity(session: Session, full_w: float, now: Instant) -> float:
    """Who has the least time to spare; last, of whom nobody knows."""
    laxity = session.laxity_s(now.utc, full_w)
    return math.inf if laxity is None else math.floor(laxity / LAXITY_STEP_S)


class Strategy(StrEnum):
    """What files, commands and the interface call it."""

    EQUAL = "equal"
    FIRST_COME = "first-come"
    EARLIEST_DEADLINE = "earliest-deadline"
    LEAST_LAXITY = "least-laxity"
    FAST = "fast"
    CHEAPEST = "cheapest"
    SOLAR = "solar"
    BALANCED = "balanced"


WAYS: Mapping[Strategy, Way] = {
    Strategy.EQUAL: Way("Equal shares", "every vehicle gets the same current"),
    Strategy.FIRST_COME: Way("First come", "who came first is served first", by_arrival),
    Strategy.EARLIEST_DEADLINE: Way("Earliest departure", "who leaves first is served first", by_departure),
    Strategy.LEAST_LAXITY: Way("Least time to spare", "who has the least time to spare is served first", by_laxity),
    Strategy.FAST: Way("Fast", "every vehicle has its energy as early as possible", Ladder(early=1.0)),
    Strategy.CHEAPEST: Way("Cheapest", "every vehicle is ready in time, at the lowest cost", Ladder(cost=1.0)),
    Strategy.SOLAR: Way(
        "Solar",
        "what is promised is ready in time, the rest comes from the sun alone: without a promise that may be nothing",
        Ladder(grid=1.0, beyond_guarantee=False),
    ),
    Strategy.BALANCED: Way(
        "Balanced", "every vehicle is ready in time, with the lowest peak", Ladder(cost=0.01, peak=1.0, even=0.5)
    ),
}

LADDERS: Mapping[Strategy, Ladder] = {one: way.goes_by for one, way in WAYS.items() if isinstance(way.goes_by, Ladder)}

PLANNED = frozenset(LADDERS)
"""The strategies that need a plan."""

SPARING = frozenset(one for one, ladder in LADDERS.items() if ladder.looks_at_site)
"""Those whose vehicles get no more than planned, because more would cost."""


def order_of(strategy: Strategy) -> Order | None:
    """By what vehicles are ordered at a tick; None where they share equally."""
    goes_by = WAYS[strategy].goes_by
    return by_laxity if isinstance(goes_by, Ladder) else goes_by
