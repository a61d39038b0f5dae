"""The OpenAPI document, made in a process of its own that ends with it: what its making leaves behind in memory, ten
megabytes and more in holes, would stay in the daemon for good, and few ever ask.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from dataclasses import dataclass

from ems.ports.site import NotPossibleError
from ems.runtime.child_process import ChildError, ChildProcess
from ems.settings.build import SiteSettings

COMMAND = (sys.executable, "-m", "ems.assembly.interface_worker")
MAKE_S = 120.0


@dataclass(frozen=True, slots=True)
class InterfaceDocument:
    """Describes the interface of a daemon with these settings."""

    settings: SiteSettings

    async def __call__(self) -> bytes:
        """The document, as a gzip file. Raises NotPossibleError."""
        return await asyncio.to_thread(self._made)

    def _made(self) -> bytes:
        process = ChildProcess(COMMAND, "the process that describes the interface")
        try:
            return process.ask(b"", pickle.dumps(self.settings), MAKE_S)
        except ChildError as failed:
            raise NotPossibleError(str(failed)) from None
        finally:
            process.end()
