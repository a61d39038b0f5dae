"""What a process has used, as the kernel accounts for it."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MIB = 1024.0 * 1024.0


def cpu_s(pid: int) -> float:
    """Seconds of processor time of all threads, in steps of a hundredth (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    """Resident memory, MiB (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def children(pid: int) -> list[int]:
    """The processes that any of its threads has started and that still run."""
    lists = (thread / "children" for thread in Path(f"/proc/{pid}/task").iterdir())
    return [int(child) for children_of in lists for child in children_of.read_text().split()]


def whole_s() -> float:
    """Seconds of processor time of this process and of its children, those that run and those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(cpu_s(child) for child in children(os.getpid()))
    return time.process_time() + ended.ru_utime + ended.ru_stime + running
