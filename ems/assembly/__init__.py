"""Puts a daemon together: picks the adapters that a site asks for and ties them to the loop.

Lives here: the one place that knows settings, runtime and adapters all at once; and the process in which plans are made
(`planner_worker`), with what it reads of the past.
Never here: anything that could be decided without knowing them all.
Who may import it: `ems.cli` and `ems.sim`, by the names below. They are loaded when they are asked for, because the
planner's process needs none of them and is not to pay for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ems.assembly.daemon import Daemon, database_of
    from ems.assembly.error import AssemblyError
    from ems.assembly.meters import check_meter_model
    from ems.runtime.event_loop import tuned_loop

__all__ = ["AssemblyError", "Daemon", "check_meter_model", "database_of", "tuned_loop"]

_HOMES = {
    "AssemblyError": "ems.assembly.error",
    "Daemon": "ems.assembly.daemon",
    "check_meter_model": "ems.assembly.meters",
    "database_of": "ems.assembly.daemon",
    "tuned_loop": "ems.runtime.event_loop",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
