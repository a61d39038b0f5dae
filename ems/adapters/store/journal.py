"""The journal of every tick, written by a thread of its own from what the loop hands over."""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ems.adapters.store.segment import SUFFIX, Gap, Header, Outcome, SegmentWriter, Snapshot, Tick, segment_name
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.instant import Instant
from ems.domain.state import SiteState

log = logging.getLogger(__name__)

RETRY_S = 10.0
LOOK_S = 1.0
ERRORS = (OSError, ValueError, TypeError, LookupError, AttributeError)
"""The disk's, and a state that is not what its types say; neither may stop the recording of later ticks."""


@dataclass(frozen=True, slots=True)
class JournalSize:
    """A file is closed at `file_bytes` and at midnight UTC; beyond `total_bytes` the oldest is deleted. `waiting`: how
    many ticks may wait for the disk.
    """

    file_bytes: int = 16 << 20
    total_bytes: int = 512 << 20
    waiting: int = 120


class _Handed(NamedTuple):
    at: Instant
    events: tuple[Event, ...]
    decision: Decision
    state: SiteState
    memory: Memory
    missing: int


class FileJournal:
    """Implements the `Journal` port in a folder. `header` describes the site; set it anew when the site is reloaded.

    A new file begins with a snapshot of what was known before its first tick, so each file can be replayed alone.
    Ticks that the disk did not take are counted, and the file says how many are missing where.
    """

    def __init__(self, folder: Path, header: Header, size: JournalSize = JournalSize()) -> None:
        self.header = header
        self._folder, self._size = folder, size
        self._wakes = threading.Condition()
        self._queue: deque[_Handed] = deque()
        self._last: tuple[SiteState, Memory] | None = None
        self._missing = self.dropped = 0
        self._closing = False
        self._segment: SegmentWriter | None = None
        self._site: object = None
        self._day: object = None
        self._unwritten = 0
        self._retry_at = float("-inf")
        self.trouble = ""
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def begin(self, state: SiteState, memory: Memory) -> None:
        """What the next tick starts from; to be called before the first one and whenever a site is reloaded."""
        self._last = (state, memory)

    def append(
        self, at: Instant, events: Sequence[Event], decision: Decision, state: SiteState, memory: Memory
    ) -> None:
        """Take one tick: the events, the decision, and `state` and `memory` after it. Never blocks."""
        before, self._last = self._last, (state, memory)
        with self._wakes:
            if before is None or before[0].site is not state.site or len(self._queue) >= self._size.waiting:
                self._missing += 1
                self.dropped += 1
                return
            self._queue.append(_Handed(at, tuple(events), decision, *before, self._missing))
            self._missing = 0
            self._wakes.notify()

    def close(self, patience_s: float = 5.0) -> bool:
        """Write what waits and end; False when the disk did not let that happen in time."""
        with self._wakes:
            self._closing = True
            self._wakes.notify()
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    # From here on: the journal's thread.

    def _work(self) -> None:
        while True:
            with self._wakes:
                self._wakes.wait_for(lambda: self._queue or self._closing, timeout=LOOK_S)
                handed = list(self._queue)
                self._queue.clear()
                closing = self._closing
            if handed:
                self._write(handed)
            if closing:
                break
        if self._segment is not None:
            with suppress(OSError):
                self._segment.close()

    def _write(self, handed: Sequence[_Handed]) -> None:
        for tick in handed:
            self._unwritten += tick.missing
            if tick.at.monotonic_s < self._retry_at:
                self._lose()
                continue
            try:
                self._add(tick)
            except ERRORS as error:
                self._fail(error, tick)
            else:
                self._tell("")

    def _add(self, tick: _Handed) -> None:
        day = tick.at.utc.date()
        full = self._segment is not None and self._segment.size >= self._size.file_bytes
        if self._segment is None or full or tick.state.site is not self._site or day != self._day:
            self._begin(tick)
            self._site, self._day = tick.state.site, day
        elif self._unwritten:
            self._snapshot(self._segment, tick)
        assert self._segment is not None
        self._segment.add(Tick(tick.at, tick.events, Outcome.of(tick.decision)))
        self._segment.flush()

    def _begin(self, tick: _Handed) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._folder.mkdir(parents=True, exist_ok=True)
        files = sorted(self._folder.glob(f"*{SUFFIX}"))
        self._forget(files, self._size.total_bytes - self._size.file_bytes)
        number = 1 + max((int(file.name[:8]) for file in files if file.name[:8].isdigit()), default=0)
        self._segment = SegmentWriter(self._folder / segment_name(number, tick.at.utc), self.header)
        self._snapshot(self._segment, tick)

    def _snapshot(self, segment: SegmentWriter, tick: _Handed) -> None:
        if self._unwritten:
            segment.add(Gap(self._unwritten))
        segment.add(Snapshot(tick.state, tick.memory))
        self._unwritten = 0

    def _forget(self, files: Sequence[Path], total_bytes: int) -> None:
        sizes = [file.stat().st_size for file in files]
        for file, size in zip(files, sizes, strict=True):
            if sum(sizes) <= total_bytes:
                return
            file.unlink(missing_ok=True)
            sizes.remove(size)

    def _fail(self, error: Exception, tick: _Handed) -> None:
        if self._segment is not None:
            self._segment.abandon()
            self._segment = None
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            for oldest in sorted(self._folder.glob(f"*{SUFFIX}"))[:-1][:1]:
                oldest.unlink(missing_ok=True)
        self._retry_at = tick.at.monotonic_s + RETRY_S
        self._lose()
        self._tell(f"{self._folder}: {error}")

    def _lose(self) -> None:
        self._unwritten += 1
        self.dropped += 1

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            log.warning("journal.%s %s", "trouble" if trouble else "well", trouble)
