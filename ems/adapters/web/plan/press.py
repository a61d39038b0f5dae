"""The plan as bytes: made once for all who look, and again when there is another one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from ems.adapters.web.api import Desk
from ems.adapters.web.once import Printed, printed
from ems.adapters.web.plan.picture import encoded, plan_picture
from ems.adapters.web.plan.shape import PlanPicture

KEPT_S = 10.0
"""So long a plan is told again as it was told; another one is told at once."""


class PlanSheet(NamedTuple):
    """A plan, told: as values, printed, and with its tag."""

    picture: PlanPicture
    printed: Printed
    tag: str


class PlanPress:
    """Prints the plan of the state. Whoever asks first prints for all."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = asyncio.Lock()
        self._made: tuple[float, tuple[object, ...], PlanSheet] | None = None

    async def latest(self) -> PlanSheet:
        """The plan of now, told at most ten seconds ago."""
        async with self._lock:
            view = self._desk.view()
            state, now = view.state, view.now.monotonic_s
            about = (state.site, state.plan, state.planned_at, state.strategy, state.plan_trouble)
            if self._made is None or now - self._made[0] >= KEPT_S or not _same(self._made[1], about):
                picture = await plan_picture(view, state.plan)
                told = await encoded(picture)
                self._made = now, about, PlanSheet(picture, await printed(told.json), told.tag)
            return self._made[2]


def _same(one: Iterable[object], other: Iterable[object]) -> bool:
    """The very same things: whether two plans are equal would be a question about thousands of numbers."""
    return all(a is b for a, b in zip(one, other, strict=True))
