"""Frozen records to plain values and back, by their annotations.

A record becomes a list of its fields in their order; the schema, which goes into the file once, names them. So a
later program reads what an earlier one wrote: a field that was added since takes its default, a field that is gone or
was never optional is an error that says so. Of a union of records each is written with its class name.

What a record computes for itself (`init=False`) and what does not count when two are compared (`compare=False`, a
cache) is left out and arises anew. Times with a zone become UTC.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

Convert = Callable[[Any], Any]
Schema = Mapping[str, Sequence[str]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_INT = 1 << 63


class CodecError(ValueError):
    """A value is not what the program expects; the text names the field."""


class Codec:
    """Converters for `roots` and everything they hold. `written` is the schema of what is to be read; None means that
    of this program.

    Raises CodecError when `written` cannot be read faithfully, TypeError when an annotation is not supported.
    """

    def __init__(self, roots: Iterable[Any], written: Schema | None = None) -> None:
        self._written = written
        self._ours: dict[str, tuple[str, ...]] = {}
        self._pairs: dict[Any, tuple[Convert, Convert]] = {}
        for root in roots:
            self._pair(root)

    @property
    def schema(self) -> Schema:
        """The fields of every record, as this program writes them."""
        return self._ours

    def encode(self, root: Any, value: Any) -> Any:
        """Plain lists, strings, numbers and bytes for a `value` of the type `root`."""
        return self._pair(root)[0](value)

    def decode(self, root: Any, plain: Any) -> Any:
        """The value again. Raises CodecError."""
        try:
            return self._pair(root)[1](plain)
        except CodecError:
            raise
        except (ValueError, TypeError, OverflowError) as error:
            raise CodecError(str(error)) from None

    def _pair(self, kind: Any) -> tuple[Convert, Convert]:
        known = self._pairs.get(kind)
        if known is None:
            known = self._pairs[kind] = self._made(kind)
        return known

    def _made(self, kind: Any) -> tuple[Convert, Convert]:
        if kind in _SCALARS:
            return _SCALARS[kind]
        origin, args = get_origin(kind), get_args(kind)
        if origin in {Union, types.UnionType}:
            return self._union(args)
        if origin is tuple:
            return self._tuple(args)
        if origin is frozenset:
            return _list_of(self._pair(args[0]), frozenset)
        if origin is not None and issubclass(origin, Mapping):
            pairs = self._tuple(args)
            return (lambda v: [pairs[0](item) for item in v.items()]), _list_of(pairs, dict)[1]
        if origin is np.ndarray or kind is np.ndarray:
            return _encode_array, _decode_array
        if isinstance(kind, type) and issubclass(kind, Enum):
            return (lambda v: v.value), kind
        if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")):
            return self._record(kind)
        raise TypeError(f"no codec for {kind}")

    def _union(self, args: Sequence[Any]) -> tuple[Convert, Convert]:
        members = [arg for arg in args if arg is not types.NoneType]
        if len(members) == 1:
            encode, decode = self._pair(members[0])
            return (lambda v: None if v is None else encode(v)), (lambda v: None if v is None else decode(v))
        by_class = {member: self._pair(member)[0] for member in members}
        by_name = {member.__name__: self._pair(member)[1] for member in members}

        def decode_tagged(plain: Any) -> Any:
            name, value = _list(plain, 2)
            if name not in by_name:
                raise CodecError(f"unknown record {name!r}")
            return by_name[name](value)

        return (lambda v: [type(v).__name__, by_class[type(v)](v)]), decode_tagged

    def _tuple(self, args: Sequence[Any]) -> tuple[Convert, Convert]:
        if len(args) == 2 and args[1] is Ellipsis:
            return _list_of(self._pair(args[0]), tuple)
        parts = [self._pair(arg) for arg in args]

        def encode(value: Any) -> Any:
            return [part[0](item) for part, item in zip(parts, value, strict=True)]

        def decode(plain: Any) -> Any:
            return tuple(part[1](item) for part, item in zip(parts, _list(plain, len(parts)), strict=True))

        return encode, decode

    def _record(self, kind: Any) -> tuple[Convert, Convert]:
        defaults = _fields(kind)
        hints = get_type_hints(kind)
        pairs = {name: self._pair(hints[name]) for name in defaults}
        if self._ours.get(kind.__name__, tuple(defaults)) != tuple(defaults):
            raise TypeError(f"two records are called {kind.__name__}")
        self._ours[kind.__name__] = tuple(defaults)
        encoders = [(name, pair[0]) for name, pair in pairs.items()]

        def encode(value: Any) -> Any:
            return [convert(getattr(value, name)) for name, convert in encoders]

        return encode, self._decoder(kind, {name: pair[1] for name, pair in pairs.items()}, defaults)

    def _decoder(self, kind: Any, decoders: Mapping[str, Convert], defaults: Mapping[str, Any]) -> Convert:
        there = tuple(defaults) if self._written is None else tuple(self._written.get(kind.__name__, defaults))
        for name in there:
            if name not in decoders:
                raise CodecError(f"it knows {kind.__name__}.{name}, which this program does not")
        for name, default in defaults.items():
            if name not in there and default is dataclasses.MISSING:
                raise CodecError(f"it lacks {kind.__name__}.{name}, which this program needs")

        def decode(plain: Any) -> Any:
            values = {}
            for name, item in zip(there, _list(plain, len(there)), strict=True):
                try:
                    values[name] = decoders[name](item)
                except (ValueError, TypeError, OverflowError) as error:
                    raise CodecError(f"{kind.__name__}.{name}: {error}") from None
            return kind(**values)

        return decode


def _fields(kind: Any) -> dict[str, Any]:
    """What a record is made from, each with its default or MISSING."""
    if not dataclasses.is_dataclass(kind):
        return {name: kind._field_defaults.get(name, dataclasses.MISSING) for name in kind._fields}
    return {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory
        for field in dataclasses.fields(kind)
        if field.init and field.compare
    }


def _list_of(pair: tuple[Convert, Convert], make: Callable[[Any], Any]) -> tuple[Convert, Convert]:
    encode, decode = pair
    return (lambda v: [encode(item) for item in v]), (lambda v: make(decode(item) for item in _list(v)))


def _list(plain: Any, length: int | None = None) -> Sequence[Any]:
    if not isinstance(plain, list | tuple) or (length is not None and len(plain) != length):
        wanted = "a list" if length is None else f"a list of {length}"
        raise CodecError(f"expected {wanted}, got {plain!r:.64}")
    return plain


def _expect(*kinds: type) -> Convert:
    def check(plain: Any) -> Any:
        if type(plain) not in kinds:
            raise CodecError(f"expected {kinds[0].__name__}, got {plain!r:.64}")
        return plain

    return check


def _encode_int(value: int) -> int | str:
    number = int(value)
    return number if -MAX_INT <= number < MAX_INT else str(number)


def _encode_text(value: str) -> str | bytes:
    """A lone surrogate, which a station may send, has no UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value


def _decode_text(plain: Any) -> str:
    return plain.decode("utf-8", "surrogatepass") if isinstance(plain, bytes) else str(_expect(str)(plain))


def _encode_datetime(value: datetime) -> int | str:
    return value.isoformat() if value.tzinfo is None else (value - EPOCH) // MICROSECOND


def _decode_datetime(plain: Any) -> datetime:
    if isinstance(plain, str):
        return datetime.fromisoformat(plain)
    return EPOCH + int(_expect(int)(plain)) * MICROSECOND


def _encode_array(value: Any) -> Any:
    whole = np.ascontiguousarray(value)
    return [whole.dtype.str, list(value.shape), whole.tobytes()]


def _decode_array(plain: Any) -> Any:
    kind, shape, data = _list(plain, 3)
    return np.frombuffer(_expect(bytes)(data), dtype=np.dtype(kind)).reshape(shape).copy()


_SCALARS: dict[Any, tuple[Convert, Convert]] = {
    bool: (bool, _expect(bool)),
    int: (_encode_int, lambda plain: int(_expect(int, str)(plain))),
    float: (float, lambda plain: float(_expect(float, int)(plain))),
    str: (_encode_text, _decode_text),
    datetime: (_encode_datetime, _decode_datetime),
    date: (date.isoformat, lambda plain: date.fromisoformat(_expect(str)(plain))),
    time: (time.isoformat, lambda plain: time.fromisoformat(_expect(str)(plain))),
}
