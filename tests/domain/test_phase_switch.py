"""How many phases a station uses: what it was told, what it may have heard, and what samples of it still mean."""

from __future__ import annotations

import pytest

from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.grant import Answer, Layer
from ems.domain.instant import Instant
from ems.domain.phase_switch import NOT_TOLD, PhaseSwitch, can_switch
from ems.domain.phases import Wiring
from ems.domain.session import Transaction
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse, EvseStatus
from ems.domain.station_model import LeaseForm, RateUnit, StationModel, ZeroBehaviour
from tests.builders import BEGIN
from tests.control.installations import circuit, evse, layout

T = BEGIN.monotonic_s
ONE_LEG, ALL_LEGS = (True, False, False), (True, True, True)


@pytest.mark.parametrize(
    ("said", "model", "phases", "able"),
    [
        (None, StationModel(), "L1 L2 L3", False),
        (None, StationModel(switches_phases=True), "L1 L2 L3", True),
        (None, StationModel(switches_phases=True), "L2 L3 L1", True),
        (False, StationModel(switches_phases=True), "L1 L2 L3", False),
        (True, StationModel(), "L1 L2 L3", True),
        (True, StationModel(), "L1", False),
        (True, StationModel(), "L1 L2", False),
        (True, StationModel(zero=ZeroBehaviour.ENDS_SESSION), "L1 L2 L3", False),
        (True, StationModel(rate_unit=RateUnit.WATT), "L1 L2 L3", False),
        (True, StationModel(session_profile=False, default_profile_steers=True), "L1 L2 L3", False),
        (True, StationModel(smart_charging=False, lease=LeaseForm.NONE), "L1 L2 L3", False),
    ],
)
def test_who_can_be_told(said: bool | None, model: StationModel, phases: str, able: bool) -> None:
    outlet = Evse("S", 1, "grid", Wiring.parse(phases), 32, 6, phase_switching=said)
    assert can_switch(outlet, model) is able


def test_a_rectifier_cannot() -> None:
    outlet = Evse("S", 1, "grid", Wiring.parse("L1 L2 L3"), 32, 6, dc_efficiency=0.9, phase_switching=True)
    assert not can_switch(outlet, StationModel(switches_phases=True))


@pytest.mark.parametrize(
    ("switch", "settled", "lacks_one"),
    [
        (NOT_TOLD, True, True),
        (NOT_TOLD.sent(1), False, False),
        (NOT_TOLD.sent(3).sent(1), False, False),
        (NOT_TOLD.sent(1).accepted(1, T + 900), True, False),
        (NOT_TOLD.sent(1).accepted(1, T + 900).sent(1), True, False),
        (NOT_TOLD.sent(1).accepted(1, T + 900).sent(3), False, True),
        (NOT_TOLD.sent(1).refused(1), True, True),
        (NOT_TOLD.accepted(1, T), False, False),
        (NOT_TOLD.accepted(1, T + 900).forgotten(), False, False),
        (NOT_TOLD.accepted(1, T + 900).ended(), True, True),
        (NOT_TOLD.forgotten(), True, True),
    ],
)
def test_what_is_surely_in_force(switch: PhaseSwitch, settled: bool, lacks_one: bool) -> None:
    assert switch.is_settled(T) is settled
    assert switch.lacks(1) is lacks_one


def test_near_the_end_of_its_lease_nobody_knows() -> None:
    switch = NOT_TOLD.accepted(1, T + 10)
    assert [switch.is_settled(T + s, 2.0) for s in (0, 7.9, 8, 12)] == [True, True, False, False]


def test_a_station_that_takes_its_limit_only_without_a_number_is_remembered() -> None:
    switch = NOT_TOLD.sent(1).accepted(0, T + 900)
    assert (switch.refuses, switch.told) == (True, 0)
    assert switch.ended().refuses


# What samples showed


def charging() -> SiteState:
    """A transaction on three legs; then told one phase, which three samples have shown."""
    state = SiteState.initial(layout([circuit("grid", 63)], [evse("A1", "grid")]))
    state = apply(state, e.StationConnected("A1", BEGIN, 1))
    state = apply(state, e.StatusChanged("A1/1", BEGIN, EvseStatus.CHARGING))
    state = apply(state, e.TransactionStarted("A1/1", BEGIN, Transaction(1, BEGIN.utc, 0.0)))
    state = samples(state, (16, 16, 16))
    return samples(told(state, 1), (6, 0, 0))


def samples(state: SiteState, amps: tuple[float, float, float]) -> SiteState:
    for _ in range(3):
        state = apply(state, e.MeterValues("A1/1", T, leg_a=amps))
    return state


def told(state: SiteState, phases: int, answer: Answer | None = Answer.ACCEPTED, at: float = 0.0) -> SiteState:
    state = apply(state, e.ProfileSent("A1/1", Layer.SESSION, 6, T + at, phases))
    if answer is None:
        return state
    ends = T + at + 900
    return apply(state, e.ProfileAnswered("A1/1", Layer.SESSION, 6, T + at, answer, ends, phases=phases))


def known(state: SiteState) -> EvseState:
    return state.evse("A1/1")


def test_another_number_voids_what_samples_showed() -> None:
    assert known(charging()).leg_use.legs(3) == ONE_LEG
    assert known(told(charging(), 3)).leg_use.legs(3) == ALL_LEGS
    assert known(samples(told(charging(), 3), (6, 0, 0))).leg_use.legs(3) == ONE_LEG


def test_the_same_number_again_voids_nothing_while_its_lease_lasts() -> None:
    assert known(told(charging(), 1, at=400)).leg_use.legs(3) == ONE_LEG
    assert known(told(charging(), 1, at=1000)).leg_use.legs(3) == ALL_LEGS


@pytest.mark.parametrize("answer", [None, Answer.TIMEOUT])
def test_while_another_number_may_have_arrived_nothing_is_settled(answer: Answer | None) -> None:
    state = told(charging(), 3, answer)
    assert not known(state).switch.is_settled(T + 1)
    assert known(told(state, 1, at=1)).switch.is_settled(T + 1)
    assert known(told(state, 1, at=1)).leg_use.legs(3) == ALL_LEGS


def test_a_refused_number_changes_nothing() -> None:
    state = told(charging(), 3, Answer.REJECTED)
    assert known(state).switch.told == 1
    assert known(state).leg_use.legs(3) == ONE_LEG


def test_with_the_transaction_the_number_is_gone_and_what_was_shown_under_it() -> None:
    state = apply(charging(), e.TransactionEnded("A1/1", Instant(T + 9, BEGIN.utc), 1))
    assert known(state).switch == NOT_TOLD
    assert known(state).leg_use.legs(3) == ALL_LEGS


def test_after_a_boot_nobody_knows_until_it_is_told_again() -> None:
    state = apply(charging(), e.StationBooted("A1", Instant(T + 9, BEGIN.utc), "maker", "model", "1"))
    assert not known(state).switch.is_settled(T + 9)
    assert known(told(state, 1, at=10)).leg_use.legs(3) == ALL_LEGS
