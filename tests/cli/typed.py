"""A command as a user types it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ems.cli import main


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it said to a program."""
        return json.loads(self.out)


def ems(*words: str | Path) -> Ended:
    """Type a command; it runs inside this process, which is quicker than a new one and the same from `main` on."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n", write_through=True), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:
            status = int(str(end.code or 0))
    written = out.buffer
    assert isinstance(written, io.BytesIO)
    return Ended(status, written.getvalue().decode(errors="replace"), err.getvalue())


def process(*words: str | Path, environment: dict[str, str]) -> Ended:
    """Type a command in a process of its own."""
    command = [sys.executable, "-m", "ems", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)
