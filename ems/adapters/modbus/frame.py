"""Is what came the answer to what was asked? Pure functions over bytes.

Only frames that pass here reach the library's decoder, which takes a wrong function code or register count for an
answer and breaks on codes it does not know.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

MBAP = 7
"""Bytes of a Modbus TCP header: transaction, protocol, length (two each), unit."""

MAX_LENGTH = 254
"""Largest length field of a Modbus TCP header: unit and 253 bytes of PDU."""


@dataclass(frozen=True, slots=True)
class Question:
    """A read (function code 3 or 4) or, with `words`, a write (16): unit, first register (wire address), number of
    registers.
    """

    function_code: int
    unit: int
    address: int
    count: int
    words: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.words:
            return f"a write of {self.count} registers from {self.address} of unit {self.unit}"
        return f"a read of {self.count} registers from {self.address} of unit {self.unit}"


class Answer(NamedTuple):
    """The frame that answers the question, complete and checked."""

    frame: bytes


class Exceptional(NamedTuple):
    """The device answered with an exception code."""

    code: int


class Wrong(NamedTuple):
    """An answer came that cannot be right; `broken` when the whole byte stream can no longer be trusted."""

    text: str
    broken: bool = False


class Waiting(NamedTuple):
    """Nothing that concerns the question has come completely yet."""


Verdict = Answer | Exceptional | Wrong | Waiting


def judge_tcp(data: bytes, asked: Question, transaction: int, *, any_transaction: bool = False) -> Verdict:
    """Find the answer among Modbus TCP frames; frames of other transactions are late and passed over.

    With `any_transaction` the first frame that fits counts, whatever its number.
    """
    while len(data) >= MBAP + 1:
        number, protocol, length = (int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4))
        if protocol != 0 or not 2 <= length <= MAX_LENGTH:
            return Wrong("answers with something that is not Modbus TCP; is it RTU over TCP?", broken=True)
        frame = data[: 6 + length]
        if len(frame) < 6 + length:
            break
        if any_transaction or number == transaction:
            verdict = _judge_pdu(frame[6], frame[7:], asked)
            if isinstance(verdict, Answer):
                return Answer(frame)
            if not (any_transaction and isinstance(verdict, Wrong)):
                return verdict
        data = data[len(frame) :]
    return Waiting()


def judge_rtu(data: bytes, asked: Question) -> Verdict:
    """Find the answer in the bytes of a serial line; noise and frames of others around it are passed over."""
    good = bytes((asked.unit, asked.function_code)) + _echo(asked)
    size = 2 + len(good) + (0 if asked.words else 2 * asked.count)
    exceptional = bytes((asked.unit, asked.function_code | 0x80))
    for start in range(len(data) - 4):
        if data.startswith(good, start):
            frame = data[start : start + size]
            if len(frame) == size and crc_fits(frame):
                return Answer(frame)
        elif data.startswith(exceptional, start) and crc_fits(data[start : start + 5]):
            return Exceptional(data[start + 2])
    return Waiting()


def describe_rtu(data: bytes, asked: Question) -> str:
    """What came on a serial line instead of the answer, in words; empty when nothing came."""
    if not data:
        return ""
    size = _rtu_size(data)
    if not size or len(data) < size or not crc_fits(data[:size]):
        return f"{len(data)} bytes came that are no valid frame; check speed, parity, termination and wiring"
    verdict = _judge_pdu(data[0], data[1 : size - 2], asked)
    return verdict.text if isinstance(verdict, Wrong) else ""


def crc_fits(frame: bytes) -> bool:
    """Whether the last two bytes are the checksum of the others (Modbus over Serial Line 6.2.2)."""
    return crc(frame[:-2]) == frame[-2:]


def crc(data: bytes) -> bytes:
    """The two checksum bytes of an RTU frame, in the order of transmission."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def _judge_pdu(unit: int, pdu: bytes, asked: Question) -> Verdict:
    # Unit 0 of a device on the network means "whoever you are", and it may answer with its own number.
    if asked.unit and unit != asked.unit:
        return Wrong(f"unit {unit} answered a request to unit {asked.unit}")
    if pdu[0] == asked.function_code | 0x80 and len(pdu) == 2:
        return Exceptional(pdu[1])
    if pdu[0] != asked.function_code:
        return Wrong(f"answered with function code {pdu[0]} when asked with {asked.function_code}")
    if asked.words:
        return Answer(pdu) if pdu[1:] == _echo(asked) else Wrong(f"confirms another write than {asked}")
    if len(pdu) != 2 + 2 * asked.count or pdu[1] != 2 * asked.count:
        came = max(0, len(pdu) - 2) // 2
        return Wrong(f"answered with {came} registers when asked for {asked.count} from {asked.address}")
    return Answer(pdu)


def _echo(asked: Question) -> bytes:
    """What follows the function code of a good answer: the size of what was read, or what was written where."""
    return struct.pack(">HH", asked.address, asked.count) if asked.words else bytes((2 * asked.count,))


def _rtu_size(data: bytes) -> int:
    """Length of the frame that begins here, by its function code; 0 when it cannot be told."""
    if len(data) < 3:
        return 0
    if data[1] & 0x80:
        return 5
    if data[1] in {1, 2, 3, 4}:
        return 5 + data[2]
    return 8 if data[1] in {5, 6, 15, 16} else 0


def _crc_table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        return value

    return tuple(entry(value) for value in range(256))


_CRC = _crc_table()
