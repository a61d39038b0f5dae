"""Who stood where: recorded sessions on the EVSEs of a site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ems.domain.site import Site
from ems.domain.station import Evse
from ems.domain.units import PILOT_MIN_A
from ems.sim.session_record import SessionRecord

SHORTEST = timedelta(seconds=60)
"""What is left of a visit after another vehicle took its place must last so long to count."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A session at the EVSE with that position in `site.evses`."""

    record: SessionRecord
    evse: int

    def current(self, evse: Evse) -> tuple[float, int]:
        """Ampere per leg that the vehicle takes at most at `evse`, its own, and on how many legs."""
        own_a, legs = self.record.max_a or evse.max_a, self.record.legs or 3
        return max(PILOT_MIN_A, min(evse.max_a, own_a)), min(len(evse.wiring.legs), legs)


@dataclass(frozen=True, slots=True)
class Placement:
    """Visits in order of arrival, no two of which overlap at an EVSE, and what had to be done for it.

    `unknown`: sessions per station that the site does not have and that were left out; `mapped` per station that
    were put onto the site's EVSEs; `shortened`: visits that end when the next vehicle arrives at their EVSE;
    `displaced`: sessions for which no place was free.
    """

    visits: tuple[Visit, ...]
    unknown: Mapping[str, int]
    mapped: Mapping[str, int]
    shortened: int
    displaced: int


def place(site: Site, records: Iterable[SessionRecord], *, map_unknown: bool = False) -> Placement:
    """Put each session onto its station's EVSE.

    With `map_unknown` a station that the site does not have is given one of the site's EVSEs, round robin in order of
    first appearance; when that is taken its vehicle goes to the next free one. Of two that overlap at a known station
    the earlier ends when the later arrives.
    """
    return _Places(site, map_unknown).of(
        sorted(records, key=lambda record: (record.arrival, record.station, record.id))
    )


class _Places:
    def __init__(self, site: Site, map_unknown: bool) -> None:
        self.site, self.map_unknown = site, map_unknown
        self.known: dict[str, list[int]] = {}
        for position, evse in enumerate(site.evses):
            self.known.setdefault(evse.station, []).append(position)
            self.known[evse.id] = [position]
        self.given: dict[str, int] = {}
        self.last: dict[int, int] = {}
        self.visits: list[Visit] = []
        self.unknown: Counter[str] = Counter()
        self.mapped: Counter[str] = Counter()
        self.shortened = self.displaced = 0

    def of(self, records: Iterable[SessionRecord]) -> Placement:
        for record in records:
            own = self.known.get(record.station)
            if own is not None:
                self._at_home(record, own)
            elif self.map_unknown:
                self._somewhere(record)
            else:
                self.unknown[record.station] += 1
        ordered = tuple(sorted(self.visits, key=lambda visit: (visit.record.arrival, visit.evse)))
        return Placement(ordered, dict(self.unknown), dict(self.mapped), self.shortened, self.displaced)

    def _free_until(self, evse: int) -> datetime | None:
        return self.visits[self.last[evse]].record.departure if evse in self.last else None

    def _is_free(self, evse: int, arrival: datetime) -> bool:
        until = self._free_until(evse)
        return until is None or until <= arrival

    def _take(self, record: SessionRecord, evse: int) -> None:
        self.last[evse] = len(self.visits)
        self.visits.append(Visit(record, evse))

    def _at_home(self, record: SessionRecord, own: list[int]) -> None:
        for evse in own:
            if self._is_free(evse, record.arrival):
                return self._take(record, evse)
        evse = own[0]
        index = self.last[evse]
        earlier = self.visits[index].record
        if record.arrival - earlier.arrival < SHORTEST:
            self.displaced += 1
            return None
        self.visits[index] = Visit(replace(earlier, departure=record.arrival), evse)
        self.shortened += 1
        return self._take(record, evse)

    def _somewhere(self, record: SessionRecord) -> None:
        count = len(self.site.evses)
        first = self.given.setdefault(record.station, len(self.given) % count)
        for evse in ((first + k) % count for k in range(count)):
            if self._is_free(evse, record.arrival):
                self.mapped[record.station] += 1
                return self._take(record, evse)
        self.displaced += 1
        return None
