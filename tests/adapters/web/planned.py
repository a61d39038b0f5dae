"""Sites with a plan, made by hand on the grid that real plans have, for the tests of the web side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from ems.domain.events import PlanMade, StrategyChosen, VehicleIdentified
from ems.domain.plan import Deficit, Plan, PlannedCharge, Why
from ems.domain.session import Session
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Vehicle
from ems.planning.horizon import Horizon
from tests.adapters.web.scene import Scene, busy

NEED_WH = 55_000.0
CHEAP = "waits for cheaper energy from 23:00 on"
SHARED = "shared: row-a L1 (63 A) is full"
ALONE = "it leaves soon, so it goes first"
REMEDIES = ("leave at 06:00 instead of 05:10", "10 A more on row-a")


def planned(evses: int = 14, name: str = "Bus", reason: str = SHARED) -> Scene:
    """A busy site on which the cheapest strategy has a plan: named vehicles, one of them short, others expected."""
    return _planned(evses, name, reason).twin()


@cache
def _planned(evses: int, name: str, reason: str) -> Scene:
    scene = busy(evses)
    for k, (evse, _) in enumerate(sessions(scene)):
        if k % 4 != 3:
            scene.tell(VehicleIdentified(evse, Vehicle(f"v{k}", f"{name} {k + 1}"[:60])))
    scene.past(0.5 if evses > 20 else 4.0)
    scene.tell(StrategyChosen(Strategy.CHEAPEST))
    tell_plan(scene, plan_for(scene, reason))
    scene.announce()
    return scene


def tell_plan(scene: Scene, plan: Plan) -> None:
    """The planner answers, as of now."""
    scene.tell(PlanMade(scene.instant.monotonic_s, plan))


def sessions(scene: Scene) -> list[tuple[str, Session]]:
    evses = zip(scene.site.evses, scene.state.evses, strict=True)
    return [(evse.id, known.session) for evse, known in evses if known.session is not None]


def plan_for(scene: Scene, reason: str = SHARED, assumptions: tuple[str, ...] = ()) -> Plan:
    """Everybody charges while energy is cheap; the second vehicle leaves before that, and misses 14 kWh."""
    horizon = Horizon.standard(scene.instant.utc)
    edges, hours = horizon.edges(), horizon.hours.tolist()
    price = tuple(_price(edge) for edge in edges[:-1])
    charges, deficits = [], []
    for k, (evse, session) in enumerate(sessions(scene)):
        leaves = edges[0] + timedelta(hours=11.67) if k == 1 else edges[0] + timedelta(hours=13 + k % 3)
        wiring = scene.site.evses[scene.site.evse_index(evse) or 0].wiring
        legs = scene.state.evse(evse).leg_use.legs(len(wiring.legs))
        watts_per_a = wiring.watts_per_amp(scene.site.voltage_v, sum(legs))
        slow = [_amps(k, edge, leaves, price[i]) for i, edge in enumerate(edges[:-1])]
        planned_wh = sum(watts_per_a * amps * h for amps, h in zip(slow, hours, strict=True))
        why = _why(slow, reason)
        need_wh = planned_wh + 14_000.0 if k == 1 else planned_wh
        charges.append(PlannedCharge(evse, session.id, tuple(slow), why, need_wh, planned_wh, leaves))
        if k == 1:
            deficits.append(Deficit(evse, session.id, 14_000.0, need_wh, leaves, REMEDIES))
    for k, evse in enumerate(("CP-09/1", "CP-13/1")):
        amps = tuple(8.0 if 9 + k <= (edge - edges[0]).total_seconds() / 3600 < 13 + k else 0.0 for edge in edges[:-1])
        charges.append(PlannedCharge(evse, f"expected-{k}", amps, (), 20_000.0, 20_000.0, None, expected=True))
    starts = edges[:-1]
    return Plan(
        made=scene.instant.utc,
        strategy=Strategy.CHEAPEST,
        edges=edges,
        charges=tuple(charges),
        caps=True,
        base_w=tuple(22_000.0 + 9_000.0 * math.sin((at.hour - 9) / 24 * 2 * math.pi) for at in starts),
        generation_w=tuple(max(0.0, 30_000.0 * math.sin((at.hour - 6) / 12 * math.pi)) for at in starts),
        battery_w=tuple(
            -6_000.0 if 17 <= edge.hour < 20 else 4_000.0 if 2 <= edge.hour < 5 else 0.0 for edge in edges[:-1]
        ),
        limit_w=tuple(70_000.0 if at.hour in {16, 17, 18} else 110_000.0 for at in starts),
        price_per_kwh=price,
        deficits=tuple(deficits),
        assumptions=assumptions or ("CP-11/1: nobody knows what it needs", "other load is taken to stay as it is"),
    )


def _price(at: datetime) -> float:
    return round(0.24 + 0.11 * math.sin((at.hour - 13) / 24 * 4 * math.pi) + (0.08 if 16 <= at.hour < 20 else 0.0), 4)


def _amps(k: int, at: datetime, leaves: datetime, price: float) -> float:
    if at >= leaves:
        return 0.0
    if k == 1:
        return 12.0
    return 8.0 + 2.0 * (k % 5) if price < 0.22 else 0.0


def _why(amps: list[float], reason: str) -> tuple[Why, ...]:
    """A reason for each run of steps."""
    found: list[Why] = []
    for step, value in enumerate(amps):
        text = reason if value > 0.0 else CHEAP
        if not found or found[-1].text != text:
            found.append(Why(step, text))
    return tuple(found)


def with_charges(plan: Plan, changed: Mapping[str, PlannedCharge]) -> Plan:
    """The plan with other charges for some EVSEs."""
    return replace(plan, charges=tuple(changed.get(charge.evse, charge) for charge in plan.charges))
