"""`ems price`: what drivers pay, told from files, previewed line by line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ems.cli.outcome import FINDING, FINE, WRONG_USE
from tests.assembly.installation import Installation
from tests.assembly.running import running
from tests.cli.typed import Ended, ems

FILES = {
    "public": """
name: Everybody
vat_percent: 19
idle_grace_min: 15
idle_at_most: 12
valid_until: 2099-12-31
fees:
  - {unit: kwh, price: 0.59, when: [Mon-Fri 17:00-20:00]}
  - {unit: kwh, price: 0.39}
  - {unit: idle-minute, price: "0.10"}
""",
    "wrong": "fees:\n  - {unit: kwh, price: -1}\n",
    "list": "- 1\n",
    "broken": "fees: [\n",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """What the command said, in this order, beside one daemon."""
    site = Installation.at(tmp_path_factory.mktemp("depot"))
    paths = {name: site.folder.parent / f"{name}.yaml" for name in FILES}
    for name, text in FILES.items():
        paths[name].write_text(text)
    when = ("--at", "2026-11-26T19:00:00+01:00", "--idle", "20")
    commands: dict[str, tuple[str | Path, ...]] = {
        "nothing": ("list", site.folder),
        "unkept": ("preview", site.folder, "--file", paths["public"], *when),
        "set": ("set", site.folder, "public", paths["public"]),
        "list": ("list", site.folder),
        "json": ("list", site.folder, "--json"),
        "preview": ("preview", site.folder, "public", *when),
        "wrong": ("set", site.folder, "wrong", paths["wrong"]),
        "broken": ("set", site.folder, "broken", paths["broken"]),
        "no mapping": ("set", site.folder, "list", paths["list"]),
        "no file": ("set", site.folder, "x", site.folder / "none.yaml"),
        "both": ("preview", site.folder, "public", "--file", paths["public"]),
        "receipt": ("receipt", site.folder, "CP-01/1@20260101T000000Z"),
        "remove": ("remove", site.folder, "public"),
        "again": ("remove", site.folder, "public"),
    }
    found: dict[str, Ended] = {}

    async def scenario() -> None:
        async with running(site):
            for key, words in commands.items():
                found[key] = await asyncio.to_thread(ems, "price", *words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMS_STATE_DIR", str(site.state))
        asyncio.run(scenario())
    return found


def test_a_list_is_told_shown_and_removed(said: dict[str, Ended]) -> None:
    assert said["nothing"].out == "there are no price lists: everything is free\n"
    assert (said["set"].status, said["set"].out) == (FINE, said["list"].out)
    assert said["list"].out.splitlines() == [
        "public: Everybody (everybody, everywhere; … to 2099-12-31)",
        "        0.59 EUR per kWh  Mon-Fri 17:00-20:00",
        "        0.39 EUR per kWh",
        "         0.1 EUR per min idle",
        "  VAT 19 % inside, 15 idle minutes free, 12 EUR at most for idle ones",
    ]
    assert said["json"].data[0]["fees"][0]["price"] == "0.59"
    assert (said["remove"].status, said["again"].status) == (FINE, FINDING)


def test_a_session_is_previewed_before_and_after_the_list_is_kept(said: dict[str, Ended]) -> None:
    """30 kWh at 11 kW from 19:00: an hour of it is dear."""
    assert said["unkept"].out.splitlines()[1:] == said["preview"].out.splitlines()[1:] == [
        "      11.000 kWh      ×       0.59 =       6.49 EUR",
        "      19.000 kWh      ×       0.39 =       7.41 EUR",
        "           5 min idle ×        0.1 =       0.50 EUR",
        "  total                                  14.40 EUR (VAT 19 % 2.30, net 12.10)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        ("wrong", FINDING, "the price per kwh must be a number from 0"),
        ("receipt", FINDING, "there is no receipt of a session"),
        ("broken", WRONG_USE, "broken.yaml:"),
        ("no mapping", WRONG_USE, "list.yaml:"),
        ("no file", WRONG_USE, "No such file"),
        ("both", WRONG_USE, "one of both"),
    ],
)
def test_what_goes_wrong_is_said_with_its_place(said: dict[str, Ended], key: str, status: int, words: str) -> None:
    ended = said[key]
    assert ended.status == status
    assert words in ended.out + ended.err
