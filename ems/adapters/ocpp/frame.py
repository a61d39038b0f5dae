"""The frame codec of OCPP-J (OCPP-J 1.6, section 4): bytes to messages and back, whatever the bytes are."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

import msgspec

MAX_ID = 256
"""The standard says 36 characters; stations exist that send more. Longer ones are not echoed."""


class Call(NamedTuple):
    """A request; `payload` is its raw JSON object. An `id` that came as a number is answered as one."""

    id: str | int
    action: str
    payload: bytes


class Result(NamedTuple):
    """The answer to one of our requests."""

    id: str
    payload: bytes


class Error(NamedTuple):
    """The refusal of one of our requests."""

    id: str
    code: str
    description: str


class Malformed(NamedTuple):
    """Something else; `id` when it can be told which request the peer wants answered."""

    id: str | int | None
    reason: str


Frame = Call | Result | Error | Malformed

_CALL, _RESULT, _ERROR = 2, 3, 4


class _PlainCall(msgspec.Struct, array_like=True, gc=False):
    """A request as the standard has it, which nearly every frame of a station is: read in one go."""

    kind: Literal[2]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
    action: str
    payload: msgspec.Raw


_plain = msgspec.json.Decoder(_PlainCall)
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_TYPES = {b"2": _CALL, b"3": _RESULT, b"4": _ERROR, b'"2"': _CALL, b'"3"': _RESULT, b'"4"': _ERROR, b"2.0": _CALL}
_LOOKS_LIKE_CALL = re.compile(rb'^\s*\[\s*"?2"?\s*,\s*"([^"\\]{1,%d})"' % MAX_ID)


def parse(data: bytes) -> Frame:
    """Read one frame. Never raises: what cannot be read even after repair is `Malformed`."""
    if data.startswith(b"[2,"):
        try:
            plain = _plain.decode(data)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            pass
        else:
            if _is_action(plain.action):
                return Call(plain.id, plain.action, _something(bytes(plain.payload)))
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        parts = _parts.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _repaired(data)
    return _classified(parts)


def _classified(parts: list[msgspec.Raw]) -> Frame:
    kind = _TYPES.get(bytes(parts[0])) if parts else None
    if kind is None or len(parts) < 2:
        return Malformed(None, "not a call, a result or an error")
    raw_id = bytes(parts[1])
    identity = _string(raw_id)
    if identity is None or not 1 <= len(identity) <= MAX_ID:
        return Malformed(None, "no usable message id")
    if kind == _CALL:
        action = _string(bytes(parts[2])) if len(parts) > 2 else None
        if action is None or not _is_action(action):
            return Malformed(identity, "no usable action")
        return Call(identity if raw_id[:1] == b'"' else int(identity), action, _object(parts, 3))
    if kind == _RESULT:
        return Result(identity, _object(parts, 2))
    code, description = ((_string(bytes(part)) or "")[:256] for part in (*parts[2:4], b'""', b'""')[:2])
    return Error(identity, code or "GenericError", description)


def _is_action(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) <= 64


def _string(part: bytes) -> str | None:
    """A JSON string, or a number written where a string belongs; None for anything else."""
    if part[:1] == b'"':
        try:
            return _text.decode(part)
        except (msgspec.MsgspecError, ValueError):
            return None
    return part.decode() if part.removeprefix(b"-").isdigit() and len(part) <= MAX_ID else None


def _object(parts: list[msgspec.Raw], position: int) -> bytes:
    """The payload, which may be left out."""
    return _something(bytes(parts[position]) if len(parts) > position else b"")


def _something(payload: bytes) -> bytes:
    """An empty payload may be written as null (OCPP-J 1.6, section 4.2.1)."""
    return b"{}" if payload in _NOTHING else payload


_NOTHING = frozenset({b"", b"null", b'""', b"[]"})
_MISSING_COMMA = re.compile(rb'((?:"|\d|true|false|null|\]|\}))(\s+)("[^"\\]{1,50}"\s*:)')
_NOT_A_NUMBER = re.compile(rb"(?<=[:,\[\s])(?:-?Infinity|-?inf|NaN|nan)(?=[,\]}\s])")


def _repaired(data: bytes) -> Frame:
    """Try again without what stations are known to get wrong: commas left out, brackets left open, NaN."""
    if len(data) <= 16_384:
        candidate = _closed(_NOT_A_NUMBER.sub(b"null", _MISSING_COMMA.sub(rb"\1,\2\3", data)))
        try:
            return _classified(_parts.decode(candidate))
        except (msgspec.MsgspecError, RecursionError, ValueError):
            pass
    call = _LOOKS_LIKE_CALL.match(data[: MAX_ID + 32])
    return Malformed(call.group(1).decode(errors="replace") if call else None, "not JSON")


def _closed(data: bytes) -> bytes:
    """Append the brackets that are still open at the end, unless the cut may have gone through a value."""
    if data.rstrip()[-1:] not in {b'"', b"}", b"]"}:
        return data
    pending: list[int] = []
    in_string = escaped = False
    for byte in data:
        if in_string:
            in_string = byte != 0x22 or escaped
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            in_string = True
        elif byte in {0x5B, 0x7B}:
            pending.append(byte + 2)
        elif byte in {0x5D, 0x7D} and pending:
            pending.pop()
    return data + bytes(reversed(pending)) if len(pending) <= 8 else data


def call(identity: str, action: str, payload: object) -> bytes:
    """Encode a request."""
    return _encoder.encode((_CALL, identity, action, payload))


def result(identity: str | int, payload: object) -> bytes:
    """Encode an answer."""
    return _encoder.encode((_RESULT, identity, payload))


def error(identity: str | int, code: str, description: str) -> bytes:
    """Encode a refusal."""
    return _encoder.encode((_ERROR, identity, code, description[:255], {}))


def decode_object(payload: bytes) -> dict[str, object] | None:
    """The payload as a dictionary; None when it is not a JSON object."""
    try:
        value = _anything.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return value if isinstance(value, dict) else None
