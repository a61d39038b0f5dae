"""Reports, made in a process of their own: a month of a large site is a second of counting, which would keep the
interpreter from the tick. The process stays for those who ask on, and ends when nobody has asked for a while.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ems.assembly.report_wire import MADE, PRINTED, Question, Wanted, decoded
from ems.ports.reports import NoReportError
from ems.runtime.child_process import ChildError, ChildProcess
from ems.statistics.report import Report

T = TypeVar("T")

COMMAND = (sys.executable, "-m", "ems.assembly.report_worker")
MAKE_S = 120.0
IDLE_S = 300.0
"""So long after the last question the process is kept, with its seventy megabytes."""


class ReportProcess:
    """A `Service` besides: the process ends with the daemon. Everything raises NoReportError."""

    name = "reports"

    def __init__(self) -> None:
        self._process = ChildProcess(COMMAND, "the process that makes reports")
        self._thread = ThreadPoolExecutor(1, "reports")
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process; None while there is none."""
        return self._process.pid

    async def run(self) -> None:
        """End what is under way when the daemon ends."""
        try:
            await asyncio.Event().wait()
        finally:
            self.close()

    def close(self) -> None:
        """End the process; the next question starts another one."""
        self._rests_not()
        self.kill()
        self._thread.submit(self._process.end)

    def kill(self) -> None:
        """End whatever is under way; who waits for it is told."""
        self._process.kill()

    async def report(self, wanted: Wanted) -> Report:
        """The report."""
        return await self._turn(self._report, wanted)

    async def printed(self, wanted: Wanted) -> bytes:
        """The report as a PDF."""
        return await self._turn(self._printed, wanted)

    async def _turn(self, work: Callable[[Wanted], T], wanted: Wanted) -> T:
        """One question, in the thread that asks."""
        self._rests_not()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, wanted)
        finally:
            self._rests_not()
            self._idle = loop.call_later(IDLE_S, self.close)

    def _report(self, wanted: Wanted) -> Report:
        answer = self._asked(Question(wanted, is_printed=False), MADE)
        try:
            return decoded(answer, wanted.period)
        except ValueError as wrong:
            raise NoReportError(str(wrong)) from None

    def _printed(self, wanted: Wanted) -> bytes:
        return self._asked(Question(wanted, is_printed=True), PRINTED)

    def _asked(self, question: Question, kind: bytes) -> bytes:
        try:
            answer = self._process.ask(b"", pickle.dumps(question), MAKE_S)
        except ChildError as failed:
            raise NoReportError(str(failed)) from None
        if not answer.startswith(kind):
            raise NoReportError(answer[1:].decode("utf-8", "replace"))
        return answer[1:]

    def _rests_not(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
