"""The interface through which people ask what would be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ems.domain.limit import Limit
from ems.domain.plan import Plan


class NoForesightError(Exception):
    """Nobody can say what would be; the text says why."""


class Foresight(Protocol):
    """The planner, for those who ask what would be. Nothing is steered by its answers."""

    async def what_if(self, limits: Sequence[Limit]) -> Plan:
        """The plan as it would be under these limits besides those in force. Takes as long as a plan takes, and answers
        one question at a time. Raises NoForesightError.
        """
        ...
