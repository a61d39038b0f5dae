"""Dividing capacity: who gets the minimum, what a fair share is, and what the first come leaves the later ones."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ems.control.allocation import admit, serve_in_order, share
from ems.control.incidence import Ints
from tests.control.networks import Problem, Tree, Wish, entries, loads, problem, problems

NEAR = 1e-6
"""Loads are compared to a millionth of their size."""

ONE: Tree = {"grid": (None, 60.0)}
TWO: Tree = {"grid": (None, 60.0), "a": ("grid", 40.0), "b": ("grid", 32.0)}
DEEP: Tree = {"grid": (None, 100.0), "a": ("grid", 50.0), "aa": ("a", 20.0), "b": ("grid", 80.0)}
THREE, ROTATED, LL = "L1 L2 L3", "L2 L3 L1", "L1-L2"


class Row(NamedTuple):
    """One case of the table: a tree, wishes on it, power limits, and the currents that are fair."""

    name: str
    tree: Tree
    wishes: list[Wish]
    expected: list[float]
    kw: dict[str, float] = {}  # noqa: RUF012  # never changed


SHARES = [
    Row("nobody", ONE, [], []),
    Row("one alone gets its full current", ONE, [Wish("grid", THREE)], [32]),
    Row("two share a full circuit", ONE, [Wish("grid", THREE), Wish("grid", THREE)], [30, 30]),
    Row("three share it", ONE, [Wish("grid", THREE)] * 3, [20, 20, 20]),
    Row("what one cannot use goes to the other", ONE, [Wish("grid", THREE, 10), Wish("grid", THREE, 80)], [10, 50]),
    Row("one-phase vehicles on different phases do not meet", ONE, [Wish("grid", "L1", 80), Wish("grid", "L2", 80)],
        [60, 60]),
    Row("one-phase vehicles on the same phase do", ONE, [Wish("grid", "L1", 80)] * 2, [30, 30]),
    Row("a three-phase vehicle meets each of them", ONE,
        [Wish("grid", THREE, 80), Wish("grid", "L1", 80), Wish("grid", "L2", 80)], [30, 30, 30]),
    Row("L3 stays free for nobody", ONE, [Wish("grid", THREE, 80), Wish("grid", "L1", 80), Wish("grid", "L1", 80)],
        [20, 20, 20]),
    Row("rotation does not change a three-phase load", ONE, [Wish("grid", THREE), Wish("grid", ROTATED)], [30, 30]),
    Row("a line-to-line leg fills both of its phases", ONE, [Wish("grid", LL, 80), Wish("grid", "L2", 80)], [30, 30]),
    Row("three line-to-line legs in a ring load every phase twice", ONE,
        [Wish("grid", LL, 80), Wish("grid", "L2-L3", 80), Wish("grid", "L3-L1", 80)], [30, 30, 30]),
    Row("a feeder binds before the grid", TWO, [Wish("a", THREE, 80), Wish("a", THREE, 80)], [20, 20]),
    Row("what one feeder cannot use the other may", TWO, [Wish("a", THREE, 10), Wish("b", THREE, 80)], [10, 32]),
    Row("the grid binds both feeders", TWO, [Wish("a", THREE), Wish("b", THREE)], [30, 30]),
    Row("unequal feeders share the grid as equally as they can", TWO, [Wish("a", THREE, 80)] * 2 + [Wish("b", THREE)],
        [20, 20, 20]),
    Row("fairness goes by vehicle, not by feeder", TWO, [Wish("a", THREE)] + [Wish("b", THREE)] * 3,
        [28, 32 / 3, 32 / 3, 32 / 3]),
    Row("a narrow branch deep in the tree", DEEP, [Wish("aa", THREE)] * 2 + [Wish("a", THREE), Wish("b", THREE)],
        [10, 10, 30, 32]),
    Row("beside a vehicle that hangs on the grid itself", TWO, [Wish("a", THREE, 80), Wish("grid", THREE, 80)],
        [30, 30]),
    Row("twice the weight, twice the current", ONE, [Wish("grid", THREE, 80, weight=2), Wish("grid", THREE, 80)],
        [40, 20]),
    Row("weight does not lift an upper bound", ONE, [Wish("grid", THREE, 32, weight=9), Wish("grid", THREE, 80)],
        [32, 28]),
    Row("a lower bound is kept", ONE, [Wish("grid", THREE, 80, 40), Wish("grid", THREE, 80)], [40, 20]),
    Row("a lower bound below the fair share changes nothing", ONE, [Wish("grid", THREE, 80, 6)] * 2, [30, 30]),
    Row("lower bounds that just fit", ONE, [Wish("grid", THREE, 80, 30)] * 2, [30, 30]),
    Row("lower bounds that do not fit stay", ONE, [Wish("grid", THREE, 80, 40)] * 2, [40, 40]),
    Row("they take what others could have", ONE, [Wish("grid", THREE, 80, 70), Wish("grid", THREE)], [70, 0]),
    Row("upper below lower means lower", ONE, [Wish("grid", THREE, 4, 8), Wish("grid", THREE, 80)], [8, 52]),
    Row("no capacity", {"grid": (None, 0.0)}, [Wish("grid", THREE)] * 2, [0, 0]),
    Row("a negative capacity is none", {"grid": (None, -20.0)}, [Wish("grid", THREE)] * 2, [0, 0]),
    Row("one phase without capacity stops three-phase vehicles only", {"grid": (None, (60.0, 0.0, 60.0))},
        [Wish("grid", THREE), Wish("grid", "L1", 80)], [0, 60]),
    Row("no limit at all", {"grid": (None, math.inf)}, [Wish("grid", THREE), Wish("grid", "L1", 80)], [32, 80]),
    Row("a power limit", {"grid": (None, math.inf)}, [Wish("grid", THREE)] * 2, [10, 10], {"grid": 13.8}),
    Row("a power limit counts one-phase vehicles with a third", {"grid": (None, math.inf)},
        [Wish("grid", THREE), Wish("grid", "L1")], [15, 15], {"grid": 13.8}),
    Row("a power limit counts a line-to-line leg with √3", {"grid": (None, math.inf)}, [Wish("grid", LL, 80)],
        [20], {"grid": 20 * 0.23 * math.sqrt(3)}),
    Row("a power limit below a feeder", TWO, [Wish("a", THREE), Wish("b", THREE)], [10, 32], {"a": 6.9}),
    Row("a power limit of nothing", ONE, [Wish("grid", THREE)], [0], {"grid": 0.0}),
]  # fmt: skip


@pytest.mark.parametrize("row", SHARES, ids=lambda row: row.name)
def test_share(row: Row) -> None:
    """Weighted max-min fairness in the cases that a person can check in the head."""
    assert shared(problem(row.tree, row.wishes, row.kw)) == pytest.approx(row.expected, abs=1e-6)


ADMISSIONS = [
    Row("nobody", ONE, [], []),
    Row("everybody", ONE, [Wish("grid", THREE, 6)] * 3, [6, 6, 6]),
    Row("as many as fit, in order of rank", {"grid": (None, 17.0)},
        [Wish("grid", THREE, 6, weight=2), Wish("grid", THREE, 6, weight=0), Wish("grid", THREE, 6, weight=1)],
        [0, 6, 6]),
    Row("a later one that is smaller may fit", {"grid": (None, 10.0)},
        [Wish("grid", THREE, 6, weight=0), Wish("grid", THREE, 6, weight=1), Wish("grid", "L1", 4, weight=2)],
        [6, 0, 4]),
    Row("on another phase there is room", {"grid": (None, 6.0)},
        [Wish("grid", "L1", 6, weight=0), Wish("grid", "L1", 6, weight=1), Wish("grid", "L2", 6, weight=2)], [6, 0, 6]),
    Row("whoever is refused below does not count above", {"grid": (None, 12.0), "a": ("grid", 6.0)},
        [Wish("a", THREE, 6, weight=0), Wish("a", THREE, 6, weight=1), Wish("grid", THREE, 6, weight=2)], [6, 0, 6]),
    Row("exactly full is not too full", {"grid": (None, 18.0)}, [Wish("grid", THREE, 6, weight=j) for j in range(3)],
        [6, 6, 6]),
    Row("a tenth too little is too little", {"grid": (None, 17.9)},
        [Wish("grid", THREE, 6, weight=j) for j in range(3)], [6, 6, 0]),
    Row("0.1 A three times is 0.3 A", {"grid": (None, 0.3)}, [Wish("grid", THREE, 0.1, weight=j) for j in range(3)],
        [0.1, 0.1, 0.1]),
    Row("nothing wanted is always admitted", {"grid": (None, -3.0)}, [Wish("grid", THREE, 0)], [0]),
    Row("a negative capacity admits nobody", {"grid": (None, -3.0)}, [Wish("grid", THREE, 6)], [0]),
    Row("a power limit", ONE, [Wish("grid", THREE, 6, weight=j) for j in range(3)], [6, 6, 0], {"grid": 10.0}),
]  # fmt: skip


@pytest.mark.parametrize("row", ADMISSIONS, ids=lambda row: row.name)
def test_admit(row: Row) -> None:
    """Whole amounts, one after the other; `weight` is the rank and `upper` the amount."""
    p = problem(row.tree, row.wishes, row.kw)
    assert admit(p.incidence, p.capacity, p.upper, p.weight.astype(np.intp)).amps.tolist() == row.expected


SERVICES = [
    Row("nobody", ONE, [], []),
    Row("the first takes what it can, the second the rest", ONE,
        [Wish("grid", THREE, 80, weight=1), Wish("grid", THREE, 32, weight=0)], [28, 32]),
    Row("nothing is left for the third", ONE, [Wish("grid", THREE, weight=j) for j in range(3)], [32, 28, 0]),
    Row("everybody keeps the lower bound", ONE, [Wish("grid", THREE, 60, 6, weight=j) for j in range(3)], [48, 6, 6]),
    Row("lower bounds that do not fit stay", ONE, [Wish("grid", THREE, 60, 40, weight=j) for j in range(2)], [40, 40]),
    Row("a feeder leaves room on the grid", TWO,
        [Wish("a", THREE, 80, weight=0), Wish("b", THREE, 80, weight=1), Wish("a", THREE, 80, weight=2)], [40, 20, 0]),
    Row("a blocked phase blocks three-phase vehicles only", {"grid": (None, (60.0, 10.0, 60.0))},
        [Wish("grid", "L2", 32, weight=0), Wish("grid", THREE, weight=1), Wish("grid", "L1", 80, weight=2)],
        [10, 0, 60]),
    Row("a power limit", {"grid": (None, math.inf)}, [Wish("grid", THREE, weight=0), Wish("grid", "L1", weight=1)],
        [20, 0], {"grid": 13.8}),
]  # fmt: skip


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.name)
def test_serve_in_order(row: Row) -> None:
    """As much as possible, one after the other; `weight` is the rank."""
    p = problem(row.tree, row.wishes, row.kw)
    assert served(p, p.weight.astype(np.intp)) == pytest.approx(row.expected, abs=1e-6)


# Laws


@given(problems())
def test_share_stays_between_bounds_and_under_every_link(p: Problem) -> None:
    """Nobody below its lower or above its upper bound; no link fuller than its capacity or than the lower bounds."""
    amps = shared(p)
    assert all(low - NEAR <= a <= max(low, high) + NEAR for a, low, high in zip(amps, p.lower, p.upper, strict=True))
    assert fits(p, amps)


@given(problems())
def test_share_gives_everybody_a_bottleneck(p: Problem) -> None:
    """Necessary and sufficient for weighted max-min fairness (Bertsekas and Gallager, section 6.5.2)."""
    everybody_has_a_bottleneck(p)


def everybody_has_a_bottleneck(p: Problem) -> None:
    """Whoever is below its upper bound meets a full link on which nobody above its lower bound has more per weight."""
    amps = shared(p)
    full = {link for link, load in enumerate(loads(p, amps)) if load >= p.capacity[link] - slack(p, link)}
    for j, mine in enumerate(amps):
        links = {link for link, i, _ in entries(p) if i == j}
        assert mine >= p.upper[j] - NEAR or any(
            all(
                amps[i] / p.weight[i] <= mine / p.weight[j] + NEAR
                for at, i, _ in entries(p)
                if at == link and amps[i] > p.lower[i] + NEAR
            )
            for link in links & full
        ), f"{j} has no bottleneck in {amps}"


@given(problems(most=5))
def test_share_equals_filling_slowly(p: Problem) -> None:
    """The same currents as raising a common level until something is full, again and again."""
    assert shared(p) == pytest.approx(filled_slowly(p), abs=1e-5)


@given(problems())
def test_the_named_bottleneck_is_one(p: Problem) -> None:
    """The link that is said to keep an EVSE from more is one it loads, and it is full; -1 only at the upper bound."""
    result = share(p.incidence, p.capacity, p.lower, p.upper, p.weight)
    load = loads(p, result.amps.tolist())
    for j, link in enumerate(result.bottleneck.tolist()):
        if link < 0:
            assert result.amps[j] >= p.upper[j] - NEAR
        else:
            assert any(at == link and i == j for at, i, _ in entries(p))
            assert load[link] >= p.capacity[link] - slack(p, link)


@given(problems(lower=False), st.data())
def test_more_capacity_never_makes_the_worst_off_worse(p: Problem, data: st.DataObject) -> None:
    """Monotone in headroom: with more capacity anywhere, the currents per weight, sorted from the smallest up, do not
    fall lexicographically (the fair allocation is the greatest such vector, and everything feasible stays feasible).
    """
    more = [data.draw(st.sampled_from([0.0, 0.0, 1.0, 7.5])) for _ in p.capacity]
    wider = p._replace(capacity=np.maximum(p.capacity, 0.0) + np.array(more))
    before, after = per_weight(p), per_weight(wider)
    for old, new in zip(before, after, strict=True):
        assert new > old - 1e-5, f"{before} became {after}"
        if new > old + 1e-7:
            # However little the first that differs has risen, the others may pay for it.
            break


def test_more_capacity_may_cost_a_single_vehicle_something() -> None:
    """Which is why the law speaks of the sorted vector: L1 grows, the three-phase car gains, the one on L2 loses."""
    cars = [Wish("grid", THREE, 80), Wish("grid", "L1", 80), Wish("grid", "L2", 80)]
    assert shared(problem({"grid": (None, (20.0, 40.0, 40.0))}, cars)) == pytest.approx([10, 10, 30])
    assert shared(problem({"grid": (None, (40.0, 40.0, 40.0))}, cars)) == pytest.approx([20, 20, 20])


@given(problems(), st.data())
def test_admit_equals_asking_one_after_the_other(p: Problem, data: st.DataObject) -> None:
    """In order of rank, each gets its whole amount if it fits beside those before it."""
    rank = ranks(p, data)
    amount = np.where(p.upper > 16, 6.0, p.upper)
    left, expected = np.maximum(p.capacity, 0.0), np.zeros(len(amount))
    for j in np.argsort(rank):
        mine = [(link, c * amount[j]) for link, i, c in entries(p) if i == j]
        # What is too much by less than a millionth may go either way.
        assume(all(abs(need - left[link]) < 1e-11 or abs(need - left[link]) > slack(p, link) for link, need in mine))
        if amount[j] <= 0 or all(need <= left[link] + 1e-11 for link, need in mine):
            expected[j] = amount[j]
            for link, need in mine:
                left[link] -= need
    result = admit(p.incidence, p.capacity, amount, rank)
    assert result.amps.tolist() == expected.tolist()
    for j, link in enumerate(result.bottleneck.tolist()):
        assert (link >= 0) == (result.amps[j] < amount[j])


@given(problems(), st.data())
def test_serve_in_order_equals_serving_one_after_the_other(p: Problem, data: st.DataObject) -> None:
    """In order of rank, each takes what the others' lower bounds and the earlier ones leave."""
    rank = ranks(p, data)
    left = np.maximum(p.capacity - np.array(loads(p, p.lower.tolist())), 0.0)
    expected = p.lower.copy()
    for j in np.argsort(rank):
        mine = [(link, c) for link, i, c in entries(p) if i == j]
        gain = min([max(0.0, p.upper[j] - p.lower[j])] + [left[link] / c for link, c in mine])
        expected[j] += gain
        for link, c in mine:
            left[link] = max(0.0, left[link] - c * gain)
    assert served(p, rank) == pytest.approx(expected.tolist(), abs=1e-5)
    assert fits(p, served(p, rank))


@given(problems(), st.floats(0, 20), st.data())
def test_more_capacity_serves_the_first_no_worse(p: Problem, more: float, data: st.DataObject) -> None:
    """Monotone in headroom: in order of rank, the first whose current differs has more."""
    rank = ranks(p, data)
    before, after = served(p, rank), served(p._replace(capacity=np.maximum(p.capacity, 0.0) + more), rank)
    for j in np.argsort(rank):
        if abs(after[j] - before[j]) > 1e-5:
            assert after[j] > before[j]
            break


@pytest.mark.parametrize("seed", range(3))
def test_large_sites_are_divided_exactly(seed: int) -> None:
    """Three hundred EVSEs, many equal numbers, power limits beside currents: still fair, still under every link."""
    draw = np.random.default_rng(seed)
    feeders = {f"f{i}": ("grid", float(draw.integers(40, 160))) for i in range(30)}
    tree: Tree = {"grid": (None, float(draw.integers(400, 1500))), **feeders}
    phases = draw.choice(["L1 L2 L3", "L2 L3 L1", "L1", "L2", "L3"], 300)
    wishes = [Wish(f"f{j % 30}", str(phases[j]), float(draw.choice([16, 32, 32.0])), 6.0) for j in range(300)]
    p = problem(tree, wishes, {f"f{i}": float(draw.integers(10, 60)) for i in range(0, 30, 3)})
    starts = admit(p.incidence, p.capacity, p.lower, np.arange(300)).amps
    p = p._replace(lower=starts, upper=np.where(starts > 0, p.upper, 0.0))
    everybody_has_a_bottleneck(p)
    assert fits(p, shared(p))


# Oracles


def filled_slowly(p: Problem) -> list[float]:
    """Progressive filling by bisection: raise the level until a link is full, freeze whoever loads it, repeat."""
    amps: list[float] = p.lower.tolist()
    open_ = {j for j in range(len(p.lower)) if p.upper[j] > p.lower[j]}
    while open_:
        stuck = {j for link in overfull(p, amps) for at, j, _ in entries(p) if at == link}
        open_ -= stuck
        low, high = 0.0, 1e3
        for _ in range(60):
            middle = (low + high) / 2
            trial = at_level(p, amps, open_, middle)
            low, high = (low, middle) if overfull(p, trial) & loaded(p, open_) else (middle, high)
        amps = at_level(p, amps, open_, low)
        full = overfull(p, at_level(p, amps, open_, low + 1e-7))
        done = {j for link in full for at, j, _ in entries(p) if at == link}
        open_ = {j for j in open_ - done if amps[j] < p.upper[j] - 1e-9}
    return amps


def at_level(p: Problem, amps: list[float], open_: set[int], level: float) -> list[float]:
    return [min(max(p.lower[j], p.weight[j] * level), p.upper[j]) if j in open_ else amps[j] for j in range(len(amps))]


def loaded(p: Problem, evses: set[int]) -> set[int]:
    return {link for link, j, _ in entries(p) if j in evses}


def overfull(p: Problem, amps: list[float]) -> set[int]:
    return {k for k, load in enumerate(loads(p, amps)) if load > max(p.capacity[k], 0.0) + 1e-9 * (1 + abs(load))}


def fits(p: Problem, amps: list[float]) -> bool:
    least = loads(p, p.lower.tolist())
    return all(load <= max(p.capacity[k], least[k]) + slack(p, k) for k, load in enumerate(loads(p, amps)) if load > 0)


def slack(p: Problem, link: int) -> float:
    return NEAR * max(1.0, abs(p.capacity[link])) if math.isfinite(p.capacity[link]) else 0.0


def shared(p: Problem) -> list[float]:
    return [float(a) for a in share(p.incidence, p.capacity, p.lower, p.upper, p.weight).amps]


def served(p: Problem, rank: Ints) -> list[float]:
    return [float(a) for a in serve_in_order(p.incidence, p.capacity, p.lower, p.upper, rank).amps]


def per_weight(p: Problem) -> list[float]:
    return sorted(a / float(w) for a, w in zip(shared(p), p.weight, strict=True))


def ranks(p: Problem, data: st.DataObject) -> Ints:
    return np.array(data.draw(st.permutations(range(len(p.lower)))), dtype=np.intp)
