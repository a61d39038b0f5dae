"""A broker is told what is true, and tells what is to be done; against a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ems.adapters.mqtt import link as module
from ems.adapters.mqtt.command import change_of
from ems.adapters.mqtt.discovery import discovery
from ems.adapters.mqtt.link import Broker, MqttLink
from ems.adapters.mqtt.payload import LIMIT, PAUSE, published
from ems.adapters.mqtt.target import MqttTarget
from ems.adapters.mqtt.topic import Topics
from ems.domain.alarm.notice import Notice, Topic
from ems.domain.daybook import Change
from ems.domain.events import LimitReceived, LimitWithdrawn, StrategyChosen
from ems.domain.limit import Limit
from ems.domain.strategy import Strategy
from ems.domain.unknown import UnknownError
from ems.ports.delivery import NotDeliveredError
from tests.adapters.mqtt.broker import Mosquitto, mosquitto, needs_mosquitto, needs_password
from tests.adapters.web.scene import Scene, busy

BASE = "ems/yard"
ALL = frozenset({"strategy", "pause", "limit"})


class Book:
    """An `Operations` that only notes what is asked of it, and tells the scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.changes = scene, list[tuple[Change, str]]()

    async def change(self, change: Change, who: str) -> None:
        self.changes.append((change, who))
        if isinstance(change, LimitWithdrawn):
            raise UnknownError("there is no such limit")
        assert isinstance(change, StrategyChosen | LimitReceived)
        self.scene.tell(change)
        self.scene.announce()


class Home:
    """Somebody else at the same broker, who remembers the last of each topic."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client, self.last = client, dict[str, bytes]()
        self.all: list[tuple[str, bytes]] = []
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.last[str(message.topic)] = message.payload
            self.all.append((str(message.topic), message.payload))

    def json(self, topic: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.last.get(topic) or b"{}")
        return told

    async def until(self, fits: Callable[[], object], what: str = "") -> None:
        for _ in range(150):
            if fits():
                return
            await asyncio.sleep(0.1)
        raise AssertionError((what, self.last))


@asynccontextmanager
async def at_home(port: int, **options: Any) -> AsyncIterator[Home]:
    async with aiomqtt.Client("127.0.0.1", port, identifier="home", **options) as client:
        await client.subscribe("#", qos=1)
        home = Home(client)
        try:
            yield home
        finally:
            home.task.cancel()
            await asyncio.gather(home.task, return_exceptions=True)


@asynccontextmanager
async def linked(scene: Scene, broker: Broker) -> AsyncIterator[tuple[MqttLink, Book]]:
    book = Book(scene)
    link = MqttLink(broker, scene, book, tuple, "1.2.3")  # type: ignore[arg-type]  # the part that it uses
    task = asyncio.create_task(link.run())
    try:
        yield link, book
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def plain_broker(port: int, **more: Any) -> Broker:
    return Broker("127.0.0.1", port, BASE, every_s=0.1, **more)


@needs_mosquitto
def test_what_is_true_is_retained_and_the_end_is_said(tmp_path: Path) -> None:
    async def work(there: Mosquitto) -> None:
        scene = busy()
        async with at_home(there.port) as home:
            async with linked(scene, plain_broker(there.port)):
                await home.until(lambda: home.last.get(f"{BASE}/status") == b"online")
                await home.until(lambda: f"{BASE}/evse/CP-14/1" in home.last)
                first = home.json(f"{BASE}/evse/CP-01/1")
                assert first["status"] == "Charging"
                assert first["vehicle"] == "Van 3"
                assert first["power_w"] > 0
                assert first["setpoint_a"] >= 6
                assert first["reason"]
                assert home.json(f"{BASE}/circuit/grid")["headroom_a"].keys() == {"L1", "L2", "L3"}
                assert home.json(f"{BASE}/site")["strategy"] == scene.state.strategy
                before = len(home.all)
                scene.announce()
                await asyncio.sleep(0.5)
                assert len(home.all) == before, "what is the same is not said again"
                scene.tick(15)
                await home.until(lambda: home.json(f"{BASE}/evse/CP-01/1")["energy_wh"] > first["energy_wh"])
            await home.until(lambda: home.last[f"{BASE}/status"] == b"offline", "we say goodbye")
        async with at_home(there.port) as late:
            await late.until(lambda: late.json(f"{BASE}/evse/CP-01/1"), "retained")

    with mosquitto(tmp_path) as there:
        asyncio.run(work(there))


@needs_mosquitto
def test_it_comes_back_by_itself_when_the_broker_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF_S", (0.1, 0.2))

    async def work(there: Mosquitto) -> None:
        scene = busy()
        async with linked(scene, plain_broker(there.port)) as (link, _):
            target = MqttTarget(link, "", "Yard")
            notice = Notice(1, "evt_1", scene.instant.utc, Topic.SESSION_ENDED, "CP-01/1", {})
            with pytest.raises(NotDeliveredError, match="no link"):
                await target.deliver([notice], 1)
            there.start()
            async with at_home(there.port) as home:
                await home.until(lambda: home.last.get(f"{BASE}/status") == b"online" and link.is_connected)
                await target.deliver([notice], 1)
                await home.until(lambda: f"{BASE}/event" in home.last)
                assert home.json(f"{BASE}/event")["id"] == "evt_1"
            await asyncio.to_thread(there.stop)
            await asyncio.sleep(0.3)
            assert not link.is_connected
            there.start()
            async with at_home(there.port) as home:
                await home.until(lambda: home.json(f"{BASE}/evse/CP-01/1"), "all of it, because the broker forgot")
                assert f"{BASE}/event" not in home.last, "what happened is not retained"

    there = Mosquitto(tmp_path)
    try:
        asyncio.run(work(there))
    finally:
        there.stop()


@needs_password
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves a refused socket open
def test_with_a_password_over_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work(there: Mosquitto) -> None:
        scene = busy()
        good = plain_broker(there.port, tls=True, trusted=there.ca, user="ems", password="right")
        context = ssl.create_default_context(cafile=there.ca)
        async with (
            at_home(there.port, tls_context=context, username="ems", password="right") as home,
            linked(scene, good),
        ):
            await home.until(lambda: home.last.get(f"{BASE}/status") == b"online")
        for wrong in (
            plain_broker(there.port, tls=True, trusted=there.ca, user="ems", password="wrong"),
            plain_broker(there.port, tls=True, user="ems", password="right"),
        ):
            async with linked(scene, wrong) as (link, _):
                await asyncio.sleep(1.0)
                assert not link.is_connected

    with mosquitto(tmp_path, "ems", "right") as there:
        asyncio.run(work(there))
    assert sum("mqtt.down" in one for one in caplog.messages) == 2
    assert "right" not in caplog.text


@needs_mosquitto
def test_commands_are_carried_out_and_answered(tmp_path: Path) -> None:
    async def work(there: Mosquitto) -> None:
        scene = busy()
        async with (
            at_home(there.port) as home,
            linked(scene, plain_broker(there.port, commands=ALL)) as (link, book),
        ):
            await home.until(lambda: link.is_connected)
            evse = f"{BASE}/evse/CP-01/1"
            for topic, payload in (
                (f"{BASE}/strategy", "fast"),
                (f"{evse}/pause", "ON"),
                (f"{evse}/limit", "10"),
                (f"{BASE}/evse/CP-02/1/limit", "none"),
            ):
                await home.client.publish(f"{topic}/set", payload, qos=1)
                await home.until(partial(home.last.__contains__, f"{topic}/result"))
                assert home.json(f"{topic}/result") == {"ok": True, "detail": ""}
            assert [change for change, _ in book.changes] == [
                StrategyChosen(Strategy.FAST),
                LimitReceived(Limit("CP-01/1", PAUSE, max_a=0.0)),
                LimitReceived(Limit("CP-01/1", LIMIT, max_a=10.0)),
                LimitWithdrawn("CP-02/1", LIMIT),
            ]
            assert {who for _, who in book.changes} == {"mqtt (127.0.0.1)"}
            await home.until(lambda: home.json(evse).get("paused") == "ON" and home.json(evse)["limit_a"] == 10)
            await home.client.publish(f"{BASE}/nonsense/set", "1", qos=1)
            await home.until(lambda: f"{BASE}/nonsense/result" in home.last)
            assert not home.json(f"{BASE}/nonsense/result")["ok"]

    with mosquitto(tmp_path) as there:
        asyncio.run(work(there))


@needs_mosquitto
def test_home_assistant_finds_everything_and_what_is_gone_is_taken_away(tmp_path: Path) -> None:
    async def work(there: Mosquitto) -> None:
        scene = busy()
        gone = ("homeassistant/device/ems_yard_OLD_1/config", f"{BASE}/evse/OLD/1")
        other = "homeassistant/device/ems_yardarm/config"
        async with at_home(there.port) as home:
            for topic in (*gone, other):
                await home.client.publish(topic, b'{"x": 1}', qos=1, retain=True)
            async with linked(scene, plain_broker(there.port, discovery="homeassistant")):
                config = "homeassistant/device/ems_yard_CP-01_1/config"
                await home.until(lambda: config in home.last)
                told = home.json(config)
                assert told["cmps"]["power_w"]["device_class"] == "power"
                assert "pause" not in told["cmps"], "no command is allowed"
                await home.until(lambda: all(home.last.get(topic) == b"" for topic in gone))
                assert home.last[other], "what is not ours stays"
                home.last.clear()
                await home.client.publish("homeassistant/status", "online")
                await home.until(lambda: config in home.last, "it is told again when Home Assistant comes")

    with mosquitto(tmp_path) as there:
        asyncio.run(work(there))


def test_every_component_reads_what_is_published() -> None:
    """Each template names a field of the topic that it reads; names are unique, and commands are there if allowed."""
    scene, topics = busy(), Topics(BASE)
    assert scene.decision is not None
    values = dict(published(topics, scene.state, scene.decision, ()))
    names: list[str] = []
    for _, device in discovery("homeassistant", topics, scene.site, ALL, "1"):
        for one in device["cmps"].values():
            names.append(one["unique_id"])
            field = one["value_template"].removeprefix("{{ value_json.").removesuffix(" }}").removesuffix(" or none")
            found: Any = values[one["state_topic"]]
            for part in field.split("."):
                assert part in found, (one, found)
                found = found[part]
    assert len(names) == len(set(names))
    assert any(name.endswith("_pause") for name in names)


@pytest.mark.parametrize("name", ["A+B/1", "A#/1", "Ä B/1", "A/B/1"])
def test_whatever_a_station_is_called_its_topic_is_one_without_wildcards(name: str) -> None:
    topics = Topics(BASE)
    topic = topics.evse(name)
    assert not set("+#") & set(topic)
    assert topic.count("/") == BASE.count("/") + 3
    assert topics.command(f"{topic}/limit/set") == ("evse", *name.rsplit("/", 1), "limit")


@pytest.mark.parametrize(
    ("path", "payload", "change"),
    [
        ("strategy", "Fast", StrategyChosen(Strategy.FAST)),
        ("strategy", "none", StrategyChosen(None)),
        ("strategy", "", StrategyChosen(None)),
        ("evse/CP-01/1/pause", "on", LimitReceived(Limit("CP-01/1", PAUSE, max_a=0.0))),
        ("evse/CP-01/1/pause", "false", LimitWithdrawn("CP-01/1", PAUSE)),
        ("evse/CP-01/1/limit", "0", LimitReceived(Limit("CP-01/1", LIMIT, max_a=0.0))),
        ("evse/CP-01/1/limit", "6.5", LimitReceived(Limit("CP-01/1", LIMIT, max_a=6.5))),
        ("evse/CP-01/1/limit", "99", LimitWithdrawn("CP-01/1", LIMIT)),
    ],
)
def test_what_a_command_means(path: str, payload: str, change: Change) -> None:
    assert change_of(tuple(path.split("/")), payload.encode(), False, busy().site, ALL) == change


@pytest.mark.parametrize(
    ("path", "payload", "said"),
    [
        ("strategy", b"fastest", "'fastest' is not a strategy"),
        ("strategy", b"\xff\xfe", "UTF-8"),
        ("strategy", b"x" * 65, "64 bytes"),
        ("evse/CP-99/1/pause", b"ON", "no EVSE 'CP-99/1'"),
        ("evse/CP-01/1/pause", b"maybe", "neither ON nor OFF"),
        ("evse/CP-01/1/limit", b"nan", "not a current"),
        ("evse/CP-01/1/limit", b"1e999", "not a current"),
        ("evse/CP-01/1/limit", b"-6", "not a current"),
        ("evse/CP-01/1/limit", b"3", "at least 6 A"),
        ("evse/CP-01/1/reboot", b"1", "no such command"),
        ("", b"", "no such command"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(path: str, payload: bytes, said: str) -> None:
    with pytest.raises((ValueError, UnknownError), match=said):
        change_of(tuple(path.split("/")), payload, False, busy().site, ALL)


def test_what_the_site_does_not_allow_and_what_is_retained_is_refused() -> None:
    site = busy().site
    with pytest.raises(ValueError, match=r"mqtt: \{commands: \[pause\]\}"):
        change_of(("evse", "CP-01", "1", "pause"), b"ON", False, site, {"limit"})
    with pytest.raises(ValueError, match="retained"):
        change_of(("strategy",), b"fast", True, site, ALL)


@needs_mosquitto
def test_what_was_heard_is_done_before_a_broker_is_left(tmp_path: Path) -> None:
    class Slow(Book):
        async def change(self, change: Change, who: str) -> None:
            await asyncio.sleep(0.1)
            await super().change(change, who)

    async def work(there: Mosquitto) -> None:
        scene = busy()
        book = Slow(scene)
        broker = plain_broker(there.port, commands=ALL)
        link = MqttLink(broker, scene, book, tuple, "1.2.3")  # type: ignore[arg-type]  # the part that it uses
        task = asyncio.create_task(link.run())
        async with at_home(there.port) as home:
            await home.until(lambda: home.last.get(f"{BASE}/evse/CP-01/1"))
            for amps in range(10, 18):
                await home.client.publish(f"{BASE}/evse/CP-01/1/limit/set", str(amps), qos=1)
            await home.until(lambda: book.changes, "the first one")
            assert len(book.changes) < 8
            link.leave(None)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert len(book.changes) == 8
            await home.until(lambda: sum(topic.endswith("/limit/result") for topic, _ in home.all) == 8, "answers")
            await home.until(lambda: not any(home.last[topic] for topic in home.last if topic[-12:] == "/evse/CP-01/1"))
            assert home.last[f"{BASE}/status"] == b""

    with mosquitto(tmp_path) as there:
        asyncio.run(work(there))
