"""A form that is sent twice begins one thing: of two taps on a button the browser drops the first answer, and with it
what it brings. Each form carries a word of its own, by which the second tap finds what the first one began.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ems.adapters.web.driver.code import Word

MOST = 1_000
LONGEST = 32


class Taps:
    """What the latest forms began; those that began nothing may be sent again."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, asyncio.Task[Word]] = OrderedDict()

    async def once(self, form: str, begin: Callable[[], Coroutine[Any, Any, Word]]) -> Word:
        """What this form began, now or before; without a name (`form_of`) it begins each time. Raises as `begin`."""
        if not form:
            return await begin()
        task = self._begun.get(form)
        if task is None:
            task = self._begun[form] = asyncio.create_task(begin())
            while len(self._begun) > MOST:
                self._begun.popitem(last=False)
        try:
            # Who is cut off does not take it from whoever waits for the same.
            return await asyncio.shield(task)
        finally:
            if task.done() and (task.cancelled() or task.exception() is not None):
                self.forget(form)

    def forget(self, form: str) -> None:
        """What it began is over: it begins anew."""
        self._begun.pop(form, None)


def form_of(place: str, told: Mapping[str, str]) -> str:
    """The name of a form that was sent at a place; empty where it has none, as one that no page of ours made."""
    word = told.get("once", "")
    return f"{place}/{word}" if word and len(word) <= LONGEST else ""
