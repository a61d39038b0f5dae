"""What may flow at one EVSE, after every way in which a limit can be sent, answered, lost and ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.grant import FOREVER, MAX_CLAIMS, PILOT_LAG_S, Grant, Layer

FLOOR, DEFAULT, SESSION = Layer.FLOOR, Layer.DEFAULT, Layer.SESSION
APPLY_S = 10.0
LEASE_S = 900.0


def sent(layer: Layer, amps: float, at: float) -> Callable[[Grant], Grant]:
    return lambda grant: grant.sent(layer, amps, at)


def ok(layer: Layer, amps: float, at: float, lease: float = LEASE_S) -> Callable[[Grant], Grant]:
    """Sent and accepted in the same second."""
    ends = FOREVER if layer is FLOOR else at + lease
    return lambda grant: grant.sent(layer, amps, at).accepted(layer, amps, at, ends, APPLY_S)


def no(layer: Layer, amps: float, at: float) -> Callable[[Grant], Grant]:
    return lambda grant: grant.sent(layer, amps, at).refused(layer, amps)


def lost(layer: Layer, amps: float, at: float) -> Callable[[Grant], Grant]:
    """Sent, and no answer came."""
    return lambda grant: grant.sent(layer, amps, at).unanswered(layer, amps)


def followed(at: float) -> Callable[[Grant], Grant]:
    return lambda grant: grant.followed(at)


def ended(at: float) -> Callable[[Grant], Grant]:
    return lambda grant: grant.transaction_ended(at, APPLY_S)


def after(*steps: Callable[[Grant], Grant]) -> Grant:
    grant = Grant()
    for step in steps:
        grant = step(grant)
    return grant


def may_flow(grant: Grant, at: float, layer: Layer = SESSION) -> float:
    return max(grant.amps_in_force(layer, at), grant.claimed_a(at))


BASE = (ok(FLOOR, 6, 0), ok(DEFAULT, 0, 0))
UP = (*BASE, ok(SESSION, 16, 20))

ROWS = [
    ("nothing is proven before a floor", (), 1, math.inf),
    ("not even by a session limit alone", (ok(SESSION, 16, 0),), 20, math.inf),
    ("a refused floor is no floor", (no(FLOOR, 6, 0),), 1, math.inf),
    ("the floor rules alone", (ok(FLOOR, 6, 0),), 11, 6),
    ("the default stands over the floor", BASE, 11, 0),
    ("until its lease ends", BASE, 899, 0),
    ("then the floor rules", BASE, 900, 6),
    ("the session limit stands over both", UP, 31, 16),
    ("until its lease ends, then the default of the same age is gone too", UP, 920, 6),
    ("a renewed default rules when only the session limit ends", (*UP, ok(DEFAULT, 0, 450)), 920, 0),
    ("a raise counts from the moment it is sent", (*UP, sent(SESSION, 25, 40)), 40, 25),
    ("and when it is accepted", (*UP, ok(SESSION, 25, 40)), 41, 25),
    ("a refused raise leaves the old limit", (*UP, no(SESSION, 25, 40)), 41, 16),
    ("a raise without answer may be in force", (*UP, lost(SESSION, 25, 40)), 800, 25),
    ("until a later limit is accepted and has acted", (*UP, lost(SESSION, 25, 40), ok(SESSION, 16, 50)), 59.9, 25),
    ("and then no longer", (*UP, lost(SESSION, 25, 40), ok(SESSION, 16, 50)), 60, 16),
    ("a cut counts nothing while it is on its way", (*UP, sent(SESSION, 6, 40)), 41, 16),
    ("nor at once when it is accepted", (*UP, ok(SESSION, 6, 40)), 49.9, 16),
    ("but when it has had time to act", (*UP, ok(SESSION, 6, 40)), 50, 6),
    ("or when the current is seen to follow", (*UP, ok(SESSION, 6, 40), followed(43)), 43, 6),
    ("a current that was low before the station acted proves nothing", (*UP, ok(SESSION, 6, 40), followed(41)), 42, 16),
    ("two cuts in a row: the first value still counts", (*UP, ok(SESSION, 10, 40), ok(SESSION, 6, 41)), 49, 16),
    ("a refused cut leaves the old limit", (*UP, no(SESSION, 6, 40)), 60, 16),
    ("a cut without answer leaves the old limit", (*UP, lost(SESSION, 6, 40)), 60, 16),
    ("even when the current seems to follow", (*UP, lost(SESSION, 6, 40), followed(50)), 60, 16),
    ("a lower session limit over a higher default", (ok(FLOOR, 6, 0), ok(DEFAULT, 16, 0), ok(SESSION, 6, 20)), 40, 6),
    ("the end of a transaction returns to the default", (*UP, ended(40)), 50, 0),
    ("but not at once", (*UP, ended(40)), 49.9, 16),
    ("the end of a transaction without a session limit changes nothing", (*BASE, ended(40)), 41, 0),
    ("a floor alone bounds what was unlimited only when it has had time to act", (ok(FLOOR, 6, 5),), 6, math.inf),
    ("a limit lost with its transaction is gone with it", (*UP, lost(SESSION, 25, 40), ended(50)), 70, 0),
    ("also when no session limit was ever accepted", (*BASE, lost(SESSION, 25, 40), ended(50)), 70, 0),
]


@pytest.mark.parametrize(("name", "steps", "at", "amps"), ROWS, ids=[row[0] for row in ROWS])
def test_what_may_flow(name: str, steps: tuple[Callable[[Grant], Grant], ...], at: float, amps: float) -> None:
    assert may_flow(after(*steps), at) == amps


def test_without_a_transaction_the_session_layer_does_not_count() -> None:
    assert after(*UP).amps_in_force(DEFAULT, 40) == 0
    assert after(*UP).amps_in_force(FLOOR, 40) == 6


@pytest.mark.parametrize(("at", "amps"), [(890, 16), (909, 16), (911, 16), (929, 16), (930, 6)])
def test_near_the_end_of_a_lease_both_layers_count(at: float, amps: float) -> None:
    """A station whose clock may be 10 s off may still, or no longer, follow the upper one."""
    assert after(ok(FLOOR, 6, 0), ok(SESSION, 16, 20)).amps_in_force(SESSION, at, 10.0) == amps


@pytest.mark.parametrize(("at", "amps"), [(890, 0), (909, 0), (911, 6), (929, 6), (930, 6)])
def test_near_the_end_of_a_pause_the_floor_counts(at: float, amps: float) -> None:
    assert after(ok(FLOOR, 6, 0), ok(SESSION, 0, 20)).amps_in_force(SESSION, at, 10.0) == amps


def test_with_an_endlessly_wrong_clock_no_lease_ever_ends() -> None:
    """The highest of all layers counts for ever (failsafe row 13)."""
    assert after(*UP).amps_in_force(SESSION, 1e6, math.inf) == 16
    assert after(*BASE).amps_in_force(SESSION, 1e6, math.inf) == 6


def test_refusals_and_misses_count_until_something_is_accepted() -> None:
    grant = after(*BASE, no(SESSION, 16, 20), lost(SESSION, 16, 30))
    assert (grant.refusals, grant.misses, grant.tried_at) == (1, 2, 30)
    grant = ok(SESSION, 16, 40)(grant)
    assert (grant.refusals, grant.misses, grant.tried_at) == (0, 0, 40)


def test_forgetting_keeps_only_the_count_of_refusals() -> None:
    grant = after(*UP, sent(SESSION, 25, 30), no(SESSION, 20, 31)).forgotten()
    assert (grant.floor, grant.default, grant.session, grant.claims) == (None, None, None, ())
    assert (grant.refusals, grant.tried_at) == (1, 31)
    assert may_flow(grant, 32) == math.inf


@pytest.mark.parametrize(
    ("says", "contradicts"), [(None, False), (0.0, False), (16.0, False), (18.0, False), (18.2, True), (32.0, True)]
)
def test_a_composite_schedule_above_what_was_accepted_contradicts_it(says: float | None, contradicts: bool) -> None:
    """Within 10 % and 0.5 A it agrees; None proves nothing."""
    grant = after(*UP).read_back(SESSION, says, 100)
    assert (grant.composite_a, grant.composite_at) == (says, 100)
    assert (bool(grant.resend), grant.refusals) == (contradicts, int(contradicts))


def test_a_composite_schedule_proves_nothing_without_a_floor() -> None:
    assert not Grant().read_back(SESSION, 32.0, 100).resend


def test_a_composite_schedule_may_show_what_was_not_answered() -> None:
    assert not after(*UP, lost(SESSION, 25, 40)).read_back(SESSION, 25.0, 100).resend


def test_a_resend_is_owed_to_every_layer() -> None:
    """After a restart of the station the acceptance of its floor says nothing about its other limits."""
    grant = after(*UP).to_resend()
    for layer, amps in ((FLOOR, 6), (DEFAULT, 0), (SESSION, 16)):
        assert grant.resend
        grant = ok(layer, amps, 50)(grant)
    assert not grant.resend


def test_when_the_next_lease_or_claim_ends() -> None:
    assert after(*UP).next_change(25) == 900
    assert after(*UP).next_change(901) == 920
    assert after(*UP, ok(SESSION, 6, 40)).next_change(41) == 50
    assert after(ok(FLOOR, 6, 0)).next_change(11) == FOREVER


STEPS = st.one_of(
    *(
        st.builds(kind, st.sampled_from(list(Layer)), st.integers(0, 32).map(float), st.just(0.0))
        for kind in (sent, ok, no, lost)
    ),
    st.just(ended(0.0)),
    st.just(followed(0.0)),
)


@given(st.lists(STEPS, max_size=40))
def test_whatever_was_sent_and_not_refused_is_counted(steps: list[Callable[[Grant], Grant]]) -> None:
    """No history makes a grant forget a limit that may be in force; a bound on claims keeps the highest ones."""
    grant = after(ok(FLOOR, 6, 0), *steps, sent(SESSION, 32, 0))
    assert may_flow(grant, 0) >= 32
    assert len(grant.claims) <= MAX_CLAIMS
    assert may_flow(grant, 1e9) < math.inf


@given(st.lists(STEPS, max_size=10), st.floats(0, 2000), st.floats(0, 2000))
def test_nothing_changes_before_the_next_change(steps: list[Callable[[Grant], Grant]], at: float, later: float) -> None:
    """What may flow is a function of time that steps only where `next_change` says."""
    grant = after(ok(FLOOR, 6, 0), *steps)
    if at <= later < grant.next_change(at):
        assert may_flow(grant, later) == may_flow(grant, at)


def test_the_pilot_lag_is_that_of_a_station_not_of_a_vehicle() -> None:
    assert PILOT_LAG_S <= 3


@pytest.mark.parametrize(
    ("accepted", "since", "until", "most"),
    [
        ([(0, 16), (20, 10)], 5, 15, 16),
        ([(0, 16), (20, 10)], 15, 25, 16),
        ([(0, 16), (20, 10)], 21, 30, 10),
        ([(0, 16), (20, 10)], -9, -2, math.inf),
        ([(0, 6), (20, 10), (22, 8)], 10, 21, 10),
        ([(0, 16), (20, 6), (30, 9), (40, 7), (50, 8), (60, 6), (70, 10)], 25, 35, math.inf),
        ([(0, 16), (20, 6), (30, 9), (40, 7), (50, 8), (60, 6), (70, 10)], 35, 45, 9),
    ],
)
def test_the_highest_limit_of_a_time(
    accepted: list[tuple[float, float]], since: float, until: float, most: float
) -> None:
    """The one that held at its beginning and those accepted within; what is forgotten could have been anything."""
    grant = after(ok(FLOOR, 0, -0.5))
    grant = replace(grant, recent=())
    for at, amps in accepted:
        grant = ok(DEFAULT, amps, at)(grant)
    assert grant.most_accepted_a(since, until) == most


@pytest.mark.parametrize(
    ("sentence", "steps", "at", "surely"),
    [
        ("nothing without a floor", (), 0, 0),
        ("the session limit", UP, 100, 16),
        ("the default for who has none", BASE, 100, 0),
        ("the floor when both leases have ended", UP, 2000, 6),
        ("the lesser while nobody knows whether its lease has ended", UP, 921, 6),
        ("not a raise that was never answered", (*UP, lost(SESSION, 25, 100)), 120, 16),
        ("nor one on its way", (*UP, sent(SESSION, 25, 100)), 101, 16),
        ("but a cut that may have arrived", (*UP, lost(SESSION, 8, 100)), 120, 8),
        ("whatever is on its way to a layer below", (*UP, sent(DEFAULT, 0, 100)), 101, 16),
        ("an accepted cut at once", (*UP, ok(SESSION, 8, 100)), 101, 8),
    ],
)
def test_what_is_surely_in_force(
    sentence: str, steps: tuple[Callable[[Grant], Grant], ...], at: float, surely: float
) -> None:
    assert after(*steps).surely_in_force(SESSION, at, 2.0) == surely, sentence
