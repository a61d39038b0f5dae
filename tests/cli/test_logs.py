"""What stands in the log of a command: nothing that opens anything, also where more is logged."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

ASKING = """
import sys, httpx2
from ems.cli.command_line import main
main(["--verbose", "check", "demo"])
httpx2.post(sys.argv[1], headers={"authorization": "Bearer OPENSESAME"}, content=b"{}").raise_for_status()
"""


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.send_header("set-cookie", "OPENSESAME")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/services/OPENSESAME?key=OPENSESAME"
        server.shutdown()


def test_who_is_told_something_is_told_at_no_address_that_the_log_names(hook: str) -> None:
    """The address of a webhook is often its secret, and that of a question to a partner holds a driver's card."""
    done = subprocess.run([sys.executable, "-c", ASKING, hook], capture_output=True, text=True, timeout=60, check=True)
    assert "OPENSESAME" not in done.stderr
