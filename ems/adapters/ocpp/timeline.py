"""The last frames on the line to one station, for those who look for a fault: bounded, and without passwords.

What is said again and again, samples and limits, has a part of its own, so that it does not push out what is rare.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ems.adapters.ocpp import frame
from ems.domain.remote.outcome import Spoken
from ems.domain.remote.request import HIDDEN, SECRET_VARIABLES, is_secret, without_secrets

MOST_FRAMES, MOST_BYTES, LONGEST = 100, 32_000, 2_000
"""Of each of the two parts; a longer frame is kept up to its bound."""

PACKED_FRAMES, PACKED_BYTES = 20, 8_000
"""So much is packed together: frames of one station are much alike, so a pack takes a fifth of what they took."""

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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode
_frames_in = msgspec.msgpack.Decoder(list[bytes]).decode


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
        kept = sorted((*self._rare.read(), *self._routine.read()), key=lambda one: one.at)
        return tuple(
            Spoken(one.at, one.from_station, one.kind, one.action, one.id[:64], payload_of(one.data)) for one in kept
        )

    def _keep(self, one: _Kept) -> None:
        if len(one.data) > LONGEST:
            one = one._replace(data=one.data[: LONGEST + 1])
        (self._routine if one.action in ROUTINE else self._rare).add(one)


class _Pack(NamedTuple):
    """Frames one after the other, and how many bytes were on the line."""

    data: bytes
    frames: int
    size: int


class _Part:
    """The newest frames, the older ones of them packed."""

    def __init__(self) -> None:
        self._packs: list[_Pack] = []
        self._fresh: list[bytes] = []
        self._size = 0

    def add(self, one: _Kept) -> None:
        self._fresh.append(_encode(one))
        self._size += len(one.data)
        if len(self._fresh) >= PACKED_FRAMES or self._size >= PACKED_BYTES:
            self._packs.append(_Pack(zlib.compress(_encode(self._fresh), 1), len(self._fresh), self._size))
            self._fresh, self._size = [], 0
            self._let_go()

    def read(self) -> list[_Kept]:
        """As many as the bounds allow, oldest first."""
        kept: list[_Kept] = []
        size = 0
        for one in self._newest_first():
            size += len(one.data)
            if len(kept) >= MOST_FRAMES or size > MOST_BYTES:
                break
            kept.append(one)
        return kept[::-1]

    def _newest_first(self) -> Iterator[_Kept]:
        yield from map(_decode, reversed(self._fresh))
        for pack in reversed(self._packs):
            yield from map(_decode, reversed(_frames_in(zlib.decompress(pack.data))))

    def _let_go(self) -> None:
        """Packs go, the oldest first, as long as the others fill the bounds."""
        frames = sum(pack.frames for pack in self._packs)
        size = sum(pack.size for pack in self._packs)
        while frames - self._packs[0].frames >= MOST_FRAMES or size - self._packs[0].size > MOST_BYTES:
            gone = self._packs.pop(0)
            frames, size = frames - gone.frames, size - gone.size


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
