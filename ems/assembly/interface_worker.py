"""The process that describes the interface: `python -m ems.assembly.interface_worker`, started by the daemon. It builds
a daemon of the same settings in an empty folder, lets it do nothing, and asks what it offers.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ems.assembly.daemon import Daemon
from ems.runtime.child_process import heard_frame, own_answers, say_frame
from ems.settings.build import SiteSettings

NICER = 10


def main() -> None:
    """Answer once."""
    with suppress(OSError):
        os.nice(NICER)
    answers = own_answers()
    heard_frame(sys.stdin.buffer)  # a greeting, in which there is nothing
    told = heard_frame(sys.stdin.buffer)
    if told is not None:
        say_frame(answers, asyncio.run(described(pickle.loads(told))))  # noqa: S301 - from our own parent


async def described(settings: SiteSettings) -> bytes:
    """The OpenAPI document of a daemon of these settings, as a gzip file."""
    with TemporaryDirectory(prefix="ems-") as folder:
        daemon = Daemon.of(settings, Path(folder), ocpp_port=0, web_port=0)
        try:
            return daemon.product.web.described()
        finally:
            await asyncio.to_thread(daemon.store.close)


if __name__ == "__main__":
    main()
