"""The time ahead, cut into steps: short ones first, because the near future is what is acted on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ems.planning.arrays import Floats

STANDARD = ((12, 300.0), (20, 900.0), (18, 3600.0))
"""(steps, seconds each): 12 of 5 min, 20 of 15 min, then hours up to a day."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Steps between `edges_s`, seconds from `begins` (UTC); the first edge is 0."""

    begins: datetime
    edges_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.begins.tzinfo is None:
            raise ValueError("the begin of a horizon needs a time zone")
        if len(self.edges_s) < 2 or self.edges_s[0] != 0.0 or not bool((np.diff(self.edges_s) > 0.0).all()):
            raise ValueError(f"edges must rise from 0, got {self.edges_s[:4]} …")

    @classmethod
    def standard(cls, now: datetime, shape: Sequence[tuple[int, float]] = STANDARD) -> Horizon:
        """From `now` on. Steps end on round moments (a five-minute step on :05, an hour on :00), where prices and
        limits change; so the first of a length may be longer than the others.
        """
        epoch = now.timestamp()
        edges, at = [0.0], epoch
        for steps, length in shape:
            for _ in range(steps):
                following = (at // length + 1) * length
                # A sliver is no step of its own.
                at = following + length if following - at < 0.2 * length else following
                edges.append(at - epoch)
        return cls(now.astimezone(UTC), tuple(edges))

    @classmethod
    def uniform(cls, begins: datetime, steps: int, length_s: float) -> Horizon:
        """Steps of one length."""
        return cls(begins.astimezone(UTC), tuple(length_s * k for k in range(steps + 1)))

    @classmethod
    def at_changes(cls, begins: datetime, ends: datetime, moments: Iterable[datetime]) -> Horizon:
        """One step from each moment to the next: when vehicles come and go and prices and limits change. Nothing is
        lost between them, because the mean of what is possible is possible; many days need few steps.
        """
        inside = {moment.astimezone(UTC) for moment in moments if begins < moment < ends} | {ends.astimezone(UTC)}
        return cls(begins.astimezone(UTC), (0.0, *((moment - begins).total_seconds() for moment in sorted(inside))))

    @property
    def steps(self) -> int:
        """How many."""
        return len(self.edges_s) - 1

    @property
    def hours(self) -> Floats:
        """Length of every step, h."""
        return np.asarray(np.diff(self.edges_s) / 3600.0)

    @property
    def ends(self) -> datetime:
        """The end of the last step."""
        return self.begins + timedelta(seconds=self.edges_s[-1])

    def edges(self) -> tuple[datetime, ...]:
        """All edges, UTC."""
        return tuple(self.begins + timedelta(seconds=s) for s in self.edges_s)

    def steps_until(self, moment: datetime) -> int:
        """How many steps are over at a moment; that in which a moment ahead lies counts when it is the first."""
        ahead_s = (moment - self.begins).total_seconds()
        return 0 if ahead_s <= 0.0 else max(1, int(np.searchsorted(self.edges_s, ahead_s, side="right")) - 1)

    def share(self, since: datetime | None, until: datetime | None) -> Floats:
        """How much of every step lies between two moments, 0 … 1; None is open-ended."""
        edges = np.array(self.edges_s)
        first = -np.inf if since is None else (since - self.begins).total_seconds()
        last = np.inf if until is None else (until - self.begins).total_seconds()
        inside = np.minimum(edges[1:], last) - np.maximum(edges[:-1], first)
        return np.asarray(np.clip(inside / np.diff(edges), 0.0, 1.0))
