"""A daemon inside the event loop of a test: everything real but the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ems.assembly.daemon import Daemon
from ems.assembly.meters import METER_CHECKS
from ems.domain.session import Session
from ems.domain.state import EvseState
from ems.settings.build import SiteSettings
from ems.settings.finding import in_short
from ems.settings.revision import load_or_last_good
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually


def settings_of(site: Installation) -> SiteSettings:
    """The settings as `ems run` takes them."""
    return _started(site)[0]


def _started(site: Installation) -> tuple[SiteSettings, str]:
    started = load_or_last_good(site.folder, site.state, METER_CHECKS)
    assert started.settings is not None, started.findings
    return started.settings, in_short(started.findings) if started.is_last_good else ""


@asynccontextmanager
async def running(site: Installation, **ports: int) -> AsyncIterator[Daemon]:
    """A daemon that works; it is told to stop at the end, and must end well."""
    settings, trouble = _started(site)
    daemon = Daemon.of(settings, site.state, trouble=trouble, **ports)
    stop = asyncio.Event()
    working = asyncio.create_task(daemon.run(stop))
    try:
        await eventually(lambda: daemon.live.version > 0 or working.done(), what="a first tick")
        yield daemon
    finally:
        stop.set()
        async with asyncio.timeout(15):
            await working


def evse(daemon: Daemon, name: str) -> EvseState:
    """What the daemon knows of an EVSE."""
    return daemon.live.state.evse(name)


def session(daemon: Daemon, name: str) -> Session:
    """The session that runs at an EVSE."""
    running = evse(daemon, name).session
    assert running is not None
    return running


def alarms(daemon: Daemon) -> dict[str, Any]:
    """What the last decision complains about, by its key."""
    decision = daemon.live.decision
    return {} if decision is None else {alarm.key: alarm for alarm in decision.alarms}
