"""A list of tags row by row: a tag, or a sentence about why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ems.adapters.lists.cell import is_month_first, number_in, wall_of
from ems.adapters.lists.table import RefusedError, Row, Table, shown, table_of
from ems.adapters.lists.tags.column import FORM, Column
from ems.domain.access.book import AccessBook
from ems.domain.access.tag import Budget, Period, Person, Rule, Tag, as_reported, hours_of, tag_key
from ems.domain.access.tag_list import TagList
from ems.domain.billing.money import exactly_minor
from ems.domain.list_finding import ListFinding
from ems.domain.site import Site

YES = frozenset({"yes", "y", "true", "1", "x", "ja", "j", "wahr", "blocked", "gesperrt"})
NO = frozenset({"no", "n", "false", "0", "", "nein", "falsch", "active", "aktiv"})
SHORTENED = re.compile(r"\d([.,]\d+)?E[+-]\d+", re.IGNORECASE)
"""How spreadsheets write a long number: what its last digits were, nobody knows any more."""

MOST_BUDGET = 9_999_999
PERIODS = {"day": Period.DAY, "tag": Period.DAY, "week": Period.WEEK, "woche": Period.WEEK, "month": Period.MONTH,
           "monat": Period.MONTH}  # fmt: skip


def read_tags(text: str, book: AccessBook, site: Site) -> TagList:
    """What a list says about tags; every row that cannot be taken is named, and people nobody knows come with it."""
    table, findings = table_of(text, FORM)
    if table is None:
        return TagList((), (), findings)
    reader = _Reader(table, book, site)
    tags: dict[str, Tag] = {}
    people: dict[str, int] = {}
    lines: dict[str, int] = {}
    told = list(findings)
    for row in table.rows:
        try:
            tag = reader.tag(row)
            if tag.person is not None and tag.person not in book.people:
                people.setdefault(tag.person, row.line)
        except RefusedError as refused:
            told.append(ListFinding(row.line, refused.message, refused.remedy))
            continue
        except ValueError as wrong:
            told.append(ListFinding(row.line, str(wrong), "correct the row, or remove it"))
            continue
        if tag.key in tags:
            told.append(ListFinding(row.line, f"the same tag as in row {lines[tag.key]}", "remove one of the two"))
        if as_reported(tag.id):
            message = f"most stations report '{tag.id}' as {as_reported(tag.id)}, which is another tag to them"
            told.append(ListFinding(row.line, message, "write it as the station reports it", is_refusal=False))
        tags[tag.key], lines[tag.key] = tag, lines.get(tag.key, row.line)
    if not table.rows and not any(finding.is_refusal for finding in findings):
        told.append(ListFinding(1, "there are no rows below the heading", "write a row for each tag"))
    for name, line in people.items():
        remedy = "nothing, if that is right; a name that is known is spelled differently"
        told.append(ListFinding(line, f"{shown(name)} is new, and is added", remedy, is_refusal=False))
    return TagList(tuple(tags.values()), tuple(map(Person, people)), tuple(sorted(told, key=lambda one: one.row)))


@dataclass(frozen=True)
class _Reader:
    table: Table[Column]
    book: AccessBook
    site: Site

    def tag(self, row: Row) -> Tag:
        """What a row says, over what is known of its tag. Raises RefusedError or ValueError."""
        text = self._cell(row, Column.TAG)
        if not text:
            raise RefusedError("the row names no tag", "write it as the station reports it")
        if SHORTENED.fullmatch(text):
            remedy = "make the column of the tags text before they are put in, and save the list again"
            raise RefusedError(f"of '{shown(text)}' a spreadsheet has left out digits", remedy)
        known = self.book.tags.get(tag_key(text)) or Tag(text)
        told = dict(self._told(row, known))
        places, hours = told.pop("places", known.rule.places), told.pop("hours", known.rule.hours)
        return replace(known, id=text, rule=Rule(places, hours), **told)

    def _told(self, row: Row, known: Tag) -> Iterator[tuple[str, Any]]:
        """(field, value) of each column that the list has, besides the tag itself."""
        zone = self.site.zone
        read: Mapping[Column, tuple[str, Callable[[str], Any]]] = {
            Column.NAME: ("name", str),
            Column.PERSON: ("person", self._person),
            Column.GROUPS: ("groups", lambda text: tuple(self._groups(text))),
            Column.VALID_FROM: ("valid_from", lambda text: _moment(text, zone, ends=False)),
            Column.VALID_TO: ("valid_to", lambda text: _moment(text, zone, ends=True)),
            Column.PLACES: ("places", lambda text: frozenset(self._places(text))),
            Column.HOURS: ("hours", lambda text: hours_of(_parts(text, ";|"))),
            Column.BUDGET: ("budget", lambda _: self._budget(row, known)),
            Column.COST: ("budget", lambda _: self._budget(row, known)),
            Column.PRIORITY: ("service_class", lambda text: _whole("priority", text)),
            Column.AT_ONCE: ("at_once", lambda text: _whole("number of sessions", text) if text else known.at_once),
            Column.BLOCKED: ("is_blocked", _yes_or_no),
        }
        for column in self.table.columns:
            if column in read:
                field, of = read[column]
                yield field, of(self._cell(row, column))

    def _cell(self, row: Row, column: Column) -> str:
        text = self.table.cell(row, column)
        # What we wrote so that no spreadsheet carries it out.
        return text[1:].strip() if text.startswith("'") else text

    def _person(self, text: str) -> str | None:
        if not text:
            return None
        known = {name.casefold(): one.id for one in self.book.people.values() for name in (one.name, one.id) if name}
        return known.get(text.casefold(), text)

    def _groups(self, text: str) -> Iterator[str]:
        known = {name.casefold(): one.id for one in self.book.groups.values() for name in (one.name, one.id) if name}
        for part in _parts(text, ";|,"):
            if part.casefold() not in known:
                raise RefusedError(f"there is no group '{shown(part)}'", "add it first, or correct its name")
            yield known[part.casefold()]

    def _places(self, text: str) -> Iterator[str]:
        known = {evse.id for evse in self.site.evses} | {station.id for station in self.site.stations}
        for part in _parts(text, ";|,"):
            if part not in known:
                remedy = "write EVSEs or stations as on the page, for example CP-01/1"
                raise RefusedError(f"the site has no EVSE and no station '{shown(part)}'", remedy)
            yield part

    def _budget(self, row: Row, known: Tag) -> Budget | None:
        """Of energy, of money, or both; of a kind that the list has no column for it stays as it is."""
        before = known.budget or Budget()
        energy, cost = before.energy_wh, before.cost_minor
        if Column.BUDGET in self.table.columns:
            told = _amount(self._cell(row, Column.BUDGET), "kWh")
            energy = None if told is None else 1000.0 * float(told)
        if Column.COST in self.table.columns:
            told = _amount(self._cell(row, Column.COST), self.site.currency)
            cost = None if told is None else _exactly(told, self.site.currency)
        if energy is None and cost is None:
            return None
        word = self._cell(row, Column.PERIOD).casefold()
        if word and word not in PERIODS:
            raise RefusedError(f"'{shown(word)}' is not a period", "write day, week or month")
        return Budget(energy, PERIODS.get(word, before.period), cost)


def _parts(text: str, separators: str) -> list[str]:
    return [part.strip() for part in re.split(f"[{re.escape(separators)}]", text) if part.strip()]


def _moment(text: str, zone: ZoneInfo, ends: bool) -> datetime | None:
    """A date, or a date with a time; the last day of a validity counts whole."""
    if not text:
        return None
    told = wall_of(text, is_month_first(zone))
    try:
        if told is not None and told.day is not None:
            day = told.day + timedelta(days=ends and told.at is None)
            return told.utc or datetime.combine(day, told.at or time(0), zone).astimezone(UTC)
    except OverflowError:  # the last day that there is
        pass
    raise RefusedError(f"'{shown(text)}' is not a date", "write for example 2026-12-31")


def _amount(text: str, unit: str) -> Decimal | None:
    bare = text.removesuffix(unit).strip()
    if not bare:
        return None
    number = number_in(bare)
    if number is None or not 0 <= number <= MOST_BUDGET:
        raise RefusedError(f"'{shown(text)}' is no clear budget", f"write {unit} as a plain number, for example 200")
    return Decimal(str(number))


def _exactly(amount: Decimal, currency: str) -> int:
    try:
        return exactly_minor(amount, currency)
    except ValueError as finer:
        raise RefusedError(str(finer), "round the budget") from finer


def _whole(what: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,6}", text):
        raise RefusedError(f"'{shown(text)}' is not a {what}", "write a whole number")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text.casefold() not in YES | NO:
        raise RefusedError(f"'{shown(text)}' says neither yes nor no", "write yes or no")
    return text.casefold() in YES
