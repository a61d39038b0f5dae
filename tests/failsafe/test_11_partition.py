"""Row 11: meters can be reached, some stations cannot."""

from __future__ import annotations

from tests.builders import Scenario, site


def parted() -> Scenario:
    """A1 and A2 draw 16 A each, cannot be told anything any more, and B1 draws 32 A; 36 A of 100 are left."""
    s = site("two_feeders").car("A1").car("A2").limit("A1/1", "operator", 16).limit("A2/1", "operator", 16).car("B1")
    s.after(90).expect(A1=16, A2=16, B1=32)
    return s.drop("A1", "A2").after(2)


def test_those_that_can_be_reached_make_room() -> None:
    """The building takes 50 A: A1 and A2 keep 32 A of the other 50, B1 gets what is left."""
    s = parted().meter("main", 50, 50, 50).after(10)
    assert max(s.flow("grid")) <= 100
    assert (s.draws("A1"), s.draws("A2")) == (16, 16)
    s.after(60).expect(B1=(0, 18))


def test_and_get_it_back() -> None:
    s = parted().meter("main", 50, 50, 50).after(60).meter("main", 0, 0, 0).after(60).expect(B1=32)
    s.reconnect("A1", "A2").after(5).expect(A1=16, A2=16)


def test_a_newcomer_gets_only_what_nobody_may_draw() -> None:
    """36 A of the grid and 8 A of feeder b are left for B2."""
    s = parted().car("B2").after(90)
    assert s.setpoint("B1").amps + s.setpoint("B2").amps <= 40
    assert s.most_over_a <= 0
