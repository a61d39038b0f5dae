"""Processes of the bench and how they are talked to: one JSON line per command on stdin, one per answer on stdout."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import Any, Self

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
LINE_LIMIT = 1 << 20

Command = Callable[..., Awaitable[Mapping[str, Any]]]


class ChildError(RuntimeError):
    """A process of the bench failed; the message holds what it said last."""


class Child:
    """A module of this package running in a process of its own. A context: it is ended at the end."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.name = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def tell(self, command: str, **arguments: Any) -> None:
        """Give a command; `answer` must follow."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, arguments]).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """What became of the last command. Raises ChildError."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + patience_s
        with DefaultSelector() as selector:
            selector.register(self._process.stdout, EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise ChildError(f"{self.name}: no answer within {patience_s:g} s")
        line = self._process.stdout.readline(LINE_LIMIT)
        if not line:
            raise ChildError(f"{self.name} ended with status {self._process.wait(5)}")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise ChildError(f"{self.name}: {found['error']}")
        return found

    def ask(self, command: str, patience_s: float = PATIENCE_S, **arguments: Any) -> dict[str, Any]:
        """Give a command and wait for what became of it."""
        self.tell(command, **arguments)
        return self.answer(patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


async def obey(commands: Mapping[str, Command]) -> None:
    """Carry out commands, one after the other, until stdin ends: the other side of `Child`."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        name, arguments = json.loads(line)
        try:
            answer = await commands[name](**arguments)
        except Exception as failed:  # noqa: BLE001 - whatever it is, the parent is to see it
            traceback.print_exc()
            answer = {"error": f"{name}: {type(failed).__name__}: {failed}"}
        os.write(1, json.dumps(answer).encode() + b"\n")
