"""When a site fits under its rating again: the limits that stations accepted, in the order of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.bench.charge_point import MIN_A, ChargePoint

WAVE_S = 0.25
"""Answers nearer to each other than this belong to one decision."""


class Change(NamedTuple):
    """A station accepted another limit, so many seconds after the jump."""

    at_s: float
    point: ChargePoint
    before_a: float
    after_a: float


class Relief(NamedTuple):
    """The last answer of the decision after which everything fits; how many stations were cut by then, and later."""

    at_s: float
    cut: int
    later: int


def relief(
    points: Mapping[str, ChargePoint], changes: Sequence[Change], other_a: float, rating_a: float
) -> Relief | None:
    """None when the site does not fit after the last change; `changes` in order of time."""
    allowed = {point.name: point.allowed_a() for point in points.values()}
    for change in reversed(changes):
        allowed[change.point.name] = change.before_a
    amps = [other_a] * 3
    for point in points.values():
        _add(amps, point, allowed[point.name])
    cut: set[str] = set()
    for k, change in enumerate(changes):
        _add(amps, change.point, change.before_a, -1.0)
        _add(amps, change.point, change.after_a)
        if change.after_a < change.before_a:
            cut.add(change.point.name)
        ends = k + 1 == len(changes) or changes[k + 1].at_s - change.at_s > WAVE_S
        if ends and max(amps) <= rating_a:
            return Relief(change.at_s, len(cut), sum(c.after_a < c.before_a for c in changes[k + 1 :]))
    return None


def _add(amps: list[float], point: ChargePoint, limit_a: float, sign: float = 1.0) -> None:
    draws = min(limit_a, point.max_a) if limit_a >= MIN_A else 0.0
    for phase in point.phases[: point.legs]:
        amps[phase] += sign * draws
