"""Requests in both directions: ours wait their turn and always come to an end, theirs are always answered.

The letters are those of the catalogue of hostile inputs: F frames, R remote procedure calls.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from ems.adapters.ocpp.call_queue import Answered, Outcome, Priority, Refused, Request, Unanswered
from ems.adapters.ocpp.schemas import check_request
from ems.domain.events import ModelLearned, ProfileAnswered, ProfileSent, StationGone
from ems.domain.grant import Answer as Said
from ems.domain.grant import Layer
from tests.adapters.ocpp.central import (
    BOOT,
    Answer,
    ChargePoint,
    Site,
    central,
    charge_point,
    check_answer,
    order,
    virtual,
)

FLOOR, DEFAULT, SESSION = Layer.FLOOR, Layer.DEFAULT, Layer.SESSION


class Slow:
    """A station that answers profiles after so many seconds each, and everything else at once."""

    def __init__(self, *delays: float | None, status: str = "Accepted") -> None:
        self.delays = list(delays)
        self.status = status
        self.under_way = self.most_under_way = 0

    async def __call__(self, action: str, _payload: dict[str, Any]) -> Answer:
        if action != "SetChargingProfile":
            return {"status": "Accepted"}
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        delay = self.delays.pop(0) if self.delays else 0.0
        await asyncio.sleep(3600 if delay is None else delay)
        self.under_way -= 1
        return {"status": self.status}


@asynccontextmanager
async def ready(answer: Any = None, outlets: int = 1) -> AsyncIterator[tuple[Site, ChargePoint]]:
    """A station that has booted and been set up; it answers each request in its own time, whatever else goes on."""
    async with central("CP", "OTHER", outlets=outlets) as site, charge_point("CP", answer or Slow()) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        yield site, point


def limits(point: ChargePoint) -> list[float]:
    return [
        told["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
        for told in point.told_of("SetChargingProfile")
    ]


@virtual
async def test_one_request_is_under_way_at_a_time() -> None:
    """OCPP-J 1.6, section 4.1.1."""
    slow = Slow(*[1.0] * 8)
    async with ready(slow, outlets=4) as (site, point):
        for n in range(1, 5):
            for layer in (FLOOR, DEFAULT):
                site.system.limit(order(layer, 6, f"CP/{n}"))
        await asyncio.sleep(20)
        assert len(limits(point)) == 8
        assert slow.most_under_way == 1


@virtual
async def test_reductions_overtake_raises_and_both_overtake_the_rest() -> None:
    async with ready(Slow(2.0), outlets=3) as (site, point):
        site.system.limit(order(DEFAULT, 10, "CP/1"))
        await asyncio.sleep(0.5)
        asking = asyncio.create_task(site.system.connections()["CP"].ask("GetLocalListVersion", {}))
        await asyncio.sleep(0.5)
        site.system.read_back("CP/1")
        site.system.limit(order(DEFAULT, 20, "CP/2", reduces=False))
        site.system.limit(order(DEFAULT, 6, "CP/3", reduces=True))
        await asking
        assert limits(point) == [10, 6, 20]
        actions = [action for action, _ in point.told][-3:]
        assert actions == ["SetChargingProfile", "GetCompositeSchedule", "GetLocalListVersion"]


@virtual
async def test_the_newest_limit_of_a_layer_wins_while_it_waits() -> None:
    async with ready(Slow(2.0)) as (site, point):
        for layer, amps in [(SESSION, 10), (SESSION, 16), (DEFAULT, 7), (SESSION, 20), (DEFAULT, 8), (SESSION, 12)]:
            site.system.limit(order(layer, amps))
            await asyncio.sleep(0.1)
        await asyncio.sleep(10)
        assert limits(point) == [10, 8, 12]
        assert [event.amps for event in site.of(ProfileSent)] == [10, 8, 12]


@virtual
async def test_a_limit_is_written_at_the_moment_it_is_sent() -> None:
    """Times in it are right however long it waited."""
    async with ready(Slow(4.0)) as (site, point):
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(0.1)
        site.system.limit(order(SESSION, 16))
        await asyncio.sleep(10)
        schedules = [told["csChargingProfiles"]["chargingSchedule"] for told in point.told_of("SetChargingProfile")]
        assert [schedule["startSchedule"] for schedule in schedules] == ["2026-03-01T11:59:20Z", "2026-03-01T11:59:24Z"]


@virtual
async def test_a_request_that_the_standard_does_not_allow_is_never_sent() -> None:
    """Whoever wanted it is told so, and the next request goes out."""

    def forbidden() -> dict[str, object]:
        payload: dict[str, object] = {"connectorId": "one"}
        check_request("v16", "UnlockConnector", payload)
        return payload

    outcomes: list[Outcome] = []
    async with ready() as (site, point):
        link = site.system.connections()["CP"]
        link.call(Request("UnlockConnector", forbidden, Priority.COMMAND, 5.0, outcomes.append))
        assert isinstance(await link.ask("GetLocalListVersion", {}), Answered)
        assert [type(outcome) for outcome in outcomes] == [Refused]
        assert point.told_of("UnlockConnector") == []


@virtual
async def test_what_still_waits_when_the_link_ends_comes_to_an_end() -> None:
    """So does what is asked afterwards; a limit on its way counts as unanswered, one that waited was never sent."""
    async with ready(Slow(None)) as (site, point):
        link = site.system.connections()["CP"]
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(0.1)
        site.system.limit(order(DEFAULT, 6))
        asking = asyncio.create_task(link.ask("GetLocalListVersion", {}))
        await asyncio.sleep(0.1)
        await point.socket.close()
        assert isinstance(await asking, Unanswered)
        assert isinstance(await link.ask("GetLocalListVersion", {}), Unanswered)
        assert said(site) == [(10, Said.TIMEOUT)]
        assert [event.amps for event in site.of(ProfileSent)] == [10]


def said(site: Site) -> list[tuple[float, Said]]:
    return [(event.amps, event.answer) for event in site.of(ProfileAnswered)]


@virtual
async def test_a_late_answer_counts_after_all() -> None:
    """R12, Q111."""
    async with ready(Slow(7.0)) as (site, _):
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(10)
        assert said(site) == [(10, Said.TIMEOUT), (10, Said.ACCEPTED)]
        sent, accepted = site.of(ProfileSent)[0].at, site.of(ProfileAnswered)[-1]
        assert accepted.ends_at == pytest.approx(sent + 900)


@virtual
async def test_a_late_answer_means_nothing_when_a_newer_limit_went_out_since() -> None:
    async with ready(Slow(7.0, 4.0)) as (site, _):
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(5.5)
        site.system.limit(order(SESSION, 16))
        await asyncio.sleep(10)
        assert said(site) == [(10, Said.TIMEOUT), (16, Said.ACCEPTED)]


@pytest.mark.parametrize("layer", [FLOOR, SESSION])
@virtual
async def test_of_two_answers_the_first_counts(layer: Layer) -> None:
    """R13: Rejected, then Accepted; what follows a refusal is a new request."""
    twice = [b'[3,@id,{"status":"Rejected"}]', b'[3,@id,{"status":"Accepted"}]']

    async def answer(action: str, _payload: dict[str, Any]) -> Answer:
        return twice[0] if action == "SetChargingProfile" else {"status": "Accepted"}

    async with ready(answer) as (site, point):
        serve = point.socket.send
        link = site.system.connections()["CP"]
        site.system.limit(order(layer, 10))
        await asyncio.sleep(0.5)
        for n in range(1, 40):
            await serve(twice[1].replace(b"@id", f'"1-{n}"'.encode()), text=True)
        await asyncio.sleep(10)
        assert said(site) == [(10, Said.REJECTED)]
        assert link is site.system.connections()["CP"]
        assert site.of(ModelLearned) == []


@virtual
async def test_a_mute_station_is_closed_after_a_minute_of_silence() -> None:
    """R14, Q81: some recover only by connecting anew."""
    async with ready(lambda *_: None) as (site, point):
        for _ in range(8):
            site.system.limit(order(FLOOR, 6))
            await asyncio.sleep(10)
            assert point.is_open is (asyncio.get_running_loop().time() < 66)
        assert point.socket.close_code == 1008
        assert [event.station for event in site.of(StationGone)] == ["CP"]


@virtual
async def test_a_station_that_answers_29_seconds_late_is_heard() -> None:
    """R15: its link lives as long as answers come, and each limit is accepted in the end."""

    async def answer(_action: str, _payload: dict[str, Any]) -> Answer:
        await asyncio.sleep(29)
        return {"status": "Accepted"}

    async with ready(answer) as (site, _):
        await asyncio.sleep(120)
        site.system.limit(order(FLOOR, 6))
        await asyncio.sleep(120)
        assert site.is_connected("CP", generation=1)
        assert said(site) == [(6, Said.TIMEOUT), (6, Said.ACCEPTED)]


class OneAfterTheOther:
    """A station that works off one request after the other, so many seconds each."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s
        self.waiting = self.most_waiting = 0
        self._busy = asyncio.Lock()

    async def __call__(self, _action: str, _payload: dict[str, Any]) -> Answer:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        async with self._busy:
            await asyncio.sleep(self.takes_s)
        self.waiting -= 1
        return {"status": "Accepted"}


@virtual
async def test_a_slow_station_is_not_asked_faster_than_it_answers() -> None:
    """Q111: else its answers come ever later, and no limit is ever known to hold."""
    station = OneAfterTheOther(8.0)
    async with ready(station) as (site, _):
        for amps in range(6, 26):
            site.system.limit(order(SESSION, amps))
            site.system.limit(order(DEFAULT, amps))
            await asyncio.sleep(10)
        await asyncio.sleep(60)
        assert station.most_waiting <= 2
        answers = [answer for _, answer in said(site)]
        assert Said.TIMEOUT not in answers[5:]
        assert said(site)[-1] == (25, Said.ACCEPTED)


@virtual
async def test_a_station_that_became_quick_again_is_not_waited_for() -> None:
    """Its answers to other requests say nothing about that."""
    async with ready(Slow(9.0, 9.0, 0.0, None)) as (site, point):
        for amps in (10, 11, 12, 13):
            site.system.limit(order(SESSION, amps))
            await asyncio.sleep(10)
            assert isinstance(await site.system.connections()["CP"].ask("GetLocalListVersion", {}), Answered)
        expected = [(10, Said.TIMEOUT), *((amps, Said.ACCEPTED) for amps in (10, 11, 12)), (13, Said.TIMEOUT)]
        assert said(site) == expected
        assert limits(point) == [10, 11, 12, 13]


@virtual
async def test_requests_may_cross() -> None:
    """R16, Q110: while ours is under way, theirs are answered at once, and ours is answered in between."""
    async with ready(Slow(3.0)) as (site, point):
        site.system.limit(order(SESSION, 10))
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            assert (await point.call("Heartbeat", {}))[0] == 3
        assert asyncio.get_running_loop().time() - began < 1
        await asyncio.sleep(5)
        assert said(site) == [(10, Said.ACCEPTED)]


@virtual
async def test_a_request_that_crosses_a_start_is_answered_in_time() -> None:
    """A disk that hangs delays the answer to a start; it must not turn our limits into silences."""
    async with ready() as (site, point):
        site.ledger.stuck = True
        start = {"connectorId": 1, "idTag": "x", "meterStart": 5, "timestamp": "2026-03-01T12:00:00Z"}
        starting = asyncio.create_task(point.call("StartTransaction", start))
        await asyncio.sleep(0.01)
        site.system.limit(order(SESSION, 10))
        await starting
        await asyncio.sleep(5)
        assert said(site) == [(10, Said.ACCEPTED)]


ODD_ANSWERS = ["[3,@id,[]]", "[3,@id,5]", '[3,@id,"x"]', "[3,@id,null]", "[3,@id]", "[4,@id]", '[3,@id,{"status":{}}]',
               '[4,@id,5,5,5]', '[3,@id,{"status":"' + "x" * 100_000 + '"}]', "[3,@id,{]"]  # fmt: skip


@pytest.mark.parametrize("answer", ODD_ANSWERS, ids=lambda answer: answer[:30])
@virtual
async def test_an_answer_of_another_type_is_a_refusal_or_a_silence(answer: str) -> None:
    """R09; the link lives, and the next request goes out."""
    odd = [answer.encode()]

    async def station(action: str, _payload: dict[str, Any]) -> Answer:
        return odd[0] if action == "SetChargingProfile" else {"status": "Accepted"}

    async with ready(station) as (site, _):
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(10)
        ((_, first),) = said(site)
        assert first in (Said.REJECTED, Said.TIMEOUT)
        odd[0] = b'[3,@id,{"status":"Accepted"}]'
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(10)
        assert said(site)[-1] == (10, Said.ACCEPTED)
        assert site.is_connected("CP", generation=1)


def test_answers_nobody_asked_for_are_counted_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """R07, R10, R11: a flood of results and refusals, some with 100 kB of details; a few log lines, all single."""
    caplog.set_level(logging.INFO, logger="ems.adapters")

    @virtual
    async def run() -> None:
        async with ready() as (site, point):
            for n in range(1500):
                await point.raw(json.dumps([3, f"never-{n}\n", {}]))
                await point.raw(json.dumps([4, f"never-{n}", "Ünknown\r\nCode", "d" * (100_000 if n < 3 else 5), {}]))
            site.system.limit(order(SESSION, 10))
            await asyncio.sleep(5)
            assert said(site) == [(10, Said.ACCEPTED)]
            (deviations,) = [c.deviations for c in site.system.connections().values()]
            assert sum(deviations.values()) == 3000

    run()
    lines = [record.getMessage() for record in caplog.records if "deviates" in record.getMessage()]
    assert 1 <= len(lines) <= 15
    assert all(line.isprintable() and len(line) < 300 for line in lines)


@virtual
async def test_what_a_station_says_to_a_refused_limit_is_cut() -> None:
    """R11: into the event goes a line, not a book."""

    book = json.dumps("x\n" * 40_000).encode()

    async def station(action: str, _payload: dict[str, Any]) -> Answer:
        return b'[4,@id,"Odd",%s,{}]' % book if action == "SetChargingProfile" else {"status": "Accepted"}

    async with ready(station) as (site, _):
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(5)
        (event,) = site.of(ProfileAnswered)
        assert "Odd" in event.detail
        assert len(event.detail) <= 64


@virtual
async def test_an_answer_with_an_id_of_another_station_is_nobodys() -> None:
    """R08."""
    async with ready(Slow(3.0)) as (site, _), charge_point("OTHER") as other:
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(0.1)
        for n in range(1, 40):
            await other.raw(json.dumps([3, f"1-{n}", {"status": "Rejected"}]))
        await asyncio.sleep(5)
        assert said(site) == [(10, Said.ACCEPTED)]


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("FlyToTheMoon", "NotImplemented"),
        ("constructor", "NotImplemented"),
        ("handle", "NotImplemented"),
        ("heartbeat", "NotImplemented"),
        ("SetChargingProfile", "NotSupported"),
        ("RemoteStopTransaction", "NotSupported"),
        ("__class__", "FormationViolation"),
        ("_boot", "FormationViolation"),
        ("", "FormationViolation"),
        ("Heartbeat ", "FormationViolation"),
    ],
)
@virtual
async def test_unknown_actions_are_refused_by_name(action: str, code: str) -> None:
    """R02, R04, R18."""
    async with central("CP"), charge_point("CP") as point:
        assert (await point.call(action, {}))[:3:2] == [4, code]


KNOWN = [("Heartbeat", {}), ("Authorize", {"idTag": "x"}), ("DataTransfer", {"vendorId": "x", "data": {"an": []}}),
         ("DataTransfer", {"vendorId": "x" * 90_000}), ("FirmwareStatusNotification", {"status": "Installed"}),
         ("DiagnosticsStatusNotification", {"status": "Uploaded", "url": "http://10.0.0.1/x"}),
         ("SecurityEventNotification", {"type": "x", "timestamp": "y"}), ("LogStatusNotification", {"status": "Idle"}),
         ("SignCertificate", {"csr": "x"}), ("SignedFirmwareStatusNotification", {"status": "Installed"}),
         ("MeterValues", {}), ("StatusNotification", {}), ("BootNotification", {}), ("StartTransaction", {}),
         ("StopTransaction", {}), ("Authorize", {}), ("DataTransfer", {})]  # fmt: skip


@pytest.mark.parametrize(("action", "payload"), KNOWN, ids=lambda value: str(value)[:40])
@virtual
async def test_every_request_of_a_station_gets_a_valid_answer(action: str, payload: dict[str, Any]) -> None:
    """P15, P16: also one with nothing in it, with too much in it (Q106), or with bait; nothing is fetched."""
    async with central("CP"), charge_point("CP") as point:
        kind, _, answer = await point.call(action, payload)
        assert kind == 3
        check_answer(action, answer)


PAYLOADS = ["[]", "5", '"x"', "[1,2]", "true"]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("action", ["BootNotification", "StatusNotification", "StartTransaction", "MeterValues"])
@virtual
async def test_a_payload_that_is_no_object_costs_nothing_but_an_answer(action: str, payload: str) -> None:
    async with central("CP") as site, charge_point("CP") as point:
        answer = await point.raw(f'[2,"a","{action}",{payload}]', "a")
        assert answer[0] in (3, 4)
        assert site.is_connected("CP", generation=1)


@virtual
async def test_ids_are_echoed_as_they_came() -> None:
    """R05, Q109: numbers stay numbers, repeated ids are answered each time."""
    async with central("CP") as site, charge_point("CP") as point:
        for identity in ("a", "a", 17, 17, 10**30, "é😀", "x" * 256, "\u0000"):
            answer = await point.raw(json.dumps([2, identity, "Heartbeat", {}]), identity)
            assert answer[1] == identity
            assert type(answer[1]) is type(identity)
        assert site.is_connected("CP", generation=1)


@virtual
async def test_500_heartbeats_a_second_do_not_hold_up_anybody() -> None:
    """R17: the limit of this station and the messages of the other come through."""
    async with ready() as (site, point), charge_point("OTHER") as other:
        for n in range(2000):
            await point.raw(f'[2,"h{n}","Heartbeat",{{}}]')
            if n % 500 == 0:
                site.system.limit(order(SESSION, 6 + n / 500))
                assert (await other.call("Heartbeat", {}))[0] == 3
        await asyncio.sleep(5)
        assert [amps for amps, answer in said(site)] == [6, 7, 8, 9]
        assert len([message for message in point.heard if str(message[1]).startswith("h")]) == 2000


@virtual
async def test_more_requests_than_anybody_waits_for_are_refused_at_once() -> None:
    """The queue has a bound; a limit still finds a place."""
    async with ready(Slow(3.0)) as (site, point):
        site.system.limit(order(SESSION, 10))
        await asyncio.sleep(0.1)
        link = site.system.connections()["CP"]
        asking = [asyncio.create_task(link.ask("GetLocalListVersion", {})) for _ in range(100)]
        await asyncio.sleep(0.1)
        assert len([task for task in asking if task.done()]) >= 30
        site.system.limit(order(DEFAULT, 6))
        await asyncio.sleep(10)
        outcomes = {type(task.result()) for task in asking}
        assert outcomes == {Answered, Unanswered}
        assert limits(point) == [10, 6]


def masked(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def pieces(count: int) -> bytes:
    """A heartbeat in so many fragments."""
    data = BEAT.ljust(count)
    middle = b"".join(masked(Opcode.CONT, data[i : i + 1], fin=False) for i in range(1, count))
    return masked(Opcode.TEXT, data[:1], fin=False) + middle + masked(Opcode.CONT, b"")


BEAT = b'[2,"a","Heartbeat",{}]'
WIRE: list[tuple[str, bytes, bool]] = [
    ("F03 in fragments of one byte (Q85b)", pieces(len(BEAT)), True),
    ("F03 in 10,000 fragments", pieces(10_000), False),
    ("F04 binary frame", masked(Opcode.BINARY, BEAT), True),
    ("F05 not UTF-8", masked(Opcode.TEXT, b'[2,"a","Heartbeat",{"x":"\xff\xfe"}]'), True),
    ("F06 empty frame", masked(Opcode.TEXT, b""), True),
    ("F07 100,000 open brackets", masked(Opcode.TEXT, b"[" * 100_000), True),
    ("F08 5,000 levels", masked(Opcode.TEXT, b'[2,"a","Heartbeat",' + b'{"x":' * 5000 + b"1" + b"}" * 5001), True),
    ("F09 5,000 digits", masked(Opcode.TEXT, b'[2,"a","Heartbeat",{"x":' + b"9" * 5000 + b"}]"), True),
    ("F09 400 digits", masked(Opcode.TEXT, b'[2,"a","StartTransaction",{"meterStart":' + b"9" * 400 + b"}]"), True),
    ("F12 lone surrogate", masked(Opcode.TEXT, b'[2,"a","StartTransaction",{"idTag":"\\ud800"}]'), True),
    ("F19 1,000 pings", masked(Opcode.PING, b"x") * 1000, True),
    ("F20 close with code 1", masked(Opcode.CLOSE, b"\x00\x01"), False),
    ("F01 the beginning of 10 MB", masked(Opcode.TEXT, b"[" + b" " * 10_000_000)[:50_000], False),
    ("F02 compressed without agreement", bytes([0xC1, 0x80, 1, 2, 3, 4]), False),
]


@pytest.mark.parametrize(("data", "lives"), [pytest.param(d, lives, id=what) for what, d, lives in WIRE])
@virtual
async def test_no_frame_costs_more_than_its_own_link(data: bytes, lives: bool) -> None:
    """What the WebSocket layer cannot carry ends the link; nothing that it can carry does."""
    async with central("CP", "OTHER") as site, charge_point("CP") as point, charge_point("OTHER") as other:
        point.socket.transport.write(data)
        await asyncio.sleep(10)
        assert (await other.call("Heartbeat", {}))[0] == 3
        assert site.is_connected("CP") == lives
        if lives:
            assert (await point.call("Heartbeat", {}))[0] == 3
            return
        async with charge_point("CP") as again:
            assert (await again.call("Heartbeat", {}))[0] == 3
