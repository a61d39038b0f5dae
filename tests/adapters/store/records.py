"""Random records of every kind, built from their annotations."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st

from ems.domain.events import MeterValues
from ems.domain.limit import Limit, LimitWindow
from ems.domain.meter import MeterReading
from ems.domain.phases import Wiring
from ems.domain.plan import Deficit, Plan, PlannedCharge, Why
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Guarantee, Vehicle
from tests.control.networks import WIRINGS
from tests.control.sites import MODELS, sites

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["", "a\0b", "\ud800\udfff", "'; DROP TABLE x", "🙂"]))
MOMENTS = st.datetimes(timezones=st.just(UTC))


def _plan(amps: float, text: str) -> Plan:
    made = datetime(2024, 5, 6, 12, tzinfo=UTC)
    charge = PlannedCharge("A/1", text, (amps,), (Why(0, text),), 9e3, 5e3, made)
    missing = Deficit("A/1", text, 4e3, 9e3, None, (text,))
    edges = (made, made + timedelta(minutes=5))
    return Plan(made, Strategy.FAST, edges, (charge,), deficits=(missing,), assumptions=(text,))


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.one_of(st.integers(-5, 5), st.sampled_from([2**31, -(2**63), 2**64 - 1, 2**70])),
    float: st.one_of(st.floats(allow_nan=False), st.integers(-9, 9), st.just(np.float64(1.5))),
    str: TEXT,
    time: st.times(),
    Wiring: st.sampled_from(WIRINGS).map(Wiring.parse),
    StationModel: st.sampled_from(MODELS),
    Policy: st.just(Policy(lease_s=600.0)),
    Site: sites(),
    LimitWindow: st.just(LimitWindow("grid", "DSO", frozenset({0, 6}), time(17), time(20, 30), max_w=80e3)),
    Limit: st.builds(Limit, TEXT, TEXT, max_a=st.floats(0, 100), starts=st.none() | MOMENTS, ends=st.none() | MOMENTS),
    Plan: st.builds(_plan, st.floats(0, 500), TEXT),
    Vehicle: st.builds(
        lambda name, by, number: Vehicle(
            "Bus 17", name, ("04A1",), battery_wh=number, guarantee=Guarantee(number, by, True), service_class=3
        ),
        TEXT,
        st.none() | st.times(),
        st.floats(1, 5e6),
    ),
    MeterValues: st.builds(
        MeterValues,
        TEXT,
        FINITE,
        st.none() | st.tuples(FINITE, st.none() | FINITE),
        power_w=st.none() | FINITE,
        control=st.booleans(),
    ),
    MeterReading: st.builds(
        MeterReading, FINITE, st.tuples(FINITE, FINITE, FINITE), st.integers(), st.none() | FINITE, import_wh=FINITE
    ),
}


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotated type."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return st.one_of(*(st.none() if arg is types.NoneType else of(arg) for arg in args))
    if origin is tuple:
        return st.lists(of(args[0]), max_size=3).map(tuple) if args[1:] == (...,) else st.tuples(*map(of, args))
    if origin is np.ndarray:
        return st.lists(st.floats(allow_nan=False), max_size=4).map(np.array)
    if origin is frozenset:
        return st.frozensets(of(args[0]))
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(of(args[0]), of(args[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if kind.__name__ == "datetime":
        return MOMENTS
    hints = get_type_hints(kind)
    names = (
        kind._fields if hasattr(kind, "_fields") else [f.name for f in dataclasses.fields(kind) if f.init and f.compare]
    )
    return st.builds(kind, **{name: of(hints[name]) for name in names})


def same(one: Any, other: Any) -> bool:
    """Equality that understands arrays."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if dataclasses.is_dataclass(one):
        compared = [field.name for field in dataclasses.fields(one) if field.compare]
        return type(one) is type(other) and all(same(getattr(one, n), getattr(other, n)) for n in compared)
    if isinstance(one, tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
