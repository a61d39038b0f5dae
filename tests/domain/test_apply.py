"""What each event changes in the picture of the site, and what it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest

from ems.domain import events as e
from ems.domain.access.tag import Holder
from ems.domain.apply import apply
from ems.domain.apply_session import MAX_SAMPLES
from ems.domain.grant import FOREVER, Answer, Grant, Layer
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.measured_power import evse_power_w, told_sample
from ems.domain.measurement import LegUse
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.outlet import OutletSeen
from ems.domain.plan import Plan
from ems.domain.release import LimitsReleased
from ems.domain.session import Need, Transaction
from ems.domain.state import NEVER, MeterState, SiteState, StationState
from ems.domain.station import EvseStatus, Station
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Vehicle
from tests.builders import BEGIN, circuit, evse, layout

S = EvseStatus
NOW = BEGIN
T = NOW.monotonic_s


def two_outlets() -> Station:
    first = evse("A1", "grid")
    return Station("A1", (*first.evses, replace(first.evses[0], number=2)))


SITE = layout(
    [circuit("grid", 63, meter="main")],
    [two_outlets(), evse("B1", "grid", "L2", model=StationModel(keeps_over_boot=False), priority=3)],
)
START = SiteState.initial(SITE)
BUS = Vehicle("Bus 17")


def at(seconds: float) -> Instant:
    return NOW.later(seconds)


def after(*events: e.Event, state: SiteState = START) -> SiteState:
    for event in events:
        state = apply(state, event)
    return state


def status(value: EvseStatus, seconds: float = 0, error: str = "") -> e.StatusChanged:
    return e.StatusChanged("A1/1", at(seconds), value, error)


def begins(number: int = 7, register: float = 5000.0) -> e.TransactionStarted:
    return e.TransactionStarted("A1/1", NOW, Transaction(number, NOW.utc, register))


def got(register: float) -> e.MeterValues:
    return e.MeterValues("A1/1", T, register_wh=register)


def ends(number: int = 7, energy: float | None = None) -> e.TransactionEnded:
    return e.TransactionEnded("A1/1", at(60), number, energy)


def took(layer: Layer, amps: float, lease: float = 900.0) -> tuple[e.Event, e.Event]:
    ends_at = FOREVER if layer is Layer.FLOOR else T + lease
    answered = e.ProfileAnswered("A1/1", layer, amps, T, Answer.ACCEPTED, ends_at)
    return e.ProfileSent("A1/1", layer, amps, T), answered


CONNECTED = e.StationConnected("A1", NOW, 2)
CHARGING = after(CONNECTED, *took(Layer.FLOOR, 6), *took(Layer.DEFAULT, 0), status(S.CHARGING), begins(),
                 *took(Layer.SESSION, 16))  # fmt: skip


def a1(state: SiteState) -> Any:
    """What is known of A1/1; whatever a row looks at there must exist."""
    return state.evse("A1/1")


def power(state: SiteState) -> float | None:
    """What is told of the power of A1/1."""
    return evse_power_w(state.site.evses[0], a1(state), state.site.voltage_v)


def told(state: SiteState) -> Any:
    """The sample that is told of A1/1."""
    return told_sample(a1(state))


PLAN = Plan(NOW.utc, Strategy.FAST, (NOW.utc, NOW.later(300).utc), ())

ROWS: list[tuple[str, SiteState, e.Event, Callable[[Any], object], object]] = [
    ("a link opens", START, CONNECTED, lambda s: (s.station("A1").connected, s.station("A1").generation), (True, 2)),
    ("a station was seen", START, CONNECTED, lambda s: (s.station("A1").seen, s.station("B1").seen), (True, False)),
    ("a link ends", after(CONNECTED), e.StationGone("A1", at(9), 2),
     lambda s: (s.station("A1").connected, s.station("A1").seen, s.station("A1").gone_at), (False, True, T + 9)),
    ("the end of an older link changes nothing", after(CONNECTED), e.StationGone("A1", at(9), 1),
     lambda s: s.station("A1").connected, True),
    ("a late report of an older link changes nothing", after(CONNECTED), e.StationConnected("A1", at(9), 1),
     lambda s: s, after(CONNECTED)),
    ("nor what is on its way on the newer one", after(CONNECTED, e.ProfileSent("A1/1", Layer.FLOOR, 6, T)),
     e.StationConnected("A1", at(9), 1), lambda s: a1(s).grant.pending(Layer.FLOOR), 6),
    ("a new link leaves orders of the old one without answer",
     after(CONNECTED, e.ProfileSent("A1/1", Layer.FLOOR, 6, T)), e.StationConnected("A1", at(9), 3),
     lambda s: (a1(s).grant.pending(Layer.FLOOR), a1(s).grant.misses), (None, 1)),
    ("a station says what it is", START, e.StationBooted("A1", NOW, "maker", "model", "1.2"),
     lambda s: (s.station("A1").vendor, s.station("A1").product, s.station("A1").firmware, s.station("A1").boots),
     ("maker", "model", "1.2", 1)),
    ("after a boot everything is sent again", CHARGING, e.StationBooted("A1", NOW, "m", "m", "1"),
     lambda s: (bool(a1(s).grant.resend), a1(s).grant.floor is None), (True, False)),
    ("a model is learned", START, e.ModelLearned("A1", StationModel("x")), lambda s: s.station("A1").model.id, "x"),
    ("a clock is measured", START, e.ClockMeasured("A1", -40.0), lambda s: s.station("A1").clock_skew_s, -40.0),
    ("an outlet is spoken of that the site does not describe", START, OutletSeen("A1", 2, may_charge=True),
     lambda s: (s.station("A1").undescribed, s.station("B1").undescribed), ((2,), ())),
    ("it is told of once", after(OutletSeen("A1", 2, may_charge=True)), OutletSeen("A1", 2, may_charge=True),
     lambda s: s.station("A1").undescribed, (2,)),
    ("and no longer when nobody can charge there", after(OutletSeen("A1", 2, may_charge=True)),
     OutletSeen("A1", 2, may_charge=False), lambda s: s.station("A1").undescribed, ()),
    ("a plug begins a session", START, status(S.PREPARING, 5),
     lambda s: (a1(s).session.plugged_s, a1(s).session.plugged), (T + 5, at(5).utc)),
    ("with the class of service of its outlet", START, e.StatusChanged("B1/1", NOW, S.PREPARING),
     lambda s: s.evse("B1/1").session.service_class, 3),
    ("a second status of the same session does not begin another", after(status(S.PREPARING)),
     status(S.CHARGING, 60), lambda s: a1(s).session.plugged_s, T),
    ("a reservation is no plug", START, status(S.RESERVED), lambda s: a1(s).session, None),
    ("out of service before a transaction, somebody may still be plugged in", after(status(S.PREPARING)),
     status(S.UNAVAILABLE, 60), lambda s: a1(s).session is None, False),
    ("and after one nobody says when they leave", after(e.TransactionEnded("A1/1", NOW, 7), state=CHARGING),
     status(S.UNAVAILABLE, 60), lambda s: a1(s).session, None),
    ("a fault is kept in its words", START, status(S.FAULTED, error="GroundFailure"),
     lambda s: (a1(s).status, a1(s).error), (S.FAULTED, "GroundFailure")),
    ("and gone with the next status", after(status(S.FAULTED, error="GroundFailure")), status(S.AVAILABLE),
     lambda s: a1(s).error, ""),
    ("an unplugged vehicle ends a session that never started", after(status(S.PREPARING)), status(S.AVAILABLE),
     lambda s: (a1(s).session, a1(s).leg_use), (None, LegUse())),
    ("but not one whose transaction still runs", CHARGING, status(S.AVAILABLE), lambda s: a1(s).session.transaction.id,
     7),
    ("that ends with its transaction", after(status(S.AVAILABLE), state=CHARGING), ends(), lambda s: a1(s).session,
     None),
    ("a fault ends no session", CHARGING, status(S.FAULTED), lambda s: a1(s).session.transaction.id, 7),
    ("a vehicle that wakes up gets its limit again", after(status(S.SUSPENDED_EV), state=CHARGING), status(S.CHARGING),
     lambda s: bool(a1(s).grant.resend), True),
    ("a transaction begins a session without a plug report", START, begins(),
     lambda s: (a1(s).session.transaction.id, a1(s).session.energy_wh), (7, 0.0)),
    ("the same transaction reported twice changes nothing", CHARGING, begins(), lambda s: s, CHARGING),
    ("a second transaction counts its own energy and keeps the need",
     after(e.NeedStated("A1/1", Need(20_000)), e.MeterValues("A1/1", T, register_wh=6000.0), state=CHARGING),
     begins(8, 6000.0), lambda s: (a1(s).session.energy_wh, a1(s).session.need), (0.0, Need(20_000))),
    ("the end of a transaction leaves the vehicle plugged in", CHARGING, ends(energy=900.0),
     lambda s: (a1(s).session.transaction, a1(s).session.energy_wh), (None, 900.0)),
    ("with a transaction ends what flowed in it",
     after(e.MeterValues("A1/1", T, power_w=9000.0), state=CHARGING), ends(), power, 0.0),
    ("also where only currents were told",
     after(e.MeterValues("A1/1", T, leg_a=(8.0, 8.0, 8.0)), state=CHARGING), ends(), power, 0.0),
    ("a current that flows all the same is told",
     after(e.MeterValues("A1/1", T, leg_a=(8.0, 8.0, 8.0)), ends(), state=CHARGING),
     e.MeterValues("A1/1", T + 9, leg_a=(8.0, 8.0, 8.0)), power, 5520.0),
    ("the current of a transaction that is over is not told",
     after(e.MeterValues("A1/1", T, leg_a=(8.0,) * 3), state=CHARGING), ends(), told, None),
    ("a current after it is", after(e.MeterValues("A1/1", T, leg_a=(8.0,) * 3), ends(), state=CHARGING),
     e.MeterValues("A1/1", T + 9, leg_a=(2.0,) * 3), lambda s: told(s).peak_a, 2.0),
    ("and while it runs", CHARGING, e.MeterValues("A1/1", T, leg_a=(8.0,) * 3, power_w=0.0),
     lambda s: told(s).peak_a, 8.0),
    ("values from before the end tell nothing of now", after(ends(), state=CHARGING),
     e.MeterValues("A1/1", T + 9, power_w=9000.0, control=False), power, 0.0),
    ("the end of another transaction changes nothing", CHARGING, ends(6), lambda s: s, CHARGING),
    ("a current is sampled", CHARGING, e.MeterValues("A1/1", T, leg_a=(16.0, 15.0, 14.0)),
     lambda s: (a1(s).samples[0].low_a, a1(s).samples[0].at), ((16.0, 15.0, 14.0), T)),
    ("an older sample comes too late", after(e.MeterValues("A1/1", T, leg_a=(16.0, 16.0, 16.0)), state=CHARGING),
     e.MeterValues("A1/1", T - 5, leg_a=(6.0, 6.0, 6.0)), lambda s: a1(s).samples[0].peak_a, 16.0),
    ("a current is preferred to a power", CHARGING, e.MeterValues("A1/1", T, leg_a=(8.0, 8.0, 8.0), power_w=9000.0),
     lambda s: (a1(s).samples[0].peak_a, a1(s).power_w), (8.0, 9000.0)),
    ("old values only count as energy", CHARGING,
     e.MeterValues("A1/1", T, leg_a=(16.0, 16.0, 16.0), register_wh=7000.0, control=False),
     lambda s: (a1(s).samples, a1(s).session.energy_wh), ((), 2000.0)),
    ("state of charge and offer are kept", CHARGING, e.MeterValues("A1/1", T, soc_percent=55.0, offered_a=16.0),
     lambda s: (a1(s).session.soc_percent, a1(s).offered_a, a1(s).register_wh), (55.0, 16.0, None)),
    ("a need is stated", CHARGING, e.NeedStated("A1/1", Need(20_000)), lambda s: a1(s).session.need.energy_wh, 20_000),
    ("a vehicle is known", CHARGING, e.VehicleIdentified("A1/1", BUS), lambda s: a1(s).session.vehicle, BUS),
    ("a need without a vehicle is nobody's", START, e.NeedStated("A1/1", Need(20_000)), lambda s: s, START),
    ("a tag's holder is known", CHARGING, e.HolderIdentified("A1/1", Holder("CARD", "Ada", service_class=4)),
     lambda s: (a1(s).session.holder.name, a1(s).session.service_class), ("Ada", 4)),
    ("no more is paid for", CHARGING, e.EnergyCapped("A1/1", 5000.0), lambda s: a1(s).session.cap_wh, 5000.0),
    ("a limit goes out", CHARGING, e.ProfileSent("A1/1", Layer.SESSION, 20, T + 1),
     lambda s: (a1(s).grant.pending(Layer.SESSION), a1(s).grant.tried_at), (20, T + 1)),
    ("a limit is accepted", CHARGING, e.ProfileAnswered("A1/1", Layer.SESSION, 20, T + 1, Answer.ACCEPTED, T + 901),
     lambda s: (a1(s).grant.session.amps, a1(s).grant.session.ends_at), (20, T + 901)),
    ("a limit is refused", CHARGING, e.ProfileAnswered("A1/1", Layer.SESSION, 20, T + 1, Answer.REJECTED, T + 901),
     lambda s: (a1(s).grant.session.amps, a1(s).grant.refusals), (16, 1)),
    ("a limit is not understood", CHARGING,
     e.ProfileAnswered("A1/1", Layer.SESSION, 20, T + 1, Answer.NOT_SUPPORTED, T + 901),
     lambda s: a1(s).grant.refusals, 1),
    ("a limit is not answered", after(e.ProfileSent("A1/1", Layer.SESSION, 20, T + 1), state=CHARGING),
     e.ProfileAnswered("A1/1", Layer.SESSION, 20, T + 6, Answer.TIMEOUT, T + 901),
     lambda s: (a1(s).grant.claimed_a(T + 99), a1(s).grant.misses), (20, 1)),
    ("a session limit that is accepted after its transaction holds for nobody",
     after(ends(), state=CHARGING), e.ProfileAnswered("A1/1", Layer.SESSION, 20, T + 61, Answer.ACCEPTED, T + 961),
     lambda s: a1(s).grant.session, None),
    ("a composite schedule is read", CHARGING, e.CompositeRead("A1/1", T + 5, 16.0),
     lambda s: (a1(s).grant.composite_a, bool(a1(s).grant.resend)), (16.0, False)),
    ("a station lets go of every limit", CHARGING, LimitsReleased("A1/1"),
     lambda s: (a1(s).grant.floor, a1(s).grant.default, a1(s).grant.session), (None, None, None)),
    ("a limit is received", START, e.LimitReceived(Limit("grid", "dso", 40)), lambda s: s.limits,
     (Limit("grid", "dso", 40),)),
    ("and replaced by the next of the same source", after(e.LimitReceived(Limit("grid", "dso", 40))),
     e.LimitReceived(Limit("grid", "dso", 30)), lambda s: s.limits, (Limit("grid", "dso", 30),)),
    ("not by one of another source or scope",
     after(e.LimitReceived(Limit("grid", "dso", 40)), e.LimitReceived(Limit("A1/1", "dso", 10))),
     e.LimitReceived(Limit("grid", "operator", 30)), lambda s: len(s.limits), 3),
    ("a limit is withdrawn", after(e.LimitReceived(Limit("grid", "dso", 40))), e.LimitWithdrawn("grid", "dso"),
     lambda s: s.limits, ()),
    ("the controller starts", START, e.ControllerStarted(NOW, 2), lambda s: s.started.crashes, 2),
    ("records cannot be written", START, e.StoreTroubled(T, "disk full"), lambda s: s.store_trouble, "disk full"),
    ("and can again", after(e.StoreTroubled(T, "disk full")), e.StoreTroubled(T, ""), lambda s: s.store_trouble, ""),
    ("the site's files are broken", START, e.SettingsTroubled(T, "line 3"), lambda s: s.settings_trouble, "line 3"),
    ("and mended", after(e.SettingsTroubled(T, "x")), e.SettingsTroubled(T, ""), lambda s: s.settings_trouble, ""),
    ("a plan is made", START, e.PlanMade(T, PLAN), lambda s: (s.plan, s.planned_at), (PLAN, T)),
    ("a plan that failed leaves the last one", after(e.PlanMade(T, PLAN)), e.PlanMade(T + 300, None, "too late"),
     lambda s: (s.plan, s.planned_at, s.plan_trouble), (PLAN, T, "too late")),
    ("and the next one is no trouble", after(e.PlanMade(T, None, "too late")), e.PlanMade(T + 300, PLAN),
     lambda s: s.plan_trouble, ""),
    ("a strategy is chosen", START, e.StrategyChosen(Strategy.SOLAR), lambda s: s.strategy, Strategy.SOLAR),
    ("and the site's own again", after(e.StrategyChosen(Strategy.SOLAR)), e.StrategyChosen(None),
     lambda s: s.strategy, Strategy.EQUAL),
    ("the loop was blocked", START, e.LoopBlocked(T, 1.5), lambda s: s.blocked.seconds, 1.5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "event", "look", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_what_an_event_changes(
    name: str, before: SiteState, event: e.Event, look: Callable[[Any], object], expected: object
) -> None:
    assert look(apply(before, event)) == expected


STRANGERS: list[e.Event] = [
    e.MeterRead("x", MeterReading(T, (1, 1, 1))),
    e.MeterFailed("x", T, "no answer"),
    e.StationConnected("X", NOW, 1),
    e.StationGone("X", NOW, 1),
    e.StationBooted("X", NOW, "m", "m", "1"),
    e.ModelLearned("X", StationModel()),
    e.ClockMeasured("X", 5.0),
    OutletSeen("X", 2, may_charge=True),
    e.StatusChanged("A1/9", NOW, S.CHARGING),
    e.TransactionStarted("A1/9", NOW, Transaction(1, NOW.utc, 0.0)),
    e.TransactionEnded("A1/9", NOW, 1),
    e.MeterValues("A1/9", T, leg_a=(16.0,)),
    e.ProfileSent("A1/9", Layer.SESSION, 6, T),
    e.ProfileAnswered("A1/9", Layer.SESSION, 6, T, Answer.ACCEPTED, T + 900),
    e.CompositeRead("A1/9", T, 6.0),
    LimitsReleased("A1/9"),
    e.NeedStated("A1/9", Need(1.0)),
    e.VehicleIdentified("A1/9", BUS),
    e.HolderIdentified("A1/9", Holder("CARD", "Ada")),
    e.EnergyCapped("A1/9", 1.0),
    e.LimitWithdrawn("nowhere", "nobody"),
]


@pytest.mark.parametrize("event", STRANGERS, ids=lambda event: type(event).__name__)
def test_what_the_site_does_not_have_changes_nothing(event: e.Event) -> None:
    assert apply(CHARGING, event) == CHARGING


def test_every_event_is_in_a_table() -> None:
    elsewhere = {e.MeterRead, e.MeterFailed, e.BatteryAnswered}
    assert {type(row[2]) for row in ROWS} | elsewhere == set(get_args(e.Event))


def test_only_the_outlet_that_is_meant_changes() -> None:
    changed = after(begins(), status(S.CHARGING), *took(Layer.FLOOR, 6))
    assert changed.evses[1:] == START.evses[1:]


def test_a_boot_and_a_new_link_concern_every_outlet_of_a_station() -> None:
    booted = after(e.StationBooted("A1", NOW, "m", "m", "1"), state=CHARGING)
    assert [bool(v.grant.resend) for v in booted.evses] == [True, True, False]


def test_a_station_that_forgets_starts_from_nothing_after_a_boot() -> None:
    told = after(e.ProfileAnswered("B1/1", Layer.FLOOR, 6, T, Answer.ACCEPTED, FOREVER))
    assert apply(told, e.StationBooted("B1", NOW, "m", "m", "1")).evse("B1/1").grant == Grant()


def test_samples_are_kept_newest_first_and_few() -> None:
    many = after(*(e.MeterValues("A1/1", T + k, leg_a=(float(k),) * 3) for k in range(9)), state=CHARGING)
    assert [s.at - T for s in a1(many).samples] == [8 - k for k in range(MAX_SAMPLES)]


@pytest.mark.parametrize("legs", [(), (16.0,), (16.0, 15.0), (16.0, 15.0, 14.0, 13.0)])
def test_a_sample_has_as_many_legs_as_its_outlet(legs: tuple[float, ...]) -> None:
    """A station may report phases that it lacks, or not report those it has."""
    for evse_id, count in (("A1/1", 3), ("B1/1", 1)):
        samples = after(e.MeterValues(evse_id, T, leg_a=legs), state=CHARGING).evse(evse_id).samples
        assert all(len(s.low_a) == len(s.high_a) == count for s in samples)


@pytest.mark.parametrize("field", ["at", "leg_a", "total_a", "power_w", "register_wh", "soc_percent", "offered_a"])
def test_a_doubtful_measurement_cannot_be_built(field: str) -> None:
    """It is refused where it is made, at the edge; nothing that reaches `apply` raises (failsafe row 20)."""
    for wrong in (math.nan, math.inf):
        value: object = (wrong, 1.0, 1.0) if field == "leg_a" else wrong
        with pytest.raises(ValueError, match="finite"):
            e.MeterValues(**{"evse": "A1/1", "at": T, field: value})  # type: ignore[arg-type]  # that is the test


# Meters


def read(seconds: float, fingerprint: int, meter: str = "main") -> e.MeterRead:
    return e.MeterRead(meter, MeterReading(T + seconds, (10.0, 10.0, 10.0), fingerprint))


@pytest.mark.parametrize(
    ("events", "unchanged_since", "steady_since"),
    [
        ([read(0, 1)], 0, 0),
        ([read(0, 1), read(1, 2)], 1, 0),
        ([read(0, 1), read(1, 1), read(2, 1)], 0, 0),
        ([read(0, 1), read(3, 2)], 3, 0),
        ([read(0, 1), read(3.5, 2)], 3.5, 3.5),
        ([read(0, 1), e.MeterFailed("main", T + 1, "no answer"), read(2, 2)], 2, 0),
        ([read(0, 1), read(60, 1)], 0, 60),
        ([read(0, 1), read(60, 2), read(61, 3)], 61, 60),
    ],
)
def test_since_when_a_meter_is_steady_and_since_when_it_stands_still(
    events: list[e.Event], unchanged_since: float, steady_since: float
) -> None:
    """A gap of more than three periods ends steadiness; the same registers again are no news."""
    meter = after(*events).meters[0]
    assert (meter.unchanged_since - T, meter.steady_since - T) == (unchanged_since, steady_since)


def test_a_failure_keeps_the_last_good_reading_and_is_forgotten_with_the_next() -> None:
    failed = after(read(0, 1), e.MeterFailed("main", T + 1, "crc"), e.MeterFailed("main", T + 2, "timeout"))
    assert (failed.meters[0].at, failed.meters[0].failures, failed.meters[0].fault) == (T, 2, "timeout")
    assert (apply(failed, read(3, 2)).meters[0].failures, apply(failed, read(3, 2)).meters[0].fault) == (0, "")
    assert START.meters[0] == MeterState()
    assert START.meters[0].at == NEVER


def test_a_transaction_that_follows_another_counts_from_nothing() -> None:
    """Whether or not the one before was seen to end; the same one that goes on after all keeps what it had."""
    first = after(status(EvseStatus.PREPARING), begins(1), ends(1, 5000.0))
    for state in (first, after(begins(1), e.MeterValues("A1/1", T, register_wh=10_000.0))):
        session = after(begins(2, 10_000.0), state=state).evse("A1/1").session
        assert session is not None
        assert (session.energy_wh, session.counted) == (0.0, 2)
    session = after(begins(1), state=first).evse("A1/1").session
    assert session is not None
    assert session.energy_wh == 5000.0


PAID = e.EnergyCapped("A1/1", 8000.0, "QR1")


@pytest.mark.parametrize(
    ("before", "second_tag", "cap", "is_at_cap"),
    [
        ((PAID,), "QR1", 8000.0, False),
        ((PAID,), "qr1", 8000.0, False),
        ((PAID, got(7000.0)), "QR1", 8000.0, True),
        ((PAID, got(8000.0)), None, 8000.0, True),
        ((got(8000.0), PAID), "QR1", 8000.0, True),
        ((PAID, got(8000.0)), "04AB", None, False),
        ((e.EnergyCapped("A1/1", 8000.0), got(8000.0)), "04AB", 8000.0, True),
    ],
)
def test_a_cap_is_of_all_that_its_payer_gets_in_a_session(
    before: tuple[e.Event, ...], second_tag: str | None, cap: float | None, is_at_cap: bool
) -> None:
    """Also where the station was restarted, or the driver stopped and begins again with the same plug."""
    began = e.TransactionStarted("A1/1", at(0), Transaction(1, at(0).utc, 0.0, "QR1"))
    again = e.TransactionStarted("A1/1", at(60), Transaction(2, at(60).utc, 50_000.0, second_tag))
    for end in ((), (ends(1),)):
        state = after(status(EvseStatus.PREPARING), began, *before, *end, again)
        session = after(e.MeterValues("A1/1", T, register_wh=51_000.0), state=state).evse("A1/1").session
        assert session is not None
        assert (session.energy_wh, session.cap_wh, session.is_at_cap) == (1000.0, cap, is_at_cap)


def test_a_cap_that_is_told_late_is_not_for_who_charges_by_then() -> None:
    other = e.TransactionStarted("A1/1", at(0), Transaction(1, at(0).utc, 0.0, "04AB"))
    session = after(other, PAID).evse("A1/1").session
    assert session is not None
    assert session.cap_wh is None


def test_no_two_sessions_of_an_outlet_begin_in_the_same_second() -> None:
    """A station that was offline tells what happened meanwhile within one."""
    state, names = after(status(EvseStatus.AVAILABLE)), []
    for number in range(3):
        state = after(begins(number), state=state)
        session = state.evse("A1/1").session
        assert session is not None
        names.append(session.id)
        state = after(ends(number, 900.0), state=state)
    assert len(set(names)) == 3
    assert state.evse("A1/1").session is None


def test_the_meter_of_an_outlet_speaks_for_it() -> None:
    """Its readings are the samples, in the outlet's own phase order; what the station says itself does not count."""
    station = evse("A1", "grid", "L2 L3 L1")
    metered = replace(station, evses=(replace(station.evses[0], meter="own"),))
    site = layout([circuit("grid", 63)], [metered], meters=[Meter("own", role=MeterRole.EVSE)])
    reading = e.MeterRead("own", MeterReading(T, (1.0, 2.0, 3.0)))
    said = e.MeterValues("A1/1", T + 1, leg_a=(9.0, 9.0, 9.0))
    assert after(reading, said, state=SiteState.initial(site)).evse("A1/1").samples[0].low_a == (2.0, 3.0, 1.0)


def test_unknown_names_are_errors_only_where_one_asks() -> None:
    assert START.station("A1") == StationState(model=StationModel())
    for ask in (START.evse, START.station):
        with pytest.raises(KeyError):
            ask("nowhere")
