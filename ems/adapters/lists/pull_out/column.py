"""The columns of a pull-out list, and the words by which their headings are known."""

from __future__ import annotations

from enum import Enum

from ems.adapters.lists.table import Form, words_of


class Column(Enum):
    """What a column says. The first word is how it is written."""

    VEHICLE = (
        "vehicle", "vehicle id", "vehicle name", "bus", "bus no", "bus number", "truck", "fahrzeug", "fahrzeug id",
        "fahrzeugnummer", "fahrzeug nr", "fahrzeugnr", "wagen", "wagennummer", "wagen nr", "wagennr", "kurs fahrzeug",
        "lkw", "kennzeichen", "busnummer", "bus nr",
    )  # fmt: skip
    DEPARTURE = (
        "departure", "departure time", "departs", "departs at", "leaves", "leave by", "leaves at", "pull out",
        "pull out time", "pullout", "ready by", "abfahrt", "abfahrtszeit", "abfahrtzeit", "ausfahrt", "ausfahrtszeit",
        "ausfahrtzeit", "ausrücken", "ausrückzeit", "abfahrt um", "bereit bis", "fertig bis", "time", "uhrzeit", "zeit",
    )  # fmt: skip
    DATE = (
        "date", "day", "departure date", "operating day", "datum", "tag", "betriebstag", "abfahrtsdatum",
        "abfahrtdatum", "ausfahrtsdatum", "ausfahrtdatum", "verkehrstag",
    )  # fmt: skip
    SOC = (
        "target_soc", "soc", "soc target", "target", "soc percent", "target soc percent", "min soc", "ziel soc",
        "zielsoc", "soll soc", "sollsoc", "mindest soc", "ladeziel", "ziel", "ladestand",
        "soll ladestand", "ziel ladestand",
    )  # fmt: skip
    KWH = (
        "kwh", "energy", "energy kwh", "need", "need kwh", "energy need", "energie", "energie kwh", "energiebedarf",
        "bedarf", "bedarf kwh", "energiebedarf kwh", "lademenge",
    )  # fmt: skip
    BAY = (
        "evse", "bay", "charger", "station", "charging point", "connector", "parking", "stellplatz", "platz",
        "ladeplatz", "ladepunkt", "ladestation", "ladesäule", "stand", "standplatz", "spur",
    )  # fmt: skip
    PRIORITY = ("priority", "prio", "class", "service class", "priorität", "klasse", "vorrang")


FORM = Form(words_of(Column), (Column.VEHICLE, Column.DEPARTURE), "the vehicle and one for its departure", "#")
