"""How long a plan may take: pure arithmetic on seconds of the wall clock, by which plans grow old.

How much of it planning takes is a matter of the machine, and of who else computes there: a slow one needs ten times as
long as a fast one, and what starts with nothing may spend most of it on loading a solver. So it is learned. What
failed for want of time is tried with twice as much, up to a bound, instead of failing for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GROWTH = 2.0
MARGIN = 3.0
"""A plan may take so many times as long as the last one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """`limit_s` for a plan, between `least_s` and `most_s`, besides `start_s` for the start of a process where
    `least_s` is the limit, and in proportion where it is higher.

    A plan that took all of that must still be young: at most it is less than half of the usual `plan_age_s`.
    """

    limit_s: float = 30.0
    least_s: float = 30.0
    most_s: float = 240.0
    start_s: float = 15.0

    @property
    def whole_s(self) -> float:
        """The start and the plan."""
        return self.limit_s + self.start_s * self.limit_s / self.least_s

    def after_failure(self, took_s: float) -> Patience:
        """More, if it was time that was lacking: who fails earlier than that is not helped by it."""
        return replace(self, limit_s=min(GROWTH * self.limit_s, self.most_s)) if took_s >= self.limit_s else self

    def after_plan(self, took_s: float, *, is_first: bool) -> Patience:
        """As much as a plan like this one needs. Less than before only after the first one of a process: the next ones
        need no start.
        """
        needs_s = min(max(MARGIN * took_s, self.least_s), self.most_s)
        return replace(self, limit_s=needs_s if is_first else max(needs_s, self.limit_s))
