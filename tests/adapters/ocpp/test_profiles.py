"""What a station is told for each layer, by the traits of its model; and what its composite schedule means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.ocpp.v16 import profiles
from ems.domain.grant import Layer
from ems.domain.order import LimitOrder
from ems.domain.phases import Wiring
from ems.domain.station import Evse
from ems.domain.station_model import LeaseForm, ProfileKind, RateUnit, StationModel
from tests.adapters.ocpp.central import check_call, order

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGO, YESTERDAY = "2026-03-01T11:59:00Z", "2026-02-28T12:00:00Z"
THREE = Evse("CP", 1, "grid", Wiring.parse("L1 L2 L3"), 32, 6)
SECOND = replace(THREE, number=2)
LINE_TO_LINE = replace(THREE, wiring=Wiring.parse("L1-L2"))
DC = replace(THREE, max_a=100, dc_efficiency=0.95)

PLAIN = StationModel()
LEVELS = StationModel(max_stack_level=3)
ABSURD = StationModel(max_stack_level=999)
SINGLE = StationModel(lease=LeaseForm.TWO_PERIODS, max_stack_level=0)
RELATIVE = StationModel(kind=ProfileKind.RELATIVE, lease=LeaseForm.NONE)
ENDLESS = StationModel(lease=LeaseForm.NONE)
WATT = StationModel(rate_unit=RateUnit.WATT)
PHASES = StationModel(number_phases=True)
FLOOR, DEFAULT, SESSION = Layer.FLOOR, Layer.DEFAULT, Layer.SESSION


def request(told: LimitOrder, evse: Evse = THREE, model: StationModel = PLAIN) -> dict[str, Any]:
    payload = profiles.request(told, evse, model, 230, NOON)
    check_call("SetChargingProfile", payload)
    return payload


def schedule(*limits: float, start: str | None = AGO, until: int | None = None, unit: str = "A") -> dict[str, Any]:
    """One period, or a second one at `until`; with a single limit `until` is the duration."""
    periods = [{"startPeriod": at, "limit": limit} for at, limit in zip((0, until), limits, strict=False)]
    ends = {} if until is None or len(limits) > 1 else {"duration": until}
    return {"chargingRateUnit": unit, **({"startSchedule": start} if start else {}), **ends,
            "chargingSchedulePeriod": periods}  # fmt: skip


def floor(limit: float, unit: str = "A", legs: int | None = None) -> dict[str, Any]:
    """What never ends began long ago; in watts it says for how many phases, where that is known."""
    found = schedule(limit, start=YESTERDAY, unit=unit)
    found["chargingSchedulePeriod"][0] |= {} if legs is None else {"numberPhases": legs}
    return found


TX, TXD = "TxProfile", "TxDefaultProfile"
GOLDEN = [
    ("floor", order(FLOOR, 6), THREE, PLAIN, (1, 0, TXD), floor(6)),
    ("default", order(DEFAULT, 10), THREE, PLAIN, (2, 1, TXD), schedule(10, until=960)),
    ("session", order(SESSION, 16), THREE, PLAIN, (3, 1, TX), schedule(16, until=960)),
    ("pause", order(SESSION, 0), THREE, PLAIN, (3, 1, TX), schedule(0, until=960)),
    ("lease without end", order(DEFAULT, 10, lease_s=inf), THREE, PLAIN, (2, 1, TXD), schedule(10)),
    ("second outlet: floor", order(FLOOR, 6), SECOND, PLAIN, (4, 0, TXD), floor(6)),
    ("second outlet: session", order(SESSION, 16), SECOND, PLAIN, (6, 1, TX), schedule(16, until=960)),
    ("four levels: floor", order(FLOOR, 6), THREE, LEVELS, (1, 0, TXD), floor(6)),
    ("four levels: default", order(DEFAULT, 10), THREE, LEVELS, (2, 3, TXD), schedule(10, until=960)),
    ("absurd level", order(SESSION, 10), THREE, ABSURD, (3, 8, TX), schedule(10, until=960)),
    ("one level: floor", order(FLOOR, 6), THREE, SINGLE, (1, 0, TXD), floor(6)),
    ("one level: default", order(DEFAULT, 10), THREE, SINGLE, (1, 0, TXD), schedule(10, 6, until=960)),
    ("one level: session", order(SESSION, 10), THREE, SINGLE, (3, 0, TX), schedule(10, until=960)),
    ("relative: floor", order(FLOOR, 6), THREE, RELATIVE, (1, 0, TXD), schedule(6, start=None)),
    ("relative: session", order(SESSION, 9, lease_s=inf), THREE, RELATIVE, (3, 1, TX), schedule(9, start=None)),
    ("relative: never a lease", order(DEFAULT, 9), THREE, RELATIVE, (2, 1, TXD), schedule(9, start=None)),
    ("no lease: never a duration", order(DEFAULT, 9), THREE, ENDLESS, (2, 1, TXD), schedule(9)),
    ("W, three legs", order(FLOOR, 6, legs=3), THREE, WATT, (1, 0, TXD), floor(4140, "W", legs=3)),
    ("W, one leg", order(FLOOR, 6, legs=1), THREE, WATT, (1, 0, TXD), floor(1380, "W", legs=1)),
    ("W, legs unknown", order(FLOOR, 6), THREE, WATT, (1, 0, TXD), floor(1380, "W")),
    ("W, line to line", order(FLOOR, 6), LINE_TO_LINE, WATT, (1, 0, TXD), floor(2390, "W")),
    ("DC: watts at the plug", order(FLOOR, 10), DC, WATT, (1, 0, TXD), floor(6555, "W")),
    ("tenths are cut, not rounded", order(FLOOR, 6.29), THREE, PLAIN, (1, 0, TXD), floor(6.2)),
    ("0.1 + 0.2", order(FLOOR, 6 + 0.1 + 0.2), THREE, PLAIN, (1, 0, TXD), floor(6.3)),
]


@pytest.mark.parametrize(
    ("told", "evse", "model", "slot", "expected"), [pytest.param(*row[1:], id=row[0]) for row in GOLDEN]
)
def test_each_layer_has_its_slot_its_level_and_its_end(
    told: LimitOrder, evse: Evse, model: StationModel, slot: tuple[int, int, str], expected: dict[str, Any]
) -> None:
    payload = request(told, evse, model)
    profile = payload["csChargingProfiles"]
    assert payload["connectorId"] == evse.number
    assert (profile["chargingProfileId"], profile["stackLevel"], profile["chargingProfilePurpose"]) == slot
    assert profile["chargingProfileKind"] == ("Relative" if model.kind is ProfileKind.RELATIVE else "Absolute")
    assert profile.get("transactionId") == (77 if told.layer is SESSION else None)
    assert profile["chargingSchedule"] == expected


def test_a_dc_outlet_is_told_watts_whatever_unit_its_model_says() -> None:
    assert request(order(FLOOR, 10), DC, PLAIN)["csChargingProfiles"]["chargingSchedule"] == floor(6555, "W")


SWITCHED = [(PHASES, 1, 1), (PHASES, 3, 3), (PHASES, None, None), (PLAIN, 1, None)]


@pytest.mark.parametrize(("model", "legs", "phases"), SWITCHED)
def test_phases_are_named_only_where_they_switch_and_are_known(
    model: StationModel, legs: int | None, phases: int | None
) -> None:
    told = request(order(SESSION, 10, legs=legs), model=model)
    (period,) = told["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert period.get("numberPhases") == phases


@pytest.mark.parametrize(("model", "phases", "legs"), [(PLAIN, 1, None), (PLAIN, 3, 1), (PHASES, 3, 1), (SINGLE, 1, 3)])
def test_how_many_phases_to_use_is_said_in_every_period(model: StationModel, phases: int, legs: int | None) -> None:
    """Whatever the vehicle was seen to use (section 7.13: three, if nothing is said)."""
    told = request(order(SESSION, 10, legs=legs, phases=phases), model=model)
    periods = told["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert [period["numberPhases"] for period in periods] == [phases] * len(periods)


MODELS = st.sampled_from([PLAIN, LEVELS, ABSURD, SINGLE, RELATIVE, ENDLESS, WATT, PHASES])


@given(st.floats(0, 500), st.sampled_from(Layer), MODELS, st.sampled_from([None, 1, 2, 3]), st.floats(120, 3600))
def test_every_request_is_valid_has_no_null_and_never_allows_more(
    amps: float, layer: Layer, model: StationModel, legs: int | None, lease_s: float
) -> None:
    told = request(order(layer, amps, lease_s=lease_s, legs=legs), THREE, model)
    assert "null" not in str(told)
    assert "None" not in str(told)
    limit = told["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
    most = amps * 230 * (legs or 1) if model.rate_unit is RateUnit.WATT else amps
    assert most - 1 <= limit <= most + 1e-6


def test_no_two_layers_share_a_slot_and_ids_stay_small() -> None:
    slots = [profiles.slot(number, layer) for number in range(1, 5) for layer in Layer]
    assert sorted(slots) == list(range(1, 13))


ONE_LEVEL = [SINGLE, *(replace(model, max_stack_level=0) for model in (RELATIVE, ENDLESS))]


@pytest.mark.parametrize("model", [PLAIN, LEVELS, ABSURD, RELATIVE, ENDLESS, *ONE_LEVEL])
def test_floor_and_default_never_push_each_other_out_unnoticed(model: StationModel) -> None:
    """Same purpose and level overwrites (section 3.13.2): then they must be one profile, as the core is told."""
    floor, default = (request(order(layer, 6), model=model)["csChargingProfiles"] for layer in (FLOOR, DEFAULT))
    assert floor["stackLevel"] < default["stackLevel"] or floor["chargingProfileId"] == default["chargingProfileId"]


def composite(*periods: dict[str, Any], unit: str = "A", status: str = "Accepted") -> dict[str, Any]:
    return {"status": status, "connectorId": 1, "scheduleStart": AGO,
            "chargingSchedule": {"chargingRateUnit": unit, "chargingSchedulePeriod": list(periods)}}  # fmt: skip


def at(start: float, limit: object, **more: int) -> dict[str, Any]:
    return {"startPeriod": start, "limit": limit, **more}


COMPOSITES: list[tuple[str, dict[str, Any], Evse, StationModel, int | None, float | None]] = [
    ("ampere", composite(at(0, 16)), THREE, PLAIN, None, 16),
    ("zero is zero", composite(at(0, 0), at(1006, 32)), THREE, PLAIN, None, 0),
    ("not in order", composite(at(60, 32), at(0, 6.5)), THREE, PLAIN, None, 6.5),
    ("-1 says nothing (Q50)", composite(at(0, -1)), THREE, PLAIN, None, None),
    ("negative (P18)", composite(at(0, -16)), THREE, PLAIN, None, None),
    ("empty (Q50)", composite(), THREE, PLAIN, None, None),
    ("no schedule", {"status": "Accepted"}, THREE, PLAIN, None, None),
    ("schedule null", {"status": "Accepted", "chargingSchedule": None}, THREE, PLAIN, None, None),
    ("refused", composite(at(0, 16), status="Rejected"), THREE, PLAIN, None, None),
    ("begins later", composite(at(30, 16)), THREE, PLAIN, None, None),
    ("periods are no objects", composite(*(["x", None, 5])), THREE, PLAIN, None, None),  # type: ignore[arg-type]  # as stations do
    ("10,000 periods (P18)", composite(*(at(n, 6 + n) for n in range(10_000))), THREE, PLAIN, None, 6),
    ("limit as text", composite(at(0, "16.0")), THREE, PLAIN, None, 16),
    ("watt, three legs", composite(at(0, 11040), unit="W"), THREE, WATT, 3, 16),
    ("watt, one leg", composite(at(0, 3680), unit="W"), THREE, WATT, 1, 16),
    ("watt as it was told while legs are unknown", composite(at(0, 1380), unit="W"), THREE, WATT, None, 6),
    ("told A, answers W for three phases (Q5)", composite(at(0, 11040), unit="W"), THREE, PLAIN, None, 16),
    ("watt that names its phases", composite(at(0, 3680, numberPhases=1), unit="W"), THREE, PLAIN, None, 16),
    ("told W, answers A", composite(at(0, 16)), THREE, WATT, 3, 16),
    ("unit in lower case", composite(at(0, 11040), unit="w"), THREE, WATT, 3, 16),
    ("DC", composite(at(0, 6555), unit="W"), DC, WATT, None, 10),
]


@pytest.mark.parametrize(
    ("answer", "evse", "model", "legs", "amps"), [pytest.param(*row[1:], id=row[0]) for row in COMPOSITES]
)
def test_a_composite_schedule_says_what_flows_now_or_nothing(
    answer: dict[str, Any], evse: Evse, model: StationModel, legs: int | None, amps: float | None
) -> None:
    read = profiles.composite_a(answer, evse, model, legs, 230)
    assert read == (amps if amps is None else pytest.approx(amps, abs=0.01))
