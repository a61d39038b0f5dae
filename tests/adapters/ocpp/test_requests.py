"""What people ask of a station reaches it as OCPP says, and its answer comes back in words of no version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ems.domain.events import ProfileAnswered
from ems.domain.grant import Answer, Layer
from ems.domain.remote.outcome import (
    Announced,
    ListVersion,
    Outcome,
    Reserved,
    Schedule,
    Variables,
    VendorAnswer,
    Verdict,
    Written,
)
from ems.domain.remote.request import (
    HIDDEN,
    CancelReservation,
    ClearCache,
    ClearRawProfiles,
    ListedTag,
    ReadLocalListVersion,
    ReadSchedule,
    ReadVariables,
    RequestStart,
    RequestStop,
    Reserve,
    Reset,
    ResetKind,
    SendLocalList,
    SetAvailability,
    SetRawProfile,
    StationRequest,
    Trigger,
    Triggered,
    Unlock,
    UpdateFirmware,
    UploadLog,
    VendorData,
    WriteVariables,
)
from ems.domain.station_model import StationModel
from ems.sim.manners import Manners
from ems.sim.profile_stack import Shape
from ems.sim.quirks import Quirks
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.vehicle import Vehicle, VehicleModel
from ems.sim.virtual_station import VirtualStation
from tests.adapters.ocpp.central import BORN, PORT, LoopClock, Site, central, charge_point, connected, order, virtual

THREE = Shape(3, 230.0, 32.0)
SOON = BORN + timedelta(minutes=30)


@dataclass
class Line:
    """A central system and a virtual station that is connected to it."""

    site: Site
    station: VirtualStation

    async def ask(self, request: StationRequest, late: Callable[[Outcome], None] = lambda _: None) -> Outcome:
        return await self.site.system.ask("CP", request, late)

    def objection(self, request: StationRequest) -> str | None:
        return self.site.system.objection("CP", request)


@asynccontextmanager
async def on_line(manners: Manners | None = None, quirks: Quirks | None = None, **settings: Any) -> AsyncIterator[Line]:
    """Both sides over a real websocket, in virtual time."""
    async with central("CP", outlets=2, **settings) as site:
        clock = LoopClock()
        setup = StationSetup((Outlet(1, THREE), Outlet(2, THREE)), quirks=quirks or Quirks())
        address = Address(f"ws://127.0.0.1:{PORT}/ocpp", "CP")
        station = VirtualStation(address, setup, np.random.default_rng(1), clock.now())
        station.manners = manners or station.manners

        async def steps() -> None:
            while True:
                station.step(clock.now())
                await asyncio.sleep(0.5)

        tasks = [asyncio.create_task(station.run()), asyncio.create_task(steps())]
        try:
            await connected(site)
            await asyncio.sleep(10)
            yield Line(site, station)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def car() -> Vehicle:
    return Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0), 50_000)


STATION_MAX: dict[str, Any] = {
    "chargingProfileId": 900,
    "stackLevel": 0,
    "chargingProfilePurpose": "ChargePointMaxProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "startSchedule": "2026-03-01T00:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}

ANSWERED: list[tuple[str, StationRequest, Verdict, object]] = [
    ("RemoteStartTransaction", RequestStart(1, "TAG"), Verdict.ACCEPTED, None),
    ("RemoteStartTransaction", RequestStart(2, "TAG"), Verdict.REFUSED, None),
    ("UnlockConnector", Unlock(1), Verdict.ACCEPTED, None),
    ("Reset", Reset(ResetKind.HARD), Verdict.ACCEPTED, None),
    ("ChangeAvailability", SetAvailability(2, False), Verdict.ACCEPTED, None),
    ("ChangeAvailability", SetAvailability(None, False), Verdict.ACCEPTED, None),
    ("GetConfiguration", ReadVariables(("HeartbeatInterval", "Nonsense")), Verdict.ACCEPTED, Variables),
    ("GetConfiguration", ReadVariables(), Verdict.ACCEPTED, Variables),
    ("ChangeConfiguration", WriteVariables((("ConnectionTimeOut", "90"),)), Verdict.ACCEPTED, Written),
    ("ChangeConfiguration", WriteVariables((("NumberOfConnectors", "9"),)), Verdict.REFUSED, Written),
    ("ClearCache", ClearCache(), Verdict.ACCEPTED, None),
    ("TriggerMessage", Trigger(Triggered.METER_VALUES, 1), Verdict.ACCEPTED, None),
    ("TriggerMessage", Trigger(Triggered.HEARTBEAT), Verdict.ACCEPTED, None),
    ("ReserveNow", Reserve(7, 2, "TAG", SOON), Verdict.ACCEPTED, Reserved(7)),
    ("ReserveNow", Reserve(7, 1, "TAG", SOON), Verdict.REFUSED, Reserved(7)),
    ("CancelReservation", CancelReservation(8), Verdict.REFUSED, None),
    ("UpdateFirmware", UpdateFirmware("http://x/y.bin", BORN), Verdict.ACCEPTED, None),
    ("GetDiagnostics", UploadLog("ftp://x/y", BORN, SOON), Verdict.ACCEPTED, Announced("")),
    ("SendLocalList", SendLocalList(3, (ListedTag("A"), ListedTag("B", False))), Verdict.ACCEPTED, None),
    ("GetLocalListVersion", ReadLocalListVersion(), Verdict.ACCEPTED, ListVersion(0)),
    ("DataTransfer", VendorData("EMS", "echo", "hello"), Verdict.ACCEPTED, VendorAnswer("hello")),
    ("DataTransfer", VendorData("other"), Verdict.NOT_SUPPORTED, VendorAnswer("")),
    ("SetChargingProfile", SetRawProfile(0, STATION_MAX), Verdict.ACCEPTED, None),
    ("ClearChargingProfile", ClearRawProfiles(profile=900), Verdict.REFUSED, None),
    ("GetCompositeSchedule", ReadSchedule(1, 60), Verdict.ACCEPTED, Schedule),
]


@pytest.mark.parametrize(("action", "request_", "verdict", "content"), ANSWERED)
def test_a_station_is_asked_and_its_answer_understood(
    action: str, request_: StationRequest, verdict: Verdict, content: object
) -> None:
    @virtual
    async def story() -> None:
        async with on_line() as line:
            line.station.plug(1, car())
            outcome = await line.ask(request_)
            assert outcome.verdict is verdict, outcome
            if isinstance(content, type):
                assert isinstance(outcome.content, content)
            else:
                assert outcome.content == content
            assert [one.action for one in line.site.system.messages("CP") if not one.from_station][-1:] != []
            said = [one for one in line.site.system.messages("CP") if one.action == action]
            assert [(one.from_station, one.kind) for one in said[-2:]] == [(False, "call"), (True, "result")]

    story()


def name_of(action: str) -> StationRequest:
    return next(request for name, request, *_ in ANSWERED if name == action)


ACTIONS = sorted({action for action, *_ in ANSWERED})
SAID = {
    "refused": Verdict.REFUSED,
    "unsupported": Verdict.NOT_SUPPORTED,
    "silent": Verdict.UNANSWERED,
}


@pytest.mark.parametrize("manner", SAID)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_no_an_error_and_silence_are_told_apart(manner: str, action: str) -> None:
    @virtual
    async def story() -> None:
        so: dict[str, Any] = {manner: frozenset({action})}
        async with on_line(Manners(**so)) as line:
            line.station.plug(1, car())
            outcome = await line.ask(name_of(action))
            assert outcome.verdict is SAID[manner], outcome
            assert outcome.detail

    story()


@virtual
async def test_a_station_that_is_not_there_is_not_asked() -> None:
    async with central("CP") as site:
        outcome = await site.system.ask("CP", ClearCache(), lambda _: None)
        assert outcome.verdict is Verdict.OFFLINE


@virtual
async def test_a_late_answer_is_told_all_the_same() -> None:
    """Q111."""
    late: list[Outcome] = []
    async with on_line(Manners(late_s={"ClearCache": 50.0})) as line:
        assert (await line.ask(ClearCache(), late.append)).verdict is Verdict.UNANSWERED
        await asyncio.sleep(60)
        assert [one.verdict for one in late] == [Verdict.ACCEPTED]


@virtual
async def test_a_limit_waits_no_longer_than_one_calls_own_time_for_a_slow_request() -> None:
    """Diagnostics may take half a minute; a reduction does not."""
    loop = asyncio.get_running_loop()
    async with on_line(Manners(silent=frozenset({"GetDiagnostics", "ClearCache"}))) as line:
        asking = [asyncio.create_task(line.ask(one)) for one in (UploadLog("ftp://x"), ClearCache(), ClearCache())]
        await asyncio.sleep(2)
        began = loop.time()
        line.site.system.limit(order(Layer.DEFAULT, 7.0))
        await asyncio.sleep(9.0 - (loop.time() - began))
        assert [one.answer for one in line.site.of(ProfileAnswered) if one.amps == 7.0] == [Answer.ACCEPTED]
        outcomes = await asyncio.gather(*asking)
        assert {one.verdict for one in outcomes} == {Verdict.UNANSWERED}
        assert outcomes[0].detail == "no answer within 10 s"


@virtual
async def test_a_slow_station_has_time_while_nothing_is_more_important() -> None:
    async with on_line(Manners(late_s={"GetLocalListVersion": 25.0})) as line:
        assert (await line.ask(ReadLocalListVersion())).verdict is Verdict.ACCEPTED


@virtual
async def test_a_transaction_is_begun_and_ended_from_afar() -> None:
    async with on_line() as line:
        line.station.plug(1, car())
        assert (await line.ask(RequestStop(1))).detail == "no transaction runs there"
        await line.ask(RequestStart(1, "TAG"))
        await asyncio.sleep(5)
        running = line.station.connectors[1].transaction
        assert running is not None
        assert running.tag == "TAG"
        assert (await line.ask(RequestStop(1))).verdict is Verdict.ACCEPTED
        assert line.station.connectors[1].transaction is None


@virtual
async def test_times_are_told_in_the_stations_own_time() -> None:
    """A reservation that is over by the station's clock would be none."""
    async with on_line(quirks=Quirks(clock_skew_s=7200.0)) as line:
        line.station.plug(1, car(), "TAG")
        await asyncio.sleep(120)
        await line.ask(Reserve(7, 2, "OTHER", LoopClock().now().utc + timedelta(minutes=30)))
        kept = line.station.connectors[2].reservation
        assert kept is not None
        left = kept.expires - line.station.utc()
        assert abs(left - timedelta(minutes=30)) < timedelta(seconds=30)


@virtual
async def test_a_station_that_does_not_tell_everything_is_asked_for_what_it_may_have() -> None:
    """Q101."""

    def stingy(action: str, payload: dict[str, Any]) -> dict[str, Any] | str:
        if action != "GetConfiguration":
            return {"status": "Accepted"}
        names = payload.get("key", [])
        if not names or len(names) > 4:
            return {"configurationKey": []} if not names else "PropertyConstraintViolation"
        return {
            "configurationKey": [{"key": names[0].upper(), "readonly": False, "value": "1"}],
            "unknownKey": names[1:],
        }

    async with central("CP") as site, charge_point("CP", stingy):
        await connected(site)
        outcome = await site.system.ask("CP", ReadVariables(), lambda _: None)
        assert isinstance(outcome.content, Variables)
        assert len(outcome.content.known) > 10
        assert outcome.detail == "it does not tell all at once"


ODD_VARIABLES = [
    ({"key": "Big", "value": "x" * 9000}, "x" * 2000),
    ({"key": "Number", "value": 7, "readonly": "true"}, "7"),
    ({"key": " Blank ", "value": None}, None),
    ({"key": "Truth", "value": True}, "true"),
]


@pytest.mark.parametrize(("entry", "value"), ODD_VARIABLES)
def test_variables_are_read_whatever_they_come_as(entry: dict[str, Any], value: str | None) -> None:
    """Q102."""

    @virtual
    async def story() -> None:
        odd = Manners(answers={"GetConfiguration": {"configurationKey": [entry, 7, {"key": ""}], "unknownKey": None}})
        async with on_line(odd) as line:
            outcome = await line.ask(ReadVariables())
            assert isinstance(outcome.content, Variables)
            (variable,) = outcome.content.known
            assert (variable.name, variable.value) == (entry["key"].strip(), value)

    story()


@virtual
async def test_of_several_variables_each_has_its_verdict_and_the_worst_is_that_of_all() -> None:
    async with on_line() as line:
        values = (("ConnectionTimeOut", "90"), ("NumberOfConnectors", "2"), ("Nonsense", "1"))
        outcome = await line.ask(WriteVariables(values))
        assert outcome.verdict is Verdict.REFUSED
        assert outcome.detail == "NumberOfConnectors: Rejected; Nonsense: NotSupported"
        assert isinstance(outcome.content, Written)
        assert [verdict for _, verdict in outcome.content.verdicts] == [
            Verdict.ACCEPTED, Verdict.REFUSED, Verdict.NOT_SUPPORTED,
        ]  # fmt: skip


@virtual
async def test_a_silent_station_is_not_asked_for_every_variable() -> None:
    async with on_line(Manners(silent=frozenset({"ChangeConfiguration"}))) as line:
        before = asyncio.get_running_loop().time()
        outcome = await line.ask(WriteVariables(tuple((f"Key{k}", "1") for k in range(20))))
        assert outcome.verdict is Verdict.UNANSWERED
        assert asyncio.get_running_loop().time() - before < 40


@virtual
async def test_where_the_station_cannot_be_taken_out_of_service_its_outlets_are() -> None:
    """Q112."""

    def picky(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        refused = action == "ChangeAvailability" and payload["connectorId"] == 0
        return {"status": "Rejected" if refused else "Accepted"}

    async with central("CP", outlets=2) as site, charge_point("CP", picky) as point:
        await connected(site)
        outcome = await site.system.ask("CP", SetAvailability(None, False), lambda _: None)
        assert outcome.verdict is Verdict.ACCEPTED
        assert [told["connectorId"] for told in point.told_of("ChangeAvailability")] == [0, 1, 2]


@virtual
async def test_a_trigger_is_tried_in_the_other_form() -> None:
    """Q113."""

    def picky(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        refused = action == "TriggerMessage" and payload["requestedMessage"] == "Heartbeat" and "connectorId" in payload
        return {"status": "Rejected" if refused else "Accepted"}

    async with central("CP") as site, charge_point("CP", picky) as point:
        await connected(site)
        outcome = await site.system.ask("CP", Trigger(Triggered.HEARTBEAT, 1), lambda _: None)
        assert outcome.verdict is Verdict.ACCEPTED
        told = [one for one in point.told_of("TriggerMessage") if one["requestedMessage"] == "Heartbeat"]
        assert [one.get("connectorId") for one in told] == [1, None]


def raw(**changes: Any) -> SetRawProfile:
    """A raw TxDefaultProfile of 6 A above ours, changed."""
    profile = {**STATION_MAX, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 5}
    schedule = {**STATION_MAX["chargingSchedule"], "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]}
    limits = changes.pop("limits", None)
    if limits is not None:
        schedule["chargingSchedulePeriod"] = [{"startPeriod": 60 * k, "limit": a} for k, a in enumerate(limits)]
    schedule["chargingRateUnit"] = changes.pop("unit", "A")
    return SetRawProfile(changes.pop("evse", 1), {**profile, "chargingSchedule": schedule, **changes})


HARMFUL = [
    (raw(chargingProfileId=1), "the ids 1 to 6 are the controller's own; take another one, 7 for example"),
    (raw(chargingProfileId=6), "the ids 1 to 6 are the controller's own"),
    (
        raw(stackLevel=0),
        "it would take the place of the controller's own profile: TxDefaultProfile on stack level 0 and 8",
    ),
    (raw(stackLevel=8), "it would take the place of the controller's own profile"),
    (raw(stackLevel=8, chargingProfilePurpose="TxProfile"), "TxProfile on stack level 8 is that"),
    (raw(limits=[6.0, 6.5]), "it would let CP/1 have more than its fallback of 6 A"),
    (raw(limits=[6.5], evse=0), "it would let CP/1 have more than its fallback of 6 A"),
    (raw(limits=[1500.0], unit="W"), "it would let CP/1 have more than its fallback of 6 A"),
    (SetRawProfile(1, STATION_MAX), "a ChargePointMaxProfile belongs on connector 0"),
    (SetRawProfile(0, {**STATION_MAX, "chargingProfileKind": "Relative"}), "cannot be Relative"),
    (SetRawProfile(0, {}), "OCPP 1.6 cannot say that"),
    (SetRawProfile(0, {**STATION_MAX, "chargingSchedule": 7}), "OCPP 1.6 cannot say that"),
    (ClearRawProfiles(), "it would clear the fallback of CP/1, and with it what protects the fuse"),
    (ClearRawProfiles(profile=2), "it would clear the default limit of CP/1"),
    (ClearRawProfiles(purpose="TxDefaultProfile"), "it would clear the fallback of CP/1"),
    (ClearRawProfiles(purpose="TxProfile"), "it would clear the session limit of CP/1"),
    (ClearRawProfiles(level=0), "it would clear the fallback of CP/1"),
    (ClearRawProfiles(evse=2), "it would clear the fallback of CP/2"),
]
HARMLESS = [
    raw(),
    raw(limits=[6.0, 0.0]),
    raw(limits=[1380.0], unit="W"),
    SetRawProfile(0, STATION_MAX),
    ClearRawProfiles(profile=900),
    ClearRawProfiles(purpose="ChargePointMaxProfile"),
    ClearRawProfiles(level=5),
]


@pytest.mark.parametrize(("request_", "words"), HARMFUL)
def test_a_raw_profile_that_acts_against_the_controller_is_refused_with_the_reason(
    request_: StationRequest, words: str
) -> None:
    @virtual
    async def story() -> None:
        async with on_line() as line:
            against = line.objection(request_)
            assert against is not None
            assert words in against

    story()


@pytest.mark.parametrize("request_", HARMLESS)
def test_a_raw_profile_that_can_only_lower_is_sent(request_: StationRequest) -> None:
    @virtual
    async def story() -> None:
        async with on_line() as line:
            assert line.objection(request_) is None

    story()


@virtual
async def test_after_a_raw_profile_both_count_until_the_controllers_own_are_accepted_again() -> None:
    async with on_line() as line:
        line.site.events.clear()
        assert (await line.ask(raw())).verdict is Verdict.ACCEPTED
        told = line.site.of(ProfileAnswered)
        assert [(one.evse, one.layer, one.amps, one.answer) for one in told] == [
            ("CP/1", Layer.FLOOR, 6.0, Answer.TIMEOUT),
            ("CP/1", Layer.DEFAULT, 6.0, Answer.TIMEOUT),
        ]


@virtual
async def test_a_model_that_hangs_up_when_asked_to_boot_is_not_asked() -> None:
    """Q77."""
    model = replace(StationModel(), id="starcharge", trigger_boot=False)
    async with on_line(model=model) as line:
        assert line.objection(Trigger(Triggered.BOOT)) == (
            "stations of the model starcharge hang up when they are asked to boot"
        )
        assert line.objection(Trigger(Triggered.STATUS, 1)) is None


@virtual
async def test_what_people_say_about_service_goes_before_what_the_controller_did() -> None:
    async with on_line() as line:
        record = line.site.records["CP"]
        record.out_of_service["CP/1"] = 0.0
        await line.ask(SetAvailability(1, False))
        await asyncio.sleep(1300)
        assert not line.station.connectors[1].available


@virtual
async def test_the_line_is_remembered_without_passwords_and_addresses() -> None:
    secret = "0123456789abcdef"
    async with on_line() as line:
        await line.ask(WriteVariables((("AuthorizationKey", secret),)))
        await line.ask(UploadLog(f"ftp://user:{secret}@10.0.0.9:21/{secret}"))
        said = line.site.system.messages("CP")
        assert said[0].kind == "link"
        assert not any(secret in one.payload for one in said)
        written = next(one for one in said if one.action == "ChangeConfiguration" and HIDDEN in one.payload)
        assert '"key": "AuthorizationKey"' in written.payload
        assert any(f"ftp://10.0.0.9:21/{HIDDEN}" in one.payload for one in said)
        assert list(said) == sorted(said, key=lambda one: one.at)


@virtual
async def test_the_line_is_remembered_within_bounds_and_routine_does_not_push_out_what_is_rare() -> None:
    async with central("CP") as site, charge_point("CP") as point:
        await connected(site)
        for k in range(500):
            await point.call("Heartbeat", {"padding": "x" * 300 * (k % 20)})
        said = site.system.messages("CP")
        assert len(said) <= 200
        assert sum(len(one.payload) for one in said) < 100_000
        assert "GetConfiguration" in {one.action for one in said}


@virtual
async def test_a_station_says_how_far_it_is_with_its_works() -> None:
    async with on_line() as line:
        await line.ask(UpdateFirmware("http://x/y.bin", BORN))
        await line.ask(UploadLog("ftp://x"))
        await asyncio.sleep(1)
        activity = line.site.system.activity("CP")
        assert activity.firmware is not None
        assert activity.diagnostics is not None
        assert (activity.firmware[0], activity.diagnostics[0]) == ("DownloadFailed", "UploadFailed")
        assert line.site.system.called_as("CP") == "127.0.0.1"
