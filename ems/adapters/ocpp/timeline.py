"""The last frames on the line to one station, for those who look for a fault: bounded, and without passwords.

What is said again and again, samples and limits, has a part of its own, so that it does not push out what is rare.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ems.adapters.ocpp import frame
from ems.domain.remote.outcome import Spoken
from ems.domain.remote.request import HIDDEN, SECRET_VARIABLES, is_secret, without_secrets

MOST_FRAMES, MOST_BYTES, LONGEST = 100, 32_000, 2_000
"""Of each of the two parts; a longer frame is kept up to its bound."""

MOST_ASKED = 16
ROUTINE = frozenset({"MeterValues", "Heartbeat", "SetChargingProfile", "GetCompositeSchedule"})
PLACES = frozenset({"location"})
"""Fields that hold an address, which may say who may go there."""


class _Kept(NamedTuple):
    at: datetime
    from_station: bool
    kind: str
    action: str
    id: str
    data: bytes


class Timeline:
    """What was said last, over all links of a station."""

    def __init__(self) -> None:
        self._rare, self._routine = _Part(), _Part()
        self._asked: OrderedDict[str, str] = OrderedDict()

    def heard(self, at: datetime, found: frame.Frame, data: bytes) -> None:
        """A frame came from the station."""
        match found:
            case frame.Call(identity, action, _):
                self._keep(_Kept(at, True, "call", action, str(identity), data))
            case frame.Result(identity, _):
                self._keep(_Kept(at, True, "result", self._asked.pop(identity, ""), identity, data))
            case frame.Error(identity, _, _):
                self._keep(_Kept(at, True, "error", self._asked.pop(identity, ""), identity, data))
            case frame.Malformed(identity, reason):
                self._keep(_Kept(at, True, "malformed", reason, str(identity or ""), data))

    def asked(self, at: datetime, identity: str, action: str, data: bytes) -> None:
        """We asked the station."""
        self._asked[identity] = action
        while len(self._asked) > MOST_ASKED:
            self._asked.popitem(last=False)
        self._keep(_Kept(at, False, "call", action, identity, data))

    def answered(self, at: datetime, call: frame.Call, data: bytes) -> None:
        """We answered the station."""
        self._keep(_Kept(at, False, "error" if data[:2] == b"[4" else "result", call.action, str(call.id), data))

    def link(self, at: datetime, words: str) -> None:
        """The line came or went."""
        self._rare.add(_Kept(at, False, "link", words, "", b""))

    def read(self) -> Sequence[Spoken]:
        """Everything that is kept, oldest first."""
        kept = sorted((*self._rare.kept, *self._routine.kept), key=lambda one: one.at)
        return tuple(
            Spoken(one.at, one.from_station, one.kind, one.action, one.id[:64], payload_of(one.data)) for one in kept
        )

    def _keep(self, one: _Kept) -> None:
        if len(one.data) > LONGEST:
            one = one._replace(data=one.data[: LONGEST + 1])
        (self._routine if one.action in ROUTINE else self._rare).add(one)


class _Part:
    def __init__(self) -> None:
        self.kept: deque[_Kept] = deque()
        self._bytes = 0

    def add(self, one: _Kept) -> None:
        self.kept.append(one)
        self._bytes += len(one.data)
        while len(self.kept) > MOST_FRAMES or self._bytes > MOST_BYTES:
            self._bytes -= len(self.kept.popleft().data)


def payload_of(data: bytes) -> str:
    """What a frame carries, as text for people; a password, or what may hold one, is left out."""
    try:
        kind, _, *rest = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        text = data[:LONGEST].decode("utf-8", "replace")
        return HIDDEN if any(secret in text.casefold() for secret in (*SECRET_VARIABLES, *PLACES)) else text
    content = rest if kind == 4 else rest[-1:]
    shown = [_shown(part) for part in content]
    return json.dumps(shown[0] if len(shown) == 1 else shown, ensure_ascii=False)


def _shown(part: Any, name: str = "") -> Any:
    if isinstance(part, dict):
        secret = is_secret(str(part.get("key", "")))
        return {key: HIDDEN if secret and key == "value" else _shown(value, str(key)) for key, value in part.items()}
    if isinstance(part, list):
        return [_shown(one) for one in part]
    return without_secrets(part) if isinstance(part, str) and name in PLACES else part
