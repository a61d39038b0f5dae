"""Sessions as they are listed, looked at, corrected and exported by a running daemon."""

from __future__ import annotations

from pathlib import Path

from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.store import Store
from ems.adapters.web.payment.api import Routers
from ems.adapters.web.sessions.api import session_api
from ems.adapters.web.sessions.files import file_api
from ems.adapters.web.sessions.page import session_pages
from ems.assembly.exporting import ExportProcesses
from ems.assembly.session_desk import SiteSessionDesk
from ems.assembly.session_list import SiteSessions
from ems.ports import Clock, Live, Operations


def session_ways(store: Store, where: str | Path, live: Live, clock: Clock, operations: Operations) -> Routers:
    """The interface and the pages. `where` the database is, also for processes of their own."""
    reader = SessionReader(store.database)
    sessions = SiteSessions(store, reader, lambda: live.state.site.zone)
    desk = SiteSessionDesk(store, reader, live, clock)
    return (
        file_api(live, clock, sessions, ExportProcesses(where)),
        session_api(live, clock, sessions, desk),
        session_pages(live, clock, operations, sessions, desk),
    )
