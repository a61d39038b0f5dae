"""The columns of a list of tags, and the words by which their headings are known."""

from __future__ import annotations

from enum import Enum

from ems.adapters.lists.table import Form, words_of


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


FORM = Form(words_of(Column), (Column.TAG,), "the tag")
