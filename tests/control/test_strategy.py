"""Who comes first when not everybody can be served, and that nobody waits for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pytest

from ems.control.memory import SetpointMemory
from ems.control.network import Network
from ems.control.observation import observe
from ems.control.strategy import ranking
from ems.domain.policy import Policy
from ems.domain.session import Need, Session, Transaction
from ems.domain.state import NEVER, EvseState, SiteState
from ems.domain.station import EvseStatus
from ems.domain.strategy import WAYS, Strategy, order_of
from tests.builders import BEGIN, Scenario, circuit, evse, layout, site

T = BEGIN.monotonic_s
HOUR = 3600.0


class Car(NamedTuple):
    """A vehicle: seconds since plug-in, since it is on or off, what it needs and when it leaves (hours from now)."""

    plugged: float = 1000.0
    on: float | None = None
    off: float | None = None
    need: float | None = None
    leaves: float | None = None
    priority: int = 0
    always: bool = False
    parked: bool = False
    wants: bool = True


def order(strategy: Strategy, cars: list[Car]) -> list[int]:
    """Positions of the vehicles in the order of service; all can draw 22 kW."""
    at = layout([circuit("grid", 63)], [evse(f"S{j}", "grid") for j in range(len(cars))], Policy(strategy=strategy))
    state = replace(
        SiteState.initial(at), evses=tuple(vehicle(car, v.id) for car, v in zip(cars, at.evses, strict=True))
    )
    blank = SetpointMemory.blank(len(cars))
    held = replace(
        blank,
        setpoint_a=np.array([0.0 if car.on is None else 6.0 for car in cars]),
        on_since=np.array([NEVER if car.on is None else T - car.on for car in cars]),
        off_since=np.array([NEVER if car.off is None else T - car.off for car in cars]),
    )
    seen = observe(state, Network.of(at), [False] * len(cars), None, T)
    wants, parked = (np.array([getattr(car, name) for car in cars]) for name in ("wants", "parked"))
    rank = ranking(state, seen, wants, parked, held, BEGIN)
    return [int(j) for j in np.argsort(rank)]


def vehicle(car: Car, evse_id: str) -> EvseState:
    departure = None if car.leaves is None else BEGIN.utc + timedelta(hours=car.leaves)
    need = Need(None if car.need is None else car.need * 1000, departure, minimum_always=car.always)
    plugged, began = BEGIN.utc - timedelta(seconds=car.plugged), Transaction(1, BEGIN.utc, 0.0)
    session = Session(evse_id, plugged, T - car.plugged, began, need=need, service_class=car.priority)
    return EvseState(EvseStatus.CHARGING, session=session)


E, F, D, L = Strategy.EQUAL, Strategy.FIRST_COME, Strategy.EARLIEST_DEADLINE, Strategy.LEAST_LAXITY

ROWS = [
    ("first come: the longest plugged in", F, [Car(plugged=100), Car(plugged=300), Car(plugged=200)], [1, 2, 0]),
    ("earliest deadline; those without one last", D, [Car(), Car(leaves=3), Car(leaves=2)], [2, 1, 0]),
    ("least laxity: 22 kWh in 2 h before 4 kWh in 1 h", L, [Car(need=4, leaves=1), Car(need=40, leaves=2)], [1, 0]),
    ("a departure without a need has no laxity", L, [Car(leaves=1), Car(need=4, leaves=9)], [1, 0]),
    ("laxities of the same five minutes are equal: the longer wait decides", L,
     [Car(need=22, leaves=3.01, off=10), Car(need=22, leaves=3.0, off=20)], [1, 0]),
    ("equal: the longest wait first", E, [Car(off=100), Car(off=300), Car(off=200)], [1, 2, 0]),
    ("waiting counts from plug-in for whoever was never on", E, [Car(plugged=100), Car(plugged=300)], [1, 0]),
    ("who is on keeps its turn", E, [Car(off=900), Car(on=600)], [1, 0]),
    ("until it is over", E, [Car(off=30), Car(on=901)], [0, 1]),
    ("of those whose turn is over the youngest stays", E, [Car(on=2000), Car(on=1000), Car(off=30)], [2, 1, 0]),
    ("a higher class first", E, [Car(off=900), Car(off=10, priority=1)], [1, 0]),
    ("a class before a deadline", D, [Car(leaves=1), Car(leaves=9, priority=1)], [1, 0]),
    ("just switched on: not taken away by a better key", F, [Car(plugged=9000, off=60), Car(plugged=10, on=5)], [1, 0]),
    ("but after the shortest time on it is", F, [Car(plugged=3000, off=60), Car(plugged=400, on=301)], [0, 1]),
    ("who has waited an hour goes before any class", E, [Car(plugged=3700, off=3601), Car(off=10, priority=9)], [0, 1]),
    ("and keeps what it got for the shortest time on", E, [Car(plugged=3700, on=1), Car(off=3, priority=9)], [0, 1]),
    ("who is promised never to pause goes before all that may", E,
     [Car(plugged=3700, off=3601, priority=9), Car(on=7200, always=True)], [1, 0]),
    ("but not while it is parked", E, [Car(parked=True, always=True), Car(off=1)], [1, 0]),
    ("the parked come after everybody who draws", E, [Car(parked=True, priority=9), Car(off=1)], [1, 0]),
    ("and those that want nothing last", E, [Car(wants=False, priority=9), Car(parked=True)], [1, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "strategy", "cars", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_order_of_service(name: str, strategy: Strategy, cars: list[Car], expected: list[int]) -> None:
    assert order(strategy, cars) == expected


def test_every_strategy_says_what_it_goes_by() -> None:
    assert list(WAYS) == list(Strategy)
    assert [strategy for strategy in Strategy if order_of(strategy) is None] == [Strategy.EQUAL]


# Nobody starves


def narrow(cars: int, room: float, strategy: Strategy = E, **policy: float) -> Scenario:
    """So many hungry vehicles on a circuit that is too small for all of them."""
    at = layout([circuit("grid", room)], [evse(f"S{j}", "grid", fallback=0) for j in range(cars)])
    s = site(at, strategy=strategy, **policy).after(20)
    for j in range(cars):
        s.car(f"S{j}")
    return s


def longest_wait(s: Scenario, seconds: int) -> float:
    """The longest time that a vehicle was without current."""
    waiting = dict.fromkeys(range(len(s.site.evses)), 0.0)
    longest = 0.0
    for _ in range(seconds):
        s.after(1)
        for j in waiting:
            waiting[j] = 0.0 if s.draws(f"S{j}") else waiting[j] + 1
        longest = max(longest, *waiting.values())
    return longest


SWITCH_S = 60
"""A change of turns takes this long at most: the cut is proven, the room steady, the vehicle back on."""


@pytest.mark.parametrize(("cars", "room", "places"), [(3, 13, 2), (3, 7, 1), (5, 13, 2)])
def test_turns_bound_the_wait(cars: int, room: float, places: int) -> None:
    """With room for `places` of `cars` minimum currents nobody waits longer than
    ⌈(cars − places) / places⌉ · (rotation_s + 60 s).
    """
    turns = -(-(cars - places) // places)
    s = narrow(cars, room, rotation_s=60.0, min_on_s=30.0)
    bound = turns * (60 + SWITCH_S)
    wait = longest_wait(s, 2 * bound)
    assert wait <= bound
    assert s.most_over_a <= 0


def test_a_strategy_with_an_order_bounds_the_wait_too() -> None:
    """The last in line is served for the shortest time on when it has waited max_wait_s."""
    s = narrow(2, 7, F, rotation_s=60.0, min_on_s=60.0, max_wait_s=200.0)
    assert longest_wait(s, 600) <= 200 + SWITCH_S


def test_whoever_has_waited_long_is_really_served() -> None:
    """A vehicle of the lowest class that came through after max_wait_s draws for min_on_s, not for a moment."""
    at = layout([circuit("grid", 7)], [evse("S0", "grid", fallback=0, priority=1), evse("S1", "grid", fallback=0)])
    s = site(at, rotation_s=120.0, min_on_s=60.0, max_wait_s=200.0).after(20).car("S0").car("S1")
    on = [s.after(1).draws("S1") > 0 for _ in range(450)]
    assert sum(on) >= 55
