"""Tags, people and groups in the words of their page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ems.adapters.web.access.rows import group_rows, people_rows
from ems.adapters.web.access.shape import GroupRow, TagRow
from ems.adapters.web.described import etag_of
from ems.domain.access.book import AccessBook
from ems.domain.access.tag import as_reported
from ems.domain.site import Site

MOST_NAMED = 5

When = Callable[[str], str]
"""A moment as the clocks of the site show it, with its date unless that is near."""


def shown_tag(row: TagRow, book: AccessBook, now: str, when: When, currency: str) -> dict[str, Any]:
    """A tag with what limits it; `now` is a time in UTC."""
    person = "" if row["person"] is None else book.people[row["person"]].label
    about = [person, *_limits(row, when, currency)]
    return {
        "row": row,
        "reported": as_reported(row["id"]),
        "name": row["name"] or person or row["id"],
        "about": "; ".join(part for part in about if part) or "anywhere at any time",
        "over": row["valid_to"] is not None and row["valid_to"] <= now,
        "words": f"{row['id']} {row['name']} {person} {row['person'] or ''} {' '.join(row['groups'])}".casefold(),
        "etag": etag_of(row),
    }


def shown_people(book: AccessBook) -> list[dict[str, Any]]:
    """All people, each with what an ETag says of them."""
    return [{**row, "etag": etag_of(row)} for row in people_rows(book)]


def shown_groups(book: AccessBook, priced: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """All groups with what their removal would do; `priced`: the price lists that name each."""
    rows = group_rows(book)
    inner: dict[str, list[str]] = {}
    for row in rows:
        if row["parent"] is not None:
            inner.setdefault(row["parent"], []).append(book.groups[row["id"]].label)
    return [
        {
            "row": row,
            "name": row["name"] or row["id"],
            "about": "; ".join(_holds(row, book)) or "allows everything",
            "inside": _inside(row["tags"], inner.get(row["id"], ())),
            "is_empty": not row["tags"] and row["id"] not in inner,
            "removal": _removal(row, inner.get(row["id"], ()), priced.get(row["id"], ())),
            "etag": etag_of(row),
        }
        for row in rows
    ]


def places_of(site: Site) -> list[dict[str, Any]]:
    """What a rule may name: each EVSE, and before its EVSEs a station that has several."""
    found: list[dict[str, Any]] = []
    for station in site.stations:
        if len(station.evses) > 1:
            found.append({"id": station.id, "is_station": True})
        found += [{"id": evse.id, "is_station": False} for evse in station.evses]
    return found


def _inside(tags: int, groups: Sequence[str]) -> str:
    """Who is in a group."""
    said = [_counted(tags, "tag")] if tags or not groups else []
    said += [f"{'group' if len(groups) == 1 else 'groups'} {_named(groups)}"] if groups else []
    return " and ".join(said)


def _removal(row: GroupRow, groups: Sequence[str], prices: Sequence[str]) -> str:
    """What it takes to remove a group, and what that does."""
    if row["tags"] or groups:
        return (
            f"Before it can be removed, {_inside(row['tags'], groups)} must leave it: nobody loses a limit by accident."
        )
    if prices:
        return f"Removing it changes nothing for any tag; {_named(prices)} would be a price for nobody."
    return "Removing it changes nothing for any tag."


def _holds(row: GroupRow, book: AccessBook) -> Iterator[str]:
    if row["parent"] is not None:
        yield f"in {book.groups[row['parent']].label}, and within what that allows"
    yield from _where_and_when(row["places"], row["hours"])
    if row["stop_tag"]:
        yield f"its members may end each other's sessions ({row['stop_tag']})"


def _limits(row: TagRow, when: When, currency: str) -> Iterator[str]:
    """What limits a tag, in a few words."""
    if row["groups"]:
        yield f"in {', '.join(row['groups'])}"
    if row["valid_from"] is not None:
        yield f"from {when(row['valid_from'])}"
    if row["valid_to"] is not None:
        yield f"until {when(row['valid_to'])}"
    yield from _where_and_when(row["places"], row["hours"])
    if row["budget_kwh"] is not None:
        spent = "" if row["spent_kwh"] is None else f"{row['spent_kwh']:.1f} of "
        yield f"{spent}{row['budget_kwh']:g} kWh a {row['budget_period']}"
    if row["budget_cost"] is not None:
        yield f"{row['spent_cost']} of {row['budget_cost']} {currency} a {row['budget_period']}"
    if row["priority"] is not None:
        yield f"priority {row['priority']}"
    if row["at_once"] != 1:
        yield "at any number of places at once" if row["at_once"] == 0 else f"at {row['at_once']} places at once"


def _where_and_when(places: Sequence[str], hours: Sequence[str]) -> Iterator[str]:
    if places:
        yield f"at {_named(places)}"
    if hours:
        yield " and ".join(hours)


def _named(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
