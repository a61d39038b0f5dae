"""How fast the writer works, and how it is doing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """`batch_s`: how often samples are committed. `samples`: how many wait for a disk that does not take them before
    the oldest are dropped. `rows`: how many different rows wait before new ones are refused.
    """

    batch_s: float = 10.0
    soon_s: float = 1.0
    samples: int = 100_000
    rows: int = 100_000


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Health:
    """How the store is doing: what is wrong (empty: nothing), what waits, and what was lost since the start."""

    trouble: str
    rows_waiting: int
    samples_waiting: int
    samples_dropped: int
    rows_refused: int
