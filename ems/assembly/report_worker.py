"""The process that makes reports: `python -m ems.assembly.report_worker`, started by the daemon, with frames on its
pipes. It answers until its input ends, and yields to everything else on the machine.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from contextlib import suppress

from ems.adapters.store.database import Database
from ems.adapters.store.report_reading import read_past
from ems.assembly.report_wire import MADE, PRINTED, WRONG, Question, Wanted, encoded
from ems.assembly.seldom import pdf_of
from ems.ports.reports import NoReportError
from ems.runtime.child_process import heard_frame, own_answers, say_frame
from ems.statistics.period import Period
from ems.statistics.report import Report, report_of

NICER = 10
YOUNG = 100_000
"""So many objects are made before it is looked for circles among them: what was read forms none, and there is much."""


def main() -> None:
    """Answer until the input ends."""
    with suppress(OSError):
        os.nice(NICER)
    gc.freeze()
    gc.set_threshold(YOUNG)
    answers = own_answers()
    maker = Maker()
    heard_frame(sys.stdin.buffer)  # a greeting, in which there is nothing
    while (told := heard_frame(sys.stdin.buffer)) is not None:
        say_frame(answers, maker.answer(pickle.loads(told)))  # noqa: S301 - from our own parent


class Maker:
    """Makes reports; remembers the last one, which is often wanted on paper next."""

    def __init__(self) -> None:
        self._last: tuple[Period, int, Report] | None = None

    def answer(self, question: Question) -> bytes:
        """A report, made anew, or its PDF, or why there is none, as `report_wire` says."""
        wanted, last = question.wanted, self._last
        is_known = last is not None and last[:2] == (wanted.period, wanted.now_s)
        try:
            report = last[2] if last is not None and is_known and question.is_printed else self._made(wanted)
        except NoReportError as wrong:
            return WRONG + str(wrong).encode("utf-8", "replace")
        return PRINTED + pdf_of(report) if question.is_printed else MADE + encoded(report)

    def _made(self, wanted: Wanted) -> Report:
        facts = wanted.facts
        past = read_past(Database(wanted.where), facts.site, wanted.period, wanted.now_s)
        report = report_of(past, facts)
        self._last = wanted.period, wanted.now_s, report
        return report


if __name__ == "__main__":
    main()
