"""How limits are told: for how long they hold, and how soon one is told again that was not accepted."""

from __future__ import annotations

import math

from ems.control.liability import clock_uncertainty_s
from ems.domain.grant import Grant
from ems.domain.policy import Policy
from ems.domain.state import StationState
from ems.domain.station_model import LeaseForm

RETRY_S = 5.0
RETRY_MAX_S = 60.0


def lease_of(station: StationState, policy: Policy) -> float:
    """How long a limit holds at a station, s; infinite where it cannot be told an end, or tells another time."""
    if station.model.lease is LeaseForm.NONE or math.isinf(clock_uncertainty_s(station, policy)):
        return math.inf
    return policy.lease_s


def patience_s(grant: Grant) -> float:
    """How long to wait after something was not accepted, before anything is sent again."""
    if grant.misses == 0:
        return 0.0
    return min(RETRY_MAX_S, RETRY_S * 2.0 ** min(grant.misses - 1, 6))
