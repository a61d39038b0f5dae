"""An outlet under test: what a step may do with it, what comes of a step, and what a cut tells of its phases."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ems.domain.measurement import Sample
from ems.domain.phases import Phase, PhaseAmps
from ems.domain.remote.proof import Verdict
from ems.domain.state import SiteState
from ems.domain.station import Evse
from ems.ports.stations import Remote

LEAST_CUT_A = 4.0
"""What changes less is lost among other loads."""


class Feeling(NamedTuple):
    """What came of a step; `seconds` where another time than that of the whole step tells something."""

    verdict: Verdict
    words: str
    seconds: float | None = None


class Bench(Protocol):
    """An outlet under test."""

    evse: Evse
    who: str

    @property
    def state(self) -> SiteState:
        """The site as it is."""
        ...

    @property
    def now_s(self) -> float:
        """Monotonic time."""
        ...

    @property
    def remote(self) -> Remote:
        """The way to ask the station."""
        ...

    def hold(self, amps: float, seconds: float) -> None:
        """Let the controller give the outlet no more than that for a while."""
        ...

    def let_go(self) -> None:
        """End that."""
        ...

    def read_back(self) -> None:
        """Have the composite schedule read."""
        ...

    async def keep_out(self, seconds: float) -> None:
        """End the link of the station for so long."""
        ...


def phases_seen(evse: Evse, meter: str, before: Sample, after: Sample, less: PhaseAmps) -> Feeling:
    """Whether a cut, as the station measured it on its legs, was seen on the phases that the file names for them. By
    `less` the meter above the outlet fell, A per phase of the site.
    """
    legs = [a - b for a, b in zip(before.high_a, after.high_a, strict=True)]
    cut = max(legs)
    if cut < LEAST_CUT_A:
        return Feeling(Verdict.SKIPPED, f"the vehicle only drew {max(0.0, cut):.1f} A less, so nothing can be told")
    seen = {phase for phase in Phase if less[phase] >= cut / 2}
    shown = " ".join(phase.name for phase in sorted(seen))
    if not seen:
        return Feeling(Verdict.SKIPPED, f"meter {meter} shows no cut of {cut:.0f} A: something else changed meanwhile")
    exact = before.low_a == before.high_a and after.low_a == after.high_a
    wired = [set(leg) for leg, amps in zip(evse.wiring.legs, legs, strict=True) if not exact or amps >= cut / 2]
    meant = set[Phase]().union(*wired)
    words = f"{cut:.0f} A less on {shown} of meter {meter}"
    if seen == meant or (not exact and seen <= meant):
        return Feeling(Verdict.PASSED, f"{words}, as the file says ({evse.wiring})")
    expected = " ".join(phase.name for phase in sorted(meant))
    remedy = "correct phases of the outlet or of the meter, or the wiring"
    return Feeling(Verdict.FAILED, f"{words}, but by the file ({evse.wiring}) it would be {expected}: {remedy}")
