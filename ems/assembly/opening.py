"""What a start needs before anything is built: free ports, and the place of the database."""

from __future__ import annotations

import os
from pathlib import Path

from ems.adapters.store.store import Store
from ems.assembly.error import AssemblyError
from ems.ports.controller import Clock
from ems.runtime.address import refusal
from ems.runtime.troubles import Troubles

DATABASE = "ems.sqlite3"


def database_of(state_dir: Path) -> str | Path:
    """Where the database is: EMS_DATABASE, a path or a PostgreSQL URL, else a file in the state folder."""
    return os.environ.get("EMS_DATABASE") or state_dir / DATABASE


def check_free(what: str, host: str, port: int, variable: str) -> None:
    """Raises AssemblyError, with the remedy, where nobody can listen there."""
    reason = refusal(host, port)
    if reason:
        remedy = f"end the program that holds it, or choose another port with {variable} or in site.yaml"
        raise AssemblyError(f"cannot listen for {what} on {host}:{port}: {reason}; {remedy}")


def store_of(state_dir: Path, clock: Clock, troubles: Troubles) -> Store:
    """The database of a site, not opened yet. Raises AssemblyError."""
    try:
        return Store(database_of(state_dir), clock, troubles, apart=True)
    except ValueError as wrong:
        raise AssemblyError(f"EMS_DATABASE: {wrong}") from None
    except ModuleNotFoundError as missing:
        message = (
            f"EMS_DATABASE needs the package {missing.name}; install ems with its extra: pip install 'ems[postgresql]'"
        )
        raise AssemblyError(message) from None
