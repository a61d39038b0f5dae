"""The columns of a list of tags, and the words by which their headings are known."""

from __future__ import annotations

import re
from enum import Enum


class Column(Enum):
    """What a column says. The first word is how it is written."""

    TAG = ("tag", "id tag", "idtag", "rfid", "uid", "card", "card number", "token", "karte", "kartennummer", "chip")
    NAME = ("name", "label", "description", "bezeichnung", "beschreibung")
    PERSON = ("person", "user", "driver", "holder", "owner", "fahrer", "nutzer", "inhaber", "mitarbeiter")
    GROUPS = ("groups", "group", "gruppe", "gruppen")
    VALID_FROM = ("valid_from", "from", "starts", "gültig ab", "gültig von")
    VALID_TO = ("valid_to", "until", "to", "expires", "expiry date", "gültig bis", "ablauf")
    PLACES = ("evses", "evse", "stations", "bays", "ladepunkte", "stationen")
    HOURS = ("hours", "times", "zeiten")
    BUDGET = ("budget_kwh", "budget", "kwh")
    COST = ("budget_cost", "cost", "money", "budget money", "betrag", "kostenbudget")
    PERIOD = ("budget_period", "period", "zeitraum")
    PRIORITY = ("priority", "prio", "priorität", "service class")
    AT_ONCE = ("at_once", "sessions", "concurrent")
    BLOCKED = ("blocked", "is blocked", "locked", "gesperrt")


_KNOWN = {re.sub(r"[\W_]+", " ", word): column for column in Column for word in column.value}


def meaning(heading: str) -> Column | None:
    """What a heading such as 'Budget [kWh]' or 'ID-Tag' means; None when nothing here."""
    name = re.sub(r"[\W_]+", " ", re.sub(r"\(.*?\)|\[.*?\]", " ", heading.casefold())).strip()
    return _KNOWN.get(name)
