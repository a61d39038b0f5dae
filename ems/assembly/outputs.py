"""Where every decision goes, and what is done by the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ems.adapters.calendar.schedule import Job
from ems.adapters.modbus.poller import Poller
from ems.adapters.store.journal import FileJournal
from ems.adapters.store.store import Store
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.state import SiteState
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.live import LiveView
from ems.runtime.storage import steer

EVERY_QUARTER = "*/15 * * * *"
EVERY_HOUR = "7 * * * *"


def outputs_of(
    dispatcher: Dispatcher, poller: Poller, journal: FileJournal, store: Store, live: LiveView
) -> tuple[Callable[[Sequence[Event], SiteState, Memory, Decision], None], ...]:
    """Who is handed a finished tick, in this order."""
    return (
        lambda _events, state, _memory, decision: dispatcher.dispatch(state, decision),
        lambda _events, state, _memory, decision: steer(poller, state, decision),
        lambda events, state, memory, decision: journal.append(decision.at, events, decision, state, memory),
        lambda _events, state, _memory, decision: store.recorder.tick(decision.at, state, decision),
        lambda _events, state, _memory, decision: live.publish(state, decision),
    )


def jobs_of(store: Store, live: LiveView) -> tuple[Job, ...]:
    """What is done by the clock."""

    async def aggregate(due: datetime) -> None:
        store.ledger.knocked(live.knocks())
        await store.aggregate(due)

    async def purge(_due: datetime) -> None:
        await store.purge()

    return (Job("aggregate", EVERY_QUARTER, aggregate), Job("purge", EVERY_HOUR, purge))
