"""How people and commands come in: where the page is served, and who is let in there."""

from __future__ import annotations

import logging
from pathlib import Path

from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.adapters.web.app import WebOptions
from ems.assembly.accounts import SiteAccounts
from ems.ports.controller import Clock
from ems.settings.build import WebAccess
from ems.settings.machine_token import machine_token

log = logging.getLogger(__name__)


def web_options(web: WebAccess, port: int | None = None) -> WebOptions:
    """Where the page is served; at another `port`, if one is given."""
    return WebOptions(
        web.host,
        web.port if port is None else port,
        web.names,
        web.login,
        web.trusted_proxy,
    )


def accounts_of(found: Recovered, store: Store, clock: Clock, state_dir: Path, options: WebOptions) -> SiteAccounts:
    """Who may log in. Without a disk for the secret of this machine, commands on it are nobody special."""
    try:
        machine = machine_token(state_dir)
    except OSError as failed:
        log.warning("accounts.no-machine-token folder=%s: %s", state_dir, failed.strerror)
        machine = ""
    return SiteAccounts(found, store, clock, f"http://127.0.0.1:{options.port}/first-run", machine)
