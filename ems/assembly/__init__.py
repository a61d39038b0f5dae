"""Puts a daemon together: picks the adapters that a site asks for and ties them to the loop.

Lives here: the one place that knows settings, runtime and adapters all at once.
Never here: anything that could be decided without knowing them all.
Who may import it: `ems.cli` and `ems.sim`, by the names below.
"""

from ems.assembly.daemon import Daemon, database_of
from ems.assembly.error import AssemblyError
from ems.assembly.meters import check_meter_model
from ems.runtime.event_loop import tuned_loop

__all__ = ["AssemblyError", "Daemon", "check_meter_model", "database_of", "tuned_loop"]
