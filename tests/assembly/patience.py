"""Waiting for the real world, in real time, but no longer than needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_S = 0.02


async def eventually(found: Callable[[], T | None], within_s: float = 8.0, what: str = "") -> T:
    """The first value that is true; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what or found}; last {value!r}"
        await asyncio.sleep(LOOK_S)
    return value
