"""`ems backup` and `ems restore` beside a whole daemon, and its pages over a real socket."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ems.cli.outcome import FINE, WRONG_USE
from tests.assembly.installation import Installation
from tests.assembly.running import running
from tests.cli.typed import Ended, ems

PAGES = ("/overview", "/evses/CP-01/1", "/vehicles", "/audit", "/system")


class Tried(NamedTuple):
    """What came of everything."""

    site: Installation
    statuses: dict[str, int]
    made: Ended
    running: Ended
    checked: Ended
    restored: Ended


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    site = Installation.at(tmp_path_factory.mktemp("depot"))
    found: dict[str, Ended] = {}
    statuses: dict[str, int] = {}

    def get(path: str) -> int:
        with urllib.request.urlopen(f"{site.page}{path}", timeout=20) as answer:
            return int(answer.status)

    async def scenario() -> None:
        async with running(site):
            for path in (*PAGES, "/api/v1/evses/CP-01/1/course?hours=1", "/api/v1/parts"):
                statuses[path] = await asyncio.to_thread(get, path)
            found["made"] = await asyncio.to_thread(ems, "backup", site.folder)
            archive = Path(found["made"].out.strip())
            found["running"] = await asyncio.to_thread(ems, "restore", site.folder, archive)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMS_STATE_DIR", str(site.state))
        asyncio.run(scenario())
        archive = Path(found["made"].out.strip())
        checked = ems("restore", site.folder, archive, "--check")
        yield Tried(site, statuses, found["made"], found["running"], checked, ems("restore", site.folder, archive))


def test_every_page_is_there(tried: Tried) -> None:
    assert set(tried.statuses.values()) == {200}, tried.statuses


def test_a_backup_is_made_beside_the_daemon(tried: Tried) -> None:
    assert tried.made.status == FINE
    assert Path(tried.made.out.strip()).is_file()


def test_it_is_not_put_back_below_the_daemon(tried: Tried) -> None:
    assert tried.running.status == WRONG_USE
    assert "stopped" in tried.running.err


def test_it_is_looked_at_and_put_back_once_the_daemon_is_stopped(tried: Tried) -> None:
    assert (tried.checked.status, tried.restored.status) == (FINE, FINE)
    assert "nothing was changed" in tried.checked.out
    kept = Path(tried.restored.out.splitlines()[-1].rpartition(" lies in ")[2])
    assert (kept / "ems.sqlite3").is_file()
    assert (kept / "site" / "site.yaml").read_text() == tried.site.file.read_text()


@pytest.mark.parametrize("words", [("restore",), ("restore", "x"), ("backup", "/nowhere")])
def test_wrong_use_is_said(words: tuple[str, ...]) -> None:
    assert ems(*words).status == WRONG_USE
