"""Registers to values. A value that is not available stays not available; it never becomes 0 or another number."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from ems.adapters.modbus.point import Block, Point
from ems.adapters.modbus.register_map import RegisterMap

Image = Mapping[int, int]
"""Register contents by wire address."""

_FORMATS = {"u16": ">H", "s16": ">h", "sf": ">h", "u32": ">I", "s32": ">i", "f32": ">f", "u64": ">Q", "s64": ">q",
            "f64": ">d"}  # fmt: skip

MAX_POWER_OF_TEN = 10
"""Of a scale factor register (SunSpec allows -10 to 10)."""

HERTZ = (45.0, 65.0)
"""Every public grid, with room for an island."""


class Invalid(NamedTuple):
    """A value that cannot be had: the register, what it holds, and what is wrong with that."""

    address: int
    raw: int
    why: str

    def __str__(self) -> str:
        return f"register {self.address} holds {self.raw:#x}, {self.why}"


Value = float | Invalid | None
"""A number in V, A, W, Hz or Wh; None when its registers have not been read."""


def image_of(blocks: Mapping[Block, Sequence[int]]) -> dict[int, int]:
    """Lay blocks of registers side by side."""
    return {block.address + offset: word for block, words in blocks.items() for offset, word in enumerate(words)}


def fingerprint(model: RegisterMap, image: Image) -> int:
    """A number that differs, as good as surely, when any register of a voltage, current or power of a phase differs.

    The same on every machine, and small enough for JSON. What is counted or averaged slowly is left out, since it may
    be missing from a reading; a voltage always moves in its last digits.
    """
    needed = (point for point in model.points.values() if point.is_needed)
    words = [image.get(point.address + offset, 0) for point in needed for offset in range(point.size)]
    digest = blake2b(struct.pack(f">{len(words)}H", *words), digest_size=6)
    return int.from_bytes(digest.digest(), "big")


def decode(model: RegisterMap, image: Image) -> dict[str, Value]:
    """Every value of the model, in its own conductors and signs."""
    values = {name: value_of(model, point, image) for name, point in model.points.items() if point.type != "sf"}
    if model.frequency_varies:
        values["frequency"] = _with_the_right_decimal_point(values.get("frequency"))
    return values


def value_of(model: RegisterMap, point: Point, image: Image) -> Value:
    """One value, scaled."""
    raw = raw_of(point.address, point.size, image, little_words=model.little_words)
    if raw is None:
        return None
    if any(raw in span for span in model.invalid.get(point.type, ())):
        return Invalid(point.address, raw, "which means 'not available'")
    (number,) = struct.unpack(_FORMATS[point.type], raw.to_bytes(2 * point.size, "big"))
    scale = point.scale
    if point.factor is not None:
        power = value_of(model, model.points[point.factor], image)
        if not isinstance(power, float):
            return power
        if abs(power) > MAX_POWER_OF_TEN:
            return Invalid(model.points[point.factor].address, int(power) & 0xFFFF, "which is no power of ten")
        scale = 10.0**power
    value = float(number) * scale
    return value if math.isfinite(value) else Invalid(point.address, raw, "which is not a number")


def raw_of(address: int, size: int, image: Image, *, little_words: bool) -> int | None:
    """The registers of a value as one unsigned number; None when one of them has not been read."""
    raw = 0
    for offset in reversed(range(size)) if little_words else range(size):
        word = image.get(address + offset)
        if word is None:
            return None
        raw = raw << 16 | word
    return raw


def _with_the_right_decimal_point(value: Value) -> Value:
    """A frequency whose unit differs between firmwares, in the one unit that makes it a grid's."""
    if not isinstance(value, float):
        return value
    for factor in (1.0, 0.1, 10.0):
        if HERTZ[0] <= value * factor <= HERTZ[1]:
            return value * factor
    return value
