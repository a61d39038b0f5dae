"""A process of our own that answers questions, as its parent sees it: started when there is a question, and ended
whenever that is better.

Whatever happens in it, or to it, is an answer that does not come: who asks waits in a thread of its own, with a
deadline. Frames go both ways: four bytes of length, then so many bytes. The first one to a new process is its `setup`.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from threading import Lock
from typing import IO

LENGTH = struct.Struct("<I")
MOST_BYTES = 8 << 20
"""A larger answer is none of ours."""

OURS = str(Path(__file__).resolve().parents[2])
"""Where this program is, so that its child is the same one."""

PIECE = 1 << 16
REAP_S = 5.0
LAST_WORDS = 300
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
"""A child that takes all cores would take them from the tick."""


class ChildError(RuntimeError):
    """There is no answer; the text says why."""


class ChildProcess:
    """A child that answers one question at a time. `ask` blocks and belongs to one thread; `kill` may come from any."""

    def __init__(self, command: Sequence[str], what: str) -> None:
        """`what` it is called in the words of its errors."""
        self._command, self._what = tuple(command), what
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process; None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def ask(self, setup: bytes, question: bytes, patience_s: float) -> bytes:
        """The answer. A process that is not there is started, with `setup`. Raises ChildError, and has then ended the
        process: what failed once is not asked again.
        """
        process, greeting = self._process, b""
        if process is not None and process.poll() is not None:
            self.end()
            process = None
        if process is None:
            process, greeting = self._started(), _frame(setup)
        try:
            return _exchange(process, greeting + _frame(question), time.monotonic() + patience_s)
        except ChildError as failed:
            self.end()
            raise ChildError(f"{self._what} {failed}") from None
        except (OSError, ValueError):
            cause = _ended(process)
            self.end()
            raise ChildError(f"{self._what} {cause}") from None

    def kill(self) -> None:
        """End whatever runs, also what is frozen. Does not wait; an `ask` that is under way fails."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """Kill it, and wait until nothing is left of it. For the thread that asks."""
        self.kill()
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(REAP_S)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter with our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join((OURS, *_python_path()))},
                process_group=0,  # what is typed at the terminal of the daemon is not for its child
            )
        except OSError as refused:
            raise ChildError(f"{self._what} cannot be started: {refused}") from None
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        with self._lock:
            self._process = process
        return process


def heard_frame(pipe: IO[bytes]) -> bytes | None:
    """What the parent says to a child; None when it has gone."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    payload = pipe.read(length)
    return payload if len(payload) == length else None


def say_frame(pipe: IO[bytes], payload: bytes) -> None:
    """What a child answers; nobody may be there any more."""
    left = memoryview(_frame(payload))
    with suppress(BrokenPipeError):
        while left:
            left = left[pipe.write(left) :]


def own_answers() -> IO[bytes]:
    """The pipe of a child's answers. What a library prints must not get between the frames, so it goes elsewhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _python_path() -> list[str]:
    return [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]


def _frame(payload: bytes) -> bytes:
    return LENGTH.pack(len(payload)) + payload


def _exchange(process: subprocess.Popen[bytes], told: bytes, deadline: float) -> bytes:
    """Write all and read one frame, both at once: a child that reads nothing must not hold us."""
    assert process.stdin is not None
    assert process.stdout is not None
    left, heard = memoryview(told), bytearray()
    with DefaultSelector() as selector:
        selector.register(process.stdin, EVENT_WRITE)
        selector.register(process.stdout, EVENT_READ)
        while True:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise ChildError(f"did not answer in time{_last_words(process)}")
            for key, _ in ready:
                if key.fileobj is process.stdout:
                    heard += _read(process, process.stdout)
                else:
                    left = left[os.write(process.stdin.fileno(), left[:PIECE]) :]
                    if not left:
                        selector.unregister(process.stdin)
            answer = _whole(heard)
            if answer is not None:
                return answer


def _read(process: subprocess.Popen[bytes], pipe: IO[bytes]) -> bytes:
    piece = os.read(pipe.fileno(), PIECE)
    if piece:
        return piece
    raise ChildError(_ended(process))


def _ended(process: subprocess.Popen[bytes]) -> str:
    """How it ended, in words."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(REAP_S)
    how = process.returncode
    if how is None:
        return f"closed its pipes{_last_words(process)}"
    if how == -signal.SIGALRM:
        return "took too long, and ended itself"
    ended = signal.Signals(-how).name if how < 0 else f"status {how}"
    return f"ended with {ended}{_last_words(process)}"


def _whole(heard: bytearray) -> bytes | None:
    """The frame, as soon as all of it is there. Raises ChildError for what cannot be one."""
    if len(heard) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack_from(heard)
    if length > MOST_BYTES or len(heard) > LENGTH.size + length:
        raise ChildError("answered what is no frame")
    return bytes(heard[LENGTH.size :]) if len(heard) == LENGTH.size + length else None


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """The end of what it complained about; it is read once, when the process has failed."""
    assert process.stderr is not None
    try:
        with process.stderr as pipe:
            said = os.read(pipe.fileno(), PIECE)
    except (OSError, ValueError):
        return ""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1][-LAST_WORDS:]}" if lines else ""
