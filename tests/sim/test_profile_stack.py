"""The profile stack against the text of OCPP 1.6, one sentence per row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ems.sim.charging_profile import Profile, Purpose
from ems.sim.profile_stack import Charge, ProfileStack, Shape, Verdict
from ems.sim.quirks import QUIRKS, Quirks

NOW = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
THREE = Shape(3, 230.0, 32.0)
ONE = Shape(1, 230.0, 32.0)
MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"


def when(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def p(
    purpose: str, amps: float | list[tuple[int, float]], level: int = 0, at: int = 1, **more: Any
) -> tuple[int, dict[str, Any]]:
    """(connector, csChargingProfiles): `start`, `ends`, `begins` in seconds from noon, the rest as in the message."""
    periods = amps if isinstance(amps, list) else [(0, amps)]
    schedule: dict[str, Any] = {
        "chargingRateUnit": more.pop("unit", "A"),
        "chargingSchedulePeriod": [{"startPeriod": s, "limit": a} for s, a in periods],
    }
    kind = more.pop("kind", "Absolute")
    if "phases" in more:
        schedule["chargingSchedulePeriod"][0]["numberPhases"] = more.pop("phases")
    start = more.pop("start", None if kind == "Relative" else -60)
    if start is not None:
        schedule["startSchedule"] = when(start)
    if "duration" in more:
        schedule["duration"] = more.pop("duration")
    profile: dict[str, Any] = {
        "chargingProfileId": more.pop("id", len(purpose) * 100 + level * 10 + at),
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    }
    for key, field in (("begins", "validFrom"), ("ends", "validTo")):
        if key in more:
            profile[field] = when(more.pop(key))
    if "tx" in more:
        profile["transactionId"] = more.pop("tx")
    if "recurs" in more:
        profile["recurrencyKind"] = more.pop("recurs")
    assert not more, more
    return (0 if purpose == MAX else at), profile


def stack_of(
    *profiles: tuple[int, dict[str, Any]], quirks: Quirks | None = None, charge: Charge | None = None
) -> ProfileStack:
    stack = ProfileStack(2, quirks or Quirks())
    for connector, payload in profiles:
        stack, verdict = stack.set(connector, Profile.parse(payload), NOW, charge)
        assert verdict is Verdict.ACCEPTED, payload
    return stack


CHARGE = Charge(NOW - timedelta(seconds=300), 7)
PAUSED_ONCE = CHARGE._replace(was_suspended=True)

# (what the specification says, profiles in order of arrival, seconds after noon, limit on connector 1 during a charge)
LAW = [
    ("3.13.6 no profile is no constraint", [], 0, None),
    ("3.13.1 a default limits", [p(DEFAULT, 10)], 0, 10),
    ("3.13.1 a default on connector 0 counts for each connector", [p(DEFAULT, 10, at=0)], 0, 10),
    ("3.13.1 a default on the connector replaces the one on 0 there", [p(DEFAULT, 10, at=0), p(DEFAULT, 20)], 0, 20),
    ("… whatever its level", [p(DEFAULT, 10, level=5, at=0), p(DEFAULT, 20, level=1)], 0, 20),
    ("… and whichever came first", [p(DEFAULT, 20), p(DEFAULT, 10, at=0)], 0, 20),
    ("a default on another connector is of no concern", [p(DEFAULT, 10, at=2)], 0, None),
    ("3.13.1 the station's maximum limits each connector", [p(MAX, 16)], 0, 16),
    ("3.13.3 purposes combine by the lower: maximum below default", [p(MAX, 8), p(DEFAULT, 16)], 0, 8),
    ("3.13.3 purposes combine by the lower: default below maximum", [p(MAX, 16), p(DEFAULT, 8)], 0, 8),
    ("3.13.3 a session limit overrules the default downwards", [p(DEFAULT, 16), p(TX, 8)], 0, 8),
    ("3.13.3 a session limit overrules the default upwards", [p(DEFAULT, 8), p(TX, 16)], 0, 16),
    ("3.13.3 a session limit does not overrule the maximum", [p(MAX, 10), p(TX, 16)], 0, 10),
    ("3.13.2 same purpose and level: the newer", [p(DEFAULT, 8, id=1), p(DEFAULT, 12, id=2)], 0, 12),
    ("5.16 same id: the newer", [p(DEFAULT, 8, level=3, id=1), p(DEFAULT, 12, level=1, id=1)], 0, 12),
    ("5.16 same id of another purpose: only the newer is left", [p(MAX, 8, id=1), p(DEFAULT, 12, id=1)], 0, 12),
    ("3.13.2 the higher level wins though it is laxer", [p(DEFAULT, 6), p(DEFAULT, 16, level=1)], 0, 16),
    ("3.13.2 … whichever came first", [p(DEFAULT, 16, level=1), p(DEFAULT, 6)], 0, 16),
    ("3.13.2 the higher level counts until its duration ends", [p(DEFAULT, 6), p(DEFAULT, 16, 1, duration=90)], 29, 16),
    ("3.13.2 … then the lower one rules", [p(DEFAULT, 6), p(DEFAULT, 16, 1, duration=90)], 30, 6),
    ("an expired profile alone leaves no constraint", [p(DEFAULT, 6, duration=30)], 0, None),
    ("a duration of 0 says nothing ever", [p(DEFAULT, 6, start=0, duration=0)], 0, None),
    ("3.13.2 a higher level whose start is to come", [p(DEFAULT, 6), p(DEFAULT, 16, 1, start=60)], 59, 6),
    ("3.13.2 … when it has come", [p(DEFAULT, 6), p(DEFAULT, 16, 1, start=60)], 60, 16),
    ("7.8 not valid before validFrom", [p(DEFAULT, 6), p(DEFAULT, 16, 1, begins=60)], 59, 6),
    ("7.8 valid from validFrom on", [p(DEFAULT, 6), p(DEFAULT, 16, 1, begins=60)], 60, 16),
    ("7.8 valid until validTo", [p(DEFAULT, 6), p(DEFAULT, 16, 1, ends=60)], 59, 16),
    ("7.8 not valid from validTo on", [p(DEFAULT, 6), p(DEFAULT, 16, 1, ends=60)], 60, 6),
    ("7.14 a period counts until the next begins", [p(DEFAULT, [(0, 16), (120, 6)])], 59, 16),
    ("7.14 … which counts from its start", [p(DEFAULT, [(0, 16), (120, 6)])], 60, 6),
    ("7.13 the last period is held without a duration", [p(DEFAULT, [(0, 16), (120, 6)])], 1e6, 6),
    ("7.13 … and to the end of the duration", [p(DEFAULT, [(0, 16), (120, 6)], duration=240)], 179, 6),
    ("7.13 … no longer", [p(DEFAULT, [(0, 16), (120, 6)], duration=240)], 180, None),
    ("before its first period a schedule says nothing", [p(DEFAULT, [(120, 16)])], 0, None),
    ("a session limit that has ended leaves the default", [p(DEFAULT, 6), p(TX, 16, duration=90)], 30, 6),
    ("a limit of 0 A is a limit", [p(DEFAULT, 16), p(TX, 0)], 0, 0),
    ("7.10 Relative counts from the start of the transaction", [p(TX, [(0, 16), (400, 8)], kind="Relative")], 99, 16),
    ("7.10 … so its second period is not far", [p(TX, [(0, 16), (400, 8)], kind="Relative")], 100, 8),
    ("7.10 … and its duration may be over at once", [p(TX, 16, kind="Relative", duration=200)], 0, None),
    ("7.13 Absolute without start counts from the start of charging", [p(TX, [(0, 16), (400, 8)], start=None)], 100, 8),
    ("7.11 Daily returns", [p(DEFAULT, 9, kind="Recurring", recurs="Daily", start=-86400 * 3, duration=60)], 59, 9),
    ("7.11 … and pauses", [p(DEFAULT, 9, kind="Recurring", recurs="Daily", start=-86400 * 3, duration=60)], 60, None),
    ("7.11 Daily next day", [p(DEFAULT, 9, kind="Recurring", recurs="Daily", start=-60, duration=90)], 86_369, 9),
    ("7.11 Daily has not begun", [p(DEFAULT, 9, kind="Recurring", recurs="Daily", start=60)], 59, None),
    ("7.11 Weekly is not daily", [p(DEFAULT, 9, kind="Recurring", recurs="Weekly", duration=60)], 86_370, None),
    ("7.11 … and ends again", [p(DEFAULT, 9, kind="Recurring", recurs="Weekly", duration=60)], 604_800, None),
    ("7.11 … but after seven", [p(DEFAULT, 9, kind="Recurring", recurs="Weekly", duration=60)], 604_740, 9),
    ("7.12 watts are for three phases", [p(DEFAULT, 6900, unit="W")], 0, 10),
    ("7.14 … unless numberPhases says otherwise", [p(DEFAULT, 2300, unit="W", phases=1)], 0, 10),
    ("units mix: the lower in ampere counts", [p(MAX, 6900, unit="W"), p(DEFAULT, 16)], 0, 10),
]  # fmt: skip


@pytest.mark.parametrize(("says", "profiles", "after", "limit"), LAW, ids=[row[0] for row in LAW])
def test_law(says: str, profiles: list[tuple[int, dict[str, Any]]], after: float, limit: float | None) -> None:
    at = NOW + timedelta(seconds=after)
    assert stack_of(*profiles, charge=CHARGE).limit_at(1, at, THREE, CHARGE) == (
        None if limit is None else pytest.approx(limit)
    )


def test_a_transaction_may_begin_unlimited() -> None:
    stack = stack_of(p(DEFAULT, 6), quirks=QUIRKS["begins-unlimited"])
    limits = [stack.limit_at(1, NOW + timedelta(seconds=s), THREE, Charge(NOW, 7)) for s in (0, 59, 60)]
    assert limits == [None, None, 6]


@pytest.mark.parametrize(("quirk", "amps"), [("conforming", 10), ("watts-by-use", 30)])
def test_watts_for_a_one_phase_vehicle_may_all_flow_on_its_phase(quirk: str, amps: float) -> None:
    """7.14: three phases are assumed, whatever the vehicle uses."""
    charge = CHARGE._replace(legs=1)
    stack = stack_of(p(DEFAULT, 6900, unit="W"), quirks=QUIRKS[quirk])
    assert stack.limit_at(1, NOW, THREE, charge) == pytest.approx(amps)


@pytest.mark.parametrize(("quirk", "amps"), [("conforming", 10), ("station-max-for-each", 20)])
def test_the_station_s_maximum_is_shared_by_those_that_charge(quirk: str, amps: float) -> None:
    stack = stack_of(p(MAX, 20), quirks=QUIRKS[quirk])
    assert stack.limit_at(1, NOW, THREE, CHARGE._replace(sharing=2)) == amps
    assert stack.limit_at(1, NOW, THREE, CHARGE) == 20


def test_watts_at_a_one_phase_outlet_are_for_its_one_phase() -> None:
    assert stack_of(p(DEFAULT, 2300, unit="W")).limit_at(1, NOW, ONE, CHARGE) == pytest.approx(10)


def test_without_a_transaction_the_session_limit_does_not_count() -> None:
    stack = stack_of(p(DEFAULT, 6), p(TX, 16), charge=CHARGE)
    assert stack.limit_at(1, NOW, THREE, None) == 6


def test_a_session_limit_dies_with_its_transaction() -> None:
    stack = stack_of(p(DEFAULT, 6), p(TX, 16), p(TX, 20, at=2), charge=CHARGE).transaction_ended(1)
    assert stack.limit_at(1, NOW, THREE, Charge(NOW, 8)) == 6
    assert stack.limit_at(2, NOW, THREE, CHARGE) == 20


def test_a_session_limit_without_id_does_not_act_on_the_next_transaction() -> None:
    assert stack_of(p(TX, 16), charge=CHARGE).limit_at(1, NOW, THREE, Charge(NOW, 8)) is None


# (why, connector, profile, transaction on that connector, quirks, verdict)
ACCEPTANCE = [
    ("3.13.1 the maximum belongs on 0", 1, p(MAX, 16), None, Quirks(), "Rejected"),
    ("3.13.1 a session limit not on 0", 0, p(TX, 16), CHARGE, Quirks(), "Rejected"),
    ("3.13.1 a session limit needs a transaction", 1, p(TX, 16), None, Quirks(), "Rejected"),
    ("5.16 … the one that it names", 1, p(TX, 16, tx=8), CHARGE, Quirks(), "Rejected"),
    ("5.16 … or none", 1, p(TX, 16), CHARGE, Quirks(), "Accepted"),
    ("5.16 … or the right one", 1, p(TX, 16, tx=7), CHARGE, Quirks(), "Accepted"),
    ("no such connector", 3, p(DEFAULT, 16), None, Quirks(), "Rejected"),
    ("9.4 above the highest level", 1, p(DEFAULT, 16, level=9), None, Quirks(), "Rejected"),
    ("9.4 too many periods", 1, p(DEFAULT, [(60 * k, 8) for k in range(25)]), None, Quirks(), "Rejected"),
    ("single level", 1, p(DEFAULT, 16, level=1), None, QUIRKS["single-level"], "Rejected"),
    ("watts only", 1, p(DEFAULT, 16), None, QUIRKS["watts-only"], "Rejected"),
    ("watts only, swallowed", 1, p(DEFAULT, 16), None, QUIRKS["watts-only-swallowing"], "Accepted"),
    ("whole amperes only", 1, p(DEFAULT, 16.5), None, QUIRKS["whole-amperes"], "Rejected"),
    ("no session limits", 1, p(TX, 16, tx=7), CHARGE, QUIRKS["no-tx-profile"], "NotSupported"),
    ("needs the id", 1, p(TX, 16), CHARGE, Quirks(tx_profile_needs_id=True), "Rejected"),
    ("nothing on connector 0", 0, p(DEFAULT, 16, at=0), None, QUIRKS["per-connector"], "Rejected"),
    ("nothing Absolute", 1, p(DEFAULT, 16), None, QUIRKS["relative-only"], "Rejected"),
    ("Relative instead", 1, p(DEFAULT, 16, kind="Relative"), None, QUIRKS["relative-only"], "Accepted"),
    ("no window", 1, p(DEFAULT, 9, kind="Relative", ends=9), None, QUIRKS["no-validity-with-relative"], "Rejected"),
    ("one period", 1, p(DEFAULT, [(0, 16), (60, 6)]), None, QUIRKS["one-period"], "Rejected"),
    ("small ids", 1, p(DEFAULT, 16, id=100), None, QUIRKS["small-profile-ids"], "Rejected"),
    ("nothing at all", 1, p(DEFAULT, 16), None, QUIRKS["refuses-all"], "Rejected"),
    ("no maximum of the station", 0, p(MAX, 16), None, QUIRKS["no-station-max"], "NotSupported"),
    ("a level that it boasts of", 1, p(DEFAULT, 16, level=1), None, QUIRKS["boasts-levels"], "Rejected"),
    ("Absolute, ignored", 1, p(DEFAULT, 16), None, QUIRKS["ignores-absolute"], "Accepted"),
    ("Absolute without start", 1, p(DEFAULT, 16, start=None), None, QUIRKS["absolute-needs-start"], "Rejected"),
    ("… with one", 1, p(DEFAULT, 16), None, QUIRKS["absolute-needs-start"], "Accepted"),
    ("without numberPhases", 1, p(DEFAULT, 16), None, QUIRKS["needs-number-phases"], "Rejected"),
    ("… with it", 1, p(DEFAULT, 16, phases=3), None, QUIRKS["needs-number-phases"], "Accepted"),
    ("numberPhases refused", 1, p(DEFAULT, 16, phases=3), None, QUIRKS["refuses-number-phases"], "Rejected"),
    ("… without it", 1, p(DEFAULT, 16), None, QUIRKS["refuses-number-phases"], "Accepted"),
    ("locked after a pause", 1, p(TX, 16), PAUSED_ONCE, QUIRKS["locks-tx-profile"], "Rejected"),
    ("… not before", 1, p(TX, 16), CHARGE, QUIRKS["locks-tx-profile"], "Accepted"),
    ("… and the default is taken", 1, p(DEFAULT, 16), PAUSED_ONCE, QUIRKS["locks-tx-profile"], "Accepted"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "connector", "profile", "charge", "quirks", "verdict"), ACCEPTANCE, ids=[row[0] for row in ACCEPTANCE]
)
def test_acceptance(
    why: str, connector: int, profile: tuple[int, dict[str, Any]], charge: Charge | None, quirks: Quirks, verdict: str
) -> None:
    before = ProfileStack(2, quirks)
    after, said = before.set(connector, Profile.parse(profile[1]), NOW, charge)
    assert said == verdict
    assert verdict == "Accepted" or after == before


# (which quirk, profiles, seconds after noon, limit); each row differs from what the law above says
WRONG = [
    ("disobedient", [p(DEFAULT, 6)], 0, None),
    ("stuck", [p(DEFAULT, 6)], 0, 9),
    ("swallows-high-levels", [p(DEFAULT, 6), p(DEFAULT, 16, level=1)], 0, 6),
    ("watts-only-swallowing", [p(DEFAULT, 6900, unit="W"), p(DEFAULT, 6)], 0, 10),
    ("minimum-of-both", [p(DEFAULT, 6), p(TX, 16)], 0, 6),
    ("drops-while-suspended", [p(DEFAULT, 6), p(TX, 16)], 0, 6),
    ("ignores-absolute", [p(DEFAULT, 6)], 0, None),
    ("first-period-only", [p(DEFAULT, [(0, 16), (60, 6)])], 0, 16),
    ("relative-from-receipt", [p(TX, [(0, 16), (250, 8)], kind="Relative")], 60, 16),
]


@pytest.mark.parametrize(("quirk", "profiles", "after", "limit"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_variants(
    quirk: str, profiles: list[tuple[int, dict[str, Any]]], after: float, limit: float | None
) -> None:
    charge = CHARGE._replace(suspended=True)
    stack = stack_of(*profiles, quirks=QUIRKS[quirk], charge=charge)
    assert stack.limit_at(1, NOW + timedelta(seconds=after), THREE, charge) == (
        None if limit is None else pytest.approx(limit)
    )


def test_where_a_default_does_not_steer_the_one_from_the_begin_stays() -> None:
    stack = stack_of(p(DEFAULT, 6), quirks=QUIRKS["tx-profile-only"]).transaction_began(1)
    stack, _ = stack.set(1, Profile.parse(p(DEFAULT, 16)[1]), NOW, CHARGE)
    assert stack.limit_at(1, NOW, THREE, CHARGE) == 6
    assert stack.limit_at(1, NOW, THREE, None) == 16
    assert stack.transaction_ended(1).transaction_began(1).limit_at(1, NOW, THREE, CHARGE) == 16


def test_a_default_on_zero_may_not_return_when_the_own_has_expired() -> None:
    profiles = [p(DEFAULT, 6, at=0), p(DEFAULT, 16, duration=60)]
    assert stack_of(*profiles).limit_at(1, NOW, THREE, CHARGE) == 6
    assert stack_of(*profiles, quirks=Quirks(zero_returns=False)).limit_at(1, NOW, THREE, CHARGE) is None


@pytest.mark.parametrize(
    ("quirks", "rebooted", "offline"),
    [(Quirks(), 6, 6), (QUIRKS["forgets-at-boot"], None, 6), (QUIRKS["forgets-offline"], 6, None)],
)
def test_memory(quirks: Quirks, rebooted: float | None, offline: float | None) -> None:
    stack = stack_of(p(DEFAULT, 6), quirks=quirks)
    assert stack.rebooted().limit_at(1, NOW, THREE) == rebooted
    assert stack.went_offline().limit_at(1, NOW, THREE) == offline


def test_only_so_many_profiles_fit() -> None:
    stack = stack_of(p(DEFAULT, 6), p(DEFAULT, 8, level=1), quirks=QUIRKS["few-profiles"])
    assert stack.set(1, Profile.parse(p(DEFAULT, 9, level=2)[1]), NOW)[1] is Verdict.REJECTED
    assert stack.set(1, Profile.parse(p(DEFAULT, 9, level=1)[1]), NOW)[1] is Verdict.ACCEPTED


DAILY = p(DEFAULT, 9, kind="Recurring", recurs="Daily", duration=90)
KEPT = [
    p(MAX, 30, id=1),
    p(DEFAULT, 20, id=2, at=0),
    p(DEFAULT, 10, id=3),
    p(DEFAULT, 16, level=1, id=4),
    p(TX, 8, id=5),
]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({}, set()),
        ({"profile_id": 3}, {1, 2, 4, 5}),
        ({"profile_id": 9}, {1, 2, 3, 4, 5}),
        ({"profile_id": 3, "connector": 2}, {1, 2, 4, 5}),
        ({"connector": 0}, {3, 4, 5}),
        ({"connector": 1}, {1, 2}),
        ({"connector": 2}, {1, 2, 3, 4, 5}),
        ({"purpose": Purpose.TX_DEFAULT}, {1, 5}),
        ({"purpose": Purpose.TX_DEFAULT, "connector": 1}, {1, 2, 5}),
        ({"level": 1}, {1, 2, 3, 5}),
        ({"purpose": Purpose.TX_DEFAULT, "level": 0}, {1, 4, 5}),
    ],
)  # fmt: skip
def test_clear(asked: dict[str, Any], left: set[int]) -> None:
    """5.3: an id alone decides; otherwise all that match what is given."""
    after, found = stack_of(*KEPT, charge=CHARGE).clear(**asked)
    assert {known.profile.id for known in after.installed} == left
    assert found == (len(left) < len(KEPT))


@pytest.mark.parametrize(
    ("profiles", "connector", "seconds", "schedule"),
    [
        ([], 1, 300, [(0, 32)]),
        ([p(DEFAULT, 40)], 1, 300, [(0, 32)]),
        ([p(DEFAULT, 6), p(DEFAULT, 16, 1, duration=160)], 1, 300, [(0, 16), (100, 6)]),
        ([p(DEFAULT, 6), p(DEFAULT, 16, 1, duration=160)], 1, 100, [(0, 16)]),
        ([p(DEFAULT, 6), p(DEFAULT, 6, 1, duration=160)], 1, 300, [(0, 6)]),
        ([p(DEFAULT, 6, duration=160)], 1, 300, [(0, 6), (100, 32)]),
        ([p(DEFAULT, 16), p(MAX, 10, start=50)], 1, 300, [(0, 16), (50, 10)]),
        ([p(DEFAULT, 16), p(MAX, 10, start=50)], 0, 300, [(0, 32), (50, 10)]),
        ([p(DEFAULT, 16), p(TX, [(0, 20), (90, 0)])], 1, 300, [(0, 20), (30, 0)]),
        ([DAILY], 1, 90_000, [(0, 9), (30, 32), (86_340, 9), (86_430, 32)]),
        ([p(DEFAULT, 6), p(DEFAULT, 16, 1, begins=20, ends=40)], 1, 300, [(0, 6), (20, 16), (40, 6)]),
    ],
)  # fmt: skip
def test_composite(
    profiles: list[tuple[int, dict[str, Any]]], connector: int, seconds: int, schedule: list[tuple[int, float]]
) -> None:
    assert stack_of(*profiles, charge=CHARGE).composite(connector, NOW, seconds, THREE, CHARGE) == schedule


@pytest.mark.parametrize("seconds", range(0, 400, 7))
def test_the_composite_says_what_the_limit_will_be(seconds: int) -> None:
    profiles = [
        p(MAX, [(0, 30), (200, 14)]),
        p(DEFAULT, 6),
        p(DEFAULT, 16, 1, duration=160),
        p(DEFAULT, 20, 2, begins=220, ends=260),
        p(TX, [(0, 25), (45, 9)], duration=130),
    ]
    stack = stack_of(*profiles, charge=CHARGE)
    schedule = stack.composite(1, NOW, 400, THREE, CHARGE)
    said = [amps for start, amps in schedule if start <= seconds][-1]
    assert said == stack.limit_at(1, NOW + timedelta(seconds=seconds), THREE, CHARGE)


BROKEN: list[dict[str, Any]] = [
    {"chargingProfileId": "1"},
    {"chargingProfilePurpose": "Tx"},
    {"stackLevel": -1},
    {"stackLevel": None},
    {"chargingProfileKind": "Recurring"},
    {"recurrencyKind": "Monthly"},
    {"validFrom": "yesterday"},
    {"chargingSchedule": {"chargingRateUnit": "A"}},
    {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": []}},
    {"chargingSchedule": {"chargingRateUnit": "kW", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}},
    {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.05}]}},
    {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1}]}},
    {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"limit": 6}]}},
    {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 9, "limit": 6}] * 2}},
]


@pytest.mark.parametrize("wrong", BROKEN, ids=str)
def test_a_malformed_profile_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Profile.parse({**p(DEFAULT, 6)[1], **wrong})


def test_a_stack_is_a_value() -> None:
    stack = stack_of(p(DEFAULT, 6))
    stack.set(1, Profile.parse(p(DEFAULT, 9)[1]), NOW)
    assert stack.limit_at(1, NOW, THREE) == 6
    assert replace(stack) == stack
