"""A serial line, as a pair of pseudo terminals; real time, because the kernel carries the bytes."""

from __future__ import annotations

import asyncio
import os
import pty
import time
import tty
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from ems.adapters.modbus.address import SerialBus
from ems.adapters.modbus.error import LinkError, NoAnswerError, NotConnectedError
from ems.adapters.modbus.link import Link
from tests.adapters.modbus.bus_server import BusServer, Line, Request, after, be_silent, counting, obey, rtu_request


class Adapter:
    """A serial adapter with a device behind it, plugged in at a path as udev would name it."""

    def __init__(self, path: Path, device: BusServer) -> None:
        self._path = path
        self._device = device
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self._theirs))
        self._tasks: set[asyncio.Task[None]] = set()
        self._received = b""
        asyncio.get_running_loop().add_reader(self._ours, self._readable)

    def pull(self) -> None:
        """Take it out."""
        self._path.unlink(missing_ok=True)
        asyncio.get_running_loop().remove_reader(self._ours)
        for task in self._tasks:
            task.cancel()
        os.close(self._theirs)
        os.close(self._ours)

    def say(self, data: bytes) -> None:
        """Put bytes onto the line."""
        os.write(self._ours, data)

    def _readable(self) -> None:
        with suppress(OSError):
            self._received += os.read(self._ours, 256)
        while len(self._received) >= 8:
            request, self._received = rtu_request(self._received[:8]), self._received[8:]
            task = asyncio.create_task(self._device.handle(request, Line(self.say, lambda: None)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def play(tmp_path: Path, scenario: Callable[[Link, BusServer, Callable[[], Adapter]], Awaitable[None]]) -> None:
    async def main() -> None:
        device = BusServer({1: counting(), 2: counting()}, rtu=True)
        path = tmp_path / "usb-adapter"
        link = Link(SerialBus(str(path), 115200), timeout_s=0.25)
        try:
            await scenario(link, device, lambda: Adapter(path, device))
        finally:
            await link.close()

    asyncio.run(main())


def test_registers_are_read_over_a_serial_line(tmp_path: Path) -> None:
    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        adapter = plug()
        for address in range(0, 500, 50):
            for unit in (1, 2):
                assert await link.read(4, unit, address, 40) == tuple(range(address, address + 40))
        adapter.pull()

    play(tmp_path, scenario)


@pytest.mark.parametrize("late_s", [0.4, 0.7])
def test_a_late_answer_does_not_shift_what_follows(tmp_path: Path, late_s: float) -> None:
    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        adapter = plug()
        device.manner = after(late_s)
        with pytest.raises(NoAnswerError):
            await link.read(3, 1, 100, 6)
        device.manner = obey
        began, right = time.monotonic(), 0
        while time.monotonic() - began < 0.8:
            address = 10 * (right % 8)
            with suppress(LinkError):
                for size in [6] if 6 not in link.withheld(1) else [4, 2]:
                    assert await link.read(3, 1, address, size) == tuple(range(address, address + size))
                right += 1
        assert right > 3
        adapter.pull()

    play(tmp_path, scenario)


def test_noise_and_foreign_frames_on_the_line_do_no_harm(tmp_path: Path) -> None:
    async def noisy(server: BusServer, request: Request, line: Line) -> None:
        line.send(b"\x00\xff\x55" + server.answer(rtu_request(bytes.fromhex("02030064000285e7"))))
        await obey(server, request, line)

    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        adapter = plug()
        device.manner = noisy
        for address in (10, 20, 30):
            assert await link.read(3, 1, address, 2) == (address, address + 1)
        adapter.pull()

    play(tmp_path, scenario)


def test_an_adapter_that_is_pulled_fails_the_read_at_once_and_is_found_again(tmp_path: Path) -> None:
    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        link.pace(1, timeout_s=5.0, pause_s=0.0)
        adapter = plug()
        assert await link.read(3, 1, 100, 2) == (100, 101)
        device.manner = be_silent
        reading = asyncio.create_task(link.read(3, 1, 200, 2))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        adapter.pull()
        with pytest.raises(NotConnectedError, match="closed the connection"):
            await reading
        assert time.monotonic() - began < 0.5
        with pytest.raises(NotConnectedError, match="No such file"):
            await link.read(3, 1, 300, 3)
        device.manner = obey
        adapter = plug()
        await asyncio.sleep(0.55)
        assert await link.read(3, 1, 300, 3) == (300, 301, 302)
        assert link.generation == 2
        adapter.pull()

    play(tmp_path, scenario)


def test_no_adapter_is_said_in_words(tmp_path: Path) -> None:
    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        with pytest.raises(NotConnectedError, match=r"usb-adapter 115200 8N1: .*No such file or directory"):
            await link.read(3, 1, 100, 2)

    play(tmp_path, scenario)


def test_a_driver_that_opens_slowly_does_not_stop_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one thing here that no pseudo terminal can show, so the opening itself is made slow."""
    fast = import_module("serial").serial_for_url

    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(0.3)  # blocks its thread, as a driver does
        return fast(*args, **kwargs)

    monkeypatch.setattr("serial.serial_for_url", slow)

    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        adapter = plug()
        reading = asyncio.create_task(link.read(3, 1, 100, 2))
        longest, last = 0.0, time.monotonic()
        while not reading.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert await reading == (100, 101)
        assert longest < 0.2
        adapter.pull()

    play(tmp_path, scenario)


def test_a_port_that_opens_after_we_stopped_waiting_is_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    fast = import_module("serial").serial_for_url

    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(0.2)  # blocks its thread, as a driver does
        opened.append(fast(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr("serial.serial_for_url", slow)

    async def scenario(link: Link, device: BusServer, plug: Callable[[], Adapter]) -> None:
        adapter = plug()
        reading = asyncio.create_task(link.read(3, 1, 100, 2))
        await asyncio.sleep(0.05)
        await link.close()
        with pytest.raises(NotConnectedError, match="no longer in use"):
            await reading
        await asyncio.sleep(0.3)
        assert [port.is_open for port in opened] == [False]
        adapter.pull()

    play(tmp_path, scenario)
