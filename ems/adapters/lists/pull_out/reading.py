"""A list row by row: a departure, or a sentence about why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property

from ems.adapters.lists.cell import Wall, is_month_first, number_in, wall_of
from ems.adapters.lists.pull_out.column import FORM, Column
from ems.adapters.lists.table import RefusedError, Row, Table, shown, table_of
from ems.domain.departure import Departure, Goal, moment, shows, shows_twice
from ems.domain.fleet import Fleet
from ems.domain.list_finding import ListFinding
from ems.domain.local_clock import ONE_DAY
from ems.domain.pull_out import PullOutList
from ems.domain.shared_bay import shared_bays
from ems.domain.site import Site
from ems.domain.vehicle import Vehicle

AHEAD = timedelta(days=366)
MAX_PRIORITY = 100
ALIKE = 0.9
"""Names as alike as 'Buss 17' and 'Bus 17'; 'Bus 18' is another bus."""


def read_list(text: str, fleet: Fleet, site: Site, now: datetime) -> PullOutList:
    """What a list says about the vehicles of a fleet at a site; every row that cannot be taken is named."""
    table, findings = table_of(text, FORM)
    if table is None:
        return PullOutList((), findings)
    reader = _Reader(table, fleet, site, now)
    departures: list[Departure] = []
    told = list(findings)
    rows: dict[tuple[str, datetime], int] = {}
    for row in table.rows:
        try:
            departure, doubts = reader.departure(row)
        except RefusedError as refused:
            told.append(ListFinding(row.line, refused.message, refused.remedy))
            continue
        told += [ListFinding(row.line, *doubt, is_refusal=False) for doubt in doubts]
        before = rows.setdefault((departure.vehicle, departure.at), row.line)
        if before != row.line:
            told.append(ListFinding(row.line, f"the same departure as in row {before}", "remove one of the two"))
        else:
            departures.append(departure)
    if not table.rows and not any(finding.is_refusal for finding in findings):
        told.append(
            ListFinding(1, "there are no rows below the heading", "write rows with a vehicle and its departure")
        )
    told += _shared(departures, rows, fleet, site)
    return PullOutList(tuple(departures), tuple(sorted(told, key=lambda finding: finding.row)))


def _shared(
    departures: Sequence[Departure], rows: Mapping[tuple[str, datetime], int], fleet: Fleet, site: Site
) -> Iterator[ListFinding]:
    """Two vehicles at one EVSE, of which at least one is in the list; the others are as they were known."""
    told = {(one.vehicle, one.at.astimezone(site.zone).date()) for one in departures}
    known = (one for many in fleet.departures.values() for one in many)
    others = [one for one in known if (one.vehicle, one.at.astimezone(site.zone).date()) not in told]
    for evse, *both in shared_bays(fleet, (*others, *departures), {day for _, day in told}, site):
        lines = [rows.get((one.vehicle, one.at)) for one in both]
        line = max((one for one in lines if one is not None), default=None)
        if line is not None:
            first, second = (f"{one.vehicle} at {one.at.astimezone(site.zone):%H:%M}" for one in both)
            message = f"{first} and {second} leave from one EVSE, {evse}"
            remedy = "give one of them another, unless they make room for each other"
            yield ListFinding(line, message, remedy, is_refusal=False)


Doubt = tuple[str, str]
"""What was made of a row, and what to do if that is wrong."""


@dataclass(frozen=True)
class _Reader:
    table: Table[Column]
    fleet: Fleet
    site: Site
    now: datetime

    def departure(self, row: Row) -> tuple[Departure, list[Doubt]]:
        """Raises RefusedError."""
        vehicle = self._vehicle(self.table.cell(row, Column.VEHICLE))
        at, doubts = self._at(row, vehicle)
        goal = self._goal(row, vehicle)
        doubts += _goal_doubts(goal, vehicle)
        evse = self._evse(self.table.cell(row, Column.BAY))
        return Departure(vehicle.id, at, goal, evse, self._priority(self.table.cell(row, Column.PRIORITY))), doubts

    @cached_property
    def _names(self) -> Mapping[str, tuple[Vehicle, ...]]:
        found: dict[str, tuple[Vehicle, ...]] = {}
        for one in self.fleet.vehicles.values():
            for name in {text.casefold() for text in (one.id, one.name, *one.id_tags) if text}:
                found[name] = (*found.get(name, ()), one)
        return found

    def _vehicle(self, text: str) -> Vehicle:
        if not text:
            raise RefusedError("the row names no vehicle", "write its id")
        if text in self.fleet.vehicles:
            return self.fleet.vehicles[text]
        found = self._names.get(text.casefold(), ())
        if len(found) > 1:
            both = " and ".join(one.id for one in found[:3])
            raise RefusedError(f"'{shown(text)}' is a name of {both}", "write the id of the one that is meant")
        if not found:
            close = get_close_matches(text.casefold(), self._names, 1, ALIKE)
            meant = f"; is {self._names[close[0]][0].id} meant?" if close else ""
            raise RefusedError(
                f"there is no vehicle '{shown(text)}'{meant}", "correct the name, or add the vehicle first"
            )
        return found[0]

    def _at(self, row: Row, vehicle: Vehicle) -> tuple[datetime, list[Doubt]]:
        text, date_text = (self.table.cell(row, column) for column in (Column.DEPARTURE, Column.DATE))
        month_first = is_month_first(self.site.zone)
        told, dated = wall_of(text, month_first), wall_of(date_text, month_first) if date_text else Wall()
        if told is None or told.at is None:
            raise RefusedError(
                f"'{shown(text)}' is not a departure", "write for example 2026-03-10 05:10, or 05:10 and a date"
            )
        if dated is None or (date_text and dated.day is None):
            raise RefusedError(f"'{shown(date_text)}' is not a date", "write for example 2026-03-10")
        if told.day is not None and dated.day is not None and told.day != dated.day:
            raise RefusedError(
                f"it leaves on {told.day}, but the row is of {dated.day}", "correct one of the two dates"
            )
        at, doubts = self._moment(told._replace(day=told.day or dated.day))
        local = at.astimezone(self.site.zone)
        is_known = at in {one.at for one in self.fleet.departures.get(vehicle.id, ())}
        if at <= self.now and not is_known:  # a list that is handed in again during the day still has the morning
            raise RefusedError(
                f"the departure was on {local:%Y-%m-%d} at {local:%H:%M}", "correct the date, or remove the row"
            )
        if at - self.now > AHEAD:
            raise RefusedError(f"the departure is on {local:%Y-%m-%d}, more than a year away", "correct the date")
        return at, doubts

    def _moment(self, told: Wall) -> tuple[datetime, list[Doubt]]:
        zone = self.site.zone
        assert told.at is not None
        if told.utc is not None:
            return told.utc, []
        if told.day is None:
            today = self.now.astimezone(zone).date()
            at = next(at for k in range(3) if (at := moment(today + k * ONE_DAY, told.at, zone)) > self.now)
            return at, [(f"without a date: taken as {at.astimezone(zone):%Y-%m-%d}", "add a column for the date")]
        day, at_clock = told.day + told.ends_day * ONE_DAY, told.at
        if not shows(day, at_clock, zone):
            message = f"the clock of {zone.key} skips {at_clock:%H:%M} on {day}"
            raise RefusedError(message, "write an hour later, or a time with its offset")
        if shows_twice(day, at_clock, zone):
            message = f"the clock of {zone.key} shows {at_clock:%H:%M} on {day} twice: taken as the first time"
            return moment(day, at_clock, zone), [(message, "write the time with its offset, if the second is meant")]
        return moment(day, at_clock, zone), []

    def _goal(self, row: Row, vehicle: Vehicle) -> Goal:
        percent = _number("target state of charge", self.table.cell(row, Column.SOC))
        kwh = _number("energy", self.table.cell(row, Column.KWH))
        if percent is not None and not 1 < percent <= 100:
            remedy = "write a number up to 100; 80 for 80 %"
            raise RefusedError(f"a target of {percent:g} % cannot be meant", remedy)
        if kwh is not None and kwh < 0:
            raise RefusedError(f"an energy of {kwh:g} kWh cannot be meant", "write what it needs at the EVSE, in kWh")
        most = vehicle.most_wh
        if kwh is not None and most is not None and vehicle.battery_wh is not None and kwh * 1000.0 > most:
            holds = f"its battery holds {vehicle.battery_wh / 1000:g} kWh"
            message = f"{kwh:g} kWh are more than {vehicle.label} can take: {holds}"
            raise RefusedError(message, "correct the energy, or the battery of the vehicle")
        try:
            return Goal(None if kwh is None else kwh * 1000.0, percent)
        except ValueError as wrong:
            raise RefusedError(str(wrong), "write kWh") from None

    def _evse(self, text: str) -> str | None:
        if not text:
            return None
        if self.site.evse_index(text) is not None:
            return text
        station = self.site.station_index(text)
        evses = () if station is None else self.site.stations[station].evses
        if len(evses) == 1:
            return evses[0].id
        if evses:
            raise RefusedError(f"{shown(text)} has several EVSEs", f"write which, for example {evses[0].id}")
        known = {evse.id.casefold(): evse.id for evse in self.site.evses}
        close = get_close_matches(text.casefold(), known, 1)
        meant = f"; is {known[close[0]]} meant?" if close else ""
        raise RefusedError(
            f"the site has no EVSE '{shown(text)}'{meant}", "write it as on the page, for example CP-01/1"
        )

    @staticmethod
    def _priority(text: str) -> int | None:
        if not text:
            return None
        if not text.lstrip("+-").isdecimal() or not text.isascii() or abs(int(text[:9])) > MAX_PRIORITY:
            raise RefusedError(f"'{shown(text)}' is not a priority", "write a whole number; a higher one goes first")
        return int(text)


def _number(what: str, text: str) -> float | None:
    if not text:
        return None
    number = number_in(text)
    if number is None:
        raise RefusedError(f"'{shown(text)}' is no clear {what}", "write a plain number, for example 80 or 55.5")
    return number


def _goal_doubts(goal: Goal, vehicle: Vehicle) -> Iterator[Doubt]:
    if goal.energy_wh is None and goal.soc_percent is None:
        yield "nobody says how much it needs", "add a target_soc or kwh"
    elif goal.energy_wh is None and vehicle.most_wh is None:
        message = f"the battery of {vehicle.label} is not known: a target of {goal.soc_percent:g} % is no energy"
        yield message, "add its battery_kwh, or write kwh"
