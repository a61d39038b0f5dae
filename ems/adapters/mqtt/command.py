"""What a command means."""

from __future__ import annotations

import math
from collections.abc import Collection

from ems.adapters.mqtt.payload import LIMIT, PAUSE
from ems.domain.daybook import Change
from ems.domain.events import LimitReceived, LimitWithdrawn, StrategyChosen
from ems.domain.limit import Limit
from ems.domain.site import Site
from ems.domain.strategy import Strategy
from ems.domain.units import PILOT_MIN_A
from ems.domain.unknown import UnknownError

MAX_BYTES = 64
NONE = frozenset({"", "none", "null"})
ON, OFF = frozenset({"on", "true", "1"}), frozenset({"off", "false", "0"})


def change_of(path: tuple[str, ...], payload: bytes, is_retained: bool, site: Site, allowed: Collection[str]) -> Change:
    """The change that a command asks for. Raises UnknownError or ValueError, in words for people."""
    if is_retained:
        raise ValueError("a retained command is none: publish it without retain")
    word = _word(payload)
    match path:
        case ("strategy",):
            _must_be_allowed("strategy", allowed)
            return StrategyChosen(None if word in NONE else _strategy(word))
        case ("evse", station, number, ("pause" | "limit") as what):
            _must_be_allowed(what, allowed)
            name = f"{station}/{number}"
            index = site.evse_index(name)
            if index is None:
                raise UnknownError(f"the site has no EVSE {name[:64]!r}")
            return _pause(name, word) if what == "pause" else _limit(name, word, site.evses[index].max_a)
    raise UnknownError(
        "there is no such command: strategy/set, evse/STATION/NUMBER/pause/set and …/limit/set are known"
    )


def _word(payload: bytes) -> str:
    if len(payload) > MAX_BYTES:
        raise ValueError(f"a command has at most {MAX_BYTES} bytes")
    try:
        return payload.decode("utf-8").strip().casefold()
    except UnicodeDecodeError:
        raise ValueError("a command is text in UTF-8") from None


def _must_be_allowed(what: str, allowed: Collection[str]) -> None:
    if what not in allowed:
        raise ValueError(f"the site file does not allow this: mqtt: {{commands: [{what}]}}")


def _strategy(word: str) -> Strategy:
    try:
        return Strategy(word)
    except ValueError:
        known = ", ".join(one.value for one in Strategy)
        raise ValueError(f"{word[:40]!r} is not a strategy; there are {known}") from None


def _pause(evse: str, word: str) -> Change:
    if word in ON:
        return LimitReceived(Limit(evse, PAUSE, max_a=0.0))
    if word in OFF or word in NONE:
        return LimitWithdrawn(evse, PAUSE)
    raise ValueError(f"{word[:40]!r} is neither ON nor OFF")


def _limit(evse: str, word: str, most_a: float) -> Change:
    if word in NONE:
        return LimitWithdrawn(evse, LIMIT)
    try:
        amps = float(word)
    except ValueError:
        amps = math.nan
    if not math.isfinite(amps) or amps < 0.0:
        raise ValueError(f"{word[:40]!r} is not a current in ampere, nor none")
    if 0.0 < amps < PILOT_MIN_A:
        raise ValueError(f"a vehicle charges with at least {PILOT_MIN_A:g} A, or not at all")
    return LimitWithdrawn(evse, LIMIT) if amps >= most_a else LimitReceived(Limit(evse, LIMIT, max_a=amps))
