"""The test buttons of settings against the real other side: a server of files, and a roaming partner."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.sftp.folder import SftpFolder
from tests.adapters.ocpi.provider import Provider, serving
from tests.adapters.sftp.test_folder import HOST, KEY, OTHER, PASSWORD, USER, public, server
from tests.adapters.web.test_settings import OPERATOR, tried
from tests.adapters.web.test_wizard import Installer, anna

__all__ = ["anna"]
SFTP = ["reports", "exports", "erp", "sftp"]
PARTNER = ["ocpi", "partners", "acme"]


@contextmanager
def files(root: Path) -> Iterator[SftpFolder]:
    """A real SFTP server, in a loop of its own."""
    told, over, loop = Future[SftpFolder](), asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with server(root) as folder:
            told.set_result(folder)
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        yield told.result(10)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def kept(anna: Installer, route: list[str], key: str, secret: str) -> None:
    told = anna.ask("POST", "/api/v1/site/draft/secrets", {"route": route, "key": key, "secret": secret})
    assert told.status_code == 200, told.text


WAYS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a password": ("password_file", PASSWORD, {}, ""),
    "a private key": ("key_file", KEY.export_private_key().decode(), {}, ""),
    "another password": ("password_file", "some other secret", {}, "refuses"),
    "a key that nobody knows": ("key_file", OTHER.export_private_key().decode(), {}, "refuses"),
    "a server that is another": ("password_file", PASSWORD, {"host_key": public(OTHER)}, "has another key"),
    "a folder that is not there": ("password_file", PASSWORD, {"folder": "out"}, "out"),
}


@pytest.mark.parametrize("name", sorted(WAYS))
def test_a_server_of_files_is_tried_with(anna: Installer, tmp_path: Path, name: str) -> None:
    key, secret, keys, trouble = WAYS[name]
    root = tmp_path / "server"
    root.mkdir()
    anna.edit(["reports", "exports", "erp"], {"content": "report", "every": "month"})
    kept(anna, SFTP, key, secret)
    with files(root) as folder:
        right = {"host": "127.0.0.1", "port": folder.port, "user": USER, "host_key": public(HOST), "folder": "in"}
        told = tried(anna, SFTP, {**right, **keys})
    if trouble:
        assert trouble in told["trouble"], told
    else:
        assert told["trouble"] == ""
        assert told["seen"] == ["127.0.0.1 knows depot, who may write into in"]
        assert list((root / "in").iterdir()) == [], "a trial leaves nothing behind"
    assert secret not in json.dumps(told)


def test_a_partner_is_asked_for_its_versions(anna: Installer) -> None:
    """With the token that it gave us; with another it says so."""
    partner = Provider()
    anna.edit(["ocpi"], OPERATOR)
    with serving(partner):
        keys = {"versions_url": f"{partner.url}/ocpi/versions"}
        kept(anna, PARTNER, "token_file", partner.our_token)
        told = tried(anna, PARTNER, keys)
        assert told["trouble"] == "", told
        assert "speaks OCPI 2.2.1, with cdrs, commands, credentials, locations" in told["seen"][0]
        kept(anna, PARTNER, "token_file", "0" * 32)
        assert "401" in tried(anna, PARTNER, keys)["trouble"]
        kept(anna, PARTNER, "token_file", partner.our_token)
        assert tried(anna, PARTNER, {"versions_url": f"{partner.url}/elsewhere"})["trouble"]
    assert {one.method for one in partner.told} == {"GET"}, "nothing was told or changed there"
