"""What reaches the vehicle of a limit."""

from __future__ import annotations

import pytest

from ems.sim.pilot import Pilot
from ems.sim.quirks import QUIRKS, Quirks


def offers(quirks: Quirks, *course: tuple[float, float | None], at: list[float]) -> list[float]:
    """The offers at some moments when (moment, limit) are told one after the other, each replacing the former."""
    pilot, seen, todo = Pilot(32.0, quirks), [], list(course)
    limit: float | None = None
    moments = sorted({*at, *(t for t, _ in course)})
    for now in moments:
        while todo and todo[0][0] <= now:
            first = limit is None
            limit = todo.pop(0)[1]
            pilot = pilot.told(now, replaced=not first)
        pilot = pilot.after(limit, now, charging=True)
        if now in at:
            seen.append(pilot.offered_a(now))
    return seen


PROMPT = Quirks(apply_s=0.0)

COURSES = [
    ("a first limit holds at once", Quirks(), [(0, 10)], [0], [10]),
    ("a later one after the apply time", Quirks(apply_s=3), [(0, 10), (10, 16)], [12.9, 13], [10, 16]),
    ("limits in a row are applied in order", Quirks(apply_s=3), [(0, 10), (10, 16), (11, 6)], [13, 14], [16, 6]),
    ("never more than the outlet has", PROMPT, [(0, 99)], [0], [32]),
    ("no limit is the maximum", PROMPT, [(0, None)], [0], [32]),
    ("below 6 A is a pause", PROMPT, [(0, 5.9)], [0], [0]),
    ("whole amperes round down", QUIRKS["whole-amperes"], [(0, 12.9)], [0], [12]),
    ("tenths stay tenths", PROMPT, [(0, 12.3)], [0], [12.3]),
    ("coarse steps round down", QUIRKS["coarse-steps"], [(0, 12.9)], [0], [10]),
    ("coarse steps below the first", QUIRKS["coarse-steps"], [(0, 5)], [0], [0]),
    ("slow stations take their time", QUIRKS["slow"], [(0, 10), (5, 16)], [34, 35], [10, 16]),
    ("a replaced limit spikes", Quirks(spike_s=3, apply_s=0), [(0, 10), (5, 8)], [4, 5, 7.9, 8], [10, 32, 32, 8]),
    ("0 A pauses", PROMPT, [(0, 10), (5, 0)], [5], [0]),
    ("0 A may be ignored", QUIRKS["zero-ignored"], [(0, 10), (5, 0), (9, 7)], [7, 11], [10, 7]),
    ("0 A may last for good", QUIRKS["zero-stays"], [(0, 10), (5, 0), (9, 7), (20, 16)], [4, 6, 12, 30], [10, 0, 0, 0]),
    ("a minimum above 6 A", QUIRKS["minimum-of-8"], [(0, 7.9)], [0], [0]),
    ("… from which on it offers", QUIRKS["minimum-of-8"], [(0, 8)], [0], [8]),
    ("too little may be raised", QUIRKS["raises-to-minimum"], [(0, 3)], [0], [6]),
    ("… but not nothing", QUIRKS["raises-to-minimum"], [(0, 0)], [0], [0]),
    ("between steps may be ignored", QUIRKS["ignores-between-steps"], [(0, 10), (5, 8), (9, 16)], [8, 12], [10, 16]),
    (
        "after a pause the first limit may be ignored",
        Quirks(first_after_zero_ignored=True, apply_s=0),
        [(0, 10), (5, 0), (9, 7), (20, 7)],
        [5, 9, 19, 20],
        [0, 32, 32, 7],
    ),
]


@pytest.mark.parametrize(("says", "quirks", "course", "at", "expected"), COURSES, ids=[row[0] for row in COURSES])
def test_offers(
    says: str, quirks: Quirks, course: list[tuple[float, float | None]], at: list[float], expected: list[float]
) -> None:
    assert offers(quirks, *course, at=at) == expected


def test_a_pause_that_lasts_ends_with_the_transaction() -> None:
    pilot = Pilot(32.0, QUIRKS["zero-stays"])
    for now, limit in ((0.0, 10.0), (5.0, 0.0), (7.0, 0.0), (9.0, 16.0)):
        pilot = pilot.after(limit, now, charging=True)
    assert pilot.after(16.0, 20.0, charging=True).offered_a(20.0) == 0
    assert pilot.freed().after(16.0, 20.0).offered_a(20.0) == 16


def test_a_limit_of_nothing_outside_a_transaction_pauses_nobody() -> None:
    pilot = Pilot(32.0, QUIRKS["zero-stays"]).after(10.0, 0.0).after(0.0, 1.0).after(0.0, 3.0).after(16.0, 4.0)
    assert pilot.after(16.0, 9.0, charging=True).offered_a(9.0) == 16
