"""What a process has used, as the kernel accounts for it."""

from __future__ import annotations

import os
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
