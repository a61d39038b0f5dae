"""How a station is made ready, told its limits, watched and stopped."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ems.domain.events import (
    CompositeRead,
    ModelLearned,
    ProfileAnswered,
    ProfileSent,
    StationBooted,
    StationConnected,
    StationGone,
)
from ems.domain.grant import Answer as Said
from ems.domain.grant import Layer
from ems.domain.session import Transaction
from ems.domain.station_model import LeaseForm, ProfileKind, RateUnit, StationModel
from tests.adapters.ocpp.central import (
    BOOT,
    BORN,
    Answer,
    central,
    charge_point,
    connected,
    order,
    virtual,
    without_pongs,
)

FLOOR, DEFAULT, SESSION = Layer.FLOOR, Layer.DEFAULT, Layer.SESSION
COSMETIC = {"ChangeConfiguration", "TriggerMessage"}


def unless(action: str, answer: Answer) -> Callable[[str, dict[str, Any]], Answer]:
    """A station that answers `answer` to one action and obeys everything else."""
    return lambda asked, _payload: answer if asked == action else {"status": "Accepted"}


@virtual
async def test_a_boot_is_accepted_and_the_station_is_ready_at_once() -> None:
    async with central("CP") as site, charge_point("CP") as point:
        _, _, answer = await point.call("BootNotification", BOOT)
        assert answer == {"status": "Accepted", "currentTime": "2026-03-01T12:00:00Z", "interval": 60}
        await asyncio.sleep(1)
        (booted,), (ready,) = site.of(StationBooted), site.of(StationConnected)
        assert (booted.vendor, booted.model, booted.firmware) == ("Acme", "One", "1.0")
        assert ready.generation == 1


@pytest.mark.parametrize(
    ("known", "trigger", "triggered"), [(True, True, False), (False, True, True), (False, False, False)]
)
@virtual
async def test_a_station_that_does_not_boot_is_ready_all_the_same(known: bool, trigger: bool, triggered: bool) -> None:
    """Q75; asked to boot only once, only if nobody knows what it is, and never where that kills it (Q77)."""
    async with central("CP", model=StationModel(trigger_boot=trigger)) as site:
        if known:
            async with charge_point("CP") as point:
                await point.call("BootNotification", BOOT)
                await asyncio.sleep(20)
        async with charge_point("CP") as point:
            await connected(site, 1 + known)
            assert site.is_connected("CP", generation=1 + known)
            asked = [told["requestedMessage"] for told in point.told_of("TriggerMessage")]
            assert ("BootNotification" in asked) == triggered


@virtual
async def test_limits_come_before_anything_cosmetic() -> None:
    async with central("CP") as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(FLOOR, 6))
        site.system.limit(order(DEFAULT, 0))
        await asyncio.sleep(20)
        actions = [action for action, _ in point.told]
        assert actions[:3] == ["GetConfiguration", "SetChargingProfile", "SetChargingProfile"]
        assert set(actions[3:]) == COSMETIC


@virtual
async def test_nothing_is_asked_before_a_booted_station_has_settled() -> None:
    """Q76."""
    async with central("CP", model=StationModel(settle_s=8)) as site, charge_point("CP") as point:
        await asyncio.sleep(1)
        await point.call("BootNotification", BOOT)
        await connected(site)
        assert point.told_at[0] >= 9


@virtual
async def test_a_boot_on_a_living_link_sets_everything_up_again() -> None:
    """Q36."""
    async with central("CP") as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(30)
        before = len(point.told_of("ChangeConfiguration"))
        await point.call("BootNotification", BOOT | {"firmwareVersion": "2.0"})
        await asyncio.sleep(30)
        assert len(point.told_of("ChangeConfiguration")) == 2 * before > 0
        assert [event.firmware for event in site.of(StationBooted)] == ["1.0", "2.0"]
        assert len(site.of(StationConnected)) == 1


def test_a_station_that_boots_every_second_is_not_flooded(caplog: pytest.LogCaptureFixture) -> None:
    """P14, Q120: ten minutes of it; each boot is answered, set-up backs off, the log stays short."""
    caplog.set_level(logging.INFO, logger="ems.adapters")

    @virtual
    async def run() -> None:
        async with central("CP") as site, charge_point("CP") as point:
            for _ in range(600):
                assert (await point.call("BootNotification", BOOT | {"chargePointVendor": "v" * 10_000}))[0] == 3
                await asyncio.sleep(1)
            assert site.is_connected("CP", generation=1)
            assert len(point.told) < 200
            assert all(len(event.vendor) <= 64 for event in site.of(StationBooted))

    run()
    assert len([record for record in caplog.records if record.name.startswith("ems")]) < 100


CONFIGURATIONS: list[tuple[str, Answer]] = [
    ("refuses", "NotSupported"),
    ("fails", "InternalError"),
    ("never answers", None),
    ("says nothing", {}),
    ("says null", {"configurationKey": None}),
    ("empty list", {"configurationKey": [], "unknownKey": ["x"]}),
    ("no keys in it", {"configurationKey": [5, None, "x", {}, {"key": 5}, {"key": "x", "value": None}]}),
    ("not an object", b"[3,@id,[1,2]]"),
    *[(f"level {level!r:.20} (Q102)", {"configurationKey": [{"key": "ChargeProfileMaxStackLevel", "value": level}]})
      for level in (3, "3", 3.5, "-1", "", "²", "9" * 5000, True, {"x": [1]})],
]  # fmt: skip


@pytest.mark.parametrize("answer", [pytest.param(answer, id=what) for what, answer in CONFIGURATIONS])
@virtual
async def test_whatever_a_station_says_of_its_configuration_it_gets_ready(answer: Answer) -> None:
    """Q101."""
    async with central("CP") as site, charge_point("CP", unless("GetConfiguration", answer)) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(FLOOR, 6))
        await asyncio.sleep(60)
        assert [told.answer for told in site.of(ProfileAnswered)] == [Said.ACCEPTED]
        assert site.is_connected("CP", generation=1)


@virtual
async def test_keys_are_asked_one_by_one_where_many_are_refused() -> None:
    def answer(action: str, payload: dict[str, Any]) -> Answer:
        if action != "GetConfiguration":
            return {"status": "Accepted"}
        if len(payload["key"]) > 1:
            return "OccurenceConstraintViolation"
        values = {"ChargeProfileMaxStackLevel": "4", "ChargingScheduleAllowedChargingRateUnit": "Power"}
        return {"configurationKey": [{"key": k, "readonly": True, "value": values.get(k)} for k in payload["key"]]}

    async with central("CP") as site, charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        learned = site.records["CP"].model
        assert (learned.max_stack_level, learned.rate_unit) == (4, RateUnit.WATT)


UNITS = [("Current", "A"), ("A", "A"), ("current,power", "A"), ("Current;Power", "A"), ("W", "W"), ("Power", "W"),
         (" 'power' ", "W"), ("amp", "A"), ("", "A"), ("nonsense", "A")]  # fmt: skip


@pytest.mark.parametrize(("stated", "unit"), UNITS)
@virtual
async def test_the_unit_is_read_however_it_is_written(stated: str, unit: str) -> None:
    """Q3."""
    told = {"configurationKey": [{"key": "chargingscheduleALLOWEDchargingrateunit", "value": stated}]}
    async with central("CP") as site, charge_point("CP", unless("GetConfiguration", told)) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        assert site.records["CP"].model.rate_unit == unit


@pytest.mark.parametrize("most", [4, 3, 2, 1, 0])
@virtual
async def test_measurands_are_reduced_until_the_station_takes_them(most: int) -> None:
    """Q58; the list that was accepted is the last one written (Q57)."""

    def answer(action: str, payload: dict[str, Any]) -> Answer:
        too_many = payload.get("key") == "MeterValuesSampledData" and len(payload["value"].split(",")) > most
        return {"status": "Rejected" if too_many else "Accepted"}

    async with central("CP") as site, charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(40)
        lists = [told["value"] for told in point.told_of("ChangeConfiguration") if "Sampled" in told["key"]]
        assert [len(value.split(",")) for value in lists] == list(range(4, max(most, 1) - 1, -1))
        assert "Current.Import" in lists[-1]
        assert site.is_connected("CP", generation=1)


@virtual
async def test_what_is_set_already_is_not_written_again() -> None:
    model = StationModel()
    told = {"configurationKey": [
        {"key": "MeterValueSampleInterval", "value": "10"},
        {"key": "HeartbeatInterval", "value": "60"},
        {"key": "MeterValuesSampledData", "value": ", ".join(reversed(model.measurands))},
    ]}  # fmt: skip
    async with central("CP", model=model), charge_point("CP", unless("GetConfiguration", told)) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(40)
        assert point.told_of("ChangeConfiguration") == []


@pytest.mark.parametrize("refusal", [{"status": "Rejected"}, "PropertyConstraintViolation", "FormationViolation"])
@virtual
async def test_a_trigger_that_is_refused_with_a_connector_is_tried_without(refusal: Answer) -> None:
    """Q113."""

    def answer(action: str, payload: dict[str, Any]) -> Answer:
        return refusal if action == "TriggerMessage" and "connectorId" in payload else {"status": "Accepted"}

    async with central("CP"), charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(40)
        asked = [(told["requestedMessage"], told.get("connectorId")) for told in point.told_of("TriggerMessage")]
        status, meter = "StatusNotification", "MeterValues"
        assert asked == [(status, 1), (status, None), (meter, 1), (meter, None)]


@pytest.mark.parametrize("action", ["ChangeConfiguration", "TriggerMessage"])
@virtual
async def test_a_station_that_is_silent_about_cosmetics_keeps_its_link(action: str) -> None:
    """It answers limits; closing the link again and again would only take it out of control."""
    async with central("CP") as site, charge_point("CP", unless(action, None)) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.records["CP"].book.open["CP/1"] = Transaction(7, BORN, 0.0)
        for _ in range(20):
            site.system.limit(order(FLOOR, 6))
            await asyncio.sleep(30)
        assert site.is_connected("CP", generation=1)
        assert {told.answer for told in site.of(ProfileAnswered)} == {Said.ACCEPTED}


@virtual
async def test_samples_that_stop_coming_are_asked_for() -> None:
    """Q72: while a transaction runs."""
    async with central("CP") as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        before = len(point.told_of("TriggerMessage"))
        await asyncio.sleep(60)
        assert len(point.told_of("TriggerMessage")) == before
        site.records["CP"].book.open["CP/1"] = Transaction(7, BORN, 0.0)
        await asyncio.sleep(60)
        assert 3 <= len(point.told_of("TriggerMessage")) - before <= 7
        assert point.told[-1] == ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1})


@virtual
async def test_the_heartbeat_of_the_model_is_told_and_waited_for() -> None:
    """Boot and configuration name the same interval, and silence is judged by it, also without pongs."""
    async with central("CP", model=StationModel(heartbeat_s=300)) as site, charge_point("CP") as point:
        without_pongs(point.socket)
        boot = await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        stated = [told["value"] for told in point.told_of("ChangeConfiguration") if told["key"] == "HeartbeatInterval"]
        assert [str(boot[2]["interval"])] == stated == ["300"]
        for _ in range(5):
            await asyncio.sleep(299)
            await point.call("Heartbeat", {})
        assert site.is_connected("CP", generation=1)


def takes(test: Callable[[dict[str, Any], dict[str, Any]], bool], refusal: Answer = None) -> Callable[..., Answer]:
    """A station that accepts profiles of which `test(profile, schedule)` holds."""

    def answer(action: str, payload: dict[str, Any]) -> Answer:
        if action != "SetChargingProfile":
            return {"status": "Accepted"}
        profile = payload["csChargingProfiles"]
        good = test(profile, profile["chargingSchedule"])
        return {"status": "Accepted"} if good else refusal or {"status": "Rejected"}

    return answer


GENERIC = StationModel()
ONE_LEVEL = replace(GENERIC, lease=LeaseForm.TWO_PERIODS, max_stack_level=0)
RELATIVE = replace(GENERIC, kind=ProfileKind.RELATIVE, lease=LeaseForm.NONE)
SPELLINGS = [
    ("everything", lambda p, s: True, GENERIC),
    ("only W", lambda p, s: s["chargingRateUnit"] == "W", replace(GENERIC, rate_unit=RateUnit.WATT)),
    ("one stack level (Q13)", lambda p, s: p["stackLevel"] == 0, ONE_LEVEL),
    ("only relative (Q19)", lambda p, s: p["chargingProfileKind"] == "Relative", RELATIVE),
    ("no duration", lambda p, s: "duration" not in s, ONE_LEVEL),
    ("only relative W", lambda p, s: p["chargingProfileKind"] == "Relative" and s["chargingRateUnit"] == "W",
     replace(RELATIVE, rate_unit=RateUnit.WATT)),
]  # fmt: skip


@pytest.mark.parametrize("refusal", [{"status": "Rejected"}, "PropertyConstraintViolation"], ids=["status", "error"])
@pytest.mark.parametrize(("test", "model"), [pytest.param(t, m, id=what) for what, t, m in SPELLINGS])
@virtual
async def test_a_refused_limit_is_said_in_other_ways_and_what_works_is_learned(
    test: Callable[[dict[str, Any], dict[str, Any]], bool], model: StationModel, refusal: Answer
) -> None:
    """The next limit is said right at the first attempt."""
    async with central("CP") as site, charge_point("CP", takes(test, refusal)) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        for told in (order(FLOOR, 6), order(DEFAULT, 10)):
            site.system.limit(told)
            await asyncio.sleep(5)
        assert site.records["CP"].model == model
        assert {told.answer for told in site.of(ProfileAnswered)} == {Said.ACCEPTED}
        assert [event.model for event in site.of(ModelLearned)][-1:] == ([] if model == GENERIC else [model])
        before = len(point.told_of("SetChargingProfile"))
        site.system.limit(order(DEFAULT, 8))
        await asyncio.sleep(5)
        assert len(point.told_of("SetChargingProfile")) == before + 1
        ends = site.of(ProfileAnswered)[-1].ends_at
        assert math.isinf(ends) == (model.lease is LeaseForm.NONE)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ({"status": "Rejected"}, Said.REJECTED),
        ({"status": "rejected"}, Said.REJECTED),
        ({"status": "NotSupported"}, Said.NOT_SUPPORTED),
        ("NotImplemented", Said.NOT_SUPPORTED),
        ("NotSupported", Said.NOT_SUPPORTED),
        ("InternalError", Said.REJECTED),
        ({}, Said.REJECTED),
        ({"status": None}, Said.REJECTED),
        ({"status": ["Accepted"]}, Said.REJECTED),
        (b"[3,@id,5]", Said.REJECTED),
        (b"[3,@id]", Said.REJECTED),
        (b"[4,@id]", Said.REJECTED),
        (b'[4,@id,"NotSupported"]', Said.NOT_SUPPORTED),
    ],
    ids=str,
)
@pytest.mark.parametrize("layer", Layer)
@virtual
async def test_a_station_that_takes_no_limit_says_so_once_and_nothing_is_learned(
    layer: Layer, refusal: Answer, said: Said
) -> None:
    """R09; the core hears one answer for each order, however often it was tried."""
    async with central("CP") as site, charge_point("CP", takes(lambda *_: False, refusal)) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(layer, 6))
        await asyncio.sleep(10)
        assert [(told.layer, told.amps, told.answer) for told in site.of(ProfileAnswered)] == [(layer, 6, said)]
        assert len(site.of(ProfileSent)) == 1
        assert site.of(ModelLearned) == []


@pytest.mark.parametrize(
    ("takes_numbers", "takes_limits", "answer", "phases"),
    [(True, True, Said.ACCEPTED, 1), (False, True, Said.ACCEPTED, 0), (False, False, Said.REJECTED, 1)],
)
@virtual
async def test_a_limit_whose_number_of_phases_is_refused_is_said_without(
    takes_numbers: bool, takes_limits: bool, answer: Said, phases: int
) -> None:
    """Q28; the core hears which of the two was taken, and of a refusal what was refused."""
    tells = takes(lambda p, s: takes_limits and (takes_numbers or "numberPhases" not in s["chargingSchedulePeriod"][0]))
    async with central("CP") as site, charge_point("CP", tells) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(Layer.SESSION, 10, phases=1))
        await asyncio.sleep(5)
        assert [told.phases for told in site.of(ProfileSent)] == [1]
        assert [(told.answer, told.phases) for told in site.of(ProfileAnswered)] == [(answer, phases)]


@pytest.mark.parametrize(("value", "switches"), [("true", True), ("True", True), ("false", False), (None, False)])
@virtual
async def test_a_station_that_can_switch_phases_says_so(value: str | None, switches: bool) -> None:
    key = [] if value is None else [{"key": "ConnectorSwitch3to1PhaseSupported", "value": value}]
    answer = unless("GetConfiguration", {"configurationKey": key})
    async with central("CP") as site, charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        assert site.records["CP"].model.switches_phases is switches


@pytest.mark.parametrize("layer", [FLOOR, DEFAULT])
@virtual
async def test_a_station_that_refuses_once_is_not_taken_for_another_kind(layer: Layer) -> None:
    """It may just have been busy: what it took only at the second attempt says nothing about how it wants it."""
    refusals = [{"status": "Rejected"}]

    def answer(action: str, _payload: dict[str, Any]) -> Answer:
        return refusals.pop() if action == "SetChargingProfile" and refusals else {"status": "Accepted"}

    async with central("CP") as site, charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(layer, 6))
        await asyncio.sleep(10)
        assert site.records["CP"].model == GENERIC


@virtual
async def test_what_was_learned_outlives_a_boot_of_the_same_firmware() -> None:
    """Q15; only another firmware may be another station."""
    shipped = StationModel(id="shipped")
    answer = takes(lambda p, s: p["stackLevel"] == 0)
    async with central("CP", recognise=lambda *_: shipped) as site, charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        for told in (order(FLOOR, 6), order(DEFAULT, 10)):
            site.system.limit(told)
            await asyncio.sleep(5)
        learned = replace(ONE_LEVEL, id="shipped")
        for firmware, model in (("1.0", learned), ("2.0", shipped)):
            await point.call("BootNotification", BOOT | {"firmwareVersion": firmware})
            await asyncio.sleep(1)
            assert site.records["CP"].model == model


def test_a_connector_that_the_site_does_not_have_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Once, not each time: else nobody finds out why an outlet that charges is not seen."""
    caplog.set_level(logging.INFO)

    @virtual
    async def run() -> None:
        async with central("CP"), charge_point("CP") as point:
            for _ in range(100):
                await point.call("StatusNotification", {"connectorId": 2, "errorCode": "NoError", "status": "Charging"})
                await point.call("MeterValues", {"connectorId": 2, "meterValue": [{"sampledValue": []}]})

    run()
    assert 1 <= len([record for record in caplog.records if "connector" in record.getMessage()]) <= 10


@virtual
async def test_a_single_level_station_holds_floor_and_default_in_one_profile() -> None:
    """So a floor that is sent again is also the new default, and the core is told."""
    async with central("CP", model=ONE_LEVEL) as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(FLOOR, 6))
        await asyncio.sleep(1)
        site.system.limit(order(DEFAULT, 10))
        await asyncio.sleep(1)
        ids = {told["csChargingProfiles"]["chargingProfileId"] for told in point.told_of("SetChargingProfile")}
        assert ids == {1}
        told = [(event.layer, event.amps) for event in site.of(ProfileAnswered)]
        assert told == [(FLOOR, 6), (DEFAULT, 6), (DEFAULT, 10)]


@virtual
async def test_the_first_limit_after_a_pause_is_said_twice_where_that_is_needed() -> None:
    """Q41; the idle default that is renewed in between does not hide the pause."""
    async with central("CP", model=StationModel(repeat_after_zero=True)) as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        for told in (order(SESSION, 0), order(DEFAULT, 6), order(SESSION, 10)):
            site.system.limit(told)
            await asyncio.sleep(2)
        limits = [
            told["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
            for told in point.told_of("SetChargingProfile")
        ]
        assert limits == [0, 6, 10, 10]


@virtual
async def test_a_lease_ends_when_the_station_will_think_it_ends() -> None:
    async with central("CP") as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await connected(site)
        site.system.limit(order(DEFAULT, 10, lease_s=900))
        await asyncio.sleep(2)
        (sent,), (answered,) = site.of(ProfileSent), site.of(ProfileAnswered)
        assert answered.ends_at == pytest.approx(sent.at + 900)


@virtual
async def test_a_limit_for_nobody_harms_nobody() -> None:
    async with central("CP", "OFF") as site, charge_point("CP") as point:
        await connected(site)
        for evse in ("OFF/1", "NONE/1", "CP/9"):
            site.system.limit(order(FLOOR, 6, evse))
            site.system.read_back(evse)
            site.system.stop(evse)
        assert (await point.call("Heartbeat", {}))[0] == 3
        assert point.told_of("SetChargingProfile") == []


STOPS: list[tuple[str, Answer, list[str]]] = [
    ("accepted", {"status": "Accepted"}, ["RemoteStopTransaction"]),
    ("rejected (Q99)", {"status": "Rejected"}, ["RemoteStopTransaction", "ChangeAvailability"]),
    ("refused", "NotSupported", ["RemoteStopTransaction", "ChangeAvailability"]),
    ("no answer", None, ["RemoteStopTransaction", "ChangeAvailability"]),
]


@pytest.mark.parametrize(("answer", "expected"), [pytest.param(a, e, id=what) for what, a, e in STOPS])
@virtual
async def test_stop_ends_the_transaction_or_takes_the_outlet_out_of_service(
    answer: Answer, expected: list[str]
) -> None:
    async with central("CP") as site, charge_point("CP", unless("RemoteStopTransaction", answer)) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        site.records["CP"].book.open["CP/1"] = Transaction(7, BORN, 0.0)
        for _ in range(25):
            site.system.stop("CP/1")
            await asyncio.sleep(1)
        stops = [told for told in point.told if told[0] in ("RemoteStopTransaction", "ChangeAvailability")]
        assert [action for action, _ in stops] == expected
        assert stops[0][1] == {"transactionId": 7}
        assert [payload for _, payload in stops[1:]] == [{"connectorId": 1, "type": "Inoperative"}] * (len(stops) - 1)


@virtual
async def test_stop_without_a_transaction_takes_the_outlet_out_of_service() -> None:
    async with central("CP", outlets=2) as site, charge_point("CP") as point:
        await connected(site)
        site.system.stop("CP/2")
        await asyncio.sleep(5)
        assert point.told_of("ChangeAvailability") == [{"connectorId": 2, "type": "Inoperative"}]


def schedule(limit: float) -> dict[str, Any]:
    periods = [{"startPeriod": 0, "limit": limit}]
    return {"status": "Accepted", "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}}


READ_BACKS: list[tuple[str, Answer, float | None, bool]] = [
    ("says it", schedule(16), 16, True),
    ("has none", schedule(-1), None, True),
    ("rejects", {"status": "Rejected"}, None, True),
    ("cannot", "NotSupported", None, False),
    ("does not know it", "NotImplemented", None, False),
    ("fails once", "InternalError", None, True),
    ("never answers", None, None, True),
]


@pytest.mark.parametrize(("answer", "amps", "again"), [pytest.param(a, n, b, id=what) for what, a, n, b in READ_BACKS])
@virtual
async def test_a_read_back_always_leads_to_an_answer(answer: Answer, amps: float | None, again: bool) -> None:
    """Q50; a station that cannot is not asked again, one that failed is."""
    async with central("CP") as site, charge_point("CP", unless("GetCompositeSchedule", answer)) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        for _ in range(2):
            site.system.read_back("CP/1")
            await asyncio.sleep(8)
        asked = point.told_of("GetCompositeSchedule")
        assert asked == [{"connectorId": 1, "duration": 300, "chargingRateUnit": "A"}] * (1 + again)
        assert [event.amps for event in site.of(CompositeRead)] == [amps] * (1 + again)


@virtual
async def test_a_read_back_that_comes_late_says_nothing() -> None:
    """It tells what was in force when it was asked, and limits have changed since."""

    async def answer(action: str, _payload: dict[str, Any]) -> Answer:
        if action != "GetCompositeSchedule":
            return {"status": "Accepted"}
        await asyncio.sleep(20)
        return schedule(16)

    async with central("CP") as site, charge_point("CP", answer) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        site.system.read_back("CP/1")
        await asyncio.sleep(7)
        site.system.limit(order(DEFAULT, 6))
        await asyncio.sleep(20)
        assert [event.amps for event in site.of(CompositeRead)] == [None]


@virtual
async def test_a_station_that_goes_away_leaves_no_order_without_an_answer() -> None:
    """What is under way is answered with TIMEOUT, what still waits was never sent; both are known at once."""
    async with central("CP", outlets=2) as site:
        async with charge_point("CP", unless("SetChargingProfile", None)) as point:
            await connected(site)
            site.system.limit(order(FLOOR, 6, "CP/1"))
            site.system.limit(order(FLOOR, 6, "CP/2"))
            await asyncio.sleep(1)
            assert len(point.told_of("SetChargingProfile")) == 1
        await asyncio.sleep(1)
        assert [(event.evse, event.answer) for event in site.of(ProfileAnswered)] == [("CP/1", Said.TIMEOUT)]
        assert [event.evse for event in site.of(ProfileSent)] == ["CP/1"]
        assert [event.generation for event in site.of(StationGone)] == [1]
