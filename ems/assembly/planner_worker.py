"""The planner's process: `python -m ems.assembly.planner_worker`, started by the daemon, with frames on its pipes.

It is told once what the site is, then answers questions until its input ends. It takes less of the machine than the
daemon: it is nice, has a limit of memory, is the first to go when memory is short, and an alarm ends it when a plan
takes too long, also when nobody is there any more to wait for it.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from ems.assembly.experience import Archive
from ems.assembly.past_day import verdict_of_day
from ems.assembly.plan_wire import Answer, DayQuestion, Question, Setup, encoded
from ems.planning.day_verdict import DayVerdict
from ems.planning.planner import plan_of
from ems.runtime.child_process import heard_frame, own_answers, say_frame

NICER = 5
MOST_MEMORY = 4 << 30
FIRST_TO_GO = "500"
READING_SHARE = 0.25
"""So much of its time it waits for the past."""

GRACE_S = 2.0


def main() -> None:
    """Answer until the input ends."""
    _be_modest()
    answers = own_answers()
    setup: Setup | None = _read(sys.stdin.buffer)
    if setup is not None:
        archive = Archive(setup.sources)
        while (question := _read(sys.stdin.buffer)) is not None:
            signal.setitimer(signal.ITIMER_REAL, question.limit_s + GRACE_S)
            payload = verdict(setup, question) if isinstance(question, DayQuestion) else _plan(setup, archive, question)
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            say_frame(answers, payload)
    # A thread may still wait for a database.
    os._exit(0)


def _plan(setup: Setup, archive: Archive, question: Question) -> bytes:
    return encoded(answer(setup, archive, question))


def verdict(setup: Setup, question: DayQuestion) -> bytes:
    """What is to be said of a day, as JSON; why nothing can be where that failed. Never raises."""
    try:
        told = verdict_of_day(setup.sources, question.prices, question.day)
    except Exception as failed:  # noqa: BLE001 - whatever it is, the daemon is to know
        told = DayVerdict(question.day, trouble=f"{type(failed).__name__}: {failed}{_place(failed)}")
    return json.dumps(told.as_json()).encode()


def answer(setup: Setup, archive: Archive, question: Question) -> Answer:
    """The plan, or why there is none. Never raises."""
    ends = time.monotonic() + question.limit_s
    try:
        patience_s = READING_SHARE * question.limit_s
        known, doubts = archive.experience(question.outlook.now, patience_s, question.prices)
        plan = plan_of(setup.sources.site, question.outlook, known, lambda: ends - time.monotonic())
        plan = replace(plan, assumptions=(*doubts, *plan.assumptions))
    except Exception as failed:  # noqa: BLE001 - whatever it is, the daemon is to know
        return Answer(setup.revision, question.number, f"{type(failed).__name__}: {failed}{_place(failed)}", None)
    return Answer(setup.revision, question.number, "", plan)


def _place(failed: Exception) -> str:
    trace = failed.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"


def _be_modest() -> None:
    with suppress(OSError):
        os.nice(NICER)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


def _read(pipe: IO[bytes]) -> Any:
    """What the daemon says; None when it has gone."""
    payload = heard_frame(pipe)
    return None if payload is None else pickle.loads(payload)  # noqa: S301 - from our own parent


if __name__ == "__main__":
    main()
