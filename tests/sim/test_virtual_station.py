"""A virtual station behaves as a real one does, over a real WebSocket in virtual time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from ems.sim.charging_profile import Profile
from ems.sim.metering import Measured, sampled_values
from ems.sim.quirks import QUIRKS, MeteringQuirks, Quirks
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.vehicle import Vehicle, VehicleModel
from tests.sim.central import THREE, Central, in_virtual_time, now, talking

MODEL = VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0)
PLAIN = StationSetup((Outlet(1, THREE), Outlet(2, THREE)))


def car(wants_wh: float = 50_000, **model: Any) -> Vehicle:
    return Vehicle(replace(MODEL, **model), wants_wh)


def odd(quirks: Quirks | str) -> StationSetup:
    return replace(PLAIN, quirks=QUIRKS[quirks] if isinstance(quirks, str) else quirks)


def test_boots_and_says_what_is_there() -> None:
    async def story() -> None:
        async with talking(password="0123456789abcdef") as (central, station):
            assert central.actions() == ["BootNotification"] + 3 * ["StatusNotification"]
            assert central.statuses(0) == central.statuses(1) == central.statuses(2) == ["Available"]
            assert central.credentials == ["CP-1:0123456789abcdef"]
            assert station.configuration.text("HeartbeatInterval") == "300"
            await asyncio.sleep(600)
            assert central.actions("Heartbeat") == ["Heartbeat", "Heartbeat"]

    in_virtual_time(story())


def test_says_nothing_else_until_its_boot_is_accepted() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            stamp = now().utc.isoformat()
            central.answers["BootNotification"] = lambda _: {"status": "Pending", "currentTime": stamp, "interval": 20}
            station.reset("SoftReset")
            await asyncio.sleep(30)
            before = len(central.said)
            station.plug(1, car(), "TAG")
            await asyncio.sleep(15)
            assert set(central.actions()[before:]) <= {"BootNotification"}
            del central.answers["BootNotification"]
            await asyncio.sleep(30)
            assert central.statuses()[-1] == "Charging"

    in_virtual_time(story())


def test_a_session_from_plug_to_unplug() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            station.plug(1, car(wants_wh=3000), "TAG")
            await asyncio.sleep(5)
            assert central.actions("Authorize", "StartTransaction") == ["Authorize", "StartTransaction"]
            assert station.leg_amps(1) == (32, 32, 32)
            await asyncio.sleep(3600)
            assert central.statuses() == ["Available", "Preparing", "Charging", "SuspendedEV"]
            station.unplug(1)
            await asyncio.sleep(2)
            stop = central.last("StopTransaction")
            assert (stop["meterStop"], stop["reason"], stop["transactionId"]) == (3000, "EVDisconnected", 1)
            assert central.statuses()[-1] == "Available"
            assert central.statuses(2) == ["Available"]

    in_virtual_time(story())


def test_a_refused_card_waits_in_preparing_and_is_held_up_again() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            central.answers["Authorize"] = lambda _: {"idTagInfo": {"status": "Invalid"}}
            station.plug(1, car(), "TAG")
            await asyncio.sleep(20)
            assert central.statuses()[-1] == "Preparing"
            assert station.leg_amps(1) == (0, 0, 0)
            del central.answers["Authorize"]
            await asyncio.sleep(20)
            assert central.statuses()[-1] == "Charging"

    in_virtual_time(story())


def test_a_transaction_with_a_card_that_turns_out_invalid_is_ended() -> None:
    async def story() -> None:
        async with talking(replace(PLAIN, free_vend=True)) as (central, station):
            central.answers["StartTransaction"] = lambda _: {"transactionId": 7, "idTagInfo": {"status": "Blocked"}}
            station.plug(1, car())
            await asyncio.sleep(5)
            assert central.actions("Authorize") == []
            assert central.last("StopTransaction")["reason"] == "DeAuthorized"
            assert central.statuses()[-1] == "Finishing"

    in_virtual_time(story())


@pytest.mark.parametrize(
    ("quirk", "says", "under_load", "paused"),
    [
        ("switches-phases", "true", 1, 1),
        ("switches-phases-paused", "true", 3, 1),
        ("only-says-it-switches-phases", "true", 3, 3),
        ("conforming", "false", 3, 3),
    ],
)
def test_phases_are_switched_as_a_station_is_made(quirk: str, says: str, under_load: int, paused: int) -> None:
    """Told one phase while current flows, and again through a pause; without a number there are three again."""

    async def story() -> None:
        async with talking(odd(QUIRKS.get(quirk, Quirks()))) as (central, station):
            assert station.configuration.text("ConnectorSwitch3to1PhaseSupported") == says
            station.plug(1, car(), "TAG")
            await asyncio.sleep(5)
            for amps, legs in ((10, under_load), (0, 0), (10, paused)):
                await central.limit(amps, purpose="TxProfile", transactionId=1, phases=1)
                await asyncio.sleep(8)
                assert sum(a > 0 for a in station.leg_amps(1)) == legs
            for amps in (0, 10):
                await central.limit(amps, purpose="TxProfile", transactionId=1)
                await asyncio.sleep(8)
            assert station.leg_amps(1) == (10, 10, 10)
            assert (station.connectors[1].switched_under_load > 0) is (quirk == "switches-phases")

    in_virtual_time(story())


def test_limits_reach_the_vehicle() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            station.plug(1, car(), "TAG")
            station.plug(2, car(), "TAG")
            await asyncio.sleep(5)
            assert await central.limit(10) == "Accepted"
            await asyncio.sleep(5)
            assert (station.leg_amps(1)[0], station.leg_amps(2)[0]) == (10, 32)
            assert await central.limit(16, purpose="TxProfile", transactionId=1) == "Accepted"
            assert await central.limit(20, purpose="TxProfile", transactionId=99) == "Rejected"
            await asyncio.sleep(5)
            assert station.leg_amps(1)[0] == 16
            assert await central.limit(0, purpose="TxProfile", transactionId=1) == "Accepted"
            await asyncio.sleep(5)
            assert (station.leg_amps(1)[0], central.statuses()[-1]) == (0, "SuspendedEVSE")
            assert await central.call("ClearChargingProfile", id=3) == {"status": "Accepted"}
            assert await central.call("ClearChargingProfile", id=3) == {"status": "Unknown"}
            await asyncio.sleep(5)
            assert (station.leg_amps(1)[0], central.statuses()[-1]) == (10, "Charging")

    in_virtual_time(story())


def test_a_lease_ends_by_the_clock_of_the_station() -> None:
    async def story() -> None:
        async with talking(odd(Quirks(clock_skew_s=30))) as (central, station):
            station.plug(1, car(), "TAG")
            await central.limit(6)
            start = now().utc.isoformat()
            lease = {"chargingRateUnit": "A", "startSchedule": start, "duration": 60,
                     "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}  # fmt: skip
            assert await central.limit(16, stackLevel=1, chargingProfileId=9, chargingSchedule=lease) == "Accepted"
            await asyncio.sleep(20)
            assert station.leg_amps(1)[0] == 16
            await asyncio.sleep(15)
            assert station.leg_amps(1)[0] == 6
            assert central.last("StatusNotification")["timestamp"].startswith("2024-05-06T12:00:3")

    in_virtual_time(story())


def test_what_happened_offline_is_told_in_order_with_its_own_times() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            await central.call("ChangeConfiguration", key="MeterValueSampleInterval", value="10")
            station.link.cut(for_s=100)
            await asyncio.sleep(5)
            station.plug(1, car(wants_wh=500), "TAG")
            await asyncio.sleep(35)
            station.unplug(1)
            assert len(central.connections) == 1
            await asyncio.sleep(90)
            assert len(central.connections) == 2
            kept = [(a, p) for a, p in central.said if a.endswith("Transaction") or a == "MeterValues"]
            assert [a for a, _ in kept] == ["StartTransaction", *3 * ["MeterValues"], "StopTransaction"]
            assert [kept[0][1]["timestamp"][11:19], kept[-1][1]["timestamp"][11:19]] == ["12:00:07", "12:00:42"]
            assert kept[-1][1]["transactionId"] == 1
            assert central.actions("BootNotification") == ["BootNotification"]

    in_virtual_time(story())


def test_after_a_power_failure_it_boots_and_ends_what_ran() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            station.plug(1, car(), "TAG")
            await asyncio.sleep(30)
            await central.limit(10)
            station.power_off(for_s=60)
            assert station.leg_amps(1) == (0, 0, 0)
            before = len(central.said)
            await asyncio.sleep(120)
            assert central.actions()[before] == "BootNotification"
            stop = central.last("StopTransaction")
            assert (stop["reason"], stop["timestamp"][11:19]) == ("PowerLoss", "12:00:32")
            assert central.statuses()[-1] == "Finishing"
            assert station.stack.installed

    in_virtual_time(story())


@pytest.mark.parametrize(("quirk", "event", "left"), [("forgets-at-boot", "boot", 0), ("forgets-offline", "cut", 0),
                                                      ("conforming", "boot", 1), ("conforming", "cut", 1)])  # fmt: skip
def test_profiles_may_be_lost(quirk: str, event: str, left: int) -> None:
    async def story() -> None:
        async with talking(odd(quirk)) as (central, station):
            await central.limit(10)
            if event == "boot":
                station.power_off(for_s=5)
            else:
                station.link.cut(for_s=5)
            await asyncio.sleep(30)
            assert len(station.stack.installed) == left

    in_virtual_time(story())


def test_remote_start_and_stop() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            assert await central.call("RemoteStartTransaction", idTag="TAG") == {"status": "Rejected"}
            station.plug(2, car())
            profile = {
                "chargingProfileId": 5, "stackLevel": 0, "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Relative", "chargingSchedule": {
                    "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}]},
            }  # fmt: skip
            answer = await central.call("RemoteStartTransaction", idTag="TAG", chargingProfile=profile)
            assert answer == {"status": "Accepted"}
            await asyncio.sleep(5)
            assert station.leg_amps(2)[0] == 8
            assert await central.call("RemoteStopTransaction", transactionId=9) == {"status": "Rejected"}
            assert await central.call("RemoteStopTransaction", transactionId=1) == {"status": "Accepted"}
            await asyncio.sleep(2)
            assert central.last("StopTransaction")["reason"] == "Remote"
            assert central.statuses(2)[-1] == "Finishing"
            assert station.stack.installed == ()

    in_virtual_time(story())


CALLS: list[tuple[str, dict[str, Any], dict[str, Any] | str]] = [
    ("ClearCache", {}, {"status": "Accepted"}),
    ("DataTransfer", {"vendorId": "x"}, {"status": "UnknownVendorId"}),
    ("GetLocalListVersion", {}, {"listVersion": 0}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, {"status": "Scheduled"}),
    ("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}, {"status": "Accepted"}),
    ("ChangeAvailability", {"connectorId": 9, "type": "Inoperative"}, {"status": "Rejected"}),
    ("UnlockConnector", {"connectorId": 2}, {"status": "Unlocked"}),
    ("UnlockConnector", {"connectorId": 9}, {"status": "NotSupported"}),
    ("ChangeConfiguration", {"key": "heartbeatinterval", "value": "60"}, {"status": "Accepted"}),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "soon"}, {"status": "Rejected"}),
    ("ChangeConfiguration", {"key": "NumberOfConnectors", "value": "3"}, {"status": "Rejected"}),
    ("ChangeConfiguration", {"key": "Colour", "value": "red"}, {"status": "NotSupported"}),
    ("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": "SoC,Voltage"}, {"status": "Accepted"}),
    ("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": "RPM"}, {"status": "Rejected"}),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "short"}, {"status": "Rejected"}),
    ("GetConfiguration", {"key": ["AuthorizationKey"]}, {"configurationKey": [], "unknownKey": ["AuthorizationKey"]}),
    ("TriggerMessage", {"requestedMessage": "Heartbeat"}, {"status": "Accepted"}),
    ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}, {"status": "Accepted"}),
    ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 9}, {"status": "Rejected"}),
    ("GetDiagnostics", {"location": "ftp://x"}, {}),
    ("UpdateFirmware", {"location": "ftp://x", "retrieveDate": "2024-01-01T00:00:00Z"}, {}),
    ("SendLocalList", {"listVersion": 2, "updateType": "Full"}, {"status": "Accepted"}),
    ("GetCompositeSchedule", {"connectorId": 9, "duration": 60}, {"status": "Rejected"}),
    ("ReserveNow", {"connectorId": 1, "expiryDate": "2024-05-06T13:00:00Z", "idTag": "A", "reservationId": 1},
     {"status": "Occupied"}),
    ("ReserveNow", {"connectorId": 2, "expiryDate": "2024-05-06T13:00:00Z", "idTag": "A", "reservationId": 1},
     {"status": "Accepted"}),
    ("CancelReservation", {"reservationId": 1}, {"status": "Rejected"}),
    ("SetChargingProfile", {"connectorId": 1}, "OccurenceConstraintViolation"),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {}}, "PropertyConstraintViolation"),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": 5}, "PropertyConstraintViolation"),
    ("RemoteStopTransaction", {}, "OccurenceConstraintViolation"),
    ("ReserveNow", {"connectorId": 2, "expiryDate": 5, "idTag": "A", "reservationId": 1}, "TypeConstraintViolation"),
    ("BootNotification", {}, "NotImplemented"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "request_", "answer"), CALLS, ids=[f"{a} {json.dumps(r)}" for a, r, _ in CALLS])
def test_answers(action: str, request_: dict[str, Any], answer: dict[str, Any] | str) -> None:
    """A vehicle charges at connector 1, connector 2 is free."""

    async def story() -> None:
        async with talking() as (central, station):
            station.plug(1, car(), "TAG")
            await asyncio.sleep(3)
            if isinstance(answer, str):
                with pytest.raises(RuntimeError, match=answer):
                    await central.call(action, **request_)
            else:
                assert await central.call(action, **request_) == answer
            await asyncio.sleep(3)
            assert station.link.is_up

    in_virtual_time(story())


@pytest.mark.parametrize(
    ("action", "request_", "said"),
    [
        ("TriggerMessage", {"requestedMessage": "BootNotification"}, "BootNotification"),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 2}, "StatusNotification"),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}, "MeterValues"),
        ("TriggerMessage", {"requestedMessage": "DiagnosticsStatusNotification"}, "DiagnosticsStatusNotification"),
        ("Reset", {"type": "Hard"}, "StopTransaction"),
        ("Reset", {"type": "Soft"}, "BootNotification"),
        ("UnlockConnector", {"connectorId": 1}, "StopTransaction"),
        ("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}, "StatusNotification"),
        ("UpdateFirmware", {"location": "x", "retrieveDate": "2024-01-01T00:00:00Z"}, "FirmwareStatusNotification"),
        ("GetDiagnostics", {"location": "x"}, "DiagnosticsStatusNotification"),
    ],
)
def test_requests_that_make_it_speak(action: str, request_: dict[str, Any], said: str) -> None:
    async def story() -> None:
        async with talking() as (central, station):
            station.plug(1, car(), "TAG")
            await asyncio.sleep(3)
            before = len(central.said)
            await central.call(action, **request_)
            await asyncio.sleep(40)
            assert said in central.actions()[before:]

    in_virtual_time(story())


async def _verdict(central: Central, deadline_s: float = 40.0) -> tuple[str, float]:
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(deadline_s):
            said = await central.limit(10)
    except TimeoutError:
        said = "silence"
    return said, asyncio.get_running_loop().time() - began


@pytest.mark.parametrize(
    ("quirk", "verdict", "after_s", "drawn_a"),
    [
        ("conforming", "Accepted", 0, 10),
        ("never-answers", "silence", 40, 10),
        ("answers-late", "Accepted", 29, 10),
        ("silent-to-absolute", "silence", 40, 32),
        ("relative-only", "Rejected", 0, 32),
        ("watts-only", "Rejected", 0, 32),
        ("watts-only-swallowing", "Accepted", 0, 32),
        ("disobedient", "Accepted", 0, 32),
        ("stuck", "Accepted", 0, 9),
        ("slow", "Accepted", 0, 32),
    ],
)
def test_odd_answers_to_a_limit(quirk: str, verdict: str, after_s: float, drawn_a: float) -> None:
    async def story() -> None:
        async with talking(odd(quirk)) as (central, station):
            station.plug(1, car(), "TAG")
            await asyncio.sleep(3)
            said, took_s = await _verdict(central)
            assert (said, round(took_s)) == (verdict, after_s)
            await asyncio.sleep(20)
            assert station.leg_amps(1)[0] == drawn_a
            assert (await central.call("ClearCache"))["status"] == "Accepted"

    in_virtual_time(story())


def test_a_replaced_limit_may_spike() -> None:
    async def story() -> None:
        async with talking(odd("spiking")) as (central, station):
            station.plug(1, car(), "TAG")
            await central.limit(10)
            await asyncio.sleep(20)
            await central.limit(8)
            seen = []
            for _ in range(10):
                await asyncio.sleep(1)
                seen.append(station.leg_amps(1)[0])
            assert 32 in seen
            assert seen[-1] == 8

    in_virtual_time(story())


def test_zero_may_end_the_session() -> None:
    async def story() -> None:
        async with talking(odd("zero-ends-session")) as (central, station):
            station.plug(1, car(), "TAG")
            await asyncio.sleep(3)
            await central.limit(0)
            await asyncio.sleep(5)
            assert central.last("StopTransaction")["reason"] == "Other"
            assert central.statuses()[-1] == "Finishing"

    in_virtual_time(story())


@pytest.mark.parametrize(
    ("quirk", "unit", "limits"),
    [
        ("conforming", "A", [10.0]),
        ("composite-other-unit", "W", [6900.0]),
        ("composite-minus-one", "A", [-1.0]),
        ("composite-empty", None, None),
        ("no-composite", "NotImplemented", None),
    ],
)
def test_composite_schedules(quirk: str, unit: str | None, limits: list[float] | None) -> None:
    async def story() -> None:
        async with talking(odd(quirk)) as (central, _):
            await central.limit(10)
            if unit == "NotImplemented":
                with pytest.raises(RuntimeError, match=unit):
                    await central.call("GetCompositeSchedule", connectorId=1, duration=60)
                return
            answer = await central.call("GetCompositeSchedule", connectorId=1, duration=60)
            schedule = answer.get("chargingSchedule")
            assert (schedule and schedule["chargingRateUnit"]) == unit
            assert (schedule and [p["limit"] for p in schedule["chargingSchedulePeriod"]]) == limits

    in_virtual_time(story())


SHOWN = Measured((10.0, 10.0, 10.0), 12.0, 6900.0, 5000.0, 700.0, 230.0, 40)


@pytest.mark.parametrize(
    ("quirks", "values"),
    [
        (MeteringQuirks(), ["10.00 A L1", "10.00 A L2", "10.00 A L3", "6900.0 W", "5000 Wh"]),
        (MeteringQuirks(per_phase=False), ["10.00 A", "6900.0 W", "5000 Wh"]),
        (MeteringQuirks(measurands=("Power.Active.Import",), power_in_kw=True), ["6.900 kW"]),
        (MeteringQuirks(measurands=("Energy.Active.Import.Register",), energy_in_kwh=True), ["5.000 kWh"]),
        (MeteringQuirks(measurands=("Energy.Active.Import.Register",), energy_from_zero=True), ["700 Wh"]),
        (MeteringQuirks(unit_missing=True, per_phase=False), ["10.00", "6900.0", "5000"]),
        (MeteringQuirks(measurands=("Power.Active.Import",), watts_called_kw=True), ["6900.0 kW"]),
        (MeteringQuirks(dc_volts=690.0), ["10.00 A", "6900.0 W", "5000 Wh"]),
        (MeteringQuirks(phase_names=("L1-N", "L2-N", "L3-N"), measurands=("Current.Import",)),
         ["10.00 A L1-N", "10.00 A L2-N", "10.00 A L3-N"]),
    ],
)  # fmt: skip
def test_meter_values_in_the_words_of_the_make(quirks: MeteringQuirks, values: list[str]) -> None:
    asked = ("Current.Import", "Power.Active.Import", "Energy.Active.Import.Register", "Temperature")
    samples = sampled_values(SHOWN, asked, quirks, "Sample.Periodic")
    assert [" ".join(v for v in (s["value"], s.get("unit"), s.get("phase")) if v) for s in samples] == values


def test_a_one_phase_station_may_report_zeros_for_the_others() -> None:
    shown = SHOWN._replace(leg_a=(9.0,))
    values = sampled_values(shown, ("Current.Import",), MeteringQuirks(placeholder_phases=True), "Sample.Periodic")
    assert [(v["phase"], v["value"]) for v in values] == [("L1", "9.00"), ("L2", "0.00"), ("L3", "0.00")]


def test_meter_values_carry_what_was_configured() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            wanted = "Current.Import,Current.Offered,Voltage,SoC"
            for key, value in (("MeterValueSampleInterval", "10"), ("MeterValuesSampledData", wanted)):
                await central.call("ChangeConfiguration", key=key, value=value)
            await central.limit(10)
            station.plug(1, car(), "TAG")
            await asyncio.sleep(35)
            assert len(central.actions("MeterValues")) == 3
            said = central.last("MeterValues")
            assert said["transactionId"] == 1
            found = {s["measurand"]: s["value"] for s in said["meterValue"][0]["sampledValue"]}
            assert found == {"Current.Import": "10.00", "Current.Offered": "10.0", "Voltage": "230.0", "SoC": "20"}

    in_virtual_time(story())


def test_clock_aligned_values_come_on_the_clock() -> None:
    async def story() -> None:
        async with talking() as (central, _):
            await central.call("ChangeConfiguration", key="ClockAlignedDataInterval", value="60")
            await asyncio.sleep(200)
            at = [t for t, action in central.seen if action == "MeterValues"]
            assert at == pytest.approx([60, 60, 120, 120, 180, 180], abs=1.1)

    in_virtual_time(story())


def test_a_mute_station_answers_nothing_and_recovers() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            station.link.mute(for_s=60)
            with pytest.raises(TimeoutError):
                await central.call("ClearCache", deadline_s=10)
            await asyncio.sleep(60)
            assert await central.call("ClearCache") == {"status": "Accepted"}
            assert len(central.connections) == 1

    in_virtual_time(story())


@pytest.mark.parametrize(
    "frame", ["", "[", "{}", "[]", "[2]", '[2,"1"]', '[3,"unknown",{}]', "[7,1,2,3]", '"x"', "[4]"]
)
def test_malformed_frames_do_not_end_the_link(frame: str) -> None:
    async def story() -> None:
        async with talking() as (central, _):
            await central.connections[-1].send(frame)
            assert await central.call("ClearCache") == {"status": "Accepted"}

    in_virtual_time(story())


def test_a_local_list_decides_offline() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            known = (("GOOD", "Accepted"), ("BAD", "Blocked"))
            entries = [{"idTag": tag, "idTagInfo": {"status": status}} for tag, status in known]
            await central.call("SendLocalList", listVersion=3, updateType="Full", localAuthorizationList=entries)
            assert await central.call("GetLocalListVersion") == {"listVersion": 3}
            station.link.cut(for_s=60)
            await asyncio.sleep(1)
            station.plug(1, car(), "GOOD")
            station.plug(2, car(), "BAD")
            await asyncio.sleep(5)
            assert (station.leg_amps(1)[0], station.leg_amps(2)[0]) == (32, 0)

    in_virtual_time(story())


def test_a_reservation_is_shown_and_expires() -> None:
    async def story() -> None:
        async with talking() as (central, _):
            until = "2024-05-06T12:01:00Z"
            await central.call("ReserveNow", connectorId=2, expiryDate=until, idTag="A", reservationId=4)
            await asyncio.sleep(90)
            assert central.statuses(2) == ["Available", "Reserved", "Available"]

    in_virtual_time(story())


def test_calls_again_with_growing_pauses_while_nobody_listens() -> None:
    async def story() -> None:
        async with talking() as (central, station):
            address = station.link.address
            station.link.address = replace(address, url="ws://127.0.0.1:9999")
            station.link.cut()
            await asyncio.sleep(300)
            assert len(central.connections) == 1
            station.link.address = address
            await asyncio.sleep(40)
            assert len(central.connections) == 2

    in_virtual_time(story())


@pytest.mark.parametrize(
    ("quirk", "key", "value"),
    [
        ("conforming", "ChargeProfileMaxStackLevel", "8"),
        ("boasts-levels", "ChargeProfileMaxStackLevel", "16"),
        ("absurd-level", "ChargeProfileMaxStackLevel", "999"),
        ("single-level", "ChargeProfileMaxStackLevel", "0"),
        ("swallows-high-levels", "ChargeProfileMaxStackLevel", "8"),
        ("conforming", "ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
        ("watts-only", "ChargingScheduleAllowedChargingRateUnit", "Power"),
        ("odd-unit-text", "ChargingScheduleAllowedChargingRateUnit", "amp;"),
        ("few-profiles", "MaxChargingProfilesInstalled", "2"),
        ("one-period", "ChargingScheduleMaxPeriods", "1"),
    ],
)
def test_what_a_station_says_of_itself(quirk: str, key: str, value: str) -> None:
    async def story() -> None:
        async with talking(odd(quirk)) as (central, _):
            answer = await central.call("GetConfiguration", key=[key])
            assert answer["configurationKey"][0]["value"] == value

    in_virtual_time(story())


@pytest.mark.parametrize(
    ("quirk", "verdict"), [("no-smart-charging", "NotSupported"), ("hides-its-features", "Accepted")]
)
def test_a_feature_that_is_not_listed_may_work_or_not(quirk: str, verdict: str) -> None:
    async def story() -> None:
        async with talking(odd(quirk)) as (central, _):
            features = await central.call("GetConfiguration", key=["SupportedFeatureProfiles"])
            assert "SmartCharging" not in features["configurationKey"][0]["value"]
            if verdict == "Accepted":
                assert await central.limit(10) == verdict
            else:
                with pytest.raises(RuntimeError, match=verdict):
                    await central.limit(10)

    in_virtual_time(story())


@pytest.mark.parametrize(("quirk", "answer"), [("cannot-clear", "Accepted"), ("knows-none-to-clear", "Unknown")])
def test_profiles_that_cannot_be_cleared(quirk: str, answer: str) -> None:
    async def story() -> None:
        async with talking(odd(quirk)) as (central, station):
            await central.limit(10)
            assert await central.call("ClearChargingProfile", id=2) == {"status": answer}
            assert station.stack.installed

    in_virtual_time(story())


def test_a_station_may_hang_up_when_it_is_called_too_soon() -> None:
    async def story() -> None:
        async with talking(odd("hangs-up-when-hurried")) as (central, _):
            with pytest.raises(TimeoutError):
                await central.call("ClearCache", deadline_s=2.0)
            await asyncio.sleep(10)
            assert len(central.connections) == 2
            assert await central.call("ClearCache") == {"status": "Accepted"}

    in_virtual_time(story())


def test_a_station_may_die_of_being_asked_to_boot() -> None:
    async def story() -> None:
        async with talking(odd("boot-trigger-kills")) as (central, station):
            with pytest.raises(TimeoutError):
                await central.call("TriggerMessage", requestedMessage="BootNotification")
            await asyncio.sleep(600)
            assert not station.link.is_up

    in_virtual_time(story())


def test_a_station_may_change_its_ways() -> None:
    """It keeps what it has accepted, but no longer follows it; then it follows again."""

    async def story() -> None:
        async with talking() as (central, station):
            station.plug(1, car(), "TAG")
            await central.limit(10)
            drawn = []
            for quirks in (Quirks(), Quirks(obeys=False), Quirks(obeys=False, stuck_a=20.0), Quirks(refuses=True)):
                station.become(quirks)
                await asyncio.sleep(10)
                drawn.append(station.leg_amps(1)[0])
            assert drawn == [10, 32, 20, 10]
            assert await central.limit(6) == "Rejected"

    in_virtual_time(story())


def test_what_another_central_system_left_behind_still_counts() -> None:
    left = {
        "chargingProfileId": 77,
        "stackLevel": 8,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7}]},
    }

    async def story() -> None:
        async with talking(replace(PLAIN, leftovers=((0, Profile.parse(left)),))) as (central, station):
            station.plug(1, car(), "TAG")
            await asyncio.sleep(5)
            assert station.leg_amps(1)[0] == 7
            assert await central.call("ClearChargingProfile", id=77) == {"status": "Accepted"}

    in_virtual_time(story())


def test_values_may_come_at_their_own_pace_for_connector_zero_and_once_too_often() -> None:
    quirks = MeteringQuirks(every_s=30.0, on_connector_zero=True, sample_after_stop=True)

    async def story() -> None:
        async with talking(replace(PLAIN, metering=quirks)) as (central, station):
            for key, value in (("MeterValueSampleInterval", "5"), ("MeterValuesSampledData", "Current.Import")):
                await central.call("ChangeConfiguration", key=key, value=value)
            station.plug(1, car(), "TAG")
            await asyncio.sleep(50)
            assert len(central.actions("MeterValues")) == 1
            assert central.last("MeterValues")["connectorId"] == 0
            assert "transactionId" not in central.last("MeterValues")
            station.unplug(1)
            await asyncio.sleep(3)
            assert central.actions("StopTransaction", "MeterValues")[-2:] == ["StopTransaction", "MeterValues"]
            assert central.last("MeterValues")["meterValue"][0]["sampledValue"][0]["value"] == "32.00"

    in_virtual_time(story())


def test_one_measurand_may_be_all_that_a_station_takes() -> None:
    async def story() -> None:
        async with talking(replace(PLAIN, metering=MeteringQuirks(max_measurands=1))) as (central, _):
            for value, status in (("Current.Import,Voltage", "Rejected"), ("Voltage", "Accepted")):
                answer = await central.call("ChangeConfiguration", key="MeterValuesSampledData", value=value)
                assert answer == {"status": status}

    in_virtual_time(story())
