"""Which bytes are the answer to what was asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.modbus.frame import (
    Answer,
    Exceptional,
    Question,
    Waiting,
    Wrong,
    crc,
    describe_rtu,
    judge_rtu,
    judge_tcp,
)
from tests.adapters.modbus.bus_server import crc16

ASKED = Question(3, 1, 100, 2)
PDU = bytes.fromhex("0304aabbccdd")


def tcp(pdu: bytes = PDU, unit: int = 1, number: int = 7, protocol: int = 0, length: int | None = None) -> bytes:
    size = 1 + len(pdu) if length is None else length
    return b"".join(n.to_bytes(2, "big") for n in (number, protocol, size)) + bytes((unit,)) + pdu


def rtu(pdu: bytes = PDU, unit: int = 1) -> bytes:
    return bytes((unit,)) + pdu + crc16(bytes((unit,)) + pdu)


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc(bytes.fromhex("01030000000a")) == bytes.fromhex("c5cd")


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (tcp(), Answer(tcp())),
        (tcp()[:-1], Waiting()),
        (b"", Waiting()),
        (tcp(number=6), Waiting()),  # late, of an earlier request
        (tcp(number=6) + tcp(), Answer(tcp())),
        (tcp() + tcp(number=9), Answer(tcp())),
        (tcp(unit=2), Wrong("unit 2 answered a request to unit 1")),
        (tcp(bytes.fromhex("0404aabbccdd")), Wrong("answered with function code 4 when asked with 3")),
        (tcp(bytes.fromhex("0302aabb")), Wrong("answered with 1 registers when asked for 2 from 100")),
        (tcp(bytes.fromhex("0306aabbccddeeff")), Wrong("answered with 3 registers when asked for 2 from 100")),
        (tcp(bytes.fromhex("0304aabbccddeeff")), Wrong("answered with 3 registers when asked for 2 from 100")),
        (tcp(bytes.fromhex("8302")), Exceptional(2)),
        (tcp(bytes.fromhex("8402")), Wrong("answered with function code 132 when asked with 3")),
        (tcp(bytes.fromhex("64")), Wrong("answered with function code 100 when asked with 3")),
        (tcp(number=6, pdu=b"\x64\x00") + tcp(), Answer(tcp())),
    ],
)
def test_modbus_tcp(data: bytes, verdict: object) -> None:
    assert judge_tcp(data, ASKED, 7) == verdict


WRITE = Question(16, 1, 100, 2, (1, 2))
WRITTEN = bytes.fromhex("1000640002")


@pytest.mark.parametrize(
    ("pdu", "verdict"),
    [
        (WRITTEN, None),
        (bytes.fromhex("1000650002"), Wrong(f"confirms another write than {WRITE}")),
        (bytes.fromhex("1000640001"), Wrong(f"confirms another write than {WRITE}")),
        (bytes.fromhex("0304aabbccdd"), Wrong("answered with function code 3 when asked with 16")),
        (bytes.fromhex("9004"), Exceptional(4)),
    ],
)
def test_a_write_is_confirmed_by_its_address_and_size(pdu: bytes, verdict: object) -> None:
    assert judge_tcp(tcp(pdu), WRITE, 7) == (Answer(tcp(pdu)) if verdict is None else verdict)


def test_a_write_is_confirmed_on_a_serial_line_too() -> None:
    noise = bytes.fromhex("0110")
    assert judge_rtu(noise + rtu(WRITTEN), WRITE) == Answer(rtu(WRITTEN))
    assert judge_rtu(rtu(WRITTEN)[:-1], WRITE) == Waiting()
    assert judge_rtu(rtu(bytes.fromhex("1000650002")), WRITE) == Waiting()
    assert judge_rtu(rtu(bytes.fromhex("9002")), WRITE) == Exceptional(2)
    assert describe_rtu(rtu(bytes.fromhex("1000650002")), WRITE) == f"confirms another write than {WRITE}"


@pytest.mark.parametrize("data", [tcp(protocol=1), tcp(length=0), tcp(length=255), rtu() + rtu()])
def test_a_stream_that_is_not_modbus_tcp_is_given_up(data: bytes) -> None:
    verdict = judge_tcp(data, ASKED, 7)
    assert isinstance(verdict, Wrong)
    assert verdict.broken


@pytest.mark.parametrize("before", [b"", tcp(unit=2, number=3), tcp(bytes.fromhex("0302aabb"))])
def test_where_numbers_mean_nothing_the_first_frame_that_fits_is_the_answer(before: bytes) -> None:
    assert judge_tcp(before + tcp(number=0x1234), ASKED, 7, any_transaction=True) == Answer(tcp(number=0x1234))


def test_unit_0_may_answer_with_its_own_number_on_the_network() -> None:
    assert isinstance(judge_tcp(tcp(unit=5), Question(3, 0, 100, 2), 7), Answer)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (rtu(), Answer(rtu())),
        (rtu()[:-1], Waiting()),
        (b"\x00\xff\x01" + rtu(), Answer(rtu())),  # noise before
        (rtu() + b"\x00", Answer(rtu())),  # noise after
        (rtu(unit=2) + rtu(), Answer(rtu())),  # somebody else's late answer before ours
        (rtu(unit=2), Waiting()),
        (rtu(bytes.fromhex("0302aabb")) + rtu(), Answer(rtu())),  # our own late answer of another length
        (rtu()[:-1] + b"\x00", Waiting()),  # wrong checksum
        (rtu(bytes.fromhex("8306")), Exceptional(6)),
        (rtu(bytes.fromhex("8406")), Waiting()),
    ],
)
def test_modbus_rtu(data: bytes, verdict: object) -> None:
    assert judge_rtu(data, ASKED) == verdict


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (rtu(unit=2), "unit 2 answered a request to unit 1"),
        (rtu(bytes.fromhex("0302aabb")), "answered with 1 registers when asked for 2 from 100"),
        (b"\x01\x03\x04\xaa", "4 bytes came that are no valid frame; check speed, parity, termination and wiring"),
    ],
)
def test_what_came_instead_is_said_in_words(data: bytes, text: str) -> None:
    assert describe_rtu(data, ASKED) == text


@given(st.binary(max_size=300))
def test_no_bytes_break_the_judges(data: bytes) -> None:
    for verdict in (judge_tcp(data, ASKED, 7), judge_tcp(data, ASKED, 7, any_transaction=True), judge_rtu(data, ASKED)):
        assert isinstance(verdict, Answer | Exceptional | Wrong | Waiting)
    assert isinstance(describe_rtu(data, ASKED), str)


@given(st.integers(0, 8 * len(rtu()) - 1))
def test_an_answer_with_one_wrong_bit_is_no_answer(bit: int) -> None:
    damaged = bytearray(rtu())
    damaged[bit // 8] ^= 1 << bit % 8
    assert judge_rtu(bytes(damaged), ASKED) == Waiting()


@given(st.lists(st.integers(1, len(tcp()) - 1), unique=True))
def test_an_answer_in_pieces_is_taken_when_it_is_complete(cuts: list[int]) -> None:
    for end in sorted(cuts):
        assert judge_tcp(tcp()[:end], ASKED, 7) == Waiting()
        assert judge_rtu(rtu()[: min(end, len(rtu()) - 1)], ASKED) == Waiting()
