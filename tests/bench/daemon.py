"""The whole daemon as a user starts it: `ems run SITE` in a process of its own, with a state folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.child import CHECKOUT
from tests.bench.site_folder import MeterPlace, write_site

START_S, STOP_S = 30.0, 20.0
LOOK_S = 0.1
HOST = "127.0.0.1"


class Running(NamedTuple):
    """A daemon that listens."""

    pid: int
    ocpp_port: int


class DaemonError(RuntimeError):
    """The daemon did not start; the message holds the end of its log."""


@contextmanager
def running(evses: int, meter_port: int, policy: str = "{}") -> Iterator[Running]:
    """Run a made-up site with one meter; told to stop at the end. Raises DaemonError."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_site(folder / "site", evses, MeterPlace(meter_port, halls=False), policy)
        ports = [_free_port(), _free_port()]
        environment = {
            **os.environ,
            "EMS_STATE_DIR": str(folder / "state"),
            "EMS_OCPP_PORT": str(ports[0]),
            "EMS_HTTP_PORT": str(ports[1]),
        }
        command = [sys.executable, "-m", "ems", "run", str(folder / "site")]
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
            try:
                _wait(process, ports[0], folder / "log")
                yield Running(process.pid, ports[0])
            finally:
                _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as knock:
            if knock.connect_ex((HOST, port)) == 0:
                return
        time.sleep(LOOK_S)
    raise DaemonError(f"the daemon does not listen; its log ends: {log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port
