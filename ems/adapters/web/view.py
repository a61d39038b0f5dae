"""What an observer looks at: one state with its decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ems.domain.decision import Decision
from ems.domain.instant import Instant
from ems.domain.record.history import Knock
from ems.domain.state import SiteState


class View(NamedTuple):
    """What is to be shown: one state with its decision, at `now`. A decision for another site counts as none."""

    state: SiteState
    decision: Decision | None
    now: Instant
    knocks: Sequence[Knock] = ()
    version: int = 0
    software: str = ""

    def checked(self) -> View:
        """The view without a decision that does not fit the state, as between a reload and the next tick."""
        decided, site = self.decision, self.state.site
        if decided is None or (len(decided.setpoints), len(decided.circuits)) == (len(site.evses), len(site.circuits)):
            return self
        return self._replace(decision=None)
