"""What must be told to stations: the floor first, reductions first, leases renewed in time, refusals with patience."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from ems.control.orders import orders
from ems.control.telling import RETRY_MAX_S
from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.decision import Binding, Decision, Reason, Setpoint
from ems.domain.grant import FOREVER, Answer, Grant, Layer
from ems.domain.order import LimitOrder
from ems.domain.policy import Policy
from ems.domain.session import Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.station_model import LeaseForm, StationModel, ZeroBehaviour
from tests.builders import BEGIN, circuit, evse, layout, site

T = BEGIN.monotonic_s
FLOOR, DEFAULT, SESSION = Layer.FLOOR, Layer.DEFAULT, Layer.SESSION


def state_of(*models: StationModel, policy: Policy | None = None) -> SiteState:
    """Connected stations S0, S1, …, without vehicles."""
    stations = [evse(f"S{j}", "grid", model=model) for j, model in enumerate(models)]
    state = SiteState.initial(layout([circuit("grid", 63)], stations, policy))
    for j in range(len(models)):
        state = apply(state, e.StationConnected(f"S{j}", BEGIN, j + 1))
    return state


def took(state: SiteState, name: str, layer: Layer, amps: float, at: float = T, lease: float = 900.0) -> SiteState:
    ends = FOREVER if layer is FLOOR else at + lease
    state = apply(state, e.ProfileSent(f"{name}/1", layer, amps, at))
    return apply(state, e.ProfileAnswered(f"{name}/1", layer, amps, at, Answer.ACCEPTED, ends))


def charging(state: SiteState, name: str) -> SiteState:
    began = e.TransactionStarted(f"{name}/1", BEGIN, Transaction(7, BEGIN.utc, 0.0))
    return apply(apply(state, e.StatusChanged(f"{name}/1", BEGIN, EvseStatus.CHARGING)), began)


def told(
    state: SiteState, *amps: float, after: float = 1.0, renew: float = -1.0, ours: bool = True
) -> list[LimitOrder]:
    """The orders when these setpoints are decided."""
    reason = Reason(Binding.EVSE)
    setpoints = tuple(
        Setpoint(v.id, a, a, reason, controlled=ours) for v, a in zip(state.site.evses, amps, strict=True)
    )
    decision = Decision(BEGIN.later(after), setpoints, (), renew_since=renew)
    return list(orders(state, decision, T + after))


def brief(found: list[LimitOrder]) -> list[tuple[str, float]]:
    return [(order.layer.name, order.amps) for order in found]


PLAIN = StationModel()
READY = took(took(state_of(PLAIN), "S0", FLOOR, 6), "S0", DEFAULT, 0)
CHARGING = took(charging(READY, "S0"), "S0", SESSION, 16)

ROWS: list[tuple[str, SiteState, float, float, list[tuple[str, float]]]] = [
    ("the floor first and alone", state_of(PLAIN), 0, 1, [("FLOOR", 6)]),
    ("then the working default", took(state_of(PLAIN), "S0", FLOOR, 6), 0, 1, [("DEFAULT", 0)]),
    ("then nothing", READY, 0, 1, []),
    ("a vehicle gets a session limit, the default stays", charging(READY, "S0"), 10, 1, [("SESSION", 10)]),
    ("a raise", CHARGING, 20, 1, [("SESSION", 20)]),
    ("a cut", CHARGING, 6, 1, [("SESSION", 6)]),
    ("no change", CHARGING, 16, 1, []),
    ("just before half the lease nothing is renewed", CHARGING, 16, 449, []),
    ("at half the lease both leases are", CHARGING, 16, 450, [("DEFAULT", 0), ("SESSION", 16)]),
    ("the floor never is", READY, 0, 5000, [("DEFAULT", 0)]),
    ("a floor of another value is", took(READY, "S0", FLOOR, 8), 0, 1, [("FLOOR", 6)]),
]


@pytest.mark.parametrize(("name", "state", "amps", "after", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_told(
    name: str, state: SiteState, amps: float, after: float, expected: list[tuple[str, float]]
) -> None:
    assert brief(told(state, amps, after=after)) == expected


def test_what_an_order_carries() -> None:
    """A lease, the floor's value, the transaction, and whether anything waits for it."""
    (raised,) = told(CHARGING, 20)
    assert raised == LimitOrder("S0/1", SESSION, 20, 900, 6, reduces=False, transaction=7)
    (cut,) = told(CHARGING, 6)
    assert (cut.reduces, cut.transaction) == (True, 7)
    (floor,) = told(state_of(PLAIN), 0)
    assert floor == LimitOrder("S0/1", FLOOR, 6, math.inf, 6, reduces=True)


def test_the_legs_of_the_vehicle_go_along_once_they_are_known() -> None:
    state = CHARGING
    for k in range(3):
        assert told(state, 20)[0].legs is None
        state = apply(state, e.MeterValues("S0/1", T + k, leg_a=(16.0, 0.0, 0.0)))
    assert told(state, 20)[0].legs == 1


def test_reductions_go_first() -> None:
    state = state_of(PLAIN, PLAIN, PLAIN)
    for name in ("S0", "S1", "S2"):
        state = took(took(state, name, FLOOR, 6), name, DEFAULT, 0)
        state = took(charging(state, name), name, SESSION, 16)
    found = told(state, 20, 10, 25)
    assert [(o.evse, o.reduces) for o in found] == [("S1/1", True), ("S0/1", False), ("S2/1", False)]


def test_nobody_is_told_who_is_not_there_or_cannot_hear() -> None:
    assert told(apply(CHARGING, e.StationGone("S0", BEGIN, 1)), 6) == []
    assert told(state_of(StationModel(smart_charging=False)), 6) == []


def test_after_the_clock_was_set_everything_with_a_lease_is_sent_again() -> None:
    assert brief(told(CHARGING, 16, after=5, renew=T + 5)) == [("DEFAULT", 0), ("SESSION", 16)]
    assert told(took(took(CHARGING, "S0", DEFAULT, 0, T + 6), "S0", SESSION, 16, T + 6), 16, after=7, renew=T + 5) == []


BOOTED = apply(CHARGING, e.StationBooted("S0", BEGIN, "m", "m", "1"))
AND_GOES_ON = apply(BOOTED, e.StatusChanged("S0/1", BEGIN, EvseStatus.CHARGING))


def test_after_a_boot_everything_is_sent_again() -> None:
    """First what holds without a transaction; its own limit when the station has said that it goes on."""
    assert brief(told(BOOTED, 16)) == [("FLOOR", 6), ("DEFAULT", 16)]
    assert brief(told(AND_GOES_ON, 16)) == [("FLOOR", 6), ("DEFAULT", 0), ("SESSION", 16)]


def test_what_a_boot_owes_is_sent_until_it_is_accepted() -> None:
    """The floor was accepted, the session limit got no answer: it is sent again, although nothing else changed."""
    state = took(AND_GOES_ON, "S0", FLOOR, 6, T + 1)
    state = took(lost(state, SESSION, 16, at=T + 1), "S0", DEFAULT, 0, T + 2)
    assert ("SESSION", 16) in brief(told(state, 16, after=90))


# Answers


def lost(state: SiteState, layer: Layer, amps: float, at: float = T) -> SiteState:
    state = apply(state, e.ProfileSent("S0/1", layer, amps, at))
    return apply(state, e.ProfileAnswered("S0/1", layer, amps, at, Answer.TIMEOUT, at + 900))


def refused(state: SiteState, layer: Layer, amps: float, at: float = T) -> SiteState:
    state = apply(state, e.ProfileSent("S0/1", layer, amps, at))
    return apply(state, e.ProfileAnswered("S0/1", layer, amps, at, Answer.REJECTED, at + 900))


def test_what_is_on_its_way_is_not_sent_twice_but_a_newer_value_is() -> None:
    sent = apply(CHARGING, e.ProfileSent("S0/1", SESSION, 20, T))
    assert told(sent, 20) == []
    assert brief(told(sent, 10)) == [("SESSION", 10)]


@pytest.mark.parametrize("failed", [lost, refused])
@pytest.mark.parametrize(
    ("times", "patience"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, RETRY_MAX_S), (20, RETRY_MAX_S)]
)
def test_patience_grows_with_every_failure(failed: Callable[..., SiteState], times: int, patience: float) -> None:
    """A raise that is refused or not answered is tried again after 5 s, 10 s, … at most a minute."""
    state = CHARGING
    for _ in range(times):
        state = failed(state, SESSION, 20)
    assert told(state, 20, after=patience - 0.1) == []
    assert brief(told(state, 20, after=patience)) == [("SESSION", 20)]


@pytest.mark.parametrize("failed", [lost, refused])
def test_a_failed_raise_never_delays_a_cut(failed: Callable[..., SiteState]) -> None:
    """Reductions are never rate-limited."""
    state = failed(CHARGING, SESSION, 20)
    assert brief(told(state, 6, after=0.1)) == [("SESSION", 6)]


def test_one_acceptance_ends_the_patience() -> None:
    state = took(lost(lost(CHARGING, SESSION, 20), SESSION, 20), "S0", SESSION, 18, T + 30)
    assert brief(told(state, 20, after=30.1)) == [("SESSION", 20)]


def test_a_limit_without_answer_is_settled_even_if_nothing_else_changes() -> None:
    """It may be in force; going back to the old value has to be said, not only thought."""
    state = lost(CHARGING, SESSION, 25)
    assert brief(told(state, 16, after=90)) == [("SESSION", 16)]


# Models


DEFAULT_ONLY = StationModel(session_profile=False, default_profile_steers=True)
ENDS_AT_ZERO = StationModel(zero=ZeroBehaviour.ENDS_SESSION)


def test_a_station_without_session_profiles_is_steered_by_its_default() -> None:
    ready = charging(took(took(state_of(DEFAULT_ONLY), "S0", FLOOR, 6), "S0", DEFAULT, 0), "S0")
    assert brief(told(ready, 16)) == [("DEFAULT", 16)]


def test_a_station_that_ends_sessions_at_zero_idles_at_its_minimum() -> None:
    assert brief(told(took(state_of(ENDS_AT_ZERO), "S0", FLOOR, 6), 6)) == [("DEFAULT", 6)]


def test_a_station_without_leases_gets_limits_for_ever_and_they_are_not_renewed() -> None:
    state = took(state_of(StationModel(lease=LeaseForm.NONE)), "S0", FLOOR, 6)
    (order,) = told(state, 0)
    assert (order.layer, order.lease_s) == (DEFAULT, math.inf)
    assert told(took(state, "S0", DEFAULT, 0, lease=math.inf), 0, after=9999) == []


def test_a_station_with_a_wrong_clock_gets_no_leases() -> None:
    """Its lease would end at the wrong time; the one it has is replaced at once by one without end (row 13)."""
    wrong = apply(CHARGING, e.ClockMeasured("S0", 400.0))
    assert [(o.layer, o.amps, o.lease_s) for o in told(wrong, 16)] == [(DEFAULT, 0, math.inf), (SESSION, 16, math.inf)]


def test_the_idle_current_is_the_policys() -> None:
    state = took(state_of(PLAIN, policy=Policy(idle_a=10.0)), "S0", FLOOR, 6)
    assert brief(told(state, 10)) == [("DEFAULT", 10)]


def test_an_outlet_that_is_not_ours_keeps_being_asked() -> None:
    """Nobody knows what it follows, so it is told its last setpoint and, without a vehicle, the idle current."""
    refusing = refused(refused(CHARGING, SESSION, 6), SESSION, 6)
    assert brief(told(refusing, 6, after=10, ours=False)) == [("SESSION", 6)]
    assert brief(told(replace_grant(READY, Grant()), 16, after=10, ours=False)) == [("FLOOR", 6)]


def replace_grant(state: SiteState, grant: Grant) -> SiteState:
    return replace(state, evses=(replace(state.evses[0], grant=grant), *state.evses[1:]))


# The whole


def test_a_quiet_night_costs_few_messages() -> None:
    """Charging on with an unchanged limit: two messages in each half of a lease."""
    s = site("one_feeder", lease_s=240.0).car("A1", takes=16).after(60)
    messages = 0
    for _ in range(240):
        s.after(1)
        messages += sum(order.evse == "A1/1" for order in s.sent)
    assert messages <= 4
