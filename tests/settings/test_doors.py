"""Who may charge where: the site says it, a station otherwise, an EVSE otherwise again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ems.domain.access.book import AccessMode, Doors
from ems.settings.load import load
from ems.settings.revision import load_or_last_good, reload
from tests.settings.folder import GOOD, replaced, site_folder

SECOND = ", 2: {max_a: 32, phases: L1 L2 L3, access: free}}"
TWO = replaced(("evses: {1: {max_a: 32, phases: L1 L2 L3}}", f"evses: {{1: {{max_a: 32, phases: L1 L2 L3}}{SECOND}"))
CLOSED = TWO.replace("fallback_a: 6,", "fallback_a: 6, access: tags,")


def doors(folder: Path, text: str) -> Doors:
    loaded = load(site_folder(folder / "site", text))
    assert loaded.settings is not None, loaded.findings
    return loaded.settings.doors


def test_everybody_may_charge_where_nothing_is_said(tmp_path: Path) -> None:
    told = doors(tmp_path, GOOD)
    assert (told.mode_of("CP-01/1"), told.free_tag, told.claim) == (AccessMode.FREE, "", timedelta(minutes=10))
    assert told.zone.key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (TWO, "free", "free"),
        (CLOSED, "tags", "free"),
        (TWO + "access: {mode: tags, claim_min: 5}\n", "tags", "free"),
        (TWO.replace("access: free", "access: tags") + "access: {mode: free}\n", "free", "tags"),
    ],
)
def test_an_evse_says_more_than_its_station_and_that_more_than_the_site(
    tmp_path: Path, text: str, first: str, second: str
) -> None:
    told = doors(tmp_path, text)
    assert (told.mode_of("CP-01/1"), told.mode_of("CP-01/2")) == (first, second)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("access: {mode: everybody}", "mode"),
        ("access: {modus: tags}", "did you mean 'mode'"),
        ("access: {free_tag: 'AAAAAAAAAAAAAAAAAAAAA'}", "is not a tag"),
        ("access: {claim_min: 0}", "claim_min"),
        ("access: tags", "access"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path: Path, text: str, words: str) -> None:
    loaded = load(site_folder(tmp_path / "site", f"{GOOD}{text}\n"))
    assert loaded.settings is None
    assert any(words in str(finding) + finding.remedy for finding in loaded.findings), loaded.findings


def test_a_tag_for_free_evses_where_there_are_none_is_doubted(tmp_path: Path) -> None:
    loaded = load(site_folder(tmp_path / "site", GOOD + "access: {mode: tags, free_tag: FREE}\n"))
    assert loaded.settings is not None
    assert [str(finding).partition(" ")[2] for finding in loaded.findings if "free_tag" in str(finding)] != []


def test_who_may_charge_changes_with_a_reload(tmp_path: Path) -> None:
    site, state = site_folder(tmp_path / "site", TWO), tmp_path / "state"
    running = load_or_last_good(site, state).settings
    assert running is not None
    (site / "site.yaml").write_text(CLOSED + "access: {free_tag: FREE}\n")
    again = reload(site, running, state)
    assert (again.settings.doors.mode_of("CP-01/1"), again.settings.doors.free_tag) == (AccessMode.TAGS, "FREE")
    assert {line.text for line in again.differences} == {"access: CP-01/1 free → tags", "access: free_tag  → FREE"}
    assert not any(line.needs_restart for line in again.differences)
