"""`python -m ems run` as a process of its own, as a service manager starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tests.assembly.installation import Installation
from tests.assembly.patience import eventually

CHECKOUT = Path(__file__).resolve().parents[2]
START_S = 20.0
NOT_PASSED_ON = ("EMS_", "NOTIFY_", "STATE_", "PYTHONDONTWRITE")

T = TypeVar("T")


class DaemonProcess:
    """The process, what it logged, and what its page says."""

    def __init__(self, process: asyncio.subprocess.Process, page: str) -> None:
        self.process, self.page = process, page
        self.log: list[str] = []

    def logged(self, *words: str) -> bool:
        """Whether one line holds all of this."""
        return any(all(word in line for word in words) for line in self.log)

    async def says(self, *words: str, within_s: float = START_S) -> None:
        """Wait until it has logged a line with all of this; fails with the log when it does not, or ends first."""
        try:
            await eventually(lambda: self.logged(*words) or self.process.returncode is not None, within_s)
            assert self.logged(*words), f"ended with {self.process.returncode}"
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n" + "\n".join(self.log)) from None

    async def picture(self) -> dict[str, Any]:
        """GET /api/v1/state; waits until the page is there."""
        for _ in range(100):
            try:
                return await asyncio.to_thread(self._ask)
            except (URLError, ConnectionError):
                await asyncio.sleep(0.1)
        raise AssertionError("\n".join(self.log))

    async def shows(self, look: Callable[[dict[str, Any]], T], within_s: float = 8.0) -> T:
        """Wait until the page shows what `look` finds true of CP-01/1, the first EVSE; the page is a second behind."""
        deadline = time.monotonic() + within_s
        while not (found := look((picture := await self.picture())["evses"][0])):
            assert time.monotonic() < deadline, picture
            await asyncio.sleep(0.1)
        return found

    def send(self, number: signal.Signals) -> None:
        """A signal, to this process alone."""
        self.process.send_signal(number)

    async def ended(self, within_s: float = 15.0) -> int:
        """Wait for its end and return its exit status."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def read(self) -> None:
        """Collect what it logs, until it ends."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.log.append(line.decode("utf-8", "replace").rstrip())

    def _ask(self) -> dict[str, Any]:
        with build_opener(ProxyHandler({})).open(f"{self.page}/api/v1/state", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@asynccontextmanager
async def daemon_process(
    site: Installation, *, under: Sequence[str] = (), **environment: str
) -> AsyncIterator[DaemonProcess]:
    """A daemon for `site`; `under` is a command that starts it. It is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *under,
        *(sys.executable, "-m", "ems", "run", str(site.folder)),
        env=surroundings(site, **environment),
        cwd=site.folder.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    daemon = DaemonProcess(process, site.page)
    reading = asyncio.create_task(daemon.read())
    try:
        yield daemon
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading


def surroundings(site: Installation, **environment: str) -> dict[str, str]:
    """The environment of a process of the checkout, without what this one's has to say about it. What one process has
    compiled the next one finds: most of a start is that.
    """
    known = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    return {**known, "PYTHONPATH": str(CHECKOUT), "EMS_STATE_DIR": str(site.state), **environment}
