"""A plan: what to aim for over the hours ahead. A preference, never a limit; made elsewhere, aged here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite, isnan
from typing import NamedTuple

from ems.domain.strategy import Strategy

Steps = tuple[float, ...]
"""A value per step of the plan."""


class Why(NamedTuple):
    """From step `since` on, until the next one, this is the reason."""

    since: int
    text: str


class PlannedCharge(NamedTuple):
    """What is planned for one session: ampere per leg at each step, and the reasons in words, rising from step 0; what
    it still wanted when the plan was made, what of that it gets, and until when.

    A charge that is `expected` belongs to a vehicle that has not come yet.
    """

    evse: str
    session: str
    amps: Steps
    why: tuple[Why, ...]
    need_wh: float
    planned_wh: float
    departure: datetime | None = None
    expected: bool = False

    @property
    def short_wh(self) -> float:
        """What it will miss; never negative."""
        return max(0.0, self.need_wh - self.planned_wh)

    def why_at(self, step: int) -> str:
        """The reason at a step; empty where there is none."""
        return next((why.text for why in reversed(self.why) if why.since <= step), "")


class Deficit(NamedTuple):
    """Who will miss how much of what by when, and what would help, in words."""

    evse: str
    session: str
    short_wh: float
    need_wh: float
    departure: datetime | None
    remedies: tuple[str, ...] = ()


class Target(NamedTuple):
    """What a plan wants for an EVSE at a moment: ampere per leg, why, and until when that holds."""

    amps: float
    why: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """Made at `made` for the steps between `edges` (all UTC).

    `caps`: vehicles get no more than planned, because more would cost; otherwise what is left over is given too. The
    series are for people, in watt: other load, generation, what the battery takes, the limit of the grid connection;
    and the price of a kWh. `assumptions` say what had to be guessed.
    """

    made: datetime
    strategy: Strategy
    edges: tuple[datetime, ...]
    charges: tuple[PlannedCharge, ...]
    caps: bool = False
    base_w: Steps = ()
    generation_w: Steps = ()
    battery_w: Steps = ()
    limit_w: Steps = ()
    price_per_kwh: Steps = ()
    deficits: tuple[Deficit, ...] = ()
    assumptions: tuple[str, ...] = ()
    _present: Mapping[str, PlannedCharge] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("a plan needs rising edges")
        steps = len(self.edges) - 1
        for charge in self.charges:
            if len(charge.amps) != steps:
                raise ValueError(f"the plan of {charge.evse} has not one current per step")
            if not all(isfinite(a) and a >= 0.0 for a in charge.amps):
                raise ValueError(f"the plan of {charge.evse} has a current that is none")
            if not (isfinite(charge.need_wh) and isfinite(charge.planned_wh)):
                raise ValueError(f"the plan of {charge.evse} has an energy that is none")
        if not all(isfinite(deficit.short_wh) and isfinite(deficit.need_wh) for deficit in self.deficits):
            raise ValueError("the plan has a deficit that is no energy")
        if self.limit_w and (len(self.limit_w) != steps or any(map(isnan, self.limit_w))):
            raise ValueError("limit_w of the plan must be a number per step")
        for name in ("base_w", "generation_w", "battery_w", "price_per_kwh"):
            values = getattr(self, name)
            if values and (len(values) != steps or not all(map(isfinite, values))):
                raise ValueError(f"{name} of the plan must be a finite number per step")
        present = {charge.session: charge for charge in self.charges if not charge.expected}
        object.__setattr__(self, "_present", present)

    def step_at(self, utc: datetime) -> int | None:
        """The step in which a moment lies; None outside the plan."""
        step = bisect_right(self.edges, utc) - 1
        return step if 0 <= step < len(self.edges) - 1 else None

    def target(self, session: str, step: int | None) -> Target | None:
        """What a session is to get in a step; None when the plan does not know it, or does not reach so far."""
        charge = self._present.get(session)
        if charge is None or step is None:
            return None
        until = step + 1
        while until < len(charge.amps) and charge.amps[until] == charge.amps[step]:
            until += 1
        return Target(charge.amps[step], charge.why_at(step), self.edges[until])
