"""Who may connect, and what happens when two do.

The letter H is that of the catalogue of hostile inputs. H16 and H17 are about TLS, which ends before this port in a
proxy or in a loop with real sockets: virtual time knows no TLS, so they are not here.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from ems.adapters.ocpp.handshake import Access
from ems.domain.events import StationConnected, StationGone
from ems.domain.station_model import StationModel
from tests.adapters.ocpp.central import (
    BOOT,
    PORT,
    ChargePoint,
    central,
    charge_point,
    virtual,
    without_network,
    without_pongs,
)

SECRET = b"correct horse battery"
HERE = {"127.0.0.1", "::1"}
URI = f"ws://127.0.0.1:{PORT}"


def basic(username: str, password: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(username.encode() + b":" + password).decode()}


async def knock(path: str, headers: dict[str, str] | list[tuple[str, str]] | None = None) -> int:
    """The HTTP status of one attempt; 101 when it was let in."""
    try:
        async with connect(URI + path, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


REFUSED = [
    ("H01 no credentials", "/CP-1", {}, {401}, "no password"),
    ("H03 password of another station", "/CP-1", basic("CP-1", b"other secret"), {401}, "wrong password"),
    ("H04 name and password of another station", "/CP-1", basic("CP-2", b"other secret"), {401}, "wrong password"),
    ("H04 name of another station", "/CP-1", basic("CP-2", SECRET), {401}, "wrong password"),
    ("H05 unknown id", "/CP-9", basic("CP-9", SECRET), {401}, "unknown station id"),
    ("H06 empty id", "/", {}, {400}, "no usable station id in the path"),
    ("H07 id of 300 characters", "/" + "x" * 300, {}, {400}, "no usable station id in the path"),
    ("H08 way out", "/ocpp/../../etc/passwd", {}, {401}, "unknown station id"),
    ("H08 way out in escapes", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {}, {400}, "no usable station id in the path"),
    ("H08 escaped twice", "/%252e%252e%252fCP-1", {}, {400}, "no usable station id in the path"),
    *[(f"H09 {what}", "/CP-1" + quote(text), basic("CP-1", SECRET), {400}, "no usable station id in the path")
      for what, text in [("NUL", "\0"), ("CR LF", "\r\nSet-Cookie: x"), ("ANSI escape", "\x1b[31m"), ("emoji", "😀"),
                         ("right-to-left mark", "\u200f"), ("homoglyph", "\u0421"), ("blank", " ")]],
    ("H10 other case", "/cp-1", basic("cp-1", SECRET), {401}, "unknown station id"),
    ("H11 SQL", "/" + quote("'; DROP TABLE x"), {}, {400}, "no usable station id in the path"),
    ("H11 script", "/" + quote("<script>"), {}, {400}, "no usable station id in the path"),
    ("H11 formula", "/" + quote("=cmd|'/c calc'!A1", safe=""), {}, {400}, "no usable station id in the path"),
    ("H27 browser", "/CP-1", basic("CP-1", SECRET) | {"Origin": "http://x"}, {403}, "a browser, not a station"),
    ("not Basic", "/CP-1", {"Authorization": "Bearer x"}, {401}, "no password"),
    ("not base64", "/CP-1", {"Authorization": "Basic !!!"}, {401}, "no password"),
    ("no colon", "/CP-1", {"Authorization": "Basic eHg="}, {401}, "no password"),
    ("name not UTF-8", "/CP-1", {"Authorization": "Basic /zp4"}, {401}, "no password"),
    ("credentials twice", "/CP-1", [*basic("CP-1", b"x").items(), *basic("CP-1", SECRET).items()], {400, 401}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
@virtual
async def test_who_may_not_enter_is_refused_and_listed(
    path: str, headers: dict[str, str], status: set[int], reason: str | None
) -> None:
    async with central("CP-1", "CP-2", passwords={"CP-1": SECRET, "CP-2": b"other secret"}) as site:
        assert await knock(path, headers) in status
        (listed,) = site.system.knocks()
        assert listed.reason == reason or reason is None
        assert listed.address in HERE
        assert listed.station.isprintable()
        assert site.events == []


@pytest.mark.parametrize("password", [SECRET, b"with:a colon"], ids=["plain", "a colon in the password too"])
@virtual
async def test_an_id_with_a_colon_has_its_password_as_any_other(password: bytes) -> None:
    async with central("DE:1", passwords={"DE:1": password}):
        assert await knock("/DE:1", basic("DE:1", b"another")) == 401
        assert await knock("/DE:1", basic("DE:1", password)) == 101


@virtual
async def test_wrong_password_and_unknown_id_look_alike() -> None:
    async with central("CP-1", passwords={"CP-1": SECRET}):
        answers = []
        for name in ("CP-1", "CP-9"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{URI}/{name}", additional_headers=basic(name, b"wrong"), proxy=None)
            response = refused.value.response
            headers = [(key, value) for key, value in response.headers.raw_items() if key != "Date"]
            answers.append((response.status_code, response.body, headers))
        assert answers[0] == answers[1]


PATHS = ["/CP-1", "/ocpp/CP-1", "/ocpp/CP-1/", "///CP-1", "/ocpp//CP-1//", "/ws://central:9000/ocpp/CP-1", "/CP%2D1",
         "/CP-1?token=x", "/steve/websocket/CentralSystemService/CP-1"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@virtual
async def test_the_id_is_the_last_part_of_the_path(path: str) -> None:
    """Q84."""
    async with central("CP-1"):
        assert await knock(path) == 101


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        (b"plain", b"plain"),
        (b"with:colon", b"with:colon"),
        (b"\x00\xff\x80 bytes", b"\x00\xff\x80 bytes"),
        (b"\x01\x02\x03\x04", b"01020304"),
        (b"01020304", b"\x01\x02\x03\x04"),
    ],
)
@virtual
async def test_a_password_may_come_as_bytes_or_as_hexadecimal_text(stored: bytes, sent: bytes) -> None:
    """Q85d; and the name of the scheme in any case."""
    async with central("CP-1", passwords={"CP-1": stored}):
        header = basic("CP-1", sent)["Authorization"]
        assert await knock("/CP-1", {"Authorization": header}) == 101
        assert await knock("/CP-1", {"Authorization": header.replace("Basic ", "basic  ")}) == 101


@virtual
async def test_after_a_change_only_the_new_password_opens() -> None:
    """A password that was right once is remembered only as long as it is right."""

    async def verify(_station: str, password: bytes) -> bool:
        return password == b"the new one"

    async with central("CP-1", passwords={"CP-1": SECRET}) as site:
        assert await knock("/CP-1", basic("CP-1", SECRET)) == 101
        site.system.admit(Access(frozenset({"CP-1"}), frozenset({"CP-1"}), verify))
        assert await knock("/CP-1", basic("CP-1", SECRET)) == 401
        assert await knock("/CP-1", basic("CP-1", b"the new one")) == 101


@pytest.mark.parametrize(
    ("offered", "spoken"),
    [
        ((), True),
        (("ocpp1.6",), True),
        (("OCPP1.6",), True),
        (("ocpp2.0.1", "ocpp1.6"), True),
        ((*(f"ocpp9.{n}" for n in range(9)), "ocpp1.6"), True),
        (("ocpp9.9",), False),
        (("ocpp2.0.1", "ocpp1.5"), False),
    ],
)
@virtual
async def test_a_common_version_is_found_or_the_link_is_closed(offered: tuple[str, ...], spoken: bool) -> None:
    """H12 to H14; without a common version the handshake is finished first (OCPP-J 1.6, section 3.2)."""
    async with central("CP-1") as site, charge_point("CP-1", protocols=offered) as point:
        await asyncio.sleep(1)
        assert point.is_open == spoken == site.is_connected("CP-1")
        assert spoken or point.socket.close_code == 1002
        assert [listed.station for listed in site.system.knocks()] == ([] if spoken else ["CP-1"])


@virtual
async def test_a_station_that_only_speaks_another_version_is_listed_with_it(caplog: pytest.LogCaptureFixture) -> None:
    """One line, however often it comes back; nobody would find it otherwise."""
    async with central("CP-1") as site:
        for _ in range(100):
            async with charge_point("CP-1", protocols=("ocpp2.0.1",)):
                await asyncio.sleep(1)
        (listed,) = site.system.knocks()
        assert (listed.count, listed.reason) == (100, "speaks ocpp2.0.1, not ocpp1.6")
    assert len([line for line in caplog.messages if "ocpp2.0.1" in line]) == 1


@virtual
async def test_a_station_that_speaks_another_version_than_it_said_keeps_its_link() -> None:
    """H15."""
    async with central("CP-1") as site, charge_point("CP-1") as point:
        boot = {"reason": "PowerUp", "chargingStation": {"model": "One", "vendorName": "Acme"}}
        assert (await point.call("BootNotification", boot))[2]["status"] == "Accepted"
        assert (await point.call("TransactionEvent", {"eventType": "Started"}))[:3:2] == [4, "NotImplemented"]
        assert site.is_connected("CP-1", generation=1)


@virtual
async def test_a_forwarded_address_is_not_believed() -> None:
    """H28."""
    async with central("CP-1", passwords={"CP-1": SECRET}) as site:
        await knock("/CP-1", {"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3"})
        assert site.system.knocks()[0].address in HERE


def loud(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an operator sees."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def guess(times: int) -> list[int]:
    """Wrong passwords for CP-1, twenty a second."""
    statuses = []
    for n in range(times):
        statuses.append(await knock("/CP-1", basic("CP-1", f"guess {n}".encode())))
        await asyncio.sleep(0.05)
    return statuses


def test_guessing_passwords_is_slowed_down(caplog: pytest.LogCaptureFixture) -> None:
    """H02: 1,000 guesses within a minute cost few checks and few log lines; the station gets in when it stops."""

    @virtual
    async def run() -> None:
        async with central("CP-1", passwords={"CP-1": SECRET}) as site:
            statuses = await guess(1000)
            assert statuses.count(401) <= 20
            assert set(statuses) == {401, 429}
            assert len(loud(caplog)) <= 5
            assert sum(listed.count for listed in site.system.knocks()) == 1000
            await asyncio.sleep(61)
            assert await knock("/CP-1", basic("CP-1", SECRET)) == 101

    run()


@virtual
async def test_guessing_passwords_harms_no_other_station() -> None:
    """H02: not even one behind the same address, be it a gateway or a proxy."""
    async with central("CP-1", "CP-2", passwords={"CP-1": SECRET, "CP-2": b"other secret"}):
        await guess(50)
        assert await knock("/CP-2", basic("CP-2", b"other secret")) == 101


@virtual
async def test_a_station_that_is_known_gets_in_while_somebody_guesses_its_password() -> None:
    """H02: else anybody who knows an id could keep the station out for as long as he likes."""
    async with central("CP-1", passwords={"CP-1": SECRET}):
        assert await knock("/CP-1", basic("CP-1", SECRET)) == 101
        await guess(50)
        assert await knock("/CP-1", basic("CP-1", SECRET)) == 101


def test_a_thousand_strangers_cost_a_few_lines_and_nobody_waits(caplog: pytest.LogCaptureFixture) -> None:
    """H22: different ids, a hundred a second."""

    @virtual
    async def run() -> None:
        async with central("CP-1") as site, charge_point("CP-1") as point:
            for n in range(1000):
                assert await knock(f"/STRANGER-{n}") == 401
                await asyncio.sleep(0.01)
            asked = asyncio.get_running_loop().time()
            await point.call("Heartbeat", {})
            assert asyncio.get_running_loop().time() - asked < 1
            assert len(site.system.knocks()) <= 64
            assert len(loud(caplog)) <= 100

    run()


GARBAGE = [
    ("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100),
    ("HTTP/1.0", b"GET /CP-1 HTTP/1.0\r\n\r\n"),
    ("POST", b"POST /CP-1 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("no upgrade", b"GET /CP-1 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("no key", b"GET /CP-1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ("H19 2,000 headers", b"GET /CP-1 HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(2000)) + b"\r\n"),
    ("H20 path of 100 kB", b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n"),
    ("H07 id of 10 kB", b"GET /ocpp/" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n"),
    ("log forging", b"GET /CP-1 HTTP/1.1\r\nHost: x\r\nbad\x1b[31m header\r\nERROR forged\r\n\r\n"),
]


@pytest.mark.parametrize("data", [pytest.param(data, id=what) for what, data in GARBAGE])
def test_what_is_no_handshake_is_turned_away_without_noise(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Fifty times; a scan of the port must not fill the log, and no line of it may be of somebody else's making."""

    @virtual
    async def run() -> None:
        async with central("CP-1") as site, charge_point("CP-1") as point:
            for _ in range(50):
                reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
                writer.write(data)
                async with asyncio.timeout(15):
                    answer = await reader.read(100_000)
                assert not answer.startswith(b"HTTP/1.1 101")
                writer.close()
            assert (await point.call("Heartbeat", {}))[0] == 3
            assert site.is_connected("CP-1", generation=1)
            assert len(loud(caplog)) <= 5
            assert not any(record.exc_info for record in caplog.records)

    run()


@virtual
async def test_a_header_of_one_byte_in_five_seconds_is_not_waited_for() -> None:
    """H18."""
    async with central("CP-1"), charge_point("CP-1") as point:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        for byte in b"GET /CP-1":
            writer.write(bytes([byte]))
            await asyncio.sleep(5)
            if reader.at_eof():
                break
        writer.close()
        assert asyncio.get_running_loop().time() < 20
        assert (await point.call("Heartbeat", {}))[0] == 3


@virtual
async def test_a_station_that_never_answers_pings_lives_by_what_it_says() -> None:
    """H30, Q79."""
    async with central("CP-1") as site, charge_point("CP-1") as point:
        without_pongs(point.socket)
        for _ in range(20):
            await asyncio.sleep(60)
            await point.call("Heartbeat", {})
        assert site.is_connected("CP-1", generation=1)


@virtual
async def test_a_station_that_says_nothing_at_all_is_gone_in_time() -> None:
    """H21: the handshake, then silence without a pong."""
    async with central("CP-1", "CP-2") as site, charge_point("CP-2") as other:
        async with charge_point("CP-1", lambda *_: None) as silent:
            without_pongs(silent.socket)
            await asyncio.sleep(195)
            assert not site.is_connected("CP-1")
        assert [event.station for event in site.of(StationGone)] == ["CP-1"]
        assert (await other.call("Heartbeat", {}))[0] == 3


@virtual
async def test_a_client_that_never_reads_is_cut_off_and_harms_nobody() -> None:
    """H29."""
    async with central("CP-1", "CP-2") as site, charge_point("CP-2") as other:
        greedy = await connect(f"{URI}/CP-1", compression=None, ping_interval=None, max_queue=1, proxy=None)

        async def speak() -> None:
            for n in range(20_000):
                await greedy.send(f'[2,"{"x" * 200}{n}","Heartbeat",{{}}]')

        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(speak(), 600)
        await asyncio.sleep(1)
        assert not site.is_connected("CP-1")
        assert (await other.call("Heartbeat", {}))[0] == 3


@asynccontextmanager
async def half_open(name: str, password: bytes | None = None) -> AsyncIterator[ChargePoint]:
    """A station whose network went away without a word: nothing it says or answers arrives any more."""
    async with charge_point(name, password=password) as point:
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        without_network(point.socket)
        try:
            yield point
        finally:
            point.socket.transport.abort()


@pytest.mark.parametrize("password", [None, SECRET], ids=["open", "locked"])
@virtual
async def test_a_newcomer_replaces_a_dead_link(password: bytes | None) -> None:
    """H24, Q74: within the challenge; the end of the old link later does not touch the new one."""
    locked = {} if password is None else {"CP-1": password}
    async with central("CP-1", passwords=locked) as site:
        async with half_open("CP-1", password):
            async with charge_point("CP-1", password=password) as new:
                assert (await new.call("Heartbeat", {}))[0] == 3
                assert site.is_connected("CP-1", generation=2)
                await asyncio.sleep(60)
            await asyncio.sleep(1)
            assert not site.is_connected("CP-1")
        async with charge_point("CP-1", password=password) as third:
            await asyncio.sleep(60)
            assert (await third.call("Heartbeat", {}))[0] == 3
            assert site.is_connected("CP-1", generation=3)
        await asyncio.sleep(1)
        assert sorted(event.generation for event in site.of(StationGone)) == [1, 2, 3]


@virtual
async def test_the_end_of_an_old_link_never_removes_its_successor() -> None:
    async with central("CP-1") as site:
        context = half_open("CP-1")
        await context.__aenter__()
        async with charge_point("CP-1") as new:
            await new.call("BootNotification", BOOT)
            await asyncio.sleep(20)
            await context.__aexit__(None, None, None)
            await asyncio.sleep(5)
            assert site.is_connected("CP-1", generation=2)
            told = [(type(e), e.generation) for e in site.events if isinstance(e, StationConnected | StationGone)]
            assert told == [(StationConnected, 1), (StationGone, 1), (StationConnected, 2)]


@pytest.mark.parametrize(
    ("password", "winner"), [pytest.param(None, 1, id="open: the old"), pytest.param(SECRET, 2, id="locked: the new")]
)
@virtual
async def test_a_newcomer_replaces_a_living_link_only_with_the_password(password: bytes | None, winner: int) -> None:
    """H23: without one the newcomer could be anybody (CWE-613)."""
    locked = {} if password is None else {"CP-1": password}
    async with (
        central("CP-1", passwords=locked) as site,
        charge_point("CP-1", password=password) as old,
        charge_point("CP-1", password=password) as new,
    ):
        await asyncio.sleep(10)
        assert site.is_connected("CP-1", generation=winner)
        kept, closed = (old, new) if winner == 1 else (new, old)
        assert (await kept.call("Heartbeat", {}))[0] == 3
        assert closed.socket.close_code == 1008
        assert len([event for event in site.of(StationGone)]) == winner - 1


@virtual
async def test_a_newcomer_that_has_left_again_replaces_nobody() -> None:
    async with (
        central("CP-1", passwords={"CP-1": SECRET}) as site,
        charge_point("CP-1", password=SECRET),
        charge_point("CP-1", password=SECRET) as second,
    ):
        await asyncio.sleep(0.5)
        async with charge_point("CP-1", password=SECRET):
            await asyncio.sleep(0.1)
        await asyncio.sleep(20)
        assert second.is_open
        assert site.is_connected("CP-1", generation=2)


@virtual
async def test_settling_after_a_boot_counts_also_when_the_old_link_was_half_open() -> None:
    """Q76 after a power cut: the boot comes while the old link is still being challenged."""
    async with central("CP-1", model=StationModel(settle_s=8)) as site, half_open("CP-1"):
        before = asyncio.get_running_loop().time()
        async with charge_point("CP-1") as new:
            await new.call("BootNotification", BOOT)
            await asyncio.sleep(30)
            assert site.is_connected("CP-1", generation=2)
            assert new.told_at[0] - before >= 8


def test_flapping_for_ten_minutes_leaves_one_good_link(caplog: pytest.LogCaptureFixture) -> None:
    """H25: two devices with one id and its password, or one on a bad line; each shuts the other out again and again."""

    @virtual
    async def run() -> None:
        async with central("CP-1", passwords={"CP-1": SECRET}) as site:
            for _ in range(300):
                async with charge_point("CP-1", password=SECRET):
                    await asyncio.sleep(2)
            async with charge_point("CP-1", password=SECRET) as point:
                assert (await point.call("Heartbeat", {}))[0] == 3
                assert site.is_connected("CP-1", generation=301)
                assert len(asyncio.all_tasks()) < 20
            assert len(loud(caplog)) <= 20

    run()


async def two_devices(seconds: float) -> int:
    """Two devices with one id and its password, each of which reconnects when it was shut out; how often that was."""

    async def device() -> None:
        while True:
            async with charge_point("CP-1", password=SECRET) as point:
                await point.socket.wait_closed()

    async with central("CP-1", passwords={"CP-1": SECRET}) as site:
        devices = [asyncio.create_task(device()) for _ in range(2)]
        await asyncio.sleep(seconds)
        for one in devices:
            one.cancel()
        await asyncio.gather(*devices, return_exceptions=True)
        return len(site.of(StationGone))


@virtual
async def test_two_devices_with_one_id_take_turns() -> None:
    """H25 with both alive: each gets its two seconds."""
    assert 50 <= await two_devices(200) <= 110


def test_two_devices_with_one_id_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    run = virtual(two_devices)
    run(200)
    assert 1 <= len(loud(caplog)) <= 20


@virtual
async def test_the_central_system_ends_soon_though_a_station_is_half_open() -> None:
    """Everybody is told, nobody is waited for."""
    async with central("CP-1", "CP-2") as site, charge_point("CP-2") as point, half_open("CP-1"):
        before = asyncio.get_running_loop().time()
        await site.stop()
        assert asyncio.get_running_loop().time() - before <= 8
        assert point.socket.close_code == 1001
        assert {event.station for event in site.of(StationGone)} == {"CP-1", "CP-2"}


@virtual
async def test_200_stations_reconnect_within_a_second() -> None:
    """H26: all are served, each with its next generation."""
    names = [f"CP-{n}" for n in range(200)]

    async def station(name: str) -> None:
        async with charge_point(name) as point:
            assert (await point.call("BootNotification", BOOT))[2]["status"] == "Accepted"
            await asyncio.sleep(20)

    async with central(*names) as site:
        for generation in (1, 2):
            storm = asyncio.gather(*(station(name) for name in names))
            await asyncio.sleep(15)
            assert all(site.is_connected(name, generation) for name in names)
            assert len(site.of(StationConnected)) == 200 * generation
            await storm
        await asyncio.sleep(1)
        assert len(site.of(StationGone)) == 400


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_no_password_is_in_any_log_line(level: int, caplog: pytest.LogCaptureFixture) -> None:
    """Neither right nor wrong, neither plain nor encoded."""
    caplog.set_level(level)
    passwords = [SECRET, b"wrong guess of mine"]

    @virtual
    async def run() -> None:
        async with central("CP-1", passwords={"CP-1": SECRET}):
            for password in passwords:
                await knock("/CP-1", basic("CP-1", password))
                await knock("/CP-9", basic("CP-9", password))

    run()
    server = [record for record in caplog.records if record.name.startswith("ems")]
    assert server
    text = "\n".join(record.getMessage() for record in server)
    for password in passwords:
        encoded = [basic(name, password)["Authorization"].removeprefix("Basic ") for name in ("CP-1", "CP-9")]
        spellings = [password.decode(), password.hex(), *encoded]
        assert [spelling for spelling in spellings if spelling in text] == []
