"""The frame codec: whatever comes is a message or `Malformed`, never an exception, and who can be answered is answered.

The letters are those of the catalogue of hostile inputs: F frames, R remote procedure calls.
"""

from __future__ import annotations

import json
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ems.adapters.ocpp import frame
from ems.adapters.ocpp.frame import Call, Error, Malformed, Result

TAKEN = [
    ("plain", b'[2,"a","Heartbeat",{}]', Call("a", "Heartbeat", b"{}")),
    ("blanks everywhere", b' [ 2 , "a" , "Heartbeat" , {} ] \r\n', Call("a", "Heartbeat", b"{}")),
    ("F09 integer of 5,000 digits", b'[2,"a","H",{"x":' + b"9" * 5000 + b"}]", None),
    ("F10 1e999 and -0", b'[2,"a","H",{"x":1e999,"y":-0}]', Call("a", "H", b'{"x":1e999,"y":-0}')),
    ("F11 duplicate keys", b'[2,"a","H",{"x":1,"x":2}]', Call("a", "H", b'{"x":1,"x":2}')),
    ("F12 escaped NUL", b'[2,"a","H",{"x":"\\u0000"}]', Call("a", "H", b'{"x":"\\u0000"}')),
    ("F13 byte order mark", b'\xef\xbb\xbf[2,"a","H",{}]', Call("a", "H", b"{}")),
    ("F17 five elements", b'[2,"a","H",{},5]', Call("a", "H", b"{}")),
    ("no payload", b'[2,"a","H"]', Call("a", "H", b"{}")),
    ("null payload", b'[2,"a","H",null]', Call("a", "H", b"{}")),
    ("payload is no object", b'[2,"a","H",1]', Call("a", "H", b"1")),
    ("R01 type as text", b'["2","a","H",{}]', Call("a", "H", b"{}")),
    ("R01 type 2.0", b'[2.0,"a","H",{}]', Call("a", "H", b"{}")),
    ("R05 numeric id", b'[2,17,"H",{}]', Call(17, "H", b"{}")),
    ("R05 negative id", b'[2,-17,"H",{}]', Call(-17, "H", b"{}")),
    ("R05 numeric id of 30 digits", b"[2," + b"9" * 30 + b',"H",{}]', Call(10**30 - 1, "H", b"{}")),
    ("R05 id of 256", b'[2,"' + b"i" * 256 + b'","H",{}]', Call("i" * 256, "H", b"{}")),
    ("id in escapes", b'[2,"\\u0041\\/b","H",{}]', Call("A/b", "H", b"{}")),
    ("id beyond ASCII", '[2,"é😀","H",{}]'.encode(), Call("é😀", "H", b"{}")),
    ("answer", b'[3,"a",{"x":1}]', Result("a", b'{"x":1}')),
    ("answer without payload", b'[3,"a"]', Result("a", b"{}")),
    ("answer with null", b'[3,"a",null]', Result("a", b"{}")),
    ("refusal", b'[4,"a","NotSupported","no",{}]', Error("a", "NotSupported", "no")),
    ("refusal of three elements", b'[4,"a","NotSupported"]', Error("a", "NotSupported", "")),
    ("refusal of two elements", b'[4,"a"]', Error("a", "GenericError", "")),
    ("refusal with nulls", b'[4,"a",null,null,null]', Error("a", "GenericError", "")),
    ("R11 unknown code, 1 MB of details", b'[4,"a","Odd","' + b"d" * 999 + b'","%s"]' % (b"x" * 2**20), None),
    ("comma left out", b'[2, "a", "H", {"x": 1 "y": "z"}]', Call("a", "H", b'{"x": 1, "y": "z"}')),
    ("bracket left out", b'[3,"a",{"x":[]', Result("a", b'{"x":[]}')),
]


@pytest.mark.parametrize(("data", "expected"), [pytest.param(d, e, id=what) for what, d, e in TAKEN])
def test_what_can_be_understood_is_taken(data: bytes, expected: frame.Frame | None) -> None:
    """None: it only matters that it is a message."""
    taken = frame.parse(data)
    assert taken == expected if expected is not None else not isinstance(taken, Malformed)


MALFORMED: list[tuple[str, bytes, str | int | None]] = [
    ("F05 not UTF-8", b"\xff\xfe\x80", None),
    ("F06 empty", b"", None),
    ("F07 100,000 open brackets", b"[" * 100_000, None),
    ("F08 5,000 levels deep", b'[2,"a","H",' + b'{"x":' * 5000 + b"1" + b"}" * 5000 + b"]", "a"),
    ("F12 lone surrogate as id", b'[2,"\\ud800","H",{}]', None),
    ("F12 raw NUL", b'[2,"a","H",{"x":"\0"}]', "a"),
    ("F14 top level object", b"{}", None),
    ("F14 top level string", b'"x"', None),
    ("F14 top level null", b"null", None),
    ("F15 empty array", b"[]", None),
    ("F16 two elements", b'[2,"a"]', "a"),
    ("F18 trailing garbage", b'[2,"a","H",{}] and more', "a"),
    ("F18 a second frame", b'[2,"a","H",{}][2,"b","H",{}]', "a"),
    ("R01 type true", b'[true,"a","H",{}]', None),
    ("R01 type 5", b'[5,"a","H",{}]', None),
    ("R01 type -1", b'[-1,"a","H",{}]', None),
    ("R03 action list", b'[2,"a",["H"],{}]', "a"),
    ("R03 action object", b'[2,"a",{},{}]', "a"),
    ("R03 action null", b'[2,"a",null,{}]', "a"),
    ("R03 action of 1 MB", b'[2,"a","' + b"H" * 2**20 + b'",{}]', "a"),
    ("R04 action with underscores", b'[2,"a","__class__",{}]', "a"),
    ("R05 id null", b'[2,null,"H",{}]', None),
    ("R05 id object", b'[2,{},"H",{}]', None),
    ("R05 id of 1 MB", b'[2,"' + b"i" * 2**20 + b'","H",{}]', None),
    ("R05 id empty", b'[2,"","H",{}]', None),
    ("cut inside a text", b'[2,"a","H",{"x":"hal', "a"),
    ("cut inside a number", b'[2,"a","StopTransaction",{"transactionId":1,"meterStop":65', "a"),
    ("cut inside the id", b'[2,"a', None),
    ("brackets of Beny", b"[,{", None),
]


@pytest.mark.parametrize(("data", "identity"), [pytest.param(d, i, id=what) for what, d, i in MALFORMED])
def test_the_rest_is_malformed_and_a_recoverable_id_is_recovered(data: bytes, identity: str | int | None) -> None:
    taken = frame.parse(data)
    assert isinstance(taken, Malformed)
    assert taken.id == identity


REAL = [
    b'[2,"16310433","MeterValues",{"connectorId":1,"transactionId":5,"meterValue":[{"timestamp":"2025-03-04T21:04:33Z",'
    b'"sampledValue":[{"measurand":"Current.Import","phase":"L1","unit":"A","value":"14.8"}]}]}]',
    b'[2, 4011, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}]',
    b'[3,"1-7",{"status":"Accepted","connectorId":1,"chargingSchedule":{"chargingSchedulePeriod":[]}}]',
    b'[4,"1-7","FormationViolation","Command parsing error",{}]',
]
TEXTS = st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
VALUES = st.one_of(st.integers(-(2**31), 2**31), TEXTS, st.booleans(), st.none())
GROUPS = st.dictionaries(TEXTS.filter(lambda t: len(t.encode()) <= 50), VALUES, min_size=1, max_size=4)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real frame with a piece cut out, doubled or replaced."""
    data = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 3))):
        a, b = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        data = data[:a] + draw(st.sampled_from([b"", data[a:b] * 2, draw(st.binary(max_size=8))])) + data[b:]
    return data


@given(st.one_of(st.binary(max_size=300), mutated()))
@example(b"[2,1" + b"0" * 255 + b',"H",{}]')
def test_no_bytes_raise_and_every_id_can_be_echoed(data: bytes) -> None:
    taken = frame.parse(data)
    if isinstance(taken, Call):
        frame.decode_object(taken.payload)
    if taken.id is not None:
        assert json.loads(frame.result(taken.id, {})) == [3, taken.id, {}]
        assert json.loads(frame.error(taken.id, "GenericError", "x" * 999))[1] == taken.id


@given(TEXTS, st.binary(max_size=60))
def test_the_id_of_a_call_is_recovered_from_whatever_follows_it(identity: str, rest: bytes) -> None:
    taken = frame.parse(b'[2,"' + identity.encode() + b'",' + rest)
    assert taken.id == identity


@given(TEXTS, GROUPS)
def test_commas_between_members_are_put_back(identity: str, payload: dict[str, object]) -> None:
    broken = json.dumps(payload, separators=("  ", ": "), ensure_ascii=False).encode()
    taken = frame.parse(b'[2,"%s","H",%s]' % (identity.encode(), broken))
    assert isinstance(taken, Call)
    assert frame.decode_object(taken.payload) == payload


@given(GROUPS, st.integers(1, 3))
def test_brackets_at_the_end_are_put_back(payload: dict[str, object], missing: int) -> None:
    whole = json.dumps([3, "a", {"entries": [payload, "last"]}])
    taken = frame.parse(whole[:-missing].encode())
    assert isinstance(taken, Result)
    assert frame.decode_object(taken.payload) == {"entries": [payload, "last"]}


@pytest.mark.parametrize("size", [2, 16_000, 130_000])
def test_even_the_worst_frame_is_judged_at_once(size: int) -> None:
    """Repair looks for what is missing in time proportional to the frame: a whole tick must not pass."""
    for piece in (b'1 "', b"{", b"1 ", b'"a" ', b'\\"', b'1 "a', b"[2,", b'"a"' + b" " * 99):
        began = perf_counter()
        frame.parse(b"[2,1," + piece * (size // len(piece)))
        assert perf_counter() - began < 0.5, piece


@given(st.recursive(VALUES | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_a_payload_is_an_object_or_nothing(payload: object) -> None:
    read = frame.decode_object(json.dumps(payload).encode())
    assert read is None or read == payload
