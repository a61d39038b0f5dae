"""Commands on the files of a site: check, password."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ems.settings.password import PasswordHash
from ems.settings.places import config_folder
from tests.assembly.installation import PATIENT, Installation
from tests.cli.typed import ems


def test_a_good_site_is_shown_as_it_is_understood(site: Installation) -> None:
    site.write(PATIENT)
    ended = ems("check", site.folder)
    assert (ended.status, ended.err) == (0, "")
    assert "grid" in ended.out
    assert "CP-01/1  L1 L2 L3  auto" in ended.out
    assert ended.out.endswith("0 errors, 0 warnings\n\n")


def test_every_finding_of_a_bad_site_is_told_with_line_and_remedy(site: Installation) -> None:
    site.write(("circuit: grid, fallback_a: 6", "circuit: gird, fallback_a: 6"), ("rating_a: 63", "rating_kw: 63"))
    ended = ems("check", site.folder)
    assert ended.status == 1
    assert f"{site.file}:3: error: " in ended.out
    assert f"{site.file}:7: error: the circuit 'gird' of station 'CP-01' does not exist" in ended.out
    assert "did you mean" in ended.out
    told = ems("check", site.folder, "--json")
    assert (told.status, told.data["fine"], told.data["site"]) == (1, False, None)
    assert {finding["line"] for finding in told.data["findings"]} >= {3, 7, 8}


def test_a_site_that_is_not_there_is_wrong_use_and_no_finding(site: Installation) -> None:
    ended = ems("check", "nowhere")
    assert (ended.status, ended.out) == (2, "")
    assert "nowhere/site.yaml: No such file or directory" in ended.err
    assert "caltech, demo" in ended.err, "the names that would be understood"


def test_a_meter_model_that_cannot_be_used_is_found_before_the_start(site: Installation) -> None:
    (site.folder / "meters").mkdir()
    (site.folder / "meters" / "own.yaml").write_text("vendor: Nobody\n")
    site.write(("eastron-sdm630", "own"))
    ended = ems("check", site.folder)
    assert ended.status == 1
    assert f"{site.folder}/meters/own.yaml:1: error: word_order: needs one of big, little" in ended.out
    assert "    correct the model 'own'; those in " in ended.out


def test_a_meter_model_is_checked_beside_everything_else_and_with_its_lines(site: Installation) -> None:
    shipped = (config_folder() / "meters" / "eastron-sdm630.yaml").read_text()
    (site.folder / "meters").mkdir()
    (site.folder / "meters" / "own.yaml").write_text(
        shipped.replace("current_l2: [8,", "current_l2: [-8,").replace("function_code: 4", "function_cod: 4")
    )
    site.write(("eastron-sdm630", "own"), ("rating_a: 63", "rating_kw: 63"))
    told = ems("check", site.folder, "--json").data["findings"]
    lines = shipped.splitlines()
    assert {(Path(f["path"]).name, f["line"], f["message"].partition(":")[0]) for f in told} >= {
        ("own.yaml", 1 + next(i for i, x in enumerate(lines) if "current_l2:" in x), "points.current_l2"),
        ("own.yaml", 1 + next(i for i, x in enumerate(lines) if "function_code:" in x), "unknown key 'function_cod'"),
        ("site.yaml", 3, "unknown key 'rating_kw'"),
    }


def test_a_start_with_a_broken_meter_model_and_nothing_to_fall_back_to_names_it(site: Installation) -> None:
    (site.folder / "meters").mkdir()
    (site.folder / "meters" / "own.yaml").write_text("vendor: Nobody\n")
    site.write(("eastron-sdm630", "own"))
    ended = ems("run", site.folder)
    assert (ended.status, ended.out) == (2, "")
    assert f"{site.folder}/meters/own.yaml:1: error: word_order: needs one of big, little" in ended.err
    assert f"ems run: site {site.folder} has errors; `ems check {site.folder}` shows them" in ended.err


@pytest.mark.parametrize("name", ["demo", "caltech"])
def test_shipped_sites_are_known_by_name_and_without_an_error(name: str) -> None:
    ended = ems("check", name)
    assert ended.status == 0
    assert "0 errors" in ended.out


def test_whoever_copies_the_demo_is_warned_that_it_is_too_quick_for_a_real_site() -> None:
    """Its cars are to fill the hall within half a minute."""
    ended = ems("check", "demo")
    assert "warning: raise_hold_s is 3 s, but stations tell only every 10 s what they draw (HALL-1, " in ended.out
    assert "    write raise_hold_s: 10 in policy, or more\n" in ended.out
    assert ended.out.endswith("0 errors, 1 warning\n\n")


def test_what_differs_from_the_running_revision_is_shown(site: Installation) -> None:
    from ems.settings.revision import load_or_last_good  # noqa: PLC0415 - as a start does it

    load_or_last_good(site.folder, site.state)
    site.write(("rating_a: 63", "rating_a: 80"))
    assert "circuit grid: rating_a 63 → 80 (needs a restart)" in ems("check", site.folder).out


def test_a_password_is_printed_once_and_kept_as_a_hash(site: Installation) -> None:
    """What is printed can be pasted into the site file, and what is kept lets the station in."""
    file = site.folder / "secrets" / "cp-01"
    ended = ems("password", file)
    assert (ended.status, ended.err) == (0, "")
    secret = ended.out.splitlines()[0].split()[-1]
    assert ended.out.splitlines()[1].split(":", 1)[1].strip() == "password_file: secrets/cp-01"
    kept = file.read_text()
    assert secret not in kept
    assert PasswordHash.parse(kept.strip()).verify(secret)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    site.write(PATIENT, ("CP-01: {circuit: grid,", "CP-01: {circuit: grid, password_file: secrets/cp-01,"))
    assert ems("check", site.folder).out.endswith("0 errors, 0 warnings\n\n")


def test_a_password_file_that_exists_is_left_alone(site: Installation) -> None:
    file = site.folder / "cp-01"
    file.write_text("another one")
    ended = ems("password", file)
    assert ended.status == 2
    assert f"{file} exists already and is not overwritten" in ended.err
    assert (ended.out, file.read_text()) == ("", "another one")


def test_a_password_file_away_from_any_site_is_named_as_it_was(tmp_path: Path) -> None:
    assert "password_file: here/cp-01" in ems("password", "here/cp-01").out


def test_an_empty_site_is_made_once_and_passes_its_check(tmp_path: Path) -> None:
    folder = tmp_path / "depot"
    assert ems("init", folder, "--name", "Depot: North", "--timezone", "Europe/Berlin").status == 0
    checked = ems("check", folder)
    assert checked.status == 0
    assert "Depot: North: 1 circuit, 0 EVSEs" in checked.out
    again = ems("init", folder)
    assert again.status == 2
    assert "is not overwritten" in again.err


@pytest.mark.parametrize(
    ("words", "why"),
    [(("--timezone", "Mars/Base"), "'Mars/Base' is not a time zone"), (("--rating", "-3"), "rating_a: -3 is negative")],
)
def test_an_empty_site_is_not_made_from_nonsense(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    refused = ems("init", tmp_path / "depot", *words)
    assert refused.status == 2
    assert why in refused.err
    assert not (tmp_path / "depot").exists()
