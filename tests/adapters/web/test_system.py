"""The page of the system, backups over REST and who may have them, and what the support bundle does not say."""

from __future__ import annotations

import io
import json
import logging
import re
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ems.assembly.restore import manifest_of
from ems.assembly.support import masked, masked_text, masked_yaml
from ems.domain.access.account import Role
from ems.runtime.clock_discipline import clock_status
from ems.runtime.recent_log import RecentLog
from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.test_injection import HOSTILE

SITE = """# how the depot is built
site: {name: Depot, timezone: Europe/Berlin}
payment: {provider: stripe, key_file: secrets/stripe}
web: {token: abcdef, names: [depot.example]}
broker: mqtt://ems:hunter2@10.0.0.5:1883  # password: see the drawer
stations:
  CP-01: {password: hunter2, circuit: grid}
  CP-02:
    password: hunter2
    password_file: secrets/cp-02
"""


DEEP = "a-place-that-lies-deep/" * 9


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PageOffice]:
    with PageOffice(tmp_path) as one:
        (tmp_path / "site" / "site.yaml").write_text(SITE)
        yield one


def said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_every_part_is_told_with_its_age_or_latency(office: PageOffice) -> None:
    parts = {one["name"]: one for one in office.told("GET", "/parts")["parts"]}
    assert {"controller", "stations", "meter main", "planner", "database", "web"} <= set(parts)
    assert parts["database"]["condition"] == "good"
    assert parts["database"]["latency_s"] is not None
    assert parts["meter main"]["age_s"] is not None
    text = said(office.page("/system").text)
    for words in ("answers in", "free", "Versions", "database"):
        assert words in text


@pytest.mark.parametrize("deep", ["", DEEP], ids=["near", "deep in the file system"])
def test_how_a_backup_is_put_back_is_said_for_this_site_and_whoever_is_at_its_machine(
    tmp_path: Path, deep: str
) -> None:
    place = tmp_path / deep
    place.mkdir(parents=True, exist_ok=True)
    with PageOffice(place) as office:
        text = said(office.page("/system").text)
    assert re.search(rf"EMS_STATE_DIR={place} \S*ems restore {place}/site ARCHIVE --check", text)


def test_the_last_trouble_of_a_part_is_told_by_its_log(office: PageOffice) -> None:
    logging.getLogger("ems.adapters.modbus.link").warning("link.down bus=%s", "10.0.0.5:502")
    logging.getLogger("ems.adapters.ocpp.server").error("broken %s", HOSTILE["I02 script"])
    parts = {one["name"]: one for one in office.told("GET", "/parts")["parts"]}
    assert parts["stations"]["last_error"].startswith("broken <script>")
    page = office.page("/system").text
    assert "<script>window" not in page


@pytest.mark.parametrize(("level", "kept"), [(logging.INFO, 0), (logging.WARNING, 1), (logging.CRITICAL, 1)])
def test_only_warnings_and_worse_are_remembered(level: int, kept: int) -> None:
    recent = RecentLog().listen()
    logging.getLogger("ems.test").log(level, "x %d", 1)
    logging.getLogger("other").log(level, "x")
    assert [line.text for line in recent.lines] == ["x 1"] * kept


def test_a_line_that_does_not_fit_its_arguments_is_kept_as_it_is() -> None:
    recent = RecentLog()
    recent.handle(logging.LogRecord("ems.x", logging.ERROR, "", 0, "%d apples", ("many",), None))
    assert recent.lines[0].text == "%d apples"


def test_the_clock_is_judged_by_the_kernel() -> None:
    told = clock_status()
    assert told.is_kept in {True, False, None}
    assert told.error_s is None or told.error_s >= 0.0


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/api/v1/parts", Role.VIEWER),
        ("GET", "/system", Role.VIEWER),
        ("GET", "/api/v1/support-bundle", Role.INSTALLER),
        ("GET", "/api/v1/backups", Role.ADMIN),
        ("POST", "/api/v1/backups", Role.ADMIN),
        ("GET", "/api/v1/backups/x", Role.ADMIN),
        ("DELETE", "/api/v1/backups/x", Role.ADMIN),
    ],
)
def test_who_may_have_what(office: PageOffice, method: str, path: str, role: Role) -> None:
    need = office.app.needed(method, path)
    assert need is not None
    assert need.role is role


def test_a_backup_is_made_listed_downloaded_and_deleted(tmp_path: Path) -> None:
    with PageOffice(tmp_path) as office:
        (tmp_path / "site" / "site.yaml").write_text(SITE)
        desk = office.parts.system
        made = office.run(desk.back_up(False, "anna"))
        path = office.run(desk.backup(made.name))
        assert path is not None
        assert manifest_of(path).site == office.scene.site.name
        with tarfile.open(path) as tar, closing(sqlite3.connect(":memory:")) as raw:
            database = tar.extractfile("database/ems.sqlite3")
            assert database is not None
            raw.deserialize(database.read())
            assert raw.execute("SELECT count(*) FROM audit").fetchone() is not None
        assert [one.name for one in office.run(desk.backups())] == [made.name]
        assert office.run(desk.forget(made.name, "anna"))
        assert not office.run(desk.forget(made.name, "anna"))
        assert "BackupForgotten" in office.page("/audit.csv").text


@pytest.mark.parametrize("name", ["..%2Flock", "ems-backup-x.tar.gz", "%2Fetc%2Fpasswd"])
def test_without_being_an_administrator_nothing_is_downloaded(office: PageOffice, name: str) -> None:
    assert office.page(f"/api/v1/backups/{name}").status_code in {401, 403, 404}


def test_the_support_bundle_tells_no_secret_no_tag_and_no_name(office: PageOffice) -> None:
    office.told("PUT", "/people/ada", {"name": "Ada Lovelace"})
    office.told("PUT", "/tags/04A1B2C3", {"person": "ada"})
    logging.getLogger("ems.adapters.ocpp.x").warning("refused id_tag='04A1B2C3' url=http://me:hunter2@x/")
    packed = office.run(office.parts.system.support_bundle("ina"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        files = {one.name: (tar.extractfile(one) or io.BytesIO()).read().decode() for one in tar}
    assert set(files) == {
        f"ems-support/{name}" for name in ("about.json", "log.txt", "audit.json", "state.json", "site/site.yaml")
    }
    whole = "\n".join(files.values())
    for secret in ("hunter2", "04A1B2C3", "Ada", "abcdef"):
        assert secret not in whole, secret
    assert "# how the depot is built" in whole
    assert json.loads(files["ems-support/about.json"])["parts"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password: hunter2", "password: •••"),
        ("  password_file: secrets/cp-01  # a file", "  password_file: secrets/cp-01  # a file"),
        ("CP: {token: abc, circuit: grid}", "CP: {token: •••, circuit: grid}"),
        ("- url: http://me:pw@host/x", "- url: http://•••@host/x"),
        ('  back: {url: "https://x.example/in?key=abc&n=1", events: [alarm]}',
         '  back: {url: "https://x.example/in?•••", events: [alarm]}'),
        ("url: https://hooks.example/services/T02A/B07/q9Zr4tKw82mVx1LpYc6sDa3E",
         "url: https://hooks.example/services/T02A/B07/•••"),
        ("versions_url: https://msp.example/ocpi/2.2.1/versions", "versions_url: https://msp.example/ocpi/2.2.1/versions"),
        ("margin_a: 5", "margin_a: 5"),
        ("voltage_v: 230", "voltage_v: 230"),
    ],
)  # fmt: skip
def test_files_are_masked_line_by_line(line: str, shown: str) -> None:
    assert masked_yaml(line) == shown + "\n"


def test_values_are_masked_by_their_keys() -> None:
    told = {"id_tag": "04A1", "voltage_v": 230, "stage": 1, "holder": {"person": "ada"}, "tags": [], "name": "Ada"}
    assert masked(told) == {
        "id_tag": "•••", "voltage_v": 230, "stage": 1, "holder": "•••", "tags": [], "name": "•••",
    }  # fmt: skip
    assert masked_text("a" * 40) == "•••"


def test_times_of_lines_are_those_of_the_log() -> None:
    recent = RecentLog()
    record = logging.LogRecord("ems.x", logging.ERROR, "", 0, "x", (), None)
    recent.handle(record)
    assert recent.lines[0].at == datetime.fromtimestamp(record.created, UTC)
