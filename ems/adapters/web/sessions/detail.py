"""One session in the words of its page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ems.adapters.web.sessions.chart import bars
from ems.adapters.web.sessions.rows import session_row
from ems.adapters.web.sessions.words import (
    CORRECTED,
    ENDED_BY,
    PAID,
    SIGNS,
    Clocks,
    ended,
    kwh,
    money,
    span,
    value_words,
)
from ems.adapters.web.texts import NOTHING
from ems.adapters.web.values import plain
from ems.domain.access.book import AccessBook
from ems.domain.billing.price_list import Unit
from ems.domain.billing.receipt import ReceiptLine
from ems.domain.record.session_detail import SessionDetail
from ems.domain.site import Site


def shown(found: SessionDetail, access: AccessBook, site: Site, now: datetime) -> dict[str, Any]:
    """What the page of a session shows."""
    entry, clocks = found.entry, Clocks(site.zone)
    person = None if entry.person is None else access.people.get(entry.person)
    return {
        "entry": session_row(entry),
        "is_there": site.evse_index(entry.evse) is not None,
        "title": f"{entry.evse}, {clocks.date(entry.plugged)}",
        "facts": _facts(found, clocks, plain(person.label) if person is not None else plain(entry.person or ""), now),
        "timeline": _timeline(found, clocks),
        "bars": bars(found.quarters, entry.plugged, entry.unplugged or now, site.zone),
        "receipt": _receipt(found),
        "corrections": [
            {
                "at": clocks.date(one.at),
                "who": plain(one.who),
                "reason": plain(one.reason),
                "changes": [
                    (CORRECTED.get(name, name), value_words(name, change.was), value_words(name, change.now))
                    for name, change in one.changes.items()
                ],
            }
            for one in found.corrections
        ],
        "signed": [
            {"told": told, "found": seen, "sign": SIGNS[seen.verdict], "at": clocks.second(told.at)}
            for told, seen in found.signed
        ],
    }


def _facts(found: SessionDetail, clocks: Clocks, person: str, now: datetime) -> list[tuple[str, str]]:
    entry = found.entry
    told = [
        ("Plugged in", clocks.date(entry.plugged)),
        ("Left", "still there" if entry.unplugged is None else clocks.date(entry.unplugged)),
        ("For", span(entry.occupied_s(now))),
        ("of that idle", span(entry.idle_s)),
        ("Energy", kwh(entry.energy_wh, 3)),
        ("CO₂", "" if found.co2_g is None else f"{found.co2_g / 1000.0:.2f} kg"),
        ("Needed", kwh(entry.need_wh)),
        ("Departure", clocks.date(entry.departure)),
        ("End", ended(entry)),
        ("Person", person),
        ("Vehicle", plain(entry.vehicle or "")),
        ("Tag", plain(entry.tag or "")),
        ("Groups", plain(", ".join(entry.groups))),
        ("Cost centre", plain(entry.cost_centre)),
        ("Cost", "" if entry.cost_minor is None else money(entry.cost_minor, entry.currency)),
        ("Payment", "" if entry.payment is None else PAID.get(entry.payment.value, entry.payment.value)),
    ]
    return [(what, value) for what, value in told if value and value != NOTHING]


def _timeline(found: SessionDetail, clocks: Clocks) -> list[tuple[str, str, str]]:
    """When, what, and what kind of line it is."""
    entry = found.entry
    told: list[tuple[datetime, str, str]] = [(entry.plugged, "A vehicle is plugged in", "plug")]
    for one in found.transactions:
        register = "" if one.meter_start_wh is None else f" at {kwh(one.meter_start_wh, 3)}"
        if one.started is not None:
            tag = f", tag {plain(one.id_tag)}" if one.id_tag else ""
            told.append((one.started, f"Transaction {one.id} begins{register}{tag}", "bolt"))
        if one.ended is not None:
            register = "" if one.meter_stop_wh is None else f" at {kwh(one.meter_stop_wh, 3)}"
            why = ENDED_BY.get(one.reason, plain(one.reason))
            seen = " (nobody reported it)" if one.is_inferred else ""
            told.append((one.ended, f"Transaction {one.id} ends{register}: {why}{seen}", "check"))
    for offer in found.offers:
        told.append((max(offer.at, entry.plugged), f"{offer.amps:g} A: {plain(offer.text)}", "offer"))
    if entry.unplugged is not None:
        told.append((entry.unplugged, "The vehicle leaves", "left"))
    order = ("plug", "bolt", "offer", "check", "left")
    told.sort(key=lambda line: (line[0], order.index(line[2])))
    return [(clocks.second(at), words, kind) for at, words, kind in told]


def _receipt(found: SessionDetail) -> dict[str, Any] | None:
    made = found.receipt
    if made is None:
        return None
    return {
        "title": plain(made.title),
        "lines": [_line(line, made.currency) for line in made.lines],
        "net": money(made.net, made.currency),
        "vat": money(made.vat, made.currency),
        "vat_percent": f"{made.vat_percent:f}",
        "total": money(made.total, made.currency),
    }


UNITS = {Unit.KWH: "Energy", Unit.MINUTE: "Minutes", Unit.IDLE_MINUTE: "Idle minutes", Unit.SESSION: "Session"}


def _line(line: ReceiptLine, currency: str) -> tuple[str, str, str, str]:
    quantity = kwh(line.quantity, 3) if line.unit is Unit.KWH else str(line.quantity)
    return UNITS[line.unit], quantity, f"{line.price:f}", money(line.amount, currency)
