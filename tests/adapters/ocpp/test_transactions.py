"""Who charges where and since when, through everything that stations do to their transactions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ems.domain.events import MeterValues, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.outlet import OutletSeen
from ems.domain.session import Transaction
from ems.domain.station import EvseStatus
from ems.ports.controller import NotStoredError
from tests.adapters.ocpp.central import BOOT, BORN, ChargePoint, Site, central, charge_point, virtual

START = {"connectorId": 1, "idTag": "TAG", "meterStart": 1000, "timestamp": "2026-03-01T12:00:20Z"}
STOP = {"transactionId": 101, "meterStop": 6000, "timestamp": "2026-03-01T13:00:00Z", "reason": "EVDisconnected"}


@asynccontextmanager
async def ready(*stations: str, outlets: int = 1) -> AsyncIterator[tuple[Site, ChargePoint]]:
    """A station that has booted and been set up; 20 seconds have passed, the next transaction is 101."""
    async with central("CP", *stations, outlets=outlets) as site, charge_point("CP") as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        yield site, point


async def started(point: ChargePoint, **changes: Any) -> Any:
    """The payload of the answer to a start."""
    return (await point.call("StartTransaction", START | changes))[2]


async def status(point: ChargePoint, text: str, connector: int = 1) -> None:
    await point.call("StatusNotification", {"connectorId": connector, "errorCode": "NoError", "status": text})


def meter(identity: object, wh: float = 5000, connector: int = 1) -> dict[str, Any]:
    sample = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    return {"connectorId": connector, "transactionId": identity, "meterValue": [{"sampledValue": [sample]}]}


def begun(site: Site) -> list[tuple[str, int]]:
    return [(event.evse, event.transaction.id) for event in site.of(TransactionStarted)]


def over(site: Site) -> list[tuple[int, float | None, bool]]:
    return [(event.transaction_id, event.energy_wh, event.inferred) for event in site.of(TransactionEnded)]


OTHERS: list[tuple[str, str, dict[str, Any], list[OutletSeen]]] = [
    ("free", "StatusNotification", {"connectorId": 2, "status": "Available"}, [OutletSeen("CP", 2, True)]),
    ("at fault", "StatusNotification", {"connectorId": 2, "status": "Faulted"}, [OutletSeen("CP", 2, False)]),
    ("out of service", "StatusNotification", {"connectorId": 2, "status": "Unavailable"}, [OutletSeen("CP", 2, False)]),
    ("charging", "StartTransaction", START | {"connectorId": 2}, [OutletSeen("CP", 2, True)]),
    ("a number that is none", "StatusNotification", {"connectorId": 1e9, "status": "Available"}, []),
    ("the station itself", "StatusNotification", {"connectorId": 0, "status": "Available"}, []),
    ("the one that is known", "StatusNotification", {"connectorId": 1, "status": "Available"}, []),
]


@virtual
@pytest.mark.parametrize(("action", "payload", "seen"), [pytest.param(*row[1:], id=row[0]) for row in OTHERS])
async def test_an_outlet_that_the_site_does_not_describe_is_told_of(
    action: str, payload: dict[str, Any], seen: list[OutletSeen]
) -> None:
    async with ready() as (site, point):
        await point.call(action, {"errorCode": "NoError"} | payload)
        assert site.of(OutletSeen) == seen


@virtual
async def test_a_transaction_from_start_to_stop() -> None:
    async with ready() as (site, point):
        assert await started(point) == {"transactionId": 101, "idTagInfo": {"status": "Accepted"}}
        assert (await point.call("StopTransaction", STOP))[2] == {}
        (begin,) = site.of(TransactionStarted)
        assert begin.transaction == Transaction(101, datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC), 1000, "TAG")
        assert over(site) == [(101, 5000, False)]
        assert site.of(TransactionEnded)[0].reason == "EVDisconnected"
        assert site.ledger.started == [("CP/1", begin.transaction)]
        assert site.ledger.ended == [("CP/1", 101, 5000, False)]


@virtual
async def test_a_repeated_start_gets_its_id_again_and_begins_nothing() -> None:
    """Q88, R06: at once, after a reconnect, and when the transaction is long over."""
    async with central("CP") as site:
        for _ in range(2):
            async with charge_point("CP") as point:
                for _ in range(2):
                    assert (await started(point))["transactionId"] == 101
        async with charge_point("CP") as point:
            await point.call("StopTransaction", STOP)
            assert (await started(point))["transactionId"] == 101
            assert begun(site) == [("CP/1", 101)]
            assert over(site) == [(101, 5000, False)]


@virtual
async def test_a_repeated_start_without_a_time_gets_its_id_again() -> None:
    async with ready() as (site, point):
        for _ in range(3):
            assert (await started(point, timestamp=None))["transactionId"] == 101
        assert begun(site) == [("CP/1", 101)]


@virtual
async def test_a_second_start_ends_the_first() -> None:
    """Q89, P08."""
    async with ready() as (site, point):
        await started(point)
        assert (await started(point, timestamp="2026-03-01T12:30:00Z"))["transactionId"] == 102
        assert over(site) == [(101, None, True)]
        assert begun(site) == [("CP/1", 101), ("CP/1", 102)]


@virtual
async def test_a_transaction_that_was_replaced_is_over_for_good() -> None:
    """A sample that still names it does not bring it back when its successor has ended."""
    async with ready() as (site, point):
        await started(point)
        await started(point, timestamp="2026-03-01T12:30:00Z")
        await point.call("StopTransaction", STOP | {"transactionId": 102})
        await point.call("MeterValues", meter(101))
        assert begun(site) == [("CP/1", 101), ("CP/1", 102)]


@pytest.mark.parametrize("how", ["replaced", "unplugged"])
@virtual
async def test_a_stop_that_comes_late_tells_the_energy_after_all(how: str) -> None:
    """Q91: the end had been inferred, without a register; what the station says counts more."""
    async with ready() as (site, point):
        await started(point)
        if how == "replaced":
            await started(point, timestamp="2026-03-01T12:30:00Z")
        else:
            await status(point, "Available")
            await asyncio.sleep(60)
        assert over(site) == [(101, None, True)]
        await point.call("StopTransaction", STOP)
        assert site.ledger.ended == [("CP/1", 101, None, True), ("CP/1", 101, 5000, False)]


BIG = 2**63 - 1
STOPS: list[tuple[str, object, list[int]]] = [
    ("its own", 101, [101]),
    ("as text", "101", [101]),
    ("as 101.0", 101.0, [101]),
    ("unknown", 999, []),
    ("none (Q87)", -1, [101]),
    ("int64 max (Q87)", BIG, [101]),
    ("zero (Q90)", 0, []),
    ("null", None, []),
    ("nonsense", {"x": 1}, []),
    ("400 digits", 10**400, []),
]


@pytest.mark.parametrize(("identity", "ended"), [pytest.param(i, e, id=what) for what, i, e in STOPS])
@virtual
async def test_a_stop_ends_what_it_means_once_and_is_always_accepted(identity: object, ended: list[int]) -> None:
    """P09."""
    async with ready() as (site, point):
        await started(point)
        for _ in range(2):
            answer = await point.call("StopTransaction", STOP | {"transactionId": identity, "idTag": "TAG"})
            assert answer[2] == {"idTagInfo": {"status": "Accepted"}}
        assert [identity for identity, _, _ in over(site)] == ended
        assert [row[1] for row in site.ledger.ended] == ended
        assert site.is_connected("CP", generation=1)


@virtual
async def test_a_stop_without_an_id_ends_nothing_where_two_run() -> None:
    async with ready(outlets=2) as (site, point):
        await started(point)
        await started(point, connectorId=2)
        await point.call("StopTransaction", STOP | {"transactionId": -1})
        assert begun(site) == [("CP/1", 101), ("CP/2", 102)]
        assert over(site) == []


@virtual
async def test_a_station_cannot_end_or_take_over_the_transaction_of_another() -> None:
    """P09: neither by a stop nor by a sample that names it."""
    async with ready("OTHER") as (site, point), charge_point("OTHER") as other:
        await started(point)
        await other.call("StopTransaction", STOP)
        await other.call("MeterValues", meter(101))
        assert over(site) == []
        assert begun(site) == [("CP/1", 101)]
        assert site.ledger.adopted == []


@virtual
async def test_a_stop_that_never_comes_is_inferred_when_the_vehicle_has_left() -> None:
    """Q89: half a minute after the status says so; not at once (Q91)."""
    async with ready() as (site, point):
        await started(point)
        await status(point, "Charging")
        await asyncio.sleep(600)
        await status(point, "Available")
        await asyncio.sleep(28)
        assert over(site) == []
        await asyncio.sleep(17)
        assert over(site) == [(101, None, True)]


@virtual
async def test_available_for_a_moment_is_not_the_end() -> None:
    """Q91: some say so with the cable in."""
    async with ready() as (site, point):
        await started(point)
        for _ in range(10):
            await status(point, "Available")
            await asyncio.sleep(20)
            await status(point, "Charging")
            await asyncio.sleep(5)
        assert over(site) == []


@virtual
async def test_a_start_counts_although_the_outlet_has_long_been_available() -> None:
    """The status that belongs to it may come a little later."""
    async with ready() as (site, point):
        await status(point, "Available")
        await asyncio.sleep(600)
        await started(point)
        await asyncio.sleep(20)
        await status(point, "Charging")
        await asyncio.sleep(60)
        assert over(site) == []


@virtual
async def test_a_transaction_goes_on_over_our_restart() -> None:
    """Q92: what the ledger remembers is the same transaction to samples, to a repeated start and to the stop."""
    async with ready() as (site, point):
        told = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
        known = site.ledger.transaction_id("CP/1", told, 1000.0, "TAG")
        site.records["CP"].book.restore("CP/1", Transaction(known, told, 1000.0, "TAG"))
        await point.call("MeterValues", meter(known))
        assert (await started(point))["transactionId"] == known
        assert begun(site) == []
        await point.call("StopTransaction", STOP | {"transactionId": known})
        assert over(site) == [(known, 5000, False)]


@virtual
async def test_a_transaction_that_nobody_remembers_is_adopted_and_ends_like_any_other() -> None:
    async with ready() as (site, point):
        await point.call("MeterValues", meter(4711, 5000))
        await point.call("MeterValues", meter(4711, 5500))
        assert begun(site) == [("CP/1", 4711)]
        assert [(evse, one.id) for evse, one in site.ledger.adopted] == [("CP/1", 4711)]
        await point.call("StopTransaction", STOP | {"transactionId": 4711})
        assert over(site) == [(4711, 1000, False)]
        await point.call("MeterValues", meter(4711, 6000))
        assert begun(site) == [("CP/1", 4711)]


CONNECTORS: list[tuple[object, int, list[str]]] = [
    (1, 2, ["CP/1"]), (2, 2, ["CP/2"]), (0, 1, ["CP/1"]), (0, 2, []), (-1, 1, []), (99, 1, []), (2**63, 1, []),
    (10**400, 1, []), ("x", 1, []), (None, 2, []), ({}, 1, []),
]  # fmt: skip


@pytest.mark.parametrize(("connector", "outlets", "evses"), CONNECTORS, ids=lambda value: str(value)[:20])
@virtual
async def test_a_start_on_a_connector_that_does_not_exist_is_answered_and_begins_nothing(
    connector: object, outlets: int, evses: list[str]
) -> None:
    """P01."""
    async with ready(outlets=outlets) as (site, point):
        answer = await started(point, connectorId=connector)
        assert answer["idTagInfo"]["status"] == ("Accepted" if evses else "Invalid")
        assert answer["transactionId"] > 0
        assert [evse for evse, _ in begun(site)] == evses
        await point.call("StopTransaction", STOP | {"transactionId": answer["transactionId"]})
        assert len(over(site)) == len(evses)


@pytest.mark.parametrize("trouble", ["hangs", TimeoutError("slow"), NotStoredError("full")], ids=str)
@virtual
async def test_a_disk_in_trouble_keeps_no_driver_waiting(trouble: object) -> None:
    """Start, replacing start and stop are answered within five seconds each, and the core knows."""
    async with ready() as (site, point):
        site.ledger.stuck = trouble == "hangs"
        site.ledger.broken = trouble if isinstance(trouble, Exception) else None
        second, stop = START | {"meterStart": 2000}, STOP | {"transactionId": 102}
        for action, payload in (("StartTransaction", START), ("StartTransaction", second), ("StopTransaction", stop)):
            began = asyncio.get_running_loop().time()
            assert (await point.call(action, payload))[0] == 3
            assert asyncio.get_running_loop().time() - began <= 5
        assert begun(site) == [("CP/1", 101), ("CP/1", 102)]
        assert over(site) == [(101, None, True), (102, 4000, False)]
        assert site.is_connected("CP", generation=1)


@virtual
async def test_what_comes_behind_a_start_that_waits_for_the_disk_is_answered_behind_it() -> None:
    """In the order in which it came, whatever could have been answered at once, and once nothing waits it is."""
    async with ready() as (site, point):
        site.ledger.stuck = True
        starting = asyncio.create_task(point.call("StartTransaction", START))
        await asyncio.sleep(0.1)
        point.heard.clear()
        values = {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "2000"}]}]}
        await point.raw(json.dumps([2, "values", "MeterValues", values]))
        await point.socket.send(['[2,"beat","Heart', 'beat",{}]'], text=True)
        await point.raw('[2,"more","MeterValues",{"connectorId":1,"meterValue":[]}]')
        assert point.heard == []
        assert site.of(MeterValues) == []
        await starting
        await asyncio.sleep(0.1)
        assert [message[1] for message in point.heard[1:]] == ["values", "beat", "more"]
        assert [event.register_wh for event in site.of(MeterValues)] == [2000]
        began = asyncio.get_running_loop().time()
        await point.call("Heartbeat", {})
        assert asyncio.get_running_loop().time() - began < 0.1


@virtual
async def test_what_happened_offline_is_told_later_with_its_own_times() -> None:
    """A whole charge of yesterday, then the one that runs now; energy and times are those of then."""
    async with ready() as (site, point):
        first = await started(point, timestamp="2026-02-28T10:00:00Z")
        stop = STOP | {"transactionId": first["transactionId"], "timestamp": "2026-02-28T12:00:00Z"}
        await point.call("StopTransaction", stop)
        await started(point, timestamp="2026-03-01T11:00:00Z", meterStart=6000)
        assert [e.transaction.started.day for e in site.of(TransactionStarted)] == [28, 1]
        assert over(site) == [(101, 5000, False)]
        assert site.ledger.ended_at == [datetime(2026, 2, 28, 12, tzinfo=UTC)]
        assert list(site.records["CP"].book.open) == ["CP/1"]


TIMES: list[tuple[object, timedelta]] = [
    ("2026-03-01T12:00:20Z", timedelta()),
    ("2026-03-01T14:00:20+02:00", timedelta()),
    ("2026-03-01T14:00:20+02", timedelta()),
    ("2026-03-01T12:00:20", timedelta()),
    ("2026-02-28T11:00:20Z", timedelta(hours=-25)),
    ("1970-01-01T00:00:00Z", timedelta()),
    ("2099-01-01T00:00:00Z", timedelta()),
    ("0001-01-01T00:00:00Z", timedelta()),
    ("2026-02-28T24:00:00Z", timedelta(hours=-12, seconds=-20)),
    ("yesterday", timedelta()),
    (1772366420, timedelta()),
    (None, timedelta()),
]


@pytest.mark.parametrize(("told", "offset"), TIMES)
@virtual
async def test_a_start_and_a_stop_lie_where_they_can_have_been(told: object, offset: timedelta) -> None:
    """P07, Q107: times that cannot be true are replaced by that of arrival."""
    async with ready() as (site, point):
        await started(point, timestamp=told)
        await point.call("StopTransaction", STOP | {"timestamp": told})
        expected = BORN + timedelta(seconds=20) + offset
        assert abs(site.of(TransactionStarted)[0].transaction.started - expected) < timedelta(seconds=5)
        assert abs(site.ledger.ended_at[0] - expected) < timedelta(seconds=5)


REGISTERS: list[tuple[object, object, float | None]] = [
    (1000, 6000, 5000),
    ("1000", "6000", 5000),
    (1000, 1000, 0),
    (6000, 1000, None),
    (1000, None, None),
    (1000, "x", None),
    (1000, 10_001_000, None),
    (1000, 1e300, None),
    (1000, 10**400, None),
    (None, 6_000_000, None),
]


@pytest.mark.parametrize(("start", "stop", "energy"), REGISTERS, ids=lambda value: str(value)[:20])
@virtual
async def test_energy_is_what_can_have_flowed_or_unknown(start: object, stop: object, energy: float | None) -> None:
    """P02, P03: an hour at 22 kW cannot give 10 MWh; an unknown start gives an unknown energy."""
    async with ready() as (site, point):
        await started(point, meterStart=start)
        await asyncio.sleep(3600)
        await point.call("StopTransaction", STOP | {"meterStop": stop})
        assert over(site) == [(101, energy, False)]


STATUSES = [
    ("Charging", EvseStatus.CHARGING),
    ("charging", EvseStatus.CHARGING),
    (" SuspendedEV ", EvseStatus.SUSPENDED_EV),
    ("Occupied", EvseStatus.PREPARING),
    ("Faulted", EvseStatus.FAULTED),
    ("Sleeping", None),
    (5, None),
    (None, None),
]


@pytest.mark.parametrize(("text", "expected"), STATUSES)
@virtual
async def test_a_status_without_a_transaction_is_only_a_status(text: Any, expected: EvseStatus | None) -> None:
    """P10; one that nobody knows changes nothing."""
    async with ready() as (site, point):
        await status(point, text)
        assert [event.status for event in site.of(StatusChanged)] == [expected] * (expected is not None)
        assert begun(site) == []


@virtual
async def test_a_thousand_changes_of_status_in_a_minute_are_all_heard() -> None:
    """P10."""
    async with ready() as (site, point):
        for n in range(1000):
            await status(point, "Charging" if n % 2 else "Preparing")
            await asyncio.sleep(0.06)
        assert len(site.of(StatusChanged)) == 1000
        assert site.is_connected("CP", generation=1)


ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"errorCode": "NoError"}, ""),
    ({"errorCode": "noerror", "info": "all well"}, ""),
    ({}, ""),
    ({"errorCode": "GroundFailure"}, "GroundFailure"),
    ({"errorCode": "Mode3Error", "vendorErrorCode": "0x42", "info": "pilot"}, "Mode3Error 0x42 pilot"),
    ({"errorCode": "OtherError", "info": "x" * 500}, "OtherError " + "x" * 53),
    ({"errorCode": 5, "info": {}}, ""),
]


@pytest.mark.parametrize(("words", "error"), ERRORS)
@virtual
async def test_an_error_is_told_in_the_stations_words(words: dict[str, Any], error: str) -> None:
    """Q104."""
    async with ready() as (site, point):
        await point.call("StatusNotification", {"connectorId": 1, "status": "Faulted"} | words)
        assert [event.error for event in site.of(StatusChanged)] == [error]


@virtual
async def test_a_station_with_one_outlet_that_only_speaks_of_connector_0_is_understood() -> None:
    """Q114; once it has spoken of connector 1, connector 0 is the station itself."""
    async with ready() as (site, point):
        await status(point, "Charging", connector=0)
        assert [event.status for event in site.of(StatusChanged)] == [EvseStatus.CHARGING]
        await status(point, "Preparing", connector=1)
        await status(point, "Available", connector=0)
        assert [event.status for event in site.of(StatusChanged)][1:] == [EvseStatus.PREPARING]


@virtual
async def test_a_fault_of_the_station_as_a_whole_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Q119: with several outlets connector 0 is none of them, but somebody has to be told."""
    async with ready(outlets=2) as (site, point):
        words = {"connectorId": 0, "status": "Faulted", "errorCode": "OtherError", "info": "meter lost, safe 14 A"}
        for n in range(50):
            await point.call("StatusNotification", words | {"vendorErrorCode": f"{n}\n"})
        assert site.of(StatusChanged) == []
        lines = [line for line in caplog.messages if "meter lost" in line]
        assert 1 <= len(lines) <= 5
        assert all(line.isprintable() for line in lines)


@virtual
async def test_each_outlet_has_its_own_transaction_and_samples() -> None:
    async with ready(outlets=3) as (site, point):
        for connector in (3, 1):
            await started(point, connectorId=connector)
        await point.call("MeterValues", meter(101, 1500, connector=3))
        assert begun(site) == [("CP/3", 101), ("CP/1", 102)]
        assert [(event.evse, event.register_wh) for event in site.of(MeterValues)] == [("CP/3", 1500)]
