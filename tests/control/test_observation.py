"""What is seen of every EVSE: rows that may be copied, what surely flows, and what a station can be set to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ems.control.drawn import drawn
from ems.control.network import Network
from ems.control.observation import Column, expressible, expressible_a, may_charge, observe
from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.grant import FOREVER, Answer, Grant, Layer
from ems.domain.measurement import Sample
from ems.domain.policy import Policy
from ems.domain.session import Session, Transaction
from ems.domain.state import EvseState, SiteState
from ems.domain.station import EvseStatus
from ems.domain.station_model import StationModel
from tests.builders import BEGIN, circuit, evse, layout

T = BEGIN.monotonic_s
POLICY = Policy()
SITE = layout([circuit("grid", 63)], [evse("A1", "grid"), evse("A2", "grid", "L2")])
CHARGING = Session("A1/1", BEGIN.utc, T, Transaction(1, BEGIN.utc, 0.0))


def working() -> SiteState:
    """A1 charges with 16 A."""
    state = SiteState.initial(SITE)
    happened: list[e.Event] = [e.StationConnected("A1", BEGIN, 1), e.StationConnected("A2", BEGIN, 2)]
    happened += [e.TransactionStarted("A1/1", BEGIN, Transaction(1, BEGIN.utc, 0.0))]
    happened += [e.StatusChanged("A1/1", BEGIN, EvseStatus.CHARGING)]
    for layer, amps, ends in ((Layer.FLOOR, 6, FOREVER), (Layer.DEFAULT, 0, T + 900), (Layer.SESSION, 16, T + 900)):
        happened += [e.ProfileAnswered("A1/1", layer, amps, T, Answer.ACCEPTED, ends)]
    for event in happened:
        state = apply(state, event)
    return state


MOMENTS = st.integers(0, 32).map(lambda quarters: quarters / 4)


@given(st.lists(st.tuples(MOMENTS, st.integers(0, 16)), max_size=6), st.lists(st.one_of(MOMENTS, st.floats(0, 45))))
@example([(3, 5), (6, 10), (8, 12)], [0, 2])
@example([(3.25, 2), (7.75, 3)], [2.75, 2.75 + 1e-9])
def test_a_row_may_be_copied_until_its_moment(samples: list[tuple[float, int]], later: list[float]) -> None:
    """However the samples lie in time: looking with the last observation in hand sees the same as looking anew."""
    network, state = Network.of(SITE), working()
    for at, amps in sorted(samples):
        state = apply(state, e.MeterValues("A1/1", T + at, leg_a=(float(amps),) * 3))
    seen = None
    for now in sorted(T + 8 + seconds for seconds in later):
        fresh, seen = (observe(state, network, [False, False], before, now) for before in (None, seen))
        assert np.array_equal(seen.table[:, :-1], fresh.table[:, :-1])
        assert seen.liabilities == fresh.liabilities


def surely_drawn(known: EvseState) -> tuple[float, ...]:
    return drawn(known, SiteState.initial(SITE).stations[0], 1, 32, 32, T, POLICY).surely_a


def held(session: float, accepted_ago: float, *extra: tuple[Layer, float, float]) -> Grant:
    made = Grant().accepted(Layer.FLOOR, 6, T - 999, FOREVER, 10)
    made = made.accepted(Layer.SESSION, 16, T - 500, T + 900, 10)
    made = made.accepted(Layer.SESSION, session, T - accepted_ago, T + 900, 10)
    for layer, amps, ago in extra:
        made = made.sent(layer, amps, T - ago)
    return made


@pytest.mark.parametrize(
    ("samples", "grant", "surely"),
    [
        ([(1, 16)], held(16, 60), 16),
        ([(1, 9)], held(16, 60), 9),
        ([(20, 16)], held(16, 60), 16),
        ([(34, 16)], held(16, 60), 16),
        ([(35, 16)], held(16, 60), 0),
        ([(5, 16)], held(6, 2), 6),
        ([(1, 16)], held(6, 2), 6),
        ([(1, 16)], held(6, 8), 16),
        ([(5, 16)], held(16, 60, (Layer.SESSION, 6, 2)), 6),
        ([(5, 16)], held(16, 60, (Layer.SESSION, 25, 2)), 16),
        ([(1, 16), (11, 6)], held(16, 60), 6),
        ([(4, 16), (14, 6)], held(16, 60), 16),
        ([(1, 6), (11, 16)], held(16, 60), 6),
        ([(0, 16), (2, 15), (4, 10), (9, 6)], held(16, 60), 10),
    ],
)
def test_what_surely_flowed(samples: list[tuple[float, float]], grant: Grant, surely: float) -> None:
    """(age, ampere) newest first. Not more than any limit would let flow that was sent after the sample, or accepted
    up to six seconds before it;
    around the newest meter reading not more than the samples before and after it; an old sample proves nothing.
    """
    taken = tuple(Sample.of_currents(T - age, (float(amps),)) for age, amps in samples)
    known = EvseState(EvseStatus.CHARGING, session=CHARGING, grant=grant, samples=taken)
    assert surely_drawn(known) == (surely,)


def test_a_cut_that_was_taken_back_may_have_been_followed() -> None:
    """16 A were sampled, then the limit was 6 A for a moment and is 16 A again: the vehicle may draw 6 A now."""
    made = held(6, 4).accepted(Layer.SESSION, 16, T - 1, T + 900, 10)
    known = EvseState(EvseStatus.CHARGING, session=CHARGING, grant=made, samples=(Sample.of_currents(T - 6, (16.0,)),))
    assert surely_drawn(known) == (6,)


@pytest.mark.parametrize(
    ("model", "amps", "expressed"),
    [
        (StationModel(), 16.9, 16),
        (StationModel(), 5.9, 0),
        (StationModel(), 6, 6),
        (StationModel(), 15.9999999, 16),
        (StationModel(step_a=0.1), 13.37, 13.3),
        (StationModel(step_a=0.1), 6.3, 6.3),
        (StationModel(step_a=2), 9.9, 8),
        (StationModel(min_a=8), 7.9, 0),
        (StationModel(allowed_a=(8, 13, 16), min_a=8), 15.9, 13),
        (StationModel(allowed_a=(8, 13, 16), min_a=8), 7, 0),
        (StationModel(allowed_a=(8, 13, 16), min_a=8), 40, 16),
        (StationModel(), 0, 0),
        (StationModel(), -5, 0),
    ],
)
def test_what_a_station_can_express(model: StationModel, amps: float, expressed: float) -> None:
    """Rounded down to its steps; nothing between 0 and its minimum."""
    assert expressible_a(amps, model) == expressed


@given(st.lists(st.floats(-10, 80), min_size=3, max_size=3))
def test_all_at_once_is_one_by_one(amps: list[float]) -> None:
    models = [StationModel(), StationModel(step_a=0.1, min_a=8), StationModel(allowed_a=(6.0, 13.0), id="x")]
    site = layout([circuit("grid", 63)], [evse(f"S{j}", "grid", model=model) for j, model in enumerate(models)])
    state = SiteState.initial(site)
    seen = observe(state, Network.of(site), [False] * 3, None, T)
    assert expressible(np.array(amps), seen, state).tolist() == [
        expressible_a(a, model) for a, model in zip(amps, models, strict=True)
    ]


S = EvseStatus


@pytest.mark.parametrize(
    ("status", "transaction", "charges"),
    [(S.PREPARING, False, False), (S.PREPARING, True, True), (S.CHARGING, False, True), (S.CHARGING, True, True),
     (S.SUSPENDED_EV, True, True), (S.SUSPENDED_EVSE, False, True), (S.FINISHING, True, False),
     (S.FAULTED, True, False), (S.UNAVAILABLE, True, False), (S.UNKNOWN, True, True), (S.AVAILABLE, False, False)],
)  # fmt: skip
def test_who_may_charge(status: EvseStatus, transaction: bool, charges: bool) -> None:
    """A vehicle with a transaction, or one that draws without telling; not at an outlet that is out of order."""
    session = Session("A1/1", BEGIN.utc, T, Transaction(1, BEGIN.utc, 0.0) if transaction else None)
    assert may_charge(EvseState(status, session=session)) is charges
    assert not may_charge(EvseState(status))


def test_columns_do_not_overlap() -> None:
    """Three columns each for legs, lower and best currents."""
    wide = {Column.LEGS, Column.LOW_A, Column.DRAWN_A}
    used = [c + k for c in Column for k in range(3 if c in wide else 1)]
    assert len(set(used)) == len(used)
