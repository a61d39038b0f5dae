"""Whether the kernel says that the machine's clock is kept by a time server."""

from __future__ import annotations

import ctypes
import sys

from ems.domain.system_status import ClockStatus

UNKNOWN = ClockStatus(None, None)
UNSYNCHRONISED = 5
"""What adjtimex(2) returns while nobody keeps the clock (TIME_ERROR)."""


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is read; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


def clock_status() -> ClockStatus:
    """What the kernel says; unknown where it says nothing. Changes nothing."""
    if not sys.platform.startswith("linux"):
        return UNKNOWN
    told = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return UNKNOWN
    if state < 0:
        return UNKNOWN
    is_kept = state != UNSYNCHRONISED
    return ClockStatus(is_kept, told.maxerror / 1e6 if is_kept else None)
