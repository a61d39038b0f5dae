"""What a daemon saw is in its report, and goes out to a real mail server, a real SFTP server and a real receiver."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from pypdf import PdfReader

from ems.assembly.daemon import Daemon
from tests.adapters.mail.postbox import postbox
from tests.adapters.sftp.test_folder import PASSWORD, server
from tests.adapters.store.seeded import Seeded, write
from tests.adapters.webhook.receiver import SECRET, receiver
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


async def ask(site: Installation, method: str, path: str) -> Any:
    content, headers = (None, {}) if method == "GET" else (b"{}", {"content-type": "application/json"})
    request = Request(f"{site.page}/api/v1/{path}", content, {"x-operator": "anna", **headers}, method=method)

    def once() -> Any:
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
                return json.loads(answer.read())
        except HTTPError as refused:
            return json.loads(refused.read())

    return await asyncio.to_thread(once)


def secret(site: Installation, name: str, text: str) -> None:
    (site.folder / name).write_text(text)
    (site.folder / name).chmod(0o600)


def yesterday(daemon: Daemon) -> datetime:
    """Noon of the day before, UTC."""
    now = daemon.clock.now().utc.astimezone(daemon.settings.site.zone)
    return (now - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


def seed(daemon: Daemon) -> None:
    """A session of yesterday, of 10 kWh."""
    one = Seeded("CP-01/1", yesterday(daemon), tag="04A1", person="anna", cost_centre="4000", cost_minor=390)
    database = daemon.store.database
    with database.connect() as connection, database.transaction(connection, durable=False):
        write(connection, [one], first_id=900)


def test_exports_reach_a_mail_server_an_sftp_server_and_a_receiver(site: Installation, tmp_path: Path) -> None:
    root = tmp_path / "sftp"
    root.mkdir()

    async def scenario() -> None:
        async with postbox() as box, server(root) as folder:
            with receiver() as there:
                secret(site, "sftp", PASSWORD)
                secret(site, "hook", SECRET)
                drop = f"{{host: 127.0.0.1, port: {folder.port}, user: {folder.user}, password_file: sftp, "
                drop += f"host_key: {folder.host_key}, folder: in}}"
                site.write(
                    more=f"""\
mail: {{host: 127.0.0.1, port: {box.port}, security: none, sender: ems@depot.example}}
reports:
  exports:
    office: {{content: report, every: day, at: "00:00", mail: [office@depot.example]}}
    fleet: {{content: sessions, every: day, at: "00:00", sftp: {drop}}}
    erp: {{content: energy, every: day, at: "00:00", webhook: {{url: "{there.url}", secret_file: hook}}}}
"""
                )
                async with running(site) as daemon:
                    seed(daemon)
                    for name in ("office", "fleet", "erp"):
                        run = await ask(site, "POST", f"scheduled-exports/{name}/send")
                        assert run.get("state") == "delivered", run
                    day = f"{yesterday(daemon):%Y-%m-%d}"
                    views = (await ask(site, "GET", "scheduled-exports"))["exports"]
                    assert [view["runs"][0]["period"] for view in views] == [day] * 3
                    assert "anna" in views[0]["runs"][0]["who"]
                    assert (await ask(site, "POST", "scheduled-exports/nothing/send"))["status"] == 404
                    there.answers[:] = [500]
                    failed = await ask(site, "POST", "scheduled-exports/erp/send")
                    assert failed["state"] == "waiting"
                    assert "answers 500" in failed["answer"]
            (mail,) = box.mails
            assert mail["Subject"] == f"Yard: report {day}"
            body, attached = mail.iter_parts()
            assert "Energy of all vehicles: 10.0 kWh" in body.get_content()
            content = attached.get_payload(decode=True)
            assert isinstance(content, bytes)
            document = PdfReader(io.BytesIO(content))
            assert "10.0 kWh" in document.pages[0].extract_text()
            rows = list(csv.DictReader((root / "in" / f"yard-sessions-{day}.csv").read_text("utf-8-sig").splitlines()))
            assert [(row["evse"], row["cost_centre"]) for row in rows] == [("CP-01/1", "4000")]
            first, again = there.got
            assert first.is_signed()
            assert first.headers["webhook-id"] == again.headers["webhook-id"]
            assert first.headers["content-type"] == "text/csv; charset=utf-8"

    asyncio.run(scenario())


def test_stations_that_are_away_are_out_of_order_and_the_watch_is_kept(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ems.runtime.watchkeeper.LASTING_S", 1.0)
    monkeypatch.setattr("ems.runtime.watchkeeper.LOOK_S", 0.5)
    monkeypatch.setattr("ems.runtime.watchkeeper.SEEN_S", 1.0)

    async def scenario() -> None:
        async with running(site) as daemon:
            await eventually(lambda: daemon.live.version > 6, what="some ticks")
            await daemon.store.flush()
            today = f"{daemon.clock.now().utc.astimezone(daemon.settings.site.zone):%Y-%m-%d}"
            rows = (await ask(site, "GET", f"reports/uptime?from={today}&to={today}"))["rows"]
            assert [row["evse"] for row in rows] == ["CP-01/1", "CP-02/1"]
            assert all(row["offline_min"] > 0 for row in rows), rows
            quality = (await ask(site, "GET", f"reports/quality?from={today}&to={today}"))["rows"]
            assert quality[0]["value"] > 0

    asyncio.run(scenario())
