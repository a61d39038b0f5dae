"""One client at the FTP server, from its greeting to its goodbye."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address

from ems.ports.stations import UploadBox, UploadRefusedError

LOGIN = "ems"
IDLE_S, BLOCK_S, DATA_S = 300.0, 60.0, 30.0
"""So long a station may say nothing, pause within a file, and take to open the connection for it."""

BLOCK = 64 << 10
MOST_GUESSES = 3
_WRONG = (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


class Visit:
    """The control connection of one client (RFC 959). It knows only what putting a file takes."""

    def __init__(self, box: UploadBox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._box, self._reader, self._writer = box, reader, writer
        self._word, self._guesses = "", 0
        self._connect: Connect | None = None
        self._passive: asyncio.Server | None = None
        self._came: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Serve the client until it goes, or says nothing for too long."""
        try:
            self._say("220 files of stations")
            while await self._one():
                await self._writer.drain()
        except _WRONG:
            pass
        finally:
            self._forget_data()
            with suppress(*_WRONG):
                async with asyncio.timeout(1.0):
                    await self._writer.drain()

    async def _one(self) -> bool:
        """Answer one command; False when it was the last."""
        async with asyncio.timeout(IDLE_S):
            line = await self._reader.readline()
        if not line:
            return False
        command, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
        command = command.upper()
        if command == "QUIT":
            self._say("221 goodbye")
            return False
        if command in _ALWAYS:
            self._say(_ALWAYS[command])
        elif command == "PASS":
            return self._log_in(rest)
        elif not self._word:
            self._say("530 log in first")
        elif command in _KNOWN:
            self._say(_KNOWN[command].format(rest="/"))
        elif command in {"PASV", "EPSV"}:
            await self._listen(command == "EPSV")
        elif command in {"PORT", "EPRT"}:
            self._call_back(rest)
        elif command == "STOR":
            await self._store(rest)
        else:
            self._say("502 one file can be put here, and nothing else done")
        return True

    def _log_in(self, password: str) -> bool:
        if self._box.is_open(password):
            self._word = password
            self._say("230 put the file")
            return True
        self._guesses += 1
        self._say("530 nobody waits for a file under that password")
        return self._guesses < MOST_GUESSES

    async def _listen(self, extended: bool) -> None:
        """The client will open the data connection, to the address by which it has reached us."""
        self._forget_data()
        host = self._writer.get_extra_info("sockname")[0]
        if not extended and ":" in host:
            self._say("425 over IPv6 it is EPSV")
            return
        coming: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()

        async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if coming.done() or _peer(writer) != _peer(self._writer):
                writer.transport.abort()
            else:
                self._came = writer
                coming.set_result((reader, writer))

        self._passive = await asyncio.start_server(came, host, 0, limit=BLOCK, backlog=2)
        port = self._passive.sockets[0].getsockname()[1]

        async def connected() -> Streams:
            async with asyncio.timeout(DATA_S):
                return await coming

        self._connect = connected
        numbers = ",".join((*host.split("."), str(port >> 8), str(port & 255)))
        self._say(
            f"229 entering extended passive mode (|||{port}|)" if extended else f"227 entering passive mode ({numbers})"
        )

    def _call_back(self, rest: str) -> None:
        """We open the data connection, to the client itself and nobody else (RFC 2577)."""
        self._forget_data()
        place = _place(rest)
        if place is None or place[0] != _peer(self._writer) or place[1] < 1024:
            self._say("504 a file comes from the machine that has logged in")
            return
        host, port = place

        async def connected() -> Streams:
            async with asyncio.timeout(DATA_S):
                return await asyncio.open_connection(host, port, limit=BLOCK)

        self._connect = connected
        self._say("200 there it is")

    async def _store(self, name: str) -> None:
        connect, self._connect = self._connect, None
        if connect is None:
            self._say("425 say PASV or PORT first")
            return
        self._say("150 send it")
        try:
            reader, writer = await connect()
        except _WRONG:
            self._say("425 no connection came about")
            return
        try:
            received = await self._box.receive(self._word, name, _blocks(reader))
        except UploadRefusedError as refused:
            self._say(f"{452 if refused.status == 507 else 552 if refused.status == 413 else 550} {refused}")
        except _WRONG:
            self._say("426 the connection broke")
        else:
            self._say(f"226 {received.size} bytes")
        finally:
            writer.transport.abort()
            self._forget_data()

    def _forget_data(self) -> None:
        self._connect = None
        if self._passive is not None:
            self._passive.close()
            self._passive = None
        if self._came is not None:
            self._came.transport.abort()
            self._came = None

    def _say(self, text: str) -> None:
        self._writer.write(f"{text}\r\n".encode())


_ALWAYS = {
    "USER": "331 password, please",
    "NOOP": "200 yes",
    "SYST": "215 UNIX Type: L8",
    "FEAT": "211 none but EPSV",
    "OPTS": "200 as you like",
    "AUTH": "502 no TLS here",
}
_KNOWN = {
    "TYPE": "200 every file is kept as it comes",
    "MODE": "200 stream",
    "STRU": "200 file",
    "ALLO": "202 not needed",
    "PWD": '257 "{rest}" is where you are',
    "XPWD": '257 "{rest}" is where you are',
    "CWD": "250 every folder is there",
    "CDUP": "250 every folder is there",
    "MKD": '257 "{rest}" is there',
    "XMKD": '257 "{rest}" is there',
}
_PORT = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EPRT = re.compile(r"\|[12]\|([0-9a-fA-F.:]{2,45})\|(\d{1,5})\|")


def _place(text: str) -> tuple[str, int] | None:
    """Host and port of PORT or EPRT; None when they are none."""
    numbers, extended = _PORT.fullmatch(text.strip()), _EPRT.fullmatch(text.strip())
    try:
        if numbers is not None:
            *host, high, low = numbers.groups()
            return str(ip_address(".".join(host))), 256 * int(high) + int(low)
        if extended is not None:
            return str(ip_address(extended[1])), int(extended[2])
    except ValueError:
        pass
    return None


def _peer(writer: asyncio.StreamWriter) -> str:
    return str(writer.get_extra_info("peername")[0])


async def _blocks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(BLOCK_S):
            block = await reader.read(BLOCK)
        if not block:
            return
        yield block
