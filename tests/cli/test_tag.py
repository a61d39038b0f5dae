"""`ems tag` beside a daemon where not everybody may charge: a card is seen, added, charges, is blocked and ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ems.cli.outcome import FINDING, FINE, WRONG_USE
from tests.assembly.charge_point import ChargePoint
from tests.assembly.installation import Installation
from tests.assembly.running import running
from tests.cli.typed import Ended, ems


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the commands said, in this order, and what a station was answered."""
    site = Installation.at(tmp_path_factory.mktemp("depot"))
    site.write(more="access: {mode: tags}\n")
    good, bad = (site.folder.parent / name for name in ("good.csv", "bad.csv"))
    good.write_text("tag;name\nA1;Ada\nCARD-1;fob\n")
    bad.write_text("tag;groups\nA1;nobody\n")
    found: dict[str, Any] = {}

    async def typed(key: str, kind: str, *words: str | Path) -> None:
        found[key] = await asyncio.to_thread(ems, "tag", kind, site.folder, *words)

    async def scenario() -> None:
        point = ChargePoint("CP-01")
        async with running(site), point.connected(site.central):
            await typed("nothing", "list")
            found["before"] = await point.call("Authorize", {"idTag": "CARD-1"})
            await typed("unknown", "list")
            await typed("added", "add", "card-1", "--person", "ada", "--hours", "00:00-24:00", "--budget-kwh", "50")
            await typed("again", "add", "CARD-1")
            await typed("wrong", "add", "X1", "--group", "nobody")
            found["after"] = await point.call("Authorize", {"idTag": "CARD-1"})
            await typed("list", "list", "--json")
            await typed("blocked", "block", "CARD-1")
            found["blocked at the station"] = await point.call("Authorize", {"idTag": "CARD-1"})
            await typed("unblocked", "unblock", "CARD-1", "--json")
            await typed("preview", "import", good)
            await typed("taken", "import", good, "--apply")
            await typed("refused", "import", bad, "--apply")
            await typed("nobody", "block", "ZZ")
            await typed("all", "list", "--search", "fob")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMS_STATE_DIR", str(site.state))
        asyncio.run(scenario())
        found["no daemon"] = ems("tag", "list", site.folder)
    return found


def ended(said: dict[str, Any], key: str) -> tuple[int, str]:
    one = said[key]
    assert isinstance(one, Ended)
    return one.status, (one.out + one.err).strip()


def test_a_card_that_nobody_knows_is_refused_and_shown(said: dict[str, Any]) -> None:
    assert ended(said, "nothing") == (FINE, "no tag is known; hold a card up at a station, or: ems tag add SITE TAG")
    assert said["before"]["idTagInfo"]["status"] == "Invalid"
    status, out = ended(said, "unknown")
    assert (status, out.split()[:5]) == (FINE, ["CARD-1", "unknown:", "presented", "at", "CP-01/1,"])


def test_it_is_added_with_its_person_and_may_charge(said: dict[str, Any]) -> None:
    assert ended(said, "added") == (FINE, "card-1 may charge")
    assert said["after"]["idTagInfo"] == {"status": "Accepted"}
    (tag,) = said["list"].data["tags"]
    assert (tag["id"], tag["person"], tag["budget_kwh"], said["list"].data["cards"]) == ("card-1", "ada", 50.0, [])


def test_what_is_there_or_cannot_be_is_said(said: dict[str, Any]) -> None:
    assert ended(said, "again")[0] == WRONG_USE
    assert "is known already" in ended(said, "again")[1]
    assert "there is no group 'nobody'; add it first" in ended(said, "wrong")[1]
    assert "there is no tag 'ZZ'" in ended(said, "nobody")[1]
    assert ended(said, "no daemon")[0] == WRONG_USE


def test_a_tag_is_blocked_and_let_in_again(said: dict[str, Any]) -> None:
    assert ended(said, "blocked") == (FINE, "card-1 is blocked")
    assert said["blocked at the station"]["idTagInfo"]["status"] == "Blocked"
    assert said["unblocked"].data["blocked"] is False


def test_a_list_is_shown_taken_or_refused(said: dict[str, Any]) -> None:
    status, out = ended(said, "preview")
    assert (status, out.splitlines()[-1]) == (
        FINE, "would be taken: 1 new, 1 changed, 0 same; nothing has changed yet, add --apply",
    )  # fmt: skip
    assert ended(said, "taken")[1].endswith("taken: 1 new, 1 changed, 0 same")
    status, out = ended(said, "refused")
    assert (status, "there is no group 'nobody'" in out, out.endswith("nothing is taken")) == (FINDING, True, True)
    assert ended(said, "all")[1].startswith("CARD-1               fob")
