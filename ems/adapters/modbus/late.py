"""Which answers may still be on their way, where an answer does not say what it answers.

On a serial line every answer of a unit to a read of n registers looks the same. If a request was not answered in
time, its answer may come after a later request and be taken for that one's; on a bad day every later value then
belongs to the register asked before. So once a read of n registers was not answered, no n registers are asked of that
unit for `LATE_S`; what is needed meanwhile is read in pieces of other lengths. This holds whatever the order in which
answers come, and costs a few short reads instead of a long silence.
"""

from __future__ import annotations

LATE_S = 15.0
"""No device answers later, nor does a gateway that still has a few requests to dead units in its queue."""


class LateAnswers:
    """The answers of one unit that may still come: number of registers, and until when."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}

    def missed(self, count: int, now: float) -> None:
        """An answer of `count` registers did not come in time."""
        self._until[count] = now + LATE_S

    def wait_s(self, count: int, now: float) -> float:
        """How long a read of `count` registers could still be answered by something older; 0 when it cannot."""
        return max(0.0, self._until.get(count, now) - now)

    def possible(self, now: float) -> frozenset[int]:
        """The numbers of registers that an answer which is still on its way may have."""
        self._until = {count: until for count, until in self._until.items() if until > now}
        return frozenset(self._until)
