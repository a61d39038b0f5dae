"""What must last before people are told, what is told once, and what is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.alarm.condition import Condition
from ems.domain.alarm.grouping import Places
from ems.domain.alarm.incident import Acknowledged, Change, Incident, Patience, Turn, note_of
from ems.domain.alarm.watch import START_GRACE_S, IncidentWatch
from ems.domain.decision import Level
from ems.domain.instant import Instant
from tests.control.installations import circuit, evse, layout

BEGIN = Instant(1000.0, datetime(2026, 3, 9, 12, 0, tzinfo=UTC))
PATIENCE = Patience()


DEPOT = layout(
    [circuit("grid", 250.0), circuit("row-a", 125.0, "grid"), circuit("row-b", 125.0, "grid")],
    [evse(f"{row}{n}", f"row-{row.lower()}") for row in "AB" for n in range(1, 5)],
)
"""Two rows of four stations each below the grid connection."""
PLACES = Places(DEPOT)


class Site8:
    """What happens at the depot, second by second."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.watch, self.now, self.patience = IncidentWatch(), BEGIN, patience
        self.wrong: dict[str, Condition] = {}
        self.turns: list[Change] = []

    def away(self, *stations: str, level: Level = Level.NORMAL) -> Self:
        for name in stations:
            self.wrong[f"offline:{name}"] = offline(name, level, self.now.monotonic_s)
        return self

    def back(self, *stations: str) -> Self:
        for name in stations:
            del self.wrong[f"offline:{name}"]
        return self

    def faulty(self, *evses: str, error: str = "GroundFailure") -> Self:
        for name in evses:
            self.wrong[f"fault:{name}"] = Condition(
                f"fault:{name}", "fault", name, Level.NORMAL, f"{name}: {error}", member=name
            )
        return self

    def well(self, *evses: str) -> Self:
        for name in evses:
            del self.wrong[f"fault:{name}"]
        return self

    def after(self, seconds: float, every: float = 2.0) -> Self:
        for _ in range(round(seconds / every)):
            self.now = self.now.later(every)
            self.watch, changes = self.watch.followed(self.wrong.values(), PLACES, self.now, self.patience)
            self.turns += changes
        return self

    @property
    def open(self) -> list[str]:
        return sorted(one.text for one in self.watch.open)

    def count(self, turn: Turn) -> int:
        return sum(one.turn is turn for one in self.turns)


def offline(name: str, level: Level = Level.NORMAL, began_s: float = BEGIN.monotonic_s) -> Condition:
    text, remedy = f"{name} is offline", "check its power and network"
    return Condition(f"offline:{name}", "offline", name, level, text, remedy, name, began_s)


A = ("A1", "A2", "A3", "A4")
B = ("B1", "B2", "B3", "B4")


@pytest.mark.parametrize(
    ("kind", "level", "lasts_s", "told"),
    [
        ("offline", Level.NORMAL, 298, False),
        ("offline", Level.NORMAL, 302, True),
        ("offline", Level.HOLD, 8, False),
        ("offline", Level.HOLD, 12, True),
        ("fault", Level.NORMAL, 118, False),
        ("fault", Level.NORMAL, 122, True),
        ("control", Level.NORMAL, 118, False),
        ("meter", Level.HOLD, 28, False),
        ("meter", Level.HOLD, 32, True),
        ("meter", Level.FALLBACK, 12, True),
        ("store", Level.NORMAL, 8, False),
        ("store", Level.NORMAL, 12, True),
        ("stall", Level.NORMAL, 2, True),
        ("guard", Level.NORMAL, 2, True),
    ],
)
def test_people_are_told_of_what_has_lasted(kind: str, level: Level, lasts_s: float, told: bool) -> None:
    site = Site8()
    member = "A1" if kind == "offline" else "A1/1" if kind == "fault" else ""
    site.wrong["x"] = Condition(f"{kind}:{member}", kind, member or "site", level, "it is so", member=member)
    assert bool(site.after(lasts_s).open) is told


def test_a_fault_that_is_gone_in_time_is_never_told() -> None:
    assert Site8().faulty("A1/1").after(100).well("A1/1").after(300).turns == []


def test_it_is_over_when_it_was_gone_for_a_minute() -> None:
    site = Site8().faulty("A1/1").after(130).well("A1/1").after(58)
    assert site.open == ["A1/1: GroundFailure"]
    assert site.after(4).open == []
    assert [one.turn for one in site.turns] == [Turn.RAISED, Turn.CLEARED]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (("A1",), ["A1 is offline"]),
        (("A1", "A2"), ["A1 is offline", "A2 is offline"]),
        (("A1", "A2", "A3"), ["3 of 4 stations of row-a are offline"]),
        (A, ["all 4 stations of row-a are offline"]),
        ((*A, "B1"), ["B1 is offline", "all 4 stations of row-a are offline"]),
        ((*A, *B), ["all 8 stations of grid are offline"]),
        ((*A[:3], *B[:3]), ["6 of 8 stations of grid are offline"]),
    ],
)
def test_what_many_of_a_circuit_have_in_common_is_told_once(gone: Sequence[str], told: list[str]) -> None:
    assert Site8().away(*gone).after(302).open == told


def test_those_that_go_a_little_later_are_told_with_the_first() -> None:
    site = Site8().away("A1").after(20).away("A2").after(20).away("A3", "A4").after(262)
    assert site.open == ["all 4 stations of row-a are offline"]
    assert site.count(Turn.RAISED) == 1


def test_a_group_goes_on_until_its_last_station_is_back() -> None:
    site = Site8().away(*A).after(302).back("A1", "A2").after(70)
    assert site.open == ["2 of 4 stations of row-a are offline"]
    assert site.back("A3").after(70).open == ["1 of 4 stations of row-a is offline"]
    assert site.back("A4").after(70).open == []
    assert site.count(Turn.RAISED) == site.count(Turn.CLEARED) == 1


def test_one_alone_becomes_part_of_what_befalls_all() -> None:
    site = Site8().away("A1").after(310).away("A2", "A3", "A4").after(4)
    assert site.open == ["all 4 stations of row-a are offline"]
    cleared = next(one.incident for one in site.turns if one.turn is Turn.CLEARED)
    assert (cleared.key, cleared.into) == ("offline:A1", site.watch.open[0].number)


def test_common_faults_name_what_the_stations_say() -> None:
    site = Site8().faulty("A1/1", "A2/1").faulty("A3/1", "A4/1", error="HighTemperature").after(130)
    assert site.open == ["all 4 EVSEs of row-a are at fault: GroundFailure, HighTemperature"]


def test_what_comes_and_goes_stays_open_for_longer_each_time() -> None:
    site = Site8()
    for _ in range(30):
        site.faulty("A1/1").after(130).well("A1/1").after(130)
    assert site.count(Turn.RAISED) <= 4
    assert site.watch.open[0].returns >= 2


def test_a_text_that_counts_seconds_changes_nothing() -> None:
    site = Site8()
    for age in range(60):
        site.wrong["meter:main"] = Condition("meter:main", "meter", "main", Level.HOLD, f"silent for {age} s")
        site.after(2)
    assert [one.turn for one in site.turns] == [Turn.RAISED]


def test_what_gets_worse_is_told_again() -> None:
    site = Site8()
    for level in (Level.HOLD, Level.FALLBACK):
        site.wrong["meter:main"] = Condition("meter:main", "meter", "main", level, f"main: {level.name}")
        site.after(60)
    assert [(one.turn, one.incident.level) for one in site.turns] == [
        (Turn.RAISED, Level.HOLD),
        (Turn.RAISED, Level.FALLBACK),
    ]


class TestAfterARestart:
    def left(self, key: str = "offline:A1", members: tuple[str, ...] = ("A1",)) -> Incident:
        at = datetime(2026, 3, 9, 11, 0, tzinfo=UTC)
        seen = Acknowledged(at, "anna", "somebody drives there")
        return Incident(7, key, "offline", "A1", Level.NORMAL, "A1 is offline", "", members, at, at, acknowledged=seen)

    def resumed(self, *left: Incident) -> Site8:
        site = Site8()
        site.watch = IncidentWatch.resumed(left, 7, BEGIN)
        return site

    def test_what_still_lasts_is_the_same_and_still_acknowledged(self) -> None:
        site = self.resumed(self.left()).away("A1").after(900)
        assert [(one.number, one.acknowledged is not None) for one in site.watch.open] == [(7, True)]
        assert site.turns == []

    def test_what_is_over_is_cleared_once_stations_had_time_to_say_so(self) -> None:
        site = self.resumed(self.left()).after(START_GRACE_S)
        assert len(site.watch.open) == 1
        assert [one.turn for one in site.after(70).turns] == [Turn.CLEARED]

    def test_a_group_is_still_one(self) -> None:
        site = self.resumed(self.left("offline@row-a", A)).away(*A).after(400)
        assert site.open == ["A1 is offline"]  # as it was told; its members are the same
        assert site.turns == []

    def test_the_next_one_has_a_new_number(self) -> None:
        site = self.resumed(self.left()).away("A1", "B1").after(302)
        assert sorted(one.number for one in site.watch.open) == [7, 8]


def test_a_note_is_one_line_of_words() -> None:
    assert note_of("  the switch\n is   changed ") == "the switch is changed"
    with pytest.raises(ValueError, match="at most 500"):
        note_of("x" * 501)
    with pytest.raises(ValueError, match="printed"):
        note_of("a\x1b[31mb")


@given(st.lists(st.tuples(st.sampled_from([*A, *B]), st.integers(2, 400)), max_size=25))
def test_nothing_is_lost_or_told_twice(moves: list[tuple[str, int]]) -> None:
    """Whatever comes and goes: each station that has been away for five minutes is in exactly one open incident."""
    site = Site8()
    for name, seconds in moves:
        site.back(name) if f"offline:{name}" in site.wrong else site.away(name)
        site.after(seconds, every=10.0)
        told = [member for one in site.watch.open for member in one.members]
        assert len(told) == len(set(told))
        long = {c.member for c in site.wrong.values() if site.now.monotonic_s - c.began_s >= PATIENCE.offline_s + 10}
        assert long <= set(told)
        assert len({one.number for one in site.watch.incidents.values()}) == len(site.watch.incidents)


def test_who_has_seen_it_has_not_seen_it_get_worse() -> None:
    site = Site8()
    site.wrong["meter:main"] = Condition("meter:main", "meter", "main", Level.HOLD, "silent")
    site.after(60)
    seen = Acknowledged(site.now.utc, "anna", "I am on it")
    site.watch = site.watch.with_incident(replace(site.watch.open[0], acknowledged=seen))
    site.wrong["meter:main"] = Condition("meter:main", "meter", "main", Level.FALLBACK, "silent")
    assert site.after(2).watch.open[0].needs_attention


def test_an_acknowledged_one_keeps_its_note_while_it_changes() -> None:
    site = Site8().away(*A).after(302)
    seen = Acknowledged(site.now.utc, "anna", "I am on it")
    site.watch = site.watch.with_incident(replace(site.watch.open[0], acknowledged=seen))
    site.back("A1").after(70)
    assert site.watch.open[0].acknowledged == seen
