"""What somebody probably meant: similar words, and the same quantity in another unit."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

ALIASES = {
    "address": "host",
    "baudrate": "baud",
    "breaker_a": "rating_a",
    "bus": "device",
    "connectors": "evses",
    "current_a": "max_a",
    "fuse_a": "rating_a",
    "interval_s": "every_s",
    "ip": "host",
    "legs": "phases",
    "mode": "strategy",
    "parity": "frame",
    "period_s": "every_s",
    "phase": "phases",
    "poll_s": "every_s",
    "serial": "device",
    "server": "host",
    "slave": "unit",
    "slave_id": "unit",
    "type": "model",
    "tz": "timezone",
    "unit_id": "unit",
}

SECRETS = frozenset({"password", "passwd", "secret", "token", "auth", "authorization_key"})

_UNITS = re.compile(
    r"[_-]?(amp(?:ere)?s?|watts?|volts?|seconds?|minutes?|hours?|k?va|[km]?wh|ka|ma|kw|mw|kv|ms|min|a|w|v|s|h)$"
)
_FACTORS = {"ka": 1e3, "ma": 1e-3, "kw": 1e3, "mw": 1e6, "kva": 1e3, "kv": 1e3, "ms": 1e-3, "min": 60.0, "h": 3600.0,
            "kwh": 1e3, "mwh": 1e6}  # fmt: skip
_SAME_KIND = ({"a", "ka", "ma"}, {"w", "kw", "mw"}, {"wh", "kwh", "mwh"}, {"s", "ms", "min", "h"})
_IN_FULL = {"a": "ampere per phase", "kw": "kilowatt", "kwh": "kilowatt-hours", "s": "seconds", "v": "volt",
            "w": "watt"}  # fmt: skip
_WRITTEN = {"a": "A", "w": "W", "kw": "kW", "mw": "MW", "kva": "kVA", "va": "VA", "ka": "kA", "ma": "mA", "wh": "Wh",
            "kwh": "kWh", "mwh": "MWh"}  # fmt: skip
_QUANTITY = re.compile(r"\s*([-+]?\d+(?:[.,]\d+)?)\s*([a-zA-Zµ%/]{1,8})?\s*")


MAX_LISTED = 12


class Hint(NamedTuple):
    """`key` is what was probably meant, None when nothing is near; `remedy` how to write it."""

    key: str | None
    remedy: str


def similar(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is probably a slip of."""
    by_folded = {name.casefold().replace("_", "-"): name for name in known}
    folded = str(word).casefold().replace("_", "-")
    matches = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def or_known(word: str, known: Sequence[str]) -> str:
    """A remedy for a word that must be one of a few."""
    near = similar(word, known)
    listed = (", ".join(known[:MAX_LISTED]) + (", …" if len(known) > MAX_LISTED else "")) or "none"
    return f"did you mean '{near}'? known: {listed}" if near else f"write one of: {listed}"


def unknown_key(key: str, value: Any, known: Sequence[str], voltage_v: float = 230.0) -> Hint:
    """What `key` was probably meant to be among the known keys, and how to write it."""
    folded = key.casefold().replace("-", "_")
    if folded in SECRETS and "password_file" in known:
        return Hint("password_file", "keep it out of this file: write it to a file that only the service may read")
    alias = ALIASES.get(folded)
    if alias in known:
        return Hint(alias, f"write {alias}")
    same_quantity = [name for name in known if "_" in name and _stem(name) == _stem(folded) and _unit(name)]
    if same_quantity and _stem(folded):
        meant = max(same_quantity, key=lambda name: _is_same_kind(_unit(name), _unit(folded)))
        return Hint(meant, _in_unit(meant, _unit(folded), value, voltage_v))
    near = similar(key, known)
    if near is None:
        deep = ", or is it indented too far?" if isinstance(value, dict) else ""
        return Hint(None, f"known here: {', '.join(known)}{deep}")
    return Hint(near, f"write '{near}', or remove the line")


def as_number(text: str) -> float | None:
    """The number in a text such as '32 A' or '3,5'."""
    match = _QUANTITY.fullmatch(text)
    return float(match[1].replace(",", ".")) if match else None


def _stem(key: str) -> str:
    return _UNITS.sub("", key)


def _unit(key: str) -> str:
    match = _UNITS.search(key)
    unit = match[1] if match and match.start() > 0 else ""
    return unit if len(unit) <= 3 else {"a": "a", "w": "w", "v": "v", "s": "s", "m": "min", "h": "h"}[unit[0]]


def _in_unit(meant: str, unit: str, value: Any, voltage_v: float) -> str:
    """How to write `value`, given in `unit`, under the key `meant`."""
    target = _unit(meant)
    text = f"{meant} is in {_IN_FULL.get(target, target)}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not unit or not math.isfinite(value):
        return text
    amount = value * _FACTORS.get(unit, 1.0)
    if target == "a" and unit in {"w", "kw", "mw", "kva", "va"}:
        each = amount / (3 * voltage_v)
        return f"{text}: {value:g} {_shown(unit)} on three phases at {voltage_v:g} V are {each:.1f} A per phase"
    if target == "kw" and unit in {"a", "ka", "ma"}:
        total = amount * 3 * voltage_v / 1e3
        return f"{text}: {value:g} {_shown(unit)} on three phases at {voltage_v:g} V are {total:.1f} kW"
    converted = f"{text}: write {meant}: {amount / _FACTORS.get(target, 1.0):g}"
    return converted if _is_same_kind(target, unit) else text


def _is_same_kind(unit: str, other: str) -> bool:
    """Whether one unit is a multiple of the other."""
    return any({unit, other} <= units for units in _SAME_KIND)


def _shown(unit: str) -> str:
    return _WRITTEN[unit]
