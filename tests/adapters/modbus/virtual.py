"""Virtual time: the loop jumps from timer to timer, with real streams and the real library inside."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TypeVar

import async_solipsism

from ems.domain.instant import Instant

T = TypeVar("T")


def in_virtual_time(main: Coroutine[object, object, T]) -> T:
    """Run to the end, however many virtual hours that takes; anything that breaks inside the loop fails the test."""
    broken: list[dict[str, object]] = []
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: broken.append(context))
        result = runner.run(main)
    assert not broken, broken
    return result


class LoopClock:
    """The clock port on the loop's time."""

    def now(self) -> Instant:
        """Read it."""
        return Instant(asyncio.get_running_loop().time(), datetime(2024, 1, 10, 12, 0, tzinfo=UTC))
