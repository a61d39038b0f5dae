"""The last warnings and errors of the log, for those who cannot see it."""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime

from ems.domain.system_status import LogLine

KEPT = 300
MOST_TEXT = 500
OURS = "ems"


class RecentLog(logging.Handler):
    """Listens to our own loggers. Keeps text only, so that nothing is held alive by it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: deque[LogLine] = deque(maxlen=KEPT)

    def listen(self) -> RecentLog:
        """From now on; in place of another one, as of an earlier daemon in the same process."""
        logger = logging.getLogger(OURS)
        for known in [one for one in logger.handlers if isinstance(one, RecentLog)]:
            logger.removeHandler(known)
        logger.addHandler(self)
        return self

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        try:
            text = record.getMessage()[:MOST_TEXT]
        except (TypeError, ValueError):  # what does not fit its own arguments is told by the other handlers
            text = str(record.msg)[:MOST_TEXT]
        at = datetime.fromtimestamp(record.created, UTC)
        self._lines.append(LogLine(at, record.levelname.lower(), record.name, text))

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The newest first."""
        return tuple(reversed(self._lines))

    def last_of(self, *sources: str) -> LogLine | None:
        """The newest line of loggers whose names begin so."""
        return next((line for line in self.lines if line.source.startswith(sources)), None)
