"""Values that a comma has cut: inside of braces `{phases: L1,L2}` is a key `phases` and a key `L2` without a value."""

from __future__ import annotations

from typing import Any, NamedTuple

from ems.domain.phases import Phase
from ems.settings.route import Route


class Cut(NamedTuple):
    """The key whose value was cut and how to write it; `is_first`: the place is the first piece that fell off."""

    key: str
    joined: str
    is_first: bool


def cut_at(data: Any, place: Route) -> Cut | None:
    """What was cut, if the key at `place` is a piece of it: a phase, or the digits behind a decimal comma."""
    around = data
    for step in place[:-1]:
        try:
            around = around[step]
        except (KeyError, IndexError, TypeError):
            return None
    if not isinstance(around, dict) or place[-1] not in around:
        return None
    keys = list(around)
    at = keys.index(place[-1])
    first = at
    while first > 0 and around[keys[first]] is None and _is_piece(keys[first]):
        first -= 1
    key, pieces = keys[first], keys[first + 1 : at + 1]
    if not pieces or around[key] is None:
        return None
    if pieces[0].isdecimal():
        return Cut(key, f"{around[key]}.{pieces[0]}", at == first + 1)
    phases = [name for name in keys[first + 1 :] if name in Phase.__members__]
    return Cut(key, " ".join([str(around[key]), *phases]), at == first + 1)


def _is_piece(key: str) -> bool:
    return key in Phase.__members__ or key.isdecimal()
