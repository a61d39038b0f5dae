"""How much current each vehicle has shown to want."""

from __future__ import annotations

import numpy as np

from ems.control.incidence import Floats
from ems.control.memory import SetpointMemory
from ems.control.observation import Column, Observation

SETTLE_S = 60.0
SLACK_A = 2.0
STEP_A = 4.0
USED_UP_A = 1.0


def appetites(seen: Observation, held: SetpointMemory, now: float) -> Floats:
    """The most that the vehicle at each EVSE is worth being offered, ampere per leg; infinite while unknown.

    An offer that is not used for a minute shrinks to what is used and some slack; an offer that is used up grows again.
    Where the station itself says that the vehicle does not draw, no sample needs to.
    """
    asleep = seen[Column.ASLEEP] > 0
    settled = np.maximum(held.changed_at, seen[Column.PLUGGED_S]) + SETTLE_S
    telling = (now >= settled) & (asleep | (seen[Column.SAMPLED_AT] >= settled))
    drawn = np.where(asleep, 0.0, seen[Column.PEAK_A])
    unused = drawn < held.setpoint_a - SLACK_A
    used_up = (held.setpoint_a >= held.appetite_a) & (drawn >= held.setpoint_a - USED_UP_A)
    learned = np.where(unused, np.ceil(drawn) + SLACK_A, np.where(used_up, held.appetite_a + STEP_A, held.appetite_a))
    known = np.where(telling, learned, held.appetite_a)
    return np.where(seen.may_charge, known, np.inf)
