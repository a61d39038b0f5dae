"""`ems report`: a month beside the daemon, on the terminal and in files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from ems.adapters.store.database import Database
from ems.cli.outcome import FINE, WRONG_USE
from tests.adapters.store.test_report_reading import fill
from tests.cli.typed import ems

SITE = """\
site: {name: Yard, timezone: Europe/Berlin}
circuits:
  grid: {rating_a: 63, base_load_max_a: 20}
stations:
  A: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 16, phases: L1 L2 L3}}}
  B: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1}}}
ocpp: {host: 127.0.0.1}
reports: {co2_g_per_kwh: 400}
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with October 2026 in its database."""
    found = tmp_path_factory.mktemp("yard")
    (found / "site.yaml").write_text(SITE)
    (found / "state").mkdir()
    fill(Database(found / "state" / "ems.sqlite3"))
    return found


@pytest.fixture
def folder(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where commands look for it."""
    monkeypatch.setenv("EMS_STATE_DIR", str(filled / "state"))
    return filled


def test_key_figures_are_printed(folder: Path) -> None:
    said = ems("report", folder, "--month", "2026-10")
    assert said.status == FINE, said.err
    assert said.out.splitlines()[0] == "Yard, 2026-10: Key figures"
    assert "Energy of all vehicles 11.0 kWh" in " ".join(said.out.split())
    assert "- The site has no tariff, so nothing is said of what energy costs." in said.out


def test_co2_goes_by_the_intensity_of_the_grid_where_a_file_tells_it(folder: Path, tmp_path: Path) -> None:
    """100 g/kWh is told from 24 October on; for the 6 kWh of the first of October the fixed 400 g count."""
    here = tmp_path / "green"
    here.mkdir()
    (here / "prices").mkdir()
    (here / "site.yaml").write_text(SITE.replace("co2_g_per_kwh: 400", "co2_g_per_kwh: 400, co2_series: grid-co2"))
    rows = "\n".join(f"2026-10-{day:02}T{hour:02}:00Z;100" for day in range(24, 32) for hour in range(24))
    (here / "prices" / "grid-co2.csv").write_text(f"start;intensity_g_kwh\n{rows}\n")
    said = ems("report", here, "--month", "2026-10")
    assert said.status == FINE, said.err
    text = " ".join(said.out.split())
    assert "CO₂ of that energy 2.9 kg" in text
    assert "CO₂: the intensity is not known for 554 h of 745 h: 400 g counted there." in text


def test_one_sheet_is_printed(folder: Path) -> None:
    said = ems("report", folder, "--first", "2026-10-25", "--sheet", "days")
    assert said.out.splitlines()[0] == "Yard, 2026-10-25: Days"
    assert "Sun 2026-10-25 25 1 3.00" in " ".join(said.out.split())


def test_it_is_written_into_files(folder: Path, tmp_path: Path) -> None:
    month = ("report", folder, "--month", "2026-10", "--out")
    pdf, told, sheet = (tmp_path / name for name in ("r.pdf", "r.json", "r.csv"))
    assert ems(*month, pdf).status == ems(*month, told).status == FINE
    assert ems(*month, sheet, "--sheet", "cost-centres").status == FINE
    assert "11.0 kWh" in PdfReader(pdf).pages[0].extract_text()
    assert json.loads(told.read_text())["sheets"][0]["rows"][1]["value"] == 11.0
    rows = list(csv.DictReader(sheet.read_text().splitlines()))
    assert {row["cost_centre"]: row["energy_kwh"] for row in rows} == {"4000": "8.0", "5000": "3.0"}
    printed = ems("report", folder, "--month", "2026-10", "--json").data
    assert printed["sheets"] == json.loads(told.read_text())["sheets"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--month", "October"), "'October' is no month"),
        (("--month", "2026-10", "--first", "2026-10-01"), "not both"),
        (("--first", "1.10.2026"), "write days as 2026-10-31"),
        (("--last", "2026-10-01"), "--last needs --first"),
        (("--first", "2026-10-02", "--last", "2026-10-01"), "before it begins"),
        (("--sheet", "everything"), "there are: figures, cost-centres"),
        (("--out", "report.docx"), "ends in .pdf, .json or .csv"),
        (("--out", "report.csv"), "add --sheet"),
        (("--out", "report.pdf", "--sheet", "days"), "leave --sheet out"),
        (("--out", "/nowhere/at/all.pdf"), "cannot be written"),
    ],
)
def test_what_cannot_be_meant_is_said(folder: Path, words: tuple[str, ...], said: str) -> None:
    found = ems("report", folder, *words)
    assert found.status == WRONG_USE
    assert said in found.err


def test_without_a_database_it_says_so(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMS_STATE_DIR", str(tmp_path))
    found = ems("report", folder)
    assert found.status == WRONG_USE
    assert "nothing has been recorded yet" in found.err
