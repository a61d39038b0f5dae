"""The shape of a plan as the interface tells it. As in `shape.py`: fields may be added, none is renamed or removed."""

from __future__ import annotations

from typing_extensions import TypedDict

from ems.adapters.web.shape import SiteRow

Row = list[float | None]
"""A value per step; null where it is endless."""


class WhyRow(TypedDict):
    """From step `since` on, until the next one, this is the reason."""

    since: int
    text: str


class ChargeRow(TypedDict):
    """What is planned for one vehicle. `amps` is ampere per leg at each step; times `watts_per_a` it is power. Of
    `need_wh`, which it still wanted when the plan was made, it gets `planned_wh` until `ends`, the end of the last step
    in which it charges, and misses `short_wh`. `promise` says in words what it is promised; empty for nothing. A
    vehicle that is `expected` is not there yet and comes from a forecast.
    """

    evse: str
    circuit: str
    session: str
    vehicle: str | None
    expected: bool
    departure: str | None
    need_wh: float
    planned_wh: float
    short_wh: float
    ends: str | None
    promise: str
    watts_per_a: float
    amps: Row
    why: list[WhyRow]


class DeficitRow(TypedDict):
    """Who will miss how much of what by when, in a sentence too (times as the clocks of the site show them), and what
    would help.
    """

    evse: str
    session: str
    vehicle: str | None
    short_wh: float
    need_wh: float
    departure: str | None
    text: str
    remedies: list[str]


class LeftOutRow(TypedDict):
    """Who is plugged in, has not got what it is to have, `missing_wh`, and gets nothing by this plan: it does not draw,
    cannot charge as things are, or came after the plan was made.
    """

    evse: str
    session: str
    vehicle: str | None
    missing_wh: float


class PlanHead(TypedDict):
    """`strategy` is how headroom is divided now and `strategies` what could be chosen; `in_force` whether the plan told
    here is what control aims for, and `absence` in words why not. `made_for` is the strategy of this plan, `trouble`
    why the last attempt to make one failed. `supposed` says what a what-if plan supposes; it never is in force. `caps`:
    vehicles get no more than planned, because more would cost. `observes`: nobody is steered by it, because the
    controller only observes.
    """

    site: SiteRow
    at: str
    strategy: str
    strategies: list[str]
    in_force: bool
    absence: str
    trouble: str
    supposed: str
    made: str | None
    made_for: str | None
    age_s: float | None
    caps: bool
    observes: bool


class PlanPicture(PlanHead):
    """A plan: step k lies between `edges[k]` and `edges[k + 1]`, and so does value k of every series.

    At the `connection` to the grid: its limit, what other load draws, what is generated, what the battery takes, what
    vehicles take, and what all of it makes; the price of a kWh. A series that nobody knows is empty.
    """

    connection: str
    edges: list[str]
    limit_w: Row
    base_w: Row
    generation_w: Row
    battery_w: Row
    vehicles_w: Row
    grid_w: Row
    price_per_kwh: list[float]
    charges: list[ChargeRow]
    deficits: list[DeficitRow]
    left_out: list[LeftOutRow]
    assumptions: list[str]
