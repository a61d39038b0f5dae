"""The event loop that a daemon runs on."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable


def tuned_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop to run on; and fewer rounds of the garbage collector, whose long ones would delay a tick."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
