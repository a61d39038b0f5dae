"""Encoding and decoding is the identity for everything the journal holds, and never guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.store.codec import Codec, CodecError
from ems.adapters.store.segment import Entry
from ems.control.memory import Memory
from ems.domain.decision import Decision, Level
from ems.domain.events import Event
from ems.domain.site import Site
from ems.domain.state import SiteState
from tests.adapters.store.records import of, same

KINDS = (Site, SiteState, Memory, Decision, *get_args(Event))
CODEC = Codec([Entry, Event, Decision])


def round_trip(root: Any, value: Any) -> Any:
    packed = msgspec.msgpack.encode(CODEC.encode(root, value))
    return CODEC.decode(root, msgspec.msgpack.decode(packed))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(st.data())
def test_what_is_decoded_is_what_was_encoded(kind: type, data: st.DataObject) -> None:
    value = data.draw(of(kind))
    assert same(round_trip(kind, value), value)


@given(of(Event))
def test_an_event_is_told_from_the_others(event: Event) -> None:
    found = round_trip(Event, event)
    assert type(found) is type(event)
    assert same(found, event)


def test_what_a_record_computes_or_only_caches_is_left_out() -> None:
    assert "seen" not in CODEC.schema["Memory"]
    assert "evses" not in CODEC.schema["Site"]


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    points: tuple[Point, ...]
    level: Level = Level.NORMAL


@pytest.mark.parametrize(
    ("plain", "names"),
    [
        (["a", [], 9], "Shape.level"),
        ([5, [], 0], "Shape.name: expected str"),
        (["a", [["1", 2.0]], 0], "Shape.points: Point.x: expected float"),
        (["a", [[True, 2.0]], 0], "Point.x"),
        (["a", [[1.0]], 0], "expected a list of 2"),
        (["a", "points", 0], "Shape.points: expected a list"),
        (["a", []], "expected a list of 3"),
        (None, "expected a list of 3"),
    ],
    ids=str,
)
def test_a_wrong_value_is_named(plain: Any, names: str) -> None:
    with pytest.raises(CodecError, match=names):
        Codec([Shape]).decode(Shape, plain)


@pytest.mark.parametrize(
    ("written", "plain", "found"),
    [
        ({"Shape": ["name", "points"], "Point": ["x", "y"]}, ["a", [[1.0, 2.0]]], Shape("a", (Point(1.0, 2.0),))),
        (
            {"Shape": ["level", "name", "points"], "Point": ["x"]},
            [1, "a", [[1.0]]],
            Shape("a", (Point(1.0),), Level.HOLD),
        ),
    ],
    ids=["a field was added since", "the order has changed"],
)
def test_what_an_earlier_program_wrote_is_read(written: dict[str, list[str]], plain: Any, found: Shape) -> None:
    assert Codec([Shape], written).decode(Shape, plain) == found


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ({"Shape": ["name", "points", "level", "colour"], "Point": ["x", "y"]}, "knows Shape.colour"),
        ({"Shape": ["name", "level"], "Point": ["x", "y"]}, "lacks Shape.points"),
    ],
)
def test_what_cannot_be_read_faithfully_is_refused(written: dict[str, list[str]], names: str) -> None:
    with pytest.raises(CodecError, match=names):
        Codec([Shape], written)


def test_an_unknown_record_of_a_union_is_named() -> None:
    with pytest.raises(CodecError, match="unknown record 'Comet'"):
        CODEC.decode(Event, ["Comet", []])


def test_an_annotation_that_cannot_be_kept_is_found_when_the_codec_is_made() -> None:
    with pytest.raises(TypeError, match="no codec for"):
        Codec([complex])
