"""A depot's pull-out list: which vehicle leaves when with how much, as somebody wrote it down, before it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.daybook import DeparturesReplaced
from ems.domain.departure import Departure
from ems.domain.fleet import Fleet
from ems.domain.list_finding import ListFinding


class ListedDay(NamedTuple):
    """How the departures of a vehicle on a local date would change; the week counts where there is none."""

    vehicle: str
    day: date
    before: tuple[Departure, ...]
    after: tuple[Departure, ...]

    @property
    def kind(self) -> str:
        """In one word."""
        return "new" if not self.before else "same" if self.before == self.after else "changed"


@dataclass(frozen=True, slots=True)
class PullOutList:
    """What the rows of a list say, in their order, and what is to be said about them, by row."""

    departures: tuple[Departure, ...]
    findings: tuple[ListFinding, ...] = ()

    @property
    def is_refused(self) -> bool:
        """It cannot be taken as it is: all of it counts, or nothing."""
        return not self.departures or any(finding.is_refusal for finding in self.findings)

    def change(self, zone: ZoneInfo) -> DeparturesReplaced:
        """What the list says of a vehicle and a date replaces what was known of them."""
        days = frozenset((one.vehicle, one.at.astimezone(zone).date()) for one in self.departures)
        return DeparturesReplaced(days, self.departures)

    def days(self, known: Fleet, zone: ZoneInfo) -> Iterator[ListedDay]:
        """What taking it would change, in the order of vehicles and dates."""
        listed: dict[tuple[str, date], list[Departure]] = {}
        for one in self.departures:
            listed.setdefault((one.vehicle, one.at.astimezone(zone).date()), []).append(one)
        for vehicle, day in sorted(listed):
            ours = known.departures.get(vehicle, ())
            before = tuple(one for one in ours if one.at.astimezone(zone).date() == day)
            yield ListedDay(vehicle, day, before, tuple(sorted(listed[vehicle, day], key=lambda one: one.at)))
