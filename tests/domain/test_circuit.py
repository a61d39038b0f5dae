"""The tree of fuses: parents before children, one root, and every mistake named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.circuit import Circuit, CircuitTree
from tests.builders import circuit

GRID = circuit("grid", 100)


@st.composite
def forests(draw: st.DrawFn) -> list[Circuit]:
    """The circuits of a random tree, in random order."""
    names = [f"c{i}" for i in range(draw(st.integers(1, 8)))]
    made = [circuit(n, 100, names[draw(st.integers(0, i - 1))] if i else None) for i, n in enumerate(names)]
    return list(draw(st.permutations(made)))


@given(forests())
def test_every_parent_stands_before_its_children(circuits: list[Circuit]) -> None:
    tree = CircuitTree(tuple(circuits))
    order = [c.id for c in tree]
    assert sorted(order) == sorted(c.id for c in circuits)
    assert all(c.parent is None or order.index(c.parent) < order.index(c.id) for c in tree)
    assert tree.root.parent is None


@given(forests())
def test_path_parents_and_subtree_tell_the_same_tree(circuits: list[Circuit]) -> None:
    tree = CircuitTree(tuple(circuits))
    for c in tree:
        path = [tree.circuits[i].id for i in tree.path(c.id)]
        assert path[0] == c.id
        assert path[-1] == tree.root.id
        assert [tree[child].parent for child in path[:-1]] == path[1:]
        assert tree.parents[tree.index(c.id)] == (-1 if c.parent is None else tree.index(c.parent))
        assert all(c.id in tree.subtree(above) for above in path)
    assert tree.subtree(tree.root.id) == {c.id for c in tree}


def test_children_are_those_directly_below() -> None:
    tree = CircuitTree((GRID, circuit("a", 50, "grid"), circuit("aa", 20, "a"), circuit("b", 50, "grid")))
    assert [c.id for c in tree.children("grid")] == ["a", "b"]
    assert tree.children("aa") == ()
    assert "aa" in tree
    assert "x" not in tree
    assert len(tree) == 4


@pytest.mark.parametrize(
    ("circuits", "complaint"),
    [
        ([], "one circuit must have no parent"),
        ([GRID, GRID], "circuit ids repeat"),
        ([GRID, circuit("other", 50)], "one circuit must have no parent .* found 2"),
        ([GRID, circuit("a", 50, "b")], "circuit a names an unknown parent b"),
        ([circuit("a", 50, "b"), circuit("b", 50, "a")], "one circuit must have no parent"),
        ([GRID, circuit("a", 50, "b"), circuit("b", 50, "a")], "circuits form a circle: a, b"),
        ([GRID, circuit("a", 50, "a")], "circuits form a circle: a"),
    ],
)
def test_what_is_no_tree(circuits: list[Circuit], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        CircuitTree(tuple(circuits))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"rating_a": (0.0, 0.0, 0.0)}, "circuit x has no rated phase"),
        ({"rating_a": (63.0, -1.0, 63.0)}, "rating_a of circuit x must not be negative"),
        ({"rating_a": (63.0, float("nan"), 63.0)}, "rating_a of circuit x must be a finite number"),
        ({"rating_a": (63.0, float("inf"), 63.0)}, "rating_a of circuit x must be a finite number"),
        ({"margin_a": -1.0}, "margin_a of circuit x"),
        ({"base_load_max_a": (0.0, -1.0, 0.0)}, "base_load_max_a of circuit x"),
        ({"generation_max_a": float("inf")}, "generation_max_a of circuit x"),
    ],
)
def test_what_is_no_circuit(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Circuit(**{"id": "x", "parent": None, "rating_a": (63.0, 63.0, 63.0), **wrong})  # type: ignore[arg-type]  # that is the test
