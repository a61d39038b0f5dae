"""Leaving: when the daemon is told to stop, it leaves every station at its fallback current."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from ems.control.fallback import fallback_decision
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.grant import FOREVER
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.loop import Loop

log = logging.getLogger(__name__)

CUTS_S = 3.0
RAISES_S = 2.0
LOOK_S = 0.05
NAMED = 5


async def leave_at_fallback(loop: Loop, dispatcher: Dispatcher, clock: Clock) -> None:
    """Cut everybody to the fallback first; when every cut is confirmed, lift who is below it. Bounded in time.

    What is not reached here falls to its floor when its lease ends.
    """
    core = loop.core
    cuts = fallback_decision(core.state, clock.now())
    if await _bring(loop, dispatcher, cuts, clock, CUTS_S):
        await _bring(loop, dispatcher, _at_fallback(core.state, cuts), clock, RAISES_S)
    missing = unreached(core.state)
    log.log(logging.WARNING if missing else logging.INFO, "farewell %s", worded(missing, len(core.state.stations)))


def worded(missing: Sequence[str], stations: int) -> str:
    """How many of the stations are missing, and who: a handful by name."""
    names = ", ".join(missing if len(missing) <= NAMED else [*missing[:NAMED], "…"])
    return f"unreached={len(missing)} of {stations}" + (f": {names}" if missing else "")


def unreached(state: SiteState) -> list[str]:
    """Stations that are not connected or have left a limit unanswered; they fall to their floor with their lease."""
    silent = {
        state.site.station_of_evse[j]
        for j, known in enumerate(state.evses)
        if any(claim.until == FOREVER for claim in known.grant.claims)
    }
    pairs = enumerate(zip(state.site.stations, state.stations, strict=True))
    return [station.id for i, (station, known) in pairs if not known.connected or i in silent]


async def _bring(loop: Loop, dispatcher: Dispatcher, decision: Decision, clock: Clock, patience_s: float) -> bool:
    """Send a decision and wait until nothing is pending any more; False when time ran out."""
    deadline = clock.now().monotonic_s + patience_s
    dispatcher.dispatch(loop.core.state, decision)
    while clock.now().monotonic_s < deadline:
        await asyncio.sleep(LOOK_S)
        for event in loop.inbox.drain():
            loop.core.state = apply(loop.core.state, event)
        if not any(claim.pending for known in loop.core.state.evses for claim in known.grant.claims):
            return True
    return False


def _at_fallback(state: SiteState, decision: Decision) -> Decision:
    setpoints = (
        setpoint._replace(amps=evse.fallback_a)
        for setpoint, evse in zip(decision.setpoints, state.site.evses, strict=True)
    )
    return replace(decision, setpoints=tuple(setpoints))
