"""One folder of one server."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncssh

from ems.ports.delivery import Attachment, NotDeliveredError

ANSWER_S, WHOLE_S = 20.0, 120.0
MOST_SHOWN = 200
TRIAL = ".ems-test.part"
REFUSALS = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPNoSuchPath)


@dataclass(frozen=True, slots=True)
class SftpFolder:
    """A `FileDrop`. `host_key`: the public key of the server, as `ssh-ed25519 AAAA…`. Either a `password`, or
    `private_key`, the text of a key of ours.
    """

    host: str
    port: int
    user: str
    host_key: str
    folder: str = "."
    password: str | None = None
    private_key: str | None = None

    async def put(self, file: Attachment) -> None:
        """As the port says."""
        async with self._in_words():
            await self._put(file)

    async def look(self) -> None:
        """Log in, and see whether files can be written there: one is, and is removed. Raises NotDeliveredError."""
        async with self._in_words(), self._client() as client:
            name = posixpath.join(self.folder, TRIAL)
            async with client.open(name, "wb") as there:
                await there.write(b"")
            await client.remove(name)

    @asynccontextmanager
    async def _in_words(self) -> AsyncIterator[None]:
        """What goes wrong within, as NotDeliveredError."""
        try:
            async with asyncio.timeout(WHOLE_S):
                yield
        except asyncssh.HostKeyNotVerifiable:
            why = f"{self.host} has another key than the site file names; nothing was sent, nor the password"
            raise NotDeliveredError(why, is_final=True) from None
        except asyncssh.PermissionDenied:
            raise NotDeliveredError(f"{self.host} refuses the login of {self.user!r}", is_final=True) from None
        except asyncssh.KeyImportError as wrong:
            raise NotDeliveredError(f"a key cannot be read: {_on_one_line(str(wrong))}", is_final=True) from None
        except asyncssh.SFTPError as wrong:
            why = f"{self.host}, folder {self.folder!r}: {_on_one_line(str(wrong)) or type(wrong).__name__}"
            raise NotDeliveredError(why, is_final=isinstance(wrong, REFUSALS)) from None
        except TimeoutError:
            raise NotDeliveredError(f"{self.host}:{self.port} does not answer in time") from None
        except (asyncssh.Error, OSError) as failed:
            why = _on_one_line(str(failed)) or type(failed).__name__
            raise NotDeliveredError(f"{self.host}:{self.port}: {why}") from None

    async def _put(self, file: Attachment) -> None:
        async with self._client() as client:
            name = posixpath.basename(file.name)
            whole, part = (posixpath.join(self.folder, one) for one in (name, f".{name}.part"))
            async with client.open(part, "wb") as there:
                await there.write(file.content)
            try:
                await client.posix_rename(part, whole)
            except asyncssh.SFTPOpUnsupported:
                with suppress(asyncssh.SFTPError):
                    await client.remove(whole)
                await client.rename(part, whole)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[asyncssh.SFTPClient]:
        trusted = [asyncssh.import_public_key(self.host_key)]
        ours = [] if self.private_key is None else [asyncssh.import_private_key(self.private_key)]
        async with (
            asyncssh.connect(
                self.host,
                self.port,
                username=self.user,
                password=self.password,
                client_keys=ours,
                known_hosts=(trusted, [], []),
                server_host_key_algs=_algorithms(self.host_key),
                config=None,
                agent_path=None,
                connect_timeout=ANSWER_S,
                login_timeout=ANSWER_S,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            yield client


def _algorithms(host_key: str) -> list[str]:
    """The server may have several keys; it is to show the one that we know."""
    kind = host_key.split(" ", 1)[0]
    return ["rsa-sha2-512", "rsa-sha2-256"] if kind == "ssh-rsa" else [kind]


def _on_one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:MOST_SHOWN].strip()
