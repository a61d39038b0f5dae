"""Prices written in another unit than the key says: cents, megawatt-hours, text with a unit behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from ems.settings.document import Document
from ems.settings.finding import Finding
from ems.settings.hints import as_number
from ems.settings.route import Route

CENTS = {"ct": 0.01, "cent": 0.01, "cents": 0.01, "p": 0.01, "pence": 0.01, "c": 0.01}
MONEY = {**CENTS, "eur": 1.0, "euro": 1.0, "usd": 1.0, "gbp": 1.0, "chf": 1.0, "€": 1.0, "£": 1.0, "$": 1.0}
ENERGY = {"wh": 1000.0, "kwh": 1.0, "mwh": 0.001}
POWER = {"w": 1000.0, "kw": 1.0, "kva": 1.0, "mw": 0.001}
FILLERS = frozenset({"price", "rate", "cost", "costs", "charge", "per", "tariff", "net", "energy", "demand"})

MOST_PER_KWH = 5.0
"""Above this in euro, pound or dollar a kilowatt-hour is surely meant in cents."""

SMALL_MONEY = {
    "JPY": 150.0, "KRW": 1300.0, "INR": 85.0, "HUF": 350.0, "CZK": 22.0, "SEK": 10.0, "NOK": 10.0, "DKK": 7.0,
    "PLN": 4.0, "CNY": 7.0, "TRY": 30.0, "ZAR": 18.0, "THB": 35.0, "MXN": 18.0, "ISK": 140.0, "RON": 4.5, "TWD": 30.0,
}  # fmt: skip
"""How many units of other currencies are about as much; the others are near enough to one."""


class Respelt(NamedTuple):
    """An entry with every slip put right, so that it can be checked further, and the findings about them."""

    data: dict[str, Any]
    findings: tuple[Finding, ...]


def most_per_kwh(currency: str) -> float:
    """The highest price that is plausible."""
    return MOST_PER_KWH * SMALL_MONEY.get(currency, 1.0)


def respelt(data: Mapping[str, Any], known: Mapping[str, Any], document: Document, route: Route) -> Respelt:
    """Read keys like `price_ct` or `eur_per_mwh` as what the entry calls them, and values like '30 ct'.

    `known` are the keys that the entry may have: `per_kwh` or `per_kw` is the price among them.
    """
    per = "per_kw" if "per_kw" in known else "per_kwh"
    units = POWER if per == "per_kw" else ENERGY
    found: dict[str, Any] = {}
    findings: list[Finding] = []
    for key, value in data.items():
        factor, meant = (1.0, key) if key in known else _meaning(key, per, units, "series" in data)
        amount = as_number(value) if isinstance(value, str) else value
        if meant in known and meant.endswith(per) and isinstance(value, str) and amount is not None:
            factor *= _factor_in(value, units)
        if (factor, meant) == (1.0, key) or meant not in known or not _is_number(amount):
            found.setdefault(key, value)
            continue
        right = f"{meant} is in whole currency per {per[4:].replace('w', 'W')}: write {meant}: {amount * factor:.6g}"
        slip = f"unknown key '{key[:60]}': did you mean '{meant}'?" if key != meant else f"{key} is in another unit"
        findings.append(document.error((*route, key), slip, right))
        found.setdefault(meant, amount * factor)
    return Respelt(found, tuple(findings))


def _meaning(key: str, per: str, units: Mapping[str, float], has_series: bool) -> tuple[float, str]:
    """The factor and the key that an unknown key stands for; the key itself when it is about no price."""
    words = [word for word in re.split(r"[\s_/-]+", key.casefold()) if word]
    rest = [word for word in words if word != "markup"]
    if not rest or not all(word in MONEY or word in units or word in FILLERS for word in rest):
        return 1.0, key
    factor = 1.0
    for word in rest:
        factor *= MONEY.get(word, 1.0) * units.get(word, 1.0)
    is_markup = per == "per_kwh" and (has_series or "markup" in words)
    return factor, "markup_per_kwh" if is_markup else per


def _factor_in(text: str, units: Mapping[str, float]) -> float:
    factor = 1.0
    for word in re.findall(r"[^\W\d_]+|[€£$]", text.casefold()):
        factor *= MONEY.get(word, 1.0) * units.get(word, 1.0)
    return factor


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
