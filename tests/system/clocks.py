"""Virtual time: a loop whose time jumps to the next timer, and the two clocks that run with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import async_solipsism

from ems.domain.instant import Instant

SUNDAY_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

T = TypeVar("T")


@dataclass(slots=True)
class VirtualClock:
    """Both clocks run with the loop; `set_by_s` is how far somebody has set the wall clock since."""

    loop: asyncio.AbstractEventLoop
    born: datetime = SUNDAY_NOON
    set_by_s: float = 0.0

    def now(self) -> Instant:
        t = self.loop.time()
        return Instant(t, self.born + timedelta(seconds=t + self.set_by_s))


class Loop(async_solipsism.EventLoop):  # type: ignore[misc]  # the package ships no types
    """Time always moves: a pause that is shorter than the clock's resolution lasts as long as that."""

    def __init__(self) -> None:
        super().__init__()
        clock = self._selector.clock
        advance, finest = clock.advance, clock.resolution
        clock.advance = lambda delta: advance(max(delta, finest))


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine; whatever breaks in the loop without anybody waiting for it fails the test."""
    broken: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: broken.append(context))
        result = runner.run(test())
    assert not broken, broken
    return result
