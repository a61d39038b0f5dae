"""Leaving: when the daemon is told to stop, it leaves every station at its fallback current."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from ems.control.fallback import fallback_decision
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.state import SiteState
from ems.ports import Clock
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.loop import Loop

log = logging.getLogger(__name__)

CUTS_S = 3.0
RAISES_S = 2.0
LOOK_S = 0.05


async def leave_at_fallback(loop: Loop, dispatcher: Dispatcher, clock: Clock) -> None:
    """Cut everybody to the fallback first; when every cut is confirmed, lift who is below it. Bounded in time.

    What is not reached here falls to its floor when its lease ends.
    """
    core = loop.core
    cuts = fallback_decision(core.state, clock.now())
    if await _bring(loop, dispatcher, cuts, clock, CUTS_S):
        await _bring(loop, dispatcher, _at_fallback(core.state, cuts), clock, RAISES_S)
    below = sum(1 for known in core.state.evses if known.grant.claims)
    log.info("farewell unsettled=%d", below)


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
