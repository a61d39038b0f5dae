"""`ems qr`: what is behind the code of every EVSE, and pictures to print."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from ems.cli.outcome import FINE, WRONG_USE
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running
from tests.cli.typed import Ended, ems


def test_addresses_are_printed_and_codes_written(tmp_path: Path) -> None:
    site = Installation.at(tmp_path)
    folder = tmp_path / "codes"

    async def scenario() -> tuple[Ended, Ended, Ended]:
        async with running(site) as daemon:
            await eventually(lambda: len(daemon.product.drivers.desk.stickers) == 2, what="stickers")
            (tmp_path / "file").write_text("")
            return (
                await asyncio.to_thread(ems, "qr", site.folder, "--out", folder),
                await asyncio.to_thread(ems, "qr", site.folder, "--json"),
                await asyncio.to_thread(ems, "qr", site.folder, "--out", tmp_path / "file"),
            )

    printed, as_json, refused = asyncio.run(scenario())
    rows = json.loads(as_json.out)
    assert (printed.status, as_json.status) == (FINE, FINE)
    assert [row["evse"] for row in rows] == ["CP-01/1", "CP-02/1"]
    assert [line.split() for line in printed.out.splitlines()] == [[row["evse"], row["url"]] for row in rows]
    assert "public_url" in printed.err
    assert sorted(path.name for path in folder.iterdir()) == ["CP-01_1.svg", "CP-02_1.svg"]
    assert (folder / "CP-01_1.svg").read_text("utf-8").lstrip().startswith("<?xml")
    assert (refused.status, "cannot be written" in refused.err) == (WRONG_USE, True)
