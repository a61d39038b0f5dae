"""`ems ocpi` beside a daemon: a partner is invited, registers, its tokens are fetched, and we part."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ems.cli.outcome import FINE, WRONG_USE
from tests.adapters.ocpi.provider import Provider, serving, token
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running
from tests.assembly.test_ocpi import OCPI, roaming
from tests.cli.typed import Ended, ems


def test_partners_come_and_go_by_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, provider = Installation.at(tmp_path), Provider()
    site.write(more=OCPI.format(page=site.page, more=""))
    provider.tokens = [token("CARD-A")]
    monkeypatch.setenv("EMS_STATE_DIR", str(site.state))

    async def typed(kind: str, *words: str) -> Ended:
        return await asyncio.to_thread(ems, "ocpi", kind, site.folder, *words)

    async def scenario() -> None:
        async with running(site) as daemon:
            await eventually(lambda: roaming(daemon)._is_loaded)
            shown = await typed("list")
            assert (shown.status, "tnm" in shown.out, "not registered" in shown.out) == (FINE, True, True)
            invited = (await typed("invite", "tnm", "--json")).data
            done = await asyncio.to_thread(provider.register, invited["versions_url"], invited["token"])
            assert done.code == 1000
            await eventually(lambda: roaming(daemon).views()[0].tags == 1)
            assert (await typed("fetch", "tnm")).out == "1 tokens were fetched\n"
            again = await typed("register", "tnm", "--json")
            assert again.data["roles"] == [{"party": "NL*TNM", "role": "EMSP", "name": "TheNewMotion"}]
            refused = await typed("invite", "tnm")
            assert (refused.status, "is registered" in refused.err) == (WRONG_USE, True)
            assert (await typed("part", "tnm")).status == FINE
            assert provider.operator_token == ""
            unknown = await typed("invite", "acme")
            assert (unknown.status, "names no partner 'acme'" in unknown.err) == (WRONG_USE, True)

    with serving(provider):
        asyncio.run(scenario())
    assert "no daemon answers" in ems("ocpi", "list", site.folder).err
    site.write()
    assert "write a section ocpi:" in ems("ocpi", "list", site.folder).err
