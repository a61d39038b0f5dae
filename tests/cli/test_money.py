"""`ems payment`, `ems prepaid` and `ems bill` beside a daemon: an account is opened, booked to and topped up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ems.cli.outcome import FINDING, FINE
from tests.assembly.installation import Installation
from tests.assembly.running import running
from tests.assembly.test_payments import Browser
from tests.cli.typed import Ended, ems


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the commands said, in this order."""
    site = Installation.at(tmp_path_factory.mktemp("money"))
    site.write(more="payment: {provider: sandbox}\n")
    found: dict[str, Any] = {}
    browser = Browser(site)

    async def typed(key: str, command: str, kind: str, *words: str | Path) -> None:
        found[key] = await asyncio.to_thread(ems, command, kind, site.folder, *words)

    async def scenario() -> None:
        async with running(site):
            await browser.ask("PUT", "people/ada", {"name": "Ada"})
            await browser.ask("PUT", "groups/fleet", {"name": "Fleet"})
            await typed("nobody", "prepaid", "open", "bob")
            await typed("opened", "prepaid", "open", "ada")
            for key in ("booked", "again"):
                await typed(key, "prepaid", "book", "ada", "30.00", "cash", "--key", "k1")
            await typed("too much", "prepaid", "book", "ada", "-31.00", "cash", "--key", "k2")
            await typed("garbage", "prepaid", "book", "ada", "much", "cash")
            begun = await browser.ask("POST", "prepaid/ada/top-ups", {"amount": "20.00"})
            await browser.answer(begun["redirect"], "approve")
            for _ in range(100):
                if (await browser.ask("GET", "prepaid/ada"))["account"]["balance"] == "50.00":
                    break
                await asyncio.sleep(0.2)
            await typed("account", "prepaid", "show", "ada")
            await typed("list", "payment", "list", "--state", "captured")
            await typed("refund", "payment", "refund", begun["reference"], "moved away", "--amount", "5")
            await typed("story", "payment", "show", begun["reference"])
            await typed("unknown", "payment", "show", "PAY-1")
            await typed("closed", "prepaid", "close", "ada")
            await browser.ask("PUT", "billing-groups/fleet", {"title": "Fleet Ltd"})
            await typed("groups", "bill", "list")
            await typed("bill", "bill", "show", "fleet", "2020-01")
            await typed("month closed", "bill", "close", "fleet", "2020-01", "--json")
            await typed("no month", "bill", "close", "fleet", "2020-13")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMS_STATE_DIR", str(site.state))
        patch.setattr("ems.runtime.errand.LOOK_S", 0.3)
        patch.setattr("ems.runtime.errand.ACT_S", 0.3)
        asyncio.run(scenario())
    return found


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        ("nobody", FINDING, "there is no person 'bob': add them first"),
        ("opened", FINE, "0.00 EUR, 0.00 held"),
        ("booked", FINE, "30.00 EUR"),
        ("again", FINE, "30.00 EUR"),
        ("too much", FINDING, "only 30.00 EUR are left"),
        ("garbage", FINDING, "amount"),
        ("account", FINE, "20.00  top-up"),
        ("list", FINE, "captured           20.00 EUR  account of ada"),
        ("refund", FINE, "-C1: 5.00 EUR go back (0.00 tax inside)"),
        ("story", FINE, "15.00 EUR can go back"),
        ("unknown", FINDING, "there is no payment 'PAY-1'"),
        ("closed", FINE, "45.00 EUR, 0.00 held, closed"),
        ("groups", FINE, "fleet                    Fleet Ltd"),
        ("bill", FINE, "2020-01/fleet: Fleet Ltd (not closed)"),
        ("month closed", FINE, '"closed": "20'),
        ("no month", FINDING, "is no month: write for example 2026-11"),
    ],
)
def test_commands_say_what_came_of_it(said: dict[str, Any], key: str, status: int, words: str) -> None:
    one = said[key]
    assert isinstance(one, Ended)
    assert words in one.out, one
    assert one.status == status
