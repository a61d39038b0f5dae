"""`ems import departures`: a preview of what a list would change, and with --apply the change."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from ems.cli.outcome import FINDING, FINE, WRONG_USE
from ems.runtime.clock import SystemClock
from tests.assembly.installation import Installation
from tests.assembly.running import running
from tests.cli.typed import Ended, ems

TOMORROW = (SystemClock().now().utc + timedelta(days=1)).date()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """What the command said, in this order, beside one daemon."""
    site = Installation.at(tmp_path_factory.mktemp("depot"))
    files = {
        "good": f"Fahrzeug;Datum;Abfahrt;Ziel-SoC;kWh\nBus 17;{TOMORROW};05:10;;55,5\nBus 18;{TOMORROW};06:00;80 %;\n",
        "later": f"vehicle,departure,kwh\nBus 17,{TOMORROW} 05:40,55.5\n",
        "bad": f"vehicle,departure,kwh\nBus 17,{TOMORROW} 05:40,55.5\nBuss 17,{TOMORROW} 05:40,5\n",
        "prices": "start;price\n2026-01-01 00:00;5\n",
    }
    paths = {name: site.folder.parent / f"{name}.csv" for name in files}
    for name, text in files.items():
        paths[name].write_bytes(text.encode("utf-16" if name == "later" else "cp1252"))
    found: dict[str, Ended] = {}

    async def scenario() -> None:
        async with running(site):
            await asyncio.to_thread(add, site, "Bus 17", "Bus 18")
            for key, name, *options in (
                ("preview", "good"),
                ("taken", "good", "--apply"),
                ("again", "good", "--json"),
                ("corrected", "later", "--apply"),
                ("bad", "bad"),
                ("bad --apply", "bad", "--apply"),
                ("prices", "prices", "--apply"),
                ("at the end", "good", "--json"),
            ):
                words: tuple[str | Path, ...] = ("import", "departures", site.folder, paths[name], *options)
                found[key] = await asyncio.to_thread(ems, *words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMS_STATE_DIR", str(site.state))
        asyncio.run(scenario())
        found["nobody"] = ems("import", "departures", site.folder, paths["good"])
        found["no file"] = ems("import", "departures", site.folder, site.folder / "none.csv")
    return found


def add(site: Installation, *vehicles: str) -> None:
    for name in vehicles:
        address = f"{site.page}/api/v1/vehicles/{name.replace(' ', '%20')}"
        body = json.dumps({"battery_kwh": 360}).encode()
        request = Request(address, body, {"content-type": "application/json"}, method="PUT")
        build_opener(ProxyHandler({})).open(request, timeout=10).close()


def test_without_apply_it_says_what_would_change(said: dict[str, Ended]) -> None:
    ended = said["preview"]
    assert (ended.status, ended.err) == (FINE, "")
    assert [line.split() for line in ended.out.splitlines()[:2]] == [
        ["Bus", "17", str(TOMORROW), "new", "05:10", "55.5", "kWh"],
        ["Bus", "18", str(TOMORROW), "new", "06:00", "80", "%"],
    ]
    assert ended.out.splitlines()[2:] == [
        "would be taken: 2 new, 0 changed, 0 as known; nothing has changed yet, add --apply"
    ]


def test_with_apply_it_is_so(said: dict[str, Ended]) -> None:
    assert said["taken"].out.splitlines()[2:] == ["taken: 2 new, 0 changed, 0 as known"]
    assert [day["kind"] for day in said["again"].data["days"]] == ["same", "same"]


def test_a_correction_says_before_and_after(said: dict[str, Ended]) -> None:
    assert said["corrected"].out.splitlines() == [
        f"Bus 17           {TOMORROW}  changed  05:10 55.5 kWh → 05:40 55.5 kWh",
        "taken: 0 new, 1 changed, 0 as known",
    ]


@pytest.mark.parametrize("key", ["bad", "bad --apply"])
def test_a_bad_row_is_named_with_its_line_and_nothing_is_taken(said: dict[str, Ended], key: str) -> None:
    ended = said[key]
    assert ended.status == FINDING
    assert (
        "bad.csv:3: there is no vehicle 'Buss 17'; is Bus 17 meant?; correct the name, or add the vehicle" in ended.out
    )
    assert ended.out.splitlines()[-1] == "nothing is taken: 1 row is refused"
    assert [day["kind"] for day in said["at the end"].data["days"]] == ["changed", "same"]


def test_a_file_that_is_no_list_is_a_finding(said: dict[str, Ended]) -> None:
    assert said["prices"].status == FINDING
    assert "no heading names a column for the vehicle" in said["prices"].out


@pytest.mark.parametrize(("key", "words"), [("nobody", "no daemon answers"), ("no file", "No such file")])
def test_wrong_use_says_what_helps(said: dict[str, Ended], key: str, words: str) -> None:
    assert said[key].status == WRONG_USE
    assert words in said[key].err
