"""Sessions in the table of any back office, our own export included: read by the words of its headings.

A row names the EVSE (or a station, and its connector), when the vehicle came and left (or how long it stayed), and the
energy with its unit, or two readings of a meter. Who it was, what was asked for and until when is read where it stands
there. Times without an offset are those of the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from ems.adapters.lists.cell import Wall, wall_of
from ems.adapters.prices.moment import is_month_first
from ems.adapters.prices.unit import has_decimal_comma, number_in
from ems.domain.local_clock import ONE_DAY
from ems.sim.session_columns import Column, columns_of, factor_of, is_utc, missing_of
from ems.sim.session_record import SessionRecord
from ems.sim.session_values import MILLISECONDS, NOTHING, YES, instant

Row = tuple[str, Sequence[str]]
"""Where it stands ('line 7', 'item 3'), and its cells."""

EPOCH = re.compile(r"\d{10}(\d{3})?(\.\d+)?")
BEGIN, END, STATED = "the begin", "the end", "the stated departure"
TIME_EXAMPLE = "write it as 2026-03-29T14:00+02:00 or 2026-03-29 14:00"
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "sekunden": 1.0, "min": 60.0, "minutes": 60.0, "minuten": 60.0,
           "h": 3600.0, "hours": 3600.0, "stunden": 3600.0}  # fmt: skip


@dataclass(frozen=True)
class SessionTable:
    """A table of sessions: its headings, and the rows below. `zone` is that of times without an offset; None: such are
    refused. Raises ValueError that says what the headings do not tell.
    """

    headings: Sequence[str]
    rows: Sequence[Row]
    zone: ZoneInfo | None

    def __post_init__(self) -> None:
        missing = missing_of(self.columns)
        if missing:
            raise ValueError(f"no heading names {' and '.join(missing)}")
        place = self.columns.get(Column.DELIVERED)
        if place is not None and factor_of(self.headings[place]) is None and not self._has_meter:
            raise ValueError(f"'{self.headings[place]:.40}' tells no unit: write kWh or Wh into that heading")

    @cached_property
    def columns(self) -> Mapping[Column, int]:
        """In which column what stands."""
        return columns_of(self.headings)

    @property
    def form(self) -> str:
        """How the table was understood."""
        taken = ", ".join(self.headings[place].strip() for place in sorted(set(self.columns.values())))
        clock = "" if self.zone is None else f"; times without an offset are of {self.zone.key}"
        return f"table by its headings: {taken}{clock}"

    def sessions(self) -> Iterable[tuple[str, SessionRecord | str]]:
        """Each row with its session, or why it is none."""
        for where, cells in self.rows:
            if any(cell.strip() for cell in cells):
                try:
                    yield where, self._session(cells)
                except (ValueError, OverflowError) as wrong:
                    yield where, str(wrong)

    @property
    def _has_meter(self) -> bool:
        return {Column.METER_BEGIN, Column.METER_END} <= set(self.columns)

    @cached_property
    def _month_first(self) -> bool:
        times = [self.columns[k] for k in (Column.BEGIN, Column.DAY, Column.END) if k in self.columns]
        texts = [text for place in times for text in self._texts(place)]
        return is_month_first(texts, self.zone or ZoneInfo("UTC"))

    @cached_property
    def _decimal_comma(self) -> bool:
        places = (Column.DELIVERED, Column.METER_BEGIN, Column.METER_END, Column.REQUESTED)
        return has_decimal_comma(
            text for column in places if column in self.columns for text in self._texts(self.columns[column])
        )

    def _texts(self, place: int) -> list[str]:
        return [cells[place].strip() for _, cells in self.rows if place < len(cells)]

    def _cell(self, cells: Sequence[str], column: Column) -> str:
        place = self.columns.get(column)
        text = "" if place is None or place >= len(cells) else cells[place].strip()
        return "" if text.casefold() in NOTHING else text

    def _session(self, cells: Sequence[str]) -> SessionRecord:
        if len(cells) > len(self.headings):
            raise ValueError(f"{len(self.headings)} columns expected, found {len(cells)}")
        if self._cell(cells, Column.VOID).casefold() in YES:
            raise ValueError("it was made void")
        evse, connector = self._cell(cells, Column.EVSE), self._cell(cells, Column.CONNECTOR)
        if connector.isdecimal() and "/" not in evse and evse:
            evse = f"{evse}/{int(connector)}"
        arrival = self._begin(cells)
        return SessionRecord(
            id=self._cell(cells, Column.ID) or f"{evse}@{arrival:%Y-%m-%dT%H:%M:%SZ}",
            station=evse,
            arrival=arrival,
            departure=self._end(cells, arrival),
            delivered_wh=self._delivered_wh(cells),
            requested_wh=self._wh(cells, Column.REQUESTED, self._factor(Column.REQUESTED, Column.DELIVERED)),
            stated_departure=self._stated(cells, arrival),
            user=self._cell(cells, Column.USER) or None,
        )

    def _begin(self, cells: Sequence[str]) -> datetime:
        day = self._cell(cells, Column.BEGIN) or self._cell(cells, Column.DAY)
        wall = self._wall(day, self._cell(cells, Column.BEGIN_CLOCK), BEGIN)
        if wall.day is None and (dated := wall_of(self._cell(cells, Column.DAY), self._month_first)) is not None:
            wall = wall._replace(day=dated.day)
        return self._instant(wall, self._zone_of(Column.BEGIN, Column.BEGIN_CLOCK), BEGIN)

    def _end(self, cells: Sequence[str], arrival: datetime) -> datetime:
        text, clock = self._cell(cells, Column.END), self._cell(cells, Column.END_CLOCK)
        if not text and not clock:
            return arrival + self._lasted(self._cell(cells, Column.LASTED))
        zone, wall = self._zone_of(Column.END, Column.END_CLOCK), self._wall(text, clock, END)
        if wall.day is None:  # a clock alone: the next time that it shows that
            day = arrival.astimezone(zone or UTC).date()
            at = self._instant(wall._replace(day=day), zone, END, arrival)
            return at if at > arrival else self._instant(wall._replace(day=day + ONE_DAY), zone, END)
        return self._instant(wall, zone, END, arrival)

    def _stated(self, cells: Sequence[str], arrival: datetime) -> datetime | None:
        text = self._cell(cells, Column.STATED)
        if not text:
            return None
        return self._instant(self._wall(text, "", STATED), self._zone_of(Column.STATED), STATED, arrival)

    def _lasted(self, text: str) -> timedelta:
        if match := re.fullmatch(r"(\d+):(\d{1,2})(?::(\d{1,2}))?", text):
            return timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3] or 0))
        if not text:
            raise ValueError("the end is missing")
        number = number_in(text, "," in text)
        heading = self.headings[self.columns[Column.LASTED]] if Column.LASTED in self.columns else ""
        unit = next((SECONDS[w] for w in re.findall(r"[^\W_]+", heading.casefold()) if w in SECONDS), None)
        if number is None or unit is None:
            raise ValueError(f"{text!r:.40} is no duration: write it as 1:30:00")
        return timedelta(seconds=number * unit)

    def _delivered_wh(self, cells: Sequence[str]) -> float:
        found = self._wh(cells, Column.DELIVERED, self._factor(Column.DELIVERED))
        if found is not None:
            return found
        # OCPP counts in Wh, and so does whoever writes down what it said.
        begin, end = (self._wh(cells, one, self._factor(one) or 1.0) for one in (Column.METER_BEGIN, Column.METER_END))
        if begin is None or end is None:
            raise ValueError("the energy is missing")
        return end - begin

    def _factor(self, *columns: Column) -> float | None:
        factors = (factor_of(self.headings[self.columns[one]]) for one in columns if one in self.columns)
        return next((factor for factor in factors if factor is not None), None)

    def _wh(self, cells: Sequence[str], column: Column, factor: float | None) -> float | None:
        text = self._cell(cells, column)
        if not text or factor is None:
            return None
        number = number_in(text, self._decimal_comma)
        if number is None:
            raise ValueError(f"{self.headings[self.columns[column]]} {text!r:.40} is not a number")
        return number * factor

    def _wall(self, text: str, clock: str, what: str) -> Wall:
        """A day and a clock may stand in two cells, in one, or the day be missing."""
        if not text and not clock:
            raise ValueError(f"{what} is missing")
        for written in (f"{text} {clock}".strip(), text, clock):
            if EPOCH.fullmatch(written):
                number = float(written)
                at = datetime.fromtimestamp(number / 1000.0 if number > MILLISECONDS else number, UTC)
                return Wall(at.date(), at.time(), at)
            wall = wall_of(written, self._month_first)
            if wall is not None and wall.at is not None:
                return wall
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            raise ValueError(f"{what} {f'{text} {clock}'.strip()!r:.40} is not a time: {TIME_EXAMPLE}") from None
        return Wall(at.date(), at.time(), (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC))

    def _zone_of(self, *columns: Column) -> ZoneInfo | None:
        headings = [self.headings[self.columns[one]] for one in columns if one in self.columns]
        return ZoneInfo("UTC") if any(is_utc(heading) for heading in headings) else self.zone

    @staticmethod
    def _instant(wall: Wall, zone: ZoneInfo | None, what: str, after: datetime | None = None) -> datetime:
        if wall.utc is not None:
            return wall.utc
        if wall.day is None or wall.at is None:
            raise ValueError(f"{what} has no date")
        day = wall.day + wall.ends_day * ONE_DAY
        return instant(day, wall.at, zone, f"{what} '{day} {wall.at:%H:%M}'", after)
