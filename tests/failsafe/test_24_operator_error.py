"""Row 24: somebody sets a limit above what the fuse carries."""

from __future__ import annotations

import pytest

from ems.domain.limit import Limit
from tests.builders import Scenario, circuit, evse, layout, site


def park() -> Scenario:
    """Two hungry vehicles behind 40 A."""
    at = layout([circuit("grid", 63), circuit("a", 40, "grid")], [evse("A1", "a"), evse("A2", "a")])
    return site(at).car("A1").car("A2").after(60).expect(A1=20, A2=20)


@pytest.mark.parametrize("scope", ["grid", "a", "A1/1"])
@pytest.mark.parametrize("wrong", [{"a": 1000.0}, {"kw": 5000.0}, {"a": 1000.0, "kw": 5000.0}])
def test_a_limit_can_only_tighten(scope: str, wrong: dict[str, float]) -> None:
    s = park().limit(scope, "operator", **wrong)
    for _ in range(30):
        s.after(1).expect(A1=20, A2=20, cause="shared: a L")
    assert s.most_over_a <= 0


def test_it_does_not_loosen_another_limit() -> None:
    s = park().limit("a", "dso", 20).limit("a", "operator", 1000).after(30).expect(A1=10, A2=10)
    s.expect(A1=10, cause="dso: 20 A on a")


def test_withdrawing_a_limit_returns_to_the_rating() -> None:
    s = park().limit("a", "operator", 20).after(20).expect(A1=10, A2=10)
    s.limit("a", "operator", 1000).after(60).expect(A1=20, A2=20)


def test_a_limit_below_nothing_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Limit("grid", "operator", -5)


def test_zero_stops_everybody_and_nobody_is_forgotten() -> None:
    s = park().limit("grid", "operator", 0).after(1).expect(A1=0, A2=0)
    s.limit("grid", "operator", 63).after(90).expect(A1=20, A2=20)
