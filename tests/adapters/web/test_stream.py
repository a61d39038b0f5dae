"""The picture as server-sent events: in virtual time, and over real sockets with listeners that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import zlib
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import async_solipsism

from ems.adapters.web.frame import Press
from ems.adapters.web.stream import HEARTBEAT_S, EventStream, Hall
from ems.domain.instant import Instant
from tests.adapters.web.scene import START, Scene, busy, car_park
from tests.adapters.web.visit import get, raw, run, serving


class TimedScene(Scene):
    """A scene whose clock is that of the event loop."""

    def now(self) -> Instant:
        return START.later(asyncio.get_running_loop().time())


def virtually(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.run(work())


class Listener:
    """Somebody who listens; notes when what came."""

    def __init__(self, press: Press, hall: Hall, compressed: bool = False, seen: int | None = None) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.status = 0
        self.ended = False
        self._leave = asyncio.Event()
        self._busy = asyncio.Event()
        self._busy.set()
        stream: Callable[..., Coroutine[Any, Any, None]] = EventStream(press, hall, compressed, seen)
        self.task = asyncio.create_task(
            stream({"type": "http", "path": "/api/v1/events", "headers": []}, self._receive, self._send)
        )

    async def _receive(self) -> dict[str, str]:
        await self._leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self._busy.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.heard.append((asyncio.get_running_loop().time(), message["body"]))
        self.ended = not message.get("more_body", False)

    def leave(self) -> None:
        self._leave.set()

    def pause(self) -> None:
        self._busy.clear()

    def resume(self) -> None:
        self._busy.set()

    def frames(self) -> list[tuple[float, int]]:
        """When which version came."""
        return [(at, int(body.split(b"\n")[0][4:])) for at, body in self.heard if body.startswith(b"id: ")]


async def tick_every(scene: Scene, period_s: float, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(period_s)
        scene.tick()


def test_a_frame_comes_with_each_tick_to_everybody_and_is_made_once(monkeypatch: Any) -> None:
    async def listen() -> None:
        scene, hall = TimedScene(car_park(4)), Hall(9)
        press = Press(scene, scene, "")
        printed = []
        original = press._print

        async def counted() -> Any:
            printed.append(1)
            return await original()

        monkeypatch.setattr(press, "_print", counted)
        listeners = [Listener(press, hall) for _ in range(5)]
        await tick_every(scene, 1.0, 10)
        await asyncio.sleep(0.1)
        for listener in listeners:
            assert [version for _, version in listener.frames()] == list(range(11))
        assert len(printed) == 11
        for listener in listeners:
            listener.leave()
        await asyncio.gather(*(listener.task for listener in listeners))
        assert hall.taken == 0

    virtually(listen)


def test_however_fast_the_controller_ticks_there_are_four_frames_a_second() -> None:
    async def listen() -> None:
        scene = TimedScene(car_park(2))
        listener = Listener(Press(scene, scene, ""), Hall(1))
        await tick_every(scene, 0.1, 100)
        times = [at for at, _ in listener.frames()]
        assert 33 <= len(times) <= 41
        assert all(later - sooner > 0.24 for sooner, later in pairwise(times[1:]))
        listener.leave()
        await listener.task

    virtually(listen)


def test_a_frame_follows_its_tick_at_once_also_after_one_that_came_between() -> None:
    """What is printed a second after the last frame would be as old as that was late, for good."""

    async def listen() -> None:
        scene = TimedScene(car_park(2))
        listener = Listener(Press(scene, scene, ""), Hall(1))
        await tick_every(scene, 0.7, 1)
        began = asyncio.get_running_loop().time()
        await tick_every(scene, 1.0, 5)
        times = [at for at, _ in listener.frames()]
        assert [round(at - began, 1) % 1.0 for at in times[-4:]] == [0.0] * 4, times
        listener.leave()
        await listener.task

    virtually(listen)


def test_a_controller_that_does_not_tick_is_heard_as_a_comment() -> None:
    async def listen() -> None:
        scene = TimedScene(car_park(2))
        listener = Listener(Press(scene, scene, ""), Hall(1))
        await asyncio.sleep(3.5 * HEARTBEAT_S)
        assert len(listener.frames()) == 1
        assert [body for _, body in listener.heard[2:]] == [b": no tick\n\n"] * 3
        listener.leave()
        await listener.task

    virtually(listen)


def test_a_slow_listener_misses_frames_but_never_gets_an_old_one() -> None:
    async def listen() -> None:
        scene = TimedScene(car_park(2))
        listener = Listener(Press(scene, scene, ""), Hall(1))
        await tick_every(scene, 1.0, 3)
        listener.pause()
        await tick_every(scene, 1.0, 20)
        listener.resume()
        await tick_every(scene, 1.0, 3)
        await asyncio.sleep(0.1)
        versions = [version for _, version in listener.frames()]
        assert versions == sorted(set(versions))
        assert versions[-1] == 26
        assert len(versions) <= 9
        listener.leave()
        await listener.task

    virtually(listen)


def test_a_full_hall_refuses_and_a_closing_one_lets_everybody_go() -> None:
    async def listen() -> None:
        scene, hall = TimedScene(car_park(2)), Hall(3)
        press = Press(scene, scene, "")
        listeners = [Listener(press, hall) for _ in range(5)]
        await asyncio.sleep(0.1)
        assert [listener.status for listener in listeners] == [200, 200, 200, 503, 503]
        assert hall.taken == 3
        hall.closing.set()
        await asyncio.gather(*(listener.task for listener in listeners))
        assert all(listener.ended for listener in listeners)
        assert hall.taken == 0

    virtually(listen)


def test_compressed_frames_form_one_stream_that_can_be_read_while_it_grows() -> None:
    async def listen() -> None:
        scene, hall = TimedScene(car_park(9)), Hall(2)
        press = Press(scene, scene, "")
        plain, packed = Listener(press, hall), Listener(press, hall, compressed=True)
        await tick_every(scene, 1.0, 5)
        await asyncio.sleep(0.1)
        unpack = zlib.decompressobj(wbits=31)
        for (_, text), (_, blocks) in zip(plain.heard, packed.heard, strict=True):
            assert unpack.decompress(blocks) == text
        for listener in (plain, packed):
            listener.leave()
            await listener.task

    virtually(listen)


def test_over_the_wire_each_event_is_the_picture() -> None:
    async def visit() -> None:
        scene = busy(3)
        async with serving(scene) as server:
            heard = await raw(server.port, get("/api/v1/events"), until=b"\n\n\r\n")
        head, _, body = heard.partition(b"\r\n\r\n")
        assert b"text/event-stream" in head
        data = b"".join(line for line in body.split(b"\n") if line.startswith(b"data: "))
        assert json.loads(data[6:])["site"]["name"] == scene.site.name

    run(visit())


def test_two_hundred_streams_are_served_up_to_the_limit_and_cost_the_others_nothing() -> None:
    """W07: of 200 listeners 64 are served, 136 refused; health still answers at once, and all seats become free."""

    async def visit() -> None:
        scene = busy(3)
        async with serving(scene, max_connections=300) as server:
            connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.port) for _ in range(200)))
            for _, writer in connections:
                writer.write(get("/api/v1/events"))
            heads = await asyncio.gather(*(reader.readline() for reader, _ in connections))
            assert sorted({head.split()[1] for head in heads}) == [b"200", b"503"]
            assert sum(b" 200 " in head for head in heads) == 64
            assert b" 200 " in await raw(server.port, get("/healthz", "Connection: close"))
            scene.instant = scene.instant.later(2.0)
            assert b"ems_web_streams 64.0" in await raw(server.port, get("/metrics", "Connection: close"))
            for _, writer in connections:
                writer.close()
            await asyncio.sleep(0.3)
            scene.instant = scene.instant.later(2.0)
            assert b"ems_web_streams 0.0" in await raw(server.port, get("/metrics", "Connection: close"))

    run(visit())


def test_a_listener_that_takes_nothing_is_cut_off() -> None:
    """W07: the server holds one frame for it, not a growing queue, and ends the connection."""

    async def visit() -> None:
        scene = busy(120)
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        async with serving(scene, stalled_s=1.0) as server:
            await loop.sock_connect(deaf, ("127.0.0.1", server.port))
            await loop.sock_sendall(deaf, get("/api/v1/events"))
            most = 0
            for _ in range(150):
                scene.instant = scene.instant.later(1.0)
                scene.announce()
                await asyncio.sleep(0.02)
                most = max(most, server.streams)
                if most and not server.streams:
                    break
            assert (most, server.streams) == (1, 0)
        deaf.close()

    run(visit())


def test_who_comes_again_is_not_told_what_they_have() -> None:
    async def work() -> None:
        scene = TimedScene(car_park(2))
        scene.tick()
        press, hall = Press(scene, scene, "1.0"), Hall(4)
        known, new = Listener(press, hall, seen=scene.version), Listener(press, hall, seen=scene.version - 1)
        await asyncio.sleep(0.5)
        assert known.frames() == []
        assert [version for _, version in new.frames()] == [scene.version]
        scene.tick()
        await asyncio.sleep(2.0)
        assert [version for _, version in known.frames()] == [scene.version]
        for one in (known, new):
            one.leave()
            await one.task

    virtually(work)
