"""What people ask of stations is judged, made, recorded with what came of it, and watched for its effect."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ems.domain.daybook import UnknownError
from ems.domain.grant import Layer
from ems.domain.remote.outcome import Effect, Verdict
from ems.domain.remote.request import (
    ClearCache,
    ClearRawProfiles,
    ReadVariables,
    RequestStart,
    RequestStop,
    Reset,
    ResetKind,
    SetAvailability,
    SetRawProfile,
    StationRequest,
    Unlock,
    UploadLog,
    WriteVariables,
)
from ems.ports.stations import ObjectionError
from ems.runtime.remote import MOST_UNDER_WAY
from ems.sim.manners import Manners
from ems.sim.vehicle import Vehicle, VehicleModel
from tests.adapters.ocpp.central import virtual
from tests.adapters.ocpp.test_requests import raw
from tests.runtime.remote_site import WHO, RemoteSite, arrive, remote_site


def plug(found: RemoteSite, name: str = "A") -> None:
    vehicle = Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0), 50_000)
    found.stations[name].plug(1, vehicle)


@virtual
async def test_a_vehicle_that_is_started_from_afar_charges_under_its_limit() -> None:
    async with remote_site("A") as found:
        plug(found)
        await asyncio.sleep(3)
        asked = await found.ask("A", RequestStart(1, "TAG"))
        assert asked.outcome is not None
        assert (asked.outcome.verdict, asked.effect) == (Verdict.ACCEPTED, Effect.AWAITED)
        for _ in range(60):
            await asyncio.sleep(1)
            held = found.core.state.evse("A/1").grant.amps_in_force(Layer.SESSION, asyncio.get_running_loop().time())
            assert max(found.stations["A"].leg_amps(1)) <= held + 0.1
        assert max(found.stations["A"].leg_amps(1)) > 6
        assert found.remote.asked("A")[0].effect is Effect.SEEN


LAZY: list[tuple[StationRequest, str, float]] = [
    (RequestStart(1, "TAG"), "RemoteStartTransaction", 95),
    (Reset(ResetKind.SOFT), "Reset", 310),
]


@pytest.mark.parametrize(("request_", "action", "wait_s"), LAZY)
def test_a_station_that_accepts_and_does_nothing_is_found_out(
    request_: StationRequest, action: str, wait_s: float
) -> None:
    @virtual
    async def story() -> None:
        async with remote_site("A") as found:
            plug(found)
            await asyncio.sleep(3)
            found.stations["A"].manners = Manners(idle=frozenset({action}))
            asked = await found.ask("A", request_)
            assert asked.effect is Effect.AWAITED
            await asyncio.sleep(wait_s)
            assert (await found.remote.settled(asked.number, 0)).effect is Effect.MISSED
            assert found.remote.asked("A")[0].effect is Effect.MISSED

    story()


SEEN: list[StationRequest] = [Reset(ResetKind.HARD), SetAvailability(1, False), SetAvailability(None, False)]


@pytest.mark.parametrize("request_", SEEN)
def test_what_a_station_does_is_seen(request_: StationRequest) -> None:
    @virtual
    async def story() -> None:
        async with remote_site("A") as found:
            asked = await found.ask("A", request_)
            await asyncio.sleep(25)
            assert (await found.remote.settled(asked.number, 0)).effect is Effect.SEEN

    story()


@virtual
async def test_every_request_is_recorded_with_who_made_it_and_what_came_of_it() -> None:
    async with remote_site("A") as found:
        found.stations["A"].manners = Manners(refused=frozenset({"ClearCache"}))
        await found.ask("A", ClearCache())
        await found.ask("B", ClearCache())
        await found.ask("A", WriteVariables((("MeterValueSampleInterval", "20"),)))
        with pytest.raises(ObjectionError):
            await found.ask("A", ClearRawProfiles())
        with pytest.raises(ObjectionError):
            await found.ask("A", RequestStop(1))
        rows = [
            (who, what, detail["station"], detail["verdict"], detail["detail"]) for who, what, detail in found.notes
        ]
        assert rows == [
            (WHO, "ClearCache", "A", "refused", "Rejected"),
            (WHO, "ClearCache", "B", "offline", "the station is not connected"),
            (WHO, "WriteVariables", "A", "accepted", ""),
            (WHO, "ClearRawProfiles", "A", "objected", found.notes[3][2]["detail"]),
            (WHO, "RequestStop", "A", "objected", "no transaction runs at A/1"),
        ]
        (warning,) = found.notes[2][2]["warnings"]
        assert warning.startswith("MeterValueSampleInterval: the controller steers by these samples")


@virtual
async def test_who_insists_may_end_a_transaction_and_nobody_may_clear_the_fallback() -> None:
    async with remote_site("A") as found:
        plug(found)
        await found.ask("A", RequestStart(1, "TAG"))
        await asyncio.sleep(10)
        with pytest.raises(ObjectionError, match="a transaction runs at A/1 and would be ended by it") as objected:
            await found.ask("A", Reset(ResetKind.SOFT))
        assert objected.value.may_insist
        with pytest.raises(ObjectionError, match="what protects the fuse") as objected:
            await found.ask("A", ClearRawProfiles(), insists=True)
        assert not objected.value.may_insist
        assert (await found.ask("A", Unlock(1), insists=True)).outcome is not None
        await asyncio.sleep(5)
        assert found.core.state.evse("A/1").session is not None
        assert found.stations["A"].connectors[1].transaction is None


@virtual
async def test_the_controller_goes_on_after_a_raw_profile_and_tells_its_own_once_more() -> None:
    async with remote_site("A") as found:
        before = len([one for one in found.central.system.messages("A") if one.action == "SetChargingProfile"])
        await found.ask("A", raw())
        grant = found.core.state.evse("A/1").grant
        await asyncio.sleep(1.5)
        grant = found.core.state.evse("A/1").grant
        assert {claim.amps for claim in grant.claims} == {6.0}
        await asyncio.sleep(60)
        grant = found.core.state.evse("A/1").grant
        assert not any(grant.unsettled(layer) for layer in Layer)
        after = [one for one in found.central.system.messages("A") if one.action == "SetChargingProfile"]
        assert len(after) >= before + 6


@virtual
async def test_a_raw_profile_on_the_whole_station_warns_that_nobody_can_raise_above_it() -> None:
    async with remote_site("A") as found:
        profile: dict[str, Any] = {
            "chargingProfileId": 900,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2026-03-01T00:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
            },
        }
        asked = await found.ask("A", SetRawProfile(0, profile))
        assert asked.warnings == (
            "the controller does not know of a raw profile, counts on without it, and cannot raise above it",
        )
        assert (await found.ask("A", ClearRawProfiles(profile=900))).outcome is not None


@virtual
async def test_what_says_how_a_station_is_to_be_waits_for_it_and_the_newest_counts() -> None:
    async with remote_site() as found:
        first = await found.ask("A", SetAvailability(1, True), when_back=True)
        second = await found.ask("A", SetAvailability(1, False), when_back=True)
        assert second.outcome is not None
        assert second.outcome.verdict is Verdict.KEPT
        assert [one.number for one in found.remote.kept("A")] == [second.number]
        with pytest.raises(UnknownError):
            await found.remote.forget(first.number, WHO)
        with pytest.raises(ObjectionError, match="makes sense only while it is there"):
            await found.ask("A", Unlock(1), when_back=True)
        coming = asyncio.create_task(arrive(found, "A"))
        await asyncio.sleep(30)
        assert found.remote.kept("A") == ()
        assert not found.stations["A"].connectors[1].available
        came = await found.remote.settled(second.number, 0)
        assert came.outcome is not None
        assert came.outcome.verdict is Verdict.ACCEPTED
        coming.cancel()


@virtual
async def test_what_an_earlier_life_kept_is_asked_too() -> None:
    async with remote_site() as found:
        kept = await found.ask("A", SetAvailability(1, False), when_back=True)
        await found.remote.forget(kept.number, WHO)
        found.remote.remember([kept, replace(kept, station="GONE")])
        assert [one.request for one in found.remote.kept("A")] == [SetAvailability(1, False)]
        coming = asyncio.create_task(arrive(found, "A"))
        await asyncio.sleep(30)
        assert found.remote.kept("A") == ()
        assert not found.stations["A"].connectors[1].available
        with pytest.raises(ObjectionError, match="a password is not kept"):
            await found.ask("B", WriteVariables((("AuthorizationKey", "x"),)), when_back=True, insists=True)
        coming.cancel()


@virtual
async def test_what_waits_for_a_station_can_be_taken_back() -> None:
    async with remote_site() as found:
        asked = await found.ask("A", WriteVariables((("ConnectionTimeOut", "90"),)), when_back=True)
        await found.remote.forget(asked.number, WHO)
        assert found.remote.kept("A") == ()
        assert found.notes[-1][2]["detail"] == "taken back"


@virtual
async def test_a_station_is_not_buried_under_requests() -> None:
    async with remote_site("A") as found:
        found.stations["A"].manners = Manners(silent=frozenset({"ClearCache"}))
        for _ in range(MOST_UNDER_WAY):
            await found.remote.ask("A", ClearCache(), WHO)
        with pytest.raises(ObjectionError, match="8 requests wait for this station already"):
            await found.remote.ask("A", ClearCache(), WHO)


@virtual
async def test_an_answer_that_comes_late_replaces_the_silence() -> None:
    async with remote_site("A") as found:
        found.stations["A"].manners = Manners(late_s={"ClearCache": 45.0})
        asked = await found.ask("A", ClearCache())
        assert asked.outcome is not None
        assert asked.outcome.verdict is Verdict.UNANSWERED
        await asyncio.sleep(30)
        late = (await found.remote.settled(asked.number, 0)).outcome
        assert late is not None
        assert (late.verdict, late.detail) == (Verdict.ACCEPTED, "Accepted, late")
        assert [detail["verdict"] for _, _, detail in found.notes] == ["unanswered", "accepted"]


@virtual
async def test_the_whole_configuration_is_remembered_a_part_is_not() -> None:
    async with remote_site("A") as found:
        await found.ask("A", ReadVariables(("HeartbeatInterval",)))
        assert found.remote.configuration("A") is None
        await found.ask("A", ReadVariables())
        read = found.remote.configuration("A")
        assert read is not None
        assert len(read[1].known) > 20
        assert found.remote.template("A") == {"ConnectionTimeOut": "90"}


@virtual
async def test_diagnostics_are_asked_for_where_the_station_reaches_us_and_nobody_reads_where_that_is() -> None:
    async with remote_site("A") as found:
        asked = await found.remote.upload("A", None, None, False, WHO)
        asked = await found.remote.settled(asked.number, 60)
        assert isinstance(asked.request, UploadLog)
        assert asked.request.url.startswith("http://127.0.0.1/")
        assert found.notes[-1][2]["request"]["url"] == "http://127.0.0.1/•••"
        with pytest.raises(ObjectionError, match="not connected"):
            await found.remote.upload("B", None, None, False, WHO)


@virtual
async def test_a_round_asks_a_few_at_a_time_and_says_how_far_it_is() -> None:
    async with remote_site("A") as found:
        found.stations["A"].manners = Manners(late_s={"ClearCache": 5.0})
        begun = found.rounds.begin(["A", "B", "A"], ClearCache(), WHO, insists=False, when_back=False)
        assert [step.station for step in begun.steps] == ["A", "B"]
        await asyncio.sleep(2)
        half = found.rounds.round(begun.number)
        assert [step.is_over for step in half.steps] == [False, True]
        assert not half.is_over
        await asyncio.sleep(10)
        whole = found.rounds.round(begun.number)
        assert whole.is_over
        assert [step.went_well for step in whole.steps] == [True, False]
        assert found.rounds.rounds() == (whole,)


@virtual
async def test_in_a_round_an_objection_concerns_only_the_station_it_is_about() -> None:
    async with remote_site("A", "B") as found:
        plug(found)
        await found.ask("A", RequestStart(1, "TAG"))
        await asyncio.sleep(10)
        begun = found.rounds.begin(["A", "B"], Reset(ResetKind.SOFT), WHO, insists=False, when_back=False)
        await asyncio.sleep(5)
        steps = found.rounds.round(begun.number).steps
        assert steps[0].refusal == "a transaction runs at A/1 and would be ended by it"
        assert steps[1].went_well
        with pytest.raises(UnknownError):
            found.rounds.begin(["A", "C"], ClearCache(), WHO, insists=False, when_back=False)
        with pytest.raises(ValueError, match="at least one"):
            found.rounds.begin([], ClearCache(), WHO, insists=False, when_back=False)
        assert found.rounds.stop(begun.number).is_stopped
        with pytest.raises(UnknownError):
            found.rounds.round(99)
