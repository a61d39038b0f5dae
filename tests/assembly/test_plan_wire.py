"""Answers of the planner's process: a plan comes through whole, and what is no plan is refused with a reason."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.assembly.plan_wire import Answer, WireError, decoded, encoded
from ems.domain.plan import Deficit, Plan, PlannedCharge, Why
from ems.domain.strategy import Strategy

MADE = datetime(2026, 6, 3, 10, 0, 0, 123456, tzinfo=UTC)
EDGES = tuple(MADE + timedelta(minutes=5 * k) for k in range(4))


def plan() -> Plan:
    """Something in every field."""
    why = (Why(0, "the price is 0.31 EUR/kWh"), Why(2, "before 12:00 „Spätschicht“ 🚌"))
    return Plan(
        made=MADE,
        strategy=Strategy.CHEAPEST,
        edges=EDGES,
        charges=(
            PlannedCharge("A1/1", "A1/1@20260603T080000Z", (0.0, 6.125, 32.0), why, 9e3, 8.5e3, EDGES[-1]),
            PlannedCharge("A2/1", "expected-0", (0.0, 0.0, 1.5), (), 1e3, 1e3, None, True),
        ),
        caps=True,
        base_w=(1.0, 2.0, 3.0),
        generation_w=(0.0, 0.0, 1e4),
        battery_w=(-1.0, 0.0, 1.0),
        limit_w=(math.inf, 5e4, 5e4),
        price_per_kwh=(0.31, -0.02, 0.0),
        deficits=(Deficit("A1/1", "A1/1@20260603T080000Z", 500.0, 9e3, EDGES[-1], ("leave at 12:20",)),),
        assumptions=("A2/1: nobody knows what it needs",),
    )


ANSWER = Answer("abc", 7, "", plan())


def test_a_plan_comes_through_as_it_was_made() -> None:
    assert decoded(encoded(ANSWER), "abc", 7) == ANSWER


def test_so_does_the_reason_why_there_is_none() -> None:
    none = Answer("abc", 7, "OutOfTimeError: no plan within 20 s", None)
    assert decoded(encoded(none), "abc", 7) == none


def changed(line: int, change: Callable[[Any], Any]) -> bytes:
    """The answer with one line of it changed."""
    lines = encoded(ANSWER).split(b"\n")
    lines[line] = json.dumps(change(json.loads(lines[line])), ensure_ascii=False).encode()
    return b"\n".join(lines)


def at(place: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda line: [*line[:place], value, *line[place + 1 :]]


POISON = [
    ("nothing", b"", "Expecting value"),
    ("another language", b"\x80\x04\x95pickled", "codec"),
    ("half of it", encoded(ANSWER)[:-40], "Expecting|Unterminated|delimiter"),
    ("no line of ours", b'{"plan": 1}', "expected a list of 3"),
    ("a deep nest", b"[" * 100_000, "RecursionError|Expecting"),
    ("a line without end", b"[" + b"0," * 300_000 + b"0]", "a line of 600003 bytes"),
    ("half a character", encoded(ANSWER).replace(b"A1/1@", b"\\uD83d@"), "half a character"),
    ("another question", encoded(ANSWER._replace(number=6)), "it answers question 6 about revision abc"),
    ("another revision of the site", encoded(ANSWER._replace(revision="xyz")), "it answers question 7 about revision"),
    ("a text that should be a number", changed(2, at(4, "9000")), "expected float"),
    ("a yes that should be a current", changed(2, at(2, [True, 0.0, 0.0])), "expected float"),
    ("a current that is none", changed(2, at(2, [0.0, math.nan, 0.0])), "a current that is none"),
    ("a negative current", changed(2, at(2, [0.0, -1.0, 0.0])), "a current that is none"),
    ("a need that is none", changed(2, at(4, math.inf)), "an energy that is none"),
    ("a step too few", changed(2, at(2, [0.0, 0.0])), "has not one current per step"),
    ("a field too many", changed(2, lambda line: [*line, 1]), "expected a list of 8"),
    ("a strategy of its own", changed(1, at(1, "greedy")), "'greedy' is not a valid Strategy"),
    ("a time beyond all times", changed(1, at(0, 10**19)), "OverflowError|out of range|too large|days=|must have"),
    ("steps that run backwards", changed(1, at(2, [3, 2, 1, 0])), "rising edges"),
    ("one edge for ever", changed(1, at(2, [1])), "rising edges"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "payload", "said"), POISON, ids=[row[0] for row in POISON])
def test_what_is_no_plan_is_refused(what: str, payload: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        decoded(payload, "abc", 7)


WHOLE = encoded(ANSWER)


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_damage_anywhere_leads_to_a_plan_or_to_a_reason_and_to_nothing_else(place: int, put: bytes, cut: int) -> None:
    damaged = WHOLE[:place] + put + WHOLE[place + cut :]
    try:
        answer = decoded(damaged, "abc", 7)
    except WireError:
        return
    assert answer.plan is None or all(len(charge.amps) == 3 for charge in answer.plan.charges)
