"""The process of the planner, real ones of every kind: whatever it does, who asks has an answer or a reason in time."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ems.runtime.child_process import ChildError, ChildProcess

CHILD = """
import os, signal, struct, sys, time
def read():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4: sys.exit(0)
    return sys.stdin.buffer.read(struct.unpack("<I", head)[0])
def write(payload, length=None):
    os.write(1, struct.pack("<I", len(payload) if length is None else length) + payload)
setup = read()
while True:
    question = read()
    {}
"""
ECHO = "write(setup + b':' + question + b':' + str(os.getpid()).encode())"


def child(does: str) -> ChildProcess:
    """A process that does this with every question."""
    return ChildProcess((sys.executable, "-S", "-c", CHILD.format(does)), "the planner")


@contextmanager
def ended(process: ChildProcess) -> Iterator[ChildProcess]:
    """It is ended at the end."""
    try:
        yield process
    finally:
        process.end()


def is_running(pid: int) -> bool:
    """Whether there is such a process, and be it a dead one that nobody has buried."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_started_with_its_first_question_and_answers_the_next_ones_too() -> None:
    with ended(child(ECHO)) as process:
        setup, question, pid = process.ask(b"site", b"one", 10.0).split(b":")
        assert (setup, question, int(pid)) == (b"site", b"one", process.pid)
        assert process.ask(b"site", b"two" * 100_000, 10.0).split(b":")[1:] == [b"two" * 100_000, pid]
        process.end()
        assert process.pid is None
        assert not is_running(int(pid)), "nothing of it is left, and so no memory"


MISBEHAVES = [
    ("ends", "sys.exit(3)", "the planner ended with status 3"),
    ("crashes", "raise ValueError('out of ideas')", "the planner ended with status 1: ValueError: out of ideas"),
    ("is killed", "os.kill(os.getpid(), signal.SIGKILL)", "the planner ended with SIGKILL"),
    ("has set itself an alarm", "signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(60)", "took too long, and"),
    ("freezes", "os.kill(os.getpid(), signal.SIGSTOP)", "the planner did not answer in time"),
    ("thinks for ever", "time.sleep(60)", "the planner did not answer in time"),
    ("stops in the middle", "write(b'half', 8); time.sleep(60)", "the planner did not answer in time"),
    ("goes silent for good", "os.close(1); os.close(2); sys.exit(0)", "the planner ended with status"),
    ("talks before its turn", "os.write(1, b'Warning: ' * 9); time.sleep(60)", "answered what is no frame"),
    ("announces too much", "write(b'', 1 << 30); time.sleep(60)", "answered what is no frame"),
    ("says more than one thing", "write(b'more', 1); time.sleep(60)", "answered what is no frame"),
    ("floods", "write(b'', 100); os.write(1, b'x' * 50_000_000)", "answered what is no frame"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "does", "why"), MISBEHAVES, ids=[row[0] for row in MISBEHAVES])
def test_what_misbehaves_is_ended_and_why_is_said(what: str, does: str, why: str) -> None:
    with ended(child(does)) as process:
        with pytest.raises(ChildError, match=why):
            process.ask(b"site", b"question", 0.7 if "in time" in why else 10.0)
        assert process.pid is None, what


def test_one_that_died_in_the_meantime_is_replaced() -> None:
    with ended(child(ECHO)) as process:
        process.ask(b"site", b"one", 10.0)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.1)  # until its end of the pipe is closed
        assert process.ask(b"site", b"two", 10.0).startswith(b"site:two")


def test_one_that_does_not_read_what_it_is_told_holds_nobody() -> None:
    deaf = ChildProcess((sys.executable, "-S", "-c", "import time; time.sleep(60)"), "the planner")
    with ended(deaf) as process, pytest.raises(ChildError, match="did not answer in time"):
        process.ask(b"s" * 5_000_000, b"question", 0.5)


def test_another_thread_may_end_it_while_somebody_waits() -> None:
    with ended(child("time.sleep(60)")) as process:
        threading.Timer(0.3, process.kill).start()
        with pytest.raises(ChildError, match="SIGKILL"):
            process.ask(b"site", b"question", 30.0)


def test_a_program_that_is_not_there_is_a_reason_too() -> None:
    with pytest.raises(ChildError, match=r"cannot be started: .*No such file"):
        ChildProcess(("/nowhere/python",), "the planner").ask(b"", b"", 1.0)
