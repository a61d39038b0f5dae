"""Is it the meter we think it is, and where do its values begin?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ems.adapters.modbus.decode import raw_of
from ems.adapters.modbus.error import RefusedError
from ems.adapters.modbus.point import SIZES
from ems.adapters.modbus.register_map import SUNSPEC_BASES, RegisterMap

Read = Callable[[int, int], Awaitable[tuple[int, ...]]]
"""Reads so many registers from an address of one unit; raises a LinkError."""

SUNSPEC_MARK = (0x5375, 0x6E53)
"""'SunS', which begins the chain of models."""
SUNSPEC_END = 0xFFFF
MAX_CHAIN = 64


class WrongDeviceError(Exception):
    """Something else answers there. The text says what, in words for the operator."""


async def identify(model: RegisterMap, read: Read) -> RegisterMap:
    """Make sure that the device is of this model and return its map, moved to where its values begin.

    Raises WrongDeviceError, or the LinkError of a read. Models that declare nothing to check are believed.
    """
    if model.identity is not None:
        found = model.identity
        size = SIZES[found.type]
        words = await _proof(model, read, found.address, size)
        image = {found.address + offset: word for offset, word in enumerate(words)}
        raw = raw_of(found.address, size, image, little_words=model.little_words)
        if not any(raw in span for span in found.values):
            wanted = ", ".join(_span(low, high) for low, high in found.values)
            raise WrongDeviceError(
                f"register {found.address} holds {raw:#x}, a {model.name} has {wanted} there: "
                "another device answers, or the meter model is not the right one"
            )
    if model.sunspec:
        return model.moved(await _header_of(model, read))
    return model


async def _proof(model: RegisterMap, read: Read, address: int, size: int) -> tuple[int, ...]:
    try:
        return await read(address, size)
    except RefusedError as refusal:
        if not refusal.is_final:
            raise
        raise WrongDeviceError(
            f"{refusal}, but every {model.name} has an identity there: the meter model is not the right one"
        ) from None


async def _header_of(model: RegisterMap, read: Read) -> int:
    """Address of the first SunSpec model of the wanted kinds."""
    address = await _chain(read)
    seen = []
    for _ in range(MAX_CHAIN):
        kind, length = await read(address, 2)
        if kind in model.sunspec:
            needed = max(block.address + block.size for block in (*model.fast, *model.slow))
            if length + 2 < needed or address + needed > 0x10000:
                raise WrongDeviceError(f"SunSpec model {kind} at register {address} is cut short: {length} registers")
            return address
        seen.append(kind)
        address += length + 2
        if kind == SUNSPEC_END or address > 0xFFFD:
            break
    wanted = ", ".join(map(str, model.sunspec))
    raise WrongDeviceError(f"no SunSpec model of {wanted} among {seen}: is a meter configured at this unit?")


async def _chain(read: Read) -> int:
    for base in SUNSPEC_BASES:
        try:
            if await read(base, 2) == SUNSPEC_MARK:
                return base + 2
        except RefusedError:
            continue
    raise WrongDeviceError(f"no SunSpec mark at registers {', '.join(map(str, SUNSPEC_BASES))}")


def _span(low: int, high: int) -> str:
    return f"{low:#x}" if low == high else f"{low:#x} to {high:#x}"
