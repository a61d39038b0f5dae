"""From decision to wire for batteries."""

from __future__ import annotations

from ems.domain.decision import Decision
from ems.domain.state import SiteState
from ems.ports.controller import BatteryLink


def steer(link: BatteryLink, state: SiteState, decision: Decision) -> None:
    """Say again what every battery is to do; never waits. A decision that says nothing lets go of them all in time,
    and so does a controller that only observes.
    """
    if state.site.policy.observes:
        return
    for setpoint in decision.batteries:
        link.set_power(setpoint.battery, setpoint.power_w)
