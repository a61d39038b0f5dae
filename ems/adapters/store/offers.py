"""What EVSEs were offered, and why: written when it changes, and not more often than somebody can read."""

from __future__ import annotations

from typing import NamedTuple

from ems.adapters.store.energy_schema import offer
from ems.adapters.store.moment import to_ms
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.decision import Binding, Decision, Setpoint
from ems.domain.record.past import alike

SOON_S, LATER_S = 10.0, 60.0
"""Between two rows of an EVSE, if the reason changes or it goes on or off, or else the current alone."""

STEP_A = 1.0
MOST_NEWS = 60
"""EVSEs with news that are taken in one tick; after a mass event the rest follow within seconds."""


class _Written(NamedTuple):
    at_s: float
    amps: float
    binding: Binding
    subject: str


class OfferRecorder:
    """Looks at every decision. Never waits."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._written: dict[str, _Written] = {}
        self._resume = 0

    def tick(self, decision: Decision) -> None:
        """Take the setpoints of a tick; costs next to nothing where nothing changed."""
        setpoints, now_s, left = decision.setpoints, decision.at.monotonic_s, MOST_NEWS
        first = self._resume if self._resume < len(setpoints) else 0
        for k in (*range(first, len(setpoints)), *range(first)):
            known = self._written.get(setpoints[k].evse)
            if known is not None and not _is_due(setpoints[k], known, now_s):
                continue
            if not left:
                self._resume = k
                return
            left -= 1
            self._write(setpoints[k], decision)

    def _write(self, told: Setpoint, decision: Decision) -> None:
        reason = told.reason
        self._written[told.evse] = _Written(decision.at.monotonic_s, told.amps, reason.binding, reason.subject)
        row = {
            "evse": told.evse,
            "at": to_ms(decision.at.utc),
            "amps": round(told.amps, 2),
            "binding": reason.binding.value,
            "text": reason.text,
        }
        self._writer.put(offer, row, Urgency.LATER)


def _is_due(told: Setpoint, known: _Written, now_s: float) -> bool:
    reason = told.reason
    same = reason.binding is known.binding and alike(reason.subject, known.subject)
    if not same or (told.amps > 0.0) is not (known.amps > 0.0):
        return now_s - known.at_s >= SOON_S
    return abs(told.amps - known.amps) >= STEP_A and now_s - known.at_s >= LATER_S
