"""Sessions as they are listed, looked at, corrected and exported by a running daemon."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.store import Store
from ems.adapters.web.payment.api import Routers
from ems.adapters.web.sessions.api import session_api
from ems.adapters.web.sessions.files import file_api
from ems.adapters.web.sessions.page import session_pages
from ems.assembly.exporting import ExportProcesses
from ems.assembly.seldom import plain_key
from ems.assembly.session_desk import SiteSessionDesk
from ems.assembly.session_list import SiteSessions
from ems.domain.energy.carbon import Carbon
from ems.ports.controller import Clock, Live, Operations

log = logging.getLogger(__name__)


def session_ways(
    store: Store,
    where: str | Path,
    live: Live,
    clock: Clock,
    operations: Operations,
    meter_keys: Mapping[str, str] = MappingProxyType({}),
    carbon: Callable[[], Carbon] = Carbon,
) -> Routers:
    """The interface and the pages. `where` the database is, also for processes of their own. `meter_keys`: those that
    the site file names, by EVSE; what is none is named in the log, and nothing is verified with it. `carbon`: what a
    kWh stands for.
    """
    reader = SessionReader(store.database)
    sessions = SiteSessions(store, reader, lambda: live.state.site.zone)
    desk = SiteSessionDesk(store, reader, live, clock, dict(_plain(meter_keys)), carbon)
    return (
        file_api(live, clock, sessions, ExportProcesses(where)),
        session_api(live, clock, sessions, desk),
        session_pages(live, clock, operations, sessions, desk),
    )


def _plain(told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for evse, text in told.items():
        try:
            yield evse, plain_key(text)
        except ValueError as wrong:
            log.error("site.meter-key evse=%s %s", evse, wrong)  # noqa: TRY400 - what is wrong is said, a trace is not
