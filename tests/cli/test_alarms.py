"""`ems alarms` beside a daemon whose stations are away: what is wrong, and that somebody has seen it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ems.cli.outcome import FINDING, FINE, WRONG_USE
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.running import running
from tests.cli.typed import Ended, ems


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the commands said, in this order."""
    site = Installation.at(tmp_path_factory.mktemp("depot"))
    site.write(more="alarms: {offline_s: 1, clear_s: 5}\n")
    found: dict[str, Any] = {}

    async def typed(key: str, *words: str | Path) -> Ended:
        found[key] = await asyncio.to_thread(ems, "alarms", site.folder, *words)
        ended = found[key]
        assert isinstance(ended, Ended)
        return ended

    async def scenario() -> None:
        async with grid_meter(site.modbus), running(site):
            for _ in range(60):
                if "offline" in (await typed("open", "--search", "offline")).out:
                    break
                await asyncio.sleep(0.3)
            told = json.loads((await typed("json", "--json", "--search", "offline")).out)
            number = str(told["alarms"][0]["number"])
            await typed("seen", "--seen", number, "--note", "the switch is dark")
            await typed("after", "--search", "offline")
            await typed("all", "--all", "--search", "switch is")
            await typed("nothing", "--search", "nobody says this")
            await typed("unknown", "--seen", "999")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMS_STATE_DIR", str(site.state))
        asyncio.run(scenario())
        found["no daemon"] = ems("alarms", site.folder)
    return found


def test_what_is_wrong_is_a_finding_with_what_to_look_at(said: dict[str, Any]) -> None:
    one = said["open"]
    assert one.status == FINDING
    assert "both stations of grid are offline" in one.out
    assert "check its power and network" in one.out


def test_somebody_has_seen_it(said: dict[str, Any]) -> None:
    assert said["seen"].out.strip() == "it is noted that you have seen: both stations of grid are offline"
    assert "the switch is dark" in said["after"].out
    assert "the switch is dark" in said["all"].out
    assert "seen by" in said["after"].out


@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("seen", FINE, "it is noted"),
        ("nothing", None, "nothing fits"),
        ("unknown", WRONG_USE, "there is no alarm 999"),
        ("no daemon", WRONG_USE, "no daemon answers"),
    ],
)
def test_each_answer_has_its_code(said: dict[str, Any], key: str, code: int | None, words: str) -> None:
    one = said[key]
    assert code is None or one.status == code
    assert words in one.out + one.err
