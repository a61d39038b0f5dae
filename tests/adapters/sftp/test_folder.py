"""A file is put on a real server, whole, by whoever is known there, if the server is the one that is meant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from ems.adapters.sftp.folder import SftpFolder
from ems.ports.delivery import Attachment, NotDeliveredError
from tests.ports import free_ports

USER, PASSWORD = "depot", "a long secret"
FILE = Attachment("energy-2026-10.csv", "text/csv", b"at;kWh\r\n" * 50_000)


class Guard(asyncssh.SSHServer):
    """Lets in whoever has the password, or the key that is known."""

    def __init__(self, key: asyncssh.SSHKey) -> None:
        self._key = key

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key.public_data == self._key.public_data


KEY = asyncssh.generate_private_key("ssh-ed25519")
HOST = asyncssh.generate_private_key("ssh-ed25519")
OTHER = asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


@asynccontextmanager
async def server(root: Path) -> AsyncIterator[SftpFolder]:
    """A server whose root is a folder, as the site file would describe it."""
    (root / "in").mkdir()

    def files(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(root).encode())

    listening = await asyncssh.create_server(
        lambda: Guard(KEY), "127.0.0.1", 0, server_host_keys=[HOST], sftp_factory=files
    )
    async with listening:
        yield SftpFolder("127.0.0.1", listening.get_port(), USER, public(HOST), "in", PASSWORD)


def test_a_file_arrives_whole_in_place_of_the_one_before(tmp_path: Path) -> None:
    async def work() -> None:
        async with server(tmp_path) as folder:
            await folder.put(FILE._replace(content=b"old"))
            await folder.put(FILE)

    asyncio.run(work())
    assert [path.name for path in (tmp_path / "in").iterdir()] == [FILE.name]
    assert (tmp_path / "in" / FILE.name).read_bytes() == FILE.content


def test_a_key_of_ours_opens_too(tmp_path: Path) -> None:
    async def work() -> None:
        async with server(tmp_path) as folder:
            key = KEY.export_private_key().decode()
            await replace(folder, password=None, private_key=key).put(FILE)

    asyncio.run(work())
    assert (tmp_path / "in" / FILE.name).exists()


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    async def work() -> None:
        async with server(tmp_path) as folder:
            await folder.put(FILE._replace(name="../../etc/x.csv"))

    asyncio.run(work())
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["x.csv"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host_key": public(OTHER)}, "has another key than the site file names"),
        ({"password": "wrong"}, "refuses the login of 'depot'"),
        ({"password": None, "private_key": OTHER.export_private_key().decode()}, "refuses the login"),
        ({"password": None, "private_key": "no key"}, "a key cannot be read"),
        ({"folder": "elsewhere"}, "folder 'elsewhere'"),
    ],
)
def test_what_the_server_will_never_take_is_said(tmp_path: Path, change: dict[str, str | None], said: str) -> None:
    async def work() -> None:
        async with server(tmp_path) as folder:
            with pytest.raises(NotDeliveredError, match=said) as found:
                await replace(folder, **change).put(FILE)  # type: ignore[arg-type]  # the names are those above
            assert found.value.is_final

    asyncio.run(work())
    assert list((tmp_path / "in").iterdir()) == []


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    (port,) = free_ports(1)
    folder = SftpFolder("127.0.0.1", port, USER, public(HOST), "in", PASSWORD)
    with pytest.raises(NotDeliveredError, match=f"{port}: ") as found:
        asyncio.run(folder.put(FILE))
    assert not found.value.is_final
