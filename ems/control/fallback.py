"""The decision of last resort, when deciding itself has failed."""

from __future__ import annotations

from ems.domain.decision import Alarm, Binding, Decision, Level, Reason, Setpoint
from ems.domain.instant import Instant
from ems.domain.state import SiteState

CAUSE = "the controller could not decide"


def fallback_decision(state: SiteState, now: Instant) -> Decision:
    """Nobody above the fallback current, whose sum was checked to fit at every circuit; nobody is raised."""
    setpoints = []
    for evse, known in zip(state.site.evses, state.evses, strict=True):
        held = known.grant.amps_in_force(known.steering_layer, now.monotonic_s)
        amps = min(held, evse.fallback_a)
        liable = min(max(held, known.grant.claimed_a(now.monotonic_s)), evse.max_a)
        setpoints.append(Setpoint(evse.id, amps, liable, Reason(Binding.FALLBACK, CAUSE), Level.FALLBACK))
    alarm = Alarm("decision", Level.FALLBACK, "site", CAUSE, "send the journal", now.utc)
    return Decision(at=now, setpoints=tuple(setpoints), circuits=(), alarms=(alarm,), level=Level.FALLBACK)
