"""Finished days in words that an operator understands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ems.adapters.web.regret.shape import RegretRow
from ems.adapters.web.values import number, plain
from ems.planning.day_verdict import DayRegret, DayVerdict

NOTHING = 0.005
"""Less than half a cent is no part."""

MISSED_KWH = 0.1


class Part(NamedTuple):
    """What a day cost for one reason."""

    why: str
    amount: str


def regret_row(verdict: DayVerdict, currency: str) -> RegretRow:
    """A finished day."""
    known = verdict.regret
    return {
        "day": verdict.day.isoformat(),
        "currency": currency,
        "regret": None
        if known is None
        else {
            "cost": _money(known.cost),
            "could": _money(known.could),
            "regret": _money(known.regret),
            "carried_out": _money(known.carried_out),
            "wishes": _money(known.wishes),
            "late_knowledge": _money(known.late_knowledge),
            "limits": _money(known.limits),
            "missing_kwh": number(known.missing_kwh) or 0.0,
            "could_miss_kwh": number(known.could_miss_kwh) or 0.0,
            "why": known.why,
        },
        "trouble": plain(verdict.trouble),
        "assumed": [plain(text) for text in verdict.assumed],
        "text": in_words(verdict, currency),
    }


def in_words(verdict: DayVerdict, currency: str) -> str:
    """'16 June cost 12.34 EUR; it could have cost 10.00 EUR.'"""
    day, known = f"{verdict.day:%A} {verdict.day.day} {verdict.day:%B}", verdict.regret
    if known is None:
        return f"Of {day} nothing can be said: {plain(verdict.trouble)}."
    missed = f", with {known.missing_kwh:.1f} kWh that vehicles missed" if known.missing_kwh >= MISSED_KWH else ""
    cost = f"{day} cost {known.cost:.2f} {currency}{missed}"
    if known.regret < NOTHING:
        return f"{cost}; it could not have cost less."
    better = f", with {known.could_miss_kwh:.1f} kWh missed" if known.missing_kwh >= MISSED_KWH else ""
    return f"{cost}; it could have cost {known.could:.2f} {currency}{better}."


def parts(known: DayRegret, currency: str) -> Iterator[Part]:
    """Why it cost more than it could have, the largest part first; then what limits cost."""
    found = (
        ("how it was carried out", known.carried_out),
        ("what drivers said, and was not so", known.wishes),
        ("who came was not known before", known.late_knowledge),
    )
    for why, amount in sorted(found, key=lambda part: -part[1]):
        if abs(amount) >= NOTHING:
            yield Part(why, f"{amount:+.2f} {currency}".replace("-", "−"))
    if known.limits >= NOTHING:
        yield Part("limits of circuits, without which it could have cost less still", f"{known.limits:.2f} {currency}")


def _money(amount: float) -> float:
    return round(amount, 4)
