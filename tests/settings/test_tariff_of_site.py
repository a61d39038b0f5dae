"""The tariff as part of a site: in its settings, its findings, its report, its reload and its last good copy."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from ems.domain.recurrence import Holidays
from ems.settings.document import parse
from ems.settings.edit import edited
from ems.settings.load import load
from ems.settings.places import config_folder
from ems.settings.report import check, render_json, render_text
from ems.settings.revision import load_or_last_good, reload
from ems.settings.tariff_move import edits_into_site
from tests.settings.folder import GOOD, replaced, site_folder

SITE = GOOD + "tariff: {file: tariff.yaml}\n"
TARIFF = "name: fixed\nenergy: {supply: {per_kwh: 0.31}}\n"
TARIFFS = config_folder() / "tariffs"
DEAR = TARIFF.replace("0.31", "31")


def test_it_has_the_currency_and_the_clock_of_the_site(tmp_path: Path) -> None:
    site = SITE.replace("Europe/Berlin", "America/New_York").replace("EUR", "USD")
    settings = load(site_folder(tmp_path, site, tariff_yaml=TARIFF)).settings
    assert settings is not None
    assert settings.tariff is not None
    assert (settings.tariff.currency, settings.tariff.timezone) == ("USD", "America/New_York")
    assert settings.tariff_file == tmp_path / "tariff.yaml"


def test_the_holidays_of_the_site_count_for_it_and_its_own_for_nothing_else(tmp_path: Path) -> None:
    site = SITE + "calendar: {holidays: [12-25, 2026-04-03]}\n"
    settings = load(site_folder(tmp_path, site, tariff_yaml=TARIFF + "holidays: [2026-12-24]\n")).settings
    assert settings is not None
    assert settings.tariff is not None
    ours = Holidays(frozenset({date(2026, 4, 3)}), frozenset({(12, 25)}))
    assert settings.site.holidays == ours
    assert settings.tariff.holidays == ours.also(Holidays(frozenset({date(2026, 12, 24)})))


HERE = "tariff:\n  name: fixed\n  energy:\n    supply: {per_kwh: 0.31}\n"


def test_the_section_can_say_it_itself_as_the_file_would(tmp_path: Path) -> None:
    there = load(site_folder(tmp_path / "a", SITE, tariff_yaml=TARIFF)).settings
    here = load(site_folder(tmp_path / "b", GOOD + HERE)).settings
    assert there is not None
    assert here is not None
    assert (here.tariff, here.tariff_file) == (there.tariff, None)


WRONG_HERE = {
    "cents": (HERE.replace("0.31", "31"), "16: 31 EUR for a kilowatt-hour is not plausible"),
    "a key that is none": (HERE + "  vat: 19\n", "17: unknown key 'vat': did you mean 'vat_pct'?"),
    "a slip in an entry": (HERE.replace("per_kwh", "per_kwhh"), "16: unknown key 'per_kwhh': did you mean 'per_kwh'?"),
    "no energy": ("tariff: {name: fixed}\n", "13: energy is missing"),
    "nothing": ("tariff: {}\n", "13: energy is missing"),
    "a file as well": (HERE + "  file: tariff.yaml\n", "17: the tariff stands in a file and here"),
}


@pytest.mark.parametrize("name", sorted(WRONG_HERE))
def test_its_mistakes_in_the_section_are_told_at_their_lines(tmp_path: Path, name: str) -> None:
    text, wanted = WRONG_HERE[name]
    loaded = load(site_folder(tmp_path, GOOD + text, tariff_yaml=TARIFF))
    assert loaded.settings is None
    assert wanted in [f"{finding.line}: {finding.message}" for finding in loaded.findings]


@pytest.mark.parametrize("name", sorted(path.name for path in TARIFFS.glob("*.yaml")))
def test_moved_into_the_site_file_it_says_the_same(tmp_path: Path, name: str) -> None:
    content = (TARIFFS / name).read_text(encoding="utf-8")
    told, _ = parse(content.encode(), Path("tariff.yaml"))
    assert told is not None
    site = SITE.replace("EUR", told.data.get("currency", "EUR"))
    there = load(site_folder(tmp_path / "a", site, tariff_yaml=content))
    here = load(site_folder(tmp_path / "b", edited(site, edits_into_site(told.data))))
    assert there.settings is not None, there.findings
    assert here.settings is not None, here.findings
    assert here.settings.tariff == there.settings.tariff
    assert here.settings.tariff_file is None


def test_a_site_without_one_has_none(tmp_path: Path) -> None:
    settings = load(site_folder(tmp_path)).settings
    assert settings is not None
    assert (settings.tariff, settings.tariff_file) == (None, None)


def test_its_mistakes_are_told_with_those_of_the_site_at_their_own_lines(tmp_path: Path) -> None:
    site = replaced(("parent: grid", "parent: gird")) + "tariff: {file: tariff.yaml}\n"
    loaded = load(site_folder(tmp_path, site, tariff_yaml=DEAR))
    assert loaded.settings is None
    assert [f"{finding.path.name}:{finding.line}" for finding in loaded.findings] == ["site.yaml:4", "tariff.yaml:2"]


def test_a_check_tells_it_on_one_line(tmp_path: Path) -> None:
    result = check(site_folder(tmp_path, SITE, tariff_yaml=TARIFF))
    assert "pays by fixed: energy by supply 0.31\n" in render_text(result)
    assert json.loads(render_json(result))["site"]["tariff"] == "fixed: energy by supply 0.31"


def test_a_reload_takes_a_changed_tariff_at_once_and_refuses_a_broken_one(tmp_path: Path) -> None:
    folder, state = site_folder(tmp_path / "site", SITE, tariff_yaml=TARIFF), tmp_path / "state"
    running = load_or_last_good(folder, state).settings
    assert running is not None
    (folder / "tariff.yaml").write_text(TARIFF.replace("0.31", "0.29"))
    cheaper = reload(folder, running, state)
    assert [str(difference) for difference in cheaper.differences] == [
        "tariff: what fixed says has changed (takes effect at once)"
    ]
    assert cheaper.settings.tariff is not None
    assert cheaper.settings.tariff.energy[0].prices[0].per_kwh == 0.29
    (folder / "tariff.yaml").write_text(DEAR)
    broken = reload(folder, cheaper.settings, state)
    assert broken.refused
    assert broken.settings.tariff == cheaper.settings.tariff


def test_a_broken_tariff_at_start_runs_the_last_good_one(tmp_path: Path) -> None:
    folder, state = site_folder(tmp_path / "site", SITE, tariff_yaml=TARIFF), tmp_path / "state"
    before = load_or_last_good(folder, state).settings
    (folder / "tariff.yaml").write_text(DEAR)
    started = load_or_last_good(folder, state)
    assert started.is_last_good
    assert started.settings is not None
    assert before is not None
    assert started.settings.tariff == before.tariff
