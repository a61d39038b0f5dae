"""The most an EVSE may draw now: granted, in flight, offline, refused, disobeyed, or never heard of."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import pytest

from ems.control.liability import CLOCK_UNCERTAINTY_S, clock_uncertainty_s, liability, next_change
from ems.domain.decision import Binding
from ems.domain.grant import FOREVER, Grant, Layer
from ems.domain.measurement import Sample
from ems.domain.policy import Policy
from ems.domain.session import Session, Transaction
from ems.domain.state import EvseState, StationState
from ems.domain.station import EvseStatus
from ems.domain.station_model import LeaseForm, StationModel
from tests.builders import BEGIN, evse

T = BEGIN.monotonic_s
OUTLET = evse("A1", "grid", max_a=32, fallback=6).evses[0]
POLICY = Policy()
CHARGING = Session("A1/1", BEGIN.utc, T, Transaction(1, BEGIN.utc, 0.0))


def grant(session: float | None = None, floor: float | None = 6, default: float = 0) -> Grant:
    """What the station accepted a while ago."""
    made = Grant()
    for layer, amps, ends in (
        (Layer.FLOOR, floor, FOREVER), (Layer.DEFAULT, default, T + 900), (Layer.SESSION, session, T + 900),
    ):  # fmt: skip
        if amps is not None:
            made = made.accepted(layer, amps, T - 60, ends, 10.0)
    return replace(made, claims=())


ONLINE = StationState(StationModel(), generation=1, connected=True, seen=True)
OFFLINE = replace(ONLINE, connected=False, gone_at=T - 5)
UNSEEN = StationState(StationModel())


def with_clock(skew: float, shown: float | None = None) -> StationState:
    """A station whose clock is so far ahead of our steady time, and of what our clock shows."""
    return replace(ONLINE, clock_skew_s=skew, clock_shown_s=skew if shown is None else shown)


class Row(NamedTuple):
    name: str
    grant: Grant
    station: StationState
    drawn: float | None = None
    sample_age: float = 1.0
    now: float = T
    untrusted: bool = False
    amps: float = 0.0
    controlled: bool = True
    growth: float = 0.0
    binding: Binding = Binding.STATION


FORGETS = StationModel(keeps_offline=False)
DEAF = StationModel(smart_charging=False)

ROWS = [
    Row("what was granted", grant(16), ONLINE, amps=16),
    Row("not what is drawn below it", grant(16), ONLINE, drawn=9, amps=16),
    Row("what is drawn above it", grant(16), ONLINE, drawn=20, amps=20),
    Row("an old sample above it no longer", grant(16), ONLINE, drawn=20, sample_age=35, amps=16),
    Row("a raise in flight", grant(16).sent(Layer.SESSION, 25, T), ONLINE, amps=25),
    Row("a cut in flight", grant(16).sent(Layer.SESSION, 6, T), ONLINE, amps=16),
    Row("a cut that was never answered: it keeps what it had", grant(16).sent(Layer.SESSION, 6, T).unanswered(
        Layer.SESSION, 6), ONLINE, drawn=12, amps=16, controlled=False, growth=4),
    Row("a raise that was never answered", grant(16).sent(Layer.SESSION, 25, T).unanswered(Layer.SESSION, 25), ONLINE,
        drawn=12, amps=25, controlled=False, growth=13),
    Row("a layer that does not steer may wait", grant(16).sent(Layer.DEFAULT, 6, T).unanswered(Layer.DEFAULT, 6),
        ONLINE, amps=16),
    Row("never more than the outlet can deliver", grant(80), ONLINE, amps=32),
    Row("the floor when the lease ended", grant(16), ONLINE, now=T + 903, amps=6),
    Row("both near its end", grant(16), ONLINE, now=T + 901, amps=16),
    Row("a clock that is off by a minute moves the end", grant(16), with_clock(-60), now=T + 950,
        amps=16),
    Row("with a clock that is off by an hour leases never end", grant(16), with_clock(3600),
        now=T + 9000, amps=16),
    Row("no floor: rated", grant(16, floor=None), ONLINE, amps=32, controlled=False, growth=32),
    Row("of which a meter sees what is drawn", grant(16, floor=None), ONLINE, drawn=20, amps=32, controlled=False,
        growth=12),
    Row("one refusal is a chance", grant(16).refused(Layer.SESSION, 6), ONLINE, amps=16),
    Row("two are refusal", grant(16).refused(Layer.SESSION, 6).refused(Layer.SESSION, 6), ONLINE, drawn=16,
        amps=32, controlled=False, growth=16),
    Row("disobedience", grant(6), ONLINE, drawn=16, untrusted=True, amps=32, controlled=False, growth=16),
    Row("it may draw above its rating", grant(6), ONLINE, drawn=40, untrusted=True, amps=40, controlled=False),
    Row("a deaf station", grant(), replace(ONLINE, model=DEAF), drawn=10, amps=32, controlled=False, growth=22),
    Row("offline: as granted, and it can only grow to that", grant(16), OFFLINE, drawn=10, amps=16, controlled=False,
        growth=6, binding=Binding.OFFLINE),
    Row("offline without a recent sample: all of it may still come", grant(16), OFFLINE, drawn=10, sample_age=60,
        amps=16, controlled=False, growth=16, binding=Binding.OFFLINE),
    Row("offline after its lease: the floor", grant(16), OFFLINE, now=T + 903, amps=6, controlled=False, growth=6,
        binding=Binding.OFFLINE),
    Row("offline and paused: the floor will come when the lease ends", grant(0), OFFLINE, amps=6, controlled=False,
        growth=6, binding=Binding.OFFLINE),
    Row("offline and forgetful: rated", grant(16), replace(OFFLINE, model=FORGETS), drawn=10, amps=32,
        controlled=False, growth=22, binding=Binding.OFFLINE),
    Row("never connected: where it is metered its floor is reserved", Grant(), UNSEEN, amps=32, controlled=False,
        growth=6, binding=Binding.OFFLINE),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_liability(row: Row) -> None:
    """Amperes per leg, whether it is ours to lower, and by how much it may grow above what a meter sees."""
    samples = () if row.drawn is None else (Sample.of_currents(row.now - row.sample_age, (row.drawn,) * 3),)
    known = EvseState(EvseStatus.CHARGING, session=CHARGING, grant=row.grant, samples=samples)
    judged = liability(OUTLET, known, row.station, row.untrusted, row.now, POLICY)
    assert (judged.amps, judged.controlled, judged.growth_a) == (row.amps, row.controlled, row.growth)
    assert judged.controlled or judged.binding is row.binding
    assert judged.controlled or judged.cause


@pytest.mark.parametrize(
    ("skew", "shown", "uncertainty"),
    [(0, 0, 2), (10, 10, 12), (-10, -10, 12), (225, 225, 227), (226, 226, math.inf), (0, -3600, 2), (3600, 0, 2),
     (3600, 7200, math.inf), (-10, 3590, 12)],
)  # fmt: skip
def test_how_far_off_the_end_of_a_lease_may_be(skew: float, shown: float, uncertainty: float) -> None:
    """The station's clock decides; beyond a quarter of the lease there is none (row 13). It is right if it agrees with
    ours as it would be had nobody set it, or as it is.
    """
    assert clock_uncertainty_s(with_clock(skew, shown), POLICY) == uncertainty


REFUSING = grant().refused(Layer.DEFAULT, 0).refused(Layer.DEFAULT, 0)


@pytest.mark.parametrize(
    ("status", "transaction", "made", "station", "drawn", "amps"),
    [
        (EvseStatus.AVAILABLE, False, grant(), ONLINE, None, 6),
        (EvseStatus.AVAILABLE, False, grant(default=10), ONLINE, None, 10),
        (EvseStatus.RESERVED, False, grant(), ONLINE, None, 6),
        (EvseStatus.UNAVAILABLE, False, grant(), ONLINE, None, 6),
        (EvseStatus.FINISHING, False, grant(), ONLINE, None, 6),
        (EvseStatus.FINISHING, False, grant(), ONLINE, 0.5, 6),
        (EvseStatus.FINISHING, False, grant(), ONLINE, 2, 32),
        (EvseStatus.FINISHING, True, grant(), ONLINE, None, 32),
        (EvseStatus.PREPARING, False, grant(), ONLINE, None, 32),
        (EvseStatus.SUSPENDED_EV, True, grant(), ONLINE, None, 32),
        (EvseStatus.FAULTED, False, grant(), ONLINE, None, 32),
        (EvseStatus.UNKNOWN, False, grant(), ONLINE, None, 32),
        (EvseStatus.AVAILABLE, False, grant(), OFFLINE, None, 32),
        (EvseStatus.AVAILABLE, False, Grant(), ONLINE, None, 32),
        (EvseStatus.AVAILABLE, False, REFUSING, ONLINE, None, 32),
        (EvseStatus.AVAILABLE, False, grant().sent(Layer.DEFAULT, 16, T), ONLINE, None, 16),
    ],
)
def test_who_has_disobeyed_counts_less_only_where_nobody_can_draw(
    status: EvseStatus, transaction: bool, made: Grant, station: StationState, drawn: float | None, amps: float
) -> None:
    session = CHARGING if transaction else replace(CHARGING, transaction=None)
    samples = () if drawn is None else (Sample.of_currents(T - 1, (drawn,) * 3),)
    known = EvseState(status, session=session if status.is_occupied else None, grant=made, samples=samples)
    judged = liability(OUTLET, known, station, True, T, POLICY)
    assert (judged.amps, judged.controlled, judged.at_rest) == (amps, False, amps < 32)


def test_an_outlet_without_a_vehicle_draws_nothing() -> None:
    """A station that reports its outlet free cannot be drawing what it drew before."""
    left = EvseState(EvseStatus.AVAILABLE, grant=grant(), samples=(Sample.of_currents(T - 5, (16.0,) * 3),))
    assert liability(OUTLET, left, ONLINE, False, T, POLICY).amps == 0


def test_when_the_liability_changes_by_itself() -> None:
    """At both ends of a lease's uncertainty, at the end of a claim, and when a sample grows old."""
    known = EvseState(session=CHARGING, grant=grant(16), samples=(Sample.of_currents(T, (16.0,) * 3),))
    moments, now = [], T
    while math.isfinite(now := next_change(known, now, CLOCK_UNCERTAINTY_S, POLICY)):
        moments.append(now - T)
    assert moments == [35, 898, 902]
    assert LeaseForm.DURATION is StationModel().lease
