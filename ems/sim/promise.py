"""What vehicles are promised in a run, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ems.domain.fleet import Fleet
from ems.domain.instant import Instant
from ems.domain.session import Need, Session
from ems.domain.site import Site
from ems.domain.station import Evse

MET_SHARE, MET_SLACK_WH = 0.99, 100.0
"""What was wanted is there when 99 % of it, or all but 0.1 kWh, was delivered."""

PROMPT_S = 60.0
"""Who has just come, or is told another limit, has waited for nothing within so long: plans and vehicles take time."""

NO_FLEET = Fleet()
"""Nobody knows the vehicles of a run; classes of service are what the site says."""


def is_there(got_wh: float, wanted_wh: float) -> bool:
    """Whether a vehicle that wanted so much has it, as far as anybody would notice."""
    return got_wh >= min(MET_SHARE * wanted_wh, wanted_wh - MET_SLACK_WH)


def with_promise(need: Need, evse: Evse, now: Instant, site: Site) -> Need:
    """What is said of a vehicle that is plugged in now, with what its class is promised, as in the daemon."""
    return NO_FLEET.with_promise(need, None, Session(evse.id, now.utc, now.monotonic_s), site)


@dataclass(frozen=True, slots=True)
class Promise:
    """To a vehicle of a class of service: `energy_wh` by `by` (its departure, at the latest), and, if `always`, current
    for as long as it wants any.
    """

    service_class: int
    energy_wh: float
    by: datetime
    always: bool

    @classmethod
    def of(cls, need: Need, evse: Evse, departure: datetime) -> Promise | None:
        """What the need of a vehicle that leaves then says of promises; None where it says nothing."""
        if need.guaranteed_wh <= 0.0 and not need.minimum_always:
            return None
        number = evse.priority if need.service_class is None else need.service_class
        by = departure if need.guaranteed_by is None else min(departure, need.guaranteed_by)
        return cls(number, need.guaranteed_wh, by, need.minimum_always)


class Promised(NamedTuple):
    """A promise as it ended: of its class of service; what the vehicle wanted of what was promised, what it had in
    time, and what it could have had if it had been alone.
    """

    service_class: int
    wanted_wh: float
    had_wh: float
    possible_wh: float
    always: bool

    @property
    def had_energy(self) -> bool:
        """What was promised was there in time."""
        return is_there(self.had_wh, self.wanted_wh)

    @property
    def is_possible(self) -> bool:
        """Its stay was long enough."""
        return is_there(self.possible_wh, self.wanted_wh)


class Kept(NamedTuple):
    """Of the promises to a class of service: how many there were, were kept, and could have been if each vehicle had
    been alone.
    """

    label: str
    promised: int
    kept: int
    possible: int


def kept_by_class(site: Site, ended: Sequence[tuple[Promised, bool]]) -> tuple[Kept, ...]:
    """The promises of a run, each with whether it was kept, by class; the highest first."""
    numbers = sorted({promised.service_class for promised, _ in ended}, reverse=True)
    return tuple(_kept(site, number, [one for one in ended if one[0].service_class == number]) for number in numbers)


def _kept(site: Site, number: int, ended: Iterable[tuple[Promised, bool]]) -> Kept:
    pairs = list(ended)
    possible = sum(promised.is_possible for promised, _ in pairs)
    return Kept(site.service_class(number).label, len(pairs), sum(was_kept for _, was_kept in pairs), possible)
