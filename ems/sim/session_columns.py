"""The columns of a table of sessions, known by the words of their headings, English or German."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

WH = {"wh": 1.0, "kwh": 1e3, "mwh": 1e6}
ENERGY = frozenset({"energy", "energie", "consumption", "verbrauch", "lademenge", "energiemenge", "ladeenergie"})
BESIDE_ENERGY = frozenset(
    {"delivered", "charged", "dispensed", "supplied", "consumed", "used", "total", "session", "charging", "geladen",
     "geladene", "abgegeben", "abgegebene", "gesamt", "menge", "value", "amount"}
)  # fmt: skip
SAID_BESIDE = frozenset({"utc", "gmt", "local", "lokal", "ortszeit", "hh", "mm", "ss"})


class Column(Enum):
    """What a column says, and the headings by which it is known, those first that say it most clearly."""

    ID = ("session id", "transaction id", "charging session id", "charge id", "vorgangsnummer", "session", "id")
    EVSE = ("evse", "evse id", "charge box id", "charge point id", "chargepoint id", "charging station id",
            "charger id", "station id", "station", "station name", "charge point", "charge point name", "chargepoint",
            "charging station", "charging point", "charger", "charger name", "charge box", "outlet", "ladepunkt",
            "ladestation", "ladesäule", "wallbox", "bay", "space", "space id")  # fmt: skip
    CONNECTOR = ("connector", "connector id", "port", "plug", "anschluss", "stecker", "plug id", "connector number")
    BEGIN = ("plugged", "plugged in", "plug in", "plug in time", "connected", "connection time", "connect time",
             "arrival", "arrival time", "session start", "start timestamp", "start date time", "start datetime",
             "start", "started", "started at", "start at", "start date", "begin", "began", "ladebeginn", "beginn",
             "startzeitpunkt", "startdatum", "von", "from", "check in", "timestamp start")  # fmt: skip
    BEGIN_CLOCK = ("start time", "begin time", "startzeit", "uhrzeit von", "anfang")
    DAY = ("date", "day", "datum")
    END = ("unplugged", "plugged out", "plug out", "plug out time", "disconnected", "disconnection time",
           "disconnect time", "session end", "stop timestamp", "end timestamp", "end date time", "end datetime", "end",
           "ended", "ended at", "end at", "end date", "stop", "stopped", "stopped at", "finished", "ladeende", "ende",
           "endzeitpunkt", "enddatum", "bis", "to", "until", "check out", "timestamp stop", "departure",
           "departure time")  # fmt: skip
    END_CLOCK = ("end time", "stop time", "endzeit", "uhrzeit bis")
    LASTED = ("connection duration", "parking duration", "plug in duration", "total duration", "session duration",
              "duration", "standzeit", "dauer", "charging duration", "ladedauer")  # fmt: skip
    METER_BEGIN = ("meter start", "start meter", "meter begin", "zählerstand start", "zählerstand beginn")
    METER_END = ("meter stop", "meter end", "end meter", "stop meter", "zählerstand ende")
    REQUESTED = ("requested energy", "energy requested", "requested", "need", "energy needed", "bedarf")
    STATED = ("estimated departure", "requested departure", "planned departure", "stated departure", "departure",
              "geplante abfahrt")  # fmt: skip
    USER = ("user id", "user", "driver", "driver id", "id tag", "tag", "rfid", "card", "card id", "token", "person",
            "vehicle", "nutzer", "fahrer", "karte", "fahrzeug", "customer", "customer id")  # fmt: skip
    VOID = ("void", "voided", "is void", "storniert")
    DELIVERED = ()


def words_of(heading: str) -> tuple[str, ...]:
    """The words of 'Energy (kWh)', 'energy_wh', 'chargeBoxId' or 'kWhDelivered', in small letters."""
    apart = re.sub(r"[kM]?Wh(?![a-z])", lambda unit: f" {unit[0].lower()} ", heading)
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", apart)
    return tuple(re.findall(r"[^\W_]+", apart.casefold()))


def factor_of(heading: str) -> float | None:
    """Wh per unit of a column; None when its heading tells no unit of energy."""
    return next((WH[word] for word in words_of(heading) if word in WH), None)


def is_utc(heading: str) -> bool:
    """Whether a heading says that its times are UTC."""
    return not {"utc", "gmt"}.isdisjoint(words_of(heading))


def columns_of(headings: Sequence[str]) -> Mapping[Column, int]:
    """In which column what stands. Where several say the same, the one with the clearest heading."""
    plain = [" ".join(w for w in words_of(heading) if w not in WH and w not in SAID_BESIDE) for heading in headings]
    found: dict[Column, int] = {}
    for column in Column:
        # What a driver said of the departure may be called as the departure itself is elsewhere.
        named = [name for name in column.value if name in plain and plain.index(name) not in found.values()]
        if named:
            found[column] = plain.index(named[0])
    delivered = [
        k for k, heading in enumerate(headings) if k not in found.values() and _tells_energy(words_of(heading))
    ]
    if delivered:
        found[Column.DELIVERED] = min(delivered, key=lambda k: (factor_of(headings[k]) is None, k))
    return found


def _tells_energy(words: Sequence[str]) -> bool:
    rest = {word for word in words if word not in WH}
    named = len(rest) < len(words) or not rest.isdisjoint(ENERGY)
    return named and rest <= ENERGY | BESIDE_ENERGY


def missing_of(found: Mapping[Column, int]) -> tuple[str, ...]:
    """In words, without what a table holds no sessions."""
    begins = any(column in found for column in (Column.BEGIN, Column.BEGIN_CLOCK, Column.DAY))
    ends = any(column in found for column in (Column.END, Column.END_CLOCK, Column.LASTED))
    has_energy = Column.DELIVERED in found or {Column.METER_BEGIN, Column.METER_END} <= set(found)
    needed = ((Column.EVSE in found, "the EVSE"), (begins, "the begin"), (ends, "the end"), (has_energy, "the energy"))
    return tuple(what for there, what in needed if not there)
